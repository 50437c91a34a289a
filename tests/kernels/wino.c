/* Winograd convolutions: close to the definition, the same bits on every
 * instruction set and thread count, nothing written outside, no overflow.
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

#include "kernels/dsp.h"
#include "kernels/half.h"
#include "kernels/wino.h"

#define GUARD 12344.0f /* as a half too */

static FgPool *pool;
static uint32_t seed = 20250601;

static float random_float(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(int32_t)seed * (1.0f / 2147483648.0f);
}

typedef struct Case {
    int ic, oc, w, h, n, pad, pad_mode, gap;
    FgConvEpilogue e;
    int add;
} Case;

/* Pixels `gap` floats further apart than dense; all else is guard. */
static FgTensor strided(int n, int c, int h, int w, int gap, int fill)
{
    const FgShape s = {n, c + gap, h, w + (gap ? 3 : 0)};
    FgTensor t = {0};

    assert_int_equal(fg_tensor_alloc(&t, s, FG_F32), 0);
    for (size_t i = 0; i < (size_t)s.n * s.c * s.h * s.w; i++)
        ((float *)t.data)[i] = GUARD;
    t.shape = (FgShape){n, c, h, w};
    for (int b = 0; fill && b < n; b++)
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                for (int i = 0; i < c; i++)
                    fg_f32(&t, b, y, x)[i] = random_float();
    return t;
}

static double value_at(const Case *k, const FgTensor *in, int b, int y, int x,
                       int i)
{
    const FgShape s = in->shape;

    if (k->pad_mode == FG_PAD_REPLICATE) {
        y = y < 0 ? 0 : y >= s.h ? s.h - 1 : y;
        x = x < 0 ? 0 : x >= s.w ? s.w - 1 : x;
    }
    return y < 0 || x < 0 || y >= s.h || x >= s.w ? 0 : fg_f32(in, b, y, x)[i];
}

static double defined(const Case *k, const FgTensor *in, const float *weight,
                      const float *bias, int b, int y, int x, int o)
{
    double sum = bias[o];

    for (int i = 0; i < k->ic; i++)
        for (int t = 0; t < 9; t++)
            sum += (double)weight[(o * k->ic + i) * 9 + t] *
                   value_at(k, in, b, y - k->pad + t / 3, x - k->pad + t % 3,
                            i);
    return sum;
}

static double finished(const Case *k, double v, double add, int o)
{
    if (k->add && k->e.add_first)
        v += add;
    if (k->e.act == FG_CONV_RELU)
        v = v > 0 ? v : 0;
    else if (k->e.act == FG_CONV_LEAKY_RELU)
        v = v > 0 ? v : v * (double)k->e.alpha;
    else if (k->e.act == FG_CONV_PRELU)
        v = v > 0 ? v : v * (double)k->e.slope[o];
    return k->add && !k->e.add_first ? v + add : v;
}

/* A copy, gaps too. */
static FgTensor as_type(const FgTensor *from, FgDtype to)
{
    const FgTensor t = *from;
    const size_t n = (size_t)t.image * (size_t)t.shape.n;
    FgTensor c = t;

    c.dtype = to;
    c.data = c.owned = calloc(n, sizeof(float));
    assert_non_null(c.data);
    if (t.dtype == to)
        memcpy(c.data, t.data, n * fg_dtype_size(to));
    for (size_t i = 0; i < n && t.dtype != to; i++) {
        if (to == FG_F16)
            ((uint16_t *)c.data)[i] = fg_half_from_float(((float *)t.data)[i]);
        else
            ((float *)c.data)[i] = fg_half_to_float(((uint16_t *)t.data)[i]);
    }
    return c;
}

static FgTensor converted(FgTensor t, FgDtype to)
{
    FgTensor c = as_type(&t, to);

    fg_tensor_free(&t);
    return c;
}

static void *scratch_for(const FgWino *w, int threads)
{
    const size_t n = fg_wino_scratch(w) * (size_t)threads;
    void *m = aligned_alloc(64, n);

    assert_non_null(m);
    assert_int_equal(fg_wino_scratch(w) % 64, 0);
    memset(m, 0xff, n); /* whatever was there is not seen */
    return m;
}

static FgTensor result(const Case *k, FgWino *w, const FgTensor *in,
                       const FgTensor *add, FgCpu level, int bands, FgDtype to)
{
    const int oh = k->h + 2 * k->pad - 2, ow = k->w + 2 * k->pad - 2;
    FgTensor out = converted(strided(1, k->oc, oh, ow, k->gap, 0), to);
    FgConvEpilogue e = k->e;
    void *scratch = scratch_for(w, 1);

    e.add = k->add ? add : NULL;
    fg_cpu_mask(level);
    for (int i = 0, y = 0; y < oh; i++) {
        const int to = bands && y + 4 * (1 + i % 3) < oh ? y + 4 * (1 + i % 3)
                                                         : oh;

        fg_wino_rows(w, in, &out, y, to, &e, scratch);
        y = to;
    }
    free(scratch);
    return converted(out, FG_F32);
}

static void same(const FgTensor *a, const FgTensor *b, const char *what)
{
    const size_t n = (size_t)a->image * (size_t)a->shape.n;

    for (size_t i = 0; i < n; i++)
        if (memcmp((float *)a->data + i, (float *)b->data + i, 4))
            fail_msg("%s: element %zu is %.9g and %.9g", what, i,
                     (double)((float *)a->data)[i],
                     (double)((float *)b->data)[i]);
}

static void check_values(const Case *k, const FgTensor *in, const FgTensor *add,
                         const float *weight, const float *bias,
                         const FgTensor *out, double most)
{
    for (int y = 0; y < out->shape.h; y++)
        for (int x = 0; x < out->shape.w; x++) {
            const float *const p = fg_f32(out, 0, y, x);

            for (int o = 0; o < k->oc; o++) {
                const double v = defined(k, in, weight, bias, 0, y, x, o);
                const double a = k->add ? fg_f32(add, 0, y, x)[o] : 0;
                const double want = finished(k, v, a, o);

                if (!(fabs(want - (double)p[o]) <= most))
                    fail_msg("seed %u, %d->%d %dx%d: %g, wanted %g", seed,
                             k->ic, k->oc, k->w, k->h, (double)p[o], want);
            }
            for (int o = k->oc; o < out->pitch; o++)
                assert_true(p[o] == GUARD);
        }
}

static float *numbers(size_t n, float scale)
{
    float *p = malloc(sizeof(*p) * n);

    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = random_float() * scale;
    return p;
}

/* Of numbers of this size a half is within 4e-3. */
static void run_types(const Case *k, FgWino *w, const FgTensor *in,
                      const FgTensor *add, const float *weight,
                      const float *bias)
{
    const int halves = in->dtype == FG_F16 || add->dtype == FG_F16;
    FgTensor want = result(k, w, in, add, FG_CPU_C, 0, add->dtype);
    FgTensor in32 = as_type(in, FG_F32), add32 = as_type(add, FG_F32);

    check_values(k, &in32, &add32, weight, bias, &want,
                 w->kind == FG_WINO_F32 ? 3e-6
                 : halves               ? 1.2e-2
                                        : 8e-3);
    for (int level = FG_CPU_AVX2; level <= (int)fg_cpu_detect(); level++) {
        FgTensor got = result(k, w, in, add, (FgCpu)level, level % 2,
                              add->dtype);

        same(&want, &got, fg_cpu_name((FgCpu)level));
        fg_tensor_free(&got);
    }
    fg_tensor_free(&in32);
    fg_tensor_free(&add32);
    fg_tensor_free(&want);
}

static void run_case(Case k)
{
    const FgAttr attr = {.channels = k.oc,
                         .kernel = 3,
                         .stride = 1,
                         .pad = k.pad,
                         .pad_mode = k.pad_mode,
                         .groups = 1};
    const float size = sqrtf(1.0f / (float)(9 * k.ic));
    float *weight = numbers((size_t)k.ic * k.oc * 9, size);
    float *bias = numbers((size_t)k.oc, 0.1f);
    float *slope = numbers((size_t)k.oc, 0.3f);
    FgTensor in = strided(1, k.ic, k.h, k.w, k.gap, 1);
    FgTensor add = strided(1, k.oc, k.h + 2 * k.pad - 2, k.w + 2 * k.pad - 2,
                           k.gap ? 2 : 0, 1);

    k.e.slope = slope;
    k.e.alpha = 0.2f;
    for (int kind = FG_WINO_I16; kind <= FG_WINO_F32; kind++) {
        FgWino w;

        assert_int_equal(
            fg_wino_prep(&w, (FgWinoKind)kind, &attr, k.ic, weight, bias, 0),
            0);
        run_types(&k, &w, &in, &add, weight, bias);
        for (int t = 1; t < 4 && kind == FG_WINO_I16; t++) {
            in = converted(in, t & 1 ? FG_F16 : FG_F32);
            add = converted(add, t & 2 ? FG_F16 : FG_F32);
            run_types(&k, &w, &in, &add, weight, bias);
        }
        in = converted(in, FG_F32);
        add = converted(add, FG_F32);
        fg_wino_free(&w);
    }
    fg_tensor_free(&in);
    fg_tensor_free(&add);
    free(weight);
    free(bias);
    free(slope);
}

static void channels_and_sizes(void **state)
{
    static const int c[][2] = {{1, 1},   {3, 16},  {16, 4},  {17, 33}, {32, 32},
                               {24, 24}, {64, 64}, {48, 80}, {8, 40},  {65, 7}};
    static const int size[][2] = {{1, 1}, {2, 5},  {4, 4},   {5, 3},
                                  {9, 8}, {27, 6}, {61, 13}, {100, 5}};

    (void)state;
    for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++)
        for (size_t k = 0; k < sizeof(size) / sizeof(*size); k++)
            run_case((Case){.ic = c[i][0],
                            .oc = c[i][1],
                            .w = size[k][0],
                            .h = size[k][1],
                            .n = 1,
                            .pad = 1,
                            .gap = (int)(i + k) % 2 * 5});
}

static void epilogues_and_borders(void **state)
{
    (void)state;
    for (int i = 0; i < 48; i++) {
        Case k = {.ic = 19,
                  .oc = 21,
                  .w = 23,
                  .h = 11,
                  .n = 1,
                  .pad = i % 3,
                  .pad_mode = i % 2 ? FG_PAD_REPLICATE : FG_PAD_ZERO,
                  .gap = i % 5 == 0 ? 3 : 0,
                  .add = i / 4 % 2};

        k.e.act = (FgConvAct)(i % 4);
        k.e.add_first = i / 8 % 2;
        run_case(k);
    }
}

/* Inputs and weights that are as large as can be, all of one sign: sums reach
 * the bound and do not pass it. */
static void no_sum_overflows(void **state)
{
    const FgAttr attr = {
        .channels = 16, .kernel = 3, .stride = 1, .pad = 1, .groups = 1};
    const size_t n = 256 * 16 * 9;
    float *weight = numbers(n, 1);

    (void)state;
    for (size_t i = 0; i < n; i++)
        weight[i] = 3e4f;
    FgTensor in = strided(1, 256, 9, 9, 0, 1);
    for (size_t i = 0; i < 256 * 81; i++)
        ((float *)in.data)[i] = i / 256 % 2 ? 6e4f : -6e4f;
    Case k = {.ic = 256, .oc = 16, .w = 9, .h = 9, .n = 1, .pad = 1};
    for (int level = FG_CPU_C; level <= (int)fg_cpu_detect(); level++) {
        static const float none[16];
        FgWino w;

        assert_int_equal(
            fg_wino_prep(&w, FG_WINO_I16, &attr, 256, weight, none, 0), 0);
        FgTensor out = result(&k, &w, &in, NULL, (FgCpu)level, 0, FG_F32);
        check_values(&k, &in, NULL, weight, none, &out, 3e10);
        fg_tensor_free(&out);
        fg_wino_free(&w);
    }
    fg_tensor_free(&in);
    free(weight);
}

/* One bad value spoils its tile, so that the plan can see it; zeros and
 * numbers near the smallest do no harm. */
static void bad_values_show(void **state)
{
    const FgAttr attr = {
        .channels = 8, .kernel = 3, .stride = 1, .pad = 1, .groups = 1};
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    float *weight = numbers(8 * 8 * 9, 1);
    Case k = {.ic = 8, .oc = 8, .w = 12, .h = 12, .n = 1, .pad = 1};

    (void)state;
    for (int level = FG_CPU_C; level <= (int)fg_cpu_detect(); level++)
        for (int i = 0; i < 5; i++) {
            FgWino w;
            FgTensor in = strided(1, 8, 12, 12, 0, 1);

            assert_int_equal(
                fg_wino_prep(&w, FG_WINO_I16, &attr, 8, weight, NULL, 0), 0);
            for (int p = 0; i > 2 && p < 8 * 144; p++)
                ((float *)in.data)[p] = i == 3 ? 0 : 1e-40f;
            if (i < 3)
                fg_f32(&in, 0, 5, 6)[3] = bad[i];
            FgTensor out = result(&k, &w, &in, NULL, (FgCpu)level, 0, FG_F32);
            for (int o = 0; o < 8; o++)
                assert_int_equal(isnan(fg_f32(&out, 0, 5, 6)[o]) != 0, i < 3);
            fg_tensor_free(&out);
            fg_tensor_free(&in);
            fg_wino_free(&w);
        }
    free(weight);
}

/* Batches, threads, adding; and the gradient of the input, by its definition:
 * the convolution with mirrored taps and O, I swapped. */
static void batches_and_gradient(void **state)
{
    const FgAttr attr = {
        .channels = 5, .kernel = 3, .stride = 1, .pad = 1, .groups = 1};
    float *weight = numbers(5 * 18 * 9, 0.3f), flipped[5 * 18 * 9];
    static const float none[18];
    FgTensor dy = strided(3, 5, 10, 9, 4, 1);
    FgTensor one = strided(3, 18, 10, 9, 0, 0), two = one;
    Case k = {.ic = 5, .oc = 18, .w = 9, .h = 10, .n = 3, .pad = 1};
    FgWino w;

    (void)state;
    for (int o = 0; o < 5; o++)
        for (int i = 0; i < 18; i++)
            for (int t = 0; t < 9; t++)
                flipped[(i * 5 + o) * 9 + 8 - t] = weight[(o * 18 + i) * 9 + t];
    assert_int_equal(fg_wino_prep(&w, FG_WINO_F32, &attr, 18, weight, NULL, 1),
                     0);
    void *scratch = scratch_for(&w, fg_threads(fg_pool_executor(pool)));
    fg_cpu_mask(fg_cpu_detect());
    fg_wino_all(&w, &dy, &one, 0, NULL, scratch);
    two = strided(3, 18, 10, 9, 0, 0);
    fg_wino_all(&w, &dy, &two, 0, fg_pool_executor(pool), scratch);
    same(&one, &two, "threads");
    fg_wino_all(&w, &dy, &two, 1, fg_pool_executor(pool), scratch);
    for (int b = 0; b < 3; b++)
        for (int i = 0; i < 90 * 18; i++) {
            const double v = defined(&k, &dy, flipped, none, b, i / 18 / 9,
                                     i / 18 % 9, i % 18);

            assert_true(fabs(v - (double)fg_f32(&one, b, 0, 0)[i]) < 5e-6);
            assert_true(fabs(2 * v - (double)fg_f32(&two, b, 0, 0)[i]) < 1e-5);
        }
    free(scratch);
    free(weight);
    fg_wino_free(&w);
    fg_tensor_free(&dy);
    fg_tensor_free(&one);
    fg_tensor_free(&two);
}

static void bad_requests_are_refused(void **state)
{
    FgAttr attr = {
        .channels = 4, .kernel = 3, .stride = 1, .pad = 1, .groups = 1};
    float weight[4 * 4 * 9] = {0};
    FgWino w;

    (void)state;
    attr.stride = 2;
    assert_int_equal(fg_wino_prep(&w, FG_WINO_I16, &attr, 4, weight, NULL, 0),
                     -EINVAL);
    attr.stride = 1;
    weight[17] = NAN;
    assert_int_equal(fg_wino_prep(&w, FG_WINO_I16, &attr, 4, weight, NULL, 0),
                     -EINVAL);
    assert_null(w.owned);
    fg_wino_free(&w);
    fg_wino_free(NULL);
}

#if defined(__x86_64__)
enum { VNNI_N = 29, VNNI_IC = 19, VNNI_OC = 24, VNNI_TILE = 36 * 4 * VNNI_OC };

/* Sums of 16-bit products by the AVX2 table, which a CPU with AVX-VNNI does not
 * use any more, and by that CPU's: the largest of both signs are in it. */
static void avx2_and_avxvnni_agree(void **state)
{
    static _Alignas(64) int16_t v[VNNI_N * 2 * VNNI_IC], u[80 * VNNI_OC];
    static _Alignas(64) char got[2][VNNI_N * VNNI_TILE];
    FgWinoOps ops[2];

    (void)state;
    if (!fg_cpu_has_avxvnni())
        skip();
    fg_wino_ops_avx2(&ops[0]);
    fg_wino_ops_avx2(&ops[1]);
    fg_wino_ops_avxvnni(&ops[1]);
    assert_true(ops[0].product[FG_WINO_I16] != ops[1].product[FG_WINO_I16]);
    assert_ptr_equal(fg_wino_ops(FG_CPU_AVX2)->product[FG_WINO_I16],
                     ops[1].product[FG_WINO_I16]);
    for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
        v[i] = (int16_t)(i % 31 ? random_float() * 32767 : -32767);
    for (size_t i = 0; i < sizeof(u) / sizeof(*u); i++)
        u[i] = (int16_t)(random_float() * 3400);
    for (int ic = 1; ic <= VNNI_IC; ic += 3)
        for (int n = 1; n <= VNNI_N; n += 4)
            for (int ocp = 8; ocp <= VNNI_OC; ocp += 8) {
                memset(got, 0x5a, sizeof(got));
                for (int k = 0; k < 2; k++) {
                    const FgWinoProduct q = {(const char *)v,
                                             (const char *)u,
                                             got[k],
                                             4 * VNNI_IC,
                                             VNNI_TILE,
                                             ic % 36,
                                             ic,
                                             ocp,
                                             n};

                    ops[k].product[FG_WINO_I16](&q);
                }
                assert_memory_equal(got[0], got[1], sizeof(got[0]));
                int64_t sum = 0; /* of the first tile, the first output */
                for (int i = 0; i < (ic + 1) / 2 * 2; i++)
                    sum += v[i] * u[i / 2 * 2 * ocp + i % 2];
                int32_t first;
                memcpy(&first, got[1] + 32 * (ic % 36), sizeof(first));
                assert_int_equal(first, sum);
            }
}
#endif

static int start(void **state)
{
    (void)state;
    print_message("# seed %u\n", seed);
    return fg_pool_create(&pool, 3);
}

static int stop(void **state)
{
    (void)state;
    fg_pool_free(&pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_and_sizes),
        cmocka_unit_test(epilogues_and_borders),
        cmocka_unit_test(no_sum_overflows),
        cmocka_unit_test(bad_values_show),
        cmocka_unit_test(batches_and_gradient),
        cmocka_unit_test(bad_requests_are_refused),
#if defined(__x86_64__)
        cmocka_unit_test(avx2_and_avxvnni_agree),
#endif
    };

    return cmocka_run_group_tests(tests, start, stop);
}
