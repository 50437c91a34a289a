/* ffgan: second stage: the preset's chain.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two libavfilter graphs in a row: the chain as the preset has it, then, only
 * where needed, a conversion to the encoder's format and the first frame's
 * output size (inputs may change size on the way). */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/hwcontext.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

#include "pipeline/bleed.h"
#include "pipeline/chain.h"
#include "pipeline/device.h"
#include "pipeline/exit.h"
#include "pipeline/index.h"
#include "pipeline/run.h"
#include "pipeline/util.h"

typedef struct Stage {
    FgRun *run;
    FgChain main, tail;
    int resized;          /* frames of another size were met */
    int deint;            /* the deinterlacer is in the main chain */
    AVRational tb;        /* of frames to the encoder */
    int64_t n, first_pts; /* frames in */
    int64_t got_out;      /* frames that came out of the chain */
    int64_t taken;        /* of them: frames of the part */
    int64_t first_out;    /* time of the first frame out */
    const char **sent;    /* [commands] value that the filter has */
    AVBufferRef *hw;      /* the GPU that frames are uploaded to */
    int in_memory;        /* the chain does not take what was uploaded */
    int in_format;        /* of decoded frames, in memory */
    AVFrame *got, *done;
} Stage;

/* FFmpeg's own code that moves frames to a GPU and back has the driver's
 * failures in common with filters of the CPU, which such chains have not. */
static int exit_of(const FgRun *run, int ret)
{
    return fg_exit_chain(
        ret == AVERROR_EXTERNAL && run->gpu_frames ? AVERROR(ENODEV) : ret);
}

static int chain_fail(Stage *s, int ret)
{
    FgRun *const run = s->run;
    const FgPreset *const p = run->job->preset;
    char cause[512];
    fg_log_cause(cause, sizeof(cause));
    return fg_run_fail(run, exit_of(run, ret), "preset '%s': %s", p->name,
                       *cause ? cause : fg_strerror(ret));
}

static int is_interlaced(const FgInput *in, const AVFrame *f)
{
    const AVStream *const st = fg_input_stream(in);
    if (f->flags & AV_FRAME_FLAG_INTERLACED)
        return 1;
    return st && st->codecpar->field_order > AV_FIELD_PROGRESSIVE;
}

static int wants_deint(const Stage *s, const AVFrame *f)
{
    const FgPreset *const p = s->run->job->preset;
    if (p->deinterlace == FG_DEINT_NO || !p->deint)
        return 0;
    return p->deinterlace == FG_DEINT_YES || is_interlaced(s->run->input, f);
}

static int has_alpha(int format)
{
    const AVPixFmtDescriptor *const d = av_pix_fmt_desc_get(format);
    return d && (d->flags & AV_PIX_FMT_FLAG_ALPHA) &&
           !(d->flags & AV_PIX_FMT_FLAG_PAL);
}

/* The colours under what is transparent may be anything, and networks would
 * mix them into the edges. */
static int hides_colours(const Stage *s, const AVFrame *f)
{
    const FgPreset *const p = s->run->job->preset;
    const int straight = p->alpha == FG_ALPHA_STRAIGHT ||
                         (p->alpha == FG_ALPHA_AUTO &&
                          s->run->input->dec->codec_id != AV_CODEC_ID_EXR);
    return straight && has_alpha(f->format) &&
           (strstr(p->chain, "gansr") || strstr(p->chain, "ganfx"));
}

/* In memory, what a frame's samples are. */
static int samples_of(const AVBufferRef *frames, int format)
{
    return frames ? ((const AVHWFramesContext *)frames->data)->sw_format
                  : format;
}

/* A GPU's memory is where frames stay, if the chain takes them there. */
static int uploads(Stage *s, const AVFrame *f)
{
    const FgJob *const job = s->run->job;
    if (f->hw_frames_ctx || s->deint || s->in_memory || !s->run->gpu_frames ||
        fg_device_upload_format(f->format) < 0)
        return 0;
    if (!s->hw)
        s->hw = fg_device_open(job->gpu);
    return s->hw != NULL; /* else the filters upload what they work on */
}

/* The chain, with what brings frames to where it wants them before it. */
static char *chain_text(Stage *s, const AVFrame *f)
{
    const FgPreset *const p = s->run->job->preset;
    const int down = f->hw_frames_ctx && (s->deint || s->in_memory);
    char way[64] = "";
    if (uploads(s, f))
        snprintf(way, sizeof(way), "format=%s,ganup,",
                 av_get_pix_fmt_name(fg_device_upload_format(f->format)));
    else if (down)
        snprintf(way, sizeof(way), "hwdownload,format=%s,",
                 av_get_pix_fmt_name(samples_of(f->hw_frames_ctx, f->format)));
    return s->deint ? fg_format("%s%s,%s", way, p->deint, p->chain)
                    : fg_format("%s%s", way, p->chain);
}

static int open_chain(Stage *s, const AVFrame *f)
{
    const FgRun *const run = s->run;
    char *const text = chain_text(s, f);
    const FgChainUse use = {run->job->threads, run->job->gpu, s->hw, 1};
    const int ret = text ? fg_chain_open(&s->main, text, f,
                                         run->input->time_base,
                                         run->input->frame_rate, &use)
                         : AVERROR(ENOMEM);
    const int on_gpu = f->hw_frames_ctx || (text && (strstr(text, "ganup") ||
                                                     strstr(text, "hwupload")));
    free(text);
    /* Another size than the model's, samples that its kernels do not take. */
    if ((ret != AVERROR(ENOTSUP) && ret != AVERROR(ENOSYS)) || !on_gpu ||
        s->in_memory)
        return ret;
    char old[512];
    fg_log_cause(old, sizeof(old)); /* it is none */
    s->in_memory = 1;
    return open_chain(s, f);
}

static int open_main(Stage *s, const AVFrame *f)
{
    FgRun *const run = s->run;
    const FgPreset *const p = run->job->preset;
    s->deint = s->deint || wants_deint(s, f);
    run->deinterlaced = s->deint;
    s->in_format = samples_of(f->hw_frames_ctx, f->format);
    const int ret = open_chain(s, f);
    if (ret < 0)
        return chain_fail(s, ret);
    for (int i = 0; i < p->nb_commands; i++)
        s->sent[i] = p->commands[i].value;
    return 0;
}

static int is_float(int format)
{
    const AVPixFmtDescriptor *const d = av_pix_fmt_desc_get(format);
    return d && (d->flags & AV_PIX_FMT_FLAG_FLOAT);
}

/* The encoder's format for frames that leave the chain like f. Those in GPU
 * memory stay there where it takes them so, and nothing else was asked for. */
static int encoder_format(const Stage *s, const AVFrame *f)
{
    const FgPreset *const p = s->run->job->preset;
    const AVBufferRef *const frames = av_buffersink_get_hw_frames_ctx(
        s->main.sink);
    const int same = !strcmp(p->pix_fmt, "source");
    if (!frames)
        return fg_preset_pix_fmt(p, f->format);
    if (same && fg_preset_pix_fmt(p, f->format) == f->format)
        return f->format;
    return fg_preset_pix_fmt(p, s->in_format);
}

/* The first frame out decides for the whole file. */
static int learn_output(Stage *s, const AVFrame *f)
{
    FgRun *const run = s->run;
    const FgIndex *const known = run->job->index;
    const AVRational rate = av_buffersink_get_frame_rate(s->main.sink);
    const AVRational in = run->input->frame_rate;
    s->tb = run->out_tb = av_buffersink_get_time_base(s->main.sink);
    run->out_w = known ? known->w : f->width;
    run->out_h = known ? known->h : f->height;
    run->out_sar = known ? known->sar
                         : av_buffersink_get_sample_aspect_ratio(s->main.sink);
    if (run->out_sar.den < 1 || run->out_sar.num < 0)
        run->out_sar = (AVRational){0, 1};
    run->out_fmt = known ? known->fmt : encoder_format(s, f);
    run->out_rate = rate.num > 0 && rate.den > 0 ? rate : (AVRational){0, 1};
    run->rate_ratio = rate.num > 0 && in.num > 0 ? av_q2d(rate) / av_q2d(in)
                                                 : 1;
    if (run->out_fmt < 0) {
        const char *const name = av_get_pix_fmt_name(f->format);
        return fg_run_fail(run, FG_EXIT_CONFIG,
                           "preset '%s': encoder %s takes nothing like %s",
                           run->job->preset->name, run->job->preset->codec,
                           name ? name : "this format");
    }
    if (!known && has_alpha(s->main.format) && !has_alpha(run->out_fmt))
        fg_report_warn(run->report,
                       "the alpha channel is left out: %s has none",
                       av_get_pix_fmt_name(run->out_fmt));
    return 0;
}

static int send_out(Stage *s, AVFrame *f)
{
    AVFrame *out = av_frame_alloc();
    if (!out)
        return fg_run_fail(s->run, FG_EXIT_RETRY, "no memory");
    av_frame_move_ref(out, f);
    s->run->filtered++;
    return fg_queue_push(s->run->out, (FgItem){FG_ITEM_FRAME, out});
}

static int drain_tail(Stage *s)
{
    for (;;) {
        const int ret = av_buffersink_get_frame(s->tail.sink, s->done);
        if (ret == AVERROR(EAGAIN) || ret == AVERROR_EOF)
            return 0;
        if (ret < 0)
            return chain_fail(s, ret);
        s->done->time_base = s->tb;
        if (send_out(s, s->done) < 0)
            return -1;
    }
}

static int flush_tail(Stage *s)
{
    if (!s->tail.graph)
        return 0;
    const int ret = av_buffersrc_add_frame_flags(s->tail.src, NULL,
                                                 AV_BUFFERSRC_FLAG_PUSH);
    return ret < 0 ? chain_fail(s, ret) : drain_tail(s);
}

static int through_tail(Stage *s, AVFrame *f)
{
    FgRun *const run = s->run;
    char text[192], down[64] = "";
    if (!fg_chain_fits(&s->tail, f)) {
        if (flush_tail(s) < 0) /* frames may be on their way */
            return -1;
        if (f->hw_frames_ctx)
            snprintf(
                down, sizeof(down), "gandown,format=%s,",
                av_get_pix_fmt_name(samples_of(f->hw_frames_ctx, f->format)));
        /* swscale cuts floats to 0..1. */
        snprintf(text, sizeof(text), "%s%s=w=%d:h=%d,format=%s", down,
                 is_float(f->format) && is_float(run->out_fmt) ? "zscale"
                                                               : "scale",
                 run->out_w, run->out_h, av_get_pix_fmt_name(run->out_fmt));
        const FgChainUse use = {.threads = run->job->threads};
        const int ret = fg_chain_open(&s->tail, text, f, s->tb, run->out_rate,
                                      &use);
        if (ret < 0)
            return chain_fail(s, ret);
    }
    const int ret = av_buffersrc_add_frame_flags(s->tail.src, f,
                                                 AV_BUFFERSRC_FLAG_PUSH);
    return ret < 0 ? chain_fail(s, ret) : drain_tail(s);
}

static int not_planned(Stage *s, int64_t pts, int64_t want)
{
    return fg_run_fail(s->run, FG_EXIT_CONFIG,
                       "preset '%s': the chain gave a frame at %.6f s, and "
                       "the plan says %.6f s: it cannot be run in chunks",
                       s->run->job->preset->name, (double)pts * av_q2d(s->tb),
                       (double)want * av_q2d(s->tb));
}

/* 1: a frame that was only fed for its neighbours' sake. Chains that give a
 * frame for each are counted, others go by time. -1: fails. */
static int is_extra(Stage *s, int64_t pts)
{
    const FgJob *const job = s->run->job;
    const int64_t k = job->in_from + s->got_out++;
    if (!job->index)
        return 0;
    const FgTrack *const out = &job->index->out;
    const int64_t next = job->from + s->taken;
    int extra = k < job->from || k >= job->to;
    if (out->nb)
        extra = job->from > 0 && pts < out->pts[job->from];
    if (out->nb && !extra && next == job->to)
        return job->to < out->nb ? 1
                                 : not_planned(s, pts, out->pts[out->nb - 1]);
    if (!extra && out->nb && pts != out->pts[next])
        return not_planned(s, pts, out->pts[next]);
    s->taken += !extra;
    return extra;
}

static int filtered(Stage *s, AVFrame *f)
{
    FgRun *const run = s->run;
    const AVRational tb = av_buffersink_get_time_base(s->main.sink);
    if (!s->tb.num && learn_output(s, f) < 0)
        return -1;
    f->time_base = s->tb;
    f->pts = av_rescale_q(f->pts, tb, s->tb);
    if (!s->got_out)
        s->first_out = f->pts;
    run->out_span = (double)(f->pts - s->first_out) * av_q2d(s->tb);
    const int extra = is_extra(s, f->pts);
    if (extra) {
        av_frame_unref(f);
        return extra < 0 ? -1 : 0;
    }
    f->duration = av_rescale_q(f->duration, tb, s->tb);
    if (f->width == run->out_w && f->height == run->out_h &&
        f->format == run->out_fmt)
        return send_out(s, f);
    return through_tail(s, f);
}

static int drain_main(Stage *s)
{
    while (!s->run->failed) {
        const int ret = av_buffersink_get_frame(s->main.sink, s->got);
        if (ret == AVERROR(EAGAIN) || ret == AVERROR_EOF)
            return 0;
        if (ret < 0)
            return chain_fail(s, ret);
        if (filtered(s, s->got) < 0)
            return -1;
    }
    return 0;
}

static int flush_main(Stage *s)
{
    if (!s->main.graph)
        return 0;
    const int ret = av_buffersrc_add_frame_flags(s->main.src, NULL,
                                                 AV_BUFFERSRC_FLAG_PUSH);
    return ret < 0 ? chain_fail(s, ret) : drain_main(s);
}

static int send_commands(Stage *s, const AVFrame *f)
{
    const FgPreset *const p = s->run->job->preset;
    const double t = (double)(f->pts - s->first_pts) *
                     av_q2d(s->run->input->time_base);
    assert(s->sent);
    for (int i = 0; i < p->nb_commands; i++) {
        const FgCommand *const c = &p->commands[i];
        const char *const v = fg_preset_command_value(p, i, t, s->n);
        if (!strcmp(v, s->sent[i]))
            continue;
        const int ret = avfilter_graph_send_command(s->main.graph, c->target,
                                                    c->command, v, NULL, 0, 0);
        if (ret < 0)
            return chain_fail(s, ret);
        s->sent[i] = v;
    }
    return 0;
}

static int one_frame(Stage *s, AVFrame *f)
{
    const FgJob *const job = s->run->job;
    if (!s->main.graph && !s->n) {
        s->n = job->index ? job->in_from : 0;
        s->first_pts = job->index ? job->index->pts[0] : f->pts;
    }
    if (s->main.graph && !s->resized &&
        (s->main.w != f->width || s->main.h != f->height)) {
        s->resized = 1;
        fg_report_warn(s->run->report,
                       "frame %lld: the size changes from %dx%d to %dx%d: what "
                       "follows is fitted to the first",
                       (long long)s->n, s->main.w, s->main.h, f->width,
                       f->height);
    }
    if (!fg_chain_fits(&s->main, f) || (!s->deint && wants_deint(s, f))) {
        if (flush_main(s) < 0 || open_main(s, f) < 0)
            return -1;
    }
    if (send_commands(s, f) < 0)
        return -1;
    if (hides_colours(s, f) && fg_bleed(f) < 0)
        return fg_run_fail(s->run, FG_EXIT_RETRY, "no memory");
    s->n++;
    s->run->in_span = (double)(f->pts - s->first_pts) *
                      av_q2d(s->run->input->time_base);
    const int ret = av_buffersrc_add_frame_flags(s->main.src, f,
                                                 AV_BUFFERSRC_FLAG_PUSH);
    return ret < 0 ? chain_fail(s, ret) : drain_main(s);
}

static int all_frames(Stage *s)
{
    FgItem item;
    int ret;
    while ((ret = fg_queue_pop(s->run->frames, &item)) > 0) {
        AVFrame *f = item.value;
        ret = one_frame(s, f);
        av_frame_free(&f);
        if (ret < 0)
            return ret;
    }
    return ret;
}

/* Chains that can be cut give one frame for each, or those of the plan. */
static void check_part(const Stage *s)
{
    const FgJob *const job = s->run->job;
    const int by_time = job->index && job->index->out.nb;
    const int64_t want = by_time ? job->to - job->from
                                 : job->in_to - job->in_from;
    const int64_t got = by_time ? s->taken : s->got_out;
    if (job->index && got != want)
        fg_run_fail(s->run, FG_EXIT_CONFIG,
                    "preset '%s': the chain gave %lld frames for %lld: it "
                    "cannot be run in chunks",
                    job->preset->name, (long long)got, (long long)want);
}

int fg_graph_probe(FgRun *run, const AVFrame *first)
{
    Stage s = {.run = run};
    AVFrame f = {0};
    s.sent = av_calloc((size_t)run->job->preset->nb_commands + 1,
                       sizeof(*s.sent));
    int ret = s.sent ? open_main(&s, first)
                     : fg_run_fail(run, FG_EXIT_RETRY, "no memory");
    if (!ret) {
        f.width = av_buffersink_get_w(s.main.sink);
        f.height = av_buffersink_get_h(s.main.sink);
        f.format = av_buffersink_get_format(s.main.sink);
        ret = learn_output(&s, &f);
    }
    fg_chain_close(&s.main);
    av_buffer_unref(&s.hw);
    av_free(s.sent);
    return ret;
}

void *fg_graph_main(void *arg)
{
    FgRun *const run = arg;
    Stage s = {.run = run, .got = av_frame_alloc(), .done = av_frame_alloc()};
    s.sent = av_calloc((size_t)run->job->preset->nb_commands + 1,
                       sizeof(*s.sent));
    int ret = 0;
    if (!s.got || !s.done || !s.sent)
        ret = fg_run_fail(run, FG_EXIT_RETRY, "no memory");
    if (!ret)
        ret = all_frames(&s);
    if (!ret)
        ret = flush_main(&s);
    if (!ret && !run->failed)
        ret = flush_tail(&s);
    if (!ret && !run->failed)
        check_part(&s);
    fg_chain_close(&s.main);
    fg_chain_close(&s.tail);
    av_buffer_unref(&s.hw);
    av_frame_free(&s.got);
    av_frame_free(&s.done);
    av_free(s.sent);
    fg_queue_finish(run->out);
    fg_run_stage_ends(run);
    return NULL;
}
