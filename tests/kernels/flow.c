/* Motion between frames: known shifts are found, every instruction set and
 * thread count gives the same bits, warping is exact on whole samples.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <errno.h>
#include <stdio.h>

#include "kernels/cpu.h"
#include "kernels/flow_rows.h"
#include "kernels/interp.h"

enum { W = 131, H = 93 };

/* Smooth and without a period; o: a block of its own in the middle. */
static void paint(float *p, float dx, float dy, float ox)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            const int in = x > 40 + ox && x < 84 + ox && y > 30 && y < 66;
            const float u = (float)x - (in ? ox + 50 : dx);
            const float v = (float)y - (in ? 9 : dy);
            p[y * W + x] = 0.5f + 0.2f * sinf(0.31f * u + 0.0021f * u * v) +
                           0.15f * cosf(0.23f * v - 0.17f * u) +
                           0.1f * sinf(0.011f * u * u + 0.2f * v);
        }
}

static FgFlow *two_frames(FgExecutor *ex, float dx, float dy, float ox)
{
    FgFlow *f;
    float *p = calloc(W * H, sizeof(float));
    FgError err = {{0}};
    if (fg_flow_create(&f, W, H, ex, &err) < 0)
        fail_msg("%s", err.text);
    paint(p, 0, 0, 0);
    fg_flow_push(f, p, W);
    paint(p, dx, dy, ox);
    fg_flow_push(f, p, W);
    free(p);
    fg_flow_find(f);
    return f;
}

static FgTensor inputs(FgFlow *f, float t)
{
    FgTensor in;
    assert_int_equal(
        fg_tensor_alloc(&in, (FgShape){1, FG_INTERP_IN, H, W}, FG_F32), 0);
    fg_interp_inputs(f, t, &in);
    return in;
}

/* The picture half way, against the truth, inside. */
static void shift_is_undone(void **state)
{
    float *want = calloc(W * H, sizeof(float)), share[W], fade[W], luma[W];
    double worst = 0, sum = 0;
    (void)state;
    FgFlow *f = two_frames(NULL, 3, -2, 7);
    FgTensor in = inputs(f, 0.5f);
    paint(want, 1.5f, -1, 3.5f);
    for (int y = 8; y < H - 8; y++) {
        fg_interp_fuse(luma, share, fade, fg_f32(&in, 0, y, 0), NULL, W);
        for (int x = 8; x < W - 8; x++) {
            const double d = fabs(luma[x] - want[y * W + x]);
            worst = fmax(worst, d);
            sum += d * d;
        }
    }
    printf("# rms %f worst %f\n", sqrt(sum / ((W - 16) * (H - 16))), worst);
    /* Seven columns beside the block are seen in one frame only. */
    assert_true(sqrt(sum / ((W - 16) * (H - 16))) < 0.04);
    FgFlowStats s;
    fg_flow_stats(f, &s);
    assert_true(s.moved < 0.35f * s.plain);
    assert_true(s.motion > 3 && s.motion < 6);
    fg_tensor_free(&in);
    fg_flow_free(&f);
    free(want);
}

static void still_is_still(void **state)
{
    (void)state;
    FgFlow *f = two_frames(NULL, 0, 0, 0);
    FgTensor in = inputs(f, 0.25f);
    for (int i = 0; i < W * H; i++) {
        const float *p = (float *)in.data + FG_INTERP_IN * (size_t)i;
        assert_true(p[0] == p[1] && p[3] == 0 && p[0] == p[4]);
        assert_true(fabsf(p[2] - 0.25f) < 1e-6f);
    }
    fg_tensor_free(&in);
    fg_flow_free(&f);
}

static void same_bits(void **state)
{
    static const FgCpu levels[] = {FG_CPU_C, FG_CPU_AVX2, FG_CPU_AVX512};
    FgPool *pool;
    FgTensor ref = {0};
    (void)state;
    assert_int_equal(fg_pool_create(&pool, 3), 0);
    for (int i = 0; i < 6; i++) {
        if (levels[i / 2] > fg_cpu_detect())
            continue;
        fg_cpu_mask(levels[i / 2]);
        FgFlow *f = two_frames(i & 1 ? fg_pool_executor(pool) : NULL, 2.7f,
                               1.3f, -5.5f);
        FgTensor in = inputs(f, 0.4f);
        if (ref.data)
            assert_memory_equal(ref.data, in.data,
                                sizeof(float) * FG_INTERP_IN * W * H);
        else
            ref = in;
        if (ref.data != in.data)
            fg_tensor_free(&in);
        fg_flow_free(&f);
    }
    fg_cpu_mask(fg_cpu_detect());
    fg_tensor_free(&ref);
    fg_pool_free(&pool);
}

static void warp_edges(void **state)
{
    FgPlane p;
    float x[70], y[70], d[71];
    (void)state;
    assert_int_equal(fg_plane_alloc(&p, 21, 5), 0);
    for (int j = 0; j < 5; j++) {
        for (int i = 0; i < 21; i++)
            p.data[j * p.row + i] = net_random((uint32_t)(21 * j + i), 3);
        fg_plane_edges(&p, j);
    }
    for (int i = 0; i < 70; i++) {
        x[i] = (float)(i - 25);
        y[i] = (float)(i % 9 - 2);
    }
    d[70] = 7;
    fg_flow_warp(d, &p, x, y, 70);
    assert_true(d[70] == 7);
    for (int i = 0; i < 70; i++) {
        const int a = x[i] < 0 ? 0 : x[i] > 20 ? 20 : (int)x[i];
        const int b = y[i] < 0 ? 0 : y[i] > 4 ? 4 : (int)y[i];
        assert_true(d[i] == p.data[b * p.row + a]);
    }
    x[0] = -1e30f, y[0] = 1e30f, x[1] = NAN, y[1] = 0;
    fg_flow_warp(d, &p, x, y, 2); /* stays inside its memory */
    fg_plane_free(&p);
    FgFlow *f;
    FgError err;
    assert_int_equal(fg_flow_create(&f, 15, 40, NULL, &err), -EINVAL);
    assert_null(f);
}

static void network_is_fused(void **state)
{
    const float in[21] = {0.25f, 0.75f, 0.5f, 0, 0,    0,    0.5f, /* */
                          0,     1,     0.9f, 0, 0,    0,    0.5f, /* */
                          0.2f,  0.2f,  0.5f, 0, 0.4f, 0.8f, 0.25f};
    const float out[9] = {0.25f, 0.1f, -1, 0.5f, -0.2f, 0, 0, 0, 0.5f};
    float luma[3], share[3], fade[3];
    (void)state;
    fg_interp_fuse(luma, share, fade, in, out, 3);
    assert_true(share[0] == 0.75f && share[1] == 1);
    assert_true(fade[0] == 0 && fade[1] == 0 && fade[2] == 0.5f);
    assert_true(fabsf(luma[0] - 0.625f) < 1e-6f);
    assert_true(fabsf(luma[1] - 1) < 1e-6f);
    assert_true(fabsf(luma[2] - 0.35f) < 1e-6f); /* 0.2 and 0.5, half each */
}

/* Nothing changes where both frames agree; where they do not, what varies less
 * than their error goes, and edges stay. */
static void doubt_is_settled(void **state)
{
    enum { SW = 19, SH = 7 };
    float luma[SW * SH], error[SW * SH] = {0}, d[SW + 1], scratch[3 * (SW + 4)];
    (void)state;
    for (int i = 0; i < SW * SH; i++)
        luma[i] = (i % SW < 9 ? 0.2f : 0.8f) + (i & 1 ? 0.01f : -0.01f);
    d[SW] = 7;
    for (int y = 0; y < SH; y++) {
        fg_interp_settle(d, luma, error, SW, SH, y, scratch);
        assert_memory_equal(d, luma + SW * y, sizeof(float) * SW);
    }
    for (int i = 0; i < SW * SH; i++)
        error[i] = 2e-4f; /* twice the variance of the grain */
    for (int y = 0; y < SH; y++) {
        fg_interp_settle(d, luma, error, SW, SH, y, scratch);
        for (int x = 0; x < SW; x++) {
            const float want = x < 9 ? 0.2f : 0.8f;
            const int edge = x == 8 || x == 9;
            assert_true(fabsf(d[x] - want) < (edge ? 0.012f : 0.003f));
        }
    }
    assert_true(d[SW] == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shift_is_undone),  cmocka_unit_test(still_is_still),
        cmocka_unit_test(same_bits),        cmocka_unit_test(warp_edges),
        cmocka_unit_test(network_is_fused), cmocka_unit_test(doubt_is_settled),
    };
    return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
