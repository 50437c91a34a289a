/* cuDNN's part of the CUDA plug-in on stand-ins for cuDNN and the driver: which
 * graphs are described, what they make, which engine is chosen, and that our
 * kernels do what it refuses. No GPU is touched here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "kernels/cuda/abi.h"
#include "kernels/cuda/args.h"
#include "kernels/bits.h"
#include "kernels/half.h"
#include "kernels/plan.h"
#include "tests/gpu/fakecudnn.h"

enum { W = 13, H = 7 };
enum { MOST = 4096, STEM = 21 }; /* numbers of a picture; of cache */

static const FgCudaApi *api;
static const char *(*graph_said)(void);
static int (*left)(void);
static const atomic_int *launches; /* so far */
static char cache[64];

static const FgBuild build = {"compact", 3, 2, 24, 2, "relu", "bicubic", 0};

/* ---- one convolution ---- */

typedef struct Case {
    int element, ic, oc, side, stride, pad, groups, act, add, add_first, bias;
    const char *graph;
} Case;

static const Case cases[] = {
    {FG_ELEMENT_F16, 8, 16, 3, 1, 1, 1, FG_UNARY_RELU, 0, 0, 1,
     "conv pad 1 stride 1 x=1:1x8x5x7/8 f16 w=2:16x8x3x3/8 f16 y=7\n"
     "add x=7 b=3:1x16x1x1/16 f16 y=8\n"
     "relu x=8 y=6:1x16x5x7/16 f16\n"},
    {FG_ELEMENT_F16, 8, 8, 3, 1, 1, 1, FG_UNARY_RELU, 1, 1, 1,
     "conv pad 1 stride 1 x=1:1x8x5x7/8 f16 w=2:8x8x3x3/8 f16 y=7\n"
     "add x=7 b=5:1x8x5x7/8 f16 y=8\n"
     "add x=8 b=3:1x8x1x1/8 f16 y=9\n"
     "relu x=9 y=6:1x8x5x7/8 f16\n"},
    {FG_ELEMENT_BF16, 8, 8, 1, 1, 0, 1, FG_UNARY_LEAKY, 1, 0, 1,
     "conv pad 0 stride 1 x=1:1x8x5x7/8 bf16 w=2:8x8x1x1/8 bf16 y=7\n"
     "add x=7 b=3:1x8x1x1/8 bf16 y=8\n"
     "relu slope 25/100 x=8 y=9\n"
     "add x=9 b=5:1x8x5x7/8 bf16 y=6:1x8x5x7/8 bf16\n"},
    {FG_ELEMENT_F32, 6, 4, 3, 1, 1, 1, FG_UNARY_PRELU, 0, 0, 1,
     "conv pad 1 stride 1 x=1:1x6x5x7/6 f32 w=2:4x6x3x3/6 f32 y=7\n"
     "add x=7 b=3:1x4x1x1/4 f32 y=8\n"
     "relu x=8 y=9\n"
     "sub x=8 b=9 y=10\n"
     "mul x=10 b=4:1x4x1x1/4 f32 y=11\n"
     "add x=11 b=9 y=6:1x4x5x7/4 f32\n"},
    {FG_ELEMENT_F32, 8, 12, 3, 2, 1, 4, FG_UNARY_COPY, 0, 0, 0,
     "conv pad 1 stride 2 x=1:1x8x5x7/8 f32 w=2:12x2x3x3/2 f32 "
     "y=6:1x12x3x4/12 f32\n"},
};

typedef struct Data { /* of a case: numbers as the element keeps them */
    float x[MOST], w[MOST], bias[64], slope[64], add[MOST];
    uint64_t at[6];
} Data;

static float rounded(int element, float f)
{
    return element == FG_ELEMENT_F16 ? fg_half_to_float(fg_half_from_float(f))
           : element == FG_ELEMENT_BF16
               ? fg_bits_float(fg_float_bits(f) & 0xffff0000)
               : f;
}

static void encode(int element, const float *f, void *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (element == FG_ELEMENT_F32)
            ((float *)to)[i] = f[i];
        else
            ((uint16_t *)to)[i] = element == FG_ELEMENT_F16
                                      ? fg_half_from_float(f[i])
                                      : (uint16_t)(fg_float_bits(f[i]) >> 16);
}

static uint64_t send(FgCudaDev *d, int element, float *f, size_t n,
                     uint32_t stream)
{
    static float buf[MOST];
    FgError err = {{0}};
    uint64_t at;
    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++)
        f[i] = rounded(element, net_random((uint32_t)i, stream));
    encode(element, f, buf, n);
    assert_int_equal(api->alloc(d, 4 * n, &at, &err), 0);
    assert_int_equal(api->upload(d, NULL, at, buf, 4 * n, &err), 0);
    assert_int_equal(api->sync(d, NULL, &err), 0);
    return at;
}

static FgKernelArgs args_of(const Case *c)
{
    const int w = (7 + 2 * c->pad - c->side) / c->stride + 1;
    const int h = (5 + 2 * c->pad - c->side) / c->stride + 1;
    FgKernelArgs a = {.in = {{1, c->ic, 5, 7, c->ic, c->element}},
                      .out = {1, c->oc, h, w, c->oc, c->element},
                      .kernel = c->side,
                      .stride = c->stride,
                      .pad = c->pad,
                      .groups = c->groups,
                      .act = c->act,
                      .alpha = 0.25F,
                      .add_first = c->add_first};
    a.p[1] = (uint64_t)c->bias;
    a.add = a.out;
    a.add.at = (uint64_t)c->add;
    return a;
}

static FgKernelArgs fill(FgCudaDev *d, const Case *c, Data *t)
{
    FgKernelArgs a = args_of(c);
    const size_t out = (size_t)(a.out.h * a.out.w * c->oc);
    const int e = c->element;
    t->at[0] = send(d, e, t->x, (size_t)(35 * c->ic), 1);
    t->at[1] = send(d, e, t->w,
                    (size_t)(c->oc * c->side * c->side * c->ic / c->groups), 2);
    t->at[2] = send(d, e, t->bias, (size_t)c->oc, 3);
    t->at[3] = send(d, e, t->slope, (size_t)c->oc, 4);
    t->at[4] = send(d, e, t->add, out, 5);
    FgError err = {{0}};
    assert_int_equal(api->alloc(d, 4 * out, &t->at[5], &err), 0);
    a.in[0].at = t->at[0];
    a.p[0] = t->at[1];
    a.p[1] = c->bias ? t->at[2] : 0;
    a.p[2] = c->act == FG_UNARY_PRELU ? t->at[3] : 0;
    a.add.at = c->add ? t->at[4] : 0;
    a.out.at = t->at[5];
    return a;
}

/* The right value, by the meaning of FgKernelArgs alone. */
static double want(const Case *c, const Data *t, int w, int y, int x, int o)
{
    const int ic = c->ic / c->groups, first = o / (c->oc / c->groups) * ic;
    double sum = 0;
    for (int v = 0; v < c->side; v++)
        for (int u = 0; u < c->side; u++)
            for (int i = 0; i < ic; i++) {
                const int sy = y * c->stride - c->pad + v;
                const int sx = x * c->stride - c->pad + u;
                if (sy >= 0 && sy < 5 && sx >= 0 && sx < 7)
                    sum += (double)t->x[(sy * 7 + sx) * c->ic + first + i] *
                           (double)
                               t->w[((o * c->side + v) * c->side + u) * ic + i];
            }
    const double r = c->add ? (double)t->add[(y * w + x) * c->oc + o] : 0;
    sum += c->bias ? (double)t->bias[o] : 0;
    sum += c->add_first ? r : 0;
    if (sum < 0)
        sum *= c->act == FG_UNARY_RELU    ? 0
               : c->act == FG_UNARY_LEAKY ? 0.25
               : c->act == FG_UNARY_PRELU ? (double)t->slope[o]
                                          : 1;
    return sum + (c->add_first ? 0 : r);
}

static void assert_values(FgCudaDev *d, const Case *c, const Data *t,
                          const FgKernelArgs *a)
{
    static float buf[MOST];
    const double most = c->element == FG_ELEMENT_F16    ? 2e-3
                        : c->element == FG_ELEMENT_BF16 ? 1.6e-2
                                                        : 1e-6;
    FgError err = {{0}};
    int k = 0;
    const int n = a->out.h * a->out.w * c->oc;
    assert_int_equal(
        api->download(d, NULL, buf, a->out.at, 4 * (size_t)n, &err), 0);
    assert_int_equal(api->sync(d, NULL, &err), 0);
    for (int y = 0; y < a->out.h; y++)
        for (int x = 0; x < a->out.w; x++)
            for (int o = 0; o < c->oc; o++, k++) {
                const uint16_t h = ((const uint16_t *)(const void *)buf)[k];
                const double is = c->element == FG_ELEMENT_F16
                                      ? (double)fg_half_to_float(h)
                                  : c->element == FG_ELEMENT_BF16
                                      ? (double)fg_bits_float((uint32_t)h << 16)
                                      : (double)buf[k];
                const double should = want(c, t, a->out.w, y, x, o);
                if (!(fabs(is - should) <= most * (1 + fabs(should))))
                    fail_msg("%d,%d,%d: %g, not %g", y, x, o, is, should);
            }
}

static FgCudaDev *open_device(void)
{
    FgError err = {{0}};
    FgCudaDev *d;
    if (api->open(&d, 0, NULL, &err) < 0)
        fail_msg("%s", err.text);
    return d;
}

/* What is described, line by line, and nothing more. */
static void graphs(void **state)
{
    FgCudaDev *d = open_device();
    FgCudaDnn *found[4];
    FgError err = {{0}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const FgKernelArgs a = args_of(&cases[i]);
        assert_int_equal(api->dnn_find(d, &a, 4, found, &err), 2);
        assert_string_equal(graph_said(), cases[i].graph);
        assert_string_equal(api->dnn_name(found[0]), "e0 2=0");
        assert_string_equal(api->dnn_name(found[1]), "e1 2=1");
        assert_int_equal(api->dnn_workspace(found[1]), 1024);
        for (int k = 0; k < 2; k++)
            api->dnn_drop(d, &found[k]);
    }
    api->close(&d);
    assert_int_equal(left(), 0);
}

/* What it makes, at once and recorded. */
static void values(void **state)
{
    static Data t;
    FgCudaDev *d = open_device();
    FgCudaDnn *found[2];
    FgCudaGraph *g;
    FgError err = {{0}};
    uint64_t space;
    (void)state;
    assert_int_equal(api->alloc(d, 1024, &space, &err), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const FgKernelArgs a = fill(d, &cases[i], &t);
        assert_int_equal(api->dnn_find(d, &a, 2, found, &err), 2);
        assert_int_equal(api->dnn_run(d, NULL, found[0], &a, 0, &err), 0);
        assert_values(d, &cases[i], &t, &a);
        assert_int_equal(api->clear(d, NULL, a.out.at, 8, &err), 0);
        assert_int_equal(api->record(d, &err), 0);
        assert_int_equal(api->dnn_run(d, NULL, found[1], &a, space, &err), 0);
        assert_int_equal(api->recorded(d, &g, &err), 0);
        assert_int_equal(api->replay(d, NULL, g, &err), 0);
        assert_values(d, &cases[i], &t, &a);
        api->forget(d, &g);
        for (int k = 0; k < 2; k++)
            api->dnn_drop(d, &found[k]);
        for (int k = 0; k < 6; k++)
            api->release(d, t.at[k]);
    }
    api->release(d, space);
    api->close(&d);
    assert_int_equal(left(), 0);
}

/* ---- plans ---- */

static FgPlan *plan_of(const FgModel *m, const char *times)
{
    const FgPlanOptions o = {.device = "cuda", .max_w = W, .max_h = H};
    FgError err = {{0}};
    FgPlan *p;
    setenv("FAKECUDA_TIMES", times, 1);
    if (fg_plan_create(&p, m, &o, &err) < 0)
        fail_msg("%s", err.text);
    return p;
}

static const char *choice(const FgPlan *p)
{
    static FgPlanStepInfo s;
    for (int i = 0; !fg_plan_step(p, i, &s); i++)
        if (s.kernel && s.channels_in == 24 && s.channels_out == 24)
            return s.choice;
    fail_msg("no such layer");
    return "";
}

static void assert_chosen(const FgPlan *p, const char *name)
{
    if (strncmp(choice(p), name, strlen(name)) != 0)
        fail_msg("chosen is '%s', not %s", choice(p), name);
}

/* One line that has these words; NULL: none. */
static void assert_note(const FgPlan *p, const char *words)
{
    FgPlanInfo i;
    fg_plan_info(p, &i);
    if (!words && i.note)
        fail_msg("a note: %s", i.note);
    if (words && (!i.note || !strstr(i.note, words) || strchr(i.note, '\n')))
        fail_msg("'%s' does not say '%s'", i.note ? i.note : "", words);
}

static void assert_right(const FgModel *m, FgPlan *p, int times)
{
    FgTensor in = net_picture(3, H, W);
    FgTensor should = net_forward(&m->graph, &m->params, &in), got;
    assert_int_equal(fg_tensor_alloc(&got, should.shape, FG_F32), 0);
    for (int i = 0; i < times; i++) {
        fg_tensor_zero(&got);
        assert_int_equal(fg_plan_run(p, &in, &got), 0);
        const double d = net_max_diff(&should, &got);
        if (!(d <= 6e-3))
            fail_msg("%s: differs by %g", choice(p), d);
    }
    fg_tensor_free(&should);
    fg_tensor_free(&got);
    fg_tensor_free(&in);
}

/* A plan with these times: its choice, its note, a right picture thrice (the
 * third is a replay), and nothing left. */
static void expect(const FgModel *m, const char *times, const char *name,
                   const char *note)
{
    FgPlan *p = plan_of(m, times);
    assert_chosen(p, name);
    assert_note(p, note);
    assert_right(m, p, 3);
    fg_plan_free(&p);
    assert_int_equal(left(), 0);
}

/* Before any other: a library that was taken is kept. */
static void old_version(void **state)
{
    FgModel *m = net_model(&build);
    FgCudaInfo info = {0};
    FgError err = {{0}};
    (void)state;
    setenv("FAKECUDNN_VERSION", "8907", 1);
    expect(m, "", "mma n32",
           "cuDNN 8.9.7 is too old, 9.1 is needed: the plug-");
    assert_int_equal(api->probe(&info, &err), 0);
    assert_non_null(strstr(info.no_cudnn, "8.9.7 is too old"));
    setenv("FAKECUDNN_VERSION", "90000", 1);
    expect(m, "", "mma n32", "cuDNN 9.0.0 is too old");
    setenv("FAKECUDNN_VERSION", "90100", 1);
    expect(m, "e0=500", "cuDNN e0", NULL);
    fg_model_free(&m);
}

static void chosen_by_time(void **state)
{
    static const char *const times[][2] = {
        {"e0=500 e1=700", "cuDNN e0 2=0"},
        {"e0=500 e1=400", "cuDNN e1 2=1"},
        {"e0=500 e1=400 f16_n16_k3=300", "mma n16"},
        {"e0=990", "mma n32"}, /* noise */
    };
    FgModel *m = net_model(&build);
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        snprintf(cache + STEM, sizeof(cache) - STEM, "/time%d", (int)i);
        setenv("XDG_CACHE_HOME", cache, 1);
        expect(m, times[i][0], times[i][1], NULL);
        expect(m, "e0=1", times[i][1], NULL); /* it is kept */
    }
    (void)state;
    fg_model_free(&m);
}

/* Each refusal: ours do it, one line says why; what may go away is not kept. */
static void refusals(void **state)
{
    static const struct {
        const char *what, *status, *note;
        int stays;
    } all[] = {
        {"create", "1001", "cuDNN: starting it failed (1001): refused by", 0},
        {"create", "4003", "cuDNN: starting it failed (4003)", 0},
        {"describe", "4003", "cuDNN: a convolution's graph failed (4003)", 0},
        {"graph", "3001", "cuDNN: a convolution's graph failed (3001)", 1},
        {"engines", "3000", "cuDNN: no engine for a convolution of side 3", 1},
        {"plan", "3007", "cuDNN: no engine for a convolution of side 3", 1},
        {"pack", "2000", "cuDNN: a convolution failed (2000)", 0},
        {"stream", "2007", "cuDNN: a convolution failed (2007)", 0},
        {"execute", "5000",
         "cuDNN: a convolution failed (5000): refused by "
         "the stand-in: the plug-in's own kernels do",
         0},
        {"execute", "4004", "cuDNN: a convolution failed (4004)", 0},
    };
    FgModel *m = net_model(&build);
    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        snprintf(cache + STEM, sizeof(cache) - STEM, "/refuse%d", (int)i);
        setenv("XDG_CACHE_HOME", cache, 1);
        setenv("FAKECUDNN_REFUSE", all[i].what, 1);
        setenv("FAKECUDNN_STATUS", all[i].status, 1);
        expect(m, "e0=500", "mma n32", all[i].note);
        unsetenv("FAKECUDNN_REFUSE");
        expect(m, "e0=500", all[i].stays ? "mma n32" : "cuDNN e0", NULL);
    }
    fg_model_free(&m);
}

/* Engines whose notes or values are not fit are not taken; the other is. */
static void unfit_engines(void **state)
{
    FgModel *m = net_model(&build);
    (void)state;
    setenv("FAKECUDNN_NOTE", "1", 1); /* multiplies with fewer bits */
    expect(m, "e0=1 e1=500", "cuDNN e1", NULL);
    unsetenv("FAKECUDNN_NOTE");
    setenv("XDG_CACHE_HOME", "/proc/none", 1);
    setenv("FAKECUDNN_WRONG", "0", 1);
    expect(m, "e0=1 e1=500", "cuDNN e1",
           "engine e0 2=0 makes other values than our kernel");
    setenv("FAKECUDNN_ENGINES", "0", 1);
    expect(m, "e0=1", "mma n32", "cuDNN: no engine for a convolution");
    fg_model_free(&m);
}

/* An engine that was chosen fails: while it is recorded, or before. The picture
 * is right, and so are those after, which do not ask again. */
static void fails_later(void **state)
{
    FgModel *m = net_model(&build);
    (void)state;
    for (int before = 0; before < 2; before++) {
        FgPlan *p = plan_of(m, "e0=500");
        assert_chosen(p, "cuDNN e0");
        assert_right(m, p, before);
        assert_note(p, NULL);
        setenv("FAKECUDNN_REFUSE", "execute", 1);
        setenv("FAKECUDNN_STATUS", "5000", 1);
        assert_right(m, p, 1);
        assert_note(p, "cuDNN: a convolution failed (5000)");
        unsetenv("FAKECUDNN_REFUSE");
        setenv("FAKECUDNN_WRONG", "0", 1); /* would be seen */
        assert_right(m, p, 3);
        unsetenv("FAKECUDNN_WRONG");
        fg_plan_free(&p);
    }
    assert_int_equal(left(), 0);
    fg_model_free(&m);
}

/* A GPU that is lost is an error, and not one of cuDNN. Last: it stays so. */
static void lost(void **state)
{
    FgModel *m = net_model(&build);
    FgPlan *p = plan_of(m, "e0=500");
    FgTensor in = net_picture(3, H, W), out;
    char n[16];
    (void)state;
    assert_int_equal(
        fg_tensor_alloc(&out, (FgShape){1, 3, 2 * H, 2 * W}, FG_F32), 0);
    snprintf(n, sizeof(n), "%d", *launches + 2);
    setenv("FAKECUDA_LAUNCH", n, 1);
    const int rc = fg_plan_run(p, &in, &out);
    assert_int_equal(rc, -ENODEV);
    assert_non_null(strstr(fg_plan_failure(p, rc), "CUDA: "));
    fg_plan_free(&p);
    fg_tensor_free(&in);
    fg_tensor_free(&out);
    fg_model_free(&m);
}

/* ---- set-up ---- */

static int setup(void **state)
{
    (void)state;
    snprintf(cache, sizeof(cache), "/tmp/ffgan-dnn.XXXXXX");
    unsetenv("FAKECUDNN_REFUSE");
    unsetenv("FAKECUDNN_STATUS");
    unsetenv("FAKECUDNN_WRONG");
    unsetenv("FAKECUDNN_NOTE");
    unsetenv("FAKECUDNN_ENGINES");
    if (!mkdtemp(cache))
        return -1;
    return setenv("XDG_CACHE_HOME", cache, 1);
}

static int teardown(void **state)
{
    char line[128];
    (void)state;
    cache[STEM] = 0;
    snprintf(line, sizeof(line), "rm -rf '%s'", cache);
    return system(line);
}

/* Once they are open they are what is found under their names. */
static int use_stand_ins(char *dir)
{
    char so[1000];
    int rc;
    FgError err = {{0}};
    snprintf(so, sizeof(so), "%s/../gpu/libcuda.so.1", dir);
    void *const driver = dlopen(so, RTLD_NOW);
    snprintf(so, sizeof(so), "%s/../gpu/cudnn/libcudnn.so.9", dir);
    void *const dnn = driver ? dlopen(so, RTLD_NOW) : NULL;
    snprintf(so, sizeof(so), "%s/../../lib/ffgan-cuda.so", dir);
    if (!dnn || access(so, R_OK) || setenv("FFGAN_CUDA", so, 1))
        return 0;
    api = fg_cuda_load(&rc, &err);
    void *at = dlsym(dnn, "fake_dnn_graph");
    memcpy(&graph_said, &at, sizeof(at));
    at = dlsym(dnn, "fake_dnn_left");
    memcpy(&left, &at, sizeof(at));
    launches = dlsym(driver, "fake_launches");
    return api && graph_said && left && launches;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(old_version),    TEST(graphs),   TEST(values),
        TEST(chosen_by_time), TEST(refusals), TEST(unfit_engines),
        TEST(fails_later),    TEST(lost),
    };
    char exe[900] = "";
    if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
        return 1;
    if (!use_stand_ins(dirname(exe))) {
        puts("1..0 # SKIP no plug-in with cuDNN: its headers or nvcc are not "
             "here");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
