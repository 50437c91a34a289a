/* Distances between sets of pictures, and multi-scale SSIM, against closed
 * forms, against numpy, and in order: what is worse measures worse.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/dice.h"
#include "trainer/distance.h"
#include "trainer/eval.h"
#include "trainer/metric.h"

#define W 203
#define H 187

/* The picture and the noise of the recorded figure. */
static void planes(uint8_t *a, uint8_t *b)
{
    uint32_t s = 12345;

    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            const double v = floor(128 + 60 * sin(x / 9.0) + 50 * cos(y / 5.0));
            const double p = fmin(255, fmax(0, v));

            s = (s * 1103515245u + 12345u) & 0x7fffffffu;
            a[y * W + x] = (uint8_t)p;
            b[y * W + x] = (uint8_t)fmin(
                255, floor(p * 0.9 + (double)(s >> 16 & 255) / 8));
        }
}

/* The figure was computed with numpy from the paper's formulas on these planes.
 */
static void ms_ssim_is_numpys(void **state)
{
    uint8_t *a = malloc(W * H), *b = malloc(W * H);
    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    planes(a, b);
    const double v = fg_ms_ssim(a, b, W, H, 0);
    if (!(fabs(v - 0.9765142034) < 1e-9))
        fail_msg("%.10f", v);
    assert_true(fabs(fg_ms_ssim(a, a, W, H, 0) - 1) < 1e-12);
    /* 160 inside the border is one too few, NAN is not a number. */
    assert_true(isnan(fg_ms_ssim(a, b, W, 160, 0)));
    assert_true(isnan(fg_ms_ssim(a, b, W, H, 14)));
    assert_true(isfinite(fg_ms_ssim(a, b, W, 161, 0)));
    free(a);
    free(b);
}

/* Independent axes: sum over them of (difference of means)^2 and (difference
 * of deviations)^2. Rows are made to have exactly these moments. */
static void frechet_has_a_closed_form(void **state)
{
    enum { N = 64, D = 5 };
    double a[N * D], b[N * D], want = 0;
    (void)state;
    for (int d = 0; d < D; d++) {
        const double ma = d, mb = 0.3 * d + 1, sa = 1 + d, sb = 3 - 0.5 * d;

        for (int i = 0; i < N; i++) {
            /* Walsh functions: orthogonal, mean 0, square 1. */
            const double w = __builtin_popcount((unsigned)(i & (d + 1))) % 2
                                 ? -1
                                 : 1;
            a[i * D + d] = ma + sa * w;
            b[i * D + d] = mb + sb * w;
        }
        want += (ma - mb) * (ma - mb) + (sa - sb) * (sa - sb) * N / (N - 1.0);
    }
    assert_true(fabs(fg_frechet(a, N, b, N, D) - want) < 1e-9);
    assert_true(fg_frechet(a, N, a, N, D) < 1e-9);
}

/* The same rotation of both sets changes nothing: off-diagonal parts count. */
static void frechet_does_not_see_rotations(void **state)
{
    enum { N = 200, D = 8 };
    static double a[N * D], b[N * D], c[N * D], d[N * D];
    FgDice dice = {5, 0, 0, 0};
    double axis[D], norm = 0;
    (void)state;
    for (int i = 0; i < N * D; i++) {
        a[i] = fg_dice_normal(&dice) * (1 + i % D);
        b[i] = fg_dice_normal(&dice) * (D - i % D) + 0.5;
    }
    for (int k = 0; k < D; k++) {
        axis[k] = fg_dice_normal(&dice);
        norm += axis[k] * axis[k];
    }
    /* A reflection: x - 2 (x.n) n. */
    for (int set = 0; set < 2; set++)
        for (int i = 0; i < N; i++) {
            const double *x = (set ? b : a) + i * D;
            double dot = 0;
            for (int k = 0; k < D; k++)
                dot += x[k] * axis[k];
            for (int k = 0; k < D; k++)
                (set ? d : c)[i * D + k] = x[k] - 2 * dot / norm * axis[k];
        }
    const double was = fg_frechet(a, N, b, N, D),
                 now = fg_frechet(c, N, d, N, D);
    assert_true(was > 1 && fabs(was - now) < 1e-8 * was);
    assert_true(fabs(was - fg_frechet(b, N, a, N, D)) < 1e-8 * was);
}

static void neighbours_tell_sets_apart(void **state)
{
    enum { N = 150, D = 3 };
    static double a[N * D], b[N * D], c[N * D];
    FgDice dice = {9, 0, 0, 0};
    (void)state;
    for (int i = 0; i < N * D; i++) {
        a[i] = fg_dice_normal(&dice);
        b[i] = fg_dice_normal(&dice);
        c[i] = 50 + fg_dice_normal(&dice);
    }
    /* 2N draws of one half: four standard errors. */
    assert_true(fabs(fg_one_nn(a, b, N, D) - 0.5) < 4 * 0.5 / sqrt(2 * N));
    assert_true(fg_one_nn(a, c, N, D) >= 1);
    /* Copies are each other's nearest: all wrong. */
    assert_true(fg_one_nn(a, a, N, D) < 0.01);
}

/* ---- pictures: blobs; made worse by degrees ---- */

enum { NOTHING, NOISE, DARKER, BLUR, ONE };

static void draw(FgPicture *p, uint64_t seed, int i, int how, double much)
{
    FgDice d = {seed, 1, (uint32_t)i, 0};
    const double fx = 0.1 + 0.4 * fg_dice(&d), fy = 0.1 + 0.4 * fg_dice(&d);
    const double phase = 6 * fg_dice(&d), soft = how == BLUR ? 1 - much : 1;

    *p = (FgPicture){36, 33, malloc(36 * 33 * 3)};
    assert_non_null(p->rgb);
    for (int k = 0; k < 36 * 33 * 3; k++) {
        const int c = k % 3, x = k / 3 % 36, y = k / 108;
        double v = 120 + 30 * c + soft * 70 * sin(fx * x + fy * y + phase) +
                   soft * 25 * cos(2.1 * x + c);

        if (how == NOISE)
            v += much * 40 * fg_dice_normal(&d);
        if (how == DARKER)
            v *= 1 - 0.5 * much;
        p->rgb[k] = (uint8_t)fmax(0, fmin(255, v));
    }
}

static FgPicture *set(uint64_t seed, int n, int how, double much)
{
    FgPicture *p = calloc((size_t)n, sizeof(*p));
    assert_non_null(p);
    for (int i = 0; i < n; i++)
        draw(&p[i], seed, how == ONE ? 0 : i, how, much);
    return p;
}

static FgMadeFigures measure(int how, double much)
{
    enum { N = 40 };
    FgPicture *a = set(1, N, NOTHING, 0), *b = set(2, N, how, much);
    FgMadeFigures f;
    assert_int_equal(fg_made_figures(a, b, N, 7, &f, NULL), 0);
    fg_pictures_free(&a, N);
    fg_pictures_free(&b, N);
    return f;
}

static void worse_pictures_are_farther(void **state)
{
    const FgMadeFigures same = measure(NOTHING, 0);
    (void)state;
    assert_int_equal(same.nb_levels, 2);
    for (int how = NOISE; how <= BLUR; how++) {
        const FgMadeFigures some = measure(how, 0.25), more = measure(how, 0.7);

        printf("# %d: SWD %.1f %.1f %.1f, FD %.4f %.4f %.4f, 1-NN %.2f %.2f "
               "%.2f\n",
               how, same.swd_mean, some.swd_mean, more.swd_mean, same.fd,
               some.fd, more.fd, same.one_nn, some.one_nn, more.one_nn);
        assert_true(same.swd_mean < some.swd_mean);
        assert_true(some.swd_mean < more.swd_mean);
        assert_true(same.fd < some.fd && some.fd < more.fd);
        assert_true(more.one_nn > 0.9 && same.one_nn < 0.7);
    }
    /* A generator that always makes the same picture. */
    assert_true(measure(ONE, 0).fd > 3 * same.fd);
}

static void threads_change_nothing(void **state)
{
    FgPool *pool = NULL;
    FgPicture *a = set(1, 16, NOTHING, 0), *b = set(2, 16, NOISE, 0.5);
    FgMadeFigures f, g;
    (void)state;
    assert_int_equal(fg_pool_create(&pool, 3), 0);
    assert_int_equal(fg_made_figures(a, b, 16, 7, &f, NULL), 0);
    assert_int_equal(fg_made_figures(a, b, 16, 7, &g, fg_pool_executor(pool)),
                     0);
    assert_true(fabs(f.fd - g.fd) <= 0 && fabs(f.swd_mean - g.swd_mean) <= 0);
    fg_pool_free(&pool);
    fg_pictures_free(&a, 16);
    fg_pictures_free(&b, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ms_ssim_is_numpys),
        cmocka_unit_test(frechet_has_a_closed_form),
        cmocka_unit_test(frechet_does_not_see_rotations),
        cmocka_unit_test(neighbours_tell_sets_apart),
        cmocka_unit_test(worse_pictures_are_farther),
        cmocka_unit_test(threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
