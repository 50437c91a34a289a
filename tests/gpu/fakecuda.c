/* ffgan: a stand-in for libcuda.so.1, for tests without a GPU.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Has what FFmpeg's hwcontext_cuda loads, and with runkernels.c what our
 * plug-in does. Device memory is host memory between guard bytes. Work is kept
 * and done when something waits for it, and of other streams only what that
 * work itself waits for: who reads or overwrites too early sees it. It
 * is stricter than a driver: all need a current context (201), each pop its
 * push (201), things belong to their context. At exit one line goes to
 * $FAKECUDA_LOG:
 *
 *     syncs=N allocs=N launches=N pinned=N streams=N events=N modules=N
 *     graphs=N execs=N pending=N live=N depth=N contexts=N
 *
 * syncs: calls that wait; depth: contexts still pushed by any thread; live:
 * device memory; from pinned on all is what was not given back.
 *
 * $FAKECUDA_OOM=N: the N-th allocation fails. $FAKECUDA_DEVICES=N (1).
 * $FAKECUDA_COPY=N, FAKECUDA_LAUNCH=N: the N-th frame copy, launch fails.
 * $FAKECUDA_CACHE=N: KiB of the second-level cache (0). $FAKECUDA_CLOCK=N: N
 * microseconds between any two events; without it, time cannot be measured.
 * $FAKECUDA_TIMES="f16_n64_k3=700 e1=500": or what is launched takes that many
 * microseconds, else 1000, by the kernel's name or that of cuDNN's engine.
 * $FAKECUDA_VERSION=13000, FAKECUDA_CC=90, FAKECUDA_INIT=N: what cuInit says.
 */
#include "fakecuda.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 512 };

typedef struct Copy2D { /* CUDA_MEMCPY2D */
    size_t sx, sy;
    int st;
    const void *sh;
    CUdeviceptr sd;
    void *sa;
    size_t sp, dx, dy;
    int dt;
    void *dh;
    CUdeviceptr dd;
    void *da;
    size_t dp, width, height;
} Copy2D;

typedef struct Work {
    struct Work *next;
    const void *stream; /* or the context, whose default stream it is */
    uint64_t number;
    void (*fn)(void *); /* NULL: a wait for other's work up to until */
    void *arg;
    const void *other;
    uint64_t until;
} Work;

atomic_int fake_launches;
static atomic_int spent, syncs, allocs, depth, copies, lost, nb_things[KINDS];
static _Thread_local Thing *stack[16];
static _Thread_local int top;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Thing *things;
static Work *first, **last = &first;
static uint64_t nb_works;
static int nb_pending;

int fake_setting(const char *name, int def)
{
    const char *v = getenv(name);
    return v ? atoi(v) : def;
}

void fake_die(const char *what)
{
    fprintf(stderr, "fake driver: %s\n", what);
    abort();
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("FAKECUDA_LOG");
    FILE *f = path ? fopen(path, "a") : NULL;
    const atomic_int *n = nb_things;
    if (!f)
        return;
    fprintf(f,
            "syncs=%d allocs=%d launches=%d pinned=%d streams=%d events=%d "
            "modules=%d graphs=%d execs=%d pending=%d live=%d depth=%d "
            "contexts=%d\n",
            syncs, allocs, fake_launches, n[PINNED], n[STREAM], n[EVENT],
            n[MODULE], n[GRAPH], n[EXEC], nb_pending, n[MEMORY], depth,
            n[CONTEXT]);
    fclose(f);
}

/* ---- things ---- */

static void *need(void *p)
{
    if (!p)
        fake_die("out of host memory");
    return p;
}

static Thing *add(int kind, Thing *context)
{
    Thing *t = need(calloc(1, sizeof(*t)));
    t->kind = kind;
    t->context = context;
    pthread_mutex_lock(&lock);
    t->next = things;
    things = t;
    nb_things[kind]++;
    pthread_mutex_unlock(&lock);
    return t;
}

int fake_has_context(void)
{
    return top > 0;
}

Thing *fake_make(int kind)
{
    return top ? add(kind, stack[top - 1]) : NULL;
}

static Thing **place(int kind, const void *thing)
{
    Thing **t = &things;
    while (*t && (*t != thing || (int)(*t)->kind != kind))
        t = &(*t)->next;
    return t;
}

static CUresult drop(int kind, const void *thing, const Thing *context)
{
    pthread_mutex_lock(&lock);
    Thing **const at = place(kind, thing), *const t = *at;
    const CUresult rc = !t                      ? INVALID_HANDLE
                        : t->context != context ? INVALID_CONTEXT
                                                : OK;
    if (rc == OK) {
        *at = t->next;
        nb_things[kind]--;
    }
    pthread_mutex_unlock(&lock);
    if (rc == OK)
        free(t);
    return rc;
}

CUresult fake_drop(int kind, void *thing)
{
    return top ? drop(kind, thing, stack[top - 1]) : INVALID_CONTEXT;
}

int fake_is(int kind, const void *thing)
{
    pthread_mutex_lock(&lock);
    const Thing *const t = *place(kind, thing);
    const int is = t && top && t->context == stack[top - 1];
    pthread_mutex_unlock(&lock);
    return is;
}

static Thing *holder(int kind, const void *p)
{
    const char *const at = p;
    Thing *t = things;
    while (t && ((int)t->kind != kind || at < t->at || at >= t->at + t->bytes))
        t = t->next;
    return t;
}

size_t fake_memory(uint64_t at)
{
    const char *const p = (const char *)(uintptr_t)at;
    pthread_mutex_lock(&lock);
    const Thing *const t = holder(MEMORY, p);
    const size_t n = t && top && t->context == stack[top - 1]
                         ? (size_t)(t->at + t->bytes - p)
                         : 0;
    pthread_mutex_unlock(&lock);
    return n;
}

/* ---- work ---- */

CUresult fake_lost(void)
{
    return lost ? LAUNCH_FAILED : OK;
}

void fake_lose(void)
{
    lost = 1;
}

/* ---- time ---- */

void fake_spend(const char *name)
{
    const char *t = getenv("FAKECUDA_TIMES");
    const size_t n = strlen(name);
    int us = 1000;
    for (const char *at = t ? t : ""; (at = strstr(at, name)); at += n)
        if ((at == t || at[-1] == ' ') && at[n] == '=')
            us = atoi(at + n + 1);
    spent += us;
}

static int has_clock(void)
{
    return fake_setting("FAKECUDA_CLOCK", 0) || getenv("FAKECUDA_TIMES");
}

/* ---- captures: one at a time ---- */

static const void *capturing;
static FakeWork *kept;
static int nb_kept;

CUresult cuStreamBeginCapture_v2(void *stream, int mode)
{
    if (!stream || !fake_is(STREAM, stream) || capturing)
        return INVALID_HANDLE;
    if (mode != 2)
        fake_die("a capture that forbids what other threads do");
    capturing = stream;
    return OK;
}

int fake_captured(const void *stream, FakeWork **work)
{
    const int n = stream && stream == capturing ? nb_kept : -1;
    *work = n >= 0 ? kept : NULL;
    if (n >= 0) {
        capturing = NULL;
        kept = NULL;
        nb_kept = 0;
    }
    return n;
}

static CUresult keep(void (*fn)(void *), void *arg)
{
    kept = need(realloc(kept, sizeof(*kept) * (size_t)(nb_kept + 1)));
    kept[nb_kept++] = (FakeWork){fn, arg};
    return OK;
}

static const void *queue_of(const void *stream)
{
    return stream ? stream : stack[top - 1];
}

static void append(Work work)
{
    Work *const w = need(malloc(sizeof(*w)));
    *w = work;
    pthread_mutex_lock(&lock);
    w->number = ++nb_works;
    *last = w;
    last = &w->next;
    nb_pending++;
    pthread_mutex_unlock(&lock);
}

CUresult fake_enqueue(const void *stream, void (*fn)(void *), void *arg)
{
    if (capturing && stream == capturing)
        return keep(fn, arg);
    const CUresult rc = !top                                 ? INVALID_CONTEXT
                        : stream && !fake_is(STREAM, stream) ? INVALID_HANDLE
                                                             : fake_lost();
    if (rc != OK) {
        free(arg);
        return rc;
    }
    append((Work){.stream = queue_of(stream), .fn = fn, .arg = arg});
    return OK;
}

/* The next work of a stream (NULL: of any) up to a number. */
static Work *next_work(const void *stream, uint64_t until)
{
    Work **at = &first, *w;
    pthread_mutex_lock(&lock);
    while (*at && stream && (*at)->stream != stream)
        at = &(*at)->next;
    w = *at && (*at)->number <= until ? *at : NULL;
    if (w && !(*at = w->next))
        last = at;
    nb_pending -= w != NULL;
    pthread_mutex_unlock(&lock);
    return w;
}

static pthread_mutex_t working;

static int do_work(const void *stream, uint64_t until)
{
    Work *w;
    int nb = 0;
    for (; (w = next_work(stream, until)); nb++) {
        if (w->fn)
            w->fn(w->arg);
        else
            do_work(w->other, w->until);
        free(w->arg);
        free(w);
    }
    return nb;
}

__attribute__((constructor)) static void make_lock(void)
{
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&working, &a);
}

/* How much there was to do. */
static int finish(const void *stream, uint64_t until)
{
    pthread_mutex_lock(&working);
    const int nb = do_work(stream, until);
    pthread_mutex_unlock(&working);
    return nb;
}

static void drain(void)
{
    finish(NULL, UINT64_MAX);
}

/* ---- devices and contexts ---- */

CUresult cuInit(unsigned flags)
{
    const int rc = fake_setting("FAKECUDA_INIT", OK);
    return flags                                 ? INVALID_VALUE
           : rc                                  ? rc
           : fake_setting("FAKECUDA_DEVICES", 1) ? OK
                                                 : NO_DEVICE;
}

CUresult cuDriverGetVersion(int *v)
{
    *v = fake_setting("FAKECUDA_VERSION", 13000);
    return OK;
}

CUresult cuDeviceGetCount(int *n)
{
    *n = fake_setting("FAKECUDA_DEVICES", 1);
    return OK;
}

CUresult cuDeviceGet(int *d, int i)
{
    *d = i;
    return i >= 0 && i < fake_setting("FAKECUDA_DEVICES", 1) ? OK
                                                             : INVALID_DEVICE;
}

CUresult cuDeviceGetAttribute(int *v, int what, int d)
{
    const int cc = fake_setting("FAKECUDA_CC", 90);
    (void)d;
    *v = what == 14   ? 512 /* texture alignment */
         : what == 16 ? 4   /* multiprocessors */
         : what == 38 ? fake_setting("FAKECUDA_CACHE", 0) << 10
         : what == 75 ? cc / 10
         : what == 76 ? cc % 10
                      : 0;
    return OK;
}

CUresult cuDeviceGetName(char *s, int n, int d)
{
    snprintf(s, (size_t)n, "fake %d", d);
    return OK;
}

CUresult cuDeviceTotalMem_v2(size_t *n, int d)
{
    (void)d;
    *n = (size_t)1 << 30;
    return OK;
}

CUresult cuDeviceComputeCapability(int *major, int *minor, int d)
{
    cuDeviceGetAttribute(major, 75, d);
    return cuDeviceGetAttribute(minor, 76, d);
}

CUresult cuCtxPushCurrent_v2(Thing *c)
{
    pthread_mutex_lock(&lock);
    const int is = *place(CONTEXT, c) != NULL;
    pthread_mutex_unlock(&lock);
    if (!is || top == 16)
        return INVALID_CONTEXT;
    stack[top++] = c;
    depth++;
    return OK;
}

CUresult cuCtxPopCurrent_v2(Thing **c)
{
    if (!top)
        return INVALID_CONTEXT;
    *c = stack[--top];
    depth--;
    return OK;
}

CUresult cuCtxCreate_v2(Thing **c, unsigned flags, int d)
{
    (void)flags;
    *c = add(CONTEXT, NULL);
    (*c)->device = d;
    return cuCtxPushCurrent_v2(*c);
}

CUresult cuCtxDestroy_v2(Thing *c)
{
    drain();
    return drop(CONTEXT, c, NULL);
}

CUresult cuCtxGetCurrent(Thing **c)
{
    *c = top ? stack[top - 1] : NULL;
    return OK;
}

CUresult cuCtxGetDevice(int *d)
{
    if (!top)
        return INVALID_CONTEXT;
    *d = stack[top - 1]->device;
    return OK;
}

CUresult cuCtxSetLimit(int what, size_t v)
{
    (void)what, (void)v;
    return OK;
}

/* ---- memory ---- */

/* What is not written yet are NaNs in all formats. */
static CUresult allocate(int kind, void **p, size_t n)
{
    if (!top)
        return INVALID_CONTEXT;
    if (!n)
        return INVALID_VALUE;
    if (++allocs == fake_setting("FAKECUDA_OOM", 0))
        return OUT_OF_MEMORY;
    char *const m = need(aligned_alloc(GUARD, (n + 3 * GUARD) / GUARD * GUARD));
    memset(m, 0xa5, GUARD);
    memset(m + GUARD, 0xff, n);
    memset(m + GUARD + n, 0xa5, GUARD);
    Thing *const t = fake_make(kind);
    pthread_mutex_lock(&lock);
    t->at = m + GUARD;
    t->bytes = n;
    pthread_mutex_unlock(&lock);
    *p = t->at;
    return OK;
}

static CUresult release(int kind, void *p)
{
    if (!top)
        return INVALID_CONTEXT;
    drain(); /* as a driver does */
    pthread_mutex_lock(&lock);
    Thing *const t = holder(kind, p);
    pthread_mutex_unlock(&lock);
    if (!t || t->at != p)
        return INVALID_VALUE;
    char *const m = t->at - GUARD;
    const size_t n = t->bytes;
    for (size_t i = 0; i < GUARD; i++)
        if (m[i] != (char)0xa5 || m[GUARD + n + i] != (char)0xa5)
            fake_die("something wrote outside of its memory");
    const CUresult rc = fake_drop(kind, t);
    if (rc == OK)
        free(m);
    return rc;
}

CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t n)
{
    void *m = NULL;
    const CUresult rc = allocate(MEMORY, &m, n);
    *p = (CUdeviceptr)(uintptr_t)m;
    return rc;
}

CUresult cuMemFree_v2(CUdeviceptr p)
{
    return release(MEMORY, (void *)(uintptr_t)p);
}

CUresult cuMemHostAlloc(void **p, size_t n, unsigned flags)
{
    (void)flags;
    return allocate(PINNED, p, n);
}

CUresult cuMemFreeHost(void *p)
{
    return release(PINNED, p);
}

typedef struct Copy {
    char *to;
    const char *from;
    size_t n;
    char kept[]; /* what lies in memory that is not pinned is taken at once */
} Copy;

static void do_copy(void *arg)
{
    const Copy *const c = arg;
    memcpy(c->to, c->from ? c->from : c->kept, c->n);
}

static int is_pinned(const void *p)
{
    pthread_mutex_lock(&lock);
    const int is = holder(PINNED, p) != NULL;
    pthread_mutex_unlock(&lock);
    return is;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t n,
                              void *stream)
{
    const int pinned = is_pinned(from);
    if (fake_memory(to) < n)
        return INVALID_VALUE;
    Copy *const c = need(malloc(sizeof(*c) + (pinned ? 0 : n)));
    *c = (Copy){(char *)(uintptr_t)to, pinned ? from : NULL, n};
    if (!pinned)
        memcpy(c->kept, from, n);
    return fake_enqueue(stream, do_copy, c);
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t n,
                              void *stream)
{
    if (fake_memory(from) < n)
        return INVALID_VALUE;
    Copy *const c = need(malloc(sizeof(*c)));
    *c = (Copy){to, (const char *)(uintptr_t)from, n};
    const CUresult rc = fake_enqueue(stream, do_copy, c);
    if (!is_pinned(to))
        finish(queue_of(stream), UINT64_MAX);
    return rc;
}

typedef struct Fill {
    void *at;
    int v;
    size_t n;
} Fill;

static void do_fill(void *arg)
{
    const Fill *const f = arg;
    memset(f->at, f->v, f->n);
}

CUresult cuMemsetD8Async(CUdeviceptr at, unsigned char v, size_t n,
                         void *stream)
{
    if (fake_memory(at) < n)
        return INVALID_VALUE;
    Fill *const f = need(malloc(sizeof(*f)));
    *f = (Fill){(void *)(uintptr_t)at, v, n};
    return fake_enqueue(stream, do_fill, f);
}

static void do_copy2(void *arg)
{
    const Copy2D *const c = arg;
    const char *s = c->st == 1 ? c->sh : (const char *)(uintptr_t)c->sd;
    char *d = c->dt == 1 ? c->dh : (char *)(uintptr_t)c->dd;
    for (size_t y = 0; y < c->height; y++)
        memcpy(d + (y + c->dy) * c->dp + c->dx, s + (y + c->sy) * c->sp + c->sx,
               c->width);
}

CUresult cuMemcpy2DAsync_v2(const Copy2D *c, void *stream)
{
    if (top && ++copies == fake_setting("FAKECUDA_COPY", 0))
        fake_lose();
    Copy2D *const mine = need(malloc(sizeof(*mine)));
    *mine = *c;
    const void *const host = c->st == 1 ? c->sh : c->dt == 1 ? c->dh : NULL;
    const CUresult rc = fake_enqueue(stream, do_copy2, mine);
    /* FFmpeg's host memory is not pinned; and the plug-in that runs kernels at
     * once reads what was copied on the device. */
    if (top && (!host || (c->st == 1 && !is_pinned(host))))
        finish(queue_of(stream), UINT64_MAX);
    return rc;
}

/* ---- streams and events: all that waits is counted ---- */

static CUresult make(int kind, void **to)
{
    *to = fake_make(kind);
    return *to ? OK : INVALID_CONTEXT;
}

CUresult cuStreamCreate(void **stream, unsigned flags)
{
    (void)flags;
    return make(STREAM, stream);
}

CUresult cuStreamDestroy_v2(void *stream)
{
    drain();
    return fake_drop(STREAM, stream);
}

CUresult cuEventCreate(void **event, unsigned flags)
{
    if (!(flags & 2) && !has_clock())
        return NOT_SUPPORTED; /* an event that has the time */
    return make(EVENT, event);
}

CUresult cuEventDestroy_v2(void *event)
{
    return fake_drop(EVENT, event);
}

static CUresult known(const void *event, const void *stream)
{
    return !top ? INVALID_CONTEXT
           : fake_is(EVENT, event) && (!stream || fake_is(STREAM, stream))
               ? OK
               : INVALID_HANDLE;
}

CUresult cuEventRecord(void *event, void *stream)
{
    const CUresult rc = known(event, stream);
    Thing *const t = event;
    if (rc == OK) {
        t->data = (void *)queue_of(stream);
        t->bytes = nb_works;
        t->us = spent;
    }
    return rc;
}

CUresult cuEventElapsedTime(float *ms, void *from, void *to)
{
    if (!fake_is(EVENT, from) || !fake_is(EVENT, to))
        return INVALID_HANDLE;
    const int us = ((Thing *)to)->us - ((Thing *)from)->us;
    *ms = (float)fake_setting("FAKECUDA_CLOCK", us) / 1000;
    return OK;
}

CUresult cuStreamWaitEvent(void *stream, void *event, unsigned flags)
{
    const CUresult rc = known(event, stream);
    const Thing *const t = event;
    (void)flags;
    if (rc == OK && t->data && !(capturing && stream == capturing))
        append((Work){
            .stream = queue_of(stream), .other = t->data, .until = t->bytes});
    return rc;
}

CUresult cuStreamSynchronize(void *stream)
{
    if (!top)
        return INVALID_CONTEXT;
    if (stream && !fake_is(STREAM, stream))
        return INVALID_HANDLE;
    syncs++;
    finish(queue_of(stream), UINT64_MAX);
    return fake_lost();
}

CUresult cuCtxSynchronize(void)
{
    if (!top)
        return INVALID_CONTEXT;
    syncs++;
    drain();
    return fake_lost();
}

CUresult cuEventSynchronize(void *event)
{
    const Thing *const t = event;
    if (!fake_is(EVENT, event))
        return INVALID_HANDLE;
    if (t->data && finish(t->data, t->bytes))
        syncs++; /* else it has happened */
    return fake_lost();
}

CUresult cuMemcpy2D_v2(const Copy2D *c)
{
    const CUresult rc = cuMemcpy2DAsync_v2(c, NULL);
    syncs++;
    drain();
    return rc;
}

/* ---- errors ---- */

CUresult cuGetErrorName(CUresult e, const char **s)
{
    *s = e == OUT_OF_MEMORY     ? "CUDA_ERROR_OUT_OF_MEMORY"
         : e == INVALID_CONTEXT ? "CUDA_ERROR_INVALID_CONTEXT"
         : e == LAUNCH_FAILED   ? "CUDA_ERROR_LAUNCH_FAILED"
                                : "CUDA_ERROR";
    return OK;
}

CUresult cuGetErrorString(CUresult e, const char **s)
{
    return cuGetErrorName(e, s);
}

/* ---- what is looked up, and not called by what is tested; runkernels.c has
 * some of it ---- */

#define ABSENT(name)                                                           \
    __attribute__((weak)) CUresult name(void);                                 \
    CUresult name(void)                                                        \
    {                                                                          \
        return NOT_SUPPORTED;                                                  \
    }
ABSENT(cuMemAllocPitch_v2)
ABSENT(cuMemAllocManaged)
ABSENT(cuMemcpy)
ABSENT(cuMemcpyAsync)
ABSENT(cuMemcpyHtoD_v2)
ABSENT(cuMemcpyDtoH_v2)
ABSENT(cuMemcpyDtoD_v2)
ABSENT(cuMemcpyDtoDAsync_v2)
ABSENT(cuDevicePrimaryCtxRetain)
ABSENT(cuDevicePrimaryCtxRelease)
ABSENT(cuDevicePrimaryCtxSetFlags)
ABSENT(cuDevicePrimaryCtxGetState)
ABSENT(cuDevicePrimaryCtxReset)
ABSENT(cuStreamQuery)
ABSENT(cuStreamAddCallback)
ABSENT(cuEventQuery)
ABSENT(cuLaunchKernel)
ABSENT(cuLinkCreate)
ABSENT(cuLinkAddData)
ABSENT(cuLinkComplete)
ABSENT(cuLinkDestroy)
ABSENT(cuModuleLoadData)
ABSENT(cuModuleUnload)
ABSENT(cuModuleGetFunction)
ABSENT(cuModuleGetGlobal)
ABSENT(cuTexObjectCreate)
ABSENT(cuTexObjectDestroy)
ABSENT(cuGLGetDevices_v2)
ABSENT(cuGraphicsGLRegisterImage)
ABSENT(cuGraphicsUnregisterResource)
ABSENT(cuGraphicsMapResources)
ABSENT(cuGraphicsUnmapResources)
ABSENT(cuGraphicsSubResourceGetMappedArray)
ABSENT(cuGraphicsResourceGetMappedPointer_v2)
ABSENT(cuArrayCreate_v2)
ABSENT(cuArray3DCreate_v2)
ABSENT(cuArrayDestroy)
