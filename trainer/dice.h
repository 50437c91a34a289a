/* Random numbers that depend on a seed, a place and nothing else.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_DICE_H
#define FFGAN_TRAINER_DICE_H

#include <math.h>

#include "kernels/op.h"

/* A stream of numbers: (seed, stream, index) says where it starts. */
typedef struct FgDice {
    uint64_t seed;
    uint32_t stream, index, at;
} FgDice;

/* Uniform in [0, 1). */
static inline double fg_dice(FgDice *d)
{
    const uint32_t counter[4] = {d->at++, d->index, d->stream, 0x73656172u};
    const uint32_t key[2] = {(uint32_t)d->seed, (uint32_t)(d->seed >> 32)};
    uint32_t r[4];

    fg_philox(counter, key, r);
    return ((double)(r[0] >> 5) * 67108864.0 + (double)(r[1] >> 6)) /
           9007199254740992.0;
}

/* Whole number in [0, n). */
static inline int fg_dice_int(FgDice *d, int n)
{
    const int v = (int)(fg_dice(d) * n);

    return v < n ? v : n - 1;
}

/* Standard normal (Box and Muller). */
static inline double fg_dice_normal(FgDice *d)
{
    const double u = 1 - fg_dice(d), v = fg_dice(d);

    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

#endif
