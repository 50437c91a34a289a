/* ffgan: direct convolution, 3 x 3, fp16, 64 outputs a block, on Hopper's warp
 * groups. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * As conv_mma_template.c: 16x8 pixels, 16 inputs at a time, the next ones are
 * fetched meanwhile, the same launch and the same order of a sum. Shared memory
 * of a stage: inputs [half of 8][pixel of 18x10][8], weights
 * [tap][half][output][8]. Rows of a product: 8x8 pixels; two products. p[0]:
 * weights [block][chunk] as in a stage; all else as there. */
#ifndef FFGAN_KERNELS_CUDA_CONV_WGMMA_H
#define FFGAN_KERNELS_CUDA_CONV_WGMMA_H

#include "conv_all.h"
#include "wgmma.h"

enum {
    FG_WG_WIDE = FG_TILE_W + 2,
    FG_WG_PLANE = FG_MMA_PIXELS(3) * 16,
    FG_WG_HALF = FG_WG_N * 16,
    FG_WG_TAP = 2 * FG_WG_HALF,
    FG_WG_STAGE = FG_MMA_STAGE(FG_WG_N, 3)
};

/* Where weight (o, i, tap) of a chunk lies: numbers, not bytes. */
FG_HD int fg_wg_weight(int o, int i, int tap)
{
    return ((tap * 2 + i / 8) * FG_WG_N + o) * 8 + i % 8;
}

/* A thread's share of chunk c. */
FG_HD void fg_wg_stage(const FgKernelArgs *a, char *to, int block, int c,
                       int y0, int x0, int t)
{
    const char *w = (const char *)a->p[0] +
                    ((int64_t)block * a->chunks + c) * 9 * FG_WG_TAP;
    for (int i = t; i < FG_MMA_PIXELS(3) * 2; i += FG_BLOCK) {
        const int p = i / 2;
        fg_conv_f16_n64_k3_fetch(a, to + i % 2 * FG_WG_PLANE + p * 16,
                                 y0 + p / FG_WG_WIDE - 1,
                                 x0 + p % FG_WG_WIDE - 1, c * 16 + i % 2 * 8);
    }
    for (int i = t; i < 9 * FG_WG_N * 2; i += FG_BLOCK)
        fg_copy16(to + 2 * FG_WG_PLANE + i * 16, w + (int64_t)i * 16);
}

/* The factors of a tap, in the stage at that address: 8x8 pixels, the m-th of
 * two such; 64 outputs. */
FG_HD uint64_t fg_wg_pixels(uint32_t at, int tap, int m)
{
    const int first = tap / 3 * FG_WG_WIDE + tap % 3 + m * 8;
    return fg_wg_desc(at + (uint32_t)first * 16, FG_WG_PLANE, FG_WG_WIDE * 16);
}

FG_HD uint64_t fg_wg_weights(uint32_t at, int tap)
{
    return fg_wg_desc(at + 2 * FG_WG_PLANE + (uint32_t)(tap * FG_WG_TAP),
                      FG_WG_HALF, 128);
}

#ifdef FG_WGMMA
FG_HD void fg_conv_f16_w64_k3(const FgKernelArgs *a, int bx, int by, int block,
                              char *shared)
{
    const int x0 = bx * FG_TILE_W, y0 = by * FG_TILE_H;
    FG_REGS(float, acc, 2 * FG_WG_ACC);

    FG_THREADS(t)
    {
        FG_UNROLL
        for (int i = 0; i < 2 * FG_WG_ACC; i++)
            FG_R(acc, t)[i] = 0;
        fg_wg_stage(a, shared, block, 0, y0, x0, t);
        fg_copies_begun();
    }
    for (int c = 0; c < a->chunks; c++) {
        const uint32_t from = FG_WG_AT(shared) +
                              (uint32_t)((c & 1) * FG_WG_STAGE);
        FG_THREADS(t)
        {
            if (c + 1 < a->chunks) {
                fg_wg_stage(a, shared + ((c + 1) & 1) * FG_WG_STAGE, block,
                            c + 1, y0, x0, t);
                fg_copies_begun();
            }
            fg_copies_done(c + 1 < a->chunks);
            fg_wg_seen();
        }
        FG_SYNC();
        fg_wg_begin();
        FG_UNROLL
        for (int tap = 0; tap < 9; tap++) {
            FG_UNROLL
            for (int m = 0; m < 2; m++)
                FG_WGMMA(acc, m * FG_WG_ACC, fg_wg_pixels(from, tap, m),
                         fg_wg_weights(from, tap));
        }
        fg_wg_end();
        FG_SYNC();
    }
    FG_THREADS(t)
    {
        const int l = t % 32;
        FG_UNROLL
        for (int m = 0; m < 2; m++) {
            FG_UNROLL
            for (int j = 0; j < FG_WG_N / 8; j++) {
                const float *v = &FG_R(acc, t)[m * FG_WG_ACC + j * 4];
                const int y = y0 + t / 32 * 2, x = x0 + m * 8 + l / 4;
                const int k = block * FG_WG_N + j * 8 + l % 4 * 2;
                fg_conv_f16_n64_k3_put(a, y, x, k, v[0], v[1]);
                fg_conv_f16_n64_k3_put(a, y + 1, x, k, v[2], v[3]);
            }
        }
    }
}
#endif

#endif
