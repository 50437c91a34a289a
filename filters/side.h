/* ffgan: what a network must not see of a picture.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The network sees values clipped to 0..1, and maybe only a share of the result
 * is its own. What is left of the source, `v - share * clipped`, is enlarged by
 * bicubic and added to `share * network`. In most pictures that is nothing but
 * a few pixels, so it is known by rows and parts of rows. */
#ifndef FFGAN_FILTERS_SIDE_H
#define FFGAN_FILTERS_SIDE_H

#include "kernels/tensor.h"
#include "resample.h"

typedef struct FgSide {
    FgTensor v; /* what is left: [1,c,h,w] in rows that are dirty, if by_rows
                   [1,c,threads,w] of the row that a thread is at */
    int channels;
    FgResize up;    /* to the output's size */
    uint8_t *dirty; /* [h] the row has something */
    FgPart *part;   /* [h] where, in the output's columns; if by_rows */
    int by_rows;    /* fg_side_add can be used */
} FgSide;

/* 0 or a negative errno, then *s is to be freed all the same. */
int fg_side_init(FgSide *s, FgAxis x, FgAxis y, int channels, int threads);
void fg_side_free(FgSide *s); /* accepts zeroed */
/* Row y = v: in = clipped, the rest is kept. Rows may be done by threads at the
 * same time, 0 <= worker < threads. */
void fg_side_split(FgSide *s, int y, float *in, const float *v, float share,
                   int worker);
/* Whether any row is dirty. */
int fg_side_any(const FgSide *s);
/* Row y of the output = share * net + what is left. Returns net where nothing
 * changes, else dst. All rows were split; threads as above. */
const float *fg_side_add(const FgSide *s, int y, float *dst, const float *net,
                         float share);
/* The same for the whole picture. */
void fg_side_add_all(FgSide *s, FgView net, float share, FgExecutor *ex);

#endif
