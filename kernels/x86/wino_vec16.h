/* Winograd's vectors of 16 floats, AVX-512.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/x86/wino_undef.h"

#define LANES 16
#define V __m512
#define U __m512i
#define H __m256i

#define first16(n) ((__mmask16)((1u << (n)) - 1))
#define vload(p) _mm512_loadu_ps(p)
#define vload_n(p, n) _mm512_maskz_loadu_ps(first16(n), p)
#define vstore(p, v) _mm512_storeu_ps(p, v)
#define vstore_n(p, v, n) _mm512_mask_storeu_ps(p, first16(n), v)
#define vset(x) _mm512_set1_ps(x)
#define vadd(a, b) _mm512_add_ps(a, b)
#define vsub(a, b) _mm512_sub_ps(a, b)
#define vmul(a, b) _mm512_mul_ps(a, b)
#define vfma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vfnma(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define vmax0(v) _mm512_max_ps(_mm512_setzero_ps(), v)
#define vslope(v, s)                                                           \
    _mm512_mask_mul_ps(                                                        \
        v, _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ), v, s)
#define vint(p) _mm512_cvtepi32_ps(_mm512_loadu_si512(p))
#define vput16(p, v)                                                           \
    _mm256_storeu_si256((__m256i *)(p),                                        \
                        _mm512_cvtepi32_epi16(_mm512_castps_si512(v)))
#define vput16x2(p, v, w)                                                      \
    _mm512_storeu_si512(p, _mm512_permutex2var_epi16(_mm512_castps_si512(v),   \
                                                     even16(),                 \
                                                     _mm512_castps_si512(w)))

#define uzero _mm512_setzero_si512()
#define umax(a, b) _mm512_max_epu32(a, b)
#define vabsmax(u, v)                                                          \
    umax(u, _mm512_and_si512(_mm512_castps_si512(v),                           \
                             _mm512_set1_epi32(0x7fffffff)))
#define ureduce(u) _mm512_reduce_max_epu32(u)

#define hzero _mm256_setzero_si256()
#define hmax(a, b) _mm256_max_epu16(a, b)
#define habs(h) _mm256_and_si256(h, _mm256_set1_epi16(0x7fff))
#define hreduce(h)                                                             \
    half_reduce8(_mm_max_epu16(_mm256_castsi256_si128(h),                      \
                               _mm256_extracti128_si256(h, 1)))
#define hload(p) _mm256_loadu_si256((const __m256i *)(p))
#define hload_n(p, n) _mm256_maskz_loadu_epi16(first16(n), p)
#define hstore(p, h) _mm256_storeu_si256((__m256i *)(p), h)
#define hstore_n(p, h, n) _mm256_mask_storeu_epi16(p, first16(n), h)
#define vhalf(h) _mm512_cvtph_ps(h)
#define halfv(v) _mm512_cvtps_ph(v, 0)
