/* ffgan: x where positive, else alpha * x.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dsp.h"
#include "unary.h"

#ifndef FG_REAL_DOUBLE
/* Backward looks at the sign of the output, so alpha must keep it. */
int fg_leaky_relu_shape(const FgNode *n, const FgShape *in, FgShape *out,
                        FgError *err)
{
    *out = in[0];
    if (n->attr.alpha >= 0 && n->attr.alpha <= 1)
        return 0;
    return fg_error(err, -EINVAL, "%s: alpha is %g, allowed 0..1", n->name,
                    n->attr.alpha);
}
#endif

static void leaky_relu(fg_real *y, const fg_real *x, int nb, const FgAttr *a)
{
#ifndef FG_REAL_DOUBLE
    fg_dsp()->leaky_relu_f32(y, x, nb, a->alpha);
#else
    for (int i = 0; i < nb; i++)
        y[i] = x[i] > 0 ? x[i] : x[i] * a->alpha;
#endif
}

static void leaky_relu_grad(fg_real *dx, const fg_real *dy, const fg_real *x,
                            const fg_real *y, int nb, const FgAttr *a, int add)
{
    (void)x;
#ifndef FG_REAL_DOUBLE
    fg_dsp()->relu_grad_f32(dx, dy, y, nb, a->alpha, add);
#else
    for (int i = 0; i < nb; i++)
        dx[i] = (add ? dx[i] : 0) + dy[i] * (y[i] > 0 ? 1 : a->alpha);
#endif
}

int FG_REAL_NAME(fg_leaky_relu_forward)(const FgOpCall *c)
{
    return fg_unary_forward(c, leaky_relu);
}

int FG_REAL_NAME(fg_leaky_relu_backward)(const FgOpCall *c)
{
    return fg_unary_backward(c, leaky_relu_grad);
}
