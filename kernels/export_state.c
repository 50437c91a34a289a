/* ffgan: exporting: weights alone, under our names or a family's.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "graph_priv.h"
#include "model_priv.h"
#include "onnx_buf.h"

/* ---- the file ---- */

static json_t *entry(const FgParam *p, size_t begin)
{
    json_t *dims = json_array();
    for (int i = 0; i < p->nb_dims; i++)
        json_array_append_new(dims, json_integer(p->dims[i]));
    return json_pack("{s:s,s:o,s:[I,I]}", "dtype", "F32", "shape", dims,
                     "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + 4 * fg_param_count(p)));
}

static char *header(const FgParams *ps)
{
    json_t *o = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    size_t at = 0;
    int bad = !o;
    for (int i = 0; !bad && i < ps->nb; i++) {
        bad |= json_object_set_new(o, ps->p[i].name, entry(&ps->p[i], at));
        at += 4 * fg_param_count(&ps->p[i]);
    }
    char *text = bad ? NULL : json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(o);
    return text;
}

static void put_floats(FgBuf *b, const float *v, size_t n)
{
    uint8_t t[4];
    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &v[i], 4);
        for (int k = 0; k < 4; k++)
            t[k] = (uint8_t)(u >> 8 * k);
        fg_buf_put(b, t, 4);
    }
}

int fg_export_tensors(const FgParams *ps, const char *path, FgError *err)
{
    FgBuf b = {0};
    uint8_t size[8];
    char *text = header(ps);
    const size_t len = text ? strlen(text) : 0, padded = (len + 7) & ~(size_t)7;
    for (int i = 0; i < 8; i++)
        size[i] = (uint8_t)((uint64_t)padded >> 8 * i);
    fg_buf_put(&b, size, sizeof(size));
    fg_buf_put(&b, text, len);
    for (size_t i = len; i < padded; i++)
        fg_buf_put(&b, " ", 1);
    for (int i = 0; i < ps->nb; i++)
        put_floats(&b, ps->p[i].data, fg_param_count(&ps->p[i]));
    const int rc = !text || b.rc < 0
                       ? fg_error(err, -ENOMEM, "%s: out of memory", path)
                       : fg_put_file(path, b.p, b.n, err);
    free(text);
    free(b.p);
    return rc;
}

int fg_export_weights(const FgModel *m, const char *path, FgError *err)
{
    return fg_export_tensors(&m->params, path, err);
}

/* ---- SRVGGNetCompact ---- */

typedef struct Compact {
    const FgGraph *g;
    const FgParams *ps;
    FgParams out;
    const char *why; /* what is not as in that family */
    int rc;
} Compact;

static void copy(Compact *c, const char *from, int layer, const char *kind)
{
    char name[64];
    const FgParam *p = fg_params_find(c->ps, from);
    snprintf(name, sizeof(name), "body.%d.%s", layer, kind);
    FgParam *q = fg_params_add(&c->out, name, p->nb_dims, p->dims);
    if (q)
        memcpy(q->data, p->data, sizeof(float) * fg_param_count(p));
    else
        c->rc = -ENOMEM;
}

static void put_conv(Compact *c, const FgNode *n, int layer)
{
    char name[64];
    const int oc = n->attr.channels;
    copy(c, n->param[0], layer, "weight");
    if (n->attr.bias) {
        copy(c, n->param[1], layer, "bias");
        return;
    }
    snprintf(name, sizeof(name), "body.%d.bias", layer);
    if (!fg_params_add(&c->out, name, 1, &oc))
        c->rc = -ENOMEM;
}

/* Any slope is a PReLU's; a ReLU's is 0. */
static void put_act(Compact *c, const FgNode *n, int layer, int channels)
{
    char name[64];
    if (fg_node_is(n, "prelu")) {
        copy(c, n->param[0], layer, "weight");
        return;
    }
    snprintf(name, sizeof(name), "body.%d.weight", layer);
    FgParam *q = fg_params_add(&c->out, name, 1, &channels);
    for (int i = 0; q && i < channels; i++)
        q->data[i] = fg_node_is(n, "relu") ? 0 : n->attr.alpha;
    if (!q)
        c->rc = -ENOMEM;
}

static int is_act(const FgNode *n)
{
    return fg_node_is(n, "relu") || fg_node_is(n, "leaky_relu") ||
           fg_node_is(n, "prelu");
}

static int is_plain_conv(const FgNode *n)
{
    const FgAttr *a = &n->attr;
    return fg_node_is(n, "conv2d") && a->kernel == 3 && a->stride == 1 &&
           a->pad == 1 && a->pad_mode == FG_PAD_ZERO && a->groups <= 1;
}

/* The branch of the final sum that is the input enlarged. */
static int is_base(const FgGraph *g, int i)
{
    const FgNode *n = &g->nodes[i];
    return !i || (fg_node_is(n, "resize") && !n->in[0] &&
                  n->attr.mode == FG_RESIZE_NEAREST);
}

/* From the end back to the input: the convolutions, then put in order. */
static int chain(Compact *c, int *nodes, int max)
{
    const FgGraph *g = c->g;
    const FgNode *last = &g->nodes[g->nb_nodes - 1];
    int nb = 0;
    if (!fg_node_is(last, "add") ||
        (!is_base(g, last->in[0]) && !is_base(g, last->in[1]))) {
        c->why = "it does not end by adding the input enlarged by nearest";
        return 0;
    }
    int i = last->in[is_base(g, last->in[0])];
    if (fg_node_is(&g->nodes[i], "pixel_shuffle"))
        i = g->nodes[i].in[0];
    for (; i && nb < max; i = g->nodes[i].in[0]) {
        const FgNode *n = &g->nodes[i];
        if (nb % 2 ? !is_act(n) : !is_plain_conv(n)) {
            c->why = "its layers are not 3x3 convolutions and ReLU, leaky ReLU "
                     "or PReLU in turn";
            return 0;
        }
        nodes[nb++] = i;
    }
    if (i || nb % 2 == 0 || nb < 3)
        c->why = "its layers are not convolutions with an activation between "
                 "them";
    return c->why ? 0 : nb;
}

static void as_compact(Compact *c)
{
    int nodes[512], channels = 0;
    const int nb = chain(c, nodes, 512);
    for (int k = 0; k < nb && c->rc >= 0; k++) {
        const FgNode *n = &c->g->nodes[nodes[nb - 1 - k]];
        if (k % 2)
            put_act(c, n, k, channels);
        else
            put_conv(c, n, k);
        channels = k % 2 ? channels : n->attr.channels;
    }
}

/* ---- SPAN: a merged layer as parts that multiply to it ---- */

static FgParam *add(FgParams *ps, const char *key, const char *rest, int nb,
                    int a, int b, int k)
{
    char name[2 * FG_NAME_LEN];
    const int dims[4] = {a, b, k, k};
    snprintf(name, sizeof(name), "%s%s", key, rest);
    return strlen(name) < FG_NAME_LEN ? fg_params_add(ps, name, nb, dims)
                                      : NULL;
}

/* conv.0 and conv.2 pass through, conv.1 holds the kernel, sk nothing. */
static int split_layer(FgParams *out, const char *key, const FgParam *w,
                       const FgParam *b)
{
    const int oc = w->dims[0], ic = w->dims[1];
    FgParam *p[8] = {add(out, key, ".sk.weight", 4, oc, ic, 1),
                     add(out, key, ".sk.bias", 1, oc, 1, 1),
                     add(out, key, ".conv.0.weight", 4, 2 * ic, ic, 1),
                     add(out, key, ".conv.0.bias", 1, 2 * ic, 1, 1),
                     add(out, key, ".conv.1.weight", 4, 2 * oc, 2 * ic, 3),
                     add(out, key, ".conv.1.bias", 1, 2 * oc, 1, 1),
                     add(out, key, ".conv.2.weight", 4, oc, 2 * oc, 1),
                     add(out, key, ".conv.2.bias", 1, oc, 1, 1)};
    for (int i = 0; i < 8; i++)
        if (!p[i])
            return -ENOMEM;
    /* Adding may have moved the others' places, not their data. */
    for (int i = 0; i < 8; i++)
        p[i] = &out->p[out->nb - 8 + i];
    for (int i = 0; i < ic; i++)
        p[2]->data[(size_t)i * (size_t)ic + (size_t)i] = 1;
    for (int o = 0; o < oc; o++) {
        memcpy(p[4]->data + (size_t)o * 18 * (size_t)ic,
               w->data + (size_t)o * 9 * (size_t)ic,
               sizeof(float) * 9 * (size_t)ic);
        p[6]->data[(size_t)o * 2 * (size_t)oc + (size_t)o] = 1;
        p[7]->data[o] = b->data[o];
    }
    return 0;
}

static int as_span(const FgModel *m, FgParams *out)
{
    const int one = 1;
    int rc = fg_params_copy(out, &m->params);
    for (int i = 0; i < m->params.nb && rc >= 0; i++) {
        const FgParam *w = &m->params.p[i];
        const char *at = strstr(w->name, ".eval_conv.weight");
        char key[FG_NAME_LEN], bias[FG_NAME_LEN];
        if (!at)
            continue;
        snprintf(key, sizeof(key), "%.*s", (int)(at - w->name), w->name);
        snprintf(bias, sizeof(bias), "%.70s.eval_conv.bias", key);
        const FgParam *b = fg_params_find(&m->params, bias);
        rc = b ? split_layer(out, key, w, b) : -EINVAL;
    }
    if (rc >= 0 && fg_graph_find(&m->graph, "mean") < 0 &&
        !fg_params_add(out, "no_norm", 1, &one))
        rc = -ENOMEM;
    /* The mean is the family's own, no tensor of it. */
    for (int i = 0; i < out->nb && rc >= 0; i++)
        if (!strcmp(out->p[i].name, "mean.bias")) {
            free(out->p[i].data);
            out->p[i] = out->p[--out->nb];
        }
    return rc;
}

/* ---- what was imported: its names are its family's; what the reader made is
 * no tensor of it ---- */

static int ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), k = strlen(end);
    return n >= k && !strcmp(s + n - k, end);
}

static int is_made(const char *name)
{
    static const char *const ends[] = {".order.weight", ".order.bias",
                                       ".small.weight", ".flow_small.weight",
                                       "blend.masks.weight"};
    int made = !strcmp(name, "mean.bias") || !strcmp(name, "mean.back.bias");
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        made |= ends_with(name, ends[i]);
    return made;
}

static int add_values(FgParams *out, const char *name, int nb_dims,
                      const int *dims, const float *v)
{
    FgParam *q = fg_params_add(out, name, nb_dims, dims);
    for (size_t i = 0; q && i < fg_param_count(q); i++)
        q->data[i] = v ? v[i] : 1;
    return q ? 0 : -ENOMEM;
}

/* IFNet's factors went into the convolutions before them: they are 1 now. */
static int add_beta(FgParams *out, const FgParam *conv)
{
    const int dims[4] = {1, conv->dims[0], 1, 1};
    const size_t n = strlen(conv->name) - strlen("conv.weight");
    char name[FG_NAME_LEN];
    snprintf(name, sizeof(name), "%.*sbeta", (int)n, conv->name);
    return add_values(out, name, 4, dims, NULL);
}

static int as_imported(const FgModel *m, FgParams *out)
{
    int rc = 0;
    for (int i = 0; i < m->params.nb && rc >= 0; i++) {
        const FgParam *p = &m->params.p[i];
        const int pos = ends_with(p->name, ".init_pos.bias");
        const int dims[4] = {1, p->dims[0], 1, 1};
        char name[FG_NAME_LEN];
        if (is_made(p->name))
            continue;
        snprintf(name, sizeof(name), "%.*s",
                 (int)(strlen(p->name) - (pos ? strlen(".bias") : 0)), p->name);
        rc = add_values(out, name, pos ? 4 : p->nb_dims, pos ? dims : p->dims,
                        p->data);
        if (rc >= 0 && strstr(p->name, ".convblock.") &&
            ends_with(p->name, ".conv.weight"))
            rc = add_beta(out, p);
    }
    return rc;
}

/* ---- all families ---- */

static int keys_of(const FgModel *m, Compact *c, const char **family,
                   FgError *err)
{
    *family = fg_model_meta(m, "ffgan.family");
    if (*family && !strcmp(*family, "SPAN"))
        return as_span(m, &c->out);
    if (*family && strcmp(*family, "SRVGGNetCompact") != 0)
        return as_imported(m, &c->out);
    *family = "SRVGGNetCompact";
    FgGraph g = {0};
    FgParams ps = {0};
    int rc = fg_graph_collapse(&g, &ps, &m->graph, &m->params, err);
    c->g = &g;
    c->ps = &ps;
    if (rc >= 0)
        as_compact(c);
    c->g = NULL;
    c->ps = NULL;
    fg_graph_free(&g);
    fg_params_free(&ps);
    return rc < 0 ? rc : c->rc;
}

int fg_export_keys(const FgModel *m, const char *path, const char **family,
                   FgError *err)
{
    Compact c = {.rc = 0};
    int rc = keys_of(m, &c, family, err);
    if (rc == -ENOMEM)
        fg_error(err, rc, "%s: out of memory", path);
    else if (rc >= 0 && c.why)
        rc = fg_error(err, -ENOTSUP,
                      "%s: no family has such a network: %s; --onnx takes it",
                      path, c.why);
    else if (rc >= 0)
        rc = fg_export_tensors(&c.out, path, err);
    fg_params_free(&c.out);
    return rc;
}
