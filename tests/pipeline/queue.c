/* ffgan tests: queues between stages.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "pipeline/queue.h"

static atomic_int dropped;

static void drop(FgItem item)
{
    free(item.value);
    dropped++;
}

static FgItem item_of(int kind, int value)
{
    int *const v = malloc(sizeof(*v));
    assert_non_null(v);
    *v = value;
    return (FgItem){kind, v};
}

static int pop_int(FgQueue *q)
{
    FgItem item;
    assert_int_equal(fg_queue_pop(q, &item), 1);
    const int v = *(int *)item.value;
    free(item.value);
    return v;
}

static void keeps_order_then_ends(void **state)
{
    (void)state;
    FgItem item;
    FgQueue *q = fg_queue_alloc(3, 1, drop);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(fg_queue_push(q, item_of(1, 10 * round + i)), 0);
        for (int i = 0; i < 3; i++)
            assert_int_equal(pop_int(q), 10 * round + i);
    }
    assert_int_equal(fg_queue_push(q, item_of(1, 7)), 0);
    fg_queue_finish(q);
    assert_int_equal(pop_int(q), 7);
    assert_int_equal(fg_queue_pop(q, &item), 0);
    assert_int_equal(fg_queue_pop(q, &item), 0);
    fg_queue_free(&q);
    assert_null(q);
    fg_queue_free(&q);
    fg_queue_free(NULL);
    fg_queue_fail(NULL, -EIO);
}

enum { MANY = 20000 };

static void *produce(void *arg)
{
    FgQueue *const q = arg;
    for (int i = 0; i < MANY; i++)
        if (fg_queue_push(q, item_of(1, i)) < 0)
            break;
    fg_queue_finish(q);
    return NULL;
}

static void two_producers_end_once(void **state)
{
    (void)state;
    pthread_t t[2];
    FgItem item;
    int64_t sum = 0, n = 0;
    FgQueue *q = fg_queue_alloc(4, 2, drop);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&t[i], NULL, produce, q), 0);
    while (fg_queue_pop(q, &item) == 1) {
        sum += *(int *)item.value;
        n++;
        free(item.value);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(n, 2 * MANY);
    assert_int_equal(sum, (int64_t)MANY * (MANY - 1));
    fg_queue_free(&q);
}

static void an_error_wakes_all(void **state)
{
    (void)state;
    pthread_t t;
    FgItem item;
    FgQueue *q = fg_queue_alloc(1, 1, drop);
    assert_int_equal(pthread_create(&t, NULL, produce, q), 0);
    assert_int_equal(pop_int(q), 0);
    usleep(20000); /* the producer now waits for room */
    dropped = 0;
    fg_queue_fail(q, -EIO);
    fg_queue_fail(q, -ENOMEM);
    pthread_join(t, NULL);
    assert_true(dropped >= 1);
    assert_int_equal(fg_queue_pop(q, &item), -EIO);
    assert_int_equal(fg_queue_push(q, item_of(1, 1)), -EIO);
    fg_queue_free(&q);
}

static void what_is_left_is_dropped(void **state)
{
    (void)state;
    FgQueue *q = fg_queue_alloc(4, 1, drop);
    for (int i = 0; i < 3; i++)
        fg_queue_push(q, item_of(1, i));
    dropped = 0;
    fg_queue_free(&q);
    assert_int_equal(dropped, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_then_ends),
        cmocka_unit_test(two_producers_end_once),
        cmocka_unit_test(an_error_wakes_all),
        cmocka_unit_test(what_is_left_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
