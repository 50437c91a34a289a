/* Thread pool: every index once, worker numbers exclusive, callers in turn.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "kernels/pool.h"

#define MAX_JOBS 1000
#define MAX_WORKERS 16

typedef struct Count {
    atomic_int done[MAX_JOBS];
    atomic_int inside[MAX_WORKERS];
    atomic_int wrong;
    int workers;
} Count;

static void count_job(void *arg, int i, int worker)
{
    Count *const c = arg;

    if (worker < 0 || worker >= c->workers || i < 0 || i >= MAX_JOBS) {
        atomic_fetch_add(&c->wrong, 1);
        return;
    }
    if (atomic_fetch_add(&c->inside[worker], 1))
        atomic_fetch_add(&c->wrong, 1);
    if (i % 16 == 0)
        sched_yield();
    atomic_fetch_add(&c->done[i], 1);
    atomic_fetch_sub(&c->inside[worker], 1);
}

static void check_run(FgExecutor *ex, int n)
{
    static Count c;

    memset(&c, 0, sizeof(c));
    c.workers = fg_threads(ex);
    fg_run(ex, count_job, &c, n);
    assert_int_equal(atomic_load(&c.wrong), 0);
    for (int i = 0; i < MAX_JOBS; i++)
        assert_int_equal(atomic_load(&c.done[i]), i < n);
}

static void test_counts(void **state)
{
    const int n[] = {0, 1, 2, 3, 17, 1000};

    (void)state;
    for (size_t k = 0; k < sizeof(n) / sizeof(n[0]); k++)
        check_run(NULL, n[k]);
    for (int threads = 1; threads <= 9; threads += 2) {
        FgPool *pool;

        assert_int_equal(fg_pool_create(&pool, threads), 0);
        assert_int_equal(fg_threads(fg_pool_executor(pool)), threads);
        for (int again = 0; again < 50; again++)
            for (size_t k = 0; k < sizeof(n) / sizeof(n[0]); k++)
                check_run(fg_pool_executor(pool), n[k]);
        fg_pool_free(&pool);
        assert_null(pool);
        fg_pool_free(&pool);
    }
    fg_pool_free(NULL);
}

typedef struct Meeting {
    pthread_mutex_t lock;
    pthread_cond_t all;
    int here, wanted;
} Meeting;

static void meet_job(void *arg, int i, int worker)
{
    Meeting *const m = arg;

    (void)i;
    (void)worker;
    pthread_mutex_lock(&m->lock);
    if (++m->here == m->wanted)
        pthread_cond_broadcast(&m->all);
    while (m->here < m->wanted)
        pthread_cond_wait(&m->all, &m->lock);
    pthread_mutex_unlock(&m->lock);
}

/* Jobs that wait for each other end only if all threads work at once. */
static void test_parallel(void **state)
{
    Meeting m = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 4};
    FgPool *pool;

    (void)state;
    assert_int_equal(fg_pool_create(&pool, 4), 0);
    fg_run(fg_pool_executor(pool), meet_job, &m, 4);
    assert_int_equal(m.here, 4);
    fg_pool_free(&pool);
}

typedef struct Caller {
    FgExecutor *ex;
    atomic_int *wrong;
    atomic_int sum;
} Caller;

static void turn_job(void *arg, int i, int worker)
{
    Caller *const c = arg;

    (void)worker;
    atomic_fetch_add(&c->sum, i);
}

static void *caller_main(void *arg)
{
    Caller *const c = arg;

    for (int k = 0; k < 200; k++) {
        atomic_store(&c->sum, 0);
        fg_run(c->ex, turn_job, c, 40);
        if (atomic_load(&c->sum) != 40 * 39 / 2)
            atomic_fetch_add(c->wrong, 1);
    }
    return NULL;
}

static void test_callers(void **state)
{
    atomic_int wrong = 0;
    pthread_t thread[3];
    Caller c[3];
    FgPool *pool;

    (void)state;
    assert_int_equal(fg_pool_create(&pool, 3), 0);
    for (int i = 0; i < 3; i++) {
        c[i].ex = fg_pool_executor(pool);
        c[i].wrong = &wrong;
        assert_int_equal(pthread_create(&thread[i], NULL, caller_main, &c[i]),
                         0);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(atomic_load(&wrong), 0);
    fg_pool_free(&pool);
}

static void test_affinity(void **state)
{
    cpu_set_t old, one;
    FgPool *pool;

    (void)state;
    assert_true(fg_cpu_count() >= 1);
    if (sched_getaffinity(0, sizeof(old), &old))
        skip();
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &old))
            CPU_SET(i, &one);
    if (sched_setaffinity(0, sizeof(one), &one))
        skip();
    assert_int_equal(fg_cpu_count(), 1);
    assert_int_equal(fg_pool_create(&pool, 0), 0);
    assert_int_equal(fg_threads(fg_pool_executor(pool)), 1);
    check_run(fg_pool_executor(pool), 10);
    fg_pool_free(&pool);
    sched_setaffinity(0, sizeof(old), &old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_parallel),
        cmocka_unit_test(test_callers),
        cmocka_unit_test(test_affinity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
