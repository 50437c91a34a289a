/* How far a set of made pictures is from a set of real ones.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * None of these figures is FID, which is defined by the weights of one
 * particular Inception network: they compare runs of this program with each
 * other, on the same pictures and as many of them, and nothing else. */
#ifndef FFGAN_TRAINER_DISTANCE_H
#define FFGAN_TRAINER_DISTANCE_H

#include "kernels/pool.h"
#include "pipeline/source.h"

/* ---- features: "own-net v1" ----
 * Three 3x3 convolutions of stride 2 (3-16-32-32, zero padding, leaky ReLU of
 * 0.2) on pixels scaled to -1..1, with fixed random weights (He, from Philox,
 * never trained); the mean of each channel after each layer, and the deviation
 * of each channel after the first two. */
#define FG_FEATURES 128
#define FG_FEATURES_NAME "own-net v1"

/* out [n][FG_FEATURES]; pictures of 8x8 or more, any sizes. 0 or -ENOMEM. */
int fg_features(const FgPicture *pic, int n, double *out, FgExecutor *ex);

/* Frechet's distance of two normal distributions fitted to rows of features:
 * |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). a [na][dim], b [nb][dim], both
 * of two rows or more. NAN when memory ran out. */
double fg_frechet(const double *a, int na, const double *b, int nb, int dim);

/* Share of leave-one-out nearest neighbours among both sets, features scaled by
 * the deviation in a, that are of the own set: 0.5 when they cannot be told
 * apart, 1 when they never mix (Lopez-Paz and Oquab, arXiv:1610.06545). */
double fg_one_nn(const double *a, const double *b, int n, int dim);

/* ---- sliced Wasserstein distance of patches ----
 * As Karras et al. (arXiv:1710.10196, 5): 7x7 patches of each level of a
 * Laplacian pyramid down to 16 pixels, FG_SWD_PATCHES a picture, projected on
 * FG_SWD_SLICES random directions; mean distance of the sorted projections,
 * times 1000. Unlike there, both sets are scaled by the real ones' mean and
 * deviation per channel, so that a wrong colour or contrast counts. */
#define FG_SWD_PATCHES 64
#define FG_SWD_SLICES 256
#define FG_SWD_LEVELS 8

/* Two sets of n pictures of one size, 16x16 or more. level[0] is the finest;
 * returns how many, or -ENOMEM. The patches depend on seed. */
int fg_swd(const FgPicture *real, const FgPicture *made, int n, uint64_t seed,
           double level[FG_SWD_LEVELS], FgExecutor *ex);

#endif
