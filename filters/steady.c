/* ffgan: effects that hold still from frame to frame.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "steady.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 6 };

struct FgSteady {
    FgPlaneFormat source_fmt, fmt;
    FgPlanes source[2], fx[2], done; /* [0]: the frame before */
    FgPlane out[2];                  /* luma that left */
    FgFlow *flow;
    FgExecutor *ex;
    int frames;
    float *scratch;
    size_t scratch_row;
    double *sums; /* [h][4] */
    /* in hand */
    AVFrame *to;
    const FgSteadyLook *look;
    int k, moves; /* on from the frame before */
};

static int alloc_all(FgSteady *s, int w, int h)
{
    int ret = 0;

    for (int k = 0; k < 2 && ret >= 0; k++) {
        ret = fg_planes_alloc(&s->source[k], &s->source_fmt);
        ret = ret < 0 ? ret : fg_planes_alloc(&s->fx[k], &s->fmt);
        ret = ret < 0 ? ret : fg_plane_alloc(&s->out[k], w, h);
    }
    ret = ret < 0 ? ret : fg_planes_alloc(&s->done, &s->fmt);
    s->scratch_row = ((size_t)w + 31) / 16 * 16;
    s->scratch = aligned_alloc(64, s->scratch_row * ROWS * sizeof(float) *
                                       (size_t)fg_threads(s->ex));
    s->sums = calloc((size_t)h, 4 * sizeof(double));
    return ret < 0 ? ret : s->scratch && s->sums ? 0 : -ENOMEM;
}

int fg_steady_create(FgSteady **ps, enum AVPixelFormat fmt, int w, int h,
                     FgExecutor *ex, FgError *err)
{
    FgSteady *s = *ps = calloc(1, sizeof(*s));

    if (!s)
        return fg_error(err, -ENOMEM, "out of memory");
    s->ex = ex;
    int ret = fg_flow_create(&s->flow, w, h, ex, err);
    if (ret >= 0 &&
        ((ret = fg_plane_format_init(&s->fmt, fmt, w, h, ex)) < 0 ||
         (ret = fg_plane_format_init(&s->source_fmt, fmt, w, h, ex)) < 0 ||
         (ret = alloc_all(s, w, h)) < 0))
        fg_error(err, ret, "no memory for %dx%d", w, h);
    if (ret < 0)
        fg_steady_free(ps);
    return ret < 0 ? ret : 0;
}

void fg_steady_free(FgSteady **ps)
{
    FgSteady *s = ps ? *ps : NULL;

    if (!s)
        return;
    for (int k = 0; k < 2; k++) {
        fg_planes_free(&s->source[k]);
        fg_planes_free(&s->fx[k]);
        fg_plane_free(&s->out[k]);
    }
    fg_planes_free(&s->done);
    fg_plane_format_free(&s->fmt);
    fg_plane_format_free(&s->source_fmt);
    fg_flow_free(&s->flow);
    free(s->scratch);
    free(s->sums);
    free(s);
    *ps = NULL;
}

/* ---- the frame before, moved to this one ---- */

static float *row_of(const FgSteady *s, int worker, int i)
{
    return s->scratch + ((size_t)worker * ROWS + (size_t)i) * s->scratch_row;
}

static void mix_job(void *arg, int y, int worker)
{
    FgSteady *s = arg;
    const FgFlowGrid *g = &s->fmt.grid[s->k];
    const FgPlane *now = &s->fx[1].p[s->k];
    FgPlane *to = &s->done.p[s->k];
    const float *a = now->data + y * now->row;
    float *px = row_of(s, worker, 0), *py = row_of(s, worker, 1);
    float *sure = row_of(s, worker, 2), *old = row_of(s, worker, 3);
    float *d = to->data + y * to->row;
    const float bound = s->look->bound;

    fg_flow_back(s->flow, g, y, px, py, sure);
    fg_flow_warp(old, &s->fx[0].p[s->k], px, py, g->w);
    for (int x = 0; x < g->w; x++) {
        float v = s->look->amount * sure[x] * (old[x] - a[x]);

        v = v > -bound ? v < bound ? v : bound : -bound;
        d[x] = a[x] + v;
    }
    if (s->k)
        return;
    /* Luma says how much it flickered and flickers. */
    double *sum = s->sums + 4 * (ptrdiff_t)y;
    float *was = row_of(s, worker, 4), *src = row_of(s, worker, 5);
    const FgPlane *p = &s->source[1].p[0];

    fg_flow_warp(was, &s->out[0], px, py, g->w);
    fg_flow_warp(src, &s->source[0].p[0], px, py, g->w);
    memset(sum, 0, 4 * sizeof(*sum));
    for (int x = 0; x < g->w; x++) {
        sum[0] += (double)(sure[x] * fabsf(p->data[y * p->row + x] - src[x]));
        sum[1] += (double)(sure[x] * fabsf(a[x] - old[x]));
        sum[2] += (double)(sure[x] * fabsf(d[x] - was[x]));
        sum[3] += (double)sure[x];
    }
}

static void copy_job(void *arg, int y, int worker)
{
    FgSteady *s = arg;
    const FgPlane *a = &s->fx[1].p[s->k];
    FgPlane *d = &s->done.p[s->k];

    (void)worker;
    memcpy(d->data + y * d->row, a->data + y * a->row,
           sizeof(float) * (size_t)a->w);
}

static void write_job(void *arg, int y, int worker)
{
    FgSteady *s = arg;
    const FgPlane *d = &s->done.p[s->k];
    float *v = row_of(s, worker, 0);

    memcpy(v, d->data + y * d->row, sizeof(float) * (size_t)d->w);
    fg_planes_write_row(s->to, &s->fmt, s->k, y, v,
                        fminf(s->fx[0].low[s->k], s->fx[1].low[s->k]),
                        fmaxf(s->fx[0].high[s->k], s->fx[1].high[s->k]));
}

static void keep_luma(FgSteady *s)
{
    FgPlane *to = &s->out[1];

    for (int y = 0; y < to->h; y++) {
        memcpy(to->data + y * to->row, s->done.p[0].data + y * s->done.p[0].row,
               sizeof(float) * (size_t)to->w);
        fg_plane_edges(to, y);
    }
}

static void turn(FgSteady *s)
{
    const FgPlanes a = s->source[0], b = s->fx[0];
    const FgPlane c = s->out[0];

    s->source[0] = s->source[1];
    s->source[1] = a;
    s->fx[0] = s->fx[1];
    s->fx[1] = b;
    s->out[0] = s->out[1];
    s->out[1] = c;
}

static void measure(const FgSteady *s, FgFlicker *f)
{
    double sum[4] = {0};

    for (int y = 0; y < s->fmt.h; y++)
        for (int i = 0; i < 4; i++)
            sum[i] += s->sums[4 * y + i];
    const double k = sum[3] > 0 ? 255 / sum[3] : 0;
    *f = (FgFlicker){k * sum[0], k * sum[1], k * sum[2]};
}

static int follows(FgSteady *s, const FgSteadyLook *look)
{
    FgFlowStats st;

    if (s->frames < 2)
        return 0;
    fg_flow_find(s->flow);
    fg_flow_stats(s->flow, &st);
    return st.moved <= look->cut;
}

int fg_steady_look(FgSteady *s, const AVFrame *source, const FgSteadyLook *look,
                   FgError *err)
{
    turn(s);
    if (fg_planes_read(&s->source[1], &s->source_fmt, source, look->range) < 0)
        return fg_error(err, -EINVAL, "a NaN or an infinite value");
    fg_flow_push(s->flow, s->source_fmt.luma, s->fmt.w);
    s->frames += s->frames < 2;
    s->look = look;
    s->moves = follows(s, look);
    return s->moves;
}

int fg_steady_frame(FgSteady *s, AVFrame *fx, FgFlicker *f, FgError *err)
{
    const int moves = s->moves;

    if (fg_planes_read(&s->fx[1], &s->fmt, fx, s->look->range) < 0)
        return fg_error(err, -EINVAL, "a NaN or an infinite value");
    s->to = fx;
    *f = (FgFlicker){-1, -1, -1};
    for (s->k = 0; s->k < s->fmt.nb; s->k++)
        fg_run(s->ex, moves ? mix_job : copy_job, s, s->fmt.grid[s->k].h);
    for (s->k = 0; s->k < s->fmt.nb && moves && s->look->amount > 0; s->k++)
        fg_run(s->ex, write_job, s, s->fmt.grid[s->k].h);
    keep_luma(s);
    if (moves)
        measure(s, f);
    return 0;
}
