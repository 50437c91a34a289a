/* ffgan: losses that look at what networks made, and their gradients.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The bits of trainer/loss_adv.c, trainer/penalty.c and trainer/style.c, but
 * for the order of sums. Views are dense. */
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

/* ---- pictures ---- */

/* alpha times in[0], of which t.scale is to be taken; t.add: added to out. */
FG_T_EACH(add, fg_put(&b, y, x, k,
                      FG_MUL(b.alpha, b.t.scale *fg_load(&b.in[0], y, x, k))))

/* Square i of at most 8x8 pixels of one channel, of which there are a number of
 * columns and rows. */
typedef struct FgSquare {
    int64_t at; /* its first value, in memory */
    int h, w;
} FgSquare;

FG_HD FgSquare fg_square(const FgKView *v, int64_t i)
{
    const int rows = (v->h + 7) / 8, columns = (v->w + 7) / 8;
    const int k = (int)(i % v->c), x = (int)(i / v->c % columns) * 8;
    const int y = (int)(i / v->c / columns % rows) * 8;
    const int64_t n = i / v->c / columns / rows;
    FgSquare s;
    s.at = ((n * v->h + y) * v->w + x) * v->c + k;
    s.h = fg_imin(8, v->h - y);
    s.w = fg_imin(8, v->w - x);
    return s;
}

/* The distance of the square's means; its slope, t.weight times, is added to
 * out, f32. all: how many squares there are. */
FG_HD double fg_coarse_term(const FgKernelArgs *a, int64_t i, double all)
{
    const FgKView *v = &a->in[0];
    const FgSquare s = fg_square(v, i);
    const int area = s.h * s.w, row = v->w * v->c;
    double sum = 0;
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++) {
            const int64_t at = s.at + (int64_t)y * row + x * v->c;
            sum += (double)fg_nth(v, at) - (double)fg_nth(&a->in[1], at);
        }
    sum /= area;
    const float k = (float)(a->t.weight *
                            (sum > 0   ? 1
                             : sum < 0 ? -1
                                       : 0) /
                            (all * area));
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++)
            ((float *)a->out.at)[s.at + (int64_t)y * row + x * v->c] += k;
    return fabs(sum);
}

/* trainer/style.c's fg_l1_coarse. p[0] [results] double: a block's sums. */
FG_HD void fg_t_coarse(const FgKernelArgs *a, int block, char *shared)
{
    const FgKView *v = &a->in[0];
    const int64_t all = (int64_t)a->t.images * ((v->h + 7) / 8) *
                        ((v->w + 7) / 8) * v->c;
    const int64_t nb = a->t.results;
    const int64_t from = all * block / nb, some = all * (block + 1) / nb - from;
    double sum;
    FG_BLOCK_SUM(sum, some, fg_coarse_term(a, from + i, (double)all));
    FG_THREADS(t)
    {
        if (!t)
            ((double *)a->p[0])[block] = sum;
    }
}

#endif
