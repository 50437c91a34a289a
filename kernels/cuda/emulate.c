/* ffgan: the tests' plug-in: the kernels' own sources run on the CPU, block
 * after block. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * "Device" memory is host memory between guard bytes, full of NaNs at first;
 * a guard that changed ends the program. Shared memory is guarded likewise. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "config.h"
#include "emulate.h"

typedef struct Block {
    size_t bytes;
    char pad[GUARD - sizeof(size_t)];
} Block;

typedef struct Kept {
    int kernel;
    FgKernelArgs a;
} Kept;

struct FgCudaGraph {
    Kept *k;
    int nb;
};

struct FgCudaDev {
    size_t used, limit; /* FFGAN_EMULATED_MIB */
    FgCudaGraph *recording;
    int64_t launches;
};

/* ---- memory ---- */

static int emu_alloc(FgCudaDev *dev, size_t bytes, uint64_t *at, FgError *err)
{
    *at = 0;
    char *p = dev->limit && dev->used + bytes > dev->limit
                  ? NULL
                  : aligned_alloc(GUARD, (bytes + 4 * GUARD) / GUARD * GUARD);
    if (!p)
        return fg_error(err, -ENOMEM, "emulated GPU: out of memory");
    memset(p, 0xa5, 2 * GUARD);
    memset(p + 2 * GUARD, POISON, bytes);
    memset(p + 2 * GUARD + bytes, 0xa5, GUARD);
    ((Block *)p)->bytes = bytes;
    dev->used += bytes;
    *at = (uint64_t)(p + 2 * GUARD);
    return 0;
}

static void emu_release(FgCudaDev *dev, uint64_t at)
{
    char *const p = at ? (char *)at - 2 * GUARD : NULL;
    if (!p)
        return;
    const size_t bytes = ((Block *)p)->bytes;
    if (!guards_hold(p + GUARD, GUARD) ||
        !guards_hold(p + 2 * GUARD + bytes, GUARD))
        die("a kernel wrote outside of its memory");
    dev->used -= bytes;
    free(p);
}

static int emu_alloc_host(FgCudaDev *dev, size_t bytes, void **at, FgError *err)
{
    (void)dev;
    *at = malloc(bytes);
    return *at ? 0 : fg_error(err, -ENOMEM, "emulated GPU: out of memory");
}

static void emu_release_host(FgCudaDev *dev, void *at)
{
    (void)dev;
    free(at);
}

/* ---- kernels ---- */

static int emu_launch(FgCudaDev *dev, void *stream, int kernel,
                      const FgKernelArgs *a, FgError *err)
{
    FgCudaGraph *g = dev->recording;
    dev->launches++;
    if (!g || stream) {
        run_kernel(kernel, a);
        return 0;
    }
    Kept *k = realloc(g->k, sizeof(*k) * (size_t)(g->nb + 1));
    if (!k)
        return fg_error(err, -ENOMEM, "emulated GPU: out of memory");
    g->k = k;
    k[g->nb].kernel = kernel;
    k[g->nb++].a = *a;
    return 0;
}

/* ---- the rest ---- */

static int emu_probe(FgCudaInfo *info, FgError *err)
{
    const char *more = getenv("FFGAN_EMULATED_DEVICES"); /* none opens */
    (void)err;
    info->driver = 13000;
    info->nb_devices = more ? atoi(more) : 1;
    snprintf(info->device[0].name, sizeof(info->device[0].name),
             "emulated on the CPU, for tests");
    info->device[0].major = 8;
    return 0;
}

static int emu_open(FgCudaDev **dev, int ordinal, void *context, FgError *err)
{
    const char *mib = getenv("FFGAN_EMULATED_MIB");
    (void)context;
    *dev = NULL;
    if (ordinal > 0)
        return fg_error(err, -ENODEV,
                        "CUDA: there is no GPU %d, only 1 (cuda:0)", ordinal);
    *dev = calloc(1, sizeof(**dev));
    if (!*dev)
        return fg_error(err, -ENOMEM, "emulated GPU: out of memory");
    (*dev)->limit = mib ? (size_t)atol(mib) << 20 : 0;
    return 0;
}

static void emu_close(FgCudaDev **dev)
{
    if (*dev && (*dev)->used)
        die("memory was not released");
    free(*dev);
    *dev = NULL;
}

static void emu_describe(const FgCudaDev *dev, FgCudaDevice *d)
{
    FgCudaInfo i;
    FgError err;
    (void)dev;
    memset(&i, 0, sizeof(i));
    emu_probe(&i, &err);
    *d = i.device[0];
}

static int emu_upload(FgCudaDev *dev, void *stream, uint64_t to,
                      const void *from, size_t bytes, FgError *err)
{
    (void)dev, (void)stream, (void)err;
    memcpy((void *)to, from, bytes);
    return 0;
}

static int emu_download(FgCudaDev *dev, void *stream, void *to, uint64_t from,
                        size_t bytes, FgError *err)
{
    (void)dev, (void)stream, (void)err;
    memcpy(to, (const void *)from, bytes);
    return 0;
}

static int emu_clear(FgCudaDev *dev, void *stream, uint64_t at, size_t bytes,
                     FgError *err)
{
    (void)dev, (void)stream, (void)err;
    memset((void *)at, 0, bytes);
    return 0;
}

static int emu_sync(FgCudaDev *dev, void *stream, FgError *err)
{
    (void)dev, (void)stream, (void)err;
    return 0;
}

static int emu_record(FgCudaDev *dev, FgError *err)
{
    dev->recording = calloc(1, sizeof(*dev->recording));
    return dev->recording
               ? 0
               : fg_error(err, -ENOMEM, "emulated GPU: out of memory");
}

static int emu_recorded(FgCudaDev *dev, FgCudaGraph **graph, FgError *err)
{
    (void)err;
    *graph = dev->recording;
    dev->recording = NULL;
    return 0;
}

static int emu_replay(FgCudaDev *dev, void *stream, FgCudaGraph *graph,
                      FgError *err)
{
    (void)dev, (void)stream, (void)err;
    for (int i = 0; i < graph->nb; i++)
        run_kernel(graph->k[i].kernel, &graph->k[i].a);
    return 0;
}

static void emu_forget(FgCudaDev *dev, FgCudaGraph **graph)
{
    (void)dev;
    if (*graph)
        free((*graph)->k);
    free(*graph);
    *graph = NULL;
}

static int emu_order(FgCudaDev *dev, void *first, void *then, FgError *err)
{
    (void)dev, (void)first, (void)then, (void)err;
    return 0;
}

extern const FgCudaApi fg_cuda_api;
const FgCudaApi fg_cuda_api = {
    .abi = FG_CUDA_ABI,
    .version = FFGAN_VERSION,
    .kind = "emulated",
    .probe = emu_probe,
    .open = emu_open,
    .close = emu_close,
    .describe = emu_describe,
    .alloc = emu_alloc,
    .release = emu_release,
    .alloc_host = emu_alloc_host,
    .release_host = emu_release_host,
    .upload = emu_upload,
    .download = emu_download,
    .clear = emu_clear,
    .launch = emu_launch,
    .sync = emu_sync,
    .record = emu_record,
    .recorded = emu_recorded,
    .replay = emu_replay,
    .forget = emu_forget,
    .order = emu_order,
};
