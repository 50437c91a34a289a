/* Frames in flight are the frames that go one after another: for any number of
 * frames and threads, each with its own look, its own error.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "filters/flight.h"
#include "frames.h"
#include "models.h"

enum { W = 37, H = 22, MOST = 9 };

static FgError err;

static FgUpscale *enlarger(const FgModel *m, enum AVPixelFormat f, int w, int h,
                           FgExecutor *ex)
{
    const FgUpscaleOptions o = {f, w, h, 2 * w, 2 * h, "cpu", 0, 0, ex};
    FgUpscale *u = NULL;
    if (fg_upscale_create(&u, m, &o, &err) < 0)
        fail_msg("%s", err.text);
    return u;
}

static void fill(AVFrame *f, int seed)
{
    srand((unsigned)seed);
    for (int p = 0; p < 4 && f->buf[p]; p++)
        for (size_t i = 0; i < f->buf[p]->size; i++)
            f->buf[p]->data[i] = (uint8_t)(rand() >> 8);
}

/* Numbers, not noise, and one that is none. */
static void fill_floats(AVFrame *f, int bad)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            ((float *)(f->data[0] + y * f->linesize[0]))[x] =
                bad && x == 5 && y == 7 ? NAN : (float)(x + y) / (W + H);
}

static int same(const AVFrame *a, const AVFrame *b)
{
    const int bytes = a->format == AV_PIX_FMT_GRAYF32 ? 4 : 1;
    for (int p = 0; p < 3 && a->data[p]; p++)
        for (int y = 0; y < (p ? H : 2 * H); y++)
            if (memcmp(a->data[p] + y * a->linesize[p],
                       b->data[p] + y * b->linesize[p],
                       (size_t)((p ? W : 2 * W) * bytes)))
                return 0;
    return 1;
}

static FgLook look_of(int i)
{
    const float blend = i % 4 == 1 ? 0.5F : i % 4 == 3 ? 1 : 0;
    return (FgLook){blend, i % 3 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M,
                    i % 2 ? AVCOL_RANGE_MPEG : AVCOL_RANGE_JPEG};
}

/* nb frames by threads, those after the bad one too; -1: none is bad. */
static void fly(const FgModel *m, enum AVPixelFormat f, int threads, int frames,
                int nb, int bad)
{
    FgPool *pool = NULL;
    assert_int_equal(fg_pool_create(&pool, threads), 0);
    FgExecutor *const ex = fg_pool_executor(pool);
    FgUpscale *one = enlarger(m, f, W, H, NULL), *u = enlarger(m, f, W, H, ex);
    FgFlightFrame v[MOST] = {{.in = NULL}};
    AVFrame *want = new_frame(f, 2 * W, 2 * H);
    FgFlight *flight = NULL;
    assert_int_equal(fg_flight_create(&flight, u, ex, frames, &err), 0);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < nb; i++) {
            v[i] = (FgFlightFrame){new_frame(f, W, H),
                                   new_frame(f, 2 * W, 2 * H),
                                   look_of(i + turn),
                                   0,
                                   0,
                                   {""}};
            if (f == AV_PIX_FMT_GRAYF32)
                fill_floats(v[i].in, i == bad);
            else
                fill(v[i].in, 10 * turn + i);
        }
        fg_flight_run(flight, v, nb);
        for (int i = 0; i < nb; i++) {
            const int rc = fg_upscale_frame(one, want, v[i].in, &v[i].look,
                                            &err);
            assert_int_equal(v[i].ret, rc);
            assert_int_equal(rc, i == bad ? -EINVAL : 0);
            if (i == bad)
                assert_string_equal(v[i].err.text, err.text);
            else
                assert_true(same(v[i].out, want));
            av_frame_free(&v[i].in);
            av_frame_free(&v[i].out);
        }
    }
    av_frame_free(&want);
    fg_flight_free(&flight);
    fg_upscale_free(&u);
    fg_upscale_free(&one);
    fg_pool_free(&pool);
}

static void test_the_same_frames(void **state)
{
    static const int threads[] = {2, 3, 8};
    (void)state;
    for (int luma = 0; luma < 2; luma++) {
        FgModel *m = test_model("compact", luma, 2, &err);
        assert_non_null(m);
        for (int k = 0; k < 3; k++) {
            fly(m, AV_PIX_FMT_YUV420P, threads[k], threads[k], 1, -1);
            fly(m, AV_PIX_FMT_YUV420P, threads[k], MOST, MOST, -1);
        }
        fly(m, AV_PIX_FMT_YUV420P, 8, 2, 5, -1);
        fg_model_free(&m);
    }
}

static void test_a_bad_frame_is_one(void **state)
{
    (void)state;
    FgModel *m = test_model("compact", 1, 2, &err);
    assert_non_null(m);
    for (int bad = 0; bad < 5; bad++)
        fly(m, AV_PIX_FMT_GRAYF32, 3, 5, 5, bad);
    fg_model_free(&m);
}

/* Halves between layers overflow, floats do not: such frames are done again. */
static void test_frames_that_need_floats(void **state)
{
    (void)state;
    FgModel *m = test_model("compact", 1, 2, &err);
    int layer = 0;
    assert_non_null(m);
    for (int i = 0; i < m->params.nb; i++) {
        FgParam *const p = &m->params.p[i];
        layer += p->nb_dims == 4;
        const float by = layer == 1 ? 1e7F : layer == 2 ? 1e-7F : 1;
        for (size_t k = 0; k < fg_param_count(p); k++)
            p->data[k] *= layer == 2 && p->nb_dims < 4 ? 1 : by;
    }
    FgUpscale *u = enlarger(m, AV_PIX_FMT_YUV420P, W, H, NULL), *of = u;
    AVFrame *in = new_frame(AV_PIX_FMT_YUV420P, W, H);
    AVFrame *out = new_frame(AV_PIX_FMT_YUV420P, 2 * W, 2 * H);
    const FgLook look = look_of(0);
    fill(in, 1);
    assert_int_equal(fg_upscale_share(&u, of, NULL, &err), 0);
    assert_int_equal(fg_upscale_frame(u, out, in, &look, &err), -EAGAIN);
    assert_int_equal(fg_upscale_frame(of, out, in, &look, &err), 0);
    av_frame_free(&in);
    av_frame_free(&out);
    fg_upscale_free(&of);
    fg_upscale_free(&u);
    fly(m, AV_PIX_FMT_YUV420P, 3, 3, 5, -1);
    fg_model_free(&m);
}

static int frames_of(const FgModel *m, int w, int h, int threads, int asked)
{
    FgExecutor ex = {.threads = threads};
    FgUpscale *u = enlarger(m, AV_PIX_FMT_YUV420P, w, h, NULL);
    const int n = fg_flight_frames(u, &ex, asked);
    fg_upscale_free(&u);
    return n;
}

static void test_how_many(void **state)
{
    (void)state;
    FgModel *m = test_model("compact", 1, 2, &err);
    FgModel *wide = test_model("wide", 1, 2, &err);
    assert_non_null(m);
    assert_non_null(wide);
    assert_int_equal(frames_of(m, W, H, 1, 0), 1);
    assert_int_equal(frames_of(m, W, H, 1, 5), 1);
    assert_int_equal(frames_of(m, W, H, 2, 0), 2);
    assert_int_equal(frames_of(m, W, H, 8, 0), 8);
    assert_int_equal(frames_of(m, W, H, 8, 1), 1);
    assert_int_equal(frames_of(m, W, H, 8, 3), 3);
    assert_int_equal(frames_of(m, W, H, 100, 0), FG_FLIGHT_MOST);
    assert_int_equal(frames_of(m, 640, 480, 2, 0), 1);
    assert_int_equal(frames_of(m, 640, 480, 2, 3), 3);
    /* Memory: more frames than it has room for are no more than the parts. */
    assert_int_equal(frames_of(wide, 500, 480, 64, 0), 1);
    fg_model_free(&m);
    fg_model_free(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_frames),
        cmocka_unit_test(test_a_bad_frame_is_one),
        cmocka_unit_test(test_frames_that_need_floats),
        cmocka_unit_test(test_how_many),
    };
    return cmocka_run_group_tests_name("flight", tests, NULL, NULL);
}
