/* 8-bit floating point: every code, and floats around every rounding.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "kernels/cuda/hd.h"
#include "kernels/e4m3.h"

/* By the definition of the format. */
static double value_of(unsigned c)
{
    const int e = (int)(c >> 3 & 15), m = (int)(c & 7);
    const double v = e ? ldexp(8 + m, e - 10) : ldexp(m, -9);

    return c & 0x80 ? -v : v;
}

static void every_code(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        const float f = fg_e4m3_to_float((uint8_t)c);

        assert_int_equal(isnan(f) != 0, (c & 0x7f) == 0x7f);
        assert_int_equal(signbit(f) != 0, c >> 7);
        if (!isnan(f))
            assert_true((double)f == value_of(c));
        assert_int_equal(fg_e4m3_from_float(f), c);
    }
    assert_true(value_of(0x7e) == FG_E4M3_MAX);
}

/* The nearest, of two the even one. */
static void rounding(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x7e; c++) {
        const float a = (float)value_of(c), b = (float)value_of(c + 1);
        const float mid = a + (b - a) / 2;

        assert_int_equal(fg_e4m3_from_float(mid), c & 1 ? c + 1 : c);
        assert_int_equal(fg_e4m3_from_float(nextafterf(mid, 0)), c);
        assert_int_equal(fg_e4m3_from_float(-nextafterf(mid, 1e9f)),
                         0x80 | (c + 1));
    }
}

static void ends(void **state)
{
    static const float large[] = {448.0001F, 464, 480, 65536, 3e38F, INFINITY};

    (void)state;
    for (size_t i = 0; i < sizeof(large) / sizeof(*large); i++) {
        assert_int_equal(fg_e4m3_from_float(large[i]), 0x7e);
        assert_int_equal(fg_e4m3_from_float(-large[i]), 0xfe);
    }
    assert_int_equal(fg_e4m3_from_float(0x1p-10f), 0);
    assert_int_equal(fg_e4m3_from_float(0x1.000002p-10f), 1);
    assert_int_equal(fg_e4m3_from_float(-1e-40f), 0x80);
}

/* What kernels call: two numbers, the first in the low byte. */
static void pairs(void **state)
{
    (void)state;
    assert_int_equal(fg_e4m3_put2(1, -2), 0xc038);
    assert_int_equal(fg_e4m3_put2(NAN, 1e9F), 0x7e7f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code), cmocka_unit_test(rounding),
        cmocka_unit_test(ends), cmocka_unit_test(pairs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
