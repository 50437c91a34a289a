/* ffgan: what the fp32 product loops of every ISA share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_X86_CONV_WORK_H
#define FFGAN_KERNELS_X86_CONV_WORK_H

#include "kernels/dsp.h"

/* Taps as runs of values that lie side by side in a row: where pixels have no
 * gaps, the kw taps of a kernel row are one span. */
typedef struct FgConvWork {
    const float *const *rows;
    int spans, span;    /* kh * runs, values of one */
    int runs, in_pitch; /* spans of a kernel row */
    ptrdiff_t step;     /* values from output pixel to output pixel */
    int ocp, out_pitch;
    unsigned mask; /* lanes of the last vector that exist */
} FgConvWork;

typedef void (*FgConvTile)(float *out, int x, const float *w, const float *bias,
                           const FgConvWork *q);
/* Functions for falling pixel counts, the last for 1. */
typedef struct FgConvTiles {
    int px[4];
    FgConvTile fn[4];
} FgConvTiles;

static inline void fg_conv_work_init(FgConvWork *q, const float *const *rows,
                                     const FgConvGeom *g)
{
    const int joined = g->in_pitch == g->ic;

    q->rows = rows;
    q->runs = joined ? 1 : g->kw;
    q->span = joined ? g->kw * g->ic : g->ic;
    q->spans = g->kh * q->runs;
    q->in_pitch = g->in_pitch;
    q->step = (ptrdiff_t)g->stride * g->in_pitch;
    q->ocp = fg_round_lanes(g->oc);
    q->out_pitch = g->out_pitch;
    q->mask = 0;
}

static inline const float *fg_conv_span(const FgConvWork *q, int s, int x)
{
    const float *const row = q->runs == 1
                                 ? q->rows[s]
                                 : q->rows[s / q->runs] +
                                       (ptrdiff_t)(s % q->runs) * q->in_pitch;

    return row + x * q->step;
}

/* Covers a row. What is left over is done by a last block of the same size
 * that overlaps the one before (it writes the same bits again), so that only
 * rows shorter than a block need the small functions. */
static inline void fg_conv_tiles(const FgConvTiles *t, float *out,
                                 const float *w, const float *bias,
                                 const FgConvWork *q, int width)
{
    int k = 0;

    while (t->px[k] > width)
        k++;
    for (int x = 0; x < width; x += t->px[k])
        t->fn[k](out, x + t->px[k] > width ? width - t->px[k] : x, w, bias, q);
}

/* The weight gradient: blocks of inputs of one span. */
typedef void (*FgGradTile)(float *dw, const float *in, const float *dy,
                           int width, const FgConvWork *q);
typedef struct FgGradTiles {
    int ni[4];
    FgGradTile fn[4];
} FgGradTiles;

static inline void fg_grad_tiles(const FgGradTiles *t, float *dw,
                                 const float *dy, const FgConvWork *q,
                                 int width)
{
    for (int s = 0; s < q->spans; s++) {
        const float *const in = fg_conv_span(q, s, 0);

        for (int i = 0, k = 0; i < q->span; i += t->ni[k]) {
            while (t->ni[k] > q->span - i)
                k++;
            t->fn[k](dw + (ptrdiff_t)i * q->ocp, in + i, dy, width, q);
        }
        dw += (ptrdiff_t)q->span * q->ocp;
    }
}

/* The last outputs of a row, at most 8 of them (left), in half registers: wider
 * levels use them too. */
void fg_conv_tail_avx2(float *out, const float *w, const float *bias,
                       FgConvWork *q, int left, int width);
void fg_grad_tail_avx2(float *dw, const float *dy, FgConvWork *q, int left,
                       int width);

/* ISA tables are filled in parts, one for each file. */
void fg_dsp_init_conv_avx512(FgDsp *d);
void fg_dsp_init_wgrad_avx512(FgDsp *d);
void fg_dsp_init_conv_avx2(FgDsp *d);
void fg_dsp_init_wgrad_avx2(FgDsp *d);
void fg_dsp_init_bf16_avx2(FgDsp *d);

#endif
