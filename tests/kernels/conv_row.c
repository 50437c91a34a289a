/* Every instruction set against C: convolution rows, their weight gradient,
 * element-by-element loops.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/dsp.h"
#include "kernels/op.h"

#define GUARD 64 /* elements on both sides of what is written */
#define GUARD_BYTE 0xa5

static uint32_t seed = 20240711;
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

static void *memory(size_t bytes)
{
    void *const p = aligned_alloc(64, (bytes + 127) & ~(size_t)63);

    assert_non_null(p);
    return p;
}

static float *floats(size_t n, float scale)
{
    float *const p = memory(n * sizeof(*p));

    for (size_t i = 0; i < n; i++)
        p[i] = value(scale);
    return p;
}

/* A random geometry with its data; rows have gaps and odd alignment. */
typedef struct Case {
    FgConvGeom g;
    size_t in_size, w_size, out_size;
    float *in, *w, *bias;
    const float *rows[5];
} Case;

static void make_case(Case *c, int k, float scale)
{
    FgConvGeom *const g = &c->g;
    const int ks[] = {1, 3, 3, 5, 2};
    size_t row;

    g->kh = g->kw = ks[between(0, 4)];
    g->stride = between(0, 3) ? 1 : between(2, 3);
    g->width = k % 3 ? between(1, 60) : between(1, 13);
    g->ic = k % 5 ? between(1, 20) : between(21, 70);
    g->oc = k % 4 ? between(1, 70) : 16 * between(1, 5);
    g->in_pitch = g->ic + (between(0, 1) ? 0 : 2 * between(1, 4));
    g->out_pitch = g->oc + (between(0, 1) ? 0 : between(1, 9));
    row = (size_t)((g->width - 1) * g->stride + g->kw) * (size_t)g->in_pitch;
    c->in_size = row * (size_t)g->kh + 1;
    c->w_size = (size_t)(g->kh * g->kw * g->ic * fg_round_lanes(g->oc));
    c->out_size = (size_t)g->width * (size_t)g->out_pitch + 2 * GUARD;
    c->in = floats(c->in_size, scale);
    c->w = floats(c->w_size, 1);
    c->bias = floats((size_t)fg_round_lanes(g->oc), scale);
    for (int y = 0; y < g->kh; y++)
        c->rows[y] = c->in + 1 + (size_t)(g->kh - 1 - y) * row;
}

static void free_case(Case *c)
{
    free(c->in);
    free(c->w);
    free(c->bias);
}

static void describe(const Case *c, FgCpu level)
{
    const FgConvGeom *const g = &c->g;

    print_message("# seed %u, %s: width %d, %dx%d, stride %d, %d->%d, "
                  "pitches %d %d\n",
                  seed, fg_cpu_name(level), g->width, g->kh, g->kw, g->stride,
                  g->ic, g->oc, g->in_pitch, g->out_pitch);
}

/* Pixels are compared as bits; the gaps and guards must be as they were. */
static int same_out(const Case *c, const float *a, const float *b)
{
    const FgConvGeom *const g = &c->g;

    if (memcmp(a, b, c->out_size * sizeof(*a)))
        return 0;
    for (size_t i = 0; i < c->out_size; i++) {
        const size_t at = i - GUARD;
        uint32_t bits;

        if (i >= GUARD && i < c->out_size - GUARD &&
            (int)(at % (size_t)g->out_pitch) < g->oc)
            continue;
        memcpy(&bits, &b[i], sizeof(bits));
        if (bits != 0x01010101u * GUARD_BYTE)
            return 0;
    }
    return 1;
}

static void check_conv(int k, FgCpu level, float scale)
{
    FgDsp ref, dsp;
    Case c;
    float *a, *b, *copy;

    fg_dsp_init(&ref, FG_CPU_C);
    fg_dsp_init(&dsp, level);
    make_case(&c, k, scale);
    a = memory(c.out_size * sizeof(*a));
    b = memory(c.out_size * sizeof(*b));
    copy = memory(c.in_size * sizeof(*copy));
    memset(a, GUARD_BYTE, c.out_size * sizeof(*a));
    memset(b, GUARD_BYTE, c.out_size * sizeof(*b));
    memcpy(copy, c.in, c.in_size * sizeof(*copy));
    ref.conv_row_f32(a + GUARD, c.rows, c.w, c.bias, &c.g);
    dsp.conv_row_f32(b + GUARD, c.rows, c.w, c.bias, &c.g);
    if (!same_out(&c, a, b)) {
        describe(&c, level);
        fail_msg("output differs from C, or a gap was written");
    }
    assert_memory_equal(copy, c.in, c.in_size * sizeof(*copy));
    free(a);
    free(b);
    free(copy);
    free_case(&c);
}

static void check_wgrad(int k, FgCpu level, float scale)
{
    FgDsp ref, dsp;
    Case c;
    float *dy, *dw, *a, *b;

    fg_dsp_init(&ref, FG_CPU_C);
    fg_dsp_init(&dsp, level);
    make_case(&c, k, scale);
    /* The last pixel's row ends with the last channel: nothing after it may be
     * read (an address checker sees it). */
    dy = malloc(sizeof(*dy) * ((size_t)(c.g.width - 1) * (size_t)c.g.out_pitch +
                               (size_t)c.g.oc));
    assert_non_null(dy);
    for (int x = 0; x < (c.g.width - 1) * c.g.out_pitch + c.g.oc; x++)
        dy[x] = value(1);
    /* Lanes past the last output hold 0 and must not become inf * 0. */
    if (k % 7 == 0)
        c.in[1] = INFINITY;
    dw = floats(c.w_size, 1);
    a = memory(c.w_size * sizeof(*a));
    b = memory(c.w_size * sizeof(*b));
    memcpy(a, dw, c.w_size * sizeof(*a));
    memcpy(b, dw, c.w_size * sizeof(*b));
    ref.conv_row_wgrad_f32(a, c.rows, dy, &c.g);
    dsp.conv_row_wgrad_f32(b, c.rows, dy, &c.g);
    if (memcmp(a, b, c.w_size * sizeof(*a))) {
        describe(&c, level);
        fail_msg("weight gradient differs from C");
    }
    free(dy);
    free(dw);
    free(a);
    free(b);
    free_case(&c);
}

/* The C version has the order of the instruction as measured on Zen 4, where
 * the bits are equal unless denormals appear; other makers may round a pair
 * once less, which moves each of the additions by half an ulp of a sum that
 * random signs keep near the root of their count. */
static float bf16_tolerance(const Case *c, FgCpu level)
{
    if (level < FG_CPU_AVX512BF16)
        return 0; /* fused multiply-adds in the same order */
    return (float)(c->g.ic * c->g.kh * c->g.kw + 1) * FLT_EPSILON;
}

static void check_bf16(int k, FgCpu level)
{
    FgDsp ref, dsp;
    Case c;
    float *a, *b;
    uint16_t *in, *w;
    const uint16_t *rows[5];

    fg_dsp_init(&ref, FG_CPU_C);
    fg_dsp_init(&dsp, level);
    make_case(&c, k, 1);
    /* Even counts: what the last channel of an odd one read as weights. */
    if (c.g.ic % 2 || c.g.in_pitch % 2) {
        free_case(&c);
        return;
    }
    a = memory(c.out_size * sizeof(*a));
    b = memory(c.out_size * sizeof(*b));
    in = memory(c.in_size * sizeof(*in));
    w = memory(c.w_size * sizeof(*w));
    dsp.f32_to_bf16(in, c.in, c.in_size);
    dsp.f32_to_bf16(w, c.w, c.w_size);
    memset(a, GUARD_BYTE, c.out_size * sizeof(*a));
    memset(b, GUARD_BYTE, c.out_size * sizeof(*b));
    for (int y = 0; y < c.g.kh; y++)
        rows[y] = in + (c.rows[y] - c.in);
    ref.conv_row_bf16(a + GUARD, rows, w, c.bias, &c.g);
    dsp.conv_row_bf16(b + GUARD, rows, w, c.bias, &c.g);
    for (int x = 0; x < c.g.width; x++) {
        for (int o = 0; o < c.g.oc; o++) {
            const size_t i = GUARD + (size_t)(x * c.g.out_pitch + o);

            if (!(fabsf(a[i] - b[i]) <= bf16_tolerance(&c, level))) {
                describe(&c, level);
                fail_msg("bf16: %g instead of %g", (double)b[i], (double)a[i]);
            }
            a[i] = b[i];
        }
    }
    assert_true(same_out(&c, a, b)); /* gaps and guards */
    free(a);
    free(b);
    free(in);
    free(w);
    free_case(&c);
}

static void each_level(void (*fn)(int, FgCpu), int cases)
{
    const FgCpu top = fg_cpu_detect();

    print_message("# seed %u, up to %s\n", seed, fg_cpu_name(top));
    for (int level = FG_CPU_AVX2; level <= (int)top; level++)
        for (int k = 0; k < cases; k++)
            fn(k, (FgCpu)level);
}

static void conv_case(int k, FgCpu level)
{
    check_conv(k, level, 1);
}

static void conv_huge_case(int k, FgCpu level)
{
    /* Sums overflow here and there, to Inf and on to NaN: the same ones. */
    check_conv(k, level, FLT_MAX / 4);
}

static void wgrad_case(int k, FgCpu level)
{
    check_wgrad(k, level, k % 7 ? 1 : FLT_MAX / 4);
}

static void bf16_case(int k, FgCpu level)
{
    check_bf16(k, level);
}

static void test_conv(void **state)
{
    (void)state;
    each_level(conv_case, 120);
}

static void test_conv_huge(void **state)
{
    (void)state;
    each_level(conv_huge_case, 30);
}

static void test_wgrad(void **state)
{
    (void)state;
    each_level(wgrad_case, 120);
}

static void test_bf16(void **state)
{
    (void)state;
    each_level(bf16_case, 120);
}

/* Values that loops get wrong: zeros of both signs, denormals, Inf, NaN, and
 * halfway cases of bf16. */
static float special(int i)
{
    static const uint32_t bits[] = {
        0,          0x80000000, 1,          0x80000001, 0x7f800000, 0xff800000,
        0x7fc00000, 0xffc00001, 0x7f800001, 0x3f808000, 0x3f818000, 0x3f80ffff,
        0x7f7fffff, 0x00400000, 0x3f800000, 0xbf800000};
    float f;

    if (i & 1)
        return value(4);
    memcpy(&f, &bits[i / 2 % 16], sizeof(f));
    return f;
}

typedef struct Point {
    float src[256], b[256], old[256], out[256], ref[256];
    uint16_t out16[256], ref16[256];
} Point;

/* NaN payloads may differ where an operand order is free: any NaN is one. */
static void same_points(const Point *p, const char *what)
{
    for (int i = 0; i < 256; i++) {
        if (isnan(p->out[i]) && isnan(p->ref[i]))
            continue;
        if (memcmp(&p->out[i], &p->ref[i], sizeof(float)))
            fail_msg("%s: element %d of %g is %g, not %g", what, i,
                     (double)p->src[i], (double)p->out[i], (double)p->ref[i]);
    }
}

static void check_points(Point *p, const FgDsp *d, const FgDsp *c, size_t n)
{
#define BOTH(fn, ...)                                                          \
    memcpy(p->out, p->old, sizeof(p->out));                                    \
    memcpy(p->ref, p->old, sizeof(p->ref));                                    \
    d->fn(p->out, __VA_ARGS__);                                                \
    c->fn(p->ref, __VA_ARGS__);                                                \
    same_points(p, #fn)

    BOTH(relu_f32, p->src, n);
    BOTH(leaky_relu_f32, p->src, n, 0.2f);
    BOTH(add_f32, p->src, p->b, n);
    BOTH(mul_f32, p->src, p->b, n);
    BOTH(bias_f32, p->src, p->b, (int)(n / 7), 7);
    BOTH(scale_f32, p->src, 0.3f, n);
    for (int f = FG_SIGMOID; f <= FG_MISH; f++) {
        BOTH(smooth, p->src, n, (FgSmooth)f);
        BOTH(smooth_grad, p->b, p->src, n, (FgSmooth)f, 0);
        BOTH(smooth_grad, p->b, p->src, n, (FgSmooth)f, 1);
    }
    BOTH(relu_grad_f32, p->b, p->src, n, 0.0f, 0);
    BOTH(relu_grad_f32, p->b, p->src, n, 0.1f, 1);
    BOTH(prelu_f32, p->src, p->b, (int)(n / 7), 7);
    BOTH(prelu_f32, p->src, p->b, (int)(n / 32), 32);
    memset(p->out16, 1, sizeof(p->out16));
    memset(p->ref16, 1, sizeof(p->ref16));
    d->f32_to_bf16(p->out16, p->src, n);
    c->f32_to_bf16(p->ref16, p->src, n);
    assert_memory_equal(p->out16, p->ref16, sizeof(p->ref16));
    BOTH(bf16_to_f32, p->out16, n);
}

static void test_points(void **state)
{
    Point p;
    FgDsp c, d;

    (void)state;
    for (int i = 0; i < 256; i++) {
        p.src[i] = special(i);
        p.b[i] = value(1);
        p.old[i] = value(1);
    }
    fg_dsp_init(&c, FG_CPU_C);
    for (int level = FG_CPU_AVX2; level <= (int)fg_cpu_detect(); level++) {
        fg_dsp_init(&d, (FgCpu)level);
        for (size_t n = 1; n <= 256; n += n < 40 ? 1 : 31)
            check_points(&p, &d, &c, n);
    }
}

static double exactly(FgSmooth f, double x)
{
    const double s = 1 / (1 + exp(-x));

    switch (f) {
    case FG_SIGMOID:
        return s;
    case FG_SILU:
        return x * s;
    case FG_TANH:
        return tanh(x);
    case FG_GELU:
        return x * 0.5 * erfc(-x * sqrt(0.5));
    default:
        return x * tanh(log1p(exp(x)));
    }
}

static double slope(FgSmooth f, double x)
{
    const double s = 1 / (1 + exp(-x)), t = tanh(x), m = tanh(log1p(exp(x)));

    switch (f) {
    case FG_SIGMOID:
        return s * (1 - s);
    case FG_SILU:
        return s * (1 + x * (1 - s));
    case FG_TANH:
        return 1 - t * t;
    case FG_GELU:
        return 0.5 * erfc(-x * sqrt(0.5)) +
               x * exp(-x * x / 2) * 0.3989422804014327;
    default:
        return m + x * (1 - m * m) * s;
    }
}

/* Against libm in double: values within five ulps of themselves down to
 * e^-80, slopes, of terms that grow to 2 |x| and cancel, within 4e-7 (1 + |x|).
 */
static void test_smooth(void **state)
{
    enum { NB = 16001 };
    static float x[NB], y[NB], d[NB], one[NB];
    const FgDsp *const dsp = fg_dsp();

    (void)state;
    for (int f = FG_SIGMOID; f <= FG_MISH; f++) {
        for (int i = 0; i < NB; i++) {
            x[i] = y[i] = (float)((i - NB / 2) * (i % 3 ? 0.01 : 1e-5));
            one[i] = 1;
        }
        dsp->smooth(y, y, NB, (FgSmooth)f);
        dsp->smooth_grad(d, one, x, NB, (FgSmooth)f, 0);
        for (int i = 0; i < NB; i++) {
            const double v = exactly((FgSmooth)f, x[i]);

            if (!(fabs(y[i] - v) <= 6e-7 * fabs(v) + 1e-33))
                fail_msg("%d of %g: %g, not %g", f, (double)x[i], (double)y[i],
                         v);
            if (!(fabs(d[i] - slope((FgSmooth)f, x[i])) <=
                  4e-7 * (1 + fabsf(x[i]))))
                fail_msg("slope of %d at %g: %g, not %g", f, (double)x[i],
                         (double)d[i], slope((FgSmooth)f, x[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),   cmocka_unit_test(test_conv_huge),
        cmocka_unit_test(test_wgrad),  cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_points), cmocka_unit_test(test_smooth),
    };
    const char *const s = getenv("FFGAN_TEST_SEED");

    if (s)
        seed = (uint32_t)strtoul(s, NULL, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
