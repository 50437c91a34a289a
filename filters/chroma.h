/* ffgan: chroma that goes from frame to frame by rows, enlarged bicubically.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_FILTERS_CHROMA_H
#define FFGAN_FILTERS_CHROMA_H

#include "frame.h"
#include "resample.h"

/* The four ways of chroma in one direction: to the output's grid; to the luma
 * grid; back at the output; from there to the output. */
typedef struct FgSited {
    FgAxis same, up, down, loss;
} FgSited;

/* pos = where chroma sample 0 lies from luma sample 0; 1 << log2 luma samples
 * per chroma sample. */
FgSited fg_sited(int in, int out, int log2, double pos);

typedef struct FgChroma {
    FgResize *r; /* of two channels; by rows: planar */
    const FgFormat *fmt;
    FgCode code;
    const AVFrame *in;
    AVFrame *out;
    float *row; /* a worker's, `gap` floats apart: a row of either picture */
    size_t gap;
    FgExecutor *ex;
} FgChroma;

/* The same planes into, and from, a picture of both channels. */
void fg_chroma_read(const FgChroma *c, FgView to, int w, int h);
void fg_chroma_write(const FgChroma *c, FgView from, int w, int h);
/* Both planes of c->in, then both of c->out. */
void fg_chroma_take(const FgChroma *c);
void fg_chroma_give(const FgChroma *c);

#endif
