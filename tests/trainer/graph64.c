/* A graph in double precision, one op after another.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "graph64.h"

double g64_uniform(uint32_t i, uint32_t stream)
{
    const uint32_t counter[4] = {i, stream, 3, 0}, key[2] = {7, 12};
    uint32_t r[4];

    fg_philox(counter, key, r);
    return r[0] * 0x1p-32 - 0.5;
}

size_t g64_count(const FgTensor *t)
{
    return (size_t)t->shape.n * t->shape.c * t->shape.h * t->shape.w;
}

double g64_at(const FgTensor *t, size_t i)
{
    return t->dtype == FG_F64 ? ((const double *)t->data)[i]
                              : ((const float *)t->data)[i];
}

static void moved_param(FgTensor *t, const FgParams *ps, const char *name,
                        double eps)
{
    const FgParam *p = fg_params_find(ps, name);
    FgShape s = {1, 1, 1, 1};
    double *d;

    assert_non_null(p);
    s.n = p->dims[0];
    s.c = p->nb_dims > 1 ? p->dims[1] : 1;
    s.h = p->nb_dims > 2 ? p->dims[2] : 1;
    s.w = p->nb_dims > 3 ? p->dims[3] : 1;
    assert_int_equal(fg_tensor_alloc(t, s, FG_F64), 0);
    d = t->data;
    for (size_t j = 0; j < fg_param_count(p); j++)
        d[j] = p->data[j] +
               (p->trainable ? eps : 0) *
                   g64_uniform((uint32_t)j, 1000 + (uint32_t)(p - ps->p));
}

/* The call of node i, its parameters moved by eps. */
static void open_call(FgOpCall *c, const Graph64 *q, int i, const FgParams *ps,
                      double eps)
{
    const FgNode *n = &q->g->nodes[i];
    FgShape ins[FG_MAX_IN];
    size_t size = 0;

    *c = (FgOpCall){.node = n,
                    .out = &q->val[i],
                    .nb_in = n->nb_in,
                    .nb_param = n->nb_param,
                    .training = 1};
    for (int k = 0; k < n->nb_in; k++) {
        c->in[k] = &q->val[n->in[k]];
        ins[k] = c->in[k]->shape;
    }
    for (int k = 0; k < n->nb_param; k++) {
        FgTensor *t = calloc(1, sizeof(*t));

        moved_param(t, ps, n->param[k], eps);
        c->param[k] = t;
    }
    if (n->op->scratch)
        size = n->op->scratch(n, ins, &c->out->shape, FG_F64, 1);
    c->scratch = aligned_alloc(64, (size + 127) & ~(size_t)63);
}

static void close_call(FgOpCall *c)
{
    for (int k = 0; k < c->nb_param; k++) {
        fg_tensor_free((FgTensor *)c->param[k]);
        free((FgTensor *)c->param[k]);
    }
    free(c->scratch);
}

static void run_node(Graph64 *q, int i, const FgParams *ps, double eps)
{
    FgOpCall c;

    open_call(&c, q, i, ps, eps);
    assert_int_equal(q->g->nodes[i].op->f64.forward(&c), 0);
    close_call(&c);
}

void g64_run(Graph64 *q, const FgGraph *g, const FgParams *ps,
             const FgTensor *input, double eps)
{
    FgShape *shapes = calloc((size_t)g->nb_nodes, sizeof(*shapes));

    *q = (Graph64){g, calloc((size_t)g->nb_nodes, sizeof(*q->val))};
    assert_int_equal(fg_graph_shapes(g, input->shape, shapes, NULL), 0);
    for (int i = 0; i < g->nb_nodes; i++) {
        assert_int_equal(fg_tensor_alloc(&q->val[i], shapes[i], FG_F64), 0);
        if (i)
            run_node(q, i, ps, eps);
        else
            for (size_t k = 0; k < g64_count(input); k++)
                ((double *)q->val[0].data)[k] = g64_at(input, k);
    }
    free(shapes);
}

void g64_back(const Graph64 *q, const FgParams *ps, double eps, FgTensor *dx)
{
    const int nb = q->g->nb_nodes;
    FgTensor *d = calloc((size_t)nb, sizeof(*d));

    for (int i = 0; i < nb; i++) {
        assert_int_equal(fg_tensor_alloc(&d[i], q->val[i].shape, FG_F64), 0);
        fg_tensor_zero(&d[i]);
    }
    for (size_t k = 0; k < g64_count(&d[nb - 1]); k++)
        ((double *)d[nb - 1].data)[k] = 1;
    for (int i = nb - 1; i > 0; i--) {
        FgOpCall c;

        open_call(&c, q, i, ps, eps);
        c.dout = &d[i];
        for (int k = 0; k < c.nb_in; k++) {
            c.din[k] = &d[q->g->nodes[i].in[k]];
            c.din_add[k] = 1;
        }
        assert_int_equal(q->g->nodes[i].op->f64.backward(&c), 0);
        close_call(&c);
    }
    *dx = d[0];
    for (int i = 1; i < nb; i++)
        fg_tensor_free(&d[i]);
    free(d);
}

void g64_free(Graph64 *q)
{
    for (int i = 0; i < q->g->nb_nodes; i++)
        fg_tensor_free(&q->val[i]);
    free(q->val);
}

double g64_slope(const FgParams *grads, const FgParams *ps)
{
    double sum = 0;

    for (int i = 0; i < ps->nb; i++)
        for (size_t j = 0; ps->p[i].trainable && j < fg_param_count(&ps->p[i]);
             j++)
            sum += (double)grads->p[i].data[j] *
                   g64_uniform((uint32_t)j, 1000 + (uint32_t)i);
    return sum;
}
