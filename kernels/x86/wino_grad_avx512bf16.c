/* Winograd's weight gradient, AVX-512 with BF16: pairs of tiles side by side.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/wino_grad.h"
#include "kernels/x86/wino_vec8_fn.h"

#include "kernels/x86/wino_vec16.h"
#define FN(name) name##_w
#include "kernels/wino_grad_lanes_template.c"

#include "kernels/wino_grad_template.c"

INL void put_pairs(char *p, __m512 a, __m512 b)
{
    const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a));
    const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(b));

    _mm512_storeu_si512(p, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

INL void transform_bf16(const FgWinoGradIn *q, const int gradient)
{
    for (int k = 0; k < q->n; k += 2)
        for (int c = 0; c < q->cp; c += LANES) {
            char *const v = q->v +
                            4 * ((size_t)(k / 2) * (size_t)q->cp + (size_t)c);
            V a[36], b[36];

            planes_of(a, q, k, c, gradient);
            if (k + 1 < q->n)
                planes_of(b, q, k + 1, c, gradient);
            else
                for (int p = 0; p < 36; p++)
                    b[p] = vset(0);
            for (int p = 0; p < 36; p++)
                put_pairs(v + (size_t)p * q->plane, a[p], b[p]);
        }
}

static void input_bf16(const FgWinoGradIn *q)
{
    transform_bf16(q, 0);
}

static void gradient_bf16(const FgWinoGradIn *q)
{
    transform_bf16(q, 1);
}

/* One instruction in assembly: gcc 12 copies the accumulators around the
 * intrinsic. */
INL __m512 dot(__m512 acc, __m512i w, __m512i a)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(acc) : "v"(w), "v"(a));
    return acc;
}

INL void grad_block_bf16(const FgWinoGradProduct *q, int i, int o,
                         const int rows, const int nb)
{
    const char *v = q->v + 4 * i, *d = q->d + 4 * o;
    float *const du = q->du + (size_t)i * (size_t)q->ocp + o;
    V acc[16][4];

#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            acc[r][b] = vload(du + r * q->ocp + b * LANES);
#pragma GCC unroll 1
    for (int k = 0; k < q->slots; k += 2, v += 4 * q->icp, d += 4 * q->ocp) {
        __m512i w[4];
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            w[b] = _mm512_loadu_si512(d + 64 * b);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            int x;

            memcpy(&x, v + 4 * r, sizeof(x));
            const __m512i a = _mm512_set1_epi32(x);
#pragma GCC unroll 4
            for (int b = 0; b < nb; b++)
                acc[r][b] = dot(acc[r][b], w[b], a);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            vstore(du + r * q->ocp + b * LANES, acc[r][b]);
}

GRAD_BLOCK(bf16, 16, 1)
GRAD_BLOCK(bf16, 8, 2)
GRAD_BLOCK(bf16, 4, 3)
GRAD_BLOCK(bf16, 4, 4)

static void product_grad_bf16(const FgWinoGradProduct *q)
{
    static const GradBlock blocks[5] = {NULL, grad_bf16_16x1, grad_bf16_8x2,
                                        grad_bf16_4x3, grad_bf16_4x4};

    cover_grad(q, blocks);
}

void fg_wino_grad_ops_avx512bf16(FgWinoGradOps *o)
{
    *o = (FgWinoGradOps){{input_f32, input_bf16},
                         {gradient_f32, gradient_bf16},
                         {product_grad_f32, product_grad_bf16}};
}
