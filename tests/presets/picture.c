/* ffgan: tests of pictures and lists of pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/source.h"

enum { W = 37, H = 21 }; /* odd on purpose */

static char dir[] = "/tmp/ffgan-picture-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[300];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void put(const char *name, const void *data, size_t size)
{
    FILE *const f = fopen(path_of(name), "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* One byte for each place and channel; the same everywhere. */
static uint8_t sample(int x, int y, int c)
{
    return (uint8_t)(x * 7 + y * 13 + c * 71);
}

/* Writes a picture of the format with the named encoder, filled by fill. */
static void encode(const char *name, const char *encoder, int format,
                   const char *option, void (*fill)(AVFrame *f))
{
    const AVCodec *const codec = avcodec_find_encoder_by_name(encoder);
    AVCodecContext *enc = avcodec_alloc_context3(codec);
    AVPacket *pkt = av_packet_alloc();
    AVFrame *f = av_frame_alloc();
    AVDictionary *opt = NULL;

    assert_non_null(codec);
    enc->width = f->width = W;
    enc->height = f->height = H;
    enc->pix_fmt = format;
    f->format = format;
    enc->time_base = (AVRational){1, 25};
    if (option)
        av_dict_set(&opt, option, "1", 0);
    assert_int_equal(avcodec_open2(enc, codec, &opt), 0);
    assert_int_equal(av_frame_get_buffer(f, 0), 0);
    fill(f);
    assert_int_equal(avcodec_send_frame(enc, f), 0);
    avcodec_send_frame(enc, NULL);
    assert_int_equal(avcodec_receive_packet(enc, pkt), 0);
    put(name, pkt->data, (size_t)pkt->size);
    av_dict_free(&opt);
    av_packet_free(&pkt);
    av_frame_free(&f);
    avcodec_free_context(&enc);
}

static void read_ok(FgPicture *pic, const char *name)
{
    FgError err = {""};
    const int ret = fg_picture_read(pic, path_of(name), &err);

    assert_string_equal(err.text, "");
    assert_int_equal(ret, 0);
    assert_int_equal(pic->w, W);
    assert_int_equal(pic->h, H);
}

static const uint8_t *at(const FgPicture *p, int x, int y)
{
    return p->rgb + ((size_t)y * p->w + x) * 3;
}

static void test_png_round_trip(void **state)
{
    uint8_t rgb[W * H * 3];
    FgPicture pic = {W, H, rgb}, back;
    FgError err = {""};

    (void)state;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++)
                rgb[(y * W + x) * 3 + c] = sample(x, y, c);
    assert_int_equal(fg_picture_write_png(&pic, path_of("a %03d:b.png"), &err),
                     0);
    read_ok(&back, "a %03d:b.png");
    assert_memory_equal(back.rgb, rgb, sizeof(rgb));
    fg_picture_free(&back);
    fg_picture_free(&back);
    fg_picture_free(NULL);
}

static void fill_rgba(AVFrame *f)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W * 4; x++)
            f->data[0][y * f->linesize[0] + x] = sample(x / 4, y, x % 4);
}

static void test_alpha_dropped(void **state)
{
    FgPicture p;

    (void)state;
    encode("rgba.png", "png", AV_PIX_FMT_RGBA, NULL, fill_rgba);
    read_ok(&p, "rgba.png");
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(at(&p, x, y)[c], sample(x, y, c));
    fg_picture_free(&p);
}

/* Code v * 257 of 16 bits is v of 8. */
static void fill_ya16(AVFrame *f)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W * 2; x++) {
            uint8_t *p = f->data[0] + y * f->linesize[0] + 2 * x;

            p[0] = p[1] = sample(x / 2, y, x % 2);
        }
}

static void fill_clear_palette(AVFrame *f)
{
    for (int i = 0; i < 256; i++)
        ((uint32_t *)f->data[1])[i] = (uint32_t)sample(i, 0, 3) << 24 |
                                      (uint32_t)i;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            f->data[0][y * f->linesize[0] + x] = (uint8_t)(x + y);
}

/* Frame 1 of a clip of one: rgb and its alpha at each place. */
static void alpha_is(const char *name, int c, int palette)
{
    FgPicture p, a;
    FgError err = {""};
    FgClip *clip;

    assert_int_equal(fg_clip_open(&clip, path_of(name), &err), 0);
    assert_int_equal(fg_clip_next_alpha(clip, &p, &a, &err), 1);
    assert_int_equal(a.w * 1000 + a.h, W * 1000 + H);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int k = 0; k < 3; k++)
                assert_int_equal(at(&a, x, y)[k], palette ? sample(x + y, 0, 3)
                                                          : sample(x, y, c));
    fg_picture_free(&p);
    fg_picture_free(&a);
    assert_int_equal(fg_clip_next_alpha(clip, &p, &a, &err), 0);
    assert_null(a.rgb);
    fg_clip_close(&clip);
}

static void test_alpha(void **state)
{
    FgPicture p, a;
    FgError err = {""};
    FgClip *clip;

    (void)state;
    alpha_is("rgba.png", 3, 0);
    encode("ya16.png", "png", AV_PIX_FMT_YA16BE, NULL, fill_ya16);
    alpha_is("ya16.png", 1, 0);
    encode("keyed.png", "png", AV_PIX_FMT_PAL8, NULL, fill_clear_palette);
    alpha_is("keyed.png", 3, 1);
    assert_int_equal(fg_clip_open(&clip, path_of("a %03d:b.png"), &err), 0);
    assert_int_equal(fg_clip_next_alpha(clip, &p, &a, &err), -EINVAL);
    assert_non_null(strstr(err.text, "has no alpha"));
    assert_null(p.rgb);
    assert_null(a.rgb);
    fg_clip_close(&clip);
}

/* 16-bit codes v * 257 + d, |d| <= 128, are nearest to v. */
static void fill_rgb48(AVFrame *f)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W * 3; x++) {
            const int v = sample(x / 3, y, x % 3);
            const int d = v == 0 || v == 255 ? 0 : (x % 257) - 128;
            const int code = v * 257 + d;
            uint8_t *const out = f->data[0] + y * f->linesize[0] + x * 2;
            out[0] = (uint8_t)(code >> 8);
            out[1] = (uint8_t)code;
        }
}

static void test_16_bits(void **state)
{
    FgPicture p;

    (void)state;
    encode("deep.png", "png", AV_PIX_FMT_RGB48BE, NULL, fill_rgb48);
    read_ok(&p, "deep.png");
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(at(&p, x, y)[c], sample(x, y, c));
    fg_picture_free(&p);
}

static void fill_grey(AVFrame *f)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            f->data[0][y * f->linesize[0] + x] = sample(x, y, 0);
}

static void fill_mono(AVFrame *f)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < (W + 7) / 8; x++)
            f->data[0][y * f->linesize[0] + x] = 0xA5;
}

static void fill_palette(AVFrame *f)
{
    uint32_t *const pal = (uint32_t *)f->data[1];

    fill_grey(f);
    for (int i = 0; i < 256; i++)
        pal[i] = 0xff000000u | (uint32_t)i << 16 | (uint32_t)(255 - i) << 8 |
                 (uint32_t)(i ^ 0x55);
}

static void test_grey_mono_palette(void **state)
{
    FgPicture p;

    (void)state;
    encode("grey.png", "png", AV_PIX_FMT_GRAY8, NULL, fill_grey);
    read_ok(&p, "grey.png");
    for (int c = 0; c < 3; c++)
        assert_int_equal(at(&p, 30, 20)[c], sample(30, 20, 0));
    fg_picture_free(&p);
    encode("mono.png", "png", AV_PIX_FMT_MONOBLACK, NULL, fill_mono);
    read_ok(&p, "mono.png");
    for (int x = 0; x < W; x++)
        assert_int_equal(at(&p, x, 3)[1], 0xA5 >> (7 - x % 8) & 1 ? 255 : 0);
    fg_picture_free(&p);
    encode("pal.png", "png", AV_PIX_FMT_PAL8, NULL, fill_palette);
    read_ok(&p, "pal.png");
    for (int x = 0; x < W; x++) {
        const int i = sample(x, 5, 0);
        assert_int_equal(at(&p, x, 5)[0], i);
        assert_int_equal(at(&p, x, 5)[1], 255 - i);
        assert_int_equal(at(&p, x, 5)[2], i ^ 0x55);
    }
    fg_picture_free(&p);
}

static void fill_bgra(AVFrame *f)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            uint32_t *const row = (uint32_t *)(f->data[0] + y * f->linesize[0]);
            row[x] = 0xff000000u | (uint32_t)sample(x, y, 0) << 16 |
                     (uint32_t)sample(x, y, 1) << 8 | sample(x, y, 2);
        }
}

static void test_webp_lossless(void **state)
{
    FgPicture p;

    (void)state;
    if (!avcodec_find_encoder_by_name("libwebp"))
        skip();
    encode("x.webp", "libwebp", AV_PIX_FMT_RGB32, "lossless", fill_bgra);
    read_ok(&p, "x.webp");
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(at(&p, x, y)[c], sample(x, y, c));
    fg_picture_free(&p);
}

/* One flat colour: what is left is the matrix and the range. */
static void fill_yuv(AVFrame *f)
{
    memset(f->data[0], 150, (size_t)f->linesize[0] * H);
    memset(f->data[1], 100, (size_t)f->linesize[1] * ((H + 1) / 2));
    memset(f->data[2], 170, (size_t)f->linesize[2] * ((H + 1) / 2));
}

static void test_jpeg_matrix(void **state)
{
    /* BT.601, full range: R = Y + 1.402 V, B = Y + 1.772 U. */
    const int want[3] = {209, 130, 100};
    FgPicture p;

    (void)state;
    encode("x.jpg", "mjpeg", AV_PIX_FMT_YUVJ420P, NULL, fill_yuv);
    read_ok(&p, "x.jpg");
    for (int c = 0; c < 3; c++)
        assert_in_range(at(&p, 10, 10)[c] + 3 - want[c], 0, 6);
    fg_picture_free(&p);
}

static void refused(const char *name, int code, const char *tail)
{
    FgPicture p = {1, 1, NULL};
    FgError err = {""};
    char want[400];

    assert_int_equal(fg_picture_read(&p, path_of(name), &err), code);
    snprintf(want, sizeof(want), "%s: %s", path_of(name), tail);
    err.text[strlen(want)] = 0;
    assert_string_equal(err.text, want);
    assert_null(p.rgb);
    assert_int_equal(p.w, 0);
}

static void test_bad_files(void **state)
{
    uint8_t buf[65536];
    struct stat st;
    FILE *f;
    size_t n;

    (void)state;
    refused("none.png", -ENOENT, "No such file or directory");
    put("text.png", "hello, I am no picture\n", 23);
    refused("text.png", -EBADMSG, "");
    put("text.txt", "hello, I am no picture\n", 23);
    refused("text.txt", -EBADMSG, "not a picture or clip");
    put("empty.png", "", 0);
    refused("empty.png", -EBADMSG, "");
    f = fopen(path_of("rgba.png"), "rb");
    assert_non_null(f);
    n = fread(buf, 1, sizeof(buf), f);
    fclose(f);
    put("cut.png", buf, n / 2);
    refused("cut.png", -EBADMSG, "");
    buf[n / 2] ^= 0x55;
    put("flip.png", buf, n);
    refused("flip.png", -EBADMSG, "");
    /* A write that fails leaves nothing behind. */
    assert_int_equal(mkdir(path_of("d.png"), 0777), 0);
    {
        uint8_t rgb[3] = {1, 2, 3};
        const FgPicture one = {1, 1, rgb};
        FgError err = {""};
        char want[400];
        assert_int_equal(fg_picture_write_png(&one, path_of("d.png"), &err),
                         -EISDIR);
        snprintf(want, sizeof(want), "%s: Is a directory", path_of("d.png"));
        assert_string_equal(err.text, want);
        snprintf(want, sizeof(want), "%s.%ld.tmp", path_of("d.png"),
                 (long)getpid());
        assert_int_equal(stat(want, &st), -1);
        assert_int_equal(fg_picture_write_png(&one, path_of("no/x.png"), &err),
                         -ENOENT);
    }
}

/* Three grey frames of raw video, and the end after them. */
static void test_clip(void **state)
{
    FgError err = {""};
    FgClip *c = NULL;
    FgPicture p;
    FILE *const f = fopen(path_of("c.y4m"), "wb");

    (void)state;
    assert_non_null(f);
    fprintf(f, "YUV4MPEG2 W%d H%d F25:1 Ip C444\n", W, H);
    for (int i = 0; i < 3; i++) {
        fprintf(f, "FRAME\n");
        for (int k = 0; k < 3 * W * H; k++)
            fputc(k < W * H ? 16 + 50 * i : 128, f);
    }
    fclose(f);
    if (fg_clip_open(&c, path_of("c.y4m"), &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fg_clip_next(c, &p, &err), 1);
        assert_int_equal(p.w, W);
        assert_int_equal(p.h, H);
        /* 50 of 219 steps; the scaler may round by one. */
        assert_in_range(at(&p, 5, 7)[1] + 1 - 50 * i * 255 / 219, 0, 2);
        fg_picture_free(&p);
    }
    assert_int_equal(fg_clip_next(c, &p, &err), 0);
    assert_null(p.rgb);
    assert_int_equal(fg_clip_next(c, &p, &err), 0);
    fg_clip_close(&c);
    assert_null(c);
    fg_clip_close(&c);
    assert_int_equal(fg_clip_open(&c, path_of("none.mp4"), &err), -ENOENT);
    assert_null(c);
}

static void test_list(void **state)
{
    FgError err = {""};
    char **list;
    int nb;

    (void)state;
    assert_int_equal(mkdir(path_of("l"), 0777), 0);
    assert_int_equal(mkdir(path_of("l/sub"), 0777), 0);
    assert_int_equal(mkdir(path_of("l/.hid"), 0777), 0);
    put("l/b.png", "", 0);
    put("l/a.JPG", "", 0);
    put("l/sub/c.webp", "", 0);
    put("l/notes.txt", "", 0);
    put("l/.x.png", "", 0);
    put("l/.hid/y.png", "", 0);
    assert_int_equal(fg_list_pictures(path_of("l"), &list, &nb, &err), 0);
    assert_int_equal(nb, 3);
    assert_string_equal(list[0], path_of("l/a.JPG"));
    assert_string_equal(list[1], path_of("l/b.png"));
    assert_string_equal(list[2], path_of("l/sub/c.webp"));
    fg_strings_free(&list, nb);
    assert_null(list);
    fg_strings_free(&list, 0);
    assert_int_equal(fg_list_pictures("/no/such", &list, &nb, &err), -ENOENT);
    assert_string_equal(err.text, "/no/such: No such file or directory");
}

static int set_up(void **state)
{
    (void)state;
    av_log_set_level(AV_LOG_QUIET);
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[400];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_round_trip),
        cmocka_unit_test(test_alpha_dropped),
        cmocka_unit_test(test_alpha),
        cmocka_unit_test(test_16_bits),
        cmocka_unit_test(test_grey_mono_palette),
        cmocka_unit_test(test_webp_lossless),
        cmocka_unit_test(test_jpeg_matrix),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
