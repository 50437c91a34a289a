/* The op mish. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <math.h>

/* Over the whole range where floats differ from the limits. Half a unit of
 * float is 6e-8; gelu's erfc is good to 1.2e-7 of itself. */
static void values(void **state)
{
    enum { NB = 4001 };
    static double in[NB], want[NB];
    const GcCase c = {"mish", .nb_in = 1, .in = {{1, 1, 1, NB}}};
    (void)state;
    for (int i = 0; i < NB; i++) {
        const double x = (i - NB / 2) * 0.015625;
        in[i] = (float)(i % 2 ? x : x * 1e-5f);
    }
    for (int i = 0; i < NB; i++) {
        const double x = in[i];
        want[i] = x * tanh(log1p(exp(x)));
    }
    gc_expect(&c, (const double *const[]){in}, NULL, want, 6e-7);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){"mish", .nb_in = 1, .in = {{2, 5, 3, 7}}, .range = 3});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
    };
    return cmocka_run_group_tests_name("kernels/mish", tests, NULL, NULL);
}
