/* ffgan: pixels to channels, the inverse of pixel_shuffle.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_pixel_unshuffle_shape(const FgNode *n, const FgShape *in, FgShape *out,
                             FgError *err)
{
    const int r = n->attr.factor, rc = fg_check_factor(n, err);
    if (rc < 0)
        return rc;
    if (in[0].h % r || in[0].w % r)
        return fg_error(err, -EINVAL,
                        "%s: input is %dx%d, allowed multiples of %d", n->name,
                        in[0].w, in[0].h, r);
    *out = (FgShape){in[0].n, in[0].c * r * r, in[0].h / r, in[0].w / r};
    return 0;
}
#endif

/* d = dy*r + dx: which of the r*r pixels. */
static void unshuffle_pixel(const FgOpCall *c, int n, int y, int x, int d)
{
    const int r = c->node->attr.factor, nb = c->in[0]->shape.c;
    const fg_real *const in = fg_at(c->in[0], n, y * r + d / r, x * r + d % r);
    fg_real *const out = fg_at(c->out, n, y, x) + d;
    for (int k = 0; k < nb; k++)
        out[k * r * r] = in[k];
}

static void unshuffle_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->out->shape;
    const int r = c->node->attr.factor;
    (void)worker;
    for (int x = 0; x < s.w; x++)
        for (int d = 0; d < r * r; d++)
            unshuffle_pixel(c, i / s.h, i % s.h, x, d);
}

int FG_REAL_NAME(fg_pixel_unshuffle_forward)(const FgOpCall *c)
{
    fg_rows(c, unshuffle_job, c->out->shape);
    return 0;
}

static void unshuffle_grad_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const int r = c->node->attr.factor, n = i / s.h, y = i % s.h;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const dy = fg_at(c->dout, n, y / r, x / r) + y % r * r +
                                  x % r;
        fg_real *const dx = fg_at(c->din[0], n, y, x);
        for (int k = 0; k < s.c; k++)
            dx[k] = (c->din_add[0] ? dx[k] : 0) + dy[k * r * r];
    }
}

int FG_REAL_NAME(fg_pixel_unshuffle_backward)(const FgOpCall *c)
{
    if (c->din[0])
        fg_rows(c, unshuffle_grad_job, c->in[0]->shape);
    return 0;
}
