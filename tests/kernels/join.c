/* Rows of a shuffled picture: every level makes the bits that the definition
 * gives, and writes nothing else.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "kernels/dsp.h"

enum { MOST = 41, PITCH = 60, R = 4, C = 3, GUARD = 8 };
static const float guard = -77.0F;

static float v[MOST * PITCH], phase[R * MOST * C];
static float out[MOST * R * C + GUARD];

static float defined(const FgJoin *j, int x, int d, int k)
{
    const int r = j->factor, c = j->channels;
    const int at = j->packed ? (j->sub * r + d) * c + k
                             : k * r * r + j->sub * r + d;
    const float a = v[x * (int)j->pitch + at];

    return j->phase ? a + phase[(d * j->n + x) * c + k] : a;
}

static void check(const FgDsp *dsp, FgJoin j)
{
    const int r = j.factor, c = j.channels, all = j.n * r * c;

    for (int i = 0; i < all + GUARD; i++)
        out[i] = guard;
    dsp->join(&j);
    for (int x = 0; x < j.n; x++)
        for (int d = 0; d < r; d++)
            for (int k = 0; k < c; k++)
                assert_true(out[(x * r + d) * c + k] == defined(&j, x, d, k));
    for (int i = all; i < all + GUARD; i++)
        assert_true(out[i] == guard);
}

static void every_shape(const FgDsp *dsp, int n)
{
    static const int rc[][2] = {{2, 1}, {2, 3}, {3, 1}, {4, 3}, {1, 2}};

    for (int i = 0; i < 5; i++)
        for (int how = 0; how < 8; how++)
            for (int sub = 0; sub < rc[i][0]; sub++) {
                const int r = rc[i][0], c = rc[i][1], dense = r * r * c;

                check(dsp, (FgJoin){.v = v,
                                    .phase = how & 1 ? phase : NULL,
                                    .pitch = how & 2 ? dense : dense + 3,
                                    .out = out,
                                    .n = n,
                                    .sub = sub,
                                    .factor = r,
                                    .channels = c,
                                    .packed = how >> 2});
            }
}

static void test_levels(void **state)
{
    (void)state;
    srand(5);
    for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
        v[i] = (float)rand() / RAND_MAX - 0.5F;
    for (size_t i = 0; i < sizeof(phase) / sizeof(*phase); i++)
        phase[i] = (float)rand() / RAND_MAX - 0.5F;
    for (int level = FG_CPU_C; level <= (int)fg_cpu_detect(); level++) {
        FgDsp dsp;

        fg_dsp_init(&dsp, (FgCpu)level);
        for (int n = 1; n <= MOST; n++)
            every_shape(&dsp, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
