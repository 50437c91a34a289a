/* The op relu. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {"relu", .nb_in = 1, .in = {{1, 2, 1, 2}}};
    const double in[] = {-1, 0, 2.5, -0.5}, want[] = {0, 0, 2.5, 0};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, NULL, want, 0);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"relu", .nb_in = 1, .in = {{2, 5, 3, 7}}, .away = 0.01});
    gc_check(
        &(GcCase){"relu", .nb_in = 1, .in = {{1, 16, 2, 3}}, .away = 0.01});
}

/* A bad pixel must reach the check at the end of a network. */
static void nan_stays(void **state)
{
    const GcCase c = {"relu", .nb_in = 1, .in = {{1, 3, 1, 7}}};
    GcRun r;
    (void)state;
    for (int d = 0; d < 2; d++) {
        gc_open(&r, &c, d ? FG_F64 : FG_F32, 0, NULL);
        for (size_t i = 0; i < gc_count(&r.in[0]); i++)
            gc_set(&r.in[0], i, 0.0 / 0.0);
        gc_forward(&r);
        for (size_t i = 0; i < gc_count(&r.out); i++)
            assert_true(gc_get(&r.out, i) != gc_get(&r.out, i));
        gc_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(nan_stays),
    };
    return cmocka_run_group_tests_name("kernels/relu", tests, NULL, NULL);
}
