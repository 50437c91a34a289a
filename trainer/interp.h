/* In-between frames: the network, its triplets, its loss.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_INTERP_H
#define FFGAN_TRAINER_INTERP_H

#include "kernels/graph.h"
#include "kernels/pool.h"
#include "pipeline/source.h"

/* ---- net_interp.c ----
 *
 * Input [N,7,H,W], H and W multiples of 16: frame 0 RGB, frame 1 RGB, t.
 * Output [N,3,H,W]. Coarse to fine, after IFRNet (Kong et al., CVPR 2022) and
 * RIFE (Huang et al., ECCV 2022): features of both frames by one encoder at
 * 1/2, 1/4, 1/8 and 1/16; at each level a decoder sees both frames' features
 * moved along the flows so far, and how alike those are at small displacements
 * (correlate), and adds to the flows; at 1/2 also a mask and a
 * residual: out = m * warp(frame 0) + (1 - m) * warp(frame 1) + residual.
 * Flows go from the frame at t to frame 0 (channels 0, 1) and to frame 1
 * (2, 3), in pixels of their level. */
enum { FG_INTERP_LEVELS = 4 }; /* 1/16, 1/8, 1/4, 1/2 */

typedef struct FgInterpNet {
    int width[FG_INTERP_LEVELS]; /* encoder's channels, coarse to fine */
    int body[FG_INTERP_LEVELS];  /* decoders' channels */
    int depth;                   /* 3x3 convolutions of a decoder, >= 1 */
} FgInterpNet;

/* Widths for a size of 1 (the shipped one's) times size / 16. */
FgInterpNet fg_interp_net(int size);
/* flow[k] gets the index of the flow's node of level k (no node's only user is
 * an add, so that a loss may be laid on each). err on failure. */
int fg_interp_build(FgGraph *g, const FgInterpNet *n,
                    int flow[FG_INTERP_LEVELS], FgError *err);
/* Makes the first flows and residuals small: it starts as a plain blend. */
void fg_interp_calm(FgParams *ps);

/* ---- loss_interp.c ---- */

typedef struct FgInterpLoss {
    double eps;      /* rounding of the pixel and gradient terms' corners */
    double gradient; /* weight of the term on differences of neighbours */
    double flow;     /* weight of the term on flows */
} FgInterpLoss;

/* Adds to g [N,C,H,W] the gradient of weight times the mean of sqrt(d^2 +
 * eps^2) over all d = differences, to the right and below, of (y - t). Dense
 * f32. Returns weight times that mean. sums: N doubles. */
double fg_interp_gradient_loss(double weight, double eps, const FgTensor *y,
                               const FgTensor *t, FgTensor *g, FgExecutor *ex,
                               double *sums);
/* Overwrites g [N,4,H/s,W/s] with the gradient of weight times the mean, over
 * the images whose known is set, of sqrt(e^2 + 0.01) where e = s f - want in
 * pixels of the full size: f [N,4,H/s,W/s] is a level's flow, want the mean of
 * flow [N,4,H,W] over its s x s pixels. Returns weight times that mean; 0 where
 * nothing is known. sums: N doubles. */
double fg_interp_flow_loss(double weight, const FgTensor *f,
                           const FgTensor *flow, const int *known, FgTensor *g,
                           FgExecutor *ex, double *sums);

#endif
