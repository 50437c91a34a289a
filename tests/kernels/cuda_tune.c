/* Which kernel does a layer on a GPU: by made-up times of the plug-in that runs
 * kernels on the CPU. The choice follows them, is kept, and the picture is
 * right whatever was chosen. No GPU is touched here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cuda.h"
#include "kernels/cuda_choice.h"
#include "kernels/plan.h"

static char root[64], measured[128];

/* Two layers of 3 x 3 that differ from the first and the last. */
static const FgBuild build = {"compact", 3, 2, 40, 2, "relu", "bicubic", 0};

static void remove_all(const char *dir)
{
    char path[512];
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (unlink(path) < 0)
            remove_all(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

static int setup(void **state)
{
    snprintf(root, sizeof(root), "/tmp/ffgan-tune.XXXXXX");
    if (!mkdtemp(root))
        return -1;
    snprintf(measured, sizeof(measured), "%s/measured", root);
    unsetenv("FFGAN_EMULATED_DNN");
    unsetenv("FFGAN_EMULATED_DNN_WRONG");
    unsetenv("FFGAN_CUDA_MEASURE");
    unsetenv("FFGAN_EMULATED_HOPPER");
    setenv("XDG_CACHE_HOME", root, 1);
    setenv("FFGAN_EMULATED_MEASURED", measured, 1);
    return use_emulated(state);
}

static int teardown(void **state)
{
    (void)state;
    remove_all(root);
    return 0;
}

static long measurements(void)
{
    struct stat st;
    return stat(measured, &st) < 0 ? 0 : (long)st.st_size;
}

static FgPlan *plan_of(const FgModel *m, const char *times,
                       FgPrecision precision, int tile)
{
    const FgPlanOptions o = {.device = "cuda",
                             .precision = precision,
                             .max_w = 34,
                             .max_h = 21,
                             .tile = tile};
    FgError err = {{0}};
    FgPlan *p;
    setenv("FFGAN_EMULATED_TIMES", times, 1);
    if (fg_plan_create(&p, m, &o, &err) < 0)
        fail_msg("%s", err.text);
    return p;
}

/* The choice of the convolution of 40 to 40 channels. */
static const char *choice(const FgPlan *p)
{
    static FgPlanStepInfo s; /* its names are the plan's */
    for (int i = 0; !fg_plan_step(p, i, &s); i++)
        if (s.kernel && s.channels_in == 40 && s.channels_out == 40)
            return s.choice;
    fail_msg("no such layer");
    return "";
}

static void assert_chosen(const FgPlan *p, const char *name)
{
    const char *is = choice(p);
    if (strncmp(is, name, strlen(name)) != 0)
        fail_msg("chosen is '%s', not %s", is, name);
}

static void assert_right(const FgModel *m, FgPlan *p, int w, int h, double most)
{
    FgTensor in = net_picture(3, h, w);
    FgTensor want = net_forward(&m->graph, &m->params, &in), got;
    assert_int_equal(fg_tensor_alloc(&got, want.shape, FG_F32), 0);
    for (int i = 0; i < 3; i++) { /* the third is a replay */
        fg_tensor_zero(&got);
        assert_int_equal(fg_plan_run(p, &in, &got), 0);
        const double d = net_max_diff(&want, &got);
        if (!(d <= most))
            fail_msg("%dx%d, %s: differs by %g", w, h, choice(p), d);
    }
    fg_tensor_free(&want);
    fg_tensor_free(&got);
    fg_tensor_free(&in);
}

/* A plan with these times has this choice, and is right. */
static void expect(const FgModel *m, const char *times, FgPrecision precision,
                   const char *name)
{
    FgPlan *p = plan_of(m, times, precision, 0);
    const double most = precision == FG_PREC_FP32   ? 2e-5
                        : precision == FG_PREC_BF16 ? 5e-2
                                                    : 6e-3;
    assert_chosen(p, name);
    assert_right(m, p, 34, 21, most);
    assert_right(m, p, 13, 8, most); /* no engine is for this size */
    fg_plan_free(&p);
}

static void follows_the_times(void **state)
{
    static const struct {
        const char *times, *name;
        FgPrecision precision;
    } cases[] = {
        {"f16_n16_k3=3", "mma n16", FG_PREC_AUTO},
        {"f16_n32_k3=3", "mma n32", FG_PREC_AUTO},
        {"f16_n32_k3=9.9", "mma n48", FG_PREC_AUTO}, /* noise */
        {"bf16_n16_k3=3", "mma n16", FG_PREC_BF16},
        {"fake1=4 fake2=3 f16_n48_k3=5", "cuDNN fake2", FG_PREC_AUTO},
        {"fake1=4 fake2=5 f16_n48_k3=8", "cuDNN fake1", FG_PREC_AUTO},
        {"fake0=6 f16_n16_k3=5", "mma n16", FG_PREC_AUTO},
        {"fake0=3", "cuDNN fake0", FG_PREC_BF16},
        {"fake1=3", "cuDNN fake1", FG_PREC_FP32},
        {"conv=3", "simt", FG_PREC_FP32},
    };
    FgModel *m = net_model(&build);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        teardown(state);
        setup(state);
        if (strstr(cases[i].times, "fake") || cases[i].times[0] == 'c')
            setenv("FFGAN_EMULATED_DNN", "3", 1);
        expect(m, cases[i].times, cases[i].precision, cases[i].name);
    }
    fg_model_free(&m);
}

static void wrong_engines_are_not_used(void **state)
{
    (void)state;
    FgModel *m = net_model(&build);
    setenv("FFGAN_EMULATED_DNN", "3", 1);
    setenv("FFGAN_EMULATED_DNN_WRONG", "2", 1);
    expect(m, "fake0=5 fake1=4 fake2=3", FG_PREC_AUTO, "cuDNN fake1");
    fg_model_free(&m);
}

/* Tiles have windows of several sizes: one picture is made by one kind. */
static void no_engines_in_tiles(void **state)
{
    (void)state;
    FgModel *m = net_model(&build);
    setenv("FFGAN_EMULATED_DNN", "1", 1);
    FgPlan *p = plan_of(m, "fake0=1 f16_n16_k3=3", FG_PREC_AUTO, 8);
    assert_chosen(p, "mma n16");
    assert_right(m, p, 34, 21, 6e-3);
    fg_plan_free(&p);
    fg_model_free(&m);
}

/* The order of a sum is one for all of ours: the same bits. */
static void ours_are_one(void **state)
{
    static const char *const times[] = {"f16_n16_k3=3", "f16_n48_k3=3"};
    FgModel *m = net_model(&build);
    FgTensor in = net_picture(3, 21, 34), got[2];
    for (int i = 0; i < 2; i++) {
        teardown(state);
        setup(state);
        FgPlan *p = plan_of(m, times[i], FG_PREC_AUTO, 0);
        assert_int_equal(
            fg_tensor_alloc(&got[i], (FgShape){1, 3, 42, 68}, FG_F32), 0);
        assert_int_equal(fg_plan_run(p, &in, &got[i]), 0);
        fg_plan_free(&p);
    }
    assert_true(net_max_diff(&got[0], &got[1]) == 0);
    for (int i = 0; i < 2; i++)
        fg_tensor_free(&got[i]);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

/* Hopper's kernel is one of ours: chosen by its time, the same bits, and not
 * where the device has it not. */
static void hopper(void **state)
{
    static const FgBuild wide = {"compact", 3, 2, 64, 1, "relu", "bicubic", 0};
    FgModel *m = net_model(&wide);
    FgTensor in = net_picture(3, 13, 19), got[2];
    for (int i = 0; i < 2; i++) {
        teardown(state);
        setup(state);
        if (i)
            setenv("FFGAN_EMULATED_HOPPER", "1", 1);
        FgPlan *p = plan_of(m, "f16_w64_k3=3", FG_PREC_AUTO, 0);
        FgPlanStepInfo s = {0};
        for (int k = 0; s.channels_in != 64 || s.channels_out != 64; k++)
            assert_int_equal(fg_plan_step(p, k, &s), 0);
        assert_int_equal(!strncmp(s.choice, "wgmma n64", 9), i);
        assert_int_equal(
            fg_tensor_alloc(&got[i], (FgShape){1, 3, 26, 38}, FG_F32), 0);
        assert_int_equal(fg_plan_run(p, &in, &got[i]), 0);
        fg_plan_free(&p);
    }
    assert_true(net_max_diff(&got[0], &got[1]) == 0);
    for (int i = 0; i < 2; i++) { /* kept, but it is gone; it is wrong */
        FgPlanInfo info;
        if (i) {
            teardown(state);
            setup(state);
            setenv("FFGAN_EMULATED_HOPPER", "wrong", 1);
        } else {
            unsetenv("FFGAN_EMULATED_HOPPER");
        }
        FgPlan *p = plan_of(m, "f16_w64_k3=1 f16_n16_k3=3", FG_PREC_AUTO, 0);
        assert_int_equal(fg_plan_run(p, &in, &got[1]), 0);
        assert_true(net_max_diff(&got[0], &got[1]) == 0);
        fg_plan_info(p, &info);
        assert_int_equal(info.note && strstr(info.note, "makes other values"),
                         i);
        fg_plan_free(&p);
    }
    for (int i = 0; i < 2; i++)
        fg_tensor_free(&got[i]);
    fg_tensor_free(&in);
    fg_model_free(&m);
}

/* ---- what is kept ---- */

static void expect_only(const FgModel *m, const char *times, const char *name)
{
    FgPlan *p = plan_of(m, times, FG_PREC_AUTO, 0);
    assert_chosen(p, name);
    fg_plan_free(&p);
}

static void is_kept(void **state)
{
    (void)state;
    FgModel *m = net_model(&build);
    setenv("FFGAN_EMULATED_DNN", "2", 1);
    expect_only(m, "fake1=3", "cuDNN fake1");
    const long n = measurements();
    assert_true(n > 0);
    expect(m, "f16_n16_k3=3", FG_PREC_AUTO, "cuDNN fake1");
    assert_int_equal(measurements(), n);
    setenv("FFGAN_EMULATED_DNN", "1", 1); /* it is gone: measured again */
    expect_only(m, "f16_n32_k3=3", "mma n32");
    assert_true(measurements() > n);
    unsetenv("FFGAN_EMULATED_DNN"); /* another cuDNN, another key */
    expect_only(m, "f16_n16_k3=3", "mma n16");
    fg_model_free(&m);
}

/* How it is damaged: cut, one letter changed, empty, another's. */
static void damage(const char *path, int how)
{
    char text[2048] = "";
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    const size_t n = fread(text, 1, sizeof(text) - 1, f);
    assert_true(n > 100);
    if (how == 0)
        assert_int_equal(ftruncate(fileno(f), (off_t)n / 2), 0);
    else if (how == 2)
        assert_int_equal(ftruncate(fileno(f), 0), 0);
    char *at = how == 1 ? strstr(text, "mma n16") : strstr(text, "element");
    if (how & 1 && at) {
        at[how == 1 ? 5 : 2] = '4'; /* "mma n46", "el4ment" */
        rewind(f);
        fwrite(text, 1, n, f);
    }
    fclose(f);
}

static void broken_files_are_measured_again(void **state)
{
    char dir[128], path[512];
    FgModel *m = net_model(&build);
    (void)state;
    for (int how = 0; how < 4; how++) {
        int nb = 0;
        remove_all(root);
        assert_int_equal(mkdir(root, 0700), 0);
        expect_only(m, "f16_n16_k3=3 f16_n16_k1=3", "mma n16");
        snprintf(dir, sizeof(dir), "%s/ffgan/cuda", root);
        DIR *d = opendir(dir);
        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));)
            if (e->d_name[0] != '.') {
                snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
                damage(path, how);
                nb++;
            }
        closedir(d);
        assert_int_equal(nb, 3); /* the layers: nothing else is left there */
        const long n = measurements();
        expect_only(m, "f16_n32_k3=3", "mma n32");
        assert_true(measurements() > n);
        expect_only(m, "f16_n16_k3=3", "mma n32"); /* whole again */
    }
    fg_model_free(&m);
}

/* Six processes with times of their own come to one choice. */
static void processes_agree(void **state)
{
    enum { N = 6 };
    FgModel *m = net_model(&build);
    char said[N][64];
    int fd[2];
    (void)state;
    assert_int_equal(pipe(fd), 0);
    for (int i = 0; i < N; i++)
        if (!fork()) {
            char line[64] = "";
            FgPlan *p = plan_of(m, i % 2 ? "f16_n16_k3=3" : "f16_n32_k3=3",
                                FG_PREC_AUTO, 0);
            snprintf(line, sizeof(line), "%.7s", choice(p));
            _exit(write(fd[1], line, sizeof(line)) != sizeof(line));
        }
    for (int i = 0; i < N; i++)
        assert_int_equal(read(fd[0], said[i], sizeof(said[i])), 64);
    for (int i = 0; i < N; i++) {
        int rc = 1;
        wait(&rc);
        assert_int_equal(rc, 0);
        assert_string_equal(said[i], said[0]);
    }
    close(fd[0]);
    close(fd[1]);
    fg_model_free(&m);
}

static void without_a_folder(void **state)
{
    (void)state;
    FgModel *m = net_model(&build);
    setenv("XDG_CACHE_HOME", "/proc/none", 1);
    expect(m, "f16_n16_k3=3", FG_PREC_AUTO, "mma n16");
    fg_model_free(&m);
}

static void can_be_turned_off(void **state)
{
    (void)state;
    FgModel *m = net_model(&build);
    setenv("FFGAN_CUDA_MEASURE", "0", 1);
    FgPlan *p = plan_of(m, "f16_n16_k3=3", FG_PREC_AUTO, 0);
    assert_string_equal(choice(p), "");
    assert_int_equal(measurements(), 0);
    fg_plan_free(&p);
    fg_model_free(&m);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(follows_the_times),
        TEST(wrong_engines_are_not_used),
        TEST(no_engines_in_tiles),
        TEST(ours_are_one),
        TEST(hopper),
        TEST(is_kept),
        TEST(broken_files_are_measured_again),
        TEST(processes_agree),
        TEST(without_a_folder),
        TEST(can_be_turned_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
