/* Tile products: rows of a picture, gathered where they must be.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mat.h"
#include "conv_ring.h"
#include "dsp.h"

#include <assert.h>
#include <string.h>

#define LINE 32
#define ROWS FG_MAT_ROWS
#define MOST_COLUMNS 1024
/* Rows of a call where they are gathered first: few are gathered twice. */
#define GATHER_ROWS 8

/* ---- the table ---- */

static const FgMatOps *used;

const FgMatOps *fg_mat_ops(FgCpu level)
{
#if defined(__x86_64__)
    if (level >= FG_CPU_AMX)
        return fg_mat_ops_amx();
#else
    (void)level;
#endif
    return NULL;
}

void fg_mat_use(const FgMatOps *ops)
{
    used = ops;
}

/* ---- values ---- */

static int whole_lines(int n)
{
    return (n + LINE - 1) & ~(LINE - 1);
}

/* Zeros between rows: what a unit at the edge may read. */
static int gap(int pitch, int pad)
{
    return whole_lines((FG_MAT_UNIT + pad) * pitch + LINE);
}

/* Bytes after the last row that products with unused rows may read. */
static size_t slack(int pitch)
{
    return 2 * (size_t)whole_lines(FG_MAT_UNIT * ROWS * pitch);
}

size_t fg_mat_place(FgTensor *t, void *mem, FgShape s, int pad, int rows)
{
    const int pitch = fg_mat_pitch(s.c), g = gap(pitch, pad);
    const ptrdiff_t row = whole_lines(s.w * pitch) + g;
    const int n = rows && rows < s.h ? rows : s.h;

    if (t)
        *t = (FgTensor){.shape = s,
                        .pitch = pitch,
                        .row = row,
                        .image = row * s.h,
                        .dtype = FG_BF16,
                        .data = (uint16_t *)mem + g,
                        .wrap = rows};
    return 2 * ((size_t)g + (size_t)row * (size_t)n) + slack(pitch);
}

/* ---- one call ---- */

typedef struct Job {
    const FgMat *m;
    const FgMatOps *ops;
    const FgTensor *in;
    FgTensor *out;
    const FgConvEpilogue *e;
    int u0, units; /* of the share */
    int direct;    /* products read the input where it lies */
    char *stage;   /* gathered rows, stage_row bytes apart */
    size_t stage_row;
    float *slope;
    void *work;
} Job;

static size_t stage_row(const FgMat *m, int out_w)
{
    const int units = (out_w + m->unit - 1) / m->unit;
    const int n = units * m->unit * m->stride * m->icp;

    return 2 * (size_t)(2 * gap(m->icp, m->pad) + whole_lines(n));
}

static int stage_rows(const FgMat *m)
{
    return (GATHER_ROWS - 1) * m->stride + m->k;
}

static size_t stage_bytes(const FgMat *m, int out_w)
{
    return (size_t)stage_rows(m) * stage_row(m, out_w) + slack(m->icp) * 2;
}

size_t fg_mat_scratch(const FgMat *m, int out_w)
{
    /* The last part is one row of zeros, or of floats. */
    return FG_MAT_WORK + MOST_COLUMNS * sizeof(float) + stage_bytes(m, out_w);
}

static int is_value(const FgMat *m, const FgTensor *t)
{
    const int g = gap(t->pitch, m->pad);

    return t->dtype == FG_BF16 && t->pitch == m->icp && !m->split &&
           !m->pad_mode && t->row >= whole_lines(t->shape.w * t->pitch) + g;
}

static void job_init(Job *j, const FgMat *m, const FgTensor *in, FgTensor *out,
                     const FgConvEpilogue *e, void *scratch)
{
    *j = (Job){.m = m,
               .ops = used ? used : fg_mat_ops(fg_cpu_level()),
               .in = in,
               .out = out,
               .e = e,
               .units = (out->shape.w + m->unit - 1) / m->unit,
               .direct = is_value(m, in),
               .work = scratch};
    j->slope = (float *)((char *)scratch + FG_MAT_WORK);
    j->stage = (char *)(j->slope + MOST_COLUMNS);
    j->stage_row = stage_row(m, out->shape.w);
    for (int c = 0; e && e->act == FG_CONV_PRELU && c < m->tiles * 16; c++)
        j->slope[c] = c < m->columns && c % m->ocp < m->oc
                          ? e->slope[c % m->ocp]
                          : 0;
}

/* ---- gathering ---- */

/* n pixels of the input from x on, to dst. */
static void convert(const Job *j, uint16_t *dst, int y, int x, int n)
{
    const FgMat *const m = j->m;
    const FgTensor *const in = j->in;
    const int dense = in->pitch == m->ic;
    const int run = dense && (m->split || m->icp == m->ic) ? n : 1;

    for (int i = 0; i < n; i += run, dst += run * m->icp) {
        const char *const src = fg_bytes(in, 0, y, x + i,
                                         fg_dtype_size(in->dtype));

        if (m->split) {
            assert(j->ops);
            j->ops->split(dst, (const float *)(const void *)src, run, m->ic,
                          m->icp);
            continue;
        }
        if (in->dtype == FG_BF16)
            memcpy(dst, src, 2 * (size_t)(run * m->ic));
        else
            fg_dsp()->f32_to_bf16(dst, (const float *)(const void *)src,
                                  (size_t)(run * m->ic));
        if (m->icp > m->ic)
            memset(dst + m->ic, 0, 2 * (size_t)(m->icp - m->ic));
    }
}

static int clamp(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* Pixels x0 <= x < x1, all outside, of input row `from`. */
static void gather_border(const Job *j, uint16_t *dst, int from, int x0, int x1)
{
    const FgMat *const m = j->m;
    const int w = j->in->shape.w;

    for (int x = x0; x < x1; x++) {
        uint16_t *const d = dst + (ptrdiff_t)x * m->icp;
        const int near = x >= -m->pad && x < w + m->pad;
        const int at = near ? fg_pad_index(x, w, m->pad_mode) : -1;

        if (at < 0)
            memset(d, 0, 2 * (size_t)m->icp);
        else
            convert(j, d, from, at, 1);
    }
}

/* Pixels x0 <= x < x1 of virtual row y (may lie outside), pixel 0 at dst. */
static void gather(const Job *j, uint16_t *dst, int y, int x0, int x1)
{
    const FgMat *const m = j->m;
    const int from = fg_pad_index(y, j->in->shape.h, m->pad_mode);
    const int a = clamp(0, x0, x1), b = clamp(j->in->shape.w, a, x1);

    if (from < 0) {
        memset(dst + (ptrdiff_t)x0 * m->icp, 0,
               2 * (size_t)(x1 - x0) * (size_t)m->icp);
        return;
    }
    gather_border(j, dst, from, x0, a);
    if (b > a)
        convert(j, dst + (ptrdiff_t)a * m->icp, from, a, b - a);
    gather_border(j, dst, from, b, x1);
}

/* Rows of the input that output rows y0 <= y < y1 read, as far as the share's
 * units do, into the stage. */
static void gather_rows(const Job *j, const char **row, int y0, int y1)
{
    const FgMat *const m = j->m;
    const int n = (y1 - y0 - 1) * m->stride + m->k;
    const int step = m->unit * m->stride;
    /* To whole lines, that a product meets no stale value. */
    const int x0 = j->u0 * step + m->low * LINE / m->icp - 1;
    const int x1 = (j->u0 + j->units - 1) * step + m->high * LINE / m->icp + 1;
    uint16_t *const origin = (uint16_t *)(void *)j->stage + gap(m->icp, m->pad);

    for (int i = 0; i < n; i++) {
        uint16_t *const dst = origin + (size_t)i * (j->stage_row / 2) -
                              (ptrdiff_t)j->u0 * step * m->icp;

        gather(j, dst, y0 * m->stride - m->pad + i, x0, x1);
        row[i] = (const char *)(origin + (size_t)i * (j->stage_row / 2));
    }
}

/* ---- rows where they lie ---- */

static void find_rows(const Job *j, const char **row, int y0, int y1)
{
    const FgMat *const m = j->m;
    const int n = (y1 - y0 - 1) * m->stride + m->k;
    const int x = j->u0 * m->unit * m->stride;
    /* Rows outside are zeros: one row of the stage, made when needed. */
    const char *const zero = j->stage + 2 * (size_t)gap(m->icp, m->pad);
    int zeroed = 0;

    for (int i = 0; i < n; i++) {
        const int y = y0 * m->stride - m->pad + i;

        row[i] = y < 0 || y >= j->in->shape.h ? zero
                                              : fg_bytes(j->in, 0, y, x, 2);
        if (row[i] == zero && !zeroed) {
            memset(j->stage, 0, j->stage_row + slack(m->icp));
            zeroed = 1;
        }
    }
}

static void run_rows(const Job *j, int y0, int y1)
{
    const FgMat *const m = j->m;
    const char *row[(FG_MAT_CHUNK - 1) * 4 + 15];
    const int x = j->u0 * m->unit, left = (j->out->shape.w - x) * m->ocp;
    const size_t size = fg_dtype_size(j->out->dtype);
    FgMatJob q = {.m = m,
                  .row = row,
                  .unit_bytes = 2 * (ptrdiff_t)(m->unit * m->stride * m->icp),
                  .rows = y1 - y0,
                  .units = j->units,
                  .slope = j->slope,
                  .work = j->work};

    q.last = left - (j->units - 1) * m->columns;
    q.last = q.last < m->columns ? q.last : m->columns;
    if (j->e) {
        q.act = j->e->act;
        q.alpha = j->e->alpha;
        q.add_first = j->e->add_first;
    }
    for (int i = 0; i < y1 - y0; i++) {
        q.out[i] = fg_bytes(j->out, 0, y0 + i, x, size);
        if (j->e && j->e->add)
            q.add[i] = fg_bytes(j->e->add, 0, y0 + i, x, size);
    }
    if (j->direct)
        find_rows(j, row, y0, y1);
    else
        gather_rows(j, row, y0, y1);
    assert(j->ops); /* plans take this way only where there are some */
    j->ops->rows(&q);
}

/* The zeros on both sides of rows that are values: memory is used again and
 * again, by values of other shapes too. */
static void clear_gaps(const FgTensor *out, int y0, int y1, int left, int right)
{
    const ptrdiff_t g = out->row - whole_lines(out->shape.w * out->pitch);
    const ptrdiff_t n = (ptrdiff_t)out->shape.w * out->pitch;

    for (int y = y0; y < y1; y++) {
        uint16_t *const row = (uint16_t *)(void *)fg_bytes(out, 0, y, 0, 2);

        if (left)
            memset(row - g, 0, 2 * (size_t)g);
        if (right)
            memset(row + n, 0, 2 * (size_t)(out->row - n));
    }
}

void fg_mat_gaps(const FgTensor *t, int y0, int y1)
{
    clear_gaps(t, y0, y1, 1, 1);
}

void fg_mat_rows(const FgMat *m, const FgTensor *in, FgTensor *out, int y0,
                 int y1, const FgConvEpilogue *e, void *scratch, int part,
                 int parts)
{
    Job j;

    job_init(&j, m, in, out, e, scratch);
    /* Whole products, but the last. */
    const int blocks = (j.units + ROWS - 1) / ROWS;
    const int b0 = (int)((int64_t)blocks * part / parts);
    const int b1 = (int)((int64_t)blocks * (part + 1) / parts);
    const int most = j.direct ? FG_MAT_CHUNK : GATHER_ROWS;

    j.u0 = b0 * ROWS;
    j.units = b1 == blocks ? j.units - j.u0 : (b1 - b0) * ROWS;
    if (b1 <= b0)
        return;
    if (!m->f32)
        clear_gaps(out, y0, y1, !b0, b1 == blocks);
    for (int y = y0; y < y1; y += most)
        run_rows(&j, y, y + most < y1 ? y + most : y1);
}
