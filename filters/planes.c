/* ffgan: frames as float planes with borders, for filters that move pixels.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "planes.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const FgComponent *component(const FgPlaneFormat *f, int k)
{
    return k < f->fmt.nb ? &f->fmt.comp[k] : &f->fmt.alpha;
}

static void set_grid(FgPlaneFormat *f, int k, enum AVChromaLocation loc)
{
    const int chroma = k > 0 && k < f->fmt.nb && !f->fmt.rgb;
    const int lw = chroma ? f->fmt.log2w : 0, lh = chroma ? f->fmt.log2h : 0;
    double x = 0, y = 0;

    if (chroma)
        fg_chroma_pos(&x, &y, &f->fmt, loc);
    f->grid[k] = (FgFlowGrid){fg_subsampled(f->w, lw),
                              fg_subsampled(f->h, lh),
                              (float)(1 << lw),
                              (float)(1 << lh),
                              (float)x,
                              (float)y};
}

int fg_plane_format_init(FgPlaneFormat *f, enum AVPixelFormat fmt, int w, int h,
                         FgExecutor *ex)
{
    memset(f, 0, sizeof(*f));
    if (fg_format_init(&f->fmt, fmt) < 0)
        return -ENOTSUP;
    f->w = w;
    f->h = h;
    f->ex = ex;
    f->nb = f->fmt.nb + f->fmt.has_alpha;
    for (int k = 0; k < f->nb; k++)
        set_grid(f, k, AVCHROMA_LOC_UNSPECIFIED);
    f->luma = malloc(sizeof(float) * (size_t)w * (size_t)h);
    return f->luma ? 0 : -ENOMEM;
}

void fg_plane_format_free(FgPlaneFormat *f)
{
    free(f->luma);
    memset(f, 0, sizeof(*f));
}

int fg_planes_alloc(FgPlanes *p, const FgPlaneFormat *f)
{
    int ret = 0;

    memset(p, 0, sizeof(*p));
    for (int k = 0; k < f->nb && ret >= 0; k++)
        ret = fg_plane_alloc(&p->p[k], f->grid[k].w, f->grid[k].h);
    if (ret < 0)
        fg_planes_free(p);
    return ret;
}

void fg_planes_free(FgPlanes *p)
{
    for (int k = 0; k < FG_MAX_PLANES; k++)
        fg_plane_free(&p->p[k]);
}

/* ---- reading ---- */

typedef struct Read {
    FgPlanes *p;
    FgPlaneFormat *f;
    const AVFrame *in;
    int k;
    atomic_int bad;
} Read;

static void read_job(void *arg, int y, int worker)
{
    Read *r = arg;
    const FgPlaneFormat *f = r->f;
    FgPlane *p = &r->p->p[r->k];
    float *row = p->data + y * p->row;
    const int alpha = r->k >= f->fmt.nb;

    (void)worker;
    if (fg_row_read(row, 1, r->in, &f->fmt, component(f, r->k), y, p->w,
                    f->code[r->k]))
        atomic_store(&r->bad, 1);
    if (f->shaper && !alpha)
        fg_shaper_encode(row, row, p->w);
}

static void set_codes(FgPlaneFormat *f, const AVFrame *in,
                      enum AVColorRange range)
{
    const FgFormat *m = &f->fmt;
    const int yuv = m->nb == 3 && !m->rgb;

    if (range == AVCOL_RANGE_UNSPECIFIED)
        range = m->full ? AVCOL_RANGE_JPEG : in->color_range;
    if (range == AVCOL_RANGE_UNSPECIFIED)
        range = yuv ? AVCOL_RANGE_MPEG : AVCOL_RANGE_JPEG;
    const int limited = range == AVCOL_RANGE_MPEG && !m->rgb;

    for (int k = 0; k < f->nb; k++) {
        const int chroma = yuv && (k == 1 || k == 2);

        f->code[k] = m->is_float
                         ? fg_code_float()
                         : fg_code(m->depth, k < m->nb && limited, chroma);
        set_grid(f, k, in->chroma_location);
    }
    f->shaper = m->is_float && in->color_trc == AVCOL_TRC_LINEAR;
}

static void find_range(FgPlanes *p, int k)
{
    const FgPlane *s = &p->p[k];
    float low = s->data[0], high = low;

    for (int y = 0; y < s->h; y++)
        for (int x = 0; x < s->w; x++) {
            const float v = s->data[y * s->row + x];

            low = v < low ? v : low;
            high = v > high ? v : high;
        }
    p->low[k] = low;
    p->high[k] = high;
}

static void luma_job(void *arg, int y, int worker)
{
    const Read *r = arg;
    const FgPlaneFormat *f = r->f;
    float *d = f->luma + (size_t)y * (size_t)f->w;
    const float *a[3];

    (void)worker;
    for (int k = 0; k < 3; k++) {
        const FgPlane *p = &r->p->p[f->fmt.rgb ? k : 0];

        a[k] = p->data + y * p->row;
    }
    for (int x = 0; x < f->w; x++)
        d[x] = f->fmt.rgb
                   ? 0.2126f * a[0][x] + 0.7152f * a[1][x] + 0.0722f * a[2][x]
                   : a[0][x];
}

int fg_planes_read(FgPlanes *p, FgPlaneFormat *f, const AVFrame *in,
                   enum AVColorRange range)
{
    Read r = {.p = p, .f = f, .in = in};

    set_codes(f, in, range);
    atomic_init(&r.bad, 0);
    for (r.k = 0; r.k < f->nb; r.k++) {
        fg_run(f->ex, read_job, &r, f->grid[r.k].h);
        for (int y = 0; y < f->grid[r.k].h; y++)
            fg_plane_edges(&p->p[r.k], y);
        if (f->fmt.is_float)
            find_range(p, r.k);
    }
    fg_run(f->ex, luma_job, &r, f->h);
    return atomic_load(&r.bad) ? -EINVAL : 0;
}

/* ---- writing ---- */

void fg_planes_write_row(AVFrame *out, const FgPlaneFormat *f, int k, int y,
                         float *v, float low, float high)
{
    const int n = f->grid[k].w;

    for (int x = 0; x < n && f->fmt.is_float; x++)
        v[x] = v[x] > low ? v[x] < high ? v[x] : high : low;
    if (f->shaper && k < f->fmt.nb)
        fg_shaper_decode(v, v, n);
    fg_row_write(out, &f->fmt, component(f, k), y, n, v, 1, f->code[k]);
    if (!k)
        fg_row_pad(out, &f->fmt, y, n);
}
