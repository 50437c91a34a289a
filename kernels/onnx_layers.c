/* ffgan: ONNX: convolutions, and what changes sizes.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph_priv.h"
#include "onnx.h"

static const FgOnnxValue *constant(FgOnnx *o, const FgOnnxNode *n, int k)
{
    const FgOnnxValue *v = fg_onnx_in(o, n, k);
    return v && v->kind == FG_ONNX_CONST ? v : NULL;
}

/* The tensor's own name, so that what is written again can be loaded there. */
static const char *layer_name(FgOnnx *o, FgSpan tensor, const char *word)
{
    static _Thread_local char name[FG_NAME_LEN];
    const size_t n = tensor.n > 7 ? tensor.n - 7 : 0;
    if (n && n < FG_NAME_LEN - 16 && !memcmp(tensor.p + n, ".weight", 7) &&
        fg_name_valid((const char *)tensor.p, n)) {
        memcpy(name, tensor.p, n);
        name[n] = 0;
        if (fg_graph_find(&o->im->m->graph, name) < 0)
            return name;
    }
    return fg_onnx_name(o, word);
}

/* ---- convolution ---- */

typedef struct Window {
    int kh, kw, sh, sw, dh, dw;
    int pad[4]; /* top, left, bottom, right */
} Window;

static int in_range(int64_t v, int lo, int hi)
{
    return v >= lo && v <= hi;
}

static int read_window(FgOnnx *o, const FgOnnxNode *n, Window *w)
{
    int64_t k[2] = {w->kh, w->kw}, s[2] = {1, 1}, d[2] = {1, 1}, p[4] = {0};
    const FgSpan mode = fg_onnx_text(n, "auto_pad");
    const int nk = fg_onnx_ints(n, "kernel_shape", k, 2);
    const int ns = fg_onnx_ints(n, "strides", s, 2);
    const int nd = fg_onnx_ints(n, "dilations", d, 2);
    const int np = fg_onnx_ints(n, "pads", p, 4);
    const int fits = (nk < 0 || nk == 2) && (ns < 0 || ns == 2) &&
                     (nd < 0 || nd == 2) && (np < 0 || np == 4);
    if (!fits || !in_range(k[0], 1, 31) || !in_range(k[1], 1, 31) ||
        !in_range(s[0], 1, 64) || s[0] != s[1] || !in_range(d[0], 1, 15) ||
        !in_range(d[1], 1, 15))
        return fg_onnx_refuse(o, n,
                              "allowed are two axes, kernels of 1..31, "
                              "equal strides of 1..64");
    for (int i = 0; i < 4; i++)
        if (!in_range(p[i], 0, 1024))
            return fg_onnx_refuse(o, n, "its pads are not 0..1024");
    *w = (Window){(int)k[0],
                  (int)k[1],
                  (int)s[0],
                  (int)s[1],
                  (int)d[0],
                  (int)d[1],
                  {(int)p[0], (int)p[1], (int)p[2], (int)p[3]}};
    if (fg_span_is(mode, "SAME_UPPER") || fg_span_is(mode, "SAME_LOWER")) {
        if (s[0] != 1 || k[0] % 2 == 0 || k[1] % 2 == 0)
            return fg_onnx_refuse(o, n,
                                  "auto_pad is read for odd kernels "
                                  "without stride");
        w->pad[0] = w->pad[2] = (w->kh - 1) * w->dh / 2;
        w->pad[1] = w->pad[3] = (w->kw - 1) * w->dw / 2;
    } else if (mode.n && !fg_span_is(mode, "NOTSET") &&
               !fg_span_is(mode, "VALID")) {
        return fg_onnx_refuse(o, n, "its auto_pad is not known");
    }
    return 0;
}

/* A square kernel that holds this one, dilated, with zeros round it. */
static int square(FgOnnx *o, const FgOnnxNode *n, const Window *w, int *side,
                  int *pad)
{
    const int h = (w->kh - 1) * w->dh + 1, v = (w->kw - 1) * w->dw + 1;
    const int k = h > v ? h : v;
    const int py = w->pad[0] + (k - h) / 2, px = w->pad[1] + (k - v) / 2;
    if (k > 31 || (k - h) % 2 || (k - v) % 2 || py != px ||
        w->pad[0] != w->pad[2] || w->pad[1] != w->pad[3])
        return fg_onnx_refuse(o, n, "allowed are equal pads on all sides");
    *side = k;
    *pad = py;
    return 0;
}

static float *spread(const FgOnnxValue *v, const Window *w, int side)
{
    const size_t rows = v->count / (size_t)(w->kh * w->kw);
    const size_t area = (size_t)(side * side);
    const int oy = (side - (w->kh - 1) * w->dh - 1) / 2;
    const int ox = (side - (w->kw - 1) * w->dw - 1) / 2;
    float *f = calloc(rows * area, sizeof(*f));
    for (size_t r = 0; f && r < rows; r++)
        for (int t = 0; t < w->kh * w->kw; t++) {
            const int y = oy + t / w->kw * w->dh, x = ox + t % w->kw * w->dw;
            f[r * area + (size_t)(y * side + x)] =
                v->f[r * (size_t)(w->kh * w->kw) + (size_t)t];
        }
    return f;
}

static int is_weight(const FgOnnxValue *v)
{
    return v && !v->whole && v->nb_dims == 4 && v->dims[0] <= 65536 &&
           in_range(v->dims[2], 1, 31) && in_range(v->dims[3], 1, 31) &&
           v->count > 0;
}

static int op_conv(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *w = constant(o, n, 1), *b = constant(o, n, 2);
    const int x = fg_onnx_layer(o, n, 0);
    const int64_t groups = fg_onnx_int(n, "group", 1);
    if (o->im->rc < 0)
        return o->im->rc;
    if (!is_weight(w) || !in_range(groups, 1, 65536) ||
        o->im->channels[x] != w->dims[1] * groups ||
        (n->nb_in > 2 && n->in[2].n &&
         (!b || b->whole || b->count != (size_t)w->dims[0])))
        return fg_onnx_refuse(o, n, "its weights are not constants that fit");
    Window q = {.kh = (int)w->dims[2], .kw = (int)w->dims[3]};
    int side = 0, pad = 0;
    if (read_window(o, n, &q) < 0 || square(o, n, &q, &side, &pad) < 0)
        return o->im->rc;
    if (q.kh != w->dims[2] || q.kw != w->dims[3])
        return fg_onnx_refuse(o, n, "kernel_shape is not its weights'");
    float *f = spread(w, &q, side);
    if (!f)
        return fg_im_fail(o->im, -ENOMEM, "out of memory");
    const FgImKernel k = {.oc = (int)w->dims[0],
                          .k = side,
                          .groups = (int)groups,
                          .stride = q.sh,
                          .pad = pad,
                          .w = f,
                          .b = b ? b->f : NULL};
    const int y = fg_im_kernel(o->im, layer_name(o, n->in[1], "conv"), x, &k);
    free(f);
    return fg_onnx_put_layer(o, n, 0, y);
}

static int op_deconv(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *w = constant(o, n, 1), *b = constant(o, n, 2);
    const int x = fg_onnx_layer(o, n, 0);
    const int64_t groups = fg_onnx_int(n, "group", 1);
    int64_t extra[2] = {0, 0}, size[2];
    if (o->im->rc < 0)
        return o->im->rc;
    fg_onnx_ints(n, "output_padding", extra, 2);
    if (!is_weight(w) || !in_range(groups, 1, 65536) ||
        o->im->channels[x] != w->dims[0] || w->dims[2] != w->dims[3] ||
        w->dims[1] * groups > 65536 ||
        (b && (b->whole || (int64_t)b->count != w->dims[1] * groups)))
        return fg_onnx_refuse(o, n, "its weights are not constants that fit");
    Window q = {.kh = (int)w->dims[2], .kw = (int)w->dims[3]};
    int side = 0, pad = 0;
    if (read_window(o, n, &q) < 0 || square(o, n, &q, &side, &pad) < 0)
        return o->im->rc;
    if (extra[0] || extra[1] || q.dh != 1 || q.dw != 1 ||
        fg_onnx_ints(n, "output_shape", size, 2) > 0)
        return fg_onnx_refuse(o, n,
                              "output_padding, output_shape and dilation "
                              "are not read");
    char key[FG_NAME_LEN + 16], name[FG_NAME_LEN];
    snprintf(name, sizeof(name), "%s", layer_name(o, n->in[1], "deconv"));
    const int dims[4] = {(int)w->dims[0], (int)w->dims[1], side, side};
    const int oc = (int)(w->dims[1] * groups);
    const FgAttr a = {.channels = oc,
                      .kernel = side,
                      .stride = q.sh,
                      .pad = pad,
                      .groups = (int)groups,
                      .bias = b != NULL};
    snprintf(key, sizeof(key), "%s.weight", name);
    fg_im_param(o->im, key, 4, dims, w->f);
    snprintf(key, sizeof(key), "%s.bias", name);
    if (b)
        fg_im_param(o->im, key, 1, &oc, b->f);
    return fg_onnx_put_layer(o, n, 0,
                             fg_im_op(o->im, "deconv2d", name, x, -1, a));
}

static int op_pool(FgOnnx *o, const FgOnnxNode *n)
{
    Window q = {0};
    int side = 0, pad = 0;
    const int max = n->op.p[0] == 'M', x = fg_onnx_layer(o, n, 0);
    if (read_window(o, n, &q) < 0 || square(o, n, &q, &side, &pad) < 0)
        return o->im->rc;
    if (q.kh != q.kw || q.dh != 1 || fg_onnx_int(n, "ceil_mode", 0) ||
        (!max && pad))
        return fg_onnx_refuse(o, n,
                              "allowed are square windows without "
                              "ceil_mode, averages without pads");
    const FgAttr a = {.kernel = side, .stride = q.sh, .pad = pad};
    return fg_onnx_put_layer(o, n, 0,
                             fg_im_op(o->im, max ? "max_pool" : "avg_pool",
                                      fg_onnx_name(o, "pool"), x, -1, a));
}

/* ---- channels ---- */

static int op_concat(FgOnnx *o, const FgOnnxNode *n)
{
    int in[FG_MAX_IN];
    const int64_t axis = fg_onnx_int(n, "axis", 1);
    if ((axis != 1 && axis != -3) || n->nb_in > FG_MAX_IN)
        return fg_onnx_refuse(o, n,
                              "allowed are up to 8 inputs along the "
                              "channels");
    for (int k = 0; k < n->nb_in; k++)
        in[k] = fg_onnx_layer(o, n, k);
    return fg_onnx_put_layer(
        o, n, 0, fg_im_cat(o->im, fg_onnx_name(o, "concat"), n->nb_in, in));
}

static int op_split(FgOnnx *o, const FgOnnxNode *n)
{
    int64_t size[FG_ONNX_MAX_IO], axis = fg_onnx_int(n, "axis", 0);
    const FgOnnxValue *v = constant(o, n, 1);
    const int x = fg_onnx_layer(o, n, 0);
    int nb = fg_onnx_ints(n, "split", size, FG_ONNX_MAX_IO), first = 0;
    if (o->im->rc < 0)
        return o->im->rc;
    if (nb < 0 && v && v->whole && v->count == (size_t)n->nb_out) {
        memcpy(size, v->i, sizeof(*size) * v->count);
        nb = n->nb_out;
    }
    for (int k = 0; nb < 0 && k < n->nb_out; k++)
        size[k] = (o->im->channels[x] + n->nb_out - 1) / n->nb_out;
    if ((axis != 1 && axis != -3) || (nb >= 0 && nb != n->nb_out))
        return fg_onnx_refuse(o, n, "allowed is a split of the channels");
    for (int k = 0; k < n->nb_out && o->im->rc >= 0; k++) {
        const int left = o->im->channels[x] - first;
        const int c = nb < 0 && size[k] > left ? left : (int)size[k];
        if (!in_range(size[k], 1, 65536) || c > left)
            return fg_onnx_refuse(o, n, "its parts are more than its input");
        fg_onnx_put_layer(
            o, n, k, fg_im_slice(o->im, fg_onnx_name(o, "slice"), x, first, c));
        first += c;
    }
    return o->im->rc;
}

static int limit(int64_t v, int n)
{
    v = v < 0 ? v + n : v;
    return v < 0 ? 0 : v > n ? n : (int)v;
}

/* One axis of a cut: channels are sliced, rows and columns must stay. */
static int cut(FgOnnx *o, const FgOnnxNode *n, int *x, int64_t axis, int64_t b,
               int64_t e)
{
    const FgShape s = o->im->shapes[*x];
    const int a = (int)(axis < 0 ? axis + 4 : axis);
    const int size = a == 1 ? s.c : a == 2 ? s.h : a == 3 ? s.w : 1;
    const int first = limit(b, size), last = limit(e, size);
    if (a < 0 || a > 3 || (a != 1 && (first || last != size)))
        return fg_onnx_refuse(o, n, "it cuts the picture");
    if (a == 1 && (first || last != size))
        *x = fg_im_slice(o->im, fg_onnx_name(o, "slice"), *x, first,
                         last - first);
    return o->im->rc;
}

static int op_slice(FgOnnx *o, const FgOnnxNode *n)
{
    int64_t b[4], e[4], a[4] = {0, 1, 2, 3};
    const FgOnnxValue *v[5] = {NULL};
    int x = fg_onnx_layer(o, n, 0);
    int nb = fg_onnx_ints(n, "starts", b, 4);
    if (nb >= 0) {
        fg_onnx_ints(n, "ends", e, 4);
        fg_onnx_ints(n, "axes", a, 4);
    }
    for (int k = 1; k < 5; k++)
        v[k] = constant(o, n, k);
    if (nb < 0 && v[1] && v[2] && v[1]->whole && v[2]->whole &&
        v[1]->count <= 4 && v[2]->count == v[1]->count &&
        (!v[3] || (v[3]->whole && v[3]->count == v[1]->count))) {
        nb = (int)v[1]->count;
        memcpy(b, v[1]->i, sizeof(*b) * (size_t)nb);
        memcpy(e, v[2]->i, sizeof(*e) * (size_t)nb);
        if (v[3])
            memcpy(a, v[3]->i, sizeof(*a) * (size_t)nb);
    }
    for (size_t k = 0; v[4] && k < v[4]->count; k++)
        nb = v[4]->whole && v[4]->i[k] == 1 ? nb : -1;
    if (nb < 0 || nb > 4)
        return fg_onnx_refuse(o, n,
                              "its places are not constants, or it goes "
                              "in steps");
    for (int k = 0; k < nb && o->im->rc >= 0; k++)
        cut(o, n, &x, a[k], b[k], e[k]);
    return fg_onnx_put_layer(o, n, 0, x);
}

/* ---- sizes ---- */

/* Channels in another order, by a 1x1 convolution that picks: out channel k is
 * in channel from(k). depth: DCR has the block's place before the channel. */
static int reorder(FgOnnx *o, int x, int r, int to_block_first)
{
    const int c = o->im->channels[x], per = c / (r * r);
    float *w = o->im->rc < 0 ? NULL : calloc((size_t)c * (size_t)c, sizeof(*w));
    if (!w)
        return fg_im_fail(o->im, -ENOMEM, "out of memory");
    for (int k = 0; k < per; k++)
        for (int t = 0; t < r * r; t++) {
            const int a = k * r * r + t, b = t * per + k;
            w[(size_t)(to_block_first ? b : a) * (size_t)c +
              (size_t)(to_block_first ? a : b)] = 1;
        }
    const FgImKernel q = {.oc = c, .k = 1, .groups = 1, .stride = 1, .w = w};
    const int y = fg_im_kernel(o->im, fg_onnx_name(o, "order"), x, &q);
    free(w);
    return y;
}

static int op_depth_to_space(FgOnnx *o, const FgOnnxNode *n)
{
    const int64_t r = fg_onnx_int(n, "blocksize", 0);
    int x = fg_onnx_layer(o, n, 0);
    if (!in_range(r, 1, 16) || o->im->rc < 0 || o->im->channels[x] % (r * r) ||
        o->im->channels[x] > 4096)
        return fg_onnx_refuse(o, n,
                              "its blocksize is not 1..16, or does not "
                              "divide the channels");
    if (r > 1 && !fg_span_is(fg_onnx_text(n, "mode"), "CRD"))
        x = reorder(o, x, (int)r, 0);
    return fg_onnx_put_layer(
        o, n, 0, fg_im_shuffle(o->im, fg_onnx_name(o, "shuffle"), x, (int)r));
}

static int op_space_to_depth(FgOnnx *o, const FgOnnxNode *n)
{
    const int64_t r = fg_onnx_int(n, "blocksize", 0);
    int x = fg_onnx_layer(o, n, 0);
    if (!in_range(r, 1, 16) || o->im->rc < 0 ||
        o->im->channels[x] * r * r > 4096)
        return fg_onnx_refuse(o, n, "its blocksize is not 1..16");
    x = fg_im_unshuffle(o->im, fg_onnx_name(o, "unshuffle"), x, (int)r);
    return fg_onnx_put_layer(o, n, 0, reorder(o, x, (int)r, 1));
}

/* Factor of the height from scales, or from sizes and the reference's. */
static double factor(FgOnnx *o, const FgOnnxNode *n, int x, double *across)
{
    const FgShape s = o->im->shapes[x];
    const FgOnnxValue *v = constant(o, n, n->op.p[0] == 'U' ? 1 : 2);
    const FgOnnxValue *t = constant(o, n, 3);
    float f[4] = {0};
    if (n->op.p[0] == 'R' && o->opset < 11)
        v = constant(o, n, 1);
    if (v && !v->whole && v->count == 4) {
        memcpy(f, v->f, sizeof(f));
    } else if (t && t->whole && t->count == 4) {
        f[2] = (float)((double)t->i[2] / s.h);
        f[3] = (float)((double)t->i[3] / s.w);
    } else if (fg_onnx_floats(n, "scales", f, 4) != 4) {
        return 0;
    }
    *across = f[3];
    return f[2];
}

/* Where pixels lie: 1 as ours do, 0 otherwise. */
static int places(const FgOnnx *o, const FgOnnxNode *n, int nearest, int factor)
{
    const FgSpan at = fg_onnx_text(n, "coordinate_transformation_mode");
    const int half = !at.n || fg_span_is(at, "half_pixel") ||
                     fg_span_is(at, "pytorch_half_pixel");
    if (n->op.p[0] == 'U' || o->opset < 11)
        return nearest;
    if (!nearest || half)
        return half;
    /* i / factor, rounded down; halves alone are rounded down, too. */
    const FgSpan way = fg_onnx_text(n, "nearest_mode");
    return fg_span_is(at, "asymmetric") &&
           (fg_span_is(way, "floor") ||
            (factor == 2 && (!way.n || fg_span_is(way, "round_prefer_floor"))));
}

/* The layer whose height and width the sizes are: they were taken from it, or
 * are written down and it is the first of that size. -1: none. */
static int sized_as(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *t = constant(o, n, 3);
    const FgGraph *g = &o->im->m->graph;
    if (!t || !t->whole || t->count != 4)
        return -1;
    if (t->from)
        return t->from[2] % 2 && t->from[3] == t->from[2] + 1 ? t->from[2] / 2
                                                              : -1;
    for (int i = 0; i < g->nb_nodes; i++)
        if (o->im->shapes[i].h == t->i[2] && o->im->shapes[i].w == t->i[3])
            return i;
    return -1;
}

/* Where the factor is none that holds for all pictures. */
static int resize_to_layer(FgOnnx *o, const FgOnnxNode *n, int x)
{
    const int like = sized_as(o, n);
    if (like < 0 || !places(o, n, 0, 0) || fg_onnx_int(n, "antialias", 0))
        return fg_onnx_refuse(o, n,
                              "allowed are whole factors of 1 to 16, for "
                              "linear and cubic also ratios of such numbers, "
                              "the same along both axes; for linear with "
                              "half_pixel coordinates also another value's "
                              "height and width");
    return fg_onnx_put_layer(o, n, 0,
                             fg_im_op(o->im, "resize_like",
                                      fg_onnx_name(o, "resize"), x, like,
                                      (FgAttr){0}));
}

static int op_resize(FgOnnx *o, const FgOnnxNode *n)
{
    const int x = fg_onnx_layer(o, n, 0);
    const FgSpan mode = fg_onnx_text(n, "mode");
    const int nearest = !mode.n || fg_span_is(mode, "nearest");
    FgImRatio r = {.linear = fg_span_is(mode, "linear") ||
                             fg_span_is(mode, "bilinear"),
                   .a = fg_onnx_float(n, "cubic_coeff_a", -0.75f)};
    double across = 0;
    if (o->im->rc < 0)
        return o->im->rc;
    const double f = factor(o, n, x, &across);
    const int known = f == across && fg_im_ratio(f, &r);
    if (!known && r.linear)
        return resize_to_layer(o, n, x);
    if (!known || (nearest && r.den > 1))
        return fg_onnx_refuse(o, n,
                              "allowed are whole factors of 1 to 16, for "
                              "linear and cubic also ratios of such numbers, "
                              "the same along both axes");
    if (r.num == 1 && r.den == 1)
        return fg_onnx_put_layer(o, n, 0, x);
    if (!places(o, n, nearest, r.num) || fg_onnx_int(n, "exclude_outside", 0) ||
        (fg_onnx_int(n, "antialias", 0) && f < 1))
        return fg_onnx_refuse(o, n,
                              "allowed are nearest rounded down, and linear "
                              "and cubic with half_pixel coordinates, no "
                              "antialias, no exclude_outside");
    const char *name = fg_onnx_name(o, "resize");
    const int simple = r.den == 1 && (nearest || r.linear);
    const int y = simple ? fg_im_resize(o->im, name, x, r.num,
                                        nearest ? FG_RESIZE_NEAREST
                                                : FG_RESIZE_BILINEAR)
                  : r.den == 1 && !r.linear && r.a == -0.5
                      ? fg_im_resize(o->im, name, x, r.num, FG_RESIZE_BICUBIC)
                      : fg_im_resample(o->im, name, x, r);
    return fg_onnx_put_layer(o, n, 0, y);
}

static int op_pad(FgOnnx *o, const FgOnnxNode *n)
{
    int64_t p[8];
    const FgOnnxValue *v = constant(o, n, 1);
    const FgSpan mode = fg_onnx_text(n, "mode");
    const int x = fg_onnx_layer(o, n, 0);
    int nb = fg_onnx_ints(n, "pads", p, 8);
    if (nb < 0 && v && v->whole && v->count == 8) {
        memcpy(p, v->i, sizeof(p));
        nb = 8;
    }
    const FgOnnxValue *fill = constant(o, n, 2);
    if (nb != 8 || p[0] || p[1] || p[4] || p[5] || !in_range(p[2], 0, 1024) ||
        p[3] != p[2] || p[6] != p[2] || p[7] != p[2] ||
        (fill && fill->count == 1 && !fill->whole && fill->f[0] != 0))
        return fg_onnx_refuse(o, n,
                              "allowed is a border of one width on all "
                              "four sides, of zeros or mirrored");
    const FgAttr a = {.pad = (int)p[2],
                      .pad_mode = fg_span_is(mode, "reflect") ? FG_PAD_REFLECT
                                  : fg_span_is(mode, "edge")  ? FG_PAD_REPLICATE
                                  : fg_span_is(mode, "wrap")  ? FG_PAD_CIRCULAR
                                                              : FG_PAD_ZERO};
    return fg_onnx_put_layer(
        o, n, 0,
        p[2] ? fg_im_op(o->im, "pad", fg_onnx_name(o, "pad"), x, -1, a) : x);
}

const FgOnnxOp fg_onnx_layers[] = {
    {"Conv", op_conv},
    {"ConvTranspose", op_deconv},
    {"AveragePool", op_pool},
    {"MaxPool", op_pool},
    {"Concat", op_concat},
    {"Split", op_split},
    {"Slice", op_slice},
    {"DepthToSpace", op_depth_to_space},
    {"SpaceToDepth", op_space_to_depth},
    {"Resize", op_resize},
    {"Upsample", op_resize},
    {"Pad", op_pad},
    {NULL, NULL},
};
