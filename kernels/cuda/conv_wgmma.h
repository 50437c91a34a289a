/* ffgan: direct convolution, fp16 or e4m3, on Hopper's warp groups.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * As conv_mma_template.c: 16x8 pixels, 32 bytes of inputs at a time, the next
 * ones are fetched meanwhile, the same launch and the same order of a sum.
 * Shared memory of a stage: inputs [half][pixel][16 bytes], weights
 * [tap][half][output][16 bytes]. Rows of a product: 8x8 pixels; two products.
 * p[0]: weights [block][chunk] as in a stage; all else as there. Below, n are
 * outputs of a block, k is the side. */
#ifndef FFGAN_KERNELS_CUDA_CONV_WGMMA_H
#define FFGAN_KERNELS_CUDA_CONV_WGMMA_H

#include "conv_all.h"
#include "wgmma.h"

#define FG_WG_WIDE(k) (FG_TILE_W + (k)-1)
#define FG_WG_PLANE(k) (FG_MMA_PIXELS(k) * 16)
#define FG_WG_TAP(n) (2 * (n)*16)

/* Where weight (o, i, tap) of a chunk lies: numbers, not bytes; `half` of them
 * are 16 bytes. */
FG_HD int fg_wg_weight(int o, int i, int tap, int n, int half)
{
    return ((tap * 2 + i / half) * n + o) * half + i % half;
}

/* The factors of a tap, in the stage at that address: 8x8 pixels, the m-th of
 * two such; n outputs. */
FG_HD uint64_t fg_wg_pixels(uint32_t at, int tap, int m, int k)
{
    const int first = tap / k * FG_WG_WIDE(k) + tap % k + m * 8;
    return fg_wg_desc(at + (uint32_t)first * 16, FG_WG_PLANE(k),
                      FG_WG_WIDE(k) * 16);
}

FG_HD uint64_t fg_wg_weights(uint32_t at, int tap, int n, int k)
{
    return fg_wg_desc(at + 2 * FG_WG_PLANE(k) + (uint32_t)(tap * FG_WG_TAP(n)),
                      n * 16, 128);
}

#ifdef FG_WGMMA
#define FG_WG_NAME f16_w64_k3
#define FG_WG_LIKE f16_n64_k3
#define FG_WG_ELEMENT 1
#define FG_WG_N 64
#define FG_WG_K 3
#include "conv_wgmma_template.c"
#undef FG_WG_NAME
#undef FG_WG_LIKE
#undef FG_WG_ELEMENT
#undef FG_WG_N
#undef FG_WG_K

#define FG_WG_NAME e4m3_w16_k1
#define FG_WG_LIKE e4m3_n16_k1
#define FG_WG_ELEMENT 3
#define FG_WG_N 16
#define FG_WG_K 1
#include "conv_wgmma_template.c"
#undef FG_WG_NAME
#undef FG_WG_LIKE
#undef FG_WG_ELEMENT
#undef FG_WG_N
#undef FG_WG_K

#define FG_WG_NAME e4m3_w32_k1
#define FG_WG_LIKE e4m3_n32_k1
#define FG_WG_ELEMENT 3
#define FG_WG_N 32
#define FG_WG_K 1
#include "conv_wgmma_template.c"
#undef FG_WG_NAME
#undef FG_WG_LIKE
#undef FG_WG_ELEMENT
#undef FG_WG_N
#undef FG_WG_K

#define FG_WG_NAME e4m3_w48_k1
#define FG_WG_LIKE e4m3_n48_k1
#define FG_WG_ELEMENT 3
#define FG_WG_N 48
#define FG_WG_K 1
#include "conv_wgmma_template.c"
#undef FG_WG_NAME
#undef FG_WG_LIKE
#undef FG_WG_ELEMENT
#undef FG_WG_N
#undef FG_WG_K

#define FG_WG_NAME e4m3_w64_k1
#define FG_WG_LIKE e4m3_n64_k1
#define FG_WG_ELEMENT 3
#define FG_WG_N 64
#define FG_WG_K 1
#include "conv_wgmma_template.c"
#undef FG_WG_NAME
#undef FG_WG_LIKE
#undef FG_WG_ELEMENT
#undef FG_WG_N
#undef FG_WG_K

#define FG_WG_NAME e4m3_w16_k3
#define FG_WG_LIKE e4m3_n16_k3
#define FG_WG_ELEMENT 3
#define FG_WG_N 16
#define FG_WG_K 3
#include "conv_wgmma_template.c"
#undef FG_WG_NAME
#undef FG_WG_LIKE
#undef FG_WG_ELEMENT
#undef FG_WG_N
#undef FG_WG_K

#define FG_WG_NAME e4m3_w32_k3
#define FG_WG_LIKE e4m3_n32_k3
#define FG_WG_ELEMENT 3
#define FG_WG_N 32
#define FG_WG_K 3
#include "conv_wgmma_template.c"
#undef FG_WG_NAME
#undef FG_WG_LIKE
#undef FG_WG_ELEMENT
#undef FG_WG_N
#undef FG_WG_K

#define FG_WG_NAME e4m3_w48_k3
#define FG_WG_LIKE e4m3_n48_k3
#define FG_WG_ELEMENT 3
#define FG_WG_N 48
#define FG_WG_K 3
#include "conv_wgmma_template.c"
#undef FG_WG_NAME
#undef FG_WG_LIKE
#undef FG_WG_ELEMENT
#undef FG_WG_N
#undef FG_WG_K

#define FG_WG_NAME e4m3_w64_k3
#define FG_WG_LIKE e4m3_n64_k3
#define FG_WG_ELEMENT 3
#define FG_WG_N 64
#define FG_WG_K 3
#include "conv_wgmma_template.c"
#undef FG_WG_NAME
#undef FG_WG_LIKE
#undef FG_WG_ELEMENT
#undef FG_WG_N
#undef FG_WG_K

#endif

#endif
