/* ffgan: the bits of a float, for gcc and nvcc.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_BITS_H
#define FFGAN_KERNELS_BITS_H

#include <stdint.h>

#ifdef __CUDACC__
#define FG_MATHS static __device__ __forceinline__
#else
#include <string.h>
#define FG_MATHS static inline
#endif

FG_MATHS float fg_bits_float(uint32_t u)
{
#ifdef __CUDACC__
    return __uint_as_float(u);
#else
    float f;
    memcpy(&f, &u, sizeof(f));
    return f;
#endif
}

FG_MATHS uint32_t fg_float_bits(float f)
{
#ifdef __CUDACC__
    return __float_as_uint(f);
#else
    uint32_t u;
    memcpy(&u, &f, sizeof(u));
    return u;
#endif
}

#endif
