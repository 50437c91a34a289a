/* L1 on the two-dimensional spectrum.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <libavutil/mem.h>
#include <libavutil/tx.h>

#include "trainer/loss.h"

/* One worker's transforms and planes; none of it is shared. */
typedef struct Lane {
    AVTXContext *tx[2][2]; /* [rows, columns][forward, back] */
    av_tx_fn fn[2][2];
    AVComplexFloat *a, *b; /* [h][w] and its transpose [w][h] */
    AVComplexFloat *line;
} Lane;

struct FgLossFft {
    int h, w, threads;
    Lane *lane;
};

static int lane_open(Lane *l, int h, int w)
{
    const int len[2] = {w, h};
    const size_t n = (size_t)h * w;
    const float one = 1;

    for (int d = 0; d < 2; d++)
        for (int inv = 0; inv < 2; inv++) {
            int ret = av_tx_init(&l->tx[d][inv], &l->fn[d][inv],
                                 AV_TX_FLOAT_FFT, inv, len[d], &one, 0);

            if (ret < 0)
                return ret;
        }
    l->a = av_malloc(n * sizeof(*l->a));
    l->b = av_malloc(n * sizeof(*l->b));
    l->line = av_malloc((size_t)(h > w ? h : w) * sizeof(*l->line));
    return l->a && l->b && l->line ? 0 : -ENOMEM;
}

int fg_loss_fft_create(FgLossFft **out, int h, int w, int threads, FgError *err)
{
    FgLossFft *f = calloc(1, sizeof(*f));
    int ret = -ENOMEM;

    *out = f;
    if (!f)
        return ret;
    *f = (FgLossFft){h, w, threads, calloc((size_t)threads, sizeof(*f->lane))};
    if (f->lane)
        ret = 0;
    for (int i = 0; i < threads && !ret; i++)
        ret = lane_open(&f->lane[i], h, w);
    if (ret) {
        fg_loss_fft_free(out);
        return fg_error(err, ret, "no FFT for %d x %d pixels", w, h);
    }
    return 0;
}

void fg_loss_fft_free(FgLossFft **f)
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
static void lines(AVComplexFloat *dst, AVComplexFloat *src, int n, int len,
                  AVTXContext *tx, av_tx_fn fn, AVComplexFloat *line)
{
    for (int i = 0; i < n; i++) {
        fn(tx, line, src + (size_t)i * len, sizeof(*src));
        for (int k = 0; k < len; k++)
            dst[(size_t)k * n + i] = line[k];
    }
}

static float sign(float v, float k)
{
    return v > 0 ? k : v < 0 ? -k : v * k;
}

/* The spectrum lies transposed in l->a afterwards: [h][w] again. Only the half
 * 0 <= kx <= w/2 counts; its signs, transformed back, are the gradient. */
static double half_spectrum(AVComplexFloat *a, int h, int w, float k)
{
    double sum = 0;

    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++, a++) {
            if (x > w / 2) {
                a->re = a->im = 0;
                continue;
            }
            sum += fabsf(a->re) + fabsf(a->im);
            a->re = sign(a->re, k);
            a->im = sign(a->im, k);
        }
    return sum;
}

typedef struct Job {
    FgLossFft *f;
    const FgTensor *y, *t;
    FgTensor *g;
    float k;
    double *sums;
} Job;

static double one_plane(const Job *j, Lane *l, int i, int c)
{
    const int h = j->f->h, w = j->f->w, step = j->y->shape.c;
    const size_t n = (size_t)h * w;
    const float *y = fg_f32(j->y, i, 0, 0) + c;
    const float *t = fg_f32(j->t, i, 0, 0) + c;
    float *g = fg_f32(j->g, i, 0, 0) + c;
    double sum;

    for (size_t k = 0; k < n; k++)
        l->a[k] = (AVComplexFloat){y[k * step] - t[k * step], 0};
    lines(l->b, l->a, h, w, l->tx[0][0], l->fn[0][0], l->line);
    lines(l->a, l->b, w, h, l->tx[1][0], l->fn[1][0], l->line);
    sum = half_spectrum(l->a, h, w, j->k);
    lines(l->b, l->a, h, w, l->tx[0][1], l->fn[0][1], l->line);
    lines(l->a, l->b, w, h, l->tx[1][1], l->fn[1][1], l->line);
    for (size_t k = 0; k < n; k++)
        g[k * step] += l->a[k].re;
    return sum;
}

static void one_image(void *arg, int i, int worker)
{
    const Job *j = arg;

    j->sums[i] = 0;
    for (int c = 0; c < j->y->shape.c; c++)
        j->sums[i] += one_plane(j, &j->f->lane[worker], i, c);
}

double fg_loss_fft(FgLossFft *f, double weight, const FgTensor *y,
                   const FgTensor *t, FgTensor *g, FgExecutor *ex, double *sums)
{
    const FgShape s = y->shape;
    const double all = 2.0 * s.n * s.c * s.h * (s.w / 2 + 1);
    Job j = {f, y, t, g, (float)(weight / all), sums};
    double sum = 0;

    fg_run(ex, one_image, &j, s.n);
    for (int i = 0; i < s.n; i++)
        sum += sums[i];
    return weight * sum / all;
}
