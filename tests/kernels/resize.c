/* The op resize. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <math.h>
#include <string.h>

static void values(void **state)
{
    GcCase c = {"resize",
                {.factor = 2, .mode = FG_RESIZE_NEAREST},
                .nb_in = 1,
                .in = {{1, 1, 1, 2}}};
    const double in[] = {1, 3}, near[] = {1, 1, 3, 3, 1, 1, 3, 3};
    const double linear[] = {1, 1.5, 2.5, 3, 1, 1.5, 2.5, 3};
    (void)state;
    gc_expect(&c, (const double *const[]){in}, NULL, near, 0);
    c.attr.mode = FG_RESIZE_BILINEAR;
    gc_expect(&c, (const double *const[]){in}, NULL, linear, 1e-7);
}

static double keys(double x)
{
    x = fabs(x);
    return x < 1   ? 1.5 * x * x * x - 2.5 * x * x + 1
           : x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2
                   : 0;
}

/* One output value by the formula, without separation or phases. */
static double bicubic(const GcRun *r, int f, size_t i)
{
    const FgShape s = r->out_shape;
    const int k = i % s.c, x = i / s.c % s.w, y = i / s.c / s.w % s.h;
    const int n = i / s.c / s.w / s.h;
    const double v = (y + 0.5) / f - 0.5, u = (x + 0.5) / f - 0.5;
    double sum = 0;
    for (int b = (int)floor(v) - 2; b <= (int)floor(v) + 3; b++)
        for (int a = (int)floor(u) - 2; a <= (int)floor(u) + 3; a++) {
            const int h = s.h / f, w = s.w / f;
            const int cb = b < 0 ? 0 : b >= h ? h - 1 : b;
            const int ca = a < 0 ? 0 : a >= w ? w - 1 : a;
            sum += keys(v - b) * keys(u - a) *
                   *(fg_f64(&r->in[0], n, cb, ca) + k);
        }
    return sum;
}

static void bicubic_is_keys(void **state)
{
    static const FgShape shape[] = {
        {2, 3, 5, 7}, {1, 1, 6, 9}, {1, 5, 1, 4}, {1, 3, 3, 1}};
    (void)state;
    for (int i = 0; i < 4; i++)
        for (int f = 1; f <= 4; f++) {
            const GcCase c = {"resize",
                              {.factor = f, .mode = FG_RESIZE_BICUBIC},
                              .nb_in = 1,
                              .in = {shape[i]}};
            GcRun r;
            gc_open(&r, &c, FG_F64, 0, NULL);
            gc_forward(&r);
            for (size_t k = 0; k < gc_count(&r.out); k++)
                assert_true(fabs(gc_get(&r.out, k) - bicubic(&r, f, k)) <
                            1e-13);
            gc_close(&r);
        }
}

static void gradients(void **state)
{
    (void)state;
    for (int mode = FG_RESIZE_NEAREST; mode <= FG_RESIZE_BICUBIC; mode++)
        for (int f = 1; f <= 4; f++) {
            gc_check(&(GcCase){"resize",
                               {.factor = f, .mode = mode},
                               .nb_in = 1,
                               .in = {{2, 3, 5, 4}},
                               .linear = 1});
            gc_check(&(GcCase){"resize",
                               {.factor = f, .mode = mode},
                               .nb_in = 1,
                               .in = {{1, 2, 1, 2}},
                               .linear = 1});
        }
}

/* The window (5, 4) 7x6 of a picture gives the same bits two pixels inside. */
static void tile_bits(void **state)
{
    enum { F = 3, X = 5, Y = 4, W = 7, H = 6, EDGE = 2 };
    const GcCase c = {"resize",
                      {.factor = F, .mode = FG_RESIZE_BICUBIC},
                      .nb_in = 1,
                      .in = {{1, 3, 16, 20}}};
    const GcCase small = {"resize",
                          {.factor = F, .mode = FG_RESIZE_BICUBIC},
                          .nb_in = 1,
                          .in = {{1, 3, H, W}}};
    GcRun r, t;
    (void)state;
    gc_open(&r, &c, FG_F32, 0, NULL);
    gc_open(&t, &small, FG_F32, 0, NULL);
    const FgTensor tile = fg_tensor_window(&r.in[0], X, Y, W, H);
    t.call.in[0] = &tile;
    gc_forward(&r);
    gc_forward(&t);
    for (int y = EDGE * F; y < (H - EDGE) * F; y++)
        assert_memory_equal(fg_f32(&t.out, 0, y, EDGE * F),
                            fg_f32(&r.out, 0, Y * F + y, (X + EDGE) * F),
                            (W - 2 * EDGE) * F * 3 * sizeof(float));
    gc_close(&r);
    gc_close(&t);
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(
        &(GcCase){"resize", {.factor = 0}, .nb_in = 1, .in = {{1, 3, 5, 4}}});
    gc_refused(&(GcCase){
        "resize", {.factor = 2, .mode = 3}, .nb_in = 1, .in = {{1, 3, 5, 4}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),    cmocka_unit_test(bicubic_is_keys),
        cmocka_unit_test(gradients), cmocka_unit_test(tile_bits),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/resize", tests, NULL, NULL);
}
