/* ffgan: a job that is done in chunks: its plan on the disk.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/exit.h"
#include "pipeline/output.h"
#include "pipeline/path_json.h"
#include "pipeline/job_plan.h"
#include "pipeline/preset_json.h"
#include "pipeline/util.h"

enum { FORMAT = 1 };

/* NULL where the chain gives a frame for each. */
static json_t *feed_to_json(const FgJobPlan *p)
{
    json_t *const a = p->feed ? json_array() : NULL;
    for (int64_t k = 0; a && k < p->nb_chunks; k++)
        json_array_append_new(a, json_pack("[I,I]", (json_int_t)p->feed[2 * k],
                                           (json_int_t)p->feed[2 * k + 1]));
    return a;
}

/* NULL where there is an input. */
static json_t *made_to_json(const FgJob *job)
{
    return job->make_nb ? json_pack("[I,I,i,i]", (json_int_t)job->make_first,
                                    (json_int_t)job->make_nb,
                                    job->make_rate.num, job->make_rate.den)
                        : NULL;
}

static json_t *plan_to_json(const FgJobPlan *p)
{
    const FgJob *const job = &p->job;
    char *const cwd = getcwd(NULL, 0);
    json_t *const j = json_pack(
        "{s:i,s:s,s:o,s:o,s:o,s:b,s:b,s:b,s:i,s:I,s:i,s:i,s:b,s:O,s:o,s:o,"
        "s:o*,s:o*}",
        "job", FORMAT, "id", p->id, "input", fg_path_to_json(p->input),
        "output", fg_path_to_json(job->output), "folder",
        fg_path_to_json(cwd ? cwd : "/"), "pictures_in", job->pictures_in,
        "pictures_out", job->pictures_out, "overwrite", job->overwrite,
        "encoder_threads", job->encoder_threads, "chunk", (json_int_t)p->chunk,
        "past", p->past, "future", p->future, "allow_seams", p->allow_seams,
        "identity", p->identity, "preset", fg_preset_to_json(job->preset),
        "index", fg_index_to_json(&p->index), "feed", feed_to_json(p), "made",
        made_to_json(job));
    free(cwd);
    return j;
}

int fg_job_plan_write(const FgJobPlan *p, FgError *err)
{
    char *const path = fg_format("%s/job.json", p->folder);
    json_t *const j = plan_to_json(p);
    char *const text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
    int ret = path && text ? 0 : -ENOMEM;
    if (!ret && mkdir(p->folder, 0777) < 0 && errno != EEXIST)
        ret = -errno;
    if (!ret)
        ret = fg_write_file(path, text, strlen(text), 0);
    free(text);
    json_decref(j);
    if (ret)
        fg_error(err, 0, "%s: cannot write it: %s",
                 fg_show(path ? path : p->folder), strerror(-ret));
    free(path);
    return ret ? fg_exit_output(ret) : 0;
}

/* ---- reading ---- */

static int read_options(FgJobPlan *p, const json_t *identity)
{
    FgJob *const job = &p->job;
    const json_t *const o = json_object_get(identity, "options");
    json_t *value, *list;
    json_int_t start;
    if (json_unpack((json_t *)o, "{s:b,s:o,s:o,s:I}", "allow_errors",
                    &job->allow_errors, "rate", &value, "frames", &list,
                    "start_number", &start) < 0)
        return -EINVAL;
    const char *const rate = json_string_value(value);
    job->start_number = start;
    job->rate = rate ? strdup(rate) : NULL;
    const char *const frames = json_string_value(list);
    job->frames = frames ? strdup(frames) : NULL;
    return (rate && !job->rate) || (frames && !job->frames) ? -ENOMEM : 0;
}

static int go_to_folder(const json_t *j)
{
    char *dir = NULL;
    const int ret = fg_path_from_json(json_object_get(j, "folder"), &dir);
    /* Names in the preset may be relative to it; not all machines have it. */
    if (!ret && chdir(dir) < 0)
        errno = 0;
    free(dir);
    return ret;
}

static int read_feed(FgJobPlan *p, const json_t *a)
{
    size_t k;
    const json_t *row;
    if (!a)
        return p->index.out.nb ? -EINVAL : 0;
    if (json_array_size(a) != (size_t)p->nb_chunks)
        return -EINVAL;
    p->feed = calloc(2 * (size_t)p->nb_chunks, sizeof(*p->feed));
    if (!p->feed)
        return -ENOMEM;
    json_array_foreach(a, k, row)
    {
        json_int_t from, to;
        if (json_unpack((json_t *)row, "[I,I]", &from, &to) < 0 || from < 0 ||
            from >= to || to > p->index.nb)
            return -EINVAL;
        p->feed[2 * k] = from;
        p->feed[2 * k + 1] = to;
    }
    return 0;
}

/* [first, number, rate] of frames that are made of nothing. */
static int read_made(FgJob *job, const json_t *a)
{
    json_int_t first, nb;
    AVRational *const r = &job->make_rate;
    if (!a)
        return 0;
    if (json_unpack((json_t *)a, "[I,I,i,i]", &first, &nb, &r->num, &r->den) <
            0 ||
        first < 0 || nb < 1 || r->num < 1 || r->den < 1)
        return -EINVAL;
    job->make_first = first;
    job->make_nb = nb;
    return 0;
}

static int read_plan(FgJobPlan *p, const json_t *j, FgError *err)
{
    FgJob *const job = &p->job;
    const char *id;
    json_int_t chunk;
    json_t *preset, *index;
    int format;
    if (json_unpack((json_t *)j,
                    "{s:i,s:s,s:b,s:b,s:b,s:i,s:I,s:i,s:i,s:b,s:O,s:o,s:o}",
                    "job", &format, "id", &id, "pictures_in", &job->pictures_in,
                    "pictures_out", &job->pictures_out, "overwrite",
                    &job->overwrite, "encoder_threads", &job->encoder_threads,
                    "chunk", &chunk, "past", &p->past, "future", &p->future,
                    "allow_seams", &p->allow_seams, "identity", &p->identity,
                    "preset", &preset, "index", &index) < 0)
        return fg_error(err, -EINVAL, "a key is missing or of a wrong kind");
    if (format != FORMAT)
        return fg_error(err, -EINVAL, "format %d is not known, only %d", format,
                        FORMAT);
    p->chunk = chunk;
    snprintf(p->id, sizeof(p->id), "%s", id);
    int ret = fg_path_from_json(json_object_get(j, "input"), &p->input);
    if (!ret)
        ret = fg_path_from_json(json_object_get(j, "output"), &job->output);
    if (!ret)
        ret = read_options(p, p->identity);
    if (!ret)
        ret = read_made(job, json_object_get(j, "made"));
    if (ret == -ENOMEM)
        return fg_error(err, ret, "no memory");
    if (chunk < 1 || p->past < 0 || p->future < 0 || strlen(id) != 32 || ret)
        return fg_error(err, -EINVAL, "a value is out of its range");
    job->input = p->input;
    ret = fg_preset_from_json(&job->preset, preset, err);
    if (!ret)
        ret = fg_index_from_json(&p->index, index, err);
    if (ret)
        return ret;
    p->nb_chunks = (fg_index_out(&p->index).nb + p->chunk - 1) / p->chunk;
    if (job->make_nb && job->make_nb != p->index.nb)
        return fg_error(err, -EINVAL, "'made' is wrong");
    ret = read_feed(p, json_object_get(j, "feed"));
    return ret ? fg_error(err, ret, "'feed' is missing or wrong")
               : go_to_folder(j);
}

int fg_job_plan_read(FgJobPlan **out, const char *folder, FgError *err)
{
    FgError why = {{0}};
    json_error_t at = {0};
    FgJobPlan *p = calloc(1, sizeof(*p));
    char *const full = realpath(folder, NULL);
    char *const path = fg_format("%s/job.json", full ? full : folder);
    errno = 0;
    json_t *const j = p && path ? json_load_file(path, 0, &at) : NULL;
    const int code = errno;
    int ret = j ? 0 : p && path ? -EINVAL : -ENOMEM;
    *out = NULL;
    if (!j)
        fg_error(&why, 0, ret == -ENOMEM ? "no memory" : "line %d: %s", at.line,
                 at.text);
    if (!ret)
        ret = read_plan(p, j, &why);
    json_decref(j);
    if (!ret) {
        p->folder = full ? full : strdup(folder);
        *out = p;
        free(path);
        return 0;
    }
    fg_job_plan_free(&p);
    const int missing = path && access(path, R_OK) < 0;
    fg_error(err, 0, "%s: %s%s", fg_show(path ? path : folder),
             missing ? strerror(code ? code : ENOENT) : "not a plan: ",
             missing ? "" : why.text);
    free(full);
    free(path);
    return missing          ? FG_EXIT_NOINPUT
           : ret == -ENOMEM ? FG_EXIT_RETRY
                            : FG_EXIT_DATA;
}

static int refuse(const FgJobPlan *p, const char *what, const char *more,
                  FgError *err)
{
    static const char *const words[][2] = {
        {"version", "another version of ffgan or FFmpeg"},
        {"input", "the input has changed"},
        {"models", "a model's weights have changed"},
        {"preset", "the preset or its parameters have changed"},
        {"options", "an option has changed"},
    };
    const char *text = what;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(what, words[i][0]))
            text = words[i][1];
    fg_error(err, 0, "%s: %s since this job was planned%s", fg_show(p->folder),
             text, more);
    return FG_EXIT_DATA;
}

int fg_job_plan_same(const FgJobPlan *p, const FgJob *job, FgError *err)
{
    int code = 0;
    json_t *const now = fg_job_identity(job, &code, err);
    if (!now)
        return code;
    const char *const what = fg_identity_differs(p->identity, now);
    if (what)
        code = refuse(p, what, "; --fresh starts over", err);
    json_decref(now);
    return code;
}

int fg_job_plan_check(const FgJobPlan *p, FgError *err)
{
    int code = 0;
    json_t *const now = fg_job_identity(&p->job, &code, err);
    if (!now)
        return code;
    const char *const what = fg_identity_differs(p->identity, now);
    if (what)
        code = refuse(p, what, "", err);
    json_decref(now);
    return code;
}

int fg_job_plan_was_joined(const char *output)
{
    FgError none;
    struct stat st;
    json_int_t inode = 0, bytes = -1;
    char *const folder = fg_job_folder(output);
    char *const path = folder ? fg_format("%s/joined.json", folder) : NULL;
    json_t *const j = path ? json_load_file(path, 0, NULL) : NULL;
    const int same = j &&
                     !json_unpack(j, "{s:I,s:I}", "inode", &inode, "bytes",
                                  &bytes) &&
                     !stat(output, &st) && (json_int_t)st.st_ino == inode &&
                     st.st_size == bytes;
    json_decref(j);
    if (same)
        fg_job_plan_remove(folder, &none);
    /* An empty folder is the last thing that goes. */
    const int empty = !same && folder && !stat(output, &st) && !rmdir(folder);
    free(folder);
    free(path);
    return same || empty;
}
