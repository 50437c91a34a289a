/* ffgan: frames for a network that makes the frame between by itself.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The network (kernels/interp.h, colour "rgb") sees R'G'B' clipped to 0..1,
 * chroma brought to the luma grid by bicubic with its siting; what was clipped
 * off both frames is faded from one to the other and added to its picture. */
#ifndef FFGAN_FILTERS_WHOLE_H
#define FFGAN_FILTERS_WHOLE_H

#include "kernels/tensor.h"
#include "planes.h"

typedef struct FgWhole FgWhole;

/* fmt is kept. 0 or -ENOMEM, *w is NULL then. */
int fg_whole_create(FgWhole **w, const FgPlaneFormat *fmt);
void fg_whole_free(FgWhole **w); /* accepts NULL */
/* The next frame, read by fg_planes_read just now; the last one becomes frame
 * 0. 0, or -ENOTSUP and err: a matrix that is not known. */
int fg_whole_push(FgWhole *w, const FgPlanes *p, const AVFrame *in,
                  FgError *err);
/* The network's input [1,7,h,w] at time t. */
void fg_whole_input(FgWhole *w, float t, FgTensor *in);
/* Takes the network's output [1,3,h,w] of that input. */
void fg_whole_take(FgWhole *w, const FgTensor *out);
/* Row y of colour plane k, on the plane's own grid; may be written to. */
float *fg_whole_row(FgWhole *w, int k, int y);

#endif
