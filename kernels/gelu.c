/* ffgan: x * (1 + erf(x / sqrt 2)) / 2 (Hendrycks, Gimpel, arXiv 1606.08415).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unary.h"
#include "exp.h"

#ifndef FG_REAL_DOUBLE
int fg_gelu_shape(const FgNode *n, const FgShape *in, FgShape *out,
                  FgError *err)
{
    (void)n, (void)err;
    *out = in[0];
    return 0;
}

/* erfc(z) / 2 to 6e-8 of itself, for z >= 0: a Chebyshev fit (Press et al.,
 * Numerical Recipes in C, 2nd ed., 6.2), summed as printed there. */
static double half_erfc(double z)
{
    const double t = 1 / (1 + 0.5 * z);
    const double p =
        t *
        (1.00002368 +
         t * (0.37409196 +
              t * (0.09678418 +
                   t * (-0.18628806 +
                        t * (0.27886807 +
                             t * (-1.13520398 +
                                  t * (1.48851587 + t * (-0.82215223 +
                                                         t * 0.17087277))))))));
    return 0.5 * t * fg_exp(-z * z - 1.26551223 + p);
}

/* The share of a normal distribution below x. */
static double below(double x)
{
    const double h = half_erfc((x < 0 ? -x : x) * 0.7071067811865476);
    return x < 0 ? h : 1 - h;
}
#else
static double below(double x)
{
    return 0.5 * erfc(-x * 0.7071067811865476);
}
#endif

static void gelu_row(fg_real *y, const fg_real *x, int nb, const FgAttr *a)
{
    (void)a;
    for (int i = 0; i < nb; i++)
        y[i] = (fg_real)(x[i] * below(x[i]));
}

static void gelu_grad(fg_real *dx, const fg_real *dy, const fg_real *x,
                      const fg_real *y, int nb, const FgAttr *a, int add)
{
    (void)y, (void)a;
    for (int i = 0; i < nb; i++) {
        const double v = x[i];
        const double density = 0.3989422804014327 * fg_exp(-0.5 * v * v);
        dx[i] = (fg_real)((add ? dx[i] : 0) + dy[i] * (below(v) + v * density));
    }
}

int FG_REAL_NAME(fg_gelu_forward)(const FgOpCall *c)
{
    return fg_unary_forward(c, gelu_row);
}

int FG_REAL_NAME(fg_gelu_backward)(const FgOpCall *c)
{
    return fg_unary_backward(c, gelu_grad);
}
