/* Builders: shapes, parameter counts, first values, refusals.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <errno.h>

#include "kernels/build_gan.h"

static FgGraph build(FgBuild b)
{
    FgGraph g;
    FgError err = {{0}};
    if (fg_graph_build(&g, &b, &err) < 0)
        fail_msg("%s", err.text);
    return g;
}

static void all_forms_have_the_right_shape(void **state)
{
    static const char *const families[] = {"compact", "res"};
    static const char *const acts[] = {"relu", "leaky_relu", "prelu", "silu"};
    static const char *const bases[] = {"none", "nearest", "bilinear",
                                        "bicubic"};
    (void)state;
    for (int i = 0; i < 2 * 4 * 4 * 3 * 2 * 8; i++) {
        const FgBuild b = {
            families[i & 1],  i >> 1 & 1 ? 3 : 1, (i >> 2 & 7) + 1, 6, 1,
            acts[i >> 5 & 3], bases[i >> 7 & 3],  (i >> 9) % 3};
        FgGraph g = build(b);
        FgShape *s = calloc((size_t)g.nb_nodes, sizeof(*s));
        const FgShape in = {2, b.channels_in, 3, 4};
        assert_int_equal(fg_graph_shapes(&g, in, s, NULL), 0);
        const FgShape o = s[g.nb_nodes - 1];
        assert_int_equal(o.n, 2);
        assert_int_equal(o.c, b.channels_in);
        assert_int_equal(o.h, 3 * b.scale);
        assert_int_equal(o.w, 4 * b.scale);
        free(s);
        fg_graph_free(&g);
    }
}

/* Generators and critics of every depth and way to change sizes. */
static void gans_have_the_right_shape(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * 2 * 3 * 2 * 2; i++) {
        const int critic = i & 1, side = i / 12 & 1 ? 64 : 32;
        const FgGanBuild b = {.side = side,
                              .channels = 3,
                              .latent = 7,
                              .features = 2,
                              .outputs = 5,
                              .activation = "leaky_relu",
                              .norm = i / 24 ? "batch" : "none",
                              .last = "none",
                              .extra = i / 4 % 3,
                              .smooth = i >> 1 & 1};
        FgShape s[64];
        const FgShape in = {2, critic ? 3 : 7, critic ? side : 1,
                            critic ? side : 1};
        FgError err = {{0}};
        FgGraph g;

        assert_int_equal(critic ? fg_build_gan_critic(&g, &b, &err)
                                : fg_build_gan_generator(&g, &b, &err),
                         0);
        assert_true(g.nb_nodes <= 64);
        assert_int_equal(fg_graph_shapes(&g, in, s, NULL), 0);
        assert_int_equal(s[g.nb_nodes - 1].n, 2);
        assert_int_equal(s[g.nb_nodes - 1].c, critic ? 5 : 3);
        assert_int_equal(s[g.nb_nodes - 1].h, critic ? 1 : side);
        assert_int_equal(s[g.nb_nodes - 1].w, critic ? 1 : side);
        fg_graph_free(&g);
    }
}

static size_t count_gan(FgGanBuild b, int critic)
{
    FgGraph g;
    FgParams ps = {0};
    FgError err = {{0}};

    b.side = 32;
    b.channels = 3;
    b.latent = 100;
    b.outputs = 1;
    b.activation = "relu";
    b.norm = b.last = "none";
    assert_int_equal(critic ? fg_build_gan_critic(&g, &b, &err)
                            : fg_build_gan_generator(&g, &b, &err),
                     0);
    assert_int_equal(fg_graph_params(&g, &ps, NULL), 0);
    const size_t n = fg_params_count(&ps);
    fg_params_free(&ps);
    fg_graph_free(&g);
    return n;
}

static void gan_parameter_counts(void **state)
{
    (void)state;
    /* The founding text's: 100-256-128-64-3 and 3-64-128-256-1, kernel 4. */
    assert_int_equal(count_gan((FgGanBuild){.features = 64}, 0),
                     16 * (100 * 256 + 256 * 128 + 128 * 64 + 64 * 3));
    assert_int_equal(count_gan((FgGanBuild){.features = 64}, 1),
                     16 * (3 * 64 + 64 * 128 + 128 * 256 + 256));
    /* 3x3 in place of 4x4 but next to the latent, and two more a layer. */
    assert_int_equal(
        count_gan((FgGanBuild){.features = 2, .smooth = 1, .extra = 2}, 0),
        16 * 100 * 8 + 9 * (8 * 4 + 4 * 2 + 2 * 3) +
            9 * 2 * (8 * 8 + 4 * 4 + 2 * 2));
    assert_int_equal(
        count_gan((FgGanBuild){.features = 2, .smooth = 1, .extra = 1}, 1),
        9 * (3 * 2 + 2 * 4 + 4 * 8) + 16 * 8 + 9 * (2 * 2 + 4 * 4 + 8 * 8));
}

static size_t count(FgBuild b)
{
    FgGraph g = build(b);
    FgParams ps = {0};
    assert_int_equal(fg_graph_params(&g, &ps, NULL), 0);
    const size_t n = fg_params_count(&ps);
    fg_params_free(&ps);
    fg_graph_free(&g);
    return n;
}

static void parameter_counts(void **state)
{
    (void)state;
    /* 9*1*16+16, 4 of 9*16*16+16, 9*16*4+4 */
    assert_int_equal(
        count((FgBuild){"compact", 1, 2, 16, 4, "relu", "bicubic", 0}), 10020);
    /* and 16 slopes after each of five convs */
    assert_int_equal(
        count((FgBuild){"compact", 1, 2, 16, 4, "prelu", "bicubic", 0}),
        10020 + 80);
    assert_int_equal(count((FgBuild){"res", 3, 4, 8, 2, "relu", "none", 0}),
                     9 * 3 * 8 + 8 + 5 * (9 * 64 + 8) + 9 * 8 * 48 + 48);
    assert_int_equal(
        count((FgBuild){.family = "identity", .channels_in = 3, .scale = 1}),
        0);
    assert_int_equal(
        count((FgBuild){.family = "bicubic", .channels_in = 3, .scale = 4}), 0);
}

/* Values depend on seed, name and index only: a second graph that holds the
 * same layer has the same numbers. */
static void first_values(void **state)
{
    (void)state;
    FgGraph a = build((FgBuild){"compact", 1, 2, 32, 4, "relu", "bicubic", 0});
    FgGraph b = build((FgBuild){"compact", 1, 4, 32, 9, "relu", "bicubic", 0});
    FgParams pa = {0}, pb = {0}, pc = {0};
    assert_int_equal(fg_graph_params(&a, &pa, NULL), 0);
    assert_int_equal(fg_graph_params(&b, &pb, NULL), 0);
    assert_int_equal(fg_graph_params(&a, &pc, NULL), 0);
    fg_graph_init_params(&a, &pa, 5);
    fg_graph_init_params(&b, &pb, 5);
    fg_graph_init_params(&a, &pc, 6);
    const FgParam *x = fg_params_find(&pa, "body2.weight");
    const FgParam *y = fg_params_find(&pb, "body2.weight");
    const FgParam *z = fg_params_find(&pc, "body2.weight");
    const FgParam *w = fg_params_find(&pa, "body1.weight");
    const size_t bytes = sizeof(float) * fg_param_count(x);
    assert_memory_equal(x->data, y->data, bytes);
    assert_memory_not_equal(x->data, z->data, bytes);
    assert_memory_not_equal(x->data, w->data, bytes);
    double sum = 0, square = 0;
    const double n = (double)fg_param_count(x);
    for (int i = 0; i < (int)n; i++) {
        sum += x->data[i];
        square += (double)x->data[i] * x->data[i];
    }
    /* 9216 samples of variance 2/288: four standard errors. */
    const double var = 2.0 / 288;
    assert_true(fabs(sum / n) < 4 * sqrt(var / n));
    assert_true(fabs(square / n / var - 1) < 4 * sqrt(2 / n));
    assert_true(fg_params_find(&pa, "body2.bias")->data[3] == 0);
    fg_params_free(&pa);
    fg_params_free(&pb);
    fg_params_free(&pc);
    fg_graph_free(&a);
    fg_graph_free(&b);
}

/* Deep networks must start with activations of ordinary size, near the base. */
static void starts_near_the_base(void **state)
{
    static const FgBuild builds[] = {
        {"compact", 1, 2, 16, 12, "relu", "bicubic", 0},
        {"compact", 1, 2, 16, 12, "relu", "bicubic", 1},
        {"compact", 1, 2, 16, 6, "relu", "bicubic", 2},
        {"res", 1, 2, 16, 12, "relu", "bicubic", 0},
        {"res", 1, 2, 16, 12, "prelu", "bicubic", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(builds) / sizeof(*builds); i++) {
        FgBuild cubic = {"bicubic", 1, 2, 0, 0, NULL, NULL, 0};
        FgModel *m = net_model(&builds[i]), *b = net_model(&cubic);
        FgTensor in = net_picture(1, 24, 24);
        fg_graph_init_params(&m->graph, &m->params, 3);
        FgTensor x = net_forward(&m->graph, &m->params, &in);
        FgTensor y = net_forward(&b->graph, &b->params, &in);
        const double d = net_max_diff(&x, &y);
        if (!(d > 1e-4 && d < 1))
            fail_msg("network %zu starts %g from its base", i, d);
        fg_tensor_free(&in);
        fg_tensor_free(&x);
        fg_tensor_free(&y);
        fg_model_free(&m);
        fg_model_free(&b);
    }
}

static void refuses(FgBuild b, const char *what)
{
    FgGraph g;
    FgError err = {{0}};
    assert_int_equal(fg_graph_build(&g, &b, &err), -EINVAL);
    if (!strstr(err.text, what) || !strstr(err.text, "allowed"))
        fail_msg("'%s' does not name '%s'", err.text, what);
    assert_null(g.nodes);
}

static void bad_values_are_named(void **state)
{
    (void)state;
    refuses((FgBuild){"vgg", 1, 2, 16, 4, "relu", "none", 0}, "vgg");
    refuses((FgBuild){NULL, 1, 2, 16, 4, "relu", "none", 0}, "family");
    refuses((FgBuild){"res", 2, 2, 16, 4, "relu", "none", 0}, "channels_in");
    refuses((FgBuild){"res", 1, 9, 16, 4, "relu", "none", 0}, "scale");
    refuses((FgBuild){"res", 1, 2, 0, 4, "relu", "none", 0}, "features");
    refuses((FgBuild){"res", 1, 2, 16, -1, "relu", "none", 0}, "blocks");
    refuses((FgBuild){"res", 1, 2, 16, 4, "rel", "none", 0}, "'rel'");
    refuses((FgBuild){"res", 1, 2, 16, 4, "relu", "lanczos", 0}, "lanczos");
    refuses((FgBuild){"res", 1, 2, 16, 4, "relu", "none", 3}, "reparam");
    refuses((FgBuild){.family = "identity", .channels_in = 1, .scale = 2},
            "identity");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_have_the_right_shape),
        cmocka_unit_test(gans_have_the_right_shape),
        cmocka_unit_test(gan_parameter_counts),
        cmocka_unit_test(parameter_counts),
        cmocka_unit_test(first_values),
        cmocka_unit_test(starts_near_the_base),
        cmocka_unit_test(bad_values_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
