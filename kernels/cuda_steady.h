/* ffgan: effects that hold still, and masks, on frames in a GPU's memory:
 * filters/steady.h there. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Everything is enqueued on the place's stream and nothing waits, but where a
 * flicker is asked for: whether a frame goes on from the one before is decided
 * on the device. Frames must stay until the stream has passed. One thread at a
 * time. Errors are fg_cuda_frame_run's. */
#ifndef FFGAN_KERNELS_CUDA_STEADY_H
#define FFGAN_KERNELS_CUDA_STEADY_H

#include "cuda.h"

typedef struct FgCudaSteady FgCudaSteady;

typedef struct FgCudaSteadyLook {
    float amount, bound, cut; /* filters/steady.h */
} FgCudaSteadyLook;

/* Means of 255; -1 = no frame before, or a cut. */
typedef struct FgCudaFlicker {
    double source, before, after;
} FgCudaFlicker;

/* For frames like `like`, which itself is not read. *s is NULL on failure. */
int fg_cuda_steady_create(FgCudaSteady **s, const FgCudaPlace *at,
                          const FgCudaFrame *like, FgError *err);
void fg_cuda_steady_free(FgCudaSteady **s); /* accepts NULL */
/* A float in device memory: not 0 where the frame looked at last goes on from
 * the one before. For fg_cuda_hold. */
uint64_t fg_cuda_steady_flag(const FgCudaSteady *s);
/* The next frame, before its effect; the colour says what its codes mean. */
int fg_cuda_steady_look(FgCudaSteady *s, const FgCudaFrame *source,
                        const FgCudaColour *colour,
                        const FgCudaSteadyLook *look, FgError *err);
/* Its effect, changed in place. f NULL: not asked for. */
int fg_cuda_steady_frame(FgCudaSteady *s, const FgCudaFrame *fx,
                         FgCudaFlicker *f, FgError *err);

/* Instance norms of the plan keep their statistics while *flag is not 0 when
 * they would be measured. flag 0: they measure each frame. */
void fg_cuda_hold(FgPlan *plan, uint64_t flag);

/* fx over source, as much as component 0 of the mask says: a share of 0..1, in
 * codes that its own limited tells; NULL: as source's alpha says. All of one
 * size; alpha stays fx's. */
int fg_cuda_mask_run(FgPlan *plan, void *stream, const FgCudaFrame *fx,
                     const FgCudaFrame *source, const FgCudaFrame *mask,
                     int limited, FgError *err);

#endif
