/* ffgan: the first input at the second's height and width, bilinear: output
 * pixel Y of H sees input position (Y + 1/2) h / H - 1/2; edges are replicated
 * (PyTorch's interpolate to a size, align_corners off). Of the second input
 * the size alone counts. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_resize_like_shape(const FgNode *n, const FgShape *in, FgShape *out,
                         FgError *err)
{
    *out = (FgShape){in[0].n, in[0].c, in[1].h, in[1].w};
    if (in[0].n == in[1].n)
        return 0;
    return fg_error(err, -EINVAL,
                    "%s: inputs hold %d and %d pictures, allowed "
                    "as many",
                    n->name, in[0].n, in[1].n);
}
#endif

/* Pixels i0 and i1 of an axis, weight of i1. */
typedef struct Taps {
    int i0, i1;
    fg_real w;
} Taps;

static Taps taps(int at, int from, int to)
{
    const double p = (at + 0.5) * from / to - 0.5;
    const int i = p > 0 ? (int)p : 0;
    return (Taps){fg_min(i, from - 1), fg_min(i + 1, from - 1),
                  (fg_real)(p > 0 ? p - i : 0)};
}

static void resize_like_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgTensor *const in = c->in[0];
    const FgShape s = c->out->shape;
    const int n = i / s.h, y = i % s.h;
    const Taps v = taps(y, in->shape.h, s.h);
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const Taps u = taps(x, in->shape.w, s.w);
        const fg_real *const a = fg_at(in, n, v.i0, u.i0);
        const fg_real *const b = fg_at(in, n, v.i0, u.i1);
        const fg_real *const d = fg_at(in, n, v.i1, u.i0);
        const fg_real *const e = fg_at(in, n, v.i1, u.i1);
        fg_real *const out = fg_at(c->out, n, y, x);
        for (int k = 0; k < s.c; k++) {
            const fg_real top = a[k] * (1 - u.w) + b[k] * u.w;
            const fg_real low = d[k] * (1 - u.w) + e[k] * u.w;
            out[k] = top * (1 - v.w) + low * v.w;
        }
    }
}

int FG_REAL_NAME(fg_resize_like_forward)(const FgOpCall *c)
{
    fg_rows(c, resize_like_job, c->out->shape);
    return 0;
}

/* Adds w times output row y to input row's pixels that it was made of. */
static void give_back(const FgOpCall *c, fg_real *row, ptrdiff_t pitch, int n,
                      int y, fg_real w)
{
    const FgShape s = c->dout->shape;
    const int from = c->din[0]->shape.w;
    for (int x = 0; x < s.w; x++) {
        const Taps u = taps(x, from, s.w);
        const fg_real *const dy = fg_at(c->dout, n, y, x);
        fg_real *const a = row + u.i0 * pitch, *const b = row + u.i1 * pitch;
        for (int k = 0; k < s.c; k++) {
            a[k] += w * (1 - u.w) * dy[k];
            b[k] += w * u.w * dy[k];
        }
    }
}

/* A job owns a row of the input's gradient. */
static void resize_like_grad_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgTensor *const d = c->din[0];
    const FgShape s = d->shape;
    const int n = i / s.h, y = i % s.h;
    (void)worker;
    for (int x = 0; !c->din_add[0] && x < s.w; x++)
        memset(fg_at(d, n, y, x), 0, s.c * sizeof(fg_real));
    for (int Y = 0; Y < c->dout->shape.h; Y++) {
        const Taps v = taps(Y, s.h, c->dout->shape.h);
        if (v.i0 == y)
            give_back(c, fg_at(d, n, y, 0), d->pitch, n, Y, 1 - v.w);
        if (v.i1 == y)
            give_back(c, fg_at(d, n, y, 0), d->pitch, n, Y, v.w);
    }
}

static void nothing_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->din[1]->shape;
    (void)worker;
    for (int x = 0; x < s.w; x++)
        memset(fg_at(c->din[1], i / s.h, i % s.h, x), 0, s.c * sizeof(fg_real));
}

int FG_REAL_NAME(fg_resize_like_backward)(const FgOpCall *c)
{
    if (c->din[0])
        fg_rows(c, resize_like_grad_job, c->din[0]->shape);
    if (c->din[1] && !c->din_add[1])
        fg_rows(c, nothing_job, c->din[1]->shape);
    return 0;
}
