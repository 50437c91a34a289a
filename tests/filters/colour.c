/* Tests of filters/colour: matrices, codes, shaper.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "filters/colour.h"

static const enum AVColorSpace spaces[] = {
    AVCOL_SPC_BT709,     AVCOL_SPC_FCC,       AVCOL_SPC_BT470BG,
    AVCOL_SPC_SMPTE170M, AVCOL_SPC_SMPTE240M, AVCOL_SPC_BT2020_NCL};

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.9g is not %.9g within %g", a, b, tolerance);
}

/* The numbers as BT.709-6 item 3.3 and BT.601-7 2.5.3 print them. */
static void test_published_coefficients(void **state)
{
    FgMatrix m;

    (void)state;
    assert_int_equal(fg_matrix_init(&m, AVCOL_SPC_BT709), 0);
    near(m.kg, 0.7152, 1e-6);
    near(m.cb, 1.8556, 1e-6);
    near(m.cr, 1.5748, 1e-6);
    assert_int_equal(fg_matrix_init(&m, AVCOL_SPC_SMPTE170M), 0);
    near(m.kg, 0.587, 1e-6);
    near(m.cb, 1.772, 1e-6);
    near(m.cr, 1.402, 1e-6);
    near(m.gb, 0.344136, 1e-6);
    near(m.gr, 0.714136, 1e-6);
    assert_int_equal(fg_matrix_init(&m, AVCOL_SPC_BT2020_NCL), 0);
    near(m.cb, 1.8814, 1e-6);
    near(m.cr, 1.4746, 1e-6);
    assert_int_equal(fg_matrix_init(&m, AVCOL_SPC_SMPTE240M), 0);
    near(m.kg, 0.701, 1e-6);
    assert_int_equal(fg_matrix_init(&m, AVCOL_SPC_FCC), 0);
    near(m.kg, 0.59, 1e-6);
}

static void test_refused_spaces(void **state)
{
    FgMatrix m;

    (void)state;
    assert_int_equal(fg_matrix_init(&m, AVCOL_SPC_YCGCO), -ENOTSUP);
    assert_int_equal(fg_matrix_init(&m, AVCOL_SPC_BT2020_CL), -ENOTSUP);
    assert_int_equal(fg_matrix_init(&m, AVCOL_SPC_UNSPECIFIED), -ENOTSUP);
}

static void test_round_trip(void **state)
{
    (void)state;
    srand(1);
    for (size_t s = 0; s < sizeof(spaces) / sizeof(*spaces); s++) {
        float rgb[3 * 64], back[3 * 64], y[64], c[2 * 64];
        FgMatrix m;

        assert_int_equal(fg_matrix_init(&m, spaces[s]), 0);
        for (int i = 0; i < 3 * 64; i++)
            rgb[i] = (float)rand() / RAND_MAX * 1.4f - 0.2f;
        fg_row_rgb_to_yuv(y, c, rgb, 64, &m);
        fg_row_yuv_to_rgb(back, y, c, 64, &m);
        for (int i = 0; i < 3 * 64; i++)
            near(back[i], rgb[i], 1e-6);
    }
}

/* Pure red and blue reach the ends of Pr and Pb; white has no chroma. */
static void test_primaries(void **state)
{
    const float rgb[9] = {1, 0, 0, 0, 0, 1, 1, 1, 1};
    float y[3], c[6];
    FgMatrix m;

    (void)state;
    fg_matrix_init(&m, AVCOL_SPC_BT709);
    fg_row_rgb_to_yuv(y, c, rgb, 3, &m);
    near(y[0], 0.2126, 1e-6);
    near(c[1], 0.5, 1e-6);
    near(c[2], 0.5, 1e-6);
    near(y[2], 1, 1e-6);
    near(c[4], 0, 1e-6);
}

static void test_codes(void **state)
{
    FgCode k = fg_code(8, 1, 0);

    (void)state;
    near((16 - k.offset) * k.to_value, 0, 1e-7);
    near((235 - k.offset) * k.to_value, 1, 1e-6);
    k = fg_code(10, 1, 1);
    near((64 - k.offset) * k.to_value, -0.5, 1e-6);
    near((960 - k.offset) * k.to_value, 0.5, 1e-6);
    k = fg_code(16, 0, 0);
    near((65535 - k.offset) * k.to_value, 1, 1e-6);
    k = fg_code(12, 0, 1);
    near((2048 - k.offset) * k.to_value, 0, 0);
    near(k.max, 4095, 0);
}

static float half(unsigned h)
{
    const int e = (h >> 10) & 31, m = h & 1023;
    const float v = e ? ldexpf((float)(1024 + m), e - 25)
                      : ldexpf((float)m, -24);

    return h & 0x8000 ? -v : v;
}

/* Every finite 16-bit float comes back within half a step of its own. */
static void test_shaper_is_exact(void **state)
{
    double worst = 0;

    (void)state;
    for (unsigned h = 0; h < 0x10000; h++) {
        if ((h & 0x7c00) == 0x7c00)
            continue;
        const float x = half(h);
        const int e = (h >> 10) & 31;
        const double step = ldexp(1, (e ? e : 1) - 25);
        float y;

        fg_shaper_encode(&y, &x, 1);
        fg_shaper_decode(&y, &y, 1);
        worst = fmax(worst, fabs((double)y - x) / step);
    }
    print_message("# shaper: worst error %.4f steps of a half float\n", worst);
    assert_true(worst < 0.5);
}

static void test_shaper_curve(void **state)
{
    const float x[5] = {0, 1, 64, -1, 0.18f};
    const float huge = 1e30f;
    float y[5];

    (void)state;
    fg_shaper_encode(y, x, 5);
    near(y[0], 0, 0);
    near(y[1], log2(65) / 12, 1e-6);
    near(y[2], log2(4097) / 12, 1e-6);
    near(y[3], -y[1], 0);
    near(y[4], 0.30, 0.01);
    y[0] = huge;
    fg_shaper_decode(y, y, 1);
    assert_true(isfinite(y[0]));
}

static void test_guess(void **state)
{
    (void)state;
    assert_int_equal(fg_guess_space(720, 576), AVCOL_SPC_SMPTE170M);
    assert_int_equal(fg_guess_space(1280, 544), AVCOL_SPC_BT709);
    assert_int_equal(fg_guess_space(960, 720), AVCOL_SPC_BT709);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_coefficients),
        cmocka_unit_test(test_refused_spaces),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_primaries),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_shaper_is_exact),
        cmocka_unit_test(test_shaper_curve),
        cmocka_unit_test(test_guess),
    };

    return cmocka_run_group_tests_name("colour", tests, NULL, NULL);
}
