/* ffgan: ONNX: pixel shuffles written as reshapes round a transposition.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A layer under other sizes is a view of it, until a reshape ends in the four
 * sizes of a picture again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.h"

/* The value as a view: a layer has its own four sizes. -1: rc is set. */
static int view_of(FgOnnx *o, const FgOnnxNode *n, FgOnnxValue *v)
{
    const FgOnnxValue *in = fg_onnx_in(o, n, 0);
    if (!in || (in->kind != FG_ONNX_LAYER && in->kind != FG_ONNX_SPLIT)) {
        fg_onnx_refuse(o, n, "of pictures alone it is read");
        return -1;
    }
    *v = *in;
    if (in->kind == FG_ONNX_LAYER) {
        const FgShape s = o->im->shapes[in->layer];
        *v = (FgOnnxValue){.kind = FG_ONNX_SPLIT,
                           .layer = in->layer,
                           .nb_dims = 4,
                           .dims = {1, s.c, s.h, s.w}};
    }
    return 0;
}

static int64_t count(const FgOnnxValue *v)
{
    int64_t c = 1;
    for (int i = 0; i < v->nb_dims; i++)
        c = v->dims[i] > 0 && v->dims[i] <= INT32_MAX && c <= INT32_MAX
                ? c * v->dims[i]
                : 0;
    return c;
}

/* The layer that a view of four sizes is, or a failure. */
static int layer_of(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *v)
{
    const FgShape s = o->im->shapes[v->layer];
    const int r = v->block;
    const int64_t c = v->perm == 1 ? s.c / (r * r) : s.c * (int64_t)r * r;
    const int64_t h = v->perm == 1 ? s.h * (int64_t)r : s.h / r;
    const int64_t w = v->perm == 1 ? s.w * (int64_t)r : s.w / r;
    if (!v->perm && v->dims[1] == s.c && v->dims[2] == s.h && v->dims[3] == s.w)
        return v->layer;
    if (!v->perm || v->dims[1] != c || v->dims[2] != h || v->dims[3] != w) {
        fg_onnx_refuse(o, n, "it is no part of a pixel shuffle");
        return 0;
    }
    return v->perm == 1
               ? fg_im_shuffle(o->im, fg_onnx_name(o, "shuffle"), v->layer, r)
               : fg_im_unshuffle(o->im, fg_onnx_name(o, "unshuffle"), v->layer,
                                 r);
}

static int put_view(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *v)
{
    if (o->im->rc < 0 || !n->nb_out)
        return o->im->rc;
    if (v->nb_dims == 4 && v->dims[0] == 1 && (v->perm || v->block < 0))
        return fg_onnx_put_layer(o, n, 0, layer_of(o, n, v));
    return fg_onnx_put(o, n->out[0], v);
}

static int op_reshape(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *s = fg_onnx_in(o, n, 1);
    FgOnnxValue v, out;
    int open = -1;
    if (view_of(o, n, &v) < 0)
        return o->im->rc;
    if (!s || s->kind != FG_ONNX_CONST || !s->whole || s->count < 1 ||
        s->count > FG_ONNX_MAX_DIMS)
        return fg_onnx_refuse(o, n, "its sizes are not constants");
    out = v;
    out.nb_dims = (int)s->count;
    for (int i = 0; i < out.nb_dims; i++) {
        out.dims[i] = s->i[i] || i >= v.nb_dims ? s->i[i] : v.dims[i];
        if (out.dims[i] == -1) {
            out.dims[i] = 1;
            open = i;
        }
    }
    const int64_t all = count(&v), known = count(&out);
    if (open >= 0 && known)
        out.dims[open] = all / known;
    if (!all || count(&out) != all)
        return fg_onnx_refuse(o, n, "its sizes do not fit");
    if (!out.perm && out.nb_dims == 4)
        out.block = -1; /* must be what it was */
    return put_view(o, n, &out);
}

/* Channels to the end, or from there: 1 done, 0 not that. */
static int channels_last(FgOnnx *o, const FgOnnxNode *n)
{
    static const int64_t there[4] = {0, 2, 3, 1}, back[4] = {0, 3, 1, 2};
    const FgOnnxValue *in = fg_onnx_in(o, n, 0);
    int64_t p[4];
    const int nb = fg_onnx_ints(n, "perm", p, 4);
    if (!in || nb != 4 || !n->nb_out)
        return 0;
    const int to = in->kind == FG_ONNX_LAYER && !memcmp(p, there, sizeof(p));
    const int from = in->kind == FG_ONNX_LAST && !memcmp(p, back, sizeof(p));
    const FgOnnxValue v = {.kind = to ? FG_ONNX_LAST : FG_ONNX_LAYER,
                           .layer = in->layer,
                           .last = to};
    return (to || from) && fg_onnx_put(o, n->out[0], &v) >= 0;
}

/* [1, c, r, r, h, w] shuffled, [1, c, h, r, w, r] unshuffled. */
static int op_transpose(FgOnnx *o, const FgOnnxNode *n)
{
    static const int64_t shuffle[6] = {0, 1, 4, 2, 5, 3};
    static const int64_t unshuffle[6] = {0, 1, 3, 5, 2, 4};
    int64_t p[6];
    FgOnnxValue v, out;
    const int nb = fg_onnx_ints(n, "perm", p, 6);
    if (channels_last(o, n))
        return o->im->rc;
    if (view_of(o, n, &v) < 0)
        return o->im->rc;
    out = v;
    out.perm = nb != 6 || v.nb_dims != 6 || v.perm ? 0
               : !memcmp(p, shuffle, sizeof(p))    ? 1
               : !memcmp(p, unshuffle, sizeof(p))  ? 2
                                                   : 0;
    const int64_t r = v.dims[3];
    const FgShape s = o->im->shapes[v.layer];
    const int fits = out.perm == 1 ? v.dims[2] == r && v.dims[4] == s.h &&
                                         v.dims[5] == s.w
                                   : v.dims[5] == r && v.dims[2] * r == s.h &&
                                         v.dims[4] * r == s.w;
    if (!out.perm || r < 1 || r > 16 || !fits)
        return fg_onnx_refuse(o, n, "an order that is no pixel shuffle's");
    out.block = (int)r;
    for (int i = 0; i < 6; i++)
        out.dims[i] = v.dims[p[i]];
    return put_view(o, n, &out);
}

static int op_squeeze(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *s = fg_onnx_in(o, n, 1);
    const int more = fg_span_is(n->op, "Unsqueeze");
    int64_t axes[FG_ONNX_MAX_DIMS];
    FgOnnxValue v, out;
    int from = 0, to = 0, nb = fg_onnx_ints(n, "axes", axes, FG_ONNX_MAX_DIMS);
    if (view_of(o, n, &v) < 0)
        return o->im->rc;
    if (nb < 0 && s && s->kind == FG_ONNX_CONST && s->whole &&
        s->count <= FG_ONNX_MAX_DIMS) {
        nb = (int)s->count;
        memcpy(axes, s->i, sizeof(*axes) * s->count);
    }
    const int all = more ? v.nb_dims + nb : v.nb_dims;
    if (nb < 1 || nb > FG_ONNX_MAX_DIMS || all > FG_ONNX_MAX_DIMS)
        return fg_onnx_refuse(o, n, "its axes are not constants");
    out = v;
    for (int i = 0; i < all; i++) {
        int named = 0;
        for (int k = 0; k < nb; k++)
            named |= axes[k] == i || axes[k] == i - all;
        if (more && (named || from < v.nb_dims))
            out.dims[to++] = named ? 1 : v.dims[from++];
        else if (!more && !named)
            out.dims[to++] = v.dims[i];
        else if (!more && v.dims[i] != 1)
            return fg_onnx_refuse(o, n, "a size that is not 1 would vanish");
    }
    out.nb_dims = to;
    if (!out.perm && to == 4)
        out.block = -1;
    return put_view(o, n, &out);
}

/* Each channel times times, next to one another. */
static int repeated(FgOnnx *o, int x, int times)
{
    const int c = o->im->channels[x];
    float *w = malloc(sizeof(*w) * (size_t)c * (size_t)times);
    if (!w)
        return fg_im_fail(o->im, -ENOMEM, "out of memory");
    for (int i = 0; i < c * times; i++)
        w[i] = 1;
    const FgImKernel q = {
        .oc = c * times, .k = 1, .groups = c, .stride = 1, .w = w};
    const int y = fg_im_kernel(o->im, fg_onnx_name(o, "repeat"), x, &q);
    free(w);
    return y;
}

/* Tile and Expand of [1, C, 1, H, W] along the third. */
static int op_tile(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *s = fg_onnx_in(o, n, 1);
    FgOnnxValue v;
    if (view_of(o, n, &v) < 0)
        return o->im->rc;
    const FgShape d = o->im->shapes[v.layer];
    int fits = s && s->kind == FG_ONNX_CONST && s->whole && s->count == 5 &&
               v.nb_dims == 5 && !v.perm && v.dims[1] == d.c &&
               v.dims[2] == 1 && s->i[2] >= 1 && s->i[2] <= 4096 / d.c;
    for (int i = 0; fits && i < 5; i++)
        fits = i == 2 || s->i[i] == 1 || s->i[i] == v.dims[i];
    if (!fits)
        return fg_onnx_refuse(o, n, "read where it repeats channels only");
    v.dims[2] = s->i[2];
    v.layer = repeated(o, v.layer, (int)s->i[2]);
    return put_view(o, n, &v);
}

const FgOnnxOp fg_onnx_views[] = {
    {"Reshape", op_reshape},
    {"Transpose", op_transpose},
    {"Tile", op_tile},
    {"Expand", op_tile},
    {"Unsqueeze", op_squeeze},
    {"Squeeze", op_squeeze},
    {NULL, NULL},
};
