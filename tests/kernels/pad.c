/* The op pad. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

static void values(void **state)
{
    static const double want[4][7] = {{0, 0, 1, 2, 3, 0, 0},
                                      {3, 2, 1, 2, 3, 2, 1},
                                      {1, 1, 1, 2, 3, 3, 3},
                                      {2, 3, 1, 2, 3, 1, 2}};
    const double in[] = {1, 2, 3, 1, 2, 3, 1, 2, 3};
    (void)state;
    for (int mode = FG_PAD_ZERO; mode <= FG_PAD_CIRCULAR; mode++) {
        double all[49];
        for (int i = 0; i < 49; i++)
            all[i] = mode == FG_PAD_ZERO && (i / 7 < 2 || i / 7 > 4)
                         ? 0
                         : want[mode][i % 7];
        gc_expect(&(GcCase){"pad",
                            {.pad = 2, .pad_mode = mode},
                            .nb_in = 1,
                            .in = {{1, 1, 3, 3}}},
                  (const double *const[]){in}, NULL, all, 0);
    }
}

static void gradients(void **state)
{
    (void)state;
    for (int mode = FG_PAD_ZERO; mode <= FG_PAD_CIRCULAR; mode++)
        for (int p = 0; p < 4; p++)
            gc_check(&(GcCase){"pad",
                               {.pad = p, .pad_mode = mode},
                               .nb_in = 1,
                               .in = {{2, 3, 5, 4}},
                               .linear = 1});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){"pad",
                         {.pad = 4, .pad_mode = FG_PAD_REFLECT},
                         .nb_in = 1,
                         .in = {{1, 1, 5, 4}}});
    gc_refused(&(GcCase){"pad",
                         {.pad = 5, .pad_mode = FG_PAD_CIRCULAR},
                         .nb_in = 1,
                         .in = {{1, 1, 5, 4}}});
    gc_refused(&(GcCase){"pad", {.pad = -1}, .nb_in = 1, .in = {{1, 1, 5, 4}}});
    gc_refused(
        &(GcCase){"pad", {.pad_mode = 4}, .nb_in = 1, .in = {{1, 1, 5, 4}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/pad", tests, NULL, NULL);
}
