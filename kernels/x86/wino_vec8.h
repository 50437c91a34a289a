/* Winograd's vectors of 8 floats, AVX2 with F16C; included again per width.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/x86/wino_undef.h"

#define LANES 8
#define V __m256
#define U __m256i
#define H __m128i

#define vload(p) _mm256_loadu_ps(p)
#define vload_n(p, n) _mm256_maskload_ps(p, first8(n))
#define vstore(p, v) _mm256_storeu_ps(p, v)
#define vstore_n(p, v, n) _mm256_maskstore_ps(p, first8(n), v)
#define vset(x) _mm256_set1_ps(x)
#define vadd(a, b) _mm256_add_ps(a, b)
#define vsub(a, b) _mm256_sub_ps(a, b)
#define vmul(a, b) _mm256_mul_ps(a, b)
#define vfma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vfnma(a, b, c) _mm256_fnmadd_ps(a, b, c)
#define vmax0(v) _mm256_max_ps(_mm256_setzero_ps(), v)
#define vslope(v, s) slope8(v, s)
#define vint(p) _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(p)))
#define vput16(p, v) put8(p, v)
#define vput16x2(p, v, w) put8x2(p, v, w)

#define uzero _mm256_setzero_si256()
#define umax(a, b) _mm256_max_epu32(a, b)
#define vabsmax(u, v)                                                          \
    umax(u, _mm256_and_si256(_mm256_castps_si256(v),                           \
                             _mm256_set1_epi32(0x7fffffff)))
#define ureduce(u) reduce8(u)

#define hzero _mm_setzero_si128()
#define hmax(a, b) _mm_max_epu16(a, b)
#define habs(h) _mm_and_si128(h, _mm_set1_epi16(0x7fff))
#define hreduce(h) half_reduce8(h)
#define hload(p) _mm_loadu_si128((const __m128i *)(p))
#define hload_n(p, n) half_some8(p, n)
#define hstore(p, h) _mm_storeu_si128((__m128i *)(p), h)
#define hstore_n(p, h, n) half_put8(p, h, n)
#define vhalf(h) _mm256_cvtph_ps(h)
#define halfv(v) _mm256_cvtps_ph(v, 0)
