/* Ways to choose what to try next: the arms of a search.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An arm has no memory of its own: its k-th proposal is a function of the
 * space, the seed and its first k results. That makes a search resumable from
 * its log, and repeatable from its log by anyone. */
#ifndef FFGAN_TRAINER_ARMS_H
#define FFGAN_TRAINER_ARMS_H

#include <stdint.h>

#include "trainer/space.h"

typedef struct FgResult {
    FgPoint x;
    double fitness; /* larger is better; -INFINITY: it failed or was stopped */
} FgResult;

typedef struct FgArmInput {
    const FgSpace *space;
    uint64_t seed;
    int population, tournament; /* evolution */
    int nb;                     /* results so far */
    const FgResult *done;       /* [nb], oldest first */
} FgArmInput;

typedef struct FgArm {
    const char *name, *help;
    void (*propose)(const FgArmInput *in, FgPoint *out);
} FgArm;

/* random: every gene even over its range.
 * evolution: regularised evolution (Real et al., arXiv:1802.01548): the first
 *   'population' at random; then the best of 'tournament' drawn with
 *   replacement from the newest 'population' is the parent of one mutation, and
 *   the oldest dies.
 * reinforce: REINFORCE (Williams 1992) on one categorical distribution a gene,
 *   four samples an update, moving-average baseline, entropy bonus; the
 *   advantage is in units of its own moving mean size.
 * lstm: the same on an LSTM (controller.h) whose choices know those before.
 * tpe: tree-structured Parzen estimators (Bergstra et al. 2011) with hyperopt's
 *   constants. */
const FgArm *fg_arm_find(const char *name); /* or NULL */
const FgArm *fg_arm_at(int i);              /* NULL past the last */

void fg_arm_random(const FgArmInput *in, FgPoint *out);
void fg_arm_evolution(const FgArmInput *in, FgPoint *out);
void fg_arm_reinforce(const FgArmInput *in, FgPoint *out);
void fg_arm_lstm(const FgArmInput *in, FgPoint *out);
void fg_arm_tpe(const FgArmInput *in, FgPoint *out);

/* ---- for controllers ---- */

typedef struct FgAdvantage {
    double baseline, size; /* moving means of fitness and of its distance */
    int seen;
} FgAdvantage;

/* (fitness - baseline) / size, within -3..3, and moves both; zeroed at first. A
 * fitness that is not finite counts as worst. */
double fg_advantage(FgAdvantage *a, double fitness, double worst);
/* Least finite fitness of the first nb results, INFINITY if there is none. */
double fg_worst(const FgArmInput *in, int nb);

#endif
