/* ffgan: what instance_norm, group_norm and batch_norm share: moments over the
 * pixels of one image, or of the batch. Included by those only.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   out = (in - mean) * rstd * weight + bias,  rstd = 1 / sqrt(var + eps) */
#ifndef FFGAN_KERNELS_NORM_H
#define FFGAN_KERNELS_NORM_H

#include "opkit.h"

typedef struct FgNorm {
    const FgOpCall *c;
    int groups;          /* n: each image has its moments; 1: all share them */
    int constant;        /* the moments do not depend on the input */
    double *mean, *rstd; /* [groups][c] */
    double *s1, *s2;     /* [groups][c]: mean of dy, of dy * xhat */
    double *sum;         /* row sums of width 2c */
} FgNorm;

static inline size_t fg_norm_scratch(const FgShape *in)
{
    return fg_row_sum_size(in[0].n, 2 * in[0].c) +
           4 * (size_t)in[0].n * in[0].c * sizeof(double);
}

static inline int fg_norm_check(const FgNode *n, FgError *err)
{
    if (n->attr.eps > 0 && n->attr.eps <= 1)
        return 0;
    return fg_error(err, -EINVAL, "%s: eps is %g, allowed above 0 up to 1",
                    n->name, n->attr.eps);
}

static inline FgNorm fg_norm_init(const FgOpCall *c, int groups, int constant)
{
    const FgShape s = c->in[0]->shape;
    const size_t nb = (size_t)s.n * s.c;
    double *const d = c->scratch;
    return (FgNorm){c,      groups,     constant,   d,
                    d + nb, d + 2 * nb, d + 3 * nb, d + 4 * nb};
}

static inline size_t fg_norm_at(const FgNorm *m, int n)
{
    return m->groups > 1 ? (size_t)n * m->c->in[0]->shape.c : 0;
}

static inline void fg_norm_mean_row(const void *arg, int n, int y, double *acc)
{
    const FgNorm *const m = arg;
    const FgShape s = m->c->in[0]->shape;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const p = fg_at(m->c->in[0], n, y, x);
        for (int k = 0; k < s.c; k++)
            acc[k] += p[k];
    }
}

static inline void fg_norm_var_row(const void *arg, int n, int y, double *acc)
{
    const FgNorm *const m = arg;
    const FgShape s = m->c->in[0]->shape;
    const double *const mean = m->mean + fg_norm_at(m, n);
    for (int x = 0; x < s.w; x++) {
        const fg_real *const p = fg_at(m->c->in[0], n, y, x);
        for (int k = 0; k < s.c; k++)
            acc[k] += (p[k] - mean[k]) * (p[k] - mean[k]);
    }
}

static inline double fg_norm_pixels(const FgNorm *m)
{
    const FgShape s = m->c->in[0]->shape;
    return (double)s.h * s.w * (m->groups > 1 ? 1 : s.n);
}

/* Means of the sums of `row` over each group: value k of group g goes to
 * to[k / c][g * c + k % c]. */
static inline void fg_norm_reduce(FgNorm *m,
                                  void (*row)(const void *, int, int, double *),
                                  int parts, double *const to[2])
{
    const FgShape s = m->c->in[0]->shape;
    const double pixels = fg_norm_pixels(m);
    FgRowSum sum = {row, m, s.n, s.h, parts * s.c, m->sum};
    fg_row_sum(m->c->ex, &sum, m->groups == 1);
    for (int g = 0; g < m->groups; g++)
        for (int k = 0; k < parts * s.c; k++)
            to[k / s.c][(size_t)g * s.c + k % s.c] =
                sum.sum[(size_t)g * FG_SUM_CHUNKS * sum.width + k] / pixels;
}

/* Leaves the plain variance in rstd; fg_norm_invert makes it rstd. */
static inline void fg_norm_moments(FgNorm *m)
{
    fg_norm_reduce(m, fg_norm_mean_row, 1, (double *const[]){m->mean, NULL});
    fg_norm_reduce(m, fg_norm_var_row, 1, (double *const[]){m->rstd, NULL});
}

static inline void fg_norm_invert(FgNorm *m)
{
    for (size_t k = 0; k < (size_t)m->groups * m->c->in[0]->shape.c; k++)
        m->rstd[k] = 1 / sqrt(m->rstd[k] + (double)m->c->node->attr.eps);
}

static inline void fg_norm_apply_job(void *arg, int i, int worker)
{
    const FgNorm *const m = arg;
    const FgShape s = m->c->in[0]->shape;
    const int n = i / s.h, y = i % s.h;
    const double *const mean = m->mean + fg_norm_at(m, n);
    const double *const rstd = m->rstd + fg_norm_at(m, n);
    const fg_real *const w = m->c->param[0]->data, *const b =
                                                       m->c->param[1]->data;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const in = fg_at(m->c->in[0], n, y, x);
        fg_real *const out = fg_at(m->c->out, n, y, x);
        for (int k = 0; k < s.c; k++)
            out[k] = (fg_real)((in[k] - mean[k]) * rstd[k] * w[k] + b[k]);
    }
}

static inline void fg_norm_grad_row(const void *arg, int n, int y, double *acc)
{
    const FgNorm *const m = arg;
    const FgShape s = m->c->in[0]->shape;
    const double *const mean = m->mean + fg_norm_at(m, n);
    const double *const rstd = m->rstd + fg_norm_at(m, n);
    for (int x = 0; x < s.w; x++) {
        const fg_real *const in = fg_at(m->c->in[0], n, y, x);
        const fg_real *const dy = fg_at(m->c->dout, n, y, x);
        for (int k = 0; k < s.c; k++) {
            acc[k] += dy[k];
            acc[s.c + k] += dy[k] * ((in[k] - mean[k]) * rstd[k]);
        }
    }
}

static inline void fg_norm_din_job(void *arg, int i, int worker)
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
            double g = dy[k];
            if (!m->constant)
                g -= m->s1[at + k] + xhat * m->s2[at + k];
            dx[k] = (fg_real)((c->din_add[0] ? dx[k] : 0) + g * rstd * w[k]);
        }
    }
}

/* Gradients once mean and rstd are there. */
static inline void fg_norm_backward(FgNorm *m)
{
    const FgOpCall *const c = m->c;
    const FgShape s = c->in[0]->shape;
    const double pixels = fg_norm_pixels(m);
    fg_norm_reduce(m, fg_norm_grad_row, 2, (double *const[]){m->s1, m->s2});
    for (int g = 0; g < m->groups; g++)
        for (int k = 0; k < s.c; k++) {
            fg_real *const dw = c->dparam[0] ? c->dparam[0]->data : NULL;
            fg_real *const db = c->dparam[1] ? c->dparam[1]->data : NULL;
            const size_t at = (size_t)g * s.c + k;
            if (dw)
                dw[k] = (fg_real)(dw[k] + m->s2[at] * pixels);
            if (db)
                db[k] = (fg_real)(db[k] + m->s1[at] * pixels);
        }
    if (c->din[0])
        fg_run(c->ex, fg_norm_din_job, m, s.n * s.h);
}

#endif
