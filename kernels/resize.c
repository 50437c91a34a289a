/* ffgan: enlarges by an integer factor: nearest, bilinear, or bicubic with
 * Keys' a = -1/2 (as MATLAB's imresize; PyTorch has -3/4). Output pixel Y
 * sees input position (Y + 1/2) / factor - 1/2; edges are replicated.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Weights depend on Y % factor alone, so a pixel has the same bits in any
 * tile. Columns are filtered first, into one row of scratch per worker. */
#include "opkit.h"

typedef struct Taps {
    int nb;                   /* 1, 2 or 4 */
    int first[FG_MAX_FACTOR]; /* of phase p: input Y / factor + first */
    fg_real w[FG_MAX_FACTOR][4];
} Taps;

typedef struct Resize {
    const FgOpCall *c;
    Taps taps;
} Resize;

#ifndef FG_REAL_DOUBLE
int fg_resize_shape(const FgNode *n, const FgShape *in, FgShape *out,
                    FgError *err)
{
    const int r = n->attr.factor, rc = fg_check_factor(n, err);
    if (rc < 0)
        return rc;
    if (n->attr.mode < FG_RESIZE_NEAREST || n->attr.mode > FG_RESIZE_BICUBIC)
        return fg_error(err, -EINVAL,
                        "%s: mode is %d, allowed nearest, bilinear, bicubic",
                        n->name, n->attr.mode);
    *out = (FgShape){in[0].n, in[0].c, in[0].h * r, in[0].w * r};
    return 0;
}

static size_t resize_row_bytes(const FgShape *out, FgDtype dtype)
{
    return ((size_t)out->w * out->c * fg_dtype_size(dtype) + 63) & ~(size_t)63;
}

size_t fg_resize_scratch(const FgNode *n, const FgShape *in, const FgShape *out,
                         FgDtype dtype, int threads)
{
    (void)n, (void)in;
    return resize_row_bytes(out, dtype) * threads;
}
#endif

static double keys(double x)
{
    x = x < 0 ? -x : x;
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static void taps_init(Taps *t, int factor, int mode)
{
    t->nb = mode == FG_RESIZE_BICUBIC ? 4 : mode == FG_RESIZE_BILINEAR ? 2 : 1;
    if (factor == 1) /* a copy, whatever the neighbours hold */
        t->nb = 1;
    for (int p = 0; p < factor; p++) {
        const double at = (p + 0.5) / factor - 0.5;
        const int low = at < 0 ? -1 : 0; /* floor: at is in (-1/2, 1/2) */
        t->first[p] = t->nb == 4 ? low - 1 : t->nb == 2 ? low : 0;
        for (int k = 0; k < t->nb; k++) {
            const double d = at - (t->first[p] + k);
            const double tent = d < 0 ? 1 + d : 1 - d;
            t->w[p][k] = (fg_real)(t->nb == 4   ? keys(d)
                                   : t->nb == 2 ? tent
                                                : 1);
        }
    }
}

static fg_real *resize_row(const Resize *r, int worker)
{
    const FgShape s = r->c->out ? r->c->out->shape : r->c->dout->shape;
    const size_t bytes = ((size_t)s.w * s.c * sizeof(fg_real) + 63) &
                         ~(size_t)63;
    return (fg_real *)((char *)r->c->scratch + bytes * worker);
}

/* dst[0..c) = sum of w[k] * src[k][0..c). */
static void blend(fg_real *restrict dst, const fg_real *const src[4],
                  const fg_real *w, int nb, int c)
{
    const fg_real *const a = src[0], *const b = src[1];
    const fg_real *const d = src[2], *const e = src[3];
    const fg_real wa = w[0], wb = w[1], wd = w[2], we = w[3];
    if (nb == 4)
        for (int k = 0; k < c; k++)
            dst[k] = ((a[k] * wa + b[k] * wb) + d[k] * wd) + e[k] * we;
    else if (nb == 2)
        for (int k = 0; k < c; k++)
            dst[k] = a[k] * wa + b[k] * wb;
    else
        memcpy(dst, a, c * sizeof(*dst));
}

/* Output row y: the columns of the taps' rows into tmp [w][c]. */
static void resize_columns(const Resize *r, fg_real *tmp, int n, int y)
{
    const FgTensor *const in = r->c->in[0];
    const int f = r->c->node->attr.factor, p = y % f, dense = fg_dense_row(in);
    const FgShape s = in->shape;
    const fg_real *rows[4] = {fg_at(in, n, 0, 0)};
    for (int k = 0; k < r->taps.nb; k++)
        rows[k] = fg_at(in, n,
                        fg_clamp(y / f + r->taps.first[p] + k, 0, s.h - 1), 0);
    if (dense) {
        blend(tmp, rows, r->taps.w[p], r->taps.nb, s.w * s.c);
        return;
    }
    for (int x = 0; x < s.w; x++) {
        blend(tmp + (size_t)x * s.c, rows, r->taps.w[p], r->taps.nb, s.c);
        for (int k = 0; k < r->taps.nb; k++)
            rows[k] += in->pitch;
    }
}

/* Pixels x*f+p, x0 <= x < x1, of an output row, with clamped taps. */
static void resize_edge(const Resize *r, const fg_real *tmp, int n, int y,
                        int p, int x0, int x1)
{
    const FgShape s = r->c->in[0]->shape;
    const int f = r->c->node->attr.factor;
    for (int x = x0; x < x1; x++) {
        const fg_real *at[4] = {tmp};
        for (int k = 0; k < r->taps.nb; k++)
            at[k] = tmp + (size_t)s.c *
                              fg_clamp(x + r->taps.first[p] + k, 0, s.w - 1);
        blend(fg_at(r->c->out, n, y, x * f + p), at, r->taps.w[p], r->taps.nb,
              s.c);
    }
}

/* blend() for many pixels; c and nb are constants where inlined. */
static inline void blend_run(fg_real *restrict dst, ptrdiff_t step,
                             const fg_real *restrict src, const fg_real *w,
                             int pixels, int c, int nb)
{
    const fg_real a = w[0], b = w[1], d = w[2], e = w[3];
    for (int x = 0; x < pixels; x++, dst += step, src += c)
        for (int k = 0; k < c; k++)
            if (nb == 4)
                dst[k] = ((src[k] * a + src[k + c] * b) + src[k + 2 * c] * d) +
                         src[k + 3 * c] * e;
            else
                dst[k] = src[k] * a + src[k + c] * b;
}

/* The same for taps that all lie inside; same bits as resize_edge. */
static void resize_inner(const Resize *r, const fg_real *tmp, int n, int y,
                         int p, int x0, int x1)
{
    const int c = r->c->in[0]->shape.c, f = r->c->node->attr.factor;
    const ptrdiff_t step = (ptrdiff_t)r->c->out->pitch * f;
    if (r->taps.nb == 1 || x0 >= x1) {
        resize_edge(r, tmp, n, y, p, x0, x1);
        return;
    }
    const fg_real *const src = tmp + (size_t)(x0 + r->taps.first[p]) * c;
    fg_real *const dst = fg_at(r->c->out, n, y, x0 * f + p);
    const fg_real *const w = r->taps.w[p];
    if (c == 3 && r->taps.nb == 4)
        blend_run(dst, step, src, w, x1 - x0, 3, 4);
    else if (c == 1 && r->taps.nb == 4)
        blend_run(dst, step, src, w, x1 - x0, 1, 4);
    else if (r->taps.nb == 4)
        blend_run(dst, step, src, w, x1 - x0, c, 4);
    else
        blend_run(dst, step, src, w, x1 - x0, c, 2);
}

static void resize_job(void *arg, int i, int worker)
{
    const Resize *const r = arg;
    const FgShape s = r->c->in[0]->shape;
    const int f = r->c->node->attr.factor, n = i / (s.h * f), y = i % (s.h * f);
    fg_real *const tmp = resize_row(r, worker);
    resize_columns(r, tmp, n, y);
    for (int p = 0; p < f; p++) {
        const int first = r->taps.first[p], nb = r->taps.nb;
        const int x0 = fg_min(fg_max(0, -first), s.w);
        const int x1 = fg_max(x0, fg_min(s.w, s.w - first - nb + 1));
        resize_edge(r, tmp, n, y, p, 0, x0);
        resize_inner(r, tmp, n, y, p, x0, x1);
        resize_edge(r, tmp, n, y, p, x1, s.w);
    }
}

int FG_REAL_NAME(fg_resize_forward)(const FgOpCall *c)
{
    Resize r = {.c = c};
    taps_init(&r.taps, c->node->attr.factor, c->node->attr.mode);
    fg_run(c->ex, resize_job, &r, c->out->shape.n * c->out->shape.h);
    return 0;
}

/* acc [W][c] += the output rows that read input row y, by their weights. */
static void resize_gather(const Resize *r, fg_real *acc, int n, int y)
{
    const FgTensor *const dout = r->c->dout;
    const FgShape s = dout->shape;
    const int f = r->c->node->attr.factor, h = s.h / f;
    memset(acc, 0, (size_t)s.w * s.c * sizeof(*acc));
    for (int Y = fg_max(0, (y - 2) * f); Y < fg_min(s.h, (y + 3) * f); Y++)
        for (int k = 0; k < r->taps.nb; k++) {
            const int p = Y % f;
            const fg_real w = r->taps.w[p][k];
            if (fg_clamp(Y / f + r->taps.first[p] + k, 0, h - 1) != y)
                continue;
            for (int x = 0; x < s.w; x++) {
                const fg_real *const dy = fg_at(dout, n, Y, x);
                for (int j = 0; j < s.c; j++)
                    acc[(size_t)x * s.c + j] += w * dy[j];
            }
        }
}

static void resize_grad_job(void *arg, int i, int worker)
{
    const Resize *const r = arg;
    const FgTensor *const din = r->c->din[0];
    const FgShape s = din->shape;
    const int f = r->c->node->attr.factor, n = i / s.h, y = i % s.h;
    fg_real *const acc = resize_row(r, worker);
    resize_gather(r, acc, n, y);
    for (int x = 0; !r->c->din_add[0] && x < s.w; x++)
        memset(fg_at(din, n, y, x), 0, s.c * sizeof(fg_real));
    for (int x = 0; x < s.w * f; x++)
        for (int k = 0; k < r->taps.nb; k++) {
            const int p = x % f;
            const fg_real w = r->taps.w[p][k];
            fg_real *const dx = fg_at(
                din, n, y, fg_clamp(x / f + r->taps.first[p] + k, 0, s.w - 1));
            for (int j = 0; j < s.c; j++)
                dx[j] += w * acc[(size_t)x * s.c + j];
        }
}

int FG_REAL_NAME(fg_resize_backward)(const FgOpCall *c)
{
    Resize r = {.c = c};
    taps_init(&r.taps, c->node->attr.factor, c->node->attr.mode);
    if (c->din[0])
        fg_run(c->ex, resize_grad_job, &r,
               c->din[0]->shape.n * c->din[0]->shape.h);
    return 0;
}
