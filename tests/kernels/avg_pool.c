/* The op avg_pool. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const double in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const double mean[] = {5}, border[] = {0.25, 1.25, 2.75, 7};
    (void)state;
    gc_expect(&(GcCase){"avg_pool",
                        {.kernel = 3, .stride = 1},
                        .nb_in = 1,
                        .in = {{1, 1, 3, 3}}},
              (const double *const[]){in}, NULL, mean, 0);
    /* the border's zeros count */
    gc_expect(&(GcCase){"avg_pool",
                        {.kernel = 2, .stride = 2, .pad = 1},
                        .nb_in = 1,
                        .in = {{1, 1, 3, 3}}},
              (const double *const[]){in}, NULL, border, 0);
}

static void gradients(void **state)
{
    (void)state;
    for (int k = 1; k <= 3; k++)
        for (int s = 1; s <= 3; s++)
            for (int p = 0; p <= k / 2; p++)
                gc_check(&(GcCase){"avg_pool",
                                   {.kernel = k, .stride = s, .pad = p},
                                   .nb_in = 1,
                                   .in = {{2, 3, 7, 6}},
                                   .linear = 1});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){"avg_pool",
                         {.kernel = 2, .stride = 2, .pad = 2},
                         .nb_in = 1,
                         .in = {{1, 3, 7, 6}}});
    gc_refused(
        &(GcCase){"avg_pool", {.kernel = 2}, .nb_in = 1, .in = {{1, 3, 7, 6}}});
    gc_refused(&(GcCase){"avg_pool",
                         {.kernel = 5, .stride = 1},
                         .nb_in = 1,
                         .in = {{1, 3, 7, 4}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/avg_pool", tests, NULL, NULL);
}
