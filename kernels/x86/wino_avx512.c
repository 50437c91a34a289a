/* Winograd's inner loops, AVX-512 without VNNI.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <immintrin.h>

static inline __attribute__((always_inline)) __m512i dot(__m512i acc, __m512i w,
                                                         __m512i a)
{
    return _mm512_add_epi32(acc, _mm512_madd_epi16(w, a));
}

static inline __attribute__((always_inline)) __m256i dot8(__m256i acc,
                                                          __m256i w, __m256i a)
{
    return _mm256_add_epi32(acc, _mm256_madd_epi16(w, a));
}

#include "wino_512_template.c"

void fg_wino_ops_avx512(FgWinoOps *o)
{
    *o = (FgWinoOps){{in_i16, in_f32},
                     {product_i16, product_f32},
                     {out_i16, out_f32},
                     strip_i16,
                     NULL,
                     FG_WINO_RUN};
}
