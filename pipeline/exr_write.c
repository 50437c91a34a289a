/* ffgan: OpenEXR pictures: writing.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filters/resample.h"
#include "pipeline/exr_priv.h"
#include "pipeline/util.h"

/* One channel of the output: rows of the data window. */
typedef struct Channel {
    const char *name;
    int type;            /* exr_pixel_type_t in the file */
    uint8_t linear;      /* b44's flag */
    const uint8_t *data; /* 32-bit values */
    ptrdiff_t stride;
    void *own; /* to free */
} Channel;

typedef struct Writer {
    exr_context_t ctx;
    int fd, code; /* code: a negative errno of a write */
    FgExrFile src;
    int has_src;
    int closed; /* 1: its pixels cannot be read here */
    const AVFrame *f;
    const FgExrOptions *o;
    const char *like;
    exr_attr_box2i_t data, display;
    Channel *ch;
    int nb;
    FgError *err;
} Writer;

int fg_exr_compression(const char *name)
{
    static const struct {
        const char *name;
        int id;
    } all[] = {{"none", EXR_COMPRESSION_NONE}, {"rle", EXR_COMPRESSION_RLE},
               {"zip1", EXR_COMPRESSION_ZIPS}, {"zips", EXR_COMPRESSION_ZIPS},
               {"zip16", EXR_COMPRESSION_ZIP}, {"zip", EXR_COMPRESSION_ZIP},
               {"piz", EXR_COMPRESSION_PIZ},   {"pxr24", EXR_COMPRESSION_PXR24},
               {"b44", EXR_COMPRESSION_B44},   {"b44a", EXR_COMPRESSION_B44A},
               {"0", EXR_COMPRESSION_NONE},    {"1", EXR_COMPRESSION_RLE},
               {"2", EXR_COMPRESSION_ZIPS},    {"3", EXR_COMPRESSION_ZIP}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (!strcmp(name, all[i].name))
            return all[i].id;
    return -1;
}

static void be_quiet(exr_const_context_t ctx, exr_result_t code,
                     const char *text)
{
    (void)ctx;
    (void)code;
    (void)text;
}

static int64_t on_write(exr_const_context_t ctx, void *user, const void *data,
                        uint64_t size, uint64_t offset,
                        exr_stream_error_func_ptr_t fail)
{
    Writer *const w = user;
    for (uint64_t done = 0; done < size;) {
        const ssize_t n = pwrite(w->fd, (const char *)data + done, size - done,
                                 (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            w->code = n < 0 ? -errno : -EIO;
            fail(ctx, EXR_ERR_WRITE_IO, "%s", strerror(-w->code));
            return -1;
        }
        done += (uint64_t)n;
    }
    return (int64_t)size;
}

/* ---- windows ---- */

static void scale_box(exr_attr_box2i_t *b, double sx, double sy)
{
    b->min.x = (int32_t)lround(b->min.x * sx);
    b->min.y = (int32_t)lround(b->min.y * sy);
    b->max.x = (int32_t)lround((b->max.x + 1) * sx) - 1;
    b->max.y = (int32_t)lround((b->max.y + 1) * sy) - 1;
}

/* The frame covers the union of the source's windows. */
static int plan_windows(Writer *w)
{
    const AVFrame *const f = w->f;
    if (!w->has_src) {
        w->data.max.x = f->width - 1;
        w->data.max.y = f->height - 1;
        w->display = w->data;
        return 0;
    }
    const double sx = (double)f->width / fg_exr_width(&w->src.all);
    const double sy = (double)f->height / fg_exr_height(&w->src.all);
    exr_attr_box2i_t all = w->src.all;
    w->data = w->src.data;
    w->display = w->src.display;
    scale_box(&all, sx, sy);
    scale_box(&w->data, sx, sy);
    scale_box(&w->display, sx, sy);
    if (fg_exr_width(&all) == f->width && fg_exr_height(&all) == f->height)
        return 0;
    return fg_error(w->err, -EINVAL,
                    "%s: its windows cannot be scaled to %dx%d",
                    fg_show(w->like), f->width, f->height);
}

/* ---- channels ---- */

static const uint8_t *frame_row(const Writer *w, int plane)
{
    exr_attr_box2i_t all = w->has_src ? w->src.all : w->data;
    if (w->has_src)
        scale_box(&all, (double)w->f->width / fg_exr_width(&w->src.all),
                  (double)w->f->height / fg_exr_height(&w->src.all));
    return w->f->data[plane] +
           (ptrdiff_t)(w->data.min.y - all.min.y) * w->f->linesize[plane] +
           4 * (ptrdiff_t)(w->data.min.x - all.min.x);
}

static int file_type(const Writer *w, int source)
{
    if (w->o->half >= 0)
        return w->o->half ? EXR_PIXEL_HALF : EXR_PIXEL_FLOAT;
    return source;
}

static void add_colours(Writer *w)
{
    static const char *const names[4] = {"R", "G", "B", "A"};
    static const int planes[4] = {2, 0, 1, 3};
    const int grey = w->f->format == AV_PIX_FMT_GRAYF32;
    const int nb = grey ? 1 : w->f->format == AV_PIX_FMT_GBRAPF32 ? 4 : 3;
    for (int k = 0; k < nb; k++) {
        const int i = w->has_src ? w->src.colour[k] : -1;
        const exr_attr_chlist_entry_t *const e = i >= 0
                                                     ? &w->src.list->entries[i]
                                                     : NULL;
        w->ch[w->nb++] = (Channel){
            .name = e      ? e->name.str
                    : grey ? "Y"
                           : names[k],
            .type = file_type(w, e ? (int)e->pixel_type : EXR_PIXEL_HALF),
            .linear = e ? e->p_linear : 0,
            .data = frame_row(w, grey ? 0 : planes[k]),
            .stride = w->f->linesize[grey ? 0 : planes[k]],
        };
    }
}

static int is_taken(const Writer *w, const char *name)
{
    for (int i = 0; i < w->nb; i++)
        if (!strcmp(w->ch[i].name, name))
            return 1;
    return 0;
}

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

static int resample(Writer *w, Channel *c, void *from, int colour)
{
    const int ow = fg_exr_width(&w->data), oh = fg_exr_height(&w->data);
    const int sw = fg_exr_width(&w->src.data), sh = fg_exr_height(&w->src.data);
    void *const to = malloc(4 * (size_t)ow * (size_t)oh);
    int ret = to ? 0 : -ENOMEM;
    if (!ret && colour)
        ret = bicubic(to, ow, oh, from, sw, sh);
    else if (!ret)
        nearest(to, ow, oh, from, sw, sh);
    c->own = to;
    c->data = to;
    c->stride = 4 * (ptrdiff_t)ow;
    return ret;
}

/* All that the frame does not hold, one list entry at a time in memory. */
static int add_other(Writer *w, int i)
{
    const exr_attr_chlist_entry_t *const e = &w->src.list->entries[i];
    const int integer = e->pixel_type == EXR_PIXEL_UINT;
    const size_t n = (size_t)fg_exr_width(&w->src.data) *
                     (size_t)fg_exr_height(&w->src.data);
    void *to[FG_EXR_MAX_CHANNELS] = {NULL};
    void *const data = malloc(4 * n);
    if (!data)
        return fg_error(w->err, -ENOMEM, "no memory");
    to[i] = data;
    int ret = fg_exr_load(&w->src, to, w->like, w->err);
    Channel c = {.name = e->name.str,
                 .type = integer ? EXR_PIXEL_UINT
                                 : file_type(w, (int)e->pixel_type),
                 .linear = e->p_linear};
    if (!ret && resample(w, &c, data, !integer && fg_exr_is_colour(c.name)) < 0)
        ret = fg_error(w->err, -ENOMEM, "no memory");
    free(data);
    w->ch[w->nb++] = c;
    return ret;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Channel *)a)->name, ((const Channel *)b)->name);
}

static int plan_channels(Writer *w)
{
    const int others = w->has_src ? w->src.list->num_channels : 0;
    int ret = 0;
    w->ch = calloc((size_t)others + 4, sizeof(*w->ch));
    if (!w->ch)
        return fg_error(w->err, -ENOMEM, "no memory");
    add_colours(w);
    const int keep = w->o->others == FG_EXR_RESAMPLE && !w->closed;
    for (int i = 0; i < others && !ret && keep; i++)
        if (!is_taken(w, w->src.list->entries[i].name.str))
            ret = add_other(w, i);
    qsort(w->ch, (size_t)w->nb, sizeof(*w->ch), by_name);
    return ret;
}

/* ---- the file ---- */

static exr_compression_t compression(const Writer *w)
{
    if (w->o->compression >= 0)
        return (exr_compression_t)w->o->compression;
    if (!w->has_src || w->src.compression == EXR_COMPRESSION_DWAA ||
        w->src.compression == EXR_COMPRESSION_DWAB)
        return EXR_COMPRESSION_ZIP; /* the library cannot write DWA */
    return w->src.compression;
}

/* Tiles stay tiles of their size; smaller levels are not made. */
static int is_tiled(const Writer *w)
{
    return w->has_src && w->src.storage == EXR_STORAGE_TILED;
}

static exr_result_t set_tiles(Writer *w)
{
    uint32_t tw, th;
    exr_tile_level_mode_t level;
    exr_tile_round_mode_t rounding;
    const exr_result_t q = exr_get_tile_descriptor(w->src.ctx, 0, &tw, &th,
                                                   &level, &rounding);
    return q ? q
             : exr_set_tile_descriptor(w->ctx, 0, tw, th, EXR_TILE_ONE_LEVEL,
                                       rounding);
}

static exr_result_t write_attributes(Writer *w)
{
    int part;
    exr_result_t r = exr_add_part(
        w->ctx, NULL, is_tiled(w) ? EXR_STORAGE_TILED : EXR_STORAGE_SCANLINE,
        &part);
    if (!r)
        r = exr_initialize_required_attr_simple(
            w->ctx, 0, fg_exr_width(&w->data), fg_exr_height(&w->data),
            compression(w));
    if (!r)
        r = exr_set_data_window(w->ctx, 0, &w->data);
    if (!r)
        r = exr_set_display_window(w->ctx, 0, &w->display);
    if (!r && is_tiled(w))
        r = set_tiles(w);
    for (int i = 0; i < w->nb && !r; i++)
        r = exr_add_channel(w->ctx, 0, w->ch[i].name,
                            (exr_pixel_type_t)w->ch[i].type,
                            w->ch[i].linear ? EXR_PERCEPTUALLY_LINEAR
                                            : EXR_PERCEPTUALLY_LOGARITHMIC,
                            1, 1);
    float v;
    exr_attr_v2f_t centre;
    if (!r && w->has_src && !exr_get_pixel_aspect_ratio(w->src.ctx, 0, &v))
        r = exr_set_pixel_aspect_ratio(w->ctx, 0, v);
    if (!r && w->has_src && !exr_get_screen_window_width(w->src.ctx, 0, &v))
        r = exr_set_screen_window_width(w->ctx, 0, v);
    if (!r && w->has_src &&
        !exr_get_screen_window_center(w->src.ctx, 0, &centre))
        r = exr_set_screen_window_center(w->ctx, 0, &centre);
    if (!r && w->has_src)
        r = exr_copy_unset_attributes(w->ctx, 0, w->src.ctx, 0);
    return r ? r : exr_write_header(w->ctx);
}

typedef struct Pixels {
    exr_encode_pipeline_t pipe;
    int begun;
} Pixels;

/* Columns from x, rows from y on, counted from the data window's corner. */
static void aim(const Writer *w, exr_encode_pipeline_t *pipe, int x, int y)
{
    for (int i = 0; i < pipe->channel_count; i++) {
        exr_coding_channel_info_t *const to = &pipe->channels[i];
        const Channel *const c = &w->ch[i];
        to->user_bytes_per_element = 4;
        to->user_data_type = c->type == EXR_PIXEL_UINT ? EXR_PIXEL_UINT
                                                       : EXR_PIXEL_FLOAT;
        to->user_pixel_stride = 4;
        to->user_line_stride = (int32_t)c->stride;
        to->encode_from_ptr = c->data + (ptrdiff_t)y * c->stride +
                              4 * (ptrdiff_t)x;
    }
}

static exr_result_t write_chunk(Writer *w, Pixels *p, const exr_chunk_info_t *c,
                                int x, int y)
{
    exr_result_t r = p->begun ? exr_encoding_update(w->ctx, 0, c, &p->pipe)
                              : exr_encoding_initialize(w->ctx, 0, c, &p->pipe);
    if (r)
        return r;
    aim(w, &p->pipe, x, y);
    if (!p->begun)
        r = exr_encoding_choose_default_routines(w->ctx, 0, &p->pipe);
    p->begun = 1;
    return r ? r : exr_encoding_run(w->ctx, 0, &p->pipe);
}

static exr_result_t write_lines(Writer *w, Pixels *p)
{
    exr_chunk_info_t c;
    int32_t step = 1;
    exr_result_t r = exr_get_scanlines_per_chunk(w->ctx, 0, &step);
    for (int y = w->data.min.y; !r && y <= w->data.max.y; y += step) {
        r = exr_write_scanline_chunk_info(w->ctx, 0, y, &c);
        if (!r)
            r = write_chunk(w, p, &c, 0, y - w->data.min.y);
    }
    return r;
}

static exr_result_t write_tiles(Writer *w, Pixels *p)
{
    exr_chunk_info_t c;
    int32_t tw = 1, th = 1;
    exr_result_t r = exr_get_tile_sizes(w->ctx, 0, 0, 0, &tw, &th);
    const int nx = (fg_exr_width(&w->data) + tw - 1) / tw;
    const int ny = (fg_exr_height(&w->data) + th - 1) / th;
    for (int y = 0; y < ny; y++)
        for (int x = 0; x < nx && !r; x++) {
            r = exr_write_tile_chunk_info(w->ctx, 0, x, y, 0, 0, &c);
            if (!r)
                r = write_chunk(w, p, &c, x * tw, y * th);
        }
    return r;
}

static exr_result_t write_pixels(Writer *w)
{
    Pixels p = {.pipe = EXR_ENCODE_PIPELINE_INITIALIZER};
    const exr_result_t r = is_tiled(w) ? write_tiles(w, &p)
                                       : write_lines(w, &p);
    if (p.begun)
        exr_encoding_destroy(w->ctx, &p.pipe);
    return r;
}

static int write_file(Writer *w)
{
    exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
    init.error_handler_fn = be_quiet;
    init.user_data = w;
    init.write_fn = on_write;
    exr_result_t r = exr_start_write(&w->ctx, "picture.exr",
                                     EXR_WRITE_FILE_DIRECTLY, &init);
    if (!r)
        r = write_attributes(w);
    if (!r)
        r = write_pixels(w);
    if (w->ctx) {
        const exr_result_t end = exr_finish(&w->ctx);
        r = r ? r : end;
    }
    if (w->code)
        return fg_error(w->err, w->code, "%s", strerror(-w->code));
    return r ? fg_error(w->err, fg_exr_errno(r), "OpenEXR: %s",
                        exr_get_default_error_message(r))
             : 0;
}

static int is_ours(const AVFrame *f)
{
    return f->format == AV_PIX_FMT_GBRPF32 ||
           f->format == AV_PIX_FMT_GBRAPF32 || f->format == AV_PIX_FMT_GRAYF32;
}

int fg_exr_write(int fd, const AVFrame *f, const char *like,
                 const FgExrOptions *o, FgError *err)
{
    Writer w = {.fd = fd, .f = f, .o = o, .like = like, .err = err};
    if (!is_ours(f))
        return fg_error(err, -EINVAL, "OpenEXR takes float pictures only");
    int ret = like ? fg_exr_open(&w.src, like, err) : 0;
    w.has_src = like && (!ret || ret == -ENOTSUP);
    if (ret == -ENOTSUP) { /* read by libavcodec: what is on display */
        w.src.all = w.src.data = w.src.display;
        w.closed = 1;
        ret = 0;
    }
    if (!ret)
        ret = plan_windows(&w);
    if (!ret)
        ret = plan_channels(&w);
    if (!ret)
        ret = write_file(&w);
    for (int i = 0; i < w.nb; i++)
        free(w.ch[i].own);
    free(w.ch);
    fg_exr_close(&w.src);
    return ret;
}
