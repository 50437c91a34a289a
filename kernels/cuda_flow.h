/* ffgan: motion between frames in a GPU's memory: kernels/flow.h there.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to kernels/. The same arithmetic (flow_maths.h), and the same motion.
 */
#ifndef FFGAN_KERNELS_CUDA_FLOW_H
#define FFGAN_KERNELS_CUDA_FLOW_H

#include "cuda_work.h"
#include "flow_priv.h"

typedef struct FgCudaFlow {
    FgCudaWork *w; /* not owned */
    int nb, fine;
    FgLevel level[FG_FLOW_LEVELS]; /* pointers into device memory */
    FgFlowMaps maps;
    uint64_t miss;         /* [h][w][4] */
    uint64_t rows, totals; /* doubles: misfit, without motion, length */
} FgCudaFlow;

/* For frames of width x height. Its memory is w's. 0, -EINVAL, or as
 * FgCudaApi's. */
int fg_cuda_flow_init(FgCudaFlow *f, FgCudaWork *w, int width, int height,
                      FgError *err);
/* The next frame's samples; the last one becomes frame 0. */
int fg_cuda_flow_push(FgCudaFlow *f, const FgKFrame *frame, FgError *err);
/* As fg_flow_find, fg_flow_at. */
int fg_cuda_flow_find(FgCudaFlow *f, FgError *err);
int fg_cuda_flow_at(FgCudaFlow *f, float t, FgError *err);
/* As fg_flow_stats; waits. */
int fg_cuda_flow_stats(FgCudaFlow *f, FgFlowStats *s, FgError *err);
/* Y' of frame k as pushed. */
const FgPlane *fg_cuda_flow_luma(const FgCudaFlow *f, int k);

#endif
