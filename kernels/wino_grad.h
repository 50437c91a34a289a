/* ffgan: the weight gradient of 3x3 convolutions by Winograd's F(4x4,3x3).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From Y = A' [ (G g G') . (B' d B) ] A follows, summed over all tiles,
 *     dg = G' [ (B' d B) . (A dY A') ] G
 * with wino.h's matrices: 36 products a tile in place of 144. F32: fp32
 * products. BF16: of bfloat16 in fp32 sums (AVX-512 BF16; elsewhere F32).
 * The same bits for any thread count. */
#ifndef FFGAN_KERNELS_WINO_GRAD_H
#define FFGAN_KERNELS_WINO_GRAD_H

#include "cpu.h"
#include "graph.h"
#include "pool.h"
#include "tensor.h"

typedef enum FgWinoGradKind {
    FG_WINO_GRAD_F32,
    FG_WINO_GRAD_BF16
} FgWinoGradKind;

/* dw[oc][ic][3][3] += the gradient of the weights of the convolution attr (that
 * fg_wino_fits) for its input in and the gradient dy of its output, both f32.
 * scratch: fg_wino_grad_scratch bytes, 64-byte aligned. */
void fg_wino_grad(FgWinoGradKind kind, const FgAttr *attr, const FgTensor *in,
                  const FgTensor *dy, FgTensor *dw, FgExecutor *ex,
                  void *scratch);
size_t fg_wino_grad_scratch(int ic, int oc, FgShape dy, int threads);

/* ---- inner loops, one table per instruction set ---- */

/* Transforms n tiles side by side, channels c0 .. c1-1. row[i]: patch row i at
 * the first tile's left column, pixels pitch floats apart (6 rows of input, 4
 * of the gradient). v: [36] planes, plane bytes apart, [slots][cp] each from
 * the first tile's slot on; F32 floats, BF16 [slots / 2][cp][2], where an odd
 * last tile's partner is zero. */
typedef struct FgWinoGradIn {
    const float *row[6];
    ptrdiff_t pitch;
    int n, c, cp;
    char *v;
    size_t plane;
} FgWinoGradIn;

/* du[ic][ocp] += sum over slots of v[slot][ic] d[slot][ocp], for one plane;
 * icp, ocp multiples of 16. */
typedef struct FgWinoGradProduct {
    const char *v, *d;
    float *du;
    int slots, icp, ocp;
} FgWinoGradProduct;

typedef struct FgWinoGradOps {
    void (*input[2])(const FgWinoGradIn *q); /* by FgWinoGradKind */
    void (*gradient[2])(const FgWinoGradIn *q);
    void (*product[2])(const FgWinoGradProduct *q);
} FgWinoGradOps;

const FgWinoGradOps *fg_wino_grad_ops(FgCpu level);
void fg_wino_grad_ops_c(FgWinoGradOps *o);
void fg_wino_grad_ops_avx2(FgWinoGradOps *o);
void fg_wino_grad_ops_avx512(FgWinoGradOps *o);
void fg_wino_grad_ops_avx512bf16(FgWinoGradOps *o);
void fg_wino_grad_ops_neon(FgWinoGradOps *o);

#endif
