/* ffgan: convolutions with prepared weights.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The row engine below conv2d, deconv2d and the plan. A prep holds packed
 * weights and geometry; fg_conv_rows computes output rows one after another,
 * keeping a ring of padded input rows in scratch. The bits of an output pixel
 * depend only on the input values under its taps: not on the row range, the
 * width, the strides, the thread count, or (fp32) the instruction set. */
#ifndef FFGAN_KERNELS_CONV_H
#define FFGAN_KERNELS_CONV_H

#include "graph.h"
#include "pool.h"

#define FG_CONV_MAX_KERNEL 31

typedef struct FgConvPrep {
    int groups;       /* channel counts below are those of one group */
    int ic, oc;       /* channels as the caller sees them */
    int icp, ocp;     /* as packed: icp = ic (bf16: made even); ocp = 16 n */
    int k;            /* taps along each axis */
    int stride;       /* virtual input pixels per output pixel */
    int dilate;       /* virtual input = input with dilate-1 zeros between */
    int pad;          /* virtual input starts this far before pixel 0 (the
                         engine accepts < 0: cropping) */
    int pad_mode;     /* FgPadMode; with dilate > 1 only FG_PAD_ZERO */
    FgDtype dtype;    /* FG_F32, FG_BF16 (fp32 tensors, bf16 products); f64 */
    const void *w;    /* [group][k][k][icp][ocp], bf16 in pairs (dsp.h) */
    const void *bias; /* [group][ocp], f32 (f64) */
    void *owned;      /* freed by fg_conv_prep_free */
} FgConvPrep;

/* Packs a conv2d node's parameters (file order O, I/groups, K, K; bias may be
 * NULL). attr: channels, kernel, stride, pad, pad_mode, groups. channels_in =
 * the input's channels. dtype FG_F32 or FG_BF16. Returns 0, -ENOMEM, -EINVAL,
 * or -ENOTSUP (bf16 with groups > 1 and an odd channel count per group). On
 * failure *p is zeroed. */
int fg_conv_prep(FgConvPrep *p, const FgAttr *attr, int channels_in,
                 const float *weight, const float *bias, FgDtype dtype);
void fg_conv_prep_free(FgConvPrep *p);          /* accepts NULL, zeroed */
size_t fg_conv_prep_bytes(const FgConvPrep *p); /* of w and bias */

/* Size of the output along one axis for an input of n pixels (conv forward). */
static inline int fg_conv_out_size(int n, int k, int stride, int pad)
{
    return n + 2 * pad < k ? 0 : (n + 2 * pad - k) / stride + 1;
}

typedef enum FgConvAct {
    FG_CONV_LINEAR,
    FG_CONV_RELU,
    FG_CONV_LEAKY_RELU, /* alpha */
    FG_CONV_PRELU,      /* slope[output channel] */
    FG_CONV_SILU        /* tile products (mat.h) alone */
} FgConvAct;

/* What happens to each output row while it is still in the cache, in this
 * order: add (when add_first), act, add (when not add_first), row. The results
 * are those of the separate ops (one rounding each). */
typedef struct FgConvEpilogue {
    FgConvAct act;
    float alpha;
    const float *slope;
    const FgTensor *add; /* NULL, or f32 with the shape of out (image 0) */
    int add_first;
    /* Optional: called with each finished row of out. */
    void (*row)(void *arg, int y, const float *out_row);
    void *arg;
} FgConvEpilogue;

/* Output rows y0 <= y < y1 of image 0 of in (f32), written to the same rows of
 * out (f32, or dense f16 with add f16 and no e->row; out must not overlap in;
 * add may be out's own memory only if it is
 * the same element for element). e may be NULL. scratch: fg_conv_scratch
 * bytes, 64-byte aligned, one per thread. Allocates nothing, cannot fail. */
void fg_conv_rows(const FgConvPrep *p, const FgTensor *in, FgTensor *out,
                  int y0, int y1, const FgConvEpilogue *e, void *scratch);
/* Bytes of scratch for rows of out_w pixels; a multiple of 64. */
size_t fg_conv_scratch(const FgConvPrep *p, int out_w);

/* ---- for conv2d.c and deconv2d.c: both number types ---- */

/* Weights packed into mem (fg_conv_prep_bytes, 64-byte aligned) for the
 * geometry in p. swap 0: weight is [oc*groups][ic][k][k]; swap 1: weight is
 * [ic*groups][oc][k][k] and taps are mirrored (the transposed form). */
void fg_conv_put_f32(FgConvPrep *p, void *mem, const float *weight,
                     const float *bias, int swap);
void fg_conv_put_f64(FgConvPrep *p, void *mem, const double *weight,
                     const double *bias, int swap);
/* All rows of all images over ex; add: out += result. */
void fg_conv_all_f32(const FgConvPrep *p, const FgTensor *in, FgTensor *out,
                     int add, FgExecutor *ex, void *scratch);
void fg_conv_all_f64(const FgConvPrep *p, const FgTensor *in, FgTensor *out,
                     int add, FgExecutor *ex, void *scratch);
size_t fg_conv_all_scratch(const FgConvPrep *p, int out_w, int threads);

/* dw[oc*groups][ic][k][k] += the weight gradient; p describes the geometry (w
 * and bias unused), in is what the taps read, dy the gradient of what they
 * made. Partial sums over runs of rows that only the shape decides, reduced
 * in order: the bits are independent of threads. */
void fg_conv_wgrad_f32(const FgConvPrep *p, const FgTensor *in,
                       const FgTensor *dy, FgTensor *dw, FgExecutor *ex,
                       void *scratch);
void fg_conv_wgrad_f64(const FgConvPrep *p, const FgTensor *in,
                       const FgTensor *dy, FgTensor *dw, FgExecutor *ex,
                       void *scratch);
size_t fg_conv_wgrad_scratch(const FgConvPrep *p, FgShape dy, int threads);
/* db[c] += sum of dy over pixels, in the same way. */
void fg_conv_bgrad_f32(const FgTensor *dy, FgTensor *db, FgExecutor *ex,
                       void *scratch);
void fg_conv_bgrad_f64(const FgTensor *dy, FgTensor *db, FgExecutor *ex,
                       void *scratch);
size_t fg_conv_bgrad_scratch(FgShape dy, FgDtype dtype);

#endif
