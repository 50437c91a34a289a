/* ffgan: the plug-in ffgan-cuda.so: our kernels through the NVIDIA driver.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every call pushes the device's context and pops it: whatever was current
 * before is so afterwards. Recorded launches are a graph built node by node,
 * each behind the one before, so that no stream is ever in capture: that would
 * break what other threads do on the default stream. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "args.h"
#include "config.h"
#include "cudnn.h"
#include "driver.h"
#include "images.h"
#include "launch.h"

enum { LEAST_MAJOR = 7, LEAST_MINOR = 5 }; /* ldmatrix, mma */

_Static_assert(sizeof(FgKernelArgs) <= 4096, "a kernel's parameters");

struct FgCudaGraph {
    CUgraph graph;
    CUgraphExec exec;
};

struct FgCudaDev {
    const FgDriver *cu;
    FgCudaDevice about;
    CUcontext context;
    int own_context;
    CUstream stream; /* NULL in a context of others: its default stream */
    CUevent event;
    FgImages images;
    FgCudaGraph *recording;
    CUgraphNode last; /* of recording */
    int has_last;
    CUevent tick[2];   /* of the clock, made when it is asked */
    CUstream capture;  /* where what cuDNN does is recorded, likewise */
    FgDnnPlace *place; /* of cuDNN, likewise */
};

/* ---- contexts ---- */

static int enter(const FgCudaDev *d, FgError *err)
{
    return fg_driver_check(d->cu, d->cu->ctx_push(d->context),
                           "pushing the context", err);
}

/* Ends what enter began; r is what was done in between. */
static int leave(const FgCudaDev *d, CUresult r, const char *doing,
                 FgError *err)
{
    CUcontext popped;
    const CUresult pop = d->cu->ctx_pop(&popped);
    const int rc = fg_driver_check(d->cu, r, doing, err);
    return rc < 0 ? rc
                  : fg_driver_check(d->cu, pop, "popping the context", err);
}

static CUstream stream_of(const FgCudaDev *d, void *stream)
{
    return stream ? (CUstream)stream : d->stream;
}

/* ---- devices ---- */

static int describe(const FgDriver *cu, int ordinal, FgCudaDevice *a,
                    FgError *err)
{
    CUdevice dev;
    CUresult r = cu->dev_get(&dev, ordinal);
    memset(a, 0, sizeof(*a));
    if (!r)
        r = cu->dev_name(a->name, sizeof(a->name), dev);
    if (!r)
        r = cu->dev_attribute(
            &a->major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, dev);
    if (!r)
        r = cu->dev_attribute(
            &a->minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, dev);
    if (!r)
        r = cu->dev_attribute(&a->units,
                              CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, dev);
    int cache = 0;
    if (!r)
        r = cu->dev_memory(&a->memory, dev);
    if (!r)
        r = cu->dev_attribute(&cache, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, dev);
    a->cache = cache > 0 ? (size_t)cache : 0;
    return fg_driver_check(cu, r, "asking what the GPU is", err);
}

static int new_enough(const FgCudaDevice *a, FgError *err)
{
    if (a->major > LEAST_MAJOR ||
        (a->major == LEAST_MAJOR && a->minor >= LEAST_MINOR))
        return 0;
    return fg_error(err, -ENODEV,
                    "CUDA: %s has compute capability %d.%d, %d.%d is needed",
                    a->name, a->major, a->minor, LEAST_MAJOR, LEAST_MINOR);
}

static int count(const FgDriver *cu, int *n, FgError *err)
{
    const int rc = fg_driver_check(cu, cu->dev_count(n), "counting GPUs", err);
    if (rc < 0)
        return rc;
    return *n > 0
               ? 0
               : fg_error(err, -ENODEV, "CUDA: the NVIDIA driver sees no GPU");
}

static int cuda_probe(FgCudaInfo *info, FgError *err)
{
    FgError unused, why = {{0}};
    int rc, n = 0, usable = 0;
    if (!fg_dnn(&info->cudnn, &why))
        snprintf(info->no_cudnn, sizeof(info->no_cudnn), "%.159s", why.text);
    const FgDriver *const cu = fg_driver(&info->driver, &rc, err);
    if (!cu)
        return rc;
    rc = count(cu, &n, err);
    for (int i = 0; rc >= 0 && i < n && i < FG_CUDA_MAX_DEVICES; i++) {
        rc = describe(cu, i, &info->device[i], err);
        info->nb_devices += rc >= 0;
        if (rc >= 0 && new_enough(&info->device[i], &unused) >= 0)
            usable++;
    }
    return rc < 0 || usable ? rc : new_enough(&info->device[0], err);
}

/* ---- opening ---- */

static int cuda_has(const FgCudaDev *d, int kernel)
{
    return kernel >= 0 && kernel < FG_NB_KERNELS && d->images.kernel[kernel];
}

/* The context is current. */
static int prepare(FgCudaDev *d, FgError *err)
{
    CUresult r = CUDA_SUCCESS;
    const int rc = fg_images_load(&d->images, d->cu, &d->about, err);
    if (rc < 0)
        return rc;
    if (d->own_context)
        r = d->cu->stream_create(&d->stream, CU_STREAM_NON_BLOCKING);
    if (!r)
        r = d->cu->event_create(&d->event, CU_EVENT_DISABLE_TIMING);
    return fg_driver_check(d->cu, r, "making a stream", err);
}

/* Makes the device's context current, a new one unless one is given. */
static int enter_first(FgCudaDev *d, int ordinal, void *context, FgError *err)
{
    CUdevice dev;
    CUresult r = d->cu->dev_get(&dev, ordinal);
    if (!r && context) {
        d->context = context;
        return enter(d, err);
    }
    if (!r)
        r = d->cu->ctx_create(&d->context, CU_CTX_SCHED_BLOCKING_SYNC, dev);
    d->own_context = !r;
    return fg_driver_check(d->cu, r, "making a context", err);
}

static void cuda_close(FgCudaDev **dev);

static int cuda_open(FgCudaDev **dev, int ordinal, void *context, FgError *err)
{
    int rc, n = 0;
    FgCudaDevice about;
    *dev = NULL;
    const FgDriver *const cu = fg_driver(NULL, &rc, err);
    if (!cu || (rc = count(cu, &n, err)) < 0)
        return rc;
    if (ordinal < 0 || ordinal >= n)
        return fg_error(err, -ENODEV,
                        "CUDA: there is no GPU %d, only %d (from cuda:0 on)",
                        ordinal, n);
    if ((rc = describe(cu, ordinal, &about, err)) < 0 ||
        (rc = new_enough(&about, err)) < 0)
        return rc;
    FgCudaDev *d = calloc(1, sizeof(*d));
    if (!d)
        return fg_error(err, -ENOMEM, "CUDA: out of memory");
    d->cu = cu;
    d->about = about;
    rc = enter_first(d, ordinal, context, err);
    if (rc < 0) {
        free(d);
        return rc;
    }
    rc = prepare(d, err);
    if (rc < 0) {
        FgError unused;
        leave(d, CUDA_SUCCESS, "", &unused);
        cuda_close(&d);
        return rc;
    }
    *dev = d;
    rc = leave(d, CUDA_SUCCESS, "", err);
    if (rc < 0)
        cuda_close(dev);
    return rc;
}

static void cuda_close(FgCudaDev **dev)
{
    FgCudaDev *d = *dev;
    CUcontext popped;
    *dev = NULL;
    if (!d)
        return;
    if (d->cu->ctx_push(d->context) == CUDA_SUCCESS) {
        fg_dnn_leave(&d->place);
        for (int i = 0; i < 2; i++)
            if (d->tick[i])
                d->cu->event_destroy(d->tick[i]);
        if (d->event)
            d->cu->event_destroy(d->event);
        if (d->capture)
            d->cu->stream_destroy(d->capture);
        if (d->stream)
            d->cu->stream_destroy(d->stream);
        fg_images_unload(&d->images, d->cu);
        d->cu->ctx_pop(&popped);
    }
    if (d->own_context)
        d->cu->ctx_destroy(d->context);
    free(d);
}

static void cuda_describe(const FgCudaDev *dev, FgCudaDevice *about)
{
    *about = dev->about;
}

/* ---- memory ---- */

static int cuda_alloc(FgCudaDev *d, size_t bytes, uint64_t *at, FgError *err)
{
    CUdeviceptr p = 0;
    char what[64];
    *at = 0;
    if (enter(d, err) < 0)
        return -ENODEV;
    snprintf(what, sizeof(what), "%zu bytes of GPU memory", bytes);
    const int rc = leave(d, d->cu->alloc(&p, bytes ? bytes : 1), what, err);
    if (rc >= 0)
        *at = p;
    return rc;
}

static void cuda_release(FgCudaDev *d, uint64_t at)
{
    FgError unused;
    if (at && enter(d, &unused) >= 0)
        leave(d, d->cu->release(at), "freeing memory", &unused);
}

static int cuda_alloc_host(FgCudaDev *d, size_t bytes, void **at, FgError *err)
{
    char what[64];
    *at = NULL;
    if (enter(d, err) < 0)
        return -ENODEV;
    snprintf(what, sizeof(what), "%zu bytes of pinned memory", bytes);
    const int rc = leave(d, d->cu->alloc_host(at, bytes ? bytes : 1, 0), what,
                         err);
    if (rc < 0)
        *at = NULL;
    return rc;
}

static void cuda_release_host(FgCudaDev *d, void *at)
{
    FgError unused;
    if (at && enter(d, &unused) >= 0)
        leave(d, d->cu->release_host(at), "freeing pinned memory", &unused);
}

static int cuda_upload(FgCudaDev *d, void *stream, uint64_t to,
                       const void *from, size_t bytes, FgError *err)
{
    if (!bytes)
        return 0;
    const int rc = enter(d, err);
    return rc < 0
               ? rc
               : leave(d, d->cu->upload(to, from, bytes, stream_of(d, stream)),
                       "a copy to the GPU", err);
}

static int cuda_download(FgCudaDev *d, void *stream, void *to, uint64_t from,
                         size_t bytes, FgError *err)
{
    if (!bytes)
        return 0;
    const int rc = enter(d, err);
    return rc < 0
               ? rc
               : leave(d,
                       d->cu->download(to, from, bytes, stream_of(d, stream)),
                       "a copy from the GPU", err);
}

static int cuda_clear(FgCudaDev *d, void *stream, uint64_t at, size_t bytes,
                      FgError *err)
{
    if (!bytes)
        return 0;
    const int rc = enter(d, err);
    return rc < 0 ? rc
                  : leave(d, d->cu->clear(at, 0, bytes, stream_of(d, stream)),
                          "clearing memory", err);
}

/* ---- launches ---- */

/* One more node, behind the one before. */
static CUresult add_node(FgCudaDev *d, int kernel, const FgLaunch *l,
                         void **params)
{
    const CUDA_KERNEL_NODE_PARAMS_v2 node = {.func = d->images.kernel[kernel],
                                             .gridDimX = l->grid[0],
                                             .gridDimY = l->grid[1],
                                             .gridDimZ = l->grid[2],
                                             .blockDimX = l->block,
                                             .blockDimY = 1,
                                             .blockDimZ = 1,
                                             .sharedMemBytes = l->shared,
                                             .kernelParams = params};
    CUgraphNode added;
    const CUresult r = d->cu->graph_kernel(&added, d->recording->graph,
                                           d->has_last ? &d->last : NULL,
                                           d->has_last ? 1 : 0, &node);
    if (r == CUDA_SUCCESS) {
        d->last = added;
        d->has_last = 1;
    }
    return r;
}

static int cuda_launch(FgCudaDev *d, void *stream, int kernel,
                       const FgKernelArgs *args, FgError *err)
{
    const FgLaunch l = fg_launch(kernel, args);
    FgKernelArgs a = *args; /* the driver wants it to be writable */
    void *params[] = {&a};
    CUresult r;
    const int rc = enter(d, err);
    if (rc < 0)
        return rc;
    if (d->recording && !stream)
        r = add_node(d, kernel, &l, params);
    else
        r = d->cu->launch(d->images.kernel[kernel], l.grid[0], l.grid[1],
                          l.grid[2], l.block, 1, 1, l.shared,
                          stream_of(d, stream), params, NULL);
    return leave(d, r, fg_kernel_symbol(kernel), err);
}

static int cuda_sync(FgCudaDev *d, void *stream, FgError *err)
{
    const int rc = enter(d, err);
    return rc < 0 ? rc
                  : leave(d, d->cu->stream_sync(stream_of(d, stream)),
                          "waiting for the GPU", err);
}

static int cuda_order(FgCudaDev *d, void *first, void *then, FgError *err)
{
    const CUstream a = stream_of(d, first), b = stream_of(d, then);
    if (a == b)
        return 0;
    const int rc = enter(d, err);
    if (rc < 0)
        return rc;
    CUresult r = d->cu->event_record(d->event, a);
    if (!r)
        r = d->cu->stream_wait(b, d->event, CU_EVENT_WAIT_DEFAULT);
    return leave(d, r, "ordering two streams", err);
}

/* ---- marks and rows ---- */

struct FgCudaMark {
    CUevent event;
};

static void cuda_unmark(FgCudaDev *d, FgCudaMark **mark)
{
    FgCudaMark *const m = *mark;
    FgError unused;
    *mark = NULL;
    if (m && m->event && enter(d, &unused) >= 0)
        leave(d, d->cu->event_destroy(m->event), "", &unused);
    free(m);
}

static int cuda_mark(FgCudaDev *d, void *stream, FgCudaMark **mark,
                     FgError *err)
{
    FgCudaMark *m = *mark ? *mark : calloc(1, sizeof(*m));
    CUresult r = CUDA_SUCCESS;
    if (!m)
        return fg_error(err, -ENOMEM, "CUDA: out of memory");
    *mark = m;
    const int rc = enter(d, err);
    if (rc < 0)
        return rc;
    if (!m->event)
        r = d->cu->event_create(&m->event, CU_EVENT_DISABLE_TIMING |
                                               CU_EVENT_BLOCKING_SYNC);
    if (!r)
        r = d->cu->event_record(m->event, stream_of(d, stream));
    return leave(d, r, "marking a stream", err);
}

static int cuda_wait(FgCudaDev *d, FgCudaMark *mark, FgError *err)
{
    if (!mark)
        return 0;
    const int rc = enter(d, err);
    return rc < 0 ? rc
                  : leave(d, d->cu->event_wait(mark->event),
                          "waiting for the GPU", err);
}

static int cuda_follow(FgCudaDev *d, void *stream, FgCudaMark *mark,
                       FgError *err)
{
    if (!mark)
        return 0;
    const int rc = enter(d, err);
    return rc < 0 ? rc
                  : leave(d,
                          d->cu->stream_wait(stream_of(d, stream), mark->event,
                                             CU_EVENT_WAIT_DEFAULT),
                          "ordering two streams", err);
}

static int cuda_aside(FgCudaDev *d, void **stream, FgError *err)
{
    CUstream s = NULL;
    *stream = NULL;
    int rc = enter(d, err);
    if (rc >= 0)
        rc = leave(d, d->cu->stream_create(&s, CU_STREAM_NON_BLOCKING),
                   "a stream", err);
    *stream = s;
    return rc;
}

static void cuda_unaside(FgCudaDev *d, void **stream)
{
    CUstream const s = *stream;
    FgError unused;
    *stream = NULL;
    if (!s || enter(d, &unused) < 0)
        return;
    d->cu->stream_sync(s);
    leave(d, d->cu->stream_destroy(s), "", &unused);
}

static int cuda_copy_rows(FgCudaDev *d, void *stream, const FgCudaRows *r,
                          FgError *err)
{
    CUDA_MEMCPY2D c = {.WidthInBytes = r->bytes, .Height = r->rows};
    if (r->down) {
        c.srcMemoryType = CU_MEMORYTYPE_DEVICE;
        c.srcDevice = r->device;
        c.srcPitch = r->device_pitch;
        c.dstMemoryType = CU_MEMORYTYPE_HOST;
        c.dstHost = r->host;
        c.dstPitch = r->host_pitch;
    } else {
        c.srcMemoryType = CU_MEMORYTYPE_HOST;
        c.srcHost = r->host;
        c.srcPitch = r->host_pitch;
        c.dstMemoryType = CU_MEMORYTYPE_DEVICE;
        c.dstDevice = r->device;
        c.dstPitch = r->device_pitch;
    }
    const int rc = enter(d, err);
    return rc < 0 ? rc
                  : leave(d, d->cu->copy_rows(&c, stream_of(d, stream)),
                          r->down ? "a frame from the GPU"
                                  : "a frame to the "
                                    "GPU",
                          err);
}

/* ---- recorded launches ---- */

static void cuda_forget(FgCudaDev *d, FgCudaGraph **graph)
{
    FgCudaGraph *const g = *graph;
    FgError unused;
    *graph = NULL;
    if (!g)
        return;
    if (enter(d, &unused) >= 0) {
        /* One that still runs goes when it has ended. */
        if (g->exec)
            d->cu->exec_destroy(g->exec);
        if (g->graph)
            d->cu->graph_destroy(g->graph);
        leave(d, CUDA_SUCCESS, "", &unused);
    }
    free(g);
}

static int cuda_record(FgCudaDev *d, FgError *err)
{
    FgCudaGraph *g = calloc(1, sizeof(*g));
    if (!g)
        return fg_error(err, -ENOMEM, "CUDA: out of memory");
    int rc = enter(d, err);
    if (rc >= 0)
        rc = leave(d, d->cu->graph_create(&g->graph, 0), "making a graph", err);
    if (rc < 0) {
        free(g);
        return rc;
    }
    d->recording = g;
    d->has_last = 0;
    return 0;
}

static int cuda_recorded(FgCudaDev *d, FgCudaGraph **graph, FgError *err)
{
    FgCudaGraph *g = d->recording;
    d->recording = NULL;
    *graph = NULL;
    int rc = enter(d, err);
    if (rc >= 0)
        rc = leave(d, d->cu->exec_create(&g->exec, g->graph, 0),
                   "making a graph ready", err);
    if (rc < 0)
        cuda_forget(d, &g);
    *graph = g;
    return rc;
}

static int cuda_replay(FgCudaDev *d, void *stream, FgCudaGraph *g, FgError *err)
{
    const int rc = enter(d, err);
    return rc < 0 ? rc
                  : leave(d, d->cu->exec_launch(g->exec, stream_of(d, stream)),
                          "launching a graph", err);
}

/* ---- the clock ---- */

static CUresult tick(FgCudaDev *d, int i)
{
    CUresult r = CUDA_SUCCESS;
    if (!d->tick[i])
        r = d->cu->event_create(&d->tick[i], CU_EVENT_DEFAULT);
    return r ? r : d->cu->event_record(d->tick[i], d->stream);
}

static int cuda_clock(FgCudaDev *d, float *ms, FgError *err)
{
    const int rc = enter(d, err);
    if (rc < 0)
        return rc;
    CUresult r = tick(d, ms != NULL);
    if (!r && ms)
        r = d->cu->stream_sync(d->stream);
    if (!r && ms)
        r = d->cu->event_ms(ms, d->tick[0], d->tick[1]);
    const int said = leave(d, r, "measuring", err);
    return r == CUDA_ERROR_NOT_SUPPORTED ? -ENOTSUP : said;
}

/* ---- cuDNN ---- */

static int cuda_dnn_find(FgCudaDev *d, const FgKernelArgs *args, int nb,
                         FgCudaDnn **found, FgError *err)
{
    FgError unused;
    const FgDnn *const dnn = fg_dnn(NULL, err);
    if (!dnn)
        return 0;
    int rc = enter(d, err);
    if (rc < 0)
        return rc;
    if (!d->place)
        rc = fg_dnn_place(dnn, NULL, &d->place, err);
    if (rc >= 0)
        rc = fg_dnn_find(d->place, args, nb, found, err);
    leave(d, CUDA_SUCCESS, "", &unused);
    return rc == -ENOTSUP ? 0 : rc;
}

static void cuda_dnn_drop(FgCudaDev *d, FgCudaDnn **dnn)
{
    FgError unused;
    if (*dnn && enter(d, &unused) >= 0) {
        fg_dnn_drop(dnn);
        leave(d, CUDA_SUCCESS, "", &unused);
    }
    *dnn = NULL;
}

/* A graph of what it enqueues: a stream of its own, which nobody else's work
 * waits for or is waited for by, in a capture that forbids nothing. */
static int record_dnn(FgCudaDev *d, FgCudaDnn *dnn, const FgKernelArgs *args,
                      uint64_t workspace, CUgraph *graph, FgError *err)
{
    CUresult r = CUDA_SUCCESS;
    *graph = NULL;
    if (!d->capture)
        r = d->cu->stream_create(&d->capture, CU_STREAM_NON_BLOCKING);
    if (!r)
        r = d->cu->capture(d->capture, CU_STREAM_CAPTURE_MODE_RELAXED);
    if (r)
        return fg_driver_check(d->cu, r, "recording cuDNN's work", err);
    const int rc = fg_dnn_run(dnn, d->capture, args, workspace, err);
    r = d->cu->captured(d->capture, graph);
    return rc < 0 ? rc
                  : fg_driver_check(d->cu, r, "recording cuDNN's work", err);
}

static int add_dnn(FgCudaDev *d, FgCudaDnn *dnn, const FgKernelArgs *args,
                   uint64_t workspace, FgError *err)
{
    CUgraph graph;
    CUgraphNode added;
    CUresult r = CUDA_SUCCESS;
    const int rc = record_dnn(d, dnn, args, workspace, &graph, err);
    if (rc >= 0)
        r = d->cu->graph_child(&added, d->recording->graph,
                               d->has_last ? &d->last : NULL,
                               d->has_last ? 1 : 0, graph);
    if (graph) /* the node has a copy */
        d->cu->graph_destroy(graph);
    if (rc < 0 || r)
        return rc < 0
                   ? rc
                   : fg_driver_check(d->cu, r, "recording cuDNN's work", err);
    d->last = added;
    d->has_last = 1;
    return 0;
}

static int cuda_dnn_run(FgCudaDev *d, void *stream, FgCudaDnn *dnn,
                        const FgKernelArgs *args, uint64_t workspace,
                        FgError *err)
{
    FgError unused;
    int rc = enter(d, err);
    if (rc < 0)
        return rc;
    rc = d->recording && !stream
             ? add_dnn(d, dnn, args, workspace, err)
             : fg_dnn_run(dnn, stream_of(d, stream), args, workspace, err);
    const int end = leave(d, CUDA_SUCCESS, "", rc < 0 ? &unused : err);
    return rc < 0 ? rc : end;
}

static int cuda_dnn_describe(FgCudaDev *d, char *text, size_t size,
                             FgError *err)
{
    FgError unused;
    const FgDnn *const dnn = fg_dnn(NULL, err);
    if (!dnn)
        return -ENOTSUP;
    int rc = enter(d, err);
    if (rc < 0)
        return rc;
    rc = fg_dnn_describe(dnn, text, size, err);
    leave(d, CUDA_SUCCESS, "", &unused);
    return rc;
}

extern const FgCudaApi fg_cuda_api;
const FgCudaApi fg_cuda_api = {
    .abi = FG_CUDA_ABI,
    .version = FFGAN_VERSION,
    .kind = "cuda",
    .probe = cuda_probe,
    .open = cuda_open,
    .close = cuda_close,
    .describe = cuda_describe,
    .alloc = cuda_alloc,
    .release = cuda_release,
    .alloc_host = cuda_alloc_host,
    .release_host = cuda_release_host,
    .upload = cuda_upload,
    .download = cuda_download,
    .clear = cuda_clear,
    .has = cuda_has,
    .launch = cuda_launch,
    .sync = cuda_sync,
    .record = cuda_record,
    .recorded = cuda_recorded,
    .replay = cuda_replay,
    .forget = cuda_forget,
    .order = cuda_order,
    .aside = cuda_aside,
    .unaside = cuda_unaside,
    .mark = cuda_mark,
    .wait = cuda_wait,
    .unmark = cuda_unmark,
    .follow = cuda_follow,
    .copy_rows = cuda_copy_rows,
    .clock = cuda_clock,
    .dnn_find = cuda_dnn_find,
    .dnn_drop = cuda_dnn_drop,
    .dnn_name = fg_dnn_name,
    .dnn_workspace = fg_dnn_workspace,
    .dnn_run = cuda_dnn_run,
    .dnn_describe = cuda_dnn_describe,
};
