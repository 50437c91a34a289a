/* What mends in-between frames: the small network, its loss.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/fusion.h"

/* ---- the network ---- */

enum { LEVELS = 4 };

/* The first failure sticks. */
typedef struct Build {
    FgGraph *g;
    int rc, features, depth;
} Build;

static int node(Build *b, const char *op, const char *name, int in, int other,
                FgAttr attr)
{
    int i;

    if (b->rc < 0)
        return 0;
    i = fg_graph_op(b->g, op, name, in, other, attr);
    if (i < 0)
        b->rc = i;
    return i < 0 ? 0 : i;
}

static int conv_of(Build *b, const char *name, int in, int channels, int kernel,
                   int stride)
{
    return node(b, "conv2d", name, in, -1,
                (FgAttr){.channels = channels,
                         .kernel = kernel,
                         .stride = stride,
                         .pad = kernel / 2,
                         .groups = 1,
                         .bias = 1});
}

static int conv(Build *b, const char *name, int in, int channels, int stride)
{
    return conv_of(b, name, in, channels, 3, stride);
}

static int layer(Build *b, int level, const char *name, int in, int channels,
                 int stride)
{
    char full[32];
    int x;

    snprintf(full, sizeof(full), "%s.%d", name, level);
    x = conv(b, full, in, channels, stride);
    snprintf(full, sizeof(full), "%s.act.%d", name, level);
    return node(b, "relu", full, x, -1, (FgAttr){0});
}

/* Half as wide again at each halving of the sides. */
static int width(const Build *b, int level)
{
    return b->features * (2 + level) / 2;
}

/* What the next coarser level adds to this one's. */
static int finer(Build *b, int level, int coarse, int here)
{
    char name[32];
    int x;

    snprintf(name, sizeof(name), "up.%d", level);
    x = conv(b, name, coarse, 4 * width(b, level), 1);
    snprintf(name, sizeof(name), "shuffle.%d", level);
    x = node(b, "pixel_shuffle", name, x, -1, (FgAttr){.factor = 2});
    snprintf(name, sizeof(name), "sum.%d", level);
    x = node(b, "add", name, x, here, (FgAttr){0});
    return layer(b, level, "out", x, width(b, level), 1);
}

int fg_fusion_build(FgGraph *g, int features, int depth, int levels,
                    FgError *err)
{
    const FgAttr half = {.factor = 2};
    Build b = {g, 0, features, depth};
    int at[LEVELS + 1] = {0}, x, seen;

    *g = (FgGraph){0};
    x = node(&b, "input", "input", -1, -1, (FgAttr){.channels = FG_INTERP_IN});
    x = node(&b, "pixel_unshuffle", "half", x, -1, half);
    x = seen = conv_of(&b, "look", x, 4 * FG_INTERP_IN, 1, 1);
    for (int k = 0; k <= levels; k++) {
        char name[32];

        x = layer(&b, k, "in", x, width(&b, k), k ? 2 : 1);
        for (int i = 0; i < depth && (k || !levels); i++) {
            snprintf(name, sizeof(name), "body%d", i);
            x = layer(&b, k, name, x, width(&b, k), 1);
        }
        at[k] = x;
    }
    for (int k = levels - 1; k >= 0; k--)
        x = finer(&b, k, x, at[k]);
    x = conv(&b, "last", x, 4 * FG_INTERP_OUT, 1);
    seen = conv(&b, "straight", seen, 4 * FG_INTERP_OUT, 1);
    x = node(&b, "add", "both", x, seen, (FgAttr){0});
    node(&b, "pixel_shuffle", "output", x, -1, half);
    if (b.rc >= 0)
        return 0;
    fg_graph_free(g);
    return fg_error(err, b.rc, "the fusion network cannot be built: %s",
                    b.rc == -ENOMEM ? "out of memory" : "too large");
}

/* What tells whether motion is right is the small difference of large numbers:
 * a network that has to find it first hardly learns. Rows: y1 - y0, their mean,
 * share, speed, p1 - p0, what moving changed, t (kernels/interp.h). */
static const float look[FG_INTERP_IN][FG_INTERP_IN + 1] = {
    {-8, 8, 0, 0, 0, 0, 0, 0}, {1, 1, 0, 0, 0, 0, 0, -1},
    {0, 0, 2, 0, 0, 0, 0, -1}, {0, 0, 0, 4, 0, 0, 0, 0},
    {0, 0, 0, 0, -4, 4, 0, 0}, {4, 4, 0, 0, -4, -4, 0, 0},
    {0, 0, 0, 0, 0, 0, 2, -1},
};

/* Of 2 x 2 samples: their mean, and what differs along x, y and both. */
static const float haar[4][4] = {{0.25f, 0.25f, 0.25f, 0.25f},
                                 {-2, 2, -2, 2},
                                 {-2, -2, 2, 2},
                                 {2, -2, -2, 2}};

static void set_look(FgParam *w, FgParam *bias)
{
    const int n = 4 * FG_INTERP_IN;

    for (int i = 0; i < n; i++) {
        const float *row = look[i / 4];

        for (int k = 0; k < n; k++)
            w->data[i * n + k] = row[k / 4] * haar[i % 4][k % 4];
        bias->data[i] = i % 4 ? 0 : row[FG_INTERP_IN];
    }
}

void fg_fusion_calm(FgParams *ps)
{
    FgParam *look_w = fg_params_find(ps, "look.weight");
    FgParam *look_b = fg_params_find(ps, "look.bias");
    FgParam *p = fg_params_find(ps, "last.weight");
    FgParam *q = fg_params_find(ps, "straight.weight");

    if (look_w && look_b)
        set_look(look_w, look_b);
    if (p)
        memset(p->data, 0, fg_param_count(p) * sizeof(*p->data));
    if (q)
        memset(q->data, 0, fg_param_count(q) * sizeof(*q->data));
}

/* ---- a batch ---- */

int fg_fusion_create(FgFusion *f, int n, int side, FgError *err)
{
    const FgShape one = {n, 1, side, side};
    int ret = 0;

    *f = (FgFusion){.n = n};
    f->mend = calloc((size_t)n, sizeof(*f->mend));
    f->sums = calloc(2 * (size_t)n, sizeof(*f->sums));
    f->scale = calloc((size_t)n, sizeof(*f->scale));
    if (!f->mend || !f->sums || !f->scale ||
        fg_tensor_alloc(&f->want, one, FG_F32) ||
        fg_tensor_alloc(&f->slope, one, FG_F32))
        ret = -ENOMEM;
    for (int i = 0; i < n && !ret; i++)
        ret = fg_mend_alloc(&f->mend[i], side, side);
    if (!ret)
        return 0;
    fg_fusion_free(f);
    return fg_error(err, ret, "not enough memory for a batch");
}

void fg_fusion_free(FgFusion *f)
{
    for (int i = 0; f->mend && i < f->n; i++)
        fg_mend_free(&f->mend[i]);
    free(f->mend);
    free(f->sums);
    free(f->scale);
    fg_tensor_free(&f->want);
    fg_tensor_free(&f->slope);
    *f = (FgFusion){0};
}

void fg_fusion_result(const FgFusion *f, FgTensor *y)
{
    for (int n = 0; n < f->n; n++)
        memcpy(fg_f32(y, n, 0, 0), f->mend[n].y,
               sizeof(float) * (size_t)f->want.image);
}

void fg_fusion_back(FgFusion *f, const FgTensor *in, const FgTensor *out,
                    FgTensor *dout)
{
    for (int n = 0; n < f->n; n++)
        fg_mend_back(&f->mend[n], fg_f32(in, n, 0, 0), fg_f32(out, n, 0, 0),
                     fg_f32(&f->slope, n, 0, 0), fg_f32(dout, n, 0, 0));
}

/* ---- loss ---- */

typedef struct Job {
    FgFusion *f;
    const FgFusionLoss *loss;
    const FgTensor *in, *out;
    FgTensor *dout;
} Job;

/* Adds a term sqrt(d^2 + eps^2) and its slope. */
static double term(float d, float eps, float k, float *slope)
{
    const float r = sqrtf(d * d + eps * eps);

    *slope = k * d / r;
    return r;
}

static double rounded(const Job *j, const float *e, float *d)
{
    const FgShape s = j->f->want.shape;
    const double nb = (double)s.n * s.w * s.h;
    const double pairs = (double)s.n * ((s.w - 1.0) * s.h + s.w * (s.h - 1.0));
    const float eps = (float)j->loss->eps, kp = (float)(1 / nb);
    const float ke = (float)(j->loss->edges / pairs);
    double sum = 0;

    memset(d, 0, sizeof(*d) * (size_t)j->f->want.image);
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++, e++, d++) {
            float g;

            sum += kp * term(*e, eps, kp, &g);
            *d += g;
            for (int k = 0; k < 2; k++) {
                const ptrdiff_t to = k ? s.w : 1;

                if (k ? y + 1 >= s.h : x + 1 >= s.w)
                    continue;
                sum += ke * term(e[to] - e[0], eps, ke, &g);
                d[to] += g;
                d[0] -= g;
            }
        }
    return sum;
}

static double logarithm(const Job *j, const float *e, float *d, double mse,
                        double scale)
{
    const double nb = (double)j->f->want.image, all = j->f->n;
    const float k = (float)(2 / (all * nb * (mse + scale)));

    for (ptrdiff_t i = 0; i < j->f->want.image; i++)
        d[i] = k * e[i];
    return log(1 + mse / scale) / all;
}

static void loss_image(void *arg, int n, int worker)
{
    const Job *j = arg;
    FgFusion *f = j->f;
    FgMend *m = &f->mend[n];
    const float *in = fg_f32(j->in, n, 0, 0), *out = fg_f32(j->out, n, 0, 0);
    const float *want = fg_f32(&f->want, n, 0, 0);
    float *d = fg_f32(&f->slope, n, 0, 0);
    float *e = m->slope; /* free until fg_mend_back */
    double mse;

    (void)worker;
    fg_mend_run(m, in, out, m->w, m->h);
    mse = fg_mend_mse(m, want);
    f->sums[2 * n + 1] = mse / f->n;
    for (ptrdiff_t i = 0; i < f->want.image; i++)
        e[i] = m->y[i] - want[i];
    f->sums[2 * n] = j->loss->logarithm ? logarithm(j, e, d, mse, f->scale[n])
                                        : rounded(j, e, d);
    fg_mend_back(m, in, out, d, fg_f32(j->dout, n, 0, 0));
}

double fg_fusion_loss(FgFusion *f, const FgTensor *in, const FgTensor *out,
                      const FgFusionLoss *l, FgTensor *dout, double *mse,
                      FgExecutor *ex)
{
    Job j = {f, l, in, out, dout};
    double loss = 0;

    fg_run(ex, loss_image, &j, f->n);
    *mse = 0;
    for (int i = 0; i < f->n; i++) {
        loss += f->sums[2 * i];
        *mse += f->sums[2 * i + 1];
    }
    return loss;
}
