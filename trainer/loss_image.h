/* Losses between pictures that look at more than pixels, and between features:
 * value and gradient. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * y, t, g are dense f32 tensors of equal shape. Each returns weight times the
 * loss and adds its gradient to g (NULL: the value alone). Work is done in
 * double, per image, summed in image order: threads do not show. sums: room
 * for n doubles. */
#ifndef FFGAN_TRAINER_LOSS_IMAGE_H
#define FFGAN_TRAINER_LOSS_IMAGE_H

#include "kernels/error.h"
#include "kernels/pool.h"
#include "kernels/tensor.h"

/* 1 - MS-SSIM (Wang, Simoncelli, Bovik 2003) of values 0..1: Gaussian window 11
 * with sigma 1.5, valid part, K 0.01 and 0.03; 2x2 means between scales; for
 * each image and channel the product over scales of mean contrast-structure
 * (and SSIM at the last) to the powers .0448 .2856 .3001 .2363 .1333, the first
 * ones of these, made to sum to 1, where the picture is too small for five;
 * factors below 1e-6 count as that. */
typedef struct FgLossMsssim FgLossMsssim;
/* -EINVAL where the picture is below 11 x 11. */
int fg_loss_msssim_create(FgLossMsssim **m, int h, int w, int threads,
                          FgError *err);
int fg_loss_msssim_scales(const FgLossMsssim *m);
double fg_loss_msssim(FgLossMsssim *m, double weight, const FgTensor *y,
                      const FgTensor *t, FgTensor *g, FgExecutor *ex,
                      double *sums);
void fg_loss_msssim_free(FgLossMsssim **m); /* accepts NULL */

/* Focal frequency loss (arXiv:2012.12821): D = orthonormal 2-D FFT of y - t,
 * w = |D|^alpha over its largest value in the image and channel, taken as a
 * constant; mean of w |D|^2. */
typedef struct FgLossFocal FgLossFocal;
int fg_loss_focal_create(FgLossFocal **f, int h, int w, double alpha,
                         int threads, FgError *err);
double fg_loss_focal(FgLossFocal *f, double weight, const FgTensor *y,
                     const FgTensor *t, FgTensor *g, FgExecutor *ex,
                     double *sums);
void fg_loss_focal_free(FgLossFocal **f); /* accepts NULL */

/* LDL (arXiv:2203.09195): r = sum over channels of |t - y|; the weight of a
 * pixel is var(r of the image)^(1/5) times the variance of r in the 7x7 square
 * round it (reflected borders, n - 1), 0 where the averaged network's output e
 * is no better (r of y below r of e), taken as a constant; mean of
 * weight |y - t|. map: room for 2*n*h*w doubles; of each image's two planes the
 * second is left holding the weights. */
double fg_loss_ldl(double weight, const FgTensor *y, const FgTensor *t,
                   const FgTensor *e, FgTensor *g, double *map, FgExecutor *ex,
                   double *sums);

/* Feature matching: weight times the mean of |a - b|; g is overwritten. */
double fg_loss_feature(double weight, const FgTensor *a, const FgTensor *b,
                       FgTensor *g);

/* PatchNCE (arXiv:2007.15651): q and k are [P][C <= 1024] features of the same
 * P places; each is divided by its length + 1e-7; cross entropy of the row's
 * own column in q k' / tau, mean over rows. k is a constant. g is overwritten
 * with weight times the gradient to q. work: P*P + 2*P*C + P doubles. */
double fg_loss_nce(double weight, double tau, const float *q, const float *k,
                   int places, int channels, float *g, double *work);

#endif
