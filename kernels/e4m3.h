/* ffgan: 8-bit floating point, E4M3, in plain C.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sign, four bits of exponent (bias 7), three of mantissa; subnormals; no
 * infinity: 0x7f and 0xff are NaN, the largest value is 448 (Micikevicius et
 * al., FP8 Formats for Deep Learning, 2022, table 1). Conversion as PTX's
 * cvt.rn.satfinite.e4m3x2.f32: to nearest even, what is larger becomes 448. */
#ifndef FFGAN_KERNELS_E4M3_H
#define FFGAN_KERNELS_E4M3_H

#include <stdint.h>
#include <string.h>

#define FG_E4M3_MAX 448

#ifdef __CUDACC__
#define FG_E4M3_FN static __device__ __forceinline__
#else
#define FG_E4M3_FN static inline
#endif

FG_E4M3_FN float fg_e4m3_to_float(uint8_t c)
{
    const uint32_t sign = (uint32_t)(c & 0x80) << 24;
    const uint32_t e = c >> 3 & 15, m = c & 7;
    uint32_t u;
    float f = (float)m * 0x1p-9f;

    memcpy(&u, &f, sizeof(u));
    if ((c & 0x7f) == 0x7f)
        u = 0x7fc00000;
    else if (e)
        u = (e + 120) << 23 | m << 20;
    u |= sign;
    memcpy(&f, &u, sizeof(f));
    return f;
}

FG_E4M3_FN uint8_t fg_e4m3_from_float(float f)
{
    const float one = 16384; /* its last place is the least subnormal, 2^-9 */
    uint32_t u, first;
    float sum;

    memcpy(&u, &f, sizeof(u));
    const uint8_t sign = (uint8_t)(u >> 24 & 0x80);

    u &= 0x7fffffff;
    if (u > 0x7f800000)
        return sign | 0x7f;
    if (u >= 0x43e00000)
        return sign | 0x7e;
    if (u >= 0x3c800000) /* 2^-6; a carry goes into the exponent */
        return sign | (uint8_t)(((u + 0x7ffff + (u >> 20 & 1)) >> 20) - 960);
    memcpy(&sum, &u, sizeof(sum));
    sum += one;
    memcpy(&u, &sum, sizeof(u));
    memcpy(&first, &one, sizeof(first));
    return sign | (uint8_t)(u - first);
}

#endif
