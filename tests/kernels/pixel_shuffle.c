/* The op pixel_shuffle. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const GcCase c = {
        "pixel_shuffle", {.factor = 2}, .nb_in = 1, .in = {{1, 8, 1, 1}}};
    const double in[] = {1, 2, 3, 4, 5, 6, 7, 8};
    const double want[] = {1, 5, 2, 6, 3, 7, 4, 8}; /* y, x, c */
    (void)state;
    gc_expect(&c, (const double *const[]){in}, NULL, want, 0);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"pixel_shuffle",
                       {.factor = 2},
                       .nb_in = 1,
                       .in = {{2, 12, 3, 2}},
                       .linear = 1});
    gc_check(&(GcCase){"pixel_shuffle",
                       {.factor = 3},
                       .nb_in = 1,
                       .in = {{1, 9, 2, 3}},
                       .linear = 1});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){
        "pixel_shuffle", {.factor = 2}, .nb_in = 1, .in = {{1, 6, 2, 2}}});
    gc_refused(&(GcCase){
        "pixel_shuffle", {.factor = 0}, .nb_in = 1, .in = {{1, 4, 2, 2}}});
    gc_refused(&(GcCase){
        "pixel_shuffle", {.factor = 17}, .nb_in = 1, .in = {{1, 289, 2, 2}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/pixel_shuffle", tests, NULL,
                                       NULL);
}
