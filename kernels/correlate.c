/* ffgan: how alike two maps are at small displacements: channel j * kernel + i
 * of out(y, x) is the mean over the channels of a(y, x) b(y + j - r, x + i -
 * r), r = kernel / 2; nothing (0) outside b (the cost volume of PWC-Net, Sun et
 * al., CVPR 2018). SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_correlate_shape(const FgNode *n, const FgShape *in, FgShape *out,
                       FgError *err)
{
    const int k = n->attr.kernel;
    *out = in[0];
    out->c = k * k;
    if (k < 1 || k > 31 || k % 2 == 0)
        return fg_error(err, -EINVAL,
                        "%s: kernel is %d, allowed odd numbers 1..31", n->name,
                        k);
    if (!fg_same_shape(in[0], in[1]))
        return fg_error(err, -EINVAL,
                        "%s: inputs are %dx%dx%dx%d and %dx%dx%dx%d, allowed "
                        "equal ones",
                        n->name, in[0].n, in[0].c, in[0].h, in[0].w, in[1].n,
                        in[1].c, in[1].h, in[1].w);
    return 0;
}
#endif

static int inside(FgShape s, int y, int x)
{
    return y >= 0 && y < s.h && x >= 0 && x < s.w;
}

static void correlate_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const int n = i / s.h, y = i % s.h, k = c->node->attr.kernel, r = k / 2;
    const fg_real share = 1 / (fg_real)s.c;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const a = fg_at(c->in[0], n, y, x);
        fg_real *const out = fg_at(c->out, n, y, x);
        for (int d = 0; d < k * k; d++) {
            const int v = y + d / k - r, u = x + d % k - r;
            fg_real sum = 0;
            if (inside(s, v, u)) {
                const fg_real *const b = fg_at(c->in[1], n, v, u);
                for (int q = 0; q < s.c; q++)
                    sum += a[q] * b[q];
            }
            out[d] = sum * share;
        }
    }
}

int FG_REAL_NAME(fg_correlate_forward)(const FgOpCall *c)
{
    fg_rows(c, correlate_job, c->out->shape);
    return 0;
}

typedef struct Back {
    const FgOpCall *c;
    int to; /* which input's gradient: the other one's pixels are gathered */
} Back;

/* d a(y, x) gathers b(y + j - r, ..) by dout(y, x); d b(y, x) gathers
 * a(y - j + r, ..) by dout there. */
static void back_job(void *arg, int i, int worker)
{
    const Back *const q = arg;
    const FgOpCall *const c = q->c;
    const FgShape s = c->in[0]->shape;
    const int n = i / s.h, y = i % s.h, k = c->node->attr.kernel, r = k / 2;
    const int sign = q->to ? -1 : 1;
    const fg_real share = 1 / (fg_real)s.c;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        fg_real *const to = fg_at(c->din[q->to], n, y, x);
        if (!c->din_add[q->to])
            memset(to, 0, s.c * sizeof(fg_real));
        for (int d = 0; d < k * k; d++) {
            const int v = y + sign * (d / k - r), u = x + sign * (d % k - r);
            if (!inside(s, v, u))
                continue;
            const fg_real *const from = fg_at(c->in[1 - q->to], n, v, u);
            const fg_real g = share * (q->to ? fg_at(c->dout, n, v, u)[d]
                                             : fg_at(c->dout, n, y, x)[d]);
            for (int e = 0; e < s.c; e++)
                to[e] += g * from[e];
        }
    }
}

int FG_REAL_NAME(fg_correlate_backward)(const FgOpCall *c)
{
    for (int to = 0; to < 2; to++) {
        Back q = {c, to};
        if (c->din[to])
            fg_run(c->ex, back_job, &q, c->dout->shape.n * c->dout->shape.h);
    }
    return 0;
}
