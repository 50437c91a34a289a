/* Tests of filters/chroma_mix: against the same done picture by picture, in any
 * order of rows that a plan may have.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "filters/chroma_mix.h"
#include "frames.h"

enum { MOST = 96, SLICE = 8, WORKERS = 3 };

typedef struct Case {
    enum AVPixelFormat format;
    int w, h, ow, oh;
    double px, py;
} Case;

static const Case cases[] = {
    {AV_PIX_FMT_YUV420P16, 33, 21, 66, 42, 0, 0.5},
    {AV_PIX_FMT_YUV420P16, 34, 22, 68, 44, 0.5, 0.5},
    {AV_PIX_FMT_YUV420P16, 20, 15, 80, 60, 0, 0},
    {AV_PIX_FMT_YUV420P16, 31, 17, 31, 17, 0, 0.5},
    {AV_PIX_FMT_YUV420P16, 30, 22, 47, 31, 0, 0.5},
    {AV_PIX_FMT_YUV422P16, 25, 19, 50, 38, 0, 0},
    {AV_PIX_FMT_YUV422P16, 2, 2, 6, 6, 0, 0},
    {AV_PIX_FMT_YUV420P16, 1, 1, 2, 2, 0, 0.5},
    {AV_PIX_FMT_P016, 32, 24, 64, 48, 0, 1},
};
#define CASES (int)(sizeof(cases) / sizeof(*cases))

static FgFormat fmt;
static FgCode code;
static FgSited sx, sy;
static float up[MOST * MOST * 2], net[MOST * MOST * 2], want[MOST * MOST * 2];

static void fill(AVFrame *f)
{
    for (int p = 0; p < 3 && f->data[p]; p++)
        for (int y = 0; y < (p ? sy.same.src : f->height); y++) {
            uint16_t *const v = (uint16_t *)(f->data[p] + y * f->linesize[p]);

            for (int x = 0; x < f->linesize[p] / 2; x++)
                v[x] = (uint16_t)(0x4000 + rand() % 0x8000);
        }
}

static void resampled(float *dst, FgAxis x, FgAxis y, const float *src,
                      float keep, float gain)
{
    FgResize r;

    assert_int_equal(fg_resize_init(&r, x, y, FG_BICUBIC, 2), 0);
    fg_resize_run(&r, (FgView){dst, 2 * (ptrdiff_t)x.dst},
                  (FgView){(float *)src, 2 * (ptrdiff_t)x.src}, keep, gain,
                  NULL, NULL);
    fg_resize_free(&r);
}

/* The definition, picture by picture: into up, net and want. */
static void reference(const Case *c, const AVFrame *in)
{
    const int cw = sx.same.src, ch = sy.same.src;
    static float own[MOST * MOST * 2];

    for (int y = 0; y < ch; y++)
        for (int k = 0; k < 2; k++)
            fg_row_read(own + 2 * y * cw + k, 2, in, &fmt, &fmt.comp[1 + k], y,
                        cw, code);
    resampled(up, sx.up, sy.up, own, 0, 1);
    for (int i = 0; i < 2 * c->ow * c->oh; i++)
        net[i] = (float)rand() / RAND_MAX * 0.6F - 0.3F;
    resampled(want, sx.down, sy.down, net, 0, 1);
    resampled(want, sx.same, sy.same, own, 1, 1);
    resampled(want, sx.loss, sy.loss, up, 1, -1);
}

static void init(const Case *c)
{
    assert_int_equal(fg_format_init(&fmt, c->format), 0);
    code = fg_code(16, 0, 1);
    sx = fg_sited(c->w, c->ow, fmt.log2w, c->px);
    sy = fg_sited(c->h, c->oh, fmt.log2h, c->py);
}

static float *work_of(const Case *c)
{
    const int n = (c->w > c->ow ? c->w : c->ow) + 16;
    float *const p = calloc((size_t)n * FG_CHROMA_MIX_WORK, sizeof(*p));

    assert_non_null(p);
    return p;
}

/* Rows put from the last of each slice to its first, or the other way. */
static void put_all(FgChromaMix *m, const Case *c, int backwards)
{
    float *const work = work_of(c);

    fg_chroma_mix_start(m);
    for (int y0 = 0; y0 < c->oh; y0 += SLICE) {
        const int n = c->oh - y0 < SLICE ? c->oh - y0 : SLICE;

        for (int i = 0; i < n; i++) {
            const int y = y0 + (backwards ? n - 1 - i : i);

            fg_chroma_mix_put(m, y, net + (ptrdiff_t)2 * y * c->ow, work);
        }
    }
    free(work);
}

static void rows_are_near(const Case *c, const FgChromaMix *m)
{
    float *const work = work_of(c), *const row = work_of(c);

    for (int y = 0; y < c->h; y++) {
        fg_chroma_mix_row(m, y, row, work);
        for (int x = 0; x < 2 * c->w; x++)
            if (!(fabsf(row[x] - up[2 * y * c->w + x]) < 1e-6F))
                fail_msg("%dx%d: row %d, %d: %g for %g", c->w, c->h, y, x,
                         (double)row[x], (double)up[2 * y * c->w + x]);
    }
    free(work);
    free(row);
}

static void codes_are_near(const Case *c, const AVFrame *out)
{
    const int ocw = sx.same.dst, och = sy.same.dst;
    static float got[MOST];

    for (int y = 0; y < och; y++)
        for (int k = 0; k < 2; k++) {
            fg_row_read(got, 1, out, &fmt, &fmt.comp[1 + k], y, ocw, code);
            for (int x = 0; x < ocw; x++) {
                const float w = want[2 * (y * ocw + x) + k];

                if (!(fabsf(got[x] - fmaxf(-0.5F, fminf(w, 0.5F))) < 2e-5F))
                    fail_msg("%dx%d to %dx%d: (%d, %d, %d): %g for %g", c->w,
                             c->h, c->ow, c->oh, k, x, y, (double)got[x],
                             (double)w);
            }
        }
}

static void start(FgChromaMix *m, const AVFrame *in, AVFrame *out)
{
    m->fmt = &fmt;
    m->code = code;
    m->in = in;
    m->out = out;
}

static void equals_pictures(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const Case *const c = &cases[i];
        AVFrame *in = new_frame(c->format, c->w, c->h);
        AVFrame *out = new_frame(c->format, c->ow, c->oh);
        FgChromaMix m;

        srand((unsigned)i + 1);
        init(c);
        fill(in);
        reference(c, in);
        assert_int_equal(fg_chroma_mix_init(&m, sx, sy, SLICE), 0);
        start(&m, in, out);
        for (int k = 0; k < 2; k++) {
            put_all(&m, c, k);
            codes_are_near(c, out);
        }
        rows_are_near(c, &m);
        fg_chroma_mix_free(&m);
        av_frame_free(&in);
        av_frame_free(&out);
    }
}

/* Moved to other positions it does what one made for them does. */
static void moved_positions(void **state)
{
    const Case *const c = &cases[0];
    AVFrame *in = new_frame(c->format, c->w, c->h);
    AVFrame *out = new_frame(c->format, c->ow, c->oh);
    FgChromaMix m;

    (void)state;
    init(c);
    fill(in);
    assert_int_equal(fg_chroma_mix_init(&m, sx, sy, SLICE), 0);
    sx = fg_sited(c->w, c->ow, fmt.log2w, 0.5);
    sy = fg_sited(c->h, c->oh, fmt.log2h, 1);
    fg_chroma_mix_phase(&m, sx, sy);
    reference(c, in);
    start(&m, in, out);
    put_all(&m, c, 0);
    codes_are_near(c, out);
    rows_are_near(c, &m);
    fg_chroma_mix_free(&m);
    av_frame_free(&in);
    av_frame_free(&out);
}

typedef struct Job {
    FgChromaMix *m;
    const Case *c;
    float *work[WORKERS];
    int first;
} Job;

static void put_job(void *arg, int i, int worker)
{
    const Job *const j = arg;
    const int y = j->first + i;

    fg_chroma_mix_put(j->m, y, net + (ptrdiff_t)2 * y * j->c->ow,
                      j->work[worker]);
}

/* The same bits from threads, many times over. */
static void threads_change_no_bit(void **state)
{
    const Case *const c = &cases[1];
    AVFrame *in = new_frame(c->format, c->w, c->h);
    AVFrame *a = new_frame(c->format, c->ow, c->oh);
    AVFrame *b = new_frame(c->format, c->ow, c->oh);
    FgPool *pool = NULL;
    FgChromaMix m;
    Job j = {.m = &m, .c = c};

    (void)state;
    init(c);
    fill(in);
    reference(c, in);
    assert_int_equal(fg_pool_create(&pool, WORKERS), 0);
    for (int i = 0; i < WORKERS; i++)
        j.work[i] = work_of(c);
    assert_int_equal(fg_chroma_mix_init(&m, sx, sy, SLICE), 0);
    start(&m, in, a);
    put_all(&m, c, 0);
    m.out = b;
    for (int k = 0; k < 50; k++) {
        fg_chroma_mix_start(&m);
        for (j.first = 0; j.first < c->oh; j.first += SLICE)
            fg_run(fg_pool_executor(pool), put_job, &j,
                   c->oh - j.first < SLICE ? c->oh - j.first : SLICE);
        for (int p = 1; p < 3; p++)
            for (int y = 0; y < sy.same.dst; y++)
                assert_memory_equal(a->data[p] + y * a->linesize[p],
                                    b->data[p] + y * b->linesize[p],
                                    2 * (size_t)sx.same.dst);
    }
    fg_chroma_mix_free(&m);
    for (int i = 0; i < WORKERS; i++)
        free(j.work[i]);
    fg_pool_free(&pool);
    av_frame_free(&in);
    av_frame_free(&a);
    av_frame_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pictures),
        cmocka_unit_test(moved_positions),
        cmocka_unit_test(threads_change_no_bit),
    };

    return cmocka_run_group_tests_name("chroma_mix", tests, NULL, NULL);
}
