/* Element by element, AVX-512, and the table of this level.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/emit.h"
#include "kernels/grad_rows.h"
#include "kernels/smooth.h"
#include "kernels/x86/conv_work.h"

#include <immintrin.h>

/* EACH runs BODY with lanes i.. under the mask m for all n elements. */
#define EACH(n, BODY)                                                          \
    for (size_t i = 0; i < (n); i += 16) {                                     \
        const __mmask16 m = (n)-i >= 16 ? (__mmask16)0xffff                    \
                                        : (__mmask16)((1u << ((n)-i)) - 1);    \
        BODY                                                                   \
    }
#define LOAD(p) _mm512_maskz_loadu_ps(m, (p) + i)
#define STORE(p, v) _mm512_mask_storeu_ps((p) + i, m, v)

static void relu_f32_avx512(float *dst, const float *src, size_t n)
{
    const __m512 zero = _mm512_setzero_ps();

    /* The second operand comes back for NaN and for two zeros, as in C. */
    EACH(n, STORE(dst, _mm512_max_ps(zero, LOAD(src)));)
}

static __m512 leak(__m512 x, __m512 slope)
{
    const __mmask16 below = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(),
                                               _CMP_LT_OQ);

    return _mm512_mask_mul_ps(x, below, x, slope);
}

static void leaky_relu_f32_avx512(float *dst, const float *src, size_t n,
                                  float alpha)
{
    const __m512 slope = _mm512_set1_ps(alpha);

    EACH(n, STORE(dst, leak(LOAD(src), slope));)
}

static void prelu_f32_avx512(float *dst, const float *src, const float *slope,
                             int pixels, int c)
{
    const size_t n = (size_t)c;

    for (int x = 0; x < pixels; x++, dst += c, src += c) {
        EACH(n, STORE(dst, leak(LOAD(src), LOAD(slope)));)
    }
}

static void add_f32_avx512(float *dst, const float *a, const float *b, size_t n)
{
    EACH(n, STORE(dst, _mm512_add_ps(LOAD(a), LOAD(b)));)
}

static void relu_grad_f32_avx512(float *dst, const float *dy, const float *y,
                                 size_t n, float alpha, int add)
{
    const __m512 slope = _mm512_set1_ps(alpha), one = _mm512_set1_ps(1);

    EACH(n, {
        const __mmask16 above = _mm512_cmp_ps_mask(LOAD(y), _mm512_setzero_ps(),
                                                   _CMP_GT_OQ);
        __m512 v = _mm512_mul_ps(LOAD(dy),
                                 _mm512_mask_blend_ps(above, slope, one));

        if (add)
            v = _mm512_add_ps(LOAD(dst), v);
        STORE(dst, v);
    })
}

/* In integers: the conversion instruction would flush denormals. */
static void f32_to_f16_avx512(uint16_t *dst, const float *src, size_t n)
{
    EACH(n,
         _mm256_mask_storeu_epi16(dst + i, m, _mm512_cvtps_ph(LOAD(src), 0));)
}

static void f16_to_f32_avx512(float *dst, const uint16_t *src, size_t n)
{
    EACH(n, STORE(dst, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, src + i)));)
}

static void f32_to_bf16_avx512(uint16_t *dst, const float *src, size_t n)
{
    const __m512i half = _mm512_set1_epi32(0x7fff), one = _mm512_set1_epi32(1);
    const __m512i quiet = _mm512_set1_epi32(0x400000);

    EACH(n, {
        const __m512 f = LOAD(src);
        const __m512i v = _mm512_castps_si512(f);
        const __m512i lsb = _mm512_and_epi32(_mm512_srli_epi32(v, 16), one);
        const __mmask16 nan = _mm512_cmp_ps_mask(f, f, _CMP_UNORD_Q);
        __m512i r = _mm512_add_epi32(v, _mm512_add_epi32(half, lsb));

        r = _mm512_mask_or_epi32(r, nan, v, quiet);
        _mm256_mask_storeu_epi16(
            dst + i, m, _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16)));
    })
}

static void bf16_to_f32_avx512(float *dst, const uint16_t *src, size_t n)
{
    EACH(n, {
        const __m512i v = _mm512_cvtepu16_epi32(
            _mm256_maskz_loadu_epi16(m, src + i));

        STORE(dst, _mm512_castsi512_ps(_mm512_slli_epi32(v, 16)));
    })
}

void fg_dsp_init_avx512(FgDsp *d)
{
    fg_dsp_init_conv_avx512(d);
    fg_dsp_init_wgrad_avx512(d);
    d->relu_f32 = relu_f32_avx512;
    d->leaky_relu_f32 = leaky_relu_f32_avx512;
    d->prelu_f32 = prelu_f32_avx512;
    d->add_f32 = add_f32_avx512;
    d->relu_grad_f32 = relu_grad_f32_avx512;
    d->f32_to_bf16 = f32_to_bf16_avx512;
    d->f32_to_f16 = f32_to_f16_avx512;
    d->prelu_grad = prelu_grad_row;
    d->sum_pixels = sum_pixels_row;
    d->blend = blend_row;
    d->join = join_row;
    d->largest = largest_row;
    d->f16_to_f32 = f16_to_f32_avx512;
    smooth_init(d);
    d->bf16_to_f32 = bf16_to_f32_avx512;
}
