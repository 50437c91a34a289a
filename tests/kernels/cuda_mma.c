/* Each tensor-core convolution, its source run on the CPU: against the sum
 * that it stands for, sizes that fill no tile. No GPU is touched here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include "kernels/cuda/conv_wgmma.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/ops.h"

enum { W = 21, H = 11, CHUNKS = 3 };

typedef struct Case {
    int kernel, element, n, k;
    void (*fn)(const FgKernelArgs *, int, int, int, char *);
} Case;

typedef struct Data {
    char *in, *w, *out;
    float *fin, *fw, bias[64], factor[64]; /* the same numbers */
    int ic, pitch;
} Data;

/* Into place i of at. */
static float number(char *at, int element, int i, uint32_t n, uint32_t stream)
{
    const float f = net_random(n, stream);
    const uint16_t h = fg_put16(element, f);
    const uint8_t b = fg_e4m3_from_float(f);
    if (element == FG_ELEMENT_E4M3) {
        at[i] = (char)b;
        return fg_e4m3_to_float(b);
    }
    memcpy(at + 2 * i, &h, 2);
    return fg_get16(element, h);
}

static int is_wgmma(int kernel)
{
    return kernel >= FG_KERNEL_f16_w64_k3 && kernel <= FG_KERNEL_e4m3_w64_k3;
}

/* Two chunks and a part of a third, which ends in eights but for 8 bits. */
static void fill(Data *d, const Case *c)
{
    const int taps = c->k * c->k, rows = taps * c->n;
    const int half = c->element == FG_ELEMENT_E4M3 ? 16 : 8;
    d->ic = half == 16 ? 80 : 37;
    d->pitch = half == 16 ? 80 : 40;
    d->in = net_alloc(2 * W * H * 80);
    d->fin = net_alloc(4 * (size_t)(W * H * d->ic));
    d->out = net_alloc(2 * (size_t)(W * H * c->n));
    d->w = net_alloc((size_t)(CHUNKS * rows * 32));
    d->fw = net_alloc(4 * (size_t)(rows * d->ic));
    memset(d->in, 0xff, 2 * W * H * 80); /* NaNs between pixels */
    memset(d->w, 0, (size_t)(CHUNKS * rows * 32));
    for (int i = 0; i < W * H * d->ic; i++)
        d->fin[i] = number(d->in, c->element, i / d->ic * d->pitch + i % d->ic,
                           (uint32_t)i, 1);
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < d->ic; i++) {
            const int k = i % (2 * half);
            const int at = is_wgmma(c->kernel)
                               ? fg_wg_weight(r % c->n, k, r / c->n, c->n, half)
                               : fg_row32(r, k / half) / (16 / half) + k % half;
            d->fw[r * d->ic + i] = number(d->w, c->element,
                                          i / (2 * half) * rows * 2 * half + at,
                                          (uint32_t)(r * d->ic + i), 2);
        }
    for (int o = 0; o < c->n; o++) {
        d->bias[o] = net_random((uint32_t)o, 3);
        d->factor[o] = half == 16 ? 1 + 0.5F * net_random((uint32_t)o, 4) : 1;
    }
}

static float want(const Data *d, const Case *c, int y, int x, int o)
{
    double sum = 0;
    for (int t = 0; t < c->k * c->k; t++) {
        const int v = y + t / c->k - c->k / 2, u = x + t % c->k - c->k / 2;
        for (int i = 0; v >= 0 && v < H && u >= 0 && u < W && i < d->ic; i++)
            sum += (double)d->fin[(v * W + u) * d->ic + i] *
                   (double)d->fw[(t * c->n + o) * d->ic + i];
    }
    return (float)(sum * (double)d->factor[o] + (double)d->bias[o]);
}

/* to: the output's element. */
static void run(const Data *d, const Case *c, int to)
{
    FgKernelArgs a = {
        .in = {{(uint64_t)d->in, d->ic, H, W, d->pitch, c->element}},
        .out = {(uint64_t)d->out, c->n, H, W, c->n, to},
        .p = {(uint64_t)d->w, (uint64_t)d->bias, 0, (uint64_t)d->factor},
        .chunks = CHUNKS,
        .blocks = 1,
        .to8 = 4,
    };
    const FgLaunch l = fg_launch(c->kernel, &a);
    char *const shared = net_alloc(l.shared);
    assert_int_equal(l.grid[2], 1);
    assert_true(l.shared <= 48 << 10);
    memset(d->out, 0xff, 2 * (size_t)(W * H * c->n));
    for (unsigned y = 0; y < l.grid[1]; y++)
        for (unsigned x = 0; x < l.grid[0]; x++)
            c->fn(&a, (int)x, (int)y, 0, shared);
    free(shared);
}

static float result(const Data *d, int to, int i)
{
    uint16_t h;
    memcpy(&h, d->out + (to == FG_ELEMENT_E4M3 ? 0 : 2 * i), 2);
    return to == FG_ELEMENT_E4M3 ? fg_e4m3_to_float((uint8_t)d->out[i]) / 4
                                 : fg_get16(to, h);
}

/* One rounding of the result, to 11, 8 or 4 bits. */
static void check(const Case *c, int to)
{
    const float unit = to == FG_ELEMENT_F16    ? 1.0F / 2048
                       : to == FG_ELEMENT_BF16 ? 1.0F / 256
                                               : 1.0F / 15;
    Data d;
    fill(&d, c);
    run(&d, c, to);
    for (int i = 0; i < W * H * c->n; i++) {
        const float v = want(&d, c, i / c->n / W, i / c->n % W, i % c->n);
        const float got = result(&d, to, i);
        const float off = to == FG_ELEMENT_E4M3 ? 0.01F : 1;
        if (!(fabsf(got - v) <= unit * (off + fabsf(v))))
            fail_msg("kernel %d: pixel %d, output %d: %g, not %g", c->kernel,
                     i / c->n, i % c->n, (double)got, (double)v);
    }
    free(d.in);
    free(d.fin);
    free(d.out);
    free(d.w);
    free(d.fw);
}

static void equals_the_sum(void **state)
{
    (void)state;
#define CASE(name, element, n, k)                                              \
    {FG_KERNEL_##name, element, n, k, fg_conv_##name},
    static const Case cases[] = {FG_KERNELS_TENSOR(CASE)};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const int bf16 = cases[i].element == FG_ELEMENT_BF16;
        check(&cases[i], bf16 ? FG_ELEMENT_BF16 : FG_ELEMENT_F16);
        if (!bf16)
            check(&cases[i], FG_ELEMENT_E4M3);
    }
}

/* 8-bit form of values of 16 bits, to whole units of 16 bytes. */
static void narrow(void **state)
{
    enum { C = 37, PITCH = 48 };
    uint16_t in[3 * 40];
    uint8_t out[3 * PITCH + 1];
    (void)state;
    memset(in, 0xff, sizeof(in));
    memset(out, 0x55, sizeof(out));
    for (int i = 0; i < 3 * C; i++)
        in[i / C * 40 + i % C] = fg_f16_put(9 * net_random((uint32_t)i, 5));
    const FgKernelArgs a = {
        .in = {{(uint64_t)in, C, 1, 3, 40, FG_ELEMENT_F16}},
        .out = {(uint64_t)out, PITCH / 4, 1, 3, PITCH / 4, FG_ELEMENT_E4M3},
        .to8 = 64};
    for (int i = 0; i < 3 * PITCH / 4; i++)
        fg_k_narrow(&a, 0, i / (PITCH / 4), i % (PITCH / 4));
    for (int i = 0; i < 3 * PITCH; i++) {
        const int x = i / PITCH, c = i % PITCH;
        const float v = c < C ? 64 * fg_f16_get(in[x * 40 + c]) : 0;
        assert_int_equal(out[i], fg_e4m3_from_float(v));
    }
    assert_int_equal(out[3 * PITCH], 0x55);
}

/* pixel (7, 7) of the product, by its place in the tile; output n - 1. */
static void stage_of(uint32_t from, int tap, int n, int k)
{
    for (int m = 0; m < 2; m++) {
        const uint64_t d = fg_wg_pixels(from, tap, m, k);
        const int first = (int)(d & 0x3fff) * 16;
        const int rows = (int)(d >> 32 & 0x3fff) * 16;
        assert_int_equal(d >> 46, 0);
        assert_int_equal(first + 7 * rows + 7 * 16,
                         (int)from + ((7 + tap / k) * (FG_TILE_W + k - 1) +
                                      8 * m + 7 + tap % k) *
                                         16);
        assert_int_equal((int)(d >> 16 & 0x3fff) * 16, FG_WG_PLANE(k));
    }
    const uint64_t w = fg_wg_weights(from, tap, n, k);
    const int first = (int)(w & 0x3fff) * 16 - (int)from - 2 * FG_WG_PLANE(k);
    const int last = first + (int)(w >> 16 & 0x3fff) * 16 +
                     (n / 8 - 1) * (int)(w >> 32 & 0x3fff) * 16 + 7 * 16;
    for (int half = 8; half <= 16; half += 8) {
        const int size = 16 / half;
        assert_int_equal(first, size * fg_wg_weight(0, 0, tap, n, half));
        assert_int_equal(last, size * fg_wg_weight(n - 1, half, tap, n, half));
    }
}

static void stages_of(int n, int k)
{
    const int stage = FG_MMA_STAGE(n, k);
    assert_int_equal(stage, 2 * FG_WG_PLANE(k) + k * k * FG_WG_TAP(n));
    for (int tap = 0; tap < 2 * k * k; tap++)
        stage_of((uint32_t)(tap % 2 * stage), tap / 2, n, k);
}

/* What the descriptors of Hopper's kernels name: bit by bit for one, and that
 * all lie within their stage, at whole units of 16 bytes. */
static void descriptors(void **state)
{
    (void)state;
    assert_int_equal(fg_wg_desc(0x12340, 2880, 288),
                     0x1234U | (uint64_t)180 << 16 | (uint64_t)18 << 32);
    assert_int_equal(fg_wg_desc(0x3fff0, 16, 128) & 0xffff, 0x3fff);
    for (int i = 0; i < 8; i++)
        stages_of(i % 4 * 16 + 16, i < 4 ? 1 : 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_the_sum),
                                       cmocka_unit_test(narrow),
                                       cmocka_unit_test(descriptors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
