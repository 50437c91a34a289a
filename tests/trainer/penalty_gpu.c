/* Gradient penalties whose second pass runs in GPU memory: value and weights'
 * gradients as the host's, for each kind and activation; of all that, sums
 * alone come down. The kernels' sources run on the CPU; no GPU is touched.
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
#include "tests/kernels/cuda.h"
#include "tests/trainer/gpu_run.h"
#include "trainer/net.h"
#include "trainer/penalty.h"

typedef struct Run {
    FgPool *pool;
    FgExecutor *ex;
    FgGpu *gpu;
    FgNet net;
    FgTape tape;
    FgPenalty penalty;
} Run;

static int add(FgGraph *g, const char *op, const char *name, int a, int b,
               FgAttr attr)
{
    const int i = fg_graph_op(g, op, name, a, b, attr);

    assert_true(i >= 0);
    return i;
}

/* Sums of two ways, a bias by itself, borders, a strided convolution. */
static void build(FgGraph *g, const char *act)
{
    const FgAttr conv = {.channels = 5,
                         .kernel = 3,
                         .stride = 1,
                         .pad = 1,
                         .groups = 1,
                         .bias = 1};
    const FgAttr down = {
        .channels = 4, .kernel = 4, .stride = 2, .pad = 1, .groups = 1};
    const FgAttr a = {.alpha = !strcmp(act, "leaky_relu") ? 0.2F : 0};
    int x = add(g, "input", "input", -1, -1, (FgAttr){.channels = 3});
    int y;

    x = add(g, "conv2d", "c0", x, -1, conv);
    x = add(g, act, "a0", x, -1, a);
    y = add(g, "conv2d", "c1", x, -1, conv);
    y = add(g, act, "a1", y, -1, a);
    x = add(g, "add", "sum", x, y, (FgAttr){0});
    x = add(g, "conv2d", "c2", x, -1, down);
    x = add(g, "bias", "b2", x, -1, (FgAttr){0});
    x = add(g, act, "a2", x, -1, a);
    x = add(g, "avg_pool", "pool", x, -1, (FgAttr){.kernel = 2, .stride = 2});
    add(g, "dense", "c3", x, -1, (FgAttr){.channels = 2, .bias = 1});
}

static void open_run(Run *r, const char *act, const char *device,
                     const char *precision)
{
    const FgShape in = {3, 3, 12, 12};
    FgGraph g = {0};
    FgError err = {""};

    memset(r, 0, sizeof(*r));
    open_device(&r->pool, &r->ex, &r->gpu, device, precision);
    build(&g, act);
    ok(fg_net_create(&r->net, "d", &g, 5, &err), &err);
    ok(fg_tape_create(&r->tape, &r->net.graph, &r->net.set[FG_SET_PARAM],
                      &r->net.grads, in, 1, r->ex, &err),
       &err);
    ok(fg_penalty_create(&r->penalty, &r->tape, &err), &err);
    fg_tape_keep(&r->tape, FG_KEEP_OUTPUT | FG_KEEP_GRADIENT | FG_KEEP_SLOPE);
}

static void close_run(Run *r)
{
    fg_penalty_free(&r->penalty);
    fg_tape_free(&r->tape);
    fg_net_free(&r->net);
    fg_gpu_close(&r->gpu);
    fg_pool_free(&r->pool);
}

static double penalty(Run *r, FgPenaltyKind kind)
{
    float *const v = fg_tape_input(&r->tape)->data;
    double norm, sum = 0;

    for (int i = 0; i < 3 * 3 * 12 * 12; i++) {
        const uint32_t c[4] = {(uint32_t)i, 0, 0, 0}, k[2] = {7, 1};
        uint32_t q[4];

        fg_philox(c, k, q);
        v[i] = (float)(q[0] * 0x1p-31 - 1);
    }
    /* Recorded the second time, run again the third. */
    for (int i = 0; i < 3; i++) {
        const uint64_t down = r->gpu ? r->gpu->down : 0;
        int ret = 0;

        fg_net_zero_grads(&r->net);
        sum = fg_penalty_run(&r->penalty, kind, 10, &norm, &ret);
        /* Sums of 64 blocks; where fp16 asks, 64 largest values, three times:
         * less than the picture's gradient. */
        if (r->gpu)
            assert_true(r->gpu->down - down <= 64 * (2 * 8 + 3 * 4));
        if (ret)
            fail_msg("%d: %s", ret, r->gpu ? r->gpu->err.text : "");
        assert_true(norm > 0);
    }
    fg_params_host(&r->net.grads, 0);
    return sum;
}

static void near(const FgParams *a, const FgParams *b, double most,
                 const char *act)
{
    double top = 0;

    for (int i = 0; i < a->nb; i++)
        for (size_t k = 0; k < fg_param_count(&a->p[i]); k++)
            top = fmax(top, fabs((double)a->p[i].data[k]));
    for (int i = 0; i < a->nb; i++)
        for (size_t k = 0; k < fg_param_count(&a->p[i]); k++)
            if (!(fabs((double)a->p[i].data[k] - b->p[i].data[k]) <=
                  most * top))
                fail_msg("%s: %s[%zu] is %g, wanted %g of %g", act,
                         a->p[i].name, k, (double)b->p[i].data[k],
                         (double)a->p[i].data[k], top);
}

static void as_on_the_host(const char *precision, double most)
{
    static const char *const acts[] = {"leaky_relu", "relu", "prelu",
                                       "silu",       "tanh", "sigmoid"};

    for (int i = 0; i < 6; i++)
        for (int kind = FG_PENALTY_SAMPLE; kind <= FG_PENALTY_R1; kind++) {
            Run a, b;

            open_run(&a, acts[i], NULL, "fp32");
            open_run(&b, acts[i], "cuda", precision);
            const double x = penalty(&a, (FgPenaltyKind)kind);
            const double y = penalty(&b, (FgPenaltyKind)kind);

            assert_true(x > 0 && fabs(x - y) <= most * x);
            near(&a.net.grads, &b.net.grads, most, acts[i]);
            assert_true(b.gpu->gpu.replays > 0);
            ok(b.gpu->rc, &b.gpu->err);
            close_run(&a);
            close_run(&b);
        }
}

static void in_fp32(void **state)
{
    (void)state;
    as_on_the_host("fp32", 1e-5);
}

static void in_fp16(void **state)
{
    (void)state;
    as_on_the_host("fp16", 3e-2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_fp32),
        cmocka_unit_test(in_fp16),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
