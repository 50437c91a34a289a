/* Generators: the same bits from any frame, size order, thread count and tile;
 * seamless edges; loops; what files are refused.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "kernels/generator.h"
#include "kernels/walk.h"
#include "tests/generators.h"

static const char *const kinds[] = {"dcgan", "dcgan-alpha", "texture", "plate"};

static FgModel *model(const char *kind)
{
    FgError err = {{0}};
    FgModel *m = gen_model(kind, &err);
    if (!m)
        fail_msg("%s", err.text);
    return m;
}

static FgTensor make(const FgModel *m, FgGeneratorOptions o, const FgMoment *at)
{
    FgGenerator *g;
    FgTensor v, t;
    FgError err = {{0}};
    if (fg_generator_create(&g, m, &o, &err) < 0 ||
        fg_generator_run(g, at, &v, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(fg_tensor_alloc(&t, v.shape, FG_F32), 0);
    fg_tensor_copy(&t, &v);
    fg_generator_free(&g);
    return t;
}

static int same(const FgTensor *a, const FgTensor *b)
{
    const FgShape s = a->shape;
    return !memcmp(a->data, b->data, sizeof(float) * (size_t)(s.c * s.h * s.w));
}

static const FgMoment one = {1, {{7, 0, 1}}, 1};

static void numbers_have_places(void **state)
{
    const FgTerm t = {0x123456789abcdefu, 3, 1};
    float a[41] = {0}, b[41] = {0};
    double sum = 0, square = 0, fourth = 0;
    (void)state;
    fg_latent_row(a, 1, &t, 2, 5, -7, 11, 41, 1);
    for (int i = 0; i < 41; i++) /* each alone, backwards */
        fg_latent_row(b + 40 - i, 1, &t, 2, 5, 33 - i, 11, 1, 1);
    assert_memory_equal(a, b, sizeof(a));
    enum { N = 40000 };
    float *c = calloc(N, sizeof(float));
    fg_latent_row(c, 1, &t, 0, 0, 0, 0, N, 1);
    for (int i = 0; i < N; i++) {
        sum += c[i];
        square += c[i] * c[i];
        fourth += pow(c[i], 4);
    }
    free(c);
    /* Five standard deviations of each mean for true normal numbers. */
    assert_true(fabs(sum / N) < 5 / sqrt(N));
    assert_true(fabs(square / N - 1) < 5 * sqrt(2.0 / N));
    assert_true(fabs(fourth / N - 3) < 5 * sqrt(96.0 / N));
    for (double x = -40; x < 40; x += 0.37) {
        double s, k;
        fg_sincos(x, &s, &k);
        assert_true(fabs(s - sin(x)) < 1e-9 && fabs(k - cos(x)) < 1e-9);
    }
    double s, k;
    fg_sincos(-5.1e26, &s, &k); /* of damaged weights */
    assert_true(s == 0 && k == 1);
    fg_sincos(INFINITY, &s, &k);
    assert_true(isnan(s) && isnan(k));
}

static void any_way_same_bits(void **state)
{
    FgPool *pool;
    (void)state;
    assert_int_equal(fg_pool_create(&pool, 3), 0);
    for (int i = 0; i < 4; i++) {
        FgModel *m = model(kinds[i]);
        const FgGeneratorOptions o = {.w = 77, .h = 45};
        FgGeneratorOptions tiled = o, many = o;
        tiled.tile = 16;
        many.ex = fg_pool_executor(pool);
        FgTensor a = make(m, o, &one), b = make(m, tiled, &one);
        FgTensor c = make(m, many, &one);
        assert_int_equal(a.shape.c, i == 1 ? 4 : 3);
        assert_int_equal(a.shape.w, 77);
        assert_int_equal(a.shape.h, 45);
        assert_true(same(&a, &b) && same(&a, &c));
        fg_tensor_free(&a);
        fg_tensor_free(&b);
        fg_tensor_free(&c);
        fg_model_free(&m);
    }
    fg_pool_free(&pool);
}

static void seeds_and_order(void **state)
{
    FgModel *m = model("texture");
    const FgGeneratorOptions o = {.w = 24, .h = 24};
    FgGenerator *g;
    FgTensor v, a, b;
    FgMoment two = one;
    (void)state;
    two.term[0].seed = 8;
    a = make(m, o, &one);
    b = make(m, o, &two);
    assert_false(same(&a, &b));
    assert_int_equal(fg_generator_create(&g, m, &o, NULL), 0);
    assert_int_equal(fg_generator_run(g, &two, &v, NULL), 0);
    assert_int_equal(fg_generator_run(g, &one, &v, NULL), 0);
    fg_tensor_copy(&b, &v);
    assert_true(same(&a, &b));
    fg_generator_free(&g);
    fg_tensor_free(&a);
    fg_tensor_free(&b);
    fg_model_free(&m);
}

/* One cell must be what the graph itself makes of one cell, and the first cell
 * of two differs only where the second reaches. */
static void cell_is_trained_picture(void **state)
{
    FgModel *m = model("dcgan");
    FgTensor a = make(
        m, (FgGeneratorOptions){.w = 8, .h = 8, .precision = FG_PREC_FP32},
        &one);
    FgTensor b = make(
        m, (FgGeneratorOptions){.w = 16, .h = 8, .precision = FG_PREC_FP32},
        &one);
    FgTensor z;
    (void)state;
    assert_int_equal(fg_tensor_alloc(&z, (FgShape){1, 5, 1, 1}, FG_F32), 0);
    for (int c = 0; c < 5; c++)
        fg_latent_row((float *)z.data + c, 1, &one.term[0], 0, c, 0, 0, 1, 1);
    FgTensor want = net_forward(&m->graph, &m->params, &z);
    assert_int_equal(want.shape.w, 8);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            for (int c = 0; c < 3; c++) {
                /* The order of sums differs. */
                assert_true(fabsf(fg_f32(&a, 0, y, x)[c] -
                                  fg_f32(&want, 0, y, x)[c]) < 1e-5f);
                if (x < 5)
                    assert_true(fabsf(fg_f32(&a, 0, y, x)[c] -
                                      fg_f32(&b, 0, y, x)[c]) < 1e-5f);
            }
    fg_tensor_free(&a);
    fg_tensor_free(&b);
    fg_tensor_free(&z);
    fg_tensor_free(&want);
    fg_model_free(&m);
}

static double step(const FgTensor *t, int x0, int x1)
{
    double sum = 0;
    for (int y = 0; y < t->shape.h; y++)
        for (int c = 0; c < 3; c++)
            sum += fabs(fg_f32(t, 0, y, x0)[c] - fg_f32(t, 0, y, x1)[c]);
    return sum / t->shape.h;
}

/* The step over the seam is no larger than steps inside are. */
static void edges_fit(void **state)
{
    static const char *const which[] = {"texture", "plate"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        FgModel *m = model(which[i]);
        FgTensor t = make(
            m,
            (FgGeneratorOptions){.w = 32, .h = 20, .seamless = FG_SEAMLESS_X},
            &one);
        double most = 0;
        for (int x = 1; x < 32; x++)
            most = fmax(most, step(&t, x - 1, x));
        assert_true(step(&t, 31, 0) <= most);
        fg_tensor_free(&t);
        fg_model_free(&m);
    }
    FgModel *m = model("texture");
    FgGenerator *g;
    FgError err;
    assert_int_equal(fg_generator_create(
                         &g, m,
                         &(FgGeneratorOptions){.w = 31, .h = 20, .seamless = 1},
                         &err),
                     -EINVAL);
    assert_string_equal(err.text, "a width of 31 cannot be seamless, multiples "
                                  "of 2 can");
    fg_model_free(&m);
}

static double distance(const FgMoment *a, const FgMoment *b)
{
    float u[64] = {0}, v[64] = {0};
    double sum = 0;
    for (int t = 0; t < a->nb; t++)
        fg_latent_row(u, 1, &a->term[t], 0, 0, 0, 0, 64, 1);
    for (int t = 0; t < b->nb; t++)
        fg_latent_row(v, 1, &b->term[t], 0, 0, 0, 0, 64, 1);
    for (int i = 0; i < 64; i++)
        sum += (u[i] - v[i]) * (u[i] - v[i]);
    return sqrt(sum / 64);
}

static void walks_loop(void **state)
{
    const FgWalkKey keys[] = {{2, 5}, {9, 6}, {14, 7}};
    (void)state;
    for (int i = 0; i < 8; i++) {
        FgWalk w = {.mode = (FgWalkMode)(i % 4),
                    .seed = 3,
                    .step = 0.11,
                    .loop = 24,
                    .truncation = 1};
        if (i > 3 && w.mode != FG_WALK_CIRCLE) {
            w.keys = keys;
            w.nb_keys = 3;
        }
        double most = 0, seam;
        FgMoment a, b;
        for (int n = -30; n < 60; n++) {
            fg_walk_at(&w, n, &a);
            fg_walk_at(&w, n + 24, &b);
            assert_memory_equal(&a, &b, sizeof(a));
        }
        for (int n = 1; n < 24; n++) {
            fg_walk_at(&w, n - 1, &a);
            fg_walk_at(&w, n, &b);
            most = fmax(most, distance(&a, &b));
        }
        fg_walk_at(&w, 23, &a);
        fg_walk_at(&w, 24, &b);
        seam = distance(&a, &b);
        assert_true(seam <= most + 1e-6);
        assert_true(w.mode == FG_WALK_HOLD ? w.nb_keys || most == 0 : most > 0);
    }
}

static void keys_are_met(void **state)
{
    const FgWalkKey keys[] = {{2, 5}, {9, 6}};
    const FgWalk w = {
        .mode = FG_WALK_SLERP, .keys = keys, .nb_keys = 2, .truncation = 0.5f};
    const int at[] = {-3, 2, 9, 100};
    FgMoment m;
    (void)state;
    for (int i = 0; i < 4; i++) {
        fg_walk_at(&w, at[i], &m);
        assert_int_equal(m.nb, 1);
        assert_int_equal((int)m.term[0].seed, i < 2 ? 5 : 6);
        assert_true(m.term[0].weight == 1 && m.truncation == 0.5f);
    }
    fg_walk_at(&w, 5, &m);
    assert_int_equal(m.nb, 2);
    assert_true(fabsf(m.term[0].weight * m.term[0].weight +
                      m.term[1].weight * m.term[1].weight - 1) < 1e-6f);
}

/* ---- files ---- */

static void files_round_trip(void **state)
{
    static const char *const all[] = {"dcgan", "texture", "plate", "image",
                                      "interp"};
    char dir[] = "/tmp/ffgan-gen-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/m.safetensors", dir);
    for (int i = 0; i < 5; i++) {
        FgModel *m = model(all[i]), *r;
        FgError err = {{0}};
        if (fg_model_write(m, path, &err) < 0 ||
            fg_model_read(&r, path, &err) < 0)
            fail_msg("%s: %s", all[i], err.text);
        assert_int_equal(r->task, m->task);
        assert_int_equal(r->nb_stages, m->nb_stages);
        assert_memory_equal(&r->latent, &m->latent, sizeof(m->latent));
        assert_int_equal(fg_model_expect(r, FG_TASK_SR, "x", &err), -ENOTSUP);
        if (m->task == FG_TASK_GENERATOR) {
            const FgGeneratorOptions o = {.w = 20, .h = 16};
            FgTensor a = make(m, o, &one), b = make(r, o, &one);
            assert_true(same(&a, &b));
            fg_tensor_free(&a);
            fg_tensor_free(&b);
        }
        fg_model_free(&m);
        fg_model_free(&r);
    }
    unlink(path);
    rmdir(dir);
}

static void refused(FgModel *m, const char *text)
{
    FgError err = {{0}};
    assert_int_equal(fg_model_write(m, "/tmp/never-written", &err), -EINVAL);
    if (!strstr(err.text, text))
        fail_msg("'%s' lacks '%s'", err.text, text);
    fg_model_free(&m);
}

static void contradictions(void **state)
{
    FgModel *m;
    FgLatent l;
    FgError err;
    (void)state;
    m = model("plate");
    m->latent.nb_sizes = 2;
    refused(m, "2 sizes, the file 3 graphs");
    m = model("plate");
    m->latent.size[1][0] = 9;
    refused(m, "never fall");
    m = model("texture");
    m->latent.local = 4;
    refused(m, "takes 7 channels, its place and task need 8");
    m = model("texture");
    m->latent.periodic = 0;
    m->latent.local = 5;
    refused(m, "ffgan.stages has 1 graphs, this latent needs 0");
    m = model("dcgan");
    m->scale = 2;
    refused(m, "needs scale 1");
    m = model("image");
    m->task = FG_TASK_INTERP;
    refused(m, "takes 3 channels, its place and task need 7");
    m = model("image");
    m->luma = 1;
    refused(m, "colour 'rgb'");
    m = model("image");
    m->task = FG_TASK_SR;
    fg_model_add_stage(m, &m->graph);
    refused(m, "no meaning for the task 'sr'");
    assert_int_equal(
        fg_latent_parse(&l, "{\"kind\":\"dcgan\",\"channels\":3}", &err),
        -EINVAL);
    assert_string_equal(err.text, "ffgan.latent: 'base' must be given");
    assert_int_equal(fg_latent_parse(&l,
                                     "{\"kind\":\"dcgan\",\"channels\":3,"
                                     "\"base\":[1,1],\"x\":1}",
                                     &err),
                     -EINVAL);
    assert_string_equal(err.text, "ffgan.latent: unknown key 'x' for 'dcgan'");
    assert_int_equal(fg_latent_parse(&l, "[", &err), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_places),
        cmocka_unit_test(any_way_same_bits),
        cmocka_unit_test(seeds_and_order),
        cmocka_unit_test(cell_is_trained_picture),
        cmocka_unit_test(edges_fit),
        cmocka_unit_test(walks_loop),
        cmocka_unit_test(keys_are_met),
        cmocka_unit_test(files_round_trip),
        cmocka_unit_test(contradictions),
    };
    return cmocka_run_group_tests_name("generator", tests, NULL, NULL);
}
