/* The op scale. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {
        "scale", {.alpha = -0.5f}, .nb_in = 1, .in = {{1, 2, 1, 2}}};
    const double in[] = {1, 2, -3, 4}, want[] = {-0.5, -1, 1.5, -2};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, NULL, want, 0);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"scale",
                       {.alpha = 0.2f},
                       .nb_in = 1,
                       .in = {{2, 5, 3, 7}},
                       .linear = 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
    };
    return cmocka_run_group_tests_name("kernels/scale", tests, NULL, NULL);
}
