/* Tables of numbers and their pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/plot_priv.h"
#include "trainer/table.h"

static char path[] = "/tmp/ffgan-table.XXXXXX";

static void put(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void is(const char *text)
{
    char now[1024] = "";
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    now[fread(now, 1, sizeof(now) - 1, f)] = 0;
    fclose(f);
    assert_string_equal(now, text);
}

static void a_table_grows(void **state)
{
    FgTable t;
    FgError err;
    (void)state;
    unlink(path);
    assert_int_equal(fg_table_open(&t, path, 1e9, &err), 0);
    assert_int_equal(fg_table_column(&t, "step"), 0);
    assert_int_equal(fg_table_column(&t, "loss"), 1);
    assert_int_equal(fg_table_column(&t, "a,b"), -1);
    assert_int_equal(fg_table_row(&t, (double[]){100, 0.5}, &err), 0);
    assert_int_equal(fg_table_row(&t, (double[]){200, NAN}, &err), 0);
    is("step,loss\n100,0.5\n200,\n");
    assert_int_equal(fg_table_column(&t, "Loss/D"), 2);
    assert_int_equal(fg_table_row(&t, (double[]){300, 0.25, 7}, &err), 0);
    is("step,loss,Loss/D\n100,0.5,\n200,,\n300,0.25,7\n");
    fg_table_close(&t);
}

static void a_resumed_table_says_no_step_twice(void **state)
{
    FgTable t;
    FgError err;
    (void)state;
    put("step,loss\n100,1\n200,2\n300,3\n40");
    assert_int_equal(fg_table_open(&t, path, 200, &err), 0);
    assert_int_equal(t.nb_rows, 2);
    assert_int_equal(fg_table_row(&t, (double[]){250, 5}, &err), 0);
    is("step,loss\n100,1\n200,2\n250,5\n");
    fg_table_close(&t);
    put("no table at all");
    assert_int_equal(fg_table_open(&t, path, 200, &err), -EINVAL);
    unlink(path);
}

static void ticks(double lo, double hi, int log, int n, int want,
                  const double *v)
{
    double out[16];
    const int nb = fg_plot_ticks(lo, hi, log, n, out);

    if (nb != want)
        fail_msg("%g..%g: %d ticks, wanted %d", lo, hi, nb, want);
    for (int i = 0; i < nb; i++)
        assert_true(fabs(out[i] - v[i]) < 1e-12 * fabs(hi));
}

static void ticks_are_round(void **state)
{
    double out[16];
    (void)state;
    ticks(0, 100, 0, 5, 6, (double[]){0, 20, 40, 60, 80, 100});
    ticks(-0.3, 1.1, 0, 3, 3, (double[]){0, 0.5, 1});
    ticks(27.31, 27.48, 0, 4, 3, (double[]){27.35, 27.4, 27.45});
    ticks(0.002, 30, 1, 5, 4, (double[]){0.01, 0.1, 1, 10});
    ticks(0.03, 0.9, 1, 5, 4, (double[]){0.05, 0.1, 0.2, 0.5});
    /* Never too many, whatever the range. */
    for (int e = -300; e < 300; e += 7)
        for (int n = 2; n < 12; n++) {
            const double hi = 3.7 * pow(10, e);
            const int nb = fg_plot_ticks(hi / 9, hi, 0, n, out);
            assert_true(nb >= n / 2 && nb <= 2 * n + 1);
        }
}

/* The ink of the first series at the place where the axes put a point. */
static void points_are_where_they_belong(void **state)
{
    const double x[] = {1, 10, 100, NAN, 1000}, y[] = {-2, 0, 3, 1, 1};
    const FgSeries s = {"s", x, y, 5, FG_MARK_DOTS};
    const FgPlot p = {"t", "x", "y", &s, 1, 1, 0, 400, 300};
    FgPicture pic;
    (void)state;
    assert_int_equal(fg_plot_draw(&p, &pic), 0);
    const FgAxis ax = fg_axis_of(&p, 1, 86, 400 - 10 - 28 - 16 - 16);
    const FgAxis ay = fg_axis_of(&p, 0, 300 - 54, 62);
    for (int i = 0; i < 5; i++) {
        if (i == 3)
            continue;
        const int px = (int)lround(fg_axis_at(&ax, x[i]));
        const int py = (int)lround(fg_axis_at(&ay, y[i]));
        const uint8_t *d = pic.rgb + (py * 400 + px) * 3;
        if (d[0] != 0 || d[1] != 114 || d[2] != 178)
            fail_msg("point %d at %d,%d is %d %d %d", i, px, py, d[0], d[1],
                     d[2]);
    }
    fg_picture_free(&pic);
}

/* Nothing to draw, one point, far too many digits, values out of the axes. */
static void odd_plots_are_drawn(void **state)
{
    const double x[] = {0, -1, 1e300}, y[] = {-1, 0, 1e-300}, one = 5;
    const FgSeries s[] = {{"none", NULL, NULL, 0, FG_MARK_LINE},
                          {"neg", x, y, 3, FG_MARK_LINE},
                          {"one", &one, &one, 1, FG_MARK_LINE},
                          {"a label that is much wider than the picture is", x,
                           y, 3, FG_MARK_STEPS}};
    FgPicture pic;
    (void)state;
    for (int i = 0; i < 16; i++) {
        const FgPlot p = {"t",        "x",        "y",     &s[i % 4], 1,
                          i >> 2 & 1, i >> 3 & 1, 200 + i, 213};
        assert_int_equal(fg_plot_draw(&p, &pic), 0);
        fg_picture_free(&pic);
    }
    const FgPlot small = {"t", "x", "y", s, 1, 0, 0, 100, 300};
    assert_int_equal(fg_plot_draw(&small, &pic), -EINVAL);
}

/* No two characters look alike, none is wider than five. */
static void glyphs_differ(void **state)
{
    (void)state;
    for (int a = ' '; a <= '~'; a++)
        for (int b = ' '; b < a; b++) {
            int same = 1;
            for (int y = 0; y < 7; y++) {
                assert_in_range(fg_font_row((char)a, y), 0, 31);
                same &= fg_font_row((char)a, y) == fg_font_row((char)b, y);
            }
            if (same)
                fail_msg("'%c' and '%c' look alike", a, b);
        }
    assert_int_equal(fg_font_row('\n', 0), 0);
    assert_int_equal(fg_font_row((char)200, 3), 0);
}

static int make(void **state)
{
    const int fd = mkstemp(path);
    (void)state;
    return fd < 0 || close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_grows),
        cmocka_unit_test(a_resumed_table_says_no_step_twice),
        cmocka_unit_test(ticks_are_round),
        cmocka_unit_test(points_are_where_they_belong),
        cmocka_unit_test(odd_plots_are_drawn),
        cmocka_unit_test(glyphs_differ),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}
