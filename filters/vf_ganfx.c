/* ffgan: the ganfx filter: pictures through an image-to-image network.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter.h"

#include <libavutil/common.h>
#include <libavutil/hwcontext.h>
#include <libavutil/mem.h>
#include <libavutil/timestamp.h>

#include <libavfilter/framesync.h>

#include "gpu.h"
#include "kernels/freeze.h"
#include "props.h"
#include "steady.h"
#include "upscale.h"

enum { MASK_NONE, MASK_ALPHA, MASK_INPUT };
enum { NORM_FRAME, NORM_SHOT };

typedef struct GanfxContext {
    const AVClass *class;
    char *model_name, *device;
    int precision, tilesize, space, range, mask, measure, norm;
    double strength, steady, bound, scd_threshold;

    FgModel *model, *frozen; /* frozen: with the statistics of the shot */
    FgUpscale *up;           /* of the one or the other */
    FgGpu *gpu;              /* instead, where frames are in GPU memory */
    FgSteadyLook look;       /* of the frame at hand */
    FgSteady *hold;          /* NULL: nothing asks for the frame before */
    FgExecutor ex;
    FFFrameSync fs;
    FgFormat fmt, mask_fmt;
    float *scratch; /* [threads][4][w] */
    int said_guess, said_fields;
    int judged;                   /* all results in GPU memory */
    double source, before, after; /* sums of flicker */
    int64_t measured;
    /* of the frame at hand */
    AVFrame *out;
    const AVFrame *in, *stencil;
    FgCode code[4], mask_code;
    int k;
} GanfxContext;

/* ---- life ---- */

static int filter_pair(FFFrameSync *fs);

static av_cold int init(AVFilterContext *ctx)
{
    GanfxContext *s = ctx->priv;
    AVFilterPad main = {.name = "default", .type = AVMEDIA_TYPE_VIDEO};
    AVFilterPad mask = {.name = "mask", .type = AVMEDIA_TYPE_VIDEO};
    int ret = ff_append_inpad(ctx, &main);

    if (ret >= 0 && s->mask == MASK_INPUT)
        ret = ff_append_inpad(ctx, &mask);
    return ret < 0
               ? ret
               : fg_filter_model(ctx, s->model_name, FG_TASK_IMAGE, &s->model);
}

static av_cold void uninit(AVFilterContext *ctx)
{
    GanfxContext *s = ctx->priv;
    const double n = (double)s->measured;

    if (s->measured)
        av_log(ctx, AV_LOG_INFO,
               "flicker over %" PRId64 " frames, code values of 255: source "
               "%.3f, network %.3f, output %.3f\n",
               s->measured, s->source / n, s->before / n, s->after / n);
    if (s->mask == MASK_INPUT)
        ff_framesync_uninit(&s->fs);
    fg_upscale_free(&s->up);
    fg_gpu_free(&s->gpu);
    fg_steady_free(&s->hold);
    fg_model_free(&s->model);
    fg_model_free(&s->frozen);
    av_freep(&s->scratch);
}

static const enum AVPixelFormat mask_formats[] = {
    AV_PIX_FMT_GRAY8,  AV_PIX_FMT_GRAY10,  AV_PIX_FMT_GRAY12, AV_PIX_FMT_GRAY14,
    AV_PIX_FMT_GRAY16, AV_PIX_FMT_GRAYF32, AV_PIX_FMT_NONE};
static const enum AVPixelFormat alpha_formats[] = {
    AV_PIX_FMT_YUVA420P,   AV_PIX_FMT_YUVA422P,   AV_PIX_FMT_YUVA444P,
    AV_PIX_FMT_YUVA420P10, AV_PIX_FMT_YUVA422P10, AV_PIX_FMT_YUVA444P10,
    AV_PIX_FMT_YUVA422P12, AV_PIX_FMT_YUVA444P12, AV_PIX_FMT_YUVA420P16,
    AV_PIX_FMT_YUVA422P16, AV_PIX_FMT_YUVA444P16, AV_PIX_FMT_YA8,
    AV_PIX_FMT_YA16,       AV_PIX_FMT_RGBA,       AV_PIX_FMT_BGRA,
    AV_PIX_FMT_ARGB,       AV_PIX_FMT_ABGR,       AV_PIX_FMT_RGBA64,
    AV_PIX_FMT_BGRA64,     AV_PIX_FMT_GBRAP,      AV_PIX_FMT_GBRAP10,
    AV_PIX_FMT_GBRAP12,    AV_PIX_FMT_GBRAP14,    AV_PIX_FMT_GBRAP16,
    AV_PIX_FMT_GBRAPF32,   AV_PIX_FMT_NONE};

/* Frames leave as they came: GPU memory stays GPU memory. */
static int query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **in,
                         AVFilterFormatsConfig **out)
{
    const GanfxContext *s = ctx->priv;
    const enum AVPixelFormat *list = s->mask == MASK_ALPHA ? alpha_formats
                                                           : fg_pix_fmts;
    AVFilterFormats *f = ff_make_format_list((const int *)list), *m = NULL;
    int ret = ff_add_format(&f, AV_PIX_FMT_CUDA);

    if (ret >= 0)
        ret = ff_formats_ref(f, &in[0]->formats);
    if (ret >= 0)
        ret = ff_formats_ref(f, &out[0]->formats);
    if (ret < 0 || s->mask != MASK_INPUT)
        return ret;
    m = ff_make_format_list((const int *)mask_formats);
    ret = ff_add_format(&m, AV_PIX_FMT_CUDA);
    return ret < 0 ? ret : ff_formats_ref(m, &in[1]->formats);
}

static int holds(const GanfxContext *s)
{
    return s->steady > 0 || s->measure || s->norm == NORM_SHOT;
}

static int make_gpu(AVFilterContext *ctx, const FgUpscaleOptions *o,
                    FgError *err)
{
    GanfxContext *s = ctx->priv;

    fg_gpu_free(&s->gpu);
    const int ret = fg_gpu_create(&s->gpu, ctx->inputs[0], ctx->outputs[0],
                                  s->model, o, err);

    if (ret >= 0 && s->mask == MASK_ALPHA && !fg_gpu_has_alpha(s->gpu))
        return fg_error(err, AVERROR(ENOTSUP),
                        "mask=alpha: the frames in GPU memory have no alpha; "
                        "those of yuva420p, rgba and bgra have, or give a "
                        "second input");
    return ret < 0 || !holds(s)
               ? ret
               : fg_gpu_hold(s->gpu, s->norm == NORM_SHOT, err);
}

static int make_net(AVFilterContext *ctx, const FgModel *m, FgError *err)
{
    GanfxContext *s = ctx->priv;
    const AVFilterLink *in = ctx->inputs[0];
    const FgUpscaleOptions o = {.format = in->format,
                                .in_w = in->w,
                                .in_h = in->h,
                                .out_w = in->w,
                                .out_h = in->h,
                                .device = s->device,
                                .precision = s->precision,
                                .tile = s->tilesize,
                                .ex = &s->ex};

    fg_upscale_free(&s->up);
    return in->format == AV_PIX_FMT_CUDA
               ? make_gpu(ctx, &o, err)
               : fg_upscale_create(&s->up, m, &o, err);
}

static int make_parts(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    GanfxContext *s = ctx->priv;
    const AVFilterLink *in = ctx->inputs[0];
    FgError err = {""};
    FgPlanInfo i;
    int ret;

    fg_slices_init(&s->ex, ctx);
    fg_steady_free(&s->hold);
    av_freep(&s->scratch);
    if ((ret = make_net(ctx, s->model, &err)) < 0 ||
        (!s->gpu && holds(s) &&
         (ret = fg_steady_create(&s->hold, in->format, in->w, in->h, &s->ex,
                                 &err)) < 0))
        return fg_filter_fail(ctx, ret, &err);
    if (s->gpu)
        fg_gpu_plan_info(s->gpu, &i);
    else
        fg_upscale_plan_info(s->up, &i);
    fg_say_plan(ctx, &i);
    if (s->gpu)
        return 0;
    s->scratch = av_calloc((size_t)s->ex.threads,
                           4 * sizeof(float) * (size_t)in->w);
    return s->scratch ? fg_format_init(&s->fmt, in->format) : AVERROR(ENOMEM);
}

static int config_mask(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    GanfxContext *s = ctx->priv;
    const AVFilterLink *a = ctx->inputs[0], *b = ctx->inputs[1];
    int ret;

    if (a->w != b->w || a->h != b->h) {
        av_log(ctx, AV_LOG_ERROR,
               "the mask is %dx%d, the picture %dx%d: put scale before the "
               "mask\n",
               b->w, b->h, a->w, a->h);
        return AVERROR(EINVAL);
    }
    if ((a->format == AV_PIX_FMT_CUDA) != (b->format == AV_PIX_FMT_CUDA)) {
        av_log(ctx, AV_LOG_ERROR,
               "the %s is in GPU memory and the %s is not: put %s before the "
               "mask\n",
               s->gpu ? "picture" : "mask", s->gpu ? "mask" : "picture",
               s->gpu ? "format=nv12,hwupload"
                      : "hwdownload,format=nv12,format=gray");
        return AVERROR(EINVAL);
    }
    if ((!s->gpu && (ret = fg_format_init(&s->mask_fmt, b->format)) < 0) ||
        (ret = ff_framesync_init_dualinput(&s->fs, ctx)) < 0)
        return ret;
    s->fs.on_event = filter_pair;
    outlink->time_base = a->time_base;
    ret = ff_framesync_configure(&s->fs);
    outlink->time_base = s->fs.time_base;
    return ret;
}

static int config_output(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    const GanfxContext *s = ctx->priv;
    const AVFilterLink *in = ctx->inputs[0];

    outlink->w = in->w;
    outlink->h = in->h;
    const int ret = make_parts(outlink);

    if (ret < 0)
        return ret;
    outlink->time_base = in->time_base;
    outlink->sample_aspect_ratio = in->sample_aspect_ratio;
    ff_filter_link(outlink)->frame_rate =
        ff_filter_link(ctx->inputs[0])->frame_rate;
    return s->mask == MASK_INPUT ? config_mask(outlink) : 0;
}

/* ---- the mask ---- */

static const FgComponent *component(const GanfxContext *s, int k)
{
    return k < s->fmt.nb ? &s->fmt.comp[k] : &s->fmt.alpha;
}

/* The mask over the luma samples of each of row y of a plane. */
static void mask_row(const GanfxContext *s, float *d, float *row, int y, int lw,
                     int lh)
{
    const int w = s->in->width, n = fg_subsampled(w, lw), rows = 1 << lh;

    memset(d, 0, sizeof(*d) * (size_t)n);
    for (int j = 0; j < rows; j++) {
        const int at = FFMIN((y << lh) + j, s->in->height - 1);

        if (s->mask == MASK_ALPHA)
            fg_row_read(row, 1, s->in, &s->fmt, &s->fmt.alpha, at, w,
                        s->mask_code);
        else
            fg_row_read(row, 1, s->stencil, &s->mask_fmt, &s->mask_fmt.comp[0],
                        at, w, s->mask_code);
        for (int x = 0; x < n; x++) {
            float sum = 0;

            for (int i = 0; i < 1 << lw; i++)
                sum += av_clipf(row[FFMIN((x << lw) + i, w - 1)], 0, 1);
            d[x] += sum / (float)(rows << lw);
        }
    }
}

static void mask_job(void *arg, int y, int worker)
{
    GanfxContext *s = arg;
    const int chroma = s->k && s->k < s->fmt.nb && !s->fmt.rgb;
    const int lw = chroma ? s->fmt.log2w : 0, lh = chroma ? s->fmt.log2h : 0;
    const int w = s->in->width, n = fg_subsampled(w, lw);
    float *a = s->scratch + (size_t)worker * 4 * (size_t)w, *b = a + w;
    float *m = b + w, *row = m + w;

    mask_row(s, m, row, y, lw, lh);
    fg_row_read(a, 1, s->in, &s->fmt, component(s, s->k), y, n, s->code[s->k]);
    fg_row_read(b, 1, s->out, &s->fmt, component(s, s->k), y, n, s->code[s->k]);
    for (int x = 0; x < n; x++)
        b[x] = a[x] + m[x] * (b[x] - a[x]);
    fg_row_write(s->out, &s->fmt, component(s, s->k), y, n, b, 1,
                 s->code[s->k]);
}

/* Codes to values, only to mix: any range does. */
static void mix_mask(GanfxContext *s)
{
    const FgFormat *f = &s->fmt, *m = s->mask == MASK_ALPHA ? f : &s->mask_fmt;
    const int limited = s->stencil &&
                        s->stencil->color_range == AVCOL_RANGE_MPEG;

    s->mask_code = m->is_float ? fg_code_float()
                               : fg_code(m->depth, limited, 0);
    for (s->k = 0; s->k < f->nb; s->k++) {
        const int chroma = s->k && !f->rgb;

        s->code[s->k] = f->is_float ? fg_code_float() : fg_code(f->depth, 0, 0);
        fg_run(&s->ex, mask_job, s,
               fg_subsampled(s->in->height, chroma ? f->log2h : 0));
    }
}

static int mask_on_gpu(GanfxContext *s, FgError *err)
{
    if (s->mask == MASK_ALPHA)
        return fg_gpu_mask_alpha(s->gpu, s->out, s->in, err);
    return s->stencil ? fg_gpu_mask(s->gpu, s->out, s->in, s->stencil, err) : 0;
}

/* ---- frames ---- */

static int set_number(AVFrame *f, const char *key, double v)
{
    char text[32];

    snprintf(text, sizeof(text), "%.4f", v);
    return av_dict_set(&f->metadata, key, text, 0);
}

static int note_flicker(GanfxContext *s, const FgFlicker *f)
{
    if (f->source < 0)
        return 0;
    s->source += f->source;
    s->before += f->before;
    s->after += f->after;
    s->measured++;
    int ret = set_number(s->out, "lavfi.ganfx.flicker_source", f->source);
    if (ret >= 0)
        ret = set_number(s->out, "lavfi.ganfx.flicker_network", f->before);
    return ret < 0 ? ret : set_number(s->out, "lavfi.ganfx.flicker", f->after);
}

/* In GPU memory only measuring has to wait for its numbers. */
static int hold_still(GanfxContext *s, FgError *err)
{
    FgFlicker f = {-1, -1, -1};
    int ret = 0;

    if (s->gpu && holds(s))
        ret = fg_gpu_steady(s->gpu, s->out, s->measure ? &f : NULL, err);
    else if (s->hold)
        ret = fg_steady_frame(s->hold, s->out, &f, err);
    return ret < 0 ? ret : note_flicker(s, &f);
}

/* The network with this frame's statistics, for its shot. */
static int begin_shot(AVFilterContext *ctx, const FgLook *look, FgError *err)
{
    GanfxContext *s = ctx->priv;
    FgModel *frozen = NULL;
    const FgTensor *t;
    int ret = fg_upscale_input(s->up, s->in, look, &t, err);

    if (ret >= 0)
        ret = fg_model_freeze(&frozen, s->model, t, &s->ex, err);
    if (ret >= 0)
        ret = make_net(ctx, frozen, err);
    if (ret < 0) {
        fg_model_free(&frozen);
        return ret;
    }
    fg_model_free(&s->frozen);
    s->frozen = frozen;
    av_log(ctx, AV_LOG_VERBOSE, "a shot begins at pts %s\n",
           av_ts2str(s->in->pts));
    return 0;
}

/* What is to be known of the frame before the network sees it. */
static int look_ahead(AVFilterContext *ctx, const FgLook *look, FgError *err)
{
    GanfxContext *s = ctx->priv;
    int ret;

    s->look = (FgSteadyLook){(float)s->steady, (float)s->bound,
                             (float)s->scd_threshold / 100, s->range};
    if (s->gpu)
        return holds(s) ? fg_gpu_look(s->gpu, s->in, &s->look, err) : 0;
    if (!s->hold)
        return 0;
    if ((ret = fg_steady_look(s->hold, s->in, &s->look, err)) < 0)
        return ret;
    return !ret && s->norm == NORM_SHOT ? begin_shot(ctx, look, err) : 0;
}

static int check_input(AVFilterContext *ctx, const AVFrame *in)
{
    GanfxContext *s = ctx->priv;
    const AVFilterLink *l = ctx->inputs[0];

    fg_say_once(ctx, &s->said_fields, AV_LOG_WARNING,
                !!(in->flags & AV_FRAME_FLAG_INTERLACED),
                "the input is interlaced: put a deinterlacer before ganfx");
    if (in->width == l->w && in->height == l->h && in->format == l->format)
        return 0;
    av_log(ctx, AV_LOG_ERROR,
           "frames change from %dx%d to %dx%d: put scale before ganfx\n", l->w,
           l->h, in->width, in->height);
    return AVERROR(EINVAL);
}

static int run_net(GanfxContext *s, const FgLook *look, FgError *err)
{
    return s->gpu ? fg_gpu_frame(s->gpu, s->out, s->in, look, err)
                  : fg_upscale_frame(s->up, s->out, s->in, look, err);
}

/* in and mask stay the caller's. */
static int apply(AVFilterContext *ctx, const AVFrame *in, const AVFrame *mask)
{
    GanfxContext *s = ctx->priv;
    AVFilterLink *outlink = ctx->outputs[0];
    const FgLook look = {1 - (float)s->strength, s->space, s->range};
    FgError err = {""};
    int ret = check_input(ctx, in);

    if (ret < 0)
        return ret;
    s->in = in;
    s->stencil = mask;
    s->out = ff_get_video_buffer(outlink, outlink->w, outlink->h);
    if (!s->out)
        return AVERROR(ENOMEM);
    if ((ret = fg_props_copy(s->out, in)) < 0)
        goto fail;
    if ((ret = look_ahead(ctx, &look, &err)) < 0 ||
        (ret = run_net(s, &look, &err)) < 0 ||
        (ret = hold_still(s, &err)) < 0 ||
        (s->gpu && (ret = mask_on_gpu(s, &err)) < 0)) {
        av_log(ctx, AV_LOG_ERROR, "frame at pts %s: %s\n", av_ts2str(in->pts),
               err.text);
        goto fail;
    }
    if (!s->gpu && (s->mask == MASK_ALPHA || mask))
        mix_mask(s);
    fg_say_once(ctx, &s->said_guess, AV_LOG_INFO,
                s->gpu ? fg_gpu_guessed(s->gpu) : fg_upscale_guessed(s->up),
                "the input does not say its colour matrix: BT.709 is assumed "
                "from 720 lines or 1280 columns on, else BT.601 (colorspace= "
                "says it)");
    return ff_filter_frame(outlink, s->out);
fail:
    av_frame_free(&s->out);
    return ret;
}

/* A frame that stays as it is: the link's frames are of one pool. */
static int pass(AVFilterContext *ctx, AVFrame *f)
{
    AVFilterLink *out = ctx->outputs[0];
    const GanfxContext *s = ctx->priv;

    if (!s->gpu)
        return ff_filter_frame(out, f);
    AVFrame *copy = ff_get_video_buffer(out, out->w, out->h);
    int ret = copy ? av_hwframe_transfer_data(copy, f, 0) : AVERROR(ENOMEM);

    if (ret >= 0)
        ret = av_frame_copy_props(copy, f);
    av_frame_free(&f);
    if (ret >= 0)
        return ff_filter_frame(out, copy);
    av_frame_free(&copy);
    return ret;
}

static int filter_pair(FFFrameSync *fs)
{
    AVFilterContext *ctx = fs->parent;
    AVFrame *in, *mask;
    int ret = ff_framesync_dualinput_get(fs, &in, &mask);

    if (ret < 0)
        return ret;
    if (ctx->is_disabled || !mask)
        return pass(ctx, in);
    in->pts = av_rescale_q(fs->pts, fs->time_base, ctx->outputs[0]->time_base);
    ret = apply(ctx, in, mask);
    av_frame_free(&in);
    return ret;
}

/* At the end of frames in GPU memory their results are judged: before, that
 * would mean to wait for them. */
static int end(AVFilterContext *ctx, int status, int64_t pts)
{
    const GanfxContext *s = ctx->priv;
    FgError err = {""};
    const int ret = s->gpu && status == AVERROR_EOF
                        ? fg_gpu_finish(s->gpu, &err)
                        : 0;

    if (ret < 0)
        return fg_filter_fail(ctx, ret, &err);
    ff_outlink_set_status(ctx->outputs[0], status, pts);
    return 0;
}

static int work_pairs(AVFilterContext *ctx)
{
    GanfxContext *s = ctx->priv;
    FgError err = {""};
    int ret = ff_framesync_activate(&s->fs);

    if (ret < 0 || !s->gpu || s->judged ||
        ff_outlink_get_status(ctx->outputs[0]) != AVERROR_EOF)
        return ret;
    s->judged = 1;
    ret = fg_gpu_finish(s->gpu, &err);
    return ret < 0 ? fg_filter_fail(ctx, ret, &err) : 0;
}

static int work(AVFilterContext *ctx)
{
    AVFilterLink *in = ctx->inputs[0], *out = ctx->outputs[0];
    GanfxContext *s = ctx->priv;
    AVFrame *f;
    int64_t pts;
    int ret, status;

    if (s->mask == MASK_INPUT)
        return work_pairs(ctx);
    FF_FILTER_FORWARD_STATUS_BACK(out, in);
    if ((ret = ff_inlink_consume_frame(in, &f)) < 0)
        return ret;
    if (ret > 0 && ctx->is_disabled)
        return pass(ctx, f);
    if (ret > 0) {
        ret = apply(ctx, f, NULL);
        av_frame_free(&f);
        return ret;
    }
    if (ff_inlink_acknowledge_status(in, &status, &pts))
        return end(ctx, status, pts);
    FF_FILTER_FORWARD_WANTED(out, in);
    return FFERROR_NOT_READY;
}

static int activate(AVFilterContext *ctx)
{
    return fg_filter_end(ctx, work(ctx));
}

/* ---- options ---- */

#define CONTEXT GanfxContext

static const AVOption ganfx_options[] = {
    FG_TEXT("model", "name or path of the weights file; help lists the names",
            model_name, NULL),
    FG_LIVE("strength", "share of the effect in the picture", strength, 1, 0,
            1),
    FG_VALUE("mask", "where the effect is", mask, INT, {.i64 = MASK_NONE},
             MASK_INPUT, "mask"),
    FG_NUMBER("mask", "none", MASK_NONE),
    FG_NUMBER("mask", "alpha", MASK_ALPHA),
    FG_NUMBER("mask", "input", MASK_INPUT),
    {"steady",
     "share of the frame before, moved along the motion, against flicker",
     FG_OFFSET(steady),
     AV_OPT_TYPE_DOUBLE,
     {.dbl = 0},
     0,
     1,
     FG_FLAGS,
     NULL},
    FG_LIVE("steady_bound", "largest change that steady makes, 1 = full scale",
            bound, 0.1, 0, 1),
    FG_VALUE("norm", "whose statistics instance norms use", norm, INT,
             {.i64 = NORM_FRAME}, NORM_SHOT, "norm"),
    FG_NUMBER("norm", "frame", NORM_FRAME),
    FG_NUMBER("norm", "shot", NORM_SHOT),
    FG_VALUE("measure", "flicker of each frame as metadata, means at the end",
             measure, BOOL, {.i64 = 0}, 1, NULL),
    FG_LIVE("scd_threshold",
            "percent of full scale by which frames along the motion differ "
            "at a cut: steady begins anew, norm=shot learns anew",
            scd_threshold, 4, 0, 100),
    FG_OPTIONS_PLAN,
    FG_OPTIONS_COLOUR,
    {NULL},
};

AVFILTER_DEFINE_CLASS(ganfx);

static const AVFilterPad ganfx_outputs[] = {
    {.name = "default",
     .type = AVMEDIA_TYPE_VIDEO,
     .config_props = config_output},
};

extern const FFFilter ff_vf_ganfx;
const FFFilter ff_vf_ganfx = {
    FG_PUB(name) = "ganfx",
    FG_PUB(description) = NULL_IF_CONFIG_SMALL(
        "Image-to-image generative neural network."),
    FG_PUB(priv_class) = &ganfx_class,
    FG_PUB(flags) = AVFILTER_FLAG_SLICE_THREADS | AVFILTER_FLAG_DYNAMIC_INPUTS |
                    AVFILTER_FLAG_SUPPORT_TIMELINE_INTERNAL,
    .priv_size = sizeof(GanfxContext),
    .init = init,
    .uninit = uninit,
    .activate = activate,
    .flags_internal = FF_FILTER_FLAG_HWFRAME_AWARE,
    .process_command = ff_filter_process_command,
    FILTER_OUTPUTS(ganfx_outputs),
    FILTER_QUERY_FUNC2(query_formats),
};
