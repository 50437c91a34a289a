/* Winograd's inner loops, AVX-512 with VNNI.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <immintrin.h>

/* One instruction in assembly: gcc 12 copies the accumulators around the
 * intrinsic. */
static inline __attribute__((always_inline)) __m512i dot(__m512i acc, __m512i w,
                                                         __m512i a)
{
    __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(w), "v"(a));
    return acc;
}

static inline __attribute__((always_inline)) __m256i dot8(__m256i acc,
                                                          __m256i w, __m256i a)
{
    __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(w), "v"(a));
    return acc;
}

#include "wino_512_template.c"

void fg_wino_ops_vnni(FgWinoOps *o)
{
    *o = (FgWinoOps){{in_i16, in_f32},
                     {product_i16, product_f32},
                     {out_i16, out_f32},
                     strip_i16,
                     NULL,
                     FG_WINO_RUN};
}
