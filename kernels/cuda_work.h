/* ffgan: work on frames in a GPU's memory: its stream, and memory that goes
 * back all at once. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to kernels/. Everything is enqueued on the stream; nothing waits but
 * what says so. One thread at a time. */
#ifndef FFGAN_KERNELS_CUDA_WORK_H
#define FFGAN_KERNELS_CUDA_WORK_H

#include "cuda/abi.h"
#include "cuda/args.h"

typedef struct FgCudaWork {
    const FgCudaApi *api;
    FgCudaDev *dev;
    void *stream; /* CUstream, NULL = the context's default one */
    uint64_t *mem;
    int nb_mem, cap_mem;
    double *totals; /* pinned, what fg_cuda_work_totals reads */
    char name[128]; /* the GPU's */
} FgCudaWork;

/* On the frames' device, context and stream. 0, or a negative errno as
 * FgCudaApi's and err; fg_cuda_work_close in any case. */
int fg_cuda_work_open(FgCudaWork *w, const FgCudaPlace *at, FgError *err);
/* Waits for the work and gives all memory back. Accepts zeroed. */
void fg_cuda_work_close(FgCudaWork *w);
/* Device memory, full of zeros, until fg_cuda_work_close. */
int fg_cuda_work_alloc(FgCudaWork *w, size_t bytes, uint64_t *at, FgError *err);
/* n floats; 2-D maps are [h][w]. */
int fg_cuda_work_map(FgCudaWork *w, size_t n, float **at, FgError *err);
int fg_cuda_work_plane(FgCudaWork *w, FgPlane *p, int width, int height,
                       FgError *err);
int fg_cuda_work_launch(FgCudaWork *w, int kernel, const FgKernelArgs *a,
                        FgError *err);
/* Four sums over in [h][w][4], f32, into rows [h][4] and totals [4] of doubles,
 * on the device. */
int fg_cuda_work_sum(FgCudaWork *w, uint64_t in, int width, int height,
                     uint64_t rows, uint64_t totals, FgError *err);
/* Waits; four totals. */
int fg_cuda_work_totals(FgCudaWork *w, uint64_t totals, double sum[4],
                        FgError *err);

/* cuda_frame.c: a frame's samples as kernels want them, and where those of a
 * component lie on the luma grid. */
FgKFrame fg_cuda_kframe(const FgCudaFrame *f, const FgCudaColour *c);
FgFlowGrid fg_cuda_grid(const FgKFrame *k, int comp, const FgCudaColour *c);

/* Samples of a component, alpha (3) among them: w of luma, cw of chroma. */
static inline int fg_cuda_of(int comp, int w, int cw)
{
    return comp == 1 || comp == 2 ? cw : w;
}

static inline FgKView fg_cuda_map_view(const float *at, int w, int h)
{
    return (FgKView){(uint64_t)(uintptr_t)at, 1, h, w, 1, FG_ELEMENT_F32};
}

/* A thread per pixel, whose pitch values go together. */
static inline FgKView fg_cuda_pixels(uint64_t at, int w, int h, int pitch)
{
    return (FgKView){at, 1, h, w, pitch, FG_ELEMENT_F32};
}

/* A thread per sample of a plane and of its border. */
static inline FgKView fg_cuda_bordered(const FgPlane *p)
{
    return (FgKView){
        0, 1, p->h + 2 * FG_BORDER, p->w + 2 * FG_BORDER, 1, FG_ELEMENT_F32};
}

#endif
