/* Networks of mixed blocks: every form has the right shape, folds exactly, and
 * runs in a plan, whole and in tiles, as op by op.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <errno.h>
#include <stdio.h>

#include "kernels/plan.h"

static const char *const cells[] = {
    "plain1", "res2", "gate3", "mix2", "sep1 plain2", "plain1 res2 gate1 mix1"};
static const char *const stems[] = {"none", "unshuffle2", "pool"};
static const char *const skips[] = {"none", "global", "concat"};
static const char *const acts[] = {"relu", "leaky_relu", "prelu", "silu",
                                   "tanh"};
#define FORMS (6 * 3 * 3)

static FgBuild form(int i, FgCells *c)
{
    *c = (FgCells){cells[i % 6], stems[i / 6 % 3], skips[i / 18]};
    return (FgBuild){.channels_in = i % 2 ? 3 : 1,
                     .scale = i % 3 + 1,
                     .features = 5 + i % 4,
                     .blocks = 2 + i % 3,
                     .activation = acts[i % 5],
                     .base = i % 2 ? "bicubic" : "none",
                     .reparam = i % 3};
}

static FgModel *model(int i)
{
    FgError err = {{0}};
    FgModel *m = fg_model_alloc();
    FgCells c;
    const FgBuild b = form(i, &c);
    assert_non_null(m);
    if (fg_graph_build_cells(&m->graph, &b, &c, &err) < 0)
        fail_msg("form %d: %s", i, err.text);
    net_fill(&m->graph, &m->params);
    m->scale = b.scale;
    m->luma = b.channels_in == 1;
    return m;
}

static void all_forms_have_the_right_shape(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        FgModel *m = model(i);
        FgShape *s = calloc((size_t)m->graph.nb_nodes, sizeof(*s));
        const FgShape in = {2, m->luma ? 1 : 3, 6, 8};
        assert_non_null(s);
        assert_int_equal(fg_graph_shapes(&m->graph, in, s, NULL), 0);
        const FgShape o = s[m->graph.nb_nodes - 1];
        assert_int_equal(o.c, in.c);
        assert_int_equal(o.h, 6 * m->scale);
        assert_int_equal(o.w, 8 * m->scale);
        free(s);
        fg_model_free(&m);
    }
}

/* Values stay near 1, but gates multiply them up: relative to the largest. */
static void is_close(const char *what, int i, const FgTensor *a,
                     const FgTensor *b)
{
    FgTensor zero;
    assert_int_equal(fg_tensor_alloc(&zero, a->shape, FG_F32), 0);
    fg_tensor_zero(&zero);
    const double peak = net_max_diff(a, &zero), d = net_max_diff(a, b);
    if (!(d <= 3e-5 * (1 + peak)))
        fail_msg("form %d: %s differs by %g, values up to %g", i, what, d,
                 peak);
    fg_tensor_free(&zero);
}

static void folding_changes_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        FgModel *m = model(i);
        FgGraph g;
        FgParams ps;
        assert_int_equal(
            fg_graph_collapse(&g, &ps, &m->graph, &m->params, NULL), 0);
        FgTensor in = net_picture(m->luma ? 1 : 3, 6, 10);
        FgTensor a = net_forward(&m->graph, &m->params, &in);
        FgTensor b = net_forward(&g, &ps, &in);
        is_close("the folded form", i, &a, &b);
        /* Of the training form nothing is left but one layer each. */
        for (int k = 0; k < g.nb_nodes; k++)
            assert_null(strstr(g.nodes[k].name, ".k1"));
        fg_tensor_free(&a);
        fg_tensor_free(&b);
        fg_tensor_free(&in);
        fg_graph_free(&g);
        fg_params_free(&ps);
        fg_model_free(&m);
    }
}

static FgTensor plan_run(const FgModel *m, const FgTensor *in, int tile)
{
    const FgPlanOptions o = {.device = "cpu",
                             .precision = FG_PREC_FP32,
                             .max_w = in->shape.w,
                             .max_h = in->shape.h,
                             .tile = tile};
    const FgShape s = {1, in->shape.c, in->shape.h * m->scale,
                       in->shape.w * m->scale};
    FgError err = {{0}};
    FgPlan *p = NULL;
    FgTensor out;
    if (fg_plan_create(&p, m, &o, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(fg_tensor_alloc(&out, s, FG_F32), 0);
    assert_int_equal(fg_plan_run(p, in, &out), 0);
    fg_plan_free(&p);
    return out;
}

static void plans_run_them(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        FgModel *m = model(i);
        FgTensor in = net_picture(m->luma ? 1 : 3, 38, 42);
        FgTensor want = net_forward(&m->graph, &m->params, &in);
        FgTensor whole = plan_run(m, &in, 64), tiled = plan_run(m, &in, 8);
        is_close("the plan", i, &want, &whole);
        assert_true(net_same(&whole, &tiled));
        fg_tensor_free(&want);
        fg_tensor_free(&whole);
        fg_tensor_free(&tiled);
        fg_tensor_free(&in);
        /* An odd size is padded and cropped again. */
        in = net_picture(m->luma ? 1 : 3, 9, 13);
        whole = plan_run(m, &in, 64);
        fg_tensor_free(&whole);
        fg_tensor_free(&in);
        fg_model_free(&m);
    }
}

/* SPAN's gate by its own formula. */
static void the_gate_is_spans(void **state)
{
    const FgCells c = {"gate1", "none", "none"};
    const FgBuild b = {.channels_in = 1,
                       .scale = 1,
                       .features = 3,
                       .blocks = 1,
                       .activation = "relu",
                       .base = "none"};
    FgGraph g;
    (void)state;
    assert_int_equal(fg_graph_build_cells(&g, &b, &c, NULL), 0);
    const int conv = fg_graph_find(&g, "cell0.conv0");
    const int out = fg_graph_find(&g, "cell0");
    assert_true(conv > 0 && out == conv + 5);
    for (int i = -8; i < 8; i++) {
        const double x = 0.3, f = 0.7 * i;
        const double span = (x + f) * (1 / (1 + exp(-f)) - 0.5);
        const double ours = (x + f) * tanh(f * g.nodes[conv + 2].attr.alpha) *
                            g.nodes[conv + 4].attr.alpha;
        assert_true(fabs(span - ours) < 1e-12);
    }
    fg_graph_free(&g);
}

static void refuses(FgCells c, const char *what)
{
    const FgBuild b = {.channels_in = 1,
                       .scale = 2,
                       .features = 8,
                       .blocks = 2,
                       .activation = "relu",
                       .base = "none"};
    FgGraph g;
    FgError err = {{0}};
    assert_int_equal(fg_graph_build_cells(&g, &b, &c, &err), -EINVAL);
    if (!strstr(err.text, what))
        fail_msg("'%s' does not name '%s'", err.text, what);
    assert_null(g.nodes);
}

static void bad_words_are_named(void **state)
{
    (void)state;
    refuses((FgCells){"plain", NULL, NULL}, "'plain'");
    refuses((FgCells){"plain1 res5", NULL, NULL}, "'res5'");
    refuses((FgCells){"plain1 conv2", NULL, NULL}, "'conv2'");
    refuses((FgCells){" ", NULL, NULL}, "no word");
    refuses((FgCells){NULL, "space", NULL}, "stem is 'space', allowed none|");
    refuses((FgCells){NULL, NULL, "all"}, "skip is 'all', allowed none|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_have_the_right_shape),
        cmocka_unit_test(folding_changes_nothing),
        cmocka_unit_test(plans_run_them),
        cmocka_unit_test(the_gate_is_spans),
        cmocka_unit_test(bad_words_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
