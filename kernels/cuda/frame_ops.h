/* ffgan: frames in device memory to the network's input, and its output to
 * frames, one thread per pixel. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The same steps as filters/upscale.h. a->groups = the network's channels: 1
 * (Y') or 3 (R'G'B'); in and out views have c = 1, so that a thread is a pixel.
 */
#ifndef FFGAN_KERNELS_CUDA_FRAME_OPS_H
#define FFGAN_KERNELS_CUDA_FRAME_OPS_H

#include "ops.h"

/* ---- samples ---- */

FG_HD char *fg_sample_at(const FgKFrame *f, const FgKPlane *p, int y, int x)
{
    return (char *)p->at + (int64_t)y * p->pitch +
           ((int64_t)x * p->step + p->offset) * f->bytes;
}

FG_HD float fg_sample(const FgKFrame *f, int comp, int y, int x)
{
    const char *s = fg_sample_at(f, &f->comp[comp], y, x);
    const int code = f->bytes == 1 ? *(const uint8_t *)s
                                   : *(const uint16_t *)s >> f->shift;
    return ((float)code - f->offset[comp]) * f->to_value[comp];
}

FG_HD void fg_put_code(const FgKFrame *f, const FgKPlane *p, int y, int x,
                       int code)
{
    char *s = fg_sample_at(f, p, y, x);
    if (f->bytes == 1)
        *(uint8_t *)s = (uint8_t)code;
    else
        *(uint16_t *)s = (uint16_t)(code << f->shift);
}

FG_HD void fg_put_sample(const FgKFrame *f, int comp, int y, int x, float v)
{
    float c = v * f->to_code[comp] + f->offset[comp];
    c = c > 0 ? c : 0;
    c = c < f->max ? c : f->max;
    fg_put_code(f, &f->comp[comp], y, x, (int)(c + 0.5f));
}

FG_HD void fg_yuv_to_rgb(const FgKernelArgs *a, float y, float pb, float pr,
                         float v[3])
{
    const float kr = a->kr, kb = a->kb, kg = 1 - kr - kb;
    const float cr = 2 * (1 - kr), cb = 2 * (1 - kb);
    v[0] = y + cr * pr;
    v[1] = y - (kb * cb / kg * pb + kr * cr / kg * pr);
    v[2] = y + cb * pb;
}

FG_HD void fg_rgb_to_yuv(const FgKernelArgs *a, const float v[3], float *y,
                         float *pb, float *pr)
{
    const float kr = a->kr, kb = a->kb;
    *y = kr * v[0] + (1 - kr - kb) * v[1] + kb * v[2];
    *pb = (v[2] - *y) / (2 * (1 - kb));
    *pr = (v[0] - *y) / (2 * (1 - kr));
}

FG_HD float fg_clip(float v)
{
    v = v > 0 ? v : 0;
    return v < 1 ? v : 1;
}

/* ---- bicubic, at any place and step (filters/resample.h) ---- */

enum {
    FG_FETCH_CHROMA,
    FG_FETCH_SIDE,
    FG_FETCH_CUP,
    FG_FETCH_CFULL,
    FG_FETCH_ALPHA
};

FG_HD float fg_fetch(const FgKernelArgs *a, int what, int w, int y, int x,
                     int k)
{
    const int64_t at = (int64_t)y * w + x;
    float v[3], c[2], luma;
    switch (what) {
    case FG_FETCH_CHROMA:
        if (!a->src.rgb)
            return fg_sample(&a->src, 1 + k, y, x);
        for (int i = 0; i < 3; i++)
            v[i] = fg_sample(&a->src, i, y, x);
        fg_rgb_to_yuv(a, v, &luma, &c[0], &c[1]);
        return k ? c[1] : c[0];
    case FG_FETCH_ALPHA:
        return fg_sample(&a->src, 3, y, x);
    case FG_FETCH_CUP:
        return fg_param(a->cup, 2 * at + k);
    case FG_FETCH_CFULL:
        return fg_param(a->cfull, 2 * at + k);
    default:
        return fg_param(a->side, a->groups * at + k);
    }
}

FG_HD float fg_bicubic(const FgKernelArgs *a, int what, const FgKAxis axis[2],
                       int w, int h, int y, int x, int k)
{
    const double cx = axis[0].first + x * axis[0].step;
    const double cy = axis[1].first + y * axis[1].step;
    const float wx = axis[0].step > 1 ? (float)axis[0].step : 1;
    const float wy = axis[1].step > 1 ? (float)axis[1].step : 1;
    const int lx = (int)floor(cx - 2 * (double)wx) + 1;
    const int ly = (int)floor(cy - 2 * (double)wy) + 1;
    const float fx = (float)(cx - lx), fy = (float)(cy - ly);
    const int nx = (int)ceilf(4 * wx), ny = (int)ceilf(4 * wy);
    float sum = 0, sx = 0, sy = 0;
    for (int j = 0; j < ny; j++) {
        const float v = fg_keys(((float)j - fy) / wy);
        float row = 0;
        sx = 0;
        for (int i = 0; i < nx; i++) {
            const float u = fg_keys(((float)i - fx) / wx);
            row += u * fg_fetch(a, what, w, fg_iclamp(ly + j, 0, h - 1),
                                fg_iclamp(lx + i, 0, w - 1), k);
            sx += u;
        }
        sum += row * v;
        sy += v;
    }
    return sum / (sx * sy);
}

/* ---- in ---- */

/* The frame's pixel as the network's kind of values; chroma where it was asked
 * for is left in c. */
FG_HD void fg_pixel(const FgKernelArgs *a, int y, int x, float v[3], float c[2])
{
    const FgKFrame *f = &a->src;
    if (f->rgb) {
        for (int i = 0; i < 3; i++)
            v[i] = fg_sample(f, i, y, x);
        if (a->groups == 1) {
            const float r[3] = {v[0], v[1], v[2]};
            fg_rgb_to_yuv(a, r, &v[0], &c[0], &c[1]);
        }
        return;
    }
    const float luma = fg_sample(f, 0, y, x);
    v[0] = luma;
    if (a->groups == 1)
        return;
    for (int k = 0; k < 2; k++)
        c[k] = f->cw == f->w && f->ch == f->h
                   ? fg_sample(f, 1 + k, y, x)
                   : fg_bicubic(a, FG_FETCH_CHROMA, a->c_up, f->cw, f->ch, y, x,
                                k);
    fg_yuv_to_rgb(a, luma, c[0], c[1], v);
}

/* out: the network's input, edges repeated beyond the frame. */
FG_HD void fg_k_frame_in(const FgKernelArgs *a, int y, int x, int k)
{
    const int sy = fg_imin(y, a->src.h - 1), sx = fg_imin(x, a->src.w - 1);
    const int inside = sy == y && sx == x, n = a->groups;
    const int64_t at = (int64_t)sy * a->src.w + sx;
    float v[3] = {0, 0, 0}, c[2] = {0, 0};
    fg_pixel(a, sy, sx, v, c);
    for (int i = 0; i < 3; i++) {
        if (i >= n)
            continue;
        fg_store(&a->out, y, x, k + i, fg_clip(v[i]));
        if (inside)
            ((float *)a->side)[n * at + i] = v[i] -
                                             (1 - a->blend) * fg_clip(v[i]);
    }
    if (a->cup && inside) {
        ((float *)a->cup)[2 * at] = c[0];
        ((float *)a->cup)[2 * at + 1] = c[1];
    }
}

/* ---- out ---- */

FG_HD float fg_mixed(const FgKernelArgs *a, int y, int x, int k)
{
    const float net = fg_net_at(a, y, x, k);
    const float v = (1 - a->blend) * net + fg_bicubic(a, FG_FETCH_SIDE, a->up,
                                                      a->src.w, a->src.h, y, x,
                                                      k);
    fg_count_bad(a, net);
    return fg_finite(v) ? v : 0;
}

FG_HD void fg_put_rgb(const FgKernelArgs *a, int y, int x, const float v[3])
{
    for (int i = 0; i < 3; i++)
        fg_put_sample(&a->dst, i, y, x, v[i]);
    if (a->dst.filler.at)
        fg_put_code(&a->dst, &a->dst.filler, y, x, (int)a->dst.max);
}

FG_HD void fg_put_yuv(const FgKernelArgs *a, int y, int x, const float v[3])
{
    const FgKFrame *d = &a->dst;
    const int64_t at = 2 * ((int64_t)y * d->w + x);
    float luma, c[2];
    fg_rgb_to_yuv(a, v, &luma, &c[0], &c[1]);
    fg_put_sample(d, 0, y, x, luma);
    for (int k = 0; k < 2; k++) {
        if (!a->cfull)
            fg_put_sample(d, 1 + k, y, x, c[k]);
        else
            ((float *)a->cfull)[at + k] = c[k];
    }
}

FG_HD void fg_k_frame_out(const FgKernelArgs *a, int y, int x, int k)
{
    float v[3];
    (void)k;
    v[0] = fg_mixed(a, y, x, 0);
    if (a->groups == 3) {
        v[1] = fg_mixed(a, y, x, 1);
        v[2] = fg_mixed(a, y, x, 2);
        if (a->dst.rgb)
            fg_put_rgb(a, y, x, v);
        else
            fg_put_yuv(a, y, x, v);
        return;
    }
    if (!a->dst.rgb) {
        fg_put_sample(&a->dst, 0, y, x, v[0]);
        return;
    }
    const float pb = fg_bicubic(a, FG_FETCH_CHROMA, a->c_same, a->src.w,
                                a->src.h, y, x, 0);
    const float pr = fg_bicubic(a, FG_FETCH_CHROMA, a->c_same, a->src.w,
                                a->src.h, y, x, 1);
    const float luma = v[0];
    fg_yuv_to_rgb(a, luma, pb, pr, v);
    fg_put_rgb(a, y, x, v);
}

/* One sample of the output's chroma planes, k = 0, 1. */
FG_HD void fg_k_frame_chroma(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKFrame *s = &a->src, *d = &a->dst;
    float v = fg_bicubic(a, FG_FETCH_CHROMA, a->c_same, s->cw, s->ch, y, x, k);
    if (a->groups == 3)
        v += fg_bicubic(a, FG_FETCH_CFULL, a->c_down, d->w, d->h, y, x, k) -
             fg_bicubic(a, FG_FETCH_CUP, a->c_loss, s->w, s->h, y, x, k);
    fg_put_sample(d, 1 + k, y, x, fg_finite(v) ? v : 0);
}

/* One sample of the output's alpha, which no network sees. */
FG_HD void fg_k_frame_alpha(const FgKernelArgs *a, int y, int x, int k)
{
    (void)k;
    fg_put_sample(
        &a->dst, 3, y, x,
        fg_bicubic(a, FG_FETCH_ALPHA, a->up, a->src.w, a->src.h, y, x, 0));
}

#endif
