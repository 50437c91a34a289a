/* ffgan: 1 / (1 + exp(-x)).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unary.h"
#include "dsp.h"

#ifndef FG_REAL_DOUBLE
int fg_sigmoid_shape(const FgNode *n, const FgShape *in, FgShape *out,
                     FgError *err)
{
    (void)n, (void)err;
    *out = in[0];
    return 0;
}

static void sigmoid_row(fg_real *y, const fg_real *x, int nb, const FgAttr *a)
{
    (void)a;
    fg_dsp()->smooth(y, x, (size_t)nb, FG_SIGMOID);
}

static void sigmoid_grad(fg_real *dx, const fg_real *dy, const fg_real *x,
                         const fg_real *y, int nb, const FgAttr *a, int add)
{
    (void)y, (void)a;
    fg_dsp()->smooth_grad(dx, dy, x, (size_t)nb, FG_SIGMOID, add);
}
#else
static void sigmoid_row(fg_real *y, const fg_real *x, int nb, const FgAttr *a)
{
    (void)a;
    for (int i = 0; i < nb; i++)
        y[i] = (fg_real)(1 / (1 + exp(-x[i])));
}

static void sigmoid_grad(fg_real *dx, const fg_real *dy, const fg_real *x,
                         const fg_real *y, int nb, const FgAttr *a, int add)
{
    (void)x, (void)a;
    for (int i = 0; i < nb; i++)
        dx[i] = (add ? dx[i] : 0) + dy[i] * y[i] * (1 - y[i]);
}
#endif

int FG_REAL_NAME(fg_sigmoid_forward)(const FgOpCall *c)
{
    return fg_unary_forward(c, sigmoid_row);
}

int FG_REAL_NAME(fg_sigmoid_backward)(const FgOpCall *c)
{
    return fg_unary_backward(c, sigmoid_grad);
}
