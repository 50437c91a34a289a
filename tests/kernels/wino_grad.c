/* Winograd's weight gradient: close to the definition in double, the same bits
 * for any thread count, on odd sizes, padded pixels, both ways of rounding.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/conv_ring.h"
#include "kernels/wino_grad.h"

static FgPool *pool;
static uint32_t seed = 99;

static float random_float(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(int32_t)seed * (1.0f / 2147483648.0f);
}

/* Pixels gap floats further apart than dense; the gaps are NaN. */
static FgTensor filled(int n, int c, int h, int w, int gap)
{
    FgTensor t = {0};

    assert_int_equal(fg_tensor_alloc(&t, (FgShape){n, c + gap, h, w}, FG_F32),
                     0);
    for (size_t i = 0; i < (size_t)n * (size_t)(c + gap) * h * w; i++)
        ((float *)t.data)[i] = (int)(i % (size_t)(c + gap)) < c ? random_float()
                                                                : NAN;
    t.shape.c = c;
    return t;
}

typedef struct Case {
    int ic, oc, w, h, n, pad, pad_mode, gap;
} Case;

static double defined(const Case *k, const FgTensor *in, const FgTensor *dy,
                      int o, int i, int tap)
{
    double sum = 0;

    for (int b = 0; b < k->n; b++)
        for (int y = 0; y < dy->shape.h; y++)
            for (int x = 0; x < dy->shape.w; x++) {
                const int iy = fg_pad_index(y - k->pad + tap / 3, k->h,
                                            k->pad_mode);
                const int ix = fg_pad_index(x - k->pad + tap % 3, k->w,
                                            k->pad_mode);

                if (iy >= 0 && ix >= 0)
                    sum += (double)fg_f32(in, b, iy, ix)[i] *
                           (double)fg_f32(dy, b, y, x)[o];
            }
    return sum;
}

static FgTensor result(const Case *k, FgWinoGradKind kind, const FgTensor *in,
                       const FgTensor *dy, FgExecutor *ex)
{
    const FgAttr attr = {.channels = k->oc,
                         .kernel = 3,
                         .stride = 1,
                         .pad = k->pad,
                         .pad_mode = k->pad_mode,
                         .groups = 1};
    const size_t bytes = fg_wino_grad_scratch(k->ic, k->oc, dy->shape,
                                              fg_threads(ex));
    char *scratch = aligned_alloc(64, bytes + 64);
    FgTensor dw = {0};

    assert_non_null(scratch);
    memset(scratch, 0xff,
           bytes + 64); /* NaN: what is not written is not read */
    assert_int_equal(
        fg_tensor_alloc(&dw, (FgShape){k->oc, k->ic, 3, 3}, FG_F32), 0);
    for (int i = 0; i < k->oc * k->ic * 9; i++)
        ((float *)dw.data)[i] = 1; /* it is added to */
    fg_wino_grad(kind, &attr, in, dy, &dw, ex, scratch);
    for (int i = 0; i < 64; i++)
        assert_int_equal((unsigned char)scratch[bytes + (size_t)i], 0xff);
    free(scratch);
    return dw;
}

/* Mean error against the mean size of a sum of that many random products. */
static void check(const Case *k, const double *want, const FgTensor *dw,
                  double most)
{
    const double size = sqrt((double)k->n * k->w * k->h) / 3;
    double err = 0;

    for (int i = 0; i < k->oc * k->ic * 9; i++) {
        const double e = (double)((float *)dw->data)[i] - 1 - want[i];

        err += e * e;
    }
    err = sqrt(err / (k->oc * k->ic * 9)) / size;
    if (!(err <= most))
        fail_msg("%d->%d %dx%d: relative error %g, allowed %g", k->ic, k->oc,
                 k->w, k->h, err, most);
}

static void run_case(Case k)
{
    FgTensor in = filled(k.n, k.ic, k.h, k.w, k.gap);
    FgTensor dy = filled(k.n, k.oc, k.h + 2 * k.pad - 2, k.w + 2 * k.pad - 2,
                         k.gap ? 3 : 0);

    double *want = malloc(sizeof(*want) * 9 * (size_t)(k.ic * k.oc));

    assert_non_null(want);
    for (int i = 0; i < k.oc * k.ic * 9; i++)
        want[i] = defined(&k, &in, &dy, i / 9 / k.ic, i / 9 % k.ic, i % 9);
    for (int level = FG_CPU_C; level <= (int)fg_cpu_detect(); level++)
        for (int kind = FG_WINO_GRAD_F32; kind <= FG_WINO_GRAD_BF16; kind++) {
            fg_cpu_mask((FgCpu)level);
            FgTensor one = result(&k, (FgWinoGradKind)kind, &in, &dy, NULL);
            FgTensor two = result(&k, (FgWinoGradKind)kind, &in, &dy,
                                  fg_pool_executor(pool));

            check(&k, want, &one, kind == FG_WINO_GRAD_BF16 ? 1.5e-2 : 5e-6);
            assert_memory_equal(one.data, two.data,
                                sizeof(float) * 9 * (size_t)(k.ic * k.oc));
            fg_tensor_free(&one);
            fg_tensor_free(&two);
        }
    fg_cpu_mask(fg_cpu_detect());
    free(want);
    fg_tensor_free(&in);
    fg_tensor_free(&dy);
}

static void sizes(void **state)
{
    (void)state;
    run_case((Case){.ic = 1, .oc = 1, .w = 1, .h = 1, .n = 1, .pad = 1});
    run_case((Case){.ic = 8, .oc = 17, .w = 9, .h = 7, .n = 2, .pad = 1});
    run_case((Case){.ic = 33, .oc = 8, .w = 26, .h = 5, .n = 1, .pad = 1});
    run_case((Case){
        .ic = 16, .oc = 48, .w = 13, .h = 12, .n = 3, .pad = 1, .gap = 5});
    run_case((Case){.ic = 24, .oc = 80, .w = 30, .h = 6, .n = 1, .pad = 1});
    run_case((Case){.ic = 64, .oc = 64, .w = 48, .h = 12, .n = 1, .pad = 1});
}

static void borders(void **state)
{
    (void)state;
    for (int pad = 0; pad < 3; pad++)
        for (int mode = FG_PAD_ZERO; mode <= FG_PAD_REPLICATE; mode++)
            run_case((Case){.ic = 9,
                            .oc = 12,
                            .w = 11,
                            .h = 10,
                            .n = 2,
                            .pad = pad,
                            .pad_mode = mode,
                            .gap = pad});
}

/* More rows of tiles than one chunk holds. */
static void chunks(void **state)
{
    (void)state;
    run_case((Case){.ic = 40, .oc = 40, .w = 160, .h = 97, .n = 1, .pad = 1});
}

static int start(void **state)
{
    (void)state;
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes),
                                       cmocka_unit_test(borders),
                                       cmocka_unit_test(chunks)};

    return cmocka_run_group_tests(tests, start, stop);
}
