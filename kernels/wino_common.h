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
#define TINY 1e-30f
/* Adding this leaves a number's nearest integer in the low bits. */
#define MAGIC 12582912.0f

/* The same magnitude as a float's bits. */
INL uint32_t half_bits(uint16_t h)
{
    const float f = fg_half_to_float(h);
    uint32_t u;

    memcpy(&u, &f, sizeof(u));
    return u;
}

#endif
