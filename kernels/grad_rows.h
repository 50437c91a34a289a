/* ffgan: rows of gradients, once for every instruction set.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain C for the compiler to vectorise with the flags of whoever includes it;
 * sums over pixels in rising order, so that the bits are the same. */
#ifndef FFGAN_KERNELS_GRAD_ROWS_H
#define FFGAN_KERNELS_GRAD_ROWS_H

#include <stddef.h>
#include <string.h>

#include "dsp.h"

#define GRAD_LANES 16

/* nb channels of FgPreluGrad, from channel k on. */
static inline __attribute__((always_inline)) void
prelu_channels(const FgPreluGrad *q, int k, const int nb, const int add)
{
    const float *const slope = q->slope + k;
    float acc[GRAD_LANES] = {0};

    for (int x = 0; x < q->pixels; x++) {
        const float *const in = q->x + (ptrdiff_t)x * q->x_pitch + k;
        const float *const dy = q->dy + (ptrdiff_t)x * q->dy_pitch + k;
        float *const dx = q->dx + (ptrdiff_t)x * q->dx_pitch + k;

        for (int i = 0; i < nb; i++) {
            const float d = dy[i], v = in[i];

            acc[i] += v > 0 ? 0 : d * v;
            dx[i] = (add ? dx[i] : 0) + (v > 0 ? d : d * slope[i]);
        }
    }
    for (int i = 0; i < nb; i++)
        q->sum[k + i] = acc[i];
}

static void prelu_grad_row(const FgPreluGrad *q)
{
    int k = 0;

    for (; k + GRAD_LANES <= q->c; k += GRAD_LANES) {
        if (q->add)
            prelu_channels(q, k, GRAD_LANES, 1);
        else
            prelu_channels(q, k, GRAD_LANES, 0);
    }
    for (; k < q->c; k++)
        prelu_channels(q, k, 1, q->add);
}

/* sum[0..c) += every pixel. */
static void sum_pixels_row(float *sum, const float *dy, int pixels, int pitch,
                           int c)
{
    int k = 0;

    for (; k + GRAD_LANES <= c; k += GRAD_LANES) {
        float acc[GRAD_LANES];

        memcpy(acc, sum + k, sizeof(acc));
        for (int x = 0; x < pixels; x++)
            for (int i = 0; i < GRAD_LANES; i++)
                acc[i] += dy[(ptrdiff_t)x * pitch + k + i];
        memcpy(sum + k, acc, sizeof(acc));
    }
    for (; k < c; k++)
        for (int x = 0; x < pixels; x++)
            sum[k] += dy[(ptrdiff_t)x * pitch + k];
}

#endif
