/* The op mean. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {"mean", .nb_in = 1, .in = {{2, 2, 1, 2}}};
    const double in[] = {1, 2, 3, 6, 0, 1, 0, 2}, want[] = {2, 4, 0, 1.5};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, NULL, want, 0);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"mean", .nb_in = 1, .in = {{2, 5, 19, 3}}, .linear = 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
    };
    return cmocka_run_group_tests_name("kernels/mean", tests, NULL, NULL);
}
