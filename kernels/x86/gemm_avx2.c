/* Tiles of matrix product, AVX2. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/dsp.h"

#include <immintrin.h>

static inline __m256i lanes(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

#define V __m256
#define L 8
#define ROWS 6
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define SET1(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define ADD(a, b) _mm256_add_ps(a, b)
#define MLOAD(p, n) _mm256_maskload_ps(p, lanes(n))
#define MSTORE(p, n, v) _mm256_maskstore_ps(p, lanes(n), v)
#define NAME(x) x##_avx2
#include "kernels/x86/gemm_template.c"

void fg_gemm_init_avx2(FgDsp *d)
{
    d->tap_tile = tap_tile_avx2;
    d->grad_tile = grad_tile_avx2;
}
