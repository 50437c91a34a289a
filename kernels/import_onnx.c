/* ffgan: importing: ONNX networks.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph_priv.h"
#include "onnx.h"

#define SHOWN(s) (int)((s).n < 64 ? (s).n : 64), (const char *)(s).p

/* ---- values by name ---- */

static uint32_t hash(FgSpan s)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ s.p[i]) * 16777619u;
    return h;
}

static int same(FgSpan a, FgSpan b)
{
    return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

static int *place(FgOnnx *o, FgSpan name)
{
    uint32_t h = hash(name) % (uint32_t)o->hash_size;
    while (o->hash[h] && !same(o->values[o->hash[h] - 1].name, name))
        h = (h + 1) % (uint32_t)o->hash_size;
    return &o->hash[h];
}

static int room(FgOnnx *o)
{
    if (o->nb_values < o->cap_values)
        return 0;
    const int cap = o->cap_values ? 2 * o->cap_values : 256;
    FgOnnxValue *v = realloc(o->values, sizeof(*v) * (size_t)cap);
    int *h = calloc((size_t)cap * 2, sizeof(*h));
    if (v)
        o->values = v;
    if (!v || !h) {
        free(h);
        return fg_im_fail(o->im, -ENOMEM, "out of memory");
    }
    free(o->hash);
    o->hash = h;
    o->hash_size = 2 * cap;
    o->cap_values = cap;
    for (int i = 0; i < o->nb_values; i++)
        *place(o, o->values[i].name) = i + 1;
    return 0;
}

static void free_value(FgOnnxValue *v)
{
    free(v->f);
    free(v->i);
    free(v->from);
    v->f = NULL;
    v->i = NULL;
    v->from = NULL;
}

/* Takes over what v owns, also on failure. */
int fg_onnx_put(FgOnnx *o, FgSpan name, const FgOnnxValue *v)
{
    FgOnnxValue copy = *v;
    copy.name = name;
    int *at = NULL;
    if (o->im->rc >= 0 && room(o) >= 0)
        at = place(o, name);
    if (at && *at)
        fg_im_fail(o->im, -EBADMSG, "two values are named '%.*s'", SHOWN(name));
    if (!at || *at) {
        free_value(&copy);
        return o->im->rc;
    }
    o->values[o->nb_values++] = copy;
    *at = o->nb_values;
    return 0;
}

const FgOnnxValue *fg_onnx_value(FgOnnx *o, FgSpan name)
{
    if (!name.n)
        return NULL;
    const int at = o->hash_size ? *place(o, name) : 0;
    if (!at)
        fg_im_fail(o->im, -EBADMSG,
                   "value '%.*s' is used before anything makes it",
                   SHOWN(name));
    return at ? &o->values[at - 1] : NULL;
}

const FgOnnxValue *fg_onnx_in(FgOnnx *o, const FgOnnxNode *n, int k)
{
    return k < n->nb_in ? fg_onnx_value(o, n->in[k]) : NULL;
}

int fg_onnx_put_layer(FgOnnx *o, const FgOnnxNode *n, int out, int layer)
{
    const FgOnnxValue v = {.kind = FG_ONNX_LAYER, .layer = layer};
    return out < n->nb_out && n->out[out].n ? fg_onnx_put(o, n->out[out], &v)
                                            : o->im->rc;
}

int fg_onnx_refuse(FgOnnx *o, const FgOnnxNode *n, const char *what)
{
    return fg_im_fail(o->im, -ENOTSUP, "node '%.*s' (%.*s): %s", SHOWN(n->name),
                      SHOWN(n->op), what);
}

int fg_onnx_layer(FgOnnx *o, const FgOnnxNode *n, int k)
{
    const FgOnnxValue *v = fg_onnx_in(o, n, k);
    if (v && v->kind == FG_ONNX_LAYER)
        return v->layer;
    fg_onnx_refuse(o, n,
                   v && v->kind == FG_ONNX_LAST
                       ? "an input is a picture as N, H, W, C, expected N, C, "
                         "H, W (a Transpose before)"
                       : "an input is not computed from the picture");
    return 0;
}

const char *fg_onnx_name(FgOnnx *o, const char *word)
{
    static _Thread_local char name[FG_NAME_LEN];
    snprintf(name, sizeof(name), "%.60s_%d", word, o->serial++);
    return name;
}

/* ---- the graph ---- */

static const FgOnnxOp *const tables[] = {
    fg_onnx_layers, fg_onnx_norms, fg_onnx_math, fg_onnx_views, fg_onnx_shapes};
enum { NB_TABLES = sizeof(tables) / sizeof(*tables) };

static const FgOnnxOp *find_op(FgSpan op)
{
    for (int t = 0; t < NB_TABLES; t++)
        for (const FgOnnxOp *p = tables[t]; p->name; p++)
            if (fg_span_is(op, p->name))
                return p;
    return NULL;
}

const char *fg_import_onnx_op(int i)
{
    for (int t = 0; t < NB_TABLES; t++)
        for (const FgOnnxOp *p = tables[t]; p->name; p++)
            if (!i--)
                return p->name;
    return NULL;
}

/* Before anything is built: the first three that nobody knows. */
static int check_ops(FgOnnx *o)
{
    FgSpan s = o->graph, seen[3];
    FgField f;
    FgOnnxNode n;
    char text[300] = "";
    int bad = 0, nb = 0, nodes = 0;
    while (fg_pb_next(&s, &f, &bad)) {
        if (f.number != 1 || f.wire != 2)
            continue;
        if (++nodes > FG_ONNX_MAX_NODES)
            return fg_im_fail(o->im, -EBADMSG, "more than %d nodes",
                              FG_ONNX_MAX_NODES);
        if (fg_onnx_node(o, f.s, &n) < 0)
            return o->im->rc;
        int known = find_op(n.op) != NULL;
        for (int i = 0; i < nb; i++)
            known |= same(seen[i], n.op);
        if (known || nb == 3)
            continue;
        seen[nb++] = n.op;
        const size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at, "%s'%.*s'", at ? ", " : "",
                 SHOWN(n.op));
    }
    if (bad)
        return fg_im_fail(o->im, -EBADMSG, "the graph's message is broken");
    return nb ? fg_im_fail(o->im, -ENOTSUP,
                           "operators that are not known: %s; `ffgan model "
                           "formats` lists those that are",
                           text)
              : 0;
}

static int read_constants(FgOnnx *o)
{
    FgSpan s = o->graph;
    FgField f;
    FgOnnxValue v;
    int bad = 0;
    while (o->im->rc >= 0 && fg_pb_next(&s, &f, &bad))
        if (f.number == 5 && f.wire == 2 && fg_onnx_tensor(o, f.s, &v) >= 0)
            fg_onnx_put(o, v.name, &v);
    return o->im->rc;
}

/* dim_value of each dim of ValueInfoProto.type.tensor_type.shape, 0 where it is
 * open; how many. */
static int read_shape(FgSpan info, FgSpan *name, int64_t dims[4])
{
    FgField f, g;
    int bad = 0, nb = 0, found = 0;
    FgSpan s = info;
    *name = (FgSpan){NULL, 0};
    while (fg_pb_next(&s, &f, &bad)) {
        if (f.number == 1 && f.wire == 2)
            *name = f.s;
        if (f.number == 2 && f.wire == 2) {
            found = 1;
            info = f.s;
        }
    }
    for (int level = 1; found && level <= 2; level++) {
        s = info;
        found = 0;
        while (!found && fg_pb_next(&s, &f, &bad))
            if (f.number == level && f.wire == 2) {
                found = 1;
                info = f.s;
            }
    }
    while (found && fg_pb_next(&info, &f, &bad)) {
        if (f.number != 1 || f.wire != 2)
            continue;
        int64_t v = 0;
        s = f.s;
        while (fg_pb_next(&s, &g, &bad))
            if (g.number == 1 && g.wire == 0)
                v = (int64_t)g.v;
        if (nb < 4)
            dims[nb] = v;
        nb++;
    }
    return nb;
}

static int bounded(int64_t side)
{
    return side > 0 && side <= 8192 ? (int)side : 1440;
}

/* N, C, H, W; or N, H, W, C, as what was made from TensorFlow has it. */
static int put_picture(FgOnnx *o, FgSpan name, const int64_t d[4])
{
    FgImport *im = o->im;
    const int first = d[1] == 1 || d[1] == 3;
    const int last = !first && (d[3] == 1 || d[3] == 3);
    if (!first && !last)
        return fg_im_fail(im, -ENOTSUP,
                          "its input's sizes are %lld, %lld, %lld, %lld (0 = "
                          "open), expected N, C, H, W or N, H, W, C, and C, "
                          "the channels, as 1 or 3",
                          (long long)d[0], (long long)d[1], (long long)d[2],
                          (long long)d[3]);
    im->ref_h = bounded(d[last ? 1 : 2]);
    im->ref_w = bounded(d[last ? 2 : 3]);
    const FgOnnxValue v = {.kind = last ? FG_ONNX_LAST : FG_ONNX_LAYER,
                           .layer = fg_im_input(im, (int)d[last ? 3 : 1]),
                           .last = last};
    return fg_onnx_put(o, name, &v);
}

/* The first input that is no initializer is the picture. */
static int read_input(FgOnnx *o)
{
    FgImport *im = o->im;
    FgSpan s = o->graph, name, picture = {NULL, 0};
    FgField f;
    int64_t d[4] = {0}, dims[4];
    int bad = 0, nb = 0, inputs = 0;
    while (fg_pb_next(&s, &f, &bad)) {
        if (f.number == 12 && f.wire == 2 && !o->output.n)
            read_shape(f.s, &o->output, dims);
        if (f.number != 11 || f.wire != 2)
            continue;
        const int k = read_shape(f.s, &name, dims);
        if (o->hash_size && *place(o, name))
            continue;
        if (!inputs++) {
            picture = name;
            nb = k;
            memcpy(d, dims, sizeof(d));
        }
    }
    if (inputs != 1 || nb != 4 || !o->output.n)
        return fg_im_fail(im, -ENOTSUP,
                          "%d inputs of %d sizes, expected one picture of 4: "
                          "N, C, H, W",
                          inputs, nb);
    return put_picture(o, picture, d);
}

static int run_nodes(FgOnnx *o)
{
    FgSpan s = o->graph;
    FgField f;
    FgOnnxNode n;
    int bad = 0;
    while (o->im->rc >= 0 && fg_pb_next(&s, &f, &bad)) {
        if (f.number != 1 || f.wire != 2)
            continue;
        if (fg_onnx_node(o, f.s, &n) < 0)
            break;
        const int folded = fg_onnx_fold(o, &n);
        if (!folded)
            find_op(n.op)->fn(o, &n);
    }
    return o->im->rc;
}

/* The last node is the result: nodes behind it are of no use. */
static int end_at(FgOnnx *o)
{
    const FgOnnxValue *v = fg_onnx_value(o, o->output);
    if (!v)
        return o->im->rc;
    if (v->kind != FG_ONNX_LAYER && v->kind != FG_ONNX_LAST)
        return fg_im_fail(o->im, -ENOTSUP, "its output is no picture");
    o->im->m->graph.nb_nodes = v->layer + 1;
    return 0;
}

static int find_graph(FgOnnx *o, const FgImportFile *file)
{
    FgSpan s = {file->data, file->size}, t;
    FgField f, g;
    int bad = 0;
    while (fg_pb_next(&s, &f, &bad)) {
        if (f.number == 7 && f.wire == 2)
            o->graph = f.s;
        int version = 0, own = 1;
        for (t = f.s;
             f.number == 8 && f.wire == 2 && fg_pb_next(&t, &g, &bad);) {
            own &= g.number != 1 || !g.s.n || fg_span_is(g.s, "ai.onnx");
            version = g.number == 2 && g.wire == 0 && g.v < 1000 ? (int)g.v
                                                                 : version;
        }
        if (own && version)
            o->opset = version;
    }
    if (bad || !o->graph.p)
        return fg_im_fail(o->im, -EBADMSG,
                          "not a whole ONNX file: it holds no graph");
    return 0;
}

/* Parameters of layers that nothing uses any more. */
static void drop_params(FgImport *im)
{
    const FgGraph *g = &im->m->graph;
    FgParams *ps = &im->m->params;
    int nb = 0;
    for (int i = 0; i < ps->nb; i++) {
        int used = 0;
        for (int k = 0; k < g->nb_nodes && !used; k++)
            for (int j = 0; j < g->nodes[k].nb_param; j++)
                used |= !strcmp(g->nodes[k].param[j], ps->p[i].name);
        if (used)
            ps->p[nb++] = ps->p[i];
        else
            free(ps->p[i].data);
    }
    ps->nb = nb;
}

int fg_import_onnx(FgImport *im, const FgImportFile *f)
{
    FgOnnx o = {.im = im, .opset = 1};
    int rc = find_graph(&o, f);
    rc = rc < 0 ? rc : check_ops(&o);
    rc = rc < 0 ? rc : read_constants(&o);
    rc = rc < 0 ? rc : read_input(&o);
    rc = rc < 0 ? rc : run_nodes(&o);
    rc = rc < 0 ? rc : end_at(&o);
    if (rc >= 0)
        drop_params(im);
    for (int i = 0; i < o.nb_values; i++)
        free_value(&o.values[i]);
    free(o.values);
    free(o.hash);
    return im->rc;
}
