/* ffgan: ways through latent space, frame by frame.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_WALK_H
#define FFGAN_KERNELS_WALK_H

#include "latent.h"

/* One step leads from one independent latent to the next.
 * HOLD: the latent stays. LINEAR: straight between them; half way, numbers are
 * smaller by sqrt(1/2). SLERP: on the arc, a*cos + b*sin, so that numbers stay
 * standard normal; a corner at each latent. CIRCLE: round and round, smooth for
 * ever: c*sqrt(1-r^2) + r*(a*cos + b*sin). */
typedef enum FgWalkMode {
    FG_WALK_HOLD,
    FG_WALK_LINEAR,
    FG_WALK_SLERP,
    FG_WALK_CIRCLE
} FgWalkMode;

typedef struct FgWalkKey {
    int64_t frame; /* rising */
    uint64_t seed; /* of the latent at that frame */
} FgWalkKey;

typedef struct FgWalk {
    FgWalkMode mode;
    uint64_t seed;
    double step;      /* steps per frame, 0..64; a step is a quarter turn */
    int64_t loop;     /* frame n + loop is frame n; 0 = none */
    float truncation; /* 0..1 */
    const FgWalkKey *keys; /* instead of seed and step, not with CIRCLE */
    int nb_keys;
} FgWalk;

/* Where frame n is; a function of n alone.
 * With a loop, LINEAR and SLERP take the whole number of steps nearest to
 * step * loop, two at least. A CIRCLE goes round once in the loop, else in
 * 4 / step frames; r = 1, less where a loop is too long for the speed. */
void fg_walk_at(const FgWalk *w, int64_t n, FgMoment *m);

#endif
