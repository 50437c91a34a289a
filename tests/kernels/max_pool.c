/* The op max_pool. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    const double in[] = {1, 2, 3, 4, -5, 6, 7, 8, -9}, want[] = {4, 6, 8, 8};
    const double border[] = {1, 3, 7, 8};
    (void)state;
    gc_expect(&(GcCase){"max_pool",
                        {.kernel = 2, .stride = 1},
                        .nb_in = 1,
                        .in = {{1, 1, 3, 3}}},
              (const double *const[]){in}, NULL, want, 0);
    gc_expect(&(GcCase){"max_pool",
                        {.kernel = 2, .stride = 2, .pad = 1},
                        .nb_in = 1,
                        .in = {{1, 1, 3, 3}}},
              (const double *const[]){in}, NULL, border, 0);
}

static void first_of_equal(void **state)
{
    const GcCase c = {"max_pool",
                      {.kernel = 2, .stride = 2},
                      .nb_in = 1,
                      .in = {{1, 1, 2, 2}}};
    const double value[] = {1, 2, 2, 2};
    GcRun r;
    (void)state;
    gc_open(&r, &c, FG_F32, 0, NULL);
    for (int i = 0; i < 4; i++)
        gc_set(&r.in[0], i, value[i]);
    gc_set(&r.dout, 0, 3);
    gc_forward(&r);
    gc_backward(&r);
    for (int i = 0; i < 4; i++)
        assert_true(gc_get(&r.din[0], i) == (i == 1 ? 3 : 0));
    gc_close(&r);
}

static void gradients(void **state)
{
    (void)state;
    for (int k = 1; k <= 3; k++)
        for (int s = 1; s <= 3; s++)
            for (int p = 0; p <= k / 2; p++)
                gc_check(&(GcCase){"max_pool",
                                   {.kernel = k, .stride = s, .pad = p},
                                   .nb_in = 1,
                                   .in = {{2, 3, 7, 6}}});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){"max_pool",
                         {.kernel = 3, .stride = 2, .pad = 2},
                         .nb_in = 1,
                         .in = {{1, 3, 7, 6}}});
    gc_refused(
        &(GcCase){"max_pool", {.stride = 2}, .nb_in = 1, .in = {{1, 3, 7, 6}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(first_of_equal),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/max_pool", tests, NULL, NULL);
}
