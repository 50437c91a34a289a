/* ffgan: ops of one element: the walk over rows. Included by op files only.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_UNARY_H
#define FFGAN_KERNELS_UNARY_H

#include "opkit.h"

/* y[i] = f(x[i]); x may be y. */
typedef void (*FgUnaryFn)(fg_real *y, const fg_real *x, int nb,
                          const FgAttr *a);
/* dx[i] (+)= dy[i] * f'(x[i]), given x and y = f(x). dx may be dy. */
typedef void (*FgUnaryGradFn)(fg_real *dx, const fg_real *dy, const fg_real *x,
                              const fg_real *y, int nb, const FgAttr *a,
                              int add);

typedef struct FgUnary {
    const FgOpCall *c;
    FgUnaryFn fn;
    FgUnaryGradFn grad;
} FgUnary;

static inline void fg_unary_job(void *arg, int i, int worker)
{
    const FgUnary *const u = arg;
    const FgTensor *const in = u->c->in[0], *const out = u->c->out;
    const FgShape s = in->shape;
    const int one = fg_dense_row(in) && fg_dense_row(out);
    const int nb = one ? s.w * s.c : s.c, n = i / s.h, y = i % s.h;
    (void)worker;
    for (int x = 0; x < (one ? 1 : s.w); x++)
        u->fn(fg_at(out, n, y, x), fg_at(in, n, y, x), nb, &u->c->node->attr);
}

static inline void fg_unary_grad_job(void *arg, int i, int worker)
{
    const FgUnary *const u = arg;
    const FgOpCall *const c = u->c;
    const FgTensor *const in = c->in[0], *const out = c->out;
    const FgShape s = in->shape;
    const int one = fg_dense_row(in) && fg_dense_row(out) &&
                    fg_dense_row(c->dout) && fg_dense_row(c->din[0]);
    const int nb = one ? s.w * s.c : s.c, n = i / s.h, y = i % s.h;
    (void)worker;
    for (int x = 0; x < (one ? 1 : s.w); x++)
        u->grad(fg_at(c->din[0], n, y, x), fg_at(c->dout, n, y, x),
                fg_at(in, n, y, x), fg_at(out, n, y, x), nb, &c->node->attr,
                c->din_add[0]);
}

static inline int fg_unary_forward(const FgOpCall *c, FgUnaryFn fn)
{
    FgUnary u = {c, fn, NULL};
    const FgShape s = c->in[0]->shape;
    fg_run(c->ex, fg_unary_job, &u, s.n * s.h);
    return 0;
}

static inline int fg_unary_backward(const FgOpCall *c, FgUnaryGradFn grad)
{
    FgUnary u = {c, NULL, grad};
    const FgShape s = c->in[0]->shape;
    if (c->din[0])
        fg_run(c->ex, fg_unary_grad_job, &u, s.n * s.h);
    return 0;
}

#endif
