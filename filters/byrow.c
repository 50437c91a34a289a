/* ffgan: pictures resampled row by row.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "byrow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- what both do ---- */

static int base_init(FgByRow *r, FgAxis x, FgAxis y, FgKernel kernel,
                     int channels, int threads)
{
    int ret;

    memset(r, 0, sizeof(*r));
    if ((ret = fg_taps_init(&r->x, x, kernel)) < 0 ||
        (ret = fg_taps_init(&r->y, y, kernel)) < 0)
        return ret;
    r->channels = channels;
    r->y_first = y.src > y.dst || r->x.copy;
    r->row = ((ptrdiff_t)(r->y_first ? x.src : x.dst) * channels + 15) &
             ~(ptrdiff_t)15;
    r->long_row = ((ptrdiff_t)(x.src > x.dst ? x.src : x.dst) * channels + 15) &
                  ~(ptrdiff_t)15;
    r->work = aligned_alloc(64, sizeof(float) * 2 * (size_t)r->long_row *
                                    (size_t)threads);
    return r->work ? 0 : -ENOMEM;
}

static int base_keep(FgByRow *r, int rows, int sets)
{
    r->rows = rows;
    r->kept = aligned_alloc(64, sizeof(float) * (size_t)r->row * (size_t)rows *
                                    (size_t)sets);
    return r->kept ? 0 : -ENOMEM;
}

static void base_free(FgByRow *r)
{
    fg_taps_free(&r->x);
    fg_taps_free(&r->y);
    free(r->kept);
    free(r->work);
}

static float *work_of(const FgByRow *r, int worker, int i)
{
    return r->work + (2 * (ptrdiff_t)worker + i) * r->long_row;
}

static void keep(const FgByRow *r, float *dst, const float *src)
{
    if (r->y_first)
        memcpy(dst, src,
               sizeof(*dst) * (size_t)r->x.axis.src * (size_t)r->channels);
    else
        fg_taps_across(&r->x, r->channels, dst, src, 0, 1);
}

/* Row y of the result from kept rows. */
static void finish(const FgByRow *r, float *dst, const float *kept, int y,
                   int worker)
{
    const int w = r->y_first ? r->x.axis.src : r->x.axis.dst;
    const int more = r->y_first && !r->x.copy;
    float *const row = more ? work_of(r, worker, 0) : dst;

    fg_taps_down(&r->y, row, kept, r->row, r->rows, y,
                 (ptrdiff_t)w * r->channels);
    if (more)
        fg_taps_across(&r->x, r->channels, dst, row, 0, 1);
}

/* ---- rows that come ---- */

int fg_push_init(FgPush *p, FgAxis x, FgAxis y, FgKernel kernel, int channels,
                 int ahead, int threads)
{
    int ret = base_init(&p->r, x, y, kernel, channels, threads);

    p->left = NULL;
    if (ret < 0)
        return ret;
    const int rows = ahead + p->r.y.nb;
    if ((ret = base_keep(&p->r, rows < y.src ? rows : y.src, 1)) < 0)
        return ret;
    p->left = calloc((size_t)y.dst, sizeof(*p->left));
    return p->left ? 0 : -ENOMEM;
}

void fg_push_free(FgPush *p)
{
    base_free(&p->r);
    free(p->left);
    memset(p, 0, sizeof(*p));
}

void fg_push_start(FgPush *p)
{
    for (int y = 0; y < p->r.y.axis.dst; y++)
        atomic_store_explicit(&p->left[y], p->r.y.nb, memory_order_relaxed);
}

void fg_push_row(FgPush *p, const float *row, int y, int worker)
{
    const FgByRow *const r = &p->r;
    const FgPart to = fg_taps_readers(&r->y, y);
    float *const dst = work_of(r, worker, 1);

    keep(r, r->kept + y % r->rows * r->row, row);
    for (int i = to.from; i < to.to; i++) {
        if (atomic_fetch_sub_explicit(&p->left[i], 1, memory_order_acq_rel) > 1)
            continue;
        finish(r, dst, r->kept, i, worker);
        p->put(p->arg, dst, i, worker);
    }
}

/* A row is put by the last of its nb source rows: those of rows so far before
 * have returned. At the picture's edges sources are up to nb apart from where
 * they were elsewhere. */
int fg_push_ahead(const FgPush *p, int ahead)
{
    const FgTaps *const t = &p->r.y;

    const double rows = (ahead + 2 * t->nb + 1) / t->axis.step + 2;

    return rows < t->axis.dst ? (int)rows : t->axis.dst;
}

/* ---- rows that are asked for ---- */

int fg_pull_init(FgPull *p, FgAxis x, FgAxis y, FgKernel kernel, int channels,
                 int threads)
{
    int ret = base_init(&p->r, x, y, kernel, channels, threads);

    p->have = NULL;
    p->threads = threads;
    if (ret < 0 || (ret = base_keep(&p->r, p->r.y.nb, threads)) < 0)
        return ret;
    p->have = calloc((size_t)threads * (size_t)p->r.rows, sizeof(*p->have));
    return p->have ? 0 : -ENOMEM;
}

void fg_pull_free(FgPull *p)
{
    base_free(&p->r);
    free(p->have);
    memset(p, 0, sizeof(*p));
}

void fg_pull_start(FgPull *p)
{
    for (int i = 0; i < p->threads * p->r.rows; i++)
        p->have[i] = -1;
}

void fg_pull_row(FgPull *p, float *dst, int y, int worker)
{
    const FgByRow *const r = &p->r;
    const int first = r->y.start[y];
    int *const have = p->have + (ptrdiff_t)worker * r->rows;
    float *const kept = r->kept + (ptrdiff_t)worker * r->rows * r->row;

    for (int j = first; j < first + r->y.nb; j++) {
        if (have[j % r->rows] == j)
            continue;
        keep(r, kept + j % r->rows * r->row,
             p->get(p->arg, work_of(r, worker, 1), j, worker));
        have[j % r->rows] = j;
    }
    finish(r, dst, kept, y, worker);
}
