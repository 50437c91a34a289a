/* Random numbers as a function of where they are used.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "kernels/op.h"
#include "trainer/noise.h"

#define TWO_PI 6.283185307179586

/* Four words for place i of (step, stream). */
static void words(uint64_t seed, int64_t step, uint32_t stream, size_t i,
                  uint32_t out[4])
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    /* Crops use counters with small second words; streams stay clear of
     * them by the top bit. */
    const uint32_t c[4] = {(uint32_t)i, (uint32_t)step,
                           (uint32_t)(step >> 32) ^ (stream << 20),
                           0x80000000u | (uint32_t)(i >> 32)};

    fg_philox(c, key, out);
}

/* Open at 0 for the logarithm. */
static double unit(uint32_t a, uint32_t b)
{
    return ((double)(((uint64_t)a << 32 | b) >> 11) + 0.5) * 0x1p-53;
}

static double normal(const uint32_t r[4])
{
    return sqrt(-2 * log(unit(r[0], r[1]))) * cos(TWO_PI * unit(r[2], r[3]));
}

double fg_noise_at(uint64_t seed, int64_t step, int stream, size_t i)
{
    uint32_t r[4];

    words(seed, step, (uint32_t)stream, i, r);
    return (double)r[0] * 0x1p-32;
}

static size_t count(const FgTensor *t)
{
    return (size_t)t->shape.n * t->shape.c * t->shape.h * t->shape.w;
}

void fg_noise_normal(FgTensor *t, uint64_t seed, int64_t step, int stream)
{
    const size_t n = count(t);
    float *d = t->data;

    for (size_t i = 0; i < n; i++) {
        uint32_t r[4];

        words(seed, step, (uint32_t)stream, i, r);
        d[i] = (float)normal(r);
    }
}

void fg_noise_fill(FgTensor *t, uint64_t seed, int64_t step, int stream)
{
    const size_t n = count(t);
    float *d = t->data;

    for (size_t i = 0; i < n; i++)
        d[i] = (float)fg_noise_at(seed, step, stream, i);
}

static uint32_t hash(const char *name)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return h;
}

static void named(uint64_t seed, const char *name, size_t i, uint32_t r[4])
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t c[4] = {(uint32_t)i, (uint32_t)(i >> 32), hash(name),
                           0x40000000u};

    fg_philox(c, key, r);
}

double fg_noise_uniform(uint64_t seed, const char *name, size_t i)
{
    uint32_t r[4];

    named(seed, name, i, r);
    return unit(r[0], r[1]);
}

double fg_noise_named(uint64_t seed, const char *name, size_t i)
{
    uint32_t r[4];

    named(seed, name, i, r);
    return normal(r);
}
