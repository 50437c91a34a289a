/* ffgan: effects that hold still, and masks, on frames in a GPU's memory.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cuda_steady.h"

#include <errno.h>
#include <stdlib.h>

#include "cuda_flow.h"
#include "cuda_plan.h"

enum { NB = 4 }; /* three and alpha */

struct FgCudaSteady {
    FgCudaWork w;
    FgCudaFlow flow;
    FgFlowGrid grid[NB];
    FgPlane fx[2][NB], source[2]; /* [0]: the frame before */
    FgPlane out[2];               /* luma that left */
    uint64_t flag;                /* float */
    uint64_t parts, rows, totals; /* [h][w][4] f32; doubles */
    int frames, nb;
    /* in hand */
    FgCudaColour colour;
    FgCudaSteadyLook look;
};

/* ---- life ---- */

static void set_grids(FgCudaSteady *s, const FgKFrame *k)
{
    for (int i = 0; i < s->nb; i++)
        s->grid[i] = fg_cuda_grid(k, i, &s->colour);
}

static int alloc_all(FgCudaSteady *s, const FgKFrame *k, FgError *err)
{
    FgCudaWork *w = &s->w;
    int rc = 0;
    for (int j = 0; j < 2 && rc >= 0; j++) {
        for (int i = 0; i < s->nb && rc >= 0; i++)
            rc = fg_cuda_work_plane(w, &s->fx[j][i], fg_cuda_of(i, k->w, k->cw),
                                    fg_cuda_of(i, k->h, k->ch), err);
        if (rc >= 0)
            rc = fg_cuda_work_plane(w, &s->out[j], k->w, k->h, err);
        if (rc >= 0 && k->rgb)
            rc = fg_cuda_work_plane(w, &s->source[j], k->w, k->h, err);
    }
    if (rc >= 0)
        rc = fg_cuda_work_alloc(w, sizeof(float), &s->flag, err);
    if (rc >= 0)
        rc = fg_cuda_work_alloc(
            w, 4 * sizeof(float) * (size_t)k->w * (size_t)k->h, &s->parts, err);
    if (rc >= 0)
        rc = fg_cuda_work_alloc(w, 4 * sizeof(double) * (size_t)k->h, &s->rows,
                                err);
    return rc < 0 ? rc
                  : fg_cuda_work_alloc(w, 4 * sizeof(double), &s->totals, err);
}

int fg_cuda_steady_create(FgCudaSteady **ps, const FgCudaPlace *at,
                          const FgCudaFrame *like, FgError *err)
{
    FgCudaSteady *s = *ps = calloc(1, sizeof(*s));
    if (!s)
        return fg_error(err, -ENOMEM, "out of memory");
    const FgKFrame k = fg_cuda_kframe(like, &s->colour);
    s->nb = like->alpha ? 4 : 3;
    int rc = fg_cuda_work_open(&s->w, at, err);
    if (rc >= 0)
        rc = fg_cuda_flow_init(&s->flow, &s->w, k.w, k.h, err);
    if (rc >= 0)
        rc = alloc_all(s, &k, err);
    if (rc < 0)
        fg_cuda_steady_free(ps);
    return rc;
}

void fg_cuda_steady_free(FgCudaSteady **ps)
{
    FgCudaSteady *s = ps ? *ps : NULL;
    if (!s)
        return;
    fg_cuda_work_close(&s->w);
    free(s);
    *ps = NULL;
}

uint64_t fg_cuda_steady_flag(const FgCudaSteady *s)
{
    return s->flag;
}

void fg_cuda_hold(FgPlan *plan, uint64_t flag)
{
    struct FgCudaPlan *const c = plan->cuda;
    if (!c || c->hold == flag)
        return;
    c->hold = flag;
    c->api->forget(c->dev, &c->graph); /* it was recorded without */
}

/* ---- frames ---- */

static void turn(FgCudaSteady *s)
{
    FgPlane t;
    for (int i = 0; i < NB; i++) {
        t = s->fx[0][i];
        s->fx[0][i] = s->fx[1][i];
        s->fx[1][i] = t;
    }
    t = s->out[0];
    s->out[0] = s->out[1];
    s->out[1] = t;
    t = s->source[0];
    s->source[0] = s->source[1];
    s->source[1] = t;
}

static int read_plane(FgCudaSteady *s, const FgKFrame *k, int comp,
                      const FgPlane *to, FgError *err)
{
    const FgKernelArgs a = {
        .out = fg_cuda_bordered(to), .plane = {*to}, .src = *k, .first = comp};
    return fg_cuda_work_launch(&s->w, FG_KERNEL_plane_in, &a, err);
}

static int judge(FgCudaSteady *s, FgError *err)
{
    const FgKernelArgs a = {.out = {0, 1, 1, 1, 1, FG_ELEMENT_F32},
                            .p = {0, s->flag, 0, s->flow.totals},
                            .blocks = s->flow.maps.w * s->flow.maps.h,
                            .alpha = s->look.cut};
    const int rc = fg_cuda_flow_find(&s->flow, err);
    return rc < 0 ? rc : fg_cuda_work_launch(&s->w, FG_KERNEL_verdict, &a, err);
}

int fg_cuda_steady_look(FgCudaSteady *s, const FgCudaFrame *source,
                        const FgCudaColour *colour,
                        const FgCudaSteadyLook *look, FgError *err)
{
    const FgKFrame k = fg_cuda_kframe(source, colour);
    s->look = *look;
    s->colour = *colour;
    set_grids(s, &k);
    turn(s);
    int rc = fg_cuda_flow_push(&s->flow, &k, err);
    if (rc >= 0 && k.rgb)
        rc = read_plane(s, &k, 0, &s->source[1], err);
    s->frames += s->frames < 2;
    return rc < 0 || s->frames < 2 ? rc : judge(s, err);
}

/* Component i; luma says how much it flickered and flickers. */
static int mix(FgCudaSteady *s, const FgKFrame *k, int i, int measures,
               FgError *err)
{
    FgKernelArgs a = {.out = fg_cuda_bordered(&s->fx[1][i]),
                      .plane = {s->fx[0][i], s->fx[1][i]},
                      .dst = *k,
                      .first = i,
                      .blend = s->look.amount,
                      .eps = s->look.bound,
                      .p = {s->frames < 2 ? 0 : s->flag},
                      .flow = s->flow.maps,
                      .grid = s->grid[i]};
    if (!i && measures) {
        a.plane[2] = s->out[0];
        a.plane[3] = k->rgb ? s->source[0] : *fg_cuda_flow_luma(&s->flow, 0);
        a.plane[4] = k->rgb ? s->source[1] : *fg_cuda_flow_luma(&s->flow, 1);
        a.parts = s->parts;
    }
    if (!i)
        a.plane[5] = s->out[1];
    return fg_cuda_work_launch(&s->w, FG_KERNEL_steady, &a, err);
}

static int measure(FgCudaSteady *s, const FgKFrame *k, FgCudaFlicker *f,
                   FgError *err)
{
    double sum[4];
    int rc = fg_cuda_work_sum(&s->w, s->parts, k->w, k->h, s->rows, s->totals,
                              err);
    if (rc >= 0)
        rc = fg_cuda_work_totals(&s->w, s->totals, sum, err);
    if (rc < 0)
        return rc;
    const double unit = sum[3] > 0 ? 255 / sum[3] : 0;
    *f = sum[3] > 0
             ? (FgCudaFlicker){unit * sum[0], unit * sum[1], unit * sum[2]}
             : (FgCudaFlicker){-1, -1, -1};
    return 0;
}

int fg_cuda_steady_frame(FgCudaSteady *s, const FgCudaFrame *fx,
                         FgCudaFlicker *f, FgError *err)
{
    const FgKFrame k = fg_cuda_kframe(fx, &s->colour);
    int rc = 0;
    for (int i = 0; i < s->nb && rc >= 0; i++)
        rc = read_plane(s, &k, i, &s->fx[1][i], err);
    for (int i = 0; i < s->nb && rc >= 0; i++)
        rc = mix(s, &k, i, f != NULL, err);
    return rc < 0 || !f ? rc : measure(s, &k, f, err);
}

/* ---- mask ---- */

/* As a frame of its own. */
static FgKFrame alpha_of(const FgCudaFrame *f)
{
    FgKFrame k = fg_cuda_kframe(f, &(FgCudaColour){0});
    k.comp[0] = k.comp[3];
    k.offset[0] = k.offset[3];
    k.to_value[0] = k.to_value[3];
    return k;
}

int fg_cuda_mask_run(FgPlan *p, void *stream, const FgCudaFrame *fx,
                     const FgCudaFrame *source, const FgCudaFrame *mask,
                     int limited, FgError *err)
{
    /* Codes to values, only to mix: any range does. */
    const FgCudaColour full = {0}, c = {.limited = limited};
    FgKernelArgs a = {.src = fg_cuda_kframe(source, &full),
                      .dst = fg_cuda_kframe(fx, &full),
                      .mask = mask ? fg_cuda_kframe(mask, &c)
                                   : alpha_of(source),
                      .factor = 1 << fx->log2w,
                      .base_factor = 1 << fx->log2h};
    int rc = 0;
    if (!p->cuda)
        return fg_error(err, -ENOTSUP, "CUDA: this plan is the CPU's");
    for (a.first = 0; a.first < 3 && rc >= 0; a.first++) {
        a.out = fg_cuda_map_view(NULL, a.first ? a.dst.cw : a.dst.w,
                                 a.first ? a.dst.ch : a.dst.h);
        rc = p->cuda->api->launch(p->cuda->dev, stream, FG_KERNEL_mask, &a,
                                  err);
    }
    return rc;
}
