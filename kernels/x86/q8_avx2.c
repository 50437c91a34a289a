/* Convolutions on 8-bit integers in AVX2: exact 16-bit products (vpmaddubsw
 * would saturate).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/q8.h"

#include <immintrin.h>
#include <string.h>

#define INL static inline __attribute__((always_inline))

/* ---- sums ---- */

INL __m256i spread(const uint8_t *x)
{
    int v;

    memcpy(&v, x, sizeof(v));
    return _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(v)));
}

/* Four columns' two halves each to their sums: columns 0..7. */
INL __m256i whole(__m256i a, __m256i b)
{
    return _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xd8);
}

/* Two pixels of 16 outputs. */
static void block(const FgQ8Sums *s, int t, int p)
{
    const FgQ8 *const q = s->q;
    const size_t line = (size_t)q->lines * 1024;
    __m256i sum[2][4];

    for (int i = 0; i < 4; i++)
        sum[0][i] = sum[1][i] = _mm256_setzero_si256();
    for (int ky = 0; ky < q->k; ky++) {
        const uint8_t *x = s->row[ky] + p * s->step;
        const int8_t *w = q->w + ((size_t)t * (size_t)q->k + (size_t)ky) * line;

        for (int i = 0; i < q->quads; i++, x += 4, w += 64) {
            const __m256i v0 = spread(x), v1 = spread(x + s->step);

#pragma GCC unroll 4
            for (int c = 0; c < 4; c++) {
                const __m256i k = _mm256_cvtepi8_epi16(
                    _mm_load_si128((const __m128i *)(const void *)w + c));

                sum[0][c] = _mm256_add_epi32(sum[0][c],
                                             _mm256_madd_epi16(v0, k));
                sum[1][c] = _mm256_add_epi32(sum[1][c],
                                             _mm256_madd_epi16(v1, k));
            }
        }
    }
    for (int i = 0; i < 2; i++) {
        __m256i *const to = (__m256i *)(void *)(s->sum + (p + i) * q->ocp +
                                                16 * t);

        _mm256_store_si256(to, whole(sum[i][0], sum[i][1]));
        _mm256_store_si256(to + 1, whole(sum[i][2], sum[i][3]));
    }
}

static void sums_avx2(const FgQ8Sums *s)
{
    /* Rows and sums have room for whole runs. */
    for (int t = 0; t < s->q->ocp / 16; t++)
        for (int p = 0; p < s->n; p += 2)
            block(s, t, p);
}

/* ---- what follows ---- */

typedef struct Coder {
    __m256 inv, lo, hi;
    __m256i zero;
} Coder;

INL Coder coder(FgQ8Code c)
{
    return (Coder){_mm256_set1_ps(c.inv), _mm256_set1_ps((float)-c.zero),
                   _mm256_set1_ps((float)(255 - c.zero)),
                   _mm256_set1_epi32(c.zero)};
}

/* Eight codes. The second operand comes back for NaN. */
INL __m128i codes(__m256 v, const Coder *c)
{
    v = _mm256_mul_ps(v, c->inv);
    v = _mm256_min_ps(_mm256_max_ps(v, c->lo), c->hi);
    const __m256i i = _mm256_add_epi32(_mm256_cvtps_epi32(v), c->zero);
    const __m128i w = _mm_packus_epi32(_mm256_castsi256_si128(i),
                                       _mm256_extracti128_si256(i, 1));

    return _mm_packus_epi16(w, w);
}

INL __m256 pixel(const FgQ8Out *o, int p, int c, __m256 a)
{
    const FgQ8 *const q = o->q;
    const __m256 zero = _mm256_setzero_ps();
    const __m256i sum = _mm256_add_epi32(
        _mm256_load_si256(
            (const __m256i *)(const void *)(o->sum + p * q->ocp + c)),
        _mm256_load_si256((const __m256i *)(const void *)(q->fix + c)));
    __m256 v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum),
                               _mm256_load_ps(q->scale + c),
                               _mm256_load_ps(q->bias + c));

    if (o->add && o->add_first)
        v = _mm256_add_ps(v, a);
    if (o->relu)
        v = _mm256_max_ps(zero, v);
    else
        v = _mm256_blendv_ps(v, _mm256_mul_ps(v, _mm256_load_ps(o->slope + c)),
                             _mm256_cmp_ps(v, zero, _CMP_LT_OQ));
    return o->add && !o->add_first ? _mm256_add_ps(v, a) : v;
}

INL void eight(const FgQ8Out *o, int p, int c, const Coder *k)
{
    const ptrdiff_t at = p * o->pitch + c;
    const int n = o->q->oc - c < 8 ? o->q->oc - c : 8;
    const float *const add = o->add ? o->add + p * o->add_pitch + c : NULL;
    float part[8] = {0};
    __m256 a = _mm256_setzero_ps();

    if (add && n == 8)
        a = _mm256_loadu_ps(add);
    else if (add) {
        memcpy(part, add, sizeof(*part) * (size_t)n);
        a = _mm256_loadu_ps(part);
    }
    const __m256 v = pixel(o, p, c, a);

    if (o->out && n == 8) {
        _mm256_storeu_ps(o->out + at, v);
    } else if (o->out) {
        _mm256_storeu_ps(part, v);
        memcpy(o->out + at, part, sizeof(*part) * (size_t)n);
    } else {
        const long long b = _mm_cvtsi128_si64(codes(v, k));

        memcpy(o->out8 + at, &b, (size_t)n);
    }
}

static void finish_avx2(const FgQ8Out *o)
{
    const Coder k = coder(o->to);

    for (int p = 0; p < o->n; p++)
        for (int c = 0; c < o->q->oc; c += 8)
            eight(o, p, c, &k);
}

static void quant_avx2(uint8_t *dst, const float *src, size_t n, FgQ8Code c)
{
    const Coder k = coder(c);

    for (size_t i = 0; i < n; i += 8) {
        const size_t left = n - i < 8 ? n - i : 8;
        float v[8] = {0};

        memcpy(v, src + i, left * sizeof(*v));
        const long long b = _mm_cvtsi128_si64(codes(_mm256_loadu_ps(v), &k));

        memcpy(dst + i, &b, left);
    }
}

void fg_q8_ops_avx2(FgQ8Ops *o)
{
    o->sums = sums_avx2;
    o->finish = finish_avx2;
    o->quant = quant_avx2;
    o->name = "AVX2";
}
