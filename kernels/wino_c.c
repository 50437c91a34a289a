/* Winograd's inner loops in C: the definition of right.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wino_vec1.h"

#define FN(name) name##_w
#include "wino_lanes_template.c"

#define LANES_W 1
#define NARROW 0
#include "wino_template.c"

static void product_i16(const FgWinoProduct *q)
{
    const int pairs = (q->ic + 1) / 2;

    for (int t = 0; t < q->n; t++) {
        const int16_t *const x = (const int16_t *)(q->v +
                                                   (size_t)t * q->v_tile);
        int32_t *const m = (int32_t *)(q->m + (size_t)t * q->m_tile) + q->plane;

        for (int o = 0; o < q->ocp; o++) {
            const int16_t *w = (const int16_t *)q->u + 2 * o;
            int32_t sum = 0;

            for (int k = 0; k < pairs; k++, w += 2 * q->ocp)
                sum += x[2 * k] * w[0] + x[2 * k + 1] * w[1];
            m[36 * o] = sum;
        }
    }
}

static void product_f32(const FgWinoProduct *q)
{
    for (int t = 0; t < q->n; t++) {
        const float *const x = (const float *)(q->v + (size_t)t * q->v_tile);
        float *const m = (float *)(q->m + (size_t)t * q->m_tile) + q->plane;

        for (int o = 0; o < q->ocp; o++) {
            const float *w = (const float *)q->u + o;
            float sum = 0;

            for (int k = 0; k < q->ic; k++, w += q->ocp)
                sum = fmaf(x[k], *w, sum);
            m[36 * o] = sum;
        }
    }
}

void fg_wino_ops_c(FgWinoOps *o)
{
    *o = (FgWinoOps){{in_i16, in_f32},
                     {product_i16, product_f32},
                     {out_i16, out_f32},
                     NULL,
                     NULL,
                     0};
}
