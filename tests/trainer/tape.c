/* Gradients of whole networks against central differences in double.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/net.h"
#include "trainer/tape.h"

static double uniform(uint32_t i, uint32_t stream)
{
    const uint32_t counter[4] = {i, stream, 0, 0}, key[2] = {7, 11};
    uint32_t r[4];

    fg_philox(counter, key, r);
    return r[0] * 0x1p-32 - 0.5;
}

static FgTensor flat_f64(const FgParam *p)
{
    FgShape s = {1, 1, 1, 1};
    FgTensor t;

    s.n = p->dims[0];
    s.c = p->nb_dims > 1 ? p->dims[1] : 1;
    s.h = p->nb_dims > 2 ? p->dims[2] : 1;
    s.w = p->nb_dims > 3 ? p->dims[3] : 1;
    assert_int_equal(fg_tensor_alloc(&t, s, FG_F64), 0);
    return t;
}

/* Sum of out * weight after a forward pass in double, with every parameter
 * moved by eps along a fixed random direction. */
static double loss_f64(const FgGraph *g, const FgParams *ps, FgShape in,
                       double eps)
{
    FgShape *shapes = calloc((size_t)g->nb_nodes, sizeof(*shapes));
    FgTensor *val = calloc((size_t)g->nb_nodes, sizeof(*val));
    double sum = 0, *d;
    size_t n;

    assert_int_equal(fg_graph_shapes(g, in, shapes, NULL), 0);
    for (int i = 0; i < g->nb_nodes; i++) {
        const FgNode *node = &g->nodes[i];
        FgTensor param[FG_MAX_PARAM];
        FgShape ins[FG_MAX_IN];
        FgOpCall c = {.node = node, .out = &val[i]};

        assert_int_equal(fg_tensor_alloc(&val[i], shapes[i], FG_F64), 0);
        c.nb_in = node->nb_in;
        c.nb_param = node->nb_param;
        for (int k = 0; k < node->nb_in; k++) {
            c.in[k] = &val[node->in[k]];
            ins[k] = shapes[node->in[k]];
        }
        for (int k = 0; k < node->nb_param; k++) {
            const FgParam *p = fg_params_find(ps, node->param[k]);
            const uint32_t id = (uint32_t)(p - ps->p);

            param[k] = flat_f64(p);
            d = param[k].data;
            for (size_t j = 0; j < fg_param_count(p); j++)
                d[j] = p->data[j] + eps * uniform((uint32_t)j, 100 + id);
            c.param[k] = &param[k];
        }
        if (node->nb_in) {
            n = node->op->scratch
                    ? node->op->scratch(node, ins, &shapes[i], FG_F64, 1)
                    : 0;
            c.scratch = aligned_alloc(64, (n + 127) & ~(size_t)63);
            assert_int_equal(node->op->f64.forward(&c), 0);
            free(c.scratch);
        } else {
            d = val[i].data;
            n = (size_t)in.n * in.c * in.h * in.w;
            for (size_t j = 0; j < n; j++)
                d[j] = (float)uniform((uint32_t)j, 1);
        }
        for (int k = 0; k < node->nb_param; k++)
            fg_tensor_free(&param[k]);
    }
    d = val[g->nb_nodes - 1].data;
    n = (size_t)in.n * shapes[g->nb_nodes - 1].c * shapes[g->nb_nodes - 1].h *
        shapes[g->nb_nodes - 1].w;
    for (size_t j = 0; j < n; j++)
        sum += d[j] * (float)uniform((uint32_t)j, 2);
    for (int i = 0; i < g->nb_nodes; i++)
        fg_tensor_free(&val[i]);
    free(val);
    free(shapes);
    return sum;
}

static void fill(FgTensor *t, uint32_t stream)
{
    const FgShape s = t->shape;
    float *d = t->data;

    for (size_t j = 0; j < (size_t)s.n * s.c * s.h * s.w; j++)
        d[j] = (float)uniform((uint32_t)j, stream);
}

/* d loss / d direction as the tape has it. */
static double slope(FgNet *net, FgShape in, FgExecutor *ex)
{
    FgParams *ps = &net->set[FG_SET_PARAM];
    double sum = 0;
    FgTape t;
    FgError err;

    assert_int_equal(
        fg_tape_create(&t, &net->graph, ps, &net->grads, in, 0, ex, &err), 0);
    fill(fg_tape_input(&t), 1);
    /* Twice: memory of the first pass must not leak into the second. */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fg_tape_forward(&t, 0), 0);
        fill(fg_tape_output_grad(&t), 2);
        fg_net_zero_grads(net);
        assert_int_equal(fg_tape_backward(&t, 0), 0);
    }
    for (int i = 0; i < ps->nb; i++)
        for (size_t j = 0; j < fg_param_count(&ps->p[i]); j++)
            sum += net->grads.p[i].data[j] *
                   uniform((uint32_t)j, 100 + (uint32_t)i);
    fg_tape_free(&t);
    return sum;
}

static void check(FgBuild b)
{
    const FgShape in = {2, b.channels_in, 7, 9};
    const double eps = 1e-7; /* small: few units cross a ReLU's corner */
    FgPool *pool = NULL;
    FgGraph g = {0};
    FgNet net;
    FgError err = {""};
    double want, got, got2;

    assert_int_equal(fg_pool_create(&pool, 2), 0);
    if (fg_graph_build(&g, &b, &err) || fg_net_create(&net, "g", &g, 3, &err))
        fail_msg("%s", err.text);
    want = (loss_f64(&net.graph, &net.set[FG_SET_PARAM], in, eps) -
            loss_f64(&net.graph, &net.set[FG_SET_PARAM], in, -eps)) /
           (2 * eps);
    got = slope(&net, in, NULL);
    got2 = slope(&net, in, fg_pool_executor(pool));
    /* Single precision over some hundred terms a sum. */
    if (!(fabs(got - want) <= 2e-4 * (1 + fabs(want))))
        fail_msg("%s %s: slope %.9g, central difference %.9g", b.family,
                 b.activation, got, want);
    if (got != got2)
        fail_msg("%s: two threads give %.9g, one %.9g", b.family, got2, got);
    fg_net_free(&net);
    fg_pool_free(&pool);
}

static void compact(void **state)
{
    (void)state;
    check((FgBuild){"compact", 1, 2, 8, 2, "relu", "bicubic", 0});
    check((FgBuild){"compact", 3, 3, 5, 1, "prelu", "nearest", 0});
}

static void reparam(void **state)
{
    (void)state;
    check((FgBuild){"compact", 1, 2, 8, 2, "relu", "bicubic", 1});
    check((FgBuild){"res", 3, 2, 8, 2, "leaky_relu", "none", 1});
}

static void residual(void **state)
{
    (void)state;
    check((FgBuild){"res", 3, 2, 8, 2, "relu", "bilinear", 0});
    check((FgBuild){"res", 1, 4, 6, 1, "silu", "bicubic", 0});
}

/* One node used twice by one op, a ReLU whose input has a second user, and the
 * gradient of the input. */
static void shared_nodes(void **state)
{
    FgGraph g = {0};
    FgParams ps = {0}, grads = {0};
    const FgAttr none = {0};
    FgTape t;
    FgError err;
    int in, twice, relu;
    float *x, *dx;

    (void)state;
    in = fg_graph_op(&g, "input", "in", -1, -1, (FgAttr){.channels = 1});
    twice = fg_graph_op(&g, "add", "twice", in, in, none);
    relu = fg_graph_op(&g, "relu", "relu", twice, -1, none);
    assert_true(fg_graph_op(&g, "add", "sum", relu, twice, none) >= 0);
    assert_int_equal(fg_tape_create(&t, &g, &ps, &grads, (FgShape){1, 1, 1, 2},
                                    1, NULL, &err),
                     0);
    x = fg_tape_input(&t)->data;
    x[0] = 1;
    x[1] = -1;
    assert_int_equal(fg_tape_forward(&t, 0), 0);
    assert_true(fg_f32(fg_tape_output(&t), 0, 0, 0)[0] == 4);
    assert_true(fg_f32(fg_tape_output(&t), 0, 0, 0)[1] == -2);
    dx = fg_tape_output_grad(&t)->data;
    dx[0] = dx[1] = 1;
    assert_int_equal(fg_tape_backward(&t, 0), 0);
    dx = fg_tape_input_grad(&t)->data;
    assert_true(dx[0] == 4 && dx[1] == 2);
    fg_tape_free(&t);
    fg_graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact),
        cmocka_unit_test(reparam),
        cmocka_unit_test(residual),
        cmocka_unit_test(shared_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
