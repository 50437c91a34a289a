/* ffgan: instance norms that keep one picture's statistics.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "freeze.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph_priv.h"
#include "op.h"

typedef struct Pass {
    FgModel *m; /* the copy */
    FgExecutor *ex;
    FgShape *shape;
    FgTensor *val;
    int *left; /* users of a node's output that are still to come */
    void *scratch;
} Pass;

static FgTensor flat(const FgParam *p)
{
    FgShape s = {1, 1, 1, 1};
    s.n = p->dims[0];
    s.c = p->nb_dims > 1 ? p->dims[1] : 1;
    s.h = p->nb_dims > 2 ? p->dims[2] : 1;
    s.w = p->nb_dims > 3 ? p->dims[3] : 1;
    return fg_tensor_wrap(p->data, s, FG_F32);
}

static int run_node(Pass *k, int i)
{
    const FgNode *const n = &k->m->graph.nodes[i];
    FgTensor param[FG_MAX_PARAM];
    FgShape in[FG_MAX_IN] = {{0}};
    FgOpCall c = {.node = n,
                  .nb_in = n->nb_in,
                  .nb_param = n->nb_param,
                  .out = &k->val[i],
                  .fast = FG_FAST_F32,
                  .ex = k->ex};
    size_t size = 64;
    for (int j = 0; j < n->nb_in; j++) {
        c.in[j] = &k->val[n->in[j]];
        in[j] = k->shape[n->in[j]];
    }
    for (int j = 0; j < n->nb_param; j++) {
        param[j] = flat(fg_params_find(&k->m->params, n->param[j]));
        c.param[j] = &param[j];
    }
    int ret = fg_tensor_alloc(&k->val[i], k->shape[i], FG_F32);
    if (n->op->scratch)
        size += n->op->scratch(n, in, &k->shape[i], FG_F32, fg_threads(k->ex));
    free(k->scratch);
    k->scratch = aligned_alloc(64, (size + 63) & ~(size_t)63);
    c.scratch = k->scratch;
    if (!ret && !k->scratch)
        ret = -ENOMEM;
    return ret ? ret : n->op->f32.forward(&c);
}

/* Means first: a variance of single precision needs them. */
static void measure(const FgTensor *t, float *mean, float *var)
{
    const FgShape s = t->shape;
    const double px = (double)s.h * s.w;
    for (int c = 0; c < s.c; c++) {
        double m = 0, v = 0;
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++)
                m += fg_f32(t, 0, y, x)[c];
        m /= px;
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++) {
                const double d = fg_f32(t, 0, y, x)[c] - m;
                v += d * d;
            }
        mean[c] = (float)m;
        var[c] = (float)(v / px);
    }
}

/* A copy of the picture's running value, as a parameter of the node. */
static FgParam *statistic(Pass *k, int i, int j, const char *what)
{
    FgNode *const n = &k->m->graph.nodes[i];
    const int dims[1] = {k->shape[i].c};
    char name[2 * FG_NAME_LEN];
    const int len = snprintf(name, sizeof(name), "%s.%s", n->name, what);
    FgParam *const p = len < FG_NAME_LEN
                           ? fg_params_add(&k->m->params, name, 1, dims)
                           : NULL;
    if (p)
        memcpy(n->param[j], name, (size_t)len + 1);
    if (p)
        p->trainable = 0;
    return p;
}

static int freeze_node(Pass *k, int i)
{
    FgNode *const n = &k->m->graph.nodes[i];
    FgParam *p = statistic(k, i, 2, "running_mean");
    float *const mean = p ? p->data : NULL;
    p = p ? statistic(k, i, 3, "running_var") : NULL;
    if (!p)
        return -ENOMEM;
    measure(&k->val[n->in[0]], mean, p->data);
    n->op = fg_op_find("batch_norm");
    n->nb_param = 4;
    n->attr.momentum = 0.1f; /* of training; not used */
    return 0;
}

static void release(Pass *k, int i)
{
    const FgNode *const n = &k->m->graph.nodes[i];
    for (int j = 0; j < n->nb_in; j++)
        if (--k->left[n->in[j]] == 0)
            fg_tensor_free(&k->val[n->in[j]]);
}

static int pass(Pass *k, const FgTensor *picture, FgError *err)
{
    const FgGraph *const g = &k->m->graph;
    int last = -1, ret = fg_graph_shapes(g, picture->shape, k->shape, err);
    for (int i = 0; i < g->nb_nodes; i++) {
        last = strcmp(g->nodes[i].op->name, "instance_norm") ? last : i;
        for (int j = 0; j < g->nodes[i].nb_in; j++)
            k->left[g->nodes[i].in[j]]++;
    }
    for (int i = 0; i <= last && !ret; i++) {
        if (!strcmp(g->nodes[i].op->name, "instance_norm"))
            ret = freeze_node(k, i);
        if (!ret && g->nodes[i].nb_in)
            ret = run_node(k, i);
        else if (!ret) {
            ret = fg_tensor_alloc(&k->val[i], picture->shape, FG_F32);
            if (!ret)
                fg_tensor_copy(&k->val[i], picture);
        }
        if (!ret)
            release(k, i);
    }
    return ret;
}

static int copy_model(FgModel **out, const FgModel *m)
{
    FgModel *const c = fg_model_alloc();
    int ret = c ? fg_graph_copy(&c->graph, &m->graph) : -ENOMEM;
    *out = c;
    if (ret)
        return ret;
    ret = fg_params_copy(&c->params, &m->params);
    for (int i = 0; i < m->nb_meta && !ret; i++)
        ret = fg_model_set_meta(c, m->meta[i].key, m->meta[i].value);
    c->scale = m->scale;
    c->luma = m->luma;
    c->task = m->task;
    memcpy(c->sha256, m->sha256, sizeof(c->sha256));
    return ret;
}

int fg_model_freeze(FgModel **out, const FgModel *m, const FgTensor *picture,
                    FgExecutor *ex, FgError *err)
{
    const size_t n = (size_t)m->graph.nb_nodes;
    Pass k = {.ex = ex};
    k.shape = calloc(n, sizeof(*k.shape));
    k.val = calloc(n, sizeof(*k.val));
    k.left = calloc(n, sizeof(*k.left));
    int ret = k.shape && k.val && k.left ? copy_model(&k.m, m) : -ENOMEM;
    if (!ret)
        ret = pass(&k, picture, err);
    if (ret == -ENOMEM)
        fg_error(err, ret, "not enough memory to measure a picture");
    for (size_t i = 0; i < n && k.val; i++)
        fg_tensor_free(&k.val[i]);
    free(k.shape);
    free(k.val);
    free(k.left);
    free(k.scratch);
    if (ret)
        fg_model_free(&k.m);
    *out = k.m;
    return ret;
}
