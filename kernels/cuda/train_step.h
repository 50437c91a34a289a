/* ffgan: what is done to parameters: trainer/optim.c's steps, averages, norms
 * of gradients, trainer/spectral.c's norm of weights.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_CUDA_TRAIN_STEP_H
#define FFGAN_KERNELS_CUDA_TRAIN_STEP_H

#include "kernels/flow_maths.h"
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

/* ---- spectral norm: in[0] a matrix, c columns, h rows, dense f32 ---- */

/* out = in[0]' p[0], in trainer/spectral.c's order. */
FG_HD void fg_columns(const FgKernelArgs *a, int k)
{
    const float *const w = (const float *)a->in[0].at;
    const float *const u = (const float *)a->p[0];
    float sum = 0;
    for (int r = 0; r < a->in[0].h; r++)
        sum += FG_MUL(w[(int64_t)r * a->in[0].c + k], u[r]);
    ((float *)a->out.at)[k] = sum;
}

FG_T_EACH(columns, fg_columns(&b, ((void)n, (void)y, (void)x, k)))

/* Row block of in[0] p[0] into out; with p[1], times that, into p[2], double.
 */
FG_HD void fg_t_rows(const FgKernelArgs *a, int block, char *shared)
{
    const int c = a->in[0].c;
    const float *const w = (const float *)a->in[0].at + (int64_t)block * c;
    const float *const v = (const float *)a->p[0];
    double sum;
    FG_BLOCK_SUM(sum, c, (double)w[i] * (double)v[i]);
    FG_THREADS(t)
    {
        if (!t && a->p[1])
            ((double *)a->p[2])[block] = sum * (double)fg_param(a->p[1], block);
        else if (!t)
            ((float *)a->out.at)[block] = (float)sum;
    }
}

/* out, whose squares' sum is p[0]'s FG_SPECTRAL_NORM, gets the length 1. */
FG_HD void fg_unit(const FgKernelArgs *a, int k)
{
    const double len = sqrt(((const double *)a->p[0])[FG_SPECTRAL_NORM]);
    float *const v = (float *)a->out.at + k;
    *v = (float)((double)*v * (1 / (len > 1e-12 ? len : 1e-12)));
}

FG_T_EACH(unit, fg_unit(&b, ((void)n, (void)y, (void)x, k)))

FG_HD double fg_sigma(const FgKernelArgs *a)
{
    const double s = ((const double *)a->p[0])[FG_SPECTRAL_SIGMA];
    return fabs(s) > 1e-12 ? s : 1e-12;
}

/* out = in[0] / sigma of p[0]. */
FG_HD void fg_divide(const FgKernelArgs *a, int k)
{
    ((float *)a->out.at)[k] = (float)((double)fg_param(a->in[0].at, k) /
                                      fg_sigma(a));
}

FG_T_EACH(divide, fg_divide(&b, ((void)n, (void)y, (void)x, k)))

/* in[0], in[1]: c values; block's share of their product's sum into p[0],
 * double. */
FG_HD void fg_t_dot(const FgKernelArgs *a, int block, char *shared)
{
    const int64_t all = a->in[0].c, nb = a->t.results;
    const int64_t from = all * block / nb, to = all * (block + 1) / nb;
    double sum;
    FG_BLOCK_SUM(sum, to - from,
                 (double)fg_param(a->in[0].at, from + i) *
                     (double)fg_param(a->in[1].at, from + i));
    FG_THREADS(t)
    {
        if (!t)
            ((double *)a->p[0])[block] = sum;
    }
}

/* out = (out - <G, W> u v') / sigma; p: doubles, u, v, of in[0]'s shape. */
FG_HD void fg_undivide(const FgKernelArgs *a, int k)
{
    const int c = a->in[0].c;
    const double dot = ((const double *)a->p[0])[FG_SPECTRAL_DOT];
    float *const g = (float *)a->out.at + k;
    *g = (float)(((double)*g - dot * (double)fg_param(a->p[1], k / c) *
                                   (double)fg_param(a->p[2], k % c)) /
                 fg_sigma(a));
}

FG_T_EACH(undivide, fg_undivide(&b, ((void)n, (void)y, (void)x, k)))

#endif
