/* ffgan: the arithmetic of adversarial losses, per output of a critic.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Read by gcc and by nvcc; what the losses are, trainer/loss_adv.h says. */
#ifndef FFGAN_KERNELS_ADV_MATHS_H
#define FFGAN_KERNELS_ADV_MATHS_H

#include "kernels/bits.h"

#ifndef __CUDACC__
#include <math.h>
#endif

/* Rows of trainer/loss_adv.c's table. */
enum {
    FG_ADV_BCE,
    FG_ADV_LOGITS,
    FG_ADV_LSGAN,
    FG_ADV_HINGE,
    FG_ADV_WGAN,
    FG_ADV_PAIRS
};

FG_MATHS double fg_softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

FG_MATHS double fg_logistic(double x)
{
    return 1 / (1 + exp(-x));
}

FG_MATHS double fg_adv_bce(double p, int real, double *slope)
{
    const double q = real ? p : 1 - p, l = log(q);
    const double d = p * (1 - p);
    *slope = (p - real) / (d > 1e-12 ? d : 1e-12);
    return l > -100 ? -l : 100;
}

FG_MATHS double fg_adv_hinge(double x, int real, double *slope)
{
    const double v = real ? 1 - x : 1 + x;
    *slope = v > 0 ? (real ? -1 : 1) : 0;
    return v > 0 ? v : 0;
}

/* The loss of one output that should say real (1) or made (0), and its slope;
 * kind is not FG_ADV_PAIRS. */
FG_MATHS double fg_adv_one(int kind, double x, int real, double *slope)
{
    switch (kind) {
    case FG_ADV_BCE:
        return fg_adv_bce(x, real, slope);
    case FG_ADV_LOGITS:
        *slope = fg_logistic(x) - real;
        return fg_softplus(real ? -x : x);
    case FG_ADV_LSGAN:
        *slope = 2 * (x - real);
        return (x - real) * (x - real);
    case FG_ADV_HINGE:
        return fg_adv_hinge(x, real, slope);
    default:
        *slope = real ? -1 : 1;
        return real ? -x : x;
    }
}

/* hi should be the larger one; the slope by lo, that by hi is its negative. */
FG_MATHS double fg_adv_pair(double hi, double lo, double *slope)
{
    const double d = lo - hi;
    *slope = fg_logistic(d);
    return fg_softplus(d);
}

#endif
