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

int fg_exr_is_colour(const FgExrFile *x, int i)
{
    static const char *const words[] = {"R",   "G",     "B",    "A",    "Y",
                                        "red", "green", "blue", "alpha"};
    const char *const name = x->list->entries[i].name.str;
    const char *const word = last_word(name);
    /* Directions have a Y, too. */
    if (!strcasecmp(word, "Y") &&
        find(x->list, name, (size_t)(word - name), 'x') >= 0)
        return 0;
    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
        if (!strcasecmp(word, words[k]))
            return 1;
    return 0;
}

int fg_exr_layer(const FgExrFile *x, const char *layer, size_t len,
                 int colour[4])
{
    static const char letters[] = "rgba";
    for (int k = 0; k < 4; k++)
        colour[k] = find(x->list, layer, len, letters[k]);
    return colour[0] >= 0 && colour[1] >= 0 && colour[2] >= 0;
}

/* The layer of a prefix ("" or "name."): 1 when it has R, G and B. */
static int take_layer(FgExrFile *x, const char *layer, size_t len)
{
    return fg_exr_layer(x, layer, len, x->colour);
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
    exr_result_t r = exr_get_storage(x->ctx, x->part, &x->storage);
    if (!r)
        r = exr_get_compression(x->ctx, x->part, &x->compression);
    if (!r)
        r = exr_get_channels(x->ctx, x->part, &x->list);
    if (!r)
        r = exr_get_data_window(x->ctx, x->part, &x->data);
    if (!r)
        r = exr_get_display_window(x->ctx, x->part, &x->display);
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

/* 1: flat, without chroma of another size: it can be read here, unless it is
 * DWA. */
static int is_flat(const FgExrFile *x)
{
    return x->storage != EXR_STORAGE_DEEP_SCANLINE &&
           x->storage != EXR_STORAGE_DEEP_TILED;
}

int fg_exr_is_readable(const FgExrFile *x)
{
    if (!is_flat(x) || x->compression == EXR_COMPRESSION_DWAA ||
        x->compression == EXR_COMPRESSION_DWAB ||
        x->list->num_channels > FG_EXR_MAX_CHANNELS)
        return 0;
    for (int i = 0; i < x->list->num_channels; i++)
        if (x->list->entries[i].x_sampling != 1 ||
            x->list->entries[i].y_sampling != 1)
            return 0;
    return 1;
}

/* How well a part serves as the picture: 3 red, green and blue; 2 grey. */
static int rank(const FgExrFile *x)
{
    return !is_flat(x) ? 0 : x->colour[1] >= 0 ? 3 : x->colour[0] >= 0 ? 2 : 1;
}

int fg_exr_part(FgExrFile *view, const FgExrFile *x, int part, const char *path,
                FgError *err)
{
    *view = (FgExrFile){.ctx = x->ctx, .part = part, .nb_parts = x->nb_parts};
    const int ret = read_header(view, path, err);
    if (!ret && is_flat(view))
        choose_colours(view);
    return ret;
}

const char *fg_exr_part_name(const FgExrFile *x)
{
    const char *name = NULL;
    return !exr_get_name(x->ctx, x->part, &name) && name ? name : "";
}

static int no_picture(const FgExrFile *x, const char *path, FgError *err)
{
    if (!is_flat(x))
        return fg_error(err, -EBADMSG,
                        "%s: deep data: only flat pictures can be enlarged",
                        fg_show(path));
    return fg_error(
        err, -EBADMSG, "%s: no channels R, G, B or Y: the first is '%s'",
        fg_show(path),
        x->list->num_channels ? x->list->entries[0].name.str : "none");
}

/* The first of the best parts. What libavcodec reads is the first of all. */
static int choose_part(FgExrFile *x, const char *path, FgError *err)
{
    FgExrFile best = {0}, v;
    for (int i = 0; i < x->nb_parts; i++) {
        const int ret = fg_exr_part(&v, x, i, path, err);
        if (ret)
            return ret;
        if (!i || rank(&v) > rank(&best))
            best = v;
    }
    *x = best;
    if (rank(&best) < 2)
        return no_picture(&best, path, err);
    if (fg_exr_is_readable(&best))
        return 0;
    return best.nb_parts == 1
               ? -ENOTSUP
               : fg_error(err, -EBADMSG,
                          "%s: its part '%s' is one of several and in DWA or "
                          "with chroma of half size: only single parts can be "
                          "read so",
                          fg_show(path), fg_exr_part_name(&best));
}

int fg_exr_open(FgExrFile *x, const char *path, FgError *err)
{
    exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
    *x = (FgExrFile){0};
    init.error_handler_fn = be_quiet;
    exr_result_t r = exr_start_read(&x->ctx, path, &init);
    if (!r)
        r = exr_get_count(x->ctx, &x->nb_parts);
    exr_context_t ctx = x->ctx;
    int ret = r ? fg_exr_fail(path, r, err)
              : x->nb_parts < 1 || x->nb_parts > FG_EXR_MAX_PARTS
                  ? fg_error(err, -EBADMSG, "%s: %d parts, allowed 1..%d",
                             fg_show(path), x->nb_parts, FG_EXR_MAX_PARTS)
                  : choose_part(x, path, err);
    x->ctx = ctx;
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
    uint8_t *unwanted; /* room for a chunk of one channel */
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
        ch->user_line_stride = l->to[i] ? 4 * w : 4 * ch->width;
        ch->decode_to_ptr = l->to[i]
                                ? (uint8_t *)l->to[i] +
                                      4 * ((size_t)y * (size_t)w + (size_t)x)
                                : l->unwanted;
    }
}

static exr_result_t load_chunk(Load *l, const exr_chunk_info_t *c)
{
    exr_result_t r = l->begun ? exr_decoding_update(l->x->ctx, l->x->part, c,
                                                    &l->pipe)
                              : exr_decoding_initialize(l->x->ctx, l->x->part,
                                                        c, &l->pipe);
    if (r)
        return r;
    /* The library's short cuts for 3 and 4 channels fill them all. */
    const int nb = l->pipe.channel_count;
    if (!l->unwanted && (nb == 3 || nb == 4)) {
        l->unwanted = calloc(4 * (size_t)c->width, (size_t)c->height);
        if (!l->unwanted)
            return EXR_ERR_OUT_OF_MEMORY;
    }
    aim(l, c);
    if (!l->begun)
        r = exr_decoding_choose_default_routines(l->x->ctx, l->x->part,
                                                 &l->pipe);
    l->begun = 1;
    return r ? r : exr_decoding_run(l->x->ctx, l->x->part, &l->pipe);
}

static exr_result_t load_lines(Load *l)
{
    exr_chunk_info_t c;
    int32_t step = 1;
    exr_result_t r = exr_get_scanlines_per_chunk(l->x->ctx, l->x->part, &step);
    for (int64_t y = l->x->data.min.y; !r && y <= l->x->data.max.y; y += step) {
        r = exr_read_scanline_chunk_info(l->x->ctx, l->x->part, (int)y, &c);
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
    exr_result_t r = exr_get_tile_sizes(l->x->ctx, l->x->part, 0, 0, &tw, &th);
    const int nx = (fg_exr_width(&l->x->data) + tw - 1) / tw;
    const int ny = (fg_exr_height(&l->x->data) + th - 1) / th;
    for (int y = 0; y < ny && !r; y++)
        for (int x = 0; x < nx && !r; x++) {
            r = exr_read_tile_chunk_info(l->x->ctx, l->x->part, x, y, 0, 0, &c);
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
    free(l.unwanted);
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
    if (!exr_get_pixel_aspect_ratio(x->ctx, x->part, &aspect) &&
        aspect > 0.01F && aspect < 100)
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

int fg_exr_frame(const FgExrFile *x, const char *path, AVFrame **out,
                 FgError *err)
{
    *out = NULL;
    if (x->list->entries[x->colour[0]].pixel_type == EXR_PIXEL_UINT)
        return fg_error(err, -EBADMSG, "%s: its colours are whole numbers",
                        fg_show(path));
    AVFrame *f = new_frame(x);
    if (!f)
        return fg_error(err, -ENOMEM, "no memory");
    const int ret = read_planes(x, f, path, err);
    if (ret)
        av_frame_free(&f);
    *out = f;
    return ret;
}

int fg_exr_read(const char *path, AVFrame **out, FgError *err)
{
    FgExrFile x;
    int ret = fg_exr_open(&x, path, err);
    *out = NULL;
    if (!ret)
        ret = fg_exr_frame(&x, path, out, err);
    fg_exr_close(&x);
    return ret;
}
