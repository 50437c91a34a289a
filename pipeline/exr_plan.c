/* ffgan: OpenEXR pictures: which parts and channels are written, and their
 * pixels.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "filters/resample.h"
#include "pipeline/exr_writer.h"
#include "pipeline/util.h"

/* ---- windows ---- */

static void scale_box(const FgExrWriter *w, exr_attr_box2i_t *b)
{
    b->min.x = (int32_t)lround(b->min.x * w->sx);
    b->min.y = (int32_t)lround(b->min.y * w->sy);
    b->max.x = (int32_t)lround((b->max.x + 1) * w->sx) - 1;
    b->max.y = (int32_t)lround((b->max.y + 1) * w->sy) - 1;
}

/* The frame covers the union of the source's windows. */
static int check_size(FgExrWriter *w)
{
    const AVFrame *const f = w->f;
    exr_attr_box2i_t all = w->src.all;
    w->sx = (double)f->width / fg_exr_width(&all);
    w->sy = (double)f->height / fg_exr_height(&all);
    scale_box(w, &all);
    if (fg_exr_width(&all) == f->width && fg_exr_height(&all) == f->height)
        return 0;
    return fg_error(w->err, -EINVAL,
                    "%s: its windows cannot be scaled to %dx%d",
                    fg_show(w->like), f->width, f->height);
}

static void plan_windows(const FgExrWriter *w, FgExrOut *p)
{
    if (!p->has_src) {
        p->data.max.x = w->f->width - 1;
        p->data.max.y = w->f->height - 1;
        p->display = p->data;
        return;
    }
    p->data = p->src.data;
    p->display = p->src.display;
    scale_box(w, &p->data);
    scale_box(w, &p->display);
}

/* ---- channels that a frame holds ---- */

static const uint8_t *frame_row(const FgExrWriter *w, const FgExrOut *p,
                                const AVFrame *f, int plane)
{
    exr_attr_box2i_t all = p->has_src ? p->src.all : p->data;
    if (p->has_src)
        scale_box(w, &all);
    return f->data[plane] +
           (ptrdiff_t)(p->data.min.y - all.min.y) * f->linesize[plane] +
           4 * (ptrdiff_t)(p->data.min.x - all.min.x);
}

static int file_type(const FgExrWriter *w, int source)
{
    if (w->o->half >= 0)
        return w->o->half ? EXR_PIXEL_HALF : EXR_PIXEL_FLOAT;
    return source;
}

/* The planes of f as channels of p, named as colour's in its source. */
static void add_colours(const FgExrWriter *w, FgExrOut *p, const AVFrame *f,
                        const int colour[4])
{
    static const char *const names[4] = {"R", "G", "B", "A"};
    static const int planes[4] = {2, 0, 1, 3};
    const int grey = f->format == AV_PIX_FMT_GRAYF32;
    const int nb = grey ? 1 : f->format == AV_PIX_FMT_GBRAPF32 ? 4 : 3;
    for (int k = 0; k < nb; k++) {
        const int i = p->has_src ? colour[k] : -1;
        const exr_attr_chlist_entry_t *const e = i >= 0
                                                     ? &p->src.list->entries[i]
                                                     : NULL;
        p->ch[p->nb++] = (FgExrChannel){
            .name = e      ? e->name.str
                    : grey ? "Y"
                           : names[k],
            .type = file_type(w, e ? (int)e->pixel_type : EXR_PIXEL_HALF),
            .linear = e ? e->p_linear : 0,
            .data = frame_row(w, p, f, grey ? 0 : planes[k]),
            .stride = f->linesize[grey ? 0 : planes[k]],
        };
    }
}

static int is_taken(const FgExrOut *p, const char *name)
{
    for (int i = 0; i < p->nb; i++)
        if (!strcmp(p->ch[i].name, name))
            return 1;
    return 0;
}

/* ---- the others ---- */

/* Values that are no colours (depth, numbers of objects) are never mixed. */
static void nearest(uint32_t *to, int w, int h, const uint32_t *from, int sw,
                    int sh)
{
    for (int y = 0; y < h; y++) {
        const uint32_t *const row = from +
                                    (size_t)((int64_t)y * sh / h) * (size_t)sw;
        for (int x = 0; x < w; x++)
            to[(size_t)y * (size_t)w + (size_t)x] = row[(int64_t)x * sw / w];
    }
}

static int bicubic(float *to, int w, int h, float *from, int sw, int sh)
{
    FgResize r;
    const int ret = fg_resize_init(&r, fg_axis(sw, w), fg_axis(sh, h),
                                   FG_BICUBIC, 1);
    if (ret < 0)
        return ret;
    fg_resize_run(&r, (FgView){to, w}, (FgView){from, sw}, 0, 1, NULL, NULL);
    fg_resize_free(&r);
    return 0;
}

static int resample(const FgExrOut *p, FgExrChannel *c, void *from, int colour)
{
    const int ow = fg_exr_width(&p->data), oh = fg_exr_height(&p->data);
    const int sw = fg_exr_width(&p->src.data), sh = fg_exr_height(&p->src.data);
    void *const to = malloc(4 * (size_t)ow * (size_t)oh);
    int ret = to ? 0 : -ENOMEM;
    const int same = ow == sw && oh == sh;
    if (!ret && colour && !same)
        ret = bicubic(to, ow, oh, from, sw, sh);
    else if (!ret)
        nearest(to, ow, oh, from, sw, sh);
    c->own = to;
    c->data = to;
    c->stride = 4 * (ptrdiff_t)ow;
    return ret;
}

/* One channel by itself. */
static int add_channel(const FgExrWriter *w, FgExrOut *p, int i, int colour)
{
    const exr_attr_chlist_entry_t *const e = &p->src.list->entries[i];
    const int integer = e->pixel_type == EXR_PIXEL_UINT;
    const size_t n = (size_t)fg_exr_width(&p->src.data) *
                     (size_t)fg_exr_height(&p->src.data);
    void *to[FG_EXR_MAX_CHANNELS] = {NULL};
    void *const data = malloc(4 * n);
    if (!data)
        return fg_error(w->err, -ENOMEM, "no memory");
    to[i] = data;
    int ret = fg_exr_load(&p->src, to, w->like, w->err);
    FgExrChannel c = {.name = e->name.str,
                      .type = integer ? EXR_PIXEL_UINT
                                      : file_type(w, (int)e->pixel_type),
                      .linear = e->p_linear};
    if (!ret && resample(p, &c, data, !integer && colour) < 0)
        ret = fg_error(w->err, -ENOMEM, "no memory");
    free(data);
    p->ch[p->nb++] = c;
    return ret;
}

static int is_ours(const AVFrame *f)
{
    return f->format == AV_PIX_FMT_GBRPF32 ||
           f->format == AV_PIX_FMT_GBRAPF32 || f->format == AV_PIX_FMT_GRAYF32;
}

/* A layer of colours through the chain, as the picture went. */
static int add_network(const FgExrWriter *w, FgExrOut *p, const int colour[4])
{
    FgExrFile view = p->src;
    AVFrame *f = NULL;
    memcpy(view.colour, colour, sizeof(view.colour));
    int ret = fg_exr_frame(&view, w->like, &f, w->err);
    if (!ret)
        ret = w->o->network(w->o->arg, &f, w->err);
    if (!ret &&
        (!is_ours(f) || f->width != w->f->width || f->height != w->f->height))
        ret = fg_error(w->err, -EINVAL,
                       "%s: the chain made another size or format of a layer "
                       "than of the picture",
                       fg_show(w->like));
    if (ret) {
        av_frame_free(&f);
        return ret;
    }
    add_colours(w, p, f, colour);
    p->ch[p->nb - 1].frame = f;
    return 0;
}

/* The layer of a channel: its own name when it has none. */
static void layer_name(const char *channel, int colour, char *out, size_t size)
{
    const char *const dot = strrchr(channel, '.');
    if (dot)
        snprintf(out, size, "%.*s", (int)(dot - channel), channel);
    else
        snprintf(out, size, "%s", colour ? "rgba" : channel);
}

static int covers_the_same(const FgExrWriter *w, const FgExrOut *p)
{
    return !memcmp(&p->src.all, &w->src.all, sizeof(p->src.all));
}

static int is_in(const int colour[4], int i)
{
    return i == colour[0] || i == colour[1] || i == colour[2] || i == colour[3];
}

/* Channel i of p, or the layer that it begins. */
static int add_other(const FgExrWriter *w, FgExrOut *p, int i)
{
    const FgExrOptions *const o = w->o;
    const exr_attr_chlist_entry_t *const e = &p->src.list->entries[i];
    const char *const name = e->name.str, *const dot = strrchr(name, '.');
    char layer[256];
    int colour[4];
    const int rgb = e->pixel_type != EXR_PIXEL_UINT &&
                    fg_exr_layer(&p->src, name,
                                 dot ? (size_t)(dot + 1 - name) : 0, colour) &&
                    is_in(colour, i);
    layer_name(name, rgb, layer, sizeof(layer));
    const FgExrOther what = o->other ? o->other(o->arg, layer,
                                                fg_exr_part_name(&p->src), rgb)
                                     : FG_EXR_RESAMPLE;
    if (what == FG_EXR_DROP)
        return 0;
    if (what == FG_EXR_COPY && (fabs(w->sx - 1) > 0 || fabs(w->sy - 1) > 0))
        return fg_error(w->err, -EINVAL,
                        "%s: layer '%s' cannot be copied to another size: "
                        "resample or drop it",
                        fg_show(w->like), layer);
    if (what == FG_EXR_NETWORK && rgb && o->network && covers_the_same(w, p))
        return add_network(w, p, colour);
    return add_channel(w, p, i,
                       what != FG_EXR_COPY && fg_exr_is_colour(&p->src, i));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const FgExrChannel *)a)->name,
                  ((const FgExrChannel *)b)->name);
}

static int plan_channels(const FgExrWriter *w, FgExrOut *p)
{
    const int others = p->has_src ? p->src.list->num_channels : 0;
    const int is_main = !p->has_src || p->src.part == w->src.part;
    int ret = 0;
    p->ch = calloc((size_t)others + 8, sizeof(*p->ch));
    if (!p->ch)
        return fg_error(w->err, -ENOMEM, "no memory");
    p->nb = 0;
    if (is_main)
        add_colours(w, p, w->f, w->src.colour);
    for (int i = 0; i < others && !ret && !p->closed; i++)
        if (!is_taken(p, p->src.list->entries[i].name.str))
            ret = add_other(w, p, i);
    qsort(p->ch, (size_t)p->nb, sizeof(*p->ch), by_name);
    return ret;
}

/* ---- parts ---- */

static int is_dropped(const FgExrWriter *w, const FgExrOut *p)
{
    const FgExrOptions *const o = w->o;
    const exr_attr_chlist_t *const l = p->src.list;
    for (int i = 0; i < l->num_channels; i++) {
        char layer[256];
        layer_name(l->entries[i].name.str, 0, layer, sizeof(layer));
        if (!o->other || o->other(o->arg, layer, fg_exr_part_name(&p->src),
                                  0) != FG_EXR_DROP)
            return 0;
    }
    return 1;
}

static int plan_part(FgExrWriter *w, int part)
{
    FgExrOut *const p = &w->part[w->nb_parts];
    int ret = fg_exr_part(&p->src, &w->src, part, w->like, w->err);
    p->has_src = 1;
    p->closed = w->closed;
    if (ret)
        return ret;
    if (w->closed)
        p->src = w->src;
    if (!w->closed && !fg_exr_is_readable(&p->src))
        return is_dropped(w, p)
                   ? 0
                   : fg_error(w->err, -EBADMSG,
                              "%s: part '%s' is deep, in DWA, or with chroma "
                              "of half size: it cannot be enlarged (`layers: "
                              "{%s: drop}` leaves it out)",
                              fg_show(w->like), fg_exr_part_name(&p->src),
                              fg_exr_part_name(&p->src));
    plan_windows(w, p);
    w->nb_parts++;
    ret = plan_channels(w, p);
    if (!ret && !p->nb) { /* nothing of it is wanted */
        free(p->ch);
        *p = (FgExrOut){0};
        w->nb_parts--;
    }
    return ret;
}

int fg_exr_plan(FgExrWriter *w)
{
    const int nb = w->has_src ? w->src.nb_parts : 1;
    int ret = w->has_src ? check_size(w) : 0;
    w->part = calloc((size_t)nb, sizeof(*w->part));
    if (!w->part)
        return fg_error(w->err, -ENOMEM, "no memory");
    if (!w->has_src) {
        w->nb_parts = 1;
        plan_windows(w, &w->part[0]);
        return plan_channels(w, &w->part[0]);
    }
    for (int i = 0; i < nb && !ret; i++)
        ret = plan_part(w, i);
    return ret;
}

void fg_exr_plan_free(FgExrWriter *w)
{
    for (int k = 0; k < w->nb_parts; k++) {
        for (int i = 0; i < w->part[k].nb; i++) {
            free(w->part[k].ch[i].own);
            av_frame_free(&w->part[k].ch[i].frame);
        }
        free(w->part[k].ch);
    }
    free(w->part);
    w->part = NULL;
    w->nb_parts = 0;
}
