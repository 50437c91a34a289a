/* ffgan: what is done to parameters: trainer/optim.c's steps, averages, norms
 * of gradients. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_CUDA_TRAIN_STEP_H
#define FFGAN_KERNELS_CUDA_TRAIN_STEP_H

#include "train_ops.h"

FG_HD void fg_step_adam(const float *k, float *p, float g, float *m, float *v,
                        float decay)
{
    g += decay * *p;
    *m = *m * k[FG_K_BETA1] + g * k[FG_K_TAKE1];
    *v = *v * k[FG_K_BETA2] + g * g * k[FG_K_TAKE2];
    *p -= k[FG_K_RATE] * (*m / (sqrtf(*v) / k[FG_K_ROOT] + k[FG_K_EPS]));
}

FG_HD void fg_step_sgd(const float *k, float *p, float g, float *m)
{
    *m = *m * k[FG_K_BETA1] + (g + k[FG_K_DECAY] * *p);
    *p -= k[FG_K_RATE] * *m;
}

FG_HD void fg_step_rmsprop(const float *k, float *p, float g, float *v)
{
    g += k[FG_K_DECAY] * *p;
    *v = *v * k[FG_K_BETA2] + g * g * k[FG_K_TAKE2];
    *p -= k[FG_K_RATE] * (g / (sqrtf(*v) + k[FG_K_EPS]));
}

/* Element i of p[0] parameters, p[1] gradients, p[2], p[3] memory, side their
 * average. The other modes have p[0] alone: becomes alpha; within +-alpha. */
FG_HD void fg_step(const FgKernelArgs *a, int i)
{
    float *const p = (float *)a->p[0] + i;
    if (a->mode >= FG_STEP_FILL) {
        *p = a->mode == FG_STEP_FILL || *p > a->alpha ? a->alpha
             : *p < -a->alpha                         ? -a->alpha
                                                      : *p;
        return;
    }
    const float *k = ((const FgLive *)a->t.live)->k;
    const float g = ((const float *)a->p[1])[i] * k[FG_K_CLIP];
    float *const m = (float *)a->p[2] + i, *const v = (float *)a->p[3] + i;
    float *const e = (float *)a->side + i;
    if (a->mode == FG_STEP_ADAMW)
        *p *= k[FG_K_KEEP];
    if (a->mode == FG_STEP_SGD)
        fg_step_sgd(k, p, g, m);
    else if (a->mode == FG_STEP_RMSPROP)
        fg_step_rmsprop(k, p, g, v);
    else
        fg_step_adam(k, p, g, m, v,
                     a->mode == FG_STEP_ADAM ? k[FG_K_DECAY] : 0);
    *e = k[FG_K_EMA] * *e + k[FG_K_EMA_TAKE] * *p;
}

FG_T_EACH(step, fg_step(&b, ((void)n, (void)y, (void)x, k)))

/* in[0]: c values; the sum of the squares of block's share into p[0], double.
 */
FG_HD void fg_t_squares(const FgKernelArgs *a, int block, char *shared)
{
    const int64_t all = a->in[0].c, nb = a->t.results;
    const int64_t from = all * block / nb, to = all * (block + 1) / nb;
    double sum;
    FG_BLOCK_SUM(sum, to - from,
                 (double)fg_flat(&a->in[0], 0, (int)(from + i)) *
                     (double)fg_flat(&a->in[0], 0, (int)(from + i)));
    FG_THREADS(t)
    {
        if (!t)
            ((double *)a->p[0])[block] = sum;
    }
}

/* The c doubles at in[0] in one, into p[0]. */
FG_HD void fg_t_total(const FgKernelArgs *a, int block, char *shared)
{
    double sum;
    (void)block;
    FG_BLOCK_SUM(sum, a->in[0].c, ((const double *)a->in[0].at)[i]);
    FG_THREADS(t)
    {
        if (!t)
            *(double *)a->p[0] = sum;
    }
}

#endif
