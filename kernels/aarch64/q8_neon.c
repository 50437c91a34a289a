/* Convolutions on 8-bit integers in NEON, with sdot where there is one. Codes
 * of pixels are taken as signed, 128 less; what that changes is added again.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/q8.h"

#include <arm_neon.h>
#include <string.h>

#define INL static inline __attribute__((always_inline))

/* ---- sums ---- */

/* 128 times the weights of 16 outputs. */
INL void start(const FgQ8 *q, int t, int32x4_t sum[4])
{
    for (int c = 0; c < 4; c++)
        sum[c] = vshlq_n_s32(vld1q_s32(q->weight_sum + 16 * t + 4 * c), 7);
}

INL int32x4_t dot(int32x4_t sum, int8x16_t w, int8x16_t x)
{
    const int16x8_t a = vmull_s8(vget_low_s8(w), vget_low_s8(x));
    const int16x8_t b = vmull_high_s8(w, x);

    return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(a), vpaddlq_s16(b)));
}

/* What all forms share: P pixels of the t-th 16 outputs, DOT(sum, w, x). */
#define BLOCK(P, DOT)                                                          \
    const FgQ8 *const q = s->q;                                                \
    const size_t line = (size_t)q->lines * 1024;                               \
    int32x4_t sum[P][4];                                                       \
    for (int p = 0; p < P; p++)                                                \
        start(q, t, sum[p]);                                                   \
    for (int ky = 0; ky < q->k; ky++) {                                        \
        const uint8_t *x = s->row[ky] + p0 * s->step;                          \
        const int8_t *w = q->w +                                               \
                          ((size_t)t * (size_t)q->k + (size_t)ky) * line;      \
        for (int i = 0; i < q->quads; i++, x += 4, w += 64)                    \
            for (int p = 0; p < P; p++) {                                      \
                uint32_t v;                                                    \
                memcpy(&v, x + p * s->step, sizeof(v));                        \
                const int8x16_t b = vreinterpretq_s8_u32(                      \
                    vdupq_n_u32(v ^ 0x80808080u));                             \
                for (int c = 0; c < 4; c++)                                    \
                    sum[p][c] = DOT(sum[p][c], vld1q_s8(w + 16 * c), b);       \
            }                                                                  \
    }                                                                          \
    for (int p = 0; p < P; p++)                                                \
        for (int c = 0; c < 4; c++)                                            \
            vst1q_s32(s->sum + (p0 + p) * q->ocp + 16 * t + 4 * c, sum[p][c]);

static void block(const FgQ8Sums *s, int t, int p0)
{
    BLOCK(2, dot)
}

static void sums_neon(const FgQ8Sums *s)
{
    /* Rows and sums have room for whole runs. */
    for (int t = 0; t < s->q->ocp / 16; t++)
        for (int p = 0; p < s->n; p += 2)
            block(s, t, p);
}

#define DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))

/* Assembly: arm_neon.h of gcc 12 has the intrinsic only where the whole file
 * is for such CPUs. */
DOTPROD static inline int32x4_t sdot(int32x4_t sum, int8x16_t w, int8x16_t x)
{
    __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(w), "w"(x));
    return sum;
}

DOTPROD static void block_dotprod(const FgQ8Sums *s, int t, int p0)
{
    BLOCK(4, sdot)
}

static void sums_dotprod(const FgQ8Sums *s)
{
    for (int t = 0; t < s->q->ocp / 16; t++)
        for (int p = 0; p < s->n; p += 4)
            block_dotprod(s, t, p);
}

/* ---- what follows ---- */

/* Four codes in the low halves. The number comes back where one is NaN. */
INL uint16x4_t codes(float32x4_t v, FgQ8Code c)
{
    v = vmulq_n_f32(v, c.inv);
    v = vmaxnmq_f32(v, vdupq_n_f32((float)-c.zero));
    v = vminnmq_f32(v, vdupq_n_f32((float)(255 - c.zero)));
    return vqmovun_s32(vaddq_s32(vcvtnq_s32_f32(v), vdupq_n_s32(c.zero)));
}

INL uint32_t four(float32x4_t v, FgQ8Code c)
{
    const uint16x4_t h = codes(v, c);

    return vget_lane_u32(vreinterpret_u32_u8(vqmovn_u16(vcombine_u16(h, h))),
                         0);
}

INL float32x4_t pixel(const FgQ8Out *o, int p, int c, float32x4_t a)
{
    const FgQ8 *const q = o->q;
    const float32x4_t zero = vdupq_n_f32(0);
    const int32x4_t sum = vaddq_s32(vld1q_s32(o->sum + p * q->ocp + c),
                                    vld1q_s32(q->fix + c));
    float32x4_t v = vfmaq_f32(vld1q_f32(q->bias + c), vcvtq_f32_s32(sum),
                              vld1q_f32(q->scale + c));

    if (o->add && o->add_first)
        v = vaddq_f32(v, a);
    v = vbslq_f32(vcltq_f32(v, zero),
                  o->relu ? zero : vmulq_f32(v, vld1q_f32(o->slope + c)), v);
    return o->add && !o->add_first ? vaddq_f32(v, a) : v;
}

static void finish_neon(const FgQ8Out *o)
{
    for (int p = 0; p < o->n; p++)
        for (int c = 0; c < o->q->oc; c += 4) {
            const int n = o->q->oc - c < 4 ? o->q->oc - c : 4;
            const ptrdiff_t at = p * o->pitch + c;
            float part[4] = {0};

            if (o->add)
                memcpy(part, o->add + p * o->add_pitch + c,
                       sizeof(*part) * (size_t)n);
            const float32x4_t v = pixel(o, p, c, vld1q_f32(part));
            const uint32_t b = four(v, o->to);

            vst1q_f32(part, v);
            if (o->out)
                memcpy(o->out + at, part, sizeof(*part) * (size_t)n);
            else
                memcpy(o->out8 + at, &b, (size_t)n);
        }
}

static void quant_neon(uint8_t *dst, const float *src, size_t n, FgQ8Code c)
{
    for (size_t i = 0; i < n; i += 4) {
        const size_t left = n - i < 4 ? n - i : 4;
        float v[4] = {0};

        memcpy(v, src + i, left * sizeof(*v));
        const uint32_t b = four(vld1q_f32(v), c);

        memcpy(dst + i, &b, left);
    }
}

void fg_q8_ops_neon(FgQ8Ops *o)
{
    o->sums = sums_neon;
    o->finish = finish_neon;
    o->quant = quant_neon;
    o->name = "NEON";
}

void fg_q8_ops_dotprod(FgQ8Ops *o)
{
    o->sums = sums_dotprod;
    o->name = "NEON dotprod";
}
