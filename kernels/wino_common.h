/* Winograd: what every instruction set's file begins with.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_WINO_COMMON_H
#define FFGAN_KERNELS_WINO_COMMON_H

#include <math.h>
#include <string.h>

#include "half.h"
#include "wino.h"

#define INL static inline __attribute__((always_inline))
#define PA 0.70710678118654752f
#define PB 1.41421356237309505f
/* |B' d B| <= 26.3 max |d|: rows of B' have 1-norms of at most 3 + 3/sqrt2. */
#define MAX_V 32767.0f
#define GAIN 26.3f
/* 2^-100 and 2^100 as floats' bits: below, a tile is nothing but zeros, above
 * as good as infinite. */
#define TINY_BITS 0x0d800000u
#define MOST_BITS 0x71800000u
/* Adding this leaves a number's nearest integer in the low bits. */
#define MAGIC 12582912.0f

/* Of a tile whose largest magnitude has these bits as a float: what, added to
 * its transformed values, leaves the nearest integers of their 2^k-fold in the
 * low bits, MAGIC / 2^k. 2^k is the largest with which no value can pass MAX_V.
 * *unscale = 2^-k, NaN where a value is not finite or as good as infinite. */
INL float tile_magic(uint32_t top, float *unscale)
{
    /* One exponent more where the mantissa is above that of MAX_V / GAIN =
     * 1.2167 * 2^10. */
    const uint32_t e = ((top + 0x7fffff - 0x1bbc90) >> 23) - 10;
    const uint32_t bits = 0x4b400000 + ((e - 127) << 23), un = e << 23;
    float magic = MAGIC;

    if (top < TINY_BITS || top > MOST_BITS) {
        *unscale = top > MOST_BITS ? NAN : 0;
    } else {
        memcpy(&magic, &bits, sizeof(magic));
        memcpy(unscale, &un, sizeof(un));
    }
    return magic;
}

/* The same magnitude as a float's bits. */
INL uint32_t half_bits(uint16_t h)
{
    const float f = fg_half_to_float(h);
    uint32_t u;

    memcpy(&u, &f, sizeof(u));
    return u;
}

#endif
