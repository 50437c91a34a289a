/* Element by element, AVX2, and the table of this level.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/emit.h"
#include "kernels/grad_rows.h"
#include "kernels/smooth.h"
#include "kernels/half.h"
#include "kernels/x86/conv_work.h"

#include <immintrin.h>
#include <string.h>

/* The C expressions, which compilers turn into AVX2 here, bit for bit. */
static void relu_f32_avx2(float *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i] < 0 ? 0 : src[i];
}

static void leaky_relu_f32_avx2(float *dst, const float *src, size_t n,
                                float alpha)
{
    for (size_t i = 0; i < n; i++) {
        const float v = src[i] * alpha;

        dst[i] = src[i] < 0 ? v : src[i];
    }
}

static void prelu_f32_avx2(float *dst, const float *src, const float *slope,
                           int pixels, int c)
{
    for (int x = 0; x < pixels; x++, dst += c, src += c) {
        for (int i = 0; i < c; i++) {
            const float v = src[i] * slope[i];

            dst[i] = src[i] < 0 ? v : src[i];
        }
    }
}

static void add_f32_avx2(float *dst, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = a[i] + b[i];
}

static void relu_grad_f32_avx2(float *dst, const float *dy, const float *y,
                               size_t n, float alpha, int add)
{
    if (add) {
        for (size_t i = 0; i < n; i++)
            dst[i] = dst[i] + dy[i] * (y[i] > 0 ? 1 : alpha);
    } else {
        for (size_t i = 0; i < n; i++)
            dst[i] = dy[i] * (y[i] > 0 ? 1 : alpha);
    }
}

static void f32_to_f16_avx2(uint16_t *dst, const float *src, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(dst + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(src + i), 0));
    for (; i < n; i++)
        dst[i] = fg_half_from_float(src[i]);
}

static void f16_to_f32_avx2(float *dst, const uint16_t *src, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(_mm_loadu_si128(
                                      (const __m128i *)(src + i))));
    for (; i < n; i++)
        dst[i] = fg_half_to_float(src[i]);
}

static void f32_to_bf16_avx2(uint16_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits, rounded;

        memcpy(&bits, &src[i], sizeof(bits));
        rounded = bits + 0x7fff + (bits >> 16 & 1);
        rounded = (bits & 0x7fffffff) > 0x7f800000 ? bits | 0x400000 : rounded;
        dst[i] = (uint16_t)(rounded >> 16);
    }
}

void fg_dsp_init_avx2(FgDsp *d)
{
    fg_dsp_init_conv_avx2(d);
    fg_dsp_init_wgrad_avx2(d);
    fg_dsp_init_bf16_avx2(d);
    d->relu_f32 = relu_f32_avx2;
    d->leaky_relu_f32 = leaky_relu_f32_avx2;
    d->prelu_f32 = prelu_f32_avx2;
    d->add_f32 = add_f32_avx2;
    d->relu_grad_f32 = relu_grad_f32_avx2;
    d->f32_to_bf16 = f32_to_bf16_avx2;
    d->f32_to_f16 = f32_to_f16_avx2;
    d->prelu_grad = prelu_grad_row;
    d->sum_pixels = sum_pixels_row;
    d->blend = blend_row;
    d->join = join_row;
    d->largest = largest_row;
    d->f16_to_f32 = f16_to_f32_avx2;
    smooth_init(d);
}
