/* Weight and bias gradients of convolutions: partial sums over runs of rows,
 * reduced in order.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conv_ring.h"
#include "dsp.h"
#include "real.h"

#include <string.h>

#define ring_init FG_REAL_NAME(fg_ring_init)
#define ring_seek FG_REAL_NAME(fg_ring_seek)

#define MAX_PARTS 16
#define PART_ROWS 16 /* fewer rows make no part of their own */

typedef struct Grad {
    const FgConvPrep *p;
    const FgTensor *in, *dy;
    FgTensor *dw;
    int parts;
    size_t elements, ring_bytes; /* of a part (dense), of a worker */
    fg_real *sums;
    char *rings;
} Grad;

#ifndef FG_REAL_DOUBLE
int fg_wgrad_parts(FgShape dy)
{
    const long long n = (long long)dy.n * dy.h / PART_ROWS;

    return n < 1 ? 1 : n > MAX_PARTS ? MAX_PARTS : (int)n;
}

int fg_wgrad_part(FgShape dy, int parts, int i)
{
    return (int)((long long)dy.n * dy.h * i / parts);
}
#endif

#ifndef FG_REAL_DOUBLE
static size_t round64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static size_t element_count(const FgConvPrep *p)
{
    return (size_t)(p->groups * p->k * p->k) * (size_t)p->ic * (size_t)p->ocp;
}

size_t fg_conv_wgrad_scratch(const FgConvPrep *p, FgShape dy, int threads)
{
    return round64(element_count(p) * fg_dtype_size(p->dtype) *
                   (size_t)fg_wgrad_parts(dy)) +
           fg_ring_bytes(p, dy.w) * (size_t)threads;
}

size_t fg_conv_bgrad_scratch(FgShape dy, FgDtype dtype)
{
    return round64((size_t)dy.c * fg_dtype_size(dtype) *
                   (size_t)fg_wgrad_parts(dy));
}

static void wgrad_row(const FgConvPrep *p, float *dw, const float *const *rows,
                      int in_pitch, const float *dy, int width, int dy_pitch)
{
    const FgConvGeom g = {width, p->k,  p->k,     p->stride,
                          p->ic, p->oc, in_pitch, dy_pitch};

    fg_dsp()->conv_row_wgrad_f32(dw, rows, dy, &g);
}
#else
static void wgrad_row(const FgConvPrep *p, double *dw,
                      const double *const *rows, int in_pitch, const double *dy,
                      int width, int dy_pitch)
{
    for (int t = 0; t < p->k * p->k; t++) {
        for (int i = 0; i < p->ic; i++, dw += p->ocp) {
            const double *in = rows[t / p->k] + t % p->k * in_pitch + i;
            const double *d = dy;

            for (int x = 0; x < width; x++, d += dy_pitch) {
                for (int o = 0; o < p->oc; o++)
                    dw[o] += *in * d[o];
                in += p->stride * in_pitch;
            }
        }
    }
}
#endif

static void part_job(void *arg, int i, int worker)
{
    const Grad *const a = arg;
    const FgConvPrep *const p = a->p;
    const FgShape s = a->dy->shape;
    fg_real *const sum = a->sums + (size_t)i * a->elements;
    const int end = fg_wgrad_part(s, a->parts, i + 1);
    const fg_real *rows[FG_CONV_MAX_KERNEL];
    FgRing r;
    int image = -1;

    memset(sum, 0, sizeof(*sum) * a->elements);
    for (int row = fg_wgrad_part(s, a->parts, i); row < end; row++) {
        const int n = row / s.h, y = row % s.h;

        if (n != image) {
            void *const mem = a->rings + (size_t)worker * a->ring_bytes;

            ring_init(&r, p, a->in, n, s, mem);
        }
        image = n;
        ring_seek(&r, y);
        for (int g = 0; g < p->groups; g++) {
            for (int ky = 0; ky < p->k; ky++)
                rows[ky] = (const fg_real *)r.rows[ky] + g * p->ic;
            wgrad_row(p, sum + (size_t)g * (a->elements / (size_t)p->groups),
                      rows, r.pitch, fg_at(a->dy, n, y, 0) + g * p->oc, s.w,
                      a->dy->pitch);
        }
    }
}

/* One tap of one group: parts in order, then into the file's order. */
static void tap_job(void *arg, int job, int worker)
{
    const Grad *const a = arg;
    const FgConvPrep *const p = a->p;
    const int taps = p->k * p->k, g = job / taps, t = job % taps;
    fg_real *const dw = a->dw->data;

    (void)worker;
    for (int i = 0; i < p->ic; i++) {
        fg_real *const sum = a->sums +
                             ((size_t)job * (size_t)p->ic + (size_t)i) *
                                 (size_t)p->ocp;

        for (int q = 1; q < a->parts; q++) {
            const fg_real *const part = sum + (size_t)q * a->elements;

            for (int o = 0; o < p->oc; o++)
                sum[o] += part[o];
        }
        for (int o = 0; o < p->oc; o++)
            dw[((size_t)(g * p->oc + o) * (size_t)p->ic + (size_t)i) *
                   (size_t)taps +
               (size_t)t] += sum[o];
    }
}

void FG_REAL_NAME(fg_conv_wgrad)(const FgConvPrep *p, const FgTensor *in,
                                 const FgTensor *dy, FgTensor *dw,
                                 FgExecutor *ex, void *scratch)
{
    const int taps = p->k * p->k;
    Grad a = {.p = p, .in = in, .dy = dy, .dw = dw, .sums = scratch};
    size_t bytes;

    a.parts = fg_wgrad_parts(dy->shape);
    a.elements = (size_t)(p->groups * taps) * (size_t)p->ic * (size_t)p->ocp;
    bytes = sizeof(fg_real) * a.elements * (size_t)a.parts;
    a.rings = (char *)scratch + ((bytes + 63) & ~(size_t)63);
    a.ring_bytes = fg_ring_bytes(p, dy->shape.w);
    fg_run(ex, part_job, &a, a.parts);
    fg_run(ex, tap_job, &a, p->groups * taps);
}

#ifdef FG_REAL_DOUBLE
static void add_pixels(double *sum, const double *dy, int width, int pitch,
                       int c)
{
    for (int x = 0; x < width; x++, dy += pitch)
        for (int k = 0; k < c; k++)
            sum[k] += dy[k];
}
#else
static void add_pixels(float *sum, const float *dy, int width, int pitch, int c)
{
    fg_dsp()->sum_pixels(sum, dy, width, pitch, c);
}
#endif

static void bias_job(void *arg, int i, int worker)
{
    const Grad *const a = arg;
    const FgShape s = a->dy->shape;
    fg_real *const sum = a->sums + (size_t)i * a->elements;
    const int end = fg_wgrad_part(s, a->parts, i + 1);

    (void)worker;
    memset(sum, 0, sizeof(*sum) * a->elements);
    for (int row = fg_wgrad_part(s, a->parts, i); row < end; row++) {
        const fg_real *const dy = fg_at(a->dy, row / s.h, row % s.h, 0);

        add_pixels(sum, dy, s.w, a->dy->pitch, s.c);
    }
}

void FG_REAL_NAME(fg_conv_bgrad)(const FgTensor *dy, FgTensor *db,
                                 FgExecutor *ex, void *scratch)
{
    Grad a = {.dy = dy, .sums = scratch};
    fg_real *const out = db->data;

    a.parts = fg_wgrad_parts(dy->shape);
    a.elements = (size_t)dy->shape.c;
    fg_run(ex, bias_job, &a, a.parts);
    for (int q = 0; q < a.parts; q++)
        for (size_t c = 0; c < a.elements; c++)
            out[c] += a.sums[(size_t)q * a.elements + c];
}
