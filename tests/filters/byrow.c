/* Tests of filters/byrow: rows that come and rows that are asked for are those
 * of the whole picture, to the bit, by any number of threads.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "filters/byrow.h"

enum { AHEAD = 8, THREADS = 3 };

static FgPool *pool;

typedef struct Case {
    FgAxis x, y;
    int channels;
    FgKernel kernel;
    FgView src, want, got;
    FgPush push;
    FgPull pull;
    int first; /* of the slice's rows */
    int ahead; /* fg_push_ahead */
    atomic_int *done, broken;
} Case;

static FgView picture(int w, int h, int channels)
{
    FgView v = {NULL, (ptrdiff_t)w * channels};
    v.data = malloc(sizeof(float) * (size_t)v.row * (size_t)h);
    assert_non_null(v.data);
    for (ptrdiff_t i = 0; i < v.row * h; i++)
        v.data[i] = (float)(rand() % 4001 - 2000) / 997;
    return v;
}

static void got_row(void *arg, const float *row, int y, int worker)
{
    Case *const c = arg;
    (void)worker;
    for (int i = 0; i < y - c->ahead; i++)
        if (!atomic_load(&c->done[i]))
            c->broken = 1;
    memcpy(c->got.data + y * c->got.row, row,
           sizeof(*row) * (size_t)c->got.row);
    atomic_fetch_add(&c->done[y], 1);
}

static void push_job(void *arg, int i, int worker)
{
    Case *const c = arg;
    const int y = c->first + i;
    fg_push_row(&c->push, c->src.data + y * c->src.row, y, worker);
}

static const float *source_row(void *arg, float *row, int y, int worker)
{
    const Case *const c = arg;
    (void)worker;
    if (y & 1)
        return c->src.data + y * c->src.row;
    memcpy(row, c->src.data + y * c->src.row,
           sizeof(*row) * (size_t)c->src.row);
    return row;
}

static void pull_job(void *arg, int i, int worker)
{
    Case *const c = arg;
    fg_pull_row(&c->pull, c->got.data + i * c->got.row, i, worker);
}

static void is_same(Case *c)
{
    const size_t n = (size_t)c->got.row * (size_t)c->y.dst;
    assert_memory_equal(c->got.data, c->want.data, sizeof(float) * n);
    memset(c->got.data, 0, sizeof(float) * n);
}

static void run(Case c, int turns)
{
    FgResize r;
    c.src = picture(c.x.src, c.y.src, c.channels);
    c.want = picture(c.x.dst, c.y.dst, c.channels);
    c.got = picture(c.x.dst, c.y.dst, c.channels);
    c.done = calloc((size_t)c.y.dst, sizeof(*c.done));
    assert_non_null(c.done);
    assert_int_equal(fg_resize_init(&r, c.x, c.y, c.kernel, c.channels), 0);
    fg_resize_run(&r, c.want, c.src, 0, 1, NULL, NULL);
    fg_resize_free(&r);
    assert_int_equal(
        fg_push_init(&c.push, c.x, c.y, c.kernel, c.channels, AHEAD, THREADS),
        0);
    assert_int_equal(
        fg_pull_init(&c.pull, c.x, c.y, c.kernel, c.channels, THREADS), 0);
    c.push.put = got_row;
    c.push.arg = c.pull.arg = &c;
    c.pull.get = source_row;
    c.ahead = fg_push_ahead(&c.push, AHEAD);
    for (int turn = 0; turn < turns; turn++) {
        for (int y = 0; y < c.y.dst; y++)
            atomic_store(&c.done[y], 0);
        fg_push_start(&c.push);
        for (c.first = 0; c.first < c.y.src; c.first += AHEAD)
            fg_run(fg_pool_executor(pool), push_job, &c,
                   c.y.src - c.first < AHEAD ? c.y.src - c.first : AHEAD);
        for (int y = 0; y < c.y.dst; y++)
            assert_int_equal(atomic_load(&c.done[y]), 1);
        assert_int_equal(c.broken, 0);
        is_same(&c);
        fg_pull_start(&c.pull);
        fg_run(fg_pool_executor(pool), pull_job, &c, c.y.dst);
        is_same(&c);
        /* Another picture. */
        c.src.data[c.src.row / 2] += 1;
        assert_int_equal(fg_resize_init(&r, c.x, c.y, c.kernel, c.channels), 0);
        fg_resize_run(&r, c.want, c.src, 0, 1, NULL, NULL);
        fg_resize_free(&r);
    }
    fg_push_free(&c.push);
    fg_pull_free(&c.pull);
    free(c.src.data);
    free(c.want.data);
    free(c.got.data);
    free(c.done);
}

static void test_same_bits(void **state)
{
    static const int to[] = {1, 3, 20, 41, 42, 63, 82, 84, 123, 500};
    static const int nb = (int)(sizeof(to) / sizeof(*to));
    (void)state;
    for (int i = 0; i < nb; i++)
        for (int k = 0; k < nb; k++) {
            const Case c = {.x = fg_axis(42, to[i]),
                            .y = fg_axis(41, to[k]),
                            .channels = 1 + (i + k) % 3,
                            .kernel = i & 1 ? FG_LANCZOS3 : FG_BICUBIC};
            run(c, 2);
        }
}

static void test_small_pictures(void **state)
{
    (void)state;
    for (int h = 1; h < 6; h++)
        for (int k = 1; k < 9; k++)
            run((Case){.x = fg_axis(h, k),
                       .y = fg_axis(h, 2 * k + 1),
                       .channels = 3,
                       .kernel = k & 1 ? FG_LANCZOS3 : FG_BICUBIC},
                1);
}

static int start(void **state)
{
    (void)state;
    return fg_pool_create(&pool, THREADS);
}

static int stop(void **state)
{
    (void)state;
    fg_pool_free(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_small_pictures),
    };
    return cmocka_run_group_tests_name("byrow", tests, start, stop);
}
