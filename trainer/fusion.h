/* What mends in-between frames whose motion was found by arithmetic
 * (kernels/interp.h): the small network, its inputs, its loss.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_FUSION_H
#define FFGAN_TRAINER_FUSION_H

#include "kernels/graph.h"
#include "kernels/interp.h"
#include "kernels/pool.h"

/* [N,7,H,W] -> [N,3,H,W], sides even: works at half size; features wide, with
 * depth 3x3 convolutions between the first and the last. */
int fg_fusion_build(FgGraph *g, int features, int depth, FgError *err);
/* The last convolution is 0: the network changes nothing yet. What is clipped
 * learns as long as it is pushed inwards. */
void fg_fusion_calm(FgParams *ps);

/* A batch's inputs and targets in luma. */
typedef struct FgFusion {
    FgFlow **flow;  /* [n] of one crop each */
    FgTensor luma;  /* [N,2,H,W] frame 0, frame 1 */
    FgTensor want;  /* [N,1,H,W] */
    FgTensor error; /* [N,1,H,W] */
    FgTensor slope; /* [N,1,H,W] d loss / d result */
    double *sums;   /* [2 N] */
    int n;
} FgFusion;

int fg_fusion_create(FgFusion *f, int n, int side, FgError *err);
void fg_fusion_free(FgFusion *f); /* accepts zeroed */
/* From triplets in colour, rgb [N,7,H,W] and target [N,3,H,W], the network's
 * inputs in [N,7,H,W] and f->want. */
void fg_fusion_inputs(FgFusion *f, const FgTensor *rgb, const FgTensor *target,
                      FgTensor *in, FgExecutor *ex);
/* Of the result (kernels/interp.h), without `border` pixels
 * on each side, where crops hide motion: the mean of sqrt(e^2 + eps^2), e = y -
 * want, plus `edges` times that of e's differences to the right and below.
 * Overwrites dout [N,3,H,W]. *mse: mean e^2. */
double fg_fusion_loss(FgFusion *f, const FgTensor *in, const FgTensor *out,
                      double eps, double edges, int border, FgTensor *dout,
                      double *mse, FgExecutor *ex);
/* After fg_fusion_loss: the results y into y [N,1,H,W]; and dout once more
 * after f->slope was added to. */
void fg_fusion_result(const FgFusion *f, FgTensor *y);
void fg_fusion_back(const FgFusion *f, const FgTensor *in, const FgTensor *out,
                    FgTensor *dout);

#endif
