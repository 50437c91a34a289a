/* ffgan: a frame between two frames, in any format.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "between.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "kernels/interp.h"
#include "whole.h"

static_assert((int)FG_INTERP_IN == (int)FG_INTERP_RGB_IN &&
                  (int)FG_INTERP_OUT == (int)FG_INTERP_RGB_OUT,
              "both kinds of networks share their tensors");

enum { ROWS = 11 }; /* of a worker's scratch, each as long as the picture */

struct FgBetween {
    FgBetweenOptions o;
    FgPlaneFormat fmt;
    FgPlanes frame[2];
    FgFlow *flow;
    FgWhole *whole; /* of a network that does it all, else NULL */
    FgPlan *plan, *plan32;
    FgTensor in, out; /* of the network */
    float *share;     /* [h][w] of frame 1 */
    float *fade;      /* [h][w] of what is not moved */
    float *error;     /* [h][w] what the mix of the two frames betrays */
    float *settled;   /* [h][w] luma, less of it where it is not sure */
    float t;
    float *luma; /* [h][w] the result; of RGB, what the network adds */
    float *scratch;
    size_t scratch_row;
    int found; /* motion, of the frames at hand */
    AVFrame *to;
    int k;
};

/* ---- life ---- */

static int make_plan(FgPlan **p, const FgBetween *b, FgPrecision precision,
                     FgError *err)
{
    const FgPlanOptions o = {.device = b->o.device,
                             .precision = precision,
                             .max_w = b->o.w,
                             .max_h = b->o.h,
                             .tile = b->o.tile,
                             .ex = b->o.ex};

    return fg_plan_create(p, b->o.model, &o, err);
}

static int alloc_all(FgBetween *b)
{
    const size_t n = (size_t)b->o.w * (size_t)b->o.h;
    int ret = 0;

    for (int k = 0; k < 2 && ret >= 0; k++)
        ret = fg_planes_alloc(&b->frame[k], &b->fmt);
    if (ret >= 0)
        ret = fg_tensor_alloc(
            &b->in, (FgShape){1, FG_INTERP_IN, b->o.h, b->o.w}, FG_F32);
    if (ret >= 0 && b->o.model)
        ret = fg_tensor_alloc(
            &b->out, (FgShape){1, FG_INTERP_OUT, b->o.h, b->o.w}, FG_F32);
    if (ret >= 0 && b->o.model && !b->o.model->luma)
        ret = fg_whole_create(&b->whole, &b->fmt);
    b->share = malloc(n * sizeof(float));
    b->fade = malloc(n * sizeof(float));
    b->error = malloc(n * sizeof(float));
    b->settled = malloc(n * sizeof(float));
    b->luma = malloc(n * sizeof(float));
    b->scratch_row = ((size_t)b->o.w + 31) / 16 * 16;
    b->scratch = aligned_alloc(64, b->scratch_row * ROWS * sizeof(float) *
                                       (size_t)fg_threads(b->o.ex));
    return ret < 0 ? ret
           : b->share && b->fade && b->error && b->settled && b->luma &&
                   b->scratch
               ? 0
               : -ENOMEM;
}

static int create(FgBetween *b, FgError *err)
{
    int ret = fg_plane_format_init(&b->fmt, b->o.format, b->o.w, b->o.h,
                                   b->o.ex);

    if (ret == -ENOTSUP)
        return fg_error(err, ret, "pixel format %s is not supported",
                        av_get_pix_fmt_name(b->o.format));
    if (ret >= 0)
        ret = fg_flow_create(&b->flow, b->o.w, b->o.h, b->o.ex, err);
    if (ret == -EINVAL)
        return ret;
    if (ret >= 0 && b->o.model &&
        (ret = make_plan(&b->plan, b, b->o.precision, err)) < 0)
        return ret;
    if (ret >= 0)
        ret = alloc_all(b);
    return ret < 0 ? fg_error(err, ret, "no memory for %dx%d", b->o.w, b->o.h)
                   : 0;
}

int fg_between_create(FgBetween **pb, const FgBetweenOptions *o, FgError *err)
{
    FgBetween *b = *pb = calloc(1, sizeof(*b));

    if (!b)
        return fg_error(err, -ENOMEM, "out of memory");
    b->o = *o;
    const int ret = create(b, err);
    if (ret < 0)
        fg_between_free(pb);
    return ret;
}

void fg_between_free(FgBetween **pb)
{
    FgBetween *b = pb ? *pb : NULL;

    if (!b)
        return;
    fg_plane_format_free(&b->fmt);
    fg_planes_free(&b->frame[0]);
    fg_planes_free(&b->frame[1]);
    fg_flow_free(&b->flow);
    fg_whole_free(&b->whole);
    fg_plan_free(&b->plan);
    fg_plan_free(&b->plan32);
    fg_tensor_free(&b->in);
    fg_tensor_free(&b->out);
    free(b->share);
    free(b->fade);
    free(b->error);
    free(b->settled);
    free(b->luma);
    free(b->scratch);
    free(b);
    *pb = NULL;
}

void fg_between_plan_info(const FgBetween *b, FgPlanInfo *info)
{
    memset(info, 0, sizeof(*info));
    if (b->plan)
        fg_plan_info(b->plan, info);
}

/* ---- frames in ---- */

int fg_between_push(FgBetween *b, const AVFrame *in, FgError *err)
{
    const FgPlanes t = b->frame[0];

    b->frame[0] = b->frame[1];
    b->frame[1] = t;
    b->found = 0;
    if (fg_planes_read(&b->frame[1], &b->fmt, in, b->o.range) < 0)
        return fg_error(err, -EINVAL,
                        "the input has a NaN or an infinite value");
    fg_flow_push(b->flow, b->fmt.luma, b->o.w);
    return b->whole ? fg_whole_push(b->whole, &b->frame[1], in, err) : 0;
}

static void find(FgBetween *b)
{
    if (!b->found)
        fg_flow_find(b->flow);
    b->found = 1;
}

void fg_between_stats(FgBetween *b, FgFlowStats *s)
{
    find(b);
    fg_flow_stats(b->flow, s);
}

/* ---- frames out ---- */

static int run_net(FgBetween *b, FgError *err)
{
    FgPlanInfo info;
    int ret = fg_plan_run(b->plan, &b->in, &b->out);

    fg_plan_info(b->plan, &info);
    if (ret == -EDOM && strcmp(info.precision, "fp32") != 0) {
        if (!b->plan32 &&
            (ret = make_plan(&b->plan32, b, FG_PREC_FP32, err)) < 0)
            return ret;
        ret = fg_plan_run(b->plan32, &b->in, &b->out);
    }
    if (ret == -EDOM)
        return fg_error(err, ret,
                        "the network's output has a NaN or an infinite value "
                        "in fp32");
    return ret < 0 ? fg_error(err, ret, "the network failed: %s",
                              fg_plan_failure(b->plan, ret))
                   : 0;
}

/* Whether a network mends what arithmetic moved. */
static int mends(const FgBetween *b)
{
    return b->o.model && !b->whole;
}

static void fuse_job(void *arg, int y, int worker)
{
    FgBetween *b = arg;
    const int w = b->o.w;
    const size_t at = (size_t)y * (size_t)w;
    const float *net = mends(b) ? fg_f32(&b->out, 0, y, 0) : NULL;
    const float *in = fg_f32(&b->in, 0, y, 0);

    (void)worker;
    fg_interp_fuse(b->luma + at, b->share + at, b->fade + at, in, net, w);
    fg_interp_doubt(b->error + at, in, b->share + at, w);
}

/* Luma; of RGB, what all three get more. */
static void settle_job(void *arg, int y, int worker)
{
    FgBetween *b = arg;
    const int w = b->o.w;
    const size_t at = (size_t)y * (size_t)w;
    const float *net = mends(b) ? fg_f32(&b->out, 0, y, 0) : NULL;
    float *d = b->settled + at;

    fg_interp_settle(d, b->luma, b->error, w, b->o.h, y,
                     b->scratch + (size_t)worker * ROWS * b->scratch_row);
    for (int x = 0; net && x < w; x++)
        d[x] += net[FG_INTERP_OUT * x + 1];
    for (int x = 0; b->fmt.fmt.rgb && x < w; x++)
        d[x] -= b->luma[at + (size_t)x];
}

/* The mean of a map [h][w] over the luma samples of each of the plane's. */
static void map_row(const FgBetween *b, const float *map, const FgFlowGrid *g,
                    int y, float *d)
{
    const int sx = (int)g->step_x, sy = (int)g->step_y;

    for (int x = 0; x < g->w; x++) {
        float sum = 0;

        for (int j = 0; j < sy; j++)
            for (int i = 0; i < sx; i++) {
                const int u = x * sx + i, v = y * sy + j;
                const int cu = u < b->o.w ? u : b->o.w - 1;
                const int cv = v < b->o.h ? v : b->o.h - 1;

                sum += map[(size_t)cv * (size_t)b->o.w + (size_t)cu];
            }
        d[x] = sum / (float)(sx * sy);
    }
}

/* s[5] towards the two frames' fade where motion is not trusted. */
static void fade_row(const FgBetween *b, const FgFlowGrid *g, int y,
                     float *const *s)
{
    const FgPlane *p0 = &b->frame[0].p[b->k], *p1 = &b->frame[1].p[b->k];
    const float *q0 = p0->data + y * p0->row, *q1 = p1->data + y * p1->row;

    map_row(b, b->fade, g, y, s[8]);
    for (int x = 0; x < g->w; x++)
        s[5][x] += s[8][x] * (q0[x] + b->t * (q1[x] - q0[x]) - s[5][x]);
}

/* Plane k of both frames at the time, mixed, into s[5]. */
static void move_row(const FgBetween *b, int y, float *const *s)
{
    const FgFlowGrid *g = &b->fmt.grid[b->k];
    const FgPlaces p = {s[0], s[1], s[2], s[3], s[4], NULL};

    fg_flow_places(b->flow, g, y, &p);
    fg_flow_warp(s[5], &b->frame[0].p[b->k], s[0], s[1], g->w);
    fg_flow_warp(s[6], &b->frame[1].p[b->k], s[2], s[3], g->w);
    map_row(b, b->share, g, y, s[7]);
    for (int x = 0; x < g->w; x++)
        s[5][x] += s[7][x] * (s[6][x] - s[5][x]);
    if (mends(b))
        fade_row(b, g, y, s);
}

static void plane_job(void *arg, int y, int worker)
{
    const FgBetween *b = arg;
    const int k = b->k, w = b->fmt.grid[k].w;
    const int adds = !b->whole && k < b->fmt.fmt.nb && b->fmt.fmt.rgb;
    const float *luma = b->settled + (size_t)y * (size_t)b->o.w;
    const FgPlanes *f = b->frame;
    float *s[ROWS];

    for (int i = 0; i < ROWS; i++)
        s[i] = b->scratch +
               ((size_t)worker * ROWS + (size_t)i) * b->scratch_row;
    if (b->whole && k < b->fmt.fmt.nb)
        memcpy(s[5], fg_whole_row(b->whole, k, y), sizeof(float) * (size_t)w);
    else if (!k && !b->fmt.fmt.rgb)
        memcpy(s[5], luma, sizeof(float) * (size_t)w);
    else
        move_row(b, y, s);
    for (int x = 0; adds && x < w; x++)
        s[5][x] += luma[x];
    fg_planes_write_row(b->to, &b->fmt, k, y, s[5],
                        f[0].low[k] < f[1].low[k] ? f[0].low[k] : f[1].low[k],
                        f[0].high[k] > f[1].high[k] ? f[0].high[k]
                                                    : f[1].high[k]);
}

/* The colours by the network; alpha, which it does not see, by arithmetic. */
static int do_whole(FgBetween *b, FgError *err)
{
    fg_whole_input(b->whole, b->t, &b->in);
    const int ret = run_net(b, err);

    if (ret < 0)
        return ret;
    fg_whole_take(b->whole, &b->out);
    if (b->fmt.fmt.has_alpha) {
        find(b);
        fg_interp_inputs(b->flow, b->t, &b->in);
        fg_run(b->o.ex, fuse_job, b, b->o.h);
    }
    return 0;
}

static int do_moved(FgBetween *b, FgError *err)
{
    int ret;

    find(b);
    fg_interp_inputs(b->flow, b->t, &b->in);
    if (b->o.model && (ret = run_net(b, err)) < 0)
        return ret;
    fg_run(b->o.ex, fuse_job, b, b->o.h);
    fg_run(b->o.ex, settle_job, b, b->o.h);
    return 0;
}

int fg_between_frame(FgBetween *b, AVFrame *out, float t, FgError *err)
{
    b->t = t;
    const int ret = b->whole ? do_whole(b, err) : do_moved(b, err);

    if (ret < 0)
        return ret;
    b->to = out;
    for (b->k = 0; b->k < b->fmt.nb; b->k++)
        fg_run(b->o.ex, plane_job, b, b->fmt.grid[b->k].h);
    return 0;
}
