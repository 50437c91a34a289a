/* What mends in-between frames whose motion was found by arithmetic
 * (kernels/interp.h): the small network, its loss.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_FUSION_H
#define FFGAN_TRAINER_FUSION_H

#include "kernels/graph.h"
#include "trainer/mend.h"

/* [N,7,H,W] -> [N,3,H,W], sides multiples of 2^(levels + 1): works at half
 * size, and at `levels` halvings of that, which see far; width features, half
 * as much more at each; depth 3x3 convolutions within (of one level: between
 * the first and the last). levels 0..3. */
int fg_fusion_build(FgGraph *g, int features, int depth, int levels,
                    FgError *err);
/* The last convolution is 0: the network changes nothing yet. */
void fg_fusion_calm(FgParams *ps);

/* A batch's targets and results in luma. */
typedef struct FgFusion {
    FgMend *mend;   /* [n] */
    FgTensor want;  /* [N,1,H,W] */
    FgTensor slope; /* [N,1,H,W] d loss / d result */
    float *scale;   /* [n] moved.h */
    double *sums;   /* [2 N] */
    int n;
} FgFusion;

int fg_fusion_create(FgFusion *f, int n, int side, FgError *err);
void fg_fusion_free(FgFusion *f); /* accepts zeroed */

typedef struct FgFusionLoss {
    int logarithm;
    double eps, edges;
} FgFusionLoss;

/* Of the result y (kernels/interp.h), e = y - want. logarithm: the mean over
 * the crops of ln(1 + m / scale), m = mean e^2: what PSNR measures, so that an
 * easy crop matters as a hard one does. Else the mean of sqrt(e^2 + eps^2),
 * plus `edges` times that of e's differences to the right and below. Overwrites
 * dout [N,3,H,W]. *mse: mean e^2. */
double fg_fusion_loss(FgFusion *f, const FgTensor *in, const FgTensor *out,
                      const FgFusionLoss *l, FgTensor *dout, double *mse,
                      FgExecutor *ex);
/* After fg_fusion_loss: the results y into y [N,1,H,W]; and dout once more
 * after f->slope was added to. */
void fg_fusion_result(const FgFusion *f, FgTensor *y);
void fg_fusion_back(FgFusion *f, const FgTensor *in, const FgTensor *out,
                    FgTensor *dout);

#endif
