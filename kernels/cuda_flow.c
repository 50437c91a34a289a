/* ffgan: motion between frames in a GPU's memory.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cuda_flow.h"

#include <errno.h>
#include <string.h>

#include "flow_maths.h"

/* ---- life ---- */

static int init_field(FgCudaFlow *f, FgField *d, size_t n, FgError *err)
{
    const int rc = fg_cuda_work_map(f->w, n, &d->u, err);
    return rc < 0 ? rc : fg_cuda_work_map(f->w, n, &d->v, err);
}

static int init_level(FgCudaFlow *f, FgLevel *l, int searched, FgError *err)
{
    int rc = 0;
    l->nx = fg_flow_patches(l->w);
    l->ny = fg_flow_patches(l->h);
    for (int k = 0; k < 2 && rc >= 0; k++) {
        rc = fg_cuda_work_plane(f->w, &l->y[k], l->w, l->h, err);
        if (rc < 0 || !searched)
            continue;
        rc = fg_cuda_work_plane(f->w, &l->gx[k], l->w, l->h, err);
        if (rc >= 0)
            rc = fg_cuda_work_plane(f->w, &l->gy[k], l->w, l->h, err);
        if (rc >= 0)
            rc = init_field(f, &l->patch[k], (size_t)l->nx * (size_t)l->ny,
                            err);
        if (rc >= 0)
            rc = init_field(f, &l->dense[k], (size_t)l->w * (size_t)l->h, err);
    }
    return rc;
}

static int init_maps(FgCudaFlow *f, FgError *err)
{
    const FgLevel *l = &f->level[f->fine];
    const size_t n = (size_t)l->w * (size_t)l->h;
    FgFlowMaps *m = &f->maps;
    float **const maps[] = {&m->misfit[0], &m->misfit[1], &m->plain,
                            &m->u,         &m->v,         &m->share};
    int rc = 0;
    m->w = l->w;
    m->h = l->h;
    m->unit = (float)(1 << f->fine);
    for (size_t i = 0; i < sizeof(maps) / sizeof(*maps) && rc >= 0; i++)
        rc = fg_cuda_work_map(f->w, n, maps[i], err);
    for (int k = 0; k < 2 && rc >= 0; k++) {
        uint64_t at;
        rc = fg_cuda_work_alloc(f->w, sizeof(uint64_t) * n, &at, err);
        m->landed[k] = (uint64_t *)(uintptr_t)at;
        m->du[k] = l->dense[k].u;
        m->dv[k] = l->dense[k].v;
    }
    if (rc >= 0)
        rc = fg_cuda_work_alloc(f->w, 4 * sizeof(float) * n, &f->miss, err);
    if (rc >= 0)
        rc = fg_cuda_work_alloc(f->w, 4 * sizeof(double) * (size_t)l->h,
                                &f->rows, err);
    return rc < 0
               ? rc
               : fg_cuda_work_alloc(f->w, 4 * sizeof(double), &f->totals, err);
}

int fg_cuda_flow_init(FgCudaFlow *f, FgCudaWork *w, int width, int height,
                      FgError *err)
{
    int rc = 0;
    memset(f, 0, sizeof(*f));
    f->w = w;
    if (width < FG_FLOW_LEAST || height < FG_FLOW_LEAST || width > 16384 ||
        height > 16384)
        return fg_error(err, -EINVAL,
                        "motion between frames of %dx%d, allowed %dx%d to "
                        "16384x16384",
                        width, height, FG_FLOW_LEAST, FG_FLOW_LEAST);
    f->nb = fg_flow_levels(width, height, &f->fine);
    for (int i = 0; i < f->nb && rc >= 0; i++) {
        f->level[i].w = width;
        f->level[i].h = height;
        rc = init_level(f, &f->level[i], i >= f->fine, err);
        width = (width + 1) / 2;
        height = (height + 1) / 2;
    }
    return rc < 0 ? rc : init_maps(f, err);
}

const FgPlane *fg_cuda_flow_luma(const FgCudaFlow *f, int k)
{
    return &f->level[0].y[k];
}

/* ---- a new frame ---- */

static void swap(FgPlane *p)
{
    const FgPlane t = p[0];
    p[0] = p[1];
    p[1] = t;
}

static int fill_level(FgCudaFlow *f, int i, const FgKFrame *frame, FgError *err)
{
    const FgLevel *l = &f->level[i];
    FgKernelArgs a = {.out = fg_cuda_bordered(&l->y[1])};
    if (i) {
        a.plane[0] = l[-1].y[1];
        a.plane[1] = l->y[1];
    } else {
        a.plane[0] = l->y[1];
        a.src = *frame;
        a.mode = frame->rgb;
    }
    int rc = fg_cuda_work_launch(
        f->w, i ? FG_KERNEL_plane_half : FG_KERNEL_plane_in, &a, err);
    if (rc < 0 || i < f->fine)
        return rc;
    a.out = fg_cuda_map_view(NULL, l->w, l->h);
    a.plane[0] = l->y[1];
    a.plane[1] = l->gx[1];
    a.plane[2] = l->gy[1];
    return fg_cuda_work_launch(f->w, FG_KERNEL_plane_slopes, &a, err);
}

int fg_cuda_flow_push(FgCudaFlow *f, const FgKFrame *frame, FgError *err)
{
    int rc = 0;
    for (int i = 0; i < f->nb && rc >= 0; i++) {
        FgLevel *l = &f->level[i];
        swap(l->y);
        swap(l->gx);
        swap(l->gy);
        rc = fill_level(f, i, frame, err);
    }
    return rc;
}

/* ---- the search ---- */

static int search(FgCudaFlow *f, int i, int way, FgError *err)
{
    const FgLevel *l = &f->level[i];
    const FgField *p = &l->patch[way], *d = &l->dense[way];
    FgKernelArgs a = {.out = fg_cuda_map_view(p->u, l->nx, l->ny),
                      .add = fg_cuda_map_view(p->v, l->nx, l->ny),
                      .plane = {l->y[way], l->y[!way], l->gx[way], l->gy[way]}};
    if (i + 1 < f->nb) {
        a.in[0] = fg_cuda_map_view(l[1].dense[way].u, l[1].w, l[1].h);
        a.in[1] = fg_cuda_map_view(l[1].dense[way].v, l[1].w, l[1].h);
    }
    const int rc = fg_cuda_work_launch(f->w, FG_KERNEL_flow_patch, &a, err);
    if (rc < 0)
        return rc;
    a.in[0] = a.out;
    a.in[1] = a.add;
    a.out = fg_cuda_map_view(d->u, l->w, l->h);
    a.add = fg_cuda_map_view(d->v, l->w, l->h);
    return fg_cuda_work_launch(f->w, FG_KERNEL_flow_dense, &a, err);
}

static int judge(FgCudaFlow *f, int way, FgError *err)
{
    const FgLevel *l = &f->level[f->fine];
    FgKernelArgs a = {.out = fg_cuda_pixels(f->miss, l->w, l->h, 4),
                      .plane = {l->y[way], l->y[!way]},
                      .flow = f->maps,
                      .first = way};
    const int rc = fg_cuda_work_launch(f->w, FG_KERNEL_flow_miss, &a, err);
    if (rc < 0)
        return rc;
    a.in[0] = a.out;
    a.out = fg_cuda_map_view(NULL, l->w, l->h);
    return fg_cuda_work_launch(f->w, FG_KERNEL_flow_fit, &a, err);
}

int fg_cuda_flow_find(FgCudaFlow *f, FgError *err)
{
    int rc = 0;
    for (int i = f->nb - 1; i >= f->fine && rc >= 0; i--)
        for (int way = 0; way < 2 && rc >= 0; way++)
            rc = search(f, i, way, err);
    for (int way = 1; way >= 0 && rc >= 0; way--)
        rc = judge(f, way, err);
    return rc < 0 ? rc
                  : fg_cuda_work_sum(f->w, f->miss, f->maps.w, f->maps.h,
                                     f->rows, f->totals, err);
}

int fg_cuda_flow_stats(FgCudaFlow *f, FgFlowStats *s, FgError *err)
{
    const double n = (double)f->maps.w * f->maps.h;
    double sum[4];
    const int rc = fg_cuda_work_totals(f->w, f->totals, sum, err);
    if (rc >= 0)
        *s = (FgFlowStats){(float)(sum[1] / n), (float)(sum[0] / n),
                           (float)(sum[2] / n) * f->maps.unit};
    return rc;
}

int fg_cuda_flow_at(FgCudaFlow *f, float t, FgError *err)
{
    FgFlowMaps *m = &f->maps;
    const size_t bytes = sizeof(uint64_t) * (size_t)m->w * (size_t)m->h;
    int rc = 0;
    m->t = t;
    for (int k = 0; k < 2 && rc >= 0; k++)
        rc = f->w->api->clear(f->w->dev, f->w->stream,
                              (uint64_t)(uintptr_t)m->landed[k], bytes, err);
    FgKernelArgs a = {.out = fg_cuda_map_view(NULL, m->w, m->h), .flow = *m};
    a.out.c = a.out.pitch = 2; /* both ways */
    if (rc >= 0)
        rc = fg_cuda_work_launch(f->w, FG_KERNEL_flow_land, &a, err);
    a.out.c = 1;
    if (rc >= 0)
        rc = fg_cuda_work_launch(f->w, FG_KERNEL_flow_choose, &a, err);
    return rc < 0 ? rc
                  : fg_cuda_work_launch(f->w, FG_KERNEL_flow_share, &a, err);
}
