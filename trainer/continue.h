/* Training that goes on from a weights file with new pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The weights file says how it was made (ffgan.recipe). Training starts at its
 * weights, on the new pictures and, so that the old ones are not forgotten, on
 * those too, in the share 'replay'. A part of the new ones is held out and
 * joins the old validation pictures: on these the parent is measured first, and
 * only what is better replaces it. */
#ifndef FFGAN_TRAINER_CONTINUE_H
#define FFGAN_TRAINER_CONTINUE_H

#include "trainer/train.h"

/* Every eighth new picture is held out; of four to seven, the last. */
#define FG_HELD_OUT 8

typedef struct FgContinue {
    const char *model;      /* NULL: an ordinary run */
    const char *data;       /* new pictures */
    const char *const *old; /* more old ones, beside the recipe's */
    int nb_old;
    double replay; /* share of old pictures in what is learnt, 0..0.95 */
} FgContinue;

/* The overrides that make a run of the model's own recipe go on: init, and
 * gentler steps (a tenth), lr (a quarter) and warmup (at most a twentieth);
 * and the recipe itself, written to path. *set is malloc'ed. -EINVAL: the model
 * does not say how it was made. */
int fg_continue_recipe(const FgContinue *c, const char *path, char ***set,
                       int *nb, FgError *err);
/* After the family has loaded what the recipe names: the other old pictures,
 * the new ones, the held-out ones; sets t->added and t->provenance. With replay
 * 0 the recipe's pictures need not be there: call it then on empty data. */
int fg_continue_data(FgTrain *t, const FgContinue *c, FgError *err);
/* What became of it: puts the parent back over out when t->best_step is 0. */
int fg_continue_end(const FgTrain *t, const FgContinue *c, const char *out,
                    int *better, FgError *err);

#endif
