/* The adversarial variant of in-between frames: a critic of patches.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_INTERP_ADV_H
#define FFGAN_TRAINER_INTERP_ADV_H

#include "trainer/penalty.h"
#include "trainer/train.h"

typedef struct FgInterpCritic {
    FgTape tape;
    FgPenalty penalty;
    FgTensor made; /* [N,C,P,P] what the network made */
} FgInterpCritic;

/* Makes the run's second network, "d", for crops of 1 or 3 channels. */
int fg_interp_critic_open(FgInterpCritic *c, FgTrain *t, int channels,
                          FgError *err);
void fg_interp_critic_free(FgInterpCritic *c); /* accepts zeroed */
/* A step of the critic on real and c->made (logistic loss, R1), then weight
 * times the generator's loss: its gradient is added to dmade. */
int fg_interp_critic_step(FgInterpCritic *c, FgTrain *t, const FgTensor *real,
                          double lr, double weight, FgTensor *dmade,
                          FgStepInfo *info);

#endif
