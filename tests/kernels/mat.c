/* Tile products against C (the same bits) and against the plain convolution
 * (bf16's distance): odd sizes, borders, strips, what follows a product.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/mat.h"
#include "kernels/op.h"

static uint32_t seed = 20261126;
static uint32_t drawn;

static uint32_t draw(void)
{
    const uint32_t counter[4] = {drawn++, 0, 0, 0}, key[2] = {seed, 1};
    uint32_t out[4];

    fg_philox(counter, key, out);
    return out[0];
}

static int between(int lo, int hi)
{
    return lo + (int)(draw() % (uint32_t)(hi - lo + 1));
}

static float value(float scale)
{
    return scale * ((float)(draw() >> 8) / 8388608.0f - 1.0f);
}

static float bf16_value(uint16_t b)
{
    const uint32_t u = (uint32_t)b << 16;
    float f;

    memcpy(&f, &u, sizeof(f));
    return f;
}

static uint16_t bf16(float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof(u));
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

typedef struct Case {
    FgAttr a;
    int ic, w, h, ow, oh;
    int gather, f32, adds, add_first;
    FgConvAct act;
    float *weight, *bias, *slope;
    FgTensor in, in32, add, add32; /* the same values, rounded and as f32 */
    void *in_mem, *add_mem;
    FgMat m;
} Case;

static void *zeroed(size_t n)
{
    void *const p = aligned_alloc(64, (n + 63) & ~(size_t)63);

    assert_non_null(p);
    memset(p, 0, (n + 63) & ~(size_t)63);
    return p;
}

/* A bf16 value or a dense f32 tensor with random contents, and its f32. */
static void make_tensor(FgTensor *t, FgTensor *t32, void **mem, FgShape s,
                        int is_value, int pad)
{
    *mem = NULL;
    assert_int_equal(fg_tensor_alloc(t32, s, FG_F32), 0);
    if (is_value) {
        *mem = zeroed(fg_mat_place(NULL, NULL, s, pad, 0));
        fg_mat_place(t, *mem, s, pad, 0);
    } else {
        *t = *t32;
        t->owned = NULL;
    }
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++)
            for (int c = 0; c < s.c; c++) {
                float *const f = fg_f32(t32, 0, y, x) + c;

                *f = value(1);
                if (is_value) {
                    const uint16_t b = bf16(*f);

                    ((uint16_t *)(void *)fg_bytes(t, 0, y, x, 2))[c] = b;
                    *f = bf16_value(b);
                }
            }
}

static float *floats(int n, float scale)
{
    float *const p = malloc(sizeof(*p) * (size_t)n);

    assert_non_null(p);
    for (int i = 0; i < n; i++)
        p[i] = value(scale);
    return p;
}

static void shape_case(Case *c, int i)
{
    static const int widths[] = {1, 2, 3, 4, 8, 12, 16, 24, 32, 48, 64, 7, 36};
    const int k = i % 4 ? 3 : (int[]){1, 2, 5, 7}[between(0, 3)];
    FgAttr *const a = &c->a;

    memset(c, 0, sizeof(*c));
    c->ic = widths[between(0, 12)];
    a->channels = widths[between(0, 12)];
    a->kernel = k;
    a->stride = i % 5 ? 1 : between(1, 2);
    a->pad = i % 3 ? k / 2 : between(0, k - 1);
    c->gather = between(0, 1);
    a->pad_mode = c->gather && i % 2 ? between(0, 2) : 0;
    a->groups = 1;
    c->f32 = between(0, 1);
    do {
        c->w = i % 6 ? between(1, 90) : between(1, 9);
        c->h = between(1, 23);
        c->ow = fg_conv_out_size(c->w, k, a->stride, a->pad);
        c->oh = fg_conv_out_size(c->h, k, a->stride, a->pad);
    } while (c->ow < 1 || c->oh < 1);
    c->act = (FgConvAct)between(0, 4);
    c->adds = between(0, 1);
    c->add_first = between(0, 1);
}

static void make_case(Case *c, int i)
{
    shape_case(c, i);
    const int n = c->a.kernel * c->a.kernel * c->ic;
    const FgShape in = {1, c->ic, c->h, c->w};
    const FgShape out = {1, c->a.channels, c->oh, c->ow};

    c->weight = floats(n * c->a.channels, 1 / sqrtf((float)n));
    c->bias = floats(c->a.channels, 1);
    c->slope = floats(c->a.channels, 1);
    make_tensor(&c->in, &c->in32, &c->in_mem, in, !c->gather,
                c->a.pad + between(0, 2));
    make_tensor(&c->add, &c->add32, &c->add_mem, out, !c->f32, between(0, 2));
    assert_int_equal(
        fg_mat_prep(&c->m, &c->a, c->ic, c->weight, c->bias, c->gather, c->f32),
        0);
    assert_true(fg_mat_bytes(&c->m) > 0);
}

static void free_case(Case *c)
{
    fg_tensor_free(&c->in32);
    fg_tensor_free(&c->add32);
    free(c->in_mem);
    free(c->add_mem);
    free(c->weight);
    free(c->bias);
    free(c->slope);
    fg_mat_free(&c->m);
    fg_mat_free(NULL);
}

static void describe(const Case *c, int i)
{
    print_message("# seed %u, case %d: %dx%d of %d -> %dx%d of %d, kernel %d, "
                  "stride %d, pad %d mode %d, gather %d, f32 %d, act %d, add "
                  "%d %d; unit %d, pitch %d, tiles %d\n",
                  seed, i, c->w, c->h, c->ic, c->ow, c->oh, c->a.channels,
                  c->a.kernel, c->a.stride, c->a.pad, c->a.pad_mode, c->gather,
                  c->f32, c->act, c->adds, c->add_first, c->m.unit, c->m.icp,
                  c->m.tiles);
}

typedef struct Result {
    FgTensor t;
    char *mem;
    size_t bytes;
} Result;

/* Memory round the result holds `fill`; the gaps of a value stay zero. */
static Result run(const Case *c, const FgMatOps *ops, int parts, int step)
{
    const FgShape s = {1, c->a.channels, c->oh, c->ow};
    const FgConvEpilogue e = {
        c->act,       0.3f, c->slope, c->adds ? &c->add : NULL,
        c->add_first, NULL, NULL};
    char *const scratch = zeroed(fg_mat_scratch(&c->m, c->ow));
    Result r = {0};

    memset(scratch, 0x7f, fg_mat_scratch(&c->m, c->ow)); /* NaN, all of it */
    if (c->f32) {
        r.bytes = 4 * (size_t)(s.c * s.h * s.w) + 128;
        r.mem = zeroed(r.bytes);
        r.t = fg_tensor_wrap(r.mem + 64, s, FG_F32);
    } else {
        r.bytes = fg_mat_place(NULL, NULL, s, 1, 0);
        r.mem = zeroed(r.bytes);
        fg_mat_place(&r.t, r.mem, s, 1, 0);
    }
    fg_mat_use(ops);
    for (int y = 0; y < c->oh; y += step)
        for (int p = parts - 1; p >= 0; p--)
            fg_mat_rows(&c->m, &c->in, &r.t, y,
                        y + step < c->oh ? y + step : c->oh, &e, scratch, p,
                        parts);
    fg_mat_use(NULL);
    free(scratch);
    return r;
}

static float got_at(const Case *c, const Result *r, int y, int x, int o)
{
    return c->f32 ? fg_f32(&r->t, 0, y, x)[o]
                  : bf16_value(
                        ((uint16_t *)(void *)fg_bytes(&r->t, 0, y, x, 2))[o]);
}

/* Nothing but the pixels was written. */
static void check_gaps(const Case *c, const Result *r, int i)
{
    const size_t size = c->f32 ? 4 : 2;
    char *const left = zeroed(r->bytes);

    memcpy(left, r->mem, r->bytes);
    for (int y = 0; y < c->oh; y++)
        for (int x = 0; x < c->ow; x++)
            memset(left + (fg_bytes(&r->t, 0, y, x, size) - r->mem), 0,
                   size * (size_t)c->a.channels);
    for (size_t k = 0; k < r->bytes; k++)
        if (left[k]) {
            describe(c, i);
            fail_msg("byte %zu outside the pixels was written", k);
        }
    free(left);
}

/* bf16 weights are 2^-9 off each, and random: their sum is off by about
 * 2^-9 / sqrt(3) times its size, near 1 here; 8 times that, and the result's
 * own rounding. */
static void check_close(const Case *c, const Result *r, int i)
{
    const FgConvEpilogue e = {
        c->act,       0.3f, c->slope, c->adds ? &c->add32 : NULL,
        c->add_first, NULL, NULL};
    FgConvPrep p;
    FgTensor want;

    assert_int_equal(fg_conv_prep(&p, &c->a, c->ic, c->weight, c->bias, FG_F32),
                     0);
    assert_int_equal(fg_tensor_alloc(&want,
                                     (FgShape){1, c->a.channels, c->oh, c->ow},
                                     FG_F32),
                     0);
    void *const scratch = zeroed(fg_conv_scratch(&p, c->ow));
    fg_conv_rows(&p, &c->in32, &want, 0, c->oh, &e, scratch);
    for (int y = 0; y < c->oh; y++)
        for (int x = 0; x < c->ow; x++)
            for (int o = 0; o < c->a.channels; o++) {
                const float a = fg_f32(&want, 0, y, x)[o];
                const float b = got_at(c, r, y, x, o);

                if (!(fabsf(a - b) <= 0.01f + 0.004f * fabsf(a))) {
                    describe(c, i);
                    fail_msg("(%d, %d) channel %d is %g, not %g", x, y, o,
                             (double)b, (double)a);
                }
            }
    free(scratch);
    fg_tensor_free(&want);
    fg_conv_prep_free(&p);
}

static void check_same(const Case *c, const Result *a, const Result *b, int i,
                       const char *what)
{
    if (memcmp(a->mem, b->mem, a->bytes)) {
        describe(c, i);
        for (int y = 0; y < c->oh; y++)
            for (int x = 0; x < c->ow; x++)
                for (int o = 0; o < c->a.channels; o++)
                    if (got_at(c, a, y, x, o) != got_at(c, b, y, x, o))
                        fail_msg("%s: (%d, %d) channel %d is %.9g, not %.9g",
                                 what, x, y, o, (double)got_at(c, b, y, x, o),
                                 (double)got_at(c, a, y, x, o));
        fail_msg("%s: bits differ", what);
    }
}

static int cases(void)
{
    return getenv("LESS") ? 60 : 240;
}

static void test_reference(void **state)
{
    (void)state;
    print_message("# seed %u\n", seed);
    for (int i = 0; i < cases(); i++) {
        Case c;

        make_case(&c, i);
        Result a = run(&c, fg_mat_ops_c(), 1, 100);
        Result b = run(&c, fg_mat_ops_c(), between(2, 4), between(1, 9));
        check_close(&c, &a, i);
        check_gaps(&c, &a, i);
        check_same(&c, &a, &b, i, "strips in C");
        free(a.mem);
        free(b.mem);
        free_case(&c);
    }
}

static void test_levels(void **state)
{
    const FgMatOps *const ops = fg_mat_ops(fg_cpu_detect());

    (void)state;
    if (!ops) {
        print_message("# this CPU has no AMX tiles\n");
        skip();
    }
    print_message("# seed %u\n", seed);
    for (int i = 0; i < cases(); i++) {
        Case c;

        make_case(&c, i);
        Result a = run(&c, fg_mat_ops_c(), 1, 100);
        Result b = run(&c, ops, 1, 100);
        Result d = run(&c, ops, between(2, 4), between(1, 9));
        check_same(&c, &a, &b, i, "AMX and C");
        check_same(&c, &b, &d, i, "strips on AMX");
        free(a.mem);
        free(b.mem);
        free(d.mem);
        free_case(&c);
    }
}

/* Halves of a value give it back to 16 bits. */
static void test_split(void **state)
{
    const FgMatOps *const list[] = {fg_mat_ops_c(),
                                    fg_mat_ops(fg_cpu_detect())};

    (void)state;
    for (int k = 0; k < 2 && list[k]; k++)
        for (int ic = 1; ic <= 4; ic++)
            for (int pitch = (3 * ic + 1) & ~1; pitch <= 6 * ic + 2;
                 pitch += 2) {
                float src[4 * 21];
                uint16_t dst[26 * 21 + 1];

                for (int i = 0; i < 21 * ic; i++)
                    src[i] = value(2);
                memset(dst, 0xee, sizeof(dst));
                list[k]->split(dst, src, 21, ic, pitch);
                for (int i = 0; i < 21 * pitch; i++) {
                    const int x = i / pitch, c = i % pitch;

                    if (c >= 3 * ic)
                        assert_int_equal(dst[i], 0);
                    else if (c >= 2 * ic)
                        assert_int_equal(dst[i], dst[i - 2 * ic]);
                    else if (c < ic)
                        assert_true(fabsf(bf16_value(dst[i]) +
                                          bf16_value(dst[i + ic]) -
                                          src[x * ic + c]) <= 0x1p-16f);
                }
                assert_int_equal(dst[21 * pitch], 0xeeee);
            }
}

static void test_refusals(void **state)
{
    const float w[64] = {0};
    FgAttr a = {.channels = 4, .kernel = 3, .pad = 1, .groups = 2};
    FgMat m;

    (void)state;
    assert_false(fg_mat_fits(&a));
    assert_int_equal(fg_mat_prep(&m, &a, 4, w, NULL, 0, 0), -22);
    assert_null(m.owned);
    a.groups = 1;
    a.kernel = 17;
    assert_false(fg_mat_fits(&a));
    for (FgCpu l = FG_CPU_C; l < FG_CPU_AMX; l++)
        assert_null(fg_mat_ops(l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_refusals),
    };
    const char *const s = getenv("FFGAN_TEST_SEED");

    if (s)
        seed = (uint32_t)strtoul(s, NULL, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
