/* ffgan: plans on a GPU, for plan.c.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * plan.c folds the graph into steps as for the CPU; here each becomes launches
 * of kernels (cuda/args.h), values get device memory, and a picture is run. */
#ifndef FFGAN_KERNELS_CUDA_PLAN_H
#define FFGAN_KERNELS_CUDA_PLAN_H

#include "cuda.h"
#include "cuda/abi.h"
#include "cuda/args.h"
#include "plan_priv.h"

typedef struct FgCudaStep {
    int step;          /* of p->steps */
    int kernel;        /* FgKernelId */
    FgKernelArgs a;    /* all but the views */
    int in[2];         /* values, -1 = none; nodes + v: v in 8 bits */
    int add, out;      /* likewise */
    int first, nb_out; /* channels of out that it makes; 0 = all */
    int holds;         /* moments of an instance norm: fg_cuda_hold */
    FgCudaDnn *dnn;    /* instead, in windows of dnn_w x dnn_h; or NULL */
    uint64_t dnn_p[3]; /* its parameters */
    char choice[224];  /* of a convolution, for people; "" = not measured */
} FgCudaStep;

typedef struct FgCudaPlan FgCudaPlan;
struct FgCudaPlan {
    const FgCudaApi *api;
    FgCudaDev *dev;
    FgCudaDevice about;
    char isa[16];
    int element;  /* of values: FG_ELEMENT_* */
    float *to8;   /* fp8: the code of a value of 1, 0 = not in 8 bits; nodes */
    char *alone8; /* kept in 8 bits only */
    int nb_fp8;   /* convolutions */
    FgCudaStep *steps;
    int nb_steps;
    uint64_t *weights; /* device memory of parameters and moments */
    int nb_weights, cap_weights;
    uint64_t *slot; /* device memory of each slot */
    int nb_slots;
    uint64_t picture, result, bad; /* f32 pictures, the counter */
    float *host_in, *host_out;     /* pinned */
    uint64_t *host_bad;
    FgCudaMark *uploaded;      /* what host_in was sent last */
    uint64_t side, cup, cfull; /* of frames, made at the first */
    size_t bytes;
    FgCudaGraph *graph;                /* all steps for a window of */
    int graph_w, graph_h, graph_tiles; /* or all tiles of a picture of */
    int tiled_w, tiled_h;              /* the picture before, likewise */
    int seen_w, seen_h; /* the window before; a second one is recorded */
    int dnn_w, dnn_h;   /* the window that steps' dnn are for; 0 = none */
    uint64_t dnn_space; /* where they work */
    FgError dnn_why;    /* what cuDNN refused first, "" = nothing */
    FgError why;        /* of the last run, "" = it did not fail */
    void *last_stream;
    int has_last;
    uint64_t hold; /* fg_cuda_hold */
};

/* Opens the plug-in and the device. p has its graph and parameters. */
int fg_cuda_plan_open(FgPlan *p, const FgPlanOptions *opt, FgError *err);
/* p has its steps: weights and memory. */
int fg_cuda_plan_layout(FgPlan *p, const FgPlanOptions *opt, FgError *err);
void fg_cuda_plan_close(FgPlan *p); /* accepts plans of the CPU */
int fg_cuda_plan_run(FgPlan *p, const FgTensor *in, const FgTensor *out,
                     const FgPlanRows *rows);
void fg_cuda_plan_info(const FgPlan *p, FgPlanInfo *info);
/* "mma", "simt", "cudnn"; and what was measured, "" = nothing. */
const char *fg_cuda_method(const FgPlan *p, const FgStep *s);
const char *fg_cuda_choice(const FgPlan *p, const FgStep *s);

/* cuda_step.c: all of p->steps as launches. */
int fg_cuda_steps(FgPlan *p, FgError *err);
/* The kernel for tensor cores with n outputs a block (16 .. 64) and side k, for
 * values of 16 bits; or for what t reads. */
int fg_cuda_mma_kernel(int element, int n, int k);
int fg_cuda_kernel_like(const FgPlan *p, const FgCudaStep *t, int n);
/* Whether they can do that convolution. */
int fg_cuda_mma_fits(const FgAttr *a);
/* Packs t's parameters for a kernel for tensor cores, which is set, or as cuDNN
 * wants them into at. */
int fg_cuda_pack_mma(FgPlan *p, FgCudaStep *t, int kernel, FgError *err);
int fg_cuda_pack_dnn(FgPlan *p, const FgCudaStep *t, uint64_t at[3],
                     FgError *err);
/* Outputs of a block of t's kernel; 0: it is not for tensor cores. */
int fg_cuda_mma_outputs(const FgCudaStep *t);
/* cuda_tune.c. Measures how each convolution is done best, or reads what was
 * measured (cuda_choice.h), where the plug-in has a clock and
 * $FFGAN_CUDA_MEASURE is not 0. What does not fit into memory is not measured.
 */
int fg_cuda_tune(FgPlan *p, FgError *err);
/* Whether cuDNN may be asked for t, and with which arguments: the window is
 * p->shapes'. */
int fg_cuda_dnn_args(const FgPlan *p, const FgCudaStep *t, FgKernelArgs *a);
/* cuda_plan.c. cuDNN refused something: kept for people, the first only. */
void fg_cuda_dnn_refused(FgPlan *p, const FgError *why);
/* cuda_plan.c. Arguments of t in the window of p->shapes. */
FgKernelArgs fg_cuda_args(const FgPlan *p, const FgCudaStep *t);
/* cuda_plan.c, for cuda_step.c: bytes on the device, NULL: not filled. */
int fg_cuda_keep(FgPlan *p, const void *data, size_t bytes, uint64_t *at,
                 FgError *err);
void fg_cuda_unkeep(FgPlan *p, uint64_t *at); /* accepts 0 */
/* cuda_plan.c, for cuda_frame.c. Tiles of half the size, once the device has
 * done what was asked; -ENOMEM where they are the smallest: all else as it was.
 */
int fg_cuda_shrink(FgPlan *p, FgError *err);
FgKView fg_cuda_view(const FgPlan *p, int value);
int fg_cuda_tile(FgPlan *p, int w, int h, int i, FgTile *t, FgError *err);
int fg_cuda_run_steps(FgPlan *p, void *stream, const FgTile *t, int tiles,
                      FgError *err);
int fg_cuda_picture(FgPlan *p, void *stream, const FgTile *t, FgShape in,
                    int tiles, FgError *err);
/* Work of the plan before, on another stream, comes first. */
int fg_cuda_follow(FgPlan *p, void *stream, FgError *err);
/* A picture in device memory, [h][w][channels] f32: where it is to be put, and
 * what is made of it, good until the next one. Nothing waits. */
uint64_t fg_cuda_plan_picture(const FgPlan *p);
int fg_cuda_plan_result(FgPlan *p, void *stream, int w, int h, FgKView *out,
                        FgError *err);
/* Puts a picture of host memory there, [1,channels,h,w] f32; waits until the
 * one before it was sent. */
int fg_cuda_plan_send(FgPlan *p, void *stream, const FgTensor *in,
                      FgError *err);
/* cuda_band.c. All nb tiles of c->picture, in its shape, into c->result;
 * recorded when its size comes again. */
int fg_cuda_tiles(FgPlan *p, void *stream, FgShape in, int nb, FgError *err);
/* Rows of the bands that a picture goes in, of p->shapes' window of h rows
 * whose values are of that many bytes: tile_h where it goes at once, because
 * all fits into the device's cache, or is slower by reckoning. */
int fg_cuda_band(const FgPlan *p, int h, size_t bytes);
/* in, add, tail of a, so that net_at reads the value at hand. */
void fg_cuda_tail(const FgPlan *p, FgKernelArgs *a);

#endif
