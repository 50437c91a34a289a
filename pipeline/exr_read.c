/* ffgan: OpenEXR pictures: reading.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pipeline/exr_priv.h"
#include "pipeline/util.h"

enum { MAX_SIDE = 1 << 17 };
static const int64_t max_pixels = INT64_C(1) << 31;

/* What the library says goes into our own message, or nowhere. */
static void be_quiet(exr_const_context_t ctx, exr_result_t code,
                     const char *text)
{
    (void)ctx;
    (void)code;
    (void)text;
}

int fg_exr_errno(exr_result_t r)
{
    switch (r) {
    case EXR_ERR_SUCCESS:
        return 0;
    case EXR_ERR_OUT_OF_MEMORY:
        return -ENOMEM;
    case EXR_ERR_FILE_ACCESS:
        return -EACCES;
    case EXR_ERR_WRITE_IO:
        return -EIO;
    case EXR_ERR_FEATURE_NOT_IMPLEMENTED:
        return -ENOTSUP;
    default:
        return -EBADMSG;
    }
}

int fg_exr_fail(const char *path, exr_result_t r, FgError *err)
{
    return fg_error(err, fg_exr_errno(r), "%s: %s", fg_show(path),
                    exr_get_default_error_message(r));
}

int fg_exr_width(const exr_attr_box2i_t *b)
{
    return b->max.x - b->min.x + 1;
}

int fg_exr_height(const exr_attr_box2i_t *b)
{
    return b->max.y - b->min.y + 1;
}

static int is_sane(const exr_attr_box2i_t *b)
{
    const int64_t w = (int64_t)b->max.x - b->min.x + 1;
    const int64_t h = (int64_t)b->max.y - b->min.y + 1;
    return w > 0 && h > 0 && w <= MAX_SIDE && h <= MAX_SIDE &&
           w * h <= max_pixels;
}

static const char *last_word(const char *name)
{
    const char *const dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

int fg_exr_is_colour(const char *name)
{
    static const char *const words[] = {"R",   "G",     "B",    "A",    "Y",
                                        "red", "green", "blue", "alpha"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcasecmp(last_word(name), words[i]))
            return 1;
    return 0;
}

static int find(const exr_attr_chlist_t *l, const char *layer, size_t len,
                char letter)
{
    for (int i = 0; i < l->num_channels; i++) {
        const char *const name = l->entries[i].name.str;
        const char *const word = last_word(name);
        if ((size_t)(word - name) == len && !strncmp(name, layer, len) &&
            strlen(word) == 1 && (word[0] | 32) == letter)
            return i;
    }
    return -1;
}

/* The layer of a prefix ("" or "name."): 1 when it has R, G and B. */
static int take_layer(FgExrFile *x, const char *layer, size_t len)
{
    static const char letters[] = "rgba";
    for (int k = 0; k < 4; k++)
        x->colour[k] = find(x->list, layer, len, letters[k]);
    return x->colour[0] >= 0 && x->colour[1] >= 0 && x->colour[2] >= 0;
}

static void choose_colours(FgExrFile *x)
{
    if (take_layer(x, "", 0))
        return;
    for (int i = 0; i < x->list->num_channels; i++) {
        const char *const name = x->list->entries[i].name.str;
        if (take_layer(x, name, (size_t)(last_word(name) - name)))
            return;
    }
    x->colour[0] = find(x->list, "", 0, 'y');
    x->colour[1] = x->colour[2] = x->colour[3] = -1;
}

static int read_header(FgExrFile *x, const char *path, FgError *err)
{
    exr_result_t r = exr_get_storage(x->ctx, 0, &x->storage);
    if (!r)
        r = exr_get_compression(x->ctx, 0, &x->compression);
    if (!r)
        r = exr_get_channels(x->ctx, 0, &x->list);
    if (!r)
        r = exr_get_data_window(x->ctx, 0, &x->data);
    if (!r)
        r = exr_get_display_window(x->ctx, 0, &x->display);
    if (r)
        return fg_exr_fail(path, r, err);
    x->all.min.x = FFMIN(x->data.min.x, x->display.min.x);
    x->all.min.y = FFMIN(x->data.min.y, x->display.min.y);
    x->all.max.x = FFMAX(x->data.max.x, x->display.max.x);
    x->all.max.y = FFMAX(x->data.max.y, x->display.max.y);
    if (!is_sane(&x->data) || !is_sane(&x->display) || !is_sane(&x->all))
        return fg_error(err, -EBADMSG, "%s: windows of no sense",
                        fg_show(path));
    return 0;
}

static int check_kind(FgExrFile *x, const char *path, FgError *err)
{
    const int deep = x->storage == EXR_STORAGE_DEEP_SCANLINE ||
                     x->storage == EXR_STORAGE_DEEP_TILED;
    if (deep || x->compression == EXR_COMPRESSION_DWAA ||
        x->compression == EXR_COMPRESSION_DWAB ||
        x->list->num_channels > FG_EXR_MAX_CHANNELS)
        return -ENOTSUP;
    for (int i = 0; i < x->list->num_channels; i++)
        if (x->list->entries[i].x_sampling != 1 ||
            x->list->entries[i].y_sampling != 1)
            return -ENOTSUP;
    if (x->colour[0] < 0)
        return fg_error(
            err, -EBADMSG, "%s: no channels R, G, B or Y: the first is '%s'",
            fg_show(path),
            x->list->num_channels ? x->list->entries[0].name.str : "none");
    return 0;
}

int fg_exr_open(FgExrFile *x, const char *path, FgError *err)
{
    exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
    *x = (FgExrFile){0};
    init.error_handler_fn = be_quiet;
    const exr_result_t r = exr_start_read(&x->ctx, path, &init);
    if (r)
        return fg_exr_fail(path, r, err);
    int ret = read_header(x, path, err);
    if (!ret) {
        choose_colours(x);
        ret = check_kind(x, path, err);
    }
    if (ret && ret != -ENOTSUP)
        fg_exr_close(x);
    return ret;
}

void fg_exr_close(FgExrFile *x)
{
    if (x->ctx)
        exr_finish(&x->ctx);
    x->ctx = NULL;
}

static int frame_format(const FgExrFile *x)
{
    if (x->colour[1] < 0)
        return AV_PIX_FMT_GRAYF32;
    return x->colour[3] >= 0 ? AV_PIX_FMT_GBRAPF32 : AV_PIX_FMT_GBRPF32;
}

int fg_exr_probe(const char *path, FgExrInfo *info, FgError *err)
{
    FgExrFile x;
    const int ret = fg_exr_open(&x, path, err);
    if (!ret)
        *info = (FgExrInfo){fg_exr_width(&x.all), fg_exr_height(&x.all),
                            frame_format(&x)};
    fg_exr_close(&x);
    return ret;
}

/* ---- pixels ---- */

typedef struct Load {
    const FgExrFile *x;
    void *const *to;
    exr_decode_pipeline_t pipe;
    int begun;
} Load;

/* Where the chunk's channels go; list and pipeline have one order. */
static void aim(Load *l, const exr_chunk_info_t *c)
{
    const int w = fg_exr_width(&l->x->data);
    const int x = l->x->storage == EXR_STORAGE_TILED
                      ? c->start_x
                      : c->start_x - l->x->data.min.x;
    const int y = l->x->storage == EXR_STORAGE_TILED
                      ? c->start_y
                      : c->start_y - l->x->data.min.y;
    for (int i = 0; i < l->pipe.channel_count; i++) {
        exr_coding_channel_info_t *const ch = &l->pipe.channels[i];
        const int integer = ch->data_type == EXR_PIXEL_UINT;
        ch->user_bytes_per_element = 4;
        ch->user_data_type = integer ? EXR_PIXEL_UINT : EXR_PIXEL_FLOAT;
        ch->user_pixel_stride = 4;
        ch->user_line_stride = 4 * w;
        ch->decode_to_ptr = l->to[i]
                                ? (uint8_t *)l->to[i] +
                                      4 * ((size_t)y * (size_t)w + (size_t)x)
                                : NULL;
    }
}

static exr_result_t load_chunk(Load *l, const exr_chunk_info_t *c)
{
    exr_result_t r = l->begun
                         ? exr_decoding_update(l->x->ctx, 0, c, &l->pipe)
                         : exr_decoding_initialize(l->x->ctx, 0, c, &l->pipe);
    if (r)
        return r;
    aim(l, c);
    if (!l->begun)
        r = exr_decoding_choose_default_routines(l->x->ctx, 0, &l->pipe);
    l->begun = 1;
    return r ? r : exr_decoding_run(l->x->ctx, 0, &l->pipe);
}

static exr_result_t load_lines(Load *l)
{
    exr_chunk_info_t c;
    int32_t step = 1;
    exr_result_t r = exr_get_scanlines_per_chunk(l->x->ctx, 0, &step);
    for (int64_t y = l->x->data.min.y; !r && y <= l->x->data.max.y; y += step) {
        r = exr_read_scanline_chunk_info(l->x->ctx, 0, (int)y, &c);
        if (!r)
            r = load_chunk(l, &c);
    }
    return r;
}

/* The first level: the picture at its full size. */
static exr_result_t load_tiles(Load *l)
{
    exr_chunk_info_t c;
    int32_t tw = 1, th = 1;
    exr_result_t r = exr_get_tile_sizes(l->x->ctx, 0, 0, 0, &tw, &th);
    const int nx = (fg_exr_width(&l->x->data) + tw - 1) / tw;
    const int ny = (fg_exr_height(&l->x->data) + th - 1) / th;
    for (int y = 0; y < ny && !r; y++)
        for (int x = 0; x < nx && !r; x++) {
            r = exr_read_tile_chunk_info(l->x->ctx, 0, x, y, 0, 0, &c);
            if (r)
                break;
            /* Its own start counts tiles in some versions, pixels in others. */
            c.start_x = x * tw;
            c.start_y = y * th;
            r = load_chunk(l, &c);
        }
    return r;
}

int fg_exr_load(const FgExrFile *x, void *const *to, const char *path,
                FgError *err)
{
    Load l = {.x = x, .to = to, .pipe = EXR_DECODE_PIPELINE_INITIALIZER};
    const exr_result_t r = x->storage == EXR_STORAGE_TILED ? load_tiles(&l)
                                                           : load_lines(&l);
    if (l.begun)
        exr_decoding_destroy(x->ctx, &l.pipe);
    return r ? fg_exr_fail(path, r, err) : 0;
}

/* The plane of libav's planar RGB for R, G, B, A. */
static int plane_of(int k)
{
    static const int planes[4] = {2, 0, 1, 3};
    return planes[k];
}

static AVFrame *new_frame(const FgExrFile *x)
{
    AVFrame *f = av_frame_alloc();
    const int grey = x->colour[1] < 0;
    if (!f)
        return NULL;
    f->width = fg_exr_width(&x->all);
    f->height = fg_exr_height(&x->all);
    f->format = frame_format(x);
    f->color_trc = AVCOL_TRC_LINEAR;
    f->color_range = AVCOL_RANGE_JPEG;
    f->colorspace = grey ? AVCOL_SPC_UNSPECIFIED : AVCOL_SPC_RGB;
    float aspect = 1;
    if (!exr_get_pixel_aspect_ratio(x->ctx, 0, &aspect) && aspect > 0.01F &&
        aspect < 100)
        f->sample_aspect_ratio = av_d2q((double)aspect, 100000);
    if (av_frame_get_buffer(f, 0) < 0)
        av_frame_free(&f);
    return f;
}

static void place(const FgExrFile *x, AVFrame *f, int p, const float *data)
{
    const int w = fg_exr_width(&x->data), h = fg_exr_height(&x->data);
    const int left = x->data.min.x - x->all.min.x;
    const int top = x->data.min.y - x->all.min.y;
    for (int y = 0; y < f->height; y++) {
        float *const row = (float *)(void *)(f->data[p] +
                                             (ptrdiff_t)y * f->linesize[p]);
        memset(row, 0, sizeof(*row) * (size_t)f->width);
        if (y >= top && y < top + h)
            memcpy(row + left, data + (size_t)(y - top) * (size_t)w,
                   sizeof(*row) * (size_t)w);
    }
}

static int read_planes(const FgExrFile *x, AVFrame *f, const char *path,
                       FgError *err)
{
    const size_t n = (size_t)fg_exr_width(&x->data) *
                     (size_t)fg_exr_height(&x->data);
    const int nb = f->format == AV_PIX_FMT_GRAYF32    ? 1
                   : f->format == AV_PIX_FMT_GBRAPF32 ? 4
                                                      : 3;
    void *to[FG_EXR_MAX_CHANNELS] = {NULL};
    float *const data = calloc(n * (size_t)nb, sizeof(*data));
    if (!data)
        return fg_error(err, -ENOMEM, "no memory");
    for (int k = 0; k < nb; k++)
        to[x->colour[k]] = data + (size_t)k * n;
    const int ret = fg_exr_load(x, to, path, err);
    for (int k = 0; k < nb && !ret; k++)
        place(x, f, nb == 1 ? 0 : plane_of(k), data + (size_t)k * n);
    free(data);
    return ret;
}

int fg_exr_read(const char *path, AVFrame **out, FgError *err)
{
    FgExrFile x;
    int ret = fg_exr_open(&x, path, err);
    *out = NULL;
    if (!ret && x.list->entries[x.colour[0]].pixel_type == EXR_PIXEL_UINT)
        ret = fg_error(err, -EBADMSG, "%s: its colours are whole numbers",
                       fg_show(path));
    AVFrame *f = ret ? NULL : new_frame(&x);
    if (!ret && !f)
        ret = fg_error(err, -ENOMEM, "no memory");
    if (!ret && f)
        ret = read_planes(&x, f, path, err);
    fg_exr_close(&x);
    if (ret)
        av_frame_free(&f);
    *out = f;
    return ret;
}
