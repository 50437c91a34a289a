/* ffgan: frames between frames in a GPU's memory.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu_priv.h"

#include <libavutil/hwcontext.h>
#include <libavutil/mem.h>

#include "kernels/cuda_between.h"

struct FgGpuBetween {
    FgCudaBetween *between;
    AVBufferRef *device;
    FgCudaPlace place;
    enum AVPixelFormat sw;
    enum AVColorRange range;
    FgFormat fmt;
    int luma; /* the model sees Y' alone, or there is none */
};

static int create(FgGpuBetween *g, AVFilterLink *in, AVFilterLink *out,
                  const FgBetweenOptions *o, FgError *err)
{
    const AVBufferRef *const ref = ff_filter_link(in)->hw_frames_ctx;
    int ret;

    if (!ref)
        return fg_error(err, AVERROR(EINVAL),
                        "CUDA frames without a frames context");
    const AVHWFramesContext *const c = (void *)ref->data;

    g->sw = c->sw_format;
    g->range = o->range;
    g->luma = !o->model || o->model->luma;
    if ((ret = fg_gpu_samples(&g->fmt, g->sw, err)) < 0)
        return ret;
    if (!(g->device = av_buffer_ref(c->device_ref)))
        return fg_error(err, AVERROR(ENOMEM), "out of memory");
    if ((ret = fg_gpu_find_device(g->device, &g->place, o->device, err)) < 0)
        return ret;
    const FgCudaBetweenOptions b = {.at = g->place,
                                    .like = fg_gpu_shape(&g->fmt, o->w, o->h),
                                    .model = o->model,
                                    .precision = o->precision,
                                    .tile = o->tile,
                                    .ex = o->ex};

    if ((ret = fg_cuda_between_create(&g->between, &b, err)) < 0)
        return ret;
    ret = fg_gpu_make_frames(g->device, g->sw, out);
    return ret < 0 ? fg_error(err, ret, "no frames in GPU memory for %dx%d",
                              out->w, out->h)
                   : 0;
}

int fg_gpu_between_create(FgGpuBetween **g, AVFilterLink *in, AVFilterLink *out,
                          const FgBetweenOptions *o, FgError *err)
{
    *g = av_mallocz(sizeof(**g));
    if (!*g)
        return fg_error(err, AVERROR(ENOMEM), "out of memory");
    const int ret = create(*g, in, out, o, err);

    if (ret < 0)
        fg_gpu_between_free(g);
    return ret;
}

void fg_gpu_between_free(FgGpuBetween **g)
{
    if (!*g)
        return;
    fg_cuda_between_free(&(*g)->between); /* its context is the device's */
    av_buffer_unref(&(*g)->device);
    av_freep(g);
}

void fg_gpu_between_plan_info(const FgGpuBetween *g, FgPlanInfo *info)
{
    fg_cuda_between_info(g->between, info);
}

int fg_gpu_between_push(FgGpuBetween *g, const AVFrame *in, FgError *err)
{
    const FgLook look = {0, AVCOL_SPC_UNSPECIFIED, g->range};
    FgCudaFrame k;
    FgCudaColour c;
    int guessed, ret;

    if (!in->hw_frames_ctx)
        return fg_error(err, AVERROR(EINVAL),
                        "a CUDA frame without a frames context");
    const AVHWFramesContext *const f = (void *)in->hw_frames_ctx->data;

    if (f->sw_format != g->sw || f->device_ref->data != g->device->data)
        return fg_error(err, AVERROR(EINVAL),
                        "frames change their samples or device: this needs a "
                        "new filter graph");
    if (fg_gpu_describe(&g->fmt, &k, in) < 0)
        return fg_error(err, AVERROR(EINVAL), "a CUDA frame is upside down");
    ret = fg_gpu_colour(&g->fmt, g->luma, in, &look, &c, &guessed, err);
    return ret < 0 ? ret : fg_cuda_between_push(g->between, &k, &c, err);
}

int fg_gpu_between_stats(FgGpuBetween *g, FgFlowStats *s, FgError *err)
{
    return fg_cuda_between_stats(g->between, s, err);
}

int fg_gpu_between_frame(FgGpuBetween *g, AVFrame *out, float t, FgError *err)
{
    FgCudaFrame k;

    return fg_gpu_describe(&g->fmt, &k, out) < 0
               ? fg_error(err, AVERROR(EINVAL), "a CUDA frame is upside down")
               : fg_cuda_between_frame(g->between, &k, t, err);
}

int fg_gpu_between_finish(FgGpuBetween *g, FgError *err)
{
    return fg_gpu_finite(fg_cuda_between_bad(g->between, err), err);
}
