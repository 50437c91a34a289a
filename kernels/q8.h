/* ffgan: plain convolutions on 8-bit integers.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   x = (code - zero) / inv     inputs, 0..255, of a range found beforehand
 *   w = code * scale            weights, -127..127, a scale per output
 *   y = fma(sum over taps of (x code - zero) (w code), scale, bias)
 *
 * Sums are exact integers: fg_q8_prep refuses what could pass 2^31, whatever
 * the input is. Inputs outside their range saturate, NaN is its lower end.
 * Then, one fp32 rounding each: add, activation, add, and for 8-bit results
 * y * inv, rounded to even, plus zero, saturated.
 *
 * The same bits on every instruction set, for any thread count and strides. */
#ifndef FFGAN_KERNELS_Q8_H
#define FFGAN_KERNELS_Q8_H

#include "conv.h"
#include "cpu.h"

#define FG_Q8_RUN 32 /* pixels at a time, at most */

/* Of a value kept in 8 bits; inv 0: none. */
typedef struct FgQ8Code {
    float inv; /* codes per unit */
    int zero;  /* the code of 0 */
} FgQ8Code;

/* Codes for lo <= x <= hi, with 0 among them. */
FgQ8Code fg_q8_code(float lo, float hi);

typedef struct FgQ8 {
    int ic, oc;   /* channels */
    int icp, ocp; /* multiples of 4, of 16 */
    int k, stride, pad, pad_mode;
    int quads; /* four inputs each, of a kernel row: k * icp / 4 */
    int lines; /* the same in units of 16, rounded up */
    FgQ8Code in;
    const int8_t *w;           /* [ocp / 16][k][lines * 16][16][4] */
    const int32_t *fix;        /* [ocp]: -zero times the sum of weights */
    const int32_t *weight_sum; /* [ocp] */
    const float *scale, *bias; /* [ocp] */
    void *owned;
} FgQ8;

/* 1 where the node's convolution of ic channels can be done this way: one
 * group, sums below 2^31. */
int fg_q8_fits(const FgAttr *attr, int channels_in);
/* Packs weights in file order O, I, K, K; bias may be NULL. Returns 0,
 * -ENOMEM, -EINVAL (does not fit). *q is zeroed on failure. */
int fg_q8_prep(FgQ8 *q, const FgAttr *attr, int channels_in,
               const float *weight, const float *bias, FgQ8Code in);
void fg_q8_free(FgQ8 *q); /* accepts NULL, zeroed */
size_t fg_q8_bytes(const FgQ8 *q);
size_t fg_q8_scratch(const FgQ8 *q, int out_w); /* a worker's; of 64 */

/* Output rows y0 <= y < y1 of image 0, the part-th of parts strips of columns.
 * in: f32, or u8 in the codes of q->in. out: f32, or u8 in the codes of to.
 * e->add is f32; e->row is not called; e may be NULL. Cannot fail. */
void fg_q8_rows(const FgQ8 *q, const FgTensor *in, FgTensor *out, FgQ8Code to,
                int y0, int y1, const FgConvEpilogue *e, void *scratch,
                int part, int parts);

/* ---- inner loops, one table per instruction set ---- */

/* sum[pixel][0..ocp) for 1 <= n <= FG_Q8_RUN pixels; row[ky] = the first tap of
 * the first pixel, step bytes from pixel to pixel. Rows may be read up to
 * FG_Q8_RUN * step + 128 bytes on; sum has room for FG_Q8_RUN pixels. */
typedef struct FgQ8Sums {
    const FgQ8 *q;
    const uint8_t *const *row;
    int32_t *sum;
    int n, step;
} FgQ8Sums;

/* n pixels of sums to what follows. */
typedef struct FgQ8Out {
    const FgQ8 *q;
    const int32_t *sum;
    int n, relu;        /* relu: slope is not used */
    const float *slope; /* [ocp], below zero */
    const float *add;   /* or NULL */
    int add_first;
    float *out; /* one of the two */
    uint8_t *out8;
    ptrdiff_t pitch, add_pitch;
    FgQ8Code to;
} FgQ8Out;

typedef struct FgQ8Ops {
    void (*begin)(const FgQ8 *q); /* before and after sums; NULL = nothing */
    void (*end)(void);
    void (*sums)(const FgQ8Sums *s);
    void (*finish)(const FgQ8Out *o);
    void (*quant)(uint8_t *dst, const float *src, size_t n, FgQ8Code c);
    const char *name; /* "VNNI", for people */
} FgQ8Ops;

const FgQ8Ops *fg_q8_ops(FgCpu level);
/* Each overwrites what it does better. */
void fg_q8_ops_c(FgQ8Ops *o);
void fg_q8_ops_avx2(FgQ8Ops *o);
void fg_q8_ops_avxvnni(FgQ8Ops *o);
void fg_q8_ops_avx512(FgQ8Ops *o);
void fg_q8_ops_avx512vnni(FgQ8Ops *o);
void fg_q8_ops_amx(FgQ8Ops *o);
void fg_q8_ops_neon(FgQ8Ops *o);
void fg_q8_ops_dotprod(FgQ8Ops *o);
/* What fg_q8_rows uses instead (tests); NULL = the level's. */
void fg_q8_use(const FgQ8Ops *ops);

#endif
