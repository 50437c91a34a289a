/* ffgan: losses that look at what networks made, and their gradients.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The bits of trainer/loss_adv.c and trainer/penalty.c, but for the order of
 * sums. Views are dense. */
#ifndef FFGAN_KERNELS_CUDA_TRAIN_LOSS_H
#define FFGAN_KERNELS_CUDA_TRAIN_LOSS_H

#include "kernels/adv_maths.h"
#include "kernels/flow_maths.h"
#include "train_ops.h"

FG_HD float fg_nth(const FgKView *v, int64_t i)
{
    return fg_flat(v, i / v->c, (int)(i % v->c));
}

/* The loss of value i, without its weight; slopes times that go out. */
FG_HD double fg_adv_term(const FgKernelArgs *a, int64_t i)
{
    const int kind = a->mode & ~FG_ADV_REAL;
    const float x = fg_nth(&a->in[0], i);
    double slope, loss;
    if (kind == FG_ADV_PAIRS) {
        loss = fg_adv_pair(x, fg_nth(&a->in[1], i), &slope);
        slope = a->t.weight * slope;
        if (a->add.at)
            ((float *)a->add.at)[i] = (float)slope;
        ((float *)a->out.at)[i] = (float)-slope;
        return loss;
    }
    loss = fg_adv_one(kind, x, (a->mode & FG_ADV_REAL) != 0, &slope);
    ((float *)a->out.at)[i] = (float)(a->t.weight * slope);
    return loss;
}

/* in[0]: a critic's outputs; of pairs those that should be larger, in[1] the
 * others. out, add: f32, their gradients. p[0] [results][3] double: a block's
 * sums of the loss, of in[0], of in[1]. */
FG_HD void fg_t_adv(const FgKernelArgs *a, int block, char *shared)
{
    const int64_t all = a->t.images * fg_pixels(&a->in[0]) * a->in[0].c;
    const int64_t nb = a->t.results;
    const int64_t from = all * block / nb, some = all * (block + 1) / nb - from;
    double loss, x, y;
    FG_BLOCK_SUM(loss, some, fg_adv_term(a, from + i));
    FG_BLOCK_SUM(x, some, fg_nth(&a->in[0], from + i));
    FG_BLOCK_SUM(y, a->in[1].at ? some : 0, fg_nth(&a->in[1], from + i));
    FG_THREADS(t)
    {
        double *const to = (double *)a->p[0] + 3 * (int64_t)block;
        if (!t) {
            to[0] = loss;
            to[1] = x;
            to[2] = y;
        }
    }
}

/* ---- gradient penalties ---- */

/* Value i of the picture's gradient, without what it carries. */
FG_HD double fg_steep(const FgKernelArgs *a, int64_t i)
{
    return (double)(a->alpha * fg_nth(&a->in[0], i));
}

/* The length of pixel i's. */
FG_HD double fg_pixel_length(const FgKernelArgs *a, int64_t i)
{
    const int c = a->in[0].c;
    double sum = 0;
    for (int k = 0; k < c; k++)
        sum += fg_steep(a, i * c + k) * fg_steep(a, i * c + k);
    return sqrt(sum);
}

/* in[0]: the picture's gradient, alpha: 1 / what it carries. Result n into
 * p[0], double: the sum of image n's squares; of FG_LENGTHS_PIXEL two: a
 * share's sums of (length - 1)^2 and of lengths. */
FG_HD void fg_t_lengths(const FgKernelArgs *a, int block, char *shared)
{
    double *const to = (double *)a->p[0];
    const int64_t one = fg_pixels(&a->in[0]) * a->in[0].c;
    const int64_t all = a->t.images * fg_pixels(&a->in[0]), nb = a->t.results;
    const int64_t from = all * block / nb, some = all * (block + 1) / nb - from;
    double sum, lengths;
    if (a->mode != FG_LENGTHS_PIXEL) {
        FG_BLOCK_SUM(sum, one,
                     fg_steep(a, block * one + i) *
                         fg_steep(a, block * one + i));
        FG_THREADS(t)
        {
            if (!t)
                to[block] = sum;
        }
        return;
    }
    FG_BLOCK_SUM(sum, some,
                 (fg_pixel_length(a, from + i) - 1) *
                     (fg_pixel_length(a, from + i) - 1));
    FG_BLOCK_SUM(lengths, some, fg_pixel_length(a, from + i));
    FG_THREADS(t)
    {
        if (!t) {
            to[2 * (int64_t)block] = sum;
            to[2 * (int64_t)block + 1] = lengths;
        }
    }
}

/* The penalty's slope along in[0]: t.weight times that, or times
 * (length - 1) / length of it. p[0]: lengths' sums of squares, of images. */
FG_HD void fg_tangent(const FgKernelArgs *a, int n, int y, int x, int k)
{
    const int64_t pixel = (int64_t)y * a->in[0].w + x;
    double len, by = a->t.weight;
    if (a->mode != FG_LENGTHS_R1) {
        len = a->mode == FG_LENGTHS_PIXEL ? fg_pixel_length(a, pixel)
                                          : sqrt(((const double *)a->p[0])[n]);
        by = by * (len - 1) / (len + 1e-12);
    }
    fg_store(&a->out, y, x, k,
             (float)(by * fg_steep(a, pixel * a->in[0].c + k)));
}

FG_T_EACH(tangent, fg_tangent(&b, n, y, x, k))

#endif
