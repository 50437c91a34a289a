/* The op bias. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {"bias", .nb_in = 1, .in = {{1, 2, 1, 2}}};
    const double in[] = {1, 2, 3, 4}, b[] = {10, 20}, want[] = {11, 22, 13, 24};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, (const double *const[]){b}, want,
              0);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"bias", .nb_in = 1, .in = {{2, 5, 19, 4}}, .linear = 0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
    };
    return cmocka_run_group_tests_name("kernels/bias", tests, NULL, NULL);
}
