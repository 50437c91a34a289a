/* ffgan: what motion search works on; read by gcc and by nvcc.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_FLOW_TYPES_H
#define FFGAN_KERNELS_FLOW_TYPES_H

#include <stddef.h>
#include <stdint.h>

enum { FG_BORDER = 16 }; /* samples repeated around a plane */

/* A float plane with FG_BORDER repeated samples on each side; sample (x, y) is
 * data[y * row + x]. */
typedef struct FgPlane {
    float *data, *owned;
    int w, h;
    ptrdiff_t row;
} FgPlane;

/* A plane whose sample x lies at luma sample x * step_x + first_x; likewise y
 * (4:2:0: step 2, first by the siting; luma: 1, 0). */
typedef struct FgFlowGrid {
    int w, h;
    float step_x, step_y, first_x, first_y;
} FgFlowGrid;

/* Maps [h][w] at the finest level that is searched, whose samples are unit
 * luma pixels wide. Way k leads from frame k to the other. */
typedef struct FgFlowMaps {
    int w, h;
    float unit, t;
    float *du[2], *dv[2];     /* motion, in the level's samples */
    float *misfit[2], *plain; /* how badly each way fits, and no motion */
    uint64_t *landed[2];      /* which sample is here at time t: flow_maths.h */
    float *u, *v, *share;     /* the time's motion, and the share of frame 1 */
} FgFlowMaps;

enum { FG_PATCH = 8, FG_PATCH_STEP = 4, FG_MAX_STARTS = 8, FG_FLOW_STEPS = 8 };

typedef struct FgPatch {
    const float *t, *gx, *gy; /* at the patch's first sample, in frame 0 */
    ptrdiff_t row;            /* of all planes of the level */
    const FgPlane *to;        /* frame 1 */
    int x, y;                 /* of the first sample */
    int nb_starts, steps;     /* steps of descent, >= 1 */
    float start[FG_MAX_STARTS][2];
    float u, v, err; /* found; err: sum of squares without the mean */
} FgPatch;

#endif
