/* Convolution rows, AVX-512: a block of pixels times a block of outputs stays
 * in registers while all taps pass by.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/dsp.h"
#include "kernels/x86/conv_work.h"

#include <immintrin.h>

/* The product loop. Every (pixels, vectors) pair is a function of its own:
 * inlined together, compilers copy and spill accumulators. */
static inline __attribute__((always_inline)) void
tile(float *out, int x, const float *w, const float *bias, const FgConvWork *q,
     const int px, const int nb)
{
    const ptrdiff_t step = q->step;
    __m512 acc[24][4];

#pragma GCC unroll 4
    for (int b = 0; b < nb; b++) {
        const __m512 v = _mm512_load_ps(bias + 16 * b);
#pragma GCC unroll 24
        for (int j = 0; j < px; j++)
            acc[j][b] = v;
    }
    for (int s = 0; s < q->spans; s++) {
        const float *p = fg_conv_span(q, s, x);

        for (int i = 0; i < q->span; i++, w += q->ocp, p++) {
            const float *const p1 = p + 4 * step, *const p2 = p + 8 * step,
                               *const p3 = p + 12 * step,
                               *const p4 = p + 16 * step,
                               *const p5 = p + 20 * step;
            const float *const base[6] = {p, p1, p2, p3, p4, p5};
            __m512 v[4];

#pragma GCC unroll 4
            for (int b = 0; b < nb; b++)
                v[b] = _mm512_load_ps(w + 16 * b);
#pragma GCC unroll 24
            for (int j = 0; j < px; j++) {
                const __m512 a = _mm512_set1_ps(base[j / 4][j % 4 * step]);
#pragma GCC unroll 4
                for (int b = 0; b < nb; b++)
                    acc[j][b] = _mm512_fmadd_ps(a, v[b], acc[j][b]);
            }
        }
    }
    out += (ptrdiff_t)x * q->out_pitch;
#pragma GCC unroll 24
    for (int j = 0; j < px; j++) {
#pragma GCC unroll 4
        for (int b = 0; b < nb - 1; b++)
            _mm512_storeu_ps(out + 16 * b, acc[j][b]);
        _mm512_mask_storeu_ps(out + 16 * (nb - 1), (__mmask16)q->mask,
                              acc[j][nb - 1]);
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
TILE(24, 1)
TILE(12, 1)
TILE(4, 1)
TILE(1, 1)
TILE(12, 2)
TILE(4, 2)
TILE(1, 2)
TILE(8, 3)
TILE(4, 3)
TILE(1, 3)
TILE(6, 4)
TILE(3, 4)
TILE(1, 4)

static const FgConvTiles tiles[4] = {
    {{24, 12, 4, 1}, {tile_24x1, tile_12x1, tile_4x1, tile_1x1}},
    {{12, 4, 1}, {tile_12x2, tile_4x2, tile_1x2}},
    {{8, 4, 1}, {tile_8x3, tile_4x3, tile_1x3}},
    {{6, 3, 1}, {tile_6x4, tile_3x4, tile_1x4}},
};

static void conv_row_f32_avx512(float *out, const float *const *rows,
                                const float *w, const float *bias,
                                const FgConvGeom *g)
{
    FgConvWork q;

    fg_conv_work_init(&q, rows, g);
    for (int o = 0; o < g->oc;) {
        /* Up to 8 outputs are left to half registers. */
        const int whole = (g->oc - o + 7) / 16;
        const int nb = whole == 5 ? 3 : whole > 4 ? 4 : whole;
        const int tail = g->oc - o - 16 * (nb - 1);

        if (!nb) {
            fg_conv_tail_avx2(out + o, w + o, bias + o, &q, g->oc - o,
                              g->width);
            return;
        }
        q.mask = tail >= 16 ? 0xffff : (1u << tail) - 1;
        fg_conv_tiles(&tiles[nb - 1], out + o, w + o, bias + o, &q, g->width);
        o += 16 * nb;
    }
}

void fg_dsp_init_conv_avx512(FgDsp *d)
{
    d->conv_row_f32 = conv_row_f32_avx512;
}
