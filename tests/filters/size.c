/* Tests of filters/size: w, h and scale_factor.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "filters/size.h"

static int w, h;
static FgError err;

static int size(int iw, int ih, double factor, const char *we, const char *he)
{
    const FgSizeIn in = {iw, ih, {16, 15}, factor, we, he};

    return fg_size(&w, &h, &in, &err);
}

static void good(int iw, int ih, double factor, const char *we, const char *he,
                 int want_w, int want_h)
{
    err.text[0] = 0;
    if (size(iw, ih, factor, we, he) < 0 || w != want_w || h != want_h)
        fail_msg("w=%s h=%s of %dx%d: %dx%d, not %dx%d (%s)", we ? we : "-",
                 he ? he : "-", iw, ih, w, h, want_w, want_h, err.text);
}

static void test_factor(void **state)
{
    (void)state;
    good(1920, 1080, 2, NULL, NULL, 3840, 2160);
    good(101, 55, 1.5, NULL, "", 152, 82); /* half to even */
    good(1, 1, 0.6, NULL, NULL, 1, 1);
}

static void test_expressions(void **state)
{
    (void)state;
    good(720, 576, 2, "iw*2", "ih*2", 1440, 1152);
    good(720, 576, 2, "0", "0", 720, 576);
    good(720, 576, 2, "-1", "1080", 1350, 1080);
    good(720, 576, 2, "-8", "1080", 1352, 1080);
    good(720, 576, 2, "1280", "-2", 1280, 1024);
    good(720, 576, 2, "-1", "-1", 720, 576);
    good(720, 576, 2, "oh*dar", "1080", 1440, 1080);
    good(720, 576, 2, "ih*2*a", "ow/a", 1440, 1152);
    good(720, 576, 2, "iw*sar", "in_h", 768, 576);
    good(720, 576, 2, "1440", NULL, 1440, 1152);
    good(720, 576, 2, NULL, "288", 360, 288);
}

static void test_refused(void **state)
{
    (void)state;
    assert_true(size(64, 64, 2, "foo", NULL) < 0);
    assert_non_null(strstr(err.text, "foo"));
    assert_true(size(64, 64, 2, "oh", "ow") < 0);
    assert_non_null(strstr(err.text, "refers to itself"));
    assert_true(size(64, 64, 2, "iw*1e9", NULL) < 0);
    assert_true(size(64, 64, 2, "ow", "64") < 0);
    assert_true(size(1 << 20, 1 << 20, 16, NULL, NULL) < 0);
    assert_true(size(4, 4, 0.01, NULL, NULL) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_factor),
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests_name("size", tests, NULL, NULL);
}
