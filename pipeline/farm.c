/* ffgan: chunks of a job on a render farm: submit, retry, cancel.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pipeline/attempt.h"
#include "pipeline/engine.h"
#include "pipeline/exit.h"
#include "pipeline/farm.h"
#include "pipeline/output.h"
#include "pipeline/receipt.h"
#include "pipeline/run.h"

static const FgFarmEngine *const engines[] = {
    &fg_farm_slurm,    &fg_farm_openjd, &fg_farm_k8s,
    &fg_farm_commands, &fg_farm_local,
};
enum { NB_ENGINES = sizeof(engines) / sizeof(engines[0]) };

const FgFarmEngine *fg_farm_engine_at(int i)
{
    return i >= 0 && i < NB_ENGINES ? engines[i] : NULL;
}

const FgFarmEngine *fg_farm_engine(const char *name)
{
    for (int i = 0; i < NB_ENGINES; i++)
        if (!strcmp(engines[i]->name, name))
            return engines[i];
    return NULL;
}

/* ---- the length of a chunk ---- */

typedef struct Speed {
    double fps, load_s;
} Speed;

enum { SAMPLE_FRAMES = 24 };
static const double sample_seconds = 12;

static int measure(const FgJob *asked, FgReport *report, Speed *s, FgError *err)
{
    FgJob job = *asked;
    FgReport muted = *report;
    FgRun run = {.job = &job, .report = &muted};
    const double began = fg_now();
    fg_report_init(&muted, 0, 1);
    muted.muted = 1;
    job.discard = 1;
    job.max_frames = SAMPLE_FRAMES;
    job.max_seconds = sample_seconds;
    const int ret = fg_run_job(&run);
    const double span = run.last_frame_at - run.first_frame_at;
    if (ret)
        fg_error(err, 0, "%s", run.err.text);
    else if (run.filtered > 1 && span > 0)
        *s = (Speed){(double)(run.filtered - 1) / span,
                     run.first_frame_at - began};
    fg_run_free(&run);
    return ret;
}

/* The farm's tasks should take minutes: long against their start, short
 * against what a lost node costs. */
static int choose_chunk(const FgFarm *f, const FgJob *job, FgJobPlanOptions *o,
                        FgReport *report, FgError *err)
{
    Speed s = {0};
    if (!f->chunk_auto || o->chunk)
        return 0;
    const int ret = measure(job, report, &s, err);
    if (ret)
        return ret;
    if (f->node_fps > 0)
        s.fps = f->node_fps;
    if (s.fps <= 0)
        return 0;
    double frames = s.fps * 60 * f->chunk_min;
    if (frames < 10 * s.fps * s.load_s)
        frames = 10 * s.fps * s.load_s;
    o->chunk = frames < 1 ? 1 : frames > 1e8 ? 100000000 : (int64_t)frames;
    if (!report->json)
        printf("%.2f fps and %.1f s to start, %s: %lld frames a chunk, about "
               "%.1f minutes\n",
               s.fps, s.load_s,
               f->node_fps > 0 ? "as --node-fps says" : "measured here",
               (long long)o->chunk, (double)o->chunk / s.fps / 60);
    return 0;
}

/* Frames that are decoded and filtered only for their neighbours. */
static void print_plan(const FgJobPlan *p, const FgReport *report)
{
    const double extra = p->past + p->future;
    if (!report->json)
        printf("%s: %lld frames in %lld chunks of %lld, %.2f %% of the work is "
               "overlap\n",
               fg_show(p->folder), (long long)fg_index_out(&p->index).nb,
               (long long)p->nb_chunks, (long long)p->chunk,
               100 * extra / ((double)p->chunk + extra));
}

/* ---- handing over ---- */

static int64_t *missing(const FgJobPlan *p, int64_t *nb)
{
    int64_t *const k = malloc(sizeof(*k) * (size_t)(p->nb_chunks + 1));
    *nb = 0;
    for (int64_t i = 0; k && i < p->nb_chunks; i++)
        if (!fg_chunk_is_done(p, i))
            k[(*nb)++] = i;
    return k;
}

static int note(const FgFarmTask *t, json_t *all, json_t *ids, FgError *err)
{
    json_t *const one = json_pack("{s:f,s:I,s:O}", "time", (double)time(NULL),
                                  "chunks", (json_int_t)t->nb, "ids", ids);
    json_t *const j = fg_farm_to_json(t->farm);
    char *text = NULL;
    json_array_append_new(all, one);
    if (j && !json_object_set(j, "submitted", all))
        text = json_dumps(j, JSON_INDENT(1));
    char *const path = fg_format("%s/farm.json", t->dir);
    int ret = text && path ? 0 : -ENOMEM;
    if (!ret && mkdir(t->dir, 0777) < 0 && errno != EEXIST)
        ret = -errno;
    if (!ret)
        ret = fg_write_file(path, text, strlen(text), 1);
    if (ret)
        fg_error(err, 0, "%s: cannot write it: %s",
                 fg_show(path ? path : t->dir), strerror(-ret));
    free(path);
    free(text);
    json_decref(j);
    return ret ? fg_exit_output(ret) : 0;
}

static char *own_path(void)
{
    return realpath("/proc/self/exe", NULL);
}

static int hand_over(const FgFarm *f, const FgJobPlan *p, json_t *all,
                     FgReport *report, FgError *err)
{
    int64_t nb = 0, *const k = missing(p, &nb);
    json_t *const ids = json_array();
    FgFarmTask t = {.farm = f,
                    .plan = p,
                    .chunk = k,
                    .nb = nb,
                    .turn = (int)json_array_size(all) + 1,
                    .job = fg_path_to_word(p->folder),
                    .program = f->program ? strdup(f->program) : own_path(),
                    .dir = fg_format("%s/farm", p->folder),
                    .report = report};
    int ret = k && ids && t.job && t.program && t.dir ? 0 : FG_EXIT_RETRY;
    if (ret)
        fg_error(err, 0, "no memory");
    else
        ret = fg_farm_engine(f->engine)->submit(&t, ids, err);
    /* A local run has ended by now, and the folder may be gone. */
    if (!ret && !f->dry_run && !access(p->folder, F_OK))
        ret = note(&t, all, ids, err);
    if (!ret && report->json)
        printf("{\"event\":\"submitted\",\"engine\":\"%s\",\"chunks\":%lld}\n",
               f->engine, (long long)nb);
    json_decref(ids);
    free(t.dir);
    free(t.program);
    free(t.job);
    free(k);
    return ret;
}

/* What was submitted before: an array; NULL + exit code in *ret: not again. */
static json_t *earlier(const FgFarm *f, const char *folder, int *ret,
                       FgError *err)
{
    json_t *const j = fg_farm_read(folder);
    json_t *const all = json_object_get(j, "submitted");
    json_t *const list = json_is_array(all) ? json_deep_copy(all)
                                            : json_array();
    *ret = list ? 0 : FG_EXIT_RETRY;
    if (j && !f->only_missing && !f->dry_run) {
        fg_error(err, 0,
                 "%s: was submitted already; 'ffgan farm status' shows it, "
                 "'ffgan farm retry' or --only-missing submits what is missing",
                 fg_show(folder));
        *ret = FG_EXIT_CANTCREAT;
    }
    json_decref(j);
    if (!*ret)
        return list;
    json_decref(list);
    return NULL;
}

static int has_plan(const char *folder)
{
    char *const path = fg_format("%s/job.json", folder);
    const int there = path && !access(path, F_OK);
    free(path);
    return there;
}

static int get_plan(const FgFarm *f, FgJobPlan **p, FgJob *job,
                    const char *folder, const FgJobPlanOptions *o,
                    FgReport *report, FgError *err)
{
    FgJobPlanOptions own = *o;
    int ret;
    if (has_plan(folder)) {
        ret = fg_job_plan_read(p, folder, err);
        if (!ret)
            ret = fg_job_plan_same(*p, job, err);
        if (!ret && o->chunk && o->chunk != (*p)->chunk) {
            fg_error(err, 0,
                     "%s: was planned with %lld frames a chunk, not %lld; "
                     "remove the folder to start over",
                     fg_show(folder), (long long)(*p)->chunk,
                     (long long)o->chunk);
            ret = FG_EXIT_DATA;
        }
        return ret;
    }
    ret = choose_chunk(f, job, &own, report, err);
    if (!ret)
        ret = fg_job_plan_make(p, job, &own, report, err);
    if (!ret && !f->dry_run)
        ret = fg_job_plan_write(*p, err);
    return ret == 1 ? FG_EXIT_CONFIG : ret;
}

int fg_farm_submit(const FgFarm *f, FgJob *job, const FgJobPlanOptions *o,
                   FgReport *report, FgError *err)
{
    FgJobPlan *p = NULL;
    int ret = fg_job_check(job, err);
    if (ret < 0)
        return 0;
    char *const folder = ret ? NULL : fg_job_folder(job->output);
    if (ret || !folder)
        return ret ? ret : FG_EXIT_RETRY;
    json_t *const all = earlier(f, folder, &ret, err);
    if (!ret)
        ret = get_plan(f, &p, job, folder, o, report, err);
    if (!ret) {
        print_plan(p, report);
        ret = hand_over(f, p, all, report, err);
    }
    json_decref(all);
    fg_job_plan_free(&p);
    free(folder);
    return ret;
}

/* ---- later ---- */

static int read_farm(FgFarm *f, const char *folder, FgError *err)
{
    *f = (FgFarm){.stored = fg_farm_read(folder), .only_missing = 1};
    if (f->stored && !fg_farm_from_json(f, f->stored))
        return 0;
    fg_error(err, 0, "%s: %s", fg_show(folder),
             f->stored ? "farm/farm.json names no engine of ours"
                       : "was not submitted to a farm");
    json_decref(f->stored);
    return FG_EXIT_NOINPUT;
}

int fg_farm_retry(const char *folder, FgReport *report, FgError *err)
{
    FgFarm f;
    FgJobPlan *p = NULL;
    int ret = read_farm(&f, folder, err);
    if (ret)
        return ret;
    json_t *const all = earlier(&f, folder, &ret, err);
    if (!ret)
        ret = fg_job_plan_read(&p, folder, err);
    if (!ret)
        ret = fg_job_plan_check(p, err);
    if (!ret && fg_tries_forget(p->folder, err) < 0)
        ret = FG_EXIT_IO;
    if (!ret)
        ret = hand_over(&f, p, all, report, err);
    json_decref(all);
    fg_job_plan_free(&p);
    json_decref(f.stored);
    return ret;
}

int fg_farm_cancel(const char *folder, FgReport *report, FgError *err)
{
    FgFarm f;
    int ret = read_farm(&f, folder, err);
    if (ret)
        return ret;
    const json_t *const all = json_object_get(f.stored, "submitted");
    const FgFarmEngine *const e = fg_farm_engine(f.engine);
    if (!e->cancel) {
        fg_error(err, 0, "%s: %s does not tell us its jobs: cancel it there",
                 fg_show(folder), f.engine);
        ret = FG_EXIT_DEVICE;
    }
    for (size_t i = 0; i < json_array_size(all) && !ret; i++)
        ret = e->cancel(&f, json_object_get(json_array_get(all, i), "ids"),
                        err);
    if (!ret && !report->quiet)
        printf("%s: cancelled; what is done stays, 'ffgan farm retry' goes "
               "on\n",
               fg_show(folder));
    json_decref(f.stored);
    return ret;
}
