/* The op pixel_unshuffle. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {
        "pixel_unshuffle", {.factor = 2}, .nb_in = 1, .in = {{1, 2, 2, 2}}};
    const double in[] = {1, 5, 2, 6, 3, 7, 4, 8};
    const double want[] = {1, 2, 3, 4, 5, 6, 7, 8};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, NULL, want, 0);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"pixel_unshuffle",
                       {.factor = 2},
                       .nb_in = 1,
                       .in = {{2, 3, 6, 4}},
                       .linear = 1});
    gc_check(&(GcCase){"pixel_unshuffle",
                       {.factor = 3},
                       .nb_in = 1,
                       .in = {{1, 2, 3, 6}},
                       .linear = 1});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){
        "pixel_unshuffle", {.factor = 2}, .nb_in = 1, .in = {{1, 3, 5, 4}}});
    gc_refused(&(GcCase){
        "pixel_unshuffle", {.factor = -1}, .nb_in = 1, .in = {{1, 3, 4, 4}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/pixel_unshuffle", tests, NULL,
                                       NULL);
}
