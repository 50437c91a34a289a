/* ffgan: the op table. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One op = one file kernels/<op>.c with forward, backward and shape function,
 * one row in kernels/ops.c, one test tests/kernels/<op>.c. Op files are
 * compiled twice: fg_real = float (fast kernels plugged in through FgDsp) and
 * fg_real = double (suffix _f64; finite differences, reference). */
#ifndef FFGAN_KERNELS_OP_H
#define FFGAN_KERNELS_OP_H

#include <stdint.h>

#include "graph.h"
#include "pool.h"

/* conv2d, f32: Winograd's way, with fp32 products, or with 16-bit ones (int16
 * where activations or their gradients are made, bf16 for weight gradients). */
typedef enum FgFast { FG_FAST_NO, FG_FAST_F32, FG_FAST_16BIT } FgFast;

typedef struct FgOpCall {
    const FgNode *node;
    int nb_in, nb_param;
    const FgTensor *in[FG_MAX_IN];
    /* Parameters as dense tensors of the call's dtype holding the file's
     * element order: shape {dims[0],dims[1],dims[2],dims[3]} read as a flat
     * array (vectors are n=dims[0]); never strided. */
    const FgTensor *param[FG_MAX_PARAM];
    FgTensor *out;                  /* forward: written; backward: its value */
    const FgTensor *dout;           /* backward: d loss / d out */
    FgTensor *din[FG_MAX_IN];       /* backward: NULL = not wanted */
    int din_add[FG_MAX_IN];         /* 1: add to din, 0: overwrite */
    FgTensor *dparam[FG_MAX_PARAM]; /* backward: always added to; NULL = no */
    int training;   /* batch_norm: batch statistics and update */
    int fast;       /* FgFast: sums may be rounded otherwise than the op's
                       definition says; still the same each time */
    uint64_t seed;  /* dropout, in training: which mask; */
    int64_t step;   /* also the step, and */
    int place;      /* the node's place in its graph */
    FgExecutor *ex; /* NULL = this thread */
    void *scratch;  /* >= op->scratch(call) bytes, 64-byte aligned */
} FgOpCall;

typedef struct FgOpFn {
    /* 0, or -ENOMEM/-EINVAL; shapes were checked by op->shape before. */
    int (*forward)(const FgOpCall *c);
    int (*backward)(const FgOpCall *c);
} FgOpFn;

enum {
    FG_ATTR_CHANNELS = 1,
    FG_ATTR_KERNEL = 2,
    FG_ATTR_STRIDE = 4,
    FG_ATTR_PAD = 8,
    FG_ATTR_PAD_MODE = 16,
    FG_ATTR_GROUPS = 32,
    FG_ATTR_BIAS = 64,
    FG_ATTR_FACTOR = 128,
    FG_ATTR_MODE = 256,
    FG_ATTR_ALPHA = 512,
    FG_ATTR_EPS = 1024,
    FG_ATTR_MOMENTUM = 2048,
    FG_ATTR_FIRST = 4096
};

enum { FG_OP_GLOBAL = 1 /* sees the whole picture: cannot be tiled */ };

typedef struct FgOp {
    const char *name;
    int min_in, max_in;
    unsigned attrs; /* FG_ATTR_* that the op reads */
    unsigned flags;
    const char *param[FG_MAX_PARAM]; /* suffixes: "weight", "bias", ...;
                                        a bias exists only if attr.bias */
    /* Output shape from input shapes; -EINVAL + err on a mismatch. */
    int (*shape)(const FgNode *n, const FgShape *in, FgShape *out,
                 FgError *err);
    /* Wanted dims of parameter k (PyTorch order); returns nb_dims. */
    int (*param_dims)(const FgNode *n, const FgShape *in, int k, int dims[4]);
    /* Bytes of scratch that forward and backward need for these shapes with
     * that many threads; NULL = none. dtype selects element size. */
    size_t (*scratch)(const FgNode *n, const FgShape *in, const FgShape *out,
                      FgDtype dtype, int threads);
    FgOpFn f32, f64;
} FgOp;

/* Names: input conv2d deconv2d bias relu leaky_relu prelu silu sigmoid tanh
 * add mul concat scale pixel_shuffle pixel_unshuffle resize avg_pool max_pool
 * instance_norm batch_norm dense warp pad dropout slice correlate gelu mish
 * group_norm layer_norm mean resize_like. */
const FgOp *fg_op_find(const char *name); /* NULL if unknown */
const FgOp *fg_op_at(int i);              /* NULL past the end */

/* Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). */
void fg_philox(const uint32_t counter[4], const uint32_t key[2],
               uint32_t out[4]);

#endif
