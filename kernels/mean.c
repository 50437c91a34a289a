/* ffgan: each channel's mean over the picture, as a picture of one pixel.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_mean_shape(const FgNode *n, const FgShape *in, FgShape *out,
                  FgError *err)
{
    (void)n, (void)err;
    *out = (FgShape){in[0].n, in[0].c, 1, 1};
    return 0;
}

size_t fg_mean_scratch(const FgNode *n, const FgShape *in, const FgShape *out,
                       FgDtype dtype, int threads)
{
    (void)n, (void)out, (void)dtype, (void)threads;
    return fg_row_sum_size(in[0].n, in[0].c);
}
#endif

static void mean_row(const void *arg, int n, int y, double *acc)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const in = fg_at(c->in[0], n, y, x);
        for (int k = 0; k < s.c; k++)
            acc[k] += in[k];
    }
}

int FG_REAL_NAME(fg_mean_forward)(const FgOpCall *c)
{
    const FgShape s = c->in[0]->shape;
    FgRowSum sum = {mean_row, c, s.n, s.h, s.c, c->scratch};
    fg_row_sum(c->ex, &sum, 0);
    for (int n = 0; n < s.n; n++) {
        const double *const from = sum.sum + (size_t)n * FG_SUM_CHUNKS * s.c;
        for (int k = 0; k < s.c; k++)
            fg_at(c->out, n, 0,
                  0)[k] = (fg_real)(from[k] / ((double)s.h * s.w));
    }
    return 0;
}

static void mean_din_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->din[0]->shape;
    const int n = i / s.h, y = i % s.h;
    const fg_real *const dy = fg_at(c->dout, n, 0, 0);
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        fg_real *const dx = fg_at(c->din[0], n, y, x);
        for (int k = 0; k < s.c; k++)
            dx[k] = (fg_real)((c->din_add[0] ? dx[k] : 0) +
                              dy[k] / ((double)s.h * s.w));
    }
}

int FG_REAL_NAME(fg_mean_backward)(const FgOpCall *c)
{
    if (c->din[0])
        fg_rows(c, mean_din_job, c->din[0]->shape);
    return 0;
}
