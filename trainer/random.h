/* A stream of random numbers for one sample: a function of seed, step and
 * place alone. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_RANDOM_H
#define FFGAN_TRAINER_RANDOM_H

#include <math.h>

#include "kernels/op.h"

typedef struct FgRandom {
    uint32_t key[2], counter[4], left[4];
    int nb;
} FgRandom;

/* use tells apart the streams of one step and place. */
static inline FgRandom fg_random(uint64_t seed, int64_t step, uint32_t place,
                                 uint32_t use)
{
    return (FgRandom){
        {(uint32_t)seed, (uint32_t)(seed >> 32) ^ use * 0x85ebca6b},
        {(uint32_t)step, (uint32_t)(step >> 32), place, 0},
        {0},
        0};
}

static inline uint32_t fg_random_u32(FgRandom *r)
{
    if (!r->nb) {
        fg_philox(r->counter, r->key, r->left);
        r->counter[3]++;
        r->nb = 4;
    }
    return r->left[--r->nb];
}

/* 0 <= x < 1, and never 0 for the logarithm: (0, 1). */
static inline double fg_random_unit(FgRandom *r)
{
    return (fg_random_u32(r) + 0.5) * 0x1p-32;
}

static inline double fg_random_in(FgRandom *r, double lo, double hi)
{
    return lo + (hi - lo) * fg_random_unit(r);
}

/* 0 .. n - 1 */
static inline int fg_random_below(FgRandom *r, int n)
{
    return (int)((uint64_t)fg_random_u32(r) * (uint64_t)n >> 32);
}

/* Standard normal, by Box and Muller. */
static inline double fg_random_normal(FgRandom *r)
{
    const double a = fg_random_unit(r), b = fg_random_unit(r);

    return sqrt(-2 * log(a)) * cos(6.283185307179586 * b);
}

/* Fills n floats with gain times standard normals. */
static inline void fg_random_normals(FgRandom *r, float *x, size_t n,
                                     float gain)
{
    for (size_t i = 0; i < n; i++)
        x[i] = gain * (float)fg_random_normal(r);
}

#endif
