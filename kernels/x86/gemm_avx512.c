/* Tiles of matrix product, AVX-512. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/dsp.h"

#include <immintrin.h>

#define V __m512
#define L 16
#define ROWS 12
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define SET1(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define ADD(a, b) _mm512_add_ps(a, b)
#define MASK(n) ((__mmask16)((1u << (n)) - 1))
#define MLOAD(p, n) _mm512_maskz_loadu_ps(MASK(n), p)
#define MSTORE(p, n, v) _mm512_mask_storeu_ps(p, MASK(n), v)
#define NAME(x) x##_avx512
#include "kernels/x86/gemm_template.c"

void fg_gemm_init_avx512(FgDsp *d)
{
    d->tap_tile = tap_tile_avx512;
    d->grad_tile = grad_tile_avx512;
}
