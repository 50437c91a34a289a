/* ffgan: subsampled chroma around a network of RGB, by rows.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The chroma c of a frame goes up to the luma grid, through the network and
 * down to the output's chroma:
 *
 *   out = down(network(up(c))) + same(c) - loss(up(c))
 *
 * down(up(c)) is softer than c. What it lacks is added: c at the output's size
 * directly (same), less the same by way of the luma grid (loss), so that a
 * network which changes nothing gives c back.
 *
 * There is no picture of it: rows on the luma grid are made from the frame when
 * they are asked for, what comes from the network goes into a ring of rows, and
 * a row of the output is finished by whoever brings the last row that it reads.
 */
#ifndef FFGAN_FILTERS_CHROMA_MIX_H
#define FFGAN_FILTERS_CHROMA_MIX_H

#include <stdatomic.h>

#include "chroma.h"

typedef struct FgChromaMix {
    FgTaps up[2];   /* [0] along x, [1] along y: to the luma grid */
    FgTaps same[2]; /* to the output's chroma, directly */
    FgTaps down[2]; /* from the output's luma grid to its chroma */
    FgTaps from[2]; /* from the luma grid to the output's chroma */
    FgTaps loss[2]; /* up, then that */
    float *ring;    /* rows of down[0]'s results, both channels */
    int rows;
    atomic_int *left; /* [output's chroma rows] rows that it still waits for */
    /* of the frame at hand */
    const FgFormat *fmt;
    FgCode code;
    const AVFrame *in;
    AVFrame *out;
} FgChromaMix;

/* ahead: when a row is put, all calls for rows before y - ahead have returned.
 * 0 or -ENOMEM; then *m is to be freed all the same. */
int fg_chroma_mix_init(FgChromaMix *m, FgSited x, FgSited y, int ahead);
/* Other sample positions; allocates nothing. */
void fg_chroma_mix_phase(FgChromaMix *m, FgSited x, FgSited y);
void fg_chroma_mix_free(FgChromaMix *m); /* accepts zeroed */
/* Before the first row of a picture is put; fmt, code, in and out are set. */
void fg_chroma_mix_start(FgChromaMix *m);

/* The memory that a thread gives to the two below: so many floats times the
 * longest row of either picture. */
#define FG_CHROMA_MIX_WORK 8
/* Row y on the luma grid: Pb, Pr of each sample into dst. Any order, by threads
 * at the same time. */
void fg_chroma_mix_row(const FgChromaMix *m, int y, float *dst, float *work);
/* Row y of the network's picture, Pb, Pr of each sample; each row once. By
 * threads at the same time. Writes the rows of the output that it completes:
 * the same bits for any order. */
void fg_chroma_mix_put(FgChromaMix *m, int y, const float *c, float *work);

#endif
