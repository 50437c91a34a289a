/* Crops: aligned, reproducible, inside the picture, every way round.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/pool.h"
#include "trainer/data.h"

enum { SCALE = 2, B = 64, PATCH = 4 };

static FgData data;

/* Large pixel (x, y) holds x and y of the small pixel it lies in, so that a
 * crop tells where it came from and which way round it is. */
static int setup(void **state)
{
    static const int sizes[3][2] = {{9, 7}, {12, 5}, {4, 4}};

    (void)state;
    data = (FgData){.nb = 3, .scale = SCALE};
    data.pair = calloc(3, sizeof(*data.pair));
    data.area = calloc(3, sizeof(*data.area));
    for (int i = 0; i < 3; i++) {
        const int w = sizes[i][0], h = sizes[i][1];
        FgPicture *lr = &data.pair[i].lr, *hr = &data.pair[i].hr;

        *lr = (FgPicture){w, h, malloc((size_t)w * h * 3)};
        *hr = (FgPicture){w * SCALE, h * SCALE,
                          malloc((size_t)w * h * 3 * SCALE * SCALE)};
        for (int p = 0; p < w * h; p++) {
            lr->rgb[3 * p] = (uint8_t)(p % w);
            lr->rgb[3 * p + 1] = (uint8_t)(p / w);
            lr->rgb[3 * p + 2] = (uint8_t)i;
        }
        for (int p = 0; p < w * h * SCALE * SCALE; p++) {
            hr->rgb[3 * p] = (uint8_t)(p % hr->w / SCALE);
            hr->rgb[3 * p + 1] = (uint8_t)(p / hr->w / SCALE);
            hr->rgb[3 * p + 2] = (uint8_t)i;
        }
        data.area[i] = (i ? data.area[i - 1] : 0) + (uint64_t)(w * h);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fg_data_free(&data);
    return 0;
}

static void make(FgTensor *in, FgTensor *target)
{
    const FgShape a = {B, 3, PATCH, PATCH};
    const FgShape b = {B, 3, PATCH * SCALE, PATCH * SCALE};

    assert_int_equal(fg_tensor_alloc(in, a, FG_F32), 0);
    assert_int_equal(fg_tensor_alloc(target, b, FG_F32), 0);
}

static void aligned(void **state)
{
    const FgCrops c = {
        .data = &data, .patch = PATCH, .augment = 1, .flat = 0, .seed = 42};
    FgTensor in, target;
    int ways = 0, pictures = 0;

    (void)state;
    make(&in, &target);
    fg_crops_fill(&c, 5, &in, &target, NULL);
    for (int n = 0; n < B; n++) {
        const float *a = fg_f32(&in, n, 0, 0), *x = fg_f32(&in, n, 0, 1);
        const float *y = fg_f32(&in, n, 1, 0);

        for (int v = 0; v < PATCH * SCALE; v++)
            for (int u = 0; u < PATCH * SCALE; u++)
                assert_memory_equal(fg_f32(&target, n, v, u),
                                    fg_f32(&in, n, v / SCALE, u / SCALE),
                                    3 * sizeof(float));
        ways |= 1 << ((x[0] != a[0]) * 4 + (x[0] + x[1] > a[0] + a[1]) * 2 +
                      (y[0] + y[1] > a[0] + a[1]));
        pictures |= 1 << (int)(a[2] * 255 + 0.5f);
    }
    assert_int_equal(ways, 255);
    assert_int_equal(pictures, 7);
    fg_tensor_free(&in);
    fg_tensor_free(&target);
}

static void reproducible(void **state)
{
    const FgCrops c = {
        .data = &data, .patch = PATCH, .augment = 1, .flat = 0.5, .seed = 42};
    FgTensor in[3], target[3];
    FgPool *pool = NULL;
    const size_t size = sizeof(float) * B * PATCH * PATCH * 3;

    (void)state;
    assert_int_equal(fg_pool_create(&pool, 3), 0);
    for (int i = 0; i < 3; i++)
        make(&in[i], &target[i]);
    fg_crops_fill(&c, 1, &in[0], &target[0], NULL);
    fg_crops_fill(&c, 1, &in[1], &target[1], fg_pool_executor(pool));
    fg_crops_fill(&c, 2, &in[2], &target[2], NULL);
    assert_memory_equal(in[0].data, in[1].data, size);
    assert_memory_equal(target[0].data, target[1].data, size * 4);
    assert_true(memcmp(in[0].data, in[2].data, size));
    for (int i = 0; i < 3; i++) {
        fg_tensor_free(&in[i]);
        fg_tensor_free(&target[i]);
    }
    fg_pool_free(&pool);
}

/* Without augmentation every crop lies as it is in the picture. */
static void upright(void **state)
{
    const FgCrops c = {
        .data = &data, .patch = PATCH, .augment = 0, .flat = 0, .seed = 9};
    FgTensor in, target;

    (void)state;
    make(&in, &target);
    fg_crops_fill(&c, 0, &in, &target, NULL);
    for (int n = 0; n < B; n++) {
        assert_true(fg_f32(&in, n, 0, 1)[0] > fg_f32(&in, n, 0, 0)[0]);
        assert_true(fg_f32(&in, n, 1, 0)[1] > fg_f32(&in, n, 0, 0)[1]);
    }
    fg_tensor_free(&in);
    fg_tensor_free(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned),
        cmocka_unit_test(reproducible),
        cmocka_unit_test(upright),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
