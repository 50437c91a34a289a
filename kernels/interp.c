/* ffgan: pictures between two frames: around the network.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "interp.h"

#include <string.h>

#include "flow_priv.h"

typedef struct Inputs {
    FgFlow *f;
    FgTensor *in;
} Inputs;

static const float *luma_row(const FgFlow *f, int k, int y)
{
    const FgPlane *p = fg_flow_luma(f, k);
    return p->data + y * p->row;
}

static void input_job(void *arg, int y, int worker)
{
    const Inputs *j = arg;
    const FgFlow *f = j->f;
    const int w = f->w, chunk = 64;
    const FgFlowGrid g = {w, f->h, 1, 1, 0, 0};
    float *s = fg_flow_scratch(f, worker), *d = fg_f32(j->in, 0, y, 0);
    const FgPlaces p = {s, s + w, s + 2 * w, s + 3 * w, s + 4 * w, s + 5 * w};
    float a[64], b[64];
    fg_flow_places(f, &g, y, &p);
    for (int x = 0; x < w; x += chunk) {
        const int n = w - x < chunk ? w - x : chunk;
        f->rows->warp(a, fg_flow_luma(f, 0), p.x0 + x, p.y0 + x, n);
        f->rows->warp(b, fg_flow_luma(f, 1), p.x1 + x, p.y1 + x, n);
        const float *p0 = luma_row(f, 0, y) + x, *p1 = luma_row(f, 1, y) + x;
        for (int i = 0; i < n; i++, d += FG_INTERP_IN) {
            const float speed = p.speed[x + i] * (1.0f / 32);
            d[0] = a[i];
            d[1] = b[i];
            d[2] = p.share[x + i];
            d[3] = speed < 1 ? speed : 1;
            d[4] = p0[i];
            d[5] = p1[i];
            d[6] = f->m.t;
        }
    }
}

void fg_interp_inputs(FgFlow *f, float t, FgTensor *in)
{
    Inputs j = {f, in};
    fg_flow_at(f, t);
    fg_run(f->ex, input_job, &j, f->h);
}

static float clip(float v)
{
    v = v > 0 ? v : 0;
    return v < 1 ? v : 1;
}

void fg_interp_fuse(float *luma, float *share, float *fade, const float *in,
                    const float *out, int n)
{
    for (int i = 0; i < n; i++, in += FG_INTERP_IN) {
        const float *o = out ? out + (ptrdiff_t)FG_INTERP_OUT * i : NULL;
        const float a = share[i] = clip(in[2] + (o ? o[0] : 0));
        const float s = fade[i] = o ? clip(o[2]) : 0;
        const float moved = in[0] + a * (in[1] - in[0]);
        const float plain = in[4] + in[6] * (in[5] - in[4]);
        luma[i] = moved + s * (plain - moved);
    }
}

/* Half of it: measured, all takes more than it gives where there is hardly any
 * noise. */
void fg_interp_doubt(float *error, const float *in, const float *share, int n)
{
    for (int i = 0; i < n; i++, in += FG_INTERP_IN) {
        const float d = in[1] - in[0];
        error[i] = 0.5f * share[i] * (1 - share[i]) * d * d;
    }
}

static int clamp(int v, int top)
{
    return v < 0 ? 0 : v < top ? v : top;
}

/* Two samples of room on both sides repeat the edges. */
static void widen(float *p, int w)
{
    p[0] = p[1] = p[2];
    p[w + 2] = p[w + 3] = p[w + 1];
}

static void columns(float *sum, float *square, const float *luma, int w, int h,
                    int y)
{
    memset(sum, 0, sizeof(*sum) * (size_t)w);
    memset(square, 0, sizeof(*square) * (size_t)w);
    for (int k = -1; k <= 1; k++) {
        const float *p = luma + (size_t)clamp(y + k, h - 1) * (size_t)w;
        for (int x = 0; x < w; x++) {
            sum[x] += p[x];
            square[x] += p[x] * p[x];
        }
    }
}

void fg_interp_settle(float *dst, const float *luma, const float *error, int w,
                      int h, int y, float *scratch)
{
    float *s = scratch, *q = s + w + 4, *e = q + w + 4;
    const float *in = luma + (size_t)y * (size_t)w;
    columns(s + 2, q + 2, luma, w, h, y);
    memset(e + 2, 0, sizeof(*e) * (size_t)w);
    for (int k = -2; k <= 2; k++) {
        const float *p = error + (size_t)clamp(y + k, h - 1) * (size_t)w;
        for (int x = 0; x < w; x++)
            e[x + 2] += p[x];
    }
    widen(s, w);
    widen(q, w);
    widen(e, w);
    for (int x = 0; x < w; x++) {
        const float mean = (s[x + 1] + s[x + 2] + s[x + 3]) * (1 / 9.0f);
        const float v = (q[x + 1] + q[x + 2] + q[x + 3]) * (1 / 9.0f) -
                        mean * mean;
        const float n = (e[x] + e[x + 1] + e[x + 2] + e[x + 3] + e[x + 4]) *
                        (1 / 25.0f);
        const float keep = v > n ? (v - n) / v : 0;
        dst[x] = n > 0 ? mean + keep * (in[x] - mean) : in[x];
    }
}
