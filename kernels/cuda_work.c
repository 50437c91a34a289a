/* ffgan: work on frames in a GPU's memory.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cuda_work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fg_cuda_work_open(FgCudaWork *w, const FgCudaPlace *at, FgError *err)
{
    int rc;
    memset(w, 0, sizeof(*w));
    w->api = fg_cuda_load(&rc, err);
    if (!w->api)
        return rc;
    w->stream = at->stream;
    rc = w->api->open(&w->dev, at->ordinal, at->context, err);
    if (rc >= 0) {
        FgCudaDevice d;
        w->api->describe(w->dev, &d);
        snprintf(w->name, sizeof(w->name), "%s", d.name);
        rc = w->api->alloc_host(w->dev, 4 * sizeof(double), (void **)&w->totals,
                                err);
    }
    return rc;
}

void fg_cuda_work_close(FgCudaWork *w)
{
    FgError unused;
    if (w->dev) {
        w->api->sync(w->dev, w->stream, &unused);
        for (int i = 0; i < w->nb_mem; i++)
            w->api->release(w->dev, w->mem[i]);
        w->api->release_host(w->dev, w->totals);
        w->api->close(&w->dev);
    }
    free(w->mem);
    memset(w, 0, sizeof(*w));
}

int fg_cuda_work_alloc(FgCudaWork *w, size_t bytes, uint64_t *at, FgError *err)
{
    if (w->nb_mem == w->cap_mem) {
        const int cap = 2 * w->cap_mem + 64;
        uint64_t *const more = realloc(w->mem, sizeof(*more) * (size_t)cap);
        if (!more)
            return fg_error(err, -ENOMEM, "out of memory");
        w->mem = more;
        w->cap_mem = cap;
    }
    int rc = w->api->alloc(w->dev, bytes, at, err);
    if (rc == -ENOMEM)
        return fg_error(err, rc, "CUDA: %s has not enough free memory",
                        w->name);
    if (rc < 0)
        return rc;
    w->mem[w->nb_mem++] = *at;
    return w->api->clear(w->dev, w->stream, *at, bytes, err);
}

int fg_cuda_work_map(FgCudaWork *w, size_t n, float **at, FgError *err)
{
    uint64_t m = 0;
    const int rc = fg_cuda_work_alloc(w, sizeof(**at) * n, &m, err);
    *at = (float *)(uintptr_t)m;
    return rc;
}

int fg_cuda_work_plane(FgCudaWork *w, FgPlane *p, int width, int height,
                       FgError *err)
{
    const size_t row = ((size_t)width + 2 * FG_BORDER + 31) & ~(size_t)31;
    float *m = NULL;
    const int rc = fg_cuda_work_map(w, row * ((size_t)height + 2 * FG_BORDER),
                                    &m, err);
    *p = (FgPlane){rc < 0 ? NULL : m + FG_BORDER * row + FG_BORDER, m, width,
                   height, (ptrdiff_t)row};
    return rc;
}

int fg_cuda_work_launch(FgCudaWork *w, int kernel, const FgKernelArgs *a,
                        FgError *err)
{
    return w->api->launch(w->dev, w->stream, kernel, a, err);
}

int fg_cuda_work_sum(FgCudaWork *w, uint64_t in, int width, int height,
                     uint64_t rows, uint64_t totals, FgError *err)
{
    FgKernelArgs a = {
        .in = {{in, 4, height, width, 4, FG_ELEMENT_F32}},
        .out = {0, 4, height, 1, 4, FG_ELEMENT_F32},
        .p = {0, 0, rows, totals},
        .chunks = height,
    };
    const int rc = fg_cuda_work_launch(w, FG_KERNEL_row_sums, &a, err);
    a.out.h = 1;
    return rc < 0 ? rc : fg_cuda_work_launch(w, FG_KERNEL_totals, &a, err);
}

int fg_cuda_work_totals(FgCudaWork *w, uint64_t totals, double sum[4],
                        FgError *err)
{
    int rc = w->api->download(w->dev, w->stream, w->totals, totals,
                              4 * sizeof(double), err);
    if (rc >= 0)
        rc = w->api->sync(w->dev, w->stream, err);
    if (rc >= 0)
        memcpy(sum, w->totals, 4 * sizeof(double));
    return rc;
}
