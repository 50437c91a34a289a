/* The CUDA plug-in's calls on the stand-in for the driver: streams, failures,
 * whose context is current. No GPU is touched here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <unistd.h>

#include "kernels/cuda/abi.h"
#include "kernels/cuda/args.h"

static const FgCudaApi *api;
static void *driver;

/* A function of the stand-in that takes a place for a result and a number. */
static int call(const char *name, void *to, unsigned flags)
{
    int (*f)(void *, unsigned) = NULL;
    void *const at = dlsym(driver, name);
    memcpy(&f, &at, sizeof(f));
    assert_non_null(f);
    return f(to, flags);
}

static FgCudaDev *open_device(void *context)
{
    FgError err = {{0}};
    FgCudaDev *d;
    if (api->open(&d, 0, context, &err) < 0)
        fail_msg("%s", err.text);
    return d;
}

static FgKernelArgs doubled(uint64_t in, uint64_t out, int n)
{
    const FgKView v = {in, 1, 1, n, 1, FG_ELEMENT_F32};
    FgKernelArgs a = {.in = {v}, .out = v, .mode = FG_UNARY_SCALE, .alpha = 2};
    a.out.at = out;
    return a;
}

static void *current(void)
{
    void *c = NULL;
    assert_int_equal(call("cuCtxGetCurrent", &c, 0), 0);
    return c;
}

/* Doubles on one stream, then on another, then back on the device's own. */
static void streams(void **state)
{
    enum { N = 300 };
    FgCudaDev *d = open_device(*state);
    void *s[2];
    float x[N], y[N];
    uint64_t a, b;
    FgError err = {{0}};
    assert_ptr_equal(current(), *state);
    for (int i = 0; i < 2; i++)
        assert_int_equal(call("cuStreamCreate", &s[i], 0), 0);
    for (int i = 0; i < N; i++)
        x[i] = (float)i;
    assert_int_equal(api->alloc(d, sizeof(x), &a, &err), 0);
    assert_int_equal(api->alloc(d, sizeof(x), &b, &err), 0);
    assert_int_equal(a % 256, 0);
    FgKernelArgs k = doubled(a, b, N);
    assert_int_equal(api->upload(d, NULL, a, x, sizeof(x), &err), 0);
    assert_int_equal(api->order(d, NULL, s[0], &err), 0);
    assert_int_equal(api->launch(d, s[0], FG_KERNEL_unary, &k, &err), 0);
    assert_int_equal(api->order(d, s[0], s[1], &err), 0);
    k = doubled(b, a, N);
    assert_int_equal(api->launch(d, s[1], FG_KERNEL_unary, &k, &err), 0);
    assert_int_equal(api->order(d, s[1], NULL, &err), 0);
    assert_int_equal(api->download(d, NULL, y, a, sizeof(y), &err), 0);
    assert_int_equal(api->sync(d, NULL, &err), 0);
    for (int i = 0; i < N; i++)
        assert_float_equal(y[i], 4 * x[i], 0);
    for (int i = 0; i < 2; i++) {
        int (*end)(void *) = NULL;
        void *const at = dlsym(driver, "cuStreamDestroy_v2");
        memcpy(&end, &at, sizeof(end));
        assert_int_equal(end(s[i]), 0);
    }
    api->release(d, a);
    api->release(d, b);
    assert_ptr_equal(current(), *state);
    api->close(&d);
    assert_null(d);
    assert_ptr_equal(current(), *state);
}

/* What is recorded does not run; a replay does it all, in order. */
static void graphs(void **state)
{
    FgCudaDev *d = open_device(NULL);
    FgCudaGraph *g;
    FgError err = {{0}};
    float x = 3, y = 0;
    uint64_t a;
    assert_int_equal(api->alloc(d, sizeof(x), &a, &err), 0);
    assert_int_equal(api->upload(d, NULL, a, &x, sizeof(x), &err), 0);
    const FgKernelArgs k = doubled(a, a, 1);
    assert_int_equal(api->record(d, &err), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(api->launch(d, NULL, FG_KERNEL_unary, &k, &err), 0);
    assert_int_equal(api->recorded(d, &g, &err), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(api->download(d, NULL, &y, a, sizeof(y), &err), 0);
        assert_int_equal(api->sync(d, NULL, &err), 0);
        assert_float_equal(y, x * (float)(1 << 3 * i), 0);
        assert_int_equal(api->replay(d, NULL, g, &err), 0);
    }
    api->forget(d, &g);
    assert_null(g);
    api->release(d, a);
    api->close(&d);
    (void)state;
}

/* The N-th of the program; tests that want the next one count twice as fast as
 * the stand-in does, and meet it. */
static void set_next(const char *name, int n)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", n);
    assert_int_equal(setenv(name, text, 1), 0);
}

static void no_memory(void **state)
{
    FgCudaDev *d = open_device(NULL);
    FgError err = {{0}};
    uint64_t at = 1;
    int rc = 0, nb = 0;
    (void)state;
    for (; rc == 0 && nb < 1000; nb++) {
        api->release(d, at == 1 ? 0 : at);
        set_next("FAKECUDA_OOM", 2 * nb + 1);
        rc = api->alloc(d, 12345, &at, &err);
    }
    assert_int_equal(rc, -ENOMEM);
    assert_int_equal(at, 0);
    assert_string_equal(err.text,
                        "CUDA: out of memory: 12345 bytes of GPU memory");
    assert_int_equal(unsetenv("FAKECUDA_OOM"), 0);
    assert_int_equal(api->alloc(d, 12345, &at, &err), 0); /* all still works */
    api->release(d, at);
    api->close(&d);
}

static void no_kernels(void **state)
{
    static const struct {
        int said, rc;
        const char *text;
    } cases[] = {
        {209, -ENOTSUP, "and none that fake 0 (compute capability 9.0) takes"},
        {218, -ENOTSUP, "takes: the log"},
        {2, -ENOMEM, "out of memory: loading the kernels"},
        {999, -ENODEV, "loading the kernels failed: CUDA_ERROR"},
    };
    FgError err = {{0}};
    FgCudaDev *d;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        set_next("FAKECUDA_LOAD", cases[i].said);
        assert_int_equal(api->open(&d, 0, NULL, &err), cases[i].rc);
        assert_null(d);
        if (!strstr(err.text, cases[i].text))
            fail_msg("'%s' does not say '%s'", err.text, cases[i].text);
    }
    assert_int_equal(unsetenv("FAKECUDA_LOAD"), 0);
    assert_int_equal(api->open(&d, 7, NULL, &err), -ENODEV);
    assert_int_equal(api->open(&d, -1, NULL, &err), -ENODEV);
    assert_null(current());
}

static int is_hopper(int kernel)
{
    return kernel >= FG_KERNEL_f16_w64_k3 && kernel <= FG_KERNEL_e4m3_w64_k3;
}

static int is_fp8(int kernel)
{
    return kernel >= FG_KERNEL_e4m3_n16_k1 && kernel <= FG_KERNEL_e4m3_n64_k3;
}

/* Hopper's own kernels: there on 9.0, but for a file that does not load. Those
 * of 8 bits likewise on 8.9 and 12.0. */
static void some_gpus(void **state)
{
    static const struct {
        const char *cc, *hopper, *fp8;
        int has_hopper, has_fp8;
    } cases[] = {{"90", "0", "0", 1, 0},   {"90", "209", "0", 0, 0},
                 {"90", "2", "0", 0, 0},   {"89", "0", "0", 0, 1},
                 {"89", "0", "209", 0, 0}, {"86", "0", "0", 0, 0},
                 {"100", "0", "0", 0, 0},  {"120", "0", "0", 0, 1},
                 {"120", "0", "222", 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        setenv("FAKECUDA_CC", cases[i].cc, 1);
        setenv("FAKECUDA_HOPPER", cases[i].hopper, 1);
        setenv("FAKECUDA_FP8", cases[i].fp8, 1);
        FgCudaDev *d = open_device(NULL);
        for (int k = 0; k < FG_NB_KERNELS; k++)
            assert_int_equal(api->has(d, k) != 0, is_hopper(k)
                                                      ? cases[i].has_hopper
                                                  : is_fp8(k) ? cases[i].has_fp8
                                                              : 1);
        api->close(&d);
    }
    unsetenv("FAKECUDA_CC");
    unsetenv("FAKECUDA_HOPPER");
    unsetenv("FAKECUDA_FP8");
}

/* The last: as with a driver, nothing works afterwards. */
static void lost(void **state)
{
    FgCudaDev *d = open_device(NULL);
    FgError err = {{0}};
    uint64_t a;
    int rc = 0;
    (void)state;
    assert_int_equal(api->alloc(d, 4, &a, &err), 0);
    const FgKernelArgs k = doubled(a, a, 1);
    for (int i = 0; rc == 0 && i < 1000; i++) {
        set_next("FAKECUDA_LAUNCH", 2 * i + 1);
        rc = api->launch(d, NULL, FG_KERNEL_unary, &k, &err);
    }
    assert_int_equal(rc, -ENODEV);
    assert_string_equal(err.text, "CUDA: fg_cuda_unary failed: "
                                  "CUDA_ERROR_LAUNCH_FAILED, "
                                  "CUDA_ERROR_LAUNCH_FAILED");
    assert_int_equal(api->sync(d, NULL, &err), -ENODEV);
    assert_non_null(strstr(err.text, "waiting for the GPU failed"));
    api->release(d, a);
    api->close(&d);
    assert_null(current());
}

/* A context that is current and another's, as FFmpeg's is. */
static int with_context(void **state)
{
    int (*create)(void **, unsigned, int) = NULL;
    void *const at = dlsym(driver, "cuCtxCreate_v2");
    memcpy(&create, &at, sizeof(create));
    return create(state, 0, 0);
}

static int end_context(void **state)
{
    void *popped;
    int (*destroy)(void *) = NULL;
    void *const at = dlsym(driver, "cuCtxDestroy_v2");
    memcpy(&destroy, &at, sizeof(destroy));
    return call("cuCtxPopCurrent_v2", &popped, 0) || destroy(*state);
}

/* The stand-in is called libcuda.so.1: once it is open, it is what is found. */
static int use_stand_in(char *dir)
{
    char so[1000];
    int rc;
    FgError err = {{0}};
    snprintf(so, sizeof(so), "%s/../gpu/libcuda.so.1", dir);
    driver = dlopen(so, RTLD_NOW);
    snprintf(so, sizeof(so), "%s/../../lib/ffgan-cuda.so", dir);
    if (!driver || access(so, R_OK) || setenv("FFGAN_CUDA", so, 1))
        return 0;
    api = fg_cuda_load(&rc, &err);
    return api != NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(streams, with_context, end_context),
        cmocka_unit_test(graphs),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(no_kernels),
        cmocka_unit_test(some_gpus),
        cmocka_unit_test(lost),
    };
    char exe[900] = "";
    if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
        return 1;
    if (!use_stand_in(dirname(exe))) {
        puts("1..0 # SKIP no plug-in: there is no nvcc");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
