/* ffgan: the stage that makes frames.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

#include "pipeline/chain.h"
#include "pipeline/device.h"
#include "pipeline/exit.h"
#include "pipeline/generate.h"
#include "pipeline/util.h"

typedef struct Stage {
    FgRun *run;
    AVFilterGraph *graph;
    AVFilterContext *sink;
    AVBufferRef *hw;     /* the GPU that frames are made on, NULL = none */
    const char *samples; /* of these frames */
    int is_plain;        /* the graph is the chain alone */
    int64_t made;        /* frames that came out so far */
} Stage;

static int fail(const Stage *s, int ret)
{
    const FgPreset *const p = s->run->job->preset;
    char cause[512];
    fg_log_cause(cause, sizeof(cause));
    if (ret == AVERROR_EXTERNAL && s->hw) /* FFmpeg's word for the driver's */
        ret = AVERROR(ENODEV);
    return fg_run_fail(s->run, fg_exit_chain(ret), "preset '%s': %s", p->name,
                       *cause ? cause : fg_strerror(ret));
}

/* A part of the frames: the source starts further on and ends earlier. */
static int take_part(const FgJob *job, AVFilterGraphSegment *seg)
{
    AVFilterParams *const source = seg->chains[0]->filters[0];
    if (!job->index)
        return 0;
    const int ret = av_dict_set_int(&source->opts, "start",
                                    job->make_first + job->in_from, 0);
    return ret < 0 ? ret
                   : av_dict_set_int(&source->opts, "nb_frames",
                                     job->in_to - job->in_from, 0);
}

static int parse(Stage *s, const char *text)
{
    AVFilterGraphSegment *seg = NULL;
    AVFilterInOut *ins = NULL, *outs = NULL;
    int ret = avfilter_graph_segment_parse(s->graph, text, 0, &seg);
    /* Unnamed options get their names. */
    if (ret >= 0)
        ret = avfilter_graph_segment_create_filters(seg, 0);
    if (ret >= 0)
        ret = take_part(s->run->job, seg);
    if (ret >= 0 && s->samples)
        ret = av_dict_set(&seg->chains[0]->filters[0]->opts, "samples",
                          s->samples, 0);
    if (ret >= 0)
        ret = avfilter_graph_segment_apply(seg, 0, &ins, &outs);
    if (ret >= 0 && (ins || !outs || outs->next))
        ret = AVERROR(EINVAL);
    if (ret >= 0)
        ret = avfilter_link(outs->filter_ctx, (unsigned)outs->pad_idx, s->sink,
                            0);
    avfilter_inout_free(&ins);
    avfilter_inout_free(&outs);
    avfilter_graph_segment_free(&seg);
    return ret;
}

static int open_graph(Stage *s, const char *text)
{
    s->is_plain = !strcmp(text, s->run->job->preset->chain);
    avfilter_graph_free(&s->graph);
    s->graph = avfilter_graph_alloc();
    if (!s->graph)
        return AVERROR(ENOMEM);
    s->graph->nb_threads = s->run->job->threads;
    s->graph->scale_sws_opts = av_strdup(
        "flags=bicubic+accurate_rnd+full_chroma_int");
    int ret = avfilter_graph_create_filter(&s->sink,
                                           avfilter_get_by_name("buffersink"),
                                           "out", NULL, NULL, s->graph);
    if (ret >= 0)
        ret = parse(s, text);
    const FgChainUse use = {.gpu = s->run->job->gpu, .hw = s->hw};
    if (ret >= 0)
        ret = fg_chain_devices(s->graph, &use);
    return ret < 0 ? ret : avfilter_graph_config(s->graph, NULL);
}

static int is_rgb(int format)
{
    const AVPixFmtDescriptor *const d = av_pix_fmt_desc_get(format);
    return d && (d->flags & AV_PIX_FMT_FLAG_RGB);
}

/* The encoder's format; from RGB to YCbCr by BT.709, as it is tagged. */
static char *with_format(const char *chain, int from, int to)
{
    const char *const name = av_get_pix_fmt_name(to);
    if (from == to)
        return fg_format("%s", chain);
    if (is_rgb(from) && !is_rgb(to))
        return fg_format("%s,scale=out_color_matrix=bt709:out_range=tv,"
                         "format=%s",
                         chain, name);
    return fg_format("%s,format=%s", chain, name);
}

/* What is made on a GPU stays there to the end of the chain, and for encoders
 * that take it so; others get what they want, and no more, in memory. */
static char *gpu_text(Stage *s, const FgPreset *p, int out_fmt)
{
    const AVCodec *const codec = avcodec_find_encoder_by_name(p->codec);
    const int samples = fg_device_made_format(out_fmt);
    if (samples < 0 || !fg_device_asked(p->chain) || !fg_device_keeps(p->chain))
        return NULL;
    s->hw = fg_device_open(s->run->job->gpu);
    s->samples = s->hw ? av_get_pix_fmt_name(samples) : NULL;
    if (!s->hw)
        return NULL;
    if (codec && codec->capabilities & AV_CODEC_CAP_HARDWARE &&
        fg_preset_pix_fmt(p, AV_PIX_FMT_CUDA) == AV_PIX_FMT_CUDA) {
        s->run->out_fmt = AV_PIX_FMT_CUDA;
        return fg_format("%s,format=cuda", p->chain);
    }
    return fg_format("%s,gandown,format=%s,format=%s", p->chain, s->samples,
                     av_get_pix_fmt_name(out_fmt));
}

/* Whether frames are made in a GPU's memory, and the chain for it open. */
static int open_gpu(Stage *s, const FgPreset *p)
{
    const int out_fmt = s->run->out_fmt;
    char *const text = gpu_text(s, p, out_fmt);
    char cause[512];
    if (!text)
        return 0;
    const int ret = open_graph(s, text);
    free(text);
    if (ret >= 0)
        return 1;
    if (ret != AVERROR(ENOTSUP) && ret != AVERROR(ENOSYS))
        return ret;
    fg_log_cause(cause, sizeof(cause)); /* it is none */
    av_buffer_unref(&s->hw);
    s->samples = NULL;
    s->run->out_fmt = out_fmt;
    return 0;
}

/* Unless the chain is open as it is. */
static int open_memory(Stage *s, const FgPreset *p, int format)
{
    if (format == s->run->out_fmt && s->is_plain)
        return 0;
    char *const text = with_format(p->chain, format, s->run->out_fmt);
    const int ret = text ? open_graph(s, text) : AVERROR(ENOMEM);
    free(text);
    return ret;
}

/* Twice: what the chain gives is known when it is there. */
static int open_stage(Stage *s)
{
    FgRun *const run = s->run;
    const FgPreset *const p = run->job->preset;
    int ret = open_graph(s, p->chain);
    if (ret < 0)
        return fail(s, ret);
    const int format = av_buffersink_get_format(s->sink);
    const AVRational rate = av_buffersink_get_frame_rate(s->sink);
    run->out_fmt = fg_preset_pix_fmt(p, format);
    if (run->out_fmt < 0)
        return fg_run_fail(run, FG_EXIT_CONFIG,
                           "preset '%s': encoder %s takes nothing like %s",
                           p->name, p->codec, av_get_pix_fmt_name(format));
    run->out_w = av_buffersink_get_w(s->sink);
    run->out_h = av_buffersink_get_h(s->sink);
    run->out_rate = rate.num > 0 ? rate : run->input->frame_rate;
    run->rate_ratio = av_q2d(run->out_rate) / av_q2d(run->input->frame_rate);
    ret = open_gpu(s, p);
    if (!ret)
        ret = open_memory(s, p, format);
    return ret < 0 ? fail(s, ret) : 0;
}

/* Times count from the first frame of all; frames that were made for the
 * chain's sake alone go. */
static int send_frame(Stage *s, AVFrame *f)
{
    const FgJob *const job = s->run->job;
    const int64_t i = job->in_from + s->made++;
    f->time_base = av_buffersink_get_time_base(s->sink);
    if (job->index && (i < job->from || i >= job->to)) {
        av_frame_free(&f);
        return 0;
    }
    f->pts += av_rescale_q(job->in_from, av_inv_q(job->make_rate),
                           f->time_base);
    s->run->filtered++;
    return fg_queue_push(s->run->out, (FgItem){FG_ITEM_FRAME, f});
}

static int all_frames(Stage *s)
{
    while (!s->run->failed) {
        AVFrame *f = av_frame_alloc();
        const int ret = f ? av_buffersink_get_frame(s->sink, f)
                          : AVERROR(ENOMEM);
        if (ret < 0) {
            av_frame_free(&f);
            return ret == AVERROR_EOF ? 0 : fail(s, ret);
        }
        if (send_frame(s, f) < 0)
            return -1;
    }
    return 0;
}

int fg_generate_probe(FgRun *run)
{
    Stage s = {.run = run};
    const int ret = open_stage(&s);
    if (!ret) {
        run->out_tb = av_buffersink_get_time_base(s.sink);
        run->out_sar = av_buffersink_get_sample_aspect_ratio(s.sink);
    }
    avfilter_graph_free(&s.graph);
    av_buffer_unref(&s.hw);
    return ret;
}

void *fg_generate_main(void *arg)
{
    FgRun *const run = arg;
    Stage s = {.run = run};
    if (!open_stage(&s))
        all_frames(&s);
    avfilter_graph_free(&s.graph);
    av_buffer_unref(&s.hw);
    fg_queue_finish(run->out);
    fg_run_stage_ends(run);
    return NULL;
}
