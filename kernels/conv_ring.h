/* ffgan: a ring of padded input rows.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Output row y of a convolution reads k virtual input rows, y*stride onwards.
 * The ring gathers each of them once (borders made, zeros of a dilation put
 * in, bf16 converted) as long as y rises. Where nothing is to be gathered the
 * rows point into the tensor. */
#ifndef FFGAN_KERNELS_CONV_RING_H
#define FFGAN_KERNELS_CONV_RING_H

#include "conv.h"

typedef struct FgRing {
    const FgConvPrep *p;
    const FgTensor *in;
    int image;
    int width;    /* virtual pixels of a row */
    int pitch;    /* elements between them */
    int in_place; /* nothing is gathered */
    size_t slot;  /* bytes of a gathered row */
    char *mem;
    int have[FG_CONV_MAX_KERNEL];         /* virtual row in each slot, or -1 */
    const void *rows[FG_CONV_MAX_KERNEL]; /* for the row of the last seek */
} FgRing;

/* Bytes of mem, a multiple of 64. */
size_t fg_ring_bytes(const FgConvPrep *p, int out_w);
void fg_ring_init_f32(FgRing *r, const FgConvPrep *p, const FgTensor *in,
                      int image, FgShape out, void *mem);
void fg_ring_init_f64(FgRing *r, const FgConvPrep *p, const FgTensor *in,
                      int image, FgShape out, void *mem);
void fg_ring_seek_f32(FgRing *r, int y);
void fg_ring_seek_f64(FgRing *r, int y);

/* Index of the pixel that a virtual index reads, or -1 for a zero. Reflection
 * repeats where the border is wider than the picture. */
int fg_pad_index(int i, int n, int pad_mode);

/* Weight gradients are sums of parts: how many, and the row (of all images) at
 * which part i begins. Functions of the shape alone. */
int fg_wgrad_parts(FgShape dy);
int fg_wgrad_part(FgShape dy, int parts, int i);

#endif
