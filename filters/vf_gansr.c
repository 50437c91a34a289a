/* ffgan: the gansr filter: super-resolution by a network.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter.h"

#include <limits.h>

#include <libavutil/common.h>
#include <libavutil/pixdesc.h>
#include <libavutil/timestamp.h>

#include "frame.h"
#include "gpu.h"
#include "props.h"
#include "size.h"
#include "upscale.h"

typedef struct GansrContext {
    const AVClass *class;
    char *model_name, *w_expr, *h_expr, *device;
    double scale_factor, blend;
    int precision, tilesize, space, range;

    FgModel *model;
    FgUpscale *up;
    FgGpu *gpu; /* instead of up, where frames are in GPU memory */
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

static av_cold void uninit(AVFilterContext *ctx)
{
    GansrContext *s = ctx->priv;

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
           "%.0f MiB, %.1f kMAC per pixel, %d threads\n",
           in->w, in->h, out->w, out->h, av_get_pix_fmt_name(in->format),
           i.device, i.precision, i.isa, i.tile_w, i.tile_h, i.radius,
           i.bytes / 1048576.0, i.macs_per_pixel / 1000, s->ex.threads);
    if (i.note)
        av_log(ctx, AV_LOG_VERBOSE, "%s\n", i.note);
}

static int make_upscale(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    GansrContext *s = ctx->priv;
    const AVFilterLink *in = ctx->inputs[0];
    FgError err = {""};
    int ret;

    fg_upscale_free(&s->up);
    fg_gpu_free(&s->gpu);
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

static int upscale(AVFilterContext *ctx, AVFrame *out, const AVFrame *in)
{
    GansrContext *s = ctx->priv;
    const FgLook look = {(float)s->blend, s->space, s->range};
    FgError err = {""};
    int ret = fg_props_copy(out, in);

    if (ret < 0)
        return ret;
    fg_say_once(ctx, &s->said_drop, AV_LOG_VERBOSE, ret > 0,
                "side data that counts in pixels was dropped");
    fg_say_once(ctx, &s->said_fields, AV_LOG_WARNING,
                !!(in->flags & AV_FRAME_FLAG_INTERLACED),
                "the input is interlaced: put a deinterlacer before gansr");
    ret = s->gpu ? fg_gpu_frame(s->gpu, out, in, &look, &err)
                 : fg_upscale_frame(s->up, out, in, &look, &err);
    if (ret < 0) {
        av_log(ctx, AV_LOG_ERROR, "frame at pts %s: %s\n", av_ts2str(in->pts),
               err.text);
        return ret;
    }
    fg_say_once(
        ctx, &s->said_guess, AV_LOG_INFO,
        s->gpu ? fg_gpu_guessed(s->gpu) : fg_upscale_guessed(s->up),
        "the input does not say its colour matrix: BT.709 is assumed from "
        "720 lines or 1280 columns on, else BT.601 (colorspace= says it)");
    return 0;
}

static int filter_frame(AVFilterLink *inlink, AVFrame *in)
{
    AVFilterContext *ctx = inlink->dst;
    AVFilterLink *outlink = ctx->outputs[0];
    AVFrame *out = NULL;
    int ret = follow_size(inlink, in);

    if (ret < 0)
        goto end;
    out = ff_get_video_buffer(outlink, outlink->w, outlink->h);
    if (!out) {
        ret = AVERROR(ENOMEM);
        goto end;
    }
    ret = upscale(ctx, out, in);
    outlink->sample_aspect_ratio = out->sample_aspect_ratio; /* it rules */
end:
    av_frame_free(&in);
    if (ret < 0) {
        av_frame_free(&out);
        return ret;
    }
    return ff_filter_frame(outlink, out);
}

/* At the end of frames in GPU memory their results are judged: before, that
 * would mean to wait for them. */
static int request_frame(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    GansrContext *s = ctx->priv;
    int ret = ff_request_frame(ctx->inputs[0]);
    FgError err = {""};

    if (ret != AVERROR_EOF || !s->gpu)
        return ret;
    const int bad = fg_gpu_finish(s->gpu, &err);

    return bad < 0 ? fg_filter_fail(ctx, bad, &err) : ret;
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
    FG_OPTIONS_PLAN,
    FG_OPTIONS_COLOUR,
    {NULL},
};

AVFILTER_DEFINE_CLASS(gansr);

static const AVFilterPad gansr_inputs[] = {
    {.name = "default",
     .type = AVMEDIA_TYPE_VIDEO,
     .filter_frame = filter_frame},
};

static const AVFilterPad gansr_outputs[] = {
    {.name = "default",
     .type = AVMEDIA_TYPE_VIDEO,
     .request_frame = request_frame,
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
    FILTER_INPUTS(gansr_inputs),
    FILTER_OUTPUTS(gansr_outputs),
    FILTER_QUERY_FUNC2(query_formats),
    .flags_internal = FF_FILTER_FLAG_HWFRAME_AWARE,
    .process_command = ff_filter_process_command,
};
