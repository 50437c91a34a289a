/* A data set in GPU memory: crops to the bit of the host's, losses and their
 * gradients, how little a step sends up. The kernels' sources run on the CPU
 * between guard bytes; no GPU is touched.
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
#include "trainer/batch_gpu.h"
#include "trainer/gpu.h"
#include "trainer/loss.h"
#include "trainer/net.h"
#include "trainer/tape_gpu.h"

enum { B = 5, PATCH = 7, SCALE = 2 };

typedef struct Set {
    FgData data;
    FgCrops crops;
    FgPool *pool;
    FgExecutor *ex;
    FgGpu *gpu;
    FgNet net;
    FgTape tape;
    FgBatchGpu *batch;
    FgTensor in, target, grad;
} Set;

static void ok(int rc, const FgError *err)
{
    if (rc)
        fail_msg("%d: %s", rc, err->text);
}

static void paint(FgPicture *p, int w, int h, uint32_t seed)
{
    *p = (FgPicture){w, h, malloc((size_t)w * (size_t)h * 3)};
    for (int i = 0; i < w * h * 3; i++) {
        const uint32_t c[4] = {(uint32_t)i, seed, 0, 0}, k[2] = {3, 4};
        uint32_t r[4];

        fg_philox(c, k, r);
        p->rgb[i] = (uint8_t)(r[0] >> 24);
    }
}

static void open_data(Set *s)
{
    static const int sizes[3][2] = {{9, 8}, {17, 7}, {11, 23}};

    s->data = (FgData){.nb = 3, .scale = SCALE};
    s->data.pair = calloc(3, sizeof(*s->data.pair));
    s->data.area = calloc(3, sizeof(*s->data.area));
    for (uint32_t i = 0; i < 3; i++) {
        const int w = sizes[i][0], h = sizes[i][1];

        paint(&s->data.pair[i].lr, w, h, 2 * i);
        paint(&s->data.pair[i].hr, w * SCALE, h * SCALE, 2 * i + 1);
        s->data.area[i] = (i ? s->data.area[i - 1] : 0) + (uint64_t)(w * h);
    }
}

static void open_set(Set *s, int luma, const char *precision)
{
    const int c = luma ? 1 : 3;
    const FgBuild b = {"compact", c, SCALE, 8, 1, "prelu", "nearest", 0};
    const FgShape in = {B, c, PATCH, PATCH};
    const FgShape out = {B, c, PATCH * SCALE, PATCH * SCALE};
    FgGraph g = {0};
    FgError err = {""};

    memset(s, 0, sizeof(*s));
    open_data(s);
    s->crops = (FgCrops){.data = &s->data,
                         .patch = PATCH,
                         .luma = luma,
                         .augment = 1,
                         .flat = 0.5,
                         .seed = 0x123456789};
    ok(fg_pool_create(&s->pool, 2), &err);
    s->ex = fg_pool_executor(s->pool);
    ok(fg_gpu_open(&s->gpu, "cuda", precision, s->ex, &err), &err);
    ok(fg_graph_build(&g, &b, &err), &err);
    ok(fg_net_create(&s->net, "g", &g, 1, &err), &err);
    ok(fg_tape_create(&s->tape, &s->net.graph, &s->net.set[FG_SET_PARAM],
                      &s->net.grads, in, 0, s->ex, &err),
       &err);
    ok(fg_tensor_alloc(&s->in, in, FG_F32), &err);
    ok(fg_tensor_alloc(&s->target, out, FG_F32), &err);
    ok(fg_tensor_alloc(&s->grad, out, FG_F32), &err);
    ok(fg_batch_gpu_create(&s->batch, &s->crops, &s->tape, &err), &err);
}

static void close_set(Set *s)
{
    fg_batch_gpu_free(&s->batch);
    fg_tape_free(&s->tape);
    fg_net_free(&s->net);
    fg_gpu_close(&s->gpu); /* guard bytes are looked at, and what is left */
    fg_pool_free(&s->pool);
    fg_tensor_free(&s->in);
    fg_tensor_free(&s->target);
    fg_tensor_free(&s->grad);
    fg_data_free(&s->data);
}

static size_t count(const FgTensor *t)
{
    return (size_t)t->shape.n * (size_t)t->shape.c * (size_t)t->shape.h *
           (size_t)t->shape.w;
}

static void equal(Set *s, const FgTensor *want, const float *got)
{
    (void)s;
    assert_memory_equal(want->data, got, count(want) * sizeof(float));
}

static void crops(void **state)
{
    (void)state;
    for (int luma = 0; luma < 2; luma++) {
        Set s;
        open_set(&s, luma, "fp32");
        assert_non_null(s.batch);
        float *got = malloc(count(&s.target) * sizeof(float));

        for (int64_t step = 0; step < 40; step++) {
            fg_crops_fill(&s.crops, step, &s.in, &s.target, s.ex);
            assert_int_equal(fg_batch_gpu_fill(s.batch, step), 0);
            assert_int_equal(
                fg_gpu_get(s.gpu, got,
                           fg_tape_gpu_view(&s.tape, FG_VIEW_INPUT).at,
                           count(&s.in) * sizeof(float)),
                0);
            equal(&s, &s.in, got);
            assert_int_equal(fg_batch_gpu_target(s.batch, got), 0);
            equal(&s, &s.target, got);
        }
        free(got);
        close_set(&s);
    }
}

static void losses(void **state)
{
    static const char *const names[] = {"l1", "mse", "charbonnier"};

    (void)state;
    for (int k = 0; k < 3; k++) {
        Set s;
        FgTensor y = {0};
        double sums[2 * B], mse, mse2;

        open_set(&s, k == 1, "fp32");
        ok(fg_tensor_alloc(&y, s.target.shape, FG_F32), &(FgError){""});
        float *got = malloc(count(&y) * sizeof(float));

        assert_int_equal(fg_batch_gpu_fill(s.batch, k), 0);
        assert_int_equal(fg_tape_forward(&s.tape, 1), 0);
        assert_int_equal(
            fg_gpu_get(s.gpu, y.data,
                       fg_tape_gpu_view(&s.tape, FG_VIEW_OUTPUT).at,
                       count(&y) * sizeof(float)),
            0);
        fg_crops_fill(&s.crops, k, NULL, &s.target, s.ex);
        const int kind = fg_loss_find(names[k]);
        const double want = fg_loss_pixel(kind, 1e-3, &y, &s.target, &s.grad,
                                          s.ex, sums, &mse);
        const double loss = fg_batch_gpu_loss(s.batch, kind, 1e-3, &mse2);

        /* The order of the sums, and of floats in the squares'. */
        assert_true(want > 0 && fabs(loss - want) <= 1e-7 * want);
        assert_true(mse > 0 && fabs(mse - mse2) <= 1e-7 * mse);
        assert_int_equal(
            fg_gpu_get(s.gpu, got,
                       fg_tape_gpu_view(&s.tape, FG_VIEW_GRADIENT).at,
                       count(&y) * sizeof(float)),
            0);
        equal(&s, &s.grad, got);
        free(got);
        fg_tensor_free(&y);
        close_set(&s);
    }
}

/* Which crops, and nothing else; down come the sums. */
static void little_is_sent(void **state)
{
    Set s;
    double mse;

    (void)state;
    open_set(&s, 0, "fp16");
    assert_int_equal(fg_batch_gpu_fill(s.batch, 0), 0);
    assert_int_equal(fg_tape_forward(&s.tape, 1), 0);
    fg_batch_gpu_loss(s.batch, 0, 1e-3, &mse);
    fg_net_zero_grads(&s.net);
    assert_int_equal(fg_tape_backward(&s.tape, 1), 0);
    const uint64_t up = s.gpu->up, down = s.gpu->down;

    assert_int_equal(fg_batch_gpu_fill(s.batch, 1), 0);
    assert_int_equal(fg_tape_forward(&s.tape, 1), 0);
    assert_true(isfinite(fg_batch_gpu_loss(s.batch, 0, 1e-3, &mse)));
    fg_net_zero_grads(&s.net);
    assert_int_equal(fg_tape_backward(&s.tape, 1), 0);
    assert_true(s.gpu->up > up && s.gpu->up - up <= 2 * B * 32);
    assert_true(s.gpu->down - down <= 1024);
    close_set(&s);
}

/* Too little for the pictures: the host's crops, as before. */
static void too_little_memory(void **state)
{
    Set s;
    FgError err = {""};

    (void)state;
    if (!strstr(getenv("FFGAN_CUDA"), "emulated"))
        skip(); /* no limit on a GPU's memory */
    setenv("FFGAN_EMULATED_MIB", "1", 1);
    open_set(&s, 0, "fp32");
    fg_batch_gpu_free(&s.batch);
    free(s.data.pair[0].hr.rgb);
    paint(&s.data.pair[0].hr, 640, 640, 9);
    ok(fg_batch_gpu_create(&s.batch, &s.crops, &s.tape, &err), &err);
    assert_null(s.batch);
    close_set(&s);
    unsetenv("FFGAN_EMULATED_MIB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops),
        cmocka_unit_test(losses),
        cmocka_unit_test(little_is_sent),
        cmocka_unit_test(too_little_memory),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
