/* ffgan tests: names, times, sequences, exit codes.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/error.h>

#include "pipeline/exit.h"
#include "pipeline/output.h"
#include "pipeline/sequence.h"
#include "pipeline/util.h"

static void parses_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double want;
    } good[] = {{"5", 5},    {"5s", 5},    {"0.5", 0.5},  {"250ms", .25},
                {"2m", 120}, {"1h", 3600}, {"01:10", 70}, {"00:01:10.5", 70.5},
                {".5", .5}};
    static const char *const bad[] = {"",        "x",     "-1",    "5x",
                                      "1:2:3:4", "1:",    "01:1m", "nan",
                                      "inf",     "1e300", " 5"};
    double s;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(fg_parse_time(good[i].text, &s), 0);
        assert_true(s > good[i].want - 1e-9 && s < good[i].want + 1e-9);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(fg_parse_time(bad[i], &s), -EINVAL);
}

static void parses_integers(void **state)
{
    (void)state;
    int64_t v;
    assert_int_equal(fg_parse_int("12", 0, 20, &v), 0);
    assert_int_equal(v, 12);
    assert_int_equal(fg_parse_int("21", 0, 20, &v), -EINVAL);
    assert_int_equal(fg_parse_int("1x", 0, 20, &v), -EINVAL);
    assert_int_equal(fg_parse_int("", 0, 20, &v), -EINVAL);
    assert_int_equal(fg_parse_int("99999999999999999999", 0, 20, &v), -EINVAL);
}

static void check_paths(const char *path, const char *dir, const char *base,
                        const char *ext)
{
    char *const d = fg_path_dir(path);
    assert_string_equal(d, dir);
    assert_string_equal(fg_path_base(path), base);
    assert_string_equal(fg_path_ext(path), ext);
    free(d);
}

static void splits_paths(void **state)
{
    (void)state;
    check_paths("a.mp4", ".", "a.mp4", ".mp4");
    check_paths("/a.b/c", "/a.b", "c", "");
    check_paths("/x.mkv", "/", "x.mkv", ".mkv");
    check_paths("d/.hidden", "d", ".hidden", "");
    check_paths("d/a.tar.gz", "d", "a.tar.gz", ".gz");
}

static void fills_patterns(void **state)
{
    (void)state;
    static const char *const row[][2] = {{"a.%04d.png", "a.0007.png"},
                                         {"d%d/%d", "d%d/7"},
                                         {"100%.%02d.x", "100%.07.x"},
                                         {"%s%3d", "%s007"}};
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        char *const name = fg_pattern_name(row[i][0], 7);
        assert_string_equal(name, row[i][1]);
        assert_true(fg_is_pattern(row[i][0]));
        free(name);
    }
    assert_false(fg_is_pattern("%04d/a.png"));
    assert_false(fg_is_pattern("100%.png"));
    assert_false(fg_is_pattern("%n%s.png"));
}

static void touch(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *const f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static void lists_sequences(void **state)
{
    (void)state;
    char dir[] = "/tmp/ffgan-seq-XXXXXX", path[512];
    FgSequence s;
    FgError err;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/a.%%02d.png", dir);
    assert_int_equal(fg_sequence_list(&s, path, -1, NULL, &err), -ENOENT);
    touch(dir, "a.08.png");
    touch(dir, "a.09.png");
    touch(dir, "a.10.png");
    touch(dir, "a.9.png");   /* another spelling */
    touch(dir, "a.010.png"); /* another spelling */
    touch(dir, "a.xx.png");
    touch(dir, "b.11.png");
    assert_int_equal(fg_sequence_list(&s, path, -1, NULL, &err), 0);
    assert_int_equal(s.nb, 3);
    assert_int_equal(s.number[0], 8);
    assert_non_null(strstr(s.paths[2], "/a.10.png"));
    fg_sequence_free(&s);
    assert_int_equal(fg_sequence_list(&s, path, 9, NULL, &err), 0);
    assert_int_equal(s.nb, 2);
    fg_sequence_free(&s);
    touch(dir, "a.99.png");
    touch(dir, "a.100.png");
    assert_int_equal(fg_sequence_list(&s, path, -1, NULL, &err), -ENOENT);
    assert_non_null(strstr(err.text, "a.11.png: missing"));
    assert_int_equal(fg_sequence_list(&s, path, 99, NULL, &err), 0);
    assert_int_equal(s.nb, 2);
    fg_sequence_free(&s);
    fg_sequence_free(&s);
    snprintf(path, sizeof(path), "rm -r %s", dir);
    assert_int_equal(system(path), 0);
}

static void maps_errors(void **state)
{
    (void)state;
    assert_int_equal(fg_exit_input(-ENOENT), FG_EXIT_NOINPUT);
    assert_int_equal(fg_exit_input(AVERROR_INVALIDDATA), FG_EXIT_DATA);
    assert_int_equal(fg_exit_output(-ENOSPC), FG_EXIT_IO);
    assert_int_equal(fg_exit_output(-EDQUOT), FG_EXIT_IO);
    assert_int_equal(fg_exit_output(-EROFS), FG_EXIT_CANTCREAT);
    assert_int_equal(fg_exit_output(-EEXIST), FG_EXIT_CANTCREAT);
    assert_int_equal(fg_exit_chain(-ENOENT), FG_EXIT_NOINPUT);
    assert_int_equal(fg_exit_chain(-EBADMSG), FG_EXIT_DATA);
    assert_int_equal(fg_exit_chain(-EINVAL), FG_EXIT_CONFIG);
    assert_int_equal(fg_exit_chain(-ENOMEM), FG_EXIT_RETRY);
}

static void lists_frames(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "x",
                                      "1-",
                                      "5-1",
                                      "1-9x0",
                                      "1,,2",
                                      "-1",
                                      "1,",
                                      "1x",
                                      "1-9x",
                                      "1 2",
                                      "1--2",
                                      "99999999999999999999"};
    int64_t *v;
    int n;
    FgError err;
    /* Millions in order are not sorted: the fuzzer calls that a timeout. */
    assert_int_equal(fg_frame_list("31-7051220", &v, &n, &err), 0);
    assert_int_equal(n, 7051190);
    assert_int_equal(v[n - 1], 7051220);
    free(v);
    assert_int_equal(fg_frame_list("3,1-7x2,1001", &v, &n, &err), 0);
    assert_int_equal(n, 5);
    assert_int_equal(v[0], 1);
    assert_int_equal(v[1], 3);
    assert_int_equal(v[3], 7);
    assert_int_equal(v[4], 1001);
    free(v);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(fg_frame_list(bad[i], &v, &n, &err), -EINVAL);
}

static void knows_other_tools_patterns(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"d/a.####.exr", "d/a.%04d.exr"},  {"a.@@@.exr", "a.%03d.exr"},
        {"a.$F4.exr", "a.%04d.exr"},       {"a.$F.exr", "a.%d.exr"},
        {"a.<frame04>.png", "a.%04d.png"}, {"a.%05d.png", "a.%05d.png"},
        {"no #1.png", "no #1.png"},        {"d##/a.png", "d##/a.png"},
        {"a.%04d.##.png", "a.%04d.##.png"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char *const s = fg_pattern_normal(pairs[i][0]);
        assert_string_equal(s, pairs[i][1]);
        free(s);
    }
}

static void names_temporaries(void **state)
{
    (void)state;
    char host[65] = "", want[128], longer[400];
    gethostname(host, 64);
    snprintf(want, sizeof(want), "d/.a.mkv.%.48s.%ld.tmp", host,
             (long)getpid());
    char *name = fg_temp_name("d/a.mkv", NULL);
    assert_string_equal(name, want);
    free(name);
    memset(longer, 'x', sizeof(longer));
    longer[255] = 0;
    name = fg_temp_name(longer, NULL);
    assert_true(strlen(name) <= 255);
    free(name);
}

static void shows_names_in_one_line(void **state)
{
    (void)state;
    assert_string_equal(fg_show("a\nb\033c"), "a?b?c");
    FgText t = {0};
    for (int i = 0; i < 100; i++)
        fg_text_add(&t, "%d,", i);
    assert_int_equal(t.len, 290);
    assert_int_equal(t.failed, 0);
    fg_text_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_times),
        cmocka_unit_test(parses_integers),
        cmocka_unit_test(splits_paths),
        cmocka_unit_test(fills_patterns),
        cmocka_unit_test(lists_sequences),
        cmocka_unit_test(maps_errors),
        cmocka_unit_test(names_temporaries),
        cmocka_unit_test(lists_frames),
        cmocka_unit_test(knows_other_tools_patterns),
        cmocka_unit_test(shows_names_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
