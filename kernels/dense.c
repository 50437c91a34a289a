/* ffgan: matrix product of each image, flattened in the order channel, row,
 * column as in PyTorch. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

enum { BLOCK = 256 }; /* inputs of one job of the input gradient */

typedef struct Dense {
    const FgOpCall *c;
    fg_real *flat; /* [n][size] */
    int size, blocks;
} Dense;

#ifndef FG_REAL_DOUBLE
int fg_dense_shape(const FgNode *n, const FgShape *in, FgShape *out,
                   FgError *err)
{
    const double size = (double)in[0].c * in[0].h * in[0].w;
    if (n->attr.channels < 1)
        return fg_error(err, -EINVAL, "%s: channels is %d, allowed >= 1",
                        n->name, n->attr.channels);
    if (size * n->attr.channels > 1 << 30)
        return fg_error(err, -EINVAL,
                        "%s: %g inputs times %d channels, allowed 2^30 weights",
                        n->name, size, n->attr.channels);
    *out = (FgShape){in[0].n, n->attr.channels, 1, 1};
    return 0;
}

int fg_dense_param_dims(const FgNode *n, const FgShape *in, int k, int dims[4])
{
    dims[0] = n->attr.channels;
    dims[1] = in[0].c * in[0].h * in[0].w;
    return k ? 1 : 2;
}

size_t fg_dense_scratch(const FgNode *n, const FgShape *in, const FgShape *out,
                        FgDtype dtype, int threads)
{
    (void)n, (void)out, (void)threads;
    return (size_t)in[0].n * in[0].c * in[0].h * in[0].w * fg_dtype_size(dtype);
}
#endif

static void flatten_job(void *arg, int i, int worker)
{
    const Dense *const d = arg;
    const FgTensor *const in = d->c->in[0];
    const FgShape s = in->shape;
    const int n = i / s.h, y = i % s.h;
    fg_real *const to = d->flat + (size_t)n * d->size + (size_t)y * s.w;
    (void)worker;
    for (int x = 0; x < s.w; x++)
        for (int k = 0; k < s.c; k++)
            to[(size_t)k * s.h * s.w + x] = fg_at(in, n, y, x)[k];
}

static Dense dense_init(const FgOpCall *c)
{
    const FgShape s = c->in[0]->shape;
    const int size = s.c * s.h * s.w;
    Dense d = {c, c->scratch, size, (size + BLOCK - 1) / BLOCK};
    fg_run(c->ex, flatten_job, &d, s.n * s.h);
    return d;
}

/* Eight sums in a fixed order. */
static fg_real dot(const fg_real *a, const fg_real *b, int nb)
{
    fg_real s[8] = {0};
    int i = 0;
    for (; i + 8 <= nb; i += 8)
        for (int k = 0; k < 8; k++)
            s[k] += a[i + k] * b[i + k];
    for (; i < nb; i++)
        s[i & 7] += a[i] * b[i];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static void dense_job(void *arg, int i, int worker)
{
    const Dense *const d = arg;
    const int nb = d->c->out->shape.c, n = i / nb, o = i % nb;
    const fg_real *const w = d->c->param[0]->data;
    const fg_real *const b = d->c->nb_param > 1 ? d->c->param[1]->data : NULL;
    (void)worker;
    fg_at(d->c->out, n, 0, 0)[o] = dot(d->flat + (size_t)n * d->size,
                                       w + (size_t)o * d->size, d->size) +
                                   (b ? b[o] : 0);
}

int FG_REAL_NAME(fg_dense_forward)(const FgOpCall *c)
{
    Dense d = dense_init(c);
    fg_run(c->ex, dense_job, &d, c->out->shape.n * c->out->shape.c);
    return 0;
}

/* Weights and bias of one output, images in rising order. */
static void dense_dparam_job(void *arg, int o, int worker)
{
    const Dense *const d = arg;
    const FgOpCall *const c = d->c;
    (void)worker;
    for (int n = 0; n < c->dout->shape.n; n++) {
        const fg_real dy = fg_at(c->dout, n, 0, 0)[o];
        const fg_real *const x = d->flat + (size_t)n * d->size;
        fg_real *const dw = c->dparam[0] ? (fg_real *)c->dparam[0]->data +
                                               (size_t)o * d->size
                                         : NULL;
        for (int k = 0; dw && k < d->size; k++)
            dw[k] += dy * x[k];
        if (c->nb_param > 1 && c->dparam[1])
            ((fg_real *)c->dparam[1]->data)[o] += dy;
    }
}

static void dense_unflatten(const Dense *d, const fg_real *g, int n, int k0,
                            int k1)
{
    const FgOpCall *const c = d->c;
    const FgShape s = c->din[0]->shape;
    for (int k = k0; k < k1; k++) {
        const int yx = k % (s.h * s.w);
        fg_real *const dx = fg_at(c->din[0], n, yx / s.w, yx % s.w) +
                            k / (s.h * s.w);
        *dx = (c->din_add[0] ? *dx : 0) + g[k - k0];
    }
}

static void dense_din_job(void *arg, int i, int worker)
{
    const Dense *const d = arg;
    const FgOpCall *const c = d->c;
    const int n = i / d->blocks, k0 = i % d->blocks * BLOCK;
    const int k1 = fg_min(k0 + BLOCK, d->size);
    const fg_real *const w = c->param[0]->data;
    fg_real g[BLOCK] = {0};
    (void)worker;
    for (int o = 0; o < c->dout->shape.c; o++) {
        const fg_real dy = fg_at(c->dout, n, 0, 0)[o];
        const fg_real *const row = w + (size_t)o * d->size;
        for (int k = k0; k < k1; k++)
            g[k - k0] += dy * row[k];
    }
    dense_unflatten(d, g, n, k0, k1);
}

int FG_REAL_NAME(fg_dense_backward)(const FgOpCall *c)
{
    Dense d = dense_init(c);
    if (c->dparam[0] || c->dparam[1])
        fg_run(c->ex, dense_dparam_job, &d, c->dout->shape.c);
    if (c->din[0])
        fg_run(c->ex, dense_din_job, &d, c->din[0]->shape.n * d.blocks);
    return 0;
}
