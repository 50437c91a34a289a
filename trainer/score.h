/* How good a network is on a picture.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_SCORE_H
#define FFGAN_TRAINER_SCORE_H

#include "kernels/plan.h"
#include "trainer/data.h"

typedef struct FgScore {
    double psnr, ssim; /* luma, border = scale */
    double ms_ssim;    /* NAN for small pictures; only with detail */
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
/* From here on also what takes longer: MS-SSIM, and the picture. */
void fg_scorer_detail(FgScorer *s);
/* The last run's output as 8-bit RGB, luma with the input's
 * colours; with detail. The caller
 * frees *out. 0 or -ENOMEM. */
int fg_scorer_picture(const FgScorer *s, const FgPair *pair, FgPicture *out);
void fg_scorer_free(FgScorer **s); /* accepts NULL */
/* MATLAB's bicubic as the published tables have it: the 8-bit luma made small
 * and large again without rounding between. 0 or -ENOMEM. */
int fg_score_bicubic(const FgPair *pair, int detail, FgScore *out);

#endif
