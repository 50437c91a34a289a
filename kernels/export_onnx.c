/* ffgan: exporting: ONNX files.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Field numbers are those of onnx.proto. Only operators that every runtime has:
 * activations of several steps are written as those. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "graph_priv.h"
#include "model_priv.h"
#include "onnx_buf.h"
#include "op.h"

#define OPSET 17
#define IR_VERSION 8

typedef struct Writer {
    const FgGraph *g;
    const FgParams *ps;
    const FgShape *shapes; /* of some size, or of width x height */
    FgBuf graph;
    FgBuf constants; /* initializers: written after the nodes */
    FgBuf attrs;     /* of the node in hand */
    const FgNode *n;
    int serial;
    int width, height; /* of the input, 0 = open */
    FgReach reach;
} Writer;

/* ---- parts of a node ---- */

static void attr_ints(Writer *w, const char *name, int nb, const int64_t *v)
{
    FgBuf a = {0};
    fg_buf_text(&a, 1, name);
    for (int i = 0; i < nb; i++)
        fg_buf_int(&a, 8, v[i]);
    fg_buf_int(&a, 20, 7);
    fg_buf_message(&w->attrs, 5, &a);
}

static void attr_int(Writer *w, const char *name, int64_t v)
{
    FgBuf a = {0};
    fg_buf_text(&a, 1, name);
    fg_buf_int(&a, 3, v);
    fg_buf_int(&a, 20, 2);
    fg_buf_message(&w->attrs, 5, &a);
}

static void attr_float(Writer *w, const char *name, float v)
{
    FgBuf a = {0};
    fg_buf_text(&a, 1, name);
    fg_buf_float(&a, 2, v);
    fg_buf_int(&a, 20, 1);
    fg_buf_message(&w->attrs, 5, &a);
}

static void attr_text(Writer *w, const char *name, const char *v)
{
    FgBuf a = {0};
    fg_buf_text(&a, 1, name);
    fg_buf_text(&a, 4, v);
    fg_buf_int(&a, 20, 3);
    fg_buf_message(&w->attrs, 5, &a);
}

/* op(a, b, c) -> out, with the attributes gathered; empty names are left out,
 * "" in between stands for an input left out. */
static void node(Writer *w, const char *op, const char *a, const char *b,
                 const char *c, const char *out)
{
    FgBuf n = {0};
    fg_buf_text(&n, 1, a);
    if (b)
        fg_buf_text(&n, 1, b);
    if (c)
        fg_buf_text(&n, 1, c);
    fg_buf_text(&n, 2, out);
    fg_buf_text(&n, 3, out);
    fg_buf_text(&n, 4, op);
    fg_buf_put(&n, w->attrs.p, w->attrs.n);
    free(w->attrs.p);
    if (w->attrs.rc < 0)
        n.rc = w->attrs.rc;
    memset(&w->attrs, 0, sizeof(w->attrs));
    fg_buf_message(&w->graph, 1, &n);
}

typedef struct Name {
    char s[FG_NAME_LEN + 24];
} Name;

static Name inner(Writer *w, const char *what)
{
    Name n;
    snprintf(n.s, sizeof(n.s), "%s/%s%d", w->n->name, what, w->serial++);
    return n;
}

static void put_floats(FgBuf *t, const float *v, size_t n)
{
    uint8_t *raw = malloc(4 * n + 1);
    for (size_t i = 0; raw && i < n; i++) {
        uint32_t u;
        memcpy(&u, &v[i], 4);
        for (int k = 0; k < 4; k++)
            raw[4 * i + (size_t)k] = (uint8_t)(u >> 8 * k);
    }
    if (raw)
        fg_buf_bytes(t, 9, raw, 4 * n);
    else
        t->rc = -ENOMEM;
    free(raw);
}

static void constant(Writer *w, const char *name, int nb_dims, const int *dims,
                     const float *v)
{
    FgBuf t = {0};
    size_t n = 1;
    for (int i = 0; i < nb_dims; i++) {
        fg_buf_int(&t, 1, dims[i]);
        n *= (size_t)dims[i];
    }
    fg_buf_int(&t, 2, 1);
    fg_buf_text(&t, 8, name);
    put_floats(&t, v, n);
    fg_buf_message(&w->constants, 5, &t);
}

static Name number(Writer *w, float v)
{
    const Name n = inner(w, "c");
    constant(w, n.s, 0, NULL, &v);
    return n;
}

static Name integers(Writer *w, int nb, const int64_t *v)
{
    const Name n = inner(w, "i");
    FgBuf t = {0};
    fg_buf_int(&t, 1, nb);
    fg_buf_int(&t, 2, 7);
    for (int i = 0; i < nb; i++)
        fg_buf_int(&t, 7, v[i]);
    fg_buf_text(&t, 8, n.s);
    fg_buf_message(&w->constants, 5, &t);
    return n;
}

static const FgParam *param(const Writer *w, int k)
{
    return k < w->n->nb_param ? fg_params_find(w->ps, w->n->param[k]) : NULL;
}

/* A vector under the sizes [C,1,1] or [1,C,1,1]. */
static Name per_channel(Writer *w, int k, int nb_dims)
{
    const FgParam *p = param(w, k);
    const int c = (int)fg_param_count(p), d[4] = {1, c, 1, 1};
    Name n;
    snprintf(n.s, sizeof(n.s), "%s/%s", w->n->param[k], w->n->name);
    constant(w, n.s, nb_dims, nb_dims == 4 ? d : d + 1, p->data);
    return n;
}

static const char *in(const Writer *w, int k)
{
    return w->g->nodes[w->n->in[k]].name;
}

/* ---- ops ---- */

static const char *const pad_modes[] = {"constant", "reflect", "edge", "wrap"};

static void pad_node(Writer *w, const char *from, int pad, int mode,
                     const char *to)
{
    const int64_t p[8] = {0, 0, pad, pad, 0, 0, pad, pad};
    const Name pads = integers(w, 8, p);
    attr_text(w, "mode", pad_modes[mode]);
    node(w, "Pad", from, pads.s, NULL, to);
}

static void window(Writer *w, int pad)
{
    const FgAttr *a = &w->n->attr;
    const int64_t k[2] = {a->kernel, a->kernel}, s[2] = {a->stride, a->stride};
    const int64_t p[4] = {pad, pad, pad, pad};
    attr_ints(w, "kernel_shape", 2, k);
    attr_ints(w, "strides", 2, s);
    attr_ints(w, "pads", 4, p);
}

static void put_conv(Writer *w)
{
    const FgAttr *a = &w->n->attr;
    const int deconv = fg_node_is(w->n, "deconv2d");
    const int apart = !deconv && a->pad && a->pad_mode != FG_PAD_ZERO;
    const Name padded = inner(w, "pad");
    if (apart)
        pad_node(w, in(w, 0), a->pad, a->pad_mode, padded.s);
    window(w, apart ? 0 : a->pad);
    attr_int(w, "group", a->groups);
    node(w, deconv ? "ConvTranspose" : "Conv", apart ? padded.s : in(w, 0),
         w->n->param[0], a->bias ? w->n->param[1] : NULL, w->n->name);
}

static void put_pool(Writer *w)
{
    window(w, w->n->attr.pad);
    node(w, fg_node_is(w->n, "max_pool") ? "MaxPool" : "AveragePool", in(w, 0),
         NULL, NULL, w->n->name);
}

static void put_simple(Writer *w)
{
    static const char *const names[][2] = {
        {"relu", "Relu"}, {"sigmoid", "Sigmoid"},
        {"tanh", "Tanh"}, {"add", "Add"},
        {"mul", "Mul"},   {"mean", "GlobalAveragePool"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (fg_node_is(w->n, names[i][0]))
            node(w, names[i][1], in(w, 0), w->n->nb_in > 1 ? in(w, 1) : NULL,
                 NULL, w->n->name);
}

static void put_bias(Writer *w)
{
    const Name b = per_channel(w, 0, 4);
    node(w, "Add", in(w, 0), b.s, NULL, w->n->name);
}

static void put_leaky(Writer *w)
{
    attr_float(w, "alpha", w->n->attr.alpha);
    node(w, "LeakyRelu", in(w, 0), NULL, NULL, w->n->name);
}

static void put_prelu(Writer *w)
{
    const Name s = per_channel(w, 0, 3);
    node(w, "PRelu", in(w, 0), s.s, NULL, w->n->name);
}

static void put_scale(Writer *w)
{
    const Name c = number(w, w->n->attr.alpha);
    node(w, "Mul", in(w, 0), c.s, NULL, w->n->name);
}

static void put_silu(Writer *w)
{
    const Name s = inner(w, "s");
    node(w, "Sigmoid", in(w, 0), NULL, NULL, s.s);
    node(w, "Mul", in(w, 0), s.s, NULL, w->n->name);
}

static void put_mish(Writer *w)
{
    const Name s = inner(w, "s"), t = inner(w, "t");
    node(w, "Softplus", in(w, 0), NULL, NULL, s.s);
    node(w, "Tanh", s.s, NULL, NULL, t.s);
    node(w, "Mul", in(w, 0), t.s, NULL, w->n->name);
}

static void put_gelu(Writer *w)
{
    const Name r = number(w, 1.41421356f), one = number(w, 1);
    const Name half = number(w, 0.5f);
    const Name a = inner(w, "a"), b = inner(w, "b"), c = inner(w, "e");
    const Name d = inner(w, "d");
    node(w, "Div", in(w, 0), r.s, NULL, a.s);
    node(w, "Erf", a.s, NULL, NULL, b.s);
    node(w, "Add", b.s, one.s, NULL, c.s);
    node(w, "Mul", in(w, 0), c.s, NULL, d.s);
    node(w, "Mul", d.s, half.s, NULL, w->n->name);
}

static void put_concat(Writer *w)
{
    FgBuf n = {0}, a = {0};
    for (int k = 0; k < w->n->nb_in; k++)
        fg_buf_text(&n, 1, in(w, k));
    fg_buf_text(&n, 2, w->n->name);
    fg_buf_text(&n, 3, w->n->name);
    fg_buf_text(&n, 4, "Concat");
    fg_buf_text(&a, 1, "axis");
    fg_buf_int(&a, 3, 1);
    fg_buf_int(&a, 20, 2);
    fg_buf_message(&n, 5, &a);
    fg_buf_message(&w->graph, 1, &n);
}

static void put_shuffle(Writer *w)
{
    attr_int(w, "blocksize", w->n->attr.factor);
    attr_text(w, "mode", "CRD");
    node(w, "DepthToSpace", in(w, 0), NULL, NULL, w->n->name);
}

/* A convolution that picks: SpaceToDepth has another order of channels. */
static void put_unshuffle(Writer *w)
{
    const int r = w->n->attr.factor, c = w->shapes[w->n->in[0]].c;
    const int dims[4] = {c * r * r, 1, r, r};
    const int64_t k[2] = {r, r};
    const size_t area = (size_t)(r * r);
    const Name pick = inner(w, "pick");
    float *v = calloc((size_t)c * area * area, sizeof(*v));
    if (!v) {
        w->graph.rc = -ENOMEM;
        return;
    }
    for (size_t i = 0; i < (size_t)c * area; i++)
        v[i * area + i % area] = 1;
    constant(w, pick.s, 4, dims, v);
    free(v);
    attr_ints(w, "kernel_shape", 2, k);
    attr_ints(w, "strides", 2, k);
    attr_int(w, "group", c);
    node(w, "Conv", in(w, 0), pick.s, NULL, w->n->name);
}

static void put_resize(Writer *w)
{
    const float f = (float)w->n->attr.factor, v[4] = {1, 1, f, f};
    const int four = 4, mode = w->n->attr.mode;
    const Name scales = inner(w, "scales");
    constant(w, scales.s, 1, &four, v);
    attr_text(w, "mode",
              mode == FG_RESIZE_NEAREST    ? "nearest"
              : mode == FG_RESIZE_BILINEAR ? "linear"
                                           : "cubic");
    attr_text(w, "coordinate_transformation_mode",
              mode == FG_RESIZE_NEAREST ? "asymmetric" : "half_pixel");
    if (mode == FG_RESIZE_NEAREST)
        attr_text(w, "nearest_mode", "floor");
    if (mode == FG_RESIZE_BICUBIC)
        attr_float(w, "cubic_coeff_a", -0.5f);
    node(w, "Resize", in(w, 0), "", scales.s, w->n->name);
}

static void put_norm(Writer *w)
{
    FgBuf n = {0};
    const int batch = fg_node_is(w->n, "batch_norm");
    attr_float(w, "epsilon", w->n->attr.eps);
    fg_buf_text(&n, 1, in(w, 0));
    for (int k = 0; k < w->n->nb_param; k++)
        fg_buf_text(&n, 1, w->n->param[k]);
    fg_buf_text(&n, 2, w->n->name);
    fg_buf_text(&n, 3, w->n->name);
    fg_buf_text(&n, 4, batch ? "BatchNormalization" : "InstanceNormalization");
    fg_buf_put(&n, w->attrs.p, w->attrs.n);
    free(w->attrs.p);
    memset(&w->attrs, 0, sizeof(w->attrs));
    fg_buf_message(&w->graph, 1, &n);
}

static void affine(Writer *w, const char *from)
{
    const Name s = per_channel(w, 0, 4), b = per_channel(w, 1, 4);
    const Name y = inner(w, "scaled");
    node(w, "Mul", from, s.s, NULL, y.s);
    node(w, "Add", y.s, b.s, NULL, w->n->name);
}

/* [N, groups, all the rest] has one mean and variance a row. */
static void put_group_norm(Writer *w)
{
    const int g = w->n->attr.groups;
    const int64_t flat[3] = {0, g, -1};
    const Name size = integers(w, 3, flat), shape = inner(w, "shape");
    const Name ones = inner(w, "ones"), zeros = inner(w, "zeros");
    const Name a = inner(w, "flat"), b = inner(w, "norm"), c = inner(w, "back");
    float *v = calloc((size_t)g, sizeof(*v));
    if (!v) {
        w->graph.rc = -ENOMEM;
        return;
    }
    constant(w, zeros.s, 1, &g, v);
    for (int i = 0; i < g; i++)
        v[i] = 1;
    constant(w, ones.s, 1, &g, v);
    free(v);
    node(w, "Reshape", in(w, 0), size.s, NULL, a.s);
    attr_float(w, "epsilon", w->n->attr.eps);
    node(w, "InstanceNormalization", a.s, ones.s, zeros.s, b.s);
    node(w, "Shape", in(w, 0), NULL, NULL, shape.s);
    node(w, "Reshape", b.s, shape.s, NULL, c.s);
    affine(w, c.s);
}

static void put_layer_norm(Writer *w)
{
    const int64_t one = 1;
    const Name eps = number(w, w->n->attr.eps), mean = inner(w, "mean");
    const Name d = inner(w, "d"), q = inner(w, "q"), v = inner(w, "var");
    const Name e = inner(w, "e"), s = inner(w, "std"), x = inner(w, "x");
    attr_ints(w, "axes", 1, &one);
    node(w, "ReduceMean", in(w, 0), NULL, NULL, mean.s);
    node(w, "Sub", in(w, 0), mean.s, NULL, d.s);
    node(w, "Mul", d.s, d.s, NULL, q.s);
    attr_ints(w, "axes", 1, &one);
    node(w, "ReduceMean", q.s, NULL, NULL, v.s);
    node(w, "Add", v.s, eps.s, NULL, e.s);
    node(w, "Sqrt", e.s, NULL, NULL, s.s);
    node(w, "Div", d.s, s.s, NULL, x.s);
    affine(w, x.s);
}

static void put_pad(Writer *w)
{
    pad_node(w, in(w, 0), w->n->attr.pad, w->n->attr.pad_mode, w->n->name);
}

static void put_slice(Writer *w)
{
    const int64_t b = w->n->attr.first, e = b + w->n->attr.channels, axis = 1;
    const Name first = integers(w, 1, &b), last = integers(w, 1, &e);
    const Name axes = integers(w, 1, &axis);
    FgBuf n = {0};
    fg_buf_text(&n, 1, in(w, 0));
    fg_buf_text(&n, 1, first.s);
    fg_buf_text(&n, 1, last.s);
    fg_buf_text(&n, 1, axes.s);
    fg_buf_text(&n, 2, w->n->name);
    fg_buf_text(&n, 3, w->n->name);
    fg_buf_text(&n, 4, "Slice");
    fg_buf_message(&w->graph, 1, &n);
}

/* 0, 1, ... along an axis of the flow, and what is left of its size without
 * one, at least 1; axis 3 = x. */
static void put_ramp(Writer *w, int axis, Name *ramp, Name *top)
{
    const FgShape s = w->shapes[w->n->in[1]];
    const int nb = axis == 3 ? s.w : s.h;
    int dims[4] = {1, 1, 1, 1};
    dims[axis] = nb;
    float *v = malloc(sizeof(*v) * (size_t)nb);
    for (int i = 0; v && i < nb; i++)
        v[i] = (float)i;
    *ramp = inner(w, "ramp");
    if (v)
        constant(w, ramp->s, 4, dims, v);
    else
        w->graph.rc = -ENOMEM;
    free(v);
    *top = number(w, (float)(nb > 1 ? nb - 1 : 1));
}

/* The same of a size that is open. */
static void put_open_ramp(Writer *w, int axis, Name *ramp, Name *top)
{
    const int64_t at = axis;
    int64_t dims[4] = {1, 1, 1, 1};
    const Name shape = inner(w, "shape"), n1 = inner(w, "n"), n = inner(w, "n");
    const Name zero = number(w, 0), one = number(w, 1), all = inner(w, "all");
    const Name less = inner(w, "less"), size = inner(w, "size");
    const Name which = integers(w, 1, &at), none = integers(w, 0, NULL);
    dims[axis] = -1;
    const Name form = integers(w, 4, dims);
    *ramp = inner(w, "ramp");
    *top = inner(w, "top");
    node(w, "Shape", in(w, 1), NULL, NULL, shape.s);
    node(w, "Gather", shape.s, which.s, NULL, n1.s);
    node(w, "Reshape", n1.s, none.s, NULL, n.s);
    attr_int(w, "to", 1);
    node(w, "Cast", n.s, NULL, NULL, size.s);
    node(w, "Range", zero.s, size.s, one.s, all.s);
    node(w, "Reshape", all.s, form.s, NULL, ramp->s);
    node(w, "Sub", size.s, one.s, NULL, less.s);
    node(w, "Max", less.s, one.s, NULL, top->s);
}

/* Where the flow's channel points along its axis, -1..1 over the picture. */
static Name put_place(Writer *w, int channel)
{
    const int64_t v[3] = {channel, channel + 1, 1};
    const Name two = number(w, 2), one = number(w, 1);
    const Name d = inner(w, "d"), at = inner(w, "at"),
               twice = inner(w, "twice");
    const Name part = inner(w, "part"), place = inner(w, "place");
    FgBuf n = {0};
    Name ramp, top;
    fg_buf_text(&n, 1, in(w, 1));
    for (int i = 0; i < 3; i++)
        fg_buf_text(&n, 1, integers(w, 1, &v[i]).s);
    fg_buf_text(&n, 2, d.s);
    fg_buf_text(&n, 3, d.s);
    fg_buf_text(&n, 4, "Slice");
    fg_buf_message(&w->graph, 1, &n);
    (w->width ? put_ramp : put_open_ramp)(w, 3 - channel, &ramp, &top);
    node(w, "Add", d.s, ramp.s, NULL, at.s);
    node(w, "Mul", at.s, two.s, NULL, twice.s);
    node(w, "Div", twice.s, top.s, NULL, part.s);
    node(w, "Sub", part.s, one.s, NULL, place.s);
    return place;
}

static void put_warp(Writer *w)
{
    const int64_t order[4] = {0, 2, 3, 1};
    const Name x = put_place(w, 0), y = put_place(w, 1);
    const Name both = inner(w, "both"), grid = inner(w, "grid");
    attr_int(w, "axis", 1);
    node(w, "Concat", x.s, y.s, NULL, both.s);
    attr_ints(w, "perm", 4, order);
    node(w, "Transpose", both.s, NULL, NULL, grid.s);
    attr_text(w, "mode", "bilinear");
    attr_text(w, "padding_mode", "border");
    attr_int(w, "align_corners", 1);
    node(w, "GridSample", in(w, 0), grid.s, NULL, w->n->name);
}

static const struct {
    const char *op;
    void (*put)(Writer *w);
    int own; /* its parameters are written as they are */
} ops[] = {
    {"conv2d", put_conv, 1},
    {"deconv2d", put_conv, 1},
    {"bias", put_bias, 0},
    {"relu", put_simple, 0},
    {"leaky_relu", put_leaky, 0},
    {"prelu", put_prelu, 0},
    {"silu", put_silu, 0},
    {"sigmoid", put_simple, 0},
    {"tanh", put_simple, 0},
    {"gelu", put_gelu, 0},
    {"mish", put_mish, 0},
    {"add", put_simple, 0},
    {"mul", put_simple, 0},
    {"concat", put_concat, 0},
    {"slice", put_slice, 0},
    {"scale", put_scale, 0},
    {"pixel_shuffle", put_shuffle, 0},
    {"pixel_unshuffle", put_unshuffle, 0},
    {"resize", put_resize, 0},
    {"avg_pool", put_pool, 0},
    {"max_pool", put_pool, 0},
    {"mean", put_simple, 0},
    {"instance_norm", put_norm, 1},
    {"batch_norm", put_norm, 1},
    {"group_norm", put_group_norm, 0},
    {"layer_norm", put_layer_norm, 0},
    {"pad", put_pad, 0},
    {"warp", put_warp, 0},
};
enum { NB_OPS = sizeof(ops) / sizeof(*ops) };

static int find_op(const FgNode *n)
{
    for (int i = 0; i < NB_OPS; i++)
        if (fg_node_is(n, ops[i].op))
            return i;
    return -1;
}

/* ---- the file ---- */

/* One dimension: a size, or the name of one that is open. */
static void put_dim(FgBuf *shape, int size, const char *open)
{
    FgBuf dim = {0};
    if (size > 0)
        fg_buf_int(&dim, 1, size);
    else
        fg_buf_text(&dim, 2, open);
    fg_buf_message(shape, 1, &dim);
}

/* A picture: dims N, C, H, W; 0 = open. */
static void put_value(FgBuf *graph, int field, const char *name, int channels,
                      int h, int w)
{
    const int out = field == 12;
    FgBuf shape = {0}, tensor = {0}, type = {0}, value = {0};
    put_dim(&shape, h > 0, "n");
    put_dim(&shape, channels, "c");
    put_dim(&shape, h, out ? "oh" : "h");
    put_dim(&shape, w, out ? "ow" : "w");
    fg_buf_int(&tensor, 1, 1);
    fg_buf_message(&tensor, 2, &shape);
    fg_buf_message(&type, 1, &tensor);
    fg_buf_text(&value, 1, name);
    fg_buf_message(&value, 2, &type);
    fg_buf_message(graph, field, &value);
}

static int check_ops(const FgGraph *g, const char *path, FgError *err)
{
    char text[200] = "";
    int nb = 0;
    for (int i = 1; i < g->nb_nodes; i++) {
        const char *op = g->nodes[i].op->name;
        if (find_op(&g->nodes[i]) >= 0 || strstr(text, op) || nb++ == 3)
            continue;
        strncat(text, *text ? ", " : "", sizeof(text) - strlen(text) - 1);
        strncat(text, op, sizeof(text) - strlen(text) - 1);
    }
    return nb ? fg_error(err, -ENOTSUP,
                         "%s: ops that are not written as ONNX: %s", path, text)
              : 0;
}

static void put_params(Writer *w)
{
    for (int k = 0; k < w->n->nb_param; k++) {
        const FgParam *p = param(w, k);
        int before = 0;
        for (const FgNode *m = w->g->nodes; m < w->n; m++)
            for (int j = 0; j < m->nb_param; j++)
                before |= !strcmp(m->param[j], p->name);
        if (!before)
            constant(w, p->name, p->nb_dims, p->dims, p->data);
    }
}

static void put_graph(Writer *w)
{
    const FgGraph *g = w->g;
    const FgNode *last = &g->nodes[g->nb_nodes - 1];
    for (int i = 1; i < g->nb_nodes; i++) {
        const int op = find_op(&g->nodes[i]);
        w->n = &g->nodes[i];
        if (ops[op].own)
            put_params(w);
        ops[op].put(w);
    }
    w->n = last;
    node(w, "Identity", last->name, NULL, NULL, "output");
    fg_buf_text(&w->graph, 2, "ffgan");
    if (w->constants.rc < 0)
        w->graph.rc = w->constants.rc;
    fg_buf_put(&w->graph, w->constants.p, w->constants.n);
    put_value(&w->graph, 11, "input", g->nodes[0].attr.channels, w->height,
              w->width);
    put_value(&w->graph, 12, "output", w->shapes[g->nb_nodes - 1].c,
              w->height * w->reach.scale_num / w->reach.scale_den,
              w->width * w->reach.scale_num / w->reach.scale_den);
}

static void put_model(FgBuf *file, Writer *w, const FgModel *m)
{
    static const char *const keys[] = {"ffgan.licence", "ffgan.metrics",
                                       "ffgan.family", "ffgan.data"};
    FgBuf opset = {0}, prop = {0};
    fg_buf_int(file, 1, IR_VERSION);
    fg_buf_text(file, 2, "ffgan");
    fg_buf_message(file, 7, &w->graph);
    fg_buf_text(&opset, 1, "");
    fg_buf_int(&opset, 2, OPSET);
    fg_buf_message(file, 8, &opset);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        const char *v = fg_model_meta(m, keys[i]);
        if (!v)
            continue;
        fg_buf_text(&prop, 1, keys[i]);
        fg_buf_text(&prop, 2, v);
        fg_buf_message(file, 14, &prop);
    }
}

/* The input keeps its name through the first node; others are taken over. */
static void rename_input(FgGraph *g)
{
    strcpy(g->nodes[0].name, "input");
    for (int i = 1; i < g->nb_nodes; i++)
        if (!strcmp(g->nodes[i].name, "input") ||
            !strcmp(g->nodes[i].name, "output"))
            strcat(g->nodes[i].name, "_");
}

static int check_size(Writer *w, const char *path, FgError *err)
{
    const int rc = fg_graph_reach(w->g, &w->reach, err);
    const int a = w->reach.align;
    if (rc < 0)
        return rc;
    return w->width % a || w->height % a
               ? fg_error(err, -EINVAL,
                          "%s: this network takes sizes that %d divides, "
                          "not %dx%d",
                          path, a, w->width, w->height)
               : 0;
}

int fg_export_onnx(const FgModel *m, const char *path, int width, int height,
                   FgError *err)
{
    FgGraph g = {0};
    FgParams ps = {0};
    FgBuf file = {0};
    Writer w = {.g = &g, .ps = &ps, .width = width, .height = height};
    int rc = fg_graph_collapse(&g, &ps, &m->graph, &m->params, err);
    FgShape *shapes = rc < 0 ? NULL : fg_graph_any_shapes(&g, err);
    rc = rc < 0 ? rc : shapes ? check_ops(&g, path, err) : -EINVAL;
    rc = rc < 0 ? rc : check_size(&w, path, err);
    if (rc >= 0 && width)
        rc = fg_graph_shapes(
            &g, (FgShape){1, g.nodes[0].attr.channels, height, width}, shapes,
            err);
    if (rc >= 0) {
        w.shapes = shapes;
        rename_input(&g);
        put_graph(&w);
        put_model(&file, &w, m);
        rc = file.rc < 0 ? fg_error(err, file.rc, "%s: out of memory", path)
                         : fg_put_file(path, file.p, file.n, err);
    }
    free(w.graph.p);
    free(w.constants.p);
    free(file.p);
    free(shapes);
    fg_graph_free(&g);
    fg_params_free(&ps);
    return rc;
}
