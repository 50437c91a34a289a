/* Winograd's inner loops, NEON.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/aarch64/wino_vec4.h"

#if defined(__aarch64__)
#define FN(name) name##_w
#include "kernels/wino_lanes_template.c"

#define LANES_W 4
#define NARROW 0
#include "kernels/wino_template.c"

/* px tiles times 8 outputs; products of 4 outputs go to one place of each
 * tile, 36 vectors apart. */
INL void block_i16(const FgWinoProduct *q, int tile, int o, const int px)
{
    const char *v = q->v + (size_t)tile * q->v_tile, *u = q->u + 4 * o;
    int32x4_t acc[8][2];

#pragma GCC unroll 8
    for (int i = 0; i < px; i++)
        acc[i][0] = acc[i][1] = vdupq_n_s32(0);
#pragma GCC unroll 1
    for (int k = 0; k < (q->ic + 1) / 2; k++, v += 4, u += 4 * q->ocp) {
        const int16x8x2_t w = vld2q_s16((const int16_t *)u);
#pragma GCC unroll 8
        for (int i = 0; i < px; i++) {
            const int16x4_t x = vreinterpret_s16_s32(
                vld1_dup_s32((const int32_t *)(v + (size_t)i * q->v_tile)));

            acc[i][0] = vmlal_lane_s16(acc[i][0], vget_low_s16(w.val[0]), x, 0);
            acc[i][1] = vmlal_high_lane_s16(acc[i][1], w.val[0], x, 0);
            acc[i][0] = vmlal_lane_s16(acc[i][0], vget_low_s16(w.val[1]), x, 1);
            acc[i][1] = vmlal_high_lane_s16(acc[i][1], w.val[1], x, 1);
        }
    }
    char *m = q->m + (size_t)tile * q->m_tile + 36 * 4 * (size_t)o;
#pragma GCC unroll 8
    for (int i = 0; i < px; i++, m += q->m_tile) {
        vst1q_s32((int32_t *)(m + 16 * q->plane), acc[i][0]);
        vst1q_s32((int32_t *)(m + 16 * (36 + q->plane)), acc[i][1]);
    }
}

INL void block_f32(const FgWinoProduct *q, int tile, int o, const int px)
{
    const char *v = q->v + (size_t)tile * q->v_tile;
    const float *u = (const float *)q->u + o;
    float32x4_t acc[8][2];

#pragma GCC unroll 8
    for (int i = 0; i < px; i++)
        acc[i][0] = acc[i][1] = vdupq_n_f32(0);
#pragma GCC unroll 1
    for (int k = 0; k < q->ic; k++, v += 4, u += q->ocp) {
        const float32x4_t w0 = vld1q_f32(u), w1 = vld1q_f32(u + 4);
#pragma GCC unroll 8
        for (int i = 0; i < px; i++) {
            const float32x4_t x = vld1q_dup_f32(
                (const float *)(v + (size_t)i * q->v_tile));

            acc[i][0] = vfmaq_f32(acc[i][0], x, w0);
            acc[i][1] = vfmaq_f32(acc[i][1], x, w1);
        }
    }
    char *m = q->m + (size_t)tile * q->m_tile + 36 * 4 * (size_t)o;
#pragma GCC unroll 8
    for (int i = 0; i < px; i++, m += q->m_tile) {
        vst1q_f32((float *)(m + 16 * q->plane), acc[i][0]);
        vst1q_f32((float *)(m + 16 * (36 + q->plane)), acc[i][1]);
    }
}

#define PRODUCT(type)                                                          \
    __attribute__((noinline)) static void type##_8(const FgWinoProduct *q,     \
                                                   int tile, int o)            \
    {                                                                          \
        block_##type(q, tile, o, 8);                                           \
    }                                                                          \
    __attribute__((noinline)) static void type##_1(const FgWinoProduct *q,     \
                                                   int tile, int o)            \
    {                                                                          \
        block_##type(q, tile, o, 1);                                           \
    }                                                                          \
    static void product_##type(const FgWinoProduct *q)                         \
    {                                                                          \
        for (int o = 0; o < q->ocp; o += 8) {                                  \
            int i = 0;                                                         \
                                                                               \
            for (; i + 8 <= q->n; i += 8)                                      \
                type##_8(q, i, o);                                             \
            for (; i < q->n; i++)                                              \
                type##_1(q, i, o);                                             \
        }                                                                      \
    }
PRODUCT(i16)
PRODUCT(f32)

void fg_wino_ops_neon(FgWinoOps *o)
{
    *o = (FgWinoOps){{in_i16, in_f32},
                     {product_i16, product_f32},
                     {out_i16, out_f32},
                     NULL,
                     NULL,
                     0};
}
#endif
