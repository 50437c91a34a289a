/* The op dense. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

/* The flat order is channel, row, column: 1, 2 | 10, 20. */
static void values(void **state)
{
    const GcCase c = {
        "dense", {.channels = 2, .bias = 1}, .nb_in = 1, .in = {{1, 2, 1, 2}}};
    const double in[] = {1, 10, 2, 20}, w[] = {1, 2, 3, 4, 0, 1, 0, 0};
    const double b[] = {0.5, 0}, want[] = {115.5, 2};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, (const double *const[]){w, b},
              want, 0);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){
        "dense", {.channels = 5, .bias = 1}, .nb_in = 1, .in = {{2, 3, 4, 5}}});
    gc_check(&(GcCase){"dense",
                       {.channels = 3},
                       .nb_in = 1,
                       .in = {{1, 7, 9, 5}},
                       .linear = 1});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){"dense", .nb_in = 1, .in = {{2, 3, 5, 7}}});
    gc_refused(&(GcCase){
        "dense", {.channels = 1 << 20}, .nb_in = 1, .in = {{1, 3, 500, 700}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/dense", tests, NULL, NULL);
}
