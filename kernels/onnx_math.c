/* ffgan: ONNX: arithmetic and activations.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph_priv.h"
#include "onnx.h"

/* ---- layers that may vanish ---- */

static const FgNode *node_at(const FgOnnx *o, int layer)
{
    return &o->im->m->graph.nodes[layer];
}

/* Two scales in a row are one, none when together they are 1. */
static int scaled(FgOnnx *o, int x, double by)
{
    if (o->im->rc < 0)
        return 0;
    const FgNode *n = node_at(o, x);
    if (fg_node_is(n, "scale")) {
        by *= n->attr.alpha;
        x = n->in[0];
    }
    return fabs(by - 1) < 1e-6
               ? x
               : fg_im_scale(o->im, fg_onnx_name(o, "scale"), x, by);
}

static int shifted(FgOnnx *o, int x, double by)
{
    return by == 0
               ? x
               : fg_im_offset(o->im, fg_onnx_name(o, "offset"), x, by, NULL);
}

static int act(FgOnnx *o, const char *op, int x, float alpha)
{
    return fg_im_act(o->im, op, fg_onnx_name(o, op), x, alpha);
}

/* relu(x - lo) + lo, and hi - relu(hi - x). */
int fg_onnx_clamp(FgOnnx *o, int x, double lo, double hi)
{
    if (lo > -1e30)
        x = shifted(o, act(o, "relu", shifted(o, x, -lo), 0), lo);
    if (hi < 1e30) {
        const int y = shifted(o, scaled(o, x, -1), hi);
        x = shifted(o, scaled(o, act(o, "relu", y, 0), -1), hi);
    }
    return x;
}

/* ---- a layer and a constant ---- */

static double number(const FgOnnxValue *v, size_t i)
{
    return v->whole ? (double)v->i[i] : v->f[i];
}

/* One number for each channel: [C,1,1], [1,C,1,1]; or one for all. */
static int by_channel(const FgOnnxValue *v, int c)
{
    const int nb = v->nb_dims;
    return v->count == (size_t)c && nb >= 3 && nb <= 4 &&
           v->dims[nb - 1] == 1 && v->dims[nb - 2] == 1 && v->dims[nb - 3] == c;
}

static float *numbers(FgOnnx *o, const FgOnnxValue *v, int c, double factor)
{
    float *f = malloc(sizeof(*f) * (size_t)c);
    for (int i = 0; f && i < c; i++)
        f[i] = (float)(factor * number(v, v->count == 1 ? 0 : (size_t)i));
    if (!f)
        fg_im_fail(o->im, -ENOMEM, "out of memory");
    return f;
}

static int add_constant(FgOnnx *o, const FgOnnxNode *n, int x,
                        const FgOnnxValue *v, double sign)
{
    const int c = o->im->channels[x];
    if (v->count == 1)
        return shifted(o, x, sign * number(v, 0));
    if (!by_channel(v, c)) {
        fg_onnx_refuse(o, n,
                       "adds a constant that is neither a number nor one "
                       "for each channel");
        return 0;
    }
    float *each = numbers(o, v, c, sign);
    const int y = each ? fg_im_offset(o->im, fg_onnx_name(o, "offset"), x, 0,
                                      each)
                       : 0;
    free(each);
    return y;
}

/* A 1x1 convolution of one channel each. */
static int mul_constant(FgOnnx *o, const FgOnnxNode *n, int x,
                        const FgOnnxValue *v, int divide)
{
    const int c = o->im->channels[x];
    if (v->count == 1)
        return scaled(o, x, divide ? 1 / number(v, 0) : number(v, 0));
    if (!by_channel(v, c)) {
        fg_onnx_refuse(o, n,
                       "multiplies by a constant that is neither a number "
                       "nor one for each channel");
        return 0;
    }
    float *w = numbers(o, v, c, 1);
    for (int i = 0; w && divide && i < c; i++)
        w[i] = 1 / w[i];
    const FgImKernel q = {.oc = c, .k = 1, .groups = c, .stride = 1, .w = w};
    const int y = w ? fg_im_kernel(o->im, fg_onnx_name(o, "mul"), x, &q) : 0;
    free(w);
    return y;
}

/* ---- halves of patterns ---- */

/* The layer that v's is a multiple of, and by how much. */
static int origin(const FgOnnx *o, int layer, double *by)
{
    const FgNode *n = node_at(o, layer);
    *by = 1;
    if (!fg_node_is(n, "scale"))
        return layer;
    *by = n->attr.alpha;
    return n->in[0];
}

static int put_half(FgOnnx *o, const FgOnnxNode *n, FgOnnxKind kind, int layer)
{
    const FgOnnxValue v = {.kind = kind, .layer = layer};
    return n->nb_out ? fg_onnx_put(o, n->out[0], &v) : o->im->rc;
}

/* x * (1 + erf(x / sqrt 2)) = 2 gelu(x); x * tanh(softplus(x)) = mish(x). */
static int finish_half(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *half,
                       const FgOnnxValue *other)
{
    double by;
    if (other->kind != FG_ONNX_LAYER)
        return fg_onnx_refuse(o, n, "half of an activation that is not known");
    const int x = origin(o, other->layer, &by);
    if (half->kind == FG_ONNX_ERF1 && x == half->layer)
        return fg_onnx_put_layer(o, n, 0,
                                 scaled(o, act(o, "gelu", x, 0), 2 * by));
    if (half->kind == FG_ONNX_TANH_SP && other->layer == half->layer)
        return fg_onnx_put_layer(o, n, 0, act(o, "mish", half->layer, 0));
    return fg_onnx_refuse(o, n, "half of an activation that is not known");
}

static int op_erf(FgOnnx *o, const FgOnnxNode *n)
{
    double by;
    const int x = origin(o, fg_onnx_layer(o, n, 0), &by);
    if (fabs(by - 0.70710678) > 1e-4)
        return fg_onnx_refuse(o, n, "read as a part of GELU only");
    return put_half(o, n, FG_ONNX_ERF, x);
}

static int op_softplus(FgOnnx *o, const FgOnnxNode *n)
{
    return put_half(o, n, FG_ONNX_SOFTPLUS, fg_onnx_layer(o, n, 0));
}

static int op_tanh(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *v = fg_onnx_in(o, n, 0);
    if (v && v->kind == FG_ONNX_SOFTPLUS)
        return put_half(o, n, FG_ONNX_TANH_SP, v->layer);
    return fg_onnx_put_layer(o, n, 0,
                             act(o, "tanh", fg_onnx_layer(o, n, 0), 0));
}

/* ---- two layers ---- */

/* The second may be smaller; where the first is, they change places. */
static void order(const FgOnnx *o, int *a, int *b)
{
    const FgShape x = o->im->shapes[*a], y = o->im->shapes[*b];
    if ((x.c < y.c || x.h < y.h || x.w < y.w)) {
        const int t = *a;
        *a = *b;
        *b = t;
    }
}

static int multiply(FgOnnx *o, int a, int b)
{
    const FgNode *x = node_at(o, a), *y = node_at(o, b);
    if (fg_node_is(y, "sigmoid") && y->in[0] == a)
        return act(o, "silu", a, 0);
    if (fg_node_is(x, "sigmoid") && x->in[0] == b)
        return act(o, "silu", b, 0);
    order(o, &a, &b);
    return fg_im_mul2(o->im, fg_onnx_name(o, "mul"), a, b);
}

static int combine(FgOnnx *o, const FgOnnxNode *n, int a, int b)
{
    if (o->im->rc < 0)
        return 0;
    switch (n->op.p[0]) {
    case 'M':
        return multiply(o, a, b);
    case 'S':
        b = scaled(o, b, -1); /* fall through */
    case 'A':
        if (o->im->rc < 0)
            return 0;
        order(o, &a, &b);
        return fg_im_add2(o->im, fg_onnx_name(o, "add"), a, b);
    default:
        fg_onnx_refuse(o, n, "a picture divided by a picture");
        return 0;
    }
}

static int with_constant(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a,
                         const FgOnnxValue *b)
{
    const int swapped = a->kind == FG_ONNX_CONST;
    const FgOnnxValue *v = swapped ? a : b;
    const int x = swapped ? b->layer : a->layer;
    switch (n->op.p[0]) {
    case 'A':
        return add_constant(o, n, x, v, 1);
    case 'S':
        return swapped ? add_constant(o, n, scaled(o, x, -1), v, 1)
                       : add_constant(o, n, x, v, -1);
    case 'M':
        return mul_constant(o, n, x, v, 0);
    default:
        if (!swapped)
            return mul_constant(o, n, x, v, 1);
        fg_onnx_refuse(o, n, "a number divided by a picture");
        return 0;
    }
}

static int is_half(const FgOnnxValue *v)
{
    return v->kind != FG_ONNX_LAYER && v->kind != FG_ONNX_CONST;
}

static int op_binary(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *pa = fg_onnx_in(o, n, 0), *pb = fg_onnx_in(o, n, 1);
    if (!pa || !pb)
        return fg_onnx_refuse(o, n, "it has fewer than two inputs");
    const FgOnnxValue a = *pa, b = *pb;
    if (fg_onnx_norm_step(o, n, &a, &b))
        return o->im->rc;
    const FgOnnxValue *half = is_half(&a) ? &a : is_half(&b) ? &b : NULL;
    const FgOnnxValue *other = half == &a ? &b : &a;
    if (half && half->kind == FG_ONNX_ERF && n->op.p[0] == 'A' &&
        other->kind == FG_ONNX_CONST && other->count == 1 &&
        number(other, 0) == 1)
        return put_half(o, n, FG_ONNX_ERF1, half->layer);
    if (half && n->op.p[0] == 'M' && other->kind != FG_ONNX_CONST)
        return finish_half(o, n, half, other);
    if (half)
        return fg_onnx_refuse(o, n, "half of an activation that is not known");
    if (a.kind == FG_ONNX_CONST && b.kind == FG_ONNX_CONST)
        return fg_onnx_refuse(o, n, "constants that cannot be combined");
    const int two = a.kind == FG_ONNX_LAYER && b.kind == FG_ONNX_LAYER;
    return fg_onnx_put_layer(o, n, 0,
                             two ? combine(o, n, a.layer, b.layer)
                                 : with_constant(o, n, &a, &b));
}

static int op_neg(FgOnnx *o, const FgOnnxNode *n)
{
    return fg_onnx_put_layer(o, n, 0, scaled(o, fg_onnx_layer(o, n, 0), -1));
}

static int op_pow(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *p = fg_onnx_in(o, n, 1);
    const double e = p && p->kind == FG_ONNX_CONST && p->count == 1
                         ? number(p, 0)
                         : 0;
    if (e == 2 && fg_onnx_squared(o, n))
        return o->im->rc;
    const int x = fg_onnx_layer(o, n, 0);
    int y = x;
    if (e != 1 && e != 2 && e != 3)
        return fg_onnx_refuse(o, n, "allowed are the powers 1, 2 and 3");
    for (int i = 1; i < (int)e; i++)
        y = fg_im_mul2(o->im, fg_onnx_name(o, "mul"), y, x);
    return fg_onnx_put_layer(o, n, 0, y);
}

/* ---- activations ---- */

static int plain(FgOnnx *o, const FgOnnxNode *n, const char *op, float alpha)
{
    return fg_onnx_put_layer(o, n, 0,
                             act(o, op, fg_onnx_layer(o, n, 0), alpha));
}

static int op_relu(FgOnnx *o, const FgOnnxNode *n)
{
    return plain(o, n, "relu", 0);
}

static int op_leaky(FgOnnx *o, const FgOnnxNode *n)
{
    return plain(o, n, "leaky_relu", fg_onnx_float(n, "alpha", 0.01f));
}

static int op_sigmoid(FgOnnx *o, const FgOnnxNode *n)
{
    return plain(o, n, "sigmoid", 0);
}

static int op_mish(FgOnnx *o, const FgOnnxNode *n)
{
    return plain(o, n, "mish", 0);
}

static int op_swish(FgOnnx *o, const FgOnnxNode *n)
{
    if (fg_onnx_float(n, "alpha", 1) != 1)
        return fg_onnx_refuse(o, n, "allowed is alpha 1");
    return plain(o, n, "silu", 0);
}

/* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) */
static int gelu_tanh(FgOnnx *o, int x)
{
    FgImport *im = o->im;
    int y = fg_im_mul2(im, fg_onnx_name(o, "mul"), x, x);
    y = fg_im_mul2(im, fg_onnx_name(o, "mul"), y, x);
    y = scaled(o, y, 0.044715);
    y = fg_im_add2(im, fg_onnx_name(o, "add"), y, x);
    y = act(o, "tanh", scaled(o, y, 0.7978845608028654), 0);
    y = scaled(o, shifted(o, y, 1), 0.5);
    return fg_im_mul2(im, fg_onnx_name(o, "mul"), x, y);
}

static int op_gelu(FgOnnx *o, const FgOnnxNode *n)
{
    const int x = fg_onnx_layer(o, n, 0);
    const int fast = fg_span_is(fg_onnx_text(n, "approximate"), "tanh");
    return fg_onnx_put_layer(o, n, 0,
                             fast ? gelu_tanh(o, x) : act(o, "gelu", x, 0));
}

static int op_prelu(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *s = fg_onnx_in(o, n, 1);
    const int x = fg_onnx_layer(o, n, 0);
    const char *name = fg_onnx_name(o, "prelu");
    char key[FG_NAME_LEN + 16];
    if (o->im->rc < 0)
        return o->im->rc;
    const int c = o->im->channels[x];
    if (!s || s->kind != FG_ONNX_CONST || s->whole ||
        (s->count != 1 && s->count != (size_t)c))
        return fg_onnx_refuse(o, n,
                              "slopes are wanted as constants, one or one "
                              "for each channel");
    float *v = numbers(o, s, c, 1);
    strcat(strcpy(key, name), ".weight");
    if (v)
        fg_im_param(o->im, key, 1, &c, v);
    free(v);
    return fg_onnx_put_layer(
        o, n, 0, fg_im_op(o->im, "prelu", name, x, -1, (FgAttr){0}));
}

static double bound(FgOnnx *o, const FgOnnxNode *n, int k, const char *attr,
                    double def)
{
    const FgOnnxValue *v = fg_onnx_in(o, n, k);
    if (v && v->kind == FG_ONNX_CONST && v->count == 1)
        return number(v, 0);
    return fg_onnx_float(n, attr, (float)def);
}

/* The filter limits what it writes: at the very end 0..1 is left out. */
static int op_clip(FgOnnx *o, const FgOnnxNode *n)
{
    const double lo = bound(o, n, 1, "min", -INFINITY);
    const double hi = bound(o, n, 2, "max", INFINITY);
    const int x = fg_onnx_layer(o, n, 0);
    const int last = n->nb_out && n->out[0].n == o->output.n &&
                     !memcmp(n->out[0].p, o->output.p, o->output.n);
    return fg_onnx_put_layer(
        o, n, 0, last && lo == 0 && hi == 1 ? x : fg_onnx_clamp(o, x, lo, hi));
}

static int hard(FgOnnx *o, int x, double alpha, double beta)
{
    return fg_onnx_clamp(o, shifted(o, scaled(o, x, alpha), beta), 0, 1);
}

static int op_hard_sigmoid(FgOnnx *o, const FgOnnxNode *n)
{
    return fg_onnx_put_layer(o, n, 0,
                             hard(o, fg_onnx_layer(o, n, 0),
                                  fg_onnx_float(n, "alpha", 0.2f),
                                  fg_onnx_float(n, "beta", 0.5f)));
}

static int op_hard_swish(FgOnnx *o, const FgOnnxNode *n)
{
    const int x = fg_onnx_layer(o, n, 0);
    return fg_onnx_put_layer(
        o, n, 0,
        fg_im_mul2(o->im, fg_onnx_name(o, "mul"), x, hard(o, x, 1.0 / 6, 0.5)));
}

static int op_same(FgOnnx *o, const FgOnnxNode *n)
{
    return fg_onnx_put_layer(o, n, 0, fg_onnx_layer(o, n, 0));
}

const FgOnnxOp fg_onnx_math[] = {
    {"Add", op_binary},
    {"Sub", op_binary},
    {"Mul", op_binary},
    {"Div", op_binary},
    {"Neg", op_neg},
    {"Pow", op_pow},
    {"Relu", op_relu},
    {"LeakyRelu", op_leaky},
    {"PRelu", op_prelu},
    {"Sigmoid", op_sigmoid},
    {"Tanh", op_tanh},
    {"Erf", op_erf},
    {"Gelu", op_gelu},
    {"Softplus", op_softplus},
    {"Mish", op_mish},
    {"Swish", op_swish},
    {"HardSigmoid", op_hard_sigmoid},
    {"HardSwish", op_hard_swish},
    {"Clip", op_clip},
    {"Identity", op_same},
    {"Dropout", op_same},
    {"Cast", op_same},
    {NULL, NULL},
};
