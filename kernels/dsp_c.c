/* The innermost loops in C: the definition of right.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emit.h"
#include "grad_rows.h"
#include "smooth.h"
#include "half.h"
#include "dsp_c.h"

#include <math.h>
#include <string.h>

static void conv_row_f32_c(float *out, const float *const *rows, const float *w,
                           const float *bias, const FgConvGeom *g)
{
    const int ocp = fg_round_lanes(g->oc);

    for (int x = 0; x < g->width; x++) {
        for (int o = 0; o < g->oc; o++) {
            const float *wt = w + o;
            float acc = bias[o];

            for (int ky = 0; ky < g->kh; ky++) {
                for (int kx = 0; kx < g->kw; kx++) {
                    const float *const in = rows[ky] +
                                            (ptrdiff_t)(x * g->stride + kx) *
                                                g->in_pitch;

                    for (int i = 0; i < g->ic; i++, wt += ocp)
                        acc = fmaf(in[i], *wt, acc);
                }
            }
            out[(ptrdiff_t)x * g->out_pitch + o] = acc;
        }
    }
}

static void wgrad_tap(float *dw, const float *in, const float *dy,
                      const FgConvGeom *g)
{
    for (int o = 0; o < g->oc; o++) {
        float acc = dw[o];

        for (int x = 0; x < g->width; x++)
            acc = fmaf(in[(ptrdiff_t)x * g->stride * g->in_pitch],
                       dy[(ptrdiff_t)x * g->out_pitch + o], acc);
        dw[o] = acc;
    }
}

static void conv_row_wgrad_f32_c(float *dw, const float *const *rows,
                                 const float *dy, const FgConvGeom *g)
{
    const int ocp = fg_round_lanes(g->oc);

    for (int ky = 0; ky < g->kh; ky++)
        for (int kx = 0; kx < g->kw; kx++)
            for (int i = 0; i < g->ic; i++, dw += ocp)
                wgrad_tap(dw, rows[ky] + (ptrdiff_t)kx * g->in_pitch + i, dy,
                          g);
}

static float from_bf16(uint16_t v)
{
    const uint32_t bits = (uint32_t)v << 16;
    float f;

    memcpy(&f, &bits, sizeof(f));
    return f;
}

static void conv_row_bf16_c(float *out, const uint16_t *const *rows,
                            const uint16_t *w, const float *bias,
                            const FgConvGeom *g)
{
    const int ocp = fg_round_lanes(g->oc);

    for (int x = 0; x < g->width; x++) {
        for (int o = 0; o < g->oc; o++) {
            const uint16_t *wt = w + 2 * o;
            float acc = bias[o];

            for (int t = 0; t < g->kh * g->kw; t++) {
                const uint16_t *const in = rows[t / g->kw] +
                                           (ptrdiff_t)(x * g->stride +
                                                       t % g->kw) *
                                               g->in_pitch;

                for (int i = 0; i < g->ic; i += 2, wt += 2 * ocp) {
                    acc = fmaf(from_bf16(in[i + 1]), from_bf16(wt[1]), acc);
                    acc = fmaf(from_bf16(in[i]), from_bf16(wt[0]), acc);
                }
            }
            out[(ptrdiff_t)x * g->out_pitch + o] = acc;
        }
    }
}

static void f32_to_f16_c(uint16_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = fg_half_from_float(src[i]);
}

static void f16_to_f32_c(float *dst, const uint16_t *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = fg_half_to_float(src[i]);
}

static void f32_to_bf16_c(uint16_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &src[i], sizeof(bits));
        if ((bits & 0x7fffffff) > 0x7f800000) /* NaN stays one: made quiet */
            bits |= 0x400000;
        else
            bits += 0x7fff + (bits >> 16 & 1);
        dst[i] = (uint16_t)(bits >> 16);
    }
}

static void relu_f32_c(float *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i] < 0 ? 0 : src[i]; /* a NaN passes */
}

static void leaky_relu_f32_c(float *dst, const float *src, size_t n,
                             float alpha)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i] < 0 ? src[i] * alpha : src[i];
}

static void prelu_f32_c(float *dst, const float *src, const float *slope,
                        int pixels, int c)
{
    for (int x = 0; x < pixels; x++, dst += c, src += c)
        for (int i = 0; i < c; i++)
            dst[i] = src[i] < 0 ? src[i] * slope[i] : src[i];
}

static void add_f32_c(float *dst, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = a[i] + b[i];
}

static void relu_grad_f32_c(float *dst, const float *dy, const float *y,
                            size_t n, float alpha, int add)
{
    for (size_t i = 0; i < n; i++) {
        const float v = dy[i] * (y[i] > 0 ? 1 : alpha);

        dst[i] = add ? dst[i] + v : v;
    }
}

void fg_dsp_init_c(FgDsp *d)
{
    d->conv_row_f32 = conv_row_f32_c;
    d->conv_row_wgrad_f32 = conv_row_wgrad_f32_c;
    d->tap_tile = fg_tap_tile_c;
    d->grad_tile = fg_grad_tile_c;
    d->conv_row_bf16 = conv_row_bf16_c;
    d->f32_to_bf16 = f32_to_bf16_c;
    d->f32_to_f16 = f32_to_f16_c;
    d->prelu_grad = prelu_grad_row;
    d->sum_pixels = sum_pixels_row;
    d->blend = blend_row;
    d->join = join_row;
    d->largest = largest_row;
    d->f16_to_f32 = f16_to_f32_c;
    d->relu_f32 = relu_f32_c;
    d->leaky_relu_f32 = leaky_relu_f32_c;
    d->prelu_f32 = prelu_f32_c;
    d->add_f32 = add_f32_c;
    d->relu_grad_f32 = relu_grad_f32_c;
    smooth_init(d);
}
