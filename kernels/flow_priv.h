/* ffgan: the inside of motion search.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_FLOW_PRIV_H
#define FFGAN_KERNELS_FLOW_PRIV_H

#include "flow_rows.h"

#define FG_FLOW_LEVELS 12
enum { FG_FLOW_LEAST = 16 };

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
    FgFlowMaps m; /* of the finest level */
    FgFlowStats stats;
    double *sums; /* [h][3] */
    /* in hand */
    int at, way;
};

/* flow.c: how many levels there are, and the finest that is searched. */
int fg_flow_levels(int w, int h, int *fine);
/* flow_time.c */
void fg_flow_measure(FgFlow *f); /* misfit and stats, after the search */

static inline float *fg_flow_scratch(const FgFlow *f, int worker)
{
    return f->scratch + f->scratch_row * (size_t)worker;
}

#endif
