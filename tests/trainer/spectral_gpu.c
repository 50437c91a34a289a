/* Spectral norms in GPU memory: weights, vectors and gradients as the host's,
 * also where a run goes back. The kernels' sources run on the CPU; no GPU is
 * touched. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/build_gan.h"
#include "kernels/op.h"
#include "tests/kernels/cuda.h"
#include "tests/trainer/gpu_run.h"
#include "trainer/spectral.h"
#include "trainer/tape.h"

enum { STEPS = 5 };

typedef struct Run {
    FgPool *pool;
    FgExecutor *ex;
    FgGpu *gpu;
    FgNet net;
    FgParams state, before;
    FgSpectral s;
    FgTape tape;
} Run;

static void open_run(Run *r, const char *device)
{
    const FgGanBuild b = {.side = 32,
                          .channels = 3,
                          .features = 3,
                          .outputs = 1,
                          .activation = "leaky_relu",
                          .norm = "none",
                          .last = "none",
                          .bias = 1};
    const FgShape in = {2, 3, 32, 32};
    FgGraph g = {0};
    FgError err = {""};

    memset(r, 0, sizeof(*r));
    open_device(&r->pool, &r->ex, &r->gpu, device, "fp32");
    ok(fg_build_gan_critic(&g, &b, &err), &err);
    ok(fg_net_create(&r->net, "d", &g, 5, &err), &err);
    r->net.optim = (FgOptim){fg_optim_find("sgd"), 0.9, 0.99, 1e-8, 0, 0};
    r->net.ema = 0.9;
    ok(fg_spectral_create(&r->s, &r->net, &r->state, NULL, 9), &err);
    ok(fg_tape_create(&r->tape, &r->net.graph, &r->s.w, &r->net.grads, in, 0,
                      r->ex, &err),
       &err);
}

static void close_run(Run *r)
{
    fg_tape_free(&r->tape);
    fg_spectral_free(&r->s);
    fg_params_free(&r->state);
    fg_params_free(&r->before);
    fg_net_free(&r->net);
    fg_gpu_close(&r->gpu);
    fg_pool_free(&r->pool);
}

static void fill(const FgTensor *t, int64_t stream)
{
    const FgShape s = t->shape;

    for (int i = 0; i < s.n * s.c * s.h * s.w; i++) {
        const uint32_t c[4] = {(uint32_t)i, (uint32_t)stream, 0, 0};
        const uint32_t k[2] = {7, 1};
        uint32_t q[4];

        fg_philox(c, k, q);
        ((float *)t->data)[i] = (float)(q[0] * 0x1p-32 - 0.5);
    }
}

/* Two passes with one iteration, as a critic's and a generator's. */
static void step(Run *r, int64_t i)
{
    for (int twice = 0; twice < 2; twice++) {
        fg_spectral_apply(&r->s, !twice);
        fill(fg_tape_input(&r->tape), i);
        assert_int_equal(fg_tape_forward(&r->tape, 1), 0);
        fill(fg_tape_output_grad(&r->tape), 100 + i);
        fg_net_zero_grads(&r->net);
        assert_int_equal(fg_tape_backward(&r->tape, 1), 0);
        fg_spectral_back(&r->s);
    }
    fg_net_step(&r->net, 0.1, fg_net_grad_norm(&r->net));
}

static void copy(FgParams *to, const FgParams *from)
{
    for (int i = 0; i < from->nb; i++)
        memcpy(to->p[i].data, from->p[i].data,
               fg_param_count(&from->p[i]) * sizeof(float));
}

/* The vectors of the second step come back behind the third, as after a
 * rollback. */
static void run(Run *r)
{
    for (int64_t i = 0; i < STEPS; i++) {
        step(r, i);
        if (i == 1)
            assert_int_equal(fg_params_copy(&r->before, &r->state), 0);
        if (i == 2)
            copy(&r->state, &r->before);
    }
    fg_params_host(&r->s.w, 0);
    fg_params_host(&r->net.grads, 0);
    fg_params_host(&r->net.set[FG_SET_PARAM], 0);
    if (r->gpu)
        ok(r->gpu->rc, &r->gpu->err);
}

static void near(const FgParams *a, const FgParams *b, double most)
{
    for (int i = 0; i < a->nb; i++) {
        double d2 = 0, all = 1e-12;

        for (size_t k = 0; k < fg_param_count(&a->p[i]); k++) {
            const double d = (double)a->p[i].data[k] - b->p[i].data[k];

            d2 += d * d;
            all += (double)a->p[i].data[k] * a->p[i].data[k];
        }
        if (!(sqrt(d2 / all) <= most))
            fail_msg("%s differs by %g of its size", a->p[i].name,
                     sqrt(d2 / all));
    }
}

static void all_near(Run *a, Run *b, double most)
{
    near(&a->s.w, &b->s.w, most);
    near(&a->state, &b->state, most);
    near(&a->net.grads, &b->net.grads, most);
    near(&a->net.set[FG_SET_PARAM], &b->net.set[FG_SET_PARAM], most);
}

static void as_on_the_host(void **state)
{
    Run r[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        open_run(&r[i], i ? "cuda" : NULL);
        run(&r[i]);
    }
    assert_true(r[1].gpu->gpu.replays > 0);
    all_near(&r[0], &r[1], 1e-6);
    all_near(&r[1], &r[2], 0);
    for (int i = 0; i < 3; i++)
        close_run(&r[i]);
}

/* Weights stay there: down come the vectors, the outputs, the norm. */
static void little_comes_down(void **state)
{
    Run r;

    (void)state;
    open_run(&r, "cuda");
    for (int64_t i = 0; i < 3; i++)
        step(&r, i);
    const uint64_t down = r.gpu->down, up = r.gpu->up;
    size_t vectors = 0;

    step(&r, 3);
    for (int i = 0; i < r.state.nb; i++)
        vectors += fg_param_count(&r.state.p[i]) * sizeof(float);
    assert_true(r.gpu->down - down <= vectors + 64);
    assert_true(r.gpu->up - up <=
                2 * sizeof(float) * (2 * 3 * 32 * 32 + 2) + sizeof(FgLive));
    close_run(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_on_the_host),
        cmocka_unit_test(little_comes_down),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
