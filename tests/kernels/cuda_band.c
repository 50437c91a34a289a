/* Bands of rows that stay in a GPU's cache: chosen where they pay, and the same
 * bits as the picture at once. The plug-in that runs kernels on the CPU says
 * how large its cache is. No GPU is touched here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <stdio.h>

#include "cuda.h"
#include "kernels/plan.h"

enum { W = 40, H = 200 };

static const FgBuild narrow = {"compact", 1, 2, 16, 6, "relu", "bicubic", 0};
static const FgBuild wide = {"compact", 3, 2, 128, 2, "relu", "none", 0};

static FgPlan *plan_of(const FgModel *m, int kib, int h, int tile)
{
    const FgPlanOptions o = {
        .device = "cuda", .max_w = W, .max_h = h, .tile = tile};
    FgError err = {{0}};
    FgPlan *p;
    char text[16];
    snprintf(text, sizeof(text), "%d", kib);
    setenv("FFGAN_EMULATED_CACHE", text, 1);
    if (fg_plan_create(&p, m, &o, &err) < 0)
        fail_msg("%s", err.text);
    return p;
}

static int rows(const FgBuild *b, int kib, int h, int tile)
{
    FgModel *m = net_model(b);
    FgPlan *p = plan_of(m, kib, h, tile);
    FgPlanInfo i;
    fg_plan_info(p, &i);
    fg_plan_free(&p);
    fg_model_free(&m);
    return i.tile_h;
}

/* Two values of 16 channels, 2.5 KiB a row; 8 rows of border above and below.
 */
static void where_they_pay(void **state)
{
    (void)state;
    const int n = rows(&narrow, 256, H, 0);
    assert_in_range(n, 32, 64);
    assert_int_equal(n % 8, 0);
    assert_in_range(rows(&narrow, 384, H, 0), n + 1, 128);
    assert_int_equal(rows(&narrow, 0, H, 0), H);    /* unknown */
    assert_int_equal(rows(&narrow, 4096, H, 0), H); /* all fits */
    assert_int_equal(rows(&narrow, 256, 48, 0), 48);
    assert_int_equal(rows(&narrow, 64, H, 0), H);  /* borders are too much */
    assert_int_equal(rows(&narrow, 256, H, H), H); /* as it was asked */
    assert_int_equal(rows(&wide, 2048, H, 0), H);  /* products take the time */
}

static FgTensor run(FgPlan *p, int w, int h)
{
    FgTensor in = net_picture(1, h, w), out;
    assert_int_equal(
        fg_tensor_alloc(&out, (FgShape){1, 1, 2 * h, 2 * w}, FG_F32), 0);
    fg_tensor_zero(&out);
    assert_int_equal(fg_plan_run(p, &in, &out), 0);
    fg_tensor_free(&in);
    return out;
}

/* Twice each: the second is recorded. Sizes in turn. */
static void same_bits(void **state)
{
    static const int sizes[][2] = {{W, H},  {W, H}, {31, 150},
                                   {W, 20}, {W, H}, {W, H}};
    FgModel *m = net_model(&narrow);
    FgPlan *whole = plan_of(m, 0, H, 0), *bands = plan_of(m, 256, H, 0);
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        FgTensor want = run(whole, sizes[i][0], sizes[i][1]);
        FgTensor got = run(bands, sizes[i][0], sizes[i][1]);
        assert_true(net_max_diff(&want, &got) == 0);
        fg_tensor_free(&want);
        fg_tensor_free(&got);
    }
    fg_plan_free(&whole);
    fg_plan_free(&bands);
    fg_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_they_pay),
        cmocka_unit_test(same_bits),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
