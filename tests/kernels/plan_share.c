/* Plans that share a network: the same bits as the first, whoever is freed
 * before, also when they run at the same time; and how many threads a plan can
 * keep busy. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <errno.h>
#include <limits.h>

#include "kernels/plan.h"

enum { W = 61, H = 47, NB = 4 };

static FgPool *pool;

static const FgBuild builds[] = {
    {"compact", 1, 2, 16, 3, "relu", "bicubic", 0},
    {"compact", 3, 2, 24, 2, "silu", "nearest", 0},
    {"res", 3, 2, 24, 2, "relu", "bicubic", 1},
};

static FgPlanOptions options(int w, int h, FgPrecision precision)
{
    return (FgPlanOptions){
        .device = "cpu", .precision = precision, .max_w = w, .max_h = h};
}

static FgPlan *plan_of(const FgModel *m, FgPlanOptions o, const FgPlan *of)
{
    FgError err = {{0}};
    FgPlan *p = NULL;
    const int rc = of ? fg_plan_share(&p, of, &o, &err)
                      : fg_plan_create(&p, m, &o, &err);
    if (rc < 0)
        fail_msg("%s", err.text);
    return p;
}

static FgTensor output(int c)
{
    FgTensor t;
    assert_int_equal(fg_tensor_alloc(&t, (FgShape){1, c, 2 * H, 2 * W}, FG_F32),
                     0);
    return t;
}

static void gives(FgPlan *p, const FgTensor *in, const FgTensor *want)
{
    FgTensor got = output(want->shape.c);
    assert_int_equal(fg_plan_run(p, in, &got), 0);
    assert_true(net_max_diff(want, &got) == 0);
    fg_tensor_free(&got);
}

static void share(const FgBuild *b, FgPrecision precision)
{
    FgModel *m = net_model(b);
    FgTensor in = net_picture(b->channels_in, H, W);
    FgTensor want = output(b->channels_in);
    FgPlanInfo ia, ib;
    FgPlan *a = plan_of(m, options(W, H, precision), NULL);
    assert_int_equal(fg_plan_run(a, &in, &want), 0);
    fg_model_free(&m);

    /* A larger picture, other threads, tiles. */
    FgPlanOptions o = options(3 * W, 5 * H, precision);
    o.ex = fg_pool_executor(pool);
    FgPlan *large = plan_of(NULL, o, a);
    o = options(W, H, precision);
    o.tile = 24;
    FgPlan *tiles = plan_of(NULL, o, large);
    gives(large, &in, &want);
    gives(tiles, &in, &want);
    gives(a, &in, &want);
    fg_plan_info(a, &ia);
    fg_plan_info(large, &ib);
    assert_string_equal(ia.precision, ib.precision);
    assert_true(ia.weights > 0 && ia.weights == ib.weights);
    assert_true(ib.bytes > ia.bytes);

    fg_plan_free(&a);
    gives(tiles, &in, &want);
    fg_plan_free(&tiles);
    gives(large, &in, &want);
    fg_plan_free(&large);
    fg_tensor_free(&in);
    fg_tensor_free(&want);
}

static void shared_plans_change_no_bit(void **state)
{
    static const FgPrecision precisions[] = {FG_PREC_FP32, FG_PREC_INT16,
                                             FG_PREC_BF16};
    (void)state;
    for (size_t i = 0; i < sizeof(builds) / sizeof(*builds); i++)
        for (int k = 0; k < 3; k++)
            share(&builds[i], precisions[k]);
}

/* ---- at the same time ---- */

typedef struct Run {
    FgPlan *plan[NB]; /* a worker's */
    FgTensor in[4 * NB], out[4 * NB];
    int rc[4 * NB];
} Run;

static void run_one(void *arg, int i, int worker)
{
    Run *const r = arg;
    r->rc[i] = fg_plan_run(r->plan[worker], &r->in[i], &r->out[i]);
}

static void they_run_at_the_same_time(void **state)
{
    (void)state;
    for (size_t b = 0; b < sizeof(builds) / sizeof(*builds); b++) {
        const int c = builds[b].channels_in;
        FgModel *m = net_model(&builds[b]);
        FgPlan *first = plan_of(m, options(W, H, FG_PREC_INT16), NULL);
        Run r = {.plan = {NULL}};
        for (int i = 0; i < NB; i++)
            r.plan[i] = plan_of(NULL, options(W, H, FG_PREC_INT16), first);
        for (int i = 0; i < 4 * NB; i++) {
            r.in[i] = net_picture(c, H, W);
            r.out[i] = output(c);
            for (int k = 0; k < c * H * W; k++)
                ((float *)r.in[i].data)[k] *= 1 - 0.05F * (float)i;
        }
        fg_run(fg_pool_executor(pool), run_one, &r, 4 * NB);
        for (int i = 0; i < 4 * NB; i++) {
            assert_int_equal(r.rc[i], 0);
            gives(first, &r.in[i], &r.out[i]);
            fg_tensor_free(&r.in[i]);
            fg_tensor_free(&r.out[i]);
        }
        for (int i = 0; i < NB; i++)
            fg_plan_free(&r.plan[i]);
        fg_plan_free(&first);
        fg_model_free(&m);
    }
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    FgError err = {{0}};
    FgModel *m = net_model(&builds[0]);
    FgPlan *a = plan_of(m, options(W, H, FG_PREC_INT16), NULL), *b = NULL;
    FgPlanOptions o = options(0, H, FG_PREC_INT16);
    assert_int_equal(fg_plan_share(&b, a, &o, &err), -EINVAL);
    assert_null(b);
    o = options(W, H, FG_PREC_INT16);
    o.tile = 8;
    o.memory_limit = 1;
    assert_int_equal(fg_plan_share(&b, a, &o, &err), -ENOMEM);
    assert_null(b);
    fg_plan_free(&a);
    fg_model_free(&m);
}

/* ---- how many threads ---- */

static int parts(const FgModel *m, int w, int h, FgExecutor *ex)
{
    FgPlanOptions o = options(w, h, FG_PREC_INT16);
    o.ex = ex;
    FgPlan *p = plan_of(m, o, NULL);
    const int n = fg_plan_parts(p);
    fg_plan_free(&p);
    return n;
}

static void parts_grow_with_the_picture(void **state)
{
    static const int side[] = {8, 16, 32, 128, 256};
    static const FgBuild same = {"identity", 3, 1, 0, 0, NULL, NULL, 0};
    (void)state;
    FgModel *m = net_model(&builds[0]), *none = net_model(&same);
    int before = 1;
    assert_int_equal(parts(m, 24, 24, NULL), 1);
    for (size_t i = 0; i < sizeof(side) / sizeof(*side); i++) {
        const int n = parts(m, side[i], side[i], NULL);
        assert_true(n >= before && n <= side[i]);
        before = n;
    }
    /* A wave: by the rows of a band, not by the picture's. */
    const int wave = parts(m, 1920, 400, NULL);
    assert_true(wave >= 8 && wave < INT_MAX);
    assert_int_equal(parts(m, 1920, 800, NULL), wave);
    assert_int_equal(parts(m, 1920, 400, fg_pool_executor(pool)), wave);
    assert_int_equal(parts(none, 24, 24, NULL), INT_MAX);
    fg_model_free(&m);
    fg_model_free(&none);
}

static int start(void **state)
{
    (void)state;
    return fg_pool_create(&pool, NB);
}

static int stop(void **state)
{
    (void)state;
    fg_pool_free(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_plans_change_no_bit),
        cmocka_unit_test(they_run_at_the_same_time),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(parts_grow_with_the_picture),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
