/* ffgan: threads. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_POOL_H
#define FFGAN_KERNELS_POOL_H

/* A job is called once for every index 0 <= i < n, from any thread of the
 * executor, in any order. worker is 0 <= worker < threads and no two jobs
 * with one worker number run at once (index of per-thread scratch). Jobs
 * never allocate, free, log or fail; results never depend on worker. */
typedef void (*FgJobFn)(void *arg, int i, int worker);

/* Who runs jobs. The trainer and the tests use a pool of their own; a filter
 * passes one that calls ff_filter_execute. */
typedef struct FgExecutor {
    int threads; /* workers that run() may use, >= 1 */
    void (*run)(struct FgExecutor *ex, FgJobFn job, void *arg, int n);
    void *opaque;
    struct FgGpu *gpu; /* the trainer's: the GPU that tapes use, or NULL */
} FgExecutor;

/* run() that works in the calling thread. ex NULL means that as well. */
void fg_run(FgExecutor *ex, FgJobFn job, void *arg, int n);
static inline int fg_threads(const FgExecutor *ex)
{
    return ex ? ex->threads : 1;
}

/* Thread pool. threads 0 = CPUs this process may use (affinity respected).
 * The calling thread works too. run() returns when all jobs are done; calls
 * from several threads are taken one at a time. */
typedef struct FgPool FgPool;
int fg_pool_create(FgPool **pool, int threads); /* 0, -ENOMEM, -EAGAIN */
FgExecutor *fg_pool_executor(FgPool *pool);     /* owned by the pool */
void fg_pool_free(FgPool **pool);               /* accepts NULL */
int fg_cpu_count(void);

#endif
