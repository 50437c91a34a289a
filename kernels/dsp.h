/* ffgan: the innermost loops. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One table of functions, C first, overwritten by rising ISA levels. They own
 * no policy: rows, widths, no edges, no threads; sizes > 0. Row pointers need
 * only natural alignment; packed weights and bias are 64-byte aligned.
 * Inputs are left unchanged and only out[0..width) pixels are written.
 *
 * All fp32 versions give the SAME BITS: each output is bias, then one fused
 * multiply-add per (ky, kx, i) in that order (C uses fmaf). */
#ifndef FFGAN_KERNELS_DSP_H
#define FFGAN_KERNELS_DSP_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"
#include "gemm.h"

#define FG_LANES 16 /* output channels are packed in groups of this */
static inline int fg_round_lanes(int c)
{
    return (c + 15) & ~15;
}

typedef struct FgConvGeom {
    int width;     /* output pixels of the row */
    int kh, kw;    /* taps */
    int stride;    /* input pixels per output pixel, along x */
    int ic, oc;    /* channels (of one group) */
    int in_pitch;  /* elements between input pixels, >= ic */
    int out_pitch; /* elements between output pixels, >= oc */
} FgConvGeom;

/* Where a row of a shuffled picture comes from: v = the value's pixels, in the
 * order of the row (packed) or in pixel_shuffle's; phase = what is added,
 * [factor][n][channels], or NULL. */
typedef struct FgJoin {
    const float *v, *phase;
    ptrdiff_t pitch; /* between pixels of v */
    float *out;      /* n * factor * channels, in one piece */
    int n, sub;      /* pixels of v; row of the factor x factor block */
    int factor, channels, packed;
} FgJoin;

/* PReLU's gradients of a row of pixels: dx (+)= dy * (x > 0 ? 1 : slope) and
 * sum[c] = sum over the pixels of (x > 0 ? 0 : dy * x). dx may be dy. */
typedef struct FgPreluGrad {
    float *dx, *sum;
    const float *dy, *x, *slope;
    int dx_pitch, dy_pitch, x_pitch, pixels, c, add;
} FgPreluGrad;

/* sigmoid, x sigmoid(x), tanh, x Phi(x), x tanh(log(1 + e^x)). */
typedef enum FgSmooth {
    FG_SIGMOID,
    FG_SILU,
    FG_TANH,
    FG_GELU,
    FG_MISH
} FgSmooth;

typedef struct FgDsp {
    /* out[x*out_pitch+o] = bias[o] + sum over ky,kx,i of
     *   rows[ky][(x*stride+kx)*in_pitch+i] * w[((ky*kw+kx)*ic+i)*ocp+o],
     * ocp = fg_round_lanes(oc); w zero padded, bias[ocp] (never NULL). */
    void (*conv_row_f32)(float *out, const float *const *rows, const float *w,
                         const float *bias, const FgConvGeom *g);
    /* The weight gradient of one row, added:
     * dw[((ky*kw+kx)*ic+i)*ocp+o] += sum over x, in rising x, of
     *   rows[ky][(x*stride+kx)*in_pitch+i] * dy[x*out_pitch+o]. */
    void (*conv_row_wgrad_f32)(float *dw, const float *const *rows,
                               const float *dy, const FgConvGeom *g);
    /* The same product on bf16 (round to nearest even) with fp32 sums:
     * rows[] and w hold bf16; in_pitch and ic even (ic zero padded);
     * w[(((ky*kw+kx)*ic + i)/2*ocp + o)*2 + (i&1)]. Pairs (i, i+1) are summed
     * as vdpbf16ps does; the C version models that order but without its
     * flush of denormals, so ISA and C agree within a stated tolerance. */
    void (*conv_row_bf16)(float *out, const uint16_t *const *rows,
                          const uint16_t *w, const float *bias,
                          const FgConvGeom *g);
    void (*f32_to_bf16)(uint16_t *dst, const float *src, size_t n);
    /* half.h's conversions. */
    void (*f32_to_f16)(uint16_t *dst, const float *src, size_t n);
    void (*f16_to_f32)(float *dst, const uint16_t *src, size_t n);
    /* In place or not, n elements; slope[c] is repeated per pixel. */
    void (*relu_f32)(float *dst, const float *src, size_t n);
    void (*leaky_relu_f32)(float *dst, const float *src, size_t n, float alpha);
    void (*prelu_f32)(float *dst, const float *src, const float *slope,
                      int pixels, int c);
    void (*add_f32)(float *dst, const float *a, const float *b, size_t n);
    void (*mul_f32)(float *dst, const float *a, const float *b, size_t n);
    void (*scale_f32)(float *dst, const float *src, float by, size_t n);
    /* bias[c] is repeated per pixel. */
    void (*bias_f32)(float *dst, const float *src, const float *bias,
                     int pixels, int c);
    void (*bf16_to_f32)(float *dst, const uint16_t *src, size_t n);
    /* dst[i] = f(src[i]), and dx[i] (+)= dy[i] f'(x[i]): smooth.h. The first
     * may be the second; all levels give the same bits, NaN apart. */
    void (*smooth)(float *dst, const float *src, size_t n, FgSmooth f);
    void (*smooth_grad)(float *dx, const float *dy, const float *x, size_t n,
                        FgSmooth f, int add);
    /* dst[i] (+)= dy[i] * (y[i] > 0 ? 1 : alpha). */
    void (*relu_grad_f32)(float *dst, const float *dy, const float *y, size_t n,
                          float alpha, int add);
    /* dst[i] = sum over the first nb (1, 2, 4) k of w[k] src[k][i]. */
    void (*blend)(float *dst, const float *const src[4], const float *w, int nb,
                  int n);
    void (*join)(const FgJoin *j);
    /* Bits of the largest magnitude: over 0x7f7fffff if one is not finite. */
    uint32_t (*largest)(const float *v, size_t n);
    void (*prelu_grad)(const FgPreluGrad *q);
    /* sum[0..c) += every pixel of dy, pitch apart. */
    void (*sum_pixels)(float *sum, const float *dy, int pixels, int pitch,
                       int c);
    /* gemm.h */
    void (*tap_tile)(const FgTapTile *q);
    void (*grad_tile)(const FgPixelTile *q);
} FgDsp;

/* The table for fg_cpu_level(); filled once, thread safe. */
const FgDsp *fg_dsp(void);
/* Fills *d for one level (tests compare levels). */
void fg_dsp_init(FgDsp *d, FgCpu level);
void fg_dsp_init_avx2(FgDsp *d);
void fg_dsp_init_avx512(FgDsp *d);
void fg_dsp_init_avx512bf16(FgDsp *d);
void fg_dsp_init_neon(FgDsp *d);
void fg_dsp_init_bf16_neon(FgDsp *d);
void fg_gemm_init_avx2(FgDsp *d);
void fg_gemm_init_avx512(FgDsp *d);
/* Forget the cached table after fg_cpu_mask (tests only). */
void fg_kernels_init(void);

/* O,I,KH,KW -> packed [kh][kw][i][ocp], zero padded; and for the input
 * gradient (flip = 1): taps mirrored, I and O swapped, [kh][kw][o][icp]. */
void fg_conv_pack_f32(float *dst, const float *oihw, int oc, int ic, int kh,
                      int kw, int flip);

#endif
