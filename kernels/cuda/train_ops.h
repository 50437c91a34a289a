/* ffgan: ops on batches, forward, as training has them.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What an op means is said by its file in kernels/. */
#ifndef FFGAN_KERNELS_CUDA_TRAIN_OPS_H
#define FFGAN_KERNELS_CUDA_TRAIN_OPS_H

#include "ops.h"

/* Element (n, y, x, k) of thread t of a block; 0: none. */
FG_HD int fg_place(const FgKernelArgs *a, int block, int t, int *n, int *y,
                   int *x, int *k)
{
    const FgKView *o = &a->out;
    unsigned i = (unsigned)block * FG_BLOCK + (unsigned)t;
    const unsigned c = (unsigned)o->c, w = (unsigned)o->w, h = (unsigned)o->h;
    if (i >= (unsigned)a->t.images * h * w * c)
        return 0;
    *k = (int)(i % c);
    i /= c;
    *x = (int)(i % w);
    i /= w;
    *y = (int)(i % h);
    *n = (int)(i / h);
    return 1;
}

/* v's image n. */
FG_HD void fg_shift(FgKView *v, int n)
{
    const int64_t size = (int64_t)v->h * v->w * v->pitch;
    if (v->at)
        v->at += (uint64_t)(n * size * (v->element == FG_ELEMENT_F32 ? 4 : 2));
}

FG_HD FgKernelArgs fg_image(const FgKernelArgs *a, int n)
{
    FgKernelArgs b = *a;
    fg_shift(&b.in[0], n);
    fg_shift(&b.in[1], n);
    fg_shift(&b.add, n);
    fg_shift(&b.out, n);
    return b;
}

FG_HD void fg_put(const FgKernelArgs *a, int y, int x, int k, float v)
{
    if (a->t.add)
        v += fg_load(&a->out, y, x, k);
    fg_store(&a->out, y, x, k, v);
}

FG_HD float fg_sum_scale(const FgKernelArgs *a)
{
    return a->t.live ? ((const FgLive *)a->t.live)->scale : a->t.scale;
}

/* fg_t_NAME: `call` for each element, b being the image's arguments. */
#define FG_T_EACH(name, call)                                                  \
    FG_HD void fg_t_##name(const FgKernelArgs *a, int block, char *shared)     \
    {                                                                          \
        (void)shared;                                                          \
        FG_THREADS(t)                                                          \
        {                                                                      \
            int n, y, x, k;                                                    \
            if (fg_place(a, block, t, &n, &y, &x, &k)) {                       \
                const FgKernelArgs b = fg_image(a, n);                         \
                call;                                                          \
            }                                                                  \
        }                                                                      \
    }

FG_T_EACH(conv, fg_k_conv(&b, y, x, k))
FG_T_EACH(deconv, fg_k_deconv(&b, y, x, k))
FG_T_EACH(unary, fg_k_unary(&b, y, x, k))
FG_T_EACH(binary, fg_k_binary(&b, y, x, k))
FG_T_EACH(resize, fg_k_resize(&b, y, x, k))
FG_T_EACH(resize_like, fg_k_resize_like(&b, y, x, k))
FG_T_EACH(pool, fg_k_pool(&b, y, x, k))
FG_T_EACH(pad, fg_k_pad(&b, y, x, k))
FG_T_EACH(warp, fg_k_warp(&b, y, x, k))
FG_T_EACH(correlate, fg_k_correlate(&b, y, x, k))
FG_T_EACH(dense, fg_k_dense(&b, y, x, k))

FG_T_EACH(copy, fg_put(&b, y, x, k, fg_load(&b.in[0], y, x, b.first + k)))

FG_HD float fg_shuffled(const FgKernelArgs *a, int y, int x, int k)
{
    const int f = a->factor;
    return fg_load(&a->in[0], y / f, x / f, (k * f + y % f) * f + x % f);
}

FG_HD float fg_unshuffled(const FgKernelArgs *a, int y, int x, int k)
{
    const int f = a->factor, d = k % (f * f);
    return fg_load(&a->in[0], y * f + d / f, x * f + d % f, k / (f * f));
}

FG_T_EACH(shuffle, fg_put(&b, y, x, k, fg_shuffled(&b, y, x, k)))
FG_T_EACH(unshuffle, fg_put(&b, y, x, k, fg_unshuffled(&b, y, x, k)))

/* ---- dropout: kernels/dropout.c ---- */

FG_HD uint32_t fg_high(uint32_t a, uint32_t b)
{
    return (uint32_t)((uint64_t)a * b >> 32);
}

/* Word w of Philox4x32-10. */
FG_HD uint32_t fg_random(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                         uint64_t seed, int w)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < 10; i++) {
        const uint32_t h0 = fg_high(0xd2511f53, c0), l0 = 0xd2511f53 * c0;
        const uint32_t h1 = fg_high(0xcd9e8d57, c2), l1 = 0xcd9e8d57 * c2;
        c0 = h1 ^ c1 ^ k0;
        c1 = l1;
        c2 = h0 ^ c3 ^ k1;
        c3 = l0;
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    return w == 0 ? c0 : w == 1 ? c1 : w == 2 ? c2 : c3;
}

FG_HD void fg_dropout(const FgKernelArgs *a, int n, int y, int x, int k)
{
    const FgTrainArgs *s = &a->t;
    const uint32_t i = (uint32_t)(x * a->out.c + k);
    float v = fg_load(&a->in[0], y, x, k);
    if (s->place >= 0) {
        const int64_t step = s->live ? ((const FgLive *)s->live)->step
                                     : s->step;
        const uint32_t r = fg_random(i / 4, (uint32_t)(n * a->out.h + y),
                                     (uint32_t)step,
                                     0x20000000U | (uint32_t)s->place << 12 |
                                         ((uint32_t)(step >> 32) & 0xfff),
                                     s->seed, (int)(i % 4));
        v = r < s->below ? 0 : v * a->alpha;
    }
    fg_put(a, y, x, k, v);
}

FG_T_EACH(dropout, fg_dropout(&b, n, y, x, k))

/* ---- sums over pixels, a block each ---- */

/* Sum over pixels [0, nb) of the terms; `term` sees pixel i. */
#define FG_BLOCK_SUM(sum, nb, term)                                            \
    do {                                                                       \
        double *const part_ = (double *)shared;                                \
        FG_SYNC();                                                             \
        FG_THREADS(t)                                                          \
        {                                                                      \
            double s_ = 0;                                                     \
            for (int64_t i = t; i < (nb); i += FG_BLOCK)                       \
                s_ += (double)(term);                                          \
            part_[t] = s_;                                                     \
        }                                                                      \
        (sum) = fg_tree(part_);                                                \
    } while (0)

/* Pixel i of all images, of channel k. */
FG_HD float fg_flat(const FgKView *v, int64_t i, int k)
{
    const int64_t at = i * v->pitch + k;
    if (v->element == FG_ELEMENT_F32)
        return ((const float *)v->at)[at];
    return fg_get16(v->element, ((const uint16_t *)v->at)[at]);
}

FG_HD int64_t fg_pixels(const FgKView *v)
{
    return (int64_t)v->h * v->w;
}

/* Result (n, k). */
FG_HD void fg_t_mean(const FgKernelArgs *a, int block, char *shared)
{
    const FgKView *in = &a->in[0];
    const int n = block / in->c, k = block % in->c;
    const int64_t nb = fg_pixels(in), from = n * nb;
    double sum;
    FG_BLOCK_SUM(sum, nb, fg_flat(in, from + i, k));
    FgKView o = a->out;
    fg_shift(&o, n);
    FG_THREADS(t)
    {
        if (!t)
            fg_store(&o, 0, 0, k, (float)(sum / (double)nb));
    }
}

/* ---- norms ---- */

/* p[0], p[1]: running mean and variance, which `joint` moments move. */
FG_HD void fg_run_on(const FgKernelArgs *a, int k, double mean, double var,
                     double nb)
{
    const double m = (double)a->t.momentum;
    float *const rm = (float *)a->p[0], *const rv = (float *)a->p[1];
    if (!rm)
        return;
    rm[k] = (float)((1 - m) * (double)rm[k] + m * mean);
    rv[k] = (float)((1 - m) * (double)rv[k] +
                    m * var * (nb > 1 ? nb / (nb - 1) : 1));
}

/* Result (n, group), or (group) where joint: mean and 1/deviation into p[2]. */
FG_HD void fg_t_moments(const FgKernelArgs *a, int block, char *shared)
{
    const FgKView *in = &a->in[0];
    const int c = in->c / a->groups, g = block % a->groups;
    const int64_t pixels = fg_pixels(in) * (a->t.joint ? a->t.images : 1);
    const int64_t nb = pixels * c, from = block / a->groups * pixels;
    double mean, var;
    FG_BLOCK_SUM(mean, nb, fg_flat(in, from + i / c, g * c + (int)(i % c)));
    mean /= (double)nb;
    FG_BLOCK_SUM(
        var, nb,
        ((double)fg_flat(in, from + i / c, g * c + (int)(i % c)) - mean) *
            ((double)fg_flat(in, from + i / c, g * c + (int)(i % c)) - mean));
    var /= (double)nb;
    FG_THREADS(t)
    {
        float *const to = (float *)a->p[2] + 2 * (int64_t)block;
        if (!t) {
            to[0] = (float)mean;
            to[1] = (float)(1 / sqrt(var + (double)a->eps));
            fg_run_on(a, g, mean, var, (double)nb);
        }
    }
}

/* Running moments p[0], p[1] into p[2]: k is the channel. */
FG_HD void fg_fixed(const FgKernelArgs *a, int k)
{
    ((float *)a->p[2])[2 * k] = fg_param(a->p[0], k);
    ((float *)a->p[2])[2 * k + 1] =
        (float)(1 / sqrt((double)fg_param(a->p[1], k) + (double)a->eps));
}

FG_T_EACH(fixed, fg_fixed(&b, ((void)n, (void)y, (void)x, k)))

/* Where (n, k)'s group has its two numbers. */
FG_HD int64_t fg_group(const FgKernelArgs *a, int n, int k)
{
    return 2 * ((int64_t)(a->t.joint ? 0 : n) * a->groups +
                k / (a->out.c / a->groups));
}

FG_HD float fg_normal(const FgKernelArgs *a, const FgKView *v, int n, int y,
                      int x, int k)
{
    const int64_t g = fg_group(a, n, k);
    return (fg_load(v, y, x, k) - fg_param(a->p[2], g)) *
           fg_param(a->p[2], g + 1);
}

/* p[0] factor and p[1] addend of each channel. */
FG_T_EACH(norm,
          fg_store(&b.out, y, x, k,
                   fg_normal(&b, &b.in[0], n, y, x, k) * fg_param(b.p[0], k) +
                       fg_param(b.p[1], k)))

/* Of a pixel's channels; out has one channel and names the pixel. */
FG_HD void fg_layer_moments(const FgKernelArgs *a, int n, int y, int x)
{
    const FgKView *in = &a->in[0];
    float *const to = (float *)a->p[2] +
                      2 * (((int64_t)n * in->h + y) * in->w + x);
    float mean = 0, var = 0;
    for (int i = 0; i < in->c; i++)
        mean += fg_load(in, y, x, i);
    mean /= (float)in->c;
    for (int i = 0; i < in->c; i++) {
        const float d = fg_load(in, y, x, i) - mean;
        var += d * d;
    }
    to[0] = mean;
    to[1] = 1 / sqrtf(var / (float)in->c + a->eps);
}

FG_T_EACH(layer_moments, fg_layer_moments(&b, n, y, ((void)k, x)))

FG_HD float fg_layer_normal(const FgKernelArgs *a, const FgKView *v, int n,
                            int y, int x, int k)
{
    const int64_t i = 2 * (((int64_t)n * v->h + y) * v->w + x);
    return (fg_load(v, y, x, k) - fg_param(a->p[2], i)) *
           fg_param(a->p[2], i + 1);
}

FG_T_EACH(layer, fg_store(&b.out, y, x, k,
                          fg_layer_normal(&b, &b.in[0], n, y, x, k) *
                                  fg_param(b.p[0], k) +
                              fg_param(b.p[1], k)))

#endif
