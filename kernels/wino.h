/* ffgan: 3x3 convolutions by Winograd's F(4x4,3x3).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016:
 *     Y = A' [ sum over channels of (G g G') . (B' d B) ] A
 * on tiles of 6x6 inputs d and 4x4 outputs Y, 36 products in place of 144.
 * Points 0, +-1/sqrt2, +-sqrt2, infinity (Barabasz et al., "Error Analysis and
 * Improving the Accuracy of Winograd Convolution", 2020); the rows of +-sqrt2
 * carry a factor 2 in the weights, so that all planes have like sizes.
 *
 * FG_WINO_I16: block floating point. A tile is scaled by a power of two, the
 * largest with which no transformed value can pass 32767, and weights so that
 * no sum of products passes 2^31: exact integer products whatever the input
 * is, no calibration. A tile with inputs above 2^100 is NaN, as if they were
 * not finite. FG_WINO_F32: fp32 products.
 *
 * The same bits on every instruction set, for any thread count, and for any
 * strides. Outputs of one tile depend on all its 36 inputs: the grid of tiles,
 * which starts at output (0, 0), is part of the result. */
#ifndef FFGAN_KERNELS_WINO_H
#define FFGAN_KERNELS_WINO_H

#include "conv.h"
#include "cpu.h"

#define FG_WINO_TILE 4

typedef enum FgWinoKind { FG_WINO_I16, FG_WINO_F32 } FgWinoKind;

typedef struct FgWino {
    FgWinoKind kind;
    int ic, oc;   /* channels */
    int icp, ocp; /* multiples of 8 */
    int pad, pad_mode;
    const void *u;      /* I16 [36][(ic+1)/2][ocp][2], F32 [36][ic][ocp] */
    const float *scale; /* I16: [ocp] that undoes the weights' scale */
    const float *bias;  /* [ocp] */
    void *owned;
} FgWino;

/* 1 where the node's convolution can be done this way: 3x3, stride 1, one
 * group. */
int fg_wino_fits(const FgAttr *attr);
/* Transforms and packs weights in file order O, I, 3, 3; bias may be NULL.
 * flip: for the gradient of the input, taps mirrored and O, I swapped (attr
 * and channels_in stay those of the forward node). Returns 0, -ENOMEM, or
 * -EINVAL (does not fit, or a weight that is not finite). *w is zeroed on
 * failure. */
int fg_wino_prep(FgWino *w, FgWinoKind kind, const FgAttr *attr,
                 int channels_in, const float *weight, const float *bias,
                 int flip);
/* The same in memory of the caller's: geometry (0 or -EINVAL), then put into
 * mem, fg_wino_memory bytes, 64-byte aligned, which must outlive *w. A weight
 * that is not finite is undefined for I16, passes through for F32. */
int fg_wino_geometry(FgWino *w, FgWinoKind kind, const FgAttr *attr,
                     int channels_in, int flip);
size_t fg_wino_memory(const FgWino *w);
void fg_wino_put(FgWino *w, void *mem, const float *weight, const float *bias,
                 int flip);
/* The same in parts: begin, then each output once, in any order, with scratch
 * of 8 * 36 * ic bytes (fg_wino_scratch is more) for each at the same time. */
void fg_wino_put_begin(FgWino *w, void *mem, const float *bias);
void fg_wino_put_output(const FgWino *w, const float *weight, int flip, int o,
                        void *scratch);
void fg_wino_free(FgWino *w);            /* accepts NULL, zeroed */
size_t fg_wino_bytes(const FgWino *w);   /* of u, scale, bias */
size_t fg_wino_scratch(const FgWino *w); /* per thread; multiple of 64 */

/* Output rows y0 <= y < y1 of image 0, as fg_conv_rows. y0 is a multiple of 4,
 * y1 too unless it is the height. out must not overlap in. I16: in may be f32
 * or f16; out and e->add both f32 or both f16 (e->row needs f32). */
void fg_wino_rows(const FgWino *w, const FgTensor *in, FgTensor *out, int y0,
                  int y1, const FgConvEpilogue *e, void *scratch);
/* The part-th of parts strips of columns of the same (e->row is not called):
 * the same strip of the next layer mostly reads what the same thread made. */
void fg_wino_share(const FgWino *w, const FgTensor *in, FgTensor *out, int y0,
                   int y1, const FgConvEpilogue *e, void *scratch, int part,
                   int parts);
/* All images over ex; scratch: fg_wino_scratch per thread. add: out +=. */
void fg_wino_all(const FgWino *w, const FgTensor *in, FgTensor *out, int add,
                 FgExecutor *ex, void *scratch);

/* ---- inner loops, one table per instruction set ---- */

#define FG_WINO_RUN 8 /* at most so many tiles are transformed together */
#define FG_WINO_WORK (6 * 26 * 48 * sizeof(float))

/* Input transform of a run of n tiles, at most fg_wino_run(ic). row[i] = row i
 * of the patch at the first tile's left column, f32 or (half) f16; pixels
 * `pitch` elements apart. Results go to v + tile * v_tile (bytes): [36][icp].
 * I16: unscale[tile] is what undoes the tile's scale, NaN where an input is
 * not finite. */
typedef struct FgWinoIn {
    const void *row[6];
    int half;
    ptrdiff_t pitch;
    int n, ic, icp;
    char *v;
    size_t v_tile;
    float *unscale;
    void *work; /* FG_WINO_WORK bytes, 64-byte aligned */
} FgWinoIn;

/* Runs whose columns of all channels stay in the first level of cache; above
 * 64 channels they are looked at twice. */
static inline int fg_wino_run(int ic)
{
    return ic > 48 && ic <= 64 ? 3 : 6;
}

/* One tile's output transform and what follows. m: what product made. */
typedef struct FgWinoOut {
    const void *m;
    float unscale;
    const float *scale, *bias, *slope;
    FgConvAct act;
    float alpha;
    void *out[FG_WINO_TILE];       /* rows of pixels, f32 or (half) f16 */
    const void *add[FG_WINO_TILE]; /* the same; NULL = nothing to add */
    int half;
    ptrdiff_t pitch, add_pitch; /* elements */
    int add_first, rows, cols, oc, ocp;
} FgWinoOut;

/* The products of one plane: for n tiles, m[tile][0..ocp) = sum over k of
 * v[tile][k] u[k][0..ocp). v and u are those of the plane, m the start of the
 * tile, [36 * ocp] in an order that only the same table's out knows. */
typedef struct FgWinoProduct {
    const char *v, *u;
    char *m;
    size_t v_tile, m_tile; /* bytes */
    int plane, ic, ocp, n;
} FgWinoProduct;

/* A run of at most FG_WINO_RUN tiles from input to output, for narrow layers:
 * a row of planes at a time, so that all stays in the first level of cache.
 * in.v and out.m are memory for [8][6][icp] int16 and [8][24][ocp] floats; out
 * is the first tile, the others out_step, add_step bytes further, the last one
 * last_cols wide. */
struct FgWinoStripRow;
typedef struct FgWinoStrip {
    FgWinoIn in;
    FgWinoOut out;
    const char *u;
    size_t out_step, add_step;
    int last_cols;
    void (*row)(const struct FgWinoStripRow *q); /* the table's strip_row */
} FgWinoStrip;

/* A part of that on vectors of 8: the products of a row of planes, of
 * FG_WINO_STRIP8 tiles. v: [tile][6][icp], u: planes `plane` bytes apart; m:
 * [tile][block of 8 outputs][6][8]. */
#define FG_WINO_STRIP8 6
typedef struct FgWinoStripRow {
    const char *v, *u;
    int32_t *m;
    size_t plane;
    int pairs, icp, ocp;
} FgWinoStripRow;

typedef struct FgWinoOps {
    void (*in[2])(const FgWinoIn *q); /* by FgWinoKind */
    void (*product[2])(const FgWinoProduct *q);
    void (*out[2])(const FgWinoOut *q);
    /* I16, 9 <= ic <= 32, oc <= 64, at most strip_run tiles; NULL where there
     * is none. The same bits as the other three. */
    void (*strip)(const FgWinoStrip *q);
    void (*strip_row)(const FgWinoStripRow *q); /* what strip may need */
    int strip_run;
} FgWinoOps;

const FgWinoOps *fg_wino_ops(FgCpu level);
void fg_wino_ops_c(FgWinoOps *o);
void fg_wino_ops_avx2(FgWinoOps *o);
/* Only the 16-bit product, into AVX2's table. */
void fg_wino_ops_avxvnni(FgWinoOps *o);
void fg_wino_ops_avx512(FgWinoOps *o);
void fg_wino_ops_vnni(FgWinoOps *o);
void fg_wino_ops_neon(FgWinoOps *o);

#endif
