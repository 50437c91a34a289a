/* ffgan: chroma by rows. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chroma.h"

#define BAND 16 /* rows of a job */

FgSited fg_sited(int in, int out, int log2, double pos)
{
    const int f = 1 << log2;
    const double r = (double)in / out, x = (pos + 0.5) * r - 0.5;
    const int c = fg_subsampled(in, log2), oc = fg_subsampled(out, log2);

    return (FgSited){
        .same = {c, oc, (x - pos) / f, r},
        .up = {c, in, -pos / f, 1.0 / f},
        .down = {out, oc, pos, f},
        .loss = {in, oc, x, f * r},
    };
}

static int bands(int rows)
{
    return (rows + BAND - 1) / BAND;
}

static int band_end(int i, int rows)
{
    return (i + 1) * BAND < rows ? (i + 1) * BAND : rows;
}

static void job_take(void *arg, int i, int worker)
{
    const FgChroma *c = arg;
    float *const row = c->row + c->gap * (size_t)worker;

    for (int y = i * BAND; y < band_end(i, c->r->y.axis.src); y++) {
        for (int k = 0; k < 2; k++) {
            fg_row_read(row, 1, c->in, c->fmt, &c->fmt->comp[1 + k], y,
                        c->r->x.axis.src, c->code);
            fg_resize_take_row(c->r, k, y, row);
        }
    }
}

static void job_give(void *arg, int i, int worker)
{
    const FgChroma *c = arg;
    float *const row = c->row + c->gap * (size_t)worker;

    for (int y = i * BAND; y < band_end(i, c->r->y.axis.dst); y++) {
        for (int k = 0; k < 2; k++) {
            fg_resize_give_row(c->r, k, y, row);
            fg_row_write(c->out, c->fmt, &c->fmt->comp[1 + k], y,
                         c->r->x.axis.dst, row, 1, c->code);
        }
    }
}

typedef struct Picture {
    const FgChroma *c;
    FgView v;
    int w, h;
} Picture;

static void job_read(void *arg, int i, int worker)
{
    const Picture *p = arg;

    (void)worker;
    for (int y = i * BAND; y < band_end(i, p->h); y++)
        for (int k = 0; k < 2; k++)
            fg_row_read(p->v.data + y * p->v.row + k, 2, p->c->in, p->c->fmt,
                        &p->c->fmt->comp[1 + k], y, p->w, p->c->code);
}

static void job_write(void *arg, int i, int worker)
{
    const Picture *p = arg;

    (void)worker;
    for (int y = i * BAND; y < band_end(i, p->h); y++)
        for (int k = 0; k < 2; k++)
            fg_row_write(p->c->out, p->c->fmt, &p->c->fmt->comp[1 + k], y, p->w,
                         p->v.data + y * p->v.row + k, 2, p->c->code);
}

void fg_chroma_read(const FgChroma *c, FgView to, int w, int h)
{
    Picture p = {c, to, w, h};

    fg_run(c->ex, job_read, &p, bands(h));
}

void fg_chroma_write(const FgChroma *c, FgView from, int w, int h)
{
    Picture p = {c, from, w, h};

    fg_run(c->ex, job_write, &p, bands(h));
}

void fg_chroma_take(const FgChroma *c)
{
    fg_run(c->ex, job_take, (void *)c, bands(c->r->y.axis.src));
}

void fg_chroma_give(const FgChroma *c)
{
    fg_run(c->ex, job_give, (void *)c, bands(c->r->y.axis.dst));
}
