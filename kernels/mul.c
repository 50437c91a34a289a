/* ffgan: product of two tensors, the second may be broadcast.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "binary.h"
#include "dsp.h"

#ifndef FG_REAL_DOUBLE
int fg_mul_shape(const FgNode *n, const FgShape *in, FgShape *out, FgError *err)
{
    return fg_binary_shape(n, in, out, err);
}

size_t fg_mul_scratch(const FgNode *n, const FgShape *in, const FgShape *out,
                      FgDtype dtype, int threads)
{
    (void)n, (void)out, (void)dtype, (void)threads;
    return fg_binary_scratch(in);
}

/* Gates: whole rows by the table. */
static void mul_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const int n = i / s.h, y = i % s.h;
    (void)worker;
    fg_dsp()->mul_f32(fg_at(c->out, n, y, 0), fg_at(c->in[0], n, y, 0),
                      fg_at(c->in[1], n, y, 0), (size_t)s.w * (size_t)s.c);
}

int fg_mul_forward_f32(const FgOpCall *c)
{
    if (!fg_same_shape(c->in[0]->shape, c->in[1]->shape) ||
        !fg_dense_row(c->in[0]) || !fg_dense_row(c->in[1]) ||
        !fg_dense_row(c->out))
        return fg_binary_forward(c, 1);
    fg_rows(c, mul_job, c->in[0]->shape);
    return 0;
}
#else
int fg_mul_forward_f64(const FgOpCall *c)
{
    return fg_binary_forward(c, 1);
}
#endif

int FG_REAL_NAME(fg_mul_backward)(const FgOpCall *c)
{
    return fg_binary_backward(c, 1);
}
