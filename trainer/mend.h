/* A frame between two frames from the network's inputs and its output, as the
 * filter makes it (kernels/interp.h).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_MEND_H
#define FFGAN_TRAINER_MEND_H

#include "kernels/interp.h"
#include "kernels/pool.h"

/* Planes [h][w]; none is borrowed. */
typedef struct FgMend {
    float *luma, *share, *fade, *error; /* before it is settled; a, s, e */
    float *y;                           /* the result */
    float *slope, *doubt; /* fg_mend_back: d loss / d luma, d loss / d e */
    float *scratch;
    int w, h;
} FgMend;

/* 0 or -ENOMEM. fg_mend_free accepts zeroed. */
int fg_mend_alloc(FgMend *m, int w, int h);
void fg_mend_free(FgMend *m);
/* Fills y and the planes before it from in [h][w][7] and out [h][w][3], dense;
 * out NULL = a network that gives zeros. m may be larger than w x h. */
void fg_mend_run(FgMend *m, const float *in, const float *out, int w, int h);
/* After fg_mend_run of the whole of m: dout [h][w][3], the gradient by the
 * network's output of a loss whose gradient by y is g [h][w]. What is clipped
 * learns as long as it is pushed inwards. */
void fg_mend_back(FgMend *m, const float *in, const float *out, const float *g,
                  float *dout);
/* Mean squared difference of y and want [h][w]. */
double fg_mend_mse(const FgMend *m, const float *want);

#endif
