/* The distance of textures. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "trainer/noise.h"
#include "trainer/sliced.h"

enum { W = 75, H = 62 };

static uint8_t a[W * H], b[W * H];

static void noise(uint8_t *d, double sigma, int64_t step)
{
    for (int i = 0; i < W * H; i++)
        d[i] = (uint8_t)(128 +
                         sigma * (fg_noise_at(9, step, 70, (size_t)i) * 2 - 1));
}

static void distances(void **state)
{
    double other, weaker, none;

    (void)state;
    noise(a, 40, 0);
    memcpy(b, a, sizeof(b));
    assert_true(fg_sliced_distance(a, b, W, H) == 0);
    noise(b, 40, 1); /* the same texture, no pixel alike */
    other = fg_sliced_distance(a, b, W, H);
    noise(b, 20, 1);
    weaker = fg_sliced_distance(a, b, W, H);
    noise(b, 0, 1);
    none = fg_sliced_distance(a, b, W, H);
    if (!(other * 3 < weaker && weaker * 1.5 < none))
        fail_msg("%.3f %.3f %.3f", other, weaker, none);
    assert_true(fg_sliced_distance(b, a, W, H) == none);
}

static void small(void **state)
{
    (void)state;
    assert_true(fg_sliced_distance(a, b, 31, 62) == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(distances),
                                       cmocka_unit_test(small)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
