/* ffgan: the windows of the pools. Included by avg_pool.c and max_pool.c.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_WINDOW_H
#define FFGAN_KERNELS_WINDOW_H

#include "opkit.h"

/* Input pixels [x0,x1) x [y0,y1), cut to the picture; never empty, as the
 * border is at most half the side. */
typedef struct FgWindow {
    int x0, x1, y0, y1;
} FgWindow;

static inline int fg_window_shape(const FgNode *n, const FgShape *in,
                                  FgShape *out, FgError *err)
{
    const FgAttr a = n->attr;
    if (a.kernel < 1 || a.kernel > 1024 || a.stride < 1 || a.stride > 1024)
        return fg_error(err, -EINVAL,
                        "%s: kernel is %d and stride %d, allowed 1..1024",
                        n->name, a.kernel, a.stride);
    if (a.pad < 0 || a.pad > a.kernel / 2)
        return fg_error(err, -EINVAL,
                        "%s: pad is %d, allowed 0..%d (half the kernel)",
                        n->name, a.pad, a.kernel / 2);
    if (in[0].h + 2 * a.pad < a.kernel || in[0].w + 2 * a.pad < a.kernel)
        return fg_error(err, -EINVAL, "%s: input is %dx%d, the kernel %d",
                        n->name, in[0].w, in[0].h, a.kernel);
    *out = (FgShape){in[0].n, in[0].c,
                     (in[0].h + 2 * a.pad - a.kernel) / a.stride + 1,
                     (in[0].w + 2 * a.pad - a.kernel) / a.stride + 1};
    return 0;
}

/* The window of output pixel (y, x). */
static inline FgWindow fg_window(const FgOpCall *c, int y, int x)
{
    const FgAttr *const a = &c->node->attr;
    const FgShape s = c->in[0]->shape;
    const int v = y * a->stride - a->pad, u = x * a->stride - a->pad;
    return (FgWindow){fg_max(u, 0), fg_min(u + a->kernel, s.w), fg_max(v, 0),
                      fg_min(v + a->kernel, s.h)};
}

/* Output rows [first, end) have windows that hold input row y. */
static inline int fg_window_first(const FgOpCall *c, int y)
{
    const FgAttr *const a = &c->node->attr;
    const int low = y + a->pad - a->kernel + 1;
    return low <= 0 ? 0 : (low + a->stride - 1) / a->stride;
}

static inline int fg_window_end(const FgOpCall *c, int y)
{
    const FgAttr *const a = &c->node->attr;
    return fg_min(c->dout->shape.h, (y + a->pad) / a->stride + 1);
}

static inline void fg_window_clear(const FgOpCall *c, int n, int y)
{
    const FgTensor *const d = c->din[0];
    for (int x = 0; !c->din_add[0] && x < d->shape.w; x++)
        memset(fg_at(d, n, y, x), 0, d->shape.c * sizeof(fg_real));
}

#endif
