/* Losses of pictures that stay in GPU memory, and crops cut there: gradients to
 * the bit of the host's, sums but for their order, and what is copied. The
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

#include "kernels/op.h"
#include "tests/kernels/cuda.h"
#include "tests/trainer/gpu_run.h"
#include "trainer/batch_gpu.h"
#include "trainer/loss.h"
#include "trainer/loss_lot.h"
#include "trainer/net.h"

/* Neither side divides by the squares of 8. */
static const FgShape shape = {3, 3, 21, 18};

enum { MOST = 3 * 3 * 21 * 18 };

typedef struct Made {
    FgPool *pool;
    FgExecutor *ex;
    FgGpu *gpu;
    FgNet net;
    FgTape tape; /* half of what goes in */
    FgLot x, target;
    FgTensor part;
    double sums[6];
} Made;

static void fill(const FgLot *l, uint32_t stream)
{
    for (size_t i = 0; i < fg_lot_count(l); i++) {
        const uint32_t c[4] = {(uint32_t)i, stream, 0, 0}, k[2] = {7, 1};
        uint32_t q[4];

        fg_philox(c, k, q);
        ((float *)l->host.data)[i] = (float)(q[0] >> 24) / 255;
    }
}

static void open_made(Made *m, const char *precision, int there)
{
    FgGraph g = {0};
    FgError err = {""};
    const int in = fg_graph_op(&g, "input", "input", -1, -1,
                               (FgAttr){.channels = 3});

    memset(m, 0, sizeof(*m));
    open_device(&m->pool, &m->ex, &m->gpu, "cuda", precision);
    assert_true(
        fg_graph_op(&g, "scale", "half", in, -1, (FgAttr){.alpha = 0.5F}) > 0);
    ok(fg_net_create(&m->net, "g", &g, 1, &err), &err);
    ok(fg_tape_create(&m->tape, &m->net.graph, &m->net.set[FG_SET_PARAM],
                      &m->net.grads, shape, 1, m->ex, &err),
       &err);
    ok(fg_lot_create(&m->x, shape, m->ex, there, &err), &err);
    ok(fg_lot_create(&m->target, shape, m->ex, there, &err), &err);
    ok(fg_tensor_alloc(&m->part, shape, FG_F32), &err);
    if (there)
        fg_tape_keep(&m->tape,
                     FG_KEEP_INPUT | FG_KEEP_OUTPUT | FG_KEEP_GRADIENT);
    fill(&m->x, 1);
    fill(&m->target, 2);
    assert_int_equal(fg_lot_put(&m->x), 0);
    assert_int_equal(fg_lot_put(&m->target), 0);
}

static void close_made(Made *m)
{
    ok(m->gpu->rc, &m->gpu->err);
    fg_lot_free(&m->x);
    fg_lot_free(&m->target);
    fg_tensor_free(&m->part);
    fg_tape_free(&m->tape);
    fg_net_free(&m->net);
    fg_gpu_close(&m->gpu);
    fg_pool_free(&m->pool);
}

enum { SUMS = 8 };

/* Losses at what the tape made, their gradient at what went into it. */
static void losses(Made *m, int kind, double *sum, float *slope)
{
    const FgLot in = fg_lot_input(&m->tape);
    const FgPixelLoss pixel = {kind, 1e-2, 0.7, &m->part, m->ex, m->sums};
    FgLot y, g, twice;

    assert_int_equal(fg_lot_copy(&in, &m->x), 0);
    assert_int_equal(fg_tape_forward(&m->tape, 1), 0);
    y = fg_lot_output(&m->tape);
    g = fg_lot_grad(&m->tape);
    sum[0] = fg_lot_pixel(&pixel, &y, &m->target, &g, &sum[1]);
    sum[2] = fg_lot_l1_coarse(3, &y, &m->target, &g);
    sum[3] = fg_lot_l1(1.3, &y, &m->x, &g, 1, &sum[4]);
    twice = g;
    assert_int_equal(fg_lot_add(&g, &twice, 0.3), 0);
    assert_int_equal(fg_tape_backward(&m->tape, 1), 0);
    memcpy(slope, fg_tape_input_grad(&m->tape)->data, MOST * sizeof(float));
    g = fg_lot_grad(&m->tape);
    sum[6] = fg_lot_mse(7, &y, &m->target, &g, &sum[7]);
    assert_int_equal(fg_tape_backward(&m->tape, 1), 0);
    memcpy(slope + 2 * MOST, fg_tape_input_grad(&m->tape)->data,
           MOST * sizeof(float));
    /* Alone: what was there before is gone. */
    g = fg_lot_grad(&m->tape);
    sum[5] = fg_lot_l1(0.4, &y, &m->target, &g, 0, NULL);
    assert_int_equal(fg_tape_backward(&m->tape, 1), 0);
    memcpy(slope + MOST, fg_tape_input_grad(&m->tape)->data,
           MOST * sizeof(float));
}

static void same(const char *precision)
{
    static const char *const names[] = {"l1", "mse", "charbonnier"};
    static float slope[2][3 * MOST];
    double sum[2][SUMS];

    for (int k = 0; k < 3; k++) {
        uint64_t moved[2];

        for (int there = 0; there < 2; there++) {
            Made m;

            open_made(&m, precision, there);
            moved[there] = m.gpu->up + m.gpu->down;
            losses(&m, fg_loss_find(names[k]), sum[there], slope[there]);
            moved[there] = m.gpu->up + m.gpu->down - moved[there];
            close_made(&m);
        }
        assert_memory_equal(slope[0], slope[1], sizeof(slope[0]));
        for (int i = 0; i < SUMS; i++)
            if (!(sum[0][i] > 0 &&
                  fabs(sum[0][i] - sum[1][i]) <= 1e-7 * sum[0][i]))
                fail_msg("%s: sum %d is %g, wanted %g", names[k], i, sum[1][i],
                         sum[0][i]);
        /* The input's gradient, thrice; the sums of 64 blocks; of largest
         * values; what passes remember. */
        assert_true(moved[1] <= 3 * MOST * sizeof(float) +
                                    64 * (9 * 8 + 3 * 4) + 6 * sizeof(FgLive));
        assert_true(moved[1] < moved[0] / 2);
    }
}

static void in_fp32(void **state)
{
    (void)state;
    same("fp32");
}

static void in_fp16(void **state)
{
    (void)state;
    same("fp16");
}

static void in_bf16(void **state)
{
    (void)state;
    same("bf16");
}

/* ---- values that move ---- */

static void fetch(const FgLot *l, float *to)
{
    assert_int_equal(
        fg_gpu_get(l->d, to, l->there.at, fg_lot_count(l) * sizeof(float)), 0);
}

static void filled(void **state)
{
    static float got[MOST];
    Made m;

    (void)state;
    open_made(&m, "fp16", 1);
    assert_int_equal(fg_lot_fill(&m.x, -2.5), 0);
    assert_int_equal(fg_lot_copy(&m.target, &m.x), 0);
    fetch(&m.target, got);
    for (int i = 0; i < MOST; i++)
        assert_true(got[i] == -2.5F);
    /* The last image alone, through a tape's 16 bits. */
    const FgLot in = fg_lot_input(&m.tape);
    const FgLot one = fg_lot_images(&m.x, 1, 1);
    const FgLot last = fg_lot_images(&in, 2, 1);

    assert_int_equal(fg_lot_fill(&one, 1), 0);
    assert_int_equal(fg_lot_copy(&in, &m.target), 0);
    assert_int_equal(fg_lot_copy(&last, &one), 0);
    assert_int_equal(fg_lot_copy(&m.x, &in), 0);
    fetch(&m.x, got);
    for (int i = 0; i < MOST; i++)
        assert_true(got[i] == (i < MOST / 3 * 2 ? -2.5F : 1));
    close_made(&m);
}

/* By the data set in GPU memory, and by the host where that has no room. */
static void crops(void **state)
{
    static float got[MOST];
    Made m;
    FgTensor want = {0};
    FgPair pictures[2] = {{.lr = {40, 33, NULL}, .hr = {40, 33, NULL}},
                          {.lr = {32, 50, NULL}, .hr = {32, 50, NULL}}};
    uint64_t area[2] = {40 * 33, 40 * 33 + 32 * 50};
    const FgData data = {.nb = 2, .scale = 1, .pair = pictures, .area = area};
    const FgCrops c = {.data = &data, .patch = 18, .augment = 1, .seed = 6};
    const FgShape square = {3, 3, 18, 18};
    FgLot in, target;
    FgError err = {""};

    (void)state;
    for (int i = 0; i < 4; i++) {
        FgPicture *q = i & 1 ? &pictures[i / 2].hr : &pictures[i / 2].lr;

        q->rgb = malloc((size_t)q->w * (size_t)q->h * 3);
        for (int k = 0; k < q->w * q->h * 3; k++)
            q->rgb[k] = (uint8_t)(k * 7 + k / 50 + i);
    }
    open_made(&m, "fp32", 1);
    ok(fg_lot_create(&in, square, m.ex, 1, &err), &err);
    ok(fg_lot_create(&target, square, m.ex, 1, &err), &err);
    ok(fg_tensor_alloc(&want, square, FG_F32), &err);
    for (int way = 0; way < 3; way++) {
        FgBatchGpu *b = NULL;

        /* Both, the target alone, the host's. */
        if (way < 2)
            ok(fg_batch_gpu_create_lots(&b, &c, way ? NULL : &in, &target,
                                        &err),
               &err);
        for (int64_t i = 0; i < 5; i++) {
            const uint64_t up = m.gpu->up;

            assert_int_equal(
                fg_batch_fill(b, &c, i, way == 1 ? NULL : &in, &target, m.ex),
                0);
            assert_true(way == 2 || m.gpu->up - up <= 2 * 3 * sizeof(FgCrop));
            for (int k = way == 1; k < 2; k++) {
                const FgLot *l = k ? &target : &in;

                fg_crops_fill(&c, i, k ? NULL : &want, k ? &want : NULL, m.ex);
                fetch(l, got);
                assert_memory_equal(want.data, got,
                                    fg_lot_count(l) * sizeof(float));
            }
        }
        fg_batch_gpu_free(&b);
    }
    fg_lot_free(&in);
    fg_lot_free(&target);
    fg_tensor_free(&want);
    for (int i = 0; i < 4; i++)
        free(i & 1 ? pictures[i / 2].hr.rgb : pictures[i / 2].lr.rgb);
    close_made(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_fp32), cmocka_unit_test(in_fp16),
        cmocka_unit_test(in_bf16), cmocka_unit_test(filled),
        cmocka_unit_test(crops),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
