/* ffgan: a generator's first layer, made to lay cells side by side.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "generator_priv.h"
#include "graph_priv.h"
#include "op.h"

static int is_projection(const FgGraph *g, int i)
{
    const FgNode *n = &g->nodes[i];
    return i == 1 && fg_node_is(n, "deconv2d") && n->in[0] == 0 &&
           n->attr.stride <= 1 && !n->attr.pad && n->attr.groups <= 1 &&
           n->attr.kernel > 1 && n->attr.kernel <= 16;
}

/* [I][O][k][k] -> [O*k*k][I][1][1], in the shuffle's order of channels. */
static int project_weight(FgParams *ps, const FgParam *w)
{
    const int ic = w->dims[0], oc = w->dims[1], k2 = w->dims[2] * w->dims[3];
    const int dims[4] = {oc * k2, ic, 1, 1};
    FgParam *p = fg_params_add(ps, w->name, 4, dims);
    if (!p)
        return -ENOMEM;
    for (int o = 0; o < oc * k2; o++)
        for (int i = 0; i < ic; i++)
            p->data[(size_t)o * (size_t)ic + (size_t)i] =
                w->data[(size_t)i * (size_t)(oc * k2) + (size_t)o];
    return 0;
}

static int project_bias(FgParams *ps, const FgParam *b, int k2)
{
    const int dims[4] = {b->dims[0] * k2};
    FgParam *p = fg_params_add(ps, b->name, 1, dims);
    for (int o = 0; p && o < dims[0]; o++)
        p->data[o] = b->data[o / k2];
    return p ? 0 : -ENOMEM;
}

static int copy_param(FgParams *ps, const FgParam *s)
{
    FgParam *p = fg_params_add(ps, s->name, s->nb_dims, s->dims);
    if (!p)
        return -ENOMEM;
    memcpy(p->data, s->data, sizeof(float) * fg_param_count(s));
    return 0;
}

static int copy_params(FgParams *ps, const FgModel *m)
{
    const FgGraph *g = &m->graph;
    int rc = 0;
    for (int i = 0; i < g->nb_nodes; i++)
        for (int k = 0; k < g->nodes[i].nb_param && rc >= 0; k++) {
            const FgParam *s = fg_params_find(&m->params, g->nodes[i].param[k]);
            const int side = g->nodes[i].attr.kernel;
            if (!s || fg_params_find(ps, g->nodes[i].param[k]))
                rc = s ? 0 : -EINVAL;
            else if (!is_projection(g, i))
                rc = copy_param(ps, s);
            else
                rc = k ? project_bias(ps, s, side * side)
                       : project_weight(ps, s);
        }
    return rc;
}

/* The convolution and the shuffle that stand for the node. */
static int add_projection(FgGraph *g, FgNode n)
{
    const int k = n.attr.kernel;
    const FgAttr shuffle = {.factor = k};
    n.op = fg_op_find("conv2d");
    n.attr.channels *= k * k;
    n.attr.kernel = n.attr.stride = n.attr.groups = 1;
    const int at = fg_graph_add(g, &n);
    return at < 0
               ? at
               : fg_graph_op(g, "pixel_shuffle", "fg.cells", at, -1, shuffle);
}

static int copy_nodes(FgGraph *dst, const FgGraph *src)
{
    int *at = calloc((size_t)src->nb_nodes, sizeof(int));
    int rc = at ? 0 : -ENOMEM;
    for (int i = 0; i < src->nb_nodes && rc >= 0; i++) {
        FgNode n = src->nodes[i];
        for (int k = 0; k < n.nb_in; k++)
            n.in[k] = at[n.in[k]];
        rc = is_projection(src, i) ? add_projection(dst, n)
                                   : fg_graph_add(dst, &n);
        if (rc >= 0)
            at[i] = rc;
    }
    free(at);
    return rc < 0 ? rc : 0;
}

int fg_generator_project(FgGraph *g, FgParams *ps, const FgModel *m,
                         FgError *err)
{
    int rc = copy_params(ps, m);
    if (rc >= 0)
        rc = copy_nodes(g, &m->graph);
    return rc < 0 ? fg_error(err, rc, "the generator cannot be prepared: %s",
                             strerror(-rc))
                  : 0;
}
