/* ffgan: groups of neighbouring channels of each image to mean 0, variance 1;
 * then affine by channel (Wu, He, arXiv 1803.08494).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "norm.h"

#ifndef FG_REAL_DOUBLE
int fg_group_norm_shape(const FgNode *n, const FgShape *in, FgShape *out,
                        FgError *err)
{
    const int g = n->attr.groups;
    *out = in[0];
    if (g < 1 || in[0].c % g)
        return fg_error(err, -EINVAL,
                        "%s: groups is %d, allowed a divisor of %d channels",
                        n->name, g, in[0].c);
    return fg_norm_check(n, err);
}

int fg_group_norm_param_dims(const FgNode *n, const FgShape *in, int k,
                             int dims[4])
{
    (void)n, (void)k;
    dims[0] = in[0].c;
    return 1;
}

size_t fg_group_norm_scratch(const FgNode *n, const FgShape *in,
                             const FgShape *out, FgDtype dtype, int threads)
{
    (void)n, (void)out, (void)dtype, (void)threads;
    return fg_norm_scratch(in);
}
#endif

/* The moments of the channels [k, k + nb) become those of all together. */
static void join_moments(FgNorm *m, size_t k, int nb)
{
    double mean = 0, var = 0;
    for (int i = 0; i < nb; i++)
        mean += m->mean[k + i];
    mean /= nb;
    for (int i = 0; i < nb; i++) {
        const double d = m->mean[k + i] - mean;
        var += m->rstd[k + i] + d * d;
    }
    for (int i = 0; i < nb; i++) {
        m->mean[k + i] = mean;
        m->rstd[k + i] = var / nb;
    }
}

static FgNorm group_init(const FgOpCall *c)
{
    const FgShape s = c->in[0]->shape;
    const int nb = s.c / c->node->attr.groups;
    FgNorm m = fg_norm_init(c, s.n, 0);
    fg_norm_moments(&m);
    for (size_t k = 0; k < (size_t)s.n * s.c; k += nb)
        join_moments(&m, k, nb);
    fg_norm_invert(&m);
    return m;
}

int FG_REAL_NAME(fg_group_norm_forward)(const FgOpCall *c)
{
    FgNorm m = group_init(c);
    fg_run(c->ex, fg_norm_apply_job, &m, c->in[0]->shape.n * c->in[0]->shape.h);
    return 0;
}

static void group_din_job(void *arg, int i, int worker)
{
    const FgNorm *const m = arg;
    const FgOpCall *const c = m->c;
    const FgShape s = c->in[0]->shape;
    const int n = i / s.h, y = i % s.h;
    const size_t at = fg_norm_at(m, n);
    const fg_real *const w = c->param[0]->data;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const in = fg_at(c->in[0], n, y, x);
        const fg_real *const dy = fg_at(c->dout, n, y, x);
        fg_real *const dx = fg_at(c->din[0], n, y, x);
        for (int k = 0; k < s.c; k++) {
            const double rstd = m->rstd[at + k];
            const double xhat = (in[k] - m->mean[at + k]) * rstd;
            const double g = (double)dy[k] * w[k] - m->s1[at + k] -
                             xhat * m->s2[at + k];
            dx[k] = (fg_real)((c->din_add[0] ? dx[k] : 0) + g * rstd);
        }
    }
}

/* s1, s2 of the channels, times their weights, averaged over the group. */
static void join_sums(const FgNorm *m, size_t at, int first, int nb)
{
    const fg_real *const w = m->c->param[0]->data;
    double s1 = 0, s2 = 0;
    for (int k = first; k < first + nb; k++) {
        s1 += m->s1[at + k] * w[k];
        s2 += m->s2[at + k] * w[k];
    }
    for (int k = first; k < first + nb; k++) {
        m->s1[at + k] = s1 / nb;
        m->s2[at + k] = s2 / nb;
    }
}

int FG_REAL_NAME(fg_group_norm_backward)(const FgOpCall *c)
{
    const FgShape s = c->in[0]->shape;
    const int nb = s.c / c->node->attr.groups;
    FgNorm m = group_init(c);
    FgOpCall params = *c;
    /* The parameters' gradients are instance_norm's. */
    params.din[0] = NULL;
    m.c = &params;
    fg_norm_backward(&m);
    m.c = c;
    for (int n = 0; n < s.n; n++)
        for (int k = 0; k < s.c; k += nb)
            join_sums(&m, fg_norm_at(&m, n), k, nb);
    if (c->din[0])
        fg_run(c->ex, group_din_job, &m, s.n * s.h);
    return 0;
}
