/* Losses: value and gradient. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_LOSS_H
#define FFGAN_TRAINER_LOSS_H

#include "kernels/error.h"
#include "kernels/pool.h"
#include "kernels/tensor.h"

/* "l1", "mse", "charbonnier" -> row of the table, or -1. */
int fg_loss_find(const char *name);
/* Mean over all elements of y against target t (dense f32, equal shapes); g is
 * overwritten with its gradient. Sums are per image, then in image order, so
 * they do not depend on threads. sums: room for 2 n doubles. *mse is the mean
 * squared error, whatever the loss. */
double fg_loss_pixel(int kind, double eps, const FgTensor *y, const FgTensor *t,
                     FgTensor *g, FgExecutor *ex, double *sums, double *mse);

/* L1 on the 2-D FFT of each image and channel: mean over the real and imaginary
 * parts of the half spectrum (PyTorch's rfft2 followed by l1_loss). */
typedef struct FgLossFft FgLossFft;
int fg_loss_fft_create(FgLossFft **f, int h, int w, int threads, FgError *err);
/* Returns weight times the loss and adds its gradient to g. sums: n doubles. */
double fg_loss_fft(FgLossFft *f, double weight, const FgTensor *y,
                   const FgTensor *t, FgTensor *g, FgExecutor *ex,
                   double *sums);
void fg_loss_fft_free(FgLossFft **f); /* accepts NULL */

#endif
