/* Values that losses look at, where they lie.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <math.h>

#include "trainer/lot.h"
#include "trainer/tape_gpu.h"

FgLot fg_lot_host(const FgTensor *t)
{
    return (FgLot){.host = *t, .by = 1};
}

static FgLot of(FgTape *t, const FgTensor *host, int keep, int what)
{
    FgLot l = fg_lot_host(host);

    if (!t->gpu || !fg_tape_gpu_keeps(t, keep))
        return l;
    l.d = t->ex->gpu;
    l.there = fg_tape_gpu_view(t, what);
    l.stage = fg_tape_gpu_stage(t);
    if (what == FG_VIEW_SLOPE)
        l.by = 1 / fg_tape_gpu_carries(t);
    return l;
}

FgLot fg_lot_input(FgTape *t)
{
    return of(t, fg_tape_input(t), FG_KEEP_INPUT, FG_VIEW_INPUT);
}

FgLot fg_lot_output(FgTape *t)
{
    return of(t, fg_tape_output(t), FG_KEEP_OUTPUT, FG_VIEW_OUTPUT);
}

FgLot fg_lot_grad(FgTape *t)
{
    FgLot l = of(t, fg_tape_output_grad(t), FG_KEEP_GRADIENT, FG_VIEW_GRADIENT);

    if (l.d)
        l.there = fg_tape_gpu_given(t);
    return l;
}

FgLot fg_lot_slope(FgTape *t)
{
    return of(t, fg_tape_input_grad(t), FG_KEEP_SLOPE, FG_VIEW_SLOPE);
}

size_t fg_lot_count(const FgLot *l)
{
    const FgShape s = l->host.shape;

    return (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
}

FgLot fg_lot_images(const FgLot *l, int n0, int n)
{
    const FgKView *v = &l->there;
    FgLot some = *l;

    some.host = fg_tensor_images(&l->host, n0, n);
    if (l->d)
        some.there.at += (uint64_t)n0 * (uint64_t)v->h * (uint64_t)v->w *
                         (uint64_t)v->c *
                         (v->element == FG_ELEMENT_F32 ? 4 : 2);
    return some;
}

/* ---- memory ---- */

/* Of the tests: what is there is not read here. */
static void forget(const FgLot *l)
{
    for (size_t i = 0; i < fg_lot_count(l); i++)
        ((float *)l->host.data)[i] = NAN;
}

int fg_lot_create(FgLot *l, FgShape s, FgExecutor *ex, int there, FgError *err)
{
    int ret;

    *l = (FgLot){.by = 1};
    ret = fg_tensor_alloc(&l->host, s, FG_F32);
    if (ret)
        return fg_error(err, ret, "not enough memory");
    if (!ex || !ex->gpu || !there)
        return 0;
    l->d = ex->gpu;
    l->there = (FgKView){0, s.c, s.h, s.w, s.c, FG_ELEMENT_F32};
    if (l->d->emulated)
        forget(l);
    return l->d->gpu.api->alloc(l->d->gpu.dev, fg_lot_count(l) * sizeof(float),
                                &l->there.at, err);
}

void fg_lot_free(FgLot *l)
{
    if (l->d)
        l->d->gpu.api->release(l->d->gpu.dev, l->there.at);
    fg_tensor_free(&l->host);
    *l = (FgLot){0};
}

/* ---- values ---- */

static int cast(const FgLot *to, const FgKView *from, float scale)
{
    FgGpu *d = to->d;
    FgError err = {""};

    return fg_gpu_fail(
        d,
        fg_cuda_cast(&d->gpu, &to->there, from, to->host.shape.n, scale, &err),
        &err);
}

static int send(const FgLot *to, const void *values)
{
    const int wide = to->there.element == FG_ELEMENT_F32;
    FgKView from = to->there;
    int ret;

    if (!wide)
        from.at = to->stage;
    from.element = FG_ELEMENT_F32;
    ret = fg_gpu_put(to->d, from.at, values, fg_lot_count(to) * sizeof(float));
    return ret || wide ? ret : cast(to, &from, 1);
}

int fg_lot_put(const FgLot *l)
{
    return l->d ? send(l, l->host.data) : 0;
}

int fg_lot_copy(const FgLot *to, const FgLot *from)
{
    FgTensor host = to->host;

    assert(to->d || !from->d);
    if (to->d)
        return from->d ? cast(to, &from->there, from->by)
                       : send(to, from->host.data);
    fg_tensor_copy(&host, &from->host);
    return 0;
}

int fg_lot_add(const FgLot *to, const FgLot *from, double k)
{
    const float by = (float)k;
    FgKernelArgs a = {.alpha = by, .out = to->there};

    assert(!to->d == !from->d);
    if (!to->d) {
        for (size_t i = 0; i < fg_lot_count(to); i++)
            ((float *)to->host.data)[i] += by * ((float *)from->host.data)[i];
        return 0;
    }
    a.in[0] = from->there;
    a.t.images = to->host.shape.n;
    a.t.scale = from->by;
    a.t.add = 1;
    return fg_gpu_launch(to->d, FG_KERNEL_t_add, &a);
}

int fg_lot_fill(const FgLot *l, double v)
{
    const size_t n = fg_lot_count(l);
    FgKernelArgs k = {.mode = FG_STEP_FILL,
                      .alpha = (float)v,
                      .out = fg_cuda_line(l->there.at, n),
                      .p = {l->there.at},
                      .t = {.images = 1}};

    if (l->d)
        return fg_gpu_launch(l->d, FG_KERNEL_t_step, &k);
    for (size_t i = 0; i < n; i++)
        ((float *)l->host.data)[i] = (float)v;
    return 0;
}
