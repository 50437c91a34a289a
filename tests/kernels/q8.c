/* 8-bit convolutions: every instruction set against C (the same bits), C
 * against sums in 64 bits and against the plain convolution, inputs that
 * saturate, strips, guard bytes; ranges in metadata, and plans with them.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/calibrate.h"
#include "kernels/dsp.h"
#include "kernels/op.h"
#include "kernels/plan.h"
#include "kernels/q8.h"
#include "tests/kernels/net.h"

#define GUARD 0x5a

static uint32_t seed = 20261126, drawn;

static uint32_t draw(void)
{
    const uint32_t counter[4] = {drawn++, 0, 0, 0}, key[2] = {seed, 8};
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

/* ---- tensors with gaps ---- */

typedef struct Padded {
    FgTensor t;
    size_t size;
} Padded;

static Padded padded(FgShape s, FgDtype dtype, int gap)
{
    Padded p = {.t = {.shape = s, .pitch = s.c + gap, .dtype = dtype}};

    p.t.row = (ptrdiff_t)s.w * p.t.pitch + 2 * gap;
    p.t.image = p.t.row * s.h;
    p.size = (size_t)p.t.image * fg_dtype_size(dtype) + 64;
    p.t.data = malloc(p.size);
    assert_non_null(p.t.data);
    memset(p.t.data, GUARD, p.size);
    return p;
}

static void no_gap_written(const Padded *p)
{
    const FgTensor *const t = &p->t;
    const size_t e = fg_dtype_size(t->dtype);
    const uint8_t *const b = t->data;

    for (size_t i = 0; i < p->size; i++) {
        const ptrdiff_t at = (ptrdiff_t)(i / e), in_row = at % t->row;
        const int inside = at < t->image &&
                           in_row < (ptrdiff_t)t->shape.w * t->pitch &&
                           in_row % t->pitch < t->shape.c;

        if (!inside)
            assert_int_equal(b[i], GUARD);
    }
}

/* ---- cases ---- */

typedef struct Case {
    FgAttr a;
    int ic, w, h, in8, out8, adds, wild;
    FgConvEpilogue e;
} Case;

static Case some_case(void)
{
    static const int channels[] = {1, 3, 4, 5, 12, 16, 17, 24, 31, 32, 48, 64};
    Case c = {.a = {.groups = 1}};

    c.a.kernel = between(1, 5);
    c.a.stride = between(0, 7) ? 1 : 2;
    c.a.pad = between(0, c.a.kernel - 1);
    c.a.pad_mode = between(0, 3);
    c.ic = channels[between(0, 11)];
    c.a.channels = channels[between(0, 11)];
    c.w = between(c.a.kernel, 75);
    c.h = between(c.a.kernel, 7);
    c.in8 = between(0, 1);
    c.out8 = between(0, 1);
    c.adds = between(0, 2);
    c.wild = !between(0, 3);
    c.e.act = (FgConvAct)between(0, 3);
    c.e.alpha = 0.2f;
    c.e.add_first = c.adds == 1;
    return c;
}

typedef struct Data {
    FgQ8 q;
    FgQ8Code to;
    Padded in, add;
    float *w, bias[64], slope[64];
    int ow, oh;
} Data;

static void make(Data *d, Case *c)
{
    const size_t n = (size_t)(c->a.channels * c->ic * c->a.kernel *
                              c->a.kernel);
    const FgQ8Code in = fg_q8_code(-0.4f, 1.1f);

    *d = (Data){.to = fg_q8_code(-1.0f, 2.0f), .w = malloc(n * sizeof(float))};
    for (size_t i = 0; i < n; i++)
        d->w[i] = value(0.2f);
    for (int i = 0; i < 64; i++) {
        d->bias[i] = value(0.5f);
        d->slope[i] = value(0.5f);
    }
    d->in = padded((FgShape){1, c->ic, c->h, c->w}, c->in8 ? FG_U8 : FG_F32,
                   between(0, 1) * 3);
    for (int y = 0; y < c->h; y++)
        for (int x = 0; x < c->w; x++)
            for (int i = 0; i < c->ic; i++) {
                const ptrdiff_t at = y * d->in.t.row + x * d->in.t.pitch + i;

                if (c->in8)
                    ((uint8_t *)d->in.t.data)[at] = c->wild ? 255
                                                            : (uint8_t)draw();
                else
                    ((float *)d->in.t.data)[at] = !c->wild ? value(1.2f)
                                                  : draw() % 5 == 0 ? NAN
                                                  : draw() % 5 == 0
                                                      ? INFINITY
                                                      : value(3e38f);
            }
    c->e.slope = d->slope;
    d->ow = fg_conv_out_size(c->w, c->a.kernel, c->a.stride, c->a.pad);
    d->oh = fg_conv_out_size(c->h, c->a.kernel, c->a.stride, c->a.pad);
    d->add = padded((FgShape){1, c->a.channels, d->oh, d->ow}, FG_F32, 1);
    for (ptrdiff_t i = 0; i < d->add.t.image; i++)
        ((float *)d->add.t.data)[i] = value(1);
    c->e.add = c->adds ? &d->add.t : NULL;
    assert_int_equal(fg_q8_prep(&d->q, &c->a, c->ic, d->w, d->bias, in), 0);
}

static void drop(Data *d)
{
    fg_q8_free(&d->q);
    free(d->in.t.data);
    free(d->add.t.data);
    free(d->w);
}

static Padded run(const Data *d, const Case *c, const FgQ8Ops *ops, int parts)
{
    Padded out = padded((FgShape){1, c->a.channels, d->oh, d->ow},
                        c->out8 ? FG_U8 : FG_F32, 2);
    void *const scratch = aligned_alloc(64, fg_q8_scratch(&d->q, d->ow));

    assert_non_null(scratch);
    fg_q8_use(ops);
    for (int i = 0; i < parts; i++) {
        const int half = d->oh / 2;

        fg_q8_rows(&d->q, &d->in.t, &out.t, d->to, 0, half, &c->e, scratch, i,
                   parts);
        fg_q8_rows(&d->q, &d->in.t, &out.t, d->to, half, d->oh, &c->e, scratch,
                   i, parts);
    }
    fg_q8_use(NULL);
    free(scratch);
    no_gap_written(&out);
    return out;
}

static int tables(FgQ8Ops o[16], const char *name[16])
{
    int n = 0;

    fg_q8_ops_c(&o[n]);
    name[n++] = "C";
    for (int l = 1; l <= (int)fg_cpu_detect(); l++) {
        o[n] = *fg_q8_ops((FgCpu)l);
        name[n++] = fg_cpu_name((FgCpu)l);
    }
#if defined(__x86_64__)
    if (fg_cpu_detect() >= FG_CPU_AVX2) {
        fg_q8_ops_c(&o[n]);
        fg_q8_ops_avx2(&o[n]); /* without AVX-VNNI */
        name[n++] = "avx2 alone";
    }
#elif defined(__aarch64__)
    fg_q8_ops_c(&o[n]);
    fg_q8_ops_neon(&o[n]); /* without dot products */
    name[n++] = "neon alone";
#endif
    return n;
}

static void same_bits(void **state)
{
    FgQ8Ops o[16];
    const char *name[16];
    const int n = tables(o, name);

    (void)state;
    print_message("seed %u, %d tables\n", seed, n);
    for (int i = 0; i < 150; i++) {
        Case c = some_case();
        Data d;

        make(&d, &c);
        const Padded want = run(&d, &c, &o[0], 1);

        for (int k = 0; k < n; k++) {
            const Padded got = run(&d, &c, &o[k], between(1, 3));

            if (memcmp(got.t.data, want.t.data, want.size))
                fail_msg("%s: kernel %d, %d -> %d, %dx%d, in8 %d, out8 %d, "
                         "adds %d, act %d",
                         name[k], c.a.kernel, c.ic, c.a.channels, c.w, c.h,
                         c.in8, c.out8, c.adds, (int)c.e.act);
            free(got.t.data);
        }
        free(want.t.data);
        drop(&d);
    }
}

/* Within the range, codes cost half a step of inputs and of weights each. */
static void near_plain(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        Case c = some_case();
        Data d;
        FgConvPrep p;

        c.in8 = c.out8 = c.wild = 0;
        make(&d, &c);
        for (ptrdiff_t e = 0; e < d.in.t.image; e++)
            ((float *)d.in.t.data)[e] = 0.35f + value(0.7f);
        const Padded got = run(&d, &c, NULL, 1);
        Padded want = padded(got.t.shape, FG_F32, 2);

        assert_int_equal(fg_conv_prep(&p, &c.a, c.ic, d.w, d.bias, FG_F32), 0);
        void *const s = aligned_alloc(64, fg_conv_scratch(&p, d.ow));

        fg_conv_rows(&p, &d.in.t, &want.t, 0, d.oh, &c.e, s);
        const double taps = c.ic * c.a.kernel * c.a.kernel;
        /* Steps of 1.5/255 and 0.4/254; values up to 1.05 and 0.2. */
        const double most = 1e-5 + taps * (0.2 * 0.003 + 1.05 * 0.0008);

        for (int y = 0; y < d.oh; y++)
            for (int e = 0; e < d.ow; e++)
                for (int k = 0; k < c.a.channels; k++)
                    assert_true(fabs((double)fg_f32(&got.t, 0, y, e)[k] -
                                     (double)fg_f32(&want.t, 0, y, e)[k]) <=
                                most);
        fg_conv_prep_free(&p);
        free(s);
        free(got.t.data);
        free(want.t.data);
        drop(&d);
    }
}

/* The largest sums that are allowed, on every table: nothing wraps. */
static void no_overflow(void **state)
{
    FgQ8Ops o[16];
    const char *name[16];
    const int n = tables(o, name), ic = 294;
    FgAttr a = {.channels = 1, .kernel = 15, .stride = 1, .groups = 1};
    const size_t nw = (size_t)ic * 225;
    float *const w = malloc(nw * sizeof(*w));

    (void)state;
    assert_true(fg_q8_fits(&a, ic));
    assert_false(fg_q8_fits(&a, ic + 1));
    for (int sign = -1; sign <= 1; sign += 2)
        for (int zero = 0; zero <= 255; zero += 255) {
            const FgQ8Code in = {.inv = 1, .zero = zero};
            FgTensor x, y;
            FgQ8 q;

            for (size_t i = 0; i < nw; i++)
                w[i] = (float)sign * 127;
            assert_int_equal(fg_q8_prep(&q, &a, ic, w, NULL, in), 0);
            assert_int_equal(
                fg_tensor_alloc(&x, (FgShape){1, ic, 15, 15}, FG_U8), 0);
            assert_int_equal(fg_tensor_alloc(&y, (FgShape){1, 1, 1, 1}, FG_F32),
                             0);
            memset(x.data, zero ? 0 : 255, (size_t)x.image);
            void *const s = aligned_alloc(64, fg_q8_scratch(&q, 1));

            for (int k = 0; k < n; k++) {
                fg_q8_use(&o[k]);
                fg_q8_rows(&q, &x, &y, (FgQ8Code){.inv = 0}, 0, 1, NULL, s, 0,
                           1);
                const double want = (zero ? -1.0 : 1.0) * sign * 255.0 * 127 *
                                    225 * ic;

                /* One rounding to float, one of the scale. */
                if (fabs(*(float *)y.data - want) > 1e-6 * fabs(want))
                    fail_msg("%s: %g, not %g", name[k],
                             (double)*(float *)y.data, want);
            }
            fg_q8_use(NULL);
            free(s);
            fg_tensor_free(&x);
            fg_tensor_free(&y);
            fg_q8_free(&q);
        }
    free(w);
}

/* ---- ranges and plans ---- */

static FgModel *network(void)
{
    const FgBuild b = {.family = "compact",
                       .channels_in = 3,
                       .scale = 2,
                       .features = 12,
                       .blocks = 3,
                       .activation = "prelu",
                       .base = "bilinear"};

    return net_model(&b);
}

static FgTensor picture(int w, int h)
{
    FgTensor t;

    assert_int_equal(fg_tensor_alloc(&t, (FgShape){1, 3, h, w}, FG_F32), 0);
    for (ptrdiff_t i = 0; i < t.image; i++)
        ((float *)t.data)[i] = 0.5f + value(0.5f);
    return t;
}

static FgTensor enlarged(const FgModel *m, const FgTensor *in, FgPrecision p,
                         int tile, const char **said)
{
    const FgPlanOptions o = {.precision = p,
                             .max_w = in->shape.w,
                             .max_h = in->shape.h,
                             .tile = tile};
    static FgPlanInfo info;
    FgError err = {{0}};
    FgPlan *plan;
    FgTensor out;

    if (fg_plan_create(&plan, m, &o, &err) < 0)
        fail_msg("%s", err.text);
    fg_plan_info(plan, &info);
    *said = info.precision;
    assert_int_equal(
        fg_tensor_alloc(&out, (FgShape){1, 3, 2 * in->shape.h, 2 * in->shape.w},
                        FG_F32),
        0);
    assert_int_equal(fg_plan_run(plan, in, &out), 0);
    fg_plan_free(&plan);
    return out;
}

static void calibrated(void **state)
{
    FgModel *m = network();
    const FgPlanOptions o = {.precision = FG_PREC_INT8, .max_w = 8, .max_h = 8};
    FgTensor t = picture(53, 37);
    FgError err = {{0}};
    FgCalibrated c;
    FgPlan *plan;
    const char *said;

    (void)state;
    assert_int_equal(fg_plan_create(&plan, m, &o, &err), -ENOENT);
    assert_non_null(strstr(err.text, "model calibrate"));
    if (fg_calibrate(m, &t, 1, 40, 0, NULL, &c, &err))
        fail_msg("%s", err.text);
    print_message("%d layers, %d kept, %.1f dB\n", c.layers, c.kept, c.psnr);
    assert_true(c.layers > 0 && c.psnr >= 40);
    FgTensor a = enlarged(m, &t, FG_PREC_INT8, 0, &said);
    assert_string_equal(said, "int8");
    FgTensor b = enlarged(m, &t, FG_PREC_INT8, 16, &said);
    assert_memory_equal(a.data, b.data, (size_t)a.image * 4);
    fg_cpu_mask(FG_CPU_C);
    fg_kernels_init();
    FgTensor plain = enlarged(m, &t, FG_PREC_INT8, 0, &said);
    fg_cpu_mask(FG_CPU_TOP);
    fg_kernels_init();
    assert_memory_equal(a.data, plain.data, (size_t)a.image * 4);
    /* More is asked for than 8 bits give: all are kept, and it says so. */
    assert_int_equal(fg_calibrate(m, &t, 1, 100, 0, NULL, &c, &err), -EINVAL);
    assert_null(fg_model_meta(m, FG_INT8_KEY));
    ((float *)t.data)[5] = NAN;
    assert_int_equal(fg_calibrate(m, &t, 1, 40, 0, NULL, &c, &err), -EDOM);
    fg_tensor_free(&a);
    fg_tensor_free(&b);
    fg_tensor_free(&plain);
    fg_tensor_free(&t);
    fg_model_free(&m);
}

static void bad_metadata(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"layers\":[]}",
                                      "{\"layers\":{\"a\":[1]}}",
                                      "{\"layers\":{\"a\":[2,1]}}",
                                      "{\"layers\":{\"a\":[0,1e99]}}",
                                      "{\"layers\":{\"a\":[0,\"1\"]}}"};
    FgModel *m = fg_model_alloc();
    FgRanges r;
    FgError err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fg_model_set_meta(m, FG_INT8_KEY, bad[i]);
        assert_int_equal(fg_ranges_read(&r, m, 0, &err), -EBADMSG);
        assert_null(r.r);
    }
    fg_model_set_meta(m, FG_INT8_KEY, "{\"layers\":{\"a\":[-1,2.5]}}");
    assert_int_equal(fg_ranges_read(&r, m, 0, &err), 0);
    assert_non_null(fg_ranges_find(&r, "a"));
    assert_null(fg_ranges_find(&r, "b"));
    fg_ranges_free(&r);
    fg_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits), cmocka_unit_test(near_plain),
        cmocka_unit_test(no_overflow), cmocka_unit_test(calibrated),
        cmocka_unit_test(bad_metadata)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
