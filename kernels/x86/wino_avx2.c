/* Winograd's inner loops, AVX2 and FMA.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/x86/wino_vec8_fn.h"

#include "kernels/x86/wino_vec8.h"
#define FN(name) name##_w
#include "kernels/wino_lanes_template.c"

#define LANES_W 8
#define NARROW 0
#include "kernels/wino_template.c"

INL __m256i dot(__m256i acc, __m256i w, __m256i a)
{
    return _mm256_add_epi32(acc, _mm256_madd_epi16(w, a));
}

#include "kernels/x86/wino_8_template.c"

INL void block_f32(const FgWinoProduct *q, int tile, int o, const int px,
                   const int nb)
{
    const char *v = q->v + (size_t)tile * q->v_tile, *u = q->u + 4 * o;
    __m256 acc[12][2];

#pragma GCC unroll 12
    for (int i = 0; i < px; i++)
        acc[i][0] = acc[i][1] = _mm256_setzero_ps();
#pragma GCC unroll 1
    for (int k = 0; k < q->ic; k++) {
        __m256 w[2];

#pragma GCC unroll 2
        for (int b = 0; b < nb; b++)
            w[b] = _mm256_load_ps((const float *)u + 8 * b);
#pragma GCC unroll 12
        for (int i = 0; i < px; i++) {
            const __m256 a = _mm256_castsi256_ps(
                broadcast(v + (size_t)i * q->v_tile));
#pragma GCC unroll 2
            for (int b = 0; b < nb; b++)
                acc[i][b] = _mm256_fmadd_ps(a, w[b], acc[i][b]);
        }
        v += 4;
        u += 4 * q->ocp;
    }
    char *m = q->m + (size_t)tile * q->m_tile + 36 * 4 * (size_t)o;
#pragma GCC unroll 12
    for (int i = 0; i < px; i++, m += q->m_tile)
#pragma GCC unroll 2
        for (int b = 0; b < nb; b++)
            _mm256_storeu_ps((float *)(m + 32 * (36 * b + q->plane)),
                             acc[i][b]);
}

BLOCK(f32, 12, 1)
BLOCK(f32, 6, 2)
BLOCK(f32, 1, 1)
BLOCK(f32, 1, 2)

static void product_f32(const FgWinoProduct *q)
{
    static const BlockFn full[2] = {f32_12x1, f32_6x2};
    static const BlockFn one[2] = {f32_1x1, f32_1x2};

    cover(q, full, one);
}

#include "kernels/x86/wino_8_strip_template.c"

void fg_wino_ops_avx2(FgWinoOps *o)
{
    *o = (FgWinoOps){{in_i16, in_f32},   {product_i16, product_f32},
                     {out_i16, out_f32}, strip_i16,
                     strip_row_i16,      FG_WINO_STRIP8};
}
