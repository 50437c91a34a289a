/* Tests of filters/side: what is left of a picture comes back by rows as it
 * does at once, whatever little of it there is.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "filters/side.h"

enum { W = 203, H = 19, MOST = 3, THREADS = 2 };

typedef struct Case {
    int c, factor, every; /* channels; every so many pixels one is too high */
    int from, to;         /* columns where that may be */
    float share;
} Case;

static float pixel(const Case *k, int x, int y)
{
    const int at = y * W + x;

    if (x >= k->from && x < k->to && k->every && at % k->every == 0)
        return at % 2 ? 1.3F : -0.2F;
    return (float)(rand() % 1000) / 999;
}

/* left, dirty: what is left by its definition, as a picture. */
static void split_all(FgSide *s, const Case *k, float *in, float *left,
                      uint8_t *dirty)
{
    float v[W * MOST];

    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++)
            for (int c = 0; c < k->c; c++)
                v[x * k->c + c] = pixel(k, x, y);
        fg_side_split(s, y, in, v, k->share, y % THREADS);
        dirty[y] = 0;
        for (int i = 0; i < W * k->c; i++) {
            float *const l = &left[y * W * k->c + i];

            assert_true(in[i] == fminf(fmaxf(v[i], 0), 1));
            *l = v[i] - k->share * in[i];
            dirty[y] |= *l != 0;
        }
    }
}

/* Both ways, bit by bit; a row that nothing is added to stays where it was. */
static void check(const Case *k)
{
    const int ow = W * k->factor, oh = H * k->factor, n = ow * k->c;
    float *const net = malloc(sizeof(*net) * (size_t)(n * oh));
    float *const all = malloc(sizeof(*all) * (size_t)(n * oh));
    float *const row = malloc(sizeof(*row) * (size_t)n), in[W * MOST];
    float *const rows = malloc(sizeof(*rows) * (size_t)(n * oh));
    float left[H * W * MOST];
    uint8_t dirty[H];
    FgResize r;
    FgSide s;
    int same = 0;

    assert_non_null(net);
    assert_non_null(all);
    assert_non_null(row);
    assert_non_null(rows);
    memset(&s, 0, sizeof(s));
    assert_int_equal(
        fg_side_init(&s, fg_axis(W, ow), fg_axis(H, oh), k->c, THREADS), 0);
    assert_int_equal(
        fg_resize_init(&r, fg_axis(W, ow), fg_axis(H, oh), FG_BICUBIC, k->c),
        0);
    assert_int_equal(s.by_rows, k->factor > 1);
    srand(11);
    for (int frame = 0; frame < 2; frame++) { /* the second meets old rows */
        split_all(&s, k, in, left, dirty);
        for (int i = 0; i < n * oh; i++)
            net[i] = all[i] = rows[i] = (float)rand() / RAND_MAX;
        fg_side_add_all(&s, (FgView){rows, n}, k->share, NULL);
        for (int y = 0; y < oh && s.by_rows; y++) {
            const float *const got = fg_side_add(&s, y, row, net + y * n,
                                                 k->share);

            same += got == net + y * n;
            if (got == row)
                memcpy(net + y * n, row, sizeof(*row) * (size_t)n);
        }
        fg_resize_run(&r, (FgView){all, n}, (FgView){left, W * k->c}, k->share,
                      1, dirty, NULL);
        assert_memory_equal(rows, all, sizeof(*net) * (size_t)(n * oh));
        if (s.by_rows)
            assert_memory_equal(net, all, sizeof(*net) * (size_t)(n * oh));
    }
    assert_int_equal(fg_side_any(&s), k->every || k->share < 1);
    if (!k->every && k->share == 1)
        assert_int_equal(same, 2 * oh);
    fg_side_free(&s);
    fg_side_free(&s);
    free(net);
    free(all);
    free(row);
    free(rows);
    fg_resize_free(&r);
}

static void test_rows_and_all_agree(void **state)
{
    static const Case k[] = {
        {1, 2, 0, 0, W, 1},       {1, 2, 1, 0, 1, 1},
        {1, 2, 1, W - 1, W, 1},   {1, 2, 977, 0, W, 1},
        {1, 2, 3, 60, 70, 1},     {3, 2, 977, 0, W, 1},
        {3, 3, 211, 100, 140, 1}, {1, 4, 1499, 0, W, 1},
        {1, 2, 977, 0, W, 0.75F}, {3, 2, 0, 0, W, 0.5F},
        {1, 1, 977, 0, W, 1},     {1, 2, 1, 0, W, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(k) / sizeof(*k); i++)
        check(&k[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_and_all_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
