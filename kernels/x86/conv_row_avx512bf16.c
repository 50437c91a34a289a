/* Convolution rows on bf16 pairs, AVX512_BF16.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/dsp.h"

#include <immintrin.h>
#include <string.h>

typedef struct Work {
    const uint16_t *const *rows;
    int spans, pairs; /* kernel rows * runs, pairs of one */
    int runs, in_pitch;
    ptrdiff_t step; /* values */
    int ocp, out_pitch;
    __mmask16 mask;
} Work;

/* One instruction in assembly: compilers at times copy the accumulators
 * around the intrinsic. */
static inline __attribute__((always_inline)) __m512 dot(__m512 acc, __m512i w,
                                                        __m512i a)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(acc) : "v"(w), "v"(a));
    return acc;
}

static inline __attribute__((always_inline)) __m512i pair(const uint16_t *p)
{
    int v;

    memcpy(&v, p, sizeof(v));
    return _mm512_set1_epi32(v);
}

static inline __attribute__((always_inline)) void
tile(float *out, int x, const uint16_t *w, const float *bias, const Work *q,
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
        const uint16_t *p = q->rows[s / q->runs] +
                            (ptrdiff_t)(s % q->runs) * q->in_pitch + x * step;

        for (int i = 0; i < q->pairs; i++, w += 2 * q->ocp, p += 2) {
            const uint16_t *const base[6] = {p,
                                             p + 4 * step,
                                             p + 8 * step,
                                             p + 12 * step,
                                             p + 16 * step,
                                             p + 20 * step};
            __m512i v[4];

#pragma GCC unroll 4
            for (int b = 0; b < nb; b++)
                v[b] = _mm512_load_si512(w + 32 * b);
#pragma GCC unroll 24
            for (int j = 0; j < px; j++) {
                const __m512i a = pair(base[j / 4] + j % 4 * step);
#pragma GCC unroll 4
                for (int b = 0; b < nb; b++)
                    acc[j][b] = dot(acc[j][b], v[b], a);
            }
        }
    }
    out += (ptrdiff_t)x * q->out_pitch;
#pragma GCC unroll 24
    for (int j = 0; j < px; j++) {
#pragma GCC unroll 4
        for (int b = 0; b < nb - 1; b++)
            _mm512_storeu_ps(out + 16 * b, acc[j][b]);
        _mm512_mask_storeu_ps(out + 16 * (nb - 1), q->mask, acc[j][nb - 1]);
        out += q->out_pitch;
    }
}

typedef void (*TileFn)(float *out, int x, const uint16_t *w, const float *bias,
                       const Work *q);
#define TILE(px, nb)                                                           \
    static __attribute__((noinline)) void tile_##px##x##nb(                    \
        float *out, int x, const uint16_t *w, const float *bias,               \
        const Work *q)                                                         \
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

static const struct {
    int px[4];
    TileFn fn[4];
} tiles[4] = {
    {{24, 12, 4, 1}, {tile_24x1, tile_12x1, tile_4x1, tile_1x1}},
    {{12, 4, 1}, {tile_12x2, tile_4x2, tile_1x2}},
    {{8, 4, 1}, {tile_8x3, tile_4x3, tile_1x3}},
    {{6, 3, 1}, {tile_6x4, tile_3x4, tile_1x4}},
};

/* The last block overlaps the one before (conv_work.h). */
static void cover(int nb, float *out, const uint16_t *w, const float *bias,
                  const Work *q, int width)
{
    int k = 0, px;

    while (tiles[nb - 1].px[k] > width)
        k++;
    px = tiles[nb - 1].px[k];
    for (int x = 0; x < width; x += px)
        tiles[nb - 1].fn[k](out, x + px > width ? width - px : x, w, bias, q);
}

static void conv_row_bf16_avx512bf16(float *out, const uint16_t *const *rows,
                                     const uint16_t *w, const float *bias,
                                     const FgConvGeom *g)
{
    const int joined = g->in_pitch == g->ic;
    Work q = {.rows = rows,
              .spans = joined ? g->kh : g->kh * g->kw,
              .pairs = (joined ? g->kw * g->ic : g->ic) / 2,
              .runs = joined ? 1 : g->kw,
              .in_pitch = g->in_pitch,
              .step = (ptrdiff_t)g->stride * g->in_pitch,
              .ocp = fg_round_lanes(g->oc),
              .out_pitch = g->out_pitch};

    for (int o = 0; o < g->oc;) {
        const int left = (g->oc - o + 15) / 16;
        const int nb = left == 5 ? 3 : left > 4 ? 4 : left;
        const int tail = g->oc - o - 16 * (nb - 1);

        q.mask = (__mmask16)(tail >= 16 ? 0xffff : (1u << tail) - 1);
        cover(nb, out + o, w + 2 * o, bias + o, &q, g->width);
        o += 16 * nb;
    }
}

void fg_dsp_init_avx512bf16(FgDsp *d)
{
    d->conv_row_bf16 = conv_row_bf16_avx512bf16;
}
