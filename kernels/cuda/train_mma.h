/* ffgan: convolutions of training as products on tensor cores: forward, the
 * input's gradient, the weights'. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Operands are 16-bit, sums f32; weights stay f32 in memory (the master copy)
 * and are rounded by t_pack for one call. Any number of channels; rows of 16
 * bytes are fetched as such where it is a multiple of 8. Groups come one by
 * one, as views of a part of the channels.
 *
 * A dense layer is a 1x1 convolution of images of one pixel, whose channels are
 * its flattened input, pixel by pixel as it lies in memory; only its weights,
 * whose order is channel by channel, are another's (t.spread). */
#ifndef FFGAN_KERNELS_CUDA_TRAIN_MMA_H
#define FFGAN_KERNELS_CUDA_TRAIN_MMA_H

#include "conv_all.h"
#include "train_grad.h"

/* ---- what is fetched ---- */

/* Chunks of 16 inputs of one tap. */
FG_HD int fg_tap_chunks(int c)
{
    return (c + 15) / 16;
}

/* The first channel of chunk i of all taps. */
FG_HD int fg_chunk_first(const FgKernelArgs *a, int i)
{
    return i % fg_tap_chunks(a->in[0].c) * 16;
}

/* Image, row and column of pixel p of all images; row -1: none. */
FG_HD void fg_pixel_of(const FgKView *v, int images, int64_t p, int *at)
{
    const int size = v->h * v->w, i = (int)p;
    at[0] = i / size;
    at[1] = p < (int64_t)images * size ? i % size / v->w : -1;
    at[2] = i % v->w;
}

/* What a line's place i sees of n places by tap t; -1: nothing. */
FG_HD int fg_sees(const FgKernelArgs *a, int i, int t, int n)
{
    if (a->mode == FG_SEES_CONV)
        return fg_border(i * a->stride - a->pad + t, n, a->pad_mode);
    return fg_seen(i, t, a, n);
}

/* The pixel of in[0]'s images that pixel px sees by a tap; -1: none. */
FG_HD int64_t fg_seen_pixel(const FgKernelArgs *a, const int *px, int tap)
{
    const FgKView *in = &a->in[0];
    if (px[1] < 0 || tap >= a->kernel * a->kernel)
        return -1;
    const int y = fg_sees(a, px[1], tap / a->kernel, in->h);
    const int x = fg_sees(a, px[2], tap % a->kernel, in->w);
    return y < 0 || x < 0 ? -1 : ((int64_t)px[0] * in->h + y) * in->w + x;
}

/* Channels [c0, c0 + 8) of a pixel of v's images to shared memory; 0 for those
 * that are none. */
FG_HD void fg_fetch8(const FgKView *v, char *to, int64_t pixel, int c0)
{
    if (pixel < 0 || c0 >= v->c) {
        fg_zero16(to);
        return;
    }
    const uint16_t *from = (const uint16_t *)v->at + pixel * v->pitch + c0;
    if (c0 + 8 <= v->c && v->pitch % 8 == 0 && v->at % 16 == 0) {
        fg_copy16(to, from);
        return;
    }
    FG_NO_UNROLL
    for (int i = 0; i < 8; i++)
        ((uint16_t *)to)[i] = c0 + i < v->c ? from[i] : (uint16_t)0;
}

typedef struct FgGather { /* a block's: outputs, steps of terms, pixels */
    int block, slice, step, end;
    int64_t first;
} FgGather;

FG_HD FgGather fg_gather(const FgKernelArgs *a, int index, int steps)
{
    const int64_t all = a->t.images * fg_pixels(&a->out);
    const int tiles = (int)((all + FG_GATHER_PIXELS - 1) / FG_GATHER_PIXELS);
    const int tile = index / a->blocks % tiles, nb = a->t.results;
    FgGather g;
    g.block = index % a->blocks;
    g.slice = index / a->blocks / tiles;
    g.step = (int)((int64_t)steps * g.slice / nb);
    g.end = (int)((int64_t)steps * (g.slice + 1) / nb);
    g.first = (int64_t)tile * FG_GATHER_PIXELS;
    return g;
}

/* ---- what is made ---- */

/* Channels k, k + 1 of pixel p of out's images; those of one slice lie behind
 * those of the last. */
FG_HD void fg_put_pair(const FgKernelArgs *a, int slice, int64_t p, int k,
                       float v0, float v1)
{
    const FgKView *o = &a->out;
    const int64_t all = a->t.images * fg_pixels(o);
    if (p >= all)
        return;
    /* All images are one of pixels in one row. */
    FgKView flat = *o;
    flat.w = 0;
    flat.h = 1;
    flat.at += (uint64_t)((slice * all + p) * o->pitch *
                          (o->element == FG_ELEMENT_F32 ? 4 : 2));
    for (int i = 0; i < 2; i++) {
        float v = i ? v1 : v0;
        if (k + i >= o->c)
            return;
        if (a->p[1])
            v += fg_param(a->p[1], k + i);
        if (a->t.add)
            v += fg_load(&flat, 0, 0, k + i);
        fg_store(&flat, 0, 0, k + i, v);
    }
}

/* The sum of t.results slices at p[2], and the bias. */
FG_HD void fg_parts(const FgKernelArgs *a, int n, int y, int x, int k)
{
    const FgKView *o = &a->out;
    const int64_t nb = fg_pixels(o) * o->c;
    float sum = a->p[1] ? fg_param(a->p[1], k) : 0;
    for (int s = 0; s < a->t.results; s++)
        sum += fg_param(a->p[2], ((int64_t)s * a->t.images + n) * nb +
                                     ((int64_t)y * o->w + x) * o->c + k);
    fg_put(a, y, x, k, sum);
}

FG_T_EACH(parts, fg_parts(&b, n, y, x, k))

/* Where a weight of input q of n stands among those of its output. */
FG_HD int64_t fg_spread(const FgKernelArgs *a, int q, int n)
{
    const int c = n / a->t.spread;
    return (int64_t)(q % c) * a->t.spread + q / c;
}

/* Of a parameter [rows][columns][tap]. */
FG_HD int64_t fg_weight_at(const FgKernelArgs *a, int row, int col, int columns,
                           int tap)
{
    const int64_t taps = (int64_t)a->kernel * a->kernel;
    return ((int64_t)row * columns + fg_spread(a, col, columns)) * taps + tap;
}

/* The weight of output o and input i; factor 1: outputs are p[0]'s rows and
 * inputs, in[0].c of them, its columns; 0: the other way. first: how many
 * outputs there are. */
FG_HD float fg_pack_weight(const FgKernelArgs *a, int o, int i, int tap)
{
    return fg_param(a->p[0], a->factor ? fg_weight_at(a, o, i, a->in[0].c, tap)
                                       : fg_weight_at(a, i, o, a->first, tap));
}

/* Element k of out, 16-bit: weights [block][chunk][n of t.results][16], rows of
 * fg_row32, of p[0] f32. */
FG_HD void fg_pack(const FgKernelArgs *a, int k)
{
    const int n = a->t.results, ic = a->in[0].c, taps = a->kernel * a->kernel;
    const int row = k / 16 % n, chunk = k / 16 / n % a->chunks;
    const int o = k / 16 / n / a->chunks * n + row;
    const int tap = chunk / fg_tap_chunks(ic);
    const int i = fg_chunk_first(a, chunk) + k % 16;
    const int to = k / 16 * 16 + ((k / 8 % 2) ^ (row >> 2 & 1)) * 8 + k % 8;
    float v = 0;
    if (o < a->first && i < ic && tap < taps)
        v = fg_pack_weight(a, o, i, tap);
    fg_store(&a->out, 0, 0, to, v);
}

FG_T_EACH(pack, fg_pack(&b, ((void)n, (void)y, (void)x, k)))

/* ---- gradients of weights ---- */

typedef struct FgOuter { /* a block's: 64 of in[0]'s channels, 64 of in[1]'s */
    int slice, tap, row, col;
    int64_t first, end; /* pixels of in[0]'s images */
} FgOuter;

FG_HD int fg_outer_blocks(int c)
{
    return (c + FG_OUTER_N - 1) / FG_OUTER_N;
}

FG_HD FgOuter fg_outer(const FgKernelArgs *a, int index)
{
    const int rows = fg_outer_blocks(a->in[0].c);
    const int cols = fg_outer_blocks(a->in[1].c), taps = a->kernel * a->kernel;
    const int64_t all = a->t.images * fg_pixels(&a->in[0]), nb = a->t.results;
    FgOuter o;
    o.col = index % cols;
    o.row = index / cols % rows;
    o.tap = index / cols / rows % taps;
    o.slice = index / cols / rows / taps;
    o.first = all * o.slice / nb;
    o.end = all * (o.slice + 1) / nb;
    return o;
}

FG_HD int64_t fg_outer_seen(const FgKernelArgs *a, const FgOuter *o, int64_t p)
{
    const FgKView *x = &a->in[1];
    int px[3];
    if (p < 0)
        return -1;
    fg_pixel_of(&a->in[0], a->t.images, p, px);
    const int sy = fg_border(px[1] * a->stride - a->pad + o->tap / a->kernel,
                             x->h, a->pad_mode);
    const int sx = fg_border(px[2] * a->stride - a->pad + o->tap % a->kernel,
                             x->w, a->pad_mode);
    return sy < 0 || sx < 0 ? -1 : ((int64_t)px[0] * x->h + sy) * x->w + sx;
}

/* The same of the slice alone, whose pixels are counted in 32 bits. */
FG_HD int fg_outer_look(const FgKernelArgs *a, const FgOuter *o, int64_t p)
{
    return (int)fg_outer_seen(a, o, p < o->end ? p : -1);
}

FG_HD void fg_outer_put(const FgKernelArgs *a, const FgOuter *o, int row,
                        int col, float v)
{
    const int r = o->row * FG_OUTER_N + row, c = o->col * FG_OUTER_N + col;
    const int64_t taps = (int64_t)a->kernel * a->kernel;
    if (r < a->in[0].c && c < a->in[1].c)
        ((float *)a->p[1])[((o->slice * taps + o->tap) * a->in[0].c + r) *
                               a->in[1].c +
                           c] = v;
}

/* p[0] [in[0].c][in[1].c][tap] += the slices at p[1]; k counts as they do. */
FG_HD void fg_slices(const FgKernelArgs *a, int k)
{
    const int taps = a->kernel * a->kernel;
    const int cols = a->in[1].c, nb = a->in[0].c * cols;
    double sum = 0;
    for (int s = 0; s < a->t.results; s++)
        sum += (double)fg_param(a->p[1], (int64_t)s * taps * nb + k);
    ((float *)
         a->p[0])[fg_weight_at(a, k % nb / cols, k % cols, cols, k / nb)] +=
        (float)((double)fg_sum_scale(a) * sum);
}

FG_T_EACH(slices, fg_slices(&b, ((void)n, (void)y, (void)x, k)))

/* ---- sizes ---- */

#define FG_T_NAME f16_gather32
#define FG_T_ELEMENT 1
#define FG_T_N 32
#include "train_mma_template.c"
#undef FG_T_NAME
#undef FG_T_ELEMENT
#undef FG_T_N

#define FG_T_NAME f16_gather64
#define FG_T_ELEMENT 1
#define FG_T_N 64
#include "train_mma_template.c"
#undef FG_T_NAME
#undef FG_T_ELEMENT
#undef FG_T_N

#define FG_T_NAME bf16_gather32
#define FG_T_ELEMENT 2
#define FG_T_N 32
#include "train_mma_template.c"
#undef FG_T_NAME
#undef FG_T_ELEMENT
#undef FG_T_N

#define FG_T_NAME bf16_gather64
#define FG_T_ELEMENT 2
#define FG_T_N 64
#include "train_mma_template.c"
#undef FG_T_NAME
#undef FG_T_ELEMENT
#undef FG_T_N

#define FG_T_NAME f16_outer
#define FG_T_ELEMENT 1
#include "train_outer_template.c"
#undef FG_T_NAME
#undef FG_T_ELEMENT

#define FG_T_NAME bf16_outer
#define FG_T_ELEMENT 2
#include "train_outer_template.c"
#undef FG_T_NAME
#undef FG_T_ELEMENT

#endif
