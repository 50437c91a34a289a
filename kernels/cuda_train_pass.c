/* ffgan: launches of training that come again, recorded.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_train.h"

enum { PLAIN, RECORD, CHECK }; /* state */
enum { MOST = 8 }; /* recordings of a pass whose key keeps changing */

typedef struct FgCudaKept {
    int kernel;
    FgKernelArgs a;
} FgCudaKept;

static void forget(FgCudaTrain *d, FgCudaPass *p)
{
    d->api->forget(d->dev, &p->graph);
    free(p->kept);
    p->kept = NULL;
    p->nb = 0;
}

void fg_cuda_pass_forget(FgCudaTrain *d, FgCudaPass *p)
{
    forget(d, p);
    *p = (FgCudaPass){0};
}

/* ---- launches ---- */

static int keep(FgCudaPass *p, int kernel, const FgKernelArgs *k, FgError *err)
{
    FgCudaKept *more = realloc(p->kept, sizeof(*more) * (size_t)(p->nb + 1));
    if (!more)
        return fg_error(err, -ENOMEM, "CUDA: not enough memory to record");
    p->kept = more;
    more[p->nb].kernel = kernel;
    more[p->nb++].a = *k;
    return 0;
}

/* Between two members, both included, that have nothing but 32-bit ones
 * between them. */
#define SAME(a, b, type, from, to)                                             \
    (!memcmp((const char *)(a) + offsetof(type, from),                         \
             (const char *)(b) + offsetof(type, from),                         \
             offsetof(type, to) + 4 - offsetof(type, from)))

static int same_view(const FgKView *a, const FgKView *b)
{
    return a->at == b->at && SAME(a, b, FgKView, c, element);
}

/* All that training's kernels are given. */
static int same(const FgKernelArgs *a, const FgKernelArgs *b)
{
    return same_view(&a->in[0], &b->in[0]) && same_view(&a->in[1], &b->in[1]) &&
           same_view(&a->out, &b->out) && same_view(&a->add, &b->add) &&
           !memcmp(a->p, b->p, sizeof(a->p)) &&
           SAME(a, b, FgKernelArgs, kernel, blocks) && a->side == b->side &&
           SAME(&a->t, &b->t, FgTrainArgs, images, momentum) &&
           a->t.seed == b->t.seed && a->t.step == b->t.step &&
           a->t.live == b->t.live;
}

static int compare(FgCudaPass *p, int kernel, const FgKernelArgs *k,
                   FgError *err)
{
    const FgCudaKept *const one = p->kept + p->at;
    if (p->at++ < p->nb && one->kernel == kernel && same(&one->a, k))
        return 0;
    return fg_error(err, -EINVAL,
                    "CUDA: launch %d of a pass is not what was recorded",
                    p->at - 1);
}

int fg_cuda_launch(FgCudaTrain *d, int kernel, const FgKernelArgs *k,
                   FgError *err)
{
    FgCudaPass *const p = d->pass;
    int rc = 0;
    if (p && p->state == CHECK)
        return compare(p, kernel, k, err);
    if (p && p->state == RECORD && d->check)
        rc = keep(p, kernel, k, err);
    return rc < 0 ? rc : d->api->launch(d->dev, NULL, kernel, k, err);
}

/* ---- passes ---- */

/* Recorded when the same comes a second time: only then is all memory there. */
static int begin(FgCudaTrain *d, FgCudaPass *p, uint64_t key)
{
    FgError unused;
    if (p->key != key || p->rooms != d->rooms || !p->came) {
        forget(d, p);
        p->came = 0;
        p->key = key;
    }
    p->came = 1 + (p->came > 0);
    p->rooms = d->rooms;
    if (d->plain || p->came < 2)
        return PLAIN;
    if (p->graph)
        return CHECK;
    if (p->made >= MOST || d->api->record(d->dev, &unused) < 0)
        return PLAIN;
    p->made++;
    return RECORD;
}

static int replay(FgCudaTrain *d, FgCudaPass *p, FgError *err)
{
    d->replays++;
    return d->api->replay(d->dev, NULL, p->graph, err);
}

int fg_cuda_pass_begin(FgCudaTrain *d, FgCudaPass *p, uint64_t key,
                       FgError *err)
{
    int rc;
    p->state = begin(d, p, key);
    p->at = 0;
    if (p->state == CHECK && !d->check) {
        rc = replay(d, p, err);
        return rc < 0 ? rc : 1;
    }
    d->pass = p;
    return 0;
}

/* A graph that the driver does not make, or whose memory moved, is none. */
static int end_recording(FgCudaTrain *d, FgCudaPass *p, int rc, FgError *err)
{
    FgError unused;
    const int made = d->api->recorded(d->dev, &p->graph, &unused);
    if (rc < 0 || made < 0 || p->rooms != d->rooms) {
        forget(d, p);
        p->made = MOST;
        p->state = PLAIN;
        return 1;
    }
    d->pass = NULL;
    return replay(d, p, err);
}

int fg_cuda_pass_end(FgCudaTrain *d, int rc, FgError *err)
{
    FgCudaPass *const p = d->pass;
    if (p->state == RECORD)
        return end_recording(d, p, rc, err);
    d->pass = NULL;
    p->rooms = d->rooms;
    if (rc < 0 || p->state == PLAIN)
        return rc;
    if (p->at != p->nb)
        return fg_error(err, -EINVAL,
                        "CUDA: a pass has %d launches, recorded were %d", p->at,
                        p->nb);
    return replay(d, p, err);
}
