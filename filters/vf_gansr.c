/* ffgan: the gansr filter: super-resolution by a network.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter.h"

#include <limits.h>

#include <libavutil/common.h>
#include <libavutil/pixdesc.h>
#include <libavutil/timestamp.h>

#include "flight.h"
#include "frame.h"
#include "gpu.h"
#include "props.h"
#include "size.h"
#include "upscale.h"

typedef struct GansrContext {
    const AVClass *class;
    char *model_name, *w_expr, *h_expr, *device;
    double scale_factor, blend;
    int precision, tilesize, space, range, inflight;

    FgModel *model;
    FgUpscale *up;
    FgGpu *gpu;       /* instead of up, where frames are in GPU memory */
    FgFlight *flight; /* beside up, where several frames go at a time */
    FgFlightFrame held[FG_FLIGHT_MOST]; /* taken and not yet done */
    int nb_held, most;
    int sent;  /* frames in this turn */
    int error; /* that came after them, told when they have been fetched */
    FgExecutor ex;
    int in_w, in_h; /* what up was made for */
    int said_guess, said_drop, said_fields, said_small;
} GansrContext;

/* ---- life ---- */

static av_cold int init(AVFilterContext *ctx)
{
    GansrContext *s = ctx->priv;

    return fg_filter_model(ctx, s->model_name, FG_TASK_SR, &s->model);
}

static void drop(GansrContext *s)
{
    for (int i = 0; i < s->nb_held; i++) {
        av_frame_free(&s->held[i].in);
        av_frame_free(&s->held[i].out);
    }
    s->nb_held = 0;
}

static av_cold void uninit(AVFilterContext *ctx)
{
    GansrContext *s = ctx->priv;

    if (s->nb_held)
        av_log(ctx, AV_LOG_WARNING,
               "%d frames are lost: the graph goes before its end "
               "(inflight=1 holds none)\n",
               s->nb_held);
    drop(s);
    fg_flight_free(&s->flight);
    fg_upscale_free(&s->up);
    fg_gpu_free(&s->gpu);
    fg_model_free(&s->model);
}

/* Frames leave as they came: GPU memory stays GPU memory. */
static int query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **in,
                         AVFilterFormatsConfig **out)
{
    AVFilterFormats *list = ff_make_format_list((const int *)fg_pix_fmts);
    const int ret = ff_add_format(&list, AV_PIX_FMT_CUDA);

    return ret < 0 ? ret : ff_set_common_formats2(ctx, in, out, list);
}

static int output_size(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    const GansrContext *s = ctx->priv;
    const AVFilterLink *in = ctx->inputs[0];
    const FgSizeIn size = {
        .w = in->w,
        .h = in->h,
        .sar = in->sample_aspect_ratio,
        .factor = s->scale_factor > 0 ? s->scale_factor : s->model->scale,
        .w_expr = s->w_expr,
        .h_expr = s->h_expr,
    };
    FgError err = {""};
    const int ret = fg_size(&outlink->w, &outlink->h, &size, &err);

    if (ret < 0)
        return fg_filter_fail(ctx, ret, &err);
    outlink->sample_aspect_ratio = in->sample_aspect_ratio;
    if (in->sample_aspect_ratio.num)
        av_reduce(&outlink->sample_aspect_ratio.num,
                  &outlink->sample_aspect_ratio.den,
                  (int64_t)in->sample_aspect_ratio.num * outlink->h * in->w,
                  (int64_t)in->sample_aspect_ratio.den * outlink->w * in->h,
                  INT_MAX);
    return 0;
}

static void log_plan(AVFilterContext *ctx, const AVFilterLink *in,
                     const AVFilterLink *out)
{
    const GansrContext *s = ctx->priv;
    FgPlanInfo i;

    if (s->gpu)
        fg_gpu_plan_info(s->gpu, &i);
    else
        fg_upscale_plan_info(s->up, &i);
    av_log(ctx, AV_LOG_VERBOSE,
           "%dx%d -> %dx%d, %s, device %s, %s on %s, tiles %dx%d, reach %d, "
           "%.0f MiB, %.1f kMAC per pixel, %d threads, %d at a time\n",
           in->w, in->h, out->w, out->h, av_get_pix_fmt_name(in->format),
           i.device, i.precision, i.isa, i.tile_w, i.tile_h, i.radius,
           i.bytes / 1048576.0, i.macs_per_pixel / 1000, s->ex.threads,
           s->most);
    if (i.note)
        av_log(ctx, AV_LOG_VERBOSE, "%s\n", i.note);
}

/* Where there is no memory for more than one frame, one goes as well. */
static int make_flight(GansrContext *s, FgError *err)
{
    const int n = fg_flight_frames(s->up, &s->ex, s->inflight);
    int ret = n > 1 ? fg_flight_create(&s->flight, s->up, &s->ex, n, err) : 0;

    if (ret == AVERROR(ENOMEM))
        ret = 0;
    s->most = s->flight ? n : 1;
    return ret;
}

static int make_upscale(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    GansrContext *s = ctx->priv;
    const AVFilterLink *in = ctx->inputs[0];
    FgError err = {""};
    int ret;

    fg_flight_free(&s->flight);
    fg_upscale_free(&s->up);
    fg_gpu_free(&s->gpu);
    s->most = 1;
    fg_slices_init(&s->ex, ctx);
    const FgUpscaleOptions o = {
        .format = in->format,
        .in_w = in->w,
        .in_h = in->h,
        .out_w = outlink->w,
        .out_h = outlink->h,
        .device = s->device,
        .precision = s->precision,
        .tile = s->tilesize,
        .ex = &s->ex,
    };

    if (in->format == AV_PIX_FMT_CUDA)
        ret = fg_gpu_create(&s->gpu, ctx->inputs[0], outlink, s->model, &o,
                            &err);
    else
        ret = fg_upscale_create(&s->up, s->model, &o, &err);
    if (ret < 0)
        return fg_filter_fail(ctx, ret, &err);
    s->in_w = in->w;
    s->in_h = in->h;
    if (s->up && (ret = make_flight(s, &err)) < 0)
        return fg_filter_fail(ctx, ret, &err);
    log_plan(ctx, in, outlink);
    if (s->gpu)
        return 0;
    fg_say_once(ctx, &s->said_small, AV_LOG_WARNING, fg_upscale_shrunk(s->up),
                "not enough memory for large tiles: the frames go in smaller "
                "ones, slower and with the same result");
    return 0;
}

static int config_output(AVFilterLink *outlink)
{
    const int ret = output_size(outlink);

    return ret < 0 ? ret : make_upscale(outlink);
}

/* ---- frames ---- */

/* Frames may come in another size without the graph being made anew. They leave
 * in the size that the filters after this one were made for, as those of the
 * scale filter do, and in their format. The link is no measure of the size: the
 * filter before may have changed it already. */
static int follow_size(AVFilterLink *inlink, const AVFrame *in)
{
    const GansrContext *s = inlink->dst->priv;

    if (in->format != inlink->format) {
        av_log(inlink->dst, AV_LOG_ERROR,
               "frames change from %s to %s: this needs a new filter graph\n",
               av_get_pix_fmt_name(inlink->format),
               av_get_pix_fmt_name(in->format));
        return AVERROR(EINVAL);
    }
    if ((s->up || s->gpu) && in->width == s->in_w && in->height == s->in_h)
        return 0;
    if (in->format == AV_PIX_FMT_CUDA) {
        av_log(inlink->dst, AV_LOG_ERROR,
               "frames in GPU memory change their size: this needs a new "
               "filter graph\n");
        return AVERROR(EINVAL);
    }
    inlink->w = in->width;
    inlink->h = in->height;
    return make_upscale(inlink->dst->outputs[0]);
}

static void upscale(GansrContext *s)
{
    FgFlightFrame *const v = s->held;

    if (s->flight) {
        fg_flight_run(s->flight, v, s->nb_held);
        return;
    }
    v->ret = s->gpu ? fg_gpu_frame(s->gpu, v->out, v->in, &v->look, &v->err)
                    : fg_upscale_frame(s->up, v->out, v->in, &v->look, &v->err);
    v->guessed = s->gpu ? fg_gpu_guessed(s->gpu) : fg_upscale_guessed(s->up);
}

static int give(AVFilterContext *ctx, FgFlightFrame *v)
{
    GansrContext *s = ctx->priv;
    AVFilterLink *outlink = ctx->outputs[0];
    AVFrame *const out = v->out;

    if (v->ret < 0) {
        av_log(ctx, AV_LOG_ERROR, "frame at pts %s: %s\n",
               av_ts2str(v->in->pts), v->err.text);
        return v->ret;
    }
    fg_say_once(
        ctx, &s->said_guess, AV_LOG_INFO, v->guessed,
        "the input does not say its colour matrix: BT.709 is assumed from "
        "720 lines or 1280 columns on, else BT.601 (colorspace= says it)");
    v->out = NULL;
    s->sent++;
    outlink->sample_aspect_ratio = out->sample_aspect_ratio; /* it rules */
    return ff_filter_frame(outlink, out);
}

/* The frames that were taken: done and sent on, in order, up to the first that
 * fails. */
static int give_all(AVFilterContext *ctx)
{
    GansrContext *s = ctx->priv;
    int ret = 0;

    if (s->nb_held)
        upscale(s);
    for (int i = 0; i < s->nb_held && ret >= 0; i++)
        ret = give(ctx, &s->held[i]);
    drop(s);
    return ret;
}

/* What is there to know of the frame now, and room for its result. */
static int take(AVFilterContext *ctx, AVFrame *in)
{
    GansrContext *s = ctx->priv;
    AVFilterLink *outlink = ctx->outputs[0];
    AVFrame *out = ff_get_video_buffer(outlink, outlink->w, outlink->h);
    int ret;

    if (!out && s->nb_held) { /* there is memory for fewer */
        if ((ret = give_all(ctx)) < 0) {
            av_frame_free(&in);
            return ret;
        }
        fg_flight_free(&s->flight);
        s->most = 1;
        out = ff_get_video_buffer(outlink, outlink->w, outlink->h);
    }
    FgFlightFrame *const v = &s->held[s->nb_held];

    ret = out ? fg_props_copy(out, in) : AVERROR(ENOMEM);

    if (ret < 0) {
        av_frame_free(&in);
        av_frame_free(&out);
        const int before = give_all(ctx);
        return before < 0 ? before : ret;
    }
    *v = (FgFlightFrame){
        .in = in, .out = out, .look = {(float)s->blend, s->space, s->range}};
    s->nb_held++;
    fg_say_once(ctx, &s->said_drop, AV_LOG_VERBOSE, ret > 0,
                "side data that counts in pixels was dropped");
    fg_say_once(ctx, &s->said_fields, AV_LOG_WARNING,
                !!(in->flags & AV_FRAME_FLAG_INTERLACED),
                "the input is interlaced: put a deinterlacer before gansr");
    return 0;
}

static int take_next(AVFilterContext *ctx, AVFrame *in)
{
    GansrContext *s = ctx->priv;
    AVFilterLink *inlink = ctx->inputs[0];
    int ret = 0;

    if (in->width != s->in_w || in->height != s->in_h ||
        in->format != inlink->format)
        ret = give_all(ctx); /* before their enlargers go */
    if (ret >= 0)
        ret = follow_size(inlink, in);
    if (ret >= 0)
        return take(ctx, in);
    av_frame_free(&in);
    return ret;
}

/* At the end of frames in GPU memory their results are judged: before, that
 * would mean to wait for them. */
static int finish(AVFilterContext *ctx, int status, int64_t pts)
{
    const GansrContext *s = ctx->priv;
    FgError err = {""};
    int ret = give_all(ctx);

    if (ret < 0)
        return ret;
    if (s->gpu && status == AVERROR_EOF &&
        (ret = fg_gpu_finish(s->gpu, &err)) < 0)
        return fg_filter_fail(ctx, ret, &err);
    ff_outlink_set_status(ctx->outputs[0], status, pts);
    return 0;
}

static int work(AVFilterContext *ctx)
{
    AVFilterLink *in = ctx->inputs[0], *out = ctx->outputs[0];
    GansrContext *s = ctx->priv;
    AVFrame *f = NULL;
    int64_t pts;
    int ret, status;

    FF_FILTER_FORWARD_STATUS_BACK(out, in);
    if (s->error)
        return ff_outlink_frame_wanted(out) ? s->error : FFERROR_NOT_READY;
    /* A frame is taken as soon as it is there: what a command changes holds for
     * those after it. */
    while ((ret = ff_inlink_consume_frame(in, &f)) > 0) {
        if ((ret = take_next(ctx, f)) < 0)
            return ret;
        if (s->nb_held < s->most)
            continue;
        ff_filter_set_ready(ctx, 100);
        return give_all(ctx);
    }
    if (ret < 0)
        return ret;
    if (ff_inlink_acknowledge_status(in, &status, &pts))
        return finish(ctx, status, pts);
    FF_FILTER_FORWARD_WANTED(out, in);
    return FFERROR_NOT_READY;
}

static int activate(AVFilterContext *ctx)
{
    GansrContext *s = ctx->priv;

    s->sent = 0;
    int ret = work(ctx);

    if (s->sent && ret < 0 && ret != FFERROR_NOT_READY) {
        s->error = ret;
        ret = 0;
    }
    return fg_filter_end(ctx, ret);
}

/* ---- options ---- */

#define CONTEXT GansrContext

static const AVOption gansr_options[] = {
    FG_TEXT("model", "name or path of the weights file; help lists the names",
            model_name, "balanced-x2"),
    FG_VALUE("scale_factor", "output size factor, 0 = the model's",
             scale_factor, DOUBLE, {.dbl = 0}, 64, NULL),
    FG_TEXT("w", "output width, an expression; unset = from scale_factor",
            w_expr, NULL),
    FG_TEXT("h", "output height, an expression; unset = from scale_factor",
            h_expr, NULL),
    FG_LIVE("blend", "share of a plain bicubic enlargement mixed in", blend, 0,
            0, 1),
    FG_VALUE("inflight",
             "frames done at the same time, 0 = several where one is too small "
             "for all threads",
             inflight, INT, {.i64 = 1}, FG_FLIGHT_MOST, NULL),
    FG_OPTIONS_PLAN,
    FG_OPTIONS_COLOUR,
    {NULL},
};

AVFILTER_DEFINE_CLASS(gansr);

static const AVFilterPad gansr_inputs[] = {
    {.name = "default", .type = AVMEDIA_TYPE_VIDEO},
};

static const AVFilterPad gansr_outputs[] = {
    {.name = "default",
     .type = AVMEDIA_TYPE_VIDEO,
     .config_props = config_output},
};

extern const FFFilter ff_vf_gansr;
const FFFilter ff_vf_gansr = {
    FG_PUB(name) = "gansr",
    FG_PUB(description) = NULL_IF_CONFIG_SMALL(
        "Super-resolution by a neural network."),
    FG_PUB(priv_class) = &gansr_class,
    FG_PUB(flags) = AVFILTER_FLAG_SLICE_THREADS,
    .priv_size = sizeof(GansrContext),
    .init = init,
    .uninit = uninit,
    .activate = activate,
    FILTER_INPUTS(gansr_inputs),
    FILTER_OUTPUTS(gansr_outputs),
    FILTER_QUERY_FUNC2(query_formats),
    .flags_internal = FF_FILTER_FLAG_HWFRAME_AWARE,
    .process_command = ff_filter_process_command,
};
