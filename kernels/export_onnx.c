/* ffgan: exporting: ONNX files.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Only operators that every runtime has: activations of several steps are
 * written as those. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "model_priv.h"
#include "onnx_write.h"

#define OPSET 17
#define IR_VERSION 8

/* ---- ops ---- */

/* A vector under the sizes [C,1,1] or [1,C,1,1]. */
static FgOnnxName per_channel(FgOnnxWriter *w, int k, int nb_dims)
{
    const FgParam *p = fg_ow_param(w, k);
    const int c = (int)fg_param_count(p), d[4] = {1, c, 1, 1};
    FgOnnxName n;
    snprintf(n.s, sizeof(n.s), "%s/%s", w->n->param[k], w->n->name);
    fg_ow_constant(w, n.s, nb_dims, nb_dims == 4 ? d : d + 1, p->data);
    return n;
}

static const char *const pad_modes[] = {"constant", "reflect", "edge", "wrap"};

static void pad_node(FgOnnxWriter *w, const char *from, int pad, int mode,
                     const char *to)
{
    const int64_t p[8] = {0, 0, pad, pad, 0, 0, pad, pad};
    const FgOnnxName pads = fg_ow_integers(w, 8, p);
    fg_ow_text(w, "mode", pad_modes[mode]);
    fg_ow_node(w, "Pad", from, pads.s, NULL, to);
}

static void window(FgOnnxWriter *w, int pad)
{
    const FgAttr *a = &w->n->attr;
    const int64_t k[2] = {a->kernel, a->kernel}, s[2] = {a->stride, a->stride};
    const int64_t p[4] = {pad, pad, pad, pad};
    fg_ow_ints(w, "kernel_shape", 2, k);
    fg_ow_ints(w, "strides", 2, s);
    fg_ow_ints(w, "pads", 4, p);
}

static void put_conv(FgOnnxWriter *w)
{
    const FgAttr *a = &w->n->attr;
    const int deconv = fg_node_is(w->n, "deconv2d");
    const int apart = !deconv && a->pad && a->pad_mode != FG_PAD_ZERO;
    const FgOnnxName padded = fg_ow_name(w, "pad");
    if (apart)
        pad_node(w, fg_ow_in(w, 0), a->pad, a->pad_mode, padded.s);
    window(w, apart ? 0 : a->pad);
    fg_ow_int(w, "group", a->groups);
    fg_ow_node(w, deconv ? "ConvTranspose" : "Conv",
               apart ? padded.s : fg_ow_in(w, 0), w->n->param[0],
               a->bias ? w->n->param[1] : NULL, w->n->name);
}

static void put_pool(FgOnnxWriter *w)
{
    window(w, w->n->attr.pad);
    fg_ow_node(w, fg_node_is(w->n, "max_pool") ? "MaxPool" : "AveragePool",
               fg_ow_in(w, 0), NULL, NULL, w->n->name);
}

static void put_simple(FgOnnxWriter *w)
{
    static const char *const names[][2] = {
        {"relu", "Relu"}, {"sigmoid", "Sigmoid"},
        {"tanh", "Tanh"}, {"add", "Add"},
        {"mul", "Mul"},   {"mean", "GlobalAveragePool"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (fg_node_is(w->n, names[i][0]))
            fg_ow_node(w, names[i][1], fg_ow_in(w, 0),
                       w->n->nb_in > 1 ? fg_ow_in(w, 1) : NULL, NULL,
                       w->n->name);
}

static void put_bias(FgOnnxWriter *w)
{
    const FgOnnxName b = per_channel(w, 0, 4);
    fg_ow_node(w, "Add", fg_ow_in(w, 0), b.s, NULL, w->n->name);
}

static void put_leaky(FgOnnxWriter *w)
{
    fg_ow_float(w, "alpha", w->n->attr.alpha);
    fg_ow_node(w, "LeakyRelu", fg_ow_in(w, 0), NULL, NULL, w->n->name);
}

static void put_prelu(FgOnnxWriter *w)
{
    const FgOnnxName s = per_channel(w, 0, 3);
    fg_ow_node(w, "PRelu", fg_ow_in(w, 0), s.s, NULL, w->n->name);
}

static void put_scale(FgOnnxWriter *w)
{
    const FgOnnxName c = fg_ow_number(w, w->n->attr.alpha);
    fg_ow_node(w, "Mul", fg_ow_in(w, 0), c.s, NULL, w->n->name);
}

static void put_silu(FgOnnxWriter *w)
{
    const FgOnnxName s = fg_ow_name(w, "s");
    fg_ow_node(w, "Sigmoid", fg_ow_in(w, 0), NULL, NULL, s.s);
    fg_ow_node(w, "Mul", fg_ow_in(w, 0), s.s, NULL, w->n->name);
}

static void put_mish(FgOnnxWriter *w)
{
    const FgOnnxName s = fg_ow_name(w, "s"), t = fg_ow_name(w, "t");
    fg_ow_node(w, "Softplus", fg_ow_in(w, 0), NULL, NULL, s.s);
    fg_ow_node(w, "Tanh", s.s, NULL, NULL, t.s);
    fg_ow_node(w, "Mul", fg_ow_in(w, 0), t.s, NULL, w->n->name);
}

static void put_gelu(FgOnnxWriter *w)
{
    const FgOnnxName r = fg_ow_number(w, 1.41421356f), one = fg_ow_number(w, 1);
    const FgOnnxName half = fg_ow_number(w, 0.5f);
    const FgOnnxName a = fg_ow_name(w, "a"), b = fg_ow_name(w, "b"),
                     c = fg_ow_name(w, "e");
    const FgOnnxName d = fg_ow_name(w, "d");
    fg_ow_node(w, "Div", fg_ow_in(w, 0), r.s, NULL, a.s);
    fg_ow_node(w, "Erf", a.s, NULL, NULL, b.s);
    fg_ow_node(w, "Add", b.s, one.s, NULL, c.s);
    fg_ow_node(w, "Mul", fg_ow_in(w, 0), c.s, NULL, d.s);
    fg_ow_node(w, "Mul", d.s, half.s, NULL, w->n->name);
}

static void put_concat(FgOnnxWriter *w)
{
    const char *in[FG_MAX_IN];
    for (int k = 0; k < w->n->nb_in; k++)
        in[k] = fg_ow_in(w, k);
    fg_ow_int(w, "axis", 1);
    fg_ow_node_of(w, "Concat", w->n->nb_in, in, w->n->name);
}

static void put_shuffle(FgOnnxWriter *w)
{
    fg_ow_int(w, "blocksize", w->n->attr.factor);
    fg_ow_text(w, "mode", "CRD");
    fg_ow_node(w, "DepthToSpace", fg_ow_in(w, 0), NULL, NULL, w->n->name);
}

/* A convolution that picks: SpaceToDepth has another order of channels. */
static void put_unshuffle(FgOnnxWriter *w)
{
    const int r = w->n->attr.factor, c = w->shapes[w->n->in[0]].c;
    const int dims[4] = {c * r * r, 1, r, r};
    const int64_t k[2] = {r, r};
    const size_t area = (size_t)(r * r);
    const FgOnnxName pick = fg_ow_name(w, "pick");
    float *v = calloc((size_t)c * area * area, sizeof(*v));
    if (!v) {
        w->graph.rc = -ENOMEM;
        return;
    }
    for (size_t i = 0; i < (size_t)c * area; i++)
        v[i * area + i % area] = 1;
    fg_ow_constant(w, pick.s, 4, dims, v);
    free(v);
    fg_ow_ints(w, "kernel_shape", 2, k);
    fg_ow_ints(w, "strides", 2, k);
    fg_ow_int(w, "group", c);
    fg_ow_node(w, "Conv", fg_ow_in(w, 0), pick.s, NULL, w->n->name);
}

static void put_resize(FgOnnxWriter *w)
{
    const float f = (float)w->n->attr.factor, v[4] = {1, 1, f, f};
    const int four = 4, mode = w->n->attr.mode;
    const FgOnnxName scales = fg_ow_name(w, "scales");
    fg_ow_constant(w, scales.s, 1, &four, v);
    fg_ow_text(w, "mode",
               mode == FG_RESIZE_NEAREST    ? "nearest"
               : mode == FG_RESIZE_BILINEAR ? "linear"
                                            : "cubic");
    fg_ow_text(w, "coordinate_transformation_mode",
               mode == FG_RESIZE_NEAREST ? "asymmetric" : "half_pixel");
    if (mode == FG_RESIZE_NEAREST)
        fg_ow_text(w, "nearest_mode", "floor");
    if (mode == FG_RESIZE_BICUBIC)
        fg_ow_float(w, "cubic_coeff_a", -0.5f);
    fg_ow_node(w, "Resize", fg_ow_in(w, 0), "", scales.s, w->n->name);
}

static void put_norm(FgOnnxWriter *w)
{
    const int batch = fg_node_is(w->n, "batch_norm");
    const char *in[1 + FG_MAX_PARAM] = {fg_ow_in(w, 0)};
    for (int k = 0; k < w->n->nb_param; k++)
        in[k + 1] = w->n->param[k];
    fg_ow_float(w, "epsilon", w->n->attr.eps);
    fg_ow_node_of(w, batch ? "BatchNormalization" : "InstanceNormalization",
                  1 + w->n->nb_param, in, w->n->name);
}

static void affine(FgOnnxWriter *w, const char *from)
{
    const FgOnnxName s = per_channel(w, 0, 4), b = per_channel(w, 1, 4);
    const FgOnnxName y = fg_ow_name(w, "scaled");
    fg_ow_node(w, "Mul", from, s.s, NULL, y.s);
    fg_ow_node(w, "Add", y.s, b.s, NULL, w->n->name);
}

/* [N, groups, all the rest] has one mean and variance a row. */
static void put_group_norm(FgOnnxWriter *w)
{
    const int g = w->n->attr.groups;
    const int64_t flat[3] = {0, g, -1};
    const FgOnnxName size = fg_ow_integers(w, 3, flat),
                     shape = fg_ow_name(w, "shape");
    const FgOnnxName ones = fg_ow_name(w, "ones"),
                     zeros = fg_ow_name(w, "zeros");
    const FgOnnxName a = fg_ow_name(w, "flat"), b = fg_ow_name(w, "norm"),
                     c = fg_ow_name(w, "back");
    float *v = calloc((size_t)g, sizeof(*v));
    if (!v) {
        w->graph.rc = -ENOMEM;
        return;
    }
    fg_ow_constant(w, zeros.s, 1, &g, v);
    for (int i = 0; i < g; i++)
        v[i] = 1;
    fg_ow_constant(w, ones.s, 1, &g, v);
    free(v);
    fg_ow_node(w, "Reshape", fg_ow_in(w, 0), size.s, NULL, a.s);
    fg_ow_float(w, "epsilon", w->n->attr.eps);
    fg_ow_node(w, "InstanceNormalization", a.s, ones.s, zeros.s, b.s);
    fg_ow_node(w, "Shape", fg_ow_in(w, 0), NULL, NULL, shape.s);
    fg_ow_node(w, "Reshape", b.s, shape.s, NULL, c.s);
    affine(w, c.s);
}

static void put_layer_norm(FgOnnxWriter *w)
{
    const int64_t one = 1;
    const FgOnnxName eps = fg_ow_number(w, w->n->attr.eps),
                     mean = fg_ow_name(w, "mean");
    const FgOnnxName d = fg_ow_name(w, "d"), q = fg_ow_name(w, "q"),
                     v = fg_ow_name(w, "var");
    const FgOnnxName e = fg_ow_name(w, "e"), s = fg_ow_name(w, "std"),
                     x = fg_ow_name(w, "x");
    fg_ow_ints(w, "axes", 1, &one);
    fg_ow_node(w, "ReduceMean", fg_ow_in(w, 0), NULL, NULL, mean.s);
    fg_ow_node(w, "Sub", fg_ow_in(w, 0), mean.s, NULL, d.s);
    fg_ow_node(w, "Mul", d.s, d.s, NULL, q.s);
    fg_ow_ints(w, "axes", 1, &one);
    fg_ow_node(w, "ReduceMean", q.s, NULL, NULL, v.s);
    fg_ow_node(w, "Add", v.s, eps.s, NULL, e.s);
    fg_ow_node(w, "Sqrt", e.s, NULL, NULL, s.s);
    fg_ow_node(w, "Div", d.s, s.s, NULL, x.s);
    affine(w, x.s);
}

static void put_pad(FgOnnxWriter *w)
{
    pad_node(w, fg_ow_in(w, 0), w->n->attr.pad, w->n->attr.pad_mode,
             w->n->name);
}

static void put_slice(FgOnnxWriter *w)
{
    const int first = w->n->attr.first;
    fg_ow_slice(w, fg_ow_in(w, 0), 1, first, first + w->n->attr.channels,
                w->n->name);
}

/* Training's alone. */
static void put_dropout(FgOnnxWriter *w)
{
    fg_ow_node(w, "Identity", fg_ow_in(w, 0), NULL, NULL, w->n->name);
}

static const struct {
    const char *op;
    void (*put)(FgOnnxWriter *w);
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
    {"warp", fg_ow_warp, 0},
    {"correlate", fg_ow_correlate, 0},
    {"dense", fg_ow_dense, 0},
    {"dropout", put_dropout, 0},
    {"resize_like", fg_ow_resize_like, 0},
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

static void put_params(FgOnnxWriter *w)
{
    for (int k = 0; k < w->n->nb_param; k++) {
        const FgParam *p = fg_ow_param(w, k);
        int before = 0;
        for (const FgNode *m = w->g->nodes; m < w->n; m++)
            for (int j = 0; j < m->nb_param; j++)
                before |= !strcmp(m->param[j], p->name);
        if (!before)
            fg_ow_constant(w, p->name, p->nb_dims, p->dims, p->data);
    }
}

static void put_graph(FgOnnxWriter *w)
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
    fg_ow_node(w, "Identity", last->name, NULL, NULL, "output");
    fg_buf_text(&w->graph, 2, "ffgan");
    if (w->constants.rc < 0)
        w->graph.rc = w->constants.rc;
    fg_buf_put(&w->graph, w->constants.p, w->constants.n);
    put_value(&w->graph, 11, "input", g->nodes[0].attr.channels, w->height,
              w->width);
    const FgShape out = w->shapes[g->nb_nodes - 1];
    put_value(&w->graph, 12, "output", out.c, w->width ? out.h : 0,
              w->width ? out.w : 0);
}

static void put_model(FgBuf *file, FgOnnxWriter *w, const FgModel *m)
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

static int check_size(FgOnnxWriter *w, const char *path, FgError *err)
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
    FgOnnxWriter w = {.path = path,
                      .err = err,
                      .g = &g,
                      .ps = &ps,
                      .width = width,
                      .height = height};
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
        rc = w.rc < 0      ? w.rc
             : file.rc < 0 ? fg_error(err, file.rc, "%s: out of memory", path)
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
