/* Tests of filters/upscale at its limits: the ends of a frame's memory, and
 * values that are far too large.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "filters/frame.h"
#include "filters/upscale.h"
#include "frames.h"
#include "models.h"

static const FgLook plain = {0, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_UNSPECIFIED};
static FgError err;

static FgModel *model(const char *kind, int luma, int scale)
{
    FgModel *m = test_model(kind, luma, scale, &err);

    if (!m)
        fail_msg("%s", err.text);
    return m;
}

static int run(const FgModel *m, AVFrame *out, const AVFrame *in)
{
    const FgUpscaleOptions o = {in->format,   in->width,   in->height,
                                out->width,   out->height, "cpu",
                                FG_PREC_AUTO, 0,           NULL};
    FgUpscale *u = NULL;
    int ret = fg_upscale_create(&u, m, &o, &err);

    if (ret == 0)
        ret = fg_upscale_frame(u, out, in, &plain, &err);
    fg_upscale_free(&u);
    return ret;
}

/* ---- memory ---- */

/* A plane between two pages that must not be touched: it starts after one, or
 * ends before the other; rows without padding, from the bottom up if flip. */
typedef struct Guarded {
    AVFrame *f;
    uint8_t *map[4];
    size_t size[4];
} Guarded;

static void guard_plane(Guarded *g, int p, int rows, int at_end, int flip)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const int row = av_image_get_linesize(g->f->format, g->f->width, p);
    const size_t used = (size_t)row * (size_t)rows;
    const size_t inner = (used + page - 1) / page * page;

    g->size[p] = inner + 2 * page;
    g->map[p] = mmap(NULL, g->size[p], PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
    assert_ptr_not_equal(g->map[p], MAP_FAILED);
    assert_int_equal(mprotect(g->map[p] + page, inner, PROT_READ | PROT_WRITE),
                     0);
    uint8_t *d = g->map[p] + page + (at_end ? inner - used : 0);

    for (size_t i = 0; i < used; i++)
        d[i] = (uint8_t)(i * 37 % 61); /* as a float: small, finite */
    g->f->data[p] = flip ? d + used - row : d;
    g->f->linesize[p] = flip ? -row : row;
}

static Guarded guarded(enum AVPixelFormat fmt, int w, int h, int at_end,
                       int flip)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(fmt);
    Guarded g = {.f = av_frame_alloc()};

    assert_non_null(g.f);
    g.f->format = fmt;
    g.f->width = w;
    g.f->height = h;
    for (int p = 0; p < av_pix_fmt_count_planes(fmt); p++) {
        const int sub = p == 1 || p == 2 ? d->log2_chroma_h : 0;

        guard_plane(&g, p, fg_subsampled(h, sub), at_end, flip);
    }
    return g;
}

static void unguard(Guarded *g)
{
    for (int p = 0; p < 4; p++)
        if (g->map[p])
            munmap(g->map[p], g->size[p]);
    av_frame_free(&g->f);
}

/* A step out of any plane of either frame is a crash. */
static void test_nothing_beside_a_frame_is_touched(void **state)
{
    static const int sizes[][4] = {
        {1, 1, 2, 2}, {1, 9, 2, 18}, {3, 5, 6, 10}, {17, 9, 25, 7}};

    (void)state;
    for (int luma = 0; luma < 2; luma++) {
        FgModel *m = model("compact", luma, 2);

        for (int f = 0; fg_pix_fmts[f] != AV_PIX_FMT_NONE; f++)
            for (int i = 0; i < 16; i++) {
                const int *s = sizes[i / 4], end = i & 1, flip = i & 2;
                Guarded in = guarded(fg_pix_fmts[f], s[0], s[1], end, flip);
                Guarded out = guarded(fg_pix_fmts[f], s[2], s[3], end, flip);

                assert_int_equal(run(m, out.f, in.f), 0);
                unguard(&in);
                unguard(&out);
            }
        fg_model_free(&m);
    }
}

/* ---- large values ---- */

static float *at(const AVFrame *f, int p, int y)
{
    return (float *)(f->data[p] + y * f->linesize[p]);
}

/* Blocks of 2x2, low and high, the worst there is for a bicubic; 16x12. */
static AVFrame *blocks(enum AVPixelFormat fmt, float low, float high)
{
    AVFrame *f = new_frame(fmt, 16, 12);

    for (int p = 0; p < av_pix_fmt_count_planes(fmt); p++)
        for (int y = 0; y < 12; y++)
            for (int x = 0; x < 16; x++)
                at(f, p, y)[x] = (x / 2 + y / 2) & 1 ? high : low;
    return f;
}

static void range_of(const AVFrame *f, int p, float *min, float *max)
{
    *min = FLT_MAX;
    *max = -FLT_MAX;
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++) {
            *min = fminf(*min, at(f, p, y)[x]);
            *max = fmaxf(*max, at(f, p, y)[x]);
        }
}

/* Overshoot of log values is stops, not percents: without a limit 65504 comes
 * out as 729413, which is infinite once written as half floats. */
static void test_linear_light_does_not_overshoot(void **state)
{
    static const enum AVPixelFormat fmts[] = {AV_PIX_FMT_GBRPF32,
                                              AV_PIX_FMT_GRAYF32};
    static const float lows[] = {0.18f, 0, -3};

    (void)state;
    for (int i = 0; i < 24; i++) {
        FgModel *m = model(i & 1 ? "compact" : "bicubic", i >> 1 & 1, 2);
        AVFrame *in = blocks(fmts[i >> 2 & 1], lows[i / 8], 65504);
        AVFrame *out = new_frame(in->format, i & 2 ? 32 : 27, 24);
        float min, max;

        in->color_trc = AVCOL_TRC_LINEAR;
        assert_int_equal(run(m, out, in), 0);
        for (int p = 0; p < av_pix_fmt_count_planes(in->format); p++) {
            range_of(out, p, &min, &max);
            if (max > 65504 || max < 30000 || min < fminf(lows[i / 8], 0))
                fail_msg("case %d: %g..%g", i, min, max);
        }
        av_frame_free(&in);
        av_frame_free(&out);
        fg_model_free(&m);
    }
}

/* Far light stays far from near pixels: the limit is a local one. */
static void test_the_limit_is_local(void **state)
{
    FgModel *m = model("bicubic", 0, 2);
    AVFrame *in = blocks(AV_PIX_FMT_GBRPF32, 1, 1000);
    AVFrame *out = new_frame(AV_PIX_FMT_GBRPF32, 32, 24);

    (void)state;
    in->color_trc = AVCOL_TRC_LINEAR;
    for (int p = 0; p < 3; p++)
        at(in, p, 0)[0] = 60000;
    assert_int_equal(run(m, out, in), 0);
    for (int y = 0; y < 24; y++)
        for (int x = 0; x < 32; x++)
            assert_true(at(out, 0, y)[x] <= (x < 6 && y < 6 ? 60000 : 1000));
    av_frame_free(&in);
    av_frame_free(&out);
    fg_model_free(&m);
}

static void test_float_alpha_stays_in_its_range(void **state)
{
    (void)state;
    for (int luma = 0; luma < 2; luma++) {
        FgModel *m = model("bicubic", luma, 2);
        AVFrame *in = blocks(AV_PIX_FMT_GBRAPF32, 0, 1);
        AVFrame *out = new_frame(AV_PIX_FMT_GBRAPF32, 32, 24);
        float min, max;

        assert_int_equal(run(m, out, in), 0);
        range_of(out, 3, &min, &max);
        assert_true(min == 0 && max == 1);
        av_frame_free(&in);
        av_frame_free(&out);
        fg_model_free(&m);
    }
}

static void test_no_infinite_value_is_written(void **state)
{
    FgModel *m = model("bicubic", 0, 2);
    AVFrame *in = blocks(AV_PIX_FMT_GBRPF32, 0.5f, 3e38f);
    AVFrame *out = new_frame(AV_PIX_FMT_GBRPF32, 32, 24);
    float min, max;

    (void)state;
    assert_int_equal(run(m, out, in), -EDOM);
    assert_non_null(strstr(err.text, "infinite"));
    /* Light is cut at 2^114. */
    in->color_trc = AVCOL_TRC_LINEAR;
    assert_int_equal(run(m, out, in), 0);
    range_of(out, 0, &min, &max);
    assert_true(min >= 0 && max > 2e34f && max < 2.1e34f);
    av_frame_free(&in);
    av_frame_free(&out);
    fg_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_beside_a_frame_is_touched),
        cmocka_unit_test(test_linear_light_does_not_overshoot),
        cmocka_unit_test(test_the_limit_is_local),
        cmocka_unit_test(test_float_alpha_stays_in_its_range),
        cmocka_unit_test(test_no_infinite_value_is_written),
    };

    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
