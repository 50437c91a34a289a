/* ffgan: frames between frames in a GPU's memory.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cuda_between.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_flow.h"
#include "cuda_plan.h"
#include "interp.h"
#include "model.h"

enum { NB = 4, ALPHA = 3, FUSED = 4 };

struct FgCudaBetween {
    FgCudaWork w;
    FgCudaFlow flow;
    FgPlan *plan; /* NULL: plain arithmetic */
    int whole;    /* the plan makes the whole frame, but for alpha */
    int width, height, found, alpha;
    FgPlane plane[2][NB]; /* components; of Y'CbCr the first is the flow's */
    uint64_t rgb[2];      /* whole: [h][w][3] */
    uint64_t full;        /* whole: chroma on the luma grid, [h][w][2] */
    uint64_t picture;     /* [h][w][7]: the plan's, else the work's */
    uint64_t fused;       /* [h][w][4] */
    FgCudaColour colour;
};

/* ---- life ---- */

static int make_plan(FgCudaBetween *b, const FgCudaBetweenOptions *o,
                     FgError *err)
{
    char name[32];
    const FgPlanOptions p = {.device = name,
                             .precision = o->precision,
                             .max_w = o->like.w,
                             .max_h = o->like.h,
                             .tile = o->tile,
                             .ex = o->ex,
                             .cuda_context = o->at.context};
    snprintf(name, sizeof(name), "cuda:%d", o->at.ordinal);
    b->whole = !o->model->luma;
    return fg_plan_create(&b->plan, o->model, &p, err);
}

static int alloc_maps(FgCudaBetween *b, const FgKFrame *k, FgError *err)
{
    const size_t n = sizeof(float) * (size_t)k->w * (size_t)k->h;
    int rc = 0;
    for (int j = 0; j < 2 && rc >= 0; j++) {
        for (int i = b->whole ? ALPHA
                     : k->rgb ? 0
                              : 1;
             i < ALPHA + b->alpha && rc >= 0; i++)
            rc = fg_cuda_work_plane(&b->w, &b->plane[j][i],
                                    fg_cuda_of(i, k->w, k->cw),
                                    fg_cuda_of(i, k->h, k->ch), err);
        if (rc >= 0 && b->whole)
            rc = fg_cuda_work_alloc(&b->w, 3 * n, &b->rgb[j], err);
    }
    if (rc >= 0 && b->whole && !k->rgb && (k->cw < k->w || k->ch < k->h))
        rc = fg_cuda_work_alloc(&b->w, 2 * n, &b->full, err);
    if (rc >= 0 && (!b->whole || b->alpha))
        rc = fg_cuda_work_alloc(&b->w, FUSED * n, &b->fused, err);
    if (b->plan)
        b->picture = fg_cuda_plan_picture(b->plan);
    else if (rc >= 0)
        rc = fg_cuda_work_alloc(&b->w, FG_INTERP_IN * n, &b->picture, err);
    return rc;
}

int fg_cuda_between_create(FgCudaBetween **pb, const FgCudaBetweenOptions *o,
                           FgError *err)
{
    FgCudaBetween *b = *pb = calloc(1, sizeof(*b));
    if (!b)
        return fg_error(err, -ENOMEM, "out of memory");
    const FgKFrame k = fg_cuda_kframe(&o->like, &b->colour);
    b->alpha = !!o->like.alpha;
    b->width = k.w;
    b->height = k.h;
    int rc = fg_cuda_work_open(&b->w, &o->at, err);
    if (rc >= 0)
        rc = fg_cuda_flow_init(&b->flow, &b->w, k.w, k.h, err);
    if (rc >= 0 && o->model)
        rc = make_plan(b, o, err);
    if (rc >= 0)
        rc = alloc_maps(b, &k, err);
    if (rc < 0)
        fg_cuda_between_free(pb);
    return rc;
}

void fg_cuda_between_free(FgCudaBetween **pb)
{
    FgCudaBetween *b = pb ? *pb : NULL;
    if (!b)
        return;
    fg_plan_free(&b->plan);
    fg_cuda_work_close(&b->w);
    free(b);
    *pb = NULL;
}

void fg_cuda_between_info(const FgCudaBetween *b, FgPlanInfo *info)
{
    memset(info, 0, sizeof(*info));
    if (b->plan)
        fg_plan_info(b->plan, info);
}

int64_t fg_cuda_between_bad(FgCudaBetween *b, FgError *err)
{
    return b->plan ? fg_cuda_frame_bad(b->plan, err) : 0;
}

/* ---- frames in ---- */

static FgKView values(const FgCudaBetween *b, uint64_t at, int nb)
{
    return fg_cuda_pixels(at, b->width, b->height, nb);
}

static int push_rgb(FgCudaBetween *b, const FgKFrame *k, FgError *err)
{
    const uint64_t t = b->rgb[0];
    b->rgb[0] = b->rgb[1];
    b->rgb[1] = t;
    const FgFlowGrid g = fg_cuda_grid(k, 1, &b->colour);
    const FgKernelArgs a = {
        .out = values(b, b->rgb[1], 3),
        .src = *k,
        .groups = 3,
        .kr = b->colour.kr,
        .kb = b->colour.kb,
        .c_up = {{(double)(-g.first_x / g.step_x), (double)(1 / g.step_x)},
                 {(double)(-g.first_y / g.step_y), (double)(1 / g.step_y)}}};
    return fg_cuda_work_launch(&b->w, FG_KERNEL_whole_rgb, &a, err);
}

static int push_planes(FgCudaBetween *b, const FgKFrame *k, FgError *err)
{
    int rc = 0;
    for (int i = 0; i < NB && rc >= 0; i++) {
        const FgPlane t = b->plane[0][i];
        b->plane[0][i] = b->plane[1][i];
        b->plane[1][i] = t;
        if (!t.data)
            continue; /* the flow's, the network's, no alpha */
        const FgKernelArgs a = {
            .out = fg_cuda_bordered(&t), .plane = {t}, .src = *k, .first = i};
        rc = fg_cuda_work_launch(&b->w, FG_KERNEL_plane_in, &a, err);
    }
    return rc;
}

int fg_cuda_between_push(FgCudaBetween *b, const FgCudaFrame *in,
                         const FgCudaColour *colour, FgError *err)
{
    const FgKFrame k = fg_cuda_kframe(in, colour);
    b->colour = *colour;
    b->found = 0;
    int rc = fg_cuda_flow_push(&b->flow, &k, err);
    if (rc >= 0 && b->whole)
        rc = push_rgb(b, &k, err);
    return rc < 0 ? rc : push_planes(b, &k, err);
}

static int find(FgCudaBetween *b, FgError *err)
{
    const int rc = b->found ? 0 : fg_cuda_flow_find(&b->flow, err);
    b->found = rc >= 0;
    return rc;
}

int fg_cuda_between_stats(FgCudaBetween *b, FgFlowStats *s, FgError *err)
{
    const int rc = find(b, err);
    return rc < 0 ? rc : fg_cuda_flow_stats(&b->flow, s, err);
}

/* ---- frames out ---- */

static int do_whole(FgCudaBetween *b, const FgKFrame *k, float t, FgError *err)
{
    const FgFlowGrid g = fg_cuda_grid(k, 1, &b->colour);
    FgKernelArgs a = {.in = {values(b, b->rgb[0], 3), values(b, b->rgb[1], 3)},
                      .out = values(b, b->picture, FG_INTERP_RGB_IN),
                      .alpha = t};
    int rc = fg_cuda_work_launch(&b->w, FG_KERNEL_whole_in, &a, err);
    if (rc >= 0)
        rc = fg_cuda_plan_result(b->plan, b->w.stream, b->width, b->height,
                                 &a.add, err);
    a.out = values(b, 0, 1);
    a.dst = *k;
    a.kr = b->colour.kr;
    a.kb = b->colour.kb;
    a.cfull = b->full;
    a.c_down[0] = (FgKAxis){(double)g.first_x, (double)g.step_x};
    a.c_down[1] = (FgKAxis){(double)g.first_y, (double)g.step_y};
    if (rc >= 0)
        rc = fg_cuda_work_launch(&b->w, FG_KERNEL_whole_out, &a, err);
    if (rc < 0 || !b->full)
        return rc;
    a.out = (FgKView){0, 2, k->ch, k->cw, 2, FG_ELEMENT_F32};
    return fg_cuda_work_launch(&b->w, FG_KERNEL_chroma_down, &a, err);
}

static const FgPlane *component(const FgCudaBetween *b, int frame, int i)
{
    const FgPlane *p = &b->plane[frame][i];
    return p->data ? p : fg_cuda_flow_luma(&b->flow, frame);
}

/* What the two frames give at the time, and what is to be believed of it: a is
 * left with what the components need. */
static int fuse(FgCudaBetween *b, FgKernelArgs *a, FgError *err)
{
    a->plane[0] = *fg_cuda_flow_luma(&b->flow, 0);
    a->plane[1] = *fg_cuda_flow_luma(&b->flow, 1);
    a->flow = b->flow.maps;
    a->grid = (FgFlowGrid){b->width, b->height, 1, 1, 0, 0};
    a->out = values(b, b->picture, FG_INTERP_IN);
    int rc = fg_cuda_work_launch(&b->w, FG_KERNEL_between_in, a, err);
    a->in[0] = a->out;
    if (rc >= 0 && b->plan && !b->whole)
        rc = fg_cuda_plan_result(b->plan, b->w.stream, b->width, b->height,
                                 &a->in[1], err);
    a->out = values(b, b->fused, FUSED);
    if (rc >= 0)
        rc = fg_cuda_work_launch(&b->w, FG_KERNEL_between_fuse, a, err);
    a->in[0] = a->out;
    return rc;
}

/* The components that no network makes as a whole. */
static int do_moved(FgCudaBetween *b, const FgKFrame *k, float t, FgError *err)
{
    FgKernelArgs a = {0};
    int rc = find(b, err);
    if (rc >= 0)
        rc = fg_cuda_flow_at(&b->flow, t, err);
    if (rc >= 0)
        rc = fuse(b, &a, err);
    a.dst = *k;
    for (a.first = b->whole ? ALPHA : 0; a.first < ALPHA + b->alpha && rc >= 0;
         a.first++) {
        a.plane[0] = *component(b, 0, a.first);
        a.plane[1] = *component(b, 1, a.first);
        a.grid = fg_cuda_grid(k, a.first, &b->colour);
        a.out = fg_cuda_map_view(NULL, a.grid.w, a.grid.h);
        rc = fg_cuda_work_launch(&b->w, FG_KERNEL_between_out, &a, err);
    }
    return rc;
}

int fg_cuda_between_frame(FgCudaBetween *b, const FgCudaFrame *out, float t,
                          FgError *err)
{
    const FgKFrame k = fg_cuda_kframe(out, &b->colour);
    const int rc = b->whole ? do_whole(b, &k, t, err) : 0;
    return rc < 0 || (b->whole && !b->alpha) ? rc : do_moved(b, &k, t, err);
}
