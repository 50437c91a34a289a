/* ffgan: whole jobs: in one piece, or in chunks.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/engine.h"
#include "pipeline/exit.h"
#include "pipeline/fields.h"
#include "pipeline/receipt.h"
#include "pipeline/run.h"
#include "pipeline/sequence.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

/* A network at work on each frame, whatever its size. */
enum { MAKES_CHUNK = 240 };

int fg_engine_lock(FgEngine *e, const char *folder, FgError *err)
{
    char *const path = fg_format("%s/lock", folder);
    int ret = path ? 0 : -ENOMEM;
    e->lock = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (!ret && (e->lock < 0 || flock(e->lock, LOCK_EX | LOCK_NB) < 0))
        ret = -errno;
    if (ret == -EWOULDBLOCK)
        fg_error(err, 0, "%s: another ffgan works on this job",
                 fg_show(folder));
    else if (ret)
        fg_error(err, 0, "%s: %s", fg_show(path ? path : folder),
                 strerror(-ret));
    free(path);
    if (ret)
        fg_engine_unlock(e);
    return ret == -EWOULDBLOCK ? FG_EXIT_RETRY : ret ? fg_exit_output(ret) : 0;
}

void fg_engine_unlock(FgEngine *e)
{
    if (e->lock >= 0)
        close(e->lock);
    e->lock = -1;
}

static int64_t frames_done(const FgJobPlan *p)
{
    int64_t n = 0;
    for (int64_t k = 0; k < p->nb_chunks; k++)
        if (fg_chunk_is_done(p, k))
            n += fg_job_plan_first(p, k + 1) - fg_job_plan_first(p, k);
    return n;
}

int fg_engine_work(const FgEngine *e, const FgJobPlan *p, FgReport *report,
                   FgError *err)
{
    int ret = 0;
    int64_t done = 0;
    fg_report_start(report, p->input, p->job.output, p->job.preset->name,
                    fg_index_out(&p->index).nb);
    if (e->workers > 1)
        return fg_workers_run(p, e, report, err);
    for (int64_t k = 0; k < p->nb_chunks && !ret; k++) {
        const int sig = fg_stop_signal();
        if (sig) {
            fg_error(err, 0, "stopped by %s", strsignal(sig));
            return FG_EXIT_SIGNAL + sig;
        }
        ret = fg_chunk_run(p, k, report, done, p->job.threads, err);
        done += fg_job_plan_first(p, k + 1) - fg_job_plan_first(p, k);
        if (!ret)
            fg_report_progress(report, done);
    }
    return ret;
}

/* ---- one piece ---- */

static int run_whole(FgJob *job, FgReport *report, FgError *err)
{
    FgRun run = {.job = job, .report = report};
    const int ret = fg_run_job(&run);
    if (ret)
        fg_error(err, 0, "%s", run.err.text);
    fg_run_free(&run);
    return ret;
}

/* 1: so short that a chunk or two hold it. */
static int is_short(const FgJob *job, const FgEngine *e, int *ret, FgError *err)
{
    FgInput *in = NULL;
    *ret = fg_input_open(&in, job, err);
    if (*ret)
        return 0;
    const int64_t chunk = in->dec ? fg_job_plan_chunk_length(in->dec->width,
                                                             in->dec->height)
                                  : MAKES_CHUNK;
    const int64_t nb = in->nb_frames;
    fg_input_close(&in);
    return !e->plan.chunk && nb > 0 && nb <= chunk + chunk / 2;
}

static int wants_chunks(const FgJob *job)
{
    const int one_picture = job->pictures_in && !fg_is_pattern(job->input);
    return !job->discard && job->len_s <= 0 && !job->max_frames && !one_picture;
}

/* ---- in chunks ---- */

static int finish(const FgEngine *e, const FgJobPlan *p, FgReport *report,
                  FgError *err)
{
    int64_t bytes = 0;
    int ret = fg_job_plan_join(p, report, &bytes, err);
    if (ret)
        return ret;
    if (!e->keep)
        ret = fg_job_plan_remove(p->folder, err);
    fg_report_progress(report, fg_index_out(&p->index).nb);
    fg_report_done(report, p->job.output, fg_index_out(&p->index).nb, bytes);
    return ret;
}

/* A folder where nothing was done helps nobody; but it says whose the pictures
 * are that lie there. */
static void drop_empty(const FgJobPlan *p, const char *folder, int worked)
{
    FgError none;
    if (!p || (!frames_done(p) && !(worked && p->job.pictures_out)))
        fg_job_plan_remove(folder, &none);
}

static int chunk_differs(const FgJobPlan *p, const FgEngine *e, FgError *err)
{
    if (!e->plan.chunk || e->plan.chunk == p->chunk)
        return 0;
    fg_error(err, 0,
             "%s: was planned with %lld frames a chunk, not %lld; --fresh "
             "starts over",
             fg_show(p->folder), (long long)p->chunk, (long long)e->plan.chunk);
    return FG_EXIT_DATA;
}

/* The plan that is there, or a new one. 1: it cannot be done in chunks. */
static int get_plan(const FgEngine *e, FgJobPlan **p, FgJob *job,
                    const char *folder, FgReport *report, FgError *err)
{
    char *const path = fg_format("%s/job.json", folder);
    const int there = path && !access(path, F_OK);
    int ret;
    free(path);
    if (!there) {
        ret = fg_job_plan_make(p, job, &e->plan, report, err);
        return ret ? ret : fg_job_plan_write(*p, err);
    }
    ret = fg_job_plan_read(p, folder, err);
    if (!ret)
        ret = fg_job_plan_same(*p, job, err);
    if (!ret)
        ret = chunk_differs(*p, e, err);
    if (ret)
        return ret;
    (*p)->job.threads = job->threads;
    (*p)->job.gpu = job->gpu;
    (*p)->job.overwrite = job->overwrite;
    return 0;
}

static int run_chunks(FgEngine *e, FgJob *job, const char *folder,
                      FgReport *report, FgError *err)
{
    FgJobPlan *p = NULL;
    if (mkdir(folder, 0777) < 0 && errno != EEXIST) {
        fg_error(err, 0, "%s: cannot be made: %s", fg_show(folder),
                 strerror(errno));
        return errno == ENOSPC || errno == EDQUOT || errno == EIO
                   ? FG_EXIT_IO
                   : FG_EXIT_CANTCREAT;
    }
    int ret = fg_engine_lock(e, folder, err);
    if (ret)
        return ret;
    ret = get_plan(e, &p, job, folder, report, err);
    const int ours = !ret || !p; /* not one that we were refused */
    const int worked = !ret;
    if (!ret)
        ret = fg_engine_work(e, p, report, err);
    if (!ret)
        ret = finish(e, p, report, err);
    else if (ours)
        drop_empty(p, folder, worked);
    fg_engine_unlock(e);
    fg_job_plan_free(&p);
    return ret;
}

static int remove_old(const FgEngine *e, const char *folder, FgError *err)
{
    FgEngine own = {.lock = -1};
    if (!e->fresh || access(folder, F_OK) < 0)
        return 0;
    int ret = fg_engine_lock(&own, folder, err);
    if (!ret)
        ret = fg_job_plan_remove(folder, err);
    fg_engine_unlock(&own);
    return ret;
}

static int choose(FgEngine *e, FgJob *job, FgReport *report, FgError *err)
{
    int ret = 0;
    char *const folder = fg_job_folder(job->output);
    if (!folder) {
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    ret = remove_old(e, folder, err);
    if (!ret && access(folder, F_OK) < 0 && is_short(job, e, &ret, err)) {
        free(folder);
        return run_whole(job, report, err);
    }
    if (!ret)
        ret = run_chunks(e, job, folder, report, err);
    free(folder);
    if (ret != 1)
        return ret;
    if (e->plan.chunk || e->workers > 1)
        return FG_EXIT_CONFIG; /* was asked for */
    fg_report_warn(report, "%s: it cannot be resumed when it is stopped",
                   err->text);
    return run_whole(job, report, err);
}

int fg_engine_run(FgEngine *e, FgJob *job, FgReport *report, FgError *err)
{
    int ret = fg_job_check(job, err);
    e->lock = -1;
    if (ret < 0) { /* an earlier run ended just before its last words */
        fg_report_start(report, job->input, job->output, job->preset->name, 0);
        fg_report_done(report, job->output, 0, 0);
        return 0;
    }
    if (!ret && !job->make_nb)
        ret = fg_fields_resolve(job, report, err);
    if (ret)
        return ret;
    return wants_chunks(job) ? choose(e, job, report, err)
                             : run_whole(job, report, err);
}
