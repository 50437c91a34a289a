/* The innermost loops, NEON: convolution rows and element by element.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/dsp.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>

#include "kernels/emit.h"
#include "kernels/grad_rows.h"
#include "kernels/smooth.h"
#include "kernels/half.h"

#define INL static inline __attribute__((always_inline))

/* ---- convolution rows: px pixels times 16 outputs ---- */

INL void conv_block(float *out, int x, const float *const *rows, const float *w,
                    const float *bias, const FgConvGeom *g, int outputs,
                    const int px)
{
    const int ocp = fg_round_lanes(g->oc);
    const ptrdiff_t step = (ptrdiff_t)g->stride * g->in_pitch;
    float32x4_t acc[5][4];

#pragma GCC unroll 5
    for (int j = 0; j < px; j++)
#pragma GCC unroll 4
        for (int b = 0; b < 4; b++)
            acc[j][b] = vld1q_f32(bias + 4 * b);
    for (int t = 0; t < g->kh * g->kw; t++) {
        const float *in = rows[t / g->kw] + x * step +
                          (ptrdiff_t)(t % g->kw) * g->in_pitch;

        for (int i = 0; i < g->ic; i++, w += ocp, in++) {
            float32x4_t v[4];
#pragma GCC unroll 4
            for (int b = 0; b < 4; b++)
                v[b] = vld1q_f32(w + 4 * b);
#pragma GCC unroll 5
            for (int j = 0; j < px; j++) {
                const float32x4_t a = vld1q_dup_f32(in + j * step);
#pragma GCC unroll 4
                for (int b = 0; b < 4; b++)
                    acc[j][b] = vfmaq_f32(acc[j][b], a, v[b]);
            }
        }
    }
    for (int j = 0; j < px; j++) {
        float r[16];

        for (int b = 0; b < 4; b++)
            vst1q_f32(r + 4 * b, acc[j][b]);
        memcpy(out + (ptrdiff_t)(x + j) * g->out_pitch, r,
               sizeof(*r) * (size_t)outputs);
    }
}

static void conv_row_f32_neon(float *out, const float *const *rows,
                              const float *w, const float *bias,
                              const FgConvGeom *g)
{
    for (int o = 0; o < g->oc; o += 16) {
        const int n = g->oc - o < 16 ? g->oc - o : 16;
        int x = 0;

        for (; x + 5 <= g->width; x += 5)
            conv_block(out + o, x, rows, w + o, bias + o, g, n, 5);
        for (; x < g->width; x++)
            conv_block(out + o, x, rows, w + o, bias + o, g, n, 1);
    }
}

/* ---- element by element ---- */

static void f32_to_f16_neon(uint16_t *dst, const float *src, size_t n)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        vst1_u16(dst + i,
                 vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(src + i))));
    for (; i < n; i++)
        dst[i] = fg_half_from_float(src[i]);
}

static void f16_to_f32_neon(float *dst, const uint16_t *src, size_t n)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        vst1q_f32(dst + i,
                  vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(src + i))));
    for (; i < n; i++)
        dst[i] = fg_half_to_float(src[i]);
}

void fg_dsp_init_neon(FgDsp *d)
{
    d->conv_row_f32 = conv_row_f32_neon;
    d->f32_to_f16 = f32_to_f16_neon;
    d->f16_to_f32 = f16_to_f32_neon;
    d->blend = blend_row;
    d->join = join_row;
    d->largest = largest_row;
    d->prelu_grad = prelu_grad_row;
    d->sum_pixels = sum_pixels_row;
    smooth_init(d);
}
#endif
