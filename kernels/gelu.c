/* ffgan: x * (1 + erf(x / sqrt 2)) / 2 (Hendrycks, Gimpel, arXiv 1606.08415).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unary.h"
#include "dsp.h"

#ifndef FG_REAL_DOUBLE
int fg_gelu_shape(const FgNode *n, const FgShape *in, FgShape *out,
                  FgError *err)
{
    (void)n, (void)err;
    *out = in[0];
    return 0;
}

static void gelu_row(fg_real *y, const fg_real *x, int nb, const FgAttr *a)
{
    (void)a;
    fg_dsp()->smooth(y, x, (size_t)nb, FG_GELU);
}

static void gelu_grad(fg_real *dx, const fg_real *dy, const fg_real *x,
                      const fg_real *y, int nb, const FgAttr *a, int add)
{
    (void)y, (void)a;
    fg_dsp()->smooth_grad(dx, dy, x, (size_t)nb, FG_GELU, add);
}
#else
static double below(double x)
{
    return 0.5 * erfc(-x * 0.7071067811865476);
}

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
        const double density = 0.3989422804014327 * exp(-0.5 * v * v);
        dx[i] = (fg_real)((add ? dx[i] : 0) + dy[i] * (below(v) + v * density));
    }
}
#endif

int FG_REAL_NAME(fg_gelu_forward)(const FgOpCall *c)
{
    return fg_unary_forward(c, gelu_row);
}

int FG_REAL_NAME(fg_gelu_backward)(const FgOpCall *c)
{
    return fg_unary_backward(c, gelu_grad);
}
