/* Focal frequency loss: value and gradient.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <libavutil/mem.h>
#include <libavutil/tx.h>

#include "trainer/loss_image.h"

/* One worker's transforms and planes. */
typedef struct Lane {
    AVTXContext *tx[2][2]; /* [rows, columns][forward, back] */
    av_tx_fn fn[2][2];
    AVComplexDouble *a, *b, *line;
} Lane;

struct FgLossFocal {
    int h, w, threads;
    double alpha;
    Lane *lane;
};

static int lane_open(Lane *l, int h, int w)
{
    const int len[2] = {w, h};
    const size_t n = (size_t)h * w;
    const double one = 1;

    for (int d = 0; d < 2; d++)
        for (int inv = 0; inv < 2; inv++) {
            int ret = av_tx_init(&l->tx[d][inv], &l->fn[d][inv],
                                 AV_TX_DOUBLE_FFT, inv, len[d], &one, 0);

            if (ret < 0)
                return ret;
        }
    l->a = av_malloc(n * sizeof(*l->a));
    l->b = av_malloc(n * sizeof(*l->b));
    l->line = av_malloc((size_t)(h > w ? h : w) * sizeof(*l->line));
    return l->a && l->b && l->line ? 0 : -ENOMEM;
}

int fg_loss_focal_create(FgLossFocal **out, int h, int w, double alpha,
                         int threads, FgError *err)
{
    FgLossFocal *f = calloc(1, sizeof(*f));
    int ret = -ENOMEM;

    *out = f;
    if (!f)
        return ret;
    *f = (FgLossFocal){h, w, threads, alpha, NULL};
    f->lane = calloc((size_t)threads, sizeof(*f->lane));
    if (f->lane)
        ret = 0;
    for (int i = 0; i < threads && !ret; i++)
        ret = lane_open(&f->lane[i], h, w);
    if (ret) {
        fg_loss_focal_free(out);
        return fg_error(err, ret, "no FFT for %d x %d pixels", w, h);
    }
    return 0;
}

void fg_loss_focal_free(FgLossFocal **f)
{
    if (!f || !*f)
        return;
    for (int i = 0; (*f)->lane && i < (*f)->threads; i++) {
        Lane *l = &(*f)->lane[i];

        for (int k = 0; k < 4; k++)
            av_tx_uninit(&l->tx[k / 2][k % 2]);
        av_free(l->a);
        av_free(l->b);
        av_free(l->line);
    }
    free((*f)->lane);
    free(*f);
    *f = NULL;
}

/* Transforms each of n rows of len and leaves the transpose in dst. */
static void lines(AVComplexDouble *dst, AVComplexDouble *src, int n, int len,
                  AVTXContext *tx, av_tx_fn fn, AVComplexDouble *line)
{
    for (int i = 0; i < n; i++) {
        fn(tx, line, src + (size_t)i * len, sizeof(*src));
        for (int k = 0; k < len; k++)
            dst[(size_t)k * n + i] = line[k];
    }
}

static double length(AVComplexDouble v)
{
    return sqrt(v.re * v.re + v.im * v.im);
}

/* Sum of w |D|^2; D becomes w D. a is the spectrum before its 1/sqrt(hw). */
static double weigh(AVComplexDouble *a, size_t n, double alpha)
{
    const double unit = 1 / sqrt((double)n);
    double most = 0, sum = 0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, length(a[i]));
    for (size_t i = 0; i < n && most > 0; i++) {
        const double w = pow(length(a[i]) / most, alpha);

        a[i].re *= unit;
        a[i].im *= unit;
        sum += w * (a[i].re * a[i].re + a[i].im * a[i].im);
        a[i].re *= w;
        a[i].im *= w;
    }
    return sum;
}

typedef struct Job {
    FgLossFocal *f;
    const FgTensor *y, *t;
    FgTensor *g;
    double k, *sums;
} Job;

static double one_plane(const Job *j, Lane *l, int i, int c)
{
    const int h = j->f->h, w = j->f->w, step = j->y->shape.c;
    const size_t n = (size_t)h * w;
    const float *y = fg_f32(j->y, i, 0, 0) + c;
    const float *t = fg_f32(j->t, i, 0, 0) + c;
    float *g = j->g ? fg_f32(j->g, i, 0, 0) + c : NULL;
    const double k = 2 * j->k / sqrt((double)n);
    double sum;

    for (size_t p = 0; p < n; p++)
        l->a[p] = (AVComplexDouble){(double)y[p * step] - (double)t[p * step],
                                    0};
    lines(l->b, l->a, h, w, l->tx[0][0], l->fn[0][0], l->line);
    lines(l->a, l->b, w, h, l->tx[1][0], l->fn[1][0], l->line);
    sum = weigh(l->a, n, j->f->alpha);
    if (!g)
        return sum;
    lines(l->b, l->a, h, w, l->tx[0][1], l->fn[0][1], l->line);
    lines(l->a, l->b, w, h, l->tx[1][1], l->fn[1][1], l->line);
    for (size_t p = 0; p < n; p++)
        g[p * step] += (float)(k * l->a[p].re);
    return sum;
}

static void one_image(void *arg, int i, int worker)
{
    const Job *j = arg;

    j->sums[i] = 0;
    for (int c = 0; c < j->y->shape.c; c++)
        j->sums[i] += one_plane(j, &j->f->lane[worker], i, c);
}

double fg_loss_focal(FgLossFocal *f, double weight, const FgTensor *y,
                     const FgTensor *t, FgTensor *g, FgExecutor *ex,
                     double *sums)
{
    const FgShape s = y->shape;
    const double all = (double)s.n * s.c * s.h * s.w;
    Job j = {f, y, t, g, weight / all, sums};
    double sum = 0;

    fg_run(ex, one_image, &j, s.n);
    for (int i = 0; i < s.n; i++)
        sum += sums[i];
    return weight * sum / all;
}
