/* OpenEXR pictures: what goes in comes out, with all attributes and channels.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/exr_priv.h"

enum { W = 37, H = 21, NB = 6 };

typedef struct Made {
    exr_compression_t compression;
    exr_pixel_type_t type;
    int tiled;
    exr_attr_box2i_t data, display;
} Made;

static const char *const names[NB] = {"A", "B", "G", "R", "Z", "id"};

/* Every half can be told from its neighbours; from -0.25 to 64. */
static float value(int c, int x, int y)
{
    return (float)(((x * 7 + y * 13 + c * 5) % 257) - 1) * 0.25F;
}

static void write_attributes(exr_context_t ctx, const Made *m)
{
    const exr_attr_chromaticities_t chr = {.red_x = 0.713F,
                                           .red_y = 0.293F,
                                           .green_x = 0.165F,
                                           .green_y = 0.830F,
                                           .blue_x = 0.128F,
                                           .blue_y = 0.044F,
                                           .white_x = 0.32168F,
                                           .white_y = 0.33767F};
    assert_int_equal(exr_initialize_required_attr(
                         ctx, 0, &m->display, &m->data, 1,
                         &(exr_attr_v2f_t){.x = 0, .y = 0}, 1,
                         EXR_LINEORDER_INCREASING_Y, m->compression),
                     0);
    assert_int_equal(
        exr_attr_set_chromaticities(ctx, 0, "chromaticities", &chr), 0);
    assert_int_equal(exr_attr_set_string(ctx, 0, "owner", "nobody"), 0);
    assert_int_equal(exr_attr_set_int(ctx, 0, "shot", 1017), 0);
    assert_int_equal(
        exr_attr_set_timecode(ctx, 0, "timeCode",
                              &(exr_attr_timecode_t){0x01020304, 5}),
        0);
    if (m->tiled)
        assert_int_equal(exr_set_tile_descriptor(ctx, 0, 16, 16,
                                                 EXR_TILE_ONE_LEVEL,
                                                 EXR_TILE_ROUND_DOWN),
                         0);
}

static void aim(exr_encode_pipeline_t *p, float (*pixels)[NB], uint32_t *ids,
                int w, int x0, int y0)
{
    for (int c = 0; c < NB; c++) {
        exr_coding_channel_info_t *const ch = &p->channels[c];
        const size_t at = (size_t)y0 * (size_t)w + (size_t)x0;
        ch->user_bytes_per_element = 4;
        ch->user_data_type = c == 5 ? EXR_PIXEL_UINT : EXR_PIXEL_FLOAT;
        ch->user_pixel_stride = c == 5 ? 4 : 4 * NB;
        ch->user_line_stride = w * ch->user_pixel_stride;
        ch->encode_from_ptr = c == 5 ? (uint8_t *)&ids[at]
                                     : (uint8_t *)&pixels[at][c];
    }
}

static void make(const char *path, const Made *m)
{
    exr_context_t ctx;
    exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
    exr_encode_pipeline_t p = EXR_ENCODE_PIPELINE_INITIALIZER;
    exr_chunk_info_t c;
    int part, step = 16, begun = 0;
    const int w = fg_exr_width(&m->data), h = fg_exr_height(&m->data);
    float(*pixels)[NB] = calloc((size_t)(w * h), sizeof(*pixels));
    uint32_t *ids = calloc((size_t)(w * h), sizeof(*ids));
    assert_non_null(pixels);
    assert_non_null(ids);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            ids[y * w + x] = (uint32_t)(4000000000U + (unsigned)(y * w + x));
            for (int k = 0; k < NB; k++)
                pixels[y * w + x][k] = value(k, x, y);
        }
    assert_int_equal(
        exr_start_write(&ctx, path, EXR_WRITE_FILE_DIRECTLY, &init), 0);
    assert_int_equal(
        exr_add_part(ctx, NULL,
                     m->tiled ? EXR_STORAGE_TILED : EXR_STORAGE_SCANLINE,
                     &part),
        0);
    write_attributes(ctx, m);
    for (int k = 0; k < NB; k++)
        assert_int_equal(exr_add_channel(ctx, 0, names[k],
                                         k == 5   ? EXR_PIXEL_UINT
                                         : k == 4 ? EXR_PIXEL_FLOAT
                                                  : m->type,
                                         EXR_PERCEPTUALLY_LOGARITHMIC, 1, 1),
                         0);
    assert_int_equal(exr_write_header(ctx), 0);
    if (!m->tiled)
        exr_get_scanlines_per_chunk(ctx, 0, &step);
    for (int y = 0; y < h; y += step)
        for (int x = 0; x < (m->tiled ? w : 1); x += 16) {
            const exr_result_t r = m->tiled
                                       ? exr_write_tile_chunk_info(
                                             ctx, 0, x / 16, y / 16, 0, 0, &c)
                                       : exr_write_scanline_chunk_info(
                                             ctx, 0, m->data.min.y + y, &c);
            assert_int_equal(r, 0);
            assert_int_equal(begun ? exr_encoding_update(ctx, 0, &c, &p)
                                   : exr_encoding_initialize(ctx, 0, &c, &p),
                             0);
            aim(&p, pixels, ids, w, x, y);
            if (!begun)
                exr_encoding_choose_default_routines(ctx, 0, &p);
            begun = 1;
            assert_int_equal(exr_encoding_run(ctx, 0, &p), 0);
        }
    exr_encoding_destroy(ctx, &p);
    assert_int_equal(exr_finish(&ctx), 0);
    free(pixels);
    free(ids);
}

static Made plain(exr_compression_t c, exr_pixel_type_t type, int tiled)
{
    Made m = {.compression = c, .type = type, .tiled = tiled};
    m.data.max.x = m.display.max.x = W - 1;
    m.data.max.y = m.display.max.y = H - 1;
    return m;
}

static const float *row(const AVFrame *f, int p, int y)
{
    return (const float *)(const void *)(f->data[p] +
                                         (ptrdiff_t)y * f->linesize[p]);
}

static char path_a[64], path_b[64];

static void write_like(const AVFrame *f, const FgExrOptions *o)
{
    FgError err = {{0}};
    const int fd = open(path_b, O_RDWR | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    const int ret = fg_exr_write(fd, f, path_a, o, &err);
    if (ret)
        print_error("%s\n", err.text);
    assert_int_equal(ret, 0);
    close(fd);
}

static int is_lossy(exr_compression_t c)
{
    return c == EXR_COMPRESSION_B44 || c == EXR_COMPRESSION_B44A ||
           c == EXR_COMPRESSION_PXR24;
}

static void check_values(const AVFrame *f, double tolerance)
{
    static const int channel[4] = {2, 1, 3, 0}; /* of planes G B R A */
    for (int p = 0; p < 4; p++)
        for (int y = 0; y < f->height; y++)
            for (int x = 0; x < f->width; x++) {
                const double want = (double)value(channel[p], x, y);
                const double is = (double)row(f, p, y)[x];
                assert_true(fabs(is - want) <= tolerance);
            }
}

static void check_attributes(const char *path, const Made *m)
{
    FgExrFile x;
    FgError err;
    const char *owner;
    int32_t shot = 0, len;
    exr_attr_chromaticities_t chr;
    exr_attr_timecode_t tc;
    assert_int_equal(fg_exr_open(&x, path, &err), 0);
    assert_int_equal(x.storage,
                     m->tiled ? EXR_STORAGE_TILED : EXR_STORAGE_SCANLINE);
    assert_int_equal(x.compression, m->compression);
    assert_int_equal(exr_attr_get_string(x.ctx, 0, "owner", &len, &owner), 0);
    assert_string_equal(owner, "nobody");
    assert_int_equal(exr_attr_get_int(x.ctx, 0, "shot", &shot), 0);
    assert_int_equal(shot, 1017);
    assert_int_equal(
        exr_attr_get_chromaticities(x.ctx, 0, "chromaticities", &chr), 0);
    assert_true(chr.red_x == 0.713F && chr.white_y == 0.33767F);
    assert_int_equal(exr_attr_get_timecode(x.ctx, 0, "timeCode", &tc), 0);
    assert_int_equal(tc.time_and_flags, 0x01020304);
    assert_int_equal(x.list->num_channels, NB);
    for (int i = 0; i < NB; i++) {
        assert_string_equal(x.list->entries[i].name.str, names[i]);
        assert_int_equal(x.list->entries[i].pixel_type, i == 5 ? EXR_PIXEL_UINT
                                                        : i == 4
                                                            ? EXR_PIXEL_FLOAT
                                                            : m->type);
    }
    fg_exr_close(&x);
}

/* The other channels, unchanged at the same size. */
static void check_others(const char *path)
{
    FgExrFile x;
    FgError err;
    float z[W * H];
    uint32_t id[W * H];
    void *const to[NB] = {NULL, NULL, NULL, NULL, z, id};
    assert_int_equal(fg_exr_open(&x, path, &err), 0);
    assert_int_equal(fg_exr_load(&x, to, path, &err), 0);
    for (int i = 0; i < W * H; i++) {
        assert_int_equal(id[i], 4000000000U + (unsigned)i);
        if (!is_lossy(x.compression))
            assert_true(z[i] == value(4, i % W, i / W));
    }
    fg_exr_close(&x);
}

static void round_trip(const Made *m)
{
    const FgExrOptions o = {.compression = -1, .half = -1};
    const double tolerance = m->compression == EXR_COMPRESSION_B44 ||
                                     m->compression == EXR_COMPRESSION_B44A
                                 ? 70 /* of 64: blocks of noise */
                                 : 0;
    FgError err = {{0}};
    AVFrame *f = NULL, *g = NULL;
    make(path_a, m);
    assert_int_equal(fg_exr_read(path_a, &f, &err), 0);
    assert_int_equal(f->format, AV_PIX_FMT_GBRAPF32);
    assert_int_equal(f->width, W);
    check_values(f, tolerance);
    write_like(f, &o);
    check_attributes(path_b, m);
    check_others(path_b);
    assert_int_equal(fg_exr_read(path_b, &g, &err), 0);
    check_values(g, 2 * tolerance);
    av_frame_free(&f);
    av_frame_free(&g);
}

static void keeps_all_compressions(void **state)
{
    (void)state;
    static const exr_compression_t all[] = {
        EXR_COMPRESSION_NONE, EXR_COMPRESSION_RLE, EXR_COMPRESSION_ZIPS,
        EXR_COMPRESSION_ZIP,  EXR_COMPRESSION_PIZ, EXR_COMPRESSION_PXR24,
        EXR_COMPRESSION_B44,  EXR_COMPRESSION_B44A};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        const Made half = plain(all[i], EXR_PIXEL_HALF, 0);
        const Made full = plain(all[i], EXR_PIXEL_FLOAT, 0);
        round_trip(&half);
        round_trip(&full);
    }
}

static void reads_tiles(void **state)
{
    (void)state;
    const Made m = plain(EXR_COMPRESSION_ZIP, EXR_PIXEL_HALF, 1);
    round_trip(&m);
}

/* A frame of twice the size: windows grow, numbers of objects are not mixed. */
static void scales_windows_and_others(void **state)
{
    (void)state;
    Made m = plain(EXR_COMPRESSION_PIZ, EXR_PIXEL_HALF, 0);
    m.data.min.x = -4;
    m.data.min.y = 3;
    m.data.max.x = W + 3;
    m.data.max.y = 15;
    const FgExrOptions o = {.compression = -1, .half = -1};
    FgError err = {{0}};
    AVFrame *f = NULL;
    FgExrFile x;
    make(path_a, &m);
    assert_int_equal(fg_exr_read(path_a, &f, &err), 0);
    assert_int_equal(f->width, W + 8);
    assert_int_equal(f->height, H);
    assert_true(row(f, 2, 2)[0] == 0);
    assert_true(row(f, 2, 3)[0] == value(3, 0, 0));
    AVFrame *g = av_frame_alloc();
    g->width = 2 * f->width;
    g->height = 2 * f->height;
    g->format = f->format;
    assert_int_equal(av_frame_get_buffer(g, 0), 0);
    for (int p = 0; p < 4; p++)
        for (int y = 0; y < g->height; y++)
            for (int i = 0; i < g->width; i++)
                ((float *)(void *)(g->data[p] + y * g->linesize[p]))[i] = row(
                    f, p, y / 2)[i / 2];
    write_like(g, &o);
    assert_int_equal(fg_exr_open(&x, path_b, &err), 0);
    assert_int_equal(x.data.min.x, -8);
    assert_int_equal(x.data.min.y, 6);
    assert_int_equal(x.data.max.x, 2 * W + 7);
    assert_int_equal(x.data.max.y, 31);
    assert_int_equal(x.display.max.x, 2 * W - 1);
    const int w = fg_exr_width(&x.data), h = fg_exr_height(&x.data);
    uint32_t *id = calloc((size_t)(w * h), sizeof(*id));
    float *red = calloc((size_t)(w * h), sizeof(*red));
    void *const to[NB] = {NULL, NULL, NULL, red, NULL, id};
    assert_int_equal(fg_exr_load(&x, to, path_b, &err), 0);
    for (int i = 0; i < w * h; i++) {
        const int sx = i % w / 2, sy = i / w / 2;
        assert_int_equal(id[i], 4000000000U + (unsigned)(sy * (w / 2) + sx));
        assert_true(red[i] == value(3, sx, sy));
    }
    free(id);
    free(red);
    fg_exr_close(&x);
    av_frame_free(&f);
    av_frame_free(&g);
}

static FgExrOther drop_all(void *arg, const char *layer, const char *part,
                           int colour)
{
    (void)arg, (void)layer, (void)part, (void)colour;
    return FG_EXR_DROP;
}

static void takes_options(void **state)
{
    (void)state;
    const Made m = plain(EXR_COMPRESSION_PIZ, EXR_PIXEL_FLOAT, 0);
    const FgExrOptions o = {
        .compression = EXR_COMPRESSION_ZIPS, .half = 1, .other = drop_all};
    FgError err = {{0}};
    AVFrame *f = NULL;
    FgExrFile x;
    make(path_a, &m);
    assert_int_equal(fg_exr_read(path_a, &f, &err), 0);
    write_like(f, &o);
    assert_int_equal(fg_exr_open(&x, path_b, &err), 0);
    assert_int_equal(x.compression, EXR_COMPRESSION_ZIPS);
    assert_int_equal(x.list->num_channels, 4);
    assert_int_equal(x.list->entries[0].pixel_type, EXR_PIXEL_HALF);
    fg_exr_close(&x);
    av_frame_free(&f);
    assert_int_equal(fg_exr_compression("piz"), EXR_COMPRESSION_PIZ);
    assert_int_equal(fg_exr_compression("jpeg"), -1);
}

/* Cut anywhere, and with bytes flipped: an error or a picture, never a crash;
 * what lacks pixels is never taken for whole. */
static void refuses_damage(void **state)
{
    (void)state;
    const Made m = plain(EXR_COMPRESSION_ZIP, EXR_PIXEL_HALF, 0);
    static char bytes[1 << 16];
    FgError err;
    make(path_a, &m);
    FILE *f = fopen(path_a, "rb");
    const size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    assert_true(n > 1000 && n < sizeof(bytes));
    unsigned seed = 1;
    for (int i = 0; i < 300; i++) {
        AVFrame *g = NULL;
        const size_t len = i < 100 ? n * (size_t)i / 100 : n;
        f = fopen(path_b, "wb");
        fwrite(bytes, 1, len, f);
        for (int k = 0; i >= 100 && k < 3; k++) {
            seed = seed * 1103515245U + 12345U;
            fseek(f, (long)(seed / 16 % n), SEEK_SET);
            fputc((int)(seed >> 24), f);
        }
        fclose(f);
        const int ret = fg_exr_read(path_b, &g, &err);
        if (i < 100)
            assert_true(ret < 0);
        av_frame_free(&g);
    }
}

static void refuses_other_kinds(void **state)
{
    (void)state;
    FgError err = {{0}};
    AVFrame *f = NULL;
    FgExrInfo info;
    assert_true(fg_exr_read("/nonexistent.exr", &f, &err) < 0);
    FILE *t = fopen(path_a, "wb");
    fputs("not a picture", t);
    fclose(t);
    assert_int_equal(fg_exr_probe(path_a, &info, &err), -EBADMSG);
    assert_non_null(strstr(err.text, path_a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_all_compressions),
        cmocka_unit_test(reads_tiles),
        cmocka_unit_test(scales_windows_and_others),
        cmocka_unit_test(takes_options),
        cmocka_unit_test(refuses_damage),
        cmocka_unit_test(refuses_other_kinds),
    };
    snprintf(path_a, sizeof(path_a), "/tmp/ffgan-exr-%d-a.exr", (int)getpid());
    snprintf(path_b, sizeof(path_b), "/tmp/ffgan-exr-%d-b.exr", (int)getpid());
    const int ret = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path_a);
    unlink(path_b);
    return ret;
}
