/* ffgan: the arithmetic of motion search, per patch and per sample.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Read by gcc and by nvcc, and the same bits from both: FG_MUL is a product
 * that is not fused into a sum that follows it. */
#ifndef FFGAN_KERNELS_FLOW_MATHS_H
#define FFGAN_KERNELS_FLOW_MATHS_H

#include "kernels/bits.h"
#include "kernels/flow_types.h"

#ifdef __CUDACC__
#define FG_MUL(a, b) __fmul_rn(a, b)
#define FG_EACH _Pragma("unroll")
#else
#include <math.h>
#define FG_MUL(a, b) ((a) * (b))
#define FG_EACH
#endif

#define FG_PATCH_AREA ((float)(FG_PATCH * FG_PATCH))
/* Motion has to fit better than none by this, four times a difference. */
#define FG_FLOW_STILL 0.006f

FG_MATHS int fg_flow_min(int a, int b)
{
    return a < b ? a : b;
}

FG_MATHS int fg_flow_clamp(int v, int top)
{
    return v < 0 ? 0 : v < top ? v : top;
}

/* Patches along n samples, and where patch i begins: the last is pulled in. */
FG_MATHS int fg_flow_patches(int n)
{
    return (n - FG_PATCH + FG_PATCH_STEP - 1) / FG_PATCH_STEP + 1;
}

FG_MATHS int fg_flow_patch(int i, int n)
{
    return fg_flow_min(i * FG_PATCH_STEP, n - FG_PATCH);
}

/* The first patch that may cover sample y. */
FG_MATHS int fg_flow_first_patch(int y)
{
    return y < FG_PATCH ? 0 : (y - FG_PATCH) / FG_PATCH_STEP;
}

/* ---- patches: sums go over eight lanes, lane i having column i, and lanes are
 * added in pairs ---- */

FG_MATHS float fg_lanes(const float *l)
{
    return ((l[0] + l[1]) + (l[2] + l[3])) + ((l[4] + l[5]) + (l[6] + l[7]));
}

/* Where a patch at (x + u, y + v) is read: whole sample and weights. Patches
 * may lie outside by half a border. */
typedef struct FgFlowSpot {
    const float *p;
    float a, b, c, d;
} FgFlowSpot;

FG_MATHS FgFlowSpot fg_flow_spot(const FgPlane *to, float x, float y)
{
    const float top_x = (float)to->w + 3, top_y = (float)to->h + 3;
    FgFlowSpot s;
    x = x > -12 ? x : -12;
    x = x < top_x ? x : top_x;
    y = y > -12 ? y : -12;
    y = y < top_y ? y : top_y;
    const float fx = floorf(x), fy = floorf(y), u = x - fx, v = y - fy;
    s.p = to->data + (ptrdiff_t)fy * to->row + (ptrdiff_t)fx;
    s.a = FG_MUL(1 - u, 1 - v);
    s.b = FG_MUL(u, 1 - v);
    s.c = FG_MUL(1 - u, v);
    s.d = FG_MUL(u, v);
    return s;
}

/* Sample i of row q, r being the row below. */
FG_MATHS float fg_flow_spot_at(const FgFlowSpot *s, const float *q,
                               const float *r, int i)
{
    return (FG_MUL(s->a, q[i]) + FG_MUL(s->b, q[i + 1])) +
           (FG_MUL(s->c, r[i]) + FG_MUL(s->d, r[i + 1]));
}

typedef struct FgPatchSums {
    float d, dx, dy, dd;
} FgPatchSums;

/* Sums over the patch of the difference d, d*gx, d*gy, d*d. */
FG_MATHS FgPatchSums fg_patch_sums(const FgPatch *p, float u, float v)
{
    const FgFlowSpot s = fg_flow_spot(p->to, (float)p->x + u, (float)p->y + v);
    const ptrdiff_t row = p->row;
    float d[FG_PATCH] = {0}, dx[FG_PATCH] = {0};
    float dy[FG_PATCH] = {0}, dd[FG_PATCH] = {0};
    FgPatchSums r;
    for (int j = 0; j < FG_PATCH; j++) {
        const float *q = s.p + j * row, *t = p->t + j * row;
        const float *gx = p->gx + j * row, *gy = p->gy + j * row;
        FG_EACH
        for (int i = 0; i < FG_PATCH; i++) {
            const float e = fg_flow_spot_at(&s, q, q + row, i) - t[i];
            d[i] += e;
            dx[i] += FG_MUL(e, gx[i]);
            dy[i] += FG_MUL(e, gy[i]);
            dd[i] += FG_MUL(e, e);
        }
    }
    r.d = fg_lanes(d);
    r.dx = fg_lanes(dx);
    r.dy = fg_lanes(dy);
    r.dd = fg_lanes(dd);
    return r;
}

typedef struct FgPatchShape {
    float gx, gy, xx, xy, yy; /* sums of gradients; of products, no mean */
} FgPatchShape;

FG_MATHS FgPatchShape fg_patch_shape(const FgPatch *p)
{
    float gx[FG_PATCH] = {0}, gy[FG_PATCH] = {0};
    float xx[FG_PATCH] = {0}, xy[FG_PATCH] = {0}, yy[FG_PATCH] = {0};
    FgPatchShape r;
    for (int j = 0; j < FG_PATCH; j++) {
        FG_EACH
        for (int i = 0; i < FG_PATCH; i++) {
            const float a = p->gx[j * p->row + i], b = p->gy[j * p->row + i];
            gx[i] += a;
            gy[i] += b;
            xx[i] += FG_MUL(a, a);
            xy[i] += FG_MUL(a, b);
            yy[i] += FG_MUL(b, b);
        }
    }
    r.gx = fg_lanes(gx);
    r.gy = fg_lanes(gy);
    r.xx = fg_lanes(xx) - FG_MUL(r.gx, r.gx) / FG_PATCH_AREA;
    r.xy = fg_lanes(xy) - FG_MUL(r.gx, r.gy) / FG_PATCH_AREA;
    r.yy = fg_lanes(yy) - FG_MUL(r.gy, r.gy) / FG_PATCH_AREA;
    return r;
}

FG_MATHS float fg_patch_error(const FgPatchSums *s)
{
    return s->dd - FG_MUL(s->d, s->d) / FG_PATCH_AREA;
}

/* Takes (u, v) as the start if it fits better, or is the first. */
FG_MATHS void fg_patch_try(FgPatch *p, int first, float u, float v)
{
    const FgPatchSums s = fg_patch_sums(p, u, v);
    const float e = fg_patch_error(&s);
    if (!first && !(e < p->err))
        return;
    p->err = e;
    p->u = u;
    p->v = v;
}

/* From the best start on, as long as it gets better. */
FG_MATHS void fg_patch_descend(FgPatch *p)
{
    const FgPatchShape h = fg_patch_shape(p);
    /* Gradients below half a code value of 255 are noise. */
    const float noise = FG_PATCH_AREA * 4e-6f;
    const float xx = h.xx + noise, yy = h.yy + noise;
    const float scale = 1 / (FG_MUL(xx, yy) - FG_MUL(h.xy, h.xy));
    float u = p->u, v = p->v;
    const float u0 = u, v0 = v;
    for (int i = 0; i <= p->steps; i++) {
        const FgPatchSums s = fg_patch_sums(p, u, v);
        const float e = fg_patch_error(&s);
        if (i && !(e < p->err))
            break;
        p->err = e;
        p->u = u;
        p->v = v;
        const float bx = s.dx - FG_MUL(h.gx, s.d) / FG_PATCH_AREA;
        const float by = s.dy - FG_MUL(h.gy, s.d) / FG_PATCH_AREA;
        const float du = FG_MUL(FG_MUL(yy, bx) - FG_MUL(h.xy, by), scale);
        const float dv = FG_MUL(FG_MUL(xx, by) - FG_MUL(h.xy, bx), scale);
        u -= du;
        v -= dv;
        if (!(FG_MUL(du, du) + FG_MUL(dv, dv) > 4e-4f) ||
            fabsf(u - u0) > FG_PATCH || fabsf(v - v0) > FG_PATCH)
            break;
    }
}

/* How much a patch's motion counts where it misses by e. */
FG_MATHS float fg_patch_weight(float e)
{
    return 1 / ((e < 0 ? -e : e) + 1.0f / 255);
}

/* ---- bicubic (Keys, a = -0.5) ---- */

FG_MATHS void fg_flow_keys(float f, float *w)
{
    w[0] = FG_MUL(FG_MUL(FG_MUL(-0.5f, f) + 1, f) - 0.5f, f);
    w[1] = FG_MUL(FG_MUL(FG_MUL(1.5f, f) - 2.5f, f), f) + 1;
    w[2] = FG_MUL(FG_MUL(FG_MUL(-1.5f, f) + 2, f) + 0.5f, f);
    w[3] = FG_MUL(FG_MUL(FG_MUL(0.5f, f) - 0.5f, f), f);
}

/* Four rows from q on. */
FG_MATHS float fg_flow_taps(const float *q, ptrdiff_t row, const float *a,
                            const float *b)
{
    float sum = 0;
    FG_EACH
    for (int j = 0; j < 4; j++, q += row)
        sum += FG_MUL(b[j], (FG_MUL(a[0], q[0]) + FG_MUL(a[1], q[1])) +
                                (FG_MUL(a[2], q[2]) + FG_MUL(a[3], q[3])));
    return sum;
}

/* Whole samples are taken from -2 on, so that truncation rounds down. */
FG_MATHS float fg_flow_sample(const FgPlane *p, float x, float y)
{
    const float top_x = (float)p->w + 1, top_y = (float)p->h + 1;
    float u = x > -2 ? x : -2, v = y > -2 ? y : -2, a[4], b[4];
    u = (u < top_x ? u : top_x) + 2;
    v = (v < top_y ? v : top_y) + 2;
    const int iu = (int)u, iv = (int)v;
    fg_flow_keys(u - (float)iu, a);
    fg_flow_keys(v - (float)iv, b);
    return fg_flow_taps(p->data + (iv - 3) * p->row + (iu - 3), p->row, a, b);
}

/* ---- the motion through each sample of the time ---- */

/* Of those that land on one place the largest key stays: the best fit, which
 * is not negative, then the first. 0: none. */
FG_MATHS uint64_t fg_flow_key(float fit, int i)
{
    return ~((uint64_t)fg_float_bits(fit) << 32 | (uint32_t)i);
}

FG_MATHS float fg_flow_key_fit(uint64_t key)
{
    return fg_bits_float((uint32_t)(~key >> 32));
}

FG_MATHS int fg_flow_key_index(uint64_t key)
{
    return (int)(uint32_t)~key;
}

/* Where sample (x, y) of frame k is at the time; -1: outside. */
FG_MATHS int fg_flow_landing(const FgFlowMaps *m, int k, int x, int y)
{
    const float part = k ? 1 - m->t : m->t;
    const int i = y * m->w + x;
    const int u = (int)floorf(((float)x + FG_MUL(part, m->du[k][i])) + 0.5f);
    const int v = (int)floorf(((float)y + FG_MUL(part, m->dv[k][i])) + 0.5f);
    return u < 0 || v < 0 || u >= m->w || v >= m->h ? -1 : v * m->w + u;
}

/* Of both ways, as motion from frame 0 to frame 1; 1 if there is any. */
FG_MATHS int fg_flow_landed(const FgFlowMaps *m, int at, float *u, float *v,
                            float *fit)
{
    const uint64_t a = m->landed[0][at], b = m->landed[1][at];
    const int i = fg_flow_key_index(a), j = fg_flow_key_index(b);
    if (!a && !b)
        return 0;
    if (!b || (a && fg_flow_key_fit(a) <= fg_flow_key_fit(b))) {
        *u = m->du[0][i];
        *v = m->dv[0][i];
        *fit = fg_flow_key_fit(a);
    } else {
        *u = -m->du[1][j];
        *v = -m->dv[1][j];
        *fit = fg_flow_key_fit(b);
    }
    return 1;
}

/* Nothing landed here: the best fit of what lies next in eight directions:
 * left, right, up, down, then the diagonals. */
FG_MATHS void fg_flow_nearest(const FgFlowMaps *m, int x, int y, float *u,
                              float *v)
{
    float best = 1e30f;
    *u = m->du[0][y * m->w + x];
    *v = m->dv[0][y * m->w + x];
    for (int i = 0; i < 8; i++) {
        const int dx = i < 2 ? 2 * i - 1 : i < 4 ? 0 : i & 1 ? 1 : -1;
        const int dy = i < 2 ? 0 : i < 4 ? 2 * i - 5 : i < 6 ? -1 : 1;
        for (int d = 1; d <= 24; d++) {
            const int a = x + d * dx, b = y + d * dy;
            float p, q, fit;
            if (a < 0 || b < 0 || a >= m->w || b >= m->h)
                break;
            if (!fg_flow_landed(m, b * m->w + a, &p, &q, &fit))
                continue;
            fit += FG_MUL(0.01f, (float)d);
            if (fit < best) {
                best = fit;
                *u = p;
                *v = q;
            }
            break;
        }
    }
}

FG_MATHS void fg_flow_choose(const FgFlowMaps *m, int x, int y)
{
    const int i = y * m->w + x;
    float fit = 1, u, v;
    if (!fg_flow_landed(m, i, &u, &v, &fit))
        fg_flow_nearest(m, x, y, &u, &v);
    const int still = m->plain[i] <= FG_MUL(1.3f, fit) + FG_FLOW_STILL;
    m->u[i] = still ? 0 : u;
    m->v[i] = still ? 0 : v;
}

/* ---- what is seen of which frame ---- */

typedef struct FgFlowTaps {
    int a, b, c, d;
    float x, y;
} FgFlowTaps;

FG_MATHS FgFlowTaps fg_flow_near(float x, float y, int w, int h)
{
    FgFlowTaps t;
    x = x > 0 ? x : 0;
    y = y > 0 ? y : 0;
    x = x < (float)(w - 1) ? x : (float)(w - 1);
    y = y < (float)(h - 1) ? y : (float)(h - 1);
    const int i = (int)x, j = (int)y, k = i + 1 < w, m = j + 1 < h ? w : 0;
    t.a = j * w + i;
    t.b = t.a + k;
    t.c = t.a + m;
    t.d = t.a + m + k;
    t.x = x - (float)i;
    t.y = y - (float)j;
    return t;
}

FG_MATHS float fg_flow_mix(const float *p, const FgFlowTaps *t)
{
    const float a = p[t->a] + FG_MUL(t->x, p[t->b] - p[t->a]);
    const float b = p[t->c] + FG_MUL(t->x, p[t->d] - p[t->c]);
    return a + FG_MUL(t->y, b - a);
}

/* 1 where frame k's own motion at (x, y) is (u, v), less where it is not, next
 * to nothing outside the picture. */
FG_MATHS float fg_flow_seen(const FgFlowMaps *m, int k, float x, float y,
                            float u, float v)
{
    if (x < -1 || y < -1 || x > (float)m->w || y > (float)m->h)
        return 0.01f;
    const FgFlowTaps t = fg_flow_near(x, y, m->w, m->h);
    const float a = fg_flow_mix(m->du[k], &t) - u;
    const float b = fg_flow_mix(m->dv[k], &t) - v;
    return 1 / (1 + (FG_MUL(a, a) + FG_MUL(b, b))) + 0.01f;
}

FG_MATHS void fg_flow_share(const FgFlowMaps *m, int x, int y)
{
    const int i = y * m->w + x;
    const float u = m->u[i], v = m->v[i], t = m->t, r = 1 - t;
    const float a = fg_flow_seen(m, 0, (float)x - FG_MUL(t, u),
                                 (float)y - FG_MUL(t, v), u, v);
    const float b = fg_flow_seen(m, 1, (float)x + FG_MUL(r, u),
                                 (float)y + FG_MUL(r, v), -u, -v);
    m->share[i] = FG_MUL(t, b) / (FG_MUL(r, a) + FG_MUL(t, b));
}

/* ---- into the planes ---- */

/* A plane's sample n along one axis, in the maps' samples. */
FG_MATHS float fg_flow_place_of(const FgFlowMaps *m, int n, float step,
                                float first)
{
    return ((FG_MUL((float)n, step) + first) + 0.5f) / m->unit - 0.5f;
}

/* See FgPlaces in flow.h. */
typedef struct FgFlowPlace {
    float x0, y0, x1, y1, share, speed;
} FgFlowPlace;

FG_MATHS FgFlowPlace fg_flow_place(const FgFlowMaps *m, const FgFlowGrid *g,
                                   int y, int x)
{
    const float fy = fg_flow_place_of(m, y, g->step_y, g->first_y);
    const float fx = fg_flow_place_of(m, x, g->step_x, g->first_x);
    const float kx = m->unit / g->step_x, ky = m->unit / g->step_y;
    const FgFlowTaps s = fg_flow_near(fx, fy, m->w, m->h);
    const float u = fg_flow_mix(m->u, &s), v = fg_flow_mix(m->v, &s);
    const float t = m->t, r = 1 - t;
    FgFlowPlace p;
    p.x0 = (float)x - FG_MUL(FG_MUL(t, u), kx);
    p.y0 = (float)y - FG_MUL(FG_MUL(t, v), ky);
    p.x1 = (float)x + FG_MUL(FG_MUL(r, u), kx);
    p.y1 = (float)y + FG_MUL(FG_MUL(r, v), ky);
    p.share = fg_flow_mix(m->share, &s);
    p.speed = FG_MUL(sqrtf(FG_MUL(u, u) + FG_MUL(v, v)), m->unit);
    return p;
}

/* Where a sample of frame 1 was in frame 0, and how surely. */
FG_MATHS void fg_flow_was(const FgFlowMaps *m, const FgFlowGrid *g, int y,
                          int x, float *x0, float *y0, float *sure)
{
    const float fy = fg_flow_place_of(m, y, g->step_y, g->first_y);
    const float fx = fg_flow_place_of(m, x, g->step_x, g->first_x);
    const FgFlowTaps s = fg_flow_near(fx, fy, m->w, m->h);
    const float u = fg_flow_mix(m->du[1], &s), v = fg_flow_mix(m->dv[1], &s);
    const float seen = fg_flow_seen(m, 0, fx + u, fy + v, -u, -v);
    *x0 = (float)x + FG_MUL(u, m->unit) / g->step_x;
    *y0 = (float)y + FG_MUL(v, m->unit) / g->step_y;
    *sure = seen < 1 ? seen : 1;
}

#endif
