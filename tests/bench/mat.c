/* Speed of a layer by tile products: bf16 values of 480x270 and smaller, one
 * thread, as 2 * MAC a second.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/mat.h"

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *zeroed(size_t n)
{
    void *const p = aligned_alloc(64, (n + 63) & ~(size_t)63);

    if (!p)
        exit(1);
    memset(p, 0, (n + 63) & ~(size_t)63);
    return p;
}

static void layer(int ic, int oc, int w, int h, int gather, int f32)
{
    const FgAttr a = {.channels = oc, .kernel = 3, .pad = 1, .groups = 1};
    const FgShape si = {1, ic, h, w}, so = {1, oc, h, w};
    const FgConvEpilogue e = {.act = FG_CONV_RELU};
    float *const weight = calloc((size_t)(ic * oc * 9), sizeof(float));
    FgTensor in, out;
    FgMat m;
    double best = 1e9;

    if (!weight || fg_mat_prep(&m, &a, ic, weight, NULL, gather, f32) < 0)
        exit(1);
    void *const a0 = zeroed((size_t)(ic * w * h) * 4 +
                            fg_mat_place(NULL, NULL, si, 1, 0));
    void *const b0 = zeroed((size_t)(oc * w * h) * 4 +
                            fg_mat_place(NULL, NULL, so, 1, 0));
    void *const s = zeroed(fg_mat_scratch(&m, w));

    in = fg_tensor_wrap(a0, si, FG_F32);
    out = fg_tensor_wrap(b0, so, FG_F32);
    if (!gather)
        fg_mat_place(&in, a0, si, 1, 0);
    if (!f32)
        fg_mat_place(&out, b0, so, 1, 0);
    for (int k = 0; k < 12; k++) {
        const double t = seconds();

        fg_mat_rows(&m, &in, &out, 0, h, &e, s, 0, 1);
        if (seconds() - t < best)
            best = seconds() - t;
    }
    printf("%3d -> %3d %s%s %4dx%-3d unit %2d  %7.3f ms for 480x270  %6.0f "
           "GFLOP/s\n",
           ic, oc, gather ? "f32 " : "bf16", f32 ? " f32 " : " bf16", w, h,
           m.unit, 1e3 * best * 480 * 270 / (w * h),
           18e-9 * ic * oc * w * h / best);
    free(weight);
    free(a0);
    free(b0);
    free(s);
    fg_mat_free(&m);
}

int main(void)
{
    static const int c[] = {16, 24, 32, 48, 64, 128};

    if (!fg_mat_ops(fg_cpu_level())) {
        puts("this CPU has no AMX tiles");
        return 0;
    }
    for (int i = 0; i < 6; i++) {
        layer(c[i], c[i], 480, 270, 0, 0);
        layer(c[i], c[i], 480, 16, 0, 0);
        layer(c[i], c[i], 128, 16, 0, 0);
    }
    layer(1, 16, 480, 270, 1, 0);
    layer(3, 24, 480, 270, 1, 0);
    layer(3, 32, 480, 270, 1, 0);
    layer(3, 64, 480, 270, 1, 0);
    layer(16, 4, 480, 270, 0, 1);
    layer(24, 12, 480, 270, 0, 1);
    layer(32, 12, 480, 270, 0, 1);
    layer(64, 48, 480, 270, 0, 1);
    return 0;
}
