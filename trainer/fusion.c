/* What mends in-between frames: the small network, its inputs, its loss.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/fusion.h"

/* ---- the network ---- */

static int add(FgGraph *g, int *rc, const char *op, const char *name, int in,
               FgAttr attr)
{
    int i;

    if (*rc < 0)
        return 0;
    i = fg_graph_op(g, op, name, in, -1, attr);
    if (i < 0)
        *rc = i;
    return i < 0 ? 0 : i;
}

int fg_fusion_build(FgGraph *g, int features, int depth, FgError *err)
{
    const FgAttr half = {.factor = 2};
    FgAttr conv = {.channels = features,
                   .kernel = 3,
                   .stride = 1,
                   .pad = 1,
                   .groups = 1,
                   .bias = 1};
    char name[32];
    int rc = 0, x;

    *g = (FgGraph){0};
    x = add(g, &rc, "input", "input", -1, (FgAttr){.channels = FG_INTERP_IN});
    x = add(g, &rc, "pixel_unshuffle", "half", x, half);
    for (int k = 0; k <= depth; k++) {
        snprintf(name, sizeof(name), "conv%d", k);
        x = add(g, &rc, "conv2d", name, x, conv);
        snprintf(name, sizeof(name), "act%d", k);
        x = add(g, &rc, "relu", name, x, (FgAttr){0});
    }
    conv.channels = 4 * FG_INTERP_OUT;
    x = add(g, &rc, "conv2d", "last", x, conv);
    add(g, &rc, "pixel_shuffle", "output", x, half);
    if (rc >= 0)
        return 0;
    fg_graph_free(g);
    return fg_error(err, rc, "the fusion network cannot be built: %s",
                    rc == -ENOMEM ? "out of memory" : "too large");
}

void fg_fusion_calm(FgParams *ps)
{
    FgParam *p = fg_params_find(ps, "last.weight");

    if (p)
        memset(p->data, 0, fg_param_count(p) * sizeof(*p->data));
}

/* ---- inputs ---- */

int fg_fusion_create(FgFusion *f, int n, int side, FgError *err)
{
    const FgShape one = {n, 1, side, side}, two = {n, 2, side, side};
    int ret = 0;

    *f = (FgFusion){.n = n};
    f->flow = calloc((size_t)n, sizeof(*f->flow));
    f->sums = calloc(2 * (size_t)n, sizeof(*f->sums));
    if (!f->flow || !f->sums || fg_tensor_alloc(&f->luma, two, FG_F32) ||
        fg_tensor_alloc(&f->want, one, FG_F32) ||
        fg_tensor_alloc(&f->error, one, FG_F32) ||
        fg_tensor_alloc(&f->slope, one, FG_F32))
        ret = fg_error(err, -ENOMEM, "not enough memory for a batch");
    for (int i = 0; i < n && !ret; i++)
        ret = fg_flow_create(&f->flow[i], side, side, NULL, err);
    if (ret)
        fg_fusion_free(f);
    return ret;
}

void fg_fusion_free(FgFusion *f)
{
    for (int i = 0; f->flow && i < f->n; i++)
        fg_flow_free(&f->flow[i]);
    free(f->flow);
    free(f->sums);
    fg_tensor_free(&f->luma);
    fg_tensor_free(&f->want);
    fg_tensor_free(&f->error);
    fg_tensor_free(&f->slope);
    *f = (FgFusion){0};
}

typedef struct Job {
    FgFusion *f;
    const FgTensor *rgb, *target, *in, *out;
    FgTensor *dst;
    double eps, edges;
    int border;
} Job;

static float luma(const float *p)
{
    return 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
}

static void inputs_image(void *arg, int n, int worker)
{
    const Job *j = arg;
    FgFusion *f = j->f;
    const int side = j->rgb->shape.h;
    const size_t all = (size_t)side * (size_t)side;
    float *a = malloc(2 * all * sizeof(*a)), *b = a ? a + all : NULL;
    FgTensor in = fg_tensor_images(j->dst, n, 1);

    (void)worker;
    if (!a) { /* seen as a loss that is not finite */
        fg_f32(j->dst, n, 0, 0)[0] = NAN;
        return;
    }
    for (size_t i = 0; i < all; i++) {
        const int y = (int)(i / side), x = (int)(i % side);
        const float *p = fg_f32(j->rgb, n, y, x);

        a[i] = luma(p);
        b[i] = luma(p + 3);
        fg_f32(&f->want, n, y, x)[0] = luma(fg_f32(j->target, n, y, x));
    }
    fg_flow_push(f->flow[n], a, side);
    fg_flow_push(f->flow[n], b, side);
    fg_flow_find(f->flow[n]);
    fg_interp_inputs(f->flow[n], fg_f32(j->rgb, n, 0, 0)[6], &in);
    free(a);
}

void fg_fusion_inputs(FgFusion *f, const FgTensor *rgb, const FgTensor *target,
                      FgTensor *in, FgExecutor *ex)
{
    Job j = {.f = f, .rgb = rgb, .target = target, .dst = in};

    fg_run(ex, inputs_image, &j, f->n);
}

/* ---- loss ---- */

/* clip(v, 0, 1); *moves: whether a loss that rises by g with it may move it. */
static float clip(float v, float g, int *moves)
{
    *moves = (v > 0 || g < 0) && (v < 1 || g > 0);
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static float result(const float *in, const float *out)
{
    float y, share, fade;

    fg_interp_fuse(&y, &share, &fade, in, out, 1);
    return y;
}

/* Adds a term sqrt(d^2 + eps^2) and its slope. */
static double term(float d, float eps, float k, float *slope)
{
    const float r = sqrtf(d * d + eps * eps);

    *slope = k * d / r;
    return r;
}

static void errors(const Job *j, int n)
{
    const FgShape s = j->in->shape;

    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++) {
            fg_f32(&j->f->error, n, y, x)[0] = result(fg_f32(j->in, n, y, x),
                                                      fg_f32(j->out, n, y, x)) -
                                               fg_f32(&j->f->want, n, y, x)[0];
            fg_f32(&j->f->slope, n, y, x)[0] = 0;
        }
}

/* d result / d out, times g. */
static void back_pixel(const float *in, const float *out, float g, float *d)
{
    const float step = in[1] - in[0];
    int moves;
    float a, s, fade;

    s = clip(out[2], 0, &moves);
    a = clip(in[2] + out[0], (1 - s) * g * step, &moves);
    d[0] = moves ? (1 - s) * g * step : 0;
    d[1] = g;
    fade = in[4] + in[6] * (in[5] - in[4]) - (in[0] + a * step);
    clip(out[2], g * fade, &moves);
    d[2] = moves ? g * fade : 0;
}

static void back_image(const FgFusion *f, const FgTensor *from,
                       const FgTensor *out, FgTensor *dst, int n)
{
    const FgShape s = from->shape;

    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++)
            back_pixel(fg_f32(from, n, y, x), fg_f32(out, n, y, x),
                       fg_f32(&f->slope, n, y, x)[0], fg_f32(dst, n, y, x));
}

void fg_fusion_back(const FgFusion *f, const FgTensor *in, const FgTensor *out,
                    FgTensor *dout)
{
    for (int n = 0; n < f->n; n++)
        back_image(f, in, out, dout, n);
}

void fg_fusion_result(const FgFusion *f, FgTensor *y)
{
    const float *e = f->error.data, *want = f->want.data;
    float *d = y->data;

    for (size_t i = 0; i < (size_t)f->n * (size_t)f->want.image; i++)
        d[i] = want[i] + e[i];
}

static void loss_image(void *arg, int n, int worker)
{
    const Job *j = arg;
    const FgShape s = j->in->shape;
    const int b = j->border, w = s.w - 2 * b, h = s.h - 2 * b;
    const double nb = (double)s.n * w * h;
    const double pairs = (double)s.n * ((w - 1.0) * h + w * (h - 1.0));
    const float eps = (float)j->eps, kp = (float)(1 / nb);
    const float ke = (float)(j->edges / pairs);
    double sum = 0, mse = 0;

    (void)worker;
    errors(j, n);
    for (int y = b; y < s.h - b; y++)
        for (int x = b; x < s.w - b; x++) {
            float *e = fg_f32(&j->f->error, n, y, x), g;
            float *d = fg_f32(&j->f->slope, n, y, x);

            mse += (double)*e * *e / nb;
            sum += kp * term(*e, eps, kp, &g);
            *d += g;
            for (int k = 0; k < 2; k++) {
                const ptrdiff_t to = k ? s.w : 1;

                if (k ? y + 1 >= s.h - b : x + 1 >= s.w - b)
                    continue;
                sum += ke * term(e[to] - e[0], eps, ke, &g);
                d[to] += g;
                d[0] -= g;
            }
        }
    back_image(j->f, j->in, j->out, j->dst, n);
    j->f->sums[2 * n] = sum;
    j->f->sums[2 * n + 1] = mse;
}

double fg_fusion_loss(FgFusion *f, const FgTensor *in, const FgTensor *out,
                      double eps, double edges, int border, FgTensor *dout,
                      double *mse, FgExecutor *ex)
{
    Job j = {.f = f,
             .in = in,
             .out = out,
             .dst = dout,
             .eps = eps,
             .edges = edges,
             .border = border};
    double loss = 0;

    fg_run(ex, loss_image, &j, f->n);
    *mse = 0;
    for (int i = 0; i < f->n; i++) {
        loss += f->sums[2 * i];
        *mse += f->sums[2 * i + 1];
    }
    return loss;
}
