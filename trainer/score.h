/* How good a network is on a picture.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_SCORE_H
#define FFGAN_TRAINER_SCORE_H

#include "kernels/plan.h"
#include "trainer/data.h"

typedef struct FgScore {
    double psnr, ssim; /* luma, border = scale */
} FgScore;

typedef struct FgScorer FgScorer;
/* Ready for every picture of data. The model is copied. */
int fg_scorer_create(FgScorer **s, const FgModel *m, const FgData *data,
                     FgPrecision precision, FgExecutor *ex, FgError *err);
/* Runs the network on pair->lr and compares with pair->hr. -EDOM when the
 * output is not finite. */
int fg_scorer_run(FgScorer *s, const FgPair *pair, FgScore *out, FgError *err);
/* After fg_scorer_run: the result's luma, and the wanted one (which 1), studio
 * range, [hr.h][hr.w]; good until the next run. */
const uint8_t *fg_scorer_luma(const FgScorer *s, int which);
void fg_scorer_free(FgScorer **s); /* accepts NULL */
/* MATLAB's bicubic as the published tables have it: the 8-bit luma made small
 * and large again without rounding between. 0 or -ENOMEM. */
int fg_score_bicubic(const FgPair *pair, FgScore *out);

#endif
