/* ffgan: what a step of training starts and ends with: crops out of a data set
 * in GPU memory, pixel losses, mixtures.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The bits of trainer/crops.c and trainer/loss.c, but for the order of sums. */
#ifndef FFGAN_KERNELS_CUDA_TRAIN_DATA_H
#define FFGAN_KERNELS_CUDA_TRAIN_DATA_H

#include "kernels/flow_maths.h"
#include "train_ops.h"

/* Image n of out: p[1]'s crop n of the 8-bit RGB pictures at p[0]; mode
 * FG_CROP_LUMA: its luma, FG_CROP_CENTRED: of -1..1. */
FG_HD void fg_crop(const FgKernelArgs *a, int n, int y, int x, int k)
{
    const FgCrop *c = (const FgCrop *)a->p[1] + n;
    const int side = a->out.w, turn = c->turn;
    int u = turn & 4 ? y : x, v = turn & 4 ? x : y;
    u = turn & 1 ? side - 1 - u : u;
    v = turn & 2 ? side - 1 - v : v;
    const uint8_t *s = (const uint8_t *)a->p[0] + c->at +
                       ((int64_t)(c->y + v) * c->w + c->x + u) * 3;
    float f = (float)s[a->mode & FG_CROP_LUMA ? 0 : k];
    if (a->mode & FG_CROP_LUMA)
        f = FG_MUL(0.299f, f) + FG_MUL(0.587f, (float)s[1]) +
            FG_MUL(0.114f, (float)s[2]);
    f /= 255.0f;
    fg_store(&a->out, y, x, k, a->mode & FG_CROP_CENTRED ? 2 * f - 1 : f);
}

FG_T_EACH(crop, fg_crop(&b, n, y, x, k))

/* p[0][n] of the way from in[0]'s image n to in[1]'s. */
FG_HD void fg_mix(const FgKernelArgs *a, int n, int y, int x, int k)
{
    const float from = fg_load(&a->in[0], y, x, k);
    const float to = fg_load(&a->in[1], y, x, k);
    fg_store(&a->out, y, x, k, from + FG_MUL(fg_param(a->p[0], n), to - from));
}

FG_T_EACH(mix, fg_mix(&b, n, y, x, k))

/* in[0], dense: the largest magnitude of a block's share into p[0][block]. */
FG_HD void fg_t_most(const FgKernelArgs *a, int block, char *shared)
{
    float *const part = (float *)shared;
    const int c = a->in[0].c;
    const int64_t all = a->t.images * fg_pixels(&a->in[0]) * c;
    const int64_t nb = a->t.results, to = all * (block + 1) / nb;
    FG_THREADS(t)
    {
        float most = 0;
        for (int64_t i = all * block / nb + t; i < to; i += FG_BLOCK)
            most = fmaxf(most, fabsf(fg_flat(&a->in[0], i / c, (int)(i % c))));
        part[t] = most;
    }
    FG_SYNC();
    FG_THREADS(t)
    {
        if (!t) {
            float most = 0;
            for (int i = 0; i < FG_BLOCK; i++)
                most = fmaxf(most, part[i]);
            ((float *)a->p[0])[block] = most;
        }
    }
}

FG_HD float fg_apart(const FgKernelArgs *a, int64_t i)
{
    const int c = a->in[0].c;
    return fg_flat(&a->in[0], i / c, (int)(i % c)) -
           fg_flat(&a->in[1], i / c, (int)(i % c));
}

/* The loss of value i of all images; t.weight times its gradient, times
 * t.scale, into out, or added there (t.add). alpha: 1 / the number of values,
 * eps: Charbonnier's, squared. */
FG_HD float fg_loss_term(const FgKernelArgs *a, int64_t i)
{
    const float d = fg_apart(a, i), k = a->alpha;
    float loss = fabsf(d), g = d > 0 ? k : d < 0 ? -k : d * k;
    if (a->mode == FG_LOSS_MSE) {
        loss = FG_MUL(d, d);
        g = 2 * d * k;
    } else if (a->mode == FG_LOSS_CHARBONNIER) {
        loss = sqrtf(FG_MUL(d, d) + a->eps);
        g = d / loss * k;
    }
    FgKView o = a->out;
    o.at += (uint64_t)(i * (o.element == FG_ELEMENT_F32 ? 4 : 2));
    g = FG_MUL((float)a->t.weight, g);
    g *= a->t.scale;
    fg_store(&o, 0, 0, 0, a->t.add ? fg_load(&o, 0, 0, 0) + g : g);
    return loss;
}

/* in[0]: what was made, in[1]: what is wanted, dense. p[0] [results][2] double:
 * a block's sums of the loss and of the squares. */
FG_HD void fg_t_loss(const FgKernelArgs *a, int block, char *shared)
{
    const int64_t all = a->t.images * fg_pixels(&a->in[0]) * a->in[0].c;
    const int64_t nb = a->t.results;
    const int64_t from = all * block / nb, to = all * (block + 1) / nb;
    double loss, squares;
    FG_BLOCK_SUM(loss, to - from, fg_loss_term(a, from + i));
    FG_BLOCK_SUM(squares, to - from,
                 FG_MUL(fg_apart(a, from + i), fg_apart(a, from + i)));
    FG_THREADS(t)
    {
        if (!t) {
            ((double *)a->p[0])[2 * block] = loss;
            ((double *)a->p[0])[2 * block + 1] = squares;
        }
    }
}

#endif
