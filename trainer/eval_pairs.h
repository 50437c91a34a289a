/* What ffgan eval measures of networks that enlarge.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_EVAL_PAIRS_H
#define FFGAN_TRAINER_EVAL_PAIRS_H

#include "trainer/score.h"

typedef struct FgEvalPairs {
    const FgModel *model,
        *before;             /* NULL model = bicubic; before may be NULL */
    const char *data, *grid; /* grid: PNG, or NULL */
    int scale, json;
    FgPrecision precision;
} FgEvalPairs;

/* Prints a line a picture and their mean; the grid shows a middle part of up to
 * four pictures: bicubic, before, model, original. */
int fg_eval_pairs(const FgEvalPairs *e, FgExecutor *ex, FgError *err);

#endif
