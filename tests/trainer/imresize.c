/* Scaling against MATLAB's formula written out, and its known properties.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "trainer/imresize.h"

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.9g is not %.9g", a, b);
}

static double keys(double x)
{
    x = fabs(x);
    if (x <= 1)
        return 1.5 * x * x * x - 2.5 * x * x + 1;
    return x <= 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0;
}

/* One line, every source sample visited for every output: no index tricks. */
static double at(const float *src, int n, int out, int o)
{
    const double scale = (double)out / n, k = scale < 1 ? scale : 1;
    const double centre = (o + 0.5) / scale - 0.5;
    double sum = 0, weight = 0;

    for (int i = -4 * n; i < 5 * n; i++) {
        const double w = keys(k * (centre - i));
        int j = i;

        while (j < 0 || j >= n)
            j = j < 0 ? -1 - j : 2 * n - 1 - j;
        sum += w * src[j];
        weight += w;
    }
    return sum / weight;
}

static void formula(void **state)
{
    static const int sizes[][2] = {{16, 8}, {15, 5}, {24, 6}, {7, 14},
                                   {5, 20}, {13, 9}, {3, 1},  {8, 8}};
    float src[32], dst[32];

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const int n = sizes[i][0], out = sizes[i][1];

        for (int k = 0; k < n; k++)
            src[k] = (float)((k * 73 + 11) % 256);
        assert_int_equal(fg_imresize_f32(dst, out, 1, src, n, 1, 1), 0);
        for (int o = 0; o < out; o++)
            near(dst[o], at(src, n, out, o), 1e-4);
        assert_int_equal(fg_imresize_f32(dst, 1, out, src, 1, n, 1), 0);
        for (int o = 0; o < out; o++)
            near(dst[o], at(src, n, out, o), 1e-4);
    }
}

/* Halving with Keys' kernel stretched twofold: the eight weights are
 * -3 -9 29 111 111 29 -9 -3 over 256. */
static void impulse(void **state)
{
    static const int weight[8] = {-3, -9, 29, 111, 111, 29, -9, -3};
    float src[32], dst[16];

    (void)state;
    for (int k = 0; k < 8; k++) {
        memset(src, 0, sizeof(src));
        src[13 + k] = 256;
        assert_int_equal(fg_imresize_f32(dst, 16, 1, src, 32, 1, 1), 0);
        near(dst[8], weight[k], 1e-4);
    }
}

static void constant(void **state)
{
    uint8_t src[9 * 7 * 3], dst[18 * 14 * 3];

    (void)state;
    for (int v = 0; v < 256; v += 51) {
        memset(src, v, sizeof(src));
        assert_int_equal(fg_imresize(dst, 18, 14, src, 9, 7, 3), 0);
        for (size_t i = 0; i < sizeof(dst); i++)
            assert_int_equal(dst[i], v);
        assert_int_equal(fg_imresize(dst, 3, 1, src, 9, 7, 3), 0);
        for (size_t i = 0; i < 9; i++)
            assert_int_equal(dst[i], v);
    }
}

static void channels_apart(void **state)
{
    uint8_t rgb[8 * 8 * 3], one[8 * 8], out3[4 * 4 * 3], out1[4 * 4];

    (void)state;
    for (int i = 0; i < 8 * 8 * 3; i++)
        rgb[i] = (uint8_t)(i * 97 + i * i);
    assert_int_equal(fg_imresize(out3, 4, 4, rgb, 8, 8, 3), 0);
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < 64; i++)
            one[i] = rgb[3 * i + c];
        assert_int_equal(fg_imresize(out1, 4, 4, one, 8, 8, 1), 0);
        for (int i = 0; i < 16; i++)
            assert_int_equal(out1[i], out3[3 * i + c]);
    }
}

static void rounding(void **state)
{
    const float in[6] = {-3, 0.49f, 0.5f, 254.4f, 254.6f, 300};
    uint8_t out[6];

    (void)state;
    fg_round8(out, in, 6);
    assert_memory_equal(out, ((uint8_t[]){0, 0, 1, 254, 255, 255}), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formula),  cmocka_unit_test(impulse),
        cmocka_unit_test(constant), cmocka_unit_test(channels_apart),
        cmocka_unit_test(rounding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
