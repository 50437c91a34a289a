/* ffgan: exp for float ops with the same bits on every CPU (libm's expf
 * picks a variant by CPU). SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_EXP_H
#define FFGAN_KERNELS_EXP_H

#include <string.h>

#include "real.h"

#ifdef FG_REAL_DOUBLE
static inline double fg_exp(double x)
{
    return exp(x);
}

static inline double fg_tanh(double x)
{
    return tanh(x);
}
#else
/* e^x to 2e-10, far below a float's 6e-8, for |x| <= 700; beyond, the value
 * at +-700. The polynomial is Taylor's on |r| <= ln 2 / 2, summed by halves to
 * keep the chain of dependent products short. */
static inline double fg_exp(double x)
{
    if (x != x)
        return x;
    x = x > 700 ? 700 : x < -700 ? -700 : x;
    const double t = x * 1.4426950408889634;
    const int k = (int)(t < 0 ? t - 0.5 : t + 0.5);
    const double r = x - k * 0.6931471805599453, r2 = r * r, r4 = r2 * r2;
    const double low = (1 + r) + r2 * (1.0 / 2 + r * (1.0 / 6));
    const double mid = (1.0 / 24 + r * (1.0 / 120)) +
                       r2 * (1.0 / 720 + r * (1.0 / 5040));
    const double p = low + r4 * (mid + r4 * (1.0 / 40320));
    const int64_t bits = (int64_t)(k + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof(scale));
    return p * scale;
}

static inline double fg_tanh(double x)
{
    const double s = x * x;
    if (s < 0.0025) /* e - 1 would lose digits; the next term is below 1e-12 */
        return x + x * s * (-1.0 / 3 + s * (2.0 / 15 - s * (17.0 / 315)));
    if (x > 20 || x < -20)
        return x > 0 ? 1 : -1;
    const double e = fg_exp(2 * x);
    return (e - 1) / (e + 1);
}
#endif

#endif
