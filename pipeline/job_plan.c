/* ffgan: a job that is done in chunks: making its plan.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/cpu.h>

#include "pipeline/exit.h"
#include "pipeline/path_json.h"
#include "pipeline/job_plan.h"
#include "pipeline/run.h"
#include "pipeline/temporal.h"
#include "pipeline/util.h"

enum { LEAST_CHUNK = 240, MOST_CHUNK = 2400 };

int64_t fg_job_plan_chunk_length(int w, int h)
{
    const int64_t n = INT64_C(500000000) / ((int64_t)w * h + 1);
    return n < LEAST_CHUNK ? LEAST_CHUNK : n > MOST_CHUNK ? MOST_CHUNK : n;
}

int64_t fg_job_plan_first(const FgJobPlan *p, int64_t k)
{
    return k < p->nb_chunks ? k * p->chunk : fg_index_out(&p->index).nb;
}

void fg_job_plan_feed(const FgJobPlan *p, int64_t k, int64_t *from, int64_t *to)
{
    *from = fg_job_plan_first(p, k) - p->past;
    *to = fg_job_plan_first(p, k + 1) + p->future;
    if (p->feed) {
        *from = p->feed[2 * k];
        *to = p->feed[2 * k + 1];
    }
    *from = *from > 0 ? *from : 0;
    *to = *to < p->index.nb ? *to : p->index.nb;
}

char *fg_job_plan_file(const FgJobPlan *p, int64_t k, const char *suffix)
{
    return fg_format("%s/chunk-%05lld%s", p->folder, (long long)k, suffix);
}

char *fg_job_folder(const char *output)
{
    return fg_format("%s.ffgan", output);
}

/* Rates need a look at the whole film. */
static const char *rate_option(const FgPreset *p)
{
    static const char *const keys[] = {"b",       "minrate", "maxrate",
                                       "bufsize", "flags",   "pass"};
    for (int i = 0; i < p->nb_codec_opts; i++)
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
            if (!strcmp(p->codec_opts[i].key, keys[k]) &&
                (k != 4 || strstr(p->codec_opts[i].value, "pass")))
                return p->codec_opts[i].key;
    return NULL;
}

/* What was asked for takes the place of what the filters declare. */
static void take_overlap(FgJobPlan *p, FgSupport *s, int overlap)
{
    for (int i = 0; i < s->nb_steps && overlap >= 0; i++)
        s->step[i].past = s->step[i].future = i ? 0 : overlap;
    p->past = overlap >= 0 ? overlap : s->past;
    p->future = overlap >= 0 ? overlap : s->future;
}

/* 1 + why: the frames of this chain cannot be made in parts. */
static int check_chain(FgJobPlan *p, FgSupport *s, const FgJobPlanOptions *o,
                       FgError *err)
{
    const FgPreset *const preset = p->job.preset;
    if (fg_chain_support(s, preset->graph, err) < 0)
        return FG_EXIT_CONFIG;
    take_overlap(p, s, o->overlap);
    p->allow_seams = o->allow_seams;
    if (*s->unknown && !o->allow_seams) {
        fg_error(err, 0,
                 "preset '%s': filter %s remembers what came before, or is not "
                 "known to depend on near frames only",
                 preset->name, s->unknown);
        return 1;
    }
    const char *const key = rate_option(preset);
    if (key && !o->allow_seams) {
        fg_error(err, 0,
                 "preset '%s': the encoder's '%s' is a rate over the whole "
                 "film",
                 preset->name, key);
        return 1;
    }
    return 0;
}

/* Absolute, through links; a pattern's folder. */
static char *absolute(const char *path, int exists)
{
    char *const whole = exists ? realpath(path, NULL) : NULL;
    if (whole)
        return whole;
    char *const dir = fg_path_dir(path);
    char *const real = dir ? realpath(dir, NULL) : NULL;
    char *const out = real ? fg_format("%s/%s", strcmp(real, "/") ? real : "",
                                       fg_path_base(path))
                           : strdup(path);
    free(dir);
    free(real);
    return out;
}

static int take_job(FgJobPlan *p, FgJob *job)
{
    p->job = *job;
    p->input = job->make_nb ? strdup(job->input) : absolute(job->input, 1);
    *job = (FgJob){0};
    char *const output = absolute(p->job.output, 0);
    if (output) {
        free(p->job.output);
        p->job.output = output;
        p->folder = fg_job_folder(output);
    }
    p->job.input = p->input;
    if (!p->job.encoder_threads)
        p->job.encoder_threads = p->job.threads ? p->job.threads
                                                : av_cpu_count();
    return p->input && output && p->folder ? 0 : -ENOMEM;
}

static int list_frames(FgJobPlan *p, const FgSupport *s, FgReport *report,
                       FgError *err)
{
    FgRun run = {.job = &p->job, .report = report};
    const int ret = fg_run_index(&run, &p->index);
    if (ret)
        fg_error(err, 0, "%s", run.err.text);
    fg_run_free(&run);
    if (ret || s->nb_rates || fabs(p->index.ratio - 1) < 1e-6)
        return ret;
    fg_error(err, 0, "preset '%s': its chain changes the number of frames",
             p->job.preset->name);
    return 1;
}

/* The frames that come out, into the index. */
static int take_rates(FgJobPlan *p, FgRates *r, const FgSupport *s,
                      FgError *err)
{
    FgError why = {{0}};
    int ret = fg_rates_make(r, s, &p->index, &why);
    if (ret)
        fg_error(err, 0, "preset '%s': %s", p->job.preset->name, why.text);
    if (ret)
        return ret < 0 ? FG_EXIT_RETRY : 1;
    FgTrack *const out = &r->track[s->nb_steps];
    if (av_cmp_q(out->tb, p->index.out.tb)) {
        fg_error(err, 0, "preset '%s': its chain changes the clock",
                 p->job.preset->name);
        return 1;
    }
    for (int64_t i = 0; i < out->nb; i++)
        if (fg_track_add(&p->index.out, out->pts[i]) < 0)
            return FG_EXIT_RETRY;
    return 0;
}

/* What each chunk is made from. 1: too much is done twice. */
static int take_feed(FgJobPlan *p, const FgRates *r, FgError *err)
{
    int64_t all = 0;
    p->feed = calloc(2 * (size_t)p->nb_chunks, sizeof(*p->feed));
    if (!p->feed) {
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    for (int64_t k = 0; k < p->nb_chunks; k++) {
        fg_rates_feed(r, fg_job_plan_first(p, k), fg_job_plan_first(p, k + 1),
                      &p->feed[2 * k], &p->feed[2 * k + 1]);
        all += p->feed[2 * k + 1] - p->feed[2 * k];
    }
    if (all / 2 <= p->index.nb + 64 * p->nb_chunks)
        return 0;
    fg_error(err, 0,
             "preset '%s': its chain can begin at few frames only, so that "
             "most would be made twice",
             p->job.preset->name);
    return 1;
}

static void make_id(FgJobPlan *p)
{
    json_t *const all = json_pack(
        "{s:O,s:o,s:I,s:i,s:i,s:i}", "identity", p->identity, "index",
        fg_index_to_json(&p->index), "chunk", (json_int_t)p->chunk, "past",
        p->past, "future", p->future, "threads", p->job.encoder_threads);
    char *const s = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
    if (s)
        fg_hash_text(XXH3_128bits(s, strlen(s)), p->id);
    free(s);
    json_decref(all);
}

/* 1 + why: only our own source can begin anywhere. */
static int check_source(const FgJob *job, FgError *err)
{
    if (!job->make_nb || !strncmp(job->preset->chain, "gansrc", 6))
        return 0;
    fg_error(err, 0, "preset '%s': its chain does not start with gansrc",
             job->preset->name);
    return 1;
}

static void choose_chunks(FgJobPlan *p, const FgJobPlanOptions *o)
{
    const int64_t nb = fg_index_out(&p->index).nb;
    p->chunk = o->chunk
                   ? o->chunk
                   : fg_job_plan_chunk_length(p->index.w / 2, p->index.h / 2);
    /* Each chunk of those is decoded from the start: not too many. */
    const int64_t least = p->index.seekable ? 0 : nb / 4 + 1;
    if (!o->chunk && p->chunk < least)
        p->chunk = least;
    p->nb_chunks = (nb + p->chunk - 1) / p->chunk;
}

/* The frames and the chunks; s and r are the caller's to free. */
static int make_parts(FgJobPlan *p, FgSupport *s, FgRates *r,
                      const FgJobPlanOptions *o, FgReport *report, FgError *err)
{
    int ret = check_source(&p->job, err);
    if (!ret)
        ret = check_chain(p, s, o, err);
    if (ret)
        return ret;
    p->identity = fg_job_identity(&p->job, &ret, err);
    if (!ret)
        ret = list_frames(p, s, report, err);
    if (!ret && s->nb_rates)
        ret = take_rates(p, r, s, err);
    if (ret)
        return ret;
    choose_chunks(p, o);
    return s->nb_rates ? take_feed(p, r, err) : 0;
}

static int make(FgJobPlan *p, const FgJobPlanOptions *o, FgReport *report,
                FgError *err)
{
    FgSupport s = {0};
    FgRates *const r = calloc(1, sizeof(*r));
    int ret = r ? make_parts(p, &s, r, o, report, err) : -ENOMEM;
    if (r)
        fg_rates_free(r);
    free(r);
    fg_support_free(&s);
    if (!ret)
        make_id(p);
    if (ret > 0 || (!ret && *p->id))
        return ret;
    fg_error(err, 0, "no memory");
    return FG_EXIT_RETRY;
}

int fg_job_plan_make(FgJobPlan **out, FgJob *job, const FgJobPlanOptions *o,
                     FgReport *report, FgError *err)
{
    FgJobPlan *p = calloc(1, sizeof(*p));
    const char *const input = job->input;
    *out = NULL;
    if (!p || take_job(p, job) < 0) {
        fg_job_plan_free(&p);
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    const int ret = make(p, o, report, err);
    if (ret == 1) { /* the job can still be done in one piece */
        *job = p->job;
        job->input = input;
        p->job = (FgJob){0};
    }
    if (ret)
        fg_job_plan_free(&p);
    *out = p;
    return ret;
}

void fg_job_plan_free(FgJobPlan **pp)
{
    FgJobPlan *const p = pp ? *pp : NULL;
    if (!p)
        return;
    fg_job_free(&p->job);
    fg_index_free(&p->index);
    json_decref(p->identity);
    free(p->feed);
    free(p->input);
    free(p->folder);
    free(p);
    *pp = NULL;
}

/* What must go last: a folder without a plan is nobody's, and one with
 * joined.json belongs to an output that is whole. */
static int goes_last(const char *name)
{
    return !strcmp(name, "job.json") || !strcmp(name, "joined.json") ||
           !strcmp(name, ".") || !strcmp(name, "..");
}

/* Folders in the job's folder (attempts, farm) hold files only. */
static int remove_folder(int dir, const char *name)
{
    const int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *const d = fd >= 0 ? fdopendir(fd) : NULL;
    int ret = d ? 0 : -errno;
    if (!d && fd >= 0)
        close(fd);
    for (struct dirent *e; d && !ret && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            unlinkat(fd, e->d_name, 0) < 0 && errno != ENOENT)
            ret = -errno;
    if (d)
        closedir(d);
    return !ret && unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT
               ? -errno
               : ret;
}

static int remove_in(int dir, const char *name)
{
    struct stat st;
    if (!fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode))
        return remove_folder(dir, name);
    return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int fg_job_plan_remove(const char *folder, FgError *err)
{
    DIR *const d = opendir(folder);
    int ret = d ? 0 : errno == ENOENT ? 0 : -errno;
    for (struct dirent *e; d && !ret && (e = readdir(d));)
        if (!goes_last(e->d_name))
            ret = remove_in(dirfd(d), e->d_name);
    if (d && !ret)
        ret = remove_in(dirfd(d), "job.json");
    if (d && !ret)
        ret = remove_in(dirfd(d), "joined.json");
    if (d)
        closedir(d);
    if (!ret && rmdir(folder) < 0 && errno != ENOENT)
        ret = -errno;
    if (!ret)
        return 0;
    fg_error(err, 0, "%s: cannot be removed: %s", fg_show(folder),
             strerror(-ret));
    return fg_exit_output(ret);
}
