/* ffgan: chunks of a job: doing one.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/avutil.h>

#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/output.h"
#include "pipeline/receipt.h"
#include "pipeline/run.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

typedef struct Work {
    const FgJobPlan *plan;
    int64_t k;
    FgJob job; /* the part; borrows from the plan */
    FgRun run;
    double began;
    char *file; /* of the packets, without its hash */
} Work;

static void make_job(Work *w, int threads)
{
    const FgJobPlan *const p = w->plan;
    FgJob *const job = &w->job;
    *job = p->job;
    job->index = &p->index;
    job->from = fg_job_plan_first(p, w->k);
    job->to = fg_job_plan_first(p, w->k + 1);
    fg_job_plan_feed(p, w->k, &job->in_from, &job->in_to);
    job->threads = threads;
    job->temp_dir = p->folder;
    job->overwrite = 1;
    job->chunk_file = job->pictures_out ? NULL : w->file;
}

static json_t *hashes(const FgRun *run)
{
    json_t *const a = json_array();
    char text[17];
    for (int64_t i = 0; a && i < run->nb_hash; i++) {
        snprintf(text, sizeof(text), "%016llx",
                 (unsigned long long)run->hash[i]);
        json_array_append_new(a, json_string(text));
    }
    return a;
}

/* Of the pictures; empty for a video. */
static json_t *numbers(const Work *w)
{
    const FgOutput *const o = w->run.output;
    json_t *const a = json_array();
    for (int64_t i = 0; a && i < o->pictures; i++)
        json_array_append_new(a, json_integer(fg_output_number(o, i)));
    return a;
}

static json_t *receipt(const Work *w, const char *file)
{
    const FgOutput *const o = w->run.output;
    char host[65] = "";
    if (gethostname(host, 64) < 0)
        *host = 0;
    return json_pack(
        "{s:s,s:I,s:[I,I],s:s?,s:I,s:I,s:s?,s:o,s:o,s:o,s:o,s:f,s:s,s:s}",
        "plan", w->plan->id, "chunk", (json_int_t)w->k, "frames",
        (json_int_t)w->job.from, (json_int_t)w->job.to, "file", file, "bytes",
        (json_int_t)o->bytes, "packets", (json_int_t)o->packet_file.packets,
        "xxh3", file ? o->hash : NULL, "numbers", numbers(w), "hashes",
        hashes(&w->run), "stream",
        file ? fg_stream_to_json(&o->stream) : json_null(), "host",
        fg_json_text(host), "seconds", fg_now() - w->began, "ffgan", FG_VERSION,
        "ffmpeg", av_version_info());
}

/* The receipt is what makes the chunk done. Of two that come at once the first
 * one counts; the other's packets have a name of their own and go. */
static int write_receipt(const Work *w, const char *file, FgError *err)
{
    char *const path = fg_job_plan_file(w->plan, w->k, ".json");
    json_t *const j = receipt(w, file);
    char *const text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
    int ret = path && text ? 0 : -ENOMEM;
    /* What is there and not of this plan is in the way. */
    const int usable = !ret && fg_chunk_is_done(w->plan, w->k);
    if (!ret && !usable)
        ret = fg_write_file(path, text, strlen(text), 1);
    if (ret)
        fg_error(err, 0, "%s: cannot write it: %s",
                 fg_show(path ? path : w->plan->folder), strerror(-ret));
    free(text);
    json_decref(j);
    free(path);
    return ret ? fg_exit_output(ret) : usable ? -1 : 0;
}

/* Packets get a name by what is in them; then the receipt. */
static int keep(Work *w, FgError *err)
{
    FgOutput *const o = w->run.output;
    if (w->job.pictures_out)
        return write_receipt(w, NULL, err) > 0 ? FG_EXIT_IO : 0;
    int ret = fg_output_finish(o, err);
    if (ret)
        return ret;
    char *const name = fg_format("chunk-%05lld-%.16s.packets", (long long)w->k,
                                 o->hash);
    char *const path = name ? fg_format("%s/%s", w->plan->folder, name) : NULL;
    if (path) {
        w->job.chunk_file = path;
        ret = fg_output_commit(o, err);
        if (!ret)
            ret = write_receipt(w, name, err);
        FgReceipt r;
        FgError none;
        if (ret == -1 && !fg_receipt_read(&r, w->plan, w->k, &none)) {
            if (strcmp(fg_path_base(r.file), name) != 0)
                unlink(path);
            fg_receipt_free(&r);
        }
    } else {
        fg_error(err, 0, "no memory");
        ret = FG_EXIT_RETRY;
    }
    free(name);
    free(path);
    return ret < 0 ? 0 : ret;
}

static int stopped(FgError *err)
{
    const int sig = fg_stop_signal();
    if (sig)
        fg_error(err, 0, "stopped by %s", strsignal(sig));
    return sig ? FG_EXIT_SIGNAL + sig : 0;
}

static int run_once(Work *w, FgReport *report, int64_t done_before,
                    FgError *err)
{
    fg_run_free(&w->run);
    w->run = (FgRun){
        .job = &w->job, .report = report, .done_before = done_before};
    const int ret = fg_run_job(&w->run);
    if (ret)
        fg_error(err, 0, "%s", w->run.err.text);
    return ret;
}

/* Where seeking did not lead to the frames of the plan, decoding from the
 * start does, or the input has changed. */
static int run_part(Work *w, FgReport *report, int64_t done_before,
                    FgError *err)
{
    const int ret = run_once(w, report, done_before, err);
    if (ret != FG_EXIT_DATA || w->job.pictures_in || !w->job.in_from ||
        !w->plan->index.seekable)
        return ret;
    w->job.from_start = 1;
    return run_once(w, report, done_before, err);
}

int fg_chunk_run(const FgJobPlan *p, int64_t k, FgReport *report,
                 int64_t done_before, int threads, FgError *err)
{
    Work w = {.plan = p, .k = k, .began = fg_now()};
    if (fg_chunk_is_done(p, k))
        return 0;
    w.file = fg_job_plan_file(p, k, ".packets");
    if (!w.file) {
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    make_job(&w, threads);
    int ret = run_part(&w, report, done_before, err);
    if (!ret)
        ret = stopped(err);
    if (!ret)
        ret = keep(&w, err);
    fg_run_free(&w.run);
    free(w.file);
    return ret;
}
