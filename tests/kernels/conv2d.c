/* The op conv2d and the prepared rows below it.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/conv.h"
#include "kernels/dsp.h"

static GcCase make_case(int ic, int oc, int kernel, int stride, int pad,
                        int pad_mode, int groups)
{
    GcCase c = {.op = "conv2d", .nb_in = 1, .linear = 1};

    c.attr = (FgAttr){.channels = oc,
                      .kernel = kernel,
                      .stride = stride,
                      .pad = pad,
                      .pad_mode = pad_mode,
                      .groups = groups,
                      .bias = 1};
    c.in[0] = (FgShape){2, ic, 7, 6};
    return c;
}

static void test_plain(void **state)
{
    const struct {
        int ic, oc, kernel, stride, pad, groups;
    } k[] = {{3, 5, 3, 1, 1, 1}, {2, 3, 3, 1, 0, 1},  {4, 2, 1, 1, 0, 1},
             {2, 2, 3, 2, 1, 1}, {3, 2, 2, 2, 0, 1},  {2, 3, 5, 1, 2, 1},
             {1, 4, 4, 3, 2, 1}, {3, 3, 1, 2, 0, 1},  {2, 1, 3, 1, 3, 1},
             {1, 2, 1, 1, 2, 1}, {4, 6, 3, 1, 1, 2},  {3, 3, 3, 1, 1, 3},
             {4, 4, 3, 2, 1, 4}, {17, 2, 3, 1, 1, 1}, {6, 4, 1, 1, 0, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++) {
        GcCase c = make_case(k[i].ic, k[i].oc, k[i].kernel, k[i].stride,
                             k[i].pad, FG_PAD_ZERO, k[i].groups);

        gc_check(&c);
        c.attr.bias = 0;
        c.in[0] = (FgShape){1, k[i].ic, 5, 9};
        gc_check(&c);
    }
}

static void test_pad_modes(void **state)
{
    (void)state;
    for (int mode = FG_PAD_REFLECT; mode <= FG_PAD_CIRCULAR; mode++) {
        const GcCase k[] = {make_case(2, 3, 3, 1, 1, mode, 1),
                            make_case(2, 1, 5, 1, 2, mode, 1),
                            make_case(3, 2, 3, 2, 1, mode, 1),
                            make_case(4, 2, 3, 1, 1, mode, 2),
                            make_case(1, 1, 4, 3, 2, mode, 1)};

        for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++)
            gc_check(&k[i]);
    }
}

/* Pictures smaller than the border. */
static void test_tiny(void **state)
{
    (void)state;
    for (int mode = FG_PAD_ZERO; mode <= FG_PAD_CIRCULAR; mode++) {
        GcCase c = make_case(2, 2, 5, 1, 2, mode, 1);

        c.in[0] = (FgShape){1, 2, 1, 1};
        gc_check(&c);
        c.in[0] = (FgShape){1, 2, 1, 2};
        gc_check(&c);
    }
}

static void test_refused(void **state)
{
    GcCase c = make_case(3, 4, 3, 1, 0, 0, 1);

    (void)state;
    c.attr.kernel = 0;
    gc_refused(&c);
    c.attr.kernel = FG_CONV_MAX_KERNEL + 1;
    gc_refused(&c);
    c = make_case(3, 4, 9, 1, 0, 0, 1); /* larger than the picture */
    gc_refused(&c);
    c = make_case(3, 4, 3, 1, -1, 0, 1);
    gc_refused(&c);
    c = make_case(3, 4, 3, 1, 1, 7, 1);
    gc_refused(&c);
    c = make_case(3, 4, 3, 1, 1, 0, 2);
    gc_refused(&c);
    c = make_case(3, 0, 3, 1, 1, 0, 1);
    gc_refused(&c);
}

/* By the definition of the borders; they are narrower than the picture. */
static int source(int i, int n, int pad_mode)
{
    if (i >= 0 && i < n)
        return i;
    switch (pad_mode) {
    case FG_PAD_REFLECT: /* the border pixel itself is not repeated */
        return i < 0 ? -i : 2 * n - 2 - i;
    case FG_PAD_REPLICATE:
        return i < 0 ? 0 : n - 1;
    case FG_PAD_CIRCULAR:
        return i < 0 ? i + n : i - n;
    default:
        return -1;
    }
}

/* Output (n, y, x, o) by the definition, in double. */
static double naive(const GcRun *r, const FgAttr *a, int n, int y, int x, int o)
{
    const FgShape s = r->shape[0];
    const int icg = s.c / a->groups, g = o / (a->channels / a->groups);
    const float *const w = r->param[0].data;
    double sum = a->bias ? (double)((const float *)r->param[1].data)[o] : 0;

    for (int i = 0; i < icg; i++) {
        for (int ky = 0; ky < a->kernel; ky++) {
            for (int kx = 0; kx < a->kernel; kx++) {
                const int yy = source(y * a->stride + ky - a->pad, s.h,
                                      a->pad_mode);
                const int xx = source(x * a->stride + kx - a->pad, s.w,
                                      a->pad_mode);

                if (yy < 0 || xx < 0)
                    continue;
                sum += (double)fg_f32(&r->in[0], n, yy, xx)[g * icg + i] *
                       (double)
                           w[((o * icg + i) * a->kernel + ky) * a->kernel + kx];
            }
        }
    }
    return sum;
}

static void test_naive(void **state)
{
    const GcCase k[] = {make_case(3, 16, 3, 1, 1, 0, 1),
                        make_case(16, 12, 3, 1, 1, 0, 1),
                        make_case(33, 65, 3, 1, 1, 0, 1),
                        make_case(8, 20, 5, 2, 2, 0, 1),
                        make_case(12, 24, 3, 1, 1, 0, 3),
                        make_case(31, 7, 1, 1, 0, 0, 1),
                        make_case(5, 9, 3, 1, 1, FG_PAD_REFLECT, 1),
                        make_case(5, 9, 5, 1, 4, FG_PAD_REFLECT, 1),
                        make_case(4, 3, 3, 2, 1, FG_PAD_REPLICATE, 1),
                        make_case(4, 3, 5, 1, 3, FG_PAD_CIRCULAR, 1)};

    (void)state;
    for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++) {
        GcCase c = k[i];
        GcRun r;

        c.in[0] = (FgShape){2, c.in[0].c, 9, 31};
        gc_open(&r, &c, FG_F32, 1, NULL);
        gc_forward(&r);
        for (size_t e = 0; e < gc_count(&r.out); e++) {
            const FgShape s = r.out_shape;
            const size_t o = e % (size_t)s.c, x = e / (size_t)s.c;
            const double want = naive(
                &r, &c.attr, (int)(x / (size_t)(s.w * s.h)),
                (int)(x / (size_t)s.w) % s.h, (int)(x % (size_t)s.w), (int)o);

            /* up to 576 roundings of sums below about 20 */
            if (fabs(gc_get(&r.out, e) - want) > 1e-4)
                fail_msg("case %zu element %zu: %g, wanted %g", i, e,
                         gc_get(&r.out, e), want);
        }
        gc_close(&r);
    }
}

/* Enough rows for several bands, parts and images per job. */
static void test_threads(void **state)
{
    GcCase c = make_case(5, 18, 3, 1, 1, 0, 1);

    (void)state;
    for (int add = 0; add < 2; add++) {
        GcRun one, many, exact;
        FgPool *pool;

        c.in[0] = (FgShape){3, 5, 67, 23};
        assert_int_equal(fg_pool_create(&pool, 5), 0);
        gc_open(&one, &c, FG_F32, 0, NULL);
        gc_open(&many, &c, FG_F32, 0, fg_pool_executor(pool));
        gc_open(&exact, &c, FG_F64, 0, NULL);
        for (int k = 0; k < 3; k++) {
            GcRun *const r = k == 0 ? &one : k == 1 ? &many : &exact;

            fg_tensor_zero(&r->din[0]);
            r->call.din_add[0] = add;
            gc_forward(r);
            gc_backward(r);
        }
        assert_memory_equal(one.out.data, many.out.data,
                            gc_count(&one.out) * sizeof(float));
        assert_memory_equal(one.din[0].data, many.din[0].data,
                            gc_count(&one.din[0]) * sizeof(float));
        for (int k = 0; k < 2; k++)
            assert_memory_equal(one.dparam[k].data, many.dparam[k].data,
                                gc_count(&one.dparam[k]) * sizeof(float));
        /* 4623 products summed in float, below 50 */
        for (size_t i = 0; i < gc_count(&one.dparam[0]); i++)
            assert_true(fabs(gc_get(&one.dparam[0], i) -
                             gc_get(&exact.dparam[0], i)) < 1e-3);
        for (size_t i = 0; i < gc_count(&one.din[0]); i++)
            assert_true(
                fabs(gc_get(&one.din[0], i) - gc_get(&exact.din[0], i)) < 1e-4);
        gc_close(&one);
        gc_close(&many);
        gc_close(&exact);
        fg_pool_free(&pool);
    }
}

/* ---- prepared rows ---- */

static void *scratch_for(const FgConvPrep *p, int w)
{
    void *const m = aligned_alloc(64, fg_conv_scratch(p, w));

    assert_non_null(m);
    memset(m, 0xff, fg_conv_scratch(p, w));
    return m;
}

static void count_row(void *arg, int y, const float *row)
{
    int *const seen = arg;

    assert_non_null(row);
    assert_int_equal(*seen, y);
    ++*seen;
}

/* What the epilogue stands for, element by element. */
static float after(const FgConvEpilogue *e, float v, float add, int o)
{
    if (e->add && e->add_first)
        v += add;
    if (e->act == FG_CONV_RELU)
        v = v < 0 ? 0 : v;
    else if (e->act == FG_CONV_LEAKY_RELU)
        v = v < 0 ? v * e->alpha : v;
    else if (e->act == FG_CONV_PRELU)
        v = v < 0 ? v * e->slope[o] : v;
    return e->add && !e->add_first ? v + add : v;
}

/* Rows in two runs, dense and with gaps, against the op and the formula. */
static void check_rows(GcRun *r, const FgConvPrep *p, FgConvEpilogue *e,
                       int gap)
{
    const FgShape s = r->out_shape;
    const int seam = s.h / 3;
    void *const scratch = scratch_for(p, s.w);
    FgTensor wide;
    FgTensor out;
    int seen = 0;

    assert_int_equal(
        fg_tensor_alloc(&wide, (FgShape){1, s.c + gap, s.h, s.w}, FG_F32), 0);
    out = fg_tensor_channels(&wide, 0, s.c);
    e->row = count_row;
    e->arg = &seen;
    fg_conv_rows(p, &r->in[0], &out, 0, seam, e, scratch);
    fg_conv_rows(p, &r->in[0], &out, seam, s.h, e, scratch);
    assert_int_equal(seen, s.h);
    for (size_t i = 0; i < gc_count(&out); i++) {
        const float add = e->add ? (float)gc_get(e->add, i) : 0;
        const float want = after(e, (float)gc_get(&r->out, i), add,
                                 (int)(i % (size_t)s.c));

        if ((float)gc_get(&out, i) != want)
            fail_msg("act %d element %zu: %g, wanted %g", e->act, i,
                     gc_get(&out, i), (double)want);
    }
    fg_tensor_free(&wide);
    free(scratch);
}

static void test_rows(void **state)
{
    GcCase c = make_case(6, 21, 3, 1, 1, 0, 1);
    FgConvPrep p;
    GcRun r;
    float slope[21];

    (void)state;
    c.in[0] = (FgShape){1, 6, 17, 29};
    gc_open(&r, &c, FG_F32, 0, NULL);
    gc_forward(&r);
    assert_int_equal(
        fg_conv_prep(&p, &c.attr, 6, r.param[0].data, r.param[1].data, FG_F32),
        0);
    for (int i = 0; i < 21; i++)
        slope[i] = 0.05f * (float)i - 0.2f;
    for (int act = FG_CONV_LINEAR; act <= FG_CONV_PRELU; act++) {
        for (int k = 0; k < 6; k++) {
            FgConvEpilogue e = {.act = (FgConvAct)act,
                                .alpha = 0.1f,
                                .slope = slope,
                                .add = k % 3 ? &r.dout : NULL,
                                .add_first = k % 3 == 2};

            check_rows(&r, &p, &e, k < 3 ? 0 : 5);
        }
    }
    fg_conv_prep_free(&p);
    fg_conv_prep_free(&p);
    fg_conv_prep_free(NULL);
    gc_close(&r);
}

/* bf16 keeps 8 bits of each factor: a relative error of 2^-8 for a product,
 * of random sign, in sums of up to 54 products below 1. */
static void test_rows_bf16(void **state)
{
    const int ic[] = {3, 4, 6, 5};

    (void)state;
    for (int k = 0; k < 4; k++) {
        GcCase c = make_case(ic[k], 18, 3, 1, 1, k % 2 ? FG_PAD_REPLICATE : 0,
                             1);
        FgTensor out, part;
        FgConvPrep p;
        void *scratch;
        GcRun r;

        c.in[0] = (FgShape){1, ic[k], 11, 19};
        gc_open(&r, &c, FG_F32, k > 2, NULL);
        gc_forward(&r);
        assert_int_equal(fg_conv_prep(&p, &c.attr, ic[k], r.param[0].data,
                                      r.param[1].data, FG_BF16),
                         0);
        scratch = scratch_for(&p, 19);
        assert_int_equal(fg_tensor_alloc(&out, r.out_shape, FG_F32), 0);
        assert_int_equal(fg_tensor_alloc(&part, r.out_shape, FG_F32), 0);
        fg_conv_rows(&p, &r.in[0], &out, 0, 11, NULL, scratch);
        fg_conv_rows(&p, &r.in[0], &part, 0, 4, NULL, scratch);
        fg_conv_rows(&p, &r.in[0], &part, 4, 11, NULL, scratch);
        assert_memory_equal(out.data, part.data, gc_count(&out) * 4);
        for (size_t i = 0; i < gc_count(&out); i++)
            if (!(fabs(gc_get(&out, i) - gc_get(&r.out, i)) < 0.08))
                fail_msg("element %zu: %g, wanted %g", i, gc_get(&out, i),
                         gc_get(&r.out, i));
        fg_tensor_free(&out);
        fg_tensor_free(&part);
        free(scratch);
        fg_conv_prep_free(&p);
        gc_close(&r);
    }
}

static void test_prep_refused(void **state)
{
    const float w[64] = {0};
    FgAttr a = {.channels = 4, .kernel = 1, .stride = 1, .groups = 4};
    FgConvPrep p;

    (void)state;
    assert_int_equal(fg_conv_prep(&p, &a, 4, w, NULL, FG_BF16), -ENOTSUP);
    assert_null(p.w);
    a.kernel = 99;
    assert_int_equal(fg_conv_prep(&p, &a, 4, w, NULL, FG_F32), -EINVAL);
    a = (FgAttr){.channels = 4, .kernel = 1, .stride = 1, .groups = 3};
    assert_int_equal(fg_conv_prep(&p, &a, 4, w, NULL, FG_F32), -EINVAL);
    assert_null(p.owned);
}

static void test_pack(void **state)
{
    float w[2 * 3 * 4], plain[2 * 2 * 3 * 16], flip[2 * 2 * 2 * 16];

    (void)state;
    for (int i = 0; i < 24; i++) /* O=2, I=3, 2x2 */
        w[i] = (float)(i + 1);
    fg_conv_pack_f32(plain, w, 2, 3, 2, 2, 0);
    fg_conv_pack_f32(flip, w, 2, 3, 2, 2, 1);
    for (int o = 0; o < 2; o++)
        for (int i = 0; i < 3; i++)
            for (int t = 0; t < 4; t++) {
                const float v = w[(o * 3 + i) * 4 + t];

                assert_true(plain[(t * 3 + i) * 16 + o] == v);
                assert_true(flip[((3 - t) * 2 + o) * 16 + i] == v);
            }
    for (int o = 2; o < 16; o++)
        assert_true(plain[o] == 0);
    for (int i = 3; i < 16; i++)
        assert_true(flip[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain), cmocka_unit_test(test_pad_modes),
        cmocka_unit_test(test_tiny),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_naive), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_rows),  cmocka_unit_test(test_rows_bf16),
        cmocka_unit_test(test_pack),  cmocka_unit_test(test_prep_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
