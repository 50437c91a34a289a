/* ffgan: each channel of each image to mean 0, variance 1; then affine.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "norm.h"

#ifndef FG_REAL_DOUBLE
int fg_instance_norm_shape(const FgNode *n, const FgShape *in, FgShape *out,
                           FgError *err)
{
    *out = in[0];
    return fg_norm_check(n, err);
}

int fg_instance_norm_param_dims(const FgNode *n, const FgShape *in, int k,
                                int dims[4])
{
    (void)n, (void)k;
    dims[0] = in[0].c;
    return 1;
}

size_t fg_instance_norm_scratch(const FgNode *n, const FgShape *in,
                                const FgShape *out, FgDtype dtype, int threads)
{
    (void)n, (void)out, (void)dtype, (void)threads;
    return fg_norm_scratch(in);
}
#endif

static FgNorm instance_init(const FgOpCall *c)
{
    FgNorm m = fg_norm_init(c, c->in[0]->shape.n, 0);
    fg_norm_moments(&m);
    fg_norm_invert(&m);
    return m;
}

int FG_REAL_NAME(fg_instance_norm_forward)(const FgOpCall *c)
{
    FgNorm m = instance_init(c);
    fg_run(c->ex, fg_norm_apply_job, &m, c->in[0]->shape.n * c->in[0]->shape.h);
    return 0;
}

int FG_REAL_NAME(fg_instance_norm_backward)(const FgOpCall *c)
{
    FgNorm m = instance_init(c);
    fg_norm_backward(&m);
    return 0;
}
