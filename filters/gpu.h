/* ffgan: frames in a GPU's memory through a super-resolution network.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * For links of AV_PIX_FMT_CUDA. All is enqueued on the frames' own context and
 * stream; nothing waits and nothing is copied to the host. */
#ifndef FFGAN_FILTERS_GPU_H
#define FFGAN_FILTERS_GPU_H

#include "between.h"
#include "filter.h"
#include "kernels/cuda.h"
#include "steady.h"
#include "upscale.h"

typedef struct FgGpu FgGpu;

/* Makes the plan for the frames of inlink, and outlink's frames context: the
 * same device and samples, outlink's size. o: device, precision, tile and ex;
 * sizes and format are the links'. The model must outlive *g. 0, or an
 * AVERROR with err: EINVAL where the input has no frames context, or for
 * another device than the frames'; ENOSYS for samples that are not taken;
 * ENOTSUP for a size that is not the model's; ENOMEM; ENODEV where the driver
 * fails. *g is NULL on failure. */
int fg_gpu_create(FgGpu **g, AVFilterLink *inlink, AVFilterLink *outlink,
                  const FgModel *m, const FgUpscaleOptions *o, FgError *err);
/* As fg_upscale_frame; 0 or an AVERROR as above. After ENODEV the context
 * must be taken for lost. */
int fg_gpu_frame(FgGpu *g, AVFrame *out, const AVFrame *in, const FgLook *look,
                 FgError *err);
/* ---- a source's frames: of no input ---- */

typedef struct FgGpuMade FgGpuMade;

/* The device: the context's own hw_device_ctx if it has one, else a new one of
 * the GPU that device= says; and outlink's frames context of samples sw.
 * EINVAL, ENOSYS, ENODEV, ENOMEM and err as above; *g NULL then. */
int fg_gpu_made_create(FgGpuMade **g, AVFilterLink *outlink, const char *device,
                       enum AVPixelFormat sw, FgError *err);
void fg_gpu_made_free(FgGpuMade **g); /* accepts NULL */
const FgCudaPlace *fg_gpu_made_place(const FgGpuMade *g);
int fg_gpu_made_alpha(const FgGpuMade *g); /* whether they have some */
/* What out is for kernels, tagged full range RGB, or limited Y'CbCr of BT.709,
 * and its tags. */
int fg_gpu_made_frame(const FgGpuMade *g, AVFrame *out, FgCudaFrame *k,
                      FgCudaColour *c, FgError *err);

/* ---- frames between frames: between.h there ---- */

typedef struct FgGpuBetween FgGpuBetween;

/* o's format is not read. Errors as fg_gpu_create's; *g NULL then. */
int fg_gpu_between_create(FgGpuBetween **g, AVFilterLink *in, AVFilterLink *out,
                          const FgBetweenOptions *o, FgError *err);
void fg_gpu_between_free(FgGpuBetween **g); /* accepts NULL */
int fg_gpu_between_push(FgGpuBetween *g, const AVFrame *in, FgError *err);
/* Waits: cuts and duplicates are decided here. */
int fg_gpu_between_stats(FgGpuBetween *g, FgFlowStats *s, FgError *err);
int fg_gpu_between_frame(FgGpuBetween *g, AVFrame *out, float t, FgError *err);
/* As fg_gpu_finish. */
int fg_gpu_between_finish(FgGpuBetween *g, FgError *err);
void fg_gpu_between_plan_info(const FgGpuBetween *g, FgPlanInfo *info);

/* ---- from frame to frame ---- */

/* From now on frames are looked at before the network sees them and held still
 * behind it; with shot, instance norms keep the statistics of the first frame
 * of its shot. To be called once, before the first frame. */
int fg_gpu_hold(FgGpu *g, int shot, FgError *err);
/* As fg_steady_look and fg_steady_frame, but nothing waits unless f is given.
 */
int fg_gpu_look(FgGpu *g, const AVFrame *in, const FgSteadyLook *look,
                FgError *err);
int fg_gpu_steady(FgGpu *g, AVFrame *out, FgFlicker *f, FgError *err);
/* out, the effect, over in, where mask says so: a frame of the same device and
 * size, by its luma. */
int fg_gpu_mask(FgGpu *g, AVFrame *out, const AVFrame *in, const AVFrame *mask,
                FgError *err);
/* The same by in's alpha; whether the frames have some. */
int fg_gpu_mask_alpha(FgGpu *g, AVFrame *out, const AVFrame *in, FgError *err);
int fg_gpu_has_alpha(const FgGpu *g);
/* Waits for all frames. AVERROR(EDOM) if a result was not finite. */
int fg_gpu_finish(FgGpu *g, FgError *err);
/* 1 if the last frame's matrix was guessed from its size. */
int fg_gpu_guessed(const FgGpu *g);
void fg_gpu_plan_info(const FgGpu *g, FgPlanInfo *info);
void fg_gpu_free(FgGpu **g); /* accepts NULL */

#endif
