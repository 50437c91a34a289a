/* Winograd's vectors of 4 floats, NEON.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_AARCH64_WINO_VEC4_H
#define FFGAN_KERNELS_AARCH64_WINO_VEC4_H
#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels/wino_common.h"

#define LANES 4
#define V float32x4_t
#define U uint32x4_t
#define H uint16x4_t

#define vload(p) vld1q_f32(p)
#define vload_n(p, n) some4(p, n)
#define vstore(p, v) vst1q_f32(p, v)
#define vstore_n(p, v, n) put_some4(p, v, n)
#define vset(x) vdupq_n_f32(x)
#define vadd(a, b) vaddq_f32(a, b)
#define vsub(a, b) vsubq_f32(a, b)
#define vmul(a, b) vmulq_f32(a, b)
#define vfma(a, b, c) vfmaq_f32(c, a, b)
#define vfnma(a, b, c) vfmsq_f32(c, a, b)
#define vint(p) vcvtq_f32_s32(vld1q_s32(p))
#define vput16(p, v)                                                           \
    vst1_u16((uint16_t *)(p), vmovn_u32(vreinterpretq_u32_f32(v)))
#define vput16x2(p, v, w)                                                      \
    vst1q_u16((uint16_t *)(p),                                                 \
              vcombine_u16(vmovn_u32(vreinterpretq_u32_f32(v)),                \
                           vmovn_u32(vreinterpretq_u32_f32(w))))

#define uzero vdupq_n_u32(0)
#define umax(a, b) vmaxq_u32(a, b)
#define vabsmax(u, v)                                                          \
    umax(u, vandq_u32(vreinterpretq_u32_f32(v), vdupq_n_u32(0x7fffffff)))
#define ureduce(u) vmaxvq_u32(u)

#define hzero vdup_n_u16(0)
#define hmax(a, b) vmax_u16(a, b)
#define habs(h) vand_u16(h, vdup_n_u16(0x7fff))
#define hreduce(h) vmaxv_u16(h)
#define hload(p) vld1_u16(p)
#define hload_n(p, n) half_some4(p, n)
#define hstore(p, h) vst1_u16(p, h)
#define hstore_n(p, h, n) half_put4(p, h, n)
#define vhalf(h) vcvt_f32_f16(vreinterpret_f16_u16(h))
#define halfv(v) vreinterpret_u16_f16(vcvt_f16_f32(v))

INL float32x4_t some4(const float *p, int n)
{
    float x[4] = {0};

    for (int i = 0; i < n; i++)
        x[i] = p[i];
    return vld1q_f32(x);
}

INL void put_some4(float *p, float32x4_t v, int n)
{
    float x[4];

    vst1q_f32(x, v);
    for (int i = 0; i < n; i++)
        p[i] = x[i];
}

INL uint16x4_t half_some4(const uint16_t *p, int n)
{
    uint16_t x[4] = {0};

    for (int i = 0; i < n; i++)
        x[i] = p[i];
    return vld1_u16(x);
}

INL void half_put4(uint16_t *p, uint16x4_t h, int n)
{
    uint16_t x[4];

    vst1_u16(x, h);
    for (int i = 0; i < n; i++)
        p[i] = x[i];
}

/* NaN and minus zero come back, as in C. */
INL float32x4_t vmax0(float32x4_t v)
{
    const float32x4_t zero = vdupq_n_f32(0);

    return vbslq_f32(vcltq_f32(v, zero), zero, v);
}

INL float32x4_t vslope(float32x4_t v, float32x4_t s)
{
    return vbslq_f32(vcltq_f32(v, vdupq_n_f32(0)), vmulq_f32(v, s), v);
}

#endif
#endif
