/* ffgan: what must not change between the parts of a job.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libavfilter/avfilter.h>
#include <libavutil/avutil.h>
#include <libavutil/dict.h>

#include "kernels/model.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/path_json.h"
#include "pipeline/job_plan.h"
#include "pipeline/preset_json.h"
#include "pipeline/sequence.h"
#include "pipeline/util.h"

/* Above this only pieces of an input are read, and its date counts too. */
static const int64_t hash_limit = INT64_C(64) << 20;

static int fail_file(const char *path, int ret, FgError *err)
{
    fg_error(err, 0, "%s: %s", fg_show(path), fg_strerror(ret));
    return fg_exit_input(ret);
}

static json_t *file_identity(const char *path, int *code, FgError *err)
{
    struct stat st;
    char hash[33];
    int ret = stat(path, &st) < 0 ? -errno : 0;
    if (!ret)
        ret = fg_hash_file(path, hash_limit, hash);
    if (ret) {
        *code = fail_file(path, ret, err);
        return NULL;
    }
    json_t *const j = json_pack("{s:I,s:s}", "bytes", (json_int_t)st.st_size,
                                "xxh3", hash);
    if (j && st.st_size > hash_limit)
        json_object_set_new(j, "modified", json_integer(st.st_mtime));
    return j;
}

static json_t *made_identity(const FgJob *job)
{
    return json_pack("{s:[I,I],s:[i,i]}", "made", (json_int_t)job->make_first,
                     (json_int_t)job->make_nb, "rate", job->make_rate.num,
                     job->make_rate.den);
}

/* Pictures: each one's name, size and date. */
static json_t *sequence_identity(const FgJob *job, int *code, FgError *err)
{
    FgSequence seq;
    XXH3_state_t *const s = XXH3_createState();
    struct stat st;
    char hash[33];
    int ret = s ? fg_sequence_list(&seq, job->input, job->start_number,
                                   job->frames, err)
                : -ENOMEM;
    if (ret) {
        *code = fg_exit_input(ret);
        XXH3_freeState(s);
        return NULL;
    }
    XXH3_128bits_reset(s);
    for (int i = 0; i < seq.nb && !ret; i++) {
        const char *const name = fg_path_base(seq.paths[i]);
        ret = stat(seq.paths[i], &st) < 0 ? -errno : 0;
        if (ret)
            *code = fail_file(seq.paths[i], ret, err);
        const int64_t v[2] = {st.st_size, st.st_mtime};
        XXH3_128bits_update(s, name, strlen(name) + 1);
        XXH3_128bits_update(s, v, sizeof(v));
    }
    fg_hash_text(XXH3_128bits_digest(s), hash);
    json_t *const j = ret ? NULL
                          : json_pack("{s:i,s:I,s:s}", "pictures", seq.nb,
                                      "first", (json_int_t)seq.number[0],
                                      "xxh3", hash);
    XXH3_freeState(s);
    fg_sequence_free(&seq);
    return j;
}

static int add_model(json_t *models, const char *name, FgError *err)
{
    char path[4096], sha[FG_SHA256_SIZE];
    int ret = fg_model_find(name, path, sizeof(path), err);
    if (ret)
        return fg_exit_input(ret);
    ret = fg_sha256_file(path, sha);
    if (ret)
        return fail_file(path, ret, err);
    return json_object_set_new(models, name, json_string(sha)) ? FG_EXIT_RETRY
                                                               : 0;
}

/* Each filter's option "model"; "none" is none. */
json_t *fg_chain_models(const char *chain, int *code, FgError *err)
{
    AVFilterGraph *graph = avfilter_graph_alloc();
    AVFilterGraphSegment *seg = NULL;
    json_t *models = json_object();
    const int ret = graph && models
                        ? avfilter_graph_segment_parse(graph, chain, 0, &seg)
                        : AVERROR(ENOMEM);
    if (ret < 0) {
        fg_error(err, 0, "the chain '%s' cannot be read", chain);
        *code = FG_EXIT_CONFIG;
    }
    for (size_t i = 0; ret >= 0 && i < seg->nb_chains; i++)
        for (size_t k = 0; k < seg->chains[i]->nb_filters; k++) {
            const AVDictionaryEntry *const e = av_dict_get(
                seg->chains[i]->filters[k]->opts, "model", NULL, 0);
            if (e && strcmp(e->value, "none") != 0 && !*code &&
                !strncmp(seg->chains[i]->filters[k]->filter_name, "gan", 3))
                *code = add_model(models, e->value, err);
        }
    avfilter_graph_segment_free(&seg);
    avfilter_graph_free(&graph);
    if (*code) {
        json_decref(models);
        return NULL;
    }
    return models;
}

/* Where the preset was found and what it says of itself do not matter. */
static json_t *preset_identity(const FgPreset *p)
{
    json_t *const j = fg_preset_to_json(p);
    json_object_del(j, "path");
    json_object_del(j, "help");
    json_object_del(j, "graph");
    return j;
}

json_t *fg_job_identity(const FgJob *job, int *code, FgError *err)
{
    *code = 0;
    json_t *const input = job->make_nb ? made_identity(job)
                          : job->pictures_in
                              ? sequence_identity(job, code, err)
                              : file_identity(job->input, code, err);
    json_t *const models = input
                               ? fg_chain_models(job->preset->chain, code, err)
                               : NULL;
    if (!input || !models) {
        json_decref(input);
        if (!*code) {
            fg_error(err, 0, "no memory");
            *code = FG_EXIT_RETRY;
        }
        return NULL;
    }
    return json_pack(
        "{s:{s:s,s:s},s:o,s:o,s:o,s:{s:b,s:s?,s:s?,s:I}}", "version", "ffgan",
        FG_VERSION, "FFmpeg", av_version_info(), "input", input, "models",
        models, "preset", preset_identity(job->preset), "options",
        "allow_errors", job->allow_errors, "rate", job->rate, "frames",
        job->frames, "start_number", (json_int_t)job->start_number);
}

const char *fg_identity_differs(const json_t *a, const json_t *b)
{
    static const char *const keys[] = {"version", "input", "models", "preset",
                                       "options"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!json_equal(json_object_get(a, keys[i]),
                        json_object_get(b, keys[i])))
            return keys[i];
    return NULL;
}
