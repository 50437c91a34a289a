/* ffgan: channels to pixels; output (c, y*r+dy, x*r+dx) is input channel
 * c*r*r + dy*r + dx at (y, x), as in PyTorch.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_pixel_shuffle_shape(const FgNode *n, const FgShape *in, FgShape *out,
                           FgError *err)
{
    const int r = n->attr.factor, rc = fg_check_factor(n, err);
    if (rc < 0)
        return rc;
    if (in[0].c % (r * r))
        return fg_error(err, -EINVAL,
                        "%s: input has %d channels, factor %d wants a "
                        "multiple of %d",
                        n->name, in[0].c, r, r * r);
    *out = (FgShape){in[0].n, in[0].c / (r * r), in[0].h * r, in[0].w * r};
    return 0;
}
#endif

/* One output row takes one input row. */
static void shuffle_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->out->shape;
    const int r = c->node->attr.factor, n = i / s.h, y = i % s.h;
    (void)worker;
    for (int x = 0; x < s.w / r; x++) {
        const fg_real *const in = fg_at(c->in[0], n, y / r, x) + y % r * r;
        for (int dx = 0; dx < r; dx++) {
            fg_real *const out = fg_at(c->out, n, y, x * r + dx);
            for (int k = 0; k < s.c; k++)
                out[k] = in[k * r * r + dx];
        }
    }
}

int FG_REAL_NAME(fg_pixel_shuffle_forward)(const FgOpCall *c)
{
    fg_rows(c, shuffle_job, c->out->shape);
    return 0;
}

static void shuffle_pixel_grad(const FgOpCall *c, int n, int y, int x, int d)
{
    const int r = c->node->attr.factor, nb = c->dout->shape.c;
    const fg_real *const dy = fg_at(c->dout, n, y * r + d / r, x * r + d % r);
    fg_real *const dx = fg_at(c->din[0], n, y, x) + d;
    for (int k = 0; k < nb; k++)
        dx[k * r * r] = (c->din_add[0] ? dx[k * r * r] : 0) + dy[k];
}

static void shuffle_grad_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const int r = c->node->attr.factor;
    (void)worker;
    for (int x = 0; x < s.w; x++)
        for (int d = 0; d < r * r; d++)
            shuffle_pixel_grad(c, i / s.h, i % s.h, x, d);
}

int FG_REAL_NAME(fg_pixel_shuffle_backward)(const FgOpCall *c)
{
    if (c->din[0])
        fg_rows(c, shuffle_grad_job, c->in[0]->shape);
    return 0;
}
