/* Speed of the convolution rows on one thread, per instruction set.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernels/dsp.h"

#define WIDTH 480
#define MAX_C 64

typedef struct Data {
    float *in, *w, *bias, *out;
    uint16_t *in16, *w16;
} Data;

static double cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { FORWARD, WGRAD, BF16, NB_KINDS };

static void run_once(const FgDsp *d, const Data *m, const FgConvGeom *g,
                     int kind)
{
    const float *rows[3];
    const uint16_t *rows16[3];

    for (int y = 0; y < 3; y++) {
        rows[y] = m->in + y * (WIDTH + 2) * g->in_pitch;
        rows16[y] = m->in16 + y * (WIDTH + 2) * g->in_pitch;
    }
    if (kind == FORWARD)
        d->conv_row_f32(m->out, rows, m->w, m->bias, g);
    else if (kind == WGRAD)
        d->conv_row_wgrad_f32(m->w, rows, m->out, g);
    else
        d->conv_row_bf16(m->out, rows16, m->w16, m->bias, g);
}

/* Best of five measurements of at least 20 ms. */
static double gflops(const FgDsp *d, const Data *m, int ic, int oc, int kind)
{
    const FgConvGeom g = {WIDTH, 3, 3, 1, ic, oc, ic, oc};
    double best = 1e9;

    for (int k = 0; k < 5; k++) {
        const double start = cpu_seconds();
        double time;
        int reps = 0;

        do {
            run_once(d, m, &g, kind);
            reps++;
            time = cpu_seconds() - start;
        } while (time < 0.02);
        time /= reps;
        best = time < best ? time : best;
    }
    return 2.0 * 9 * ic * oc * WIDTH / best * 1e-9;
}

static int alloc_data(Data *m)
{
    const size_t in = 3 * (WIDTH + 2) * MAX_C, w = 9 * MAX_C * MAX_C;

    m->in = aligned_alloc(64, in * 4);
    m->in16 = aligned_alloc(64, in * 2);
    m->w = aligned_alloc(64, w * 4);
    m->w16 = aligned_alloc(64, w * 2);
    m->bias = aligned_alloc(64, MAX_C * 4);
    m->out = aligned_alloc(64, WIDTH * MAX_C * 4);
    if (!m->in || !m->in16 || !m->w || !m->w16 || !m->bias || !m->out)
        return -1;
    for (size_t i = 0; i < in; i++)
        m->in[i] = (float)(i % 17) * 0.01f;
    for (size_t i = 0; i < w; i++)
        m->w[i] = (float)(i % 13) * 0.01f;
    for (size_t i = 0; i < WIDTH * MAX_C; i++)
        m->out[i] = 1e-6f * (float)(i % 11);
    for (int i = 0; i < MAX_C; i++)
        m->bias[i] = 0;
    fg_dsp()->f32_to_bf16(m->in16, m->in, in);
    fg_dsp()->f32_to_bf16(m->w16, m->w, w);
    return 0;
}

int main(void)
{
    static const int channels[][2] = {{16, 16}, {24, 24}, {32, 32}, {48, 48},
                                      {64, 64}, {3, 32},  {1, 16},  {32, 12}};
    Data m;

    if (alloc_data(&m) < 0)
        return 1;
    printf("3x3, width %d, one thread, GFLOP/s of real channels\n", WIDTH);
    printf("%-11s %-7s %8s %8s %8s\n", "isa", "in->out", "forward", "wgrad",
           "bf16");
    for (int level = FG_CPU_AVX2; level <= (int)fg_cpu_detect(); level++) {
        FgDsp d;

        fg_dsp_init(&d, (FgCpu)level);
        for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
            const int ic = channels[i][0], oc = channels[i][1];

            printf("%-11s %2d->%-3d", fg_cpu_name((FgCpu)level), ic, oc);
            for (int kind = 0; kind < NB_KINDS; kind++) {
                if (kind == BF16 && (level < FG_CPU_AVX512BF16 || ic % 2))
                    printf("        -");
                else
                    printf(" %8.1f", gflops(&d, &m, ic, oc, kind));
            }
            printf("\n");
        }
    }
    free(m.in);
    free(m.in16);
    free(m.w);
    free(m.w16);
    free(m.bias);
    free(m.out);
    return 0;
}
