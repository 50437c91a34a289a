/* Speed of whole Winograd layers on one thread, per instruction set.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernels/dsp.h"
#include "kernels/wino.h"

#define W 480
#define H 270

static double cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double best_of(const FgWino *w, const FgTensor *in, FgTensor *out,
                      void *scratch)
{
    const FgConvEpilogue e = {.act = FG_CONV_RELU};
    double best = 1e9;

    for (int k = 0; k < 7; k++) {
        const double start = cpu_seconds();

        fg_wino_rows(w, in, out, 0, H, &e, scratch);
        if (cpu_seconds() - start < best)
            best = cpu_seconds() - start;
    }
    return best;
}

static int layer(int ic, int oc, FgWinoKind kind)
{
    const FgAttr attr = {
        .channels = oc, .kernel = 3, .stride = 1, .pad = 1, .groups = 1};
    const size_t n = (size_t)ic * (size_t)oc * 9;
    float *weight = malloc(sizeof(*weight) * n);
    FgTensor in = {0}, out = {0};
    FgWino w;

    for (size_t i = 0; weight && i < n; i++)
        weight[i] = (float)((int)(i * 7919 % 201) - 100) * 0.001f;
    if (!weight || fg_tensor_alloc(&in, (FgShape){1, ic, H, W}, FG_F32) ||
        fg_tensor_alloc(&out, (FgShape){1, oc, H, W}, FG_F32) ||
        fg_wino_prep(&w, kind, &attr, ic, weight, NULL, 0))
        return -1;
    for (int i = 0; i < W * H * ic; i++)
        ((float *)in.data)[i] = (float)(i * 31 % 101) * 0.01f;
    void *scratch = aligned_alloc(64, fg_wino_scratch(&w));
    const double t = best_of(&w, &in, &out, scratch);

    printf("  %6.2f ms %6.1f", t * 1e3, 18e-9 * ic * oc * W * H / t);
    fg_wino_free(&w);
    fg_tensor_free(&in);
    fg_tensor_free(&out);
    free(scratch);
    free(weight);
    return 0;
}

int main(void)
{
    static const int channels[][2] = {{16, 16}, {24, 24}, {32, 32},
                                      {48, 48}, {64, 64}, {32, 48}};

    printf("Winograd, 3x3, %dx%d, one thread: time, GFLOP/s of the plain "
           "convolution\n%-11s %-7s %19s %19s\n",
           W, H, "isa", "in->out", "int16", "fp32");
    for (int level = FG_CPU_AVX2; level <= (int)fg_cpu_detect(); level++) {
        fg_cpu_mask((FgCpu)level);
        fg_kernels_init();
        for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
            printf("%-11s %2d->%-3d", fg_cpu_name((FgCpu)level), channels[i][0],
                   channels[i][1]);
            for (int k = FG_WINO_I16; k <= FG_WINO_F32; k++)
                if (layer(channels[i][0], channels[i][1], (FgWinoKind)k))
                    return 1;
            printf("\n");
        }
    }
    return 0;
}
