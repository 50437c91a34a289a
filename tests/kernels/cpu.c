/* CPU levels: mask, environment, tables.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels/cpu.h"
#include "kernels/dsp.h"

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(fg_cpu_name(FG_CPU_C), "c");
    assert_string_equal(fg_cpu_name(FG_CPU_AVX2), "avx2");
    assert_string_equal(fg_cpu_name(FG_CPU_AVX512), "avx512");
    assert_string_equal(fg_cpu_name(FG_CPU_AVX512BF16), "avx512bf16");
    assert_string_equal(fg_cpu_name((FgCpu)99), "unknown");
}

static void test_mask(void **state)
{
    const FgCpu top = fg_cpu_level();
    const FgDsp *const full = fg_dsp();
    FgDsp c;

    (void)state;
    assert_true(top <= fg_cpu_detect());
    fg_cpu_mask(FG_CPU_C);
    fg_kernels_init();
    assert_int_equal(fg_cpu_level(), FG_CPU_C);
    fg_dsp_init(&c, FG_CPU_C);
    assert_ptr_equal(fg_dsp()->conv_row_f32, c.conv_row_f32);
    fg_cpu_mask(FG_CPU_TOP);
    assert_int_equal(fg_cpu_level(), top);
    /* The cached table stays until it is forgotten. */
    assert_ptr_equal(fg_dsp()->conv_row_f32, c.conv_row_f32);
    fg_kernels_init();
    assert_ptr_equal(fg_dsp(), full);
}

/* Every level has every function. */
static void test_tables(void **state)
{
    (void)state;
    for (int level = 0; level <= (int)fg_cpu_detect(); level++) {
        void (*fn[sizeof(FgDsp) / sizeof(void (*)(void))])(void);
        FgDsp d;

        memset(&d, 0, sizeof(d));
        fg_dsp_init(&d, (FgCpu)level);
        memcpy(fn, &d, sizeof(fn));
        for (size_t i = 0; i < sizeof(fn) / sizeof(fn[0]); i++)
            assert_true(fn[i] != NULL);
    }
}

/* The level that a fresh process has under FFGAN_CPU=word, and what it says on
 * stderr (text, cut). */
static int level_under(const char *word, char *text, size_t size)
{
    int err[2], status;
    ssize_t n;
    pid_t pid;

    assert_int_equal(pipe(err), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        dup2(err[1], 2);
        setenv("FFGAN_CPU", word, 1);
        execl("/proc/self/exe", "cpu", "--level", (char *)NULL);
        _exit(99);
    }
    close(err[1]);
    n = read(err[0], text, size - 1);
    text[n > 0 ? n : 0] = 0;
    close(err[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_environment(void **state)
{
    char text[512];

    (void)state;
    for (int i = 0; i <= FG_CPU_TOP; i++) {
        const int have = i <= (int)fg_cpu_detect();
        const int level = level_under(fg_cpu_name((FgCpu)i), text,
                                      sizeof(text));

        assert_int_equal(level, have ? i : (int)fg_cpu_detect());
        assert_int_equal(!text[0], have);
    }
    assert_int_equal(level_under("sse9", text, sizeof(text)), fg_cpu_detect());
    assert_non_null(strstr(text, "FFGAN_CPU=sse9"));
    assert_non_null(strstr(text, "avx512bf16"));
    assert_int_equal(level_under("", text, sizeof(text)), fg_cpu_detect());
    assert_string_equal(text, "");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_environment),
    };

    if (argc > 1 && !strcmp(argv[1], "--level"))
        return (int)fg_cpu_level();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
