/* Convolution rows, AVX2: as conv_row_avx512.c with 16 registers of 8 lanes.
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
tile(float *out, int x, const float *w, const float *bias, const FgConvWork *q,
     const int px, const int nb)
{
    const ptrdiff_t step = q->step;
    const __m256i mask = lane_mask(q->mask);
    __m256 acc[12][2];

#pragma GCC unroll 2
    for (int b = 0; b < nb; b++) {
        const __m256 v = _mm256_load_ps(bias + 8 * b);
#pragma GCC unroll 12
        for (int j = 0; j < px; j++)
            acc[j][b] = v;
    }
    for (int s = 0; s < q->spans; s++) {
        const float *p = fg_conv_span(q, s, x);

        for (int i = 0; i < q->span; i++, w += q->ocp, p++) {
            const float *const base[3] = {p, p + 4 * step, p + 8 * step};
            __m256 v[2];

#pragma GCC unroll 2
            for (int b = 0; b < nb; b++)
                v[b] = _mm256_load_ps(w + 8 * b);
#pragma GCC unroll 12
            for (int j = 0; j < px; j++) {
                const __m256 a = _mm256_broadcast_ss(base[j / 4] +
                                                     j % 4 * step);
#pragma GCC unroll 2
                for (int b = 0; b < nb; b++)
                    acc[j][b] = _mm256_fmadd_ps(a, v[b], acc[j][b]);
            }
        }
    }
    out += (ptrdiff_t)x * q->out_pitch;
#pragma GCC unroll 12
    for (int j = 0; j < px; j++) {
        if (nb == 2)
            _mm256_storeu_ps(out, acc[j][0]);
        if (q->mask == 0xff)
            _mm256_storeu_ps(out + 8 * (nb - 1), acc[j][nb - 1]);
        else
            _mm256_maskstore_ps(out + 8 * (nb - 1), mask, acc[j][nb - 1]);
        out += q->out_pitch;
    }
}

#define TILE(px, nb)                                                           \
    static __attribute__((noinline)) void tile_##px##x##nb(                    \
        float *out, int x, const float *w, const float *bias,                  \
        const FgConvWork *q)                                                   \
    {                                                                          \
        tile(out, x, w, bias, q, px, nb);                                      \
    }
TILE(12, 1)
TILE(4, 1)
TILE(1, 1)
TILE(6, 2)
TILE(3, 2)
TILE(1, 2)

static const FgConvTiles tiles[2] = {
    {{12, 4, 1}, {tile_12x1, tile_4x1, tile_1x1}},
    {{6, 3, 1}, {tile_6x2, tile_3x2, tile_1x2}},
};

void fg_conv_tail_avx2(float *out, const float *w, const float *bias,
                       FgConvWork *q, int left, int width)
{
    q->mask = (1u << left) - 1;
    fg_conv_tiles(&tiles[0], out, w, bias, q, width);
}

static void conv_row_f32_avx2(float *out, const float *const *rows,
                              const float *w, const float *bias,
                              const FgConvGeom *g)
{
    FgConvWork q;

    fg_conv_work_init(&q, rows, g);
    for (int o = 0; o < g->oc; o += 16) {
        const int left = g->oc - o;

        if (left <= 8) {
            fg_conv_tail_avx2(out + o, w + o, bias + o, &q, left, g->width);
            return;
        }
        q.mask = left >= 16 ? 0xff : (1u << (left - 8)) - 1;
        fg_conv_tiles(&tiles[1], out + o, w + o, bias + o, &q, g->width);
    }
}

void fg_dsp_init_conv_avx2(FgDsp *d)
{
    d->conv_row_f32 = conv_row_f32_avx2;
}
