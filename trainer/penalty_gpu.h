/* Gradient penalties' second pass on a GPU; for penalty.c.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_PENALTY_GPU_H
#define FFGAN_TRAINER_PENALTY_GPU_H

#include "trainer/penalty.h"

typedef enum FgPenaltySort {
    FG_SORT_LINEAR,   /* the op itself on t, without its bias */
    FG_SORT_PLAIN,    /* t goes through: a bias */
    FG_SORT_ACTIVATE, /* phi'(z) t: a diagonal, so the op's backward */
    FG_SORT_BEND,     /* the same, and phi'' is not 0 */
    FG_SORT_REFUSED
} FgPenaltySort;
FgPenaltySort fg_penalty_sort(const char *op);

/* p has its tape, which is on a device, and the first of tan. 0, -ENOMEM, -EIO
 * with err. */
int fg_penalty_gpu_create(FgPenalty *p, FgError *err);
void fg_penalty_gpu_free(FgPenalty *p); /* accepts those of the host */
/* Behind a backward pass of values: the penalty and the mean length of its
 * gradients, t in the first of tan. Sums in another order than the host's. NaN
 * where the device fails. */
double fg_penalty_gpu_value(FgPenalty *p, FgPenaltyKind kind, double weight,
                            double *norm);
/* Then: what weights get. 0 or what the device failed with. */
int fg_penalty_gpu_weights(FgPenalty *p);

#endif
