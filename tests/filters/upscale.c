/* Tests of filters/upscale: networks that change nothing must change nothing,
 * and what must hold of every frame.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "filters/frame.h"
#include "filters/upscale.h"
#include "frames.h"
#include "models.h"

static const FgLook plain = {0, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_UNSPECIFIED};
static FgError err;

static int width_of(const AVPixFmtDescriptor *d, int c, int w)
{
    return c == 1 || c == 2 ? fg_subsampled(w, d->log2_chroma_w) : w;
}

static int height_of(const AVPixFmtDescriptor *d, int c, int h)
{
    return c == 1 || c == 2 ? fg_subsampled(h, d->log2_chroma_h) : h;
}

/* Codes through libavutil, so that our own reader is not its own judge. */
static void line(uint16_t *v, const AVFrame *f, int c, int y, int w)
{
    av_read_image_line2(v, (const uint8_t **)f->data, f->linesize,
                        av_pix_fmt_desc_get(f->format), 0, y, c, w, 0, 2);
}

static void randomise(AVFrame *f)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    const int all = (int)((1u << (d->comp[0].depth & 31)) - 1);
    uint16_t v[256];

    if (d->flags & AV_PIX_FMT_FLAG_FLOAT) {
        for (int p = 0; p < 4 && f->data[p]; p++)
            for (int y = 0; y < f->height; y++)
                for (int x = 0; x < f->width; x++)
                    ((float *)(f->data[p] + y * f->linesize[p]))[x] =
                        (float)rand() / RAND_MAX * 3 - 1;
        return;
    }
    for (int c = 0; c < d->nb_components; c++)
        for (int y = 0; y < height_of(d, c, f->height); y++) {
            const int w = width_of(d, c, f->width);

            for (int x = 0; x < w; x++)
                v[x] = (uint16_t)(((unsigned)rand() * 2654435761u >> 8) & all);
            av_write_image_line2(v, f->data, f->linesize, d, 0, y, c, w, 2);
        }
}

static double difference(const AVFrame *a, const AVFrame *b)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(a->format);
    uint16_t va[256], vb[256];
    double worst = 0;

    for (int c = 0; c < d->nb_components; c++) {
        const int w = width_of(d, c, a->width), p = d->comp[c].plane;

        for (int y = 0; y < height_of(d, c, a->height); y++) {
            const float *fa = (float *)(a->data[p] + y * a->linesize[p]);
            const float *fb = (float *)(b->data[p] + y * b->linesize[p]);

            if (!(d->flags & AV_PIX_FMT_FLAG_FLOAT)) {
                line(va, a, c, y, w);
                line(vb, b, c, y, w);
            }
            for (int x = 0; x < w; x++)
                worst = fmax(worst, d->flags & AV_PIX_FMT_FLAG_FLOAT
                                        ? fabs((double)fa[x] - fb[x])
                                        : abs(va[x] - vb[x]));
        }
    }
    return worst;
}

static AVFrame *run(const FgModel *m, const AVFrame *in, int w, int h,
                    const FgLook *look, FgExecutor *ex, int tile, int *ret)
{
    const FgUpscaleOptions o = {in->format, in->width,    in->height, w, h,
                                "cpu",      FG_PREC_AUTO, tile,       ex};
    AVFrame *out = new_frame(in->format, w, h);
    FgUpscale *u = NULL;

    err.text[0] = 0;
    *ret = fg_upscale_create(&u, m, &o, &err);
    if (*ret == 0)
        *ret = fg_upscale_frame(u, out, in, look, &err);
    fg_upscale_free(&u);
    return out;
}

static AVFrame *good(const FgModel *m, const AVFrame *in, int w, int h,
                     const FgLook *look)
{
    int ret;
    AVFrame *out = run(m, in, w, h, look, NULL, 0, &ret);

    if (ret < 0)
        fail_msg("%s: %d %s", av_get_pix_fmt_name(in->format), ret, err.text);
    return out;
}

static FgModel *model(const char *kind, int luma, int scale)
{
    FgModel *m = test_model(kind, luma, scale, &err);

    if (!m)
        fail_msg("%s", err.text);
    return m;
}

/* Random codes, the illegal ones too, of every format, both kinds of network,
 * both ranges, odd sizes, every siting: not one code may change. */
static void identity(int luma)
{
    FgModel *m = model("identity", luma, 1);
    double worst_float = 0;

    srand(3);
    for (int i = 0; fg_pix_fmts[i] != AV_PIX_FMT_NONE; i++) {
        AVFrame *in = new_frame(fg_pix_fmts[i], 37, 23);
        const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(fg_pix_fmts[i]);
        const int is_float = !!(d->flags & AV_PIX_FMT_FLAG_FLOAT);

        for (int loc = 0; loc < (d->log2_chroma_w ? 7 : 1); loc++) {
            for (int range = 0; range < 3; range++) {
                randomise(in);
                in->chroma_location = loc;
                in->color_range = range;
                AVFrame *out = good(m, in, 37, 23, &plain);
                const double e = difference(in, out);

                if (is_float)
                    worst_float = fmax(worst_float, e);
                if (e > (is_float ? 5e-7 : 0))
                    fail_msg("%s: %g codes", d->name, e);
                av_frame_free(&out);
            }
        }
        av_frame_free(&in);
    }
    print_message("# %s identity: 0 codes, float formats %.2g\n",
                  luma ? "luma" : "rgb", worst_float);
    fg_model_free(&m);
}

static void test_identity_luma(void **state)
{
    (void)state;
    identity(1);
}

static void test_identity_rgb(void **state)
{
    (void)state;
    identity(0);
}

/* Every matrix that is honoured, 10 bits, all codes. */
static void test_identity_matrices(void **state)
{
    static const enum AVColorSpace spaces[] = {
        AVCOL_SPC_BT709,     AVCOL_SPC_FCC,       AVCOL_SPC_BT470BG,
        AVCOL_SPC_SMPTE170M, AVCOL_SPC_SMPTE240M, AVCOL_SPC_BT2020_NCL};
    FgModel *m = model("identity", 0, 1);
    AVFrame *in = new_frame(AV_PIX_FMT_YUV444P16, 37, 23);

    (void)state;
    randomise(in);
    for (int i = 0; i < 6; i++) {
        in->colorspace = spaces[i];
        AVFrame *out = good(m, in, 37, 23, &plain);

        assert_true(difference(in, out) == 0);
        av_frame_free(&out);
    }
    av_frame_free(&in);
    fg_model_free(&m);
}

/* Linear light far outside 0..1 returns within half a half-float step. */
static void test_scene_linear(void **state)
{
    (void)state;
    for (int luma = 0; luma < 2; luma++) {
        FgModel *m = model("identity", luma, 1);
        AVFrame *in = new_frame(AV_PIX_FMT_GBRPF32, 37, 23);
        double worst = 0;

        in->color_trc = AVCOL_TRC_LINEAR;
        for (int y = 0; y < 23; y++)
            for (int x = 0; x < 37; x++) {
                const float v = ldexpf(1 + (float)x / 37, y - 10);

                for (int p = 0; p < 3; p++)
                    ((float *)(in->data[p] + y * in->linesize[p]))[x] =
                        p == 1 && x % 5 == 0 ? -v : v * (float)(p + 1);
            }
        AVFrame *out = good(m, in, 37, 23, &plain);

        for (int y = 0; y < 23; y++)
            for (int x = 0; x < 37 * 3; x++) {
                const int p = x / 37;
                const float *a = (float *)(in->data[p] + y * in->linesize[p]);
                const float *b = (float *)(out->data[p] + y * out->linesize[p]);
                const double step = fabs(a[x % 37]) / 2048;

                worst = fmax(worst, fabs((double)a[x % 37] - b[x % 37]) / step);
            }
        print_message("# scene linear, %s: %.4f half-float steps\n",
                      luma ? "luma" : "rgb", worst);
        assert_true(worst < 0.5);
        av_frame_free(&in);
        av_frame_free(&out);
        fg_model_free(&m);
    }
}

/* ---- matrix, range, siting ---- */

typedef struct Coded {
    double kr, kb;
    enum AVColorSpace space;
    enum AVColorRange range;
} Coded;

static double code_of(double v, int chroma, int full)
{
    if (full)
        return v * 65535 + (chroma ? 32768 : 0);
    return chroma ? v * 224 * 256 + 32768 : (v * 219 + 16) * 256;
}

/* Y'CbCr codes of a 16-bit GBR frame, in double. */
static void to_yuv(double out[3], const AVFrame *g, int x, int y,
                   const Coded *k)
{
    double rgb[3], l;

    for (int i = 0; i < 3; i++) {
        const int p = (i + 2) % 3; /* R is plane 2, G 0, B 1 */

        rgb[i] = ((uint16_t *)(g->data[p] + y * g->linesize[p]))[x] / 65535.0;
    }
    l = k->kr * rgb[0] + (1 - k->kr - k->kb) * rgb[1] + k->kb * rgb[2];
    const int full = k->range == AVCOL_RANGE_JPEG;

    out[0] = code_of(l, 0, full);
    out[1] = code_of((rgb[2] - l) / (2 * (1 - k->kb)), 1, full);
    out[2] = code_of((rgb[0] - l) / (2 * (1 - k->kr)), 1, full);
}

/* The same picture given as RGB and as Y'CbCr must look the same to a network:
 * this fails if matrix or range are not those of the frame. */
static void check_coded(const FgModel *m, const Coded *k)
{
    AVFrame *g = new_frame(AV_PIX_FMT_GBRP16, 24, 16);
    AVFrame *in = new_frame(AV_PIX_FMT_YUV444P16, 24, 16);
    double yuv[3], worst = 0;

    for (int p = 0; p < 3; p++)
        for (int y = 0; y < 16; y++)
            for (int x = 0; x < 24; x++)
                ((uint16_t *)(g->data[p] + y * g->linesize[p]))[x] =
                    (uint16_t)(9000 + p * 9000 + x * 1100 + (y * x % 7) * 900);
    for (int y = 0; y < 16; y++)
        for (int x = 0; x < 24; x++) {
            to_yuv(yuv, g, x, y, k);
            for (int p = 0; p < 3; p++)
                ((uint16_t *)(in->data[p] + y * in->linesize[p]))[x] =
                    (uint16_t)lrint(yuv[p]);
        }
    in->colorspace = k->space;
    in->color_range = k->range;
    AVFrame *g2 = good(m, g, 48, 32, &plain);
    AVFrame *out = good(m, in, 48, 32, &plain);

    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 48; x++) {
            to_yuv(yuv, g2, x, y, k);
            for (int p = 0; p < 3; p++)
                worst = fmax(worst,
                             fabs(((uint16_t *)(out->data[p] +
                                                y * out->linesize[p]))[x] -
                                  yuv[p]));
        }
    /* 16-bit products: a step of theirs apart where the inputs round apart. */
    if (worst > 8)
        fail_msg("space %d range %d: %g of 65535", k->space, k->range, worst);
    av_frame_free(&g);
    av_frame_free(&g2);
    av_frame_free(&in);
    av_frame_free(&out);
}

static void test_matrix_and_range(void **state)
{
    static const Coded all[] = {
        {0.2126, 0.0722, AVCOL_SPC_BT709, AVCOL_RANGE_MPEG},
        {0.2126, 0.0722, AVCOL_SPC_BT709, AVCOL_RANGE_JPEG},
        {0.299, 0.114, AVCOL_SPC_SMPTE170M, AVCOL_RANGE_MPEG},
        {0.299, 0.114, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_UNSPECIFIED},
        {0.2627, 0.0593, AVCOL_SPC_BT2020_NCL, AVCOL_RANGE_MPEG},
        {0.212, 0.087, AVCOL_SPC_SMPTE240M, AVCOL_RANGE_JPEG},
        {0.30, 0.11, AVCOL_SPC_FCC, AVCOL_RANGE_MPEG},
    };
    FgModel *m = model("compact", 0, 2);

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        check_coded(m, &all[i]);
    fg_model_free(&m);
}

static void test_options_overrule_tags(void **state)
{
    const FgLook look = {0, AVCOL_SPC_SMPTE170M, AVCOL_RANGE_JPEG};
    FgModel *m = model("compact", 0, 2);
    AVFrame *in = new_frame(AV_PIX_FMT_YUV420P, 24, 16);

    (void)state;
    randomise(in);
    in->colorspace = AVCOL_SPC_BT709;
    in->color_range = AVCOL_RANGE_MPEG;
    AVFrame *tagged = good(m, in, 48, 32, &plain);
    AVFrame *told = good(m, in, 48, 32, &look);

    in->colorspace = look.space;
    in->color_range = look.range;
    AVFrame *as_told = good(m, in, 48, 32, &plain);

    assert_true(difference(told, as_told) == 0);
    assert_true(difference(told, tagged) > 0);
    av_frame_free(&in);
    av_frame_free(&tagged);
    av_frame_free(&told);
    av_frame_free(&as_told);
    fg_model_free(&m);
}

/* A slope over the picture stays where it is, in luma and in chroma of every
 * siting, at x2 and at a size that is not the network's. */
static double slope(double x)
{
    return 20000 + 300 * x;
}

static void check_slope(const FgModel *m, int loc, int ow)
{
    const double pos = (loc == AVCHROMA_LOC_CENTER || loc == AVCHROMA_LOC_TOP)
                           ? 0.5
                           : 0;
    AVFrame *in = new_frame(AV_PIX_FMT_YUV420P16, 64, 48);
    uint16_t v[256];

    in->chroma_location = loc;
    in->color_range = AVCOL_RANGE_JPEG;
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < (c ? 24 : 48); y++) {
            for (int x = 0; x < (c ? 32 : 64); x++)
                v[x] = (uint16_t)lrint(c ? slope(2 * x + pos) : 30000);
            av_write_image_line2(v, in->data, in->linesize,
                                 av_pix_fmt_desc_get(in->format), 0, y, c,
                                 c ? 32 : 64, 2);
        }
    AVFrame *out = good(m, in, ow, 96, &plain);

    line(v, out, 1, 20, ow / 2);
    for (int x = 8; x < ow / 2 - 8; x++) {
        const double at = (2 * x + pos + 0.5) * 64 / ow - 0.5;

        /* Lanczos bends a slope by 0.05 samples; the nearest wrong siting is
         * 0.25 samples away, which is 75. */
        if (fabs(v[x] - slope(at)) > (ow == 128 ? 4 : 15))
            fail_msg("siting %d, width %d, x %d: %d, not %g", loc, ow, x, v[x],
                     slope(at));
    }
    av_frame_free(&in);
    av_frame_free(&out);
}

static void test_siting(void **state)
{
    static const int locs[] = {AVCHROMA_LOC_UNSPECIFIED, AVCHROMA_LOC_LEFT,
                               AVCHROMA_LOC_CENTER, AVCHROMA_LOC_TOPLEFT};

    (void)state;
    for (int luma = 0; luma < 2; luma++) {
        FgModel *m = model("bicubic", luma, 2);

        for (int i = 0; i < 4; i++) {
            check_slope(m, locs[i], 128);
            check_slope(m, locs[i], 90);
        }
        fg_model_free(&m);
    }
}

/* ---- what must hold of any frame ---- */

static void test_super_white_survives(void **state)
{
    (void)state;
    for (int luma = 0; luma < 2; luma++) {
        FgModel *m = model("bicubic", luma, 2);
        AVFrame *in = new_frame(AV_PIX_FMT_YUV420P, 32, 32);

        memset(in->data[0], 251, (size_t)in->linesize[0] * 32);
        memset(in->data[0], 4, (size_t)in->linesize[0] * 16);
        memset(in->data[1], 128, (size_t)in->linesize[1] * 16);
        memset(in->data[2], 128, (size_t)in->linesize[2] * 16);
        AVFrame *out = good(m, in, 64, 64, &plain);

        assert_int_equal(out->data[0][5], 4);
        assert_int_equal(out->data[0][60 * out->linesize[0] + 9], 251);
        assert_int_equal(out->data[1][9], 128);
        av_frame_free(&in);
        av_frame_free(&out);
        fg_model_free(&m);
    }
}

static void test_ten_bits_are_kept(void **state)
{
    FgModel *m = model("compact", 1, 2);
    AVFrame *in = new_frame(AV_PIX_FMT_YUV420P10, 64, 48);
    uint16_t v[128];
    int low = 0;

    (void)state;
    for (int y = 0; y < 48; y++)
        for (int x = 0; x < 64; x++)
            ((uint16_t *)(in->data[0] + y * in->linesize[0]))[x] =
                (uint16_t)(64 + 13 * x + y);
    AVFrame *out = good(m, in, 128, 96, &plain);

    for (int y = 0; y < 96; y++) {
        line(v, out, 0, y, 128);
        for (int x = 0; x < 128; x++)
            low += v[x] & 3 ? 1 : 0;
    }
    assert_true(low > 128 * 96 / 2);
    av_frame_free(&in);
    av_frame_free(&out);
    fg_model_free(&m);
}

/* blend 1 is bicubic; blend in between lies in between. */
static void test_blend(void **state)
{
    FgLook look = plain;

    (void)state;
    for (int i = 0; i < 4; i++) {
        const enum AVPixelFormat fmt = i < 2 ? AV_PIX_FMT_YUV420P16
                                             : AV_PIX_FMT_GBRP16;
        FgModel *m = model("compact", i & 1, 2),
                *b = model("bicubic", i & 1, 2);
        AVFrame *in = new_frame(fmt, 31, 17);

        randomise(in);
        AVFrame *net = good(m, in, 62, 34, &plain);
        AVFrame *base = good(b, in, 62, 34, &plain);

        look.blend = 1;
        AVFrame *one = good(m, in, 62, 34, &look);

        assert_true(difference(one, base) <= 1);
        assert_true(difference(one, net) > 50);
        look.blend = 0.25f;
        AVFrame *some = good(m, in, 62, 34, &look);
        uint16_t v[3][64];

        line(v[0], net, 0, 9, 62);
        line(v[1], base, 0, 9, 62);
        line(v[2], some, 0, 9, 62);
        for (int x = 0; x < 62; x++)
            if (v[0][x] && v[1][x] && v[0][x] < 65535 && v[1][x] < 65535)
                assert_true(fabs(v[0][x] * 0.75 + v[1][x] * 0.25 - v[2][x]) <
                            2);
        av_frame_free(&in);
        av_frame_free(&net);
        av_frame_free(&base);
        av_frame_free(&one);
        av_frame_free(&some);
        fg_model_free(&m);
        fg_model_free(&b);
    }
}

static void test_threads_and_tiles(void **state)
{
    static const enum AVPixelFormat fmts[] = {
        AV_PIX_FMT_YUV420P, AV_PIX_FMT_NV12,       AV_PIX_FMT_P010,
        AV_PIX_FMT_RGBA,    AV_PIX_FMT_YUVA444P10, AV_PIX_FMT_GRAY16};
    FgPool *pool;
    int ret;

    (void)state;
    assert_int_equal(fg_pool_create(&pool, 4), 0);
    for (int i = 0; i < 12; i++) {
        FgModel *m = model("compact", i & 1, 2);
        AVFrame *in = new_frame(fmts[i / 2], 53, 41);

        randomise(in);
        AVFrame *one = good(m, in, 75, 60, &plain);
        AVFrame *many = run(m, in, 75, 60, &plain, fg_pool_executor(pool), 16,
                            &ret);

        assert_int_equal(ret, 0);
        assert_true(difference(one, many) == 0);
        av_frame_free(&in);
        av_frame_free(&one);
        av_frame_free(&many);
        fg_model_free(&m);
    }
    fg_pool_free(&pool);
}

static void test_tiny_sizes(void **state)
{
    static const int sizes[][4] = {
        {1, 1, 2, 2}, {1, 1, 1, 1}, {2, 1, 3, 5}, {1, 7, 2, 14}, {3, 3, 1, 1}};

    (void)state;
    for (int luma = 0; luma < 2; luma++) {
        FgModel *m = model("compact", luma, 2);

        for (int f = 0; fg_pix_fmts[f] != AV_PIX_FMT_NONE; f++)
            for (int i = 0; i < 5; i++) {
                AVFrame *in = new_frame(fg_pix_fmts[f], sizes[i][0],
                                        sizes[i][1]);

                randomise(in);
                AVFrame *out = good(m, in, sizes[i][2], sizes[i][3], &plain);

                av_frame_free(&in);
                av_frame_free(&out);
            }
        fg_model_free(&m);
    }
}

static void test_bad_values_are_refused(void **state)
{
    FgModel *m = model("identity", 0, 1), *bad = model("bad", 0, 2);
    AVFrame *in = new_frame(AV_PIX_FMT_GBRPF32, 8, 8), *out;
    int ret;

    (void)state;
    randomise(in);
    out = run(bad, in, 16, 16, &plain, NULL, 0, &ret);
    assert_int_equal(ret, -EDOM);
    assert_non_null(strstr(err.text, "infinite"));
    av_frame_free(&out);
    ((float *)(in->data[0] + 3 * in->linesize[0]))[2] = NAN;
    out = run(m, in, 8, 8, &plain, NULL, 0, &ret);
    assert_int_equal(ret, -EINVAL);
    assert_non_null(strstr(err.text, "row 3"));
    av_frame_free(&out);
    av_frame_free(&in);
    in = new_frame(AV_PIX_FMT_YUV444P, 8, 8);
    in->colorspace = AVCOL_SPC_YCGCO;
    out = run(m, in, 8, 8, &plain, NULL, 0, &ret);
    assert_int_equal(ret, -ENOTSUP);
    assert_non_null(strstr(err.text, "ycgco"));
    assert_non_null(strstr(err.text, "bt2020nc"));
    av_frame_free(&in);
    av_frame_free(&out);
    fg_model_free(&m);
    fg_model_free(&bad);
}

static void test_other_devices_are_refused(void **state)
{
    const FgUpscaleOptions o = {AV_PIX_FMT_GRAY8, 8, 8, 8,   8,
                                "toaster",        0, 0, NULL};
    FgModel *m = model("identity", 1, 1);
    FgUpscale *u = NULL;

    (void)state;
    assert_int_equal(fg_upscale_create(&u, m, &o, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "cpu"));
    assert_null(u);
    fg_upscale_free(&u);
    fg_upscale_free(NULL);
    fg_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity_luma),
        cmocka_unit_test(test_identity_rgb),
        cmocka_unit_test(test_identity_matrices),
        cmocka_unit_test(test_scene_linear),
        cmocka_unit_test(test_matrix_and_range),
        cmocka_unit_test(test_options_overrule_tags),
        cmocka_unit_test(test_siting),
        cmocka_unit_test(test_super_white_survives),
        cmocka_unit_test(test_ten_bits_are_kept),
        cmocka_unit_test(test_blend),
        cmocka_unit_test(test_threads_and_tiles),
        cmocka_unit_test(test_tiny_sizes),
        cmocka_unit_test(test_bad_values_are_refused),
        cmocka_unit_test(test_other_devices_are_refused),
    };

    return cmocka_run_group_tests_name("upscale", tests, NULL, NULL);
}
