/* Tests of filters/resample: weights, phases, sizes, threads.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "filters/resample.h"

enum { W = 37, H = 23, MAX = 3 * 128 * 128 };
static float src[MAX], dst[MAX], ref[MAX];

static void fill(int w, int h, int c)
{
    srand(7);
    for (int i = 0; i < w * h * c; i++)
        src[i] = (float)rand() / RAND_MAX - 0.3f;
}

static void resize(FgAxis x, FgAxis y, FgKernel k, int c, float *out,
                   FgExecutor *ex)
{
    FgResize r;

    assert_int_equal(fg_resize_init(&r, x, y, k, c), 0);
    fg_resize_run(&r, (FgView){out, (ptrdiff_t)x.dst * c},
                  (FgView){src, (ptrdiff_t)x.src * c}, 0, 1, NULL, ex);
    fg_resize_free(&r);
}

static void test_same_size_is_a_copy(void **state)
{
    (void)state;
    fill(W, H, 3);
    resize(fg_axis(W, W), fg_axis(H, H), FG_LANCZOS3, 3, dst, NULL);
    assert_memory_equal(src, dst, sizeof(float) * W * H * 3);
}

/* Constants and, inside, straight lines stay what they are. */
static void test_polynomials(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < W * H; i++)
            src[i] = 0.7f;
        resize(fg_axis(W, 90), fg_axis(H, 11), k, 1, dst, NULL);
        for (int i = 0; i < 90 * 11; i++)
            assert_true(fabsf(dst[i] - 0.7f) < 1e-5f);
    }
    for (int i = 0; i < W * H; i++)
        src[i] = (float)(i % W);
    resize(fg_axis(W, 2 * W), fg_axis(H, H), FG_BICUBIC, 1, dst, NULL);
    for (int x = 8; x < 2 * W - 8; x++)
        assert_true(fabs(dst[2 * W * 5 + x] - (x / 2.0 - 0.25)) < 1e-4);
}

/* x2 by Keys a = -0.5: the phases have weights known from the literature. */
static void test_bicubic_weights(void **state)
{
    const float w[4] = {-0.0703125f, 0.8671875f, 0.2265625f, -0.0234375f};

    (void)state;
    memset(src, 0, sizeof(src));
    src[10] = 1;
    resize(fg_axis(20, 40), fg_axis(1, 1), FG_BICUBIC, 1, dst, NULL);
    assert_true(fabsf(dst[21] - w[1]) < 1e-6f);
    assert_true(fabsf(dst[20] - w[1]) < 1e-6f);
    assert_true(fabsf(dst[22] - w[2]) < 1e-6f);
    assert_true(fabsf(dst[23] - w[0]) < 1e-6f);
    assert_true(fabsf(dst[24] - w[3]) < 1e-6f);
    assert_true(dst[25] == 0);
}

/* A picture of a sampled slow wave, moved by a phase, is the moved wave. */
static void test_phase(void **state)
{
    const double phase = 0.375;
    FgResize r;

    (void)state;
    for (int i = 0; i < 64; i++)
        src[i] = (float)sin(i * 0.2);
    assert_int_equal(fg_resize_init(&r, (FgAxis){64, 64, 0, 1}, fg_axis(1, 1),
                                    FG_LANCZOS3, 1),
                     0);
    fg_resize_phase(&r, phase, 0);
    fg_resize_run(&r, (FgView){dst, 64}, (FgView){src, 64}, 0, 1, NULL, NULL);
    fg_resize_free(&r);
    for (int i = 4; i < 60; i++)
        assert_true(fabs(dst[i] - sin((i + phase) * 0.2)) < 1e-2);
}

/* Shrinking must remove what the small picture cannot hold. */
static void test_antialias(void **state)
{
    (void)state;
    for (int i = 0; i < 96 * 4; i++)
        src[i] = i % 2 ? 1 : 0;
    for (int k = 0; k < 2; k++) {
        resize(fg_axis(96, 24), fg_axis(4, 4), k, 1, dst, NULL);
        for (int i = 4; i < 20; i++)
            assert_true(fabsf(dst[i] - 0.5f) < 0.02f);
    }
}

static double direct(FgAxis a, int i, const float *s, int stride, FgKernel k)
{
    const double c = a.first + i * a.step, wide = fmax(1, a.step);
    const double radius = k == FG_BICUBIC ? 2 : 3;
    double sum = 0, all = 0;

    for (int j = (int)floor(c - radius * wide) - 2; j < c + radius * wide + 2;
         j++) {
        const double x = fabs(j - c) / wide;
        const int at = j < 0 ? 0 : j > a.src - 1 ? a.src - 1 : j;
        double w = 0;

        if (k == FG_LANCZOS3 && x < 3)
            w = x < 1e-9 ? 1
                         : sin(M_PI * x) / (M_PI * x) * sin(M_PI * x / 3) /
                               (M_PI * x / 3);
        else if (k == FG_BICUBIC && x < 2)
            w = x < 1 ? 1.5 * x * x * x - 2.5 * x * x + 1
                      : -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2;
        sum += w * s[at * stride];
        all += w;
    }
    return sum / all;
}

/* Any size, channels and edge against a plain double version. */
static void test_against_direct(void **state)
{
    static const int sizes[][4] = {
        {W, 50, H, 60}, {W, 11, H, 7}, {W, 60, H, 9},    {W, 9, H, 61},
        {1, 5, 1, 7},   {2, 1, 3, 1},  {W, 2 * W, H, H}, {W, W, H, 2 * H}};
    static float mid[MAX];

    (void)state;
    for (size_t t = 0; t < sizeof(sizes) / sizeof(*sizes); t++) {
        const FgAxis x = fg_axis(sizes[t][0], sizes[t][1]);
        const FgAxis y = fg_axis(sizes[t][2], sizes[t][3]);
        const int c = 1 + (int)t % 3;

        fill(x.src, y.src, c);
        resize(x, y, t & 1, c, dst, NULL);
        for (int i = 0; i < x.dst; i++)
            for (int j = 0; j < y.src; j++)
                mid[j * x.dst + i] = (float)direct(
                    x, i, src + j * x.src * c + c - 1, c, t & 1);
        for (int i = 0; i < x.dst; i++)
            for (int j = 0; j < y.dst; j++)
                assert_true(fabs(direct(y, j, mid + i, x.dst, t & 1) -
                                 dst[(j * x.dst + i) * c + c - 1]) < 1e-5);
    }
}

/* keep, gain, rows promised clean, and threads. */
static void test_run_options(void **state)
{
    const FgAxis x = fg_axis(W, 80), ys[2] = {fg_axis(H, 70), fg_axis(H, 9)};
    uint8_t dirty[H] = {0};
    FgPool *pool;
    FgResize r;

    (void)state;
    assert_int_equal(fg_pool_create(&pool, 3), 0);
    for (int k = 0; k < 2; k++) {
        const int n = 80 * ys[k].dst;

        fill(W, H, 1);
        for (int y = 0; y < H; y++) {
            dirty[y] = y == 3 || y > 18;
            for (int i = 0; i < W && !dirty[y]; i++)
                src[y * W + i] = 0;
        }
        resize(x, ys[k], FG_BICUBIC, 1, ref, NULL);
        fg_resize_init(&r, x, ys[k], FG_BICUBIC, 1);
        for (int keep = 0; keep < 3; keep++) {
            for (int i = 0; i < n; i++)
                dst[i] = 3;
            fg_resize_run(&r, (FgView){dst, 80}, (FgView){src, W}, keep * 0.5f,
                          2, dirty, fg_pool_executor(pool));
            for (int i = 0; i < n; i++)
                assert_true(dst[i] == 3 * (keep * 0.5f) + 2 * ref[i]);
        }
        fg_resize_free(&r);
    }
    fg_pool_free(&pool);
}

static void test_refused(void **state)
{
    FgResize r;

    (void)state;
    assert_int_equal(
        fg_resize_init(&r, (FgAxis){0, 4, 0, 1}, fg_axis(1, 1), FG_BICUBIC, 1),
        -EINVAL);
    assert_int_equal(
        fg_resize_init(&r, fg_axis(4, 4), fg_axis(4, 4), FG_BICUBIC, 4),
        -EINVAL);
    fg_resize_free(&r);
    fg_resize_free(NULL);
}

/* By rows and each channel apart: the bits of the whole picture. */
static void test_planar_rows(void **state)
{
    static const FgAxis xs[] = {{33, 66, -0.25, 0.5},
                                {33, 66, -0.5, 0.5},
                                {33, 99, -1.0 / 3, 1.0 / 3},
                                {33, 50, 0, 0.66}};
    static float row[128];

    (void)state;
    fill(33, 20, 2);
    for (int k = 0; k < 4; k++) {
        const FgAxis y = {20, 40, k & 1 ? 0 : -0.25, 0.5};
        FgResize r;

        resize(xs[k], y, FG_BICUBIC, 2, ref, NULL);
        assert_int_equal(fg_resize_init(&r, xs[k], y, FG_BICUBIC, 2), 0);
        assert_true(fg_resize_by_rows(&r));
        fg_resize_planar(&r);
        for (int i = 0; i < 20; i++)
            for (int p = 0; p < 2; p++) {
                for (int x = 0; x < 33; x++)
                    row[x] = src[(i * 33 + x) * 2 + p];
                fg_resize_take_row(&r, p, i, row);
            }
        for (int i = 0; i < 40; i++)
            for (int p = 0; p < 2; p++) {
                fg_resize_give_row(&r, p, i, row);
                for (int x = 0; x < xs[k].dst; x++)
                    assert_true(row[x] == ref[(i * xs[k].dst + x) * 2 + p]);
            }
        fg_resize_free(&r);
    }
}

/* Steps of two have loops of their own: the sums that their weights say, bit by
 * bit, of rows long and short. */
static void test_steps_of_two(void **state)
{
    static const int sizes[] = {1, 2, 3, 7, 16, 120, 121};
    static float row[512];

    (void)state;
    fill(128, 3, 1);
    for (int i = 0; i < 3 * 2 * 7; i++) {
        const int c = 1 + i % 3, n = sizes[i / 6], dst = (n + 1) / 2;
        const FgAxis a = {n, dst, i / 3 % 2 ? 0.5 : 0, 2};
        FgTaps t;

        assert_int_equal(fg_taps_init(&t, a, FG_BICUBIC), 0);
        fg_taps_across(&t, c, row, src, 0, 1);
        for (int x = 0; x < dst; x++)
            for (int k = 0; k < c; k++) {
                float sum = 0;

                for (int j = 0; j < t.nb; j++)
                    sum += t.w[x * t.nb + j] * src[(t.start[x] + j) * c + k];
                assert_true(row[x * c + k] == sum);
            }
        if (n > 100)
            assert_true(t.down && t.hi - t.lo > n / 2 - 10);
        fg_taps_free(&t);
    }
}

/* One step instead of two, for all phases after those it was made for. */
static void test_joined(void **state)
{
    static const int sizes[] = {1, 2, 3, 40};
    static float mid[256], row[256];

    (void)state;
    fill(40, 1, 1);
    for (int i = 0; i < 4 * 3 * 3; i++) {
        const int n = sizes[i / 9], f = 1 + i / 3 % 3, g = 1 + i % 3;
        FgTaps a, b, t;

        assert_int_equal(
            fg_taps_init(&a, (FgAxis){n, 2 * n, 0, 0.5}, FG_BICUBIC), 0);
        assert_int_equal(fg_taps_init(&b, (FgAxis){2 * n, f * n, 0, 2.0 / f},
                                      g == 2 ? FG_LANCZOS3 : FG_BICUBIC),
                         0);
        assert_int_equal(fg_taps_join(&t, &a, &b), 0);
        for (int k = 0; k < 4; k++) {
            fg_taps_across(&a, 1, mid, src, 0, 1);
            fg_taps_across(&b, 1, row, mid, 0, 1);
            fg_taps_across(&t, 1, dst, src, 0, 1);
            for (int x = 0; x < f * n; x++)
                assert_true(fabsf(dst[x] - row[x]) < 1e-6F);
            fg_taps_phase(&a, -0.37 * k);
            fg_taps_phase(&b, 0.21 * k);
            fg_taps_join_again(&t, &a, &b);
        }
        fg_taps_free(&a);
        fg_taps_free(&b);
        fg_taps_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planar_rows),
        cmocka_unit_test(test_same_size_is_a_copy),
        cmocka_unit_test(test_polynomials),
        cmocka_unit_test(test_bicubic_weights),
        cmocka_unit_test(test_phase),
        cmocka_unit_test(test_antialias),
        cmocka_unit_test(test_against_direct),
        cmocka_unit_test(test_run_options),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_steps_of_two),
        cmocka_unit_test(test_joined),
    };

    return cmocka_run_group_tests_name("resample", tests, NULL, NULL);
}
