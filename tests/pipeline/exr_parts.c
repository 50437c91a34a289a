/* OpenEXR pictures of several parts and layers: all come out, each as it is
 * asked for.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
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

enum { W = 37, H = 21, MAX = 8 };

typedef struct Part {
    const char *name;
    const char *channels[MAX]; /* sorted, ended by NULL */
    exr_pixel_type_t type;
    int tiled, inset; /* inset: the data window is smaller */
} Part;

static const Part parts[] = {
    {"data", {"N.X", "N.Y", "Z"}, EXR_PIXEL_FLOAT, 0, 0},
    {"beauty",
     {"B", "G", "R", "diffuse.B", "diffuse.G", "diffuse.R"},
     EXR_PIXEL_HALF,
     0,
     0},
    {"light", {"A", "B", "G", "R"}, EXR_PIXEL_HALF, 1, 0},
    {"id", {"id"}, EXR_PIXEL_UINT, 0, 1},
    {"small", {"B", "G", "R"}, EXR_PIXEL_HALF, 0, 1},
};
enum { NB = sizeof(parts) / sizeof(parts[0]) };

static char path_a[64], path_b[64];

static float value(int part, int c, int x, int y)
{
    return (float)(((x * 7 + y * 13 + c * 5 + part * 31) % 257) - 1) * 0.25F;
}

static exr_attr_box2i_t window(const Part *p)
{
    exr_attr_box2i_t b = {.max = {.x = W - 1, .y = H - 1}};
    if (p->inset) {
        b.min.x = 5;
        b.min.y = 3;
        b.max.x = 20;
        b.max.y = 14;
    }
    return b;
}

static void describe(exr_context_t ctx, int k, const Part *p)
{
    const exr_attr_box2i_t all = {.max = {.x = W - 1, .y = H - 1}};
    const exr_attr_box2i_t data = window(p);
    int part;
    assert_int_equal(
        exr_add_part(ctx, p->name,
                     p->tiled ? EXR_STORAGE_TILED : EXR_STORAGE_SCANLINE,
                     &part),
        0);
    assert_int_equal(exr_initialize_required_attr(
                         ctx, k, &all, &data, 1, &(exr_attr_v2f_t){.x = 0}, 1,
                         EXR_LINEORDER_INCREASING_Y, EXR_COMPRESSION_ZIPS),
                     0);
    assert_int_equal(exr_attr_set_string(ctx, k, "owner", p->name), 0);
    /* What deep parts must have; flat ones may. */
    assert_int_equal(exr_attr_set_int(ctx, k, "version", 1), 0);
    assert_int_equal(exr_attr_set_int(ctx, k, "maxSamplesPerPixel", 1), 0);
    if (p->tiled)
        assert_int_equal(exr_set_tile_descriptor(ctx, k, 16, 16,
                                                 EXR_TILE_ONE_LEVEL,
                                                 EXR_TILE_ROUND_DOWN),
                         0);
    for (int i = 0; i < MAX && p->channels[i]; i++)
        assert_int_equal(exr_add_channel(ctx, k, p->channels[i], p->type,
                                         EXR_PERCEPTUALLY_LOGARITHMIC, 1, 1),
                         0);
}

static void fill(exr_context_t ctx, int k, const Part *p)
{
    exr_encode_pipeline_t pipe = EXR_ENCODE_PIPELINE_INITIALIZER;
    exr_chunk_info_t c;
    const exr_attr_box2i_t b = window(p);
    const int w = fg_exr_width(&b), h = fg_exr_height(&b);
    const int step = p->tiled ? 16 : 1;
    static uint32_t line[MAX][64 * 64];
    int begun = 0;
    for (int y = 0; y < h; y += step)
        for (int x = 0; x < (p->tiled ? w : 1); x += 16) {
            assert_int_equal(p->tiled ? exr_write_tile_chunk_info(
                                            ctx, k, x / 16, y / 16, 0, 0, &c)
                                      : exr_write_scanline_chunk_info(
                                            ctx, k, b.min.y + y, &c),
                             0);
            assert_int_equal(begun ? exr_encoding_update(ctx, k, &c, &pipe)
                                   : exr_encoding_initialize(ctx, k, &c, &pipe),
                             0);
            for (int i = 0; i < pipe.channel_count; i++) {
                exr_coding_channel_info_t *const ch = &pipe.channels[i];
                for (int v = 0; v < step; v++)
                    for (int u = 0; u < w; u++) {
                        const float f = value(k, i, x + u, y + v);
                        uint32_t *const to = &line[i][v * 64 + u];
                        if (p->type == EXR_PIXEL_UINT)
                            *to = (uint32_t)(4000000000U +
                                             (unsigned)(y * w + u));
                        else
                            memcpy(to, &f, 4);
                    }
                ch->user_bytes_per_element = 4;
                ch->user_data_type = p->type == EXR_PIXEL_UINT
                                         ? EXR_PIXEL_UINT
                                         : EXR_PIXEL_FLOAT;
                ch->user_pixel_stride = 4;
                ch->user_line_stride = 64 * 4;
                ch->encode_from_ptr = (const uint8_t *)line[i];
            }
            if (!begun)
                exr_encoding_choose_default_routines(ctx, k, &pipe);
            begun = 1;
            assert_int_equal(exr_encoding_run(ctx, k, &pipe), 0);
        }
    exr_encoding_destroy(ctx, &pipe);
}

static void make(const char *path, const Part *p, int nb)
{
    exr_context_t ctx;
    exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
    assert_int_equal(
        exr_start_write(&ctx, path, EXR_WRITE_FILE_DIRECTLY, &init), 0);
    for (int k = 0; k < nb; k++)
        describe(ctx, k, &p[k]);
    assert_int_equal(exr_write_header(ctx), 0);
    for (int k = 0; k < nb; k++)
        fill(ctx, k, &p[k]);
    assert_int_equal(exr_finish(&ctx), 0);
}

/* The header's word for part 0; its pixels are then nothing. */
static void make_deep(const char *path, const Part *p, int nb)
{
    static uint8_t bytes[1 << 20];
    make(path, p, nb);
    FILE *f = fopen(path, "rb");
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    uint8_t *const at = memmem(bytes, n, "scanlineimage", 13);
    assert_non_null(at);
    memmove(at + 12, at + 13, n - (size_t)(at - bytes) - 13);
    memcpy(at, "deepscanline", 12);
    at[-4] = 12;
    bytes[5] |= 8; /* the file has deep parts */
    f = fopen(path, "wb");
    fwrite(bytes, 1, n - 1, f);
    fclose(f);
}

/* ---- asked for ---- */

static int networks;

static AVFrame *doubled(const AVFrame *f)
{
    AVFrame *const g = av_frame_alloc();
    assert_non_null(g);
    g->width = 2 * f->width;
    g->height = 2 * f->height;
    g->format = f->format;
    assert_int_equal(av_frame_get_buffer(g, 0), 0);
    for (int p = 0; p < 4 && f->data[p]; p++)
        for (int y = 0; y < g->height; y++)
            for (int x = 0; x < g->width; x++)
                ((float *)(void *)(g->data[p] + y * g->linesize[p]))[x] = ((
                    const float *)(const void *)(f->data[p] +
                                                 y / 2 *
                                                     f->linesize[p]))[x / 2];
    return g;
}

static int network(void *arg, AVFrame **f, FgError *err)
{
    AVFrame *const g = doubled(*f);
    (void)arg, (void)err;
    networks++;
    av_frame_free(f);
    *f = g;
    return 0;
}

/* arg: "LAYER word" for one layer. */
static FgExrOther other(void *arg, const char *layer, const char *part,
                        int colour)
{
    const char *const *const rule = arg;
    if (rule && (!strcmp(rule[0], layer) || !strcmp(rule[0], part)))
        return !strcmp(rule[1], "drop")   ? FG_EXR_DROP
               : !strcmp(rule[1], "copy") ? FG_EXR_COPY
                                          : FG_EXR_RESAMPLE;
    return colour ? FG_EXR_NETWORK : FG_EXR_RESAMPLE;
}

static int write_like(const AVFrame *f, const char *const *rule, FgError *err)
{
    const FgExrOptions o = {.compression = -1,
                            .half = -1,
                            .other = other,
                            .network = network,
                            .arg = (void *)rule,
                            .provenance = "ffgan test"};
    const int fd = open(path_b, O_RDWR | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    const int ret = fg_exr_write(fd, f, path_a, &o, err);
    close(fd);
    return ret;
}

/* Channel c of part k, of twice the size, every pixel four times. */
static void check_doubled(const FgExrFile *x, int k, int c)
{
    FgError err = {{0}};
    void *to[MAX] = {NULL};
    const exr_attr_box2i_t b = window(&parts[k]);
    const int w = fg_exr_width(&x->data), h = fg_exr_height(&x->data);
    assert_int_equal(w, 2 * fg_exr_width(&b));
    assert_int_equal(h, 2 * fg_exr_height(&b));
    assert_int_equal(x->data.min.x, 2 * b.min.x);
    to[c] = calloc((size_t)(w * h), 4);
    assert_int_equal(fg_exr_load(x, to, path_b, &err), 0);
    for (int i = 0; i < w * h; i++) {
        const int sx = i % w / 2, sy = i / w / 2;
        if (parts[k].type == EXR_PIXEL_UINT)
            assert_int_equal(((uint32_t *)to[c])[i],
                             4000000000U + (unsigned)(sy * (w / 2) + sx));
        else
            assert_true(((float *)to[c])[i] == value(k, c, sx, sy));
    }
    free(to[c]);
}

static void keeps_parts(void **state)
{
    (void)state;
    FgError err = {{0}};
    FgExrFile x, v;
    AVFrame *f = NULL;
    const char *owner;
    int32_t len;
    make(path_a, parts, NB);
    assert_int_equal(fg_exr_read(path_a, &f, &err), 0);
    assert_int_equal(f->format, AV_PIX_FMT_GBRPF32); /* beauty, not data */
    AVFrame *g = doubled(f);
    networks = 0;
    assert_int_equal(write_like(g, NULL, &err), 0);
    assert_int_equal(networks,
                     3); /* diffuse, light and small, not the picture */
    assert_int_equal(fg_exr_open(&x, path_b, &err), 0);
    assert_int_equal(x.nb_parts, NB);
    assert_int_equal(x.part, 1);
    for (int k = 0; k < NB; k++) {
        assert_int_equal(fg_exr_part(&v, &x, k, path_b, &err), 0);
        assert_string_equal(fg_exr_part_name(&v), parts[k].name);
        assert_int_equal(exr_attr_get_string(x.ctx, k, "owner", &len, &owner),
                         0);
        assert_string_equal(owner, parts[k].name);
        assert_int_equal(exr_attr_get_string(x.ctx, k, "ffgan", &len, &owner),
                         0);
        assert_string_equal(owner, "ffgan test");
        assert_int_equal(v.storage, parts[k].tiled ? EXR_STORAGE_TILED
                                                   : EXR_STORAGE_SCANLINE);
        for (int c = 0; c < MAX && parts[k].channels[c]; c++) {
            assert_string_equal(v.list->entries[c].name.str,
                                parts[k].channels[c]);
            assert_int_equal(v.list->entries[c].pixel_type, parts[k].type);
            check_doubled(&v, k, c);
        }
    }
    fg_exr_close(&x);
    av_frame_free(&f);
    av_frame_free(&g);
}

static void takes_rules(void **state)
{
    (void)state;
    static const char *const drop[] = {"light", "drop"};
    static const char *const layer[] = {"diffuse", "drop"};
    static const char *const plain[] = {"diffuse", "resample"};
    static const char *const copy[] = {"Z", "copy"};
    FgError err = {{0}};
    FgExrFile x;
    AVFrame *f = NULL;
    make(path_a, parts, NB);
    assert_int_equal(fg_exr_read(path_a, &f, &err), 0);
    AVFrame *g = doubled(f);
    assert_int_equal(write_like(g, drop, &err), 0);
    assert_int_equal(fg_exr_open(&x, path_b, &err), 0);
    assert_int_equal(x.nb_parts, NB - 1);
    fg_exr_close(&x);
    assert_int_equal(write_like(g, layer, &err), 0);
    assert_int_equal(fg_exr_open(&x, path_b, &err), 0);
    assert_int_equal(x.list->num_channels, 3);
    fg_exr_close(&x);
    networks = 0;
    assert_int_equal(write_like(g, plain, &err), 0);
    assert_int_equal(networks, 2);
    assert_int_equal(write_like(g, copy, &err), -EINVAL);
    assert_non_null(strstr(err.text, "layer 'Z'"));
    assert_int_equal(write_like(f, copy, &err), -EINVAL); /* network doubles */
    av_frame_free(&g);
    av_frame_free(&f);
}

static void copies_at_the_same_size(void **state)
{
    (void)state;
    static const char *const copy[] = {"data", "copy"};
    const Part two[] = {parts[0], parts[4]};
    FgError err = {{0}};
    FgExrFile x, v;
    AVFrame *f = NULL;
    void *to[MAX] = {NULL};
    make(path_a, two, 2);
    assert_int_equal(fg_exr_read(path_a, &f, &err), 0);
    assert_int_equal(write_like(f, copy, &err), 0);
    assert_int_equal(fg_exr_open(&x, path_b, &err), 0);
    assert_int_equal(fg_exr_part(&v, &x, 0, path_b, &err), 0);
    to[2] = calloc(W * H, 4);
    assert_int_equal(fg_exr_load(&v, to, path_b, &err), 0);
    for (int i = 0; i < W * H; i++)
        assert_true(((float *)to[2])[i] == value(0, 2, i % W, i / W));
    free(to[2]);
    fg_exr_close(&x);
    av_frame_free(&f);
}

static void refuses_numbers_only(void **state)
{
    (void)state;
    FgError err = {{0}};
    FgExrInfo info;
    make(path_a, &parts[0], 1);
    assert_int_equal(fg_exr_probe(path_a, &info, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "no channels R, G, B or Y"));
}

static void knows_deep(void **state)
{
    (void)state;
    const Part both[] = {parts[0], parts[4]};
    FgError err = {{0}};
    FgExrFile x, v;
    make_deep(path_a, both, 2);
    const int ret = fg_exr_open(&x, path_a, &err);
    if (ret)
        print_error("%s\n", err.text);
    assert_int_equal(ret, 0);
    assert_int_equal(x.part, 1);
    assert_int_equal(fg_exr_part(&v, &x, 0, path_a, &err), 0);
    assert_false(fg_exr_is_readable(&v));
    assert_true(fg_exr_is_readable(&x));
    fg_exr_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_parts),
        cmocka_unit_test(takes_rules),
        cmocka_unit_test(copies_at_the_same_size),
        cmocka_unit_test(refuses_numbers_only),
        cmocka_unit_test(knows_deep),
    };
    snprintf(path_a, sizeof(path_a), "/tmp/ffgan-parts-%d-a.exr",
             (int)getpid());
    snprintf(path_b, sizeof(path_b), "/tmp/ffgan-parts-%d-b.exr",
             (int)getpid());
    const int ret = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path_a);
    unlink(path_b);
    return ret;
}
