/* ffgan: ONNX: nodes, attributes and tensors out of their messages.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_priv.h"
#include "onnx.h"

static float as_float(uint64_t bits)
{
    const uint32_t u = (uint32_t)bits;
    float f;
    memcpy(&f, &u, sizeof(f));
    return f;
}

int fg_onnx_node(FgOnnx *o, FgSpan bytes, FgOnnxNode *n)
{
    FgField f;
    int bad = 0;
    memset(n, 0, sizeof(*n));
    n->bytes = bytes;
    while (fg_pb_next(&bytes, &f, &bad)) {
        if (f.wire != 2)
            continue;
        if ((f.number == 1 && n->nb_in == FG_ONNX_MAX_IO) ||
            (f.number == 2 && n->nb_out == FG_ONNX_MAX_IO))
            return fg_im_fail(o->im, -ENOTSUP,
                              "a node of more than %d inputs or outputs",
                              FG_ONNX_MAX_IO);
        if (f.number == 1)
            n->in[n->nb_in++] = f.s;
        else if (f.number == 2)
            n->out[n->nb_out++] = f.s;
        else if (f.number == 3)
            n->name = f.s;
        else if (f.number == 4)
            n->op = f.s;
    }
    return bad ? fg_im_fail(o->im, -EBADMSG, "a node's message is broken") : 0;
}

/* The attribute's message. */
static int find_attr(const FgOnnxNode *n, const char *name, FgSpan *attr)
{
    FgSpan node = n->bytes;
    FgField f, g;
    int bad = 0;
    while (fg_pb_next(&node, &f, &bad)) {
        if (f.number != 5 || f.wire != 2)
            continue;
        FgSpan s = f.s;
        while (fg_pb_next(&s, &g, &bad))
            if (g.number == 1 && g.wire == 2 && fg_span_is(g.s, name)) {
                *attr = f.s;
                return 1;
            }
    }
    return 0;
}

static int find_field(const FgOnnxNode *n, const char *name, int number,
                      FgField *f)
{
    FgSpan a;
    int bad = 0;
    if (!find_attr(n, name, &a))
        return 0;
    while (fg_pb_next(&a, f, &bad))
        if (f->number == number)
            return 1;
    return 0;
}

int64_t fg_onnx_int(const FgOnnxNode *n, const char *name, int64_t def)
{
    FgField f;
    return find_field(n, name, 3, &f) && f.wire == 0 ? (int64_t)f.v : def;
}

float fg_onnx_float(const FgOnnxNode *n, const char *name, float def)
{
    FgField f;
    return find_field(n, name, 2, &f) && f.wire == 5 ? as_float(f.v) : def;
}

FgSpan fg_onnx_text(const FgOnnxNode *n, const char *name)
{
    FgField f;
    return find_field(n, name, 4, &f) && f.wire == 2 ? f.s : (FgSpan){NULL, 0};
}

int fg_onnx_tensor_attr(const FgOnnxNode *n, const char *name, FgSpan *tensor)
{
    FgField f;
    if (!find_field(n, name, 5, &f) || f.wire != 2)
        return 0;
    *tensor = f.s;
    return 1;
}

static void keep(int64_t *v, int max, int *nb, int64_t x)
{
    if (*nb < max)
        v[*nb] = x;
    if (*nb <= max)
        (*nb)++;
}

/* Repeated integers, one by one or packed into a span. */
static void gather_ints(const FgField *f, int64_t *v, int max, int *nb)
{
    FgSpan s = f->s;
    uint64_t x;
    if (f->wire == 0)
        keep(v, max, nb, (int64_t)f->v);
    while (f->wire == 2 && s.n && fg_pb_varint(&s, &x))
        keep(v, max, nb, (int64_t)x);
}

int fg_onnx_ints(const FgOnnxNode *n, const char *name, int64_t *v, int max)
{
    FgSpan a;
    FgField f;
    int bad = 0, nb = 0;
    if (!find_attr(n, name, &a))
        return -1;
    while (fg_pb_next(&a, &f, &bad))
        if (f.number == 8)
            gather_ints(&f, v, max, &nb);
    return nb;
}

int fg_onnx_floats(const FgOnnxNode *n, const char *name, float *v, int max)
{
    FgSpan a;
    FgField f;
    int bad = 0, nb = 0;
    if (!find_attr(n, name, &a))
        return -1;
    while (fg_pb_next(&a, &f, &bad)) {
        if (f.number == 7 && f.wire == 5 && nb < max)
            v[nb++] = as_float(f.v);
        for (size_t i = 0;
             f.number == 7 && f.wire == 2 && i + 4 <= f.s.n && nb < max; i += 4)
            v[nb++] = as_float(fg_le(f.s.p + i, 4));
    }
    return nb;
}

/* ---- tensors ---- */

typedef struct Raw {
    int64_t dims[FG_ONNX_MAX_DIMS];
    int nb_dims, type, outside;
    FgSpan raw, floats, doubles;
    FgSpan message;
} Raw;

static const struct {
    int type;
    const char *dtype;
    size_t size;
    int whole;
} types[] = {{1, "F32", 4, 0},  {10, "F16", 2, 0}, {16, "BF16", 2, 0},
             {11, "F64", 8, 0}, {6, "I32", 4, 1},  {7, "I64", 8, 1},
             {9, "BOOL", 1, 1}, {2, "U8", 1, 1},   {3, "I8", 1, 1}};

static int find_type(int type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (types[i].type == type)
            return (int)i;
    return -1;
}

static int read_raw(FgOnnx *o, FgSpan s, Raw *r, FgSpan *name)
{
    FgField f;
    int bad = 0;
    memset(r, 0, sizeof(*r));
    r->message = s;
    while (fg_pb_next(&s, &f, &bad)) {
        if (f.number == 1)
            gather_ints(&f, r->dims, FG_ONNX_MAX_DIMS, &r->nb_dims);
        else if (f.number == 2 && f.wire == 0)
            r->type = f.v < 1000 ? (int)f.v : -1;
        else if (f.number == 4 && f.wire == 2)
            r->floats = f.s;
        else if (f.number == 8 && f.wire == 2)
            *name = f.s;
        else if (f.number == 9 && f.wire == 2)
            r->raw = f.s;
        else if (f.number == 10 && f.wire == 2)
            r->doubles = f.s;
        else if (f.number == 14 && f.wire == 0)
            r->outside = f.v == 1;
    }
    if (bad || r->nb_dims > FG_ONNX_MAX_DIMS)
        return fg_im_fail(o->im, -EBADMSG, "a tensor's message is broken");
    if (r->outside)
        return fg_im_fail(o->im, -ENOTSUP,
                          "tensor '%.*s' is kept in another file; save the "
                          "model in one file",
                          (int)(name->n < 96 ? name->n : 96),
                          (const char *)name->p);
    return 0;
}

static int allocate(FgOnnx *o, FgOnnxValue *v)
{
    const size_t n = v->count ? v->count : 1;
    if (v->whole)
        v->i = calloc(n, sizeof(*v->i));
    else
        v->f = calloc(n, sizeof(*v->f));
    return v->i || v->f ? 0 : fg_im_fail(o->im, -ENOMEM, "out of memory");
}

/* int32_data and int64_data: varints, also of the 16-bit floats' bits. */
static size_t listed(const Raw *r, int64_t *v, size_t count)
{
    FgSpan s = r->message;
    FgField f;
    int bad = 0, nb = 0;
    while (fg_pb_next(&s, &f, &bad))
        if (f.number == 5 || f.number == 7)
            gather_ints(&f, v, (int)count, &nb);
    return (size_t)nb;
}

static size_t decode_whole(const Raw *r, int t, FgOnnxValue *v)
{
    const size_t size = types[t].size;
    if (!r->raw.n)
        return listed(r, v->i, v->count);
    for (size_t i = 0; i < v->count && (i + 1) * size <= r->raw.n; i++) {
        uint64_t u = fg_le(r->raw.p + i * size, (int)size);
        if (types[t].dtype[0] == 'I' && size < 8 && u >> (8 * size - 1))
            u |= ~(uint64_t)0 << 8 * size;
        v->i[i] = (int64_t)u;
    }
    return r->raw.n / size;
}

/* 16-bit floats one by one: each number holds the bits of one. */
static size_t decode_listed(const Raw *r, int t, FgOnnxValue *v)
{
    const size_t room = v->count ? v->count : 1;
    int64_t *bits = calloc(room, sizeof(*bits));
    if (!bits)
        return 0;
    const size_t had = listed(r, bits, v->count);
    for (size_t i = 0; i < v->count && i < had; i++) {
        const uint8_t two[2] = {(uint8_t)bits[i], (uint8_t)(bits[i] >> 8)};
        fg_model_decode(v->f + i, two, types[t].dtype, 1);
    }
    free(bits);
    return had;
}

static size_t decode_real(const Raw *r, int t, FgOnnxValue *v)
{
    if (!r->raw.n && types[t].size == 2)
        return decode_listed(r, t, v);
    const FgSpan s = r->raw.n                         ? r->raw
                     : !strcmp(types[t].dtype, "F64") ? r->doubles
                     : !strcmp(types[t].dtype, "F32") ? r->floats
                                                      : r->raw;
    if (s.n / types[t].size >= v->count)
        fg_model_decode(v->f, s.p, types[t].dtype, v->count);
    return s.n / types[t].size;
}

int fg_onnx_tensor(FgOnnx *o, FgSpan tensor, FgOnnxValue *v)
{
    Raw r;
    uint64_t count = 1;
    FgSpan name = {(const uint8_t *)"", 0};
    memset(v, 0, sizeof(*v));
    if (read_raw(o, tensor, &r, &name) < 0)
        return o->im->rc;
    const int t = find_type(r.type), len = (int)(name.n < 96 ? name.n : 96);
    for (int i = 0; i < r.nb_dims; i++)
        if (r.dims[i] < 0 || r.dims[i] > FG_MODEL_MAX_DATA ||
            (count *= (uint64_t)r.dims[i]) > FG_MODEL_MAX_DATA / 4)
            return fg_im_fail(o->im, -EBADMSG,
                              "tensor '%.*s' has more than 2^28 elements", len,
                              (const char *)name.p);
    if (t < 0)
        return fg_im_fail(o->im, -ENOTSUP,
                          "tensor '%.*s' has data type %d, which is not read",
                          len, (const char *)name.p, r.type);
    /* Each element takes a byte of the file at least. */
    if (count > tensor.n)
        return fg_im_fail(o->im, -EBADMSG,
                          "tensor '%.*s' has %llu elements, its message %zu "
                          "bytes",
                          len, (const char *)name.p, (unsigned long long)count,
                          tensor.n);
    v->name = name;
    v->kind = FG_ONNX_CONST;
    v->whole = types[t].whole;
    v->nb_dims = r.nb_dims;
    memcpy(v->dims, r.dims, sizeof(v->dims));
    v->count = (size_t)count;
    if (allocate(o, v) < 0)
        return o->im->rc;
    const size_t had = v->whole ? decode_whole(&r, t, v)
                                : decode_real(&r, t, v);
    if (had != v->count) {
        free(v->f);
        free(v->i);
        memset(v, 0, sizeof(*v));
        return fg_im_fail(o->im, -EBADMSG,
                          "tensor '%.*s' holds %zu elements, its sizes need "
                          "%llu",
                          len, (const char *)name.p, had,
                          (unsigned long long)count);
    }
    return 0;
}
