/* ffgan: motion at a time between two frames, and what is seen of which.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "flow_priv.h"

/* Motion has to fit better than none by this, four times a difference. */
#define STILL 0.006f

static int clamp(int v, int top)
{
    return v < 0 ? 0 : v < top ? v : top;
}

/* ---- how well motion fits ---- */

static void widen(float *d, const float *e, int w)
{
    for (int x = 0; x < w; x++)
        d[x] = e[clamp(x - 1, w - 1)] + 2 * e[x] + e[clamp(x + 1, w - 1)];
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
    widen(f->misfit[k] + (ptrdiff_t)y * w, e, w);
    if (!k)
        widen(f->plain + (ptrdiff_t)y * w, px, w);
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
    FgFlow *f = arg;
    const FgLevel *l = &f->level[f->fine];
    const int w = l->w, h = l->h;
    const float part = k ? 1 - f->t : f->t;
    (void)worker;
    for (int i = 0; i < w * h; i++)
        f->from[k][i] = -1;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const int i = y * w + x;
            const int u = (int)floorf((float)x + part * l->dense[k].u[i] +
                                      0.5f);
            const int v = (int)floorf((float)y + part * l->dense[k].v[i] +
                                      0.5f);
            if (u < 0 || v < 0 || u >= w || v >= h)
                continue;
            const int at = v * w + u;
            if (f->from[k][at] >= 0 && !(f->misfit[k][i] < f->best[k][at]))
                continue;
            f->best[k][at] = f->misfit[k][i];
            f->from[k][at] = i;
        }
}

/* Of both ways, as motion from frame 0 to frame 1; 1 if there is any. */
static int landed(const FgFlow *f, int at, float *u, float *v, float *fit)
{
    const FgLevel *l = &f->level[f->fine];
    const int a = f->from[0][at], b = f->from[1][at];
    if (a < 0 && b < 0)
        return 0;
    if (b < 0 || (a >= 0 && f->best[0][at] <= f->best[1][at])) {
        *u = l->dense[0].u[a];
        *v = l->dense[0].v[a];
        *fit = f->best[0][at];
    } else {
        *u = -l->dense[1].u[b];
        *v = -l->dense[1].v[b];
        *fit = f->best[1][at];
    }
    return 1;
}

/* Nothing landed here: the best fit of what lies next in eight directions. */
static void nearest(const FgFlow *f, int x, int y, float *u, float *v)
{
    static const int dir[8][2] = {{-1, 0},  {1, 0},  {0, -1}, {0, 1},
                                  {-1, -1}, {1, -1}, {-1, 1}, {1, 1}};
    const FgLevel *l = &f->level[f->fine];
    float best = INFINITY;
    *u = l->dense[0].u[y * l->w + x];
    *v = l->dense[0].v[y * l->w + x];
    for (int i = 0; i < 8; i++)
        for (int d = 1; d <= 24; d++) {
            const int a = x + d * dir[i][0], b = y + d * dir[i][1];
            float p, q, fit;
            if (a < 0 || b < 0 || a >= l->w || b >= l->h)
                break;
            if (!landed(f, b * l->w + a, &p, &q, &fit))
                continue;
            fit += 0.01f * (float)d;
            if (fit < best) {
                best = fit;
                *u = p;
                *v = q;
            }
            break;
        }
}

static void choose_job(void *arg, int y, int worker)
{
    FgFlow *f = arg;
    const int w = f->level[f->fine].w;
    (void)worker;
    for (int x = 0; x < w; x++) {
        const int i = y * w + x;
        float fit = 1;
        if (!landed(f, i, &f->u[i], &f->v[i], &fit))
            nearest(f, x, y, &f->u[i], &f->v[i]);
        if (f->plain[i] <= 1.3f * fit + STILL)
            f->u[i] = f->v[i] = 0;
    }
}

/* ---- what is seen of which frame ---- */

typedef struct Taps {
    int a, b, c, d;
    float x, y;
} Taps;

static Taps taps(float x, float y, int w, int h)
{
    x = x > 0 ? x : 0;
    y = y > 0 ? y : 0;
    x = x < (float)(w - 1) ? x : (float)(w - 1);
    y = y < (float)(h - 1) ? y : (float)(h - 1);
    const int i = (int)x, j = (int)y, k = i + 1 < w, m = j + 1 < h ? w : 0;
    const int at = j * w + i;
    return (Taps){at, at + k, at + m, at + m + k, x - (float)i, y - (float)j};
}

static float at(const float *p, const Taps *t)
{
    const float a = p[t->a] + t->x * (p[t->b] - p[t->a]);
    const float b = p[t->c] + t->x * (p[t->d] - p[t->c]);
    return a + t->y * (b - a);
}

/* 1 where frame k's own motion at (x, y) is (u, v), less where it is not, next
 * to nothing outside the picture. */
static float seen(const FgFlow *f, int k, float x, float y, float u, float v)
{
    const FgLevel *l = &f->level[f->fine];
    if (x < -1 || y < -1 || x > (float)l->w || y > (float)l->h)
        return 0.01f;
    const Taps t = taps(x, y, l->w, l->h);
    const float a = at(l->dense[k].u, &t) - u, b = at(l->dense[k].v, &t) - v;
    return 1 / (1 + (a * a + b * b)) + 0.01f;
}

static void share_job(void *arg, int y, int worker)
{
    FgFlow *f = arg;
    const int w = f->level[f->fine].w;
    const float t = f->t;
    (void)worker;
    for (int x = 0; x < w; x++) {
        const int i = y * w + x;
        const float u = f->u[i], v = f->v[i];
        const float a = seen(f, 0, (float)x - t * u, (float)y - t * v, u, v);
        const float b = seen(f, 1, (float)x + (1 - t) * u,
                             (float)y + (1 - t) * v, -u, -v);
        f->share[i] = t * b / ((1 - t) * a + t * b);
    }
}

void fg_flow_at(FgFlow *f, float t)
{
    const int h = f->level[f->fine].h;
    f->t = t;
    fg_run(f->ex, land_job, f, 2);
    fg_run(f->ex, choose_job, f, h);
    fg_run(f->ex, share_job, f, h);
}

/* ---- into the planes ---- */

void fg_flow_places(const FgFlow *f, const FgFlowGrid *g, int y,
                    const FgPlaces *p)
{
    const FgLevel *l = &f->level[f->fine];
    const float unit = (float)(1 << f->fine), t = f->t;
    const float ly = (float)y * g->step_y + g->first_y;
    const float fy = (ly + 0.5f) / unit - 0.5f;
    const float kx = unit / g->step_x, ky = unit / g->step_y;
    for (int x = 0; x < g->w; x++) {
        const float lx = (float)x * g->step_x + g->first_x;
        const Taps s = taps((lx + 0.5f) / unit - 0.5f, fy, l->w, l->h);
        const float u = at(f->u, &s), v = at(f->v, &s);
        p->x0[x] = (float)x - t * u * kx;
        p->y0[x] = (float)y - t * v * ky;
        p->x1[x] = (float)x + (1 - t) * u * kx;
        p->y1[x] = (float)y + (1 - t) * v * ky;
        p->share[x] = at(f->share, &s);
        if (p->speed)
            p->speed[x] = sqrtf(u * u + v * v) * unit;
    }
}

void fg_flow_back(const FgFlow *f, const FgFlowGrid *g, int y, float *x0,
                  float *y0, float *sure)
{
    const FgLevel *l = &f->level[f->fine];
    const float unit = (float)(1 << f->fine);
    const float ly = (float)y * g->step_y + g->first_y;
    const float fy = (ly + 0.5f) / unit - 0.5f;
    for (int x = 0; x < g->w; x++) {
        const float lx = (float)x * g->step_x + g->first_x;
        const float fx = (lx + 0.5f) / unit - 0.5f;
        const Taps s = taps(fx, fy, l->w, l->h);
        const float u = at(l->dense[1].u, &s), v = at(l->dense[1].v, &s);
        x0[x] = (float)x + u * unit / g->step_x;
        y0[x] = (float)y + v * unit / g->step_y;
        sure[x] = seen(f, 0, fx + u, fy + v, -u, -v);
        sure[x] = sure[x] < 1 ? sure[x] : 1;
    }
}

void fg_flow_warp(float *dst, const FgPlane *p, const float *x, const float *y,
                  int n)
{
    fg_flow_rows()->warp(dst, p, x, y, n);
}
