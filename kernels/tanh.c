/* ffgan: the hyperbolic tangent.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unary.h"
#include "dsp.h"

#ifndef FG_REAL_DOUBLE
int fg_tanh_shape(const FgNode *n, const FgShape *in, FgShape *out,
                  FgError *err)
{
    (void)n, (void)err;
    *out = in[0];
    return 0;
}

static void tanh_row(fg_real *y, const fg_real *x, int nb, const FgAttr *a)
{
    (void)a;
    fg_dsp()->smooth(y, x, (size_t)nb, FG_TANH);
}

static void tanh_grad(fg_real *dx, const fg_real *dy, const fg_real *x,
                      const fg_real *y, int nb, const FgAttr *a, int add)
{
    (void)y, (void)a;
    fg_dsp()->smooth_grad(dx, dy, x, (size_t)nb, FG_TANH, add);
}
#else
static void tanh_row(fg_real *y, const fg_real *x, int nb, const FgAttr *a)
{
    (void)a;
    for (int i = 0; i < nb; i++)
        y[i] = (fg_real)tanh(x[i]);
}

static void tanh_grad(fg_real *dx, const fg_real *dy, const fg_real *x,
                      const fg_real *y, int nb, const FgAttr *a, int add)
{
    (void)x, (void)a;
    for (int i = 0; i < nb; i++)
        dx[i] = (add ? dx[i] : 0) + dy[i] * (1 - y[i] * y[i]);
}
#endif

int FG_REAL_NAME(fg_tanh_forward)(const FgOpCall *c)
{
    return fg_unary_forward(c, tanh_row);
}

int FG_REAL_NAME(fg_tanh_backward)(const FgOpCall *c)
{
    return fg_unary_backward(c, tanh_grad);
}
