/* --device: words, and chains with it.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/frame.h>
#include <libavutil/hwcontext.h>
#include <libavutil/pixfmt.h>

#include "pipeline/device.h"

static void words(void **state)
{
    static const struct {
        const char *text, *word;
        int gpu, all, ret;
    } all[] = {
        {"auto", NULL, 0, 0, 0},          {"cpu", "cpu", 0, 0, 0},
        {"cuda", "cuda", 0, 0, 0},        {"cuda:7", "cuda", 7, 0, 0},
        {"cuda:all", "cuda", 0, 1, 0},    {"", NULL, 0, 0, -EINVAL},
        {"gpu", NULL, 0, 0, -EINVAL},     {"cuda:", NULL, 0, 0, -EINVAL},
        {"cuda:-1", NULL, 0, 0, -EINVAL}, {"cuda:1x", NULL, 0, 0, -EINVAL},
        {"cudax", NULL, 0, 0, -EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        FgDevice d;
        assert_int_equal(fg_device_parse(&d, all[i].text), all[i].ret);
        if (all[i].ret)
            continue;
        assert_int_equal(d.gpu, all[i].gpu);
        assert_int_equal(d.all, all[i].all);
        assert_int_equal(!d.word, !all[i].word);
        if (d.word)
            assert_string_equal(d.word, all[i].word);
    }
}

static void becomes(const char *from, const char *to)
{
    char *const s = fg_device_chain(from, "cuda");
    assert_non_null(s);
    assert_string_equal(s, to);
    assert_int_equal(fg_device_asked(s), strstr(to, "device=cuda") != NULL);
    free(s);
}

static void chains(void **state)
{
    (void)state;
    becomes("null", "null");
    becomes("", "");
    becomes("gansr", "gansr=device=cuda");
    becomes("gansr=film", "gansr=film:device=cuda");
    becomes("gansr=model=a:blend=0,hflip", "gansr=model=a:blend=0:device=cuda,"
                                           "hflip");
    becomes("hflip,gansr@1=model=a", "hflip,gansr@1=model=a:device=cuda");
    becomes("gansr@x", "gansr@x=device=cuda");
    becomes("gansr=device=cpu:model=a,ganfx=b",
            "gansr=device=cuda:model=a,ganfx=b:device=cuda");
    becomes("gansr=model=a:device=auto", "gansr=model=a:device=cuda");
    becomes("gansr=model='a,b;[c]':w=min(1\\,2)",
            "gansr=model='a,b;[c]':w=min(1\\,2):device=cuda");
    becomes("gansr=model=a\\:device=x", "gansr=model=a\\:device=x:device=cuda");
    becomes("[in] gansr=a [m]; [m] ganinterp=fps=60 [out]",
            "[in] gansr=a :device=cuda[m]; [m] ganinterp=fps=60 "
            ":device=cuda[out]");
    becomes("gansrc=model=a,format=gbrp", "gansrc=model=a:device=cuda,"
                                          "format=gbrp");
    becomes("hflip=device=x,gansrx=a", "hflip=device=x,gansrx=a");
}

static void frames_stay(void **state)
{
    (void)state;
    assert_true(fg_device_keeps("gansr=model=a:device=cuda"));
    assert_true(fg_device_keeps("ganfx=model=a,gansr=b,fps=25,setsar=1"));
    assert_true(fg_device_keeps("ganfx=model=a:steady=0:mask=none"));
    assert_true(fg_device_keeps("ganfx=model=a:steady=0.5:norm=shot"));
    assert_true(fg_device_keeps("ganfx=model=a:measure=1"));
    assert_true(fg_device_keeps("ganfx=model=a:mask=alpha"));
    assert_false(fg_device_keeps("ganfx=model=a:mask=input"));
    assert_true(fg_device_keeps("gansrc=model=a:alpha=luma,ganfx=b"));
    assert_false(fg_device_keeps("gansr=a,hflip"));
    assert_true(fg_device_keeps("ganinterp=fps=60,gansr=a"));
    assert_false(fg_device_keeps("null"));
    assert_false(fg_device_keeps(""));
    assert_int_equal(fg_device_upload_format(AV_PIX_FMT_YUV420P10LE),
                     AV_PIX_FMT_P010LE);
    assert_int_equal(fg_device_upload_format(AV_PIX_FMT_YUVA420P),
                     AV_PIX_FMT_YUVA420P);
    assert_int_equal(fg_device_upload_format(AV_PIX_FMT_GBRAP),
                     AV_PIX_FMT_RGBA);
    assert_int_equal(fg_device_upload_format(AV_PIX_FMT_YUVA444P),
                     AV_PIX_FMT_NONE);
    assert_int_equal(fg_device_made_format(AV_PIX_FMT_BGRA), AV_PIX_FMT_BGRA);
    assert_int_equal(fg_device_made_format(AV_PIX_FMT_GBRAP16),
                     AV_PIX_FMT_NONE);
}

static AVFrame *picture(int w, int h)
{
    AVFrame *const f = av_frame_alloc();
    assert_non_null(f);
    f->format = AV_PIX_FMT_NV12;
    f->width = w;
    f->height = h;
    assert_int_equal(av_frame_get_buffer(f, 0), 0);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            f->data[0][y * f->linesize[0] + x] = (uint8_t)(7 * y + x);
    return f;
}

static AVFrame *upload(AVBufferRef *device, AVFrame *from)
{
    AVBufferRef *ref = av_hwframe_ctx_alloc(device);
    AVFrame *const f = av_frame_alloc();
    assert_non_null(ref);
    assert_non_null(f);
    AVHWFramesContext *const c = (void *)ref->data;
    c->format = AV_PIX_FMT_CUDA;
    c->sw_format = AV_PIX_FMT_NV12;
    c->width = from->width;
    c->height = from->height;
    assert_int_equal(av_hwframe_ctx_init(ref), 0);
    assert_int_equal(av_hwframe_get_buffer(ref, f, 0), 0);
    assert_int_equal(av_hwframe_transfer_data(f, from, 0), 0);
    av_buffer_unref(&ref);
    av_frame_free(&from);
    return f;
}

/* As NVDEC gives a stream's frames: right and bottom are cut already. */
static void what_is_left_over_is_cut(void **state)
{
    AVBufferRef *device = fg_device_open(0);
    (void)state;
    if (!device)
        skip(); /* device.sh runs this on a stand-in for the driver */
    AVFrame *f = upload(device, picture(32, 24));
    f->width = 30;
    f->height = 20;
    f->pts = 5;
    assert_int_equal(fg_device_crop(f), 0);
    assert_non_null(f->hw_frames_ctx); /* nothing to do */
    f->crop_left = 4;
    f->crop_top = 6;
    assert_int_equal(fg_device_crop(f), 0);
    assert_null(f->hw_frames_ctx);
    assert_int_equal(f->format, AV_PIX_FMT_NV12);
    assert_int_equal(f->width, 26);
    assert_int_equal(f->height, 14);
    assert_int_equal(f->pts, 5);
    for (int y = 0; y < 14; y++)
        for (int x = 0; x < 26; x++)
            assert_int_equal(f->data[0][y * f->linesize[0] + x],
                             (uint8_t)(7 * (y + 6) + x + 4));
    av_frame_free(&f);
    av_buffer_unref(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(chains),
        cmocka_unit_test(frames_stay),
        cmocka_unit_test(what_is_left_over_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
