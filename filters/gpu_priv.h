/* ffgan: what the filters' parts for frames in a GPU's memory share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_FILTERS_GPU_PRIV_H
#define FFGAN_FILTERS_GPU_PRIV_H

#include "frame.h"
#include "gpu.h"

/* What fg_gpu_samples takes of what FFmpeg's CUDA frames can be. */
#define FG_GPU_SAMPLES                                                         \
    "nv12, p010, p016, yuv420p, yuv444p, yuv444p16, rgb0, bgr0 or, with "      \
    "alpha, yuva420p, rgba, bgra"

/* Where an AVHWDeviceContext's frames are. EINVAL + err where device= names
 * another one. */
int fg_gpu_find_device(AVBufferRef *ref, FgCudaPlace *place, const char *asked,
                       FgError *err);
/* A device for ctx: its own hw_device_ctx if it has one, else the GPU that
 * device= says (NULL: the first). ENODEV, ENOMEM + err. */
int fg_gpu_own_device(AVBufferRef **ref, const AVFilterContext *ctx,
                      const char *device, FgError *err);
/* What frames of that format are; ENOSYS + err: not taken. */
int fg_gpu_samples(FgFormat *f, enum AVPixelFormat sw, FgError *err);
/* The same for kernels, without planes; and one frame's. -1: upside down. */
FgCudaFrame fg_gpu_shape(const FgFormat *m, int w, int h);
int fg_gpu_describe(const FgFormat *m, FgCudaFrame *k, const AVFrame *f);
/* What its codes mean; any: the matrix does not matter. ENOTSUP + err. */
int fg_gpu_colour(const FgFormat *f, int any, const AVFrame *in,
                  const FgLook *look, FgCudaColour *c, int *guessed,
                  FgError *err);
/* 0 where bad, what a plan counted of samples that are not finite, is 0; a
 * negative errno is passed on, with the err it came with; else EDOM + err. */
int fg_gpu_finite(int64_t bad, FgError *err);
/* out's frames context: frames of its size on that device. */
int fg_gpu_make_frames(AVBufferRef *device, enum AVPixelFormat sw,
                       AVFilterLink *out);

#endif
