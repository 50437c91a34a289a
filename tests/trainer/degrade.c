/* How small pictures are spoilt. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/degrade.h"
#include "trainer/imresize.h"

enum { SIDE = 64, SCALE = 2, P = 24, LR = P * P * 3 };

static float hr[SIDE * SIDE * 3];

static int setup(void **state)
{
    (void)state;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++)
                hr[(y * SIDE + x) * 3 + c] = (float)(0.5 +
                                                     0.2 * sin(0.2 * x + c) +
                                                     0.2 * cos(0.33 * y - c) +
                                                     0.05 * sin(1.9 * (x + y)));
    return 0;
}

static FgDegrade nothing(void)
{
    FgDegrade d;

    memset(&d, 0, sizeof(d));
    d.codec[0] = "x264";
    d.nb_codecs = 1;
    d.deg_frames = 1;
    d.deg1_kernel = d.deg2_kernel = 9;
    d.deg1_sigma_min = d.deg1_sigma_max = 2;
    d.deg1_size_min = 0.4;
    d.deg1_size_max = 1.5;
    d.deg1_beta_min = d.deg1_beta_max = 1;
    d.deg1_noise_max = 30;
    d.deg1_shot_max = 3;
    d.deg1_jpeg_min = d.deg1_jpeg_max = 20;
    d.deg_x264_min = d.deg_x264_max = 40;
    return d;
}

static void run(const FgDegrade *d, int64_t step, uint32_t sample, float *lr)
{
    FgDice dice = {5, step, sample, 0};
    FgError err = {""};

    if (fg_degrade_run(d, &dice, hr, SIDE, SCALE, lr, P, &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < LR; i++) {
        const float v = lr[i] * 255;

        if (!(fabsf(v - rintf(v)) < 1e-3f && v >= 0 && v <= 255))
            fail_msg("%d: %.9g is no 8-bit value", i, v);
    }
}

static double rms(const float *a, const float *b)
{
    double sum = 0;

    for (int i = 0; i < LR; i++)
        sum += pow(255 * ((double)a[i] - b[i]), 2);
    return sqrt(sum / LR);
}

/* Nothing drawn: the middle of MATLAB's bicubic, rounded. */
static void plain(void **state)
{
    const int small = SIDE / SCALE, edge = (small - P) / 2;
    float lr[LR], want[SIDE / SCALE * SIDE / SCALE * 3];
    FgDegrade d = nothing();

    (void)state;
    assert_int_equal(fg_imresize_f32(want, small, small, hr, SIDE, SIDE, 3), 0);
    for (int k = 0; k < 2; k++, d.none = 1) {
        run(&d, 1, 0, lr);
        for (int y = 0; y < P; y++)
            for (int x = 0; x < P * 3; x++)
                assert_true(fabsf(lr[y * P * 3 + x] -
                                  want[((y + edge) * small + edge) * 3 + x]) <=
                            0.501f / 255);
    }
}

/* Each kind of damage does damage, of a size that its numbers bound, the same
 * for the same seed, step and sample and another for others. */
static void kinds(void **state)
{
    const struct {
        const char *what;
        size_t chance;
        double least, most;
        int fixed; /* what it does is drawn, but not by the sample here */
    } all[] = {
        {"blur", offsetof(FgDegrade, deg1_blur), 1, 20, 0},
        {"up", offsetof(FgDegrade, deg1_up), 0.01, 12, 0},
        {"down", offsetof(FgDegrade, deg1_down), 0.3, 40, 0},
        {"noise", offsetof(FgDegrade, deg1_noise), 0.3, 40, 0},
        {"shot", offsetof(FgDegrade, deg1_shot), 0.3, 60, 0},
        {"jpeg", offsetof(FgDegrade, deg1_jpeg), 1, 20, 1},
        {"codec", offsetof(FgDegrade, deg_codec), 1, 30, 1},
    };
    float clean[LR], a[LR], b[LR], other[LR];
    FgDegrade d = nothing();

    (void)state;
    run(&d, 7, 3, clean);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        double r;

        d = nothing();
        *(double *)((char *)&d + all[i].chance) = 1;
        run(&d, 7, 3, a);
        run(&d, 7, 3, b);
        run(&d, 7, 4, other);
        assert_memory_equal(a, b, sizeof(a));
        if (!all[i].fixed && !memcmp(a, other, sizeof(a)))
            fail_msg("%s is the same for another sample", all[i].what);
        r = rms(a, clean);
        if (!(r >= all[i].least && r <= all[i].most))
            fail_msg("%s: %.3f of 255, wanted %.2f..%.2f", all[i].what, r,
                     all[i].least, all[i].most);
    }
}

/* All kernels and scalers keep a constant picture. */
static void kernels(void **state)
{
    float a[LR];
    FgDegrade d = nothing();

    (void)state;
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        hr[i] = 77 / 255.0f;
    for (uint32_t k = 0; k < 24; k++) {
        d.deg1_blur = d.deg1_down = 1;
        d.deg1_kernel = 21;
        d.deg1_sigma_min = 0.2;
        d.deg1_sigma_max = 3;
        d.deg1_sinc = k % 3 == 0;
        d.deg1_aniso = 0.5;
        d.deg1_general = d.deg1_plateau = 0.4;
        d.deg1_beta_min = 0.5;
        d.deg1_beta_max = 4;
        run(&d, 11, k, a);
        for (int i = 0; i < LR; i++)
            assert_true(a[i] == 77 / 255.0f);
    }
    setup(state);
}

static void grey(void **state)
{
    float a[LR], clean[LR];
    FgDegrade d = nothing();
    int same = 0;

    (void)state;
    run(&d, 2, 0, clean);
    d.deg1_noise = d.deg1_grey = 1;
    run(&d, 2, 0, a);
    for (int i = 0; i < LR; i += 3)
        same += fabsf((a[i] - clean[i]) - (a[i + 1] - clean[i + 1])) <
                1.6f / 255;
    assert_in_range(same, LR / 3 * 95 / 100, LR / 3);
}

static void dice(void **state)
{
    FgDice d = {1, 2, 3, 0};
    double sum = 0;

    (void)state;
    for (int i = 0; i < 4000; i++) {
        const double v = fg_dice(&d);

        assert_true(v >= 0 && v < 1);
        sum += v;
    }
    assert_true(fabs(sum / 4000 - 0.5) < 0.02); /* four sigma */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),   cmocka_unit_test(kinds),
        cmocka_unit_test(kernels), cmocka_unit_test(grey),
        cmocka_unit_test(dice),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
