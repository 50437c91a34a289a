/* Plans on a GPU in 8-bit floating point, its kernels' sources run on the CPU
 * between guard bytes: equal to the ops on rounded inputs and weights but for
 * fp16 between layers. No GPU is touched here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <errno.h>

#include "cuda.h"
#include "kernels/calibrate.h"
#include "kernels/cuda.h"
#include "kernels/fp8.h"
#include "kernels/half.h"
#include "kernels/plan.h"

enum { W = 34, H = 21 };

/* Values that only 8-bit convolutions read; those that others read, too. */
static const FgBuild builds[] = {
    {"compact", 3, 2, 32, 3, "prelu", "bicubic", 0},
    {"compact", 1, 2, 48, 2, "relu", "bilinear", 0},
    {"res", 3, 2, 32, 2, "relu", "bicubic", 0},
    {"res", 1, 2, 64, 1, "leaky_relu", "none", 0},
};
#define NB_BUILDS (sizeof(builds) / sizeof(*builds))

static int setup(void **state)
{
    unsetenv("FFGAN_EMULATED_HOPPER");
    unsetenv("FFGAN_EMULATED_FP8");
    unsetenv("FFGAN_EMULATED_TIMES");
    unsetenv("FFGAN_EMULATED_SPOIL");
    return use_emulated(state);
}

/* What fp16 can be, so that a first layer in fp16 is exact but for its sums. */
static FgTensor picture(int c)
{
    FgTensor t = net_picture(c, H, W);
    for (int i = 0; i < c * H * W; i++)
        ((float *)t.data)[i] = rintf(((float *)t.data)[i] * 255) / 256;
    return t;
}

static FgModel *model_of(const FgBuild *b, const FgTensor *in)
{
    FgModel *m = net_model(b);
    for (int i = 0; i < m->params.nb; i++)
        for (size_t k = 0; k < fg_param_count(&m->params.p[i]); k++) {
            float *const v = &m->params.p[i].data[k];
            *v = fg_half_to_float(fg_half_from_float(*v));
        }
    FgCalibrated c;
    FgError err = {{0}};
    if (fg_calibrate(m, in, 1, 20, 1, NULL, &c, &err))
        fail_msg("%s", err.text);
    return m;
}

static int plan_of(FgPlan **p, const FgModel *m, int tile, FgError *err)
{
    const FgPlanOptions o = {.device = "cuda",
                             .precision = FG_PREC_FP8,
                             .max_w = W,
                             .max_h = H,
                             .tile = tile};
    return fg_plan_create(p, m, &o, err);
}

/* Inputs and weights of the card's convolutions are what their codes say. */
static FgTensor by_codes(const FgModel *m, const FgTensor *in)
{
    FgRanges r;
    FgError err = {{0}};
    const FgGraph *g = &m->graph;
    const size_t n = (size_t)g->nb_nodes;
    FgShape *s = calloc(n, sizeof(*s));
    FgTensor *v = calloc(n, sizeof(*v));
    assert_int_equal(fg_ranges_read(&r, m, 1, &err), 0);
    assert_true(r.nb > 0 && s && v);
    assert_true(fg_graph_shapes(g, in->shape, s, &err) >= 0);
    for (int i = 0; i < g->nb_nodes; i++) {
        const FgNode *node = &g->nodes[i];
        const FgRange *range = fg_ranges_find(&r, node->name);
        assert_int_equal(fg_tensor_alloc(&v[i], s[i], FG_F32), 0);
        if (!i) {
            fg_tensor_copy(&v[0], in);
            continue;
        }
        if (!range) {
            net_node(g, &m->params, i, v);
            continue;
        }
        const int k = node->in[0];
        FgTensor kept = v[k];
        FgParam *w = fg_params_find(&m->params, node->param[0]);
        const size_t one = fg_param_count(w) / (size_t)w->dims[0];
        float *const old = net_alloc(sizeof(float) * fg_param_count(w));
        memcpy(old, w->data, sizeof(float) * fg_param_count(w));
        assert_int_equal(fg_tensor_alloc(&v[k], s[k], FG_F32), 0);
        fg_tensor_copy(&v[k], &kept);
        fg_fp8_round(v[k].data, (size_t)v[k].image,
                     fg_fp8_input(range->lo, range->hi));
        for (int o = 0; o < w->dims[0]; o++)
            fg_fp8_round(w->data + (size_t)o * one, one,
                         fg_fp8_weight(w->data + (size_t)o * one, one));
        net_node(g, &m->params, i, v);
        memcpy(w->data, old, sizeof(float) * fg_param_count(w));
        free(old);
        fg_tensor_free(&v[k]);
        v[k] = kept;
    }
    FgTensor out = v[n - 1];
    for (size_t i = 0; i + 1 < n; i++)
        fg_tensor_free(&v[i]);
    fg_ranges_free(&r);
    free(v);
    free(s);
    return out;
}

static double rms(const FgTensor *a, const FgTensor *b)
{
    double sum = 0;
    for (ptrdiff_t i = 0; i < a->image; i++) {
        const double d = (double)((float *)a->data)[i] -
                         (double)((float *)b->data)[i];
        sum += d * d;
    }
    return sqrt(sum / (double)a->image);
}

/* Of the convolutions: those in 8 bits, and values kept so. */
static void count_steps(const FgPlan *p, int *convolutions, int *values)
{
    FgPlanStepInfo s;
    *convolutions = *values = 0;
    for (int i = 0; !fg_plan_step(p, i, &s); i++) {
        *convolutions += !strcmp(s.method, "mma, fp8");
        *values += s.fp8;
        assert_int_equal(s.fp8, s.bits == 8);
    }
}

static void one(const FgBuild *b, int tile)
{
    const int chain = !strcmp(b->family, "compact");
    FgTensor in = picture(b->channels_in), got;
    FgModel *m = model_of(b, &in);
    FgTensor exact = net_forward(&m->graph, &m->params, &in);
    FgTensor want = by_codes(m, &in);
    FgError err = {{0}};
    FgPlanInfo info;
    FgPlan *p;
    int convolutions, values;
    if (plan_of(&p, m, tile, &err) < 0)
        fail_msg("%s", err.text);
    fg_plan_info(p, &info);
    assert_string_equal(info.precision, "fp8");
    count_steps(p, &convolutions, &values);
    assert_true(convolutions > 1 && values > 0);
    if (!chain) /* sums are read by others, too */
        assert_true(values < convolutions);
    assert_int_equal(fg_tensor_alloc(&got, want.shape, FG_F32), 0);
    for (int i = 0; i < 3; i++) { /* the third is a replay */
        fg_tensor_zero(&got);
        assert_int_equal(fg_plan_run(p, &in, &got), 0);
        /* fp16 between layers leads to other codes, these to others still. */
        const double off = rms(&want, &got), all = rms(&want, &exact);
        if (!(off <= (chain ? 0.02 : 0.7) * all) ||
            !(rms(&got, &exact) <= 1.2 * all))
            fail_msg("%s %d features, tile %d: %g from the codes' result, "
                     "which is %g from the exact one",
                     b->family, b->features, tile, off, all);
    }
    fg_plan_free(&p);
    fg_tensor_free(&want);
    fg_tensor_free(&exact);
    fg_tensor_free(&got);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

static void equals_the_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < NB_BUILDS; i++)
        for (int tile = 0; tile <= 8; tile += 8)
            one(&builds[i], tile);
}

static void on_hopper(void **state)
{
    (void)state;
    setenv("FFGAN_EMULATED_HOPPER", "1", 1);
    setenv("FFGAN_EMULATED_FP8", "0", 1);
    for (size_t i = 0; i < NB_BUILDS; i++)
        one(&builds[i], 0);
}

/* Blocks of outputs by time, as for 16 bits. */
static void fastest(void **state)
{
    static const char *const times[] = {"e4m3_n16_k3=3", "e4m3_w48_k3=2"};
    static const char *const want[] = {"mma n16", "wgmma n48"};
    char root[] = "/tmp/ffgan-fp8.XXXXXX", command[64];
    FgTensor in = picture(1);
    FgModel *m = model_of(&builds[1], &in);
    (void)state;
    assert_non_null(mkdtemp(root));
    setenv("XDG_CACHE_HOME", root, 1);
    for (int i = 0; i < 2; i++) {
        FgError err = {{0}};
        FgPlanStepInfo s;
        FgPlan *p;
        int n = 0;
        setenv("FFGAN_EMULATED_TIMES", times[i], 1);
        if (i)
            setenv("FFGAN_EMULATED_HOPPER", "1", 1);
        if (plan_of(&p, m, 0, &err) < 0)
            fail_msg("%s", err.text);
        for (int k = 0; !fg_plan_step(p, k, &s); k++)
            if (!strcmp(s.method, "mma, fp8") && s.channels_out == 48)
                n += !strncmp(s.choice, want[i], strlen(want[i]));
        assert_true(n > 0);
        fg_plan_free(&p);
    }
    unsetenv("XDG_CACHE_HOME");
    snprintf(command, sizeof(command), "rm -rf %s", root);
    assert_int_equal(system(command), 0);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

static void refused(const FgModel *m, const char *device, int rc,
                    const char *words)
{
    const FgPlanOptions o = {
        .device = device, .precision = FG_PREC_FP8, .max_w = W, .max_h = H};
    FgError err = {{0}};
    FgPlan *p;
    assert_int_equal(fg_plan_create(&p, m, &o, &err), rc);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
}

static void refusals_are_clear(void **state)
{
    FgTensor in = picture(3);
    FgModel *m = model_of(&builds[0], &in), *none = net_model(&builds[0]);
    (void)state;
    refused(none, "cuda", -ENOENT, "model calibrate MODEL --precision fp8");
    refused(m, "cpu", -ENOTSUP, "fp8 is a GPU's");
    setenv("FFGAN_EMULATED_FP8", "0", 1);
    refused(none, "cuda", -ENOTSUP, "has no fp8 here");
    unsetenv("FFGAN_EMULATED_FP8");
    fg_model_set_meta(m, FG_FP8_KEY, "{\"layers\":{\"x\":[0,1]}}");
    refused(m, "cuda", -EBADMSG, "names no convolution");
    fg_model_set_meta(m, FG_FP8_KEY, "{\"layers\":[]}");
    refused(m, "cuda", -EBADMSG, "ffgan.fp8 is not");
    fg_tensor_free(&in);
    fg_model_free(&m);
    fg_model_free(&none);
}

/* Each kernel that has to do with 8 bits, at the start, inside and at the end
 * of what is compared: found out before a picture is made. */
static void wrong_kernels(void **state)
{
    static const struct {
        int build;
        const char *kernel;
    } cases[] = {
        {0, "f16_n32_k3"},                      /* makes 8 bits */
        {0, "e4m3_n32_k3"},                     /* the same */
        {0, "e4m3_n16_k3"},                     /* makes 16 */
        {2, "narrow"},      {3, "e4m3_w64_k3"}, /* on Hopper */
    };
    static const char *const at[] = {"0 0", "5 11", "7 15", "-1 -1", "-2 3"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const FgBuild *b = &builds[cases[i].build];
        FgTensor in = picture(b->channels_in);
        FgModel *m = model_of(b, &in);
        setup(state);
        if (strstr(cases[i].kernel, "_w"))
            setenv("FFGAN_EMULATED_HOPPER", "1", 1);
        for (size_t k = 0; k < sizeof(at) / sizeof(*at); k++) {
            char what[64];
            snprintf(what, sizeof(what), "%s %s", cases[i].kernel, at[k]);
            setenv("FFGAN_EMULATED_SPOIL", what, 1);
            refused(m, "cuda", -ENOTSUP, "is wrong on this GPU");
        }
        fg_tensor_free(&in);
        fg_model_free(&m);
    }
}

/* Outputs far beyond their range before the activation saturate, rightly. */
static void beyond_the_range(void **state)
{
    FgModel *m = net_model(&builds[1]);
    FgTensor in = picture(1);
    FgCalibrated c;
    FgError err = {{0}};
    FgPlan *p;
    (void)state;
    for (int i = 0; i < m->params.nb; i++)
        if (m->params.p[i].nb_dims == 1)
            m->params.p[i].data[i % 3] = i % 2 ? -40 : 0;
    assert_int_equal(fg_calibrate(m, &in, 1, -60, 1, NULL, &c, &err), 0);
    if (plan_of(&p, m, 0, &err) < 0)
        fail_msg("%s", err.text);
    fg_plan_free(&p);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

/* A card without the second layer: what that reads is kept in 16 bits. */
static void part_of_a_card(void **state)
{
    FgTensor in = picture(3), got;
    FgModel *m = model_of(&builds[0], &in);
    FgTensor exact = net_forward(&m->graph, &m->params, &in);
    FgError err = {{0}};
    FgRanges r;
    FgPlan *p;
    char card[256];
    int convolutions, values;
    (void)state;
    assert_int_equal(fg_ranges_read(&r, m, 1, &err), 0);
    snprintf(card, sizeof(card), "{\"layers\":{\"%s\":[%g,%g]}}", r.r[1].node,
             (double)r.r[1].lo, (double)r.r[1].hi);
    fg_model_set_meta(m, FG_FP8_KEY, card);
    FgTensor want = by_codes(m, &in);
    if (plan_of(&p, m, 0, &err) < 0)
        fail_msg("%s", err.text);
    count_steps(p, &convolutions, &values);
    assert_int_equal(convolutions, 1);
    assert_int_equal(values, 1);
    assert_int_equal(fg_tensor_alloc(&got, want.shape, FG_F32), 0);
    assert_int_equal(fg_plan_run(p, &in, &got), 0);
    assert_true(rms(&want, &got) <= 0.7 * rms(&want, &exact));
    fg_plan_free(&p);
    fg_ranges_free(&r);
    fg_tensor_free(&want);
    fg_tensor_free(&exact);
    fg_tensor_free(&got);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

/* What is within reach is chosen, and the number is what the codes give. */
static void calibrated(void **state)
{
    FgTensor in = picture(3);
    FgModel *m = net_model(&builds[2]);
    FgTensor exact = net_forward(&m->graph, &m->params, &in);
    FgCalibrated all, some;
    FgError err = {{0}};
    (void)state;
    assert_int_equal(fg_calibrate(m, &in, 1, 20, 1, NULL, &all, &err), 0);
    FgTensor got = by_codes(m, &in);
    assert_true(fabs(all.psnr + 20 * log10(rms(&got, &exact))) < 0.01);
    assert_int_equal(all.kept, 0);
    if (fg_calibrate(m, &in, 1, all.psnr + 1, 1, NULL, &some, &err))
        fail_msg("%s", err.text);
    assert_true(some.kept > 0 && some.layers > 0 && some.psnr >= all.psnr + 1);
    assert_int_equal(fg_calibrate(m, &in, 1, 100, 1, NULL, &all, &err),
                     -EINVAL);
    assert_null(fg_model_meta(m, FG_FP8_KEY));
    fg_tensor_free(&got);
    fg_tensor_free(&exact);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

/* Powers of two; twice the range is left. */
static void factors(void **state)
{
    float v[] = {0.3F, -7, 1000, 0};
    (void)state;
    assert_true(fg_fp8_input(-1, 0.5F) == 128 && fg_fp8_input(0, 224) == 1);
    assert_true(fg_fp8_input(0, 225) == 0.5F && fg_fp8_input(0, 0) == 1);
    assert_true(fg_fp8_weight(v, 2) == 64 && fg_fp8_weight(v, 3) == 0.25F);
    fg_fp8_round(v, 4, 1);
    assert_true(v[0] == 0.3125F && v[1] == -7 && v[2] == 448 && v[3] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(factors, setup),
        cmocka_unit_test_setup(calibrated, setup),
        cmocka_unit_test_setup(equals_the_codes, setup),
        cmocka_unit_test_setup(on_hopper, setup),
        cmocka_unit_test_setup(fastest, setup),
        cmocka_unit_test_setup(wrong_kernels, setup),
        cmocka_unit_test_setup(beyond_the_range, setup),
        cmocka_unit_test_setup(part_of_a_card, setup),
        cmocka_unit_test_setup(refusals_are_clear, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
