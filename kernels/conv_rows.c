/* Convolution rows: ring, groups, what follows the product.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conv_ring.h"
#include "dsp.h"
#include "real.h"

#include <string.h>

#define ring_init FG_REAL_NAME(fg_ring_init)
#define ring_seek FG_REAL_NAME(fg_ring_seek)

#ifdef FG_REAL_DOUBLE
static void conv_row(const FgConvPrep *p, const double *const *rows,
                     int in_pitch, const double *w, const double *bias,
                     double *out, int width, int out_pitch)
{
    for (int x = 0; x < width; x++, out += out_pitch) {
        const double *wt = w;

        memcpy(out, bias, sizeof(*out) * (size_t)p->oc);
        for (int t = 0; t < p->k * p->k; t++) {
            const double *const in = rows[t / p->k] +
                                     (ptrdiff_t)(x * p->stride + t % p->k) *
                                         in_pitch;

            for (int i = 0; i < p->ic; i++, wt += p->ocp)
                for (int o = 0; o < p->oc; o++)
                    out[o] += in[i] * wt[o];
        }
    }
}
#else
static void conv_row(const FgConvPrep *p, const float *const *rows,
                     int in_pitch, const float *w, const float *bias,
                     float *out, int width, int out_pitch)
{
    const FgConvGeom g = {width, p->k,  p->k,     p->stride,
                          p->ic, p->oc, in_pitch, out_pitch};

    fg_dsp()->conv_row_f32(out, rows, w, bias, &g);
}

static void conv_row_bf16(const FgConvPrep *p, const FgRing *r, int group,
                          float *out, int width, int out_pitch)
{
    const FgConvGeom g = {width,  p->k,  p->k,     p->stride,
                          p->icp, p->oc, r->pitch, out_pitch};
    const size_t w = (size_t)(group * p->k * p->k) * (size_t)p->icp *
                     (size_t)p->ocp;
    const uint16_t *rows[FG_CONV_MAX_KERNEL];

    for (int ky = 0; ky < p->k; ky++)
        rows[ky] = (const uint16_t *)r->rows[ky] + group * p->icp;
    fg_dsp()->conv_row_bf16(out, rows, (const uint16_t *)p->w + w,
                            (const float *)p->bias + group * p->ocp, &g);
}
#endif

/* All groups of the row that r was moved to. */
static void whole_row(const FgConvPrep *p, const FgRing *r, fg_real *out,
                      int width, int out_pitch)
{
    const size_t size = (size_t)(p->k * p->k) * (size_t)p->icp * (size_t)p->ocp;
    const fg_real *rows[FG_CONV_MAX_KERNEL];

    for (int g = 0; g < p->groups; g++) {
#ifndef FG_REAL_DOUBLE
        if (p->dtype == FG_BF16) {
            conv_row_bf16(p, r, g, out + g * p->oc, width, out_pitch);
            continue;
        }
#endif
        for (int ky = 0; ky < p->k; ky++)
            rows[ky] = (const fg_real *)r->rows[ky] + g * p->ic;
        conv_row(p, rows, r->pitch, (const fg_real *)p->w + (size_t)g * size,
                 (const fg_real *)p->bias + g * p->ocp, out + g * p->oc, width,
                 out_pitch);
    }
}

#ifndef FG_REAL_DOUBLE
static void activate(const FgConvEpilogue *e, float *row, int pixels, int c)
{
    const FgDsp *const d = fg_dsp();

    switch (e->act) {
    case FG_CONV_RELU:
        d->relu_f32(row, row, (size_t)pixels * (size_t)c);
        break;
    case FG_CONV_LEAKY_RELU:
        d->leaky_relu_f32(row, row, (size_t)pixels * (size_t)c, e->alpha);
        break;
    case FG_CONV_PRELU:
        d->prelu_f32(row, row, e->slope, pixels, c);
        break;
    case FG_CONV_SILU:
        d->smooth(row, row, (size_t)pixels * (size_t)c, FG_SILU);
        break;
    case FG_CONV_LINEAR:
        break;
    }
}

/* A run of pixels without gaps between them. */
static void finish_run(const FgConvEpilogue *e, float *row, const float *add,
                       int pixels, int c)
{
    const size_t n = (size_t)pixels * (size_t)c;

    if (add && e->add_first)
        fg_dsp()->add_f32(row, row, add, n);
    activate(e, row, pixels, c);
    if (add && !e->add_first)
        fg_dsp()->add_f32(row, row, add, n);
}

static void finish_row(const FgConvEpilogue *e, FgTensor *out, int y)
{
    const int c = out->shape.c, w = out->shape.w;
    float *const row = fg_f32(out, 0, y, 0);
    const float *const add = e->add ? fg_f32(e->add, 0, y, 0) : NULL;

    if (out->pitch == c && (!add || e->add->pitch == c)) {
        finish_run(e, row, add, w, c);
    } else {
        for (int x = 0; x < w; x++)
            finish_run(e, row + (ptrdiff_t)x * out->pitch,
                       add ? add + (ptrdiff_t)x * e->add->pitch : NULL, 1, c);
    }
    if (e->row)
        e->row(e->arg, y, row);
}

/* A row is made as f32 and rounded once. */
static void half_row(const FgConvPrep *p, const FgRing *r, FgTensor *out, int y,
                     const FgConvEpilogue *e, float *row)
{
    const FgShape s = out->shape;
    const size_t n = (size_t)s.w * (size_t)s.c;
    float *const add = e && e->add ? row + ((n + 15) & ~(size_t)15) : NULL;

    whole_row(p, r, row, s.w, s.c);
    if (add)
        fg_dsp()->f16_to_f32(add,
                             (const uint16_t *)fg_bytes(e->add, 0, y, 0, 2), n);
    if (e)
        finish_run(e, row, add, s.w, s.c);
    fg_dsp()->f32_to_f16((uint16_t *)fg_bytes(out, 0, y, 0, 2), row, n);
}

void fg_conv_rows(const FgConvPrep *p, const FgTensor *in, FgTensor *out,
                  int y0, int y1, const FgConvEpilogue *e, void *scratch)
{
    float *const row = (float *)((char *)scratch +
                                 fg_ring_bytes(p, out->shape.w));
    FgRing r;

    fg_ring_init_f32(&r, p, in, 0, out->shape, scratch);
    for (int y = y0; y < y1; y++) {
        fg_ring_seek_f32(&r, y);
        if (out->dtype == FG_F16) {
            half_row(p, &r, out, y, e, row);
            continue;
        }
        whole_row(p, &r, fg_f32(out, 0, y, 0), out->shape.w, out->pitch);
        if (e)
            finish_row(e, out, y);
    }
}

static size_t row_bytes(const FgConvPrep *p, int out_w)
{
    const size_t size = p->dtype == FG_F64 ? 8 : 4;

    return ((size_t)out_w * (size_t)(p->oc * p->groups) * size + 63) &
           ~(size_t)63;
}

size_t fg_conv_scratch(const FgConvPrep *p, int out_w)
{
    return fg_ring_bytes(p, out_w) + 2 * row_bytes(p, out_w);
}

/* A worker has a ring, and a row for sums. */
size_t fg_conv_all_scratch(const FgConvPrep *p, int out_w, int threads)
{
    return (fg_ring_bytes(p, out_w) + row_bytes(p, out_w)) * (size_t)threads;
}
#endif

typedef struct All {
    const FgConvPrep *p;
    const FgTensor *in;
    FgTensor *out;
    int add, band, bands; /* rows of a job, jobs of an image */
    char *scratch;
    size_t per_worker;
} All;

static void add_row(const All *a, fg_real *dst, const fg_real *src)
{
    const int c = a->out->shape.c, w = a->out->shape.w;

#ifndef FG_REAL_DOUBLE
    if (a->out->pitch == c) {
        fg_dsp()->add_f32(dst, dst, src, (size_t)w * (size_t)c);
        return;
    }
#endif
    for (int x = 0; x < w; x++) {
        for (int i = 0; i < c; i++)
            dst[i] += src[i];
        dst += a->out->pitch;
        src += c;
    }
}

static void band_job(void *arg, int i, int worker)
{
    const All *const a = arg;
    const FgShape s = a->out->shape;
    const int n = i / a->bands, y0 = i % a->bands * a->band;
    const int y1 = y0 + a->band < s.h ? y0 + a->band : s.h;
    char *const mem = a->scratch + (size_t)worker * a->per_worker;
    fg_real *const sum = (fg_real *)(mem + fg_ring_bytes(a->p, s.w));
    FgRing r;

    ring_init(&r, a->p, a->in, n, s, mem);
    for (int y = y0; y < y1; y++) {
        fg_real *const row = fg_at(a->out, n, y, 0);

        ring_seek(&r, y);
        whole_row(a->p, &r, a->add ? sum : row, s.w,
                  a->add ? s.c : a->out->pitch);
        if (a->add)
            add_row(a, row, sum);
    }
}

void FG_REAL_NAME(fg_conv_all)(const FgConvPrep *p, const FgTensor *in,
                               FgTensor *out, int add, FgExecutor *ex,
                               void *scratch)
{
    const FgShape s = out->shape;
    const int jobs = 4 * fg_threads(ex);
    All a = {p, in, out, add, 0, 0, scratch, 0};

    /* Bands thick enough that the rows gathered twice cost little. */
    a.band = s.n >= jobs ? s.h : (s.h * s.n + jobs - 1) / jobs;
    a.band = a.band < 4 * p->k ? 4 * p->k : a.band;
    a.bands = (s.h + a.band - 1) / a.band;
    a.per_worker = fg_conv_all_scratch(p, s.w, 1);
    fg_run(ex, band_job, &a, s.n * a.bands);
}
