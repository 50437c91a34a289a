/* ffgan: the innermost loops of motion search; included once per instruction
 * set with FG_ROWS naming the table.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "kernels/flow_rows.h"

#define LANES FG_PATCH
#define AREA ((float)(FG_PATCH * FG_PATCH))

static inline float total(const float *l)
{
    return ((l[0] + l[1]) + (l[2] + l[3])) + ((l[4] + l[5]) + (l[6] + l[7]));
}

/* Where a patch at (x + u, y + v) is read: whole sample and weights. Patches
 * may lie outside by half a border. */
typedef struct Spot {
    const float *p;
    float a, b, c, d;
} Spot;

static inline Spot spot(const FgPlane *to, float x, float y)
{
    const float top_x = (float)to->w + 3, top_y = (float)to->h + 3;
    x = x > -12 ? x : -12;
    x = x < top_x ? x : top_x;
    y = y > -12 ? y : -12;
    y = y < top_y ? y : top_y;
    const float fx = floorf(x), fy = floorf(y), u = x - fx, v = y - fy;
    return (Spot){to->data + (ptrdiff_t)fy * to->row + (ptrdiff_t)fx,
                  (1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v};
}

typedef struct Sums {
    float d, dx, dy, dd;
} Sums;

/* Sums over the patch of the difference d, d*gx, d*gy, d*d. */
static inline Sums differences(const FgPatch *p, float u, float v)
{
    const Spot s = spot(p->to, (float)p->x + u, (float)p->y + v);
    const ptrdiff_t row = p->row;
    float d[LANES] = {0}, dx[LANES] = {0}, dy[LANES] = {0}, dd[LANES] = {0};

    for (int j = 0; j < FG_PATCH; j++) {
        const float *q = s.p + j * row, *r = q + row, *t = p->t + j * row;
        const float *gx = p->gx + j * row, *gy = p->gy + j * row;

        for (int i = 0; i < LANES; i++) {
            const float e = ((s.a * q[i] + s.b * q[i + 1]) +
                             (s.c * r[i] + s.d * r[i + 1])) -
                            t[i];

            d[i] += e;
            dx[i] += e * gx[i];
            dy[i] += e * gy[i];
            dd[i] += e * e;
        }
    }
    return (Sums){total(d), total(dx), total(dy), total(dd)};
}

typedef struct Shape {
    float gx, gy, xx, xy, yy; /* sums of gradients; of products, no mean */
} Shape;

static inline Shape shape_of(const FgPatch *p)
{
    float gx[LANES] = {0}, gy[LANES] = {0};
    float xx[LANES] = {0}, xy[LANES] = {0}, yy[LANES] = {0};

    for (int j = 0; j < FG_PATCH; j++)
        for (int i = 0; i < LANES; i++) {
            const float a = p->gx[j * p->row + i], b = p->gy[j * p->row + i];

            gx[i] += a;
            gy[i] += b;
            xx[i] += a * a;
            xy[i] += a * b;
            yy[i] += b * b;
        }
    const float sx = total(gx), sy = total(gy);
    return (Shape){sx, sy, total(xx) - sx * sx / AREA,
                   total(xy) - sx * sy / AREA, total(yy) - sy * sy / AREA};
}

static float error_of(const Sums *s)
{
    return s->dd - s->d * s->d / AREA;
}

static void best_start(FgPatch *p)
{
    for (int i = 0; i < p->nb_starts; i++) {
        const Sums s = differences(p, p->start[i][0], p->start[i][1]);
        const float e = error_of(&s);

        if (i && !(e < p->err))
            continue;
        p->err = e;
        p->u = p->start[i][0];
        p->v = p->start[i][1];
    }
}

static void search(FgPatch *p)
{
    const Shape h = shape_of(p);
    /* Gradients below half a code value of 255 are noise. */
    const float noise = AREA * 4e-6f, xx = h.xx + noise, yy = h.yy + noise;
    const float scale = 1 / (xx * yy - h.xy * h.xy);

    best_start(p);
    float u = p->u, v = p->v;
    const float u0 = u, v0 = v;

    for (int i = 0; i <= p->steps; i++) {
        const Sums s = differences(p, u, v);
        const float e = error_of(&s);

        if (i && !(e < p->err))
            break;
        p->err = e;
        p->u = u;
        p->v = v;
        const float bx = s.dx - h.gx * s.d / AREA;
        const float by = s.dy - h.gy * s.d / AREA;
        const float du = (yy * bx - h.xy * by) * scale;
        const float dv = (xx * by - h.xy * bx) * scale;

        u -= du;
        v -= dv;
        if (!(du * du + dv * dv > 4e-4f) || fabsf(u - u0) > FG_PATCH ||
            fabsf(v - v0) > FG_PATCH)
            break;
    }
}

static void spread(const FgSpread *p)
{
    const Spot s = spot(p->to, (float)p->x + p->u, (float)p->yy + p->v);
    const float *q = s.p, *r = q + p->to->row;

    for (int i = 0; i < LANES; i++) {
        const float e = ((s.a * q[i] + s.b * q[i + 1]) +
                         (s.c * r[i] + s.d * r[i + 1])) -
                        p->t[i];
        const float w = 1 / ((e < 0 ? -e : e) + 1.0f / 255);

        p->sum_w[i] += w;
        p->sum_u[i] += w * p->u;
        p->sum_v[i] += w * p->v;
    }
}

static void gradient(float *gx, float *gy, const float *p, ptrdiff_t row, int n)
{
    for (int i = 0; i < n; i++) {
        gx[i] = 0.5f * (p[i + 1] - p[i - 1]);
        gy[i] = 0.5f * (p[i + row] - p[i - row]);
    }
}

/* ---- bicubic ---- */

enum { RUN = 64 };

static inline void keys(float f, float *w)
{
    w[0] = ((-0.5f * f + 1) * f - 0.5f) * f;
    w[1] = (1.5f * f - 2.5f) * f * f + 1;
    w[2] = ((-1.5f * f + 2) * f + 0.5f) * f;
    w[3] = (0.5f * f - 0.5f) * f * f;
}

/* Whole samples are taken from -2 on, so that truncation rounds down. */
static void warp_run(float *restrict dst, const FgPlane *p,
                     const float *restrict x, const float *restrict y, int n)
{
    const float top_x = (float)p->w + 1, top_y = (float)p->h + 1;
    const float *const base = p->data - 3 * p->row - 3;
    const int row = (int)p->row;
    int at[RUN];
    float fx[RUN], fy[RUN];

    for (int i = 0; i < n; i++) {
        float u = x[i] > -2 ? x[i] : -2, v = y[i] > -2 ? y[i] : -2;

        u = (u < top_x ? u : top_x) + 2;
        v = (v < top_y ? v : top_y) + 2;
        const int iu = (int)u, iv = (int)v;
        fx[i] = u - (float)iu;
        fy[i] = v - (float)iv;
        at[i] = iv * row + iu;
    }
    for (int i = 0; i < n; i++) {
        float a[4], b[4], sum = 0;

        keys(fx[i], a);
        keys(fy[i], b);
        for (int j = 0; j < 4; j++) {
            const float *q = base + at[i] + j * row;

            sum += b[j] *
                   ((a[0] * q[0] + a[1] * q[1]) + (a[2] * q[2] + a[3] * q[3]));
        }
        dst[i] = sum;
    }
}

static void warp(float *dst, const FgPlane *p, const float *x, const float *y,
                 int n)
{
    for (int i = 0; i < n; i += RUN)
        warp_run(dst + i, p, x + i, y + i, n - i < RUN ? n - i : RUN);
}

const FgFlowRows FG_ROWS = {search, spread, warp, gradient};
