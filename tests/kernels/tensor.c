/* Tensors: memory, views, copies; the error text.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/error.h"
#include "kernels/tensor.h"

static void test_alloc(void **state)
{
    const FgDtype types[] = {FG_F32, FG_F64, FG_BF16, FG_F16};
    const size_t sizes[] = {4, 8, 2, 2};
    FgTensor t;

    (void)state;
    for (int k = 0; k < 4; k++) {
        assert_int_equal(fg_dtype_size(types[k]), sizes[k]);
        assert_int_equal(fg_tensor_alloc(&t, (FgShape){2, 3, 4, 5}, types[k]),
                         0);
        assert_int_equal((uintptr_t)t.data % 64, 0);
        assert_ptr_equal(t.data, t.owned);
        assert_int_equal(t.pitch, 3);
        assert_int_equal(t.row, 15);
        assert_int_equal(t.image, 60);
        for (size_t i = 0; i < 120 * sizes[k]; i++)
            assert_int_equal(((char *)t.data)[i], 0);
        fg_tensor_free(&t);
        assert_null(t.data);
        fg_tensor_free(&t);
    }
    fg_tensor_free(NULL);
}

static void test_refused(void **state)
{
    const FgShape bad[] = {{0, 1, 1, 1},
                           {1, 0, 1, 1},
                           {1, 1, -1, 1},
                           {1, 1, 1, 0},
                           {1024, 1024, 1024, 1024}, /* 2^42 bytes */
                           {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        FgTensor t;

        memset(&t, 1, sizeof(t));
        assert_int_equal(fg_tensor_alloc(&t, bad[i], FG_F32), -EINVAL);
        assert_null(t.data);
        assert_null(t.owned);
        assert_int_equal(t.shape.n, 0);
    }
}

/* 2 images of 3 channels, 4 rows, 5 pixels, numbered in memory order. */
static FgTensor numbered(void)
{
    FgTensor t;

    assert_int_equal(fg_tensor_alloc(&t, (FgShape){2, 3, 4, 5}, FG_F32), 0);
    for (int i = 0; i < 120; i++)
        ((float *)t.data)[i] = (float)i;
    return t;
}

static void test_views(void **state)
{
    FgTensor t = numbered();
    const FgTensor image = fg_tensor_images(&t, 1, 1);
    const FgTensor window = fg_tensor_window(&image, 2, 1, 3, 2);
    FgTensor v = fg_tensor_channels(&window, 1, 2);

    (void)state;
    assert_null(image.owned);
    assert_null(v.owned);
    assert_int_equal(image.shape.n, 1);
    assert_int_equal(v.shape.w, 3);
    assert_int_equal(v.shape.h, 2);
    assert_int_equal(v.shape.c, 2);
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 3; x++)
            for (int c = 0; c < 2; c++)
                assert_true(fg_f32(&v, 0, y, x)[c] ==
                            *(fg_f32(&t, 1, 1 + y, 2 + x) + 1 + c));
    fg_tensor_free(&v); /* a view frees nothing */
    assert_true(((float *)t.data)[119] == 119);
    fg_tensor_free(&t);
}

static void test_zero_leaves_gaps(void **state)
{
    FgTensor t = numbered();
    const FgTensor window = fg_tensor_window(&t, 1, 1, 3, 2);
    FgTensor v = fg_tensor_channels(&window, 0, 2);

    (void)state;
    fg_tensor_zero(&v);
    for (int i = 0; i < 120; i++) {
        const int c = i % 3, x = i / 3 % 5, y = i / 15 % 4;
        const int inside = c < 2 && x >= 1 && x < 4 && y >= 1 && y < 3;

        assert_true(((float *)t.data)[i] == (inside ? 0.0f : (float)i));
    }
    fg_tensor_free(&t);
}

static void test_copy(void **state)
{
    FgTensor t = numbered(), dense, back = numbered();
    const FgTensor window = fg_tensor_window(&t, 1, 1, 3, 2);
    const FgTensor v = fg_tensor_channels(&window, 0, 2);
    FgTensor to = fg_tensor_window(&back, 1, 1, 3, 2);

    (void)state;
    assert_int_equal(fg_tensor_alloc(&dense, v.shape, FG_F32), 0);
    fg_tensor_copy(&dense, &v);
    for (int i = 0; i < 24; i++) {
        const int c = i % 2, x = i / 2 % 3, y = i / 6 % 2, n = i / 12;

        assert_true(((float *)dense.data)[i] ==
                    *(fg_f32(&t, n, 1 + y, 1 + x) + c));
        ((float *)dense.data)[i] = -1;
    }
    to = fg_tensor_channels(&to, 0, 2);
    fg_tensor_copy(&to, &dense);
    for (int i = 0; i < 120; i++) {
        const int c = i % 3, x = i / 3 % 5, y = i / 15 % 4;
        const int inside = c < 2 && x >= 1 && x < 4 && y >= 1 && y < 3;

        assert_true(((float *)back.data)[i] == (inside ? -1.0f : (float)i));
    }
    fg_tensor_free(&t);
    fg_tensor_free(&dense);
    fg_tensor_free(&back);
}

static void test_error(void **state)
{
    FgError e = {""};
    char *const lengthy = malloc(5000);

    (void)state;
    assert_non_null(lengthy);
    memset(lengthy, 'x', 4999);
    lengthy[4999] = 0;
    assert_int_equal(fg_error(&e, -EINVAL, "%s: %d", "a.yaml", 7), -EINVAL);
    assert_string_equal(e.text, "a.yaml: 7");
    assert_int_equal(fg_error(&e, -EIO, "%s", lengthy), -EIO);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    assert_int_equal(fg_error(NULL, -ENOMEM, "x"), -ENOMEM);
    free(lengthy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_views), cmocka_unit_test(test_zero_leaves_gaps),
        cmocka_unit_test(test_copy),  cmocka_unit_test(test_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
