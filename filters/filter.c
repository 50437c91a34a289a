/* ffgan: what our filters share: threads, models.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter.h"

#include <stdatomic.h>

#include <libavutil/common.h>
#include <libavutil/cpu.h>

int fg_filter_end(AVFilterContext *ctx, int ret)
{
    AVFilterLink *out = ctx->outputs[0];

    if (ret < 0 && ret != FFERROR_NOT_READY && !ff_outlink_get_status(out))
        ff_outlink_set_status(out, ret, AV_NOPTS_VALUE);
    return ret;
}

int fg_filter_fail(void *ctx, int ret, const FgError *err)
{
    av_log(ctx, AV_LOG_ERROR, "%s\n", err->text);
    return ret;
}

void fg_say_plan(AVFilterContext *ctx, const FgPlanInfo *i)
{
    av_log(
        ctx, AV_LOG_VERBOSE,
        "the network: device %s, %s on %s, tiles %dx%d, reach %d, %.0f MiB\n",
        i->device, i->precision, i->isa, i->tile_w, i->tile_h, i->radius,
        i->bytes / 1048576.0);
}

void fg_say_once(AVFilterContext *ctx, int *said, int level, int really,
                 const char *text)
{
    if (really && !*said) {
        *said = 1;
        av_log(ctx, level, "%s\n", text);
    }
}

/* ---- slice threads as an executor ---- */

typedef struct SliceJob {
    FgJobFn job;
    void *arg;
    int n;
    atomic_int next;
} SliceJob;

/* jobnr is the worker's number; the jobs themselves are taken in turn. */
static int slice(AVFilterContext *ctx, void *arg, int jobnr, int nb_jobs)
{
    SliceJob *s = arg;
    int i;

    (void)ctx;
    (void)nb_jobs;
    while ((i = atomic_fetch_add(&s->next, 1)) < s->n)
        s->job(s->arg, i, jobnr);
    return 0;
}

static void run_slices(FgExecutor *ex, FgJobFn job, void *arg, int n)
{
    SliceJob s = {.job = job, .arg = arg, .n = n};

    atomic_init(&s.next, 0);
    if (n > 0)
        ff_filter_execute(ex->opaque, slice, &s, NULL, FFMIN(n, ex->threads));
}

/* A graph left to itself has one thread more than there are CPUs. Threads that
 * wait for one another's rows must all have a CPU. */
void fg_slices_init(FgExecutor *ex, AVFilterContext *ctx)
{
    const int threads = FFMIN(ff_filter_get_nb_threads(ctx), av_cpu_count());

    *ex = (FgExecutor){
        .threads = FFMAX(1, threads), .run = run_slices, .opaque = ctx};
}

/* ---- models ---- */

typedef struct Listing {
    AVFilterContext *ctx;
    FgTask task;
    int nb;
} Listing;

static int print_model(void *arg, const char *name, const char *path)
{
    Listing *l = arg;
    FgModel *m = NULL;
    FgError err = {""};

    if (fg_model_read(&m, path, &err) < 0) {
        av_log(l->ctx, AV_LOG_WARNING, "  %-20s %s\n", name, err.text);
    } else if (m->task == l->task) {
        av_log(l->ctx, AV_LOG_INFO, "  %-20s %s\n", name, path);
        l->nb++;
    }
    fg_model_free(&m);
    return 0;
}

static int list_models(AVFilterContext *ctx, FgTask task)
{
    Listing l = {ctx, task, 0};

    av_log(ctx, AV_LOG_INFO, "Models that %s finds by name:\n",
           ctx->filter->name);
    const int ret = fg_model_list(print_model, &l);

    if (ret >= 0 && !l.nb)
        av_log(ctx, AV_LOG_INFO, "  none (see FFGAN_PATH)\n");
    return ret < 0 ? ret : AVERROR_EXIT;
}

int fg_filter_model(AVFilterContext *ctx, const char *name, FgTask task,
                    FgModel **m)
{
    char path[4096];
    FgError err = {""};
    int ret;

    if (!name || !*name) {
        av_log(ctx, AV_LOG_ERROR,
               "model is not given: a name or path, or 'help' for the names\n");
        return AVERROR(EINVAL);
    }
    if (!strcmp(name, "help"))
        return list_models(ctx, task);
    if ((ret = fg_model_find(name, path, sizeof(path), &err)) < 0 ||
        (ret = fg_model_read(m, path, &err)) < 0 ||
        (ret = fg_model_expect(*m, task, path, &err)) < 0)
        return fg_filter_fail(ctx, ret, &err);
    av_log(ctx, AV_LOG_VERBOSE, "%s: task %s, scale %d, %s, sha256 %.16s\n",
           path, fg_task_name((*m)->task), (*m)->scale,
           (*m)->luma ? "luma" : "RGB", (*m)->sha256);
    return 0;
}
