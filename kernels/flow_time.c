/* ffgan: motion at a time between two frames, and what is seen of which.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "flow_maths.h"
#include "flow_priv.h"

/* ---- how well motion fits ---- */

static void widen(float *d, const float *e, int w)
{
    for (int x = 0; x < w; x++)
        d[x] = e[fg_flow_clamp(x - 1, w - 1)] + 2 * e[x] +
               e[fg_flow_clamp(x + 1, w - 1)];
}

static void misfit_job(void *arg, int y, int worker)
{
    FgFlow *f = arg;
    const FgLevel *l = &f->level[f->fine];
    const int w = l->w, k = f->way;
    const float *u = l->dense[k].u + (ptrdiff_t)y * w;
    const float *v = l->dense[k].v + (ptrdiff_t)y * w;
    const float *a = l->y[k].data + y * l->y[k].row;
    const float *b = l->y[!k].data + y * l->y[!k].row;
    float *px = fg_flow_scratch(f, worker), *py = px + w, *e = py + w;
    double moved = 0, plain = 0, length = 0;
    for (int x = 0; x < w; x++) {
        px[x] = (float)x + u[x];
        py[x] = (float)y + v[x];
        length += sqrtf(u[x] * u[x] + v[x] * v[x]);
        plain += fabsf(a[x] - b[x]);
    }
    f->rows->warp(e, &l->y[!k], px, py, w);
    for (int x = 0; x < w; x++) {
        e[x] = fabsf(e[x] - a[x]);
        moved += e[x];
        px[x] = fabsf(b[x] - a[x]);
    }
    widen(f->m.misfit[k] + (ptrdiff_t)y * w, e, w);
    if (!k)
        widen(f->m.plain + (ptrdiff_t)y * w, px, w);
    f->sums[3 * y] = plain;
    f->sums[3 * y + 1] = moved;
    f->sums[3 * y + 2] = length;
}

void fg_flow_measure(FgFlow *f)
{
    const FgLevel *l = &f->level[f->fine];
    const double n = (double)l->w * l->h;
    double sum[3] = {0};
    for (f->way = 1; f->way >= 0; f->way--)
        fg_run(f->ex, misfit_job, f, l->h);
    for (int y = 0; y < l->h; y++)
        for (int i = 0; i < 3; i++)
            sum[i] += f->sums[3 * y + i];
    f->stats = (FgFlowStats){(float)(sum[0] / n), (float)(sum[1] / n),
                             (float)(sum[2] / n) * (float)(1 << f->fine)};
}

void fg_flow_stats(const FgFlow *f, FgFlowStats *s)
{
    *s = f->stats;
}

/* ---- the motion through each sample of the time ---- */

/* Each sample of frame k lands where it is at the time; the best fit stays. */
static void land_job(void *arg, int k, int worker)
{
    const FgFlowMaps *m = &((FgFlow *)arg)->m;
    (void)worker;
    memset(m->landed[k], 0, sizeof(uint64_t) * (size_t)m->w * (size_t)m->h);
    for (int y = 0; y < m->h; y++)
        for (int x = 0; x < m->w; x++) {
            const int i = y * m->w + x, at = fg_flow_landing(m, k, x, y);
            const uint64_t key = fg_flow_key(m->misfit[k][i], i);
            if (at >= 0 && key > m->landed[k][at])
                m->landed[k][at] = key;
        }
}

static void choose_job(void *arg, int y, int worker)
{
    const FgFlowMaps *m = &((FgFlow *)arg)->m;
    (void)worker;
    for (int x = 0; x < m->w; x++)
        fg_flow_choose(m, x, y);
}

static void share_job(void *arg, int y, int worker)
{
    const FgFlowMaps *m = &((FgFlow *)arg)->m;
    (void)worker;
    for (int x = 0; x < m->w; x++)
        fg_flow_share(m, x, y);
}

void fg_flow_at(FgFlow *f, float t)
{
    f->m.t = t;
    fg_run(f->ex, land_job, f, 2);
    fg_run(f->ex, choose_job, f, f->m.h);
    fg_run(f->ex, share_job, f, f->m.h);
}

/* ---- into the planes ---- */

void fg_flow_places(const FgFlow *f, const FgFlowGrid *g, int y,
                    const FgPlaces *p)
{
    for (int x = 0; x < g->w; x++) {
        const FgFlowPlace at = fg_flow_place(&f->m, g, y, x);
        p->x0[x] = at.x0;
        p->y0[x] = at.y0;
        p->x1[x] = at.x1;
        p->y1[x] = at.y1;
        p->share[x] = at.share;
        if (p->speed)
            p->speed[x] = at.speed;
    }
}

void fg_flow_back(const FgFlow *f, const FgFlowGrid *g, int y, float *x0,
                  float *y0, float *sure)
{
    for (int x = 0; x < g->w; x++)
        fg_flow_was(&f->m, g, y, x, x0 + x, y0 + x, sure + x);
}

void fg_flow_warp(float *dst, const FgPlane *p, const float *x, const float *y,
                  int n)
{
    fg_flow_rows()->warp(dst, p, x, y, n);
}
