/* Convolutions on 8-bit integers: what follows the sums, in AVX-512.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/q8.h"

#include <immintrin.h>

#define INL static inline __attribute__((always_inline))

typedef struct Coder {
    __m512 inv, lo, hi;
    __m512i zero;
} Coder;

INL Coder coder(FgQ8Code c)
{
    return (Coder){_mm512_set1_ps(c.inv), _mm512_set1_ps((float)-c.zero),
                   _mm512_set1_ps((float)(255 - c.zero)),
                   _mm512_set1_epi32(c.zero)};
}

/* The second operand comes back for NaN. */
INL __m512i codes(__m512 v, const Coder *c)
{
    v = _mm512_mul_ps(v, c->inv);
    v = _mm512_min_ps(_mm512_max_ps(v, c->lo), c->hi);
    return _mm512_add_epi32(_mm512_cvtps_epi32(v), c->zero);
}

INL __m512 pixel(const FgQ8Out *o, int p, int c, __mmask16 m, const int adds,
                 const int relu)
{
    const FgQ8 *const q = o->q;
    const __m512 zero = _mm512_setzero_ps();
    const __m512i sum = _mm512_add_epi32(
        _mm512_load_si512(o->sum + p * q->ocp + c),
        _mm512_load_si512(q->fix + c));
    __m512 a = zero;
    __m512 v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum),
                               _mm512_load_ps(q->scale + c),
                               _mm512_load_ps(q->bias + c));

    if (adds)
        a = _mm512_maskz_loadu_ps(m, o->add + p * o->add_pitch + c);
    if (adds == 1)
        v = _mm512_add_ps(v, a);
    if (relu)
        v = _mm512_max_ps(zero, v);
    else
        v = _mm512_mask_mul_ps(v, _mm512_cmp_ps_mask(v, zero, _CMP_LT_OQ), v,
                               _mm512_load_ps(o->slope + c));
    return adds == 2 ? _mm512_add_ps(v, a) : v;
}

INL void finish(const FgQ8Out *o, const int adds, const int relu, const int u8)
{
    const Coder k = coder(o->to);

    for (int c = 0; c < o->q->oc; c += 16) {
        const int left = o->q->oc - c;
        const __mmask16 m = left < 16 ? (__mmask16)((1u << left) - 1) : 0xffff;

        for (int p = 0; p < o->n; p++) {
            const __m512 v = pixel(o, p, c, m, adds, relu);
            const ptrdiff_t at = p * o->pitch + c;

            if (u8)
                _mm_mask_storeu_epi8(o->out8 + at, m,
                                     _mm512_cvtepi32_epi8(codes(v, &k)));
            else
                _mm512_mask_storeu_ps(o->out + at, m, v);
        }
    }
}

static void finish_avx512(const FgQ8Out *o)
{
    const int adds = !o->add ? 0 : o->add_first ? 1 : 2, u8 = !o->out;

#define CASE(a, r, u)                                                          \
    if (adds == (a) && !!o->relu == (r) && u8 == (u)) {                        \
        finish(o, a, r, u);                                                    \
        return;                                                                \
    }
#define CASES(a) CASE(a, 0, 0) CASE(a, 0, 1) CASE(a, 1, 0) CASE(a, 1, 1)
    CASES(0)
    CASES(1)
    CASES(2)
}

static void quant_avx512(uint8_t *dst, const float *src, size_t n, FgQ8Code c)
{
    const Coder k = coder(c);

    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 m = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1)
                                       : 0xffff;
        const __m512 v = _mm512_maskz_loadu_ps(m, src + i);

        _mm_mask_storeu_epi8(dst + i, m, _mm512_cvtepi32_epi8(codes(v, &k)));
    }
}

void fg_q8_ops_avx512(FgQ8Ops *o)
{
    o->finish = finish_avx512;
    o->quant = quant_avx512;
}
