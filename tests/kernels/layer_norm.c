/* The op layer_norm. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <math.h>

static void values(void **state)
{
    /* Each pixel alone. */
    const GcCase c = {
        "layer_norm", {.eps = 1e-7f}, .nb_in = 1, .in = {{1, 2, 1, 2}}};
    const double in[] = {1, 3, 5, 1}, w[] = {1, 2}, b[] = {0, 1};
    const double want[] = {-1, 3, 1, -1};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, (const double *const[]){w, b},
              want, 1e-6);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"layer_norm",
                       {.eps = 1e-5f},
                       .nb_in = 1,
                       .in = {{2, 6, 5, 7}},
                       .tol_fd = 1e-5});
    gc_check(&(GcCase){"layer_norm",
                       {.eps = 1e-5f},
                       .nb_in = 1,
                       .in = {{1, 4, 18, 3}},
                       .tol_fd = 1e-5});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){"layer_norm", .nb_in = 1, .in = {{1, 3, 4, 4}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/layer_norm", tests, NULL, NULL);
}
