/* The op batch_norm. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <math.h>

/* Two pixels 1 and 3: mean 2, unbiased variance 2; momentum 1/4. */
static void running_values(void **state)
{
    const GcCase c = {"batch_norm",
                      {.eps = 1e-5f, .momentum = 0.25f},
                      .nb_in = 1,
                      .in = {{2, 1, 1, 1}},
                      .training = 1};
    GcRun r;
    (void)state;
    for (int d = 0; d < 2; d++) {
        gc_open(&r, &c, d ? FG_F64 : FG_F32, 0, NULL);
        gc_set(&r.in[0], 0, 1);
        gc_set(&r.in[0], 1, 3);
        gc_set(&r.param[0], 0, 1);
        gc_set(&r.param[1], 0, 0);
        gc_set(&r.param[2], 0, 4);
        gc_set(&r.param[3], 0, 6);
        gc_forward(&r);
        assert_true(fabs(gc_get(&r.param[2], 0) - 3.5) < 1e-6);
        assert_true(fabs(gc_get(&r.param[3], 0) - 5) < 1e-6);
        assert_true(fabs(gc_get(&r.out, 0) + 1) < 1e-4);
        r.call.training = 0;
        gc_forward(&r); /* and they are used, and stay */
        assert_true(fabs(gc_get(&r.out, 0) + 2.5 / sqrt(5)) < 1e-5);
        assert_true(fabs(gc_get(&r.param[3], 0) - 5) < 1e-6);
        gc_close(&r);
    }
}

static void gradients(void **state)
{
    (void)state;
    for (int training = 0; training < 2; training++)
        gc_check(&(GcCase){"batch_norm",
                           {.eps = 1e-5f, .momentum = 0.1f},
                           .nb_in = 1,
                           .in = {{3, 4, 5, 3}},
                           .training = training});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){"batch_norm", .nb_in = 1, .in = {{2, 3, 5, 7}}});
    gc_refused(&(GcCase){"batch_norm",
                         {.eps = 1e-5f, .momentum = 2},
                         .nb_in = 1,
                         .in = {{2, 3, 5, 7}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/batch_norm", tests, NULL, NULL);
}
