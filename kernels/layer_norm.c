/* ffgan: the channels of each pixel to mean 0, variance 1; then affine.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_layer_norm_shape(const FgNode *n, const FgShape *in, FgShape *out,
                        FgError *err)
{
    *out = in[0];
    if (n->attr.eps > 0 && n->attr.eps <= 1)
        return 0;
    return fg_error(err, -EINVAL, "%s: eps is %g, allowed above 0 up to 1",
                    n->name, n->attr.eps);
}

int fg_layer_norm_param_dims(const FgNode *n, const FgShape *in, int k,
                             int dims[4])
{
    (void)n, (void)k;
    dims[0] = in[0].c;
    return 1;
}

size_t fg_layer_norm_scratch(const FgNode *n, const FgShape *in,
                             const FgShape *out, FgDtype dtype, int threads)
{
    (void)n, (void)out, (void)dtype, (void)threads;
    return fg_row_sum_size(in[0].n, 2 * in[0].c);
}
#endif

static void moments(const fg_real *x, int nb, double eps, double *mean,
                    double *rstd)
{
    double m = 0, v = 0;
    for (int k = 0; k < nb; k++)
        m += x[k];
    m /= nb;
    for (int k = 0; k < nb; k++)
        v += (x[k] - m) * (x[k] - m);
    *mean = m;
    *rstd = 1 / sqrt(v / nb + eps);
}

static void layer_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const fg_real *const w = c->param[0]->data, *const b = c->param[1]->data;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const in = fg_at(c->in[0], i / s.h, i % s.h, x);
        fg_real *const out = fg_at(c->out, i / s.h, i % s.h, x);
        double mean, rstd;
        moments(in, s.c, (double)c->node->attr.eps, &mean, &rstd);
        for (int k = 0; k < s.c; k++)
            out[k] = (fg_real)((in[k] - mean) * rstd * w[k] + b[k]);
    }
}

int FG_REAL_NAME(fg_layer_norm_forward)(const FgOpCall *c)
{
    fg_rows(c, layer_job, c->in[0]->shape);
    return 0;
}

static void layer_din_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const fg_real *const w = c->param[0]->data;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const in = fg_at(c->in[0], i / s.h, i % s.h, x);
        const fg_real *const dy = fg_at(c->dout, i / s.h, i % s.h, x);
        fg_real *const dx = fg_at(c->din[0], i / s.h, i % s.h, x);
        double mean, rstd, s1 = 0, s2 = 0;
        moments(in, s.c, (double)c->node->attr.eps, &mean, &rstd);
        for (int k = 0; k < s.c; k++) {
            s1 += (double)dy[k] * w[k];
            s2 += (double)dy[k] * w[k] * (in[k] - mean) * rstd;
        }
        for (int k = 0; k < s.c; k++) {
            const double xhat = (in[k] - mean) * rstd;
            const double g = (double)dy[k] * w[k] - (s1 + xhat * s2) / s.c;
            dx[k] = (fg_real)((c->din_add[0] ? dx[k] : 0) + g * rstd);
        }
    }
}

static void layer_dparam_row(const void *arg, int n, int y, double *acc)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const in = fg_at(c->in[0], n, y, x);
        const fg_real *const dy = fg_at(c->dout, n, y, x);
        double mean, rstd;
        moments(in, s.c, (double)c->node->attr.eps, &mean, &rstd);
        for (int k = 0; k < s.c; k++) {
            acc[k] += dy[k] * (in[k] - mean) * rstd;
            acc[s.c + k] += dy[k];
        }
    }
}

int FG_REAL_NAME(fg_layer_norm_backward)(const FgOpCall *c)
{
    const FgShape s = c->in[0]->shape;
    FgRowSum sum = {layer_dparam_row, c, s.n, s.h, 2 * s.c, c->scratch};
    fg_row_sum(c->ex, &sum, 1);
    if (c->dparam[0])
        fg_add_sums(c->dparam[0], sum.sum, s.c);
    if (c->dparam[1])
        fg_add_sums(c->dparam[1], sum.sum + s.c, s.c);
    if (c->din[0])
        fg_rows(c, layer_din_job, s);
    return 0;
}
