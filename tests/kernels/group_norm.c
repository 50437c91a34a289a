/* The op group_norm. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <math.h>

static void values(void **state)
{
    /* Channels 0 and 1 together, and 2 and 3: mean 0, variance 1. */
    const GcCase c = {"group_norm",
                      {.groups = 2, .eps = 1e-7f},
                      .nb_in = 1,
                      .in = {{1, 4, 1, 2}}};
    const double in[] = {1, 3, 5, 5, 1, 3, 5, 9}, w[] = {1, 1, 1, 2},
                 b[] = {0, 0, 0, 1};
    const double s = 1 / sqrt(3),
                 want[] = {-1, 1, -s, 1 - 2 * s, -1, 1, -s, 1 + 6 * s};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, (const double *const[]){w, b},
              want, 1e-6);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"group_norm",
                       {.groups = 2, .eps = 1e-5f},
                       .nb_in = 1,
                       .in = {{2, 6, 5, 7}},
                       .tol_fd = 1e-5});
    gc_check(&(GcCase){"group_norm",
                       {.groups = 2, .eps = 1e-5f},
                       .nb_in = 1,
                       .in = {{1, 4, 18, 3}},
                       .tol_fd = 1e-5});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){"group_norm",
                         {.groups = 2, .eps = 1e-5f},
                         .nb_in = 1,
                         .in = {{1, 3, 4, 4}}});
    gc_refused(&(GcCase){
        "group_norm", {.groups = 1}, .nb_in = 1, .in = {{1, 3, 4, 4}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/group_norm", tests, NULL, NULL);
}
