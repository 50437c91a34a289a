/* ffgan: each channel by the moments of the batch (training, which also
 * updates the running ones) or by the running moments.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "norm.h"

#ifndef FG_REAL_DOUBLE
int fg_batch_norm_shape(const FgNode *n, const FgShape *in, FgShape *out,
                        FgError *err)
{
    const int rc = fg_norm_check(n, err);
    *out = in[0];
    if (rc < 0)
        return rc;
    if (n->attr.momentum >= 0 && n->attr.momentum <= 1)
        return 0;
    return fg_error(err, -EINVAL, "%s: momentum is %g, allowed 0..1", n->name,
                    n->attr.momentum);
}

int fg_batch_norm_param_dims(const FgNode *n, const FgShape *in, int k,
                             int dims[4])
{
    (void)n, (void)k;
    dims[0] = in[0].c;
    return 1;
}

size_t fg_batch_norm_scratch(const FgNode *n, const FgShape *in,
                             const FgShape *out, FgDtype dtype, int threads)
{
    (void)n, (void)out, (void)dtype, (void)threads;
    return fg_norm_scratch(in);
}
#endif

/* Moments; rstd holds the plain variance until fg_norm_invert. */
static FgNorm batch_init(const FgOpCall *c)
{
    FgNorm m = fg_norm_init(c, 1, !c->training);
    const fg_real *const mean = c->param[2]->data, *const var =
                                                       c->param[3]->data;
    if (c->training)
        fg_norm_moments(&m);
    for (int k = 0; !c->training && k < c->in[0]->shape.c; k++) {
        m.mean[k] = mean[k];
        m.rstd[k] = var[k];
    }
    return m;
}

/* The running variance is the unbiased one, as in PyTorch. */
static void batch_update(const FgNorm *m)
{
    const FgOpCall *const c = m->c;
    const double t = c->node->attr.momentum, nb = fg_norm_pixels(m);
    const double unbias = nb > 1 ? nb / (nb - 1) : 1;
    fg_real *const mean = c->param[2]->data, *const var = c->param[3]->data;
    for (int k = 0; k < c->in[0]->shape.c; k++) {
        mean[k] = (fg_real)((1 - t) * mean[k] + t * m->mean[k]);
        var[k] = (fg_real)((1 - t) * var[k] + t * m->rstd[k] * unbias);
    }
}

int FG_REAL_NAME(fg_batch_norm_forward)(const FgOpCall *c)
{
    FgNorm m = batch_init(c);
    if (c->training)
        batch_update(&m);
    fg_norm_invert(&m);
    fg_run(c->ex, fg_norm_apply_job, &m, c->in[0]->shape.n * c->in[0]->shape.h);
    return 0;
}

int FG_REAL_NAME(fg_batch_norm_backward)(const FgOpCall *c)
{
    FgNorm m = batch_init(c);
    fg_norm_invert(&m);
    fg_norm_backward(&m);
    return 0;
}
