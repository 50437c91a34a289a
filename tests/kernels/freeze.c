/* Instance norms frozen at one picture.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/freeze.h"
#include "kernels/op.h"
#include "kernels/plan.h"

enum { W = 23, H = 17 };

static FgModel *make(void)
{
    const FgAttr conv = {.channels = 5,
                         .kernel = 3,
                         .stride = 1,
                         .pad = 1,
                         .pad_mode = FG_PAD_REFLECT,
                         .groups = 1};
    const FgAttr last = {
        .channels = 3, .kernel = 1, .stride = 1, .groups = 1, .bias = 1};
    const FgAttr eps = {.eps = 1e-5f};
    FgModel *m = fg_model_alloc();
    FgGraph *g = &m->graph;
    FgError err = {""};
    int x = fg_graph_op(g, "input", "in", -1, -1, (FgAttr){.channels = 3});

    x = fg_graph_op(g, "conv2d", "a", x, -1, conv);
    x = fg_graph_op(g, "instance_norm", "a.norm", x, -1, eps);
    x = fg_graph_op(g, "relu", "a.act", x, -1, (FgAttr){0});
    x = fg_graph_op(g, "conv2d", "b", x, -1, conv);
    x = fg_graph_op(g, "instance_norm", "b.norm", x, -1, eps);
    assert_true(fg_graph_op(g, "conv2d", "c", x, -1, last) > 0);
    assert_int_equal(fg_graph_params(g, &m->params, &err), 0);
    fg_graph_init_params(g, &m->params, 5);
    fg_params_find(&m->params, "a.norm.bias")->data[2] = 0.5f;
    fg_params_find(&m->params, "b.norm.weight")->data[1] = 1.5f;
    m->scale = 1;
    m->task = FG_TASK_IMAGE;
    return m;
}

static void fill(FgTensor *t, uint32_t stream, float gain)
{
    float *d = t->data;

    for (uint32_t i = 0; i < W * H * 3; i++) {
        const uint32_t at[4] = {i, stream, 0, 0}, key[2] = {2, 3};
        uint32_t r[4];

        fg_philox(at, key, r);
        d[i] = gain * (float)(r[0] * 0x1p-32);
    }
}

static void run(const FgModel *m, const FgTensor *in, FgTensor *out)
{
    const FgPlanOptions o = {
        .device = "cpu", .precision = FG_PREC_FP32, .max_w = W, .max_h = H};
    FgPlan *p = NULL;
    FgError err = {""};

    if (fg_plan_create(&p, m, &o, &err))
        fail_msg("%s", err.text);
    assert_int_equal(fg_plan_run(p, in, out), 0);
    fg_plan_free(&p);
}

static double difference(const FgTensor *a, const FgTensor *b)
{
    double most = 0;

    for (int i = 0; i < W * H * 3; i++)
        most = fmax(
            most, fabs((double)((float *)a->data)[i] - ((float *)b->data)[i]));
    return most;
}

static void frozen(void **state)
{
    const FgShape s = {1, 3, H, W};
    FgTensor in, other, want, got;
    FgModel *m = make(), *f = NULL;
    FgReach before, after;
    FgError err = {""};

    (void)state;
    assert_int_equal(fg_tensor_alloc(&in, s, FG_F32), 0);
    assert_int_equal(fg_tensor_alloc(&other, s, FG_F32), 0);
    assert_int_equal(fg_tensor_alloc(&want, s, FG_F32), 0);
    assert_int_equal(fg_tensor_alloc(&got, s, FG_F32), 0);
    fill(&in, 0, 1);
    fill(&other, 1, 0.3f);
    if (fg_model_freeze(&f, m, &in, NULL, &err))
        fail_msg("%s", err.text);
    assert_int_equal(f->task, FG_TASK_IMAGE);
    assert_int_equal(fg_graph_reach(&m->graph, &before, &err), 0);
    assert_int_equal(fg_graph_reach(&f->graph, &after, &err), 0);
    assert_true(before.global && !after.global);
    run(m, &in, &want);
    run(f, &in, &got);
    assert_true(difference(&want, &got) < 1e-4); /* folded, single precision */
    /* Another picture no longer changes its own scale. */
    run(m, &other, &want);
    run(f, &other, &got);
    assert_true(difference(&want, &got) > 0.2);
    fg_model_free(&m);
    fg_model_free(&f);
    fg_tensor_free(&in);
    fg_tensor_free(&other);
    fg_tensor_free(&want);
    fg_tensor_free(&got);
}

static void wrong_picture(void **state)
{
    FgTensor in;
    FgModel *m = make(), *f = NULL;
    FgError err = {""};

    (void)state;
    assert_int_equal(fg_tensor_alloc(&in, (FgShape){1, 1, H, W}, FG_F32), 0);
    assert_int_equal(fg_model_freeze(&f, m, &in, NULL, &err), -EINVAL);
    assert_null(f);
    assert_true(err.text[0]);
    fg_model_free(&m);
    fg_tensor_free(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(frozen),
                                       cmocka_unit_test(wrong_picture)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
