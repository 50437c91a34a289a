/* From a generator to its critic and back in GPU memory, features matched
 * there, mixtures, crops of -1..1: to the bit of the way through the host,
 * which has none of it. The kernels' sources run on the CPU; no GPU is touched.
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
#include "tests/trainer/gpu_run.h"
#include "trainer/lot.h"
#include "trainer/loss_image.h"
#include "trainer/nets.h"
#include "trainer/penalty.h"
#include "trainer/tape_gpu.h"

enum { B = 3, SIDE = 32 };

static const FgShape shape = {B, 3, SIDE, SIDE};

typedef struct Pair {
    FgPool *pool;
    FgExecutor *ex;
    FgGpu *gpu;
    FgNet g, d;
    FgTape gen, real, fake;
    FgTaps taps;
} Pair;

static size_t count(const FgTensor *t)
{
    const FgShape s = t->shape;

    return (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
}

static void fill(const FgTensor *t, uint32_t stream, float size)
{
    for (size_t i = 0; i < count(t); i++) {
        const uint32_t c[4] = {(uint32_t)i, stream, 0, 0}, k[2] = {7, 1};
        uint32_t q[4];

        fg_philox(c, k, q);
        ((float *)t->data)[i] = size * (float)(q[0] * 0x1p-32);
    }
}

static void open_pair(Pair *p, const char *precision)
{
    const FgNetSpec spec = {
        .channels = 3, .features = 2, .blocks = 1, .levels = 2, .norm = "none"};
    FgGraph g = {0}, d = {0};
    FgError err = {""};

    memset(p, 0, sizeof(*p));
    open_device(&p->pool, &p->ex, &p->gpu, "cuda", precision);
    ok(fg_build_encdec(&g, &spec, &err), &err);
    ok(fg_build_patch_critic(&d, &spec, &p->taps, &err), &err);
    ok(fg_net_create(&p->g, "g", &g, 3, &err), &err);
    ok(fg_net_create(&p->d, "d", &d, 4, &err), &err);
    const FgTapeOptions o = {1, p->taps.node, p->taps.nb};

    ok(fg_tape_create(&p->gen, &p->g.graph, &p->g.set[FG_SET_PARAM],
                      &p->g.grads, shape, 0, p->ex, &err),
       &err);
    ok(fg_tape_create_with(&p->real, &p->d.graph, &p->d.set[FG_SET_PARAM],
                           &p->d.grads, shape, &o, p->ex, &err),
       &err);
    ok(fg_tape_create_with(&p->fake, &p->d.graph, &p->d.set[FG_SET_PARAM],
                           &p->d.grads, shape, &o, p->ex, &err),
       &err);
}

static void close_pair(Pair *p)
{
    fg_tape_free(&p->gen);
    fg_tape_free(&p->real);
    fg_tape_free(&p->fake);
    fg_net_free(&p->g);
    fg_net_free(&p->d);
    fg_gpu_close(&p->gpu);
    fg_pool_free(&p->pool);
}

/* Features by the host: what fg_tape_gpu_match does. */
static double match(Pair *p, int there)
{
    double sum = 0;

    if (there)
        return fg_tape_gpu_match(&p->fake, &p->real, p->taps.node, p->taps.nb,
                                 3);
    for (int i = 0; i < p->taps.nb; i++) {
        const int n = p->taps.node[i];

        sum += fg_loss_feature(3.0 / p->taps.nb, &p->fake.val[n],
                               &p->real.val[n], fg_tape_seed(&p->fake, n));
    }
    return sum;
}

/* A generator's gradients through its critic; the features' distance. */
static float *gradients(Pair *p, int there, double *sum, size_t *nb)
{
    const FgParams *grads = &p->g.grads;
    FgLot dy;
    float *all;

    if (there) {
        fg_tape_keep(&p->gen, FG_KEEP_OUTPUT | FG_KEEP_GRADIENT);
        fg_tape_keep(&p->real, FG_KEEP_TAPS);
        fg_tape_keep(&p->fake, FG_KEEP_INPUT | FG_KEEP_SLOPE | FG_KEEP_TAPS |
                                   FG_KEEP_OUTPUT | FG_KEEP_GRADIENT);
    }
    fill(fg_tape_input(&p->gen), 1, 1);
    fill(fg_tape_input(&p->real), 2, 1);
    assert_int_equal(fg_tape_forward(&p->gen, 1), 0);
    fg_tape_feed(&p->fake, &p->gen);
    assert_int_equal(fg_tape_forward(&p->real, 1), 0);
    assert_int_equal(fg_tape_forward(&p->fake, 1), 0);
    fill(fg_tape_output_grad(&p->fake), 3, 1e-4F);
    dy = fg_lot_grad(&p->fake);
    if (dy.d) {
        fg_gpu_put(dy.d, dy.there.at, dy.host.data,
                   fg_lot_count(&dy) * sizeof(float));
        fill(fg_tape_output_grad(&p->fake), 4, NAN);
    }
    *sum = match(p, there);
    assert_int_equal(fg_tape_backward_data(&p->fake, 1), 0);
    fg_tape_feed_back(&p->gen, &p->fake);
    fg_net_zero_grads(&p->g);
    assert_int_equal(fg_tape_backward(&p->gen, 1), 0);
    fg_params_host(grads, 0);
    *nb = 0;
    for (int i = 0; i < grads->nb; i++)
        *nb += fg_param_count(&grads->p[i]);
    all = malloc(*nb * sizeof(*all));
    *nb = 0;
    for (int i = 0; i < grads->nb; i++) {
        memcpy(all + *nb, grads->p[i].data,
               fg_param_count(&grads->p[i]) * sizeof(*all));
        *nb += fg_param_count(&grads->p[i]);
    }
    ok(p->gpu->rc, &p->gpu->err);
    return all;
}

static void same(const char *precision)
{
    float *v[2];
    double sum[2];
    uint64_t moved[2];
    size_t nb = 0;

    for (int there = 0; there < 2; there++) {
        Pair p;

        open_pair(&p, precision);
        v[there] = gradients(&p, there, &sum[there], &nb);
        moved[there] = p.gpu->up + p.gpu->down;
        /* Once more: nothing is left of the first time. */
        float *again = gradients(&p, there, &sum[there], &nb);

        assert_memory_equal(v[there], again, nb * sizeof(float));
        moved[there] = p.gpu->up + p.gpu->down - moved[there];
        free(again);
        close_pair(&p);
    }
    assert_memory_equal(v[0], v[1], nb * sizeof(float));
    assert_true(sum[0] > 0 && fabs(sum[0] - sum[1]) <= 1e-6 * sum[0]);
    /* The two inputs remain, the critic's gradient, sums, the weights. */
    assert_true(moved[1] < moved[0] / 2);
    free(v[0]);
    free(v[1]);
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

static void mixtures(void **state)
{
    Pair p;
    FgTensor want = {0};

    (void)state;
    open_pair(&p, "fp32");
    ok(fg_tensor_alloc(&want, shape, FG_F32), &(FgError){""});
    float *got = malloc(count(&want) * sizeof(float));

    fg_tape_keep(&p.gen, FG_KEEP_INPUT);
    fill(fg_tape_input(&p.real), 1, 1);
    fill(fg_tape_input(&p.fake), 2, 1);
    assert_int_equal(fg_tape_forward(&p.real, 1), 0);
    assert_int_equal(fg_tape_forward(&p.fake, 1), 0);
    fg_penalty_mix(&want, fg_tape_input(&p.real), fg_tape_input(&p.fake), 9, 5);
    assert_int_equal(fg_penalty_mix_inputs(&p.gen, &p.real, &p.fake, 9, 5), 0);
    assert_int_equal(fg_gpu_get(p.gpu, got,
                                fg_tape_gpu_view(&p.gen, FG_VIEW_INPUT).at,
                                count(&want) * sizeof(float)),
                     0);
    assert_memory_equal(want.data, got, count(&want) * sizeof(float));
    free(got);
    fg_tensor_free(&want);
    close_pair(&p);
}

static void centred_crops(void **state)
{
    Pair p;
    FgError err = {""};
    FgBatchGpu *batch;
    FgTensor want = {0};
    FgPair pictures[2] = {{.lr = {40, 33, NULL}}, {.lr = {32, 50, NULL}}};
    uint64_t area[2] = {40 * 33, 40 * 33 + 32 * 50};
    const FgData data = {.nb = 2, .scale = 1, .pair = pictures, .area = area};
    const FgCrops c = {.data = &data,
                       .patch = SIDE,
                       .augment = 1,
                       .seed = 6,
                       .centred = 1,
                       .epochs = 1};

    (void)state;
    for (int i = 0; i < 2; i++) {
        FgPicture *q = &pictures[i].lr;

        q->rgb = malloc((size_t)q->w * (size_t)q->h * 3);
        for (int k = 0; k < q->w * q->h * 3; k++)
            q->rgb[k] = (uint8_t)(k * 7 + k / 50 + i);
        pictures[i].hr = *q;
    }
    open_pair(&p, "fp32");
    ok(fg_tensor_alloc(&want, shape, FG_F32), &err);
    float *got = malloc(count(&want) * sizeof(float));

    ok(fg_batch_gpu_create_input(&batch, &c, &p.real, &err), &err);
    assert_non_null(batch);
    for (int64_t i = 0; i < 9; i++) {
        fg_crops_fill(&c, i, NULL, &want, p.ex);
        assert_int_equal(fg_batch_gpu_fill(batch, i), 0);
        assert_int_equal(fg_gpu_get(p.gpu, got,
                                    fg_tape_gpu_view(&p.real, FG_VIEW_INPUT).at,
                                    count(&want) * sizeof(float)),
                         0);
        assert_memory_equal(want.data, got, count(&want) * sizeof(float));
    }
    fg_batch_gpu_free(&batch);
    free(got);
    fg_tensor_free(&want);
    close_pair(&p);
    free(pictures[0].lr.rgb);
    free(pictures[1].lr.rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_fp32),
        cmocka_unit_test(in_fp16),
        cmocka_unit_test(mixtures),
        cmocka_unit_test(centred_crops),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
