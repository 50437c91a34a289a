/* ffgan: OpenEXR pictures: writing.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/exr_writer.h"
#include "pipeline/util.h"

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
    FgExrWriter *const w = user;
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

/* ---- the file ---- */

static exr_compression_t compression(const FgExrWriter *w, const FgExrOut *p)
{
    if (w->o->compression >= 0)
        return (exr_compression_t)w->o->compression;
    if (!p->has_src || p->src.compression == EXR_COMPRESSION_DWAA ||
        p->src.compression == EXR_COMPRESSION_DWAB)
        return EXR_COMPRESSION_ZIP; /* the library cannot write DWA */
    return p->src.compression;
}

/* Tiles stay tiles of their size; smaller levels are not made. */
static int is_tiled(const FgExrOut *p)
{
    return p->has_src && p->src.storage == EXR_STORAGE_TILED;
}

static exr_result_t set_tiles(FgExrWriter *w, int k)
{
    uint32_t tw, th;
    exr_tile_level_mode_t level;
    exr_tile_round_mode_t rounding;
    const FgExrFile *const src = &w->part[k].src;
    const exr_result_t q = exr_get_tile_descriptor(src->ctx, src->part, &tw,
                                                   &th, &level, &rounding);
    return q ? q
             : exr_set_tile_descriptor(w->ctx, k, tw, th, EXR_TILE_ONE_LEVEL,
                                       rounding);
}

/* What the source says of itself. */
static exr_result_t copy_attributes(FgExrWriter *w, int k)
{
    const FgExrFile *const src = &w->part[k].src;
    exr_result_t r = EXR_ERR_SUCCESS;
    float v;
    exr_attr_v2f_t centre;
    if (!exr_get_pixel_aspect_ratio(src->ctx, src->part, &v))
        r = exr_set_pixel_aspect_ratio(w->ctx, k, v);
    if (!r && !exr_get_screen_window_width(src->ctx, src->part, &v))
        r = exr_set_screen_window_width(w->ctx, k, v);
    if (!r && !exr_get_screen_window_center(src->ctx, src->part, &centre))
        r = exr_set_screen_window_center(w->ctx, k, &centre);
    /* Parts have a count of their chunks: before the source's is copied. */
    if (!r && w->nb_parts > 1)
        r = exr_set_chunk_count(w->ctx, k, 1);
    return r ? r : exr_copy_unset_attributes(w->ctx, k, src->ctx, src->part);
}

static exr_result_t write_attributes(FgExrWriter *w, int k)
{
    const FgExrOut *const p = &w->part[k];
    const char *const name = w->nb_parts > 1 ? fg_exr_part_name(&p->src) : NULL;
    int part;
    exr_result_t r = exr_add_part(
        w->ctx, name, is_tiled(p) ? EXR_STORAGE_TILED : EXR_STORAGE_SCANLINE,
        &part);
    if (!r)
        r = exr_initialize_required_attr_simple(
            w->ctx, k, fg_exr_width(&p->data), fg_exr_height(&p->data),
            compression(w, p));
    if (!r)
        r = exr_set_data_window(w->ctx, k, &p->data);
    if (!r)
        r = exr_set_display_window(w->ctx, k, &p->display);
    if (!r && is_tiled(p))
        r = set_tiles(w, k);
    for (int i = 0; i < p->nb && !r; i++)
        r = exr_add_channel(w->ctx, k, p->ch[i].name,
                            (exr_pixel_type_t)p->ch[i].type,
                            p->ch[i].linear ? EXR_PERCEPTUALLY_LINEAR
                                            : EXR_PERCEPTUALLY_LOGARITHMIC,
                            1, 1);
    if (!r && w->o->provenance)
        r = exr_attr_set_string(w->ctx, k, "ffgan", w->o->provenance);
    return !r && p->has_src ? copy_attributes(w, k) : r;
}

typedef struct Pixels {
    const FgExrOut *p;
    int part;
    exr_encode_pipeline_t pipe;
    int begun;
} Pixels;

/* Columns from x, rows from y on, counted from the data window's corner. */
static void aim(Pixels *s, int x, int y)
{
    for (int i = 0; i < s->pipe.channel_count; i++) {
        exr_coding_channel_info_t *const to = &s->pipe.channels[i];
        const FgExrChannel *const c = &s->p->ch[i];
        to->user_bytes_per_element = 4;
        to->user_data_type = c->type == EXR_PIXEL_UINT ? EXR_PIXEL_UINT
                                                       : EXR_PIXEL_FLOAT;
        to->user_pixel_stride = 4;
        to->user_line_stride = (int32_t)c->stride;
        to->encode_from_ptr = c->data + (ptrdiff_t)y * c->stride +
                              4 * (ptrdiff_t)x;
    }
}

static exr_result_t write_chunk(FgExrWriter *w, Pixels *s,
                                const exr_chunk_info_t *c, int x, int y)
{
    exr_result_t r = s->begun
                         ? exr_encoding_update(w->ctx, s->part, c, &s->pipe)
                         : exr_encoding_initialize(w->ctx, s->part, c,
                                                   &s->pipe);
    if (r)
        return r;
    aim(s, x, y);
    if (!s->begun)
        r = exr_encoding_choose_default_routines(w->ctx, s->part, &s->pipe);
    s->begun = 1;
    return r ? r : exr_encoding_run(w->ctx, s->part, &s->pipe);
}

static exr_result_t write_lines(FgExrWriter *w, Pixels *s)
{
    exr_chunk_info_t c;
    int32_t step = 1;
    const exr_attr_box2i_t *const b = &s->p->data;
    exr_result_t r = exr_get_scanlines_per_chunk(w->ctx, s->part, &step);
    for (int y = b->min.y; !r && y <= b->max.y; y += step) {
        r = exr_write_scanline_chunk_info(w->ctx, s->part, y, &c);
        if (!r)
            r = write_chunk(w, s, &c, 0, y - b->min.y);
    }
    return r;
}

static exr_result_t write_tiles(FgExrWriter *w, Pixels *s)
{
    exr_chunk_info_t c;
    int32_t tw = 1, th = 1;
    exr_result_t r = exr_get_tile_sizes(w->ctx, s->part, 0, 0, &tw, &th);
    const int nx = (fg_exr_width(&s->p->data) + tw - 1) / tw;
    const int ny = (fg_exr_height(&s->p->data) + th - 1) / th;
    for (int y = 0; y < ny; y++)
        for (int x = 0; x < nx && !r; x++) {
            r = exr_write_tile_chunk_info(w->ctx, s->part, x, y, 0, 0, &c);
            if (!r)
                r = write_chunk(w, s, &c, x * tw, y * th);
        }
    return r;
}

static exr_result_t write_pixels(FgExrWriter *w, int part)
{
    Pixels s = {.p = &w->part[part],
                .part = part,
                .pipe = EXR_ENCODE_PIPELINE_INITIALIZER};
    const exr_result_t r = is_tiled(s.p) ? write_tiles(w, &s)
                                         : write_lines(w, &s);
    if (s.begun)
        exr_encoding_destroy(w->ctx, &s.pipe);
    return r;
}

static int write_file(FgExrWriter *w)
{
    exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
    init.error_handler_fn = be_quiet;
    init.user_data = w;
    init.write_fn = on_write;
    exr_result_t r = exr_start_write(&w->ctx, "picture.exr",
                                     EXR_WRITE_FILE_DIRECTLY, &init);
    for (int k = 0; k < w->nb_parts && !r; k++)
        r = write_attributes(w, k);
    if (!r)
        r = exr_write_header(w->ctx);
    for (int k = 0; k < w->nb_parts && !r; k++)
        r = write_pixels(w, k);
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
    FgExrWriter w = {
        .fd = fd, .f = f, .o = o, .like = like, .sx = 1, .sy = 1, .err = err};
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
        ret = fg_exr_plan(&w);
    if (!ret)
        ret = write_file(&w);
    fg_exr_plan_free(&w);
    fg_exr_close(&w.src);
    return ret;
}
