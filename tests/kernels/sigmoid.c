/* The op sigmoid. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <math.h>

/* Over the whole range where floats differ from the limits; our own float
 * exp is good to about 1e-15, so half a unit of float is the error: 6e-8. */
static void values(void **state)
{
    enum { NB = 4001 };
    static double in[NB], want[NB];
    const GcCase c = {"sigmoid", .nb_in = 1, .in = {{1, 1, 1, NB}}};
    (void)state;
    for (int i = 0; i < NB; i++) {
        const double x = (i - NB / 2) * 0.03125;
        in[i] = i % 2 ? x : x * 1e-5f;
        in[i] = (float)in[i];
    }
    for (int i = 0; i < NB; i++) {
        const double x = in[i];
        want[i] = 1 / (1 + exp(-x));
    }
    gc_expect(&c, (const double *const[]){in}, NULL, want, 4e-7);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(
        &(GcCase){"sigmoid", .nb_in = 1, .in = {{2, 5, 3, 7}}, .range = 3});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(gradients),
    };
    return cmocka_run_group_tests_name("kernels/sigmoid", tests, NULL, NULL);
}
