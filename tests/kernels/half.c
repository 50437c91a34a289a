/* Half precision: every half, and floats around every rounding, on every
 * instruction set.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "kernels/dsp.h"
#include "kernels/half.h"

/* By the definition of the format. */
static double value_of(unsigned h)
{
    const int e = (int)(h >> 10 & 31), m = (int)(h & 1023);
    const double v = e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);

    return h & 0x8000 ? -v : v;
}

static void every_half(void **state)
{
    static uint16_t h[65536], back[65536];
    static float f[65536];
    FgDsp d;

    (void)state;
    for (unsigned i = 0; i < 65536; i++)
        h[i] = (uint16_t)i;
    for (int level = FG_CPU_C; level <= (int)fg_cpu_detect(); level++) {
        fg_dsp_init(&d, (FgCpu)level);
        d.f16_to_f32(f, h, 65535);
        d.f32_to_f16(back, f, 65535);
        for (unsigned i = 0; i < 65535; i++) {
            const int nan = (i & 0x7fff) > 0x7c00;

            if ((i & 0x7c00) != 0x7c00)
                assert_true((double)f[i] == value_of(i));
            assert_int_equal(isnan(f[i]) != 0, nan);
            assert_int_equal(back[i], nan ? i | 0x200 : i);
        }
    }
}

/* The nearest, of two the even one. */
static void rounding(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 0x7bff; i++) {
        const float a = (float)value_of(i), b = (float)value_of(i + 1);
        const float mid = a + (b - a) / 2;

        assert_int_equal(fg_half_from_float(mid), i & 1 ? i + 1 : i);
        assert_int_equal(fg_half_from_float(nextafterf(mid, 0)), i);
        assert_int_equal(fg_half_from_float(-nextafterf(mid, 1e9f)),
                         0x8000 | (i + 1));
    }
    assert_int_equal(fg_half_from_float(65519.996f), 0x7bff);
    assert_int_equal(fg_half_from_float(65520.0f), 0x7c00);
    assert_int_equal(fg_half_from_float(-1e30f), 0xfc00);
}

static void levels_agree(void **state)
{
    static float f[4099];
    static uint16_t want[4099], got[4099];
    uint32_t seed = 7;
    FgDsp d;

    (void)state;
    for (int run = 0; run < 64; run++) {
        for (int i = 0; i < 4099; i++) {
            seed = seed * 1664525u + 1013904223u;
            memcpy(&f[i], &seed, sizeof(seed));
            want[i] = fg_half_from_float(f[i]);
        }
        for (int level = FG_CPU_C; level <= (int)fg_cpu_detect(); level++) {
            fg_dsp_init(&d, (FgCpu)level);
            memset(got, 0, sizeof(got));
            d.f32_to_f16(got, f, 4098 - (size_t)run);
            for (int i = 0; i < 4099; i++)
                assert_int_equal(got[i], i < 4098 - run ? want[i] : 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_half),
                                       cmocka_unit_test(rounding),
                                       cmocka_unit_test(levels_agree)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
