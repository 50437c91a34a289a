/* ffgan: frames in a GPU's memory through a super-resolution network.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gpu_priv.h"

#include <libavutil/hwcontext.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>
#if CONFIG_CUDA
#include <libavutil/hwcontext_cuda_internal.h>
#endif

#include "frame.h"
#include "kernels/cuda_steady.h"

struct FgGpu {
    FgPlan *plan;
    FgCudaSteady *hold; /* NULL: nothing asks for the frame before */
    AVBufferRef *device;
    FgCudaPlace place;
    enum AVPixelFormat sw;
    int w, h; /* of frames in */
    FgFormat fmt;
    int luma, guessed;
};

/* ---- the device ---- */

#if CONFIG_CUDA
static int ordinal_of(const AVCUDADeviceContext *hw, int *ordinal)
{
    const CudaFunctions *const cu = hw->internal->cuda_dl;
    CUcontext dummy;
    CUdevice dev;

    if (cu->cuCtxPushCurrent(hw->cuda_ctx) != CUDA_SUCCESS)
        return AVERROR(ENODEV);
    const CUresult rc = cu->cuCtxGetDevice(&dev);

    cu->cuCtxPopCurrent(&dummy);
    *ordinal = dev;
    return rc == CUDA_SUCCESS ? 0 : AVERROR(ENODEV);
}

/* The frames' device; "cuda:N" if that is what device= says, too. */
int fg_gpu_find_device(AVBufferRef *ref, FgCudaPlace *place, const char *asked,
                       FgError *err)
{
    const AVHWDeviceContext *const d = (void *)ref->data;
    const AVCUDADeviceContext *const hw = d->hwctx;
    const int any = !asked || !strcmp(asked, "auto") || !strcmp(asked, "cuda");
    int ordinal, ret = ordinal_of(hw, &ordinal);

    if (ret < 0)
        return fg_error(err, ret, "CUDA: the frames' context does not answer");
    if (!any && fg_cuda_ordinal(asked) < 0)
        return fg_error(err, AVERROR(EINVAL),
                        "device=%s with frames in GPU memory: use auto or "
                        "cuda, or put hwdownload,format=... before the filter",
                        asked);
    if (!any && fg_cuda_ordinal(asked) != ordinal)
        return fg_error(err, AVERROR(EINVAL),
                        "device=%s, but the frames are on cuda:%d", asked,
                        ordinal);
    *place = (FgCudaPlace){ordinal, hw->cuda_ctx, hw->stream};
    return 0;
}
#else
int fg_gpu_find_device(AVBufferRef *ref, FgCudaPlace *place, const char *asked,
                       FgError *err)
{
    (void)ref, (void)place, (void)asked;
    return fg_error(err, AVERROR(ENOSYS), "this FFmpeg was built without CUDA");
}
#endif

/* ---- what frames are ---- */

int fg_gpu_samples(FgFormat *f, enum AVPixelFormat sw, FgError *err)
{
    const int known = fg_format_init(f, sw) >= 0;
    const int packed = f->rgb && f->depth == 8 && f->comp[0].step == 4;

    if (!known || f->nb != 3 || f->is_float || f->full || (f->rgb && !packed))
        return fg_error(err, AVERROR(ENOSYS),
                        "CUDA frames of %s are not taken: use " FG_GPU_SAMPLES
                        " (scale_cuda=format=...)",
                        av_get_pix_fmt_name(sw) ? av_get_pix_fmt_name(sw)
                                                : "?");
    return 0;
}

/* What frames of a format are, without their planes. */
FgCudaFrame fg_gpu_shape(const FgFormat *m, int w, int h)
{
    const int nv = !m->rgb && m->comp[1].plane == m->comp[2].plane;
    FgCudaFrame k = {.layout = m->rgb ? FG_CUDA_RGB
                               : nv   ? FG_CUDA_NV
                                      : FG_CUDA_YUV,
                     .w = w,
                     .h = h,
                     .log2w = m->log2w,
                     .log2h = m->log2h,
                     .depth = m->depth,
                     .shift = m->comp[0].shift,
                     .alpha = m->has_alpha};
    for (int i = 0; m->rgb && i < 3; i++)
        k.order[i] = m->comp[i].offset;
    if (m->rgb)
        k.order[3] = m->has_alpha ? m->alpha.offset : m->pad_offset;
    return k;
}

int fg_gpu_describe(const FgFormat *m, FgCudaFrame *k, const AVFrame *f)
{
    *k = fg_gpu_shape(m, f->width, f->height);
    const int planes = k->layout == FG_CUDA_RGB  ? 1
                       : k->layout == FG_CUDA_NV ? 2
                                                 : 3 + k->alpha;

    for (int i = 0; i < planes; i++) {
        if (f->linesize[i] <= 0)
            return -1;
        k->plane[i] = (uint64_t)(uintptr_t)f->data[i];
        k->pitch[i] = (size_t)f->linesize[i];
    }
    return 0;
}

int fg_gpu_colour(const FgFormat *f, int any, const AVFrame *in,
                  const FgLook *look, FgCudaColour *c, int *guessed,
                  FgError *err)
{
    enum AVColorSpace space = look->space;
    enum AVColorRange range = look->range;
    FgMatrix m;
    double x, y;

    *guessed = 0;
    if (space == AVCOL_SPC_UNSPECIFIED)
        space = in->colorspace;
    if (f->rgb || any) { /* any will do, as it is undone */
        space = AVCOL_SPC_BT709;
    } else if (space == AVCOL_SPC_UNSPECIFIED || space == AVCOL_SPC_RESERVED) {
        space = fg_guess_space(in->width, in->height);
        *guessed = 1;
    }
    if (fg_matrix_init(&m, space) < 0)
        return fg_error(err, AVERROR(ENOTSUP),
                        "colour space %s is not supported with an RGB model; "
                        "colorspace= can be %s",
                        av_color_space_name(space) ? av_color_space_name(space)
                                                   : "?",
                        fg_matrix_names());
    if (range == AVCOL_RANGE_UNSPECIFIED)
        range = in->color_range;
    fg_chroma_pos(&x, &y, f, in->chroma_location);
    *c = (FgCudaColour){.kr = m.kr,
                        .kb = m.kb,
                        .limited = !f->rgb && range != AVCOL_RANGE_JPEG,
                        .chroma_x = (float)x,
                        .chroma_y = (float)y,
                        .blend = look->blend};
    return 0;
}

/* ---- making ---- */

static int make_plan(FgGpu *g, const AVFilterLink *in, const AVFilterLink *out,
                     const FgModel *m, const FgUpscaleOptions *o, FgError *err)
{
    char name[32];
    FgPlanOptions p = {.device = name,
                       .precision = o->precision,
                       .max_w = in->w,
                       .max_h = in->h,
                       .tile = o->tile,
                       .ex = o->ex};
    FgPlanInfo i;
    int ret = fg_gpu_find_device(g->device, &g->place, o->device, err);

    if (ret < 0)
        return ret;
    snprintf(name, sizeof(name), "cuda:%d", g->place.ordinal);
    p.cuda_context = g->place.context;
    g->w = in->w;
    g->h = in->h;
    if ((ret = fg_plan_create(&g->plan, m, &p, err)) < 0)
        return ret;
    fg_plan_info(g->plan, &i);
    if (out->w !=
            av_rescale_rnd(in->w, i.scale_num, i.scale_den, AV_ROUND_UP) ||
        out->h != av_rescale_rnd(in->h, i.scale_num, i.scale_den, AV_ROUND_UP))
        return fg_error(err, AVERROR(ENOTSUP),
                        "%dx%d to %dx%d: frames in GPU memory leave in the "
                        "model's size, %d times theirs; put scale_cuda behind",
                        in->w, in->h, out->w, out->h, m->scale);
    return 0;
}

int fg_gpu_make_frames(AVBufferRef *device, enum AVPixelFormat sw,
                       AVFilterLink *out)
{
    FilterLink *const l = ff_filter_link(out);
    AVBufferRef *ref = av_hwframe_ctx_alloc(device);

    if (!ref)
        return AVERROR(ENOMEM);
    AVHWFramesContext *const c = (void *)ref->data;

    c->format = AV_PIX_FMT_CUDA;
    c->sw_format = sw;
    c->width = out->w;
    c->height = out->h;
    const int ret = av_hwframe_ctx_init(ref);

    if (ret < 0) {
        av_buffer_unref(&ref);
        return ret;
    }
    av_buffer_unref(&l->hw_frames_ctx);
    l->hw_frames_ctx = ref;
    return 0;
}

static int create(FgGpu *g, AVFilterLink *inlink, AVFilterLink *outlink,
                  const FgModel *m, const FgUpscaleOptions *o, FgError *err)
{
    const AVBufferRef *const ref = ff_filter_link(inlink)->hw_frames_ctx;
    int ret;

    if (!ref)
        return fg_error(err, AVERROR(EINVAL),
                        "CUDA frames without a frames context");
    const AVHWFramesContext *const c = (void *)ref->data;

    g->luma = m->luma;
    g->sw = c->sw_format;
    if ((ret = fg_gpu_samples(&g->fmt, g->sw, err)) < 0)
        return ret;
    if (!(g->device = av_buffer_ref(c->device_ref)))
        return fg_error(err, AVERROR(ENOMEM), "out of memory");
    if ((ret = make_plan(g, inlink, outlink, m, o, err)) < 0)
        return ret;
    ret = fg_gpu_make_frames(g->device, g->sw, outlink);
    return ret < 0 ? fg_error(err, ret, "no frames in GPU memory for %dx%d",
                              outlink->w, outlink->h)
                   : 0;
}

int fg_gpu_create(FgGpu **g, AVFilterLink *inlink, AVFilterLink *outlink,
                  const FgModel *m, const FgUpscaleOptions *o, FgError *err)
{
    *g = av_mallocz(sizeof(**g));
    if (!*g)
        return fg_error(err, AVERROR(ENOMEM), "out of memory");
    const int ret = create(*g, inlink, outlink, m, o, err);

    if (ret < 0)
        fg_gpu_free(g);
    return ret;
}

void fg_gpu_free(FgGpu **g)
{
    if (!*g)
        return;
    fg_plan_free(&(*g)->plan); /* its context is the device's: this first */
    fg_cuda_steady_free(&(*g)->hold);
    av_buffer_unref(&(*g)->device);
    av_freep(g);
}

/* ---- running ---- */

int fg_gpu_frame(FgGpu *g, AVFrame *out, const AVFrame *in, const FgLook *look,
                 FgError *err)
{
    FgCudaFrame from, to;
    FgCudaColour c;
    int ret;

    if (!in->hw_frames_ctx)
        return fg_error(err, AVERROR(EINVAL),
                        "a CUDA frame without a frames context");
    const AVHWFramesContext *const f = (void *)in->hw_frames_ctx->data;

    if (f->sw_format != g->sw || f->device_ref->data != g->device->data)
        return fg_error(err, AVERROR(EINVAL),
                        "frames change their samples or device: this needs a "
                        "new filter graph");
    if (fg_gpu_describe(&g->fmt, &from, in) < 0 ||
        fg_gpu_describe(&g->fmt, &to, out) < 0)
        return fg_error(err, AVERROR(EINVAL), "a CUDA frame is upside down");
    if ((ret = fg_gpu_colour(&g->fmt, g->luma, in, look, &c, &g->guessed,
                             err)) < 0)
        return ret;
    return fg_cuda_frame_run(g->plan, g->place.stream, &from, &to, &c, err);
}

/* ---- the frame before, and masks ---- */

int fg_gpu_hold(FgGpu *g, int shot, FgError *err)
{
    const FgCudaFrame like = fg_gpu_shape(&g->fmt, g->w, g->h);
    const int ret = fg_cuda_steady_create(&g->hold, &g->place, &like, err);

    if (ret >= 0 && shot)
        fg_cuda_hold(g->plan, fg_cuda_steady_flag(g->hold));
    return ret;
}

int fg_gpu_look(FgGpu *g, const AVFrame *in, const FgSteadyLook *look,
                FgError *err)
{
    const FgCudaSteadyLook l = {look->amount, look->bound, look->cut};
    const FgLook any = {0, AVCOL_SPC_BT709, look->range};
    FgCudaFrame f;
    FgCudaColour c;
    int guessed;
    const int ret = fg_gpu_colour(&g->fmt, 1, in, &any, &c, &guessed, err);

    if (ret < 0)
        return ret;
    if (fg_gpu_describe(&g->fmt, &f, in) < 0)
        return fg_error(err, AVERROR(EINVAL), "a CUDA frame is upside down");
    return fg_cuda_steady_look(g->hold, &f, &c, &l, err);
}

int fg_gpu_steady(FgGpu *g, AVFrame *out, FgFlicker *f, FgError *err)
{
    FgCudaFrame k;
    FgCudaFlicker v;

    if (fg_gpu_describe(&g->fmt, &k, out) < 0)
        return fg_error(err, AVERROR(EINVAL), "a CUDA frame is upside down");
    const int ret = fg_cuda_steady_frame(g->hold, &k, f ? &v : NULL, err);

    if (ret >= 0 && f)
        *f = (FgFlicker){v.source, v.before, v.after};
    return ret;
}

int fg_gpu_has_alpha(const FgGpu *g)
{
    return g->fmt.has_alpha;
}

int fg_gpu_mask_alpha(FgGpu *g, AVFrame *out, const AVFrame *in, FgError *err)
{
    FgCudaFrame k[2];

    if (fg_gpu_describe(&g->fmt, &k[0], out) < 0 ||
        fg_gpu_describe(&g->fmt, &k[1], in) < 0)
        return fg_error(err, AVERROR(EINVAL), "a CUDA frame is upside down");
    return fg_cuda_mask_run(g->plan, g->place.stream, &k[0], &k[1], NULL, 0,
                            err);
}

int fg_gpu_mask(FgGpu *g, AVFrame *out, const AVFrame *in, const AVFrame *mask,
                FgError *err)
{
    const AVHWFramesContext *const c = (void *)mask->hw_frames_ctx->data;
    FgCudaFrame k[3];
    FgFormat m;
    const int ret = fg_gpu_samples(&m, c->sw_format, err);

    if (ret < 0)
        return ret;
    if (c->device_ref->data != g->device->data)
        return fg_error(err, AVERROR(EINVAL),
                        "the mask's frames are on another device than the "
                        "picture's");
    if (m.rgb)
        return fg_error(err, AVERROR(EINVAL),
                        "a mask in GPU memory is its luma, and %s has none: "
                        "put scale_cuda=format=nv12 before it",
                        av_get_pix_fmt_name(c->sw_format));
    if (fg_gpu_describe(&g->fmt, &k[0], out) < 0 ||
        fg_gpu_describe(&g->fmt, &k[1], in) < 0 ||
        fg_gpu_describe(&m, &k[2], mask) < 0)
        return fg_error(err, AVERROR(EINVAL), "a CUDA frame is upside down");
    return fg_cuda_mask_run(g->plan, g->place.stream, &k[0], &k[1], &k[2],
                            mask->color_range != AVCOL_RANGE_JPEG, err);
}

int fg_gpu_finite(int64_t bad, FgError *err)
{
    if (bad < 0)
        return (int)bad;
    return bad ? fg_error(err, AVERROR(EDOM),
                          "the network's results are not finite (%lld samples "
                          "of all frames): precision=fp32 may help",
                          (long long)bad)
               : 0;
}

int fg_gpu_finish(FgGpu *g, FgError *err)
{
    return fg_gpu_finite(fg_cuda_frame_bad(g->plan, err), err);
}

int fg_gpu_guessed(const FgGpu *g)
{
    return g->guessed;
}

void fg_gpu_plan_info(const FgGpu *g, FgPlanInfo *info)
{
    fg_plan_info(g->plan, info);
}
