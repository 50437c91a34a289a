/* ffgan: the ops of networks, one thread per element of out.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What an op means is said by its file in kernels/. */
#ifndef FFGAN_KERNELS_CUDA_OPS_H
#define FFGAN_KERNELS_CUDA_OPS_H

#include "hd.h"

/* ---- convolutions ---- */

/* Bias, activation, the other operand of a folded sum. */
FG_HD void fg_epilogue(const FgKernelArgs *a, int y, int x, int k, float v)
{
    const float slope = a->act == FG_UNARY_PRELU ? fg_param(a->p[2], k) : 0;
    if (a->add.at && a->add_first)
        v += fg_load(&a->add, y, x, k);
    v = fg_act(a->act, v, a->alpha, slope);
    if (a->add.at && !a->add_first)
        v += fg_load(&a->add, y, x, k);
    fg_store(&a->out, y, x, k, v);
}

/* p[0] [o][i of a group][side][side], p[1] bias or 0, p[2] slopes. */
FG_HD void fg_k_conv(const FgKernelArgs *a, int y, int x, int o)
{
    const FgKView *in = &a->in[0];
    const int ic = in->c / a->groups, oc = a->out.c / a->groups, n = a->kernel;
    const int first = o / oc * ic;
    float sum = a->p[1] ? fg_param(a->p[1], o) : 0;
    for (int v = 0; v < n; v++) {
        const int sy = fg_border(y * a->stride - a->pad + v, in->h,
                                 a->pad_mode);
        for (int u = 0; sy >= 0 && u < n; u++) {
            const int sx = fg_border(x * a->stride - a->pad + u, in->w,
                                     a->pad_mode);
            for (int i = 0; sx >= 0 && i < ic; i++)
                sum += fg_load(in, sy, sx, first + i) *
                       fg_param(a->p[0],
                                (((int64_t)o * ic + i) * n + v) * n + u);
        }
    }
    fg_epilogue(a, y, x, o, sum);
}

/* p[0] [i][o of a group][side][side], p[1] bias or 0. */
FG_HD void fg_k_deconv(const FgKernelArgs *a, int y, int x, int o)
{
    const FgKView *in = &a->in[0];
    const int ic = in->c / a->groups, oc = a->out.c / a->groups, n = a->kernel;
    const int first = o / oc * ic;
    float sum = a->p[1] ? fg_param(a->p[1], o) : 0;
    for (int v = 0; v < n; v++) {
        const int ty = y + a->pad - v, sy = ty / a->stride;
        if (ty < 0 || ty % a->stride || sy >= in->h)
            continue;
        for (int u = 0; u < n; u++) {
            const int tx = x + a->pad - u, sx = tx / a->stride;
            if (tx < 0 || tx % a->stride || sx >= in->w)
                continue;
            for (int i = 0; i < ic; i++)
                sum += fg_load(in, sy, sx, first + i) *
                       fg_param(a->p[0],
                                (((int64_t)(first + i) * oc + o % oc) * n + v) *
                                        n +
                                    u);
        }
    }
    fg_store(&a->out, y, x, o, sum);
}

/* ---- elementwise ---- */

FG_HD float fg_smooth(int mode, float x)
{
    switch (mode) {
    case FG_UNARY_SIGMOID:
        return fg_sigmoid(x);
    case FG_UNARY_SILU:
        return x * fg_sigmoid(x);
    case FG_UNARY_TANH:
        return tanhf(x);
    case FG_UNARY_GELU:
        return 0.5f * x * erfcf(-x * 0.70710678f);
    default: {
        const float e = expf(x > 20 ? 20 : x), q = e * (e + 2);
        return x * (q / (q + 2));
    }
    }
}

FG_HD void fg_k_unary(const FgKernelArgs *a, int y, int x, int k)
{
    float v = fg_load(&a->in[0], y, x, k);
    if (a->mode == FG_UNARY_SCALE)
        v *= a->alpha;
    else if (a->mode == FG_UNARY_AFFINE)
        v = (a->p[0] ? v * fg_param(a->p[0], k) : v) + fg_param(a->p[1], k);
    else if (a->mode >= FG_UNARY_SIGMOID)
        v = fg_smooth(a->mode, v);
    else
        v = fg_act(a->mode, v, a->alpha,
                   a->mode == FG_UNARY_PRELU ? fg_param(a->p[0], k) : 0);
    fg_store(&a->out, y, x, k, v);
}

FG_HD void fg_k_binary(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *b = &a->in[1];
    const int whole = b->h == a->in[0].h && b->w == a->in[0].w;
    const float v = fg_load(&a->in[0], y, x, k);
    const float u = fg_load(b, whole ? y : 0, whole ? x : 0,
                            b->c == a->in[0].c ? k : 0);
    fg_store(&a->out, y, x, k, a->mode == FG_BINARY_MUL ? v * u : v + u);
}

/* Channels first.. of the input to out, a view of the channels wanted. */
FG_HD void fg_k_copy(const FgKernelArgs *a, int y, int x, int k)
{
    fg_store(&a->out, y, x, k, fg_load(&a->in[0], y, x, a->first + k));
}

/* ---- places ---- */

FG_HD void fg_k_shuffle(const FgKernelArgs *a, int y, int x, int k)
{
    const int f = a->factor;
    fg_store(&a->out, y, x, k,
             fg_load(&a->in[0], y / f, x / f, (k * f + y % f) * f + x % f));
}

FG_HD void fg_k_unshuffle(const FgKernelArgs *a, int y, int x, int k)
{
    const int f = a->factor, d = k % (f * f);
    fg_store(&a->out, y, x, k,
             fg_load(&a->in[0], y * f + d / f, x * f + d % f, k / (f * f)));
}

/* Codes 4k .. 4k + 3 of a pixel, value * to8; those past in's channels are 0.
 * out: E4M3, its c and pitch count fours. */
FG_HD void fg_k_narrow(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *in = &a->in[0];
    float v[4];
    FG_UNROLL
    for (int i = 0; i < 4; i++)
        v[i] = 4 * k + i < in->c ? fg_load(in, y, x, 4 * k + i) * a->to8 : 0;
    ((uint32_t *)a->out.at)[fg_index(&a->out, y, x, k)] =
        fg_e4m3_put2(v[0], v[1]) | (uint32_t)fg_e4m3_put2(v[2], v[3]) << 16;
}

/* Keys' weight, the tent's, or one, of tap j of phase p. */
FG_HD float fg_phase_weight(int mode, float at, int j)
{
    const float d = at - (float)j;
    if (mode == 2)
        return fg_keys(d);
    if (mode == 1)
        return d < 0 ? 1 + d : 1 - d;
    return 1;
}

/* Enlarged f times: kernels/resize.c. mode 0 nearest, 1 bilinear, 2 bicubic. */
FG_HD float fg_resized(const FgKView *in, int f, int mode, int y, int x, int k)
{
    const float ay = ((float)(y % f) + 0.5f) / (float)f - 0.5f;
    const float ax = ((float)(x % f) + 0.5f) / (float)f - 0.5f;
    const int nb = f == 1 || !mode ? 1 : 2 * mode, m = nb == 1 ? 0 : mode;
    const int fy = (m && ay < 0 ? -1 : 0) - (m == 2);
    const int fx = (m && ax < 0 ? -1 : 0) - (m == 2);
    float sum = 0;
    for (int u = fx; u < fx + nb; u++) {
        const int sx = fg_iclamp(x / f + u, 0, in->w - 1);
        float column = 0;
        for (int v = fy; v < fy + nb; v++)
            column += fg_load(in, fg_iclamp(y / f + v, 0, in->h - 1), sx, k) *
                      fg_phase_weight(m, ay, v);
        sum += column * fg_phase_weight(m, ax, u);
    }
    return sum;
}

FG_HD void fg_k_resize(const FgKernelArgs *a, int y, int x, int k)
{
    fg_store(&a->out, y, x, k,
             fg_resized(&a->in[0], a->factor, a->mode, y, x, k));
}

FG_HD void fg_k_pool(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *in = &a->in[0];
    const int v = y * a->stride - a->pad, u = x * a->stride - a->pad;
    const int y0 = fg_imax(v, 0), y1 = fg_imin(v + a->kernel, in->h);
    const int x0 = fg_imax(u, 0), x1 = fg_imin(u + a->kernel, in->w);
    float sum = 0, most = fg_load(in, y0, x0, k);
    for (int j = y0; j < y1; j++)
        for (int i = x0; i < x1; i++) {
            const float f = fg_load(in, j, i, k);
            sum += f;
            most = f > most || f != f ? f : most;
        }
    fg_store(&a->out, y, x, k,
             a->mode == FG_POOL_LARGEST ? most
                                        : sum / (float)(a->kernel * a->kernel));
}

FG_HD void fg_k_pad(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *in = &a->in[0];
    const int v = fg_border(y - a->pad, in->h, a->pad_mode);
    const int u = fg_border(x - a->pad, in->w, a->pad_mode);
    fg_store(&a->out, y, x, k, v < 0 || u < 0 ? 0 : fg_load(in, v, u, k));
}

/* One axis; a NaN goes to place 0 with a NaN as weight. */
FG_HD int fg_spot(float at, int size, float *f)
{
    const float top = (float)(size - 1);
    const float safe = at > 0 ? at < top ? at : top : 0;
    const int i = (int)safe;
    *f = at == at ? safe - (float)i : at;
    return i;
}

FG_HD void fg_k_warp(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *in = &a->in[0];
    float fx, fy;
    const int x0 = fg_spot((float)x + fg_load(&a->in[1], y, x, 0), in->w, &fx);
    const int y0 = fg_spot((float)y + fg_load(&a->in[1], y, x, 1), in->h, &fy);
    const int x1 = fg_imin(x0 + 1, in->w - 1), y1 = fg_imin(y0 + 1, in->h - 1);
    const float top = fg_load(in, y0, x0, k) * (1 - fx) +
                      fg_load(in, y0, x1, k) * fx;
    const float low = fg_load(in, y1, x0, k) * (1 - fx) +
                      fg_load(in, y1, x1, k) * fx;
    fg_store(&a->out, y, x, k, top * (1 - fy) + low * fy);
}

/* One axis of kernels/resize_like.c, in whole numbers: the place in halves of
 * the larger pixels has no rounding. Sides are at most 32768. */
FG_HD int fg_like(int at, int from, int to, float *f)
{
    const unsigned int twice = (2 * (unsigned int)at + 1) * (unsigned int)from;
    const unsigned int side = (unsigned int)to;
    const unsigned int place = twice > side ? twice - side : 0;
    const unsigned int i = place / (2 * side);
    *f = (float)(place - i * 2 * side) / (float)(2 * side);
    return fg_imin((int)i, from - 1);
}

FG_HD void fg_k_resize_like(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *in = &a->in[0];
    float fx, fy;
    const int x0 = fg_like(x, in->w, a->out.w, &fx);
    const int y0 = fg_like(y, in->h, a->out.h, &fy);
    const int x1 = fg_imin(x0 + 1, in->w - 1), y1 = fg_imin(y0 + 1, in->h - 1);
    const float top = fg_load(in, y0, x0, k) * (1 - fx) +
                      fg_load(in, y0, x1, k) * fx;
    const float low = fg_load(in, y1, x0, k) * (1 - fx) +
                      fg_load(in, y1, x1, k) * fx;
    fg_store(&a->out, y, x, k, top * (1 - fy) + low * fy);
}

/* ---- sums ---- */

FG_HD void fg_k_correlate(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *b = &a->in[1];
    const int n = a->kernel, v = y + k / n - n / 2, u = x + k % n - n / 2;
    float sum = 0;
    if (v >= 0 && v < b->h && u >= 0 && u < b->w)
        for (int i = 0; i < b->c; i++)
            sum += fg_load(&a->in[0], y, x, i) * fg_load(b, v, u, i);
    fg_store(&a->out, y, x, k, sum / (float)b->c);
}

/* p[0] [o][c][h][w], p[1] bias or 0. */
FG_HD void fg_k_dense(const FgKernelArgs *a, int y, int x, int o)
{
    const FgKView *in = &a->in[0];
    const int64_t size = (int64_t)in->c * in->h * in->w;
    float sum = 0;
    for (int k = 0; k < in->c; k++)
        for (int v = 0; v < in->h; v++)
            for (int u = 0; u < in->w; u++)
                sum += fg_load(in, v, u, k) *
                       fg_param(a->p[0], o * size +
                                             ((int64_t)k * in->h + v) * in->w +
                                             u);
    fg_store(&a->out, y, x, o, sum + (a->p[1] ? fg_param(a->p[1], o) : 0));
}

/* p[0] factor and p[1] addend of each channel; p[2]: mean and 1/deviation of
 * each group (moments). */
FG_HD void fg_k_norm(const FgKernelArgs *a, int y, int x, int k)
{
    const int g = k / (a->out.c / a->groups);
    const float mean = fg_param(a->p[2], 2 * g);
    const float rstd = fg_param(a->p[2], 2 * g + 1);
    fg_store(&a->out, y, x, k,
             (fg_load(&a->in[0], y, x, k) - mean) * rstd *
                     fg_param(a->p[0], k) +
                 fg_param(a->p[1], k));
}

FG_HD void fg_k_layer_norm(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *in = &a->in[0];
    float mean = 0, var = 0;
    for (int i = 0; i < in->c; i++)
        mean += fg_load(in, y, x, i);
    mean /= (float)in->c;
    for (int i = 0; i < in->c; i++) {
        const float d = fg_load(in, y, x, i) - mean;
        var += d * d;
    }
    fg_store(&a->out, y, x, k,
             (fg_load(in, y, x, k) - mean) /
                     sqrtf(var / (float)in->c + a->eps) * fg_param(a->p[0], k) +
                 fg_param(a->p[1], k));
}

/* One sum of FG_BLOCK parts, the same order each time. */
FG_HD double fg_tree(double *part)
{
    for (int n = FG_BLOCK / 2; n; n /= 2) {
        FG_SYNC();
        FG_THREADS(t)
        {
            if (t < n)
                part[t] += part[t + n];
        }
    }
    FG_SYNC();
    return part[0];
}

/* Block g: mean and 1/deviation of the channels of group g over all pixels into
 * p[2][2*g]; where out is given, the mean alone into its channel g. Nothing is
 * done where p[3] is a float that is not 0. */
FG_HD void fg_moments(const FgKernelArgs *a, int g, char *shared)
{
    const FgKView *in = &a->in[0];
    double *part = (double *)shared;
    const int nb = in->c / a->groups;
    const int64_t all = (int64_t)in->h * in->w * nb;
    double mean = 0, var = 0;
    if (a->p[3] && fg_param(a->p[3], 0) != 0)
        return;
    for (int pass = 0; pass < 2; pass++) {
        FG_SYNC();
        FG_THREADS(t)
        {
            double sum = 0;
            for (int64_t i = t; i < all; i += FG_BLOCK) {
                const int64_t at = i / nb;
                const double v = fg_load(in, (int)(at / in->w),
                                         (int)(at % in->w),
                                         g * nb + (int)(i % nb));
                sum += pass ? (v - mean) * (v - mean) : v;
            }
            part[t] = sum;
        }
        if (pass)
            var = fg_tree(part) / (double)all;
        else
            mean = fg_tree(part) / (double)all;
    }
    FG_THREADS(t)
    {
        if (!t && a->out.at)
            fg_store(&a->out, 0, 0, g, (float)mean);
        if (!t && a->p[2]) {
            ((float *)a->p[2])[2 * g] = (float)mean;
            ((float *)a->p[2])[2 * g + 1] = (float)(1 /
                                                    sqrt(var + (double)a->eps));
        }
    }
}

/* ---- pictures ---- */

/* in f32, the picture; out, the window at (x0, y0), edges repeated. */
FG_HD void fg_k_picture_in(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *in = &a->in[0];
    fg_store(&a->out, y, x, k,
             fg_load(in, fg_iclamp(a->y0 + y, 0, in->h - 1),
                     fg_iclamp(a->x0 + x, 0, in->w - 1), k));
}

/* The network's output: value in[0]; with tail, in[0] shuffled (factor) and
 * add enlarged (base_factor), either may be missing. */
FG_HD float fg_net_at(const FgKernelArgs *a, int y, int x, int k)
{
    const int f = a->factor;
    float v = 0;
    if (!a->tail)
        return fg_load(&a->in[0], y, x, k);
    if (a->in[0].at)
        v = fg_load(&a->in[0], y / f, x / f, (k * f + y % f) * f + x % f);
    if (a->add.at)
        v += fg_resized(&a->add, a->base_factor, a->base_mode, y, x, k);
    return v;
}

FG_HD void fg_count_bad(const FgKernelArgs *a, float v)
{
    if (fg_finite(v))
        return;
#ifdef __CUDACC__
    atomicAdd((unsigned long long *)a->bad, 1ULL);
#else
    ++*(uint64_t *)a->bad;
#endif
}

/* out f32, a view of the picture; (x0, y0) of the window goes to its start. */
FG_HD void fg_k_picture_out(const FgKernelArgs *a, int y, int x, int k)
{
    const float v = fg_net_at(a, a->y0 + y, a->x0 + x, k);
    fg_count_bad(a, v);
    ((float *)a->out.at)[((int64_t)y * a->stride + x) * a->out.c + k] = v;
}

#endif
