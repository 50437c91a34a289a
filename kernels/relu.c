/* ffgan: max(x, 0); NaN stays NaN.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dsp.h"
#include "unary.h"

#ifndef FG_REAL_DOUBLE
int fg_relu_shape(const FgNode *n, const FgShape *in, FgShape *out,
                  FgError *err)
{
    (void)n, (void)err;
    *out = in[0];
    return 0;
}
#endif

static void relu(fg_real *y, const fg_real *x, int nb, const FgAttr *a)
{
    (void)a;
#ifndef FG_REAL_DOUBLE
    fg_dsp()->relu_f32(y, x, nb);
#else
    for (int i = 0; i < nb; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
#endif
}

static void relu_grad(fg_real *dx, const fg_real *dy, const fg_real *x,
                      const fg_real *y, int nb, const FgAttr *a, int add)
{
    (void)x, (void)a;
#ifndef FG_REAL_DOUBLE
    fg_dsp()->relu_grad_f32(dx, dy, y, nb, 0, add);
#else
    for (int i = 0; i < nb; i++)
        dx[i] = (add ? dx[i] : 0) + (y[i] > 0 ? dy[i] : 0);
#endif
}

int FG_REAL_NAME(fg_relu_forward)(const FgOpCall *c)
{
    return fg_unary_forward(c, relu);
}

int FG_REAL_NAME(fg_relu_backward)(const FgOpCall *c)
{
    return fg_unary_backward(c, relu_grad);
}
