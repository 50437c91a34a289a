/* ffgan: IEEE 754 half precision (binary16) in plain C.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Bit for bit what F16C and NEON convert: to nearest even, subnormals kept,
 * too large becomes infinity, NaN stays NaN (made quiet, payload cut). */
#ifndef FFGAN_KERNELS_HALF_H
#define FFGAN_KERNELS_HALF_H

#include <stdint.h>
#include <string.h>

static inline float fg_half_to_float(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    const uint32_t e = h >> 10 & 31, m = h & 0x3ff;
    uint32_t u;
    float f;

    if (e == 31) {
        u = 0x7f800000 | m << 13 | (m ? 0x400000 : 0);
    } else if (e) {
        u = (e + 112) << 23 | m << 13;
    } else {
        f = (float)m * 0x1p-24f;
        memcpy(&u, &f, sizeof(u));
    }
    u |= sign;
    memcpy(&f, &u, sizeof(f));
    return f;
}

static inline uint16_t fg_half_from_float(float f)
{
    uint32_t u, m, half;
    int shift;

    memcpy(&u, &f, sizeof(u));
    const uint16_t sign = (uint16_t)(u >> 16 & 0x8000);
    const int e = (int)(u >> 23 & 255) - 112;

    m = u & 0x7fffff;
    if (e == 143)
        return (uint16_t)(sign | 0x7c00 | (m ? 0x200 | m >> 13 : 0));
    if (e >= 31)
        return sign | 0x7c00;
    if (e < -10)
        return sign;
    if (e <= 0)
        m |= 0x800000;
    shift = e <= 0 ? 14 - e : 13;
    half = (e > 0 ? (uint32_t)e << 10 : 0) + (m >> shift);
    /* A carry out of the mantissa goes into the exponent, as it should. */
    m &= (1u << shift) - 1;
    half += m > 1u << (shift - 1) || (m == 1u << (shift - 1) && (half & 1));
    return (uint16_t)(sign | half);
}

#endif
