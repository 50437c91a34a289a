/* ffgan: ncnn: inputs, numbers in the file, and what RIFE's files have besides:
 * cuts and motion. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph_priv.h"
#include "ncnn.h"

/* ---- inputs ---- */

/* RIFE's are in0, in1, in2, in any order of their lines; other names count in
 * the order of their lines. */
int fg_ncnn_input(FgNcnn *c, const FgNcnnLayer *l)
{
    static const char *const names[3] = {"in0", "in1", "in2"};
    const int three = fg_graph_find(&c->im->m->graph, "time") >= 0;
    int k = c->nb_inputs++;
    for (int i = 0; three && l->nb_out && i < 3; i++)
        if (fg_span_is(l->out[0], names[i]))
            k = i;
    return fg_ncnn_put(c, l, 0, c->input[three ? k % 3 : 0]);
}

/* ---- numbers ---- */

/* One for each channel; another size (pictures, rows) nobody has. */
int fg_ncnn_memory(FgNcnn *c, const FgNcnnLayer *l)
{
    const int w = fg_ncnn_int(l, 0, 0), h = fg_ncnn_int(l, 1, 0);
    const int ch = fg_ncnn_int(l, 2, 0), nb = ch ? ch : w;
    if ((ch ? w != 1 || h != 1 : h > 1) || fg_ncnn_int(l, 11, 0) > 1 ||
        nb < 1 || nb > 65536)
        return fg_ncnn_refuse(c, l, "allowed is one number for each channel");
    /* Tagged where the file says so, as ncnn reads them. */
    return fg_ncnn_put_constant(
        c, l, 0, fg_ncnn_floats(c, l, (size_t)nb, fg_ncnn_int(l, 21, 1) == 0),
        nb);
}

int fg_ncnn_same_numbers(FgNcnn *c, const FgNcnnLayer *l)
{
    const FgNcnnBlob b = *fg_ncnn_constant(c, l, 0);
    for (int k = 0; k < l->nb_out && c->im->rc >= 0; k++) {
        float *v = malloc(sizeof(*v) * (size_t)b.nb);
        if (!v)
            return fg_im_fail(c->im, -ENOMEM, "out of memory");
        memcpy(v, b.data, sizeof(*v) * (size_t)b.nb);
        fg_ncnn_put_constant(c, l, k, v, b.nb);
    }
    return c->im->rc;
}

/* A convolution before takes the factors into its own weights. 0: there is
 * none. */
static int fold(FgNcnn *c, const FgNcnnLayer *l, int k, int x, const float *v)
{
    FgModel *m = c->im->m;
    const FgNode *n = &m->graph.nodes[x];
    if (!fg_node_is(n, "conv2d") || !fg_ncnn_alone(c, l, k))
        return 0;
    for (int i = 0; i < n->nb_param; i++) {
        FgParam *p = fg_params_find(&m->params, n->param[i]);
        const size_t each = p ? fg_param_count(p) / (size_t)p->dims[0] : 0;
        for (size_t j = 0; p && j < fg_param_count(p); j++)
            p->data[j] *= v[j / each];
    }
    return 1;
}

static int by_channel(FgNcnn *c, int x, const float *v)
{
    const FgImKernel q = {.oc = c->im->channels[x],
                          .k = 1,
                          .groups = c->im->channels[x],
                          .stride = 1,
                          .w = v};
    return fg_im_kernel(c->im, fg_ncnn_name(c, "by"), x, &q);
}

int fg_ncnn_with_numbers(FgNcnn *c, const FgNcnnLayer *l, int op, int k)
{
    const FgNcnnBlob b = *fg_ncnn_constant(c, l, k);
    int x = fg_ncnn_in(c, l, !k);
    if (c->im->rc < 0)
        return c->im->rc;
    const int nb = c->im->channels[x];
    if (b.nb != nb && b.nb != 1)
        return fg_ncnn_refuse(c, l,
                              "its numbers are not one, or one for each "
                              "channel");
    if ((op < 0 || op > 3 || (op == 3 && !k)) && op != 7)
        return fg_ncnn_refuse(c, l, "allowed are add, sub, mul, div, rsub");
    float *v = calloc((size_t)nb, sizeof(*v));
    if (!v)
        return fg_im_fail(c->im, -ENOMEM, "out of memory");
    const int less = op == 1 || op == 7, turn = op == 7 ? k == 1 : !k;
    for (int i = 0; i < nb; i++) {
        const float t = b.data[b.nb == 1 ? 0 : i];
        v[i] = op == 3 ? 1 / t : less && !turn ? -t : t;
    }
    if (op == 2 || op == 3)
        x = fold(c, l, !k, x, v) ? x : by_channel(c, x, v);
    else
        x = fg_im_offset(c->im, fg_ncnn_name(c, "offset"),
                         less && turn ? fg_ncnn_scale(c, x, -1) : x, 0, v);
    free(v);
    return fg_ncnn_put(c, l, 0, x);
}

int fg_ncnn_unary(FgNcnn *c, const FgNcnnLayer *l)
{
    const int x = fg_ncnn_in(c, l, 0);
    switch (fg_ncnn_int(l, 0, 0)) {
    case 1:
        return fg_ncnn_put(c, l, 0, fg_ncnn_scale(c, x, -1));
    case 4:
        return fg_ncnn_put(c, l, 0,
                           fg_im_mul2(c->im, fg_ncnn_name(c, "square"), x, x));
    case 16:
        return fg_ncnn_put(
            c, l, 0, fg_im_act(c->im, "tanh", fg_ncnn_name(c, "tanh"), x, 0));
    default:
        return fg_ncnn_refuse(c, l, "allowed are neg, square, tanh");
    }
}

/* ---- cuts and motion ---- */

/* Item 0 of the list KEY, if it is the only one. */
static int only(const FgNcnnLayer *l, int key, double *v)
{
    const FgNcnnParam *p = fg_ncnn_list(l, key);
    if (!p || p->nb != 1)
        return 0;
    *v = p->list[0];
    return 1;
}

int fg_ncnn_crop(FgNcnn *c, const FgNcnnLayer *l)
{
    const int x = fg_ncnn_in(c, l, 0);
    double first = 0, end = 0, axis = 0;
    if (c->im->rc < 0)
        return c->im->rc;
    const int nb = c->im->channels[x];
    if (l->nb_in != 1 || !only(l, 9, &first) || !only(l, 10, &end) ||
        !only(l, 11, &axis) || axis != 0)
        return fg_ncnn_refuse(c, l,
                              "allowed is a cut of the channels: starts, ends, "
                              "axes=0");
    if (end == -233 || end > nb)
        end = nb;
    else if (end < 0)
        end += nb;
    if (first < 0)
        first += nb;
    if (!(first >= 0 && first < end))
        return fg_ncnn_refuse(c, l, "it leaves none of its input's channels");
    return fg_ncnn_put(c, l, 0,
                       first == 0 && end == nb
                           ? x
                           : fg_im_slice(c->im, fg_ncnn_name(c, "crop"), x,
                                         (int)first, (int)(end - first)));
}

int fg_ncnn_warp(FgNcnn *c, const FgNcnnLayer *l)
{
    const int x = fg_ncnn_in(c, l, 0), flow = fg_ncnn_in(c, l, 1);
    return fg_ncnn_put(
        c, l, 0,
        fg_im_op(c->im, "warp", fg_ncnn_name(c, "warp"), x, flow, (FgAttr){0}));
}
