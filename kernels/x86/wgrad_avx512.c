/* Weight gradient of a row, AVX-512: a block of (tap, input) x outputs stays in
 * registers while the pixels pass by.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/x86/conv_work.h"

#include <immintrin.h>

static inline __attribute__((always_inline)) void
tile(float *dw, const float *in, const float *dy, int width,
     const FgConvWork *q, const int ni, const int nb)
{
    const __mmask16 mask = (__mmask16)q->mask;
    const ptrdiff_t step = q->step;
    const int out_pitch = q->out_pitch, ocp = q->ocp;
    __m512 acc[24][4];

#pragma GCC unroll 24
    for (int i = 0; i < ni; i++)
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            acc[i][b] = _mm512_load_ps(dw + i * ocp + 16 * b);
    for (int x = 0; x < width; x++, in += step, dy += out_pitch) {
        __m512 v[4];

#pragma GCC unroll 4
        for (int b = 0; b < nb - 1; b++)
            v[b] = _mm512_loadu_ps(dy + 16 * b);
        v[nb - 1] = _mm512_maskz_loadu_ps(mask, dy + 16 * (nb - 1));
#pragma GCC unroll 24
        for (int i = 0; i < ni; i++) {
            const __m512 a = _mm512_set1_ps(in[i]);
#pragma GCC unroll 4
            for (int b = 0; b < nb; b++)
                acc[i][b] = _mm512_fmadd_ps(a, v[b], acc[i][b]);
        }
    }
    /* Lanes past oc are left as they were: inf * 0 would make a NaN. */
#pragma GCC unroll 24
    for (int i = 0; i < ni; i++)
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            _mm512_mask_store_ps(dw + i * ocp + 16 * b,
                                 b == nb - 1 ? mask : (__mmask16)0xffff,
                                 acc[i][b]);
}

#define TILE(ni, nb)                                                           \
    static __attribute__((noinline)) void tile_##ni##x##nb(                    \
        float *dw, const float *in, const float *dy, int width,                \
        const FgConvWork *q)                                                   \
    {                                                                          \
        tile(dw, in, dy, width, q, ni, nb);                                    \
    }
TILE(24, 1)
TILE(8, 1)
TILE(4, 1)
TILE(1, 1)
TILE(12, 2)
TILE(8, 2)
TILE(4, 2)
TILE(1, 2)
TILE(8, 3)
TILE(4, 3)
TILE(2, 3)
TILE(1, 3)
TILE(6, 4)
TILE(4, 4)
TILE(2, 4)
TILE(1, 4)

static const FgGradTiles tiles[4] = {
    {{24, 8, 4, 1}, {tile_24x1, tile_8x1, tile_4x1, tile_1x1}},
    {{12, 8, 4, 1}, {tile_12x2, tile_8x2, tile_4x2, tile_1x2}},
    {{8, 4, 2, 1}, {tile_8x3, tile_4x3, tile_2x3, tile_1x3}},
    {{6, 4, 2, 1}, {tile_6x4, tile_4x4, tile_2x4, tile_1x4}},
};

static void conv_row_wgrad_f32_avx512(float *dw, const float *const *rows,
                                      const float *dy, const FgConvGeom *g)
{
    FgConvWork q;

    fg_conv_work_init(&q, rows, g);
    for (int o = 0; o < g->oc;) {
        /* Up to 8 outputs are left to half registers. */
        const int whole = (g->oc - o + 7) / 16;
        const int nb = whole == 5 ? 3 : whole > 4 ? 4 : whole;
        const int tail = g->oc - o - 16 * (nb - 1);

        if (!nb) {
            fg_grad_tail_avx2(dw + o, dy + o, &q, g->oc - o, g->width);
            return;
        }
        q.mask = tail >= 16 ? 0xffff : (1u << tail) - 1;
        fg_grad_tiles(&tiles[nb - 1], dw + o, dy + o, &q, g->width);
        o += 16 * nb;
    }
}

void fg_dsp_init_wgrad_avx512(FgDsp *d)
{
    d->conv_row_wgrad_f32 = conv_row_wgrad_f32_avx512;
}
