/* The op leaky_relu. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {
        "leaky_relu", {.alpha = 0.25f}, .nb_in = 1, .in = {{1, 1, 2, 2}}};
    const double in[] = {-1, 0, 2.5, -0.5}, want[] = {-0.25, 0, 2.5, -0.125};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, NULL, want, 0);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"leaky_relu",
                       {.alpha = 0.2f},
                       .nb_in = 1,
                       .in = {{2, 5, 3, 7}},
                       .away = 0.01});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){
        "leaky_relu", {.alpha = -0.1f}, .nb_in = 1, .in = {{1, 1, 1, 1}}});
    gc_refused(&(GcCase){
        "leaky_relu", {.alpha = 1.5f}, .nb_in = 1, .in = {{1, 1, 1, 1}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/leaky_relu", tests, NULL, NULL);
}
