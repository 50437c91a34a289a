/* The op concat. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {"concat", .nb_in = 2, .in = {{1, 2, 1, 2}, {1, 1, 1, 2}}};
    const double a[] = {1, 2, 3, 4}, b[] = {5, 6}, want[] = {1, 2, 5, 3, 4, 6};
    (void)state;
    gc_expect(&c, (const double *const[]){a, b}, NULL, want, 0);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"concat", .nb_in = 3,
                       .in = {{2, 3, 3, 4}, {2, 1, 3, 4}, {2, 5, 3, 4}},
                       .linear = 1});
    gc_check(
        &(GcCase){"concat", .nb_in = 1, .in = {{2, 3, 3, 4}}, .linear = 1});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(
        &(GcCase){"concat", .nb_in = 2, .in = {{1, 4, 2, 2}, {1, 4, 2, 3}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/concat", tests, NULL, NULL);
}
