/* ffgan: moves pixels along a flow: out(y, x) is the first input at (x + dx,
 * y + dy), bilinear, with the second input's channels dx, dy in pixels; places
 * outside are clamped to the border and have no gradient to the flow there
 * (PyTorch's grid_sample, align_corners, border).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

enum { CHANNELS = 16 }; /* of one job of the image gradient */

#ifndef FG_REAL_DOUBLE
int fg_warp_shape(const FgNode *n, const FgShape *in, FgShape *out,
                  FgError *err)
{
    const FgShape a = in[0], f = in[1];
    *out = a;
    if (f.c == 2 && f.n == a.n && f.h == a.h && f.w == a.w)
        return 0;
    return fg_error(err, -EINVAL, "%s: flow is %dx%dx%dx%d, allowed %dx2x%dx%d",
                    n->name, f.n, f.c, f.h, f.w, a.n, a.h, a.w);
}
#endif

typedef struct Spot {
    int x0, x1, y0, y1;
    fg_real fx, fy;         /* weight of x1, y1 */
    int inside_x, inside_y; /* not clamped: the flow has a gradient */
} Spot;

/* One axis; a NaN goes to place 0 with a NaN as weight, so that it shows. */
static void spot_axis(fg_real at, int size, int *i0, int *i1, fg_real *f,
                      int *inside)
{
    const fg_real top = (fg_real)(size - 1);
    const fg_real safe = at > 0 ? at < top ? at : top : 0;
    *inside = at > 0 && at < top;
    *i0 = (int)safe;
    *i1 = fg_min(*i0 + 1, size - 1);
    *f = at == at ? safe - *i0 : at;
}

static Spot spot(const FgOpCall *c, int n, int y, int x)
{
    const FgShape s = c->in[0]->shape;
    const fg_real *const flow = fg_at(c->in[1], n, y, x);
    Spot p;
    spot_axis(x + flow[0], s.w, &p.x0, &p.x1, &p.fx, &p.inside_x);
    spot_axis(y + flow[1], s.h, &p.y0, &p.y1, &p.fy, &p.inside_y);
    return p;
}

static void warp_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const int n = i / s.h, y = i % s.h;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const Spot p = spot(c, n, y, x);
        const fg_real *const a = fg_at(c->in[0], n, p.y0, p.x0);
        const fg_real *const b = fg_at(c->in[0], n, p.y0, p.x1);
        const fg_real *const d = fg_at(c->in[0], n, p.y1, p.x0);
        const fg_real *const e = fg_at(c->in[0], n, p.y1, p.x1);
        fg_real *const out = fg_at(c->out, n, y, x);
        for (int k = 0; k < s.c; k++) {
            const fg_real top = a[k] * (1 - p.fx) + b[k] * p.fx;
            const fg_real low = d[k] * (1 - p.fx) + e[k] * p.fx;
            out[k] = top * (1 - p.fy) + low * p.fy;
        }
    }
}

int FG_REAL_NAME(fg_warp_forward)(const FgOpCall *c)
{
    fg_rows(c, warp_job, c->out->shape);
    return 0;
}

static void scatter(const FgOpCall *c, int n, int y, int x, int k0, int k1)
{
    const FgTensor *const d = c->din[0];
    const Spot p = spot(c, n, y, x);
    const fg_real *const dy = fg_at(c->dout, n, y, x);
    for (int k = k0; k < k1; k++) {
        fg_at(d, n, p.y0, p.x0)[k] += dy[k] * (1 - p.fy) * (1 - p.fx);
        fg_at(d, n, p.y0, p.x1)[k] += dy[k] * (1 - p.fy) * p.fx;
        fg_at(d, n, p.y1, p.x0)[k] += dy[k] * p.fy * (1 - p.fx);
        fg_at(d, n, p.y1, p.x1)[k] += dy[k] * p.fy * p.fx;
    }
}

/* Pixels may land anywhere, so a job owns channels of a whole image. */
static void warp_image_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const int blocks = (s.c + CHANNELS - 1) / CHANNELS, n = i / blocks;
    const int k0 = i % blocks * CHANNELS, k1 = fg_min(k0 + CHANNELS, s.c);
    (void)worker;
    for (int j = 0; !c->din_add[0] && j < s.h * s.w; j++)
        memset(fg_at(c->din[0], n, j / s.w, j % s.w) + k0, 0,
               (k1 - k0) * sizeof(fg_real));
    for (int j = 0; j < s.h * s.w; j++)
        scatter(c, n, j / s.w, j % s.w, k0, k1);
}

static void warp_flow_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->in[0]->shape;
    const int n = i / s.h, y = i % s.h;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const Spot p = spot(c, n, y, x);
        const fg_real *const a = fg_at(c->in[0], n, p.y0, p.x0);
        const fg_real *const b = fg_at(c->in[0], n, p.y0, p.x1);
        const fg_real *const d = fg_at(c->in[0], n, p.y1, p.x0);
        const fg_real *const e = fg_at(c->in[0], n, p.y1, p.x1);
        const fg_real *const dy = fg_at(c->dout, n, y, x);
        fg_real *const df = fg_at(c->din[1], n, y, x);
        fg_real gx = 0, gy = 0;
        for (int k = 0; k < s.c; k++) {
            gx += dy[k] * ((b[k] - a[k]) * (1 - p.fy) + (e[k] - d[k]) * p.fy);
            gy += dy[k] * ((d[k] - a[k]) * (1 - p.fx) + (e[k] - b[k]) * p.fx);
        }
        df[0] = (c->din_add[1] ? df[0] : 0) + (p.inside_x ? gx : 0);
        df[1] = (c->din_add[1] ? df[1] : 0) + (p.inside_y ? gy : 0);
    }
}

int FG_REAL_NAME(fg_warp_backward)(const FgOpCall *c)
{
    const FgShape s = c->in[0]->shape;
    if (c->din[0])
        fg_run(c->ex, warp_image_job, (void *)c,
               s.n * ((s.c + CHANNELS - 1) / CHANNELS));
    if (c->din[1])
        fg_rows(c, warp_flow_job, s);
    return 0;
}
