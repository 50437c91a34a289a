/* ffgan: ONNX: norms, as operators and as the arithmetic that exporters write.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A norm over the channels of each pixel is written as mean, difference,
 * square, mean, sum with epsilon, root, quotient; over the second of four axes,
 * or over the last of a picture that was transposed. The steps are values of
 * kinds of their own until the quotient makes a layer of them. */
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

static int norm(FgOnnx *o, const FgOnnxNode *n, const char *op, int nb)
{
    static const char *const keys[] = {"weight", "bias", "running_mean",
                                       "running_var"};
    const int x = fg_onnx_layer(o, n, 0);
    char key[FG_NAME_LEN + 16], name[FG_NAME_LEN];
    if (o->im->rc < 0)
        return o->im->rc;
    const int c = o->im->channels[x];
    snprintf(name, sizeof(name), "%s", fg_onnx_name(o, op));
    for (int k = 0; k < nb; k++) {
        const FgOnnxValue *v = constant(o, n, k + 1);
        if (!v || v->whole || v->count != (size_t)c)
            return fg_onnx_refuse(o, n,
                                  "one constant for each channel is "
                                  "wanted");
        snprintf(key, sizeof(key), "%s.%s", name, keys[k]);
        fg_im_param(o->im, key, 1, &c, v->f);
    }
    const FgAttr a = {.eps = fg_onnx_float(n, "epsilon", 1e-5f),
                      .momentum = 0.1f};
    return fg_onnx_put_layer(o, n, 0, fg_im_op(o->im, op, name, x, -1, a));
}

static int op_batch_norm(FgOnnx *o, const FgOnnxNode *n)
{
    return norm(o, n, "batch_norm", 4);
}

/* An instance norm of [N, groups, the rest] is a group norm. */
static int group_norm(FgOnnx *o, const FgOnnxNode *n, FgOnnxValue v)
{
    FgImport *im = o->im;
    char key[FG_NAME_LEN + 16], name[FG_NAME_LEN];
    const int c = im->channels[v.layer], g = (int)v.dims[1];
    if (v.nb_dims != 3 || v.perm || v.dims[0] != 1 || g < 1 || c % g)
        return fg_onnx_refuse(o, n, "its groups do not divide the channels");
    float *f = malloc(sizeof(*f) * (size_t)c);
    snprintf(name, sizeof(name), "%s", fg_onnx_name(o, "group_norm"));
    for (int k = 0; f && k < 2; k++) {
        const FgOnnxValue *p = constant(o, n, k + 1);
        if (!p || p->whole || p->count != (size_t)g) {
            free(f);
            return fg_onnx_refuse(o, n,
                                  "one constant for each group is wanted");
        }
        for (int i = 0; i < c; i++)
            f[i] = p->f[i / (c / g)];
        snprintf(key, sizeof(key), "%s.%s", name, k ? "bias" : "weight");
        fg_im_param(im, key, 1, &c, f);
    }
    if (!f)
        return fg_im_fail(im, -ENOMEM, "out of memory");
    free(f);
    const FgAttr a = {.groups = g, .eps = fg_onnx_float(n, "epsilon", 1e-5f)};
    v.layer = fg_im_op(im, "group_norm", name, v.layer, -1, a);
    return n->nb_out ? fg_onnx_put(o, n->out[0], &v) : im->rc;
}

static int op_instance_norm(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *v = fg_onnx_in(o, n, 0);
    return v && v->kind == FG_ONNX_SPLIT ? group_norm(o, n, *v)
                                         : norm(o, n, "instance_norm", 2);
}

/* ---- over the channels of each pixel ---- */

static int put_value(FgOnnx *o, const FgOnnxNode *n, FgOnnxKind kind,
                     const FgOnnxValue *of)
{
    const FgOnnxValue v = {
        .kind = kind, .layer = of->layer, .last = of->last, .eps = of->eps};
    return n->nb_out ? fg_onnx_put(o, n->out[0], &v) : o->im->rc;
}

/* Scale and shift may be NULL: 1 and 0. The result lies as x does. */
static int layer_norm(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *x,
                      const float *const wb[2], float eps)
{
    FgImport *im = o->im;
    char key[FG_NAME_LEN + 16], name[FG_NAME_LEN];
    const int c = im->rc < 0 ? 0 : im->channels[x->layer];
    float *f = c ? malloc(sizeof(*f) * (size_t)c) : NULL;
    if (!f)
        return fg_im_fail(im, -ENOMEM, "out of memory");
    snprintf(name, sizeof(name), "%s", fg_onnx_name(o, "layer_norm"));
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < c; i++)
            f[i] = wb[k] ? wb[k][i] : (float)!k;
        snprintf(key, sizeof(key), "%s.%s", name, k ? "bias" : "weight");
        fg_im_param(im, key, 1, &c, f);
    }
    free(f);
    if (!(eps >= 1e-30f && eps <= 1))
        return fg_onnx_refuse(o, n, "its epsilon is not 1e-30..1");
    const FgOnnxValue y = {.layer = fg_im_op(im, "layer_norm", name, x->layer,
                                             -1, (FgAttr){.eps = eps}),
                           .last = x->last};
    return put_value(o, n, x->last ? FG_ONNX_LAST : FG_ONNX_LAYER, &y);
}

static int op_layer_norm(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *x = fg_onnx_in(o, n, 0);
    const FgOnnxValue *v[2] = {constant(o, n, 1), constant(o, n, 2)};
    const float *wb[2] = {NULL, NULL};
    const int64_t axis = fg_onnx_int(n, "axis", -1);
    if (!x || x->kind != FG_ONNX_LAST || (axis != -1 && axis != 3))
        return fg_onnx_refuse(o, n,
                              "allowed is a norm over the channels, behind "
                              "a transposition that puts them last");
    const FgOnnxValue picture = *x;
    for (int k = 0; k < 2; k++) {
        if (k < n->nb_in - 1 && n->in[k + 1].n &&
            (!v[k] || v[k]->whole ||
             v[k]->count != (size_t)o->im->channels[picture.layer]))
            return fg_onnx_refuse(o, n,
                                  "one constant for each channel is wanted");
        wb[k] = v[k] ? v[k]->f : NULL;
    }
    return layer_norm(o, n, &picture, wb, fg_onnx_float(n, "epsilon", 1e-5f));
}

static int op_group_norm(FgOnnx *o, const FgOnnxNode *n)
{
    static const char *const keys[2] = {"weight", "bias"};
    const int x = fg_onnx_layer(o, n, 0);
    const int64_t g = fg_onnx_int(n, "num_groups", 0);
    char key[FG_NAME_LEN + 16], name[FG_NAME_LEN];
    if (o->im->rc < 0)
        return o->im->rc;
    const int c = o->im->channels[x];
    if (g < 1 || g > c || c % g)
        return fg_onnx_refuse(o, n, "its groups do not divide the channels");
    float *f = malloc(sizeof(*f) * (size_t)c);
    if (!f)
        return fg_im_fail(o->im, -ENOMEM, "out of memory");
    snprintf(name, sizeof(name), "%s", fg_onnx_name(o, "group_norm"));
    for (int k = 0; k < 2; k++) {
        /* One for each group until opset 20, one for each channel since. */
        const FgOnnxValue *v = constant(o, n, k + 1);
        if (!v || v->whole ||
            (v->count != (size_t)c && v->count != (size_t)g)) {
            free(f);
            return fg_onnx_refuse(o, n,
                                  "one constant for each channel is wanted");
        }
        for (int i = 0; i < c; i++)
            f[i] = v->f[v->count == (size_t)c ? i : i / (c / (int)g)];
        snprintf(key, sizeof(key), "%s.%s", name, keys[k]);
        fg_im_param(o->im, key, 1, &c, f);
    }
    free(f);
    const FgAttr a = {.groups = (int)g,
                      .eps = fg_onnx_float(n, "epsilon", 1e-5f)};
    return fg_onnx_put_layer(o, n, 0,
                             fg_im_op(o->im, "group_norm", name, x, -1, a));
}

/* ---- means ---- */

static int mean_axes(FgOnnx *o, const FgOnnxNode *n, int64_t axes[2])
{
    const FgOnnxValue *v = constant(o, n, 1);
    int nb = n->op.p[0] == 'G' ? 2 : fg_onnx_ints(n, "axes", axes, 2);
    if (nb < 0 && v && v->whole && v->count <= 2) {
        nb = (int)v->count;
        memcpy(axes, v->i, sizeof(*axes) * v->count);
    }
    for (int i = 0; i < nb && i < 2; i++)
        axes[i] += axes[i] < 0 ? 4 : 0;
    return nb;
}

static int op_mean(FgOnnx *o, const FgOnnxNode *n)
{
    int64_t axes[2] = {2, 3};
    const FgOnnxValue *x = fg_onnx_in(o, n, 0);
    const int nb = mean_axes(o, n, axes);
    const int keep = fg_onnx_int(n, "keepdims", 1) != 0;
    if (x && nb == 1 && keep && axes[0] == (x->last ? 3 : 1)) {
        if (x->kind == FG_ONNX_LAYER || x->kind == FG_ONNX_LAST)
            return put_value(o, n, FG_ONNX_CMEAN, x);
        if (x->kind == FG_ONNX_SQUARED)
            return put_value(o, n, FG_ONNX_CVAR, x);
    }
    if (nb != 2 || axes[0] != 2 || axes[1] != 3 || !keep)
        return fg_onnx_refuse(o, n,
                              "allowed is the mean over height and width, or "
                              "that over the channels in a norm, that keeps "
                              "them");
    return fg_onnx_put_layer(o, n, 0,
                             fg_im_op(o->im, "mean", fg_onnx_name(o, "mean"),
                                      fg_onnx_layer(o, n, 0), -1, (FgAttr){0}));
}

/* ---- the steps between ---- */

static int op_sqrt(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *v = fg_onnx_in(o, n, 0);
    if (!v || v->kind != FG_ONNX_CVAR || v->eps <= 0)
        return fg_onnx_refuse(o, n, "of pictures it is read in norms only");
    return put_value(o, n, FG_ONNX_DEVIATION, v);
}

int fg_onnx_squared(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *v = fg_onnx_in(o, n, 0);
    if (!v || v->kind != FG_ONNX_CENTRED)
        return 0;
    put_value(o, n, FG_ONNX_SQUARED, v);
    return 1;
}

/* [C] beside channels that lie last: the layer that it makes. */
static int put_last(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *x,
                    const FgOnnxValue *v)
{
    const int c = o->im->rc < 0 ? 0 : o->im->channels[x->layer];
    const int mul = n->op.p[0] == 'M';
    FgOnnxValue y = *x;
    if (v->whole || v->nb_dims != 1 || v->count != (size_t)c ||
        (!mul && n->op.p[0] != 'A'))
        return fg_onnx_refuse(o, n,
                              "allowed are products and sums with one "
                              "constant for each channel");
    y.layer =
        mul ? fg_im_kernel(
                  o->im, fg_onnx_name(o, "mul"), x->layer,
                  &(FgImKernel){
                      .oc = c, .k = 1, .groups = c, .stride = 1, .w = v->f})
            : fg_im_offset(o->im, fg_onnx_name(o, "offset"), x->layer, 0, v->f);
    return put_value(o, n, FG_ONNX_LAST, &y);
}

static int same(const FgOnnxValue *a, const FgOnnxValue *b)
{
    return a->layer == b->layer && a->last == b->last;
}

static int is_picture(const FgOnnxValue *v)
{
    return v->kind == FG_ONNX_LAYER || v->kind == FG_ONNX_LAST;
}

int fg_onnx_norm_step(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a,
                      const FgOnnxValue *b)
{
    static const float *const none[2] = {NULL, NULL};
    const char op = (char)n->op.p[0];
    const FgOnnxValue *v = a->kind == FG_ONNX_CONST ? a : b;
    const FgOnnxValue *x = v == a ? b : a;
    if (op == 'S' && is_picture(a) && b->kind == FG_ONNX_CMEAN && same(a, b))
        put_value(o, n, FG_ONNX_CENTRED, a);
    else if (op == 'M' && a->kind == FG_ONNX_CENTRED && b->kind == a->kind &&
             same(a, b))
        put_value(o, n, FG_ONNX_SQUARED, a);
    else if (op == 'D' && a->kind == FG_ONNX_CENTRED &&
             b->kind == FG_ONNX_DEVIATION && same(a, b))
        layer_norm(o, n, a, none, b->eps);
    else if (v->kind != FG_ONNX_CONST)
        return 0;
    else if (op == 'A' && x->kind == FG_ONNX_CVAR && v->count == 1 &&
             !v->whole && v->f[0] > 0) {
        FgOnnxValue y = *x;
        y.eps = v->f[0];
        put_value(o, n, FG_ONNX_CVAR, &y);
    } else if (x->kind == FG_ONNX_LAST)
        put_last(o, n, x, v);
    else
        return 0;
    return 1;
}

const FgOnnxOp fg_onnx_norms[] = {
    {"BatchNormalization", op_batch_norm},
    {"InstanceNormalization", op_instance_norm},
    {"LayerNormalization", op_layer_norm},
    {"GroupNormalization", op_group_norm},
    {"GlobalAveragePool", op_mean},
    {"ReduceMean", op_mean},
    {"Sqrt", op_sqrt},
    {NULL, NULL},
};
