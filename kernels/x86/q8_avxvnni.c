/* Convolutions on 8-bit integers: sums by vpdpbusd without AVX-512.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/q8.h"

#include <immintrin.h>
#include <string.h>

#define INL static inline __attribute__((always_inline))
#define PIXELS 4

INL __m256i spread(const uint8_t *x)
{
    int v;

    memcpy(&v, x, sizeof(v));
    return _mm256_set1_epi32(v);
}

static void block(const FgQ8Sums *s, int t, int p0)
{
    const FgQ8 *const q = s->q;
    const size_t line = (size_t)q->lines * 1024;
    __m256i sum[PIXELS][2];

    for (int p = 0; p < PIXELS; p++)
        sum[p][0] = sum[p][1] = _mm256_setzero_si256();
    for (int ky = 0; ky < q->k; ky++) {
        const uint8_t *x = s->row[ky] + p0 * s->step;
        const int8_t *w = q->w + ((size_t)t * (size_t)q->k + (size_t)ky) * line;

        for (int i = 0; i < q->quads; i++, x += 4, w += 64) {
            const __m256i *const both = (const __m256i *)(const void *)w;
            const __m256i w0 = _mm256_load_si256(both);
            const __m256i w1 = _mm256_load_si256(both + 1);

#pragma GCC unroll 4
            for (int p = 0; p < PIXELS; p++) {
                const __m256i v = spread(x + p * s->step);

                sum[p][0] = _mm256_dpbusd_avx_epi32(sum[p][0], v, w0);
                sum[p][1] = _mm256_dpbusd_avx_epi32(sum[p][1], v, w1);
            }
        }
    }
    for (int p = 0; p < PIXELS; p++) {
        __m256i *const to = (__m256i *)(void *)(s->sum + (p0 + p) * q->ocp +
                                                16 * t);

        _mm256_store_si256(to, sum[p][0]);
        _mm256_store_si256(to + 1, sum[p][1]);
    }
}

static void sums_avxvnni(const FgQ8Sums *s)
{
    /* Rows and sums have room for whole runs. */
    for (int t = 0; t < s->q->ocp / 16; t++)
        for (int p = 0; p < s->n; p += PIXELS)
            block(s, t, p);
}

void fg_q8_ops_avxvnni(FgQ8Ops *o)
{
    o->sums = sums_avxvnni;
    o->name = "AVX-VNNI";
}
