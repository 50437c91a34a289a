/* A data set in GPU memory: a step sends up which crops it takes, and its loss
 * is made there, too. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_BATCH_GPU_H
#define FFGAN_TRAINER_BATCH_GPU_H

#include "trainer/data.h"
#include "trainer/lot.h"
#include "trainer/tape.h"

typedef struct FgBatchGpu FgBatchGpu;

/* Copies c's pictures to the tape's device. The tape's input, output and the
 * gradient of that stay there from now on: fg_tape_input and the like are not
 * read or written any more. c and t must outlive *b; c is not centred. *b is
 * NULL, and nothing changed, without a device or where it has too little memory
 * for them (0 then, too). 0, -ENOMEM, -EIO with err. */
int fg_batch_gpu_create(FgBatchGpu **b, const FgCrops *c, FgTape *t,
                        FgError *err);
/* The same for the tape's input alone, of a data set of scale 1; c may be
 * centred. All else stays the host's. */
int fg_batch_gpu_create_input(FgBatchGpu **b, const FgCrops *c, FgTape *t,
                              FgError *err);
/* The same for lots on a device, of an input, of a target, or one alone: NULL.
 * c may be centred. */
int fg_batch_gpu_create_lots(FgBatchGpu **b, const FgCrops *c, const FgLot *in,
                             const FgLot *target, FgError *err);
void fg_batch_gpu_free(FgBatchGpu **b); /* accepts NULL; before the tape */
/* As fg_crops_fill, to the bit: the tape's input and the target. 0 or what the
 * device failed with. */
int fg_batch_gpu_fill(FgBatchGpu *b, int64_t step);
/* The crops that b was made for into these lots of it; with b NULL by the host,
 * from which they go to where they belong. */
int fg_batch_fill(FgBatchGpu *b, const FgCrops *c, int64_t step, FgLot *in,
                  FgLot *target, FgExecutor *ex);
/* As fg_loss_pixel: the output's gradient to the bit, sums in another order.
 * NaN where the device fails. */
double fg_batch_gpu_loss(FgBatchGpu *b, int kind, double eps, double *mse);
/* The target's values, for tests: [n][h][w][c]. */
int fg_batch_gpu_target(FgBatchGpu *b, float *to);

#endif
