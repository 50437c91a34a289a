/* ffgan: largest value of windows; of equal ones the first, row by row, gets
 * the gradient. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "window.h"

#ifndef FG_REAL_DOUBLE
int fg_max_pool_shape(const FgNode *n, const FgShape *in, FgShape *out,
                      FgError *err)
{
    return fg_window_shape(n, in, out, err);
}
#endif

/* The place of the largest value of channel k; a NaN wins. */
static const fg_real *max_at(const FgTensor *in, int n, FgWindow w, int k,
                             int *y, int *x)
{
    const fg_real *best = NULL;
    for (int v = w.y0; v < w.y1; v++)
        for (int u = w.x0; u < w.x1; u++) {
            const fg_real *const p = fg_at(in, n, v, u) + k;
            if (best && !(*p > *best) && *p == *p)
                continue;
            best = p;
            *y = v;
            *x = u;
        }
    return best;
}

static void max_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->out->shape;
    const int n = i / s.h, y = i % s.h;
    int v, u;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const FgWindow w = fg_window(c, y, x);
        fg_real *const out = fg_at(c->out, n, y, x);
        for (int k = 0; k < s.c; k++)
            out[k] = *max_at(c->in[0], n, w, k, &v, &u);
    }
}

int FG_REAL_NAME(fg_max_pool_forward)(const FgOpCall *c)
{
    fg_rows(c, max_job, c->out->shape);
    return 0;
}

static void max_grad_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const int n = i / s.h, y = i % s.h;
    (void)worker;
    fg_window_clear(c, n, y);
    for (int v = fg_window_first(c, y); v < fg_window_end(c, y); v++)
        for (int u = 0; u < c->dout->shape.w; u++)
            for (int k = 0; k < s.c; k++) {
                int my = -1, mx = 0;
                max_at(c->in[0], n, fg_window(c, v, u), k, &my, &mx);
                if (my == y)
                    fg_at(c->din[0], n, y, mx)[k] += fg_at(c->dout, n, v, u)[k];
            }
}

int FG_REAL_NAME(fg_max_pool_backward)(const FgOpCall *c)
{
    if (c->din[0])
        fg_rows(c, max_grad_job, c->in[0]->shape);
    return 0;
}
