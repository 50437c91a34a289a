/* Thread pool: one generation of indices at a time, taken from a counter.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_THREADS 256

struct FgPool {
    FgExecutor ex;
    pthread_mutex_t turn; /* held by the caller whose jobs run */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake, idle;
    FgJobFn job;
    void *arg;
    int n;
    atomic_int next;
    unsigned generation;
    int busy, quit;
    int started; /* threads beside the caller */
    struct Worker {
        FgPool *pool;
        pthread_t thread;
        int index;
    } worker[MAX_THREADS];
};

void fg_run(FgExecutor *ex, FgJobFn job, void *arg, int n)
{
    if (ex) {
        ex->run(ex, job, arg, n);
        return;
    }
    for (int i = 0; i < n; i++)
        job(arg, i, 0);
}

int fg_cpu_count(void)
{
    cpu_set_t set;
    long n;

    if (!sched_getaffinity(0, sizeof(set), &set))
        n = CPU_COUNT(&set);
    else
        n = sysconf(_SC_NPROCESSORS_ONLN);
    if (n < 1)
        return 1;
    return n > MAX_THREADS ? MAX_THREADS : (int)n;
}

static void take_jobs(FgPool *p, int worker)
{
    for (;;) {
        const int i = atomic_fetch_add(&p->next, 1);
        if (i >= p->n)
            return;
        p->job(p->arg, i, worker);
    }
}

static void *worker_main(void *opaque)
{
    struct Worker *const w = opaque;
    FgPool *const p = w->pool;
    unsigned seen = 0;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->quit && p->generation == seen)
            pthread_cond_wait(&p->wake, &p->lock);
        if (p->quit)
            break;
        seen = p->generation;
        pthread_mutex_unlock(&p->lock);
        take_jobs(p, w->index);
        pthread_mutex_lock(&p->lock);
        if (!--p->busy)
            pthread_cond_signal(&p->idle);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void pool_run(FgExecutor *ex, FgJobFn job, void *arg, int n)
{
    FgPool *const p = ex->opaque;

    if (n <= 0)
        return;
    pthread_mutex_lock(&p->turn);
    pthread_mutex_lock(&p->lock);
    p->job = job;
    p->arg = arg;
    p->n = n;
    atomic_store(&p->next, 0);
    if (n > 1 && p->started) {
        p->busy = p->started;
        p->generation++;
        pthread_cond_broadcast(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    take_jobs(p, 0);
    pthread_mutex_lock(&p->lock);
    while (p->busy)
        pthread_cond_wait(&p->idle, &p->lock);
    pthread_mutex_unlock(&p->lock);
    pthread_mutex_unlock(&p->turn);
}

static int start_workers(FgPool *p, int threads)
{
    for (int i = 1; i < threads; i++) {
        struct Worker *const w = &p->worker[i];

        w->pool = p;
        w->index = i;
        if (pthread_create(&w->thread, NULL, worker_main, w))
            return -EAGAIN;
        p->started = i;
    }
    return 0;
}

int fg_pool_create(FgPool **pool, int threads)
{
    FgPool *p;
    int ret;

    *pool = NULL;
    if (threads <= 0)
        threads = fg_cpu_count();
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->ex = (FgExecutor){.threads = threads, .run = pool_run, .opaque = p};
    pthread_mutex_init(&p->turn, NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->idle, NULL);
    ret = start_workers(p, threads);
    if (ret < 0)
        fg_pool_free(&p);
    *pool = p;
    return ret;
}

FgExecutor *fg_pool_executor(FgPool *pool)
{
    return &pool->ex;
}

void fg_pool_free(FgPool **pool)
{
    FgPool *const p = pool ? *pool : NULL;

    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->quit = 1;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 1; i <= p->started; i++)
        pthread_join(p->worker[i].thread, NULL);
    pthread_cond_destroy(&p->idle);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->turn);
    free(p);
    *pool = NULL;
}
