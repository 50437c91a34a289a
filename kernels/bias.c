/* ffgan: adds one value per channel.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dsp.h"
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_bias_shape(const FgNode *n, const FgShape *in, FgShape *out,
                  FgError *err)
{
    (void)n, (void)err;
    *out = in[0];
    return 0;
}

int fg_bias_param_dims(const FgNode *n, const FgShape *in, int k, int dims[4])
{
    (void)n, (void)k;
    dims[0] = in[0].c;
    return 1;
}

size_t fg_bias_scratch(const FgNode *n, const FgShape *in, const FgShape *out,
                       FgDtype dtype, int threads)
{
    (void)n, (void)out, (void)dtype, (void)threads;
    return fg_row_sum_size(in[0].n, in[0].c);
}
#endif

static void bias_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const fg_real *const b = c->param[0]->data;
    (void)worker;
#ifndef FG_REAL_DOUBLE
    if (fg_dense_row(c->in[0]) && fg_dense_row(c->out)) {
        fg_dsp()->bias_f32(fg_at(c->out, i / s.h, i % s.h, 0),
                           fg_at(c->in[0], i / s.h, i % s.h, 0), b, s.w, s.c);
        return;
    }
#endif
    for (int x = 0; x < s.w; x++) {
        const fg_real *const in = fg_at(c->in[0], i / s.h, i % s.h, x);
        fg_real *const out = fg_at(c->out, i / s.h, i % s.h, x);
        for (int k = 0; k < s.c; k++)
            out[k] = in[k] + b[k];
    }
}

int FG_REAL_NAME(fg_bias_forward)(const FgOpCall *c)
{
    fg_rows(c, bias_job, c->in[0]->shape);
    return 0;
}

static void bias_din_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const dy = fg_at(c->dout, i / s.h, i % s.h, x);
        fg_real *const dx = fg_at(c->din[0], i / s.h, i % s.h, x);
        for (int k = 0; k < s.c; k++)
            dx[k] = (c->din_add[0] ? dx[k] : 0) + dy[k];
    }
}

static void bias_sum_row(const void *arg, int n, int y, double *acc)
{
    const FgTensor *const t = arg;
    for (int x = 0; x < t->shape.w; x++) {
        const fg_real *const p = fg_at(t, n, y, x);
        for (int k = 0; k < t->shape.c; k++)
            acc[k] += p[k];
    }
}

int FG_REAL_NAME(fg_bias_backward)(const FgOpCall *c)
{
    const FgShape s = c->in[0]->shape;
    if (c->din[0])
        fg_rows(c, bias_din_job, s);
    if (c->dparam[0]) {
        FgRowSum sum = {bias_sum_row, c->dout, s.n, s.h, s.c, c->scratch};
        fg_row_sum(c->ex, &sum, 1);
        fg_add_sums(c->dparam[0], sum.sum, s.c);
    }
    return 0;
}
