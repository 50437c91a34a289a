/* ffgan: rows of AVFrames as float rows and back, for any pixel format here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include "frame.h"

#include "clones.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include <libavutil/pixdesc.h>

const enum AVPixelFormat fg_pix_fmts[] = {
    AV_PIX_FMT_YUV420P,    AV_PIX_FMT_YUV422P,    AV_PIX_FMT_YUV444P,
    AV_PIX_FMT_YUVJ420P,   AV_PIX_FMT_YUVJ422P,   AV_PIX_FMT_YUVJ444P,
    AV_PIX_FMT_YUV420P9,   AV_PIX_FMT_YUV422P9,   AV_PIX_FMT_YUV444P9,
    AV_PIX_FMT_YUV420P10,  AV_PIX_FMT_YUV422P10,  AV_PIX_FMT_YUV444P10,
    AV_PIX_FMT_YUV420P12,  AV_PIX_FMT_YUV422P12,  AV_PIX_FMT_YUV444P12,
    AV_PIX_FMT_YUV420P14,  AV_PIX_FMT_YUV422P14,  AV_PIX_FMT_YUV444P14,
    AV_PIX_FMT_YUV420P16,  AV_PIX_FMT_YUV422P16,  AV_PIX_FMT_YUV444P16,
    AV_PIX_FMT_YUVA420P,   AV_PIX_FMT_YUVA422P,   AV_PIX_FMT_YUVA444P,
    AV_PIX_FMT_YUVA420P9,  AV_PIX_FMT_YUVA422P9,  AV_PIX_FMT_YUVA444P9,
    AV_PIX_FMT_YUVA420P10, AV_PIX_FMT_YUVA422P10, AV_PIX_FMT_YUVA444P10,
    AV_PIX_FMT_YUVA422P12, AV_PIX_FMT_YUVA444P12, AV_PIX_FMT_YUVA420P16,
    AV_PIX_FMT_YUVA422P16, AV_PIX_FMT_YUVA444P16, AV_PIX_FMT_NV12,
    AV_PIX_FMT_NV21,       AV_PIX_FMT_NV16,       AV_PIX_FMT_NV24,
    AV_PIX_FMT_P010,       AV_PIX_FMT_P012,       AV_PIX_FMT_P016,
    AV_PIX_FMT_P210,       AV_PIX_FMT_P216,       AV_PIX_FMT_P410,
    AV_PIX_FMT_P416,       AV_PIX_FMT_GRAY8,      AV_PIX_FMT_GRAY9,
    AV_PIX_FMT_GRAY10,     AV_PIX_FMT_GRAY12,     AV_PIX_FMT_GRAY14,
    AV_PIX_FMT_GRAY16,     AV_PIX_FMT_YA8,        AV_PIX_FMT_YA16,
    AV_PIX_FMT_GRAYF32,    AV_PIX_FMT_RGB24,      AV_PIX_FMT_BGR24,
    AV_PIX_FMT_RGBA,       AV_PIX_FMT_BGRA,       AV_PIX_FMT_ARGB,
    AV_PIX_FMT_ABGR,       AV_PIX_FMT_RGB0,       AV_PIX_FMT_BGR0,
    AV_PIX_FMT_0RGB,       AV_PIX_FMT_0BGR,       AV_PIX_FMT_RGB48,
    AV_PIX_FMT_BGR48,      AV_PIX_FMT_RGBA64,     AV_PIX_FMT_BGRA64,
    AV_PIX_FMT_GBRP,       AV_PIX_FMT_GBRP9,      AV_PIX_FMT_GBRP10,
    AV_PIX_FMT_GBRP12,     AV_PIX_FMT_GBRP14,     AV_PIX_FMT_GBRP16,
    AV_PIX_FMT_GBRAP,      AV_PIX_FMT_GBRAP10,    AV_PIX_FMT_GBRAP12,
    AV_PIX_FMT_GBRAP14,    AV_PIX_FMT_GBRAP16,    AV_PIX_FMT_GBRPF32,
    AV_PIX_FMT_GBRAPF32,   AV_PIX_FMT_NONE,
};

static int listed(enum AVPixelFormat fmt)
{
    for (int i = 0; fg_pix_fmts[i] != AV_PIX_FMT_NONE; i++)
        if (fg_pix_fmts[i] == fmt)
            return 1;
    return 0;
}

static FgComponent component(const AVComponentDescriptor *c)
{
    return (FgComponent){c->plane, c->offset, c->step, c->shift};
}

/* RGB0 and the like: one byte of four that no component names. */
static void find_pad(FgFormat *f, const AVPixFmtDescriptor *d)
{
    f->pad_plane = -1;
    if (!f->rgb || (d->flags & AV_PIX_FMT_FLAG_PLANAR) ||
        d->nb_components != 3 || d->comp[0].step != 4)
        return;
    f->pad_plane = 0;
    f->pad_step = 4;
    f->pad_offset = 6 - d->comp[0].offset - d->comp[1].offset -
                    d->comp[2].offset;
}

int fg_format_init(FgFormat *f, enum AVPixelFormat fmt)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(fmt);

    memset(f, 0, sizeof(*f));
    if (!d || !listed(fmt))
        return -ENOTSUP;
    f->has_alpha = !!(d->flags & AV_PIX_FMT_FLAG_ALPHA);
    f->nb = d->nb_components - f->has_alpha;
    f->rgb = !!(d->flags & AV_PIX_FMT_FLAG_RGB);
    f->is_float = !!(d->flags & AV_PIX_FMT_FLAG_FLOAT);
    f->depth = d->comp[0].depth;
    f->bytes = (f->depth + d->comp[0].shift + 7) / 8;
    f->log2w = f->nb == 3 ? d->log2_chroma_w : 0;
    f->log2h = f->nb == 3 ? d->log2_chroma_h : 0;
    f->full = fmt == AV_PIX_FMT_YUVJ420P || fmt == AV_PIX_FMT_YUVJ422P ||
              fmt == AV_PIX_FMT_YUVJ444P;
    for (int i = 0; i < f->nb; i++)
        f->comp[i] = component(&d->comp[i]);
    if (f->has_alpha)
        f->alpha = component(&d->comp[f->nb]);
    find_pad(f, d);
    return 0;
}

static uint8_t *row_of(const AVFrame *f, const FgComponent *c, int y)
{
    return f->data[c->plane] + (ptrdiff_t)y * f->linesize[c->plane] + c->offset;
}

static inline __attribute__((always_inline)) void
read8(float *dst, int gap, const uint8_t *s, int step, int n, FgCode k)
{
    for (int i = 0; i < n; i++)
        dst[i * gap] = ((float)s[i * step] - k.offset) * k.to_value;
}

static inline __attribute__((always_inline)) void read16(float *dst, int gap,
                                                         const uint16_t *s,
                                                         int step, int shift,
                                                         int n, FgCode k)
{
    for (int i = 0; i < n; i++)
        dst[i * gap] = ((float)(s[i * step] >> shift) - k.offset) * k.to_value;
}

static int read_float(float *dst, int gap, const float *s, int n)
{
    int bad = 0;

    for (int i = 0; i < n; i++) {
        bad |= !(fabsf(s[i]) <= FLT_MAX);
        dst[i * gap] = s[i];
    }
    return bad;
}

FG_CLONES
int fg_row_read(float *dst, int gap, const AVFrame *f, const FgFormat *fmt,
                const FgComponent *c, int y, int n, FgCode code)
{
    const void *s = row_of(f, c, y);
    const int step = c->step / fmt->bytes;

    if (fmt->is_float)
        return read_float(dst, gap, s, n);
    if (fmt->bytes == 1 && step == 1 && gap == 1)
        read8(dst, 1, s, 1, n, code);
    else if (fmt->bytes == 1 && step == 1 && gap == 2) /* chroma, by vectors */
        read8(dst, 2, s, 1, n, code);
    else if (fmt->bytes == 1)
        read8(dst, gap, s, step, n, code);
    else if (step == 1 && gap == 1 && !c->shift)
        read16(dst, 1, s, 1, 0, n, code);
    else
        read16(dst, gap, s, step, c->shift, n, code);
    return 0;
}

static inline int to_code(float v, FgCode k)
{
    float x = v * k.to_code + k.offset;

    x = x > 0 ? x : 0;
    x = x < k.max ? x : k.max;
    return (int)(x + 0.5f);
}

static inline __attribute__((always_inline)) void
write8(uint8_t *d, int step, const float *src, int gap, int n, FgCode k)
{
    for (int i = 0; i < n; i++)
        d[i * step] = (uint8_t)to_code(src[i * gap], k);
}

static inline __attribute__((always_inline)) void
write16(uint16_t *d, int step, int shift, const float *src, int gap, int n,
        FgCode k)
{
    for (int i = 0; i < n; i++)
        d[i * step] = (uint16_t)(to_code(src[i * gap], k) << shift);
}

static int write_float(float *d, const float *src, int gap, int n)
{
    int bad = 0;

    for (int i = 0; i < n; i++) {
        bad |= !(fabsf(src[i * gap]) <= FLT_MAX);
        d[i] = src[i * gap];
    }
    return bad;
}

FG_CLONES
int fg_row_write(AVFrame *f, const FgFormat *fmt, const FgComponent *c, int y,
                 int n, const float *src, int gap, FgCode code)
{
    void *d = row_of(f, c, y);
    const int step = c->step / fmt->bytes;

    if (fmt->is_float) {
        return write_float(d, src, gap, n);
    } else if (fmt->bytes == 1 && step == 1 && gap == 1) {
        write8(d, 1, src, 1, n, code);
    } else if (fmt->bytes == 1 && step == 1 && gap == 2) {
        write8(d, 1, src, 2, n, code);
    } else if (fmt->bytes == 1) {
        write8(d, step, src, gap, n, code);
    } else if (step == 1 && gap == 1 && !c->shift) {
        write16(d, 1, 0, src, 1, n, code);
    } else if (step == 1 && gap == 2 && !c->shift) {
        write16(d, 1, 0, src, 2, n, code);
    } else {
        write16(d, step, c->shift, src, gap, n, code);
    }
    return 0;
}

void fg_row_pad(AVFrame *f, const FgFormat *fmt, int y, int n)
{
    if (fmt->pad_plane < 0)
        return;
    uint8_t *d = f->data[fmt->pad_plane] +
                 (ptrdiff_t)y * f->linesize[fmt->pad_plane] + fmt->pad_offset;

    for (int i = 0; i < n; i++)
        d[i * fmt->pad_step] = 255;
}

void fg_chroma_pos(double *x, double *y, const FgFormat *fmt,
                   enum AVChromaLocation loc)
{
    int px = 0, py = 128;

    if (loc != AVCHROMA_LOC_UNSPECIFIED)
        av_chroma_location_enum_to_pos(&px, &py, loc);
    *x = fmt->log2w ? px / 256.0 : 0;
    *y = fmt->log2h ? py / 256.0 : 0;
}
