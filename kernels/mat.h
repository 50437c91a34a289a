/* ffgan: convolutions by products of matrix tiles (AMX), in bf16.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A tile product is sums[16][16] += a[16][32] b[32][16]. Rows of a are units:
 * so many output pixels of a row that the values under them take whole cache
 * lines of 32; columns of b are the outputs of one unit, all its pixels one
 * after another, as they lie in memory; b holds zeros where an output does not
 * read a value. Which lines a column of tiles reads is a list, the steps. Rows
 * of a are loaded from the padded picture as it lies there: no copy.
 *
 *   value     bf16, rows of pixels without gaps, 64-byte aligned, zeros before
 *             and after each row as far as pad reaches (fg_mat_place)
 *   input     such a value, or any f32 or bf16 tensor: its rows are then
 *             gathered, up to four channels in halves (x = high + low, and so
 *             the weights), so that a picture's values lose nothing
 *   order     sum = bias, then per step one product as the instruction makes
 *             it: even and odd values of a line added up apart by fused
 *             multiply-adds, denormals as zeros, then both to the sum
 *
 * The same bits for any thread count, rows, and width; x counts from the left
 * edge in whole units: windows must start at multiples of `unit` outputs. */
#ifndef FFGAN_KERNELS_MAT_H
#define FFGAN_KERNELS_MAT_H

#include "conv.h"
#include "cpu.h"

#define FG_MAT_UNIT 16  /* most pixels of a unit */
#define FG_MAT_ROWS 16  /* units of a product */
#define FG_MAT_CHUNK 16 /* most output rows of one call of an inner loop */

/* One line of values: what of it goes into which of a pair of tiles. */
typedef struct FgMatStep {
    int16_t ky, line; /* kernel row; line from the unit's first pixel */
    int16_t tiles;    /* bits 0, 1: this tile of the pair reads it */
} FgMatStep;

typedef struct FgMat {
    int ic, oc;   /* channels of the caller's tensors */
    int icp, ocp; /* between pixels: of what products read; of a bf16 value */
    int split;    /* input channel = three: high, low, high */
    int k, stride, pad, pad_mode;
    int f32;                /* the result is f32, dense, else a bf16 value */
    int unit;               /* output pixels */
    int columns;            /* outputs of a unit */
    int tiles;              /* of 16 columns */
    int low, high;          /* lines that a unit reads: low <= line < high */
    const FgMatStep *steps; /* of all pairs of tiles, one after another */
    const int *end;    /* [pairs][3]: past the steps of both, the first, the
                          second tile */
    const char *w;     /* 1 KiB a tile that a step reads, in this order */
    const float *bias; /* [tiles * 16] by column */
    const int *tile;   /* [pairs] first of them in w */
    void *owned;
} FgMat;

/* 1 where the node's convolution can be done this way: one group. */
int fg_mat_fits(const FgAttr *attr);
/* Packs weights in file order O, I, K, K; bias may be NULL. gather: the input
 * will be any tensor, else a value; f32: what the result will be. Returns 0,
 * -ENOMEM, -EINVAL (does not fit). *m is zeroed on failure. */
int fg_mat_prep(FgMat *m, const FgAttr *attr, int channels_in,
                const float *weight, const float *bias, int gather, int f32);
void fg_mat_free(FgMat *m); /* accepts NULL, zeroed */
size_t fg_mat_bytes(const FgMat *m);
double fg_mat_products(const FgMat *m); /* for 16 pixels of a row */

/* How a bf16 value of shape s lies in memory with a border of pad zeros:
 * returns the bytes, and in *t (may be NULL) the tensor over mem, which is zero
 * filled, 64-byte aligned. rows: how many are kept (wrap), 0 = all. */
size_t fg_mat_place(FgTensor *t, void *mem, FgShape s, int pad, int rows);
/* Channels from pixel to pixel of a value; those past c are zero. Nearly full
 * lines are filled: 28 channels take 18 products a pixel as 32, 22 as 28. */
static inline int fg_mat_pitch(int c)
{
    return c % 32 >= 25   ? c + 32 - c % 32
           : c % 16 >= 13 ? c + 16 - c % 16
                          : (c + 1) & ~1;
}

/* Zeros on both sides of rows y0 <= y < y1 of a value: whoever else writes one
 * calls it. */
void fg_mat_gaps(const FgTensor *t, int y0, int y1);

size_t fg_mat_scratch(const FgMat *m, int out_w); /* a worker's; of 64 */

/* Output rows y0 <= y < y1, the part-th of parts strips of columns. out: f32,
 * dense, or a value; e->add is of out's kind; e->row is not called; e may be
 * NULL. One call per thread and scratch. Cannot fail. */
void fg_mat_rows(const FgMat *m, const FgTensor *in, FgTensor *out, int y0,
                 int y1, const FgConvEpilogue *e, void *scratch, int part,
                 int parts);

/* ---- inner loops, one table per instruction set ---- */

/* Some rows of some units. Row r of the output reads row[r * stride + ky], each
 * 64-byte aligned, line 0 of the first unit; unit_bytes from unit to unit. The
 * outputs of a unit follow those of the unit before. */
typedef struct FgMatJob {
    const FgMat *m;
    const char *const *row;
    ptrdiff_t unit_bytes;
    int rows, units; /* >= 1 */
    int last;        /* outputs of the last unit that exist, 1..columns */
    void *out[FG_MAT_CHUNK];
    const void *add[FG_MAT_CHUNK]; /* NULL = nothing to add */
    FgConvAct act;
    float alpha;
    const float *slope; /* [columns rounded up to 16], PRELU's */
    int add_first;
    void *work; /* FG_MAT_WORK bytes, 64-byte aligned */
} FgMatJob;
#define FG_MAT_WORK 5120

typedef struct FgMatOps {
    void (*rows)(const FgMatJob *q);
    /* dst[x * pitch + c] and [.. + 2 * ic + c] = high part of src[x * ic + c],
     * dst[.. + ic + c] = what that lacks; zeros up to pitch, at most 32. */
    void (*split)(uint16_t *dst, const float *src, int pixels, int ic,
                  int pitch);
} FgMatOps;

/* NULL where the level has no tiles (the C version is the reference: only
 * fg_mat_ops_c gives it). */
const FgMatOps *fg_mat_ops(FgCpu level);
const FgMatOps *fg_mat_ops_c(void);
const FgMatOps *fg_mat_ops_amx(void);
/* What fg_mat_rows uses instead (tests); NULL = the level's. */
void fg_mat_use(const FgMatOps *ops);

#endif
