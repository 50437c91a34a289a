/* Training's passes, recorded and run again: the bits of plain launches where
 * rates, dropout's steps, scales and the memory between them change. The
 * kernels' sources run on the CPU; no GPU is touched.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/build_gan.h"
#include "kernels/cuda_train_priv.h"
#include "kernels/op.h"
#include "tests/kernels/cuda.h"
#include "tests/trainer/gpu_run.h"
#include "trainer/net.h"
#include "trainer/tape.h"

enum { STEPS = 7 };

typedef struct Run {
    FgPool *pool;
    FgExecutor *ex;
    FgGpu *gpu;
    FgNet net;
    FgTape tape;
    float *weights; /* after all steps */
    size_t nb;
    int64_t replays;
} Run;

/* A critic: convolutions, batch norms, dropout. */
static void open_run(Run *r, const char *device, const char *precision,
                     int plain)
{
    const FgGanBuild b = {.side = 32,
                          .channels = 3,
                          .features = 2,
                          .outputs = 1,
                          .activation = "leaky_relu",
                          .norm = "batch",
                          .last = "none",
                          .dropout = 0.3F};
    const FgShape in = {2, 3, 32, 32};
    FgGraph g = {0};
    FgError err = {""};

    memset(r, 0, sizeof(*r));
    open_device(&r->pool, &r->ex, &r->gpu, device, precision);
    if (r->gpu)
        r->gpu->gpu.plain = plain;
    ok(fg_build_gan_critic(&g, &b, &err), &err);
    ok(fg_net_create(&r->net, "d", &g, 5, &err), &err);
    r->net.optim = (FgOptim){fg_optim_find("adam"), 0.9, 0.99, 1e-8, 0, 0};
    r->net.ema = 0.9;
    r->net.clip = 0.5;
    ok(fg_tape_create(&r->tape, &r->net.graph, &r->net.set[FG_SET_PARAM],
                      &r->net.grads, in, 1, r->ex, &err),
       &err);
    r->tape.seed = 11;
}

static void close_run(Run *r)
{
    fg_tape_free(&r->tape);
    fg_net_free(&r->net);
    fg_gpu_close(&r->gpu);
    fg_pool_free(&r->pool);
    free(r->weights);
}

static void fill(const FgTensor *t, int64_t stream, float size)
{
    const FgShape s = t->shape;

    for (int i = 0; i < s.n * s.c * s.h * s.w; i++) {
        const uint32_t c[4] = {(uint32_t)i, (uint32_t)stream, 0, 0};
        const uint32_t k[2] = {7, 1};
        uint32_t q[4];

        fg_philox(c, k, q);
        ((float *)t->data)[i] = size * (float)(q[0] * 0x1p-32 - 0.5);
    }
}

/* Rates, masks and gradients' sizes differ from step to step. */
static void step(Run *r, int64_t i)
{
    double norm;

    r->tape.step = i;
    fill(fg_tape_input(&r->tape), i, 1);
    assert_int_equal(fg_tape_forward(&r->tape, 1), 0);
    fill(fg_tape_output_grad(&r->tape), 100 + i, i % 2 ? 1e-3F : 1);
    fg_net_zero_grads(&r->net);
    assert_int_equal(fg_tape_backward(&r->tape, 1), 0);
    norm = fg_net_grad_norm(&r->net);
    assert_true(isfinite(norm) && norm > 0);
    fg_net_step(&r->net, 1e-3 / (double)(1 + i), norm);
}

static void finish(Run *r)
{
    const FgParams *ps = &r->net.set[FG_SET_EMA];

    fg_params_host(ps, 0);
    for (int i = 0; i < ps->nb; i++)
        r->nb += fg_param_count(&ps->p[i]);
    r->weights = malloc(r->nb * sizeof(float));
    r->nb = 0;
    for (int i = 0; i < ps->nb; i++) {
        const size_t n = fg_param_count(&ps->p[i]);

        memcpy(r->weights + r->nb, ps->p[i].data, n * sizeof(float));
        r->nb += n;
    }
    if (r->gpu) {
        r->replays = r->gpu->gpu.replays;
        ok(r->gpu->rc, &r->gpu->err);
    }
}

static void equal(const Run *a, const Run *b)
{
    assert_int_equal(a->nb, b->nb);
    assert_memory_equal(a->weights, b->weights, a->nb * sizeof(float));
}

/* What the CPU makes of the same steps: the order of sums is another. */
static void near_the_cpu(const Run *a)
{
    double d2 = 0, all = 0;
    Run b;

    open_run(&b, NULL, "fp32", 0);
    for (int64_t i = 0; i < STEPS; i++)
        step(&b, i);
    finish(&b);
    for (size_t i = 0; i < a->nb; i++) {
        const double d = (double)a->weights[i] - b.weights[i];

        d2 += d * d;
        all += (double)b.weights[i] * b.weights[i];
    }
    if (!(d2 <= 1e-8 * all))
        fail_msg("the CPU's weights differ by %g of their size",
                 sqrt(d2 / all));
    close_run(&b);
}

static void same_bits(const char *precision)
{
    Run run[2];

    for (int plain = 0; plain < 2; plain++) {
        open_run(&run[plain], "cuda", precision, plain);
        for (int64_t i = 0; i < STEPS; i++)
            step(&run[plain], i);
        finish(&run[plain]);
    }
    equal(&run[0], &run[1]);
    if (!strcmp(precision, "fp32"))
        near_the_cpu(&run[0]);
    /* All but the first steps': forward, zeros, back, norm, step. */
    assert_true(run[0].replays >= 5 * (STEPS - 2));
    assert_int_equal(run[1].replays, 0);
    close_run(&run[0]);
    close_run(&run[1]);
}

static void in_fp32(void **state)
{
    (void)state;
    same_bits("fp32");
}

static void in_fp16(void **state)
{
    (void)state;
    same_bits("fp16");
}

/* Another tape takes more work memory, gradients are wanted of other values,
 * passes come in turns: what was recorded is not run again. */
static void what_changes(void **state)
{
    Run run[2];
    FgTape wide[2];

    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        Run *r = &run[plain];
        FgError err = {""};

        open_run(r, "cuda", "fp32", plain);
        ok(fg_tape_create(&wide[plain], &r->net.graph,
                          &r->net.set[FG_SET_PARAM], &r->net.grads,
                          (FgShape){9, 3, 32, 32}, 0, r->ex, &err),
           &err);
        for (int64_t i = 0; i < STEPS; i++) {
            step(r, i);
            fill(fg_tape_input(&wide[plain]), 50 + i, 1);
            if (i == 3)
                assert_int_equal(fg_tape_forward(&wide[plain], 1), 0);
            if (i == 4) /* whatever the passes of today want */
                ok(fg_cuda_room(&r->gpu->gpu, r->gpu->gpu.work_bytes + 4096,
                                &err),
                   &err);
            r->tape.needs[0] = (char)(i % 2);
            assert_int_equal(fg_tape_backward_data(&r->tape, 1), 0);
            r->tape.needs[0] = 1;
        }
        finish(r);
    }
    equal(&run[0], &run[1]);
    assert_true(run[0].replays > 0);
    for (int i = 0; i < 2; i++) {
        fg_tape_free(&wide[i]);
        close_run(&run[i]);
    }
}

/* Of the tests' plug-in: a key that does not say all is found out. */
static void keys_are_checked(void **state)
{
    Run r;

    (void)state;
    open_run(&r, "cuda", "fp32", 0);
    for (int64_t i = 0; i < 3; i++)
        step(&r, i);
    for (int i = 0; i < r.net.graph.nb_nodes; i++)
        if (!strcmp(r.net.graph.nodes[i].op->name, "leaky_relu"))
            r.net.graph.nodes[i].attr.alpha = 0.5F;
    assert_true(fg_tape_forward(&r.tape, 1) < 0);
    assert_non_null(strstr(r.gpu->err.text, "not what was recorded"));
    close_run(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_fp32),
        cmocka_unit_test(in_fp16),
        cmocka_unit_test(what_changes),
        cmocka_unit_test(keys_are_checked),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
