/* The functions behind wino_vec8.h.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_X86_WINO_VEC8_FN_H
#define FFGAN_KERNELS_X86_WINO_VEC8_FN_H

#include <immintrin.h>

#include "kernels/wino_common.h"

/* The first n of 8 lanes. */
INL __m256i first8(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INL __m256 slope8(__m256 v, __m256 s)
{
    const __m256 below = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_LT_OQ);

    return _mm256_blendv_ps(v, _mm256_mul_ps(v, s), below);
}

INL uint32_t reduce8(__m256i u)
{
    __m128i x = _mm_max_epu32(_mm256_castsi256_si128(u),
                              _mm256_extracti128_si256(u, 1));

    x = _mm_max_epu32(x, _mm_shuffle_epi32(x, 0x4e));
    x = _mm_max_epu32(x, _mm_shuffle_epi32(x, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(x);
}

INL void put8(int16_t *p, __m256 v)
{
    const __m256i x = _mm256_and_si256(_mm256_castps_si256(v),
                                       _mm256_set1_epi32(0xffff));

    _mm_storeu_si128((__m128i *)p,
                     _mm_packus_epi32(_mm256_castsi256_si128(x),
                                      _mm256_extracti128_si256(x, 1)));
}

INL void put8x2(int16_t *p, __m256 v, __m256 w)
{
    const __m256i low = _mm256_set1_epi32(0xffff);
    const __m256i x = _mm256_packus_epi32(
        _mm256_and_si256(_mm256_castps_si256(v), low),
        _mm256_and_si256(_mm256_castps_si256(w), low));

    _mm256_storeu_si256((__m256i *)p, _mm256_permute4x64_epi64(x, 0xd8));
}

/* The smallest of the complements: the one such instruction there is. */
INL uint16_t half_reduce8(__m128i h)
{
    const __m128i x = _mm_minpos_epu16(_mm_xor_si128(h, _mm_set1_epi16(-1)));

    return (uint16_t)~_mm_cvtsi128_si32(x);
}

INL __m128i half_some8(const uint16_t *p, int n)
{
    uint16_t x[8] = {0};

    for (int i = 0; i < n; i++)
        x[i] = p[i];
    return _mm_loadu_si128((const __m128i *)x);
}

INL void half_put8(uint16_t *p, __m128i h, int n)
{
    uint16_t x[8];

    _mm_storeu_si128((__m128i *)x, h);
    for (int i = 0; i < n; i++)
        p[i] = x[i];
}

#endif
