/* Losses of pictures, where they lie.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "trainer/loss.h"
#include "trainer/loss_lot.h"
#include "trainer/style.h"
#include "trainer/tape_gpu.h"

enum { PARTS = FG_LOSS_PARTS };

/* A launch of blocks that leave nb sums each: these of all blocks. */
static int sum_up(FgKernelArgs *k, int kernel, const FgLot *y, const FgLot *t,
                  const FgLot *g, int nb, double *sum)
{
    double part[2 * PARTS];

    k->in[0] = y->there;
    k->in[1] = t->there;
    k->out = g->there;
    k->p[0] = y->d->parts;
    k->t.images = y->host.shape.n;
    k->t.results = PARTS;
    if (fg_gpu_launch(y->d, kernel, k) ||
        fg_gpu_get(y->d, part, y->d->parts, sizeof(*part) * PARTS * (size_t)nb))
        return y->d->rc;
    for (int i = 0; i < PARTS; i++)
        for (int j = 0; j < nb; j++)
            sum[j] += part[nb * i + j];
    return 0;
}

/* The mean loss; its gradient times weight. */
static double pixels(FgKernelArgs *k, double part, double weight,
                     const FgLot *y, const FgLot *t, const FgLot *g,
                     double *mse)
{
    const double all = (double)fg_lot_count(y);
    double sum[2] = {0};

    k->alpha = (float)(part / all);
    k->t.weight = weight;
    k->t.scale = 1;
    if (sum_up(k, FG_KERNEL_t_loss, y, t, g, 2, sum))
        sum[0] = sum[1] = NAN;
    *mse = sum[1] / all;
    return sum[0] / all;
}

static double squares(const FgLot *y, const FgLot *t)
{
    const size_t n = fg_lot_count(y);
    const float *p = y->host.data, *q = t->host.data;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)((p[i] - q[i]) * (p[i] - q[i]));
    return sum / (double)n;
}

double fg_lot_l1(double weight, const FgLot *y, const FgLot *t, const FgLot *g,
                 int add, double *mse)
{
    FgKernelArgs k = {.mode = FG_LOSS_L1, .t = {.add = add}};
    FgTensor to = g->host;
    double unused;

    if (y->d)
        return weight * pixels(&k, weight, 1, y, t, g, mse ? mse : &unused);
    if (mse)
        *mse = squares(y, t);
    return fg_l1(weight, &y->host, &t->host, &to, add);
}

double fg_lot_mse(double weight, const FgLot *y, const FgLot *t, const FgLot *g,
                  double *mse)
{
    const size_t n = fg_lot_count(y);
    const float *p = y->host.data, *q = t->host.data;
    const float k = (float)(2 * weight / (double)n);
    FgKernelArgs a = {.mode = FG_LOSS_MSE};
    double sum = 0;

    if (y->d)
        return weight * pixels(&a, weight, 1, y, t, g, mse);
    for (size_t i = 0; i < n; i++) {
        const float e = p[i] - q[i];

        sum += (double)e * e;
        ((float *)g->host.data)[i] = k * e;
    }
    *mse = sum / (double)n;
    return weight * sum / (double)n;
}

double fg_lot_l1_coarse(double weight, const FgLot *y, const FgLot *t,
                        const FgLot *g)
{
    const FgShape s = y->host.shape;
    const double all = (double)s.n * s.c * ((s.h + 7) / 8) * ((s.w + 7) / 8);
    FgKernelArgs k = {.t = {.weight = weight}};
    FgTensor to = g->host;
    double sum = 0;

    if (!y->d)
        return fg_l1_coarse(weight, &y->host, &t->host, &to);
    return sum_up(&k, FG_KERNEL_t_coarse, y, t, g, 1, &sum)
               ? NAN
               : weight * sum / all;
}

double fg_lot_pixel(const FgPixelLoss *l, const FgLot *y, const FgLot *t,
                    const FgLot *g, double *mse)
{
    FgKernelArgs k = {.mode = l->kind, .eps = (float)(l->eps * l->eps)};
    FgTensor to = g->host;
    double loss;

    if (y->d)
        return l->weight * pixels(&k, 1, (float)l->weight, y, t, g, mse);
    loss = l->weight * fg_loss_pixel(l->kind, l->eps, &y->host, &t->host,
                                     l->part, l->ex, l->sums, mse);
    fg_tensor_zero(&to);
    fg_add_scaled(&to, l->part, l->weight);
    return loss;
}
