/* Winograd's 16-bit products by vpdpwssd without AVX-512.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <immintrin.h>

/* In assembly: gcc 12 copies the accumulators around the intrinsic. */
static inline __attribute__((always_inline)) __m256i dot(__m256i acc, __m256i w,
                                                         __m256i a)
{
    __asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(acc) : "x"(w), "x"(a));
    return acc;
}

#include "kernels/x86/wino_8_template.c"

void fg_wino_ops_avxvnni(FgWinoOps *o)
{
    o->product[FG_WINO_I16] = product_i16;
    o->strip_row = strip_row_i16;
}
