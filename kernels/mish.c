/* ffgan: x * tanh(log(1 + exp(x))) (Misra, arXiv 1908.08681).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unary.h"
#include "dsp.h"

#ifndef FG_REAL_DOUBLE
int fg_mish_shape(const FgNode *n, const FgShape *in, FgShape *out,
                  FgError *err)
{
    (void)n, (void)err;
    *out = in[0];
    return 0;
}

static void mish_row(fg_real *y, const fg_real *x, int nb, const FgAttr *a)
{
    (void)a;
    fg_dsp()->smooth(y, x, (size_t)nb, FG_MISH);
}

static void mish_grad(fg_real *dx, const fg_real *dy, const fg_real *x,
                      const fg_real *y, int nb, const FgAttr *a, int add)
{
    (void)y, (void)a;
    fg_dsp()->smooth_grad(dx, dy, x, (size_t)nb, FG_MISH, add);
}
#else
/* With e = exp(x): tanh(log(1 + e)) = (e^2 + 2e) / (e^2 + 2e + 2), which is 1
 * to a double's last digit from 20 on. */
static double share(double x)
{
    if (x > 20)
        return 1;
    const double e = exp(x), q = e * (e + 2);
    return q / (q + 2);
}

static void mish_row(fg_real *y, const fg_real *x, int nb, const FgAttr *a)
{
    (void)a;
    for (int i = 0; i < nb; i++)
        y[i] = (fg_real)(x[i] * share(x[i]));
}

static void mish_grad(fg_real *dx, const fg_real *dy, const fg_real *x,
                      const fg_real *y, int nb, const FgAttr *a, int add)
{
    (void)y, (void)a;
    for (int i = 0; i < nb; i++) {
        const double v = x[i], t = share(v), s = 1 / (1 + exp(-v));
        dx[i] = (fg_real)((add ? dx[i] : 0) +
                          dy[i] * (t + v * (1 - t * t) * s));
    }
}
#endif

int FG_REAL_NAME(fg_mish_forward)(const FgOpCall *c)
{
    return fg_unary_forward(c, mish_row);
}

int FG_REAL_NAME(fg_mish_backward)(const FgOpCall *c)
{
    return fg_unary_backward(c, mish_grad);
}
