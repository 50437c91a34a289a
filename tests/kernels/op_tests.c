/* Tests that several ops share. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "op_tests.h"

#include "gradcheck.h"

static void unary_values(void **state)
{
    enum { NB = 4001 };
    static double in[NB], want[NB];
    const UnaryTest *const t = *state;
    const GcCase c = {t->op, .nb_in = 1, .in = {{1, 1, 1, NB}}};
    for (int i = 0; i < NB; i++) {
        const double x = (i - NB / 2) * t->step;
        in[i] = (float)(i % 2 ? x : x * 1e-5f);
        want[i] = t->f(in[i]);
    }
    gc_expect(&c, (const double *const[]){in}, NULL, want, t->tolerance);
}

static void unary_gradients(void **state)
{
    const UnaryTest *const t = *state;
    gc_check(&(GcCase){t->op, .nb_in = 1, .in = {{2, 5, 3, 7}}, .range = 3});
}

static void binary_values(void **state)
{
    static const FgShape second[] = {{1, 2, 1, 2}, {1, 2, 1, 1}, {1, 1, 1, 2}};
    static const int from[][4] = {{0, 1, 2, 3}, {0, 1, 0, 1}, {0, 0, 1, 1}};
    const BinaryTest *const t = *state;
    const double a[] = {1, 2, 3, 4}, b[] = {10, 20, 30, 40};
    const double *const in[] = {a, b};
    for (int i = 0; i < 3; i++) {
        const GcCase c = {t->op, .nb_in = 2, .in = {{1, 2, 1, 2}, second[i]}};
        double want[4];
        for (int k = 0; k < 4; k++)
            want[k] = t->f(a[k], b[from[i][k]]);
        gc_expect(&c, in, NULL, want, 0);
    }
}

static void binary_gradients(void **state)
{
    static const FgShape second[] = {
        {2, 5, 19, 4}, {2, 5, 1, 1}, {2, 1, 19, 4}, {2, 1, 1, 1}};
    const BinaryTest *const t = *state;
    for (int i = 0; i < 4; i++)
        gc_check(&(GcCase){t->op, .linear = t->linear, .nb_in = 2,
                           .in = {{2, 5, 19, 4}, second[i]}});
}

static void binary_refusals(void **state)
{
    static const FgShape in[][2] = {{{1, 4, 2, 2}, {1, 2, 2, 2}},
                                    {{1, 4, 2, 2}, {1, 4, 2, 1}},
                                    {{2, 4, 2, 2}, {1, 4, 2, 2}}};
    const BinaryTest *const t = *state;
    for (int i = 0; i < 3; i++)
        gc_refused(&(GcCase){t->op, .nb_in = 2, .in = {in[i][0], in[i][1]}});
}

int test_unary(const UnaryTest *t)
{
    void *const state = (void *)(uintptr_t)t;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(unary_values, state),
        cmocka_unit_test_prestate(unary_gradients, state),
    };
    return cmocka_run_group_tests_name(t->op, tests, NULL, NULL);
}

int test_binary(const BinaryTest *t)
{
    void *const state = (void *)(uintptr_t)t;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(binary_values, state),
        cmocka_unit_test_prestate(binary_gradients, state),
        cmocka_unit_test_prestate(binary_refusals, state),
    };
    return cmocka_run_group_tests_name(t->op, tests, NULL, NULL);
}
