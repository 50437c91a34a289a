/* The op prelu. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {"prelu", .nb_in = 1, .in = {{1, 2, 1, 2}}};
    const double in[] = {-1, -2, 3, 4}, slope[] = {0.5, 0.25};
    const double want[] = {-0.5, -0.5, 3, 4};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, (const double *const[]){slope},
              want, 0);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(
        &(GcCase){"prelu", .nb_in = 1, .in = {{2, 5, 20, 7}}, .away = 0.01});
    gc_check(
        &(GcCase){"prelu", .nb_in = 1, .in = {{1, 32, 2, 3}}, .away = 0.01});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
    };
    return cmocka_run_group_tests_name("kernels/prelu", tests, NULL, NULL);
}
