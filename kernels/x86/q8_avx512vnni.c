/* Convolutions on 8-bit integers: sums by vpdpbusd.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/q8.h"

#include <immintrin.h>
#include <string.h>

#define INL static inline __attribute__((always_inline))

INL __m512i spread(const uint8_t *x)
{
    int v;

    memcpy(&v, x, sizeof(v));
    return _mm512_set1_epi32(v);
}

/* n pixels of `tiles` vectors of outputs from t on. */
INL void block(const FgQ8Sums *s, int t, int p0, const int tiles, const int n)
{
    const FgQ8 *const q = s->q;
    const size_t line = (size_t)q->lines * 1024, tile = (size_t)q->k * line;
    __m512i sum[2][8];

    for (int i = 0; i < tiles; i++)
        for (int p = 0; p < n; p++)
            sum[i][p] = _mm512_setzero_si512();
    for (int ky = 0; ky < q->k; ky++) {
        const uint8_t *x = s->row[ky] + p0 * s->step;
        const int8_t *w = q->w + (size_t)t * tile + (size_t)ky * line;

        for (int i = 0; i < q->quads; i++, x += 4, w += 64) {
            const __m512i w0 = _mm512_load_si512(w);
            const __m512i w1 = tiles > 1 ? _mm512_load_si512(w + tile) : w0;

#pragma GCC unroll 8
            for (int p = 0; p < n; p++) {
                const __m512i v = spread(x + p * s->step);

                sum[0][p] = _mm512_dpbusd_epi32(sum[0][p], v, w0);
                if (tiles > 1)
                    sum[1][p] = _mm512_dpbusd_epi32(sum[1][p], v, w1);
            }
        }
    }
    for (int i = 0; i < tiles; i++)
        for (int p = 0; p < n; p++)
            _mm512_store_si512(s->sum + (p0 + p) * q->ocp + 16 * (t + i),
                               sum[i][p]);
}

static void sums_vnni(const FgQ8Sums *s)
{
    const int tiles = s->q->ocp / 16;

    for (int t = 0; t < tiles; t += 2)
        for (int p = 0; p < s->n; p += 8) {
            /* Rows and sums have room for whole runs. */
            if (t + 1 < tiles)
                block(s, t, p, 2, 8);
            else
                block(s, t, p, 1, 8);
        }
}

void fg_q8_ops_avx512vnni(FgQ8Ops *o)
{
    o->sums = sums_vnni;
    o->name = "AVX-512 VNNI";
}
