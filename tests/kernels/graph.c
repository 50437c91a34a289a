/* Graphs and parameter lists: building, shapes, JSON both ways, reach.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <errno.h>

static const FgBuild res = {"res", 3, 2, 8, 2, "leaky_relu", "bicubic", 1};

static void json_round_trip(void **state)
{
    (void)state;
    FgModel *m = net_model(&res);
    FgGraph g;
    FgError err = {{0}};
    char *text = fg_graph_to_json(&m->graph);
    assert_non_null(text);
    if (fg_graph_from_json(&g, text, strlen(text), &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(g.nb_nodes, m->graph.nb_nodes);
    for (int i = 0; i < g.nb_nodes; i++)
        assert_memory_equal(&g.nodes[i].attr, &m->graph.nodes[i].attr,
                            sizeof(FgAttr));
    char *again = fg_graph_to_json(&g);
    assert_string_equal(text, again);
    free(text);
    free(again);
    fg_graph_free(&g);
    fg_model_free(&m);
}

static void refuses(const char *text, const char *what)
{
    FgGraph g;
    FgError err = {{0}};
    assert_int_equal(fg_graph_from_json(&g, text, strlen(text), &err), -EINVAL);
    if (!strstr(err.text, what))
        fail_msg("'%s' does not say '%s'", err.text, what);
    assert_null(g.nodes);
    assert_int_equal(g.nb_nodes, 0);
}

#define IN "{\"name\":\"in\",\"op\":\"input\",\"attr\":{\"channels\":3}}"
#define NODES(x) "{\"nodes\":[" IN "," x "]}"
#define CONV(attr)                                                             \
    NODES("{\"name\":\"c\",\"op\":\"conv2d\",\"in\":[\"in\"],\"param\":["      \
          "\"c.weight\"],\"attr\":{" attr "}}")

static void bad_json_is_named(void **state)
{
    (void)state;
    refuses("", "not JSON");
    refuses("[]", "nodes");
    refuses("{\"nodes\":[]}", "1..4096");
    refuses("{\"nodes\":[" IN "],\"x\":1}", "unknown key 'x'");
    refuses("{\"nodes\":[" IN "," IN "]}", "two nodes are named 'in'");
    refuses("{\"nodes\":[{\"name\":\"a b\",\"op\":\"input\"}]}",
            "no valid name");
    refuses("{\"nodes\":[{\"name\":\"a\",\"op\":\"evil\"}]}", "'evil'");
    refuses("{\"nodes\":[{\"name\":\"a\",\"op\":\"input\"}]}",
            "'channels' is missing");
    refuses(NODES("{\"name\":\"r\",\"op\":\"relu\",\"in\":[\"x\"]}"), "'x'");
    refuses(NODES("{\"name\":\"r\",\"op\":\"relu\",\"in\":[\"r\"]}"), "'r'");
    refuses(NODES("{\"name\":\"r\",\"op\":\"relu\"}"), "0 inputs");
    refuses(NODES("{\"name\":\"r\",\"op\":\"relu\",\"in\":[\"in\"],"
                  "\"y\":0}"),
            "'y'");
    refuses(NODES("{\"name\":\"r\",\"op\":\"relu\",\"in\":[\"in\"],"
                  "\"attr\":{\"kernel\":3}}"),
            "no attr 'kernel'");
    refuses(CONV("\"channels\":4"), "'kernel' is missing");
    refuses(CONV("\"channels\":4,\"kernel\":99"), "allowed 1..31");
    refuses(CONV("\"channels\":4.5,\"kernel\":3"), "must be an integer");
    refuses(CONV("\"channels\":4,\"kernel\":3,\"pad_mode\":\"odd\""),
            "allowed zero, reflect");
    refuses(CONV("\"channels\":4,\"kernel\":3,\"bias\":1"), "conv2d' has 2");
    refuses(CONV("\"channels\":4,\"channels\":4,\"kernel\":3"), "not JSON");
    refuses(CONV("\"channels\":4,\"kernel\":3,\"groups\":2"), "groups");
}

static void shapes_name_the_node(void **state)
{
    (void)state;
    FgGraph g = {0};
    FgError err = {{0}};
    FgShape s[2];
    const FgAttr four = {.channels = 3};
    assert_int_equal(fg_graph_op(&g, "input", "in", -1, -1, four), 0);
    assert_int_equal(
        fg_graph_op(&g, "pixel_shuffle", "ps", 0, -1, (FgAttr){.factor = 2}),
        1);
    assert_int_equal(fg_graph_shapes(&g, (FgShape){1, 3, 8, 8}, s, &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, "ps"));
    assert_int_equal(fg_graph_shapes(&g, (FgShape){1, 4, 8, 8}, s, &err),
                     -EINVAL);
    assert_int_equal(fg_graph_shapes(&g, (FgShape){1, 3, 0, 8}, s, &err),
                     -EINVAL);
    assert_int_equal(fg_graph_op(&g, "relu", "ps", 0, -1, (FgAttr){0}),
                     -EINVAL);
    assert_int_equal(fg_graph_op(&g, "relu", "r", 7, -1, (FgAttr){0}), -EINVAL);
    assert_int_equal(fg_graph_op(&g, "nothing", "r", 0, -1, (FgAttr){0}),
                     -EINVAL);
    assert_int_equal(fg_graph_find(&g, "ps"), 1);
    assert_int_equal(fg_graph_find(&g, "r"), -ENOENT);
    fg_graph_free(&g);
    fg_graph_free(&g);
    fg_graph_free(NULL);
}

static void parameters_are_checked(void **state)
{
    (void)state;
    FgModel *m = net_model(&res);
    FgParams copy, bad = {0};
    FgError err = {{0}};
    assert_int_equal(fg_params_copy(&copy, &m->params), 0);
    assert_int_equal(copy.nb, m->params.nb);
    assert_ptr_not_equal(copy.p[0].data, m->params.p[0].data);
    assert_int_equal(fg_params_count(&copy), fg_params_count(&m->params));
    assert_null(fg_params_add(&copy, copy.p[0].name, 1, (int[]){3}));
    assert_null(fg_params_add(&copy, "zero", 1, (int[]){0}));
    assert_non_null(fg_params_add(&bad, "head.k3.weight", 1, (int[]){3}));
    assert_int_equal(fg_graph_params(&m->graph, &bad, &err), -EINVAL);
    assert_non_null(strstr(err.text, "head.k3.weight"));
    fg_params_free(&copy);
    fg_params_free(&bad);
    fg_params_free(NULL);
    fg_model_free(&m);
}

static void statistics_are_not_trained(void **state)
{
    (void)state;
    FgGraph g = {0};
    FgParams ps = {0};
    const FgAttr norm = {.eps = 1e-5f, .momentum = 0.1f};
    fg_graph_op(&g, "input", "in", -1, -1, (FgAttr){.channels = 3});
    assert_int_equal(fg_graph_op(&g, "batch_norm", "bn", 0, -1, norm), 1);
    assert_int_equal(fg_graph_params(&g, &ps, NULL), 0);
    assert_int_equal(ps.nb, 4);
    assert_int_equal(fg_params_count(&ps), 6);
    fg_graph_init_params(&g, &ps, 1);
    assert_true(fg_params_find(&ps, "bn.weight")->data[0] == 1);
    assert_true(fg_params_find(&ps, "bn.bias")->data[0] == 0);
    assert_true(fg_params_find(&ps, "bn.running_mean")->data[0] == 0);
    assert_true(fg_params_find(&ps, "bn.running_var")->data[0] == 1);
    fg_params_free(&ps);
    fg_graph_free(&g);
}

static void reach_of(FgBuild b, int radius, double macs)
{
    FgGraph g;
    FgReach r;
    assert_int_equal(fg_graph_build(&g, &b, NULL), 0);
    assert_int_equal(fg_graph_reach(&g, &r, NULL), 0);
    assert_int_equal(r.radius, radius);
    assert_int_equal(r.scale_num, b.scale);
    assert_int_equal(r.scale_den, 1);
    assert_int_equal(r.align, 1);
    assert_int_equal(r.global, 0);
    assert_true(fabs(r.macs - macs) < 1e-6 * (macs + 1));
    fg_graph_free(&g);
}

static void reach_of_families(void **state)
{
    (void)state;
    reach_of((FgBuild){"compact", 1, 2, 16, 4, "relu", "bicubic", 0}, 6,
             9 * 16 + 4 * 9 * 256 + 9 * 64);
    reach_of((FgBuild){"res", 3, 4, 8, 2, "relu", "none", 0}, 7,
             9 * 24 + 5 * 9 * 64 + 9 * 8 * 48);
    reach_of((FgBuild){"identity", 3, 1, 0, 0, NULL, NULL, 0}, 0, 0);
    reach_of((FgBuild){"bicubic", 3, 2, 0, 0, NULL, NULL, 0}, 2, 0);
}

static void reach_of_other_ops(void **state)
{
    (void)state;
    FgGraph g = {0};
    FgReach r;
    fg_graph_op(&g, "input", "in", -1, -1, (FgAttr){.channels = 4});
    fg_graph_op(&g, "pixel_unshuffle", "u", 0, -1, (FgAttr){.factor = 4});
    const FgAttr conv = {
        .channels = 4, .kernel = 3, .stride = 1, .pad = 1, .groups = 1};
    assert_int_equal(fg_graph_op(&g, "conv2d", "c", 1, -1, conv), 2);
    assert_int_equal(fg_graph_reach(&g, &r, NULL), 0);
    assert_int_equal(r.scale_den, 4);
    assert_int_equal(r.align, 4);
    assert_int_equal(r.radius, 4);
    fg_graph_op(&g, "instance_norm", "n", 2, -1, (FgAttr){.eps = 1e-5f});
    assert_int_equal(fg_graph_reach(&g, &r, NULL), 0);
    assert_int_equal(r.global, 1);
    fg_graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_round_trip),
        cmocka_unit_test(bad_json_is_named),
        cmocka_unit_test(shapes_name_the_node),
        cmocka_unit_test(parameters_are_checked),
        cmocka_unit_test(statistics_are_not_trained),
        cmocka_unit_test(reach_of_families),
        cmocka_unit_test(reach_of_other_ops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
