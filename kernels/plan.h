/* ffgan: a network made ready for one device. LGPL-2.1-or-later
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_PLAN_H
#define FFGAN_KERNELS_PLAN_H

#include "model.h"
#include "pool.h"

/* FP32 and INT16 give the same bits on every CPU. INT16: Winograd products of
 * 16-bit integers with exact sums (wino.h), everything else fp32. BF16: plain
 * products of bfloat16, by matrix tiles where the CPU has them (mat.h): the
 * same bits on one kind of CPU. FAST: what is fastest on this CPU and loses at
 * most 0.01 dB on photographs: BF16 by tiles, INT16 without. INT8: 8-bit
 * products (q8.h) where the model has ranges for it (calibrate.h), INT16
 * elsewhere: the same bits on every CPU. FP8, of a GPU alone: 8-bit floating
 * point (fp8.h) where the model says that it may be (calibrate.h), fp16
 * elsewhere. */
typedef enum FgPrecision {
    FG_PREC_AUTO, /* INT16 */
    FG_PREC_FP32,
    FG_PREC_BF16,
    FG_PREC_INT16,
    FG_PREC_FAST,
    FG_PREC_INT8,
    FG_PREC_FP8
} FgPrecision;

/* "auto", "fp32", "bf16", "int16", "fast", "int8", "fp8"; -EINVAL for other
 * words. */
#define FG_PRECISIONS "auto, fp32, bf16, int16, fast, int8, fp8"
int fg_precision_find(const char *name);

typedef struct FgPlanOptions {
    const char *device; /* "auto", "cpu"; "cuda", "cuda:N" (cuda.h); others
                           -ENOTSUP with the list */
    FgPrecision precision;
    int max_w, max_h;    /* largest input in pixels, >= 1 */
    int tile;            /* input pixels of a tile's side, halo not counted;
                            0 = chosen so that memory stays under
                            memory_limit; >= max(w,h) = untiled */
    size_t memory_limit; /* bytes for activations, 0 = 1 GiB (16 GiB where
                            tile is given or the network sees everything) */
    FgExecutor *ex;      /* kept by the plan; NULL = calling thread */
    int plain;           /* 1: no Winograd; fp32 is then op by op, to the bit */
    void *cuda_context;  /* with "cuda": a CUcontext to work in, NULL = its own;
                            it must outlive the plan */
    int take_rows;       /* 1: a ring of input rows, for FgPlanRows.get */
} FgPlanOptions;

typedef struct FgPlanInfo {
    int scale_num, scale_den, channels_in, channels_out;
    int radius, align, tile_w, tile_h; /* tile without halo */
    int band;   /* rows by which a rolling wave moves, 0 = layer by layer */
    int groups; /* of steps, that go through a picture one after another, each
                   as a wave; 0 = layer by layer */
    int takes_rows; /* FgPlanRows.get can be used for whole pictures */
    size_t bytes;   /* activations + packed weights */
    size_t weights; /* of these the packed weights; the CPU's plans say it */
    double macs_per_pixel;
    const char *device, *precision, *isa;
    const char *note; /* CUDA: what cuDNN or a kernel refused to do, one line;
                         NULL = nothing was refused; the plan's memory */
} FgPlanInfo;

/* One step: a convolution with what was folded into it, or another op. Names
 * belong to the plan. */
typedef struct FgPlanStepInfo {
    const char *node, *op, *method;
    int kernel; /* 0 = not a convolution */
    int channels_in, channels_out;
    int half;            /* its value is kept in half precision */
    int bits;            /* in which its value is kept: 32, 16, 8 */
    int fp8;             /* those 8 bits are floating point */
    int adds, activates; /* folded in */
    const char *choice;  /* CUDA: what was measured, "" = nothing was */
    double share;        /* of the convolutions' modelled time, 0..1 */
} FgPlanStepInfo;

typedef struct FgPlan FgPlan;

/* Folds, packs and allocates everything once. The model may be freed after.
 * Returns 0, -ENOMEM, -EINVAL, -ENOTSUP (+err). */
int fg_plan_create(FgPlan **plan, const FgModel *m, const FgPlanOptions *opt,
                   FgError *err);
/* Another plan of the same network for other options: packed weights are
 * shared, activations are its own, so that the two may run at the same time.
 * Sizes, tile, memory_limit, ex and take_rows count; the rest is as `of` has
 * it. No plan that shares them may run or be made meanwhile; any may be
 * freed first. As
 * fg_plan_create; -ENOTSUP with "cuda". */
int fg_plan_share(FgPlan **plan, const FgPlan *of, const FgPlanOptions *opt,
                  FgError *err);
/* How many threads one picture of the largest size can keep busy, by modelled
 * cycles: all work, divided by the time of the longest part where each step (in
 * a wave: each step's band) is cut into as many parts as it can be, none so
 * short that handing it to a thread takes a tenth of it. >= 1; INT_MAX where
 * nothing is known: a GPU's plan, a network without convolutions. */
int fg_plan_parts(const FgPlan *plan);
/* in [1,C,h,w] f32, out [1,C',h*s,w*s] f32, any strides, h <= max_h,
 * w <= max_w; any size >= 1 works (missing alignment is padded by
 * replication and cropped again). Allocates nothing, deterministic: the same
 * bits for any tile, thread count and stride. One call at a time per plan.
 * Returns 0, -EINVAL (a size over the maximum), or -EDOM when the output has
 * a NaN or Inf (out is then complete but must not be used). */
int fg_plan_run(FgPlan *plan, const FgTensor *in, FgTensor *out);
/* The same into rows: put gets each row of the output, [w*s][C'] floats, while
 * it is in the cache, from workers of the plan's executor at the same time, in
 * slices: when row y is, all calls for rows before y - FG_PLAN_AHEAD * s have
 * returned. On -EDOM all rows were put, too. Needs windows of the whole
 * width: -ENOTSUP where info.tile_w < w (nothing is put then).
 * get, unless NULL, fills rows of the input, [w][C] floats, shortly before they
 * are read; in has a shape alone. Each row at least once, from workers at the
 * same time; before a row of the output is put all input rows up to 2 below it
 * have been got. -ENOTSUP without info.takes_rows. */
#define FG_PLAN_AHEAD 16
typedef struct FgPlanRows {
    void (*put)(void *arg, const float *row, int y, int worker);
    void *arg;
    void (*get)(void *arg, float *row, int y, int worker);
} FgPlanRows;
int fg_plan_run_rows(FgPlan *plan, const FgTensor *in, const FgPlanRows *rows);
/* What a failed fg_plan_run had to say: of a GPU the driver's words, else what
 * rc means. The plan's own memory, until it runs again. */
const char *fg_plan_failure(const FgPlan *plan, int rc);
void fg_plan_info(const FgPlan *plan, FgPlanInfo *info);
/* The i-th step, 0 on; -EINVAL past the last. */
int fg_plan_step(const FgPlan *plan, int i, FgPlanStepInfo *info);
void fg_plan_free(FgPlan **plan); /* accepts NULL */

#endif
