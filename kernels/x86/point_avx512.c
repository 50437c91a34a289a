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

/* One channel, twice as wide: of 8 pixels' four values the two of the row,
 * and between one another what is added to even and to odd columns. */
static void join_2x1(const FgJoin *j)
{
    const __m512i step = _mm512_setr_epi32(0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20,
                                           21, 24, 25, 28, 29);
    const __m512i pick = _mm512_add_epi32(step, _mm512_set1_epi32(2 * j->sub));
    const __m512i weave = _mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5,
                                            13, 6, 14, 7, 15);
    const int n = j->n & ~7;

    for (int x = 0; x < n; x += 8) {
        const float *const v = j->v + (ptrdiff_t)x * 4;
        __m512 r = _mm512_permutex2var_ps(_mm512_loadu_ps(v), pick,
                                          _mm512_loadu_ps(v + 16));

        if (j->phase) {
            const float *const even = j->phase + x, *const odd = even + j->n;
            const __m512 both = _mm512_insertf32x8(
                _mm512_castps256_ps512(_mm256_loadu_ps(even)),
                _mm256_loadu_ps(odd), 1);

            r = _mm512_add_ps(r, _mm512_permutexvar_ps(weave, both));
        }
        _mm512_storeu_ps(j->out + (ptrdiff_t)x * 2, r);
    }
    for (int x = n; x < j->n; x++)
        for (int d = 0; d < 2; d++) {
            const float a = j->v[(ptrdiff_t)x * 4 + 2 * j->sub + d];

            j->out[(ptrdiff_t)x * 2 + d] =
                j->phase ? a + j->phase[(ptrdiff_t)d * j->n + x] : a;
        }
}

static void join_avx512(const FgJoin *j)
{
    if (j->packed && j->factor == 2 && j->channels == 1 && j->pitch == 4)
        join_2x1(j);
    else
        join_row(j);
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
    d->join = join_avx512;
    d->largest = largest_row;
    d->f16_to_f32 = f16_to_f32_avx512;
    smooth_init(d);
    d->bf16_to_f32 = bf16_to_f32_avx512;
}
