/* How good in-between frames are.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_SCORE_INTERP_H
#define FFGAN_TRAINER_SCORE_INTERP_H

#include "kernels/plan.h"
#include "trainer/data.h"
#include "trainer/score.h"

/* Means over triplets: the network's, those of the motion found by arithmetic
 * without a network, and those of the plain mean of the two frames. Luma, no
 * border left out. */
typedef struct FgInterpScore {
    FgScore net, plain, blend;
    int nb;
} FgInterpScore;

/* Triplets of data: of frames of clips ("name#00012") each third frame's
 * neighbours inside a shot, at most limit spread evenly (0 = all); of other
 * pictures one made-up motion each (motion.h), always the same. -ENODATA when
 * there is none. */
int fg_interp_score(const FgModel *m, const FgData *data, int limit,
                    double motion, FgExecutor *ex, FgInterpScore *out,
                    FgError *err);
#endif
