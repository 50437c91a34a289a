/* Strided and transposed convolutions by tiles: the bits of the row engine, on
 * every instruction set, for any number of threads.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/conv_gemm.h"
#include "kernels/dsp.h"
#include "kernels/op.h"

typedef struct Case {
    int n, ic, oc, h, w, k, stride, dilate, pad;
} Case;

static const Case cases[] = {
    {2, 3, 64, 9, 8, 4, 2, 1, 1},   {1, 5, 33, 7, 11, 4, 2, 1, 1},
    {3, 16, 17, 4, 4, 4, 1, 1, 0},  {2, 7, 3, 5, 4, 4, 1, 2, 2},
    {2, 100, 40, 1, 1, 4, 1, 1, 3}, {1, 13, 5, 6, 5, 3, 2, 1, 1},
    {1, 4, 70, 5, 5, 3, 1, 3, 2},   {2, 25, 32, 6, 7, 5, 1, 2, 2},
    {1, 2, 1, 40, 31, 2, 3, 1, 0},  {13, 12, 31, 8, 8, 4, 2, 1, 1},
};
enum { NB_CASES = sizeof(cases) / sizeof(cases[0]), GAP = 3 };

static float value(uint32_t i, uint32_t stream)
{
    const uint32_t counter[4] = {i, stream, 0, 0}, key[2] = {20261126, 4};
    uint32_t out[4];

    fg_philox(counter, key, out);
    return (float)(out[0] / 2147483648.0 - 1);
}

/* With gaps of NaN between pixels, rows and images. */
static void make(FgTensor *t, FgShape s, uint32_t stream)
{
    const int pitch = s.c + GAP;
    const ptrdiff_t row = (ptrdiff_t)s.w * pitch + GAP, image = s.h * row + GAP;
    float *d;

    assert_int_equal(
        fg_tensor_alloc(t, (FgShape){1, (int)(s.n * image), 1, 1}, FG_F32), 0);
    d = t->data;
    for (ptrdiff_t i = 0; i < s.n * image; i++)
        d[i] = NAN;
    t->shape = s;
    t->pitch = pitch;
    t->row = row;
    t->image = image;
    for (int n = 0; n < s.n; n++)
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++)
                for (int c = 0; c < s.c; c++)
                    fg_f32(t, n, y, x)[c] = value(
                        (uint32_t)(((n * s.h + y) * s.w + x) * s.c + c),
                        stream);
}

static void same(const char *what, int i, const FgTensor *a, const FgTensor *b)
{
    const FgShape s = a->shape;
    const size_t size = sizeof(float) * (size_t)(s.n * a->image);

    /* The gaps too: nothing may be written there. */
    if (memcmp(a->data, b->data, size))
        fail_msg("case %d: %s differs from the row engine's", i, what);
}

static FgConvPrep prep_of(const Case *c)
{
    return (FgConvPrep){.groups = 1,
                        .ic = c->ic,
                        .oc = c->oc,
                        .icp = c->ic,
                        .ocp = (c->oc + 15) & ~15,
                        .k = c->k,
                        .stride = c->stride,
                        .dilate = c->dilate,
                        .pad = c->pad,
                        .dtype = FG_F32};
}

static void *memory(size_t n)
{
    void *p;

    assert_int_equal(posix_memalign(&p, 64, n ? n : 1), 0);
    memset(p, 0xff, n);
    return p;
}

static FgShape out_shape(const Case *c)
{
    const int h = (c->h - 1) * c->dilate + 1, w = (c->w - 1) * c->dilate + 1;

    return (FgShape){c->n, c->oc, fg_conv_out_size(h, c->k, c->stride, c->pad),
                     fg_conv_out_size(w, c->k, c->stride, c->pad)};
}

static void forward_case(int i, FgExecutor *ex)
{
    const Case *c = &cases[i];
    const FgShape s = out_shape(c);
    FgConvPrep p = prep_of(c);
    const size_t nb = (size_t)c->k * (size_t)c->k * (size_t)(c->ic * c->oc);
    float *w = memory(nb * sizeof(*w)), *bias = memory(sizeof(*w) * c->oc);
    void *packed = memory(fg_conv_prep_bytes(&p));
    void *rest = memory(fg_conv_all_scratch(&p, s.w, fg_threads(ex)));
    void *mem = memory(fg_conv_gemm_scratch(&p, fg_threads(ex)));
    FgTensor in, a, b;

    for (size_t k = 0; k < nb; k++)
        w[k] = value((uint32_t)k, 1);
    for (int k = 0; k < c->oc; k++)
        bias[k] = value((uint32_t)k, 2);
    make(&in, (FgShape){c->n, c->ic, c->h, c->w}, 3);
    make(&a, s, 4);
    make(&b, s, 4);
    assert_true(fg_conv_gemm_fits(&p, s) || c->k % 2);
    for (int swap = 0; swap < 2; swap++)
        for (int add = 0; add < 2; add++) {
            fg_conv_put_f32(&p, packed, w, bias, swap);
            fg_conv_all_f32(&p, &in, &a, add, ex, rest);
            fg_conv_gemm(&p, w, bias, swap, &in, &b, add, ex, mem);
            same("the output", i, &a, &b);
        }
    fg_tensor_free(&in);
    fg_tensor_free(&a);
    fg_tensor_free(&b);
    free(w);
    free(bias);
    free(packed);
    free(rest);
    free(mem);
}

static void weights_case(int i, FgExecutor *ex)
{
    const Case *c = &cases[i];
    const FgShape s = out_shape(c), ws = {c->oc, c->ic, c->k, c->k};
    const FgConvPrep p = prep_of(c);
    void *rest = memory(fg_conv_wgrad_scratch(&p, s, fg_threads(ex)));
    void *mem = memory(fg_conv_gemm_wgrad_scratch(&p, fg_threads(ex)));
    FgTensor in, dy, a, b;

    if (c->dilate > 1)
        goto done;
    make(&in, (FgShape){c->n, c->ic, c->h, c->w}, 3);
    make(&dy, s, 5);
    assert_int_equal(fg_tensor_alloc(&a, ws, FG_F32), 0);
    assert_int_equal(fg_tensor_alloc(&b, ws, FG_F32), 0);
    for (int twice = 0; twice < 2; twice++) {
        fg_conv_wgrad_f32(&p, &in, &dy, &a, ex, rest);
        fg_conv_gemm_wgrad(&p, &in, &dy, &b, ex, mem);
        if (memcmp(a.data, b.data,
                   sizeof(float) * (size_t)(ws.n * ws.c * ws.h * ws.w)))
            fail_msg("case %d: the weights' gradient differs", i);
    }
    fg_tensor_free(&in);
    fg_tensor_free(&dy);
    fg_tensor_free(&a);
    fg_tensor_free(&b);
done:
    free(rest);
    free(mem);
}

static void at_level(FgCpu level)
{
    FgPool *pool;

    fg_cpu_mask(level);
    fg_kernels_init();
    assert_int_equal(fg_pool_create(&pool, 3), 0);
    for (int i = 0; i < NB_CASES; i++) {
        forward_case(i, NULL);
        forward_case(i, fg_pool_executor(pool));
        weights_case(i, NULL);
        weights_case(i, fg_pool_executor(pool));
    }
    fg_pool_free(&pool);
    fg_cpu_mask(FG_CPU_AVX512BF16);
    fg_kernels_init();
}

static void in_c(void **state)
{
    (void)state;
    at_level(FG_CPU_C);
}

static void in_avx2(void **state)
{
    (void)state;
#if defined(__x86_64__)
    at_level(FG_CPU_AVX2);
#endif
}

static void in_all(void **state)
{
    (void)state;
    at_level(FG_CPU_AVX512BF16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_c),
        cmocka_unit_test(in_avx2),
        cmocka_unit_test(in_all),
    };

    return cmocka_run_group_tests_name("kernels/conv_gemm", tests, NULL, NULL);
}
