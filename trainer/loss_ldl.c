/* Locally discriminative learning: value and gradient.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "trainer/loss_image.h"

enum { RADIUS = 3, SIDE = 2 * RADIUS + 1 };

typedef struct Job {
    const FgTensor *y, *t, *e;
    FgTensor *g;
    double *map;
    double k, *sums;
} Job;

/* Sum over channels of |a - b| at a pixel. */
static double residual(const FgTensor *a, const FgTensor *b, int n, int y,
                       int x)
{
    const float *p = fg_f32(a, n, y, x), *q = fg_f32(b, n, y, x);
    double sum = 0;

    for (int c = 0; c < a->shape.c; c++)
        sum += fabs((double)p[c] - q[c]);
    return sum;
}

static int mirror(int i, int n)
{
    i = i < 0 ? -i : i;
    i = i >= n ? 2 * n - 2 - i : i;
    return i < 0 ? 0 : i >= n ? n - 1 : i; /* pictures below 4 pixels */
}

static double variance(double sum, double sum2, double n)
{
    const double v = (sum2 - sum * sum / n) / (n - 1);

    return v > 0 ? v : 0;
}

/* The variance of the whole residual, which it writes into map. */
static double fill(const Job *j, int i, double *map)
{
    const FgShape s = j->y->shape;
    double sum = 0, sum2 = 0;

    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++) {
            const double r = residual(j->t, j->y, i, y, x);

            map[y * s.w + x] = r;
            sum += r;
            sum2 += r * r;
        }
    return variance(sum, sum2, (double)s.h * s.w);
}

static double local(const Job *j, int i, int y, int x)
{
    const FgShape s = j->y->shape;
    double sum = 0, sum2 = 0;

    for (int v = -RADIUS; v <= RADIUS; v++)
        for (int u = -RADIUS; u <= RADIUS; u++) {
            const double r = residual(j->t, j->y, i, mirror(y + v, s.h),
                                      mirror(x + u, s.w));

            sum += r;
            sum2 += r * r;
        }
    return variance(sum, sum2, SIDE * SIDE);
}

/* As local(), from the residuals in map where nothing is mirrored. */
static double local_inner(const double *map, int w, int y, int x)
{
    double sum = 0, sum2 = 0;

    for (int v = -RADIUS; v <= RADIUS; v++)
        for (int u = -RADIUS; u <= RADIUS; u++) {
            const double r = map[(y + v) * w + x + u];

            sum += r;
            sum2 += r * r;
        }
    return variance(sum, sum2, SIDE * SIDE);
}

static double pixel(const Job *j, int i, int y, int x, double w)
{
    const float *a = fg_f32(j->y, i, y, x), *b = fg_f32(j->t, i, y, x);
    float *g = j->g ? fg_f32(j->g, i, y, x) : NULL;
    double sum = 0;

    for (int c = 0; c < j->y->shape.c; c++) {
        const double d = (double)a[c] - b[c];

        sum += w * fabs(d);
        if (g && d != 0)
            g[c] += (float)(d > 0 ? j->k * w : -j->k * w);
    }
    return sum;
}

static void one_image(void *arg, int i, int worker)
{
    const Job *j = arg;
    const FgShape s = j->y->shape;
    double *res = j->map + (size_t)2 * i * s.h * s.w;
    double *out = res + (size_t)s.h * s.w;
    const double all = pow(fill(j, i, res), 0.2);

    (void)worker;
    j->sums[i] = 0;
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++) {
            const int inner = y >= RADIUS && y < s.h - RADIUS && x >= RADIUS &&
                              x < s.w - RADIUS;
            double w = all * (inner ? local_inner(res, s.w, y, x)
                                    : local(j, i, y, x));

            if (residual(j->t, j->y, i, y, x) < residual(j->t, j->e, i, y, x))
                w = 0;
            out[y * s.w + x] = w;
            j->sums[i] += pixel(j, i, y, x, w);
        }
}

double fg_loss_ldl(double weight, const FgTensor *y, const FgTensor *t,
                   const FgTensor *e, FgTensor *g, double *map, FgExecutor *ex,
                   double *sums)
{
    const FgShape s = y->shape;
    const double all = (double)s.n * s.c * s.h * s.w;
    Job j = {y, t, e, g, map, weight / all, sums};
    double sum = 0;

    fg_run(ex, one_image, &j, s.n);
    for (int i = 0; i < s.n; i++)
        sum += sums[i];
    return weight * sum / all;
}
