/* ffgan: pictures resampled row by row, without a picture in between.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The same bits as fg_resize_run gives of the whole picture (resample.h): along
 * x first where the picture does not get lower, else along y. */
#ifndef FFGAN_FILTERS_BYROW_H
#define FFGAN_FILTERS_BYROW_H

#include <stdatomic.h>

#include "resample.h"

/* What both have: kept rows are those of the source, maybe resampled along x.
 */
typedef struct FgByRow {
    FgTaps x, y;
    int channels;  /* 1..3 */
    int y_first;   /* kept rows are the source's */
    int rows;      /* that are kept; source row i is at i % rows */
    ptrdiff_t row; /* elements from one to the next */
    float *kept;   /* [sets][rows][row] */
    float *work;   /* [threads][2][longest row] */
    ptrdiff_t long_row;
} FgByRow;

/* ---- a source whose rows come: a ring of rows ---- */

typedef struct FgPush {
    FgByRow r;
    atomic_int *left; /* [dst rows] source rows that each still waits for */
    void (*put)(void *arg, const float *row, int y, int worker);
    void *arg;
} FgPush;

/* ahead: when a source row is pushed, all calls for rows before y - ahead have
 * returned. put: gets the result's rows, each once, from the thread that
 * brought the last row it depends on. 0, or -ENOMEM; then *p is to be freed all
 * the same. */
int fg_push_init(FgPush *p, FgAxis x, FgAxis y, FgKernel kernel, int channels,
                 int ahead, int threads);
void fg_push_free(FgPush *p);  /* accepts zeroed */
void fg_push_start(FgPush *p); /* before a picture's first row */
/* Source row y. Each once, by threads at the same time. */
void fg_push_row(FgPush *p, const float *row, int y, int worker);
/* The rows of the result that are put in any order: when row y is, all calls
 * for rows before y - this have returned. */
int fg_push_ahead(const FgPush *p, int ahead);

/* ---- a source whose rows can be had any time ---- */

typedef struct FgPull {
    FgByRow r;
    int threads;
    int *have; /* [threads][rows] the source row that is there, or -1 */
    /* Source row y, in `row` or memory of its own. */
    const float *(*get)(void *arg, float *row, int y, int worker);
    void *arg;
} FgPull;

/* As fg_push_init. Each thread keeps the rows that it had last. */
int fg_pull_init(FgPull *p, FgAxis x, FgAxis y, FgKernel kernel, int channels,
                 int threads);
void fg_pull_free(FgPull *p);  /* accepts zeroed */
void fg_pull_start(FgPull *p); /* a new picture */
/* Row y of the result. Any order, by threads at the same time. */
void fg_pull_row(FgPull *p, float *dst, int y, int worker);

#endif
