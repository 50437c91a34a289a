/* ffgan: pictures and films out of nothing but a preset: what is left to do.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavfilter/avfilter.h>
#include <libavutil/mem.h>
#include <libavutil/parseutils.h>

#include "kernels/model.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/generate.h"
#include "pipeline/output.h"
#include "pipeline/sequence.h"
#include "pipeline/temporal.h"
#include "pipeline/util.h"

static int no_memory(FgError *err)
{
    fg_error(err, 0, "no memory");
    return FG_EXIT_RETRY;
}

/* ---- what decides about the frames ---- */

static json_t *pairs_json(const FgPair *p, int nb)
{
    json_t *const o = json_object();
    for (int i = 0; o && i < nb; i++)
        json_object_set_new(o, p[i].key, json_string(p[i].value));
    return o;
}

/* SHA-256 of the first filter's model. */
static int model_hash(const FgPreset *p, char hash[65], FgError *err)
{
    const char *at = strstr(p->chain, "model=");
    char name[1024], path[4096];
    FgModel *m = NULL;
    strcpy(hash, "none");
    if (!at)
        return 0;
    at += 6;
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, ":,"), at);
    int ret = fg_model_find(name, path, sizeof(path), err);
    if (ret >= 0)
        ret = fg_model_read(&m, path, err);
    if (ret >= 0)
        memcpy(hash, m->sha256, 65);
    fg_model_free(&m);
    return ret < 0 ? (ret == -ENOENT ? FG_EXIT_NOINPUT : FG_EXIT_DATA) : 0;
}

static int identity_of(const FgGenerate *g, json_t **out, FgError *err)
{
    const FgPreset *const p = g->job.preset;
    char hash[65];
    const int ret = model_hash(p, hash, err);
    if (ret)
        return ret;
    *out = json_pack("{s:s,s:s,s:s,s:s,s:o,s:s}", "chain", g->identity, "model",
                     hash, "codec", p->codec, "pix_fmt", p->pix_fmt, "options",
                     pairs_json(p->codec_opts, p->nb_codec_opts), "version",
                     FG_VERSION);
    return *out ? 0 : no_memory(err);
}

static const char *differs(const json_t *a, const json_t *b)
{
    const char *key;
    const json_t *v;
    json_object_foreach(
        (json_t *)a, key,
        v) if (!json_equal(v, json_object_get(b, key))) return key;
    return NULL;
}

/* ---- what an earlier run left ---- */

typedef struct Left {
    char *folder, *file;
    int there; /* a run of the same command was here */
} Left;

static void left_free(Left *l)
{
    free(l->folder);
    free(l->file);
}

static int left_read(Left *l, const FgGenerate *g, const json_t *id,
                     FgError *err)
{
    json_error_t at;
    json_t *const old = json_load_file(l->file, JSON_REJECT_DUPLICATES, &at);
    const char *const key = old ? differs(id, old) : NULL;
    json_decref(old);
    if (!old || g->engine.fresh)
        return 0;
    if (key) {
        fg_error(err, 0,
                 "%s: an earlier run of other frames is there: '%s' differs; "
                 "--fresh makes all anew",
                 fg_show(l->file), key);
        return FG_EXIT_DATA;
    }
    l->there = 1;
    return 0;
}

static int left_write(const Left *l, const json_t *id, FgError *err)
{
    char *const text = json_dumps(id, JSON_INDENT(1) | JSON_SORT_KEYS);
    int ret = text ? 0 : -ENOMEM;
    if (!ret && mkdir(l->folder, 0777) < 0 && errno != EEXIST)
        ret = -errno;
    if (!ret)
        ret = fg_write_file(l->file, text, strlen(text), 1);
    free(text);
    if (ret)
        fg_error(err, 0, "%s: %s", fg_show(l->file), fg_strerror(ret));
    return ret ? fg_exit_output(ret) : 0;
}

static int left_open(Left *l, const FgGenerate *g, const json_t *id,
                     FgError *err)
{
    l->folder = fg_job_folder(g->job.output);
    l->file = l->folder ? fg_format("%s/generate-%lld-%lld.json", l->folder,
                                    (long long)g->first, (long long)g->last)
                        : NULL;
    if (!l->file)
        return no_memory(err);
    const int ret = left_read(l, g, id, err);
    return ret || l->there ? ret : left_write(l, id, err);
}

static void left_done(const Left *l)
{
    unlink(l->file);
    rmdir(l->folder); /* stays while others have theirs in it */
}

/* ---- runs ---- */

/* What the chain's source says, when it does. */
static void source_rate(const char *chain, AVRational *rate)
{
    AVFilterGraph *graph = avfilter_graph_alloc();
    AVFilterGraphSegment *seg = NULL;
    AVRational own;
    if (graph && avfilter_graph_segment_parse(graph, chain, 0, &seg) >= 0) {
        const AVDictionaryEntry *const e = av_dict_get(
            seg->chains[0]->filters[0]->opts, "rate", NULL, 0);
        if (e && av_parse_video_rate(&own, e->value) >= 0)
            *rate = own;
    }
    avfilter_graph_segment_free(&seg);
    avfilter_graph_free(&graph);
}

static int load_job(FgGenerate *g, FgJob *job, int64_t first, int64_t last,
                    FgError *err)
{
    const int ret = g->load(g->arg, job, first, last, err);
    job->make_first = first;
    job->make_nb = last - first + 1;
    job->make_rate = g->rate;
    job->input = ret ? NULL : job->preset->name;
    if (!ret)
        source_rate(job->preset->chain, &job->make_rate);
    return ret;
}

static int one_run(FgGenerate *g, int64_t first, int64_t last, FgReport *report,
                   FgError *err)
{
    FgJob job = g->job;
    FgRun run = {.job = &job, .report = report};
    job.preset = NULL;
    job.start_number = first;
    int ret = load_job(g, &job, first, last, err);
    if (!ret) {
        ret = fg_run_job(&run);
        if (ret)
            fg_error(err, 0, "%s", run.err.text);
        fg_run_free(&run);
    }
    fg_preset_free(&job.preset);
    return ret;
}

static int is_there(const FgGenerate *g, int64_t n)
{
    char *const path = fg_pattern_name(g->job.output, n);
    const int there = path && !access(path, F_OK);
    free(path);
    return there;
}

/* Every run of frames that are not there. */
static int missing_runs(FgGenerate *g, FgReport *report, FgError *err)
{
    int ret = 0;
    for (int64_t n = g->first; n <= g->last && !ret; n++) {
        int64_t end = n;
        if (is_there(g, n))
            continue;
        while (end < g->last && !is_there(g, end + 1))
            end++;
        ret = one_run(g, n, end, report, err);
        n = end;
    }
    return ret;
}

static int is_alone(const FgPreset *p)
{
    FgSupport s;
    FgError why;
    const int alone = !fg_chain_support(&s, p->chain, &why) && !s.unknown[0] &&
                      !s.past && !s.future && !s.nb_rates;
    fg_support_free(&s);
    return alone;
}

static int pictures(FgGenerate *g, FgReport *report, FgError *err)
{
    json_t *id = NULL;
    Left l = {0};
    int ret = identity_of(g, &id, err);
    if (!ret)
        ret = left_open(&l, g, id, err);
    if (!ret && l.there && is_alone(g->job.preset)) {
        ret = missing_runs(g, report, err);
    } else if (!ret) {
        g->job.overwrite |= l.there;
        ret = one_run(g, g->first, g->last, report, err);
    }
    if (!ret || ret == FG_EXIT_CANTCREAT)
        left_done(&l);
    left_free(&l);
    json_decref(id);
    return ret;
}

/* The job is the engine's, whatever comes out; its input outlives it. */
static int film(FgGenerate *g, FgReport *report, FgError *err)
{
    FgJob job = g->job;
    char *name = NULL;
    job.preset = NULL;
    job.start_number = -1;
    int ret = load_job(g, &job, g->first, g->last, err);
    g->job.output = NULL;
    if (!ret && !(name = strdup(job.input)))
        ret = no_memory(err);
    job.input = name;
    if (!ret)
        ret = fg_engine_run(&g->engine, &job, report, err);
    fg_job_free(&job);
    free(name);
    return ret;
}

int fg_generate_run(FgGenerate *g, FgReport *report, FgError *err)
{
    return g->job.pictures_out ? pictures(g, report, err)
                               : film(g, report, err);
}
