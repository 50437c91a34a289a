/* ffgan: what the op files share: rows as jobs, sums that threads cannot
 * change, error texts. Included by op files only.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_OPKIT_H
#define FFGAN_KERNELS_OPKIT_H

#include <errno.h>
#include <string.h>

#include "ops.h"
#include "real.h"

enum { FG_MAX_FACTOR = 16 }; /* of shuffles and resizes */

/* One call per row: job index i is row i % h of image i / h. */
static inline void fg_rows(const FgOpCall *c, FgJobFn job, FgShape s)
{
    fg_run(c->ex, job, (void *)c, s.n * s.h);
}

static inline int fg_min(int a, int b)
{
    return a < b ? a : b;
}

static inline int fg_max(int a, int b)
{
    return a > b ? a : b;
}

static inline int fg_clamp(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static inline int fg_same_shape(FgShape a, FgShape b)
{
    return a.n == b.n && a.c == b.c && a.h == b.h && a.w == b.w;
}

/* A row without gaps between its pixels can be worked on as one run. */
static inline int fg_dense_row(const FgTensor *t)
{
    return t->pitch == t->shape.c;
}

static inline int fg_check_factor(const FgNode *n, FgError *err)
{
    if (n->attr.factor >= 1 && n->attr.factor <= FG_MAX_FACTOR)
        return 0;
    return fg_error(err, -EINVAL, "%s: factor is %d, allowed 1..%d", n->name,
                    n->attr.factor, FG_MAX_FACTOR);
}

/* Sums of `width` values over all rows, in double. The rows of an image are
 * cut into chunks by height alone, each chunk is summed in rising order by one
 * job and the chunks are added in rising order: no thread count shows. */
enum { FG_SUM_CHUNKS = 16 };

typedef struct FgRowSum {
    void (*row)(const void *arg, int n, int y, double *acc); /* adds a row */
    const void *arg;
    int n, h, width;
    double *sum; /* n * FG_SUM_CHUNKS * width values of scratch */
} FgRowSum;

static inline size_t fg_row_sum_size(int n, int width)
{
    return (size_t)n * FG_SUM_CHUNKS * width * sizeof(double);
}

static inline void fg_row_sum_job(void *arg, int i, int worker)
{
    const FgRowSum *const s = arg;
    const int n = i / FG_SUM_CHUNKS, k = i % FG_SUM_CHUNKS;
    const int y0 = (int)((long long)s->h * k / FG_SUM_CHUNKS);
    const int y1 = (int)((long long)s->h * (k + 1) / FG_SUM_CHUNKS);
    double *const acc = s->sum + (size_t)i * s->width;
    (void)worker;
    memset(acc, 0, s->width * sizeof(*acc));
    for (int y = y0; y < y1; y++)
        s->row(s->arg, n, y, acc);
}

/* Leaves image n's sums at sum[n * FG_SUM_CHUNKS * width]; with `batch`, the
 * sums over all images at sum[0]. */
static inline void fg_row_sum(FgExecutor *ex, FgRowSum *s, int batch)
{
    fg_run(ex, fg_row_sum_job, s, s->n * FG_SUM_CHUNKS);
    for (int i = 1; i < s->n * FG_SUM_CHUNKS; i++) {
        const int n = batch ? 0 : i / FG_SUM_CHUNKS;
        double *const to = s->sum + (size_t)n * FG_SUM_CHUNKS * s->width;
        const double *const from = s->sum + (size_t)i * s->width;
        for (int k = 0; from != to && k < s->width; k++)
            to[k] += from[k];
    }
}

/* dparam += sums. */
static inline void fg_add_sums(const FgTensor *dst, const double *sum, int nb)
{
    fg_real *const d = dst->data;
    for (int k = 0; k < nb; k++)
        d[k] = (fg_real)(d[k] + sum[k]);
}

#endif
