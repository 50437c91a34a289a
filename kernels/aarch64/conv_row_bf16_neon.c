/* Convolution rows on bf16 pairs, NEON.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/dsp.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define LANES 4
#define V float32x4_t
#define U uint32x4_t
#define uload(p) vld1q_u32((const uint32_t *)(const void *)(p))
#define uset(x) vdupq_n_u32(x)
#define high(u) vreinterpretq_f32_u32(vandq_u32(u, vdupq_n_u32(0xffff0000)))
#define low(u) vreinterpretq_f32_u32(vshlq_n_u32(u, 16))
#define vload(p) vld1q_f32(p)
#define vfma(a, b, c) vfmaq_f32(c, a, b)
#define vstore(p, v) vst1q_f32(p, v)
#define vstore_n(p, v, n) put_some(p, v, n)

static void put_some(float *p, float32x4_t v, int n)
{
    float x[4];

    vst1q_f32(x, v);
    for (int i = 0; i < n; i++)
        p[i] = x[i];
}

#include "kernels/conv_row_bf16_template.c"

void fg_dsp_init_bf16_neon(FgDsp *d)
{
    d->conv_row_bf16 = conv_row_bf16;
}
#endif
