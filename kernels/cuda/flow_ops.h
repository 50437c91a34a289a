/* ffgan: motion between frames in device memory, and what is made of it: one
 * thread per sample or patch. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The arithmetic is the CPU's (flow_maths.h), and so are the results: the sums
 * of rows, too, go in its order. */
#ifndef FFGAN_KERNELS_CUDA_FLOW_OPS_H
#define FFGAN_KERNELS_CUDA_FLOW_OPS_H

#include "frame_ops.h"
#include "kernels/flow_maths.h"

/* ---- planes ---- */

FG_HD float fg_plane_at(const FgPlane *p, int y, int x)
{
    return p->data[(int64_t)y * p->row + x];
}

FG_HD void fg_plane_put(const FgPlane *p, int y, int x, float v)
{
    p->data[(int64_t)y * p->row + x] = v;
}

/* Kernels that fill a plane have a thread for each sample of its border, too:
 * (y, x) from the border's corner on become the sample that is repeated there,
 * and where it goes. */
typedef struct FgKSpot {
    int y, x, to_y, to_x, inside;
} FgKSpot;

FG_HD FgKSpot fg_bordered(const FgPlane *p, int y, int x)
{
    FgKSpot s;
    s.to_y = y - FG_BORDER;
    s.to_x = x - FG_BORDER;
    s.y = fg_iclamp(s.to_y, 0, p->h - 1);
    s.x = fg_iclamp(s.to_x, 0, p->w - 1);
    s.inside = s.y == s.to_y && s.x == s.to_x;
    return s;
}

/* plane[0]: component `first` of src; mode 1: Y' of R'G'B' by BT.709. */
FG_HD void fg_k_plane_in(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKSpot s = fg_bordered(&a->plane[0], y, x);
    float v = fg_sample(&a->src, a->mode ? 0 : a->first, s.y, s.x);
    (void)k;
    if (a->mode)
        v = (FG_MUL(0.2126f, v) +
             FG_MUL(0.7152f, fg_sample(&a->src, 1, s.y, s.x))) +
            FG_MUL(0.0722f, fg_sample(&a->src, 2, s.y, s.x));
    fg_plane_put(&a->plane[0], s.to_y, s.to_x, v);
}

/* plane[1]: plane[0] at half the size. */
FG_HD void fg_k_plane_half(const FgKernelArgs *a, int y, int x, int k)
{
    const FgPlane *p = &a->plane[0];
    const FgKSpot s = fg_bordered(&a->plane[1], y, x);
    const int u = 2 * s.x, v = 2 * s.y;
    (void)k;
    fg_plane_put(
        &a->plane[1], s.to_y, s.to_x,
        FG_MUL(0.25f,
               (fg_plane_at(p, v, u) + fg_plane_at(p, v, u + 1)) +
                   (fg_plane_at(p, v + 1, u) + fg_plane_at(p, v + 1, u + 1))));
}

/* plane[1], plane[2]: slopes of plane[0]. */
FG_HD void fg_k_plane_slopes(const FgKernelArgs *a, int y, int x, int k)
{
    const FgPlane *p = &a->plane[0];
    (void)k;
    fg_plane_put(
        &a->plane[1], y, x,
        FG_MUL(0.5f, fg_plane_at(p, y, x + 1) - fg_plane_at(p, y, x - 1)));
    fg_plane_put(
        &a->plane[2], y, x,
        FG_MUL(0.5f, fg_plane_at(p, y + 1, x) - fg_plane_at(p, y - 1, x)));
}

/* ---- the search. plane[0]: the frame, plane[1]: the other one, plane[2] and
 * [3]: the frame's slopes ---- */

/* The coarser level's motion at sample (x, y) of this one, as a start. */
FG_HD void fg_try_coarse(const FgKernelArgs *a, FgPatch *p, int first, int x,
                         int y)
{
    const FgKView *c = &a->in[0];
    const int u = fg_iclamp(x / 2, 0, c->w - 1);
    const int v = fg_iclamp(y / 2, 0, c->h - 1);
    fg_patch_try(p, first, 2 * fg_load(c, v, u, 0),
                 2 * fg_load(&a->in[1], v, u, 0));
}

/* in: the coarser level's motion, if there is one; out, add: the patches'. */
FG_HD void fg_k_flow_patch(const FgKernelArgs *a, int j, int i, int k)
{
    const FgPlane *t = &a->plane[0];
    FgPatch p;
    p.row = t->row;
    p.to = &a->plane[1];
    p.steps = FG_FLOW_STEPS;
    p.x = fg_flow_patch(i, t->w);
    p.y = fg_flow_patch(j, t->h);
    const int64_t at = p.y * p.row + p.x;
    const int x = p.x + FG_PATCH / 2, y = p.y + FG_PATCH / 2;
    p.t = t->data + at;
    p.gx = a->plane[2].data + at;
    p.gy = a->plane[3].data + at;
    for (int s = 0; s < 5 && a->in[0].at; s++)
        fg_try_coarse(a, &p, !s,
                      x + (s == 1   ? -FG_PATCH
                           : s == 2 ? FG_PATCH
                                    : 0),
                      y + (s == 3   ? -FG_PATCH
                           : s == 4 ? FG_PATCH
                                    : 0));
    fg_patch_try(&p, !a->in[0].at, 0, 0);
    fg_patch_descend(&p);
    fg_store(&a->out, j, i, k, p.u);
    fg_store(&a->add, j, i, k, p.v);
}

/* in: the patches' motion; out, add: each sample's. */
FG_HD void fg_k_flow_dense(const FgKernelArgs *a, int y, int x, int k)
{
    const FgPlane *t = &a->plane[0], *to = &a->plane[1];
    const float here = fg_plane_at(t, y, x);
    float w = 0, u = 0, v = 0;
    for (int j = fg_flow_first_patch(y); j < a->in[0].h; j++) {
        const int top = fg_flow_patch(j, t->h);
        if (top > y)
            break;
        if (top + FG_PATCH <= y)
            continue;
        for (int i = fg_flow_first_patch(x); i < a->in[0].w; i++) {
            const int left = fg_flow_patch(i, t->w);
            if (left > x)
                break;
            if (left + FG_PATCH <= x)
                continue;
            const float pu = fg_load(&a->in[0], j, i, 0);
            const float pv = fg_load(&a->in[1], j, i, 0);
            const FgFlowSpot s = fg_flow_spot(to, (float)left + pu,
                                              (float)y + pv);
            const float part = fg_patch_weight(
                fg_flow_spot_at(&s, s.p, s.p + to->row, x - left) - here);
            w += part;
            u += FG_MUL(part, pu);
            v += FG_MUL(part, pv);
        }
    }
    fg_store(&a->out, y, x, k, u / w);
    fg_store(&a->add, y, x, k, v / w);
}

/* ---- how well it fits ---- */

/* out: [h][w] of 4: what way `first` misses by, what no motion does, and the
 * motion's length. */
FG_HD void fg_k_flow_miss(const FgKernelArgs *a, int y, int x, int k)
{
    const FgFlowMaps *m = &a->flow;
    const int64_t i = (int64_t)y * m->w + x;
    const float u = m->du[a->first][i], v = m->dv[a->first][i];
    const float here = fg_plane_at(&a->plane[0], y, x);
    const float there = fg_flow_sample(&a->plane[1], (float)x + u,
                                       (float)y + v);
    fg_store(&a->out, y, x, k, fabsf(there - here));
    fg_store(&a->out, y, x, k + 1,
             fabsf(fg_plane_at(&a->plane[1], y, x) - here));
    fg_store(&a->out, y, x, k + 2, sqrtf(FG_MUL(u, u) + FG_MUL(v, v)));
    fg_store(&a->out, y, x, k + 3, 0);
}

FG_HD float fg_wide(const FgKView *e, int y, int x, int k)
{
    return fg_load(e, y, fg_imax(x - 1, 0), k) + 2 * fg_load(e, y, x, k) +
           fg_load(e, y, fg_imin(x + 1, e->w - 1), k);
}

/* in[0]: what flow_miss gave. */
FG_HD void fg_k_flow_fit(const FgKernelArgs *a, int y, int x, int k)
{
    const int64_t i = (int64_t)y * a->flow.w + x;
    (void)k;
    a->flow.misfit[a->first][i] = fg_wide(&a->in[0], y, x, 0);
    if (!a->first)
        a->flow.plain[i] = fg_wide(&a->in[0], y, x, 1);
}

/* Row y of in[0], value k of four, into p[2]: doubles [h][4]. */
FG_HD void fg_k_row_sums(const FgKernelArgs *a, int y, int x, int k)
{
    double sum = 0;
    (void)x;
    for (int i = 0; i < a->in[0].w; i++)
        sum += (double)fg_load(&a->in[0], y, i, k);
    ((double *)a->p[2])[4 * y + k] = sum;
}

/* All `chunks` rows of p[2] into p[3]: four doubles. */
FG_HD void fg_k_totals(const FgKernelArgs *a, int y, int x, int k)
{
    double sum = 0;
    (void)y, (void)x;
    for (int i = 0; i < a->chunks; i++)
        sum += ((const double *)a->p[2])[4 * i + k];
    ((double *)a->p[3])[k] = sum;
}

/* p[1], a float: 1 where the frame goes on from the one before: its misfit, of
 * the totals p[3] over `blocks` samples, is alpha at most; 0 at a cut. */
FG_HD void fg_k_verdict(const FgKernelArgs *a, int y, int x, int k)
{
    const double *sum = (const double *)a->p[3];
    (void)y, (void)x, (void)k;
    *(float *)a->p[1] = (float)(sum[0] / a->blocks) <= a->alpha;
}

/* ---- at a time between ---- */

/* k: the way. */
FG_HD void fg_k_flow_land(const FgKernelArgs *a, int y, int x, int k)
{
    const FgFlowMaps *m = &a->flow;
    const int i = y * m->w + x, at = fg_flow_landing(m, k, x, y);
    if (at < 0)
        return;
    const uint64_t key = fg_flow_key(m->misfit[k][i], i);
#ifdef __CUDACC__
    atomicMax((unsigned long long *)m->landed[k] + at, (unsigned long long)key);
#else
    if (key > m->landed[k][at])
        m->landed[k][at] = key;
#endif
}

FG_HD void fg_k_flow_choose(const FgKernelArgs *a, int y, int x, int k)
{
    (void)k;
    fg_flow_choose(&a->flow, x, y);
}

FG_HD void fg_k_flow_share(const FgKernelArgs *a, int y, int x, int k)
{
    (void)k;
    fg_flow_share(&a->flow, x, y);
}

#endif
