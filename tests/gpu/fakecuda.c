/* ffgan: a stand-in for libcuda.so.1, for tests without a GPU.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Has what FFmpeg's hwcontext_cuda loads. Device memory is host memory, all
 * work is done at once. It is stricter than a driver: memory and copies need a
 * current context (201), each pop needs its push (201), memory belongs to its
 * context. At exit one line goes to $FAKECUDA_LOG:
 *
 *     syncs=N allocs=N live=N depth=N contexts=N
 *
 * syncs: calls that wait; live: allocations not freed; depth: contexts still
 * pushed by any thread. $FAKECUDA_OOM=N: the N-th allocation fails.
 * $FAKECUDA_DEVICES=N (1). $FAKECUDA_COPY=N: the N-th copy fails. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int CUresult;
typedef unsigned long long CUdeviceptr;
typedef struct Context {
    int device;
} Context;

enum {
    OK = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    INVALID_DEVICE = 101,
    INVALID_CONTEXT = 201,
    LAUNCH_FAILED = 719,
    NOT_SUPPORTED = 801,
};

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

static atomic_int syncs, allocs, live, depth, contexts, copies;
static _Thread_local Context *stack[16];
static _Thread_local int top;

static int setting(const char *name, int def)
{
    const char *v = getenv(name);
    return v ? atoi(v) : def;
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("FAKECUDA_LOG");
    FILE *f = path ? fopen(path, "a") : NULL;
    if (!f)
        return;
    fprintf(f, "syncs=%d allocs=%d live=%d depth=%d contexts=%d\n", syncs,
            allocs, live, depth, contexts);
    fclose(f);
}

/* ---- devices and contexts ---- */

CUresult cuInit(unsigned flags)
{
    return flags ? INVALID_VALUE : OK;
}

CUresult cuDriverGetVersion(int *v)
{
    *v = 13000;
    return OK;
}

CUresult cuDeviceGetCount(int *n)
{
    *n = setting("FAKECUDA_DEVICES", 1);
    return OK;
}

CUresult cuDeviceGet(int *d, int i)
{
    *d = i;
    return i >= 0 && i < setting("FAKECUDA_DEVICES", 1) ? OK : INVALID_DEVICE;
}

CUresult cuDeviceGetAttribute(int *v, int what, int d)
{
    (void)d;
    *v = what == 14 ? 512 : 0; /* texture alignment */
    return OK;
}

CUresult cuDeviceGetName(char *s, int n, int d)
{
    snprintf(s, (size_t)n, "fake %d", d);
    return OK;
}

CUresult cuDeviceComputeCapability(int *major, int *minor, int d)
{
    (void)d;
    *major = 9;
    *minor = 0;
    return OK;
}

CUresult cuCtxPushCurrent_v2(Context *c)
{
    if (!c || top == 16)
        return INVALID_CONTEXT;
    stack[top++] = c;
    depth++;
    return OK;
}

CUresult cuCtxPopCurrent_v2(Context **c)
{
    if (!top)
        return INVALID_CONTEXT;
    *c = stack[--top];
    depth--;
    return OK;
}

CUresult cuCtxCreate_v2(Context **c, unsigned flags, int d)
{
    (void)flags;
    *c = malloc(sizeof(**c));
    if (!*c)
        return OUT_OF_MEMORY;
    (*c)->device = d;
    contexts++;
    return cuCtxPushCurrent_v2(*c);
}

CUresult cuCtxDestroy_v2(Context *c)
{
    contexts--;
    free(c);
    return OK;
}

CUresult cuCtxGetCurrent(Context **c)
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

CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t n)
{
    if (!top)
        return INVALID_CONTEXT;
    if (++allocs == setting("FAKECUDA_OOM", 0))
        return OUT_OF_MEMORY;
    void *const m = aligned_alloc(512, (n + 511) / 512 * 512);
    if (!m)
        return OUT_OF_MEMORY;
    memset(m, 0xa5, n);
    live++;
    *p = (CUdeviceptr)(uintptr_t)m;
    return OK;
}

CUresult cuMemFree_v2(CUdeviceptr p)
{
    if (!top)
        return INVALID_CONTEXT;
    free((void *)(uintptr_t)p);
    live--;
    return OK;
}

CUresult cuMemcpy2DAsync_v2(const Copy2D *c, void *stream)
{
    (void)stream;
    if (!top)
        return INVALID_CONTEXT;
    if (++copies == setting("FAKECUDA_COPY", 0))
        return LAUNCH_FAILED;
    const char *s = c->st == 1 ? c->sh : (const char *)(uintptr_t)c->sd;
    char *d = c->dt == 1 ? c->dh : (char *)(uintptr_t)c->dd;
    for (size_t y = 0; y < c->height; y++)
        memcpy(d + (y + c->dy) * c->dp + c->dx, s + (y + c->sy) * c->sp + c->sx,
               c->width);
    return OK;
}

/* ---- streams and events: all that waits is counted ---- */

CUresult cuStreamSynchronize(void *stream)
{
    (void)stream;
    if (!top)
        return INVALID_CONTEXT;
    syncs++;
    return OK;
}

CUresult cuCtxSynchronize(void)
{
    return cuStreamSynchronize(NULL);
}

CUresult cuEventSynchronize(void *event)
{
    return cuStreamSynchronize(event);
}

CUresult cuMemcpy2D_v2(const Copy2D *c)
{
    syncs++;
    return cuMemcpy2DAsync_v2(c, NULL);
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

/* ---- what is looked up, and not called by what is tested ---- */

#define ABSENT(name)                                                           \
    CUresult name(void);                                                       \
    CUresult name(void)                                                        \
    {                                                                          \
        return NOT_SUPPORTED;                                                  \
    }
ABSENT(cuMemAllocPitch_v2)
ABSENT(cuMemAllocManaged)
ABSENT(cuMemsetD8Async)
ABSENT(cuMemcpy)
ABSENT(cuMemcpyAsync)
ABSENT(cuMemcpyHtoD_v2)
ABSENT(cuMemcpyHtoDAsync_v2)
ABSENT(cuMemcpyDtoH_v2)
ABSENT(cuMemcpyDtoHAsync_v2)
ABSENT(cuMemcpyDtoD_v2)
ABSENT(cuMemcpyDtoDAsync_v2)
ABSENT(cuDevicePrimaryCtxRetain)
ABSENT(cuDevicePrimaryCtxRelease)
ABSENT(cuDevicePrimaryCtxSetFlags)
ABSENT(cuDevicePrimaryCtxGetState)
ABSENT(cuDevicePrimaryCtxReset)
ABSENT(cuStreamCreate)
ABSENT(cuStreamQuery)
ABSENT(cuStreamDestroy_v2)
ABSENT(cuStreamAddCallback)
ABSENT(cuStreamWaitEvent)
ABSENT(cuEventCreate)
ABSENT(cuEventDestroy_v2)
ABSENT(cuEventQuery)
ABSENT(cuEventRecord)
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
