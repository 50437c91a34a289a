/* ffgan: mean over windows; the zero border counts, as in PyTorch.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "window.h"

#ifndef FG_REAL_DOUBLE
int fg_avg_pool_shape(const FgNode *n, const FgShape *in, FgShape *out,
                      FgError *err)
{
    return fg_window_shape(n, in, out, err);
}
#endif

static void avg_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->out->shape;
    const FgAttr *const a = &c->node->attr;
    const int n = i / s.h, y = i % s.h;
    const fg_real area = (fg_real)a->kernel * a->kernel;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const FgWindow w = fg_window(c, y, x);
        for (int k = 0; k < s.c; k++) {
            fg_real sum = 0;
            for (int v = w.y0; v < w.y1; v++)
                for (int u = w.x0; u < w.x1; u++)
                    sum += fg_at(c->in[0], n, v, u)[k];
            fg_at(c->out, n, y, x)[k] = sum / area;
        }
    }
}

int FG_REAL_NAME(fg_avg_pool_forward)(const FgOpCall *c)
{
    fg_rows(c, avg_job, c->out->shape);
    return 0;
}

/* One input row gathers from the output rows whose windows hold it. */
static void avg_grad_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const int n = i / s.h, y = i % s.h, side = c->node->attr.kernel;
    const fg_real share = 1 / ((fg_real)side * side);
    (void)worker;
    fg_window_clear(c, n, y);
    for (int v = fg_window_first(c, y); v < fg_window_end(c, y); v++)
        for (int u = 0; u < c->dout->shape.w; u++) {
            const FgWindow w = fg_window(c, v, u);
            const fg_real *const dy = fg_at(c->dout, n, v, u);
            for (int x = w.x0; x < w.x1; x++)
                for (int k = 0; k < s.c; k++)
                    fg_at(c->din[0], n, y, x)[k] += dy[k] * share;
        }
}

int FG_REAL_NAME(fg_avg_pool_backward)(const FgOpCall *c)
{
    if (c->din[0])
        fg_rows(c, avg_grad_job, c->in[0]->shape);
    return 0;
}
