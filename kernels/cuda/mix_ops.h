/* ffgan: frames in device memory that are moved, mixed and masked: one thread
 * per sample. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What filters/steady.c, filters/between.c, filters/whole.c, kernels/interp.c
 * and filters/vf_ganfx.c do on the CPU, in the same order. */
#ifndef FFGAN_KERNELS_CUDA_MIX_OPS_H
#define FFGAN_KERNELS_CUDA_MIX_OPS_H

#include "flow_ops.h"

/* A component's value to its code in dst. */
FG_HD void fg_put_plane(const FgKernelArgs *a, int y, int x, float v)
{
    fg_put_sample(&a->dst, a->first, y, x, v);
    if (!a->first && a->dst.filler.at)
        fg_put_code(&a->dst, &a->dst.filler, y, x, (int)a->dst.max);
}

/* ---- ganfx: steady and measure ---- */

/* Component `first` of an effect. plane[0], plane[1]: the effect of the frame
 * before and this one's; plane[2], of luma: what left of the frame before, and
 * plane[3], plane[4] the sources. plane[5], of luma: what leaves, else its data
 * is NULL. p[0]: see verdict, 0 = no frame before. blend, eps: share and bound;
 * parts, of luma, or none: [h][w] of 4: how much source, effect and what leaves
 * differ from the frame before, and how surely it was seen. */
FG_HD void fg_k_steady(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKSpot s = fg_bordered(&a->plane[1], y, x);
    const float now = fg_plane_at(&a->plane[1], s.y, s.x);
    const int goes_on = a->p[0] && fg_param(a->p[0], 0) != 0;
    float px = 0, py = 0, sure = 0, d = now, old = now;
    if (goes_on) {
        fg_flow_was(&a->flow, &a->grid, s.y, s.x, &px, &py, &sure);
        old = fg_flow_sample(&a->plane[0], px, py);
        float v = FG_MUL(FG_MUL(a->blend, sure), old - now);
        v = v > -a->eps ? v < a->eps ? v : a->eps : -a->eps;
        d = now + v;
    }
    if (a->plane[5].data)
        fg_plane_put(&a->plane[5], s.to_y, s.to_x, d);
    if (!s.inside)
        return;
    if (goes_on && a->blend > 0)
        fg_put_plane(a, s.y, s.x, d);
    if (!a->parts)
        return;
    float *const sum = (float *)a->parts + 4 * ((int64_t)s.y * a->dst.w + s.x);
    (void)k;
    sum[0] = sum[1] = sum[2] = sum[3] = 0;
    if (!goes_on)
        return;
    const float was = fg_flow_sample(&a->plane[2], px, py);
    const float from = fg_flow_sample(&a->plane[3], px, py);
    sum[0] = FG_MUL(sure, fabsf(fg_plane_at(&a->plane[4], s.y, s.x) - from));
    sum[1] = FG_MUL(sure, fabsf(now - old));
    sum[2] = FG_MUL(sure, fabsf(d - was));
    sum[3] = sure;
}

/* ---- ganfx: mask ---- */

/* The mask's mean over the luma samples of sample (y, x) of component first. */
FG_HD float fg_masked(const FgKernelArgs *a, int y, int x)
{
    const FgKFrame *m = &a->mask;
    const int chroma = a->first && !a->dst.rgb;
    const int nx = chroma ? a->factor : 1, ny = chroma ? a->base_factor : 1;
    float d = 0;
    for (int j = 0; j < ny; j++) {
        const int at = fg_imin(y * ny + j, m->h - 1);
        float sum = 0;
        for (int i = 0; i < nx; i++)
            sum += fg_clip(fg_sample(m, 0, at, fg_imin(x * nx + i, m->w - 1)));
        d += sum / (float)(nx * ny);
    }
    return d;
}

/* Component `first` of dst, the effect, over src: as much as mask says, whose
 * component 0 it is. factor, base_factor: luma samples of a chroma sample. */
FG_HD void fg_k_mask(const FgKernelArgs *a, int y, int x, int k)
{
    const float from = fg_sample(&a->src, a->first, y, x);
    const float to = fg_sample(&a->dst, a->first, y, x);
    (void)k;
    fg_put_sample(&a->dst, a->first, y, x,
                  from + FG_MUL(fg_masked(a, y, x), to - from));
}

/* ---- ganinterp: around the network (kernels/interp.h) ---- */

enum { FG_K_LUMA, FG_K_SHARE, FG_K_FADE, FG_K_ERROR, FG_K_FUSED };

/* out [h][w][7]: what the network sees. plane[0], plane[1]: luma. */
FG_HD void fg_k_between_in(const FgKernelArgs *a, int y, int x, int k)
{
    const FgFlowPlace p = fg_flow_place(&a->flow, &a->grid, y, x);
    const float speed = FG_MUL(p.speed, 1.0f / 32);
    fg_store(&a->out, y, x, k, fg_flow_sample(&a->plane[0], p.x0, p.y0));
    fg_store(&a->out, y, x, k + 1, fg_flow_sample(&a->plane[1], p.x1, p.y1));
    fg_store(&a->out, y, x, k + 2, p.share);
    fg_store(&a->out, y, x, k + 3, speed < 1 ? speed : 1);
    fg_store(&a->out, y, x, k + 4, fg_plane_at(&a->plane[0], y, x));
    fg_store(&a->out, y, x, k + 5, fg_plane_at(&a->plane[1], y, x));
    fg_store(&a->out, y, x, k + 6, a->flow.t);
}

/* out [h][w][FG_K_FUSED] of in[0], what the network saw, and in[1] [h][w][3],
 * what it gave, or none. */
FG_HD void fg_k_between_fuse(const FgKernelArgs *a, int y, int x, int k)
{
    const float *in = (const float *)a->in[0].at + fg_index(&a->in[0], y, x, 0);
    const float *o = a->in[1].at ? (const float *)a->in[1].at +
                                       fg_index(&a->in[1], y, x, 0)
                                 : NULL;
    const float share = fg_clip(in[2] + (o ? o[0] : 0));
    const float fade = o ? fg_clip(o[2]) : 0;
    const float moved = in[0] + FG_MUL(share, in[1] - in[0]);
    const float plain = in[4] + FG_MUL(in[6], in[5] - in[4]);
    const float d = in[1] - in[0];
    (void)k;
    fg_store(&a->out, y, x, FG_K_LUMA, moved + FG_MUL(fade, plain - moved));
    fg_store(&a->out, y, x, FG_K_SHARE, share);
    fg_store(&a->out, y, x, FG_K_FADE, fade);
    fg_store(&a->out, y, x, FG_K_ERROR,
             FG_MUL(FG_MUL(FG_MUL(FG_MUL(0.5f, share), 1 - share), d), d));
}

/* A column of the fused map's value k (squared: or of its square), 2 n + 1
 * high. */
FG_HD float fg_column(const FgKView *f, int y, int x, int n, int k, int squared)
{
    float sum = 0;
    x = fg_iclamp(x, 0, f->w - 1);
    for (int j = -n; j <= n; j++) {
        const float v = fg_load(f, fg_iclamp(y + j, 0, f->h - 1), x, k);
        sum += squared ? FG_MUL(v, v) : v;
    }
    return sum;
}

FG_HD float fg_square3(const FgKView *f, int y, int x, int squared)
{
    return FG_MUL((fg_column(f, y, x - 1, 1, FG_K_LUMA, squared) +
                   fg_column(f, y, x, 1, FG_K_LUMA, squared)) +
                      fg_column(f, y, x + 1, 1, FG_K_LUMA, squared),
                  1 / 9.0f);
}

/* Sample (y, x) of fg_interp_settle. */
FG_HD float fg_settled(const FgKView *f, int y, int x)
{
    const float mean = fg_square3(f, y, x, 0), in = fg_load(f, y, x, FG_K_LUMA);
    const float v = fg_square3(f, y, x, 1) - FG_MUL(mean, mean);
    float e = fg_column(f, y, x - 2, 2, FG_K_ERROR, 0);
    for (int i = -1; i <= 2; i++)
        e += fg_column(f, y, x + i, 2, FG_K_ERROR, 0);
    const float n = FG_MUL(e, 1 / 25.0f);
    const float keep = v > n ? (v - n) / v : 0;
    return n > 0 ? mean + FG_MUL(keep, in - mean) : in;
}

/* The mean of value k of the fused map over the luma samples of (y, x). */
FG_HD float fg_mean_of(const FgKernelArgs *a, int k, int y, int x)
{
    const FgKView *f = &a->in[0];
    const int nx = (int)a->grid.step_x, ny = (int)a->grid.step_y;
    float sum = 0;
    for (int j = 0; j < ny; j++)
        for (int i = 0; i < nx; i++)
            sum += fg_load(f, fg_imin(y * ny + j, f->h - 1),
                           fg_imin(x * nx + i, f->w - 1), k);
    return sum / (float)(nx * ny);
}

/* Both frames at the time, mixed; with a network faded where it says so. */
FG_HD float fg_moved(const FgKernelArgs *a, int y, int x)
{
    const FgFlowPlace p = fg_flow_place(&a->flow, &a->grid, y, x);
    float v = fg_flow_sample(&a->plane[0], p.x0, p.y0);
    const float w = fg_flow_sample(&a->plane[1], p.x1, p.y1);
    v += FG_MUL(fg_mean_of(a, FG_K_SHARE, y, x), w - v);
    if (!a->in[1].at)
        return v;
    const float q = fg_plane_at(&a->plane[0], y, x);
    const float r = fg_plane_at(&a->plane[1], y, x);
    return v + FG_MUL(fg_mean_of(a, FG_K_FADE, y, x),
                      (q + FG_MUL(a->flow.t, r - q)) - v);
}

/* Component `first` of dst. in[0]: the fused map, in[1]: what the network gave,
 * or none. plane[0], plane[1]: the component of both frames. Alpha moves, and
 * gets nothing of what luma gets. */
FG_HD void fg_k_between_out(const FgKernelArgs *a, int y, int x, int k)
{
    const int rgb = a->dst.rgb && a->first < 3;
    const int luma = rgb || !a->first; /* what luma gets, all three do */
    float v = luma ? fg_settled(&a->in[0], y, x) : 0;
    (void)k;
    if (luma && a->in[1].at)
        v += fg_load(&a->in[1], y, x, 1);
    if (rgb)
        v -= fg_load(&a->in[0], y, x, FG_K_LUMA);
    if (rgb || a->first)
        v += fg_moved(a, y, x);
    fg_put_plane(a, y, x, v);
}

/* ---- ganinterp: networks that make the whole frame (filters/whole.h) ---- */

/* out [h][w][3]: R'G'B' of src, not clipped. */
FG_HD void fg_k_whole_rgb(const FgKernelArgs *a, int y, int x, int k)
{
    float v[3] = {0, 0, 0}, c[2];
    fg_pixel(a, y, x, v, c);
    for (int i = 0; i < 3; i++)
        fg_store(&a->out, y, x, k + i, v[i]);
}

/* out [h][w][7]: what the network sees at time alpha of in[0] and in[1]. */
FG_HD void fg_k_whole_in(const FgKernelArgs *a, int y, int x, int k)
{
    for (int i = 0; i < 3; i++) {
        fg_store(&a->out, y, x, k + i, fg_clip(fg_load(&a->in[0], y, x, i)));
        fg_store(&a->out, y, x, k + 3 + i,
                 fg_clip(fg_load(&a->in[1], y, x, i)));
    }
    fg_store(&a->out, y, x, k + 6, a->alpha);
}

/* dst of add [h][w][3], what it gave. */
FG_HD void fg_k_whole_out(const FgKernelArgs *a, int y, int x, int k)
{
    float v[3];
    for (int i = 0; i < 3; i++) {
        const float p = fg_load(&a->in[0], y, x, i);
        const float q = fg_load(&a->in[1], y, x, i), rest = p - fg_clip(p);
        v[i] = fg_clip(fg_load(&a->add, y, x, i)) + rest +
               a->alpha * (q - fg_clip(q) - rest);
    }
    (void)k;
    if (a->dst.rgb)
        fg_put_rgb(a, y, x, v);
    else
        fg_put_yuv(a, y, x, v);
}

/* Sample k = 0, 1 of dst's chroma planes, from cfull. */
FG_HD void fg_k_chroma_down(const FgKernelArgs *a, int y, int x, int k)
{
    const FgKFrame *d = &a->dst;
    fg_put_sample(
        d, 1 + k, y, x,
        fg_bicubic(a, FG_FETCH_CFULL, a->c_down, d->w, d->h, y, x, k));
}

/* ---- gansrc ---- */

FG_HD float fg_light(float v)
{
    return v <= 0.04045f ? v / 12.92f : powf((v + 0.055f) / 1.055f, 2.4f);
}

/* The picture's alpha; v: its values and what colours are times then. */
FG_HD float fg_keyed(const FgKernelArgs *a, float v[4], float *times)
{
    const float y = 0.2126f * v[0] + 0.7152f * v[1] + 0.0722f * v[2];
    const float key = fg_clip(a->mode & FG_MADE_KEY ? (y - a->eps) * a->alpha
                                                    : v[3]);
    *times = 1;
    if (a->mode & FG_MADE_UNDO)
        *times = key > 1 / 1024.0f ? 1 / key : 0;
    else if (a->mode & FG_MADE_TIMES)
        *times = key;
    return key;
}

/* dst of in[0] [h][w][3, 4] from (x0, y0) on: R'G'B' and alpha, 0..1. */
FG_HD void fg_k_made(const FgKernelArgs *a, int y, int x, int k)
{
    float v[4] = {0, 0, 0, 1}, times = 1, key = 1;
    for (int i = 0; i < 4; i++) {
        if (i >= a->groups)
            continue;
        v[i] = fg_load(&a->in[0], y + a->y0, x + a->x0, i);
        v[i] = fg_finite(v[i]) ? fg_clip(v[i]) : 0;
    }
    (void)k;
    if (a->mode & FG_MADE_ALPHA)
        key = fg_keyed(a, v, &times);
    for (int i = 0; i < 3; i++)
        v[i] = times * (a->mode & FG_MADE_LINEAR ? fg_light(v[i]) : v[i]);
    if (a->dst.rgb)
        fg_put_rgb(a, y, x, v);
    else
        fg_put_yuv(a, y, x, v);
    if (a->mode & FG_MADE_ALPHA)
        fg_put_sample(&a->dst, 3, y, x, key);
}

/* Of place i of n, between which of the m below it lies (generator_fill.c). */
FG_HD float fg_plate_taps(int i, int n, int m, int wrap, int tap[2])
{
    const double p = (i + 0.5) * m / n - 0.5;
    const int at = (int)floor(p);
    for (int j = 0; j < 2; j++)
        tap[j] = wrap ? (at + j + m) % m : fg_iclamp(at + j, 0, m - 1);
    return (float)(p - at);
}

/* out [h][w][pitch], noise: plus in[0], what the stage below gave, in its first
 * `groups` channels. in[0]'s part is x1 x y1 from (x0, y0) on; out's is grid's
 * w x h from (pad, stride) on, and goes round in its padding. mode: 1, 2: x, y
 * go round. */
FG_HD void fg_k_plate(const FgKernelArgs *a, int y, int x, int k)
{
    const int w = a->grid.w, h = a->grid.h;
    const int u = ((x - a->pad) % w + w) % w, v = ((y - a->stride) % h + h) % h;
    int tx[2], ty[2];
    const float fx = fg_plate_taps(u, w, a->x1, a->mode & 1, tx);
    const float fy = fg_plate_taps(v, h, a->y1, a->mode & 2, ty);
    float *const to = (float *)a->out.at + fg_index(&a->out, y, x, k);
    for (int c = 0; c < a->groups; c++) {
        float row[2];
        for (int j = 0; j < 2; j++) {
            const float p = fg_load(&a->in[0], a->y0 + ty[j], a->x0 + tx[0], c);
            const float q = fg_load(&a->in[0], a->y0 + ty[j], a->x0 + tx[1], c);
            row[j] = p + fx * (q - p);
        }
        to[c] += row[0] + fy * (row[1] - row[0]);
    }
}

#endif
