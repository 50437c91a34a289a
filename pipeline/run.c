/* ffgan: the engine: starts the stages, watches, finishes.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <libavutil/frame.h>
#include <libavutil/mem.h>

#include "pipeline/device.h"
#include "pipeline/exit.h"
#include "pipeline/generate.h"
#include "pipeline/index.h"
#include "pipeline/output.h"
#include "pipeline/run.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

enum { FRAMES_ROOM = 6, OUT_ROOM = 24, OUT_ROOM_GPU = 8 };
/* Schedulers give a few seconds between SIGTERM and SIGKILL. */
static const double stop_grace_s = 2;

int fg_run_fail(FgRun *run, int exit_code, const char *fmt, ...)
{
    va_list ap;
    pthread_mutex_lock(&run->lock);
    if (!run->exit_code) {
        run->exit_code = exit_code;
        va_start(ap, fmt);
        vsnprintf(run->err.text, sizeof(run->err.text), fmt, ap);
        va_end(ap);
    }
    run->failed = 1;
    pthread_mutex_unlock(&run->lock);
    fg_queue_fail(run->frames, -ECANCELED);
    fg_queue_fail(run->out, -ECANCELED);
    return -1;
}

static void drop_item(FgItem item)
{
    if (item.kind == FG_ITEM_FRAME) {
        AVFrame *f = item.value;
        av_frame_free(&f);
    } else {
        AVPacket *p = item.value;
        av_packet_free(&p);
    }
}

void fg_run_stage_ends(FgRun *run)
{
    pthread_mutex_lock(&run->lock);
    run->running--;
    pthread_cond_signal(&run->ended);
    pthread_mutex_unlock(&run->lock);
}

/* 20 ms, or until a stage ends. */
static void wait_a_bit(FgRun *run)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += 20000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    pthread_mutex_lock(&run->lock);
    if (run->running > 0)
        pthread_cond_timedwait(&run->ended, &run->lock, &at);
    pthread_mutex_unlock(&run->lock);
}

/* Waits for the stages; shows progress; hears signals. */
static void watch(FgRun *run)
{
    double stopped_at = 0;
    while (run->running > 0) {
        const int sig = fg_stop_signal();
        if (sig && stopped_at <= 0) {
            stopped_at = fg_now();
            fg_run_fail(run, FG_EXIT_SIGNAL + sig, "stopped by %s",
                        strsignal(sig));
        }
        /* A frame of a wide network may take longer than we have. */
        if (sig && fg_now() - stopped_at > stop_grace_s)
            fg_stop_now(sig);
        if (!run->job->discard)
            fg_report_progress(run->report, run->done_before + run->encoded);
        wait_a_bit(run);
    }
}

typedef void *(*Stage)(void *);
static const Stage reads[] = {fg_source_main, fg_graph_main, fg_sink_main};
static const Stage makes[] = {fg_generate_main, fg_sink_main};

static int start_stages(FgRun *run, const Stage *stage, int nb)
{
    pthread_t thread[3];
    int n = 0;
    run->running = nb;
    for (; n < nb; n++)
        if (pthread_create(&thread[n], NULL, stage[n], run)) {
            run->running -= nb - n;
            fg_run_fail(run, FG_EXIT_RETRY, "cannot start a thread");
            break;
        }
    watch(run);
    while (n-- > 0)
        pthread_join(thread[n], NULL);
    return run->exit_code;
}

/* Chains that slow down or speed up say so. */
static int changes_times(const char *chain)
{
    return strstr(chain, "setpts") || strstr(chain, "slowmo");
}

/* Frames for each in slow motion that is not to a rate, however long each
 * lasts; 0: no such chain. */
static int slowed(const char *chain)
{
    const char *const f = strstr(chain, "factor=");
    if (!strstr(chain, "slowmo=") || strstr(chain, "fps="))
        return 0;
    return f ? atoi(f + 7) : 2;
}

/* By the rate that the chain declares, and the time that its frames take; a
 * variable rate has no other count. */
static int fits_rate(const FgRun *run, int64_t *want)
{
    const double rate = run->out_rate.num > 0 ? av_q2d(run->out_rate) : 0;
    const double step = rate > 0 ? 1 / rate : 0;
    const double lost = fabs(run->in_span - run->out_span);
    *want = llround((double)run->decoded * run->rate_ratio);
    if (llabs(run->encoded - *want) <= 2 + *want / 50)
        return 1;
    *want = run->decoded * slowed(run->job->preset->chain);
    if (*want && run->encoded == *want)
        return 1;
    *want = llround(run->out_span * rate) + 1;
    return (lost <= 0.1 + 2 * step + run->in_span / 50 ||
            changes_times(run->job->preset->chain)) &&
           llabs(run->encoded - *want) <= 2 + *want / 50;
}

/* Frames in must come out, or as many as the chain declares. */
static int check_counts(FgRun *run)
{
    const FgJob *const job = run->job;
    const int part = job->index != NULL;
    const int64_t in = part ? job->to - job->from : run->decoded;
    const int64_t out = run->encoded;
    int64_t want = in;
    if (run->filtered != out)
        return fg_run_fail(run, FG_EXIT_BUG,
                           "%s: %lld frames encoded of %lld; nothing was kept",
                           fg_show(run->job->output), (long long)out,
                           (long long)run->filtered);
    /* Slow motion gives more frames at the same rate. */
    const int same = fabs(run->rate_ratio - 1) < 1e-6 &&
                     !strstr(job->preset->chain, "slowmo=");
    if (part || same ? out == in : fits_rate(run, &want))
        return 0;
    return fg_run_fail(run, FG_EXIT_CONFIG,
                       "preset '%s': the chain gave %lld frames for %lld and "
                       "declares %lld; nothing was kept",
                       run->job->preset->name, (long long)out, (long long)in,
                       (long long)want);
}

static int finish(FgRun *run)
{
    FgError err = {{0}};
    FgOutput *const o = run->output;
    if (run->job->discard)
        return 0;
    if (check_counts(run) < 0)
        return run->exit_code;
    if (run->job->chunk_file)
        return 0; /* fg_chunk_run goes on */
    int ret = fg_output_finish(o, &err);
    if (!ret)
        ret = fg_output_verify(o, &err);
    const int sig = fg_stop_signal();
    if (!ret && sig) {
        fg_error(&err, 0, "stopped by %s", strsignal(sig));
        ret = FG_EXIT_SIGNAL + sig;
    }
    if (!ret)
        ret = fg_output_commit(o, &err);
    if (ret)
        fg_run_fail(run, ret, "%s", err.text);
    return ret;
}

static int64_t expected_frames(const FgRun *run)
{
    const FgInput *const in = run->input;
    const FgJob *const job = run->job;
    int64_t n = in->nb_frames;
    if (job->len_s > 0) {
        const double rate = n > 0 && in->seconds > 0 ? (double)n / in->seconds
                            : in->frame_rate.num > 0 ? av_q2d(in->frame_rate)
                                                     : 25;
        const int64_t part = llround(job->len_s * rate);
        const int64_t left = n - llround(job->from_s * rate);
        n = n <= 0 || left <= 0 || part < left ? part : left;
    }
    return n;
}

static int same_folder(const char *a, const char *b)
{
    struct stat x, y;
    char *const p = fg_path_dir(a), *const q = fg_path_dir(b);
    const int same = p && q && !stat(p, &x) && !stat(q, &y) &&
                     x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    free(p);
    free(q);
    return same;
}

static void check_picture(FgRun *run, const char *path, int near)
{
    const FgJob *const job = run->job;
    if (!path)
        fg_run_fail(run, FG_EXIT_RETRY, "no memory");
    else if (near && fg_sequence_has(&run->input->pictures, job->input,
                                     fg_path_base(path)))
        fg_run_fail(run, FG_EXIT_CANTCREAT,
                    "%s: output and input are the same file", fg_show(path));
    else if (!job->overwrite && !access(path, F_OK))
        fg_run_fail(run, FG_EXIT_CANTCREAT, "%s: exists; -y writes over it",
                    fg_show(path));
}

/* Numbered outputs are refused up front, not at frame 200. */
static int check_pictures(FgRun *run, int64_t nb)
{
    const FgJob *const job = run->job;
    const FgOutput *const o = run->output;
    if (!job->pictures_out || job->discard || job->index)
        return 0;
    const int near = job->pictures_in && same_folder(job->input, job->output);
    for (int64_t i = 0; i < (nb > 0 ? nb : 1) && !run->exit_code; i++) {
        char *const path = fg_pattern_name(job->output, fg_output_number(o, i));
        check_picture(run, path, near);
        free(path);
    }
    return run->exit_code;
}

static int prepare(FgRun *run)
{
    FgError err = {{0}};
    const FgJob *const job = run->job;
    FgJob decode = *job;
    run->gpu_frames = decode.gpu_frames = fg_device_asked(job->preset->chain) &&
                                          fg_device_keeps(job->preset->chain);
    int ret = fg_input_open(&run->input, &decode, &err);
    if (!ret)
        ret = fg_output_plan(&run->output, job, run->input, run->report, &err);
    if (ret) {
        fg_run_fail(run, ret, "%s", err.text);
        return ret;
    }
    if (fg_times_shift(run->input->times) && job->len_s <= 0 && !job->index)
        fg_report_warn(run->report,
                       "%s: starts before zero: all times are moved by %.3f s",
                       fg_show(job->input),
                       (double)fg_times_shift(run->input->times) * 1e-6);
    run->frames = fg_queue_alloc(FRAMES_ROOM, 1, drop_item);
    run->out = fg_queue_alloc(run->gpu_frames ? OUT_ROOM_GPU : OUT_ROOM,
                              job->make_nb ? 1 : 2, drop_item);
    if (!run->frames || !run->out) {
        fg_run_fail(run, FG_EXIT_RETRY, "no memory");
        return FG_EXIT_RETRY;
    }
    return check_pictures(run, expected_frames(run));
}

int fg_run_job(FgRun *run)
{
    const FgJob *const job = run->job;
    pthread_mutex_init(&run->lock, NULL);
    pthread_cond_init(&run->ended, NULL);
    run->rate_ratio = 1;
    if (prepare(run))
        return run->exit_code;
    const int tells = !job->discard && !job->index;
    if (!job->discard && !job->index)
        fg_temp_sweep(job->output);
    if (tells)
        fg_report_start(run->report, job->input, job->output, job->preset->name,
                        expected_frames(run));
    run->decoded = job->make_nb;
    if (job->make_nb ? start_stages(run, makes, 2)
                     : start_stages(run, reads, 3))
        return run->exit_code;
    if (finish(run))
        return run->exit_code;
    if (tells) {
        run->report->total = run->encoded;
        fg_report_progress(run->report, run->encoded);
        fg_report_done(run->report, job->output, run->encoded,
                       run->output->bytes);
    }
    return 0;
}

/* Pictures are not read: each is one frame, and the list has no holes. */
static int list_pictures(FgRun *run)
{
    const FgSequence *const seq = &run->input->pictures;
    FgIndex *const x = run->indexing;
    for (int64_t i = x->nb; i < seq->nb; i++)
        if (fg_index_add_frame(x, i, 1) < 0)
            return fg_run_fail(run, FG_EXIT_RETRY, "no memory");
    x->seekable = 1;
    return 0;
}

/* Nothing is read here either. */
static int list_made(FgRun *run)
{
    FgIndex *const x = run->indexing;
    int ret = fg_generate_probe(run);
    for (int64_t i = 0; i < run->job->make_nb && !ret; i++)
        if (fg_index_add_frame(x, i, 1) < 0)
            ret = fg_run_fail(run, FG_EXIT_RETRY, "no memory");
    x->seekable = 1;
    return ret;
}

static void list_frames(FgRun *run)
{
    if (run->job->make_nb)
        list_made(run);
    else if (!start_stages(run, reads, 1) && run->job->pictures_in)
        list_pictures(run);
}

int fg_run_index(FgRun *run, FgIndex *x)
{
    FgJob job = *run->job;
    const FgJob *const asked = run->job;
    pthread_mutex_init(&run->lock, NULL);
    pthread_cond_init(&run->ended, NULL);
    run->rate_ratio = 1;
    run->indexing = x;
    job.max_frames = job.pictures_in ? 1 : 0;
    job.discard = 1;
    run->job = &job;
    if (!prepare(run))
        list_frames(run);
    run->job = asked;
    if (run->exit_code || check_pictures(run, x->nb))
        return run->exit_code;
    fg_index_close(x);
    x->tb = run->input->time_base;
    x->w = run->out_w;
    x->h = run->out_h;
    x->fmt = run->out_fmt;
    x->sar = run->out_sar;
    x->ratio = run->rate_ratio;
    x->out.tb = run->out_tb;
    x->out.rate = run->input->frame_rate;
    return 0;
}

void fg_run_free(FgRun *run)
{
    free(run->hash);
    fg_queue_free(&run->frames);
    fg_queue_free(&run->out);
    fg_output_free(&run->output);
    fg_input_close(&run->input);
    pthread_cond_destroy(&run->ended);
    pthread_mutex_destroy(&run->lock);
}
