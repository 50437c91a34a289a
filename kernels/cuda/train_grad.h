/* ffgan: the ops' gradients on batches: a thread per element of what is made,
 * which gathers what it gets, or a block per sum. No sum depends on who comes
 * first. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_CUDA_TRAIN_GRAD_H
#define FFGAN_KERNELS_CUDA_TRAIN_GRAD_H

#include "train_ops.h"

/* ---- borders ---- */

/* Places of a padded line that stand for place i: i itself, and, unless the
 * border is zero, those of the border that repeat it. Candidate j of
 * fg_repeats; -pad - 1: it does not. */
FG_HD int fg_repeats(int pad, int pad_mode)
{
    return pad_mode ? 2 * pad + 1 : 1;
}

FG_HD int fg_repeat(int i, int n, int pad, int pad_mode, int j)
{
    const int at = j <= pad ? -j : n - 1 + j - pad;
    if (!j)
        return i;
    return fg_border(at, n, pad_mode) == i ? at : -pad - 1;
}

/* ---- convolutions ---- */

/* Outputs of one line that see place q by tap t, or -1. */
FG_HD int fg_seen(int q, int t, const FgKernelArgs *a, int n)
{
    const int at = q + a->pad - t;
    if (at < 0 || at % a->stride || at / a->stride >= n)
        return -1;
    return at / a->stride;
}

/* What place (py, px) of the padded picture gets. */
FG_HD float fg_conv_seen(const FgKernelArgs *a, int py, int px, int i)
{
    const FgKView *d = &a->in[0];
    const int ic = a->out.c / a->groups, oc = d->c / a->groups, n = a->kernel;
    const int first = i / ic * oc;
    float sum = 0;
    for (int v = 0; v < n; v++) {
        const int y = fg_seen(py, v, a, d->h);
        for (int u = 0; y >= 0 && u < n; u++) {
            const int x = fg_seen(px, u, a, d->w);
            for (int o = 0; x >= 0 && o < oc; o++)
                sum += fg_load(d, y, x, first + o) *
                       fg_param(a->p[0],
                                (((int64_t)(first + o) * ic + i % ic) * n + v) *
                                        n +
                                    u);
        }
    }
    return sum;
}

FG_HD void fg_conv_back(const FgKernelArgs *a, int y, int x, int i)
{
    const FgKView *o = &a->out;
    const int nb = fg_repeats(a->pad, a->pad_mode);
    float sum = 0;
    for (int j = 0; j < nb; j++) {
        const int py = fg_repeat(y, o->h, a->pad, a->pad_mode, j);
        for (int m = 0; py >= -a->pad && m < nb; m++) {
            const int px = fg_repeat(x, o->w, a->pad, a->pad_mode, m);
            if (px >= -a->pad)
                sum += fg_conv_seen(a, py, px, i);
        }
    }
    fg_put(a, y, x, i, sum);
}

FG_T_EACH(conv_back, fg_conv_back(&b, y, x, k))

/* deconv2d's: the convolution that it is the transpose of. */
FG_HD void fg_deconv_back(const FgKernelArgs *a, int y, int x, int i)
{
    const FgKView *d = &a->in[0];
    const int ic = a->out.c / a->groups, oc = d->c / a->groups, n = a->kernel;
    const int first = i / ic * oc;
    float sum = 0;
    for (int v = 0; v < n; v++) {
        const int sy = y * a->stride - a->pad + v;
        for (int u = 0; sy >= 0 && sy < d->h && u < n; u++) {
            const int sx = x * a->stride - a->pad + u;
            for (int o = 0; sx >= 0 && sx < d->w && o < oc; o++)
                sum += fg_load(d, sy, sx, first + o) *
                       fg_param(a->p[0],
                                (((int64_t)i * oc + o) * n + v) * n + u);
        }
    }
    fg_put(a, y, x, i, sum);
}

FG_T_EACH(deconv_back, fg_deconv_back(&b, y, x, k))

/* One term of weight (o, i, v, u): in[0] the gradient of a convolution's
 * output, in[1] its input; for deconv2d its input and the output's gradient. */
FG_HD float fg_weight_term(const FgKernelArgs *a, int64_t at, int o, int i,
                           int v, int u)
{
    const FgKView *d = &a->in[0], *x = &a->in[1];
    const int nb = d->h * d->w, n = (int)at / nb, p = (int)at % nb;
    const int sy = fg_border(p / d->w * a->stride - a->pad + v, x->h,
                             a->pad_mode);
    const int sx = fg_border(p % d->w * a->stride - a->pad + u, x->w,
                             a->pad_mode);
    if (sy < 0 || sx < 0)
        return 0;
    return fg_flat(d, at, o) *
           fg_flat(x, ((int64_t)n * x->h + sy) * x->w + sx, i);
}

/* p[1] [slice][tap][o][i of a group] f32 =; `blocks` slices of the pixels,
 * which t_slices sums. A block has one tap, one i, FG_LANES neighbouring o, so
 * that neighbouring threads read neighbouring values where groups are small;
 * four threads of each take pixels in turn. */
FG_HD void fg_t_weights(const FgKernelArgs *a, int block, char *shared)
{
    const FgKView *d = &a->in[0];
    const int side = a->kernel, taps = side * side, tap = block % taps;
    const int oc = d->c / a->groups, ic = a->in[1].c / a->groups;
    const int i = block / taps % ic, nb = (d->c + FG_LANES - 1) / FG_LANES;
    const int first = block / taps / ic % nb * FG_LANES;
    const int64_t slice = block / taps / ic / nb;
    const int64_t all = a->t.images * fg_pixels(d);
    const int64_t end = all * (slice + 1) / a->blocks;
    float *const part = (float *)shared;
    FG_THREADS(t)
    {
        const int o = first + t % FG_LANES;
        int64_t p = all * slice / a->blocks + t / FG_LANES;
        float sum = 0;
        for (; o < d->c && p < end; p += FG_BLOCK / FG_LANES)
            sum += fg_weight_term(a, p, o, o / oc * ic + i, tap / side,
                                  tap % side);
        part[t] = sum;
    }
    FG_SYNC();
    FG_THREADS(t)
    {
        const int o = first + t;
        if (t < FG_LANES && o < d->c)
            ((float *)a->p[1])[((slice * taps + tap) * d->c + o) * ic + i] =
                (part[t] + part[t + FG_LANES]) +
                (part[t + 2 * FG_LANES] + part[t + 3 * FG_LANES]);
    }
}

/* ---- a parameter per channel ---- */

FG_HD float fg_channel_term(const FgKernelArgs *a, int64_t i, int k)
{
    const float d = fg_flat(&a->in[0], i, k);
    if (a->mode == FG_SUM_PLAIN)
        return d;
    const float x = fg_flat(&a->in[1], i, k);
    if (a->mode == FG_SUM_SLOPE)
        return x > 0 ? 0 : d * x;
    if (a->mode == FG_SUM_ALONG)
        return x > 0 ? 0 : d * fg_flat(&a->add, i, k);
    return d * ((x - fg_param(a->p[2], 2 * i)) * fg_param(a->p[2], 2 * i + 1));
}

/* p[0] [c] += */
FG_HD void fg_t_channels(const FgKernelArgs *a, int k, char *shared)
{
    const int64_t nb = a->t.images * fg_pixels(&a->in[0]);
    double sum;
    FG_BLOCK_SUM(sum, nb, fg_channel_term(a, i, k));
    FG_THREADS(t)
    {
        if (!t)
            ((float *)a->p[0])[k] += (float)((double)fg_sum_scale(a) * sum);
    }
}

/* ---- elementwise ---- */

FG_HD float fg_gelu_slope(float x)
{
    return 0.5f * erfcf(-x * 0.70710678f) +
           x * 0.39894228f * expf(-0.5f * x * x);
}

FG_HD float fg_mish_slope(float x)
{
    const float e = expf(x > 20 ? 20 : x), q = e * (e + 2);
    const float s = x > 20 ? 1 : q / (q + 2);
    return s + x * (1 - s * s) * fg_sigmoid(x);
}

FG_HD float fg_act_slope(const FgKernelArgs *a, int y, int x, int k)
{
    const float in = a->in[1].at ? fg_load(&a->in[1], y, x, k) : 0;
    const float out = a->add.at ? fg_load(&a->add, y, x, k) : 0;
    switch (a->mode) {
    case FG_UNARY_RELU:
        return out > 0 ? 1 : 0;
    case FG_UNARY_LEAKY:
        return out > 0 ? 1 : a->alpha;
    case FG_UNARY_PRELU:
        return in > 0 ? 1 : fg_param(a->p[0], k);
    case FG_UNARY_SCALE:
        return a->alpha;
    case FG_UNARY_SIGMOID:
        return out * (1 - out);
    case FG_UNARY_TANH:
        return 1 - out * out;
    case FG_UNARY_SILU: {
        const float s = fg_sigmoid(in);
        return s * (1 + in * (1 - s));
    }
    case FG_UNARY_GELU:
        return fg_gelu_slope(in);
    case FG_UNARY_MISH:
        return fg_mish_slope(in);
    default:
        return 1;
    }
}

/* A gradient that is not finite stays so, but where ReLU has no slope. */
FG_T_EACH(act_back, const float d = fg_load(&b.in[0], y, x, k);
          const float s = fg_act_slope(&b, y, x, k);
          fg_put(&b, y, x, k, b.mode == FG_UNARY_RELU && !(s > 0) ? 0 : d * s))

/* The other operand of add's and mul's; in[1] is the operand multiplied by. */
FG_HD float fg_other(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *b = &a->in[1];
    const int whole = b->h == a->in[0].h && b->w == a->in[0].w;
    if (!b->at)
        return 1;
    return fg_load(b, whole ? y : 0, whole ? x : 0, b->c == a->in[0].c ? k : 0);
}

FG_T_EACH(mul_back, fg_put(&b, y, x, k,
                           fg_load(&b.in[0], y, x, k) * fg_other(&b, y, x, k)))

/* Of the second operand, where it has all pixels: in[1] is the first one. */
FG_HD void fg_back_b(const FgKernelArgs *a, int y, int x, int k)
{
    const int c = a->in[0].c, one = a->out.c != c;
    float sum = 0;
    for (int i = one ? 0 : k; i < (one ? c : k + 1); i++)
        sum += fg_load(&a->in[0], y, x, i) * fg_other(a, y, x, i);
    fg_put(a, y, x, k, sum);
}

FG_T_EACH(back_b, fg_back_b(&b, y, x, k))

/* The same where it has one pixel: result (n, channel). */
FG_HD void fg_t_back_pixel(const FgKernelArgs *a, int block, char *shared)
{
    const FgKView *d = &a->in[0], *q = &a->in[1];
    const int n = block / a->out.c, k = block % a->out.c;
    const int c = a->out.c == d->c ? 1 : d->c;
    const int64_t nb = fg_pixels(d), from = n * nb;
    double sum;
    FG_BLOCK_SUM(sum, nb * c,
                 fg_flat(d, from + i / c, k + (int)(i % c)) *
                     (q->at ? fg_flat(q, from + i / c, k + (int)(i % c)) : 1));
    FgKernelArgs b = fg_image(a, n);
    FG_THREADS(t)
    {
        if (!t)
            fg_put(&b, 0, 0, k, (float)sum);
    }
}

/* ---- places ---- */

FG_T_EACH(slice_back, const int from = k - b.first;
          fg_put(&b, y, x, k,
                 from >= 0 && from < b.in[0].c ? fg_load(&b.in[0], y, x, from)
                                               : 0))

/* How much of input line i output line o has: the taps that end there. */
FG_HD float fg_resize_share(int o, int i, int n, int f, int mode)
{
    const float at = ((float)(o % f) + 0.5f) / (float)f - 0.5f;
    const int nb = f == 1 || !mode ? 1 : 2 * mode, m = nb == 1 ? 0 : mode;
    const int first = (m && at < 0 ? -1 : 0) - (m == 2);
    float sum = 0;
    for (int v = first; v < first + nb; v++)
        if (fg_iclamp(o / f + v, 0, n - 1) == i)
            sum += fg_phase_weight(m, at, v);
    return sum;
}

FG_HD void fg_resize_back(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *d = &a->in[0], *o = &a->out;
    const int f = a->factor;
    const int y1 = fg_imin((y + 3) * f, d->h), x0 = fg_imax((x - 2) * f, 0);
    const int x1 = fg_imin((x + 3) * f, d->w);
    float sum = 0;
    for (int v = fg_imax((y - 2) * f, 0); v < y1; v++) {
        const float wy = fg_resize_share(v, y, o->h, f, a->mode);
        for (int u = x0; wy != 0 && u < x1; u++) {
            const float wx = fg_resize_share(u, x, o->w, f, a->mode);
            if (wx != 0)
                sum += wy * wx * fg_load(d, v, u, k);
        }
    }
    fg_put(a, y, x, k, sum);
}

FG_T_EACH(resize_back, fg_resize_back(&b, y, x, k))

/* How much of input line i output line o of `to` has: resize_like's. */
FG_HD float fg_like_share(int o, int i, int from, int to)
{
    float f;
    const int i0 = fg_like(o, from, to, &f), i1 = fg_imin(i0 + 1, from - 1);
    return (i0 == i ? 1 - f : 0) + (i1 == i ? f : 0);
}

/* Outputs that may have input line i: from *first to before the result. */
FG_HD int fg_like_range(int i, int from, int to, int *first)
{
    *first = fg_imax((int)((int64_t)(i - 1) * to / from) - 1, 0);
    return fg_imin((int)((int64_t)(i + 2) * to / from) + 2, to);
}

FG_HD void fg_like_back(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *d = &a->in[0], *o = &a->out;
    int v0, u0;
    const int v1 = fg_like_range(y, o->h, d->h, &v0);
    const int u1 = fg_like_range(x, o->w, d->w, &u0);
    float sum = 0;
    for (int v = v0; v < v1; v++) {
        const float wy = fg_like_share(v, y, o->h, d->h);
        for (int u = u0; wy != 0 && u < u1; u++) {
            const float wx = fg_like_share(u, x, o->w, d->w);
            if (wx != 0)
                sum += wy * wx * fg_load(d, v, u, k);
        }
    }
    fg_put(a, y, x, k, sum);
}

FG_T_EACH(like_back, fg_like_back(&b, y, x, k))

/* Is (y, x) the largest of window (v, u)? The first of equals, a NaN before
 * all. */
FG_HD int fg_is_most(const FgKernelArgs *a, int v, int u, int y, int x, int k)
{
    const FgKView *in = &a->in[1];
    const int top = v * a->stride - a->pad, left = u * a->stride - a->pad;
    const int y0 = fg_imax(top, 0), y1 = fg_imin(top + a->kernel, in->h);
    const int x0 = fg_imax(left, 0), x1 = fg_imin(left + a->kernel, in->w);
    float most = fg_load(in, y0, x0, k);
    int my = y0, mx = x0;
    for (int j = y0; j < y1; j++)
        for (int i = x0; i < x1; i++) {
            const float f = fg_load(in, j, i, k);
            if (f > most || f != f) {
                most = f;
                my = j;
                mx = i;
            }
        }
    return my == y && mx == x;
}

FG_HD void fg_pool_back(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *d = &a->in[0];
    const int s = a->stride, n = a->kernel;
    const int v0 = fg_imax((y + a->pad - n + s) / s, 0);
    const int v1 = fg_imin((y + a->pad) / s, d->h - 1);
    const int u0 = fg_imax((x + a->pad - n + s) / s, 0);
    const int u1 = fg_imin((x + a->pad) / s, d->w - 1);
    float sum = 0;
    for (int v = v0; v <= v1; v++)
        for (int u = u0; u <= u1; u++) {
            const float g = fg_load(d, v, u, k);
            if (a->mode != FG_POOL_LARGEST)
                sum += g / (float)(n * n);
            else if (fg_is_most(a, v, u, y, x, k))
                sum += g;
        }
    fg_put(a, y, x, k, sum);
}

FG_T_EACH(pool_back, fg_pool_back(&b, y, x, k))

FG_HD void fg_pad_back(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *o = &a->out;
    const int nb = fg_repeats(a->pad, a->pad_mode);
    float sum = 0;
    for (int j = 0; j < nb; j++) {
        const int py = fg_repeat(y, o->h, a->pad, a->pad_mode, j);
        for (int m = 0; py >= -a->pad && m < nb; m++) {
            const int px = fg_repeat(x, o->w, a->pad, a->pad_mode, m);
            if (px >= -a->pad)
                sum += fg_load(&a->in[0], py + a->pad, px + a->pad, k);
        }
    }
    fg_put(a, y, x, k, sum);
}

FG_T_EACH(pad_back, fg_pad_back(&b, y, x, k))

/* ---- warp ---- */

/* Picture (in[1]) and flow (add) at a pixel: fg_k_warp's. */
typedef struct FgSpot {
    int x0, x1, y0, y1;
    float fx, fy;
} FgSpot;

FG_HD FgSpot fg_warp_spot(const FgKernelArgs *a, int y, int x)
{
    const FgKView *in = &a->in[1];
    FgSpot s;
    s.x0 = fg_spot((float)x + fg_load(&a->add, y, x, 0), in->w, &s.fx);
    s.y0 = fg_spot((float)y + fg_load(&a->add, y, x, 1), in->h, &s.fy);
    s.x1 = fg_imin(s.x0 + 1, in->w - 1);
    s.y1 = fg_imin(s.y0 + 1, in->h - 1);
    return s;
}

FG_HD void fg_give(const FgKernelArgs *a, int y, int x, int k, float v)
{
    fg_store(&a->out, y, x, k, fg_load(&a->out, y, x, k) + v);
}

/* Of the picture: pixels may meet anywhere, so each channel of each image has
 * one thread, which takes them in turn. */
FG_HD void fg_warp_back(const FgKernelArgs *a, int k)
{
    const FgKView *d = &a->in[0];
    for (int y = 0; !a->t.add && y < d->h; y++)
        for (int x = 0; x < d->w; x++)
            fg_store(&a->out, y, x, k, 0);
    for (int y = 0; y < d->h; y++)
        for (int x = 0; x < d->w; x++) {
            const FgSpot s = fg_warp_spot(a, y, x);
            const float g = fg_load(d, y, x, k);
            fg_give(a, s.y0, s.x0, k, g * (1 - s.fy) * (1 - s.fx));
            fg_give(a, s.y0, s.x1, k, g * (1 - s.fy) * s.fx);
            fg_give(a, s.y1, s.x0, k, g * s.fy * (1 - s.fx));
            fg_give(a, s.y1, s.x1, k, g * s.fy * s.fx);
        }
}

FG_HD void fg_t_warp_back(const FgKernelArgs *a, int block, char *shared)
{
    (void)shared;
    FG_THREADS(t)
    {
        const int i = block * FG_BLOCK + t, c = a->out.c;
        if (i < a->t.images * c) {
            const FgKernelArgs b = fg_image(a, i / c);
            fg_warp_back(&b, i % c);
        }
    }
}

/* Of the flow: 0 where it leads out of the picture. */
FG_HD void fg_flow_back(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *d = &a->in[0], *in = &a->in[1];
    const FgSpot s = fg_warp_spot(a, y, x);
    const float at = (float)(k ? y : x) + fg_load(&a->add, y, x, k);
    const float top = (float)((k ? in->h : in->w) - 1);
    float sum = 0;
    for (int c = 0; c < d->c; c++) {
        const float p = fg_load(in, s.y0, s.x0, c);
        const float q = fg_load(in, s.y0, s.x1, c);
        const float u = fg_load(in, s.y1, s.x0, c);
        const float v = fg_load(in, s.y1, s.x1, c);
        sum += fg_load(d, y, x, c) *
               (k ? (u - p) * (1 - s.fx) + (v - q) * s.fx
                  : (q - p) * (1 - s.fy) + (v - u) * s.fy);
    }
    fg_put(a, y, x, k, at > 0 && at < top ? sum : 0);
}

FG_T_EACH(flow_back, fg_flow_back(&b, y, x, k))

/* ---- products ---- */

/* in[1]: the other operand; mode 1: of the second one. */
FG_HD void fg_correlate_back(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *d = &a->in[0], *o = &a->in[1];
    const int n = a->kernel, r = n / 2, sign = a->mode ? -1 : 1;
    float sum = 0;
    for (int i = 0; i < n * n; i++) {
        const int v = y + sign * (i / n - r), u = x + sign * (i % n - r);
        if (v >= 0 && v < o->h && u >= 0 && u < o->w)
            sum += fg_load(o, v, u, k) *
                   fg_load(d, a->mode ? v : y, a->mode ? u : x, i);
    }
    fg_put(a, y, x, k, sum / (float)o->c);
}

FG_T_EACH(correlate_back, fg_correlate_back(&b, y, x, k))

FG_HD void fg_dense_back(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKView *d = &a->in[0], *o = &a->out;
    const int64_t size = (int64_t)o->c * o->h * o->w;
    const int64_t at = ((int64_t)k * o->h + y) * o->w + x;
    float sum = 0;
    for (int i = 0; i < d->c; i++)
        sum += fg_load(d, 0, 0, i) * fg_param(a->p[0], i * size + at);
    fg_put(a, y, x, k, sum);
}

FG_T_EACH(dense_back, fg_dense_back(&b, y, x, k))

/* Weight k of out, p[0]'s [o][c][h][w] in one line. */
FG_HD void fg_dense_weights(const FgKernelArgs *a, int k)
{
    const FgKView *d = &a->in[0], *in = &a->in[1];
    const int pixels = in->h * in->w, size = in->c * pixels;
    const int o = k / size, c = k % size / pixels, p = k % pixels;
    float sum = 0;
    for (int n = 0; n < a->t.results; n++)
        sum += fg_flat(d, n, o) * fg_flat(in, (int64_t)n * pixels + p, c);
    ((float *)a->out.at)[k] += fg_sum_scale(a) * sum;
}

FG_HD void fg_t_dense_weights(const FgKernelArgs *a, int block, char *shared)
{
    (void)shared;
    FG_THREADS(t)
    {
        int n, y, x, k;
        if (fg_place(a, block, t, &n, &y, &x, &k))
            fg_dense_weights(a, k);
    }
}

FG_T_EACH(mean_back,
          fg_put(&b, y, x, k,
                 fg_load(&b.in[0], 0, 0, k) / (float)(b.out.h * b.out.w)))

/* ---- norms ---- */

/* Result (n, channel): sums of the gradient, and of it times the normalised
 * input, into p[3]. */
FG_HD void fg_t_norm_sums(const FgKernelArgs *a, int block, char *shared)
{
    const FgKView *d = &a->in[0], *in = &a->in[1];
    const int n = block / d->c, k = block % d->c;
    const int64_t nb = fg_pixels(d), from = n * nb;
    const int64_t g = 2 * ((int64_t)(a->t.joint ? 0 : n) * a->groups +
                           k / (d->c / a->groups));
    const double mean = (double)fg_param(a->p[2], g);
    const double rstd = (double)fg_param(a->p[2], g + 1);
    double s1, s2;
    FG_BLOCK_SUM(s1, nb, fg_flat(d, from + i, k));
    FG_BLOCK_SUM(s2, nb,
                 (double)fg_flat(d, from + i, k) *
                     (((double)fg_flat(in, from + i, k) - mean) * rstd));
    FG_THREADS(t)
    {
        double *const to = (double *)a->p[3] + 2 * (int64_t)block;
        if (!t) {
            to[0] = s1;
            to[1] = s2;
        }
    }
}

/* p[0] [c] += second sums, p[1] [c] += first ones, over results images; either
 * may be missing. */
FG_HD void fg_norm_params(const FgKernelArgs *a, int k)
{
    const double *const s = (const double *)a->p[3];
    double s1 = 0, s2 = 0;
    for (int n = 0; n < a->t.results; n++) {
        s1 += s[2 * ((int64_t)n * a->out.c + k)];
        s2 += s[2 * ((int64_t)n * a->out.c + k) + 1];
    }
    if (a->p[0])
        ((float *)a->p[0])[k] += (float)((double)fg_sum_scale(a) * s2);
    if (a->p[1])
        ((float *)a->p[1])[k] += (float)((double)fg_sum_scale(a) * s1);
}

FG_T_EACH(norm_params, fg_norm_params(&b, ((void)n, (void)y, (void)x, k)))

/* p[0]: the factors; p[2], p[3] of moments and norm_sums. */
FG_HD void fg_norm_back(const FgKernelArgs *a, int n, int y, int x, int k)
{
    const int c = a->out.c / a->groups, g = k / c;
    const double nb = (double)fg_pixels(&a->out) * c *
                      (a->t.joint ? a->t.images : 1);
    const int n0 = a->t.joint ? 0 : n, n1 = a->t.joint ? a->t.images : n + 1;
    const double *const s = (const double *)a->p[3];
    const float rstd = fg_param(a->p[2], fg_group(a, n, k) + 1);
    double s1 = 0, s2 = 0;
    for (int m = n0; !a->t.fixed && m < n1; m++)
        for (int i = g * c; i < g * c + c; i++) {
            const double w = (double)fg_param(a->p[0], i);
            s1 += s[2 * ((int64_t)m * a->out.c + i)] * w;
            s2 += s[2 * ((int64_t)m * a->out.c + i) + 1] * w;
        }
    fg_put(a, y, x, k,
           (fg_load(&a->in[0], y, x, k) * fg_param(a->p[0], k) -
            (float)(s1 / nb) -
            fg_normal(a, &a->in[1], n, y, x, k) * (float)(s2 / nb)) *
               rstd);
}

FG_T_EACH(norm_back, fg_norm_back(&b, n, y, x, k))

/* A pixel's sums over its channels into p[3], f32; out as layer_moments'. */
FG_HD void fg_layer_sums(const FgKernelArgs *a, int n, int y, int x)
{
    const FgKView *d = &a->in[0];
    float *const to = (float *)a->p[3] +
                      2 * (((int64_t)n * d->h + y) * d->w + x);
    float s1 = 0, s2 = 0;
    for (int i = 0; i < d->c; i++) {
        const float g = fg_load(d, y, x, i) * fg_param(a->p[0], i);
        s1 += g;
        s2 += g * fg_layer_normal(a, &a->in[1], n, y, x, i);
    }
    to[0] = s1 / (float)d->c;
    to[1] = s2 / (float)d->c;
}

FG_T_EACH(layer_sums, fg_layer_sums(&b, n, y, ((void)k, x)))

FG_HD void fg_layer_back(const FgKernelArgs *a, int n, int y, int x, int k)
{
    const int64_t i = 2 * (((int64_t)n * a->out.h + y) * a->out.w + x);
    fg_put(
        a, y, x, k,
        (fg_load(&a->in[0], y, x, k) * fg_param(a->p[0], k) -
         fg_param(a->p[3], i) -
         fg_layer_normal(a, &a->in[1], n, y, x, k) * fg_param(a->p[3], i + 1)) *
            fg_param(a->p[2], i + 1));
}

FG_T_EACH(layer_back, fg_layer_back(&b, n, y, x, k))

/* ---- gradient penalties: trainer/penalty.h ---- */

/* phi'' of an activation, at z. */
FG_HD float fg_curve(int mode, float z)
{
    if (mode == FG_UNARY_TANH) {
        const float y = tanhf(z);
        return -2 * y * (1 - y * y);
    }
    const float s = fg_sigmoid(z), d = s * (1 - s);
    const float b = d * (1 - 2 * s); /* of the sigmoid */
    return mode == FG_UNARY_SILU ? 2 * d + z * b : b;
}

/* phi''(in[1]) in[0] add, times the first of t.live's numbers. */
FG_HD void fg_bend(const FgKernelArgs *a, int y, int x, int k)
{
    const float by = ((const FgLive *)a->t.live)->k[0];
    fg_store(&a->out, y, x, k,
             fg_curve(a->mode, fg_load(&a->in[1], y, x, k)) *
                 fg_load(&a->in[0], y, x, k) *
                 (fg_load(&a->add, y, x, k) * by));
}

FG_T_EACH(bend, fg_bend(&b, y, x, k))

#endif
