/* What a search does with one candidate.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_SEARCH_TRIAL_H
#define FFGAN_TRAINER_SEARCH_TRIAL_H

#include "trainer/search.h"

/* a then b; the texts stay theirs, all->v is malloc'ed. */
int fg_texts_join(FgTexts *all, const FgTexts *a, const FgTexts *b);
/* The candidate that a final is of. */
const FgTried *fg_search_of(const FgSearch *s, const FgFinal *f);
/* Trains t->set under the proxy's keys into t->trial; with OUT/events also for
 * TensorBoard's HPARAMS page. */
int fg_search_trial(const FgSearch *s, FgTried *t, const FgCurve *done, int nb,
                    FgError *err);
/* Trains it under the full keys with that seed. */
int fg_search_full(const FgSearch *s, const FgTried *t, int seed, FgTrial *out,
                   FgError *err);
/* The newest result of an arm on the screen. */
void fg_search_say(const FgSearch *s, int arm);

#endif
