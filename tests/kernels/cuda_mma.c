/* Each tensor-core convolution, its source run on the CPU: against the sum
 * that it stands for, sizes that fill no tile. No GPU is touched here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include "kernels/cuda/conv_wgmma.h"
#include "kernels/cuda/launch.h"

enum { W = 21, H = 11, IC = 40, CHUNKS = 3 };

typedef struct Case {
    int kernel, element, n, k;
    void (*fn)(const FgKernelArgs *, int, int, int, char *);
} Case;

typedef struct Data {
    uint16_t *in, *w, *out;
    float *fin, *fw, bias[64]; /* the same numbers */
} Data;

static uint16_t number(int element, uint32_t i, uint32_t stream, float *f)
{
    const uint16_t h = fg_put16(element, net_random(i, stream));
    *f = fg_get16(element, h);
    return h;
}

static void fill(Data *d, const Case *c)
{
    const int taps = c->k * c->k, rows = taps * c->n;
    d->in = net_alloc(2 * W * H * IC);
    d->fin = net_alloc(4 * W * H * IC);
    d->out = net_alloc(2 * (size_t)(W * H * c->n));
    d->w = net_alloc(2 * (size_t)(CHUNKS * rows * 16));
    d->fw = net_alloc(4 * (size_t)(rows * IC));
    memset(d->w, 0, 2 * (size_t)(CHUNKS * rows * 16));
    for (uint32_t i = 0; i < W * H * IC; i++)
        d->in[i] = number(c->element, i, 1, &d->fin[i]);
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < IC; i++) {
            const int at = c->kernel == FG_KERNEL_f16_w64_k3
                               ? fg_wg_weight(r % c->n, i % 16, r / c->n)
                               : fg_row32(r, i % 16 / 8) / 2 + i % 8;
            d->w[i / 16 * rows * 16 + at] = number(
                c->element, (uint32_t)(r * IC + i), 2, &d->fw[r * IC + i]);
        }
    for (int o = 0; o < c->n; o++)
        d->bias[o] = net_random((uint32_t)o, 3);
}

static float want(const Data *d, const Case *c, int y, int x, int o)
{
    double sum = (double)d->bias[o];
    for (int t = 0; t < c->k * c->k; t++) {
        const int v = y + t / c->k - c->k / 2, u = x + t % c->k - c->k / 2;
        for (int i = 0; v >= 0 && v < H && u >= 0 && u < W && i < IC; i++)
            sum += (double)d->fin[(v * W + u) * IC + i] *
                   (double)d->fw[(t * c->n + o) * IC + i];
    }
    return (float)sum;
}

static void run(const Data *d, const Case *c)
{
    FgKernelArgs a = {
        .in = {{(uint64_t)d->in, IC, H, W, IC, c->element}},
        .out = {(uint64_t)d->out, c->n, H, W, c->n, c->element},
        .p = {(uint64_t)d->w, (uint64_t)d->bias},
        .chunks = CHUNKS,
        .blocks = 1,
    };
    const FgLaunch l = fg_launch(c->kernel, &a);
    char *const shared = net_alloc(l.shared);
    assert_int_equal(l.grid[2], 1);
    memset(d->out, 0xff, 2 * (size_t)(W * H * c->n));
    for (unsigned y = 0; y < l.grid[1]; y++)
        for (unsigned x = 0; x < l.grid[0]; x++)
            c->fn(&a, (int)x, (int)y, 0, shared);
    free(shared);
}

/* One rounding of the result, to 11 or 8 bits. */
static void check(const Case *c)
{
    const float unit = c->element == FG_ELEMENT_F16 ? 1.0F / 2048 : 1.0F / 256;
    Data d;
    fill(&d, c);
    run(&d, c);
    for (int i = 0; i < W * H * c->n; i++) {
        const float v = want(&d, c, i / c->n / W, i / c->n % W, i % c->n);
        const float got = fg_get16(c->element, d.out[i]);
        if (!(fabsf(got - v) <= unit * (1 + fabsf(v))))
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
    static const Case cases[] = {FG_KERNELS_MMA(CASE) FG_KERNELS_HOPPER(CASE)};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        check(&cases[i]);
}

/* What the descriptors of Hopper's kernel name: bit by bit for one, and that
 * all lie within their stage, at whole units of 16 bytes. */
static void descriptors(void **state)
{
    (void)state;
    assert_int_equal(fg_wg_desc(0x12340, 2880, 288),
                     0x1234U | (uint64_t)180 << 16 | (uint64_t)18 << 32);
    assert_int_equal(fg_wg_desc(0x3fff0, 16, 128) & 0xffff, 0x3fff);
    assert_int_equal(FG_WG_STAGE, 2 * FG_WG_PLANE + 9 * FG_WG_TAP);
    assert_true(2 * FG_WG_STAGE <= 48 << 10);
    for (int stage = 0; stage < 2; stage++)
        for (int tap = 0; tap < 9; tap++) {
            const uint32_t from = (uint32_t)(stage * FG_WG_STAGE);
            for (int m = 0; m < 2; m++) {
                const uint64_t d = fg_wg_pixels(from, tap, m);
                const int first = (int)(d & 0x3fff) * 16;
                const int k = (int)(d >> 16 & 0x3fff) * 16;
                const int rows = (int)(d >> 32 & 0x3fff) * 16;
                assert_int_equal(d >> 46, 0);
                /* pixel (7, 7) of the product, by its place in the tile */
                assert_int_equal(first + 7 * rows + 7 * 16,
                                 (int)from + ((7 + tap / 3) * (FG_TILE_W + 2) +
                                              8 * m + 7 + tap % 3) *
                                                 16);
                assert_int_equal(k, FG_WG_PLANE);
            }
            const uint64_t w = fg_wg_weights(from, tap);
            const int first = (int)(w & 0x3fff) * 16 - (int)from -
                              2 * FG_WG_PLANE;
            const int last = first + (int)(w >> 16 & 0x3fff) * 16 +
                             7 * (int)(w >> 32 & 0x3fff) * 16 + 7 * 16;
            assert_int_equal(first, 2 * fg_wg_weight(0, 0, tap));
            assert_int_equal(last, 2 * fg_wg_weight(63, 8, tap));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_the_sum),
                                       cmocka_unit_test(descriptors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
