/* ffgan: latents: random numbers with a place.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "latent.h"

#include <math.h>

#include "op.h"

/* glibc chooses among several logarithms and sines by CPU, so these are our
 * own: plain sums and products, never fused (-ffp-contract=off). */

#define PI 3.14159265358979323846
#define LN2 0.69314718055994530942

/* x in [2^-33, 1]; x = m * 2^e, m in [sqrt(1/2), sqrt(2)), then
 * log m = 2 atanh((m - 1) / (m + 1)). */
static double log_of(double x)
{
    int e;
    double m = frexp(x, &e), sum = 0;
    if (m < 0.70710678118654752440) {
        m *= 2;
        e--;
    }
    const double s = (m - 1) / (m + 1), q = s * s;
    for (int k = 15; k >= 1; k -= 2)
        sum = sum * q + 1.0 / k;
    return 2 * s * sum + e * LN2;
}

void fg_sincos(double x, double *s, double *c)
{
    const double turns = x / (PI / 2), k = floor(turns + 0.5);
    if (!(fabs(k) < 0x1p53)) {
        *s = x - x; /* NaN for what is not finite */
        *c = 1 + *s;
        return;
    }
    const double a = (turns - k) * (PI / 2), q = a * a;
    const double sn =
        a *
        (1 -
         q / 6 * (1 - q / 20 * (1 - q / 42 * (1 - q / 72 * (1 - q / 110)))));
    const double cs =
        1 - q / 2 *
                (1 - q / 12 *
                         (1 - q / 30 *
                                  (1 - q / 56 * (1 - q / 90 * (1 - q / 132)))));
    const int quadrant = (int)((long long)k & 3);
    *s = quadrant & 1 ? cs : sn;
    *c = quadrant & 1 ? sn : cs;
    if (quadrant & 2)
        *s = -*s;
    if (quadrant == 1 || quadrant == 2)
        *c = -*c;
}

/* Four places of one row: x / 4 counts, x % 4 picks. */
static void draw(uint32_t out[4], const FgTerm *t, int layer, int channel,
                 int x4, int y)
{
    const uint32_t counter[4] = {(uint32_t)x4, (uint32_t)y,
                                 (uint32_t)layer << 16 | (uint32_t)channel,
                                 t->key};
    const uint32_t key[2] = {(uint32_t)t->seed, (uint32_t)(t->seed >> 32)};
    fg_philox(counter, key, out);
}

static void pair(uint32_t a, uint32_t b, double *u, double *v)
{
    double s, c;
    const double r = sqrt(-2 * log_of((a + 0.5) * 0x1p-32));
    fg_sincos((b + 0.5) * (2 * PI * 0x1p-32), &s, &c);
    *u = r * c;
    *v = r * s;
}

void fg_latent_row(float *dst, int gap, const FgTerm *t, int layer, int channel,
                   int x, int y, int n, float truncation)
{
    const double k = (double)t->weight * truncation;
    uint32_t word[4];
    double v[4];
    for (int i = 0; i < n;) {
        draw(word, t, layer, channel, (x + i) >> 2, y);
        pair(word[0], word[1], &v[0], &v[1]);
        pair(word[2], word[3], &v[2], &v[3]);
        do {
            float *const d = dst + (ptrdiff_t)i * gap;
            *d = *d + (float)(k * v[(x + i) & 3]);
            i++;
        } while (i < n && ((x + i) & 3));
    }
}

double fg_latent_angle(const FgTerm *t, int layer, int channel)
{
    uint32_t word[4];
    draw(word, t, layer, channel, 0, -1);
    return word[0] * (2 * PI * 0x1p-32);
}
