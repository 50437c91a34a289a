/* Every graph that plans ask cuDNN for, against the description of an H100
 * (tests/gpu/h100.json): each is taken, and those that need no compiler have
 * engines. Needs cuDNN's headers and library; nothing runs, no GPU is touched.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <stdio.h>

#include "cuda.h"
#include "kernels/cuda/cudnn.c"
#include "kernels/cuda_plan.h"
#include "kernels/import.h"

void __lsan_disable(void) __attribute__((weak));

#ifdef FG_CUDNN

enum { LAYERS = 400, W = 160, H = 96 };

static const FgDnn *dnn;
static FgDnnPlace *place;

/* What was asked already; how many layers, graphs, those with engines, those
 * that only a driver could compile. */
static char asked[LAYERS][96];
static int nb_layers, nb_graphs, nb_served, nb_compiled;

static int seen(const FgKernelArgs *a)
{
    char key[96];
    snprintf(key, sizeof(key), "%d %d %d %d %d %d %d %d %d %d %d",
             a->in[0].element, a->in[0].c, a->in[0].w, a->out.c, a->kernel,
             a->stride, a->pad, a->groups, a->act, a->add.at != 0,
             a->add_first);
    for (int i = 0; i < nb_graphs; i++)
        if (!strcmp(asked[i], key))
            return 1;
    assert_true(nb_graphs < LAYERS);
    snprintf(asked[nb_graphs++], sizeof(asked[0]), "%s", key);
    return 0;
}

/* Those that precompiled engines do: what is added before the bias and ReLU or
 * nothing. */
static int needs_compiler(const FgKernelArgs *a)
{
    return (a->act != FG_UNARY_COPY && a->act != FG_UNARY_RELU) ||
           (a->add.at && !a->add_first && a->act != FG_UNARY_COPY);
}

static void ask(const FgKernelArgs *a, const char *name)
{
    FgDnnPlan *found[4];
    FgError err = {{0}};
    nb_layers++;
    if (seen(a))
        return;
    const int n = fg_dnn_find(place, a, 4, found, &err);
    if (n < 0)
        fail_msg("%s: %s: %s", name, asked[nb_graphs - 1], err.text);
    if (n == 0 && !needs_compiler(a))
        fail_msg("%s: no engine for %s", name, asked[nb_graphs - 1]);
    for (int i = 0; i < n; i++) {
        assert_int_equal(fg_dnn_name(found[i])[0], 'e');
        assert_true(fg_dnn_workspace(found[i]) < (size_t)1 << 30);
        fg_dnn_drop(&found[i]);
    }
    nb_served += n > 0;
    nb_compiled += !n;
}

static void ask_all(const FgModel *m, const char *name, FgPrecision precision)
{
    const FgPlanOptions o = {
        .device = "cuda", .precision = precision, .max_w = W, .max_h = H};
    FgKernelArgs a;
    FgError err = {{0}};
    FgTile t;
    FgPlan *p;
    if (fg_plan_create(&p, m, &o, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    assert_int_equal(fg_cuda_tile(p, W, H, 0, &t, &err), 0);
    for (int i = 0; i < p->cuda->nb_steps; i++)
        if (fg_cuda_dnn_args(p, &p->cuda->steps[i], &a))
            ask(&a, name);
    fg_plan_free(&p);
}

static FgModel *read_model(const char *dir, const char *file)
{
    const char *const top = getenv("ROOT");
    char path[4096];
    FgError err = {{0}};
    FgModel *m;
    snprintf(path, sizeof(path), "%s/%s/%s", top ? top : ".", dir, file);
    if (fg_model_read(&m, path, &err) < 0)
        fail_msg("%s", err.text);
    return m;
}

static void builds(void **state)
{
    static const FgBuild builds[] = {
        {"compact", 3, 4, 64, 2, "prelu", "nearest", 0},
        {"compact", 3, 2, 64, 2, "relu", "bicubic", 0},
        {"compact", 1, 2, 32, 2, "relu", "bicubic", 0},
        {"compact", 1, 2, 16, 2, "leaky_relu", "bicubic", 0},
        {"res", 3, 2, 64, 2, "relu", "bicubic", 0},
        {"res", 3, 4, 48, 2, "prelu", "none", 0},
        {"compact", 3, 2, 256, 2, "relu", "none", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(builds) / sizeof(*builds); i++) {
        FgModel *m = net_model(&builds[i]);
        ask_all(m, builds[i].family, FG_PREC_AUTO);
        ask_all(m, builds[i].family, FG_PREC_BF16);
        ask_all(m, builds[i].family, FG_PREC_FP32);
        fg_model_free(&m);
    }
}

static void shipped(void **state)
{
    static const char *const files[] = {"fast-x2", "balanced-x2", "film-x2",
                                        "balanced-x4", "ink-look"};
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        char file[64];
        snprintf(file, sizeof(file), "%s.safetensors", files[i]);
        FgModel *m = read_model("presets/weights", file);
        ask_all(m, file, FG_PREC_AUTO);
        fg_model_free(&m);
    }
}

static void families(void **state)
{
    static const char *const files[] = {
        "compact.pth", "esrgan.pth", "esrgan_x2.safetensors",
        "span.pth",    "spanf.pth",  "onnx_plain.onnx"};
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        FgModel *m = read_model("tests/kernels/import", files[i]);
        ask_all(m, files[i], FG_PREC_AUTO);
        fg_model_free(&m);
    }
}

/* Engines are told apart by their names, and come in the same order. */
static void names(void **state)
{
    const FgKView v = {1, 64, H, W, 64, FG_ELEMENT_F16};
    const FgKernelArgs a = {.in = {v},
                            .out = v,
                            .p = {1, 1},
                            .kernel = 3,
                            .stride = 1,
                            .pad = 1,
                            .groups = 1,
                            .act = FG_UNARY_RELU};
    FgDnnPlan *one[FG_DNN_MOST], *two[FG_DNN_MOST];
    FgError err = {{0}};
    (void)state;
    const int n = fg_dnn_find(place, &a, FG_DNN_MOST, one, &err);
    assert_int_equal(n, FG_DNN_MOST);
    assert_int_equal(fg_dnn_find(place, &a, FG_DNN_MOST, two, &err), n);
    for (int i = 0; i < n; i++) {
        assert_string_equal(fg_dnn_name(one[i]), fg_dnn_name(two[i]));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(fg_dnn_name(one[i]), fg_dnn_name(one[k]));
    }
    for (int i = 0; i < n; i++) {
        fg_dnn_drop(&one[i]);
        fg_dnn_drop(&two[i]);
    }
}

static void nonsense_is_refused(void **state)
{
    FgKView v = {1, 6, H, W, 6, FG_ELEMENT_F16};
    FgKernelArgs a = {
        .in = {v}, .out = v, .kernel = 3, .stride = 1, .pad = 1, .groups = 1};
    FgDnnPlan *found[1];
    FgDnnPlace *nowhere;
    FgError err = {{0}};
    (void)state;
    a.out.w = W + 7; /* no convolution makes that */
    assert_int_equal(fg_dnn_find(place, &a, 1, found, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "a convolution's graph"));
    assert_int_equal(fg_dnn_place(dnn, "{\"deviceVer\":900}", &nowhere, &err),
                     -ENODEV);
    assert_null(nowhere);
}

static int open_place(void **state)
{
    const char *const top = getenv("ROOT");
    char text[4096], path[4096];
    FgError err = {{0}};
    snprintf(path, sizeof(path), "%s/tests/gpu/h100.json", top ? top : ".");
    FILE *f = fopen(path, "r");
    const size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = 0;
    const int rc = fg_dnn_place(dnn, text, &place, &err);
    if (rc < 0)
        print_error("%s\n", err.text);
    return rc < 0 ? rc : use_emulated(state);
}

static int close_place(void **state)
{
    (void)state;
    fg_dnn_leave(&place);
    printf("# %d layers, %d graphs: %d have engines, %d need a driver to be "
           "compiled\n",
           nb_layers, nb_graphs, nb_served, nb_compiled);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds),
        cmocka_unit_test(shipped),
        cmocka_unit_test(families),
        cmocka_unit_test(names),
        cmocka_unit_test(nonsense_is_refused),
    };
    FgError err = {{0}};
    int version;
    /* cuDNN unloads parts of itself that have not given all back. */
    if (__lsan_disable)
        __lsan_disable();
    dnn = fg_dnn(&version, &err);
    if (!dnn || version < 90800) {
        printf("1..0 # SKIP %s\n", dnn ? "cuDNN before 9.8" : err.text);
        return 77;
    }
    return cmocka_run_group_tests(tests, open_place, close_place);
}

#else

int main(void)
{
    puts("1..0 # SKIP cuDNN's headers are not here");
    return 77;
}

#endif
