/* Frames with alpha on a GPU, and a plate's stages, which stay there: its
 * kernels' sources run on the CPU. No GPU is touched here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "net.h"

#include "cuda.h"
#include "kernels/cuda_plan.h"
#include "kernels/generator_priv.h"
#include "kernels/plan_priv.h"
#include "tests/generators.h"

static const FgCudaColour bt709 = {.kr = 0.2126F, .kb = 0.0722F, .limited = 1};
static const FgCudaFrame yuva420p = {
    .layout = FG_CUDA_YUV, .log2w = 1, .log2h = 1, .depth = 8, .alpha = 1};
static const FgCudaFrame rgba = {
    .layout = FG_CUDA_RGB, .depth = 8, .order = {0, 1, 2, 3}, .alpha = 1};

/* ---- frames ---- */

static int planes_of(const FgCudaFrame *f)
{
    return f->layout == FG_CUDA_RGB ? 1 : 4;
}

static size_t rows_of(const FgCudaFrame *f, int i)
{
    const int half = i == 1 || i == 2;
    return (size_t)(half ? (f->h + 1) / 2 : f->h);
}

static FgCudaFrame frame_alloc(const FgPlan *p, FgCudaFrame f, int w, int h)
{
    const struct FgCudaPlan *c = p->cuda;
    FgError err;
    f.w = w;
    f.h = h;
    for (int i = 0; i < planes_of(&f); i++) {
        f.pitch[i] = 4 * (size_t)w + 8;
        assert_int_equal(c->api->alloc(c->dev, f.pitch[i] * rows_of(&f, i),
                                       &f.plane[i], &err),
                         0);
    }
    return f;
}

static void frame_free(const FgPlan *p, FgCudaFrame *f)
{
    for (int i = 0; i < planes_of(f); i++)
        p->cuda->api->release(p->cuda->dev, f->plane[i]);
}

/* Plane i, up or down. */
static void copy(const FgPlan *p, const FgCudaFrame *f, int i, uint8_t *m,
                 int up)
{
    const struct FgCudaPlan *c = p->cuda;
    const size_t n = f->pitch[i] * rows_of(f, i);
    FgError err;
    assert_int_equal(
        up ? c->api->upload(c->dev, NULL, f->plane[i], m, n, &err)
           : c->api->download(c->dev, NULL, m, f->plane[i], n, &err),
        0);
    assert_int_equal(c->api->sync(c->dev, NULL, &err), 0);
}

/* Noise, and of alpha a slope: 3 codes to the right, 2 down. */
static void fill(const FgPlan *p, const FgCudaFrame *f)
{
    const int rgb = f->layout == FG_CUDA_RGB;
    for (int i = 0; i < planes_of(f); i++) {
        uint8_t *m = calloc(f->pitch[i], rows_of(f, i));
        for (int y = 0; y < (int)rows_of(f, i); y++)
            for (int x = 0; x < (rgb ? 4 * f->w : f->w); x++) {
                const int alpha = rgb ? x % 4 == 3 : i == 3;
                m[(size_t)y * f->pitch[i] + (size_t)x] =
                    (uint8_t)(alpha ? 10 + 3 * (rgb ? x / 4 : x) + 2 * y
                                    : (x * 37 + y * 101 + i * 7) % 256);
            }
        copy(p, f, i, m, 1);
        free(m);
    }
}

static FgPlan *sr_plan(FgModel **m, int channels, int w, int h)
{
    const FgBuild b = {"compact", channels, 2, 8, 1, "relu", "bicubic", 0};
    const FgPlanOptions o = {
        .device = "cuda", .precision = FG_PREC_FP32, .max_w = w, .max_h = h};
    FgError err = {{0}};
    FgPlan *p;
    *m = fg_model_alloc();
    assert_int_equal(fg_graph_build(&(*m)->graph, &b, &err), 0);
    assert_int_equal(fg_graph_params(&(*m)->graph, &(*m)->params, &err), 0);
    fg_graph_init_params(&(*m)->graph, &(*m)->params, 1);
    (*m)->scale = 2;
    (*m)->luma = channels == 1;
    assert_int_equal(fg_plan_create(&p, *m, &o, &err), 0);
    return p;
}

/* Bicubic keeps a slope, away from edges: a sample at 2x + 1/2 -+ 1/2 lies a
 * quarter beside x. */
static void check_slope(const FgPlan *p, const FgCudaFrame *f)
{
    const int rgb = f->layout == FG_CUDA_RGB, i = rgb ? 0 : 3;
    uint8_t *m = calloc(f->pitch[i], rows_of(f, i));
    copy(p, f, i, m, 0);
    for (int y = 6; y < f->h - 6; y++)
        for (int x = 6; x < f->w - 6; x++) {
            const double want = 10 + 3 * ((x + 0.5) / 2 - 0.5) +
                                2 * ((y + 0.5) / 2 - 0.5);
            const int got =
                m[(size_t)y * f->pitch[i] + (size_t)(rgb ? 4 * x + 3 : x)];
            if (fabs(got - want) > 0.501)
                fail_msg("%d, %d: alpha is %d, not %g", x, y, got, want);
        }
    free(m);
}

static void alpha_is_enlarged(void **state)
{
    const FgCudaFrame *const kinds[] = {&yuva420p, &rgba};
    (void)state;
    for (int i = 0; i < 4; i++) {
        FgModel *m;
        FgPlan *p = sr_plan(&m, i & 2 ? 3 : 1, 32, 20);
        FgCudaFrame in = frame_alloc(p, *kinds[i & 1], 32, 20);
        FgCudaFrame out = frame_alloc(p, *kinds[i & 1], 64, 40);
        FgError err = {{0}};
        fill(p, &in);
        assert_int_equal(fg_cuda_frame_run(p, NULL, &in, &out, &bt709, &err),
                         0);
        check_slope(p, &out);
        FgCudaFrame none = out;
        none.alpha = 0;
        assert_int_equal(fg_cuda_frame_run(p, NULL, &in, &none, &bt709, &err),
                         -EINVAL);
        assert_string_equal(err.text, "CUDA: the frames' formats differ");
        frame_free(p, &in);
        frame_free(p, &out);
        fg_plan_free(&p);
        fg_model_free(&m);
    }
}

/* ---- generators ---- */

static const FgCudaApi *real;
static FgCudaApi counted;
static int downloads, waits, uploads;

static int count_down(FgCudaDev *dev, void *stream, void *to, uint64_t from,
                      size_t bytes, FgError *err)
{
    downloads++;
    return real->download(dev, stream, to, from, bytes, err);
}

static int count_up(FgCudaDev *dev, void *stream, uint64_t to, const void *from,
                    size_t bytes, FgError *err)
{
    uploads++;
    return real->upload(dev, stream, to, from, bytes, err);
}

static int count_wait(FgCudaDev *dev, void *stream, FgError *err)
{
    waits++;
    return real->sync(dev, stream, err);
}

static void count(FgGenerator *g)
{
    real = g->stage[0].plan->cuda->api;
    counted = *real;
    counted.download = count_down;
    counted.upload = count_up;
    counted.sync = count_wait;
    downloads = waits = uploads = 0;
    for (int k = 0; k < g->nb; k++)
        g->stage[k].plan->cuda->api = &counted;
}

static FgGenerator *generator(const FgModel *m, const char *device, int w,
                              int h, int seamless)
{
    const FgGeneratorOptions o = {.device = device,
                                  .precision = FG_PREC_FP32,
                                  .w = w,
                                  .h = h,
                                  .seamless = seamless};
    FgError err = {{0}};
    FgGenerator *g;
    if (fg_generator_create(&g, m, &o, &err) < 0)
        fail_msg("%s", err.text);
    return g;
}

/* What filters/vsrc_gansrc.c makes of a picture's values. */
static void keyed(const FgMadeAs *as, const float *p, double v[4])
{
    double times = 1, y = 0;
    static const double part[3] = {0.2126, 0.7152, 0.0722};
    for (int c = 0; c < 3; c++) {
        v[c] = fmin(fmax((double)p[c], 0), 1);
        y += part[c] * v[c];
    }
    v[3] = as->alpha == FG_MADE_BY_LUMA
               ? (y - (double)as->low) / (double)(as->high - as->low)
               : (double)p[3];
    v[3] = fmin(fmax(v[3], 0), 1);
    if (as->alpha == FG_MADE_BY_LUMA && !as->premultiplied)
        times = v[3] > 1 / 1024.0 ? 1 / v[3] : 0;
    else if (as->alpha == FG_MADE_BY_MODEL && as->premultiplied)
        times = v[3];
    for (int c = 0; c < 3; c++)
        v[c] = fmin(times * v[c], 1);
}

static void check_made(const FgPlan *p, const FgCudaFrame *f, const FgTensor *t,
                       const FgMadeAs *as)
{
    uint8_t *m = calloc(f->pitch[0], (size_t)f->h);
    copy(p, f, 0, m, 0);
    for (int y = 0; y < f->h; y++)
        for (int x = 0; x < f->w; x++) {
            double v[4];
            keyed(as, fg_f32(t, 0, y, x), v);
            /* What is divided by little alpha is as far off as it says. */
            const int undone = as->alpha == FG_MADE_BY_LUMA &&
                               !as->premultiplied && v[3] < 0.05;
            const double far = undone ? 255 : 1.01;
            for (int c = 0; c < 4; c++) {
                const int got =
                    m[(size_t)y * f->pitch[0] + (size_t)x * 4 + (size_t)c];
                if (fabs(got - 255 * v[c]) > (c < 3 ? far : 1.01))
                    fail_msg("%d, %d: %d is %d, not %g", x, y, c, got,
                             255 * v[c]);
            }
        }
    free(m);
}

static void check_generator(const char *kind, int w, int h, int seamless,
                            const FgMadeAs *as)
{
    static const FgMoment moments[] = {{1, {{7, 0, 1}}, 1},
                                       {1, {{9, 0, 1}}, 1}};
    FgError err = {{0}};
    FgModel *m = gen_model(kind, &err);
    assert_non_null(m);
    FgGenerator *cpu = generator(m, "cpu", w, h, seamless);
    FgGenerator *gpu = generator(m, "cuda", w, h, seamless);
    const FgPlan *p = gpu->stage[gpu->nb - 1].plan;
    FgCudaFrame f = frame_alloc(p, rgba, w, h);
    FgTensor t;
    count(gpu);
    for (int i = 0; i < 2; i++)
        if (fg_generator_frame(gpu, &moments[i], NULL, &f, &bt709, as, &err) <
            0)
            fail_msg("%s: %s", kind, err.text);
    assert_int_equal(downloads, 0);
    assert_int_equal(waits, 0);
    assert_int_equal(uploads, 2 * gpu->nb); /* noise */
    assert_int_equal(fg_generator_run(cpu, &moments[1], &t, &err), 0);
    check_made(p, &f, &t, as);
    assert_int_equal(fg_generator_frames_bad(gpu, &err), 0);
    frame_free(p, &f);
    fg_generator_free(&gpu);
    fg_generator_free(&cpu);
    fg_model_free(&m);
}

static void plates_stay_there(void **state)
{
    const FgMadeAs key = {.alpha = FG_MADE_BY_LUMA, .low = 0.1F, .high = 0.7F};
    const FgMadeAs over = {
        .alpha = FG_MADE_BY_LUMA, .premultiplied = 1, .low = 0, .high = 0.5F};
    (void)state;
    check_generator("plate", 33, 21, 0, &over);
    check_generator("plate", 45, 37, 0, &key);
    check_generator("plate", 40, 28, FG_SEAMLESS_X, &over);
    check_generator("plate", 41, 29, FG_SEAMLESS_X | FG_SEAMLESS_Y, &key);
}

static void alpha_of_the_model(void **state)
{
    FgMadeAs as = {.alpha = FG_MADE_BY_MODEL};
    (void)state;
    check_generator("dcgan-alpha", 37, 21, 0, &as);
    as.premultiplied = 1;
    check_generator("dcgan-alpha", 37, 21, 0, &as);
}

static void what_does_not_fit(void **state)
{
    static const FgMoment at = {1, {{7, 0, 1}}, 1};
    const FgMadeAs opaque = {0}, model = {.alpha = FG_MADE_BY_MODEL};
    FgError err = {{0}};
    FgModel *m = gen_model("dcgan", &err);
    (void)state;
    assert_non_null(m);
    FgGenerator *g = generator(m, "cuda", 16, 16, 0);
    FgCudaFrame f = frame_alloc(g->stage[0].plan, rgba, 16, 16);
    assert_int_equal(
        fg_generator_frame(g, &at, NULL, &f, &bt709, &opaque, &err), -EINVAL);
    assert_string_equal(err.text,
                        "CUDA: no alpha is made for a frame with alpha");
    assert_int_equal(fg_generator_frame(g, &at, NULL, &f, &bt709, &model, &err),
                     -EINVAL);
    assert_string_equal(err.text, "CUDA: the model makes no alpha");
    frame_free(g->stage[0].plan, &f);
    fg_generator_free(&g);
    fg_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alpha_is_enlarged),
        cmocka_unit_test(plates_stay_there),
        cmocka_unit_test(alpha_of_the_model),
        cmocka_unit_test(what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
