/* ffgan: the inside of motion search.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_FLOW_PRIV_H
#define FFGAN_KERNELS_FLOW_PRIV_H

#include "flow_rows.h"

#define FG_FLOW_LEVELS 12

typedef struct FgField {
    float *u, *v; /* [h][w], in the level's samples */
} FgField;

typedef struct FgLevel {
    int w, h, nx, ny;           /* samples; patches */
    FgPlane y[2], gx[2], gy[2]; /* of both frames */
    FgField patch[2], dense[2]; /* [way]; way k leads from frame k */
} FgLevel;

struct FgFlow {
    int w, h, nb, fine; /* levels; the finest that is searched */
    FgExecutor *ex;
    const FgFlowRows *rows;
    FgLevel level[FG_FLOW_LEVELS];
    float *scratch; /* [threads][scratch_row] */
    size_t scratch_row;
    /* at the finest level, [h][w]: how badly each way fits, and no motion; the
     * time's motion and share; what a way brings to each sample */
    float *misfit[2], *plain, *u, *v, *share, *best[2];
    int *from[2];
    FgFlowStats stats;
    double *sums; /* [h][3] */
    /* in hand */
    int at, way;
    float t;
};

/* flow_time.c */
void fg_flow_measure(FgFlow *f); /* misfit and stats, after the search */

static inline float *fg_flow_scratch(const FgFlow *f, int worker)
{
    return f->scratch + f->scratch_row * (size_t)worker;
}

#endif
