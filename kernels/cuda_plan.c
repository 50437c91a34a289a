/* ffgan: plans on a GPU: memory, tiles, a picture.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cuda_plan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_fp8.h"
#include "graph_priv.h"

enum { LEAST_TILE = 64 };

/* ---- opening ---- */

static int has_op(const FgGraph *g, const char *op)
{
    for (int i = 0; i < g->nb_nodes; i++)
        if (fg_node_is(&g->nodes[i], op))
            return 1;
    return 0;
}

/* A flow in half precision would lose sixteenths of pixels. */
static int choose_element(FgPlan *p, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const int exact = has_op(&p->g, "warp") || has_op(&p->g, "correlate");
    if (p->precision == FG_PREC_INT16 || p->precision == FG_PREC_INT8)
        return fg_error(err, -ENOTSUP,
                        "CUDA: precisions int16 and int8 are the CPU's, "
                        "allowed auto, fp32, bf16, fast, fp8");
    if (p->precision == FG_PREC_BF16 && c->about.major < 8)
        return fg_error(err, -ENOTSUP,
                        "CUDA: %s (compute capability %d.%d) has no bf16, "
                        "which came with 8.0; allowed auto, fp32, fast",
                        c->about.name, c->about.major, c->about.minor);
    c->element = p->precision == FG_PREC_BF16            ? FG_ELEMENT_BF16
                 : p->precision == FG_PREC_FP32 || exact ? FG_ELEMENT_F32
                                                         : FG_ELEMENT_F16;
    return p->precision == FG_PREC_FP8 ? fg_cuda_fp8_open(p, err) : 0;
}

int fg_cuda_plan_open(FgPlan *p, const FgPlanOptions *opt, FgError *err)
{
    int rc;
    const FgCudaApi *const api = fg_cuda_load(&rc, err);
    if (!api)
        return rc;
    struct FgCudaPlan *c = p->cuda = calloc(1, sizeof(*c));
    if (!c)
        return fg_error(err, -ENOMEM, "plan: out of memory");
    c->api = api;
    rc = api->open(&c->dev, fg_cuda_ordinal(opt->device), opt->cuda_context,
                   err);
    if (rc < 0)
        return rc;
    api->describe(c->dev, &c->about);
    snprintf(c->isa, sizeof(c->isa), "sm_%d%d", c->about.major,
             c->about.minor % 10);
    return choose_element(p, err);
}

static void free_values(struct FgCudaPlan *c)
{
    for (int i = 0; i < c->nb_slots; i++)
        c->api->release(c->dev, c->slot[i]);
    free(c->slot);
    c->slot = NULL;
    c->nb_slots = 0;
    c->api->release(c->dev, c->picture);
    c->api->release(c->dev, c->result);
    c->api->release(c->dev, c->bad);
    c->api->release_host(c->dev, c->host_bad);
    c->picture = c->result = c->bad = 0;
    c->host_bad = NULL;
    c->bytes = 0;
}

void fg_cuda_plan_close(FgPlan *p)
{
    struct FgCudaPlan *c = p->cuda;
    FgError err;
    if (!c)
        return;
    if (c->dev) {
        if (c->has_last)
            c->api->sync(c->dev, c->last_stream, &err);
        c->api->sync(c->dev, NULL, &err);
        c->api->forget(c->dev, &c->graph);
        free_values(c);
        c->api->release_host(c->dev, c->host_in);
        c->api->release_host(c->dev, c->host_out);
        c->api->unmark(c->dev, &c->uploaded);
        c->api->release(c->dev, c->side);
        c->api->release(c->dev, c->cup);
        c->api->release(c->dev, c->cfull);
        for (int i = 0; i < c->nb_steps; i++)
            c->api->dnn_drop(c->dev, &c->steps[i].dnn);
        for (int i = 0; i < c->nb_weights; i++)
            c->api->release(c->dev, c->weights[i]);
        c->api->close(&c->dev);
    }
    free(c->to8);
    free(c->alone8);
    free(c->weights);
    free(c->steps);
    free(c);
    p->cuda = NULL;
}

int fg_cuda_keep(FgPlan *p, const void *data, size_t bytes, uint64_t *at,
                 FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    if (c->nb_weights == c->cap_weights) {
        const int cap = 2 * c->cap_weights + 16;
        uint64_t *w = realloc(c->weights, sizeof(*w) * (size_t)cap);
        if (!w)
            return fg_error(err, -ENOMEM, "plan: out of memory");
        c->weights = w;
        c->cap_weights = cap;
    }
    int rc = c->api->alloc(c->dev, bytes, at, err);
    if (rc < 0)
        return rc;
    c->weights[c->nb_weights++] = *at;
    if (data)
        rc = c->api->upload(c->dev, NULL, *at, data, bytes, err);
    /* The caller's memory may go: wait. */
    return rc < 0 ? rc : c->api->sync(c->dev, NULL, err);
}

void fg_cuda_unkeep(FgPlan *p, uint64_t *at)
{
    struct FgCudaPlan *c = p->cuda;
    for (int i = 0; i < c->nb_weights; i++)
        if (*at && c->weights[i] == *at) {
            c->api->release(c->dev, *at);
            c->weights[i] = c->weights[--c->nb_weights];
            break;
        }
    *at = 0;
}

/* ---- memory ---- */

static size_t element_size(const struct FgCudaPlan *c)
{
    return c->element == FG_ELEMENT_F32 ? sizeof(float) : 2;
}

/* Pixels of 16 and 8 bits are whole units of 16 bytes. */
static int pitch_of(const FgPlan *p, int v)
{
    const int c = p->shapes[v].c;
    if (v >= p->g.nb_nodes)
        return fg_round_up(c, 16);
    return p->cuda->element == FG_ELEMENT_F32 ? c : fg_round_up(c, 8);
}

static size_t value_bytes(const FgPlan *p, int v)
{
    const FgShape s = p->shapes[v];
    return (size_t)s.h * (size_t)s.w * (size_t)pitch_of(p, v) *
           (v >= p->g.nb_nodes ? 1 : element_size(p->cuda));
}

FgKView fg_cuda_view(const FgPlan *p, int v)
{
    const struct FgCudaPlan *c = p->cuda;
    const FgShape s = p->shapes[v];
    return (FgKView){
        c->slot[p->slot[v]],
        s.c,
        s.h,
        s.w,
        pitch_of(p, v),
        v >= p->g.nb_nodes ? FG_ELEMENT_E4M3 : c->element,
    };
}

/* Of all nodes for an input, and again for their 8-bit forms. */
static int shapes_for(FgPlan *p, FgShape in, FgError *err)
{
    const int rc = fg_graph_shapes(&p->g, in, p->shapes, err);
    memcpy(p->shapes + p->g.nb_nodes, p->shapes,
           sizeof(*p->shapes) * (size_t)p->g.nb_nodes);
    return rc < 0 ? rc : 0;
}

static int last_use(const FgPlan *p, int v)
{
    const struct FgCudaPlan *c = p->cuda;
    const int end = p->has_tail ? v == p->tail.shuffle || v == p->tail.base
                                : v == p->alias[p->g.nb_nodes - 1];
    int last = -1;
    for (int i = 0; i < c->nb_steps; i++) {
        const FgCudaStep *s = &c->steps[i];
        if (s->in[0] == v || s->in[1] == v || s->add == v || s->out == v)
            last = i;
    }
    return end ? c->nb_steps : last;
}

/* A free slot: the largest, so that few grow. */
static int take_slot(FgPlan *p, const int *until, int now, size_t bytes)
{
    int best = -1;
    for (int i = 0; i < p->nb_slots; i++)
        if (until[i] < now && (best < 0 || p->mem_size[i] > p->mem_size[best]))
            best = i;
    if (best < 0)
        best = p->nb_slots++;
    if (bytes > p->mem_size[best])
        p->mem_size[best] = bytes;
    return best;
}

/* Slots of all values for windows of w x h; the bytes of all. */
static int assign(FgPlan *p, int w, int h, size_t *bytes)
{
    const FgShape in = {1, p->channels_in, h, w};
    const int values = 2 * p->g.nb_nodes;
    int *until = calloc((size_t)values, sizeof(*until));
    if (!until)
        return -ENOMEM;
    const int rc = shapes_for(p, in, NULL);
    p->nb_slots = 0;
    memset(p->mem_size, 0, sizeof(*p->mem_size) * (size_t)values);
    for (int i = 0; i < values; i++)
        p->slot[i] = -1;
    for (int i = -1; rc >= 0 && i < p->cuda->nb_steps; i++) {
        const int v = i < 0 ? 0 : p->cuda->steps[i].out;
        if (v < 0 || p->slot[v] >= 0)
            continue;
        p->slot[v] = take_slot(p, until, i, value_bytes(p, v));
        until[p->slot[v]] = last_use(p, v);
    }
    free(until);
    *bytes = 0;
    for (int i = 0; i < p->nb_slots; i++)
        *bytes += p->mem_size[i];
    return rc < 0 ? rc : 0;
}

static int window(const FgPlan *p, int tile, int max)
{
    const int a = p->reach.align;
    const int64_t n = (int64_t)fg_round_up(tile, a) +
                      2LL * fg_round_up(p->radius, p->grid) + a;
    const int whole = fg_round_up(max, a);
    return n < whole ? (int)n : whole;
}

static int alloc_values(FgPlan *p, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const size_t in = sizeof(float) * (size_t)p->max_w * (size_t)p->max_h *
                      (size_t)p->channels_in;
    const int64_t num = p->reach.scale_num, den = p->reach.scale_den;
    const size_t out = sizeof(float) * (size_t)p->channels_out *
                       (size_t)fg_ceil_div(p->max_w * num, den) *
                       (size_t)fg_ceil_div(p->max_h * num, den);
    int rc = 0;
    c->slot = calloc((size_t)p->nb_slots + 1, sizeof(*c->slot));
    if (!c->slot)
        return fg_error(err, -ENOMEM, "plan: out of memory");
    for (int i = 0; i < p->nb_slots && rc >= 0; i++, c->nb_slots++) {
        rc = c->api->alloc(c->dev, p->mem_size[i], &c->slot[i], err);
        c->bytes += p->mem_size[i];
    }
    c->bytes += in + out;
    if (rc >= 0)
        rc = c->api->alloc(c->dev, in, &c->picture, err);
    if (rc >= 0)
        rc = c->api->alloc(c->dev, out, &c->result, err);
    if (rc >= 0)
        rc = c->api->alloc(c->dev, sizeof(uint64_t), &c->bad, err);
    if (rc >= 0)
        rc = c->api->clear(c->dev, NULL, c->bad, sizeof(uint64_t), err);
    if (rc >= 0)
        rc = c->api->alloc_host(c->dev, sizeof(uint64_t), (void **)&c->host_bad,
                                err);
    if (rc < 0)
        free_values(c);
    return rc;
}

/* Half the tile: the longer side. 0 = it is as small as it may be. */
static int halve(FgPlan *p)
{
    int *side = p->tile_w > p->tile_h ? &p->tile_w : &p->tile_h;
    if (p->reach.global || *side <= LEAST_TILE)
        return 0;
    *side = fg_round_up(fg_ceil_div(*side, 2), p->grid);
    return 1;
}

static int fit(FgPlan *p, size_t limit, FgError *err)
{
    for (;;) {
        size_t bytes = 0;
        int rc = assign(p, window(p, p->tile_w, p->max_w),
                        window(p, p->tile_h, p->max_h), &bytes);
        if (rc < 0)
            return fg_error(err, rc, "plan: a window of %dx%d is too large",
                            p->tile_w, p->tile_h);
        if (limit && bytes > limit)
            rc = -ENOMEM;
        else
            rc = alloc_values(p, err);
        if (rc != -ENOMEM)
            return rc;
        if (!halve(p))
            return fg_error(err, -ENOMEM,
                            "CUDA: %s has not enough free memory: %zu MiB are "
                            "needed for tiles of %dx%d",
                            p->cuda->about.name, bytes >> 20, p->tile_w,
                            p->tile_h);
    }
}

int fg_cuda_shrink(FgPlan *p, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    if (!halve(p))
        return fg_error(err, -ENOMEM,
                        "CUDA: %s has not enough free memory for frames of "
                        "%dx%d, not in tiles of %dx%d either",
                        c->about.name, p->max_w, p->max_h, p->tile_w,
                        p->tile_h);
    int rc = c->has_last ? c->api->sync(c->dev, c->last_stream, err) : 0;
    if (rc >= 0)
        rc = c->api->sync(c->dev, NULL, err);
    if (rc < 0)
        return rc;
    c->api->forget(c->dev, &c->graph);
    free_values(c);
    c->tiled_w = c->tiled_h = c->seen_w = c->seen_h = c->dnn_w = c->dnn_h = 0;
    return fit(p, 0, err);
}

static int alloc_tables(FgPlan *p, FgError *err)
{
    const size_t n = 2 * (size_t)p->g.nb_nodes;
    p->shapes = calloc(n, sizeof(*p->shapes));
    p->dtype = calloc(n, sizeof(*p->dtype));
    p->slot = calloc(n, sizeof(*p->slot));
    p->mem_size = calloc(n, sizeof(*p->mem_size));
    if (!p->shapes || !p->dtype || !p->slot || !p->mem_size)
        return fg_error(err, -ENOMEM, "plan: out of memory");
    for (size_t i = 0; i < n; i++)
        p->dtype[i] = p->cuda->element == FG_ELEMENT_F16    ? FG_F16
                      : p->cuda->element == FG_ELEMENT_BF16 ? FG_BF16
                                                            : FG_F32;
    return 0;
}

static int host_buffers(FgPlan *p, FgError *err);

/* Where that pays, the picture goes in bands of rows whose values stay in the
 * GPU's cache: tiles of its whole width. */
static int bands(FgPlan *p, FgError *err)
{
    size_t bytes = 0;
    const int w = window(p, p->tile_w, p->max_w);
    const int h = window(p, p->tile_h, p->max_h);
    const int rc = assign(p, w, h, &bytes);
    if (rc < 0)
        return fg_error(err, rc, "plan: a window of %dx%d is too large", w, h);
    p->tile_h = fg_cuda_band(p, h, bytes);
    return 0;
}

int fg_cuda_plan_layout(FgPlan *p, const FgPlanOptions *opt, FgError *err)
{
    const int a = p->grid = p->reach.align;
    p->radius = p->reach.radius;
    p->tile_w = fg_round_up(p->max_w, a);
    p->tile_h = fg_round_up(p->max_h, a);
    if (opt->tile && !p->reach.global) {
        const int t = fg_round_up(opt->tile, a);
        p->tile_w = t < p->tile_w ? t : p->tile_w;
        p->tile_h = t < p->tile_h ? t : p->tile_h;
    }
    int rc = alloc_tables(p, err);
    if (rc >= 0)
        rc = fg_cuda_steps(p, err);
    if (rc >= 0 && !opt->tile && !p->reach.global)
        rc = bands(p, err);
    if (rc >= 0)
        rc = fit(p, opt->memory_limit, err);
    if (rc >= 0)
        rc = fg_cuda_tune(p, err);
    if (rc >= 0 && p->cuda->nb_fp8)
        rc = fg_cuda_fp8_check(p, err);
    return rc < 0 || opt->cuda_context ? rc : host_buffers(p, err);
}

/* ---- running ---- */

static FgKView picture_view(uint64_t at, FgShape s)
{
    return (FgKView){at, s.c, s.h, s.w, s.c, FG_ELEMENT_F32};
}

FgKernelArgs fg_cuda_args(const FgPlan *p, const FgCudaStep *s)
{
    FgKernelArgs a = s->a;
    for (int k = 0; k < 2; k++)
        if (s->in[k] >= 0)
            a.in[k] = fg_cuda_view(p, s->in[k]);
    if (s->add >= 0)
        a.add = fg_cuda_view(p, s->add);
    if (s->out >= 0)
        a.out = fg_cuda_view(p, s->out);
    if (s->nb_out) {
        a.out.at += (uint64_t)s->first * element_size(p->cuda);
        a.out.c = s->nb_out;
    }
    if (s->holds)
        a.p[3] = p->cuda->hold;
    if (s->kernel == FG_KERNEL_narrow) {
        a.out.pitch /= 4; /* it writes fours */
        a.out.c = a.out.pitch;
    }
    return a;
}

void fg_cuda_dnn_refused(FgPlan *p, const FgError *why)
{
    FgError *const first = &p->cuda->dnn_why;
    if (!first->text[0] && why->text[0])
        *first = *why;
}

/* An engine that fails at once has done nothing: our kernel does its layer, and
 * all layers from then on. A GPU that is lost fails that, too. */
static int launch_step(FgPlan *p, void *stream, const FgCudaStep *s,
                       FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const FgKernelArgs a = fg_cuda_args(p, s);
    if (s->dnn && p->shapes[0].w == c->dnn_w && p->shapes[0].h == c->dnn_h) {
        FgKernelArgs b = a;
        FgError why = {{0}};
        memcpy(b.p, s->dnn_p, sizeof(s->dnn_p));
        if (c->api->dnn_run(c->dev, stream, s->dnn, &b, c->dnn_space, &why) >=
            0)
            return 0;
        fg_cuda_dnn_refused(p, &why);
        c->dnn_w = c->dnn_h = 0;
    }
    return c->api->launch(c->dev, stream, s->kernel, &a, err);
}

/* Engines are for one size of window; other sizes are all ours, so that no
 * picture is made by both. */
static int launch_all(FgPlan *p, void *stream, FgError *err)
{
    const struct FgCudaPlan *c = p->cuda;
    int rc = 0;
    for (int i = 0; i < c->nb_steps && rc >= 0; i++)
        rc = launch_step(p, stream, &c->steps[i], err);
    return rc;
}

int fg_cuda_tile(FgPlan *p, int w, int h, int i, FgTile *t, FgError *err)
{
    fg_plan_tile(p, w, h, i, t);
    const FgShape s = {1, p->channels_in, t->wh, t->ww};
    return shapes_for(p, s, err);
}

/* A picture in one window is recorded when its size comes again. */
int fg_cuda_run_steps(FgPlan *p, void *stream, const FgTile *t, int tiles,
                      FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const int again = t->ww == c->seen_w && t->wh == c->seen_h;
    c->seen_w = t->ww;
    c->seen_h = t->wh;
    if (tiles > 1 || !again)
        return launch_all(p, stream, err);
    if (c->graph &&
        (c->graph_w != t->ww || c->graph_h != t->wh || c->graph_tiles != 1))
        c->api->forget(c->dev, &c->graph);
    if (!c->graph) {
        int rc = c->api->record(c->dev, err);
        if (rc < 0)
            return rc;
        rc = launch_all(p, NULL, err);
        const int end = c->api->recorded(c->dev, &c->graph, err);
        if (rc < 0 || end < 0)
            return rc < 0 ? rc : end;
        c->graph_w = t->ww;
        c->graph_h = t->wh;
        c->graph_tiles = 1;
    }
    return c->api->replay(c->dev, stream, c->graph, err);
}

void fg_cuda_tail(const FgPlan *p, FgKernelArgs *a)
{
    const FgTail *t = &p->tail;
    a->tail = p->has_tail;
    a->factor = 1;
    if (!p->has_tail) {
        a->in[0] = fg_cuda_view(p, p->alias[p->g.nb_nodes - 1]);
        return;
    }
    if (t->shuffle >= 0) {
        a->in[0] = fg_cuda_view(p, t->shuffle);
        a->factor = t->factor;
    }
    if (t->base >= 0) {
        a->add = fg_cuda_view(p, t->base);
        a->base_factor = t->base_factor;
        a->base_mode = t->nb_taps / 2;
    }
}

/* The window at t of c->picture through the network into c->result. */
int fg_cuda_picture(FgPlan *p, void *stream, const FgTile *t, FgShape in,
                    int tiles, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const int64_t num = p->reach.scale_num, den = p->reach.scale_den;
    const int width = fg_ceil_div(in.w * num, den);
    const int px = (int)(t->x * num / den), py = (int)(t->y * num / den);
    FgKernelArgs a = {.in = {picture_view(c->picture, in)},
                      .out = fg_cuda_view(p, 0),
                      .x0 = t->wx,
                      .y0 = t->wy};
    int rc = c->api->launch(c->dev, stream, FG_KERNEL_picture_in, &a, err);
    if (rc >= 0)
        rc = fg_cuda_run_steps(p, stream, t, tiles, err);
    if (rc < 0)
        return rc;
    memset(&a, 0, sizeof(a));
    fg_cuda_tail(p, &a);
    a.x0 = (int)((t->x - t->wx) * num / den);
    a.y0 = (int)((t->y - t->wy) * num / den);
    a.out = picture_view(
        c->result + sizeof(float) * (uint64_t)p->channels_out *
                        ((uint64_t)py * (uint64_t)width + (uint64_t)px),
        (FgShape){1, p->channels_out,
                  fg_ceil_div((t->y + t->h) * num, den) - py,
                  fg_ceil_div((t->x + t->w) * num, den) - px});
    a.stride = width;
    a.bad = c->bad;
    return c->api->launch(c->dev, stream, FG_KERNEL_picture_out, &a, err);
}

/* ---- from and to host memory ---- */

static int host_buffers(FgPlan *p, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const int64_t num = p->reach.scale_num, den = p->reach.scale_den;
    const size_t in = sizeof(float) * (size_t)p->channels_in *
                      (size_t)p->max_w * (size_t)p->max_h;
    const size_t out = sizeof(float) * (size_t)p->channels_out *
                       (size_t)fg_ceil_div(p->max_w * num, den) *
                       (size_t)fg_ceil_div(p->max_h * num, den);
    int rc = 0;
    if (!c->host_in)
        rc = c->api->alloc_host(c->dev, in, (void **)&c->host_in, err);
    if (rc >= 0 && !c->host_out)
        rc = c->api->alloc_host(c->dev, out, (void **)&c->host_out, err);
    return rc;
}

static void gather(float *dst, const FgTensor *t)
{
    const FgShape s = t->shape;
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++, dst += s.c)
            memcpy(dst, fg_f32(t, 0, y, x), sizeof(*dst) * (size_t)s.c);
}

typedef struct Put {
    const FgTensor *out;
    const FgPlanRows *rows;
    const float *src;
    int w, c, first;
} Put;

static void put_row(void *arg, int i, int worker)
{
    const Put *p = arg;
    const int y = p->first + i;
    const float *src = p->src + (size_t)y * (size_t)p->w * (size_t)p->c;
    if (p->rows) {
        p->rows->put(p->rows->arg, src, y, worker);
        return;
    }
    for (int x = 0; x < p->w; x++, src += p->c)
        memcpy(fg_f32(p->out, 0, y, x), src, sizeof(*src) * (size_t)p->c);
}

/* The picture c->picture into c->result. */
static int enqueue(FgPlan *p, void *stream, FgShape in, FgError *err)
{
    FgTile t;
    return fg_cuda_tiles(p, stream, in,
                         fg_plan_tile(p, in.w, in.h, INT_MAX, &t), err);
}

static int run(FgPlan *p, FgShape in, size_t in_bytes, size_t out_bytes,
               FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    int rc = c->api->upload(c->dev, NULL, c->picture, c->host_in, in_bytes,
                            err);
    if (rc >= 0)
        rc = c->api->clear(c->dev, NULL, c->bad, sizeof(uint64_t), err);
    if (rc >= 0)
        rc = enqueue(p, NULL, in, err);
    if (rc >= 0)
        rc = c->api->download(c->dev, NULL, c->host_out, c->result, out_bytes,
                              err);
    if (rc >= 0)
        rc = c->api->download(c->dev, NULL, c->host_bad, c->bad,
                              sizeof(uint64_t), err);
    return rc < 0 ? rc : c->api->sync(c->dev, NULL, err);
}

int fg_cuda_plan_run(FgPlan *p, const FgTensor *in, const FgTensor *out,
                     const FgPlanRows *rows)
{
    struct FgCudaPlan *c = p->cuda;
    const int64_t num = p->reach.scale_num, den = p->reach.scale_den;
    const size_t pixel_in = sizeof(float) * (size_t)p->channels_in;
    const size_t pixel_out = sizeof(float) * (size_t)p->channels_out;
    const FgShape s = in->shape;
    const int w = fg_ceil_div(s.w * num, den), h = fg_ceil_div(s.h * num, den);
    c->why.text[0] = 0;
    int rc = host_buffers(p, &c->why);
    if (rc < 0)
        return rc;
    gather(c->host_in, in);
    rc = run(p, s, pixel_in * (size_t)s.w * (size_t)s.h,
             pixel_out * (size_t)w * (size_t)h, &c->why);
    if (rc < 0)
        return rc;
    Put put = {out, rows, c->host_out, w, p->channels_out, 0};
    for (int n; put.first < h; put.first += n) {
        n = h - put.first < fg_plan_slice(p) ? h - put.first : fg_plan_slice(p);
        fg_run(p->ex, put_row, &put, n);
    }
    return *c->host_bad ? -EDOM : 0;
}

/* ---- into device memory ---- */

uint64_t fg_cuda_plan_picture(const FgPlan *p)
{
    return p->cuda->picture;
}

int fg_cuda_plan_result(FgPlan *p, void *stream, int w, int h, FgKView *out,
                        FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const int64_t num = p->reach.scale_num, den = p->reach.scale_den;
    const FgShape s = {1, p->channels_in, h, w};
    int rc = fg_cuda_follow(p, stream, err);
    if (rc >= 0)
        rc = enqueue(p, stream, s, err);
    *out = picture_view(c->result,
                        (FgShape){1, p->channels_out, fg_ceil_div(h * num, den),
                                  fg_ceil_div(w * num, den)});
    return rc;
}

int fg_cuda_plan_send(FgPlan *p, void *stream, const FgTensor *in, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const FgShape s = in->shape;
    int rc = host_buffers(p, err);
    if (rc >= 0)
        rc = c->api->wait(c->dev, c->uploaded, err);
    if (rc >= 0)
        rc = fg_cuda_follow(p, stream, err);
    if (rc < 0)
        return rc;
    gather(c->host_in, in);
    rc = c->api->upload(c->dev, stream, c->picture, c->host_in,
                        sizeof(float) * (size_t)s.c * (size_t)s.w * (size_t)s.h,
                        err);
    return rc < 0 ? rc : c->api->mark(c->dev, stream, &c->uploaded, err);
}

void fg_cuda_plan_info(const FgPlan *p, FgPlanInfo *info)
{
    const struct FgCudaPlan *c = p->cuda;
    info->bytes = c->bytes;
    info->device = c->api->kind;
    info->isa = c->isa;
    info->note = c->dnn_why.text[0] ? c->dnn_why.text : NULL;
    info->precision = c->nb_fp8                       ? "fp8"
                      : c->element == FG_ELEMENT_F16  ? "fp16"
                      : c->element == FG_ELEMENT_BF16 ? "bf16"
                                                      : "fp32";
}
