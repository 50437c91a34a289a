/* ffgan: enlarging: rows of samples to what the network takes, and back.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include "upscale_priv.h"

#include <math.h>
#include <string.h>

const float *fg_upscale_read_row(const FgUpscale *u, FgUpscaleRows r, int y,
                                 int *bad)
{
    const FgFormat *f = &u->fmt;
    const int n = u->o.in_w;

    if (f->rgb) {
        for (int k = 0; k < 3; k++)
            *bad |= fg_row_read(r.rgb + k, 3, u->in, f, &f->comp[k], y, n,
                                u->code_y);
        if (u->shaper)
            fg_shaper_encode(r.rgb, r.rgb, 3 * n);
        if (!u->luma)
            return r.rgb;
        fg_row_rgb_to_yuv(r.y, r.c, r.rgb, n, &u->matrix);
        return r.y;
    }
    *bad |= fg_row_read(r.y, 1, u->in, f, &f->comp[0], y, n, u->code_y);
    if (u->shaper)
        fg_shaper_encode(r.y, r.y, n);
    if (u->luma)
        return r.y;
    if (u->yuv) {
        const float *c = u->mixes ? r.c : fg_f32(&u->cin, 0, y, 0);

        if (u->mixes)
            fg_chroma_mix_row(&u->mix, y, r.c, r.mix);
        fg_row_yuv_to_rgb(r.rgb, r.y, c, n, &u->matrix);
    } else {
        for (int x = 0; x < n; x++)
            r.rgb[3 * x] = r.rgb[3 * x + 1] = r.rgb[3 * x + 2] = r.y[x];
    }
    return r.rgb;
}

const float *fg_upscale_alpha_row(void *arg, float *dst, int y, int worker)
{
    const FgUpscale *const u = arg;

    (void)worker;
    fg_row_read(dst, 1, u->in, &u->fmt, &u->fmt.alpha, y, u->o.in_w, u->code_a);
    return dst;
}

const float *fg_upscale_tint_row(void *arg, float *dst, int y, int worker)
{
    const FgUpscale *const u = arg;
    FgUpscaleRows r = fg_upscale_rows(u, worker);
    int bad = 0;

    /* Beside what is in hand: chroma that is mixed has no use for it here. */
    r.rgb = r.mix;
    r.y = r.mix + 3 * (ptrdiff_t)u->o.in_w;
    r.c = dst;
    fg_upscale_read_row(u, r, y, &bad);
    return dst;
}

/* The lowest and highest samples of the source columns that bicubic has for
 * row y. */
static void limit_columns(const FgUpscale *u, FgUpscaleRows r,
                          const FgComponent *c, int y)
{
    const FgTaps *t = &u->side.up.y;
    const int n = u->o.in_w;

    for (int x = 0; x < n; x++) {
        r.lo[x] = INFINITY;
        r.hi[x] = -INFINITY;
    }
    for (int j = 0; j < t->nb; j++) {
        fg_row_read(r.src, 1, u->in, &u->fmt, c, t->start[y] + j, n,
                    fg_code_float());
        for (int x = 0; x < n; x++) {
            r.lo[x] = r.src[x] < r.lo[x] ? r.src[x] : r.lo[x];
            r.hi[x] = r.src[x] > r.hi[x] ? r.src[x] : r.hi[x];
        }
    }
}

/* Row y of a float component: v[x*gap] stays in the range of the source
 * samples around it, grown by slack times their contrast, but to lo..hi at
 * most where they do not leave that themselves. */
static void limit(const FgUpscale *u, FgUpscaleRows r, const FgComponent *c,
                  int y, float *v, int gap, float lo, float hi, float slack)
{
    const FgTaps *t = &u->side.up.x;

    limit_columns(u, r, c, y);
    for (int x = 0; x < u->o.out_w; x++) {
        const float *l = r.lo + t->start[x], *h = r.hi + t->start[x];
        float *d = v + (ptrdiff_t)x * gap, min = INFINITY, max = -INFINITY;

        for (int j = 0; j < t->nb; j++) {
            min = l[j] < min ? l[j] : min;
            max = h[j] > max ? h[j] : max;
        }
        const float more = slack * (max - min);
        min = fminf(min, fmaxf(min - more, lo));
        max = fmaxf(max, fminf(max + more, hi));
        *d = *d < min ? min : *d > max ? max : *d;
    }
}

/* Light: an overshoot of logarithms would be stops, not percents. What a
 * display-coded picture would show of it is about an eighth. */
static void light(const FgUpscale *u, FgUpscaleRows r, const FgComponent *c,
                  int y, float *v, int gap)
{
    limit(u, r, c, y, v, gap, 0, 64, 0.125F);
}

static int write_rgb(const FgUpscale *u, float *rgb, int y)
{
    const int n = u->o.out_w;
    int bad = 0;

    for (int k = 0; k < 3; k++)
        bad |= fg_row_write(u->out, &u->fmt, &u->fmt.comp[k], y, n, rgb + k, 3,
                            u->code_y);
    fg_row_pad(u->out, &u->fmt, y, n);
    return bad;
}

static int store_rgb(FgUpscale *u, FgUpscaleRows r, const float *v, int y,
                     int worker)
{
    const int n = u->o.out_w;

    if (u->luma) {
        fg_pull_row(&u->tint, r.c, y, worker);
        fg_row_yuv_to_rgb(r.rgb, v, r.c, n, &u->matrix);
    } else if (v != r.rgb)
        memcpy(r.rgb, v, sizeof(*v) * 3 * (size_t)n);
    if (u->shaper) {
        fg_shaper_decode(r.rgb, r.rgb, 3 * n);
        for (int k = 0; k < 3; k++)
            light(u, r, &u->fmt.comp[k], y, r.rgb + k, 3);
    }
    return write_rgb(u, r.rgb, y);
}

static int store_yuv(FgUpscale *u, FgUpscaleRows r, const float *v, int y)
{
    const int n = u->o.out_w;

    if (!u->luma) {
        fg_row_rgb_to_yuv(r.y, r.c, v, n, &u->matrix);
        for (int k = 0; k < 2 && u->yuv && !u->sub; k++)
            fg_row_write(u->out, &u->fmt, &u->fmt.comp[1 + k], y, n, r.c + k, 2,
                         u->code_c);
        if (u->mixes)
            fg_chroma_mix_put(&u->mix, y, r.c, r.mix);
        v = r.y;
    }
    if (u->shaper) {
        fg_shaper_decode(r.y, v, n);
        light(u, r, &u->fmt.comp[0], y, r.y, 1);
        v = r.y;
    }
    return fg_row_write(u->out, &u->fmt, &u->fmt.comp[0], y, n, v, 1,
                        u->code_y);
}

static int store_alpha(FgUpscale *u, FgUpscaleRows r, int y, int worker)
{
    float *const v = r.y;

    fg_pull_row(&u->alpha, v, y, worker);
    if (u->fmt.is_float)
        limit(u, r, &u->fmt.alpha, y, v, 1, 0, 1, 1e30F);
    return fg_row_write(u->out, &u->fmt, &u->fmt.alpha, y, u->o.out_w, v, 1,
                        u->code_a);
}

void fg_upscale_store_row(void *arg, const float *v, int y, int worker)
{
    FgUpscale *const u = arg;
    const FgUpscaleRows r = fg_upscale_rows(u, worker);

    if (u->adds)
        v = fg_side_add(&u->side, y, u->luma ? r.y : r.rgb, v, 1 - u->blend);
    int bad = u->fmt.rgb ? store_rgb(u, r, v, y, worker)
                         : store_yuv(u, r, v, y);

    if (u->fmt.has_alpha)
        bad |= store_alpha(u, r, y, worker);
    u->marks[y] = (uint8_t)bad;
}
