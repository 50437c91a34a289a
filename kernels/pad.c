/* ffgan: a border of the same width on all four sides.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_pad_shape(const FgNode *n, const FgShape *in, FgShape *out, FgError *err)
{
    const int p = n->attr.pad, least = fg_min(in[0].h, in[0].w);
    int most = 4096;
    if (n->attr.pad_mode < FG_PAD_ZERO || n->attr.pad_mode > FG_PAD_CIRCULAR)
        return fg_error(err, -EINVAL,
                        "%s: pad_mode is %d, allowed zero, reflect, "
                        "replicate, circular",
                        n->name, n->attr.pad_mode);
    if (n->attr.pad_mode == FG_PAD_REFLECT)
        most = fg_min(most, least - 1);
    if (n->attr.pad_mode == FG_PAD_CIRCULAR)
        most = fg_min(most, least);
    if (p < 0 || p > most)
        return fg_error(err, -EINVAL,
                        "%s: pad is %d, allowed 0..%d for an input of %dx%d",
                        n->name, p, most, in[0].w, in[0].h);
    *out = (FgShape){in[0].n, in[0].c, in[0].h + 2 * p, in[0].w + 2 * p};
    return 0;
}
#endif

/* The input place of output place at - pad, or -1 for zero. */
static int source(const FgAttr *a, int at, int size)
{
    const int i = at - a->pad;
    if (i >= 0 && i < size)
        return i;
    switch (a->pad_mode) {
    case FG_PAD_REFLECT:
        return i < 0 ? -i : 2 * size - 2 - i;
    case FG_PAD_REPLICATE:
        return i < 0 ? 0 : size - 1;
    case FG_PAD_CIRCULAR:
        return i < 0 ? i + size : i - size;
    default:
        return -1;
    }
}

static void pad_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape, o = c->out->shape;
    const FgAttr *const a = &c->node->attr;
    const int n = i / o.h, y = i % o.h, v = source(a, y, s.h);
    (void)worker;
    for (int x = 0; x < o.w; x++) {
        const int u = source(a, x, s.w);
        fg_real *const out = fg_at(c->out, n, y, x);
        if (u < 0 || v < 0)
            memset(out, 0, s.c * sizeof(*out));
        else
            memcpy(out, fg_at(c->in[0], n, v, u), s.c * sizeof(*out));
    }
}

int FG_REAL_NAME(fg_pad_forward)(const FgOpCall *c)
{
    fg_rows(c, pad_job, c->out->shape);
    return 0;
}

static void pad_grad_row(const FgOpCall *c, int n, int y, int v)
{
    const FgShape s = c->din[0]->shape;
    for (int x = 0; x < c->dout->shape.w; x++) {
        const int u = source(&c->node->attr, x, s.w);
        if (u < 0)
            continue;
        const fg_real *const dy = fg_at(c->dout, n, v, x);
        fg_real *const dx = fg_at(c->din[0], n, y, u);
        for (int k = 0; k < s.c; k++)
            dx[k] += dy[k];
    }
}

/* One input row gathers the output rows that copied it. */
static void pad_grad_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->din[0]->shape;
    const int n = i / s.h, y = i % s.h;
    (void)worker;
    for (int x = 0; !c->din_add[0] && x < s.w; x++)
        memset(fg_at(c->din[0], n, y, x), 0, s.c * sizeof(fg_real));
    for (int v = 0; v < c->dout->shape.h; v++)
        if (source(&c->node->attr, v, s.h) == y)
            pad_grad_row(c, n, y, v);
}

int FG_REAL_NAME(fg_pad_backward)(const FgOpCall *c)
{
    if (c->din[0])
        fg_rows(c, pad_grad_job, c->in[0]->shape);
    return 0;
}
