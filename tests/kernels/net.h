/* What the tests of graphs, models and plans share: small networks with
 * random parameters, and the plain forward pass that defines the right answer.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_KERNELS_NET_H
#define FFGAN_TESTS_KERNELS_NET_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/graph.h"
#include "kernels/model.h"
#include "kernels/op.h"
#include "kernels/tensor.h"

#define NET_SEED 20240607u

/* Uniform in [-1, 1), by element index and stream. */
static inline float net_random(uint32_t i, uint32_t stream)
{
    const uint32_t counter[4] = {i, stream, 0, 0}, key[2] = {NET_SEED, 1};
    uint32_t r[4];
    fg_philox(counter, key, r);
    return (float)(r[0] / 2147483648.0 - 1);
}

static inline FgTensor net_picture(int c, int h, int w)
{
    FgTensor t;
    assert_int_equal(fg_tensor_alloc(&t, (FgShape){1, c, h, w}, FG_F32), 0);
    for (int i = 0; i < c * h * w; i++)
        ((float *)t.data)[i] = 0.5f + 0.5f * net_random((uint32_t)i, 7);
    return t;
}

/* Biases and statistics get values too, so that nothing hides behind zero. */
static inline void net_fill(const FgGraph *g, FgParams *ps)
{
    FgError err = {{0}};
    if (fg_graph_params(g, ps, &err) < 0)
        fail_msg("%s", err.text);
    fg_graph_init_params(g, ps, NET_SEED);
    for (int i = 0; i < ps->nb; i++) {
        FgParam *p = &ps->p[i];
        if (p->nb_dims != 1)
            continue;
        const int positive = strstr(p->name, "var") != NULL;
        for (int k = 0; k < p->dims[0]; k++) {
            const float r = net_random((uint32_t)k, 100 + (uint32_t)i);
            p->data[k] = positive ? 1 + 0.5f * r : 0.2f * r;
        }
    }
}

static inline FgModel *net_model(const FgBuild *b)
{
    FgError err = {{0}};
    FgModel *m = fg_model_alloc();
    assert_non_null(m);
    if (fg_graph_build(&m->graph, b, &err) < 0)
        fail_msg("%s", err.text);
    net_fill(&m->graph, &m->params);
    m->scale = b->scale;
    m->luma = b->channels_in == 1;
    return m;
}

static inline void *net_alloc(size_t n)
{
    void *p = aligned_alloc(64, (n + 127) & ~(size_t)63);
    assert_non_null(p);
    return p;
}

static inline void net_node(const FgGraph *g, const FgParams *ps, int i,
                            FgTensor *v)
{
    const FgNode *n = &g->nodes[i];
    FgOpCall c;
    FgShape in[FG_MAX_IN];
    FgTensor param[FG_MAX_PARAM];
    memset(&c, 0, sizeof(c));
    c.node = n;
    c.nb_in = n->nb_in;
    c.nb_param = n->nb_param;
    c.out = &v[i];
    for (int k = 0; k < n->nb_in; k++) {
        c.in[k] = &v[n->in[k]];
        in[k] = v[n->in[k]].shape;
    }
    for (int k = 0; k < n->nb_param; k++) {
        const FgParam *p = fg_params_find(ps, n->param[k]);
        assert_non_null(p);
        param[k] = fg_tensor_wrap(
            p->data, (FgShape){(int)fg_param_count(p), 1, 1, 1}, FG_F32);
        for (int d = 0; d < p->nb_dims; d++)
            (&param[k].shape.n)[d] = p->dims[d];
        c.param[k] = &param[k];
    }
    c.scratch = net_alloc(
        n->op->scratch ? n->op->scratch(n, in, &v[i].shape, FG_F32, 1) : 0);
    assert_int_equal(n->op->f32.forward(&c), 0);
    free(c.scratch);
}

/* The graph by its ops, one after another, on the whole picture. */
static inline FgTensor net_forward(const FgGraph *g, const FgParams *ps,
                                   const FgTensor *in)
{
    FgError err = {{0}};
    const size_t n = (size_t)g->nb_nodes;
    FgShape *s = calloc(n, sizeof(*s));
    FgTensor *v = calloc(n, sizeof(*v));
    assert_non_null(s);
    assert_non_null(v);
    if (fg_graph_shapes(g, in->shape, s, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(fg_tensor_alloc(&v[i], s[i], FG_F32), 0);
        if (i)
            net_node(g, ps, (int)i, v);
        else
            fg_tensor_copy(&v[0], in);
    }
    FgTensor out = v[n - 1];
    for (size_t i = 0; i + 1 < n; i++)
        fg_tensor_free(&v[i]);
    free(v);
    free(s);
    return out;
}

static inline double net_max_diff(const FgTensor *a, const FgTensor *b)
{
    const FgShape s = a->shape;
    double worst = 0;
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++)
            for (int c = 0; c < s.c; c++)
                worst = fmax(worst, fabs((double)fg_f32(a, 0, y, x)[c] -
                                         fg_f32(b, 0, y, x)[c]));
    return worst;
}

/* Equal to the last bit. */
static inline int net_same(const FgTensor *a, const FgTensor *b)
{
    const FgShape s = a->shape;
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++)
            if (memcmp(fg_f32(a, 0, y, x), fg_f32(b, 0, y, x),
                       sizeof(float) * (size_t)s.c))
                return 0;
    return 1;
}

#endif
