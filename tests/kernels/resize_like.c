/* The op resize_like. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include "kernels/graph.h"

static void values(void **state)
{
    const double in[] = {1, 3}, size[] = {9, 9, 9, 9, 9}, one[] = {9, 9};
    const double want[] = {1, 1.2, 2, 2.8, 3}, mean[] = {2, 2};
    (void)state;
    gc_expect(&(GcCase){"resize_like", .nb_in = 2,
                        .in = {{1, 1, 1, 2}, {1, 1, 1, 5}}},
              (const double *const[]){in, size}, NULL, want, 1e-7);
    gc_expect(&(GcCase){"resize_like", .nb_in = 2,
                        .in = {{1, 1, 1, 2}, {1, 1, 2, 1}}},
              (const double *const[]){in, one}, NULL, mean, 1e-7);
}

/* Larger, smaller, the same; a second input of other channels. */
static void gradients(void **state)
{
    static const FgShape from[] = {
        {2, 3, 4, 5}, {1, 5, 1, 1}, {1, 2, 9, 7}, {1, 3, 4, 5}, {1, 1, 3, 8}};
    static const FgShape to[] = {
        {2, 1, 9, 13}, {1, 2, 3, 4}, {1, 3, 4, 3}, {1, 3, 4, 5}, {1, 4, 7, 2}};
    (void)state;
    for (int i = 0; i < 5; i++)
        gc_check(&(GcCase){"resize_like", .nb_in = 2, .in = {from[i], to[i]},
                           .linear = 1});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){"resize_like", .nb_in = 2,
                         .in = {{1, 3, 4, 4}, {2, 3, 5, 5}}});
}

static FgAttr window(int channels, int kernel, int stride)
{
    return (FgAttr){
        .channels = channels, .kernel = kernel, .stride = stride, .groups = 1};
}

/* What comes back by it alone sets no grid; what else does, does. */
static void grid(void **state)
{
    for (int also = 0; also < 2; also++) {
        FgGraph g = {0};
        FgReach r;
        FgError err = {{0}};
        (void)state;
        const int in = fg_graph_op(&g, "input", "input", -1, -1,
                                   (FgAttr){.channels = 3});
        const int a = fg_graph_op(&g, "conv2d", "a", in, -1, window(3, 3, 2));
        const int b = fg_graph_op(&g, "max_pool", "b", a, -1, window(0, 7, 3));
        int x = fg_graph_op(&g, "resize_like", "c", b, in, (FgAttr){0});
        x = fg_graph_op(&g, "mul", "d", in, x, (FgAttr){0});
        if (also) {
            const int e = fg_graph_op(&g, "max_pool", "e", in, -1,
                                      window(0, 4, 4));
            const int f = fg_graph_op(
                &g, "resize", "f", e, -1,
                (FgAttr){.factor = 4, .mode = FG_RESIZE_NEAREST});
            assert_true(fg_graph_op(&g, "add", "h", x, f, (FgAttr){0}) > 0);
        }
        if (fg_graph_reach(&g, &r, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(r.align, also ? 4 : 1);
        assert_int_equal(r.global, 1);
        assert_int_equal(r.scale_num, 1);
        assert_int_equal(r.scale_den, 1);
        fg_graph_free(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values), cmocka_unit_test(gradients),
        cmocka_unit_test(refusals), cmocka_unit_test(grid)};
    return cmocka_run_group_tests_name("kernels/resize_like", tests, NULL,
                                       NULL);
}
