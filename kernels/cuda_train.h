/* ffgan: ops on a GPU, one call at a time, forward and backward, on batches.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What op.h's FgOpCall is on the CPU, FgCudaCall is here: the same node, the
 * same meaning, values in device memory. All ops of the table have both ways.
 * Everything is enqueued on the device's own stream. Sums have a fixed order:
 * equal calls give equal bits. */
#ifndef FFGAN_KERNELS_CUDA_TRAIN_H
#define FFGAN_KERNELS_CUDA_TRAIN_H

#include "cuda/abi.h"
#include "cuda/args.h"
#include "graph.h"

typedef struct FgCudaTrain {
    const FgCudaApi *api;
    FgCudaDev *dev;
    FgCudaDevice about;
    uint64_t work; /* what one call needs for itself: moments, sums */
    size_t work_bytes;
    int64_t products;        /* of tiles (cuda_train_conv.c) so far */
    int64_t rooms;           /* times that the work memory moved */
    int64_t replays;         /* recorded passes that ran so far */
    struct FgCudaPass *pass; /* begun */
    int plain;               /* passes are not recorded: for tests */
    int check; /* launches of a pass are compared with the recorded ones: tests'
                  plug-in */
} FgCudaTrain;

/* Views are of one image; the others lie behind it without gaps. at = 0: not
 * there, or not wanted. */
typedef struct FgCudaCall {
    const FgNode *node;
    int nb_in, images;
    FgKView in[FG_MAX_IN];
    FgKView out;                   /* forward: written; backward: its value */
    FgKView dout;                  /* backward: d loss / d out */
    FgKView din[FG_MAX_IN];        /* backward; may be dout where the op works
                                      element by element */
    int din_add[FG_MAX_IN];        /* 1: add to din, 0: overwrite */
    uint64_t param[FG_MAX_PARAM];  /* f32, dense, the file's order; 0: none */
    uint64_t dparam[FG_MAX_PARAM]; /* backward: always added to */
    float scale;   /* what sums are multiplied by before they are added to
                      dparam: 1 / the factor that dout carries */
    int training;  /* batch_norm: batch statistics, and forward moves the
                      running ones; dropout drops */
    uint64_t seed; /* dropout: as in FgOpCall */
    int64_t step;
    int place;
    uint64_t live; /* of train_args.h, or 0: scale and step are these */
} FgCudaCall;

/* device: "cuda" or "cuda:N". -ENOENT, -ENOTSUP, -ENODEV with one sentence. */
int fg_cuda_train_open(FgCudaTrain *d, const char *device, FgError *err);
void fg_cuda_train_close(FgCudaTrain *d); /* accepts zeroed */
/* 0, -ENOMEM, -EIO; -ENOTSUP names an op that there is no kernel of. */
int fg_cuda_forward(FgCudaTrain *d, const FgCudaCall *c, FgError *err);
int fg_cuda_backward(FgCudaTrain *d, const FgCudaCall *c, FgError *err);
/* to = from, element types as the views say. */
int fg_cuda_cast(FgCudaTrain *d, const FgKView *to, const FgKView *from,
                 int images, float scale, FgError *err);

/* One launch, of a pass where one has begun. */
int fg_cuda_launch(FgCudaTrain *d, int kernel, const FgKernelArgs *k,
                   FgError *err);

/* ---- passes: launches that come again, recorded ---- */

/* Zeroed at first. */
typedef struct FgCudaPass {
    FgCudaGraph *graph;
    uint64_t key;
    int64_t rooms;
    int came, made, state;
    struct FgCudaKept *kept; /* with check */
    int nb, at;
} FgCudaPass;

/* key: equal keys of one pass mean equal launches, so what else differs from
 * one time to the next lies in device memory. 1: they were recorded and run
 * now. 0: the caller makes them, by fg_cuda_launch alone (no copies), and calls
 * fg_cuda_pass_end, also where one failed. */
int fg_cuda_pass_begin(FgCudaTrain *d, FgCudaPass *p, uint64_t key,
                       FgError *err);
/* rc: how making them went. 0 or a negative errno; 1: nothing has run, the
 * caller makes them once more and ends again. */
int fg_cuda_pass_end(FgCudaTrain *d, int rc, FgError *err);
void fg_cuda_pass_forget(FgCudaTrain *d, FgCudaPass *p); /* zeroed again */

/* One line of nb f32 values, as kernels on parameters see it. */
FgKView fg_cuda_line(uint64_t at, size_t nb);

#endif
