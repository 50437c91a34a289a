/* Weight gradient of a row, AVX2: as wgrad_avx512.c with 16 registers of 8
 * lanes.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/x86/conv_work.h"

#include <immintrin.h>

static __m256i lane_mask(unsigned lanes)
{
    const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);

    return _mm256_cmpeq_epi32(
        _mm256_and_si256(_mm256_set1_epi32((int)lanes), bit), bit);
}

static inline __attribute__((always_inline)) void
tile(float *dw, const float *in, const float *dy, int width,
     const FgConvWork *q, const int ni, const int nb)
{
    const __m256i mask = lane_mask(q->mask);
    const ptrdiff_t step = q->step;
    const int out_pitch = q->out_pitch, ocp = q->ocp;
    __m256 acc[12][2];

#pragma GCC unroll 12
    for (int i = 0; i < ni; i++)
#pragma GCC unroll 2
        for (int b = 0; b < nb; b++)
            acc[i][b] = _mm256_load_ps(dw + i * ocp + 8 * b);
    for (int x = 0; x < width; x++, in += step, dy += out_pitch) {
        __m256 v[2];

        if (nb == 2)
            v[0] = _mm256_loadu_ps(dy);
        v[nb - 1] = _mm256_maskload_ps(dy + 8 * (nb - 1), mask);
#pragma GCC unroll 12
        for (int i = 0; i < ni; i++) {
            const __m256 a = _mm256_broadcast_ss(in + i);
#pragma GCC unroll 2
            for (int b = 0; b < nb; b++)
                acc[i][b] = _mm256_fmadd_ps(a, v[b], acc[i][b]);
        }
    }
    /* Lanes past oc are left as they were: inf * 0 would make a NaN. */
#pragma GCC unroll 12
    for (int i = 0; i < ni; i++) {
        if (nb == 2)
            _mm256_store_ps(dw + i * ocp, acc[i][0]);
        _mm256_maskstore_ps(dw + i * ocp + 8 * (nb - 1), mask, acc[i][nb - 1]);
    }
}

#define TILE(ni, nb)                                                           \
    static __attribute__((noinline)) void tile_##ni##x##nb(                    \
        float *dw, const float *in, const float *dy, int width,                \
        const FgConvWork *q)                                                   \
    {                                                                          \
        tile(dw, in, dy, width, q, ni, nb);                                    \
    }
TILE(12, 1)
TILE(8, 1)
TILE(4, 1)
TILE(1, 1)
TILE(6, 2)
TILE(4, 2)
TILE(2, 2)
TILE(1, 2)

static const FgGradTiles tiles[2] = {
    {{12, 8, 4, 1}, {tile_12x1, tile_8x1, tile_4x1, tile_1x1}},
    {{6, 4, 2, 1}, {tile_6x2, tile_4x2, tile_2x2, tile_1x2}},
};

void fg_grad_tail_avx2(float *dw, const float *dy, FgConvWork *q, int left,
                       int width)
{
    q->mask = (1u << left) - 1;
    fg_grad_tiles(&tiles[0], dw, dy, q, width);
}

static void conv_row_wgrad_f32_avx2(float *dw, const float *const *rows,
                                    const float *dy, const FgConvGeom *g)
{
    FgConvWork q;

    fg_conv_work_init(&q, rows, g);
    for (int o = 0; o < g->oc; o += 16) {
        const int left = g->oc - o;

        if (left <= 8) {
            fg_grad_tail_avx2(dw + o, dy + o, &q, left, g->width);
            return;
        }
        q.mask = left >= 16 ? 0xff : (1u << (left - 8)) - 1;
        fg_grad_tiles(&tiles[1], dw + o, dy + o, &q, g->width);
    }
}

void fg_dsp_init_wgrad_avx2(FgDsp *d)
{
    d->conv_row_wgrad_f32 = conv_row_wgrad_f32_avx2;
}
