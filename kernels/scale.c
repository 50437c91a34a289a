/* ffgan: alpha * x.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unary.h"
#include "dsp.h"

#ifndef FG_REAL_DOUBLE
int fg_scale_shape(const FgNode *n, const FgShape *in, FgShape *out,
                   FgError *err)
{
    (void)n, (void)err;
    *out = in[0];
    return 0;
}
#endif

static void scale_row(fg_real *y, const fg_real *x, int nb, const FgAttr *a)
{
#ifndef FG_REAL_DOUBLE
    fg_dsp()->scale_f32(y, x, a->alpha, (size_t)nb);
#else
    for (int i = 0; i < nb; i++)
        y[i] = x[i] * a->alpha;
#endif
}

static void scale_grad(fg_real *dx, const fg_real *dy, const fg_real *x,
                       const fg_real *y, int nb, const FgAttr *a, int add)
{
    (void)x, (void)y;
    for (int i = 0; i < nb; i++)
        dx[i] = (add ? dx[i] : 0) + dy[i] * a->alpha;
}

int FG_REAL_NAME(fg_scale_forward)(const FgOpCall *c)
{
    return fg_unary_forward(c, scale_row);
}

int FG_REAL_NAME(fg_scale_backward)(const FgOpCall *c)
{
    return fg_unary_backward(c, scale_grad);
}
