/* ffgan: colours under what is transparent.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include <libavutil/error.h>
#include <libavutil/pixdesc.h>

#include "pipeline/bleed.h"

enum { REACH = 16 };

typedef struct Bleed {
    AVFrame *f;
    const AVPixFmtDescriptor *d;
    int w, h, nb; /* nb: components without alpha */
    float *v[3];  /* [h * w] */
    uint8_t *known, *next;
    uint16_t *line;
} Bleed;

static int is_float(const Bleed *b)
{
    return !!(b->d->flags & AV_PIX_FMT_FLAG_FLOAT);
}

static float *float_row(const Bleed *b, int c, int y)
{
    const AVComponentDescriptor *const k = &b->d->comp[c];
    return (float *)(void *)(b->f->data[k->plane] +
                             (ptrdiff_t)y * b->f->linesize[k->plane]);
}

static void read_row(const Bleed *b, int c, int y, float *to)
{
    if (is_float(b)) {
        memcpy(to, float_row(b, c, y), sizeof(*to) * (size_t)b->w);
        return;
    }
    av_read_image_line2(b->line, (const uint8_t **)(void *)b->f->data,
                        b->f->linesize, b->d, 0, y, c, b->w, 0, 2);
    for (int x = 0; x < b->w; x++)
        to[x] = b->line[x];
}

static void write_row(const Bleed *b, int c, int y, const float *from)
{
    if (is_float(b)) {
        memcpy(float_row(b, c, y), from, sizeof(*from) * (size_t)b->w);
        return;
    }
    for (int x = 0; x < b->w; x++)
        b->line[x] = (uint16_t)(from[x] + 0.5F);
    av_write_image_line2(b->line, b->f->data, b->f->linesize, b->d, 0, y, c,
                         b->w, 2);
}

/* Whether anything is hidden. */
static int load(Bleed *b)
{
    int hidden = 0, seen = 0;
    for (int y = 0; y < b->h; y++) {
        const size_t at = (size_t)y * (size_t)b->w;
        read_row(b, b->nb, y, b->v[0] + at);
        for (int x = 0; x < b->w; x++) {
            b->known[at + (size_t)x] = b->v[0][at + (size_t)x] > 0;
            hidden += !b->known[at + (size_t)x];
            seen += b->known[at + (size_t)x];
        }
    }
    for (int c = 0; c < b->nb && hidden && seen; c++)
        for (int y = 0; y < b->h; y++)
            read_row(b, c, y, b->v[c] + (size_t)y * (size_t)b->w);
    return hidden && seen;
}

/* The mean of the known neighbours of a pixel, 0 = there are none. */
static int fill(const Bleed *b, int x, int y)
{
    float sum[3] = {0};
    int n = 0;
    for (int j = y > 0 ? y - 1 : 0; j <= y + 1 && j < b->h; j++)
        for (int i = x > 0 ? x - 1 : 0; i <= x + 1 && i < b->w; i++) {
            const size_t at = (size_t)j * (size_t)b->w + (size_t)i;
            if (!b->known[at])
                continue;
            n++;
            for (int c = 0; c < b->nb; c++)
                sum[c] += b->v[c][at];
        }
    for (int c = 0; c < b->nb && n; c++)
        b->v[c][(size_t)y * (size_t)b->w + (size_t)x] = sum[c] / (float)n;
    return n;
}

static void grow(Bleed *b)
{
    const size_t n = (size_t)b->w * (size_t)b->h;
    for (int r = 0, any = 1; r < REACH && any; r++) {
        any = 0;
        memcpy(b->next, b->known, n);
        for (size_t at = 0; at < n; at++)
            if (!b->known[at] &&
                fill(b, (int)(at % (size_t)b->w), (int)(at / (size_t)b->w)))
                any = b->next[at] = 1;
        memcpy(b->known, b->next, n);
    }
}

static int work(Bleed *b)
{
    const size_t n = (size_t)b->w * (size_t)b->h;
    for (int c = 0; c < b->nb; c++)
        b->v[c] = malloc(n * sizeof(float));
    b->known = malloc(n);
    b->next = malloc(n);
    b->line = malloc(sizeof(*b->line) * (size_t)b->w);
    for (int c = 0; c < b->nb; c++)
        if (!b->v[c])
            return AVERROR(ENOMEM);
    if (!b->known || !b->next || !b->line)
        return AVERROR(ENOMEM);
    if (!load(b))
        return 0;
    grow(b);
    const int ret = av_frame_make_writable(b->f);
    for (int c = 0; c < b->nb && ret >= 0; c++)
        for (int y = 0; y < b->h; y++)
            write_row(b, c, y, b->v[c] + (size_t)y * (size_t)b->w);
    return ret < 0 ? ret : 0;
}

static int is_ours(const AVPixFmtDescriptor *d)
{
    const int flags = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_HWACCEL |
                      AV_PIX_FMT_FLAG_BITSTREAM;
    return d && (d->flags & AV_PIX_FMT_FLAG_ALPHA) && !(d->flags & flags) &&
           !d->log2_chroma_w && !d->log2_chroma_h && d->nb_components >= 2 &&
           (d->comp[0].depth <= 16 ||
            (d->comp[0].depth == 32 && (d->flags & AV_PIX_FMT_FLAG_FLOAT) &&
             (d->flags & AV_PIX_FMT_FLAG_PLANAR)));
}

int fg_bleed(AVFrame *f)
{
    Bleed b = {.f = f,
               .d = av_pix_fmt_desc_get(f->format),
               .w = f->width,
               .h = f->height};
    if (!is_ours(b.d))
        return 0;
    b.nb = b.d->nb_components - 1;
    const int ret = work(&b);
    for (int c = 0; c < 3; c++)
        free(b.v[c]);
    free(b.known);
    free(b.next);
    free(b.line);
    return ret;
}
