/* ffgan: exporting: nodes, attributes and constants of ONNX files.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fg_ow_ints(FgOnnxWriter *w, const char *name, int nb, const int64_t *v)
{
    FgBuf a = {0};
    fg_buf_text(&a, 1, name);
    for (int i = 0; i < nb; i++)
        fg_buf_int(&a, 8, v[i]);
    fg_buf_int(&a, 20, 7);
    fg_buf_message(&w->attrs, 5, &a);
}

void fg_ow_int(FgOnnxWriter *w, const char *name, int64_t v)
{
    FgBuf a = {0};
    fg_buf_text(&a, 1, name);
    fg_buf_int(&a, 3, v);
    fg_buf_int(&a, 20, 2);
    fg_buf_message(&w->attrs, 5, &a);
}

void fg_ow_float(FgOnnxWriter *w, const char *name, float v)
{
    FgBuf a = {0};
    fg_buf_text(&a, 1, name);
    fg_buf_float(&a, 2, v);
    fg_buf_int(&a, 20, 1);
    fg_buf_message(&w->attrs, 5, &a);
}

void fg_ow_text(FgOnnxWriter *w, const char *name, const char *v)
{
    FgBuf a = {0};
    fg_buf_text(&a, 1, name);
    fg_buf_text(&a, 4, v);
    fg_buf_int(&a, 20, 3);
    fg_buf_message(&w->attrs, 5, &a);
}

void fg_ow_node_of(FgOnnxWriter *w, const char *op, int nb,
                   const char *const *in, const char *out)
{
    FgBuf n = {0};
    for (int k = 0; k < nb; k++)
        fg_buf_text(&n, 1, in[k]);
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

void fg_ow_node(FgOnnxWriter *w, const char *op, const char *a, const char *b,
                const char *c, const char *out)
{
    const char *const in[3] = {a, b, c};
    fg_ow_node_of(w, op, c ? 3 : b ? 2 : 1, in, out);
}

void fg_ow_slice(FgOnnxWriter *w, const char *from, int axis, int64_t first,
                 int64_t end, const char *to)
{
    const int64_t at = axis;
    const FgOnnxName b = fg_ow_integers(w, 1, &first);
    const FgOnnxName e = fg_ow_integers(w, 1, &end);
    const FgOnnxName a = fg_ow_integers(w, 1, &at);
    const char *const in[4] = {from, b.s, e.s, a.s};
    fg_ow_node_of(w, "Slice", 4, in, to);
}

FgOnnxName fg_ow_name(FgOnnxWriter *w, const char *what)
{
    FgOnnxName n;
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

void fg_ow_constant(FgOnnxWriter *w, const char *name, int nb_dims,
                    const int *dims, const float *v)
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

FgOnnxName fg_ow_number(FgOnnxWriter *w, float v)
{
    const FgOnnxName n = fg_ow_name(w, "c");
    fg_ow_constant(w, n.s, 0, NULL, &v);
    return n;
}

FgOnnxName fg_ow_integers(FgOnnxWriter *w, int nb, const int64_t *v)
{
    const FgOnnxName n = fg_ow_name(w, "i");
    FgBuf t = {0};
    fg_buf_int(&t, 1, nb);
    fg_buf_int(&t, 2, 7);
    for (int i = 0; i < nb; i++)
        fg_buf_int(&t, 7, v[i]);
    fg_buf_text(&t, 8, n.s);
    fg_buf_message(&w->constants, 5, &t);
    return n;
}

const FgParam *fg_ow_param(const FgOnnxWriter *w, int k)
{
    return k < w->n->nb_param ? fg_params_find(w->ps, w->n->param[k]) : NULL;
}

const char *fg_ow_in(const FgOnnxWriter *w, int k)
{
    return w->g->nodes[w->n->in[k]].name;
}
