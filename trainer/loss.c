/* Pixel losses: value and gradient. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "trainer/loss.h"

/* Sum of the loss over n differences; g = its gradient times k. */
typedef double (*RowFn)(const float *y, const float *t, float *g, size_t n,
                        float k, double eps);

static double row_l1(const float *y, const float *t, float *g, size_t n,
                     float k, double eps)
{
    double sum = 0;

    (void)eps;
    for (size_t i = 0; i < n; i++) {
        const float d = y[i] - t[i];

        sum += fabsf(d);
        g[i] = d > 0 ? k : d < 0 ? -k : d * k;
    }
    return sum;
}

static double row_mse(const float *y, const float *t, float *g, size_t n,
                      float k, double eps)
{
    double sum = 0;

    (void)eps;
    for (size_t i = 0; i < n; i++) {
        const float d = y[i] - t[i];

        sum += (double)d * d;
        g[i] = 2 * d * k;
    }
    return sum;
}

static double row_charbonnier(const float *y, const float *t, float *g,
                              size_t n, float k, double eps)
{
    const float e2 = (float)(eps * eps);
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        const float d = y[i] - t[i], r = sqrtf(d * d + e2);

        sum += r;
        g[i] = d / r * k;
    }
    return sum;
}

static const struct {
    const char *name;
    RowFn row;
} table[] = {
    {"l1", row_l1}, {"mse", row_mse}, {"charbonnier", row_charbonnier}};

int fg_loss_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof(table) / sizeof(table[0])); i++)
        if (!strcmp(table[i].name, name))
            return i;
    return -1;
}

typedef struct Job {
    RowFn row;
    const FgTensor *y, *t;
    FgTensor *g;
    double eps, *sums;
    float k;
    size_t n;
} Job;

static void one_image(void *arg, int i, int worker)
{
    const Job *j = arg;
    const float *y = fg_f32(j->y, i, 0, 0), *t = fg_f32(j->t, i, 0, 0);
    double mse = 0;

    (void)worker;
    j->sums[2 * i] = j->row(y, t, fg_f32(j->g, i, 0, 0), j->n, j->k, j->eps);
    for (size_t k = 0; k < j->n; k++) {
        const float d = y[k] - t[k];

        mse += (double)(d * d);
    }
    j->sums[2 * i + 1] = mse;
}

double fg_loss_pixel(int kind, double eps, const FgTensor *y, const FgTensor *t,
                     FgTensor *g, FgExecutor *ex, double *sums, double *mse)
{
    const FgShape s = y->shape;
    const size_t n = (size_t)s.c * s.h * s.w;
    const double all = (double)n * s.n;
    Job j = {table[kind].row, y, t, g, eps, sums, (float)(1 / all), n};
    double loss = 0;

    fg_run(ex, one_image, &j, s.n);
    *mse = 0;
    for (int i = 0; i < s.n; i++) {
        loss += sums[2 * i];
        *mse += sums[2 * i + 1];
    }
    *mse /= all;
    return loss / all;
}
