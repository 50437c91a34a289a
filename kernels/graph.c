/* ffgan: graphs: adding nodes, copying, checking, shapes.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "graph_priv.h"
#include "op.h"

int fg_name_valid(const char *s, size_t len)
{
    if (!len || len >= FG_NAME_LEN)
        return 0;
    for (size_t i = 0; i < len; i++) {
        const char c = s[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'))
            return 0;
    }
    return 1;
}

int fg_node_is(const FgNode *n, const char *op)
{
    return !strcmp(n->op->name, op);
}

static int node_valid(const FgGraph *g, const FgNode *n)
{
    const size_t len = strnlen(n->name, FG_NAME_LEN);
    if (!n->op || n->nb_in < n->op->min_in || n->nb_in > n->op->max_in ||
        n->nb_in > FG_MAX_IN || n->nb_param < 0 || n->nb_param > FG_MAX_PARAM)
        return 0;
    if (!fg_name_valid(n->name, len) || fg_graph_find(g, n->name) >= 0)
        return 0;
    for (int i = 0; i < n->nb_in; i++)
        if (n->in[i] < 0 || n->in[i] >= g->nb_nodes)
            return 0;
    for (int i = 0; i < n->nb_param; i++)
        if (!fg_name_valid(n->param[i], strnlen(n->param[i], FG_NAME_LEN)))
            return 0;
    return n->nb_param == fg_node_params(n);
}

int fg_graph_add(FgGraph *g, const FgNode *node)
{
    if (g->nb_nodes >= FG_MAX_NODES || !node_valid(g, node))
        return -EINVAL;
    if (g->nb_nodes == g->cap) {
        const int cap = g->cap ? 2 * g->cap : 16;
        FgNode *p = realloc(g->nodes, sizeof(*p) * (size_t)cap);
        if (!p)
            return -ENOMEM;
        g->nodes = p;
        g->cap = cap;
    }
    g->nodes[g->nb_nodes] = *node;
    return g->nb_nodes++;
}

int fg_node_params(const FgNode *n)
{
    int k = 0;
    while (k < FG_MAX_PARAM && n->op->param[k])
        k++;
    if (k && (n->op->attrs & FG_ATTR_BIAS) && !n->attr.bias &&
        !strcmp(n->op->param[k - 1], "bias"))
        k--;
    return k;
}

int fg_node_name_params(FgNode *n)
{
    n->nb_param = fg_node_params(n);
    for (int i = 0; i < n->nb_param; i++) {
        const size_t a = strlen(n->name), b = strlen(n->op->param[i]);
        if (a + b + 2 > FG_NAME_LEN)
            return -EINVAL;
        memcpy(n->param[i], n->name, a);
        n->param[i][a] = '.';
        memcpy(n->param[i] + a + 1, n->op->param[i], b + 1);
    }
    return 0;
}

int fg_graph_op(FgGraph *g, const char *op, const char *name, int in0, int in1,
                FgAttr attr)
{
    FgNode n;
    memset(&n, 0, sizeof(n));
    n.op = fg_op_find(op);
    if (!n.op || strlen(name) >= FG_NAME_LEN)
        return -EINVAL;
    strcpy(n.name, name);
    n.attr = attr;
    if (in0 >= 0)
        n.in[n.nb_in++] = in0;
    if (in1 >= 0)
        n.in[n.nb_in++] = in1;
    const int rc = fg_node_name_params(&n);
    return rc < 0 ? rc : fg_graph_add(g, &n);
}

int fg_graph_find(const FgGraph *g, const char *name)
{
    for (int i = 0; i < g->nb_nodes; i++)
        if (!strcmp(g->nodes[i].name, name))
            return i;
    return -ENOENT;
}

int fg_graph_copy(FgGraph *dst, const FgGraph *src)
{
    memset(dst, 0, sizeof(*dst));
    if (!src->nb_nodes)
        return 0;
    dst->nodes = malloc(sizeof(*dst->nodes) * (size_t)src->nb_nodes);
    if (!dst->nodes)
        return -ENOMEM;
    memcpy(dst->nodes, src->nodes, sizeof(*dst->nodes) * (size_t)src->nb_nodes);
    dst->nb_nodes = dst->cap = src->nb_nodes;
    return 0;
}

void fg_graph_free(FgGraph *g)
{
    if (!g)
        return;
    free(g->nodes);
    memset(g, 0, sizeof(*g));
}

/* Inputs beyond the first share its size; their channels are their own. */
static int input_shape(const FgNode *n, int i, FgShape in, FgShape *out,
                       FgError *err)
{
    *out = in;
    if (n->attr.channels < 1)
        return fg_error(err, -EINVAL,
                        "graph: node '%s': channels is %d, allowed >= 1",
                        n->name, n->attr.channels);
    if (!i && in.c != n->attr.channels)
        return fg_error(err, -EINVAL,
                        "graph: input has %d channels, '%s' wants %d", in.c,
                        n->name, n->attr.channels);
    out->c = n->attr.channels;
    return 0;
}

static int node_shape(const FgGraph *g, int i, FgShape in, FgShape *out,
                      FgError *err)
{
    const FgNode *n = &g->nodes[i];
    FgShape s[FG_MAX_IN];
    if (fg_node_is(n, "input")) {
        if (i && !fg_node_is(&g->nodes[i - 1], "input"))
            return fg_error(err, -EINVAL,
                            "graph: node '%s': inputs must come first",
                            n->name);
        return input_shape(n, i, in, &out[i], err);
    }
    for (int k = 0; k < n->nb_in; k++)
        s[k] = out[n->in[k]];
    const int rc = n->op->shape(n, s, &out[i], err);
    if (rc < 0)
        return rc;
    const FgShape o = out[i];
    if (o.n < 1 || o.c < 1 || o.h < 1 || o.w < 1)
        return fg_error(err, -EINVAL,
                        "graph: node '%s': output of %dx%dx%dx%d is empty",
                        n->name, o.n, o.c, o.h, o.w);
    if ((double)o.n * o.c * o.h * o.w > 1e12 || o.c > 1 << 20)
        return fg_error(err, -EINVAL,
                        "graph: node '%s': output of %dx%dx%dx%d is too large",
                        n->name, o.n, o.c, o.h, o.w);
    return 0;
}

int fg_graph_shapes(const FgGraph *g, FgShape in, FgShape *out, FgError *err)
{
    if (g->nb_nodes < 1 || !fg_node_is(&g->nodes[0], "input"))
        return fg_error(err, -EINVAL, "graph: node 0 must be an input");
    if (in.n < 1 || in.c < 1 || in.h < 1 || in.w < 1)
        return fg_error(err, -EINVAL, "graph: input of %dx%dx%dx%d is empty",
                        in.n, in.c, in.h, in.w);
    FgShape *s = out;
    if (!s)
        s = malloc(sizeof(*s) * (size_t)g->nb_nodes);
    if (!s)
        return fg_error(err, -ENOMEM, "graph: out of memory");
    int rc = 0;
    for (int i = 0; i < g->nb_nodes && rc >= 0; i++)
        rc = node_shape(g, i, in, s, err);
    if (s != out)
        free(s);
    return rc < 0 ? rc : 0;
}

FgShape *fg_graph_any_shapes(const FgGraph *g, FgError *err)
{
    /* Sides that divide by the usual strides; the small ones first, so that
     * overflow checks in ops never meet a side that nobody would use. */
    static const int sides[] = {64, 240, 5040, 1, 2, 4, 8, 16, 32};
    if (g->nb_nodes < 1) {
        fg_error(err, -EINVAL, "graph: it has no nodes");
        errno = EINVAL;
        return NULL;
    }
    FgShape *s = malloc(sizeof(*s) * (size_t)g->nb_nodes);
    if (!s) {
        fg_error(err, -ENOMEM, "graph: out of memory");
        errno = ENOMEM;
        return NULL;
    }
    for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++) {
        const FgShape in = {1, g->nodes[0].attr.channels, sides[i], sides[i]};
        if (fg_graph_shapes(g, in, s, i ? NULL : err) >= 0)
            return s;
    }
    free(s);
    errno = EINVAL;
    return NULL;
}
