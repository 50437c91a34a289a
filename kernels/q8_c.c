/* Convolutions on 8-bit integers in plain C: the reference.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "q8.h"

#include <math.h>

static int32_t quad(const uint8_t *x, const int8_t *w)
{
    return x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + x[3] * w[3];
}

static void sums_c(const FgQ8Sums *s)
{
    const FgQ8 *const q = s->q;
    const int8_t *w = q->w;

    for (int o = 0; o < s->n * q->ocp; o++)
        s->sum[o] = 0;
    for (int t = 0; t < q->ocp / 16; t++)
        for (int ky = 0; ky < q->k; ky++, w += q->lines * 16 * 64)
            for (int p = 0; p < s->n; p++) {
                const uint8_t *const x = s->row[ky] + p * s->step;
                int32_t *const sum = s->sum + p * q->ocp + 16 * t;

                for (int i = 0; i < q->quads; i++)
                    for (int c = 0; c < 16; c++)
                        sum[c] += quad(x + 4 * i, w + 64 * i + 4 * c);
            }
}

static uint8_t code(float v, FgQ8Code c)
{
    const float lo = (float)-c.zero, hi = (float)(255 - c.zero);
    float t = v * c.inv;

    t = t > lo ? t : lo;
    t = t < hi ? t : hi;
    return (uint8_t)((int)rintf(t) + c.zero);
}

static float act(const FgQ8Out *o, float v, int c)
{
    return !(v < 0) ? v : o->relu ? 0 : v * o->slope[c];
}

static void finish_c(const FgQ8Out *o)
{
    const FgQ8 *const q = o->q;

    for (int p = 0; p < o->n; p++)
        for (int c = 0; c < q->oc; c++) {
            const int32_t sum = o->sum[p * q->ocp + c] + q->fix[c];
            float v = fmaf((float)sum, q->scale[c], q->bias[c]);

            if (o->add && o->add_first)
                v += o->add[p * o->add_pitch + c];
            v = act(o, v, c);
            if (o->add && !o->add_first)
                v += o->add[p * o->add_pitch + c];
            if (o->out)
                o->out[p * o->pitch + c] = v;
            else
                o->out8[p * o->pitch + c] = code(v, o->to);
        }
}

static void quant_c(uint8_t *dst, const float *src, size_t n, FgQ8Code c)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = code(src[i], c);
}

void fg_q8_ops_c(FgQ8Ops *o)
{
    *o = (FgQ8Ops){
        .sums = sums_c, .finish = finish_c, .quant = quant_c, .name = "C"};
}
