/* A data set in GPU memory. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "trainer/batch_gpu.h"
#include "trainer/gpu.h"
#include "trainer/tape_gpu.h"

enum { PARTS = FG_LOSS_PARTS };

struct FgBatchGpu {
    FgGpu *d;
    const FgCrops *c;
    FgTape *t;     /* NULL: lots */
    FgKView to[2]; /* input, target; at = 0: none */
    int owned;     /* the target's memory is */
    int images;
    uint64_t data, table, sums;
    int64_t *at[2]; /* [pictures] input, target: bytes from data on */
    FgCrop *crop;
};

/* ---- life ---- */

static size_t bytes_of(const FgPicture *p)
{
    return (size_t)p->w * (size_t)p->h * 3;
}

/* Where each picture lies; with scale 1 a pair may be one. */
static size_t lay_out(FgBatchGpu *b)
{
    size_t at = 0;

    for (int i = 0; i < b->c->data->nb; i++) {
        const FgPair *p = &b->c->data->pair[i];

        b->at[0][i] = b->at[1][i] = (int64_t)at;
        at += bytes_of(&p->lr);
        if (p->hr.rgb == p->lr.rgb)
            continue;
        b->at[1][i] = (int64_t)at;
        at += bytes_of(&p->hr);
    }
    return at;
}

static int send(FgBatchGpu *b)
{
    const FgData *data = b->c->data;
    int ret = 0;

    for (int i = 0; i < data->nb && !ret; i++) {
        const FgPair *p = &data->pair[i];

        ret = fg_gpu_put(b->d, b->data + (uint64_t)b->at[0][i], p->lr.rgb,
                         bytes_of(&p->lr));
        if (!ret && b->at[1][i] != b->at[0][i])
            ret = fg_gpu_put(b->d, b->data + (uint64_t)b->at[1][i], p->hr.rgb,
                             bytes_of(&p->hr));
    }
    return ret;
}

/* A target of its own for a tape. */
static int make_target(FgBatchGpu *b, FgError *err)
{
    const FgCudaTrain *g = &b->d->gpu;
    const int side = b->c->patch * b->c->data->scale, c = b->to[0].c;
    int ret;

    b->to[1] = (FgKView){0, c, side, side, c, FG_ELEMENT_F32};
    b->owned = 1;
    ret = g->api->alloc(g->dev,
                        sizeof(float) * (size_t)b->images * (size_t)c *
                            (size_t)side * (size_t)side,
                        &b->to[1].at, err);
    return ret ? ret
               : g->api->alloc(g->dev, 2 * PARTS * sizeof(double), &b->sums,
                               err);
}

static int make(FgBatchGpu *b, FgError *err)
{
    const FgCudaTrain *g = &b->d->gpu;
    const size_t n = (size_t)b->c->data->nb;
    int ret;

    b->at[0] = malloc(n * sizeof(*b->at[0]));
    b->at[1] = malloc(n * sizeof(*b->at[1]));
    b->crop = malloc(2 * (size_t)b->images * sizeof(*b->crop));
    if (!b->at[0] || !b->at[1] || !b->crop)
        return -ENOMEM;
    ret = g->api->alloc(g->dev, lay_out(b), &b->data, err);
    if (!ret)
        ret = g->api->alloc(g->dev, 2 * (size_t)b->images * sizeof(*b->crop),
                            &b->table, err);
    return ret;
}

static FgBatchGpu *start(const FgCrops *c, FgGpu *d, int images)
{
    FgBatchGpu *b = calloc(1, sizeof(*b));

    if (b)
        *b = (FgBatchGpu){.d = d, .c = c, .images = images};
    return b;
}

/* Too little memory is no error. */
static int finish(FgBatchGpu **out, int ret, FgError *err)
{
    FgBatchGpu *b = *out;

    if (!ret)
        ret = make(b, err);
    if (!ret && send(b))
        ret = fg_error(err, b->d->rc, "%s", b->d->err.text);
    if (ret)
        fg_batch_gpu_free(out);
    return ret == -ENOMEM ? 0 : ret;
}

static int create(FgBatchGpu **out, const FgCrops *c, FgTape *t, int target,
                  FgError *err)
{
    FgBatchGpu *b;
    int ret;

    *out = NULL;
    if (!t->gpu)
        return 0;
    b = *out = start(c, t->ex->gpu, fg_tape_input(t)->shape.n);
    if (!b)
        return fg_error(err, -ENOMEM, "not enough memory");
    b->t = t;
    b->to[0] = fg_tape_gpu_view(t, FG_VIEW_INPUT);
    ret = finish(out, target ? make_target(b, err) : 0, err);
    if (*out)
        fg_tape_keep(t, target
                            ? FG_KEEP_INPUT | FG_KEEP_OUTPUT | FG_KEEP_GRADIENT
                            : FG_KEEP_INPUT);
    return ret;
}

int fg_batch_gpu_create_lots(FgBatchGpu **out, const FgCrops *c,
                             const FgLot *in, const FgLot *target, FgError *err)
{
    const FgLot *any = in ? in : target;
    FgBatchGpu *b;

    *out = NULL;
    if (!any->d)
        return 0;
    b = *out = start(c, any->d, any->host.shape.n);
    if (!b)
        return fg_error(err, -ENOMEM, "not enough memory");
    if (in)
        b->to[0] = in->there;
    if (target)
        b->to[1] = target->there;
    return finish(out, 0, err);
}

int fg_batch_gpu_create(FgBatchGpu **out, const FgCrops *c, FgTape *t,
                        FgError *err)
{
    return create(out, c, t, 1, err);
}

int fg_batch_gpu_create_input(FgBatchGpu **out, const FgCrops *c, FgTape *t,
                              FgError *err)
{
    return create(out, c, t, 0, err);
}

void fg_batch_gpu_free(FgBatchGpu **out)
{
    FgBatchGpu *b = *out;
    const FgCudaTrain *g = b ? &b->d->gpu : NULL;

    *out = NULL;
    if (!b)
        return;
    g->api->release(g->dev, b->data);
    if (b->owned)
        g->api->release(g->dev, b->to[1].at);
    g->api->release(g->dev, b->table);
    g->api->release(g->dev, b->sums);
    free(b->at[0]);
    free(b->at[1]);
    free(b->crop);
    free(b);
}

/* ---- a step ---- */

static int launch(FgBatchGpu *b, int kernel, const FgKernelArgs *k)
{
    FgError err = {""};

    return fg_gpu_fail(
        b->d, b->d->gpu.api->launch(b->d->gpu.dev, NULL, kernel, k, &err),
        &err);
}

static int cut(FgBatchGpu *b, int target)
{
    FgKernelArgs k = {.mode = (b->c->luma ? FG_CROP_LUMA : 0) |
                              (b->c->centred ? FG_CROP_CENTRED : 0),
                      .t = {.images = b->images}};

    if (!b->to[target].at)
        return 0;
    k.out = b->to[target];
    k.p[0] = b->data;
    k.p[1] = b->table + (uint64_t)(target ? b->images : 0) * sizeof(*b->crop);
    return launch(b, FG_KERNEL_t_crop, &k);
}

int fg_batch_gpu_fill(FgBatchGpu *b, int64_t step)
{
    const FgData *d = b->c->data;
    int ret;

    for (int i = 0; i < b->images; i++) {
        const FgPlace p = fg_crops_place(b->c, step, i, b->images);
        const FgPair *pair = &d->pair[p.picture];

        b->crop[i] = (FgCrop){b->at[0][p.picture], pair->lr.w, p.x, p.y,
                              p.turn};
        b->crop[b->images + i] = (FgCrop){b->at[1][p.picture], pair->hr.w,
                                          p.x * d->scale, p.y * d->scale,
                                          p.turn};
    }
    ret = fg_gpu_put(b->d, b->table, b->crop,
                     2 * (size_t)b->images * sizeof(*b->crop));
    if (!ret)
        ret = cut(b, 0);
    return ret ? ret : cut(b, 1);
}

int fg_batch_fill(FgBatchGpu *b, const FgCrops *c, int64_t step, FgLot *in,
                  FgLot *target, FgExecutor *ex)
{
    int ret = 0;

    if (b)
        return fg_batch_gpu_fill(b, step);
    fg_crops_fill(c, step, in ? &in->host : NULL, target ? &target->host : NULL,
                  ex);
    if (in)
        ret = fg_lot_put(in);
    return ret || !target ? ret : fg_lot_put(target);
}

/* fp16 has few small numbers: the largest gradient that there can be, or with
 * mse that of a difference of 1, comes to 256. */
static float choose_scale(const FgBatchGpu *b, int kind, float k)
{
    int e;

    if (b->d->element != FG_ELEMENT_F16)
        return 1;
    frexpf(kind == FG_LOSS_MSE ? 2 * k : k, &e);
    return ldexpf(1, 9 - e > 40 ? 40 : 9 - e);
}

double fg_batch_gpu_loss(FgBatchGpu *b, int kind, double eps, double *mse)
{
    const FgKView y = fg_tape_gpu_view(b->t, FG_VIEW_OUTPUT);
    const double all = (double)b->images * y.h * y.w * y.c;
    double sums[2 * PARTS], loss = 0;
    FgKernelArgs k = {.mode = kind, .alpha = (float)(1 / all)};

    k.eps = (float)(eps * eps);
    k.in[0] = y;
    k.in[1] = b->to[1];
    k.out = fg_tape_gpu_view(b->t, FG_VIEW_GRADIENT);
    k.p[0] = b->sums;
    k.t.images = b->images;
    k.t.results = PARTS;
    k.t.scale = choose_scale(b, kind, k.alpha);
    k.t.weight = 1;
    fg_tape_gpu_scale(b->t, k.t.scale);
    *mse = NAN;
    if (launch(b, FG_KERNEL_t_loss, &k) ||
        fg_gpu_get(b->d, sums, b->sums, sizeof(sums)))
        return NAN;
    *mse = 0;
    for (int i = 0; i < PARTS; i++) {
        loss += sums[2 * i];
        *mse += sums[2 * i + 1];
    }
    *mse /= all;
    return loss / all;
}

int fg_batch_gpu_target(FgBatchGpu *b, float *to)
{
    const FgKView *v = &b->to[1];

    return fg_gpu_get(b->d, to, v->at,
                      sizeof(float) * (size_t)b->images * (size_t)v->h *
                          (size_t)v->w * (size_t)v->c);
}
