/* ffgan: smooth activations on rows of floats, once for every instruction set.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain C in blocks for the compiler to vectorise with the flags of whoever
 * includes it. Only single operations and fused multiply-adds in a fixed
 * order, so that the bits are the same. Errors, of the result (silu, gelu,
 * mish: of the factor of x): below 3e-7 of itself. */
#ifndef FFGAN_KERNELS_SMOOTH_H
#define FFGAN_KERNELS_SMOOTH_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dsp.h"

#define SMOOTH_BLOCK 32
#define SMOOTH_INLINE static inline __attribute__((always_inline))

/* e^(x + low) where low is small; x held within -87..88. x = k ln 2 + r, ln 2
 * in two parts; the polynomial is the one of the Cephes library's expf (Moshier
 * 1992). The integer is in the last bits of t. */
SMOOTH_INLINE float smooth_exp2(float x, float low)
{
    const float round = 12582912.0f; /* 1.5 * 2^23 */

    x = x > 88.0f ? 88.0f : x;
    x = x < -87.0f ? -87.0f : x;
    const float t = fmaf(x, 1.44269504088896341f, round), k = t - round;
    float r = fmaf(k, -0.693359375f, x), p, scale;
    uint32_t bits;

    r = fmaf(k, 2.12194440e-4f, r) + low;
    p = fmaf(1.9875691500e-4f, r, 1.3981999507e-3f);
    p = fmaf(p, r, 8.3334519073e-3f);
    p = fmaf(p, r, 4.1665795894e-2f);
    p = fmaf(p, r, 1.6666665459e-1f);
    p = fmaf(p, r, 5.0000001201e-1f);
    p = fmaf(p * r, r, r) + 1;
    memcpy(&bits, &t, sizeof(bits));
    bits = (bits << 23) + 0x3f800000u;
    memcpy(&scale, &bits, sizeof(scale));
    return p * scale;
}

/* c ? a : b by bits: a branch around either would not be vectorised. */
SMOOTH_INLINE float smooth_select(int c, float a, float b)
{
    const uint32_t m = 0u - (uint32_t)c;
    uint32_t ua, ub;

    memcpy(&ua, &a, sizeof(ua));
    memcpy(&ub, &b, sizeof(ub));
    ua = (ua & m) | (ub & ~m);
    memcpy(&a, &ua, sizeof(a));
    return a;
}

SMOOTH_INLINE float smooth_exp(float x)
{
    return smooth_exp2(x, 0);
}

SMOOTH_INLINE float smooth_sigmoid(float x)
{
    return 1 / (1 + smooth_exp(-x));
}

SMOOTH_INLINE float smooth_silu(float x)
{
    return x / (1 + smooth_exp(-x));
}

/* Near 0 Cephes' tanhf; further out by exp. */
SMOOTH_INLINE float smooth_tanh(float x)
{
    const float a = fabsf(x), s = x * x;
    const float far = 1 - 2 / (smooth_exp(2 * a) + 1);
    float p = fmaf(-5.70498872745e-3f, s, 2.06390887954e-2f);

    p = fmaf(p, s, -5.37397155531e-2f);
    p = fmaf(p, s, 1.33314422036e-1f);
    p = fmaf(p, s, -3.33332819422e-1f);
    p = fmaf(p * s, x, x);
    const float out = copysignf(far, x);
    return smooth_select(a < 0.625f, p, out);
}

/* The share of a normal distribution below x: a Chebyshev fit of erfc to
 * 1.2e-7 of itself (Press et al., Numerical Recipes in C, 2nd ed., 6.2), the
 * rounding of the exponent carried along. */
SMOOTH_INLINE float smooth_below(float x)
{
    float c = fabsf(x);

    c = c > 12.5f ? 12.5f : c;
    const float t = 1 / fmaf(0.3535533905932738f, c, 1);
    float p = fmaf(0.17087277f, t, -0.82215223f);

    p = fmaf(p, t, 1.48851587f);
    p = fmaf(p, t, -1.13520398f);
    p = fmaf(p, t, 0.27886807f);
    p = fmaf(p, t, -0.18628806f);
    p = fmaf(p, t, 0.09678418f);
    p = fmaf(p, t, 0.37409196f);
    p = fmaf(p, t, 1.00002368f);
    const float half = -0.5f * c, a = half * c, al = fmaf(half, c, -a);
    const float b = fmaf(p, t, -1.26551223f), s = a + b, bb = s - a;
    const float low = ((a - (s - bb)) + (b - bb)) + al;
    const float h = 0.5f * t * smooth_exp2(s, low);
    return (0.5f + copysignf(0.5f, x)) - copysignf(h, x); /* h or 1 - h */
}

SMOOTH_INLINE float smooth_gelu(float x)
{
    return x * smooth_below(x);
}

/* tanh(log(1 + e)) = (e^2 + 2e) / (e^2 + 2e + 2), 1 from x = 20 on. */
SMOOTH_INLINE float smooth_share(float x)
{
    const float e = smooth_exp(x > 20 ? 20 : x), q = e * (e + 2);

    return q / (q + 2);
}

SMOOTH_INLINE float smooth_mish(float x)
{
    return x * smooth_share(x);
}

/* ---- derivatives ---- */

SMOOTH_INLINE float smooth_sigmoid_d(float x)
{
    const float y = smooth_sigmoid(x);

    return y * (1 - y);
}

SMOOTH_INLINE float smooth_silu_d(float x)
{
    const float s = smooth_sigmoid(x);

    return s * fmaf(x, 1 - s, 1);
}

SMOOTH_INLINE float smooth_tanh_d(float x)
{
    const float y = smooth_tanh(x);

    return fmaf(-y, y, 1);
}

SMOOTH_INLINE float smooth_gelu_d(float x)
{
    const float density = 0.3989422804014327f * smooth_exp(-0.5f * x * x);

    return fmaf(x, density, smooth_below(x));
}

SMOOTH_INLINE float smooth_mish_d(float x)
{
    const float t = smooth_share(x), s = smooth_sigmoid(x);

    return fmaf(x * fmaf(-t, t, 1), s, t);
}

/* ---- rows ---- */

/* Each element by itself: dst may be src. Whole vectors are read straight from
 * the row: a block copied in halves first would be waited for. */
#define SMOOTH_ROWS(fn)                                                        \
    static void fn##_row(float *dst, const float *src, size_t n)               \
    {                                                                          \
        float v[SMOOTH_BLOCK] = {0};                                           \
        size_t i = 0;                                                          \
                                                                               \
        for (; i + SMOOTH_BLOCK <= n; i += SMOOTH_BLOCK) {                     \
            for (int j = 0; j < SMOOTH_BLOCK; j++)                             \
                v[j] = smooth_##fn(src[i + (size_t)j]);                        \
            memcpy(dst + i, v, sizeof(v));                                     \
        }                                                                      \
        if (i == n)                                                            \
            return;                                                            \
        memcpy(v, src + i, sizeof(*v) * (n - i));                              \
        for (int j = 0; j < SMOOTH_BLOCK; j++)                                 \
            v[j] = smooth_##fn(v[j]);                                          \
        memcpy(dst + i, v, sizeof(*v) * (n - i));                              \
    }                                                                          \
    static void fn##_grad_row(float *dx, const float *dy, const float *x,      \
                              size_t n, int add)                               \
    {                                                                          \
        float v[SMOOTH_BLOCK] = {0};                                           \
        size_t i = 0;                                                          \
                                                                               \
        for (; i + SMOOTH_BLOCK <= n; i += SMOOTH_BLOCK) {                     \
            for (int j = 0; j < SMOOTH_BLOCK; j++)                             \
                v[j] = dy[i + (size_t)j] * smooth_##fn##_d(x[i + (size_t)j]);  \
            for (int j = 0; add && j < SMOOTH_BLOCK; j++)                      \
                v[j] += dx[i + (size_t)j];                                     \
            memcpy(dx + i, v, sizeof(v));                                      \
        }                                                                      \
        if (i == n)                                                            \
            return;                                                            \
        memcpy(v, x + i, sizeof(*v) * (n - i));                                \
        for (int j = 0; j < SMOOTH_BLOCK; j++)                                 \
            v[j] = smooth_##fn##_d(v[j]);                                      \
        for (size_t j = 0; j < n - i; j++)                                     \
            dx[i + j] = add ? dy[i + j] * v[j] + dx[i + j] : dy[i + j] * v[j]; \
    }

SMOOTH_ROWS(sigmoid)
SMOOTH_ROWS(silu)
SMOOTH_ROWS(tanh)
SMOOTH_ROWS(gelu)
SMOOTH_ROWS(mish)

static void smooth_row(float *dst, const float *src, size_t n, FgSmooth f)
{
    static void (*const row[])(float *, const float *, size_t) = {
        sigmoid_row, silu_row, tanh_row, gelu_row, mish_row};

    row[f](dst, src, n);
}

static void smooth_grad_row(float *dx, const float *dy, const float *x,
                            size_t n, FgSmooth f, int add)
{
    static void (*const row[])(float *, const float *, const float *, size_t,
                               int) = {sigmoid_grad_row, silu_grad_row,
                                       tanh_grad_row, gelu_grad_row,
                                       mish_grad_row};

    row[f](dx, dy, x, n, add);
}

/* ---- products ---- */

static void mul_row(float *dst, const float *a, const float *b, size_t n)
{
    float v[SMOOTH_BLOCK];
    size_t i = 0;

    for (; i + SMOOTH_BLOCK <= n; i += SMOOTH_BLOCK) {
        for (int j = 0; j < SMOOTH_BLOCK; j++)
            v[j] = a[i + (size_t)j] * b[i + (size_t)j];
        memcpy(dst + i, v, sizeof(v));
    }
    for (; i < n; i++)
        dst[i] = a[i] * b[i];
}

static void scale_row(float *dst, const float *a, float by, size_t n)
{
    float v[SMOOTH_BLOCK];
    size_t i = 0;

    for (; i + SMOOTH_BLOCK <= n; i += SMOOTH_BLOCK) {
        for (int j = 0; j < SMOOTH_BLOCK; j++)
            v[j] = a[i + (size_t)j] * by;
        memcpy(dst + i, v, sizeof(v));
    }
    for (; i < n; i++)
        dst[i] = a[i] * by;
}

static void bf16_row(float *dst, const uint16_t *src, size_t n)
{
    size_t i = 0;

    for (; i < n; i++) {
        const uint32_t bits = (uint32_t)src[i] << 16;

        memcpy(dst + i, &bits, sizeof(bits));
    }
}

static void bias_row(float *dst, const float *src, const float *bias,
                     int pixels, int c)
{
    for (int x = 0; x < pixels; x++, src += c, dst += c)
        for (int k = 0; k < c; k++)
            dst[k] = src[k] + bias[k];
}

static inline void smooth_init(FgDsp *d)
{
    d->smooth = smooth_row;
    d->smooth_grad = smooth_grad_row;
    d->mul_f32 = mul_row;
    d->scale_f32 = scale_row;
    d->bf16_to_f32 = bf16_row;
    d->bias_f32 = bias_row;
}

#endif
