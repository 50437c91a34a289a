/* Losses of tapes' outputs and the gradients there, where they lie (lot.h).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is computed, loss_adv.h says. On a device, a loss's sums alone come
 * down: each is that of FG_LOSS_PARTS blocks' sums, in their order. Values are
 * NaN where the device fails. */
#ifndef FFGAN_TRAINER_LOSS_TAPE_H
#define FFGAN_TRAINER_LOSS_TAPE_H

#include "trainer/lot.h"

typedef struct FgVerdict {
    double loss, real, fake; /* the critic's loss; means of its outputs */
} FgVerdict;

/* A critic's loss of the outputs of two tapes, the gradients in both; one may
 * be NULL where the loss does not pair. */
FgVerdict fg_tape_adv_critic(int kind, double weight, FgTape *real,
                             FgTape *fake);
/* The same of outputs y and their gradients g, each of real and made ones. */
FgVerdict fg_lot_adv_critic(int kind, double weight, const FgLot *y,
                            const FgLot *g);
/* A generator's: the gradient in fake. real may be NULL unless the loss pairs;
 * of the verdict's means fake's is there. */
FgVerdict fg_tape_adv_generator(int kind, double weight, FgTape *real,
                                FgTape *fake);

#endif
