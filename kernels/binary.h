/* ffgan: add and mul with broadcasting. Included by add.c and mul.c only.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The second input has the first one's shape, or 1 x 1 pixels, or 1 channel,
 * or both; the batch is equal. */
#ifndef FFGAN_KERNELS_BINARY_H
#define FFGAN_KERNELS_BINARY_H

#include "opkit.h"

typedef struct FgBinary {
    const FgOpCall *c;
    int mul; /* 0: add */
} FgBinary;

static inline int fg_binary_shape(const FgNode *n, const FgShape *in,
                                  FgShape *out, FgError *err)
{
    const FgShape a = in[0], b = in[1];
    const int pixels = (a.h == b.h && a.w == b.w) || (b.h == 1 && b.w == 1);
    *out = a;
    if (a.n == b.n && pixels && (b.c == a.c || b.c == 1))
        return 0;
    return fg_error(err, -EINVAL,
                    "%s: second input is %dx%dx%dx%d, allowed the first's "
                    "%dx%dx%dx%d, or 1x1 pixels, or 1 channel",
                    n->name, b.n, b.c, b.h, b.w, a.n, a.c, a.h, a.w);
}

static inline int fg_binary_spatial(const FgOpCall *c)
{
    return c->in[1]->shape.h == c->in[0]->shape.h &&
           c->in[1]->shape.w == c->in[0]->shape.w;
}

/* The pixel of the second input (or its gradient) that (n,y,x) meets. */
static inline fg_real *fg_binary_b(const FgOpCall *c, const FgTensor *t, int n,
                                   int y, int x)
{
    const int s = fg_binary_spatial(c);
    return fg_at(t, n, s ? y : 0, s ? x : 0);
}

static inline void fg_binary_job(void *arg, int i, int worker)
{
    const FgBinary *const u = arg;
    const FgOpCall *const c = u->c;
    const FgShape s = c->in[0]->shape;
    const int n = i / s.h, y = i % s.h, step = c->in[1]->shape.c == s.c;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const a = fg_at(c->in[0], n, y, x);
        const fg_real *const b = fg_binary_b(c, c->in[1], n, y, x);
        fg_real *const out = fg_at(c->out, n, y, x);
        for (int k = 0; k < s.c; k++)
            out[k] = u->mul ? a[k] * b[k * step] : a[k] + b[k * step];
    }
}

static inline void fg_binary_da_job(void *arg, int i, int worker)
{
    const FgBinary *const u = arg;
    const FgOpCall *const c = u->c;
    const FgShape s = c->in[0]->shape;
    const int n = i / s.h, y = i % s.h, step = c->in[1]->shape.c == s.c;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const dy = fg_at(c->dout, n, y, x);
        const fg_real *const b = fg_binary_b(c, c->in[1], n, y, x);
        fg_real *const da = fg_at(c->din[0], n, y, x);
        for (int k = 0; k < s.c; k++)
            da[k] = (c->din_add[0] ? da[k] : 0) +
                    (u->mul ? dy[k] * b[k * step] : dy[k]);
    }
}

/* The second input's gradient where each of its pixels meets one pixel. */
static inline void fg_binary_db_job(void *arg, int i, int worker)
{
    const FgBinary *const u = arg;
    const FgOpCall *const c = u->c;
    const FgShape s = c->in[0]->shape;
    const int n = i / s.h, y = i % s.h, step = c->in[1]->shape.c == s.c;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const dy = fg_at(c->dout, n, y, x);
        const fg_real *const a = fg_at(c->in[0], n, y, x);
        fg_real *const db = fg_at(c->din[1], n, y, x);
        for (int k = 0; !c->din_add[1] && k < c->in[1]->shape.c; k++)
            db[k] = 0;
        for (int k = 0; k < s.c; k++)
            db[k * step] += u->mul ? dy[k] * a[k] : dy[k];
    }
}

static inline void fg_binary_db_row(const void *arg, int n, int y, double *acc)
{
    const FgBinary *const u = arg;
    const FgOpCall *const c = u->c;
    const FgShape s = c->in[0]->shape;
    const int step = c->in[1]->shape.c == s.c;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const dy = fg_at(c->dout, n, y, x);
        const fg_real *const a = fg_at(c->in[0], n, y, x);
        for (int k = 0; k < s.c; k++)
            acc[k * step] += u->mul ? (double)dy[k] * a[k] : dy[k];
    }
}

static inline size_t fg_binary_scratch(const FgShape *in)
{
    return fg_row_sum_size(in[1].n, in[1].c);
}

static inline int fg_binary_forward(const FgOpCall *c, int mul)
{
    FgBinary u = {c, mul};
    const FgShape s = c->in[0]->shape;
    fg_run(c->ex, fg_binary_job, &u, s.n * s.h);
    return 0;
}

static inline void fg_binary_db_sum(FgBinary *u)
{
    const FgOpCall *const c = u->c;
    const FgShape s = c->in[0]->shape;
    const int nb = c->in[1]->shape.c;
    FgRowSum sum = {fg_binary_db_row, u, s.n, s.h, nb, c->scratch};
    fg_row_sum(c->ex, &sum, 0);
    for (int n = 0; n < s.n; n++) {
        fg_real *const db = fg_at(c->din[1], n, 0, 0);
        const double *const from = sum.sum + (size_t)n * FG_SUM_CHUNKS * nb;
        for (int k = 0; k < nb; k++)
            db[k] = (fg_real)((c->din_add[1] ? db[k] : 0) + from[k]);
    }
}

static inline int fg_binary_backward(const FgOpCall *c, int mul)
{
    FgBinary u = {c, mul};
    const FgShape s = c->in[0]->shape;
    if (c->din[0])
        fg_run(c->ex, fg_binary_da_job, &u, s.n * s.h);
    if (c->din[1] && fg_binary_spatial(c))
        fg_run(c->ex, fg_binary_db_job, &u, s.n * s.h);
    else if (c->din[1])
        fg_binary_db_sum(&u);
    return 0;
}

#endif
