/* Losses: values by their definitions, gradients by central differences.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "kernels/op.h"
#include "trainer/loss.h"

enum { N = 2, C = 3, H = 6, W = 10, ALL = N * C * H * W };

static float y[ALL], target[ALL], grad[ALL];
static double sums[2 * N];
static const FgShape shape = {N, C, H, W};

static double uniform(uint32_t i, uint32_t stream)
{
    const uint32_t counter[4] = {i, stream, 0, 0}, key[2] = {5, 1};
    uint32_t r[4];

    fg_philox(counter, key, r);
    return r[0] * 0x1p-32;
}

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < ALL; i++) {
        y[i] = (float)uniform((uint32_t)i, 0);
        target[i] = (float)uniform((uint32_t)i, 1);
        grad[i] = 0;
    }
    return 0;
}

static void near(const char *what, double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * (1 + fabs(b))))
        fail_msg("%s: %.9g is not %.9g", what, a, b);
}

static double reference(const char *name, const float *v, double eps)
{
    double sum = 0;

    for (int i = 0; i < ALL; i++) {
        const double d = (double)v[i] - target[i];

        sum += name[0] == 'l'   ? fabs(d)
               : name[0] == 'm' ? d * d
                                : sqrt(d * d + eps * eps);
    }
    return sum / ALL;
}

static void pixel(const char *name)
{
    FgTensor ty = fg_tensor_wrap(y, shape, FG_F32);
    FgTensor tt = fg_tensor_wrap(target, shape, FG_F32);
    FgTensor tg = fg_tensor_wrap(grad, shape, FG_F32);
    const double eps = 0.05;
    double mse;

    near(
        name,
        fg_loss_pixel(fg_loss_find(name), eps, &ty, &tt, &tg, NULL, sums, &mse),
        reference(name, y, eps), 1e-6);
    near("mse", mse, reference("mse", y, 0), 1e-6);
    for (int i = 0; i < ALL; i += 7) {
        const float keep = y[i];
        double up, down;

        if (fabsf(keep - target[i]) < 0.01f)
            continue; /* too near the corner of l1 */
        y[i] = keep + 0x1p-10f;
        up = reference(name, y, eps);
        y[i] = keep - 0x1p-10f;
        down = reference(name, y, eps);
        y[i] = keep;
        near("gradient", grad[i] * ALL, (up - down) / 0x1p-9 * ALL, 1e-3);
    }
}

static void l1(void **state)
{
    (void)state;
    pixel("l1");
}

static void mse(void **state)
{
    (void)state;
    pixel("mse");
}

static void charbonnier(void **state)
{
    (void)state;
    pixel("charbonnier");
}

/* The half spectrum by its definition. */
static double spectrum(const float *v)
{
    double sum = 0;

    for (int n = 0; n < N; n++)
        for (int c = 0; c < C; c++)
            for (int ky = 0; ky < H; ky++)
                for (int kx = 0; kx <= W / 2; kx++) {
                    double re = 0, im = 0;

                    for (int p = 0; p < H * W; p++) {
                        const int i = (n * H * W + p) * C + c;
                        const double d = (double)v[i] - target[i];
                        const double a = 2 * M_PI *
                                         ((double)ky * (p / W) / H +
                                          (double)kx * (p % W) / W);

                        re += d * cos(a);
                        im -= d * sin(a);
                    }
                    sum += fabs(re) + fabs(im);
                }
    return sum / (2.0 * N * C * H * (W / 2 + 1));
}

static void fft(void **state)
{
    FgTensor ty = fg_tensor_wrap(y, shape, FG_F32);
    FgTensor tt = fg_tensor_wrap(target, shape, FG_F32);
    FgTensor tg = fg_tensor_wrap(grad, shape, FG_F32);
    FgLossFft *f = NULL;
    FgError err = {""};

    (void)state;
    if (fg_loss_fft_create(&f, H, W, 1, &err))
        fail_msg("%s", err.text);
    near("fft", fg_loss_fft(f, 0.5, &ty, &tt, &tg, NULL, sums),
         0.5 * spectrum(y), 1e-5);
    for (int i = 0; i < ALL; i += 29) {
        const float keep = y[i];
        double up, down;

        y[i] = keep + 0x1p-12f;
        up = spectrum(y);
        y[i] = keep - 0x1p-12f;
        down = spectrum(y);
        y[i] = keep;
        near("gradient", 2 * grad[i], (up - down) / 0x1p-11, 1e-5);
    }
    fg_loss_fft_free(&f);
    assert_null(f);
}

/* Added to, not overwritten; a second call gives the same. */
static void fft_adds(void **state)
{
    FgTensor ty = fg_tensor_wrap(y, shape, FG_F32);
    FgTensor tt = fg_tensor_wrap(target, shape, FG_F32);
    FgTensor tg = fg_tensor_wrap(grad, shape, FG_F32);
    FgLossFft *f = NULL;
    float first[ALL];

    (void)state;
    assert_int_equal(fg_loss_fft_create(&f, H, W, 1, NULL), 0);
    fg_loss_fft(f, 1, &ty, &tt, &tg, NULL, sums);
    for (int i = 0; i < ALL; i++)
        first[i] = grad[i];
    fg_loss_fft(f, 1, &ty, &tt, &tg, NULL, sums);
    for (int i = 0; i < ALL; i++)
        assert_true(grad[i] == 2 * first[i]);
    fg_loss_fft_free(&f);
}

static void names(void **state)
{
    (void)state;
    assert_int_equal(fg_loss_find("huber"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(l1, setup),
        cmocka_unit_test_setup(mse, setup),
        cmocka_unit_test_setup(charbonnier, setup),
        cmocka_unit_test_setup(fft, setup),
        cmocka_unit_test_setup(fft_adds, setup),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
