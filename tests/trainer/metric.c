/* Luma, PSNR and SSIM on cases that can be worked out by hand.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "trainer/metric.h"

enum { W = 20, H = 16 };

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.9g is not %.9g", a, b);
}

static void luma(void **state)
{
    const uint8_t rgb[5 * 3] = {0, 0, 0,   255, 255, 255, 255, 0,
                                0, 0, 255, 0,   0,   0,   255};
    uint8_t y[5];

    (void)state;
    fg_studio_from_rgb8(y, rgb, 5);
    /* MATLAB: rgb2ycbcr of black, white, red, green, blue. */
    assert_memory_equal(y, ((uint8_t[]){16, 235, 81, 145, 41}), 5);
    near(fg_luma(rgb + 3), 1, 1e-6);
    near(fg_luma(rgb + 6), 0.299, 1e-6);
}

static void from_float(void **state)
{
    const float y[4] = {-1, 0, 1, 2}, rgb[3] = {0, 1.5f, 0};
    uint8_t out[4];

    (void)state;
    fg_studio_from_float(out, y, 4, 1);
    assert_memory_equal(out, ((uint8_t[]){16, 16, 235, 235}), 4);
    fg_studio_from_float(out, rgb, 1, 3);
    assert_int_equal(out[0], 145);
}

static void psnr(void **state)
{
    uint8_t a[W * H], b[W * H];

    (void)state;
    memset(a, 100, sizeof(a));
    memset(b, 105, sizeof(b));
    near(fg_psnr(a, b, W, H, 0), 20 * log10(255.0 / 5), 1e-9);
    b[0] = 255; /* in the border, so without effect there */
    near(fg_psnr(a, b, W, H, 2), 20 * log10(255.0 / 5), 1e-9);
    assert_true(fg_psnr(a, b, W, H, 0) < 20 * log10(255.0 / 5));
    assert_true(isinf(fg_psnr(a, a, W, H, 0)));
    assert_true(isnan(fg_psnr(a, b, W, H, 8)));
}

static void ssim(void **state)
{
    uint8_t a[W * H], b[W * H];
    const double c1 = 0.01 * 255 * 0.01 * 255;

    (void)state;
    for (int i = 0; i < W * H; i++)
        a[i] = (uint8_t)(i * 37 + i * i);
    near(fg_ssim(a, a, W, H, 0), 1, 1e-9);
    /* Flat pictures have no variance: only the luminance term is left. */
    memset(a, 100, sizeof(a));
    memset(b, 50, sizeof(b));
    near(fg_ssim(a, b, W, H, 2),
         (2.0 * 100 * 50 + c1) / (100.0 * 100 + 50.0 * 50 + c1), 1e-9);
    assert_true(isnan(fg_ssim(a, b, W, H, 4)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(luma),
        cmocka_unit_test(from_float),
        cmocka_unit_test(psnr),
        cmocka_unit_test(ssim),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
