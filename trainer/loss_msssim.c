/* 1 - MS-SSIM: value and gradient. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/loss_image.h"

enum { TAPS = 11, SCALES = 5 };
static const double power[SCALES] = {.0448, .2856, .3001, .2363, .1333};
static const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03, least = 1e-6;

/* One worker's planes. With A = G*x, B = G*x^2, C = G*xy (G the window), the
 * maps depend on x through these three alone. */
typedef struct Lane {
    double *x[SCALES], *y[SCALES], *dx[SCALES];
    double *a, *b, *c, *my, *syy; /* maps: what A, B, C give; then gradients */
    double *tmp, *sq;
} Lane;

struct FgLossMsssim {
    int h, w, scales, threads;
    double win[TAPS], power[SCALES];
    Lane *lane;
};

static int lane_open(Lane *l, const FgLossMsssim *m)
{
    const size_t n = (size_t)m->h * m->w;
    double **const all[] = {&l->a,   &l->b,   &l->c, &l->my,
                            &l->syy, &l->tmp, &l->sq};

    for (int s = 0; s < m->scales; s++) {
        l->x[s] = malloc(sizeof(double) * 3 * (n >> (2 * s)));
        if (!l->x[s])
            return -ENOMEM;
        l->y[s] = l->x[s] + (n >> (2 * s));
        l->dx[s] = l->y[s] + (n >> (2 * s));
    }
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        *all[i] = malloc(sizeof(double) * n);
        if (!*all[i])
            return -ENOMEM;
    }
    return 0;
}

static void lane_close(Lane *l)
{
    double *const all[] = {l->a, l->b, l->c, l->my, l->syy, l->tmp, l->sq};

    for (int s = 0; s < SCALES; s++)
        free(l->x[s]);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(all[i]);
}

static void make_window(FgLossMsssim *m)
{
    double sum = 0, powers = 0;

    for (int i = 0; i < TAPS; i++) {
        const double d = i - TAPS / 2;

        m->win[i] = exp(-d * d / (2 * 1.5 * 1.5));
        sum += m->win[i];
    }
    for (int i = 0; i < TAPS; i++)
        m->win[i] /= sum;
    for (int s = 0; s < m->scales; s++)
        powers += power[s];
    for (int s = 0; s < m->scales; s++)
        m->power[s] = power[s] / powers;
}

int fg_loss_msssim_create(FgLossMsssim **out, int h, int w, int threads,
                          FgError *err)
{
    FgLossMsssim *m = calloc(1, sizeof(*m));
    int side = h < w ? h : w, ret = 0;

    *out = m;
    if (!m)
        return -ENOMEM;
    *m = (FgLossMsssim){.h = h, .w = w, .threads = threads};
    for (; m->scales < SCALES && side >= TAPS; side /= 2)
        m->scales++;
    if (!m->scales)
        ret = fg_error(err, -EINVAL,
                       "ms-ssim: %d x %d pixels, allowed from %d x %d", w, h,
                       TAPS, TAPS);
    make_window(m);
    m->lane = calloc((size_t)threads, sizeof(*m->lane));
    if (!ret && !m->lane)
        ret = -ENOMEM;
    for (int i = 0; i < threads && !ret; i++)
        ret = lane_open(&m->lane[i], m);
    if (ret)
        fg_loss_msssim_free(out);
    return ret;
}

int fg_loss_msssim_scales(const FgLossMsssim *m)
{
    return m->scales;
}

void fg_loss_msssim_free(FgLossMsssim **m)
{
    if (!m || !*m)
        return;
    for (int i = 0; (*m)->lane && i < (*m)->threads; i++)
        lane_close(&(*m)->lane[i]);
    free((*m)->lane);
    free(*m);
    *m = NULL;
}

/* dst [h-10][w-10] = window over src [h][w], rows first. */
static void blur(const FgLossMsssim *m, double *dst, const double *src, int h,
                 int w, double *tmp)
{
    const int ow = w - TAPS + 1, oh = h - TAPS + 1;

    for (int y = 0; y < h; y++)
        for (int x = 0; x < ow; x++) {
            double sum = 0;

            for (int k = 0; k < TAPS; k++)
                sum += m->win[k] * src[y * w + x + k];
            tmp[y * ow + x] = sum;
        }
    for (int y = 0; y < oh; y++)
        for (int x = 0; x < ow; x++) {
            double sum = 0;

            for (int k = 0; k < TAPS; k++)
                sum += m->win[k] * tmp[(y + k) * ow + x];
            dst[y * ow + x] = sum;
        }
}

/* Its transpose: src [h-10][w-10] to dst [h][w]. */
static void spread(const FgLossMsssim *m, double *dst, const double *src, int h,
                   int w, double *tmp)
{
    const int ow = w - TAPS + 1, oh = h - TAPS + 1;

    memset(tmp, 0, sizeof(*tmp) * (size_t)h * ow);
    memset(dst, 0, sizeof(*dst) * (size_t)h * w);
    for (int y = 0; y < oh; y++)
        for (int k = 0; k < TAPS; k++)
            for (int x = 0; x < ow; x++)
                tmp[(y + k) * ow + x] += m->win[k] * src[y * ow + x];
    for (int y = 0; y < h; y++)
        for (int k = 0; k < TAPS; k++)
            for (int x = 0; x < ow; x++)
                dst[y * w + x + k] += m->win[k] * tmp[y * ow + x];
}

static void product(double *d, const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        d[i] = a[i] * b[i];
}

/* The three blurs of x and the two of y that a scale's maps are made of. */
static void moments(const FgLossMsssim *m, Lane *l, int s, int h, int w)
{
    const size_t n = (size_t)h * w;

    blur(m, l->a, l->x[s], h, w, l->tmp);
    blur(m, l->my, l->y[s], h, w, l->tmp);
    product(l->sq, l->x[s], l->x[s], n);
    blur(m, l->b, l->sq, h, w, l->tmp);
    product(l->sq, l->y[s], l->y[s], n);
    blur(m, l->syy, l->sq, h, w, l->tmp);
    product(l->sq, l->x[s], l->y[s], n);
    blur(m, l->c, l->sq, h, w, l->tmp);
}

/* Mean of the map at one scale; the slopes of that mean by A, B, C replace
 * them. last: SSIM in the place of contrast and structure alone. */
static double slopes(Lane *l, int h, int w, int last)
{
    const int n = (h - TAPS + 1) * (w - TAPS + 1);
    double sum = 0;

    for (int i = 0; i < n; i++) {
        const double a = l->a[i], my = l->my[i];
        const double sxx = l->b[i] - a * a, syy = l->syy[i] - my * my;
        const double den = sxx + syy + c2, lden = a * a + my * my + c1;
        const double cs = (2 * (l->c[i] - a * my) + c2) / den;
        const double lum = last ? (2 * a * my + c1) / lden : 1;
        const double dlum = last ? (2 * my - 2 * a * lum) / lden : 0;

        sum += cs * lum;
        l->a[i] = (lum * (2 * a * cs - 2 * my) / den + dlum * cs) / n;
        l->b[i] = -lum * cs / den / n;
        l->c[i] = 2 * lum / den / n;
    }
    return sum / n;
}

/* The gradient of the mean by x. */
static void gather(const FgLossMsssim *m, Lane *l, int s, int h, int w)
{
    const size_t n = (size_t)h * w;

    spread(m, l->dx[s], l->a, h, w, l->tmp);
    spread(m, l->sq, l->b, h, w, l->tmp);
    for (size_t i = 0; i < n; i++)
        l->dx[s][i] += 2 * l->x[s][i] * l->sq[i];
    spread(m, l->sq, l->c, h, w, l->tmp);
    for (size_t i = 0; i < n; i++)
        l->dx[s][i] += l->y[s][i] * l->sq[i];
}

static void halve(double *d, const double *s, int h, int w)
{
    for (int y = 0; y < h / 2; y++)
        for (int x = 0; x < w / 2; x++) {
            const double *p = s + (size_t)2 * y * w + 2 * x;

            d[y * (w / 2) + x] = (p[0] + p[1] + p[w] + p[w + 1]) / 4;
        }
}

/* fine = fine * by + the coarse gradient handed up through the 2x2 means. */
static void join(double *fine, double by, const double *coarse, int h, int w)
{
    for (int i = 0; i < h * w; i++)
        fine[i] *= by;
    for (int y = 0; coarse && y < h / 2 * 2; y++)
        for (int x = 0; x < w / 2 * 2; x++)
            fine[(size_t)y * w + x] += coarse[(y / 2) * (w / 2) + x / 2] / 4;
}

/* l->x[0] and l->y[0] are filled; l->dx[0] gets the gradient. */
static double one_plane(const FgLossMsssim *m, Lane *l, int want)
{
    const int scales = m->scales < SCALES ? m->scales : SCALES;
    double mean[SCALES] = {0}, all = 1;

    for (int s = 0; s < scales; s++) {
        const int h = m->h >> s, w = m->w >> s;

        moments(m, l, s, h, w);
        mean[s] = slopes(l, h, w, s == scales - 1);
        if (want)
            gather(m, l, s, h, w);
        all *= pow(mean[s] > least ? mean[s] : least, m->power[s]);
        if (s + 1 < scales) {
            halve(l->x[s + 1], l->x[s], h, w);
            halve(l->y[s + 1], l->y[s], h, w);
        }
    }
    for (int s = scales - 1; want && s >= 0; s--)
        join(l->dx[s], mean[s] > least ? all * m->power[s] / mean[s] : 0,
             s + 1 < scales ? l->dx[s + 1] : NULL, m->h >> s, m->w >> s);
    return all;
}

typedef struct Job {
    FgLossMsssim *m;
    const FgTensor *y, *t;
    FgTensor *g;
    double k, *sums;
} Job;

static void one_image(void *arg, int i, int worker)
{
    const Job *j = arg;
    Lane *l = &j->m->lane[worker];
    const int c = j->y->shape.c;
    const size_t n = (size_t)j->m->h * j->m->w;

    j->sums[i] = 0;
    for (int k = 0; k < c; k++) {
        const float *y = fg_f32(j->y, i, 0, 0) + k;
        const float *t = fg_f32(j->t, i, 0, 0) + k;
        float *g = j->g ? fg_f32(j->g, i, 0, 0) + k : NULL;

        for (size_t p = 0; p < n; p++) {
            l->x[0][p] = y[p * c];
            l->y[0][p] = t[p * c];
        }
        j->sums[i] += one_plane(j->m, l, g != NULL);
        for (size_t p = 0; g && p < n; p++)
            g[p * c] -= (float)(j->k * l->dx[0][p]);
    }
}

double fg_loss_msssim(FgLossMsssim *m, double weight, const FgTensor *y,
                      const FgTensor *t, FgTensor *g, FgExecutor *ex,
                      double *sums)
{
    const FgShape s = y->shape;
    Job j = {m, y, t, g, weight / ((double)s.n * s.c), sums};
    double sum = 0;

    fg_run(ex, one_image, &j, s.n);
    for (int i = 0; i < s.n; i++)
        sum += sums[i];
    return weight * (1 - sum / ((double)s.n * s.c));
}
