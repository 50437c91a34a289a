/* Tests of filters/frame: every format's rows, codes and rounding.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "filters/frame.h"
#include "frames.h"

/* All codes of all formats and ranges come back, and through libavutil's own
 * reader they stand where the format says. */
static void check_format(enum AVPixelFormat fmt, int limited)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(fmt);
    FgFormat f;

    assert_int_equal(fg_format_init(&f, fmt), 0);
    if (f.is_float)
        return;
    const int n = 1 << (f.depth < 12 ? f.depth : 12), all = (1 << f.depth) - 1;
    const int h = 2, cn = fg_subsampled(n, f.log2w);
    AVFrame *frame = new_frame(fmt, n, h);
    static float v[1 << 12], back[1 << 12];
    static uint16_t line[1 << 12];

    for (int c = 0; c < f.nb + f.has_alpha; c++) {
        const FgComponent *comp = c < f.nb ? &f.comp[c] : &f.alpha;
        const int chroma = c > 0 && c < f.nb && !f.rgb;
        const FgCode k = fg_code(f.depth, limited && c < f.nb && !f.rgb,
                                 chroma);
        const int w = chroma ? cn : n;

        for (int i = 0; i < w; i++)
            v[i] = ((float)((int64_t)i * all / (w - 1)) - k.offset) *
                   k.to_value;
        fg_row_write(frame, &f, comp, 0, w, v, 1, k);
        av_read_image_line2(line, (const uint8_t **)frame->data,
                            frame->linesize, d, 0, 0, c, w, 0, 2);
        for (int i = 0; i < w; i++)
            if (line[i] != (int64_t)i * all / (w - 1))
                fail_msg("%s component %d: %d, not %d", d->name, c, line[i],
                         (int)((int64_t)i * all / (w - 1)));
        assert_int_equal(fg_row_read(back, 1, frame, &f, comp, 0, w, k), 0);
        assert_memory_equal(back, v, sizeof(*v) * (size_t)w);
    }
    av_frame_free(&frame);
}

static void test_all_formats(void **state)
{
    int nb = 0;

    (void)state;
    for (; fg_pix_fmts[nb] != AV_PIX_FMT_NONE; nb++) {
        check_format(fg_pix_fmts[nb], 0);
        check_format(fg_pix_fmts[nb], 1);
    }
    assert_true(nb > 70);
}

static void test_rounding_and_clipping(void **state)
{
    const float v[6] = {-0.5f, 1.7f, 100.49f / 255, 100.51f / 255, 0.5f, 1e9f};
    const uint8_t want[6] = {0, 255, 100, 101, 128, 255};
    AVFrame *frame = new_frame(AV_PIX_FMT_GRAY8, 6, 1);
    FgFormat f;

    (void)state;
    fg_format_init(&f, AV_PIX_FMT_GRAY8);
    fg_row_write(frame, &f, &f.comp[0], 0, 6, v, 1, fg_code(8, 0, 0));
    assert_memory_equal(frame->data[0], want, 6);
    av_frame_free(&frame);
}

static void test_floats(void **state)
{
    const float v[4] = {-3, 1e30f, 0.25f, 70000};
    AVFrame *frame = new_frame(AV_PIX_FMT_GBRPF32, 4, 1);
    float back[12];
    FgFormat f;

    (void)state;
    assert_int_equal(fg_format_init(&f, AV_PIX_FMT_GBRPF32), 0);
    assert_true(f.is_float && f.rgb && f.nb == 3);
    assert_int_equal(f.comp[0].plane, 2); /* red */
    fg_row_write(frame, &f, &f.comp[1], 0, 4, v, 1, fg_code_float());
    assert_int_equal(
        fg_row_read(back, 3, frame, &f, &f.comp[1], 0, 4, fg_code_float()), 0);
    for (int i = 0; i < 4; i++)
        assert_true(back[3 * i] == v[i]);
    ((float *)frame->data[0])[2] = NAN;
    assert_int_equal(
        fg_row_read(back, 3, frame, &f, &f.comp[1], 0, 4, fg_code_float()), 1);
    ((float *)frame->data[0])[2] = -INFINITY;
    assert_int_equal(
        fg_row_read(back, 3, frame, &f, &f.comp[1], 0, 4, fg_code_float()), 1);
    av_frame_free(&frame);
}

static void test_padding_byte(void **state)
{
    static const enum AVPixelFormat fmts[] = {AV_PIX_FMT_0RGB, AV_PIX_FMT_RGB0,
                                              AV_PIX_FMT_BGR0, AV_PIX_FMT_0BGR};
    FgFormat f;

    (void)state;
    for (int i = 0; i < 4; i++) {
        fg_format_init(&f, fmts[i]);
        assert_int_equal(f.pad_plane, 0);
        assert_int_equal(f.pad_offset, i == 0 || i == 3 ? 0 : 3);
    }
    fg_format_init(&f, AV_PIX_FMT_RGB24);
    assert_int_equal(f.pad_plane, -1);
    fg_format_init(&f, AV_PIX_FMT_RGBA);
    assert_int_equal(f.pad_plane, -1);
}

static void test_refused(void **state)
{
    FgFormat f;

    (void)state;
    assert_int_equal(fg_format_init(&f, AV_PIX_FMT_PAL8), -ENOTSUP);
    assert_int_equal(fg_format_init(&f, AV_PIX_FMT_CUDA), -ENOTSUP);
    assert_int_equal(fg_format_init(&f, AV_PIX_FMT_NONE), -ENOTSUP);
}

static void test_siting(void **state)
{
    double x, y;
    FgFormat f;

    (void)state;
    fg_format_init(&f, AV_PIX_FMT_YUV420P);
    fg_chroma_pos(&x, &y, &f, AVCHROMA_LOC_UNSPECIFIED);
    assert_true(x == 0 && y == 0.5);
    fg_chroma_pos(&x, &y, &f, AVCHROMA_LOC_CENTER);
    assert_true(x == 0.5 && y == 0.5);
    fg_chroma_pos(&x, &y, &f, AVCHROMA_LOC_TOPLEFT);
    assert_true(x == 0 && y == 0);
    fg_chroma_pos(&x, &y, &f, AVCHROMA_LOC_BOTTOM);
    assert_true(x == 0.5 && y == 1);
    fg_format_init(&f, AV_PIX_FMT_YUV422P);
    fg_chroma_pos(&x, &y, &f, AVCHROMA_LOC_LEFT);
    assert_true(x == 0 && y == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_formats),
        cmocka_unit_test(test_rounding_and_clipping),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_padding_byte),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_siting),
    };

    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
