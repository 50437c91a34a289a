/* Collapsing: the folded graph equals the training form, borders included.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <stdio.h>

/* Values stay near 1; each fold rounds every weight once more (2^-24). */
#define TOLERANCE 1e-5

static int add(FgGraph *g, const char *op, const char *name, int a, int b,
               FgAttr attr)
{
    const int i = fg_graph_op(g, op, name, a, b, attr);
    assert_true(i >= 0);
    return i;
}

static int conv(FgGraph *g, const char *name, int in, int c, int k, int pad,
                int bias)
{
    return add(g, "conv2d", name, in, -1,
               (FgAttr){.channels = c,
                        .kernel = k,
                        .stride = 1,
                        .pad = pad,
                        .groups = 1,
                        .bias = bias});
}

/* want_nodes: nodes left; sizes down to one pixel, where all is border. */
static void check(const FgGraph *g, const FgParams *ps, int channels,
                  int want_nodes)
{
    static const int sizes[][2] = {{1, 1}, {2, 5}, {9, 12}};
    FgGraph c;
    FgParams cp;
    FgError err = {{0}};
    if (fg_graph_collapse(&c, &cp, g, ps, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(c.nb_nodes, want_nodes);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        FgTensor in = net_picture(channels, sizes[i][0], sizes[i][1]);
        FgTensor a = net_forward(g, ps, &in), b = net_forward(&c, &cp, &in);
        if (!(net_max_diff(&a, &b) < TOLERANCE))
            fail_msg("%dx%d differs by %g", sizes[i][0], sizes[i][1],
                     net_max_diff(&a, &b));
        fg_tensor_free(&a);
        fg_tensor_free(&b);
        fg_tensor_free(&in);
    }
    int used = 0;
    for (int i = 0; i < c.nb_nodes; i++)
        used += c.nodes[i].nb_param;
    assert_int_equal(cp.nb, used);
    fg_graph_free(&c);
    fg_params_free(&cp);
}

static void check_own(FgGraph *g, int channels, int want_nodes)
{
    FgParams ps = {0};
    net_fill(g, &ps);
    check(g, &ps, channels, want_nodes);
    fg_params_free(&ps);
    fg_graph_free(g);
}

static int input(FgGraph *g, int channels)
{
    memset(g, 0, sizeof(*g));
    return add(g, "input", "in", -1, -1, (FgAttr){.channels = channels});
}

static void parallel_convs(void **state)
{
    (void)state;
    FgGraph g;
    const int x = input(&g, 3);
    const int a = conv(&g, "a", x, 4, 3, 1, 1);
    const int b = conv(&g, "b", x, 4, 1, 0, 0);
    const int c = conv(&g, "c", x, 4, 5, 2, 1);
    const int s = add(&g, "add", "s", a, b, (FgAttr){0});
    add(&g, "add", "out", s, c, (FgAttr){0});
    check_own(&g, 3, 2);
}

static void parallel_strided(void **state)
{
    (void)state;
    FgGraph g;
    const int x = input(&g, 3);
    const FgAttr k3 = {.channels = 4,
                       .kernel = 3,
                       .stride = 2,
                       .pad = 1,
                       .groups = 1,
                       .bias = 1};
    const FgAttr k1 = {.channels = 4, .kernel = 1, .stride = 2, .groups = 1};
    const int a = add(&g, "conv2d", "a", x, -1, k3);
    const int b = add(&g, "conv2d", "b", x, -1, k1);
    add(&g, "add", "out", a, b, (FgAttr){0});
    check_own(&g, 3, 2);
}

static void expand_then_conv(void **state)
{
    (void)state;
    FgGraph g;
    const int x = input(&g, 3);
    const int e = conv(&g, "e", x, 9, 1, 0, 0);
    conv(&g, "out", e, 4, 3, 1, 1);
    check_own(&g, 3, 2);
}

static void conv_then_point(void **state)
{
    (void)state;
    FgGraph g;
    const int x = input(&g, 3);
    const int e = conv(&g, "e", x, 16, 3, 1, 1);
    conv(&g, "out", e, 4, 1, 0, 1);
    check_own(&g, 3, 2);
}

/* A bias before zero padding cannot be folded: it must be left alone. */
static void biased_expand_stays(void **state)
{
    (void)state;
    FgGraph g;
    const int x = input(&g, 3);
    const int e = conv(&g, "e", x, 9, 1, 0, 1);
    conv(&g, "out", e, 4, 3, 1, 1);
    check_own(&g, 3, 3);
}

static void bottleneck_stays(void **state)
{
    (void)state;
    FgGraph g;
    const int x = input(&g, 16);
    const int e = conv(&g, "e", x, 2, 1, 0, 0);
    conv(&g, "out", e, 16, 3, 1, 1);
    check_own(&g, 16, 3);
}

static void identity_branch(void **state)
{
    (void)state;
    FgGraph g;
    const int x = input(&g, 4);
    const int a = conv(&g, "a", x, 4, 3, 1, 1);
    add(&g, "add", "out", x, a, (FgAttr){0});
    check_own(&g, 4, 2);
}

/* The first conv has a second reader, so the sum keeps both. */
static void shared_branch_stays(void **state)
{
    (void)state;
    FgGraph g;
    const int x = input(&g, 4);
    const int a = conv(&g, "a", x, 4, 3, 1, 1);
    const int b = conv(&g, "b", x, 4, 3, 1, 1);
    const int s = add(&g, "add", "s", a, b, (FgAttr){0});
    add(&g, "mul", "out", s, a, (FgAttr){0});
    check_own(&g, 4, 5);
}

static void norm_after_conv(void **state)
{
    (void)state;
    FgGraph g;
    const int x = input(&g, 3);
    int a = conv(&g, "a", x, 4, 3, 1, 0);
    a = add(&g, "batch_norm", "bn", a, -1,
            (FgAttr){.eps = 1e-5f, .momentum = 0.1f});
    a = add(&g, "scale", "sc", a, -1, (FgAttr){.alpha = 0.7f});
    a = add(&g, "bias", "bi", a, -1, (FgAttr){0});
    add(&g, "relu", "out", a, -1, (FgAttr){0});
    check_own(&g, 3, 3);
}

static void depthwise_norm(void **state)
{
    (void)state;
    FgGraph g;
    const int x = input(&g, 4);
    int a = add(&g, "conv2d", "a", x, -1,
                (FgAttr){.channels = 4,
                         .kernel = 3,
                         .stride = 1,
                         .pad = 1,
                         .groups = 4,
                         .bias = 1});
    add(&g, "batch_norm", "out", a, -1,
        (FgAttr){.eps = 1e-5f, .momentum = 0.1f});
    check_own(&g, 4, 2);
}

/* Every family: the training form folds to as many nodes as the plain one
 * has, with its parameter names and sizes. */
static void families(void **state)
{
    static const FgBuild builds[] = {
        {"compact", 1, 2, 8, 2, "relu", "bicubic", 1},
        {"compact", 3, 4, 8, 2, "prelu", "none", 2},
        {"res", 3, 2, 8, 2, "relu", "bicubic", 1},
        {"res", 1, 3, 8, 1, "leaky_relu", "nearest", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(builds) / sizeof(*builds); i++) {
        FgBuild plain = builds[i];
        FgGraph g, c;
        FgParams ps = {0}, cp;
        FgModel *m = net_model(&builds[i]);
        plain.reparam = 0;
        assert_int_equal(fg_graph_build(&g, &plain, NULL), 0);
        check(&m->graph, &m->params, plain.channels_in, g.nb_nodes);
        assert_int_equal(
            fg_graph_collapse(&c, &cp, &m->graph, &m->params, NULL), 0);
        assert_int_equal(fg_graph_params(&g, &ps, NULL), 0);
        assert_int_equal(fg_params_count(&cp), fg_params_count(&ps));
        for (int k = 0; k < ps.nb; k++)
            if (!fg_params_find(&cp, ps.p[k].name))
                fail_msg("%s is missing", ps.p[k].name);
        fg_graph_free(&g);
        fg_graph_free(&c);
        fg_params_free(&ps);
        fg_params_free(&cp);
        fg_model_free(&m);
    }
}

static void missing_parameter(void **state)
{
    (void)state;
    FgGraph g, c;
    FgParams none = {0}, cp;
    FgError err = {{0}};
    conv(&g, "a", input(&g, 3), 4, 3, 1, 1);
    assert_true(fg_graph_collapse(&c, &cp, &g, &none, &err) < 0);
    assert_non_null(strstr(err.text, "a.weight"));
    assert_null(c.nodes);
    assert_null(cp.p);
    fg_graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parallel_convs),
        cmocka_unit_test(parallel_strided),
        cmocka_unit_test(expand_then_conv),
        cmocka_unit_test(conv_then_point),
        cmocka_unit_test(biased_expand_stays),
        cmocka_unit_test(bottleneck_stays),
        cmocka_unit_test(identity_branch),
        cmocka_unit_test(shared_branch_stays),
        cmocka_unit_test(norm_after_conv),
        cmocka_unit_test(depthwise_norm),
        cmocka_unit_test(families),
        cmocka_unit_test(missing_parameter),
    };
    printf("# seed %u\n", NET_SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
