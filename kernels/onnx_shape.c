/* ffgan: ONNX: shapes and other constants, computed while importing.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.h"

#define MAX_FOLD (1 << 22)

static int all_constant(FgOnnx *o, const FgOnnxNode *n)
{
    for (int k = 0; k < n->nb_in; k++) {
        const FgOnnxValue *v = fg_onnx_in(o, n, k);
        if (n->in[k].n && (!v || v->kind != FG_ONNX_CONST))
            return 0;
    }
    return fg_onnx_in(o, n, 0) != NULL;
}

static double number(const FgOnnxValue *v, size_t i)
{
    return v->whole ? (double)v->i[i] : v->f[i];
}

/* A constant like v with room for count numbers. -1: rc is set. */
static int fresh(FgOnnx *o, FgOnnxValue *v, int whole, size_t count)
{
    memset(v, 0, sizeof(*v));
    v->kind = FG_ONNX_CONST;
    v->whole = whole;
    v->count = count;
    if (count > MAX_FOLD) {
        fg_im_fail(o->im, -ENOTSUP, "a constant of %zu numbers", count);
        return -1;
    }
    if (whole)
        v->i = calloc(count + 1, sizeof(*v->i));
    else
        v->f = calloc(count + 1, sizeof(*v->f));
    if (!v->i && !v->f) {
        fg_im_fail(o->im, -ENOMEM, "out of memory");
        return -1;
    }
    return 0;
}

/* Weights are read by their sizes: these must be of as many numbers. */
static int sizes_fit(const FgOnnxValue *v)
{
    size_t all = 1;
    for (int i = 0; i < v->nb_dims; i++) {
        if (v->dims[i] < 0 || v->dims[i] > INT32_MAX || all > INT32_MAX)
            return 0;
        all *= (size_t)v->dims[i];
    }
    return all == v->count;
}

static int put(FgOnnx *o, const FgOnnxNode *n, FgOnnxValue *v)
{
    if (!n->nb_out || !sizes_fit(v)) {
        free(v->f);
        free(v->i);
        free(v->from);
        return fg_onnx_refuse(
            o, n, n->nb_out ? "its sizes do not fit" : "it has no output");
    }
    return fg_onnx_put(o, n->out[0], v) < 0 ? o->im->rc : 1;
}

static void set(FgOnnxValue *v, size_t i, double x)
{
    if (v->whole)
        v->i[i] = fabs(x) < 1e15 ? (int64_t)x : 0;
    else
        v->f[i] = (float)x;
}

/* v's number AT is a's number K, of the same layer. */
static void carry(FgOnnx *o, FgOnnxValue *v, size_t at, const FgOnnxValue *a,
                  size_t k)
{
    set(v, at, number(a, k));
    if (!a->from || !a->from[k])
        return;
    if (!v->from)
        v->from = calloc(v->count, sizeof(*v->from));
    if (v->from)
        v->from[at] = a->from[k];
    else
        fg_im_fail(o->im, -ENOMEM, "out of memory");
}

/* The same numbers, as another type or under other sizes. */
static int copied(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a,
                  int whole, int nb_dims, const int64_t *dims)
{
    FgOnnxValue v;
    if (fresh(o, &v, whole, a->count) < 0)
        return o->im->rc;
    for (size_t i = 0; i < a->count; i++)
        carry(o, &v, i, a, i);
    v.nb_dims = nb_dims;
    memcpy(v.dims, dims, sizeof(v.dims));
    return put(o, n, &v);
}

static int fold_cast(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a)
{
    const int64_t to = fg_onnx_int(n, "to", 1);
    const int whole = to != 1 && to != 10 && to != 11 && to != 16;
    return copied(o, n, a, whole, a->nb_dims, a->dims);
}

static int fold_reshape(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a)
{
    const FgOnnxValue *s = fg_onnx_in(o, n, 1);
    int64_t d[FG_ONNX_MAX_DIMS] = {0};
    size_t known = 1;
    int open = -1;
    if (!s || !s->whole || s->count > FG_ONNX_MAX_DIMS)
        return fg_onnx_refuse(o, n, "its sizes are not up to 8 integers");
    for (size_t i = 0; i < s->count; i++) {
        d[i] = s->i[i] ? s->i[i] : a->dims[i];
        if (d[i] == -1)
            open = (int)i;
        else
            known *= d[i] > 0 ? (size_t)d[i] : 1;
        if (known > MAX_FOLD)
            return fg_onnx_refuse(o, n, "its sizes are too large");
    }
    if (open >= 0)
        d[open] = (int64_t)(a->count / known);
    return copied(o, n, a, a->whole, (int)s->count, d);
}

/* Unsqueeze and Squeeze: rows of numbers stay what they are; of larger ones
 * only sizes of 1 come or go. */
static int fold_squeeze(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a)
{
    int64_t axes[FG_ONNX_MAX_DIMS], d[FG_ONNX_MAX_DIMS] = {0};
    const FgOnnxValue *s = fg_onnx_in(o, n, 1);
    const int more = fg_span_is(n->op, "Unsqueeze");
    int nb = fg_onnx_ints(n, "axes", axes, FG_ONNX_MAX_DIMS);
    if (nb < 0 && s && s->whole && s->count <= FG_ONNX_MAX_DIMS) {
        nb = (int)s->count;
        memcpy(axes, s->i, sizeof(*axes) * s->count);
    }
    const int out = more ? a->nb_dims + nb : a->nb_dims;
    if ((more && nb < 1) || nb > FG_ONNX_MAX_DIMS || out > FG_ONNX_MAX_DIMS)
        return fg_onnx_refuse(o, n, "its axes are not constants");
    int k = 0, from = 0;
    for (int i = 0; i < out; i++) {
        int named = nb < 0 && a->dims[i] == 1;
        for (int j = 0; j < nb; j++)
            named |= axes[j] == i || axes[j] == i - out;
        if (more)
            d[k++] = named ? 1 : a->dims[from++ < a->nb_dims ? from - 1 : 0];
        else if (!named)
            d[k++] = a->dims[i];
    }
    return copied(o, n, a, a->whole, k, d);
}

static int fold_gather(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a)
{
    const FgOnnxValue *at = fg_onnx_in(o, n, 1);
    FgOnnxValue v;
    if (!at || !at->whole || a->nb_dims > 1)
        return fg_onnx_refuse(o, n, "it gathers from more than a row");
    if (fresh(o, &v, a->whole, at->count) < 0)
        return o->im->rc;
    for (size_t i = 0; i < at->count; i++) {
        const int64_t k = at->i[i] < 0 ? at->i[i] + (int64_t)a->count
                                       : at->i[i];
        if (k >= 0 && (size_t)k < a->count)
            carry(o, &v, i, a, (size_t)k);
    }
    v.nb_dims = at->nb_dims;
    memcpy(v.dims, at->dims, sizeof(v.dims));
    return put(o, n, &v);
}

static int fold_concat(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a)
{
    FgOnnxValue v;
    size_t count = 0, at = 0;
    for (int k = 0; k < n->nb_in; k++) {
        const FgOnnxValue *p = fg_onnx_in(o, n, k);
        if (!p || p->nb_dims > 1)
            return fg_onnx_refuse(o, n, "it joins constants that are no rows");
        count += p->count;
    }
    if (fresh(o, &v, a->whole, count) < 0)
        return o->im->rc;
    for (int k = 0; k < n->nb_in; k++) {
        const FgOnnxValue *p = fg_onnx_in(o, n, k);
        for (size_t i = 0; i < p->count; i++)
            carry(o, &v, at++, p, i);
    }
    v.nb_dims = 1;
    v.dims[0] = (int64_t)count;
    return put(o, n, &v);
}

static int64_t limit(int64_t v, int64_t n)
{
    v = v < 0 ? v + n : v;
    return v < 0 ? 0 : v > n ? n : v;
}

typedef struct Cut {
    int64_t first, last, axis, step;
} Cut;

static int one(FgOnnx *o, const FgOnnxNode *n, int k, int64_t *v)
{
    const FgOnnxValue *c = fg_onnx_in(o, n, k);
    if (c && c->whole && c->count == 1)
        *v = c->i[0];
    return c != NULL && (!c->whole || c->count != 1);
}

static int read_cut(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a,
                    Cut *c)
{
    *c = (Cut){0, 0, 0, 1};
    int bad = 0;
    if (n->nb_in > 1)
        bad = one(o, n, 1, &c->first) || one(o, n, 2, &c->last) ||
              one(o, n, 3, &c->axis) || one(o, n, 4, &c->step);
    else
        bad = fg_onnx_ints(n, "starts", &c->first, 1) != 1 ||
              fg_onnx_ints(n, "ends", &c->last, 1) != 1 ||
              fg_onnx_ints(n, "axes", &c->axis, 1) > 1;
    c->axis += c->axis < 0 ? a->nb_dims : 0;
    if (bad || c->axis < 0 || c->axis >= a->nb_dims ||
        (c->step != 1 && c->step != -1))
        return fg_onnx_refuse(o, n,
                              "a constant is cut along several axes or "
                              "in steps");
    return 0;
}

/* Backwards, places count from the end: -1 is the last, and before the first
 * is anything from -size - 1 down. */
static int64_t cut_length(Cut *c, int64_t size)
{
    if (c->step > 0) {
        c->first = limit(c->first, size);
        return limit(c->last, size) - c->first;
    }
    c->first = c->first < 0 ? c->first + size : c->first;
    c->first = c->first >= size ? size - 1 : c->first;
    c->last = c->last < -size ? -1 : c->last < 0 ? c->last + size : c->last;
    return c->first < 0 ? 0 : c->first - c->last;
}

static int fold_slice(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a)
{
    Cut c;
    FgOnnxValue v;
    size_t outer = 1, inner = 1;
    if (read_cut(o, n, a, &c) < 0)
        return o->im->rc;
    const int64_t size = a->dims[c.axis], nb = cut_length(&c, size);
    const size_t len = nb > 0 ? (size_t)nb : 0;
    for (int i = 0; i < a->nb_dims; i++) {
        outer *= i < c.axis ? (size_t)a->dims[i] : 1;
        inner *= i > c.axis ? (size_t)a->dims[i] : 1;
    }
    if (outer * inner * (size_t)size != a->count)
        return fg_onnx_refuse(o, n, "a constant whose sizes do not fit");
    if (fresh(o, &v, a->whole, outer * len * inner) < 0)
        return o->im->rc;
    for (size_t i = 0; i < v.count; i++) {
        const int64_t k = c.first + c.step * (int64_t)(i / inner % len);
        const size_t from = (i / inner / len * (size_t)size + (size_t)k) *
                                inner +
                            i % inner;
        carry(o, &v, i, a, from);
    }
    v.nb_dims = a->nb_dims;
    memcpy(v.dims, a->dims, sizeof(v.dims));
    v.dims[c.axis] = (int64_t)len;
    return put(o, n, &v);
}

static int fold_transpose(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a)
{
    FgOnnxValue v;
    const size_t rows = a->nb_dims == 2 ? (size_t)a->dims[0] : 0;
    const size_t columns = rows ? (size_t)a->dims[1] : 0;
    if (a->nb_dims != 2 || rows * columns != a->count)
        return fg_onnx_refuse(o, n, "a constant that is no table");
    if (fresh(o, &v, a->whole, a->count) < 0)
        return o->im->rc;
    for (size_t i = 0; i < a->count; i++)
        set(&v, i, number(a, i % rows * columns + i / rows));
    v.nb_dims = 2;
    v.dims[0] = a->dims[1];
    v.dims[1] = a->dims[0];
    return put(o, n, &v);
}

static double two(FgSpan op, double a, double b, int whole)
{
    switch (op.p[0]) {
    case 'A':
        return a + b;
    case 'S':
        return a - b;
    case 'M':
        return a * b;
    case 'D':
        return b == 0 ? 0 : whole ? trunc(a / b) : a / b;
    default:
        return pow(a, b);
    }
}

static int fold_binary(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a)
{
    const FgOnnxValue *b = fg_onnx_in(o, n, 1);
    FgOnnxValue v;
    if (!b || (a->count != b->count && a->count != 1 && b->count != 1))
        return fg_onnx_refuse(o, n, "constants of different sizes");
    const FgOnnxValue *wide = a->count >= b->count ? a : b;
    if (fresh(o, &v, a->whole, wide->count) < 0)
        return o->im->rc;
    for (size_t i = 0; i < wide->count; i++)
        set(&v, i,
            two(n->op, number(a, a->count == 1 ? 0 : i),
                number(b, b->count == 1 ? 0 : i), a->whole));
    v.nb_dims = wide->nb_dims;
    memcpy(v.dims, wide->dims, sizeof(v.dims));
    return put(o, n, &v);
}

static int fold_unary(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a)
{
    FgOnnxValue v;
    if (fresh(o, &v, a->whole, a->count) < 0)
        return o->im->rc;
    for (size_t i = 0; i < a->count; i++) {
        const double x = number(a, i);
        set(&v, i,
            n->op.p[0] == 'S'   ? sqrt(x > 0 ? x : 0)
            : n->op.p[0] == 'F' ? floor(x)
            : n->op.p[0] == 'C' ? ceil(x)
                                : -x);
    }
    v.nb_dims = a->nb_dims;
    memcpy(v.dims, a->dims, sizeof(v.dims));
    return put(o, n, &v);
}

static int fold_same(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a)
{
    return copied(o, n, a, a->whole, a->nb_dims, a->dims);
}

static const struct {
    const char *op;
    int (*fn)(FgOnnx *, const FgOnnxNode *, const FgOnnxValue *);
} folds[] = {
    {"Cast", fold_cast},         {"Reshape", fold_reshape},
    {"Unsqueeze", fold_squeeze}, {"Squeeze", fold_squeeze},
    {"Gather", fold_gather},     {"Concat", fold_concat},
    {"Slice", fold_slice},       {"Add", fold_binary},
    {"Sub", fold_binary},        {"Mul", fold_binary},
    {"Div", fold_binary},        {"Pow", fold_binary},
    {"Sqrt", fold_unary},        {"Floor", fold_unary},
    {"Ceil", fold_unary},        {"Neg", fold_unary},
    {"Identity", fold_same},     {"Transpose", fold_transpose},
};

int fg_onnx_fold(FgOnnx *o, const FgOnnxNode *n)
{
    if (!all_constant(o, n))
        return 0;
    const FgOnnxValue a = *fg_onnx_in(o, n, 0);
    for (size_t i = 0; i < sizeof(folds) / sizeof(*folds); i++)
        if (fg_span_is(n->op, folds[i].op))
            return folds[i].fn(o, n, &a);
    return 0;
}

/* ---- operators that give constants ---- */

static int op_constant(FgOnnx *o, const FgOnnxNode *n)
{
    FgOnnxValue v;
    FgSpan t;
    int64_t i[64];
    float f[64];
    if (fg_onnx_tensor_attr(n, "value", &t))
        return fg_onnx_tensor(o, t, &v) < 0 ? o->im->rc : put(o, n, &v);
    const int ni = fg_onnx_ints(n, "value_ints", i, 64);
    const int nf = fg_onnx_floats(n, "value_floats", f, 64);
    const int nb = ni >= 0 ? ni : nf >= 0 ? nf : 1;
    if (nb > 64)
        return fg_onnx_refuse(o, n, "more than 64 numbers");
    const int whole = ni >= 0 ||
                      (nf < 0 && isnan(fg_onnx_float(n, "value_float", NAN)));
    if (fresh(o, &v, whole, (size_t)nb) < 0)
        return o->im->rc;
    for (int k = 0; k < nb; k++)
        set(&v, (size_t)k,
            ni >= 0   ? (double)i[k]
            : nf >= 0 ? f[k]
            : whole   ? (double)fg_onnx_int(n, "value_int", 0)
                      : fg_onnx_float(n, "value_float", 0));
    v.nb_dims = ni >= 0 || nf >= 0;
    v.dims[0] = nb;
    return put(o, n, &v);
}

static int op_constant_of_shape(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *s = fg_onnx_in(o, n, 0);
    FgOnnxValue v, fill = {0};
    FgSpan t;
    if (!s || s->kind != FG_ONNX_CONST || !s->whole || s->count > 1)
        return fg_onnx_refuse(o, n, "more than a row");
    const int64_t nb = s->count ? s->i[0] : 1;
    if (nb < 0 || nb > 4096)
        return fg_onnx_refuse(o, n, "its size is not 0..4096");
    if (fg_onnx_tensor_attr(n, "value", &t) && fg_onnx_tensor(o, t, &fill) < 0)
        return o->im->rc;
    const int made = fresh(o, &v, fill.count ? fill.whole : 0, (size_t)nb);
    if (made >= 0) {
        for (int64_t k = 0; fill.count && k < nb; k++)
            set(&v, (size_t)k, number(&fill, 0));
        v.nb_dims = 1;
        v.dims[0] = nb;
    }
    free(fill.f);
    free(fill.i);
    return made < 0 ? o->im->rc : put(o, n, &v);
}

/* Says of a picture's sizes, of which v has those from FIRST on, which are its
 * height and width. */
static void name_sides(FgOnnx *o, FgOnnxValue *v, const FgOnnxValue *picture,
                       int64_t first)
{
    const int64_t height = picture->kind == FG_ONNX_LAST ? 1 : 2;
    v->from = calloc(v->count + 1, sizeof(*v->from));
    if (!v->from)
        fg_im_fail(o->im, -ENOMEM, "out of memory");
    for (size_t k = 0; v->from && k < v->count; k++) {
        const int64_t side = first + (int64_t)k - height;
        if (side == 0 || side == 1)
            v->from[k] = 2 * picture->layer + 1 + (int)side;
    }
}

static int op_shape(FgOnnx *o, const FgOnnxNode *n)
{
    const FgOnnxValue *in = fg_onnx_in(o, n, 0);
    FgOnnxValue v;
    int64_t d[FG_ONNX_MAX_DIMS] = {1};
    int nb = 4;
    if (!in)
        return fg_onnx_refuse(o, n, "its input is missing");
    if (in->kind == FG_ONNX_CONST || in->kind == FG_ONNX_SPLIT) {
        nb = in->nb_dims;
        memcpy(d, in->dims, sizeof(d));
    } else if (in->kind == FG_ONNX_LAYER || in->kind == FG_ONNX_LAST) {
        const FgShape s = o->im->shapes[in->layer];
        const int last = in->kind == FG_ONNX_LAST;
        d[1] = last ? s.h : s.c;
        d[2] = last ? s.w : s.h;
        d[3] = last ? s.c : s.w;
    } else {
        return fg_onnx_refuse(o, n, "of half an activation or norm");
    }
    const int64_t b = limit(fg_onnx_int(n, "start", 0), nb);
    const int64_t e = limit(fg_onnx_int(n, "end", nb), nb);
    if (fresh(o, &v, 1, e > b ? (size_t)(e - b) : 0) < 0)
        return o->im->rc;
    for (int64_t k = b; k < e; k++)
        v.i[k - b] = d[k];
    v.nb_dims = 1;
    v.dims[0] = (int64_t)v.count;
    if (in->kind == FG_ONNX_LAYER || in->kind == FG_ONNX_LAST)
        name_sides(o, &v, in, b);
    return put(o, n, &v);
}

/* These end here only when an input is not constant. */
static int op_not_constant(FgOnnx *o, const FgOnnxNode *n)
{
    return fg_onnx_refuse(o, n, "of pictures it is not read");
}

const FgOnnxOp fg_onnx_shapes[] = {
    {"Constant", op_constant},
    {"ConstantOfShape", op_constant_of_shape},
    {"Shape", op_shape},
    {"Gather", op_not_constant},
    {"Floor", op_not_constant},
    {"Ceil", op_not_constant},
    {NULL, NULL},
};
