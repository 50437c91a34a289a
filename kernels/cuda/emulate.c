/* ffgan: the tests' plug-in: the kernels' own sources run on the CPU, block
 * after block. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * "Device" memory is host memory between guard bytes, full of NaNs at first;
 * a guard that changed ends the program. Shared memory is guarded likewise.
 *
 * $FFGAN_EMULATED_MIB: device memory. $FFGAN_EMULATED_DEVICES: none but one
 * opens. $FFGAN_EMULATED_CACHE: KiB of the second-level cache.
 * $FFGAN_EMULATED_HOPPER: it has FG_KERNELS_HOPPER; "wrong": not what they
 * should do. It has FG_KERNELS_FP8 unless $FFGAN_EMULATED_FP8 is 0.
 * $FFGAN_EMULATED_SPOIL="f16_n64_k3 5 -1": the first number of that pixel, from
 * the end where it is negative, is wrong.
 * $FFGAN_EMULATED_DNN=N: a cuDNN that has N engines, "fake 0" on, which do what
 * they should but for number $FFGAN_EMULATED_DNN_WRONG.
 * $FFGAN_EMULATED_TIMES="f16_n64_k3=7 fake1=5": there is a clock; what runs
 * while it goes takes that many microseconds, else 10, and does nothing. Each
 * measurement adds a dot to the file $FFGAN_EMULATED_MEASURED. */
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
    int kernel; /* -1: dnn */
    FgKernelArgs a;
    const FgCudaDnn *dnn;
} Kept;

struct FgCudaDnn {
    int i;
    char name[16];
};

struct FgCudaGraph {
    Kept *k;
    int nb;
};

struct FgCudaDev {
    size_t used, limit; /* FFGAN_EMULATED_MIB */
    FgCudaGraph *recording;
    int64_t launches;
    int timing;
    float us; /* so far */
    int engines;
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

/* ---- the clock ---- */

static const char *const kernel_names[FG_NB_KERNELS] = {
#define MAP(name) [FG_KERNEL_##name] = #name,
    FG_KERNELS_MAP(MAP) FG_KERNELS_WIDE(MAP)[FG_KERNEL_moments] = "moments",
#undef MAP
#define MMA(name, element, n, k) [FG_KERNEL_##name] = #name,
    FG_KERNELS_TENSOR(MMA)
#undef MMA
#define TRAIN(name, grid) [FG_KERNEL_##name] = #name,
        FG_KERNELS_TRAIN(TRAIN)
#undef TRAIN
};

static float cost(const char *name)
{
    const char *t = getenv("FFGAN_EMULATED_TIMES");
    const size_t n = name ? strlen(name) : 0;
    for (const char *at = t ? t : ""; name && (at = strstr(at, name)); at += n)
        if ((at == t || at[-1] == ' ') && at[n] == '=')
            return strtof(at + n + 1, NULL);
    return 10;
}

static int emu_clock(FgCudaDev *dev, float *ms, FgError *err)
{
    const char *log = getenv("FFGAN_EMULATED_MEASURED");
    if (!getenv("FFGAN_EMULATED_TIMES"))
        return fg_error(err, -ENOTSUP, "emulated GPU: there is no clock");
    dev->timing = !ms;
    if (ms) {
        *ms = dev->us / 1000;
        FILE *f = log && dev->us > 0 ? fopen(log, "a") : NULL;
        if (f) {
            fputc('.', f);
            fclose(f);
        }
    }
    dev->us = 0;
    return 0;
}

/* ---- cuDNN ---- */

static uint16_t *at16(uint64_t at, int64_t i)
{
    return (uint16_t *)at + i;
}

static float number(uint64_t at, int element, int64_t i)
{
    return element == FG_ELEMENT_F32 ? fg_param(at, i)
                                     : fg_get16(element, *at16(at, i));
}

/* Filters [o][side][side][i of a group]; all parameters of in's element. */
static void dnn_pixel(const FgKernelArgs *a, int y, int x, int o)
{
    const FgKView *in = &a->in[0];
    const int ic = in->c / a->groups, n = a->kernel, e = in->element;
    const int first = o / (a->out.c / a->groups) * ic;
    float sum = a->p[1] ? number(a->p[1], e, o) : 0;
    for (int t = 0; t < n * n; t++) {
        const int sy = y * a->stride - a->pad + t / n;
        const int sx = x * a->stride - a->pad + t % n;
        for (int i = 0;
             sy >= 0 && sy < in->h && sx >= 0 && sx < in->w && i < ic; i++)
            sum += fg_load(in, sy, sx, first + i) *
                   number(a->p[0], e, ((int64_t)o * n * n + t) * ic + i);
    }
    const float r = a->add.at ? fg_load(&a->add, y, x, o) : 0;
    const float slope = a->p[2] ? number(a->p[2], e, o) : 0;
    sum = fg_act(a->act, a->add_first ? sum + r : sum, a->alpha, slope);
    fg_store(&a->out, y, x, o, a->add_first ? sum : sum + r);
}

static void run_dnn(const FgCudaDnn *dnn, const FgKernelArgs *a)
{
    const char *wrong = getenv("FFGAN_EMULATED_DNN_WRONG");
    for (int y = 0; y < a->out.h; y++)
        for (int x = 0; x < a->out.w; x++)
            for (int o = 0; o < a->out.c; o++)
                dnn_pixel(a, y, x, o);
    if (wrong && atoi(wrong) == dnn->i)
        fg_store(&a->out, 0, 0, 0, fg_load(&a->out, 0, 0, 0) + 0.5F);
}

static int emu_dnn_find(FgCudaDev *dev, const FgKernelArgs *a, int nb,
                        FgCudaDnn **found, FgError *err)
{
    (void)a;
    for (int i = 0; i < nb && i < dev->engines; i++) {
        found[i] = calloc(1, sizeof(**found));
        if (!found[i])
            return fg_error(err, -ENOMEM, "emulated GPU: out of memory");
        found[i]->i = i;
        snprintf(found[i]->name, sizeof(found[i]->name), "fake%d", i);
    }
    return nb < dev->engines ? nb : dev->engines;
}

static void emu_dnn_drop(FgCudaDev *dev, FgCudaDnn **dnn)
{
    (void)dev;
    free(*dnn);
    *dnn = NULL;
}

static const char *emu_dnn_name(const FgCudaDnn *dnn)
{
    return dnn->name;
}

/* Engine 1 wants some. */
static size_t emu_dnn_workspace(const FgCudaDnn *dnn)
{
    return dnn->i == 1 ? 1000 : 0;
}

static int emu_dnn_describe(FgCudaDev *dev, char *text, size_t size,
                            FgError *err)
{
    if (!dev->engines)
        return fg_error(err, -ENOTSUP, "emulated GPU: no cuDNN");
    snprintf(text, size, "{\"deviceVer\":800}");
    return 0;
}

/* ---- kernels ---- */

/* The first number of a pixel: its exponent's top bit. */
static void spoil(const Kept *k)
{
    const char *what = getenv("FFGAN_EMULATED_SPOIL");
    const FgKView *o = &k->a.out;
    char name[32];
    int y, x;
    if (!what || k->kernel < 0 || sscanf(what, "%31s %d %d", name, &y, &x) < 3)
        return;
    y = y < 0 ? o->h + y : y;
    x = x < 0 ? o->w + x : x;
    if (strcmp(name, kernel_names[k->kernel]) != 0 || y >= o->h || x >= o->w)
        return;
    const int fours = k->kernel == FG_KERNEL_narrow;
    const int64_t at = fg_index(o, y, x, 0) * (fours ? 4 : 1);
    if (o->element == FG_ELEMENT_E4M3)
        ((uint8_t *)o->at)[at] ^= 0x40;
    else if (o->element != FG_ELEMENT_F32)
        ((uint16_t *)o->at)[at] ^= 0x4000;
}

static void run_kept(const Kept *k)
{
    if (k->kernel < 0)
        run_dnn(k->dnn, &k->a);
    else
        run_kernel(k->kernel, &k->a);
    const char *hopper = getenv("FFGAN_EMULATED_HOPPER");
    if (k->kernel == FG_KERNEL_f16_w64_k3 && hopper && !strcmp(hopper, "wrong"))
        fg_store(&k->a.out, 0, 0, 0, fg_load(&k->a.out, 0, 0, 0) + 0.5F);
    spoil(k);
}

static int enqueue(FgCudaDev *dev, void *stream, const Kept *one, FgError *err)
{
    FgCudaGraph *g = dev->recording;
    dev->launches++;
    if (!g || stream) {
        dev->us += cost(one->kernel < 0 ? one->dnn->name
                                        : kernel_names[one->kernel]);
        if (!dev->timing)
            run_kept(one);
        return 0;
    }
    Kept *k = realloc(g->k, sizeof(*k) * (size_t)(g->nb + 1));
    if (!k)
        return fg_error(err, -ENOMEM, "emulated GPU: out of memory");
    g->k = k;
    k[g->nb++] = *one;
    return 0;
}

static int emu_has(const FgCudaDev *dev, int kernel)
{
    const char *fp8 = getenv("FFGAN_EMULATED_FP8");
    (void)dev;
    switch (kernel) {
#define HOPPER(name, element, n, k) case FG_KERNEL_##name:
        FG_KERNELS_HOPPER(HOPPER)
#undef HOPPER
        return getenv("FFGAN_EMULATED_HOPPER") != NULL;
#define FP8(name, element, n, k) case FG_KERNEL_##name:
        FG_KERNELS_FP8(FP8)
#undef FP8
        return !fp8 || strcmp(fp8, "0") != 0;
    default:
        return 1;
    }
}

static int emu_launch(FgCudaDev *dev, void *stream, int kernel,
                      const FgKernelArgs *a, FgError *err)
{
    const Kept k = {kernel, *a, NULL};
    return enqueue(dev, stream, &k, err);
}

static int emu_dnn_run(FgCudaDev *dev, void *stream, FgCudaDnn *dnn,
                       const FgKernelArgs *a, uint64_t workspace, FgError *err)
{
    const Kept k = {-1, *a, dnn};
    if (emu_dnn_workspace(dnn)) /* guarded */
        memset((void *)workspace, 1, emu_dnn_workspace(dnn));
    return enqueue(dev, stream, &k, err);
}

/* ---- the rest ---- */

static int emu_probe(FgCudaInfo *info, FgError *err)
{
    const char *more = getenv("FFGAN_EMULATED_DEVICES");
    const char *cache = getenv("FFGAN_EMULATED_CACHE");
    (void)err;
    if (getenv("FFGAN_EMULATED_DNN"))
        info->cudnn = 91900;
    else
        snprintf(info->no_cudnn, sizeof(info->no_cudnn), "no cuDNN");
    info->driver = 13000;
    info->nb_devices = more ? atoi(more) : 1;
    snprintf(info->device[0].name, sizeof(info->device[0].name),
             "emulated on the CPU, for tests");
    info->device[0].major = 8;
    info->device[0].cache = cache ? (size_t)atol(cache) << 10 : 0;
    return 0;
}

static int emu_open(FgCudaDev **dev, int ordinal, void *context, FgError *err)
{
    const char *mib = getenv("FFGAN_EMULATED_MIB");
    const char *engines = getenv("FFGAN_EMULATED_DNN");
    (void)context;
    *dev = NULL;
    if (ordinal > 0)
        return fg_error(err, -ENODEV,
                        "CUDA: there is no GPU %d, only 1 (cuda:0)", ordinal);
    *dev = calloc(1, sizeof(**dev));
    if (!*dev)
        return fg_error(err, -ENOMEM, "emulated GPU: out of memory");
    (*dev)->engines = engines ? atoi(engines) : 0;
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
        run_kept(&graph->k[i]);
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

/* Everything is done when it is asked for: a mark is nothing. */
static int emu_mark(FgCudaDev *dev, void *stream, FgCudaMark **mark,
                    FgError *err)
{
    (void)dev, (void)stream, (void)mark, (void)err;
    return 0;
}

static int emu_wait(FgCudaDev *dev, FgCudaMark *mark, FgError *err)
{
    (void)dev, (void)mark, (void)err;
    return 0;
}

static void emu_unmark(FgCudaDev *dev, FgCudaMark **mark)
{
    (void)dev, (void)mark;
}

static int emu_follow(FgCudaDev *dev, void *stream, FgCudaMark *mark,
                      FgError *err)
{
    (void)dev, (void)stream, (void)mark, (void)err;
    return 0;
}

static int emu_aside(FgCudaDev *dev, void **stream, FgError *err)
{
    (void)err;
    *stream = dev;
    return 0;
}

static void emu_unaside(FgCudaDev *dev, void **stream)
{
    (void)dev;
    *stream = NULL;
}

static int emu_copy_rows(FgCudaDev *dev, void *stream, const FgCudaRows *r,
                         FgError *err)
{
    (void)dev, (void)stream, (void)err;
    for (size_t y = 0; y < r->rows; y++) {
        char *const host = (char *)r->host + y * r->host_pitch;
        char *const device = (char *)r->device + y * r->device_pitch;
        memcpy(r->down ? host : device, r->down ? device : host, r->bytes);
    }
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
    .has = emu_has,
    .launch = emu_launch,
    .sync = emu_sync,
    .record = emu_record,
    .recorded = emu_recorded,
    .replay = emu_replay,
    .forget = emu_forget,
    .order = emu_order,
    .aside = emu_aside,
    .unaside = emu_unaside,
    .mark = emu_mark,
    .wait = emu_wait,
    .unmark = emu_unmark,
    .follow = emu_follow,
    .copy_rows = emu_copy_rows,
    .clock = emu_clock,
    .dnn_find = emu_dnn_find,
    .dnn_drop = emu_dnn_drop,
    .dnn_name = emu_dnn_name,
    .dnn_workspace = emu_dnn_workspace,
    .dnn_run = emu_dnn_run,
    .dnn_describe = emu_dnn_describe,
};
