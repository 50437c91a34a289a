/* The op correlate. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {"correlate",
                      {.kernel = 3},
                      .nb_in = 2,
                      .in = {{1, 2, 1, 2}, {1, 2, 1, 2}}};
    const double a[] = {1, 2, 3, 4}, b[] = {10, 20, 30, 40};
    /* Rows above and below lie outside. */
    const double want[] = {0, 0, 0, 0,  25,  55, 0, 0, 0,
                           0, 0, 0, 55, 125, 0,  0, 0, 0};
    (void)state;
    gc_expect(&c, (const double *const[]){a, b}, NULL, want, 0);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"correlate",
                       {.kernel = 3},
                       .nb_in = 2,
                       .in = {{2, 3, 4, 5}, {2, 3, 4, 5}}});
    gc_check(&(GcCase){"correlate",
                       {.kernel = 5},
                       .nb_in = 2,
                       .in = {{1, 4, 3, 2}, {1, 4, 3, 2}}});
    gc_check(&(GcCase){"correlate",
                       {.kernel = 1},
                       .nb_in = 2,
                       .in = {{2, 17, 2, 3}, {2, 17, 2, 3}}});
}

static void refusals(void **state)
{
    (void)state;
    for (int k = 0; k <= 33; k += k < 2 ? 2 : 31)
        gc_refused(&(GcCase){"correlate",
                             {.kernel = k},
                             .nb_in = 2,
                             .in = {{1, 3, 4, 5}, {1, 3, 4, 5}}});
    gc_refused(&(GcCase){"correlate",
                         {.kernel = 3},
                         .nb_in = 2,
                         .in = {{1, 3, 4, 5}, {1, 3, 5, 5}}});
    gc_refused(&(GcCase){"correlate",
                         {.kernel = 3},
                         .nb_in = 2,
                         .in = {{1, 3, 4, 5}, {1, 2, 4, 5}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/correlate", tests, NULL, NULL);
}
