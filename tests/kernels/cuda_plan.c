/* Plans on a GPU, its kernels' sources run on the CPU between guard bytes:
 * equal to the plain forward pass. No GPU is touched here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <errno.h>

#include "cuda.h"
#include "kernels/cuda.h"
#include "kernels/plan.h"

static const FgBuild builds[] = {
    {"compact", 1, 2, 16, 3, "relu", "bicubic", 0},
    {"compact", 3, 3, 12, 1, "prelu", "nearest", 1},
    {"compact", 3, 4, 8, 2, "leaky_relu", "bilinear", 0},
    {"compact", 1, 1, 40, 2, "silu", "bicubic", 0},
    {"compact", 1, 2, 72, 1, "relu", "none", 0},
    {"res", 3, 2, 24, 2, "relu", "bicubic", 0},
    {"res", 1, 4, 9, 1, "prelu", "none", 0},
    {"identity", 3, 1, 0, 0, NULL, NULL, 0},
    {"bicubic", 3, 3, 0, 0, NULL, NULL, 0},
};
#define NB_BUILDS (sizeof(builds) / sizeof(*builds))

static void one(const FgBuild *b, FgPrecision precision, int tile, double most)
{
    FgModel *m = net_model(b);
    FgTensor in = net_picture(b->channels_in, 21, 34);
    FgTensor want = net_forward(&m->graph, &m->params, &in), got;
    const FgPlanOptions o = {.device = "cuda",
                             .precision = precision,
                             .max_w = 34,
                             .max_h = 21,
                             .tile = tile};
    FgError err = {{0}};
    FgPlan *p;
    if (fg_plan_create(&p, m, &o, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(fg_tensor_alloc(&got, want.shape, FG_F32), 0);
    for (int i = 0; i < 3; i++) { /* the third is a replay */
        fg_tensor_zero(&got);
        assert_int_equal(fg_plan_run(p, &in, &got), 0);
        const double d = net_max_diff(&want, &got);
        if (!(d <= most))
            fail_msg("%s %d features, precision %d, tile %d: differs by %g",
                     b->family, b->features, precision, tile, d);
    }
    fg_plan_free(&p);
    fg_tensor_free(&want);
    fg_tensor_free(&got);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

/* Tolerances: values are stored with 24, 11 and 8 bits after each layer. */
static void equals_forward(void **state)
{
    (void)state;
    for (size_t i = 0; i < NB_BUILDS; i++) {
        one(&builds[i], FG_PREC_FP32, 0, 2e-5);
        one(&builds[i], FG_PREC_AUTO, 0, 6e-3);
        one(&builds[i], FG_PREC_BF16, 0, 5e-2);
        one(&builds[i], FG_PREC_AUTO, 8, 6e-3);
    }
}

static void refusals_are_clear(void **state)
{
    (void)state;
    FgModel *m = net_model(&builds[0]);
    FgPlanOptions o = {.device = "cuda:1", .max_w = 8, .max_h = 8};
    FgError err = {{0}};
    FgPlan *p;
    assert_int_equal(fg_plan_create(&p, m, &o, &err), -ENODEV);
    assert_non_null(strstr(err.text, "no GPU 1"));
    o.device = "cuda";
    o.precision = FG_PREC_INT16;
    assert_int_equal(fg_plan_create(&p, m, &o, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "int16"));
    fg_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_forward),
        cmocka_unit_test(refusals_are_clear),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
