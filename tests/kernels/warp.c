/* The op warp. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {"warp", .nb_in = 2, .in = {{1, 1, 2, 2}, {1, 2, 2, 2}}};
    const double image[] = {1, 2, 3, 4};
    const double flow[] = {0.5, 0.5, 0, 0, 9, -9, -0.25, 0};
    const double want[] = {2.5, 2, 2, 3.75};
    (void)state;
    gc_expect(&c, (const double *const[]){image, flow}, NULL, want, 0);
}

/* Flows that stay inside, and some that leave the picture. The places of the
 * seeded flows are never within a finite difference's step of a whole pixel. */
static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"warp", .nb_in = 2, .in = {{2, 3, 5, 6}, {2, 2, 5, 6}},
                       .away = 0.01, .range = 0.9});
    gc_check(&(GcCase){"warp", .nb_in = 2, .in = {{1, 18, 4, 5}, {1, 2, 4, 5}},
                       .range = 4.3});
    gc_check(&(GcCase){"warp", .nb_in = 2, .in = {{1, 2, 1, 3}, {1, 2, 1, 3}},
                       .range = 0.9});
}

static void nan_shows(void **state)
{
    const GcCase c = {"warp", .nb_in = 2, .in = {{1, 1, 2, 2}, {1, 2, 2, 2}}};
    GcRun r;
    (void)state;
    gc_open(&r, &c, FG_F32, 0, NULL);
    gc_set(&r.in[1], 0, 0.0 / 0.0);
    gc_forward(&r);
    assert_true(gc_get(&r.out, 0) != gc_get(&r.out, 0));
    gc_close(&r);
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(
        &(GcCase){"warp", .nb_in = 2, .in = {{1, 3, 4, 5}, {1, 3, 4, 5}}});
    gc_refused(
        &(GcCase){"warp", .nb_in = 2, .in = {{1, 3, 4, 5}, {1, 2, 4, 4}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(nan_shows),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/warp", tests, NULL, NULL);
}
