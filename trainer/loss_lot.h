/* Losses of pictures, where they lie (lot.h).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * y: what was made, t: what is wanted, g: the gradient at y, f32; all of one
 * shape and in one place. On a device gradients are the host's to the bit; sums
 * come down, those of FG_LOSS_PARTS blocks, of f32 terms where the host's are
 * double. NaN where it fails. */
#ifndef FFGAN_TRAINER_LOSS_LOT_H
#define FFGAN_TRAINER_LOSS_LOT_H

#include "trainer/lot.h"

/* style.h's fg_l1 and fg_l1_coarse. mse, if not NULL: the mean squared error.
 */
double fg_lot_l1(double weight, const FgLot *y, const FgLot *t, const FgLot *g,
                 int add, double *mse);
double fg_lot_l1_coarse(double weight, const FgLot *y, const FgLot *t,
                        const FgLot *g);

/* weight times the mean squared error, which is *mse; g is overwritten. */
double fg_lot_mse(double weight, const FgLot *y, const FgLot *t, const FgLot *g,
                  double *mse);

typedef struct FgPixelLoss {
    int kind; /* loss.h's row */
    double eps, weight;
    FgTensor *part; /* of the host, as y */
    FgExecutor *ex;
    double *sums;
} FgPixelLoss;

/* weight times fg_loss_pixel; g is overwritten. */
double fg_lot_pixel(const FgPixelLoss *l, const FgLot *y, const FgLot *t,
                    const FgLot *g, double *mse);

#endif
