/* ffgan: a source's frames in a GPU's memory.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu_priv.h"

#include <libavutil/hwcontext.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

struct FgGpuMade {
    AVBufferRef *device;
    FgCudaPlace place;
    FgFormat fmt;
};

int fg_gpu_own_device(AVBufferRef **ref, const AVFilterContext *ctx,
                      const char *device, FgError *err)
{
    char name[16];
    const int n = device ? fg_cuda_ordinal(device) : 0;

    if (ctx->hw_device_ctx) {
        *ref = av_buffer_ref(ctx->hw_device_ctx);
        return *ref ? 0 : fg_error(err, AVERROR(ENOMEM), "out of memory");
    }
    snprintf(name, sizeof(name), "%d", n < 0 ? 0 : n);
    return av_hwdevice_ctx_create(ref, AV_HWDEVICE_TYPE_CUDA, name, NULL, 0) < 0
               ? fg_error(err, AVERROR(ENODEV),
                          "CUDA: the NVIDIA driver gives no device %s", name)
               : 0;
}

static int make_made(FgGpuMade *g, AVFilterLink *outlink, const char *device,
                     enum AVPixelFormat sw, FgError *err)
{
    int ret = fg_gpu_samples(&g->fmt, sw, err);

    if (ret < 0 ||
        (ret = fg_gpu_own_device(&g->device, outlink->src, device, err)) < 0 ||
        (ret = fg_gpu_find_device(g->device, &g->place, device, err)) < 0)
        return ret;
    ret = fg_gpu_make_frames(g->device, sw, outlink);
    if (ret == AVERROR(ENOSYS))
        return fg_error(err, ret,
                        "FFmpeg has no CUDA frames of %s: use " FG_GPU_SAMPLES,
                        av_get_pix_fmt_name(sw));
    return ret < 0 ? fg_error(err, ret, "no frames in GPU memory for %dx%d",
                              outlink->w, outlink->h)
                   : 0;
}

int fg_gpu_made_create(FgGpuMade **g, AVFilterLink *outlink, const char *device,
                       enum AVPixelFormat sw, FgError *err)
{
    *g = av_mallocz(sizeof(**g));
    if (!*g)
        return fg_error(err, AVERROR(ENOMEM), "out of memory");
    const int ret = make_made(*g, outlink, device, sw, err);

    if (ret < 0)
        fg_gpu_made_free(g);
    return ret;
}

void fg_gpu_made_free(FgGpuMade **g)
{
    if (*g)
        av_buffer_unref(&(*g)->device);
    av_freep(g);
}

const FgCudaPlace *fg_gpu_made_place(const FgGpuMade *g)
{
    return &g->place;
}

int fg_gpu_made_alpha(const FgGpuMade *g)
{
    return g->fmt.has_alpha;
}

int fg_gpu_made_frame(const FgGpuMade *g, AVFrame *out, FgCudaFrame *k,
                      FgCudaColour *c, FgError *err)
{
    FgMatrix m;
    double x, y;

    out->color_range = g->fmt.rgb ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    out->colorspace = g->fmt.rgb ? AVCOL_SPC_RGB : AVCOL_SPC_BT709;
    if (fg_gpu_describe(&g->fmt, k, out) < 0)
        return fg_error(err, AVERROR(EINVAL), "a CUDA frame is upside down");
    fg_matrix_init(&m, AVCOL_SPC_BT709);
    fg_chroma_pos(&x, &y, &g->fmt, out->chroma_location);
    *c = (FgCudaColour){.kr = m.kr,
                        .kb = m.kb,
                        .limited = !g->fmt.rgb,
                        .chroma_x = (float)x,
                        .chroma_y = (float)y};
    return 0;
}
