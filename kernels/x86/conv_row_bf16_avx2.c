/* Convolution rows on bf16 pairs, AVX2: CPUs without AVX512_BF16.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/x86/conv_work.h"

#include <immintrin.h>

#define LANES 8
#define V __m256
#define U __m256i
#define uload(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define uset(x) _mm256_set1_epi32((int)(x))
#define high(u)                                                                \
    _mm256_castsi256_ps(_mm256_and_si256(u, _mm256_set1_epi32(-65536)))
#define low(u) _mm256_castsi256_ps(_mm256_slli_epi32(u, 16))
#define vload(p) _mm256_loadu_ps(p)
#define vfma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vstore(p, v) _mm256_storeu_ps(p, v)
#define vstore_n(p, v, n) _mm256_maskstore_ps(p, first(n), v)

static __m256i first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

#include "kernels/conv_row_bf16_template.c"

void fg_dsp_init_bf16_avx2(FgDsp *d)
{
    d->conv_row_bf16 = conv_row_bf16;
}
