/* ffgan: one frame through a super-resolution network, whatever its format.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is done to a frame:
 *   1. Samples become floats (colour.h). Scene-linear float frames go through
 *      the shaper. A luma network sees Y'; an RGB network sees R'G'B', chroma
 *      brought to the luma grid by bicubic with its siting.
 *   2. The network sees values clipped to 0..1. What was clipped off is
 *      brought to the output size by bicubic and added back, so values above
 *      white and below black survive.
 *   3. A size that is not the network's is made from its float output by
 *      Lanczos3. Nothing is rounded before the last step.
 *   4. blend mixes in a plain bicubic enlargement of the source.
 *   5. Chroma of a luma network: bicubic from its own grid to the output's
 *      chroma grid. Chroma of an RGB network with subsampled chroma: the
 *      network's, shrunk with the same siting, plus what the way up to the
 *      luma grid and down again loses. Alpha: bicubic.
 *   6. Scene-linear light leaves 0..64, and float alpha 0..1, no farther than
 *      the source samples around it do.
 *   7. Round to nearest, clip to the codes of the format. */
#ifndef FFGAN_FILTERS_UPSCALE_H
#define FFGAN_FILTERS_UPSCALE_H

#include <libavutil/frame.h>

#include "kernels/plan.h"

typedef struct FgUpscaleOptions {
    enum AVPixelFormat format;
    int in_w, in_h, out_w, out_h;
    const char *device;
    FgPrecision precision;
    int tile;
    FgExecutor *ex; /* kept; NULL = the calling thread */
} FgUpscaleOptions;

/* What may change from frame to frame. */
typedef struct FgLook {
    float blend;             /* 0..1 share of the plain bicubic enlargement */
    enum AVColorSpace space; /* AVCOL_SPC_UNSPECIFIED = the frame's */
    enum AVColorRange range; /* AVCOL_RANGE_UNSPECIFIED = the frame's */
} FgLook;

typedef struct FgUpscale FgUpscale;

/* Allocates all that frames need but whole pictures that only some frames do:
 * blend, values outside of 0..1. Without memory for it tiles are halved, down
 * to 64 pixels; in tiles there are whole pictures instead of rows. The model
 * must outlive *u. 0 or a negative errno and err; *u is NULL on failure. */
int fg_upscale_create(FgUpscale **u, const FgModel *m,
                      const FgUpscaleOptions *o, FgError *err);
/* Fills the pixels of out (allocated, of the output size); properties are the
 * caller's. A frame that the plan finds not finite is done again in fp32, one
 * that finds no memory in smaller tiles.
 * -EINVAL: NaN or Inf in the input; -EDOM: the result is not finite;
 * -ENOTSUP: a matrix that is not known. out must not be used on failure. */
int fg_upscale_frame(FgUpscale *u, AVFrame *out, const AVFrame *in,
                     const FgLook *look, FgError *err);
/* Another enlarger of the same kind, for frames at the same time as those of
 * `of`: packed weights are shared. ex as in the options. `of` works on no frame
 * meanwhile; either may be freed first. As fg_upscale_create, but tiles are
 * never halved. fg_upscale_frame of it allocates nothing after fg_upscale_ready
 * with the same look, and does nothing twice: -EAGAIN where `of` has to do the
 * frame (out is then to be filled anew). */
int fg_upscale_share(FgUpscale **u, const FgUpscale *of, FgExecutor *ex,
                     FgError *err);
/* Allocates what frames of this look may need. 0, -ENOMEM and err. */
int fg_upscale_ready(FgUpscale *u, const FgLook *look, FgError *err);
/* fg_plan_parts of its plan. */
int fg_upscale_parts(const FgUpscale *u);
/* 1 if a tile size was asked for. */
int fg_upscale_tiled(const FgUpscale *u);
/* About what one that shares its weights may hold at most, with a frame in and
 * one out: bytes, not counting weights and rows. */
size_t fg_upscale_bytes(const FgUpscale *u);
/* The frame as the network takes it, [1,C,h,w]; lent until the next call. As
 * fg_upscale_frame. */
int fg_upscale_input(FgUpscale *u, const AVFrame *in, const FgLook *look,
                     const FgTensor **t, FgError *err);
/* 1 if tiles were halved for want of memory. */
int fg_upscale_shrunk(const FgUpscale *u);
/* 1 if the last frame's matrix was guessed from its size. */
int fg_upscale_guessed(const FgUpscale *u);
void fg_upscale_plan_info(const FgUpscale *u, FgPlanInfo *info);
void fg_upscale_free(FgUpscale **u); /* accepts NULL */

#endif
