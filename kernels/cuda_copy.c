/* ffgan: whole frames between pinned memory and a GPU's.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "cuda/abi.h"

struct FgCudaCopy {
    const FgCudaApi *api;
    FgCudaDev *dev;
    void *stream, *place; /* of the copies, of the frames: the same, or not */
};

int fg_cuda_copy_open(FgCudaCopy **pc, const FgCudaPlace *at, FgError *err)
{
    int rc;
    FgCudaCopy *c = *pc = calloc(1, sizeof(*c));
    if (!c)
        return fg_error(err, -ENOMEM, "out of memory");
    c->stream = c->place = at->stream;
    c->api = fg_cuda_load(&rc, err);
    if (c->api)
        rc = c->api->open(&c->dev, at->ordinal, at->context, err);
    if (rc < 0)
        fg_cuda_copy_close(pc);
    return rc;
}

void fg_cuda_copy_close(FgCudaCopy **pc)
{
    FgCudaCopy *const c = *pc;
    FgError unused;
    if (c && c->dev) {
        c->api->sync(c->dev, c->stream, &unused);
        if (c->stream != c->place)
            c->api->unaside(c->dev, &c->stream);
        c->api->close(&c->dev);
    }
    free(c);
    *pc = NULL;
}

int fg_cuda_copy_alloc(FgCudaCopy *c, size_t bytes, void **at, FgError *err)
{
    return c->api->alloc_host(c->dev, bytes, at, err);
}

void fg_cuda_copy_release(FgCudaCopy *c, void *at)
{
    c->api->release_host(c->dev, at);
}

int fg_cuda_copy_rows(FgCudaCopy *c, const FgCudaRows *rows, FgError *err)
{
    return c->api->copy_rows(c->dev, c->stream, rows, err);
}

int fg_cuda_copy_mark(FgCudaCopy *c, FgCudaMark **mark, FgError *err)
{
    return c->api->mark(c->dev, c->stream, mark, err);
}

int fg_cuda_copy_wait(FgCudaCopy *c, FgCudaMark *mark, FgError *err)
{
    return c->api->wait(c->dev, mark, err);
}

void fg_cuda_copy_unmark(FgCudaCopy *c, FgCudaMark **mark)
{
    c->api->unmark(c->dev, mark);
}

int fg_cuda_copy_beside(FgCudaCopy *c, FgError *err)
{
    void *stream;
    const int rc = c->api->aside(c->dev, &stream, err);
    if (rc >= 0)
        c->stream = stream;
    return rc;
}

int fg_cuda_copy_mark_place(FgCudaCopy *c, FgCudaMark **mark, FgError *err)
{
    return c->api->mark(c->dev, c->place, mark, err);
}

int fg_cuda_copy_behind(FgCudaCopy *c, FgCudaMark *mark, FgError *err)
{
    return c->api->follow(c->dev, c->stream, mark, err);
}

int fg_cuda_copy_before(FgCudaCopy *c, FgCudaMark *mark, FgError *err)
{
    return c->api->follow(c->dev, c->place, mark, err);
}
