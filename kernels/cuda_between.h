/* ffgan: frames between frames in a GPU's memory: filters/between.h there.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Everything is enqueued on the place's stream and nothing waits but
 * fg_cuda_between_stats, for four numbers, and fg_cuda_between_bad. Frames must
 * stay until the stream has passed. One thread at a time. Errors are
 * fg_cuda_frame_run's. */
#ifndef FFGAN_KERNELS_CUDA_BETWEEN_H
#define FFGAN_KERNELS_CUDA_BETWEEN_H

#include "cuda.h"
#include "flow.h"

typedef struct FgCudaBetween FgCudaBetween;

typedef struct FgCudaBetweenOptions {
    FgCudaPlace at;
    FgCudaFrame like;     /* what frames are; its planes are not read */
    const FgModel *model; /* of task interp; NULL = plain arithmetic */
    FgPrecision precision;
    int tile;
    FgExecutor *ex;
} FgCudaBetweenOptions;

/* Allocates everything; the model must outlive it. *b is NULL on failure. */
int fg_cuda_between_create(FgCudaBetween **b, const FgCudaBetweenOptions *o,
                           FgError *err);
void fg_cuda_between_free(FgCudaBetween **b); /* accepts NULL */
/* The next frame; the last one becomes frame 0. */
int fg_cuda_between_push(FgCudaBetween *b, const FgCudaFrame *in,
                         const FgCudaColour *colour, FgError *err);
/* What the last two frames have to do with each other; finds the motion. */
int fg_cuda_between_stats(FgCudaBetween *b, FgFlowStats *s, FgError *err);
/* The frame at time t, 0 < t < 1, in the codes of the frame pushed last. */
int fg_cuda_between_frame(FgCudaBetween *b, const FgCudaFrame *out, float t,
                          FgError *err);
/* As fg_cuda_frame_bad; 0 without a model. */
int64_t fg_cuda_between_bad(FgCudaBetween *b, FgError *err);
/* Zeros without a model. */
void fg_cuda_between_info(const FgCudaBetween *b, FgPlanInfo *info);

#endif
