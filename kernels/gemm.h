/* ffgan: the two tiles of matrix product below strided and transposed
 * convolutions. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sums are those of dsp.h's rows: one fused multiply-add per product, in the
 * order (tap, input) or of rising pixels, so every version, and the row
 * engine, give the same bits. */
#ifndef FFGAN_KERNELS_GEMM_H
#define FFGAN_KERNELS_GEMM_H

enum { FG_TILE_ROWS = 12, FG_TILE_COLS = 32 };

/* out[r][o] = bias[o] + sum over t, i of rows[t*12+r][i] * w[tap[t]][i][o],
 * or, with add, out[r][o] += that sum. */
typedef struct FgTapTile {
    const float *const *rows; /* [taps][12]; beyond nb_rows any readable ones */
    const int *tap;           /* [taps] block of w */
    int taps, ic;
    const float *w;    /* [..][ic][32], 64-byte aligned, zeros from cols on */
    const float *bias; /* [32], 64-byte aligned */
    float *const *out; /* [nb_rows] */
    int nb_rows, cols, add;
} FgTapTile;

/* sum[i][o] = (the sum so far, or with first 0) + sum over pixels of in[p][i] *
 * dy[p][o]. */
typedef struct FgPixelTile {
    const float *in; /* [pixels][12] */
    const float *dy; /* [pixels][32], 64-byte aligned, zeros from cols on */
    int pixels, rows, cols; /* rows (inputs) 1..12, cols 1..32 */
    int first;
    float *sum; /* [rows][32] */
} FgPixelTile;

#endif
