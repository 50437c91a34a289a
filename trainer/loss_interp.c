/* Terms of the in-between network's loss: value and gradient.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "trainer/interp.h"

#define FLOW_EPS 0.1 /* pixels */

typedef struct Job {
    const FgTensor *y, *t;
    FgTensor *g;
    const int *known;
    double *sums, eps;
    float k; /* weight over the number of terms */
} Job;

/* One difference of (y - t) between the values at a and b. */
static double pair(const float *y, const float *t, float *g, ptrdiff_t a,
                   ptrdiff_t b, float e2, float k)
{
    const float d = (y[b] - t[b]) - (y[a] - t[a]), r = sqrtf(d * d + e2);

    g[b] += k * d / r;
    g[a] -= k * d / r;
    return r;
}

static void gradient_image(void *arg, int n, int worker)
{
    const Job *j = arg;
    const FgShape s = j->y->shape;
    const float *y = fg_f32(j->y, n, 0, 0), *t = fg_f32(j->t, n, 0, 0);
    float *g = fg_f32(j->g, n, 0, 0);
    const float e2 = (float)(j->eps * j->eps);
    const ptrdiff_t row = (ptrdiff_t)s.w * s.c, all = row * s.h;
    double sum = 0;

    (void)worker;
    for (ptrdiff_t i = 0; i < all; i++) {
        if (i % row < row - s.c)
            sum += pair(y, t, g, i, i + s.c, e2, j->k);
        if (i < all - row)
            sum += pair(y, t, g, i, i + row, e2, j->k);
    }
    j->sums[n] = sum;
}

double fg_interp_gradient_loss(double weight, double eps, const FgTensor *y,
                               const FgTensor *t, FgTensor *g, FgExecutor *ex,
                               double *sums)
{
    const FgShape s = y->shape;
    const double nb = (double)s.n * s.c *
                      ((double)s.h * (s.w - 1) + (double)(s.h - 1) * s.w);
    Job j = {y, t, g, NULL, sums, eps, (float)(weight / nb)};
    double sum = 0;

    if (nb <= 0)
        return 0;
    fg_run(ex, gradient_image, &j, s.n);
    for (int n = 0; n < s.n; n++)
        sum += sums[n];
    return weight * sum / nb;
}

/* Mean of the full flow over the pixels of one of the level's. */
static void mean_flow(const FgTensor *flow, int n, int y, int x, int s,
                      float want[4])
{
    double sum[4] = {0};

    for (int v = 0; v < s; v++)
        for (int u = 0; u < s; u++) {
            const float *p = fg_f32(flow, n, y * s + v, x * s + u);

            for (int k = 0; k < 4; k++)
                sum[k] += p[k];
        }
    for (int k = 0; k < 4; k++)
        want[k] = (float)(sum[k] / (s * s));
}

static void flow_image(void *arg, int n, int worker)
{
    const Job *j = arg;
    const FgShape f = j->y->shape;
    const int s = j->t->shape.h / f.h;
    double sum = 0;

    (void)worker;
    for (int y = 0; y < f.h; y++)
        for (int x = 0; x < f.w; x++) {
            const float *p = fg_f32(j->y, n, y, x);
            float *g = fg_f32(j->g, n, y, x), want[4];

            memset(g, 0, 4 * sizeof(*g));
            if (!j->known[n])
                continue;
            mean_flow(j->t, n, y, x, s, want);
            for (int k = 0; k < 4; k++) {
                const float e = s * p[k] - want[k];
                const float r = sqrtf(e * e + (float)(FLOW_EPS * FLOW_EPS));

                sum += r;
                g[k] = j->k * s * e / r;
            }
        }
    j->sums[n] = sum;
}

double fg_interp_flow_loss(double weight, const FgTensor *f,
                           const FgTensor *flow, const int *known, FgTensor *g,
                           FgExecutor *ex, double *sums)
{
    const FgShape s = f->shape;
    Job j = {f, flow, g, known, sums, 0, 0};
    double nb = 0, sum = 0;

    for (int n = 0; n < s.n; n++)
        nb += known[n] ? 4.0 * s.h * s.w : 0;
    j.k = nb > 0 ? (float)(weight / nb) : 0;
    fg_run(ex, flow_image, &j, s.n);
    for (int n = 0; n < s.n; n++)
        sum += sums[n];
    return nb > 0 ? weight * sum / nb : 0;
}
