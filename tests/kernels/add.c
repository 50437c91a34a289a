/* The op add. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const double a[] = {1, 2, 3, 4}, b[] = {10, 20, 30, 40};
    const double same[] = {11, 22, 33, 44}, pixel[] = {11, 22, 13, 24};
    const double channel[] = {11, 12, 23, 24};
    const double *const in[] = {a, b};
    (void)state;
    gc_expect(&(GcCase){"add", .nb_in = 2, .in = {{1, 2, 1, 2}, {1, 2, 1, 2}}},
              in, NULL, same, 0);
    gc_expect(&(GcCase){"add", .nb_in = 2, .in = {{1, 2, 1, 2}, {1, 2, 1, 1}}},
              in, NULL, pixel, 0);
    gc_expect(&(GcCase){"add", .nb_in = 2, .in = {{1, 2, 1, 2}, {1, 1, 1, 2}}},
              in, NULL, channel, 0);
}

static void gradients(void **state)
{
    static const FgShape second[] = {
        {2, 5, 19, 4}, {2, 5, 1, 1}, {2, 1, 19, 4}, {2, 1, 1, 1}};
    (void)state;
    for (int i = 0; i < 4; i++)
        gc_check(&(GcCase){"add", .linear = 1, .nb_in = 2,
                           .in = {{2, 5, 19, 4}, second[i]}});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(
        &(GcCase){"add", .nb_in = 2, .in = {{1, 4, 2, 2}, {1, 2, 2, 2}}});
    gc_refused(
        &(GcCase){"add", .nb_in = 2, .in = {{1, 4, 2, 2}, {1, 4, 2, 1}}});
    gc_refused(
        &(GcCase){"add", .nb_in = 2, .in = {{2, 4, 2, 2}, {1, 4, 2, 2}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/add", tests, NULL, NULL);
}
