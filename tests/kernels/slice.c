/* The op slice. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {
        "slice", {.first = 1, .channels = 2}, .nb_in = 1, .in = {{1, 4, 1, 2}}};
    const double in[] = {1, 2, 3, 4, 5, 6, 7, 8}, want[] = {2, 3, 6, 7};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, NULL, want, 0);
}

static void gradients(void **state)
{
    (void)state;
    for (int first = 0; first < 5; first += 2)
        gc_check(&(GcCase){"slice",
                           {.first = first, .channels = 3},
                           .nb_in = 1,
                           .in = {{2, 7, 3, 5}},
                           .linear = 1});
    gc_check(&(GcCase){"slice",
                       {.channels = 3},
                       .nb_in = 1,
                       .in = {{2, 3, 4, 1}},
                       .linear = 1});
}

static void refusals(void **state)
{
    const int bad[][2] = {{-1, 2}, {3, 2}, {0, 5},
                          {0, 0},  {4, 1}, {2147483647, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        gc_refused(&(GcCase){"slice",
                             {.first = bad[i][0], .channels = bad[i][1]},
                             .nb_in = 1,
                             .in = {{1, 4, 2, 2}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/slice", tests, NULL, NULL);
}
