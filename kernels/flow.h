/* ffgan: motion between two frames. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Dense inverse search (Kroeger et al., arXiv:1603.03590): patches of 8 x 8 on
 * a grid of 4, coarse to fine, each started from the best of its neighbours'
 * motions and refined by inverse-compositional descent, mean removed; then
 * every pixel averages the patches over it by how well they fit. Both ways; for
 * a time between, each pixel takes the motion that comes through it and fits
 * best, and the two ways tell what is seen of which frame. Plain sums in a
 * fixed order: the same bits on every CPU and thread count. */
#ifndef FFGAN_KERNELS_FLOW_H
#define FFGAN_KERNELS_FLOW_H

#include <stddef.h>

#include "error.h"
#include "flow_types.h"
#include "pool.h"

int fg_plane_alloc(FgPlane *p, int w, int h); /* 0, -ENOMEM, -EINVAL */
void fg_plane_free(FgPlane *p);
/* Repeats the edge samples of row y, and of rows beyond where y is an edge. */
void fg_plane_edges(FgPlane *p, int y);

typedef struct FgFlow FgFlow;

/* For frames of w x h, 16..16384 each. ex is kept. 0, -EINVAL, -ENOMEM. */
int fg_flow_create(FgFlow **f, int w, int h, FgExecutor *ex, FgError *err);
void fg_flow_free(FgFlow **f); /* accepts NULL */
/* The next frame's luma, 0..1, copied; the last one becomes frame 0. */
void fg_flow_push(FgFlow *f, const float *luma, ptrdiff_t row);
/* Motion between the two frames pushed last, both ways. */
void fg_flow_find(FgFlow *f);
/* For time t, 0 < t < 1, between them: what fg_flow_places reads. */
void fg_flow_at(FgFlow *f, float t);
/* Luma of frame k (0 or 1) as pushed, with borders. */
const FgPlane *fg_flow_luma(const FgFlow *f, int k);

/* Row y of a plane on the grid g at the time of fg_flow_at: where each of its
 * samples is in frame 0 and in frame 1, in the plane's own samples, and the
 * share of frame 1, 0..1; speed (or NULL): the motion in luma pixels. [w] each.
 * Any thread. */
typedef struct FgPlaces {
    float *x0, *y0, *x1, *y1, *share, *speed;
} FgPlaces;
void fg_flow_places(const FgFlow *f, const FgFlowGrid *g, int y,
                    const FgPlaces *p);
/* Row y of such a plane in frame 1: where each sample was in frame 0, in the
 * plane's own samples, and how surely it was seen there, 0..1. After
 * fg_flow_find; any thread. */
void fg_flow_back(const FgFlow *f, const FgFlowGrid *g, int y, float *x0,
                  float *y0, float *sure);
/* dst[i] = the plane at (x[i], y[i]) by bicubic (Keys, a = -0.5), edges
 * repeated. */
void fg_flow_warp(float *dst, const FgPlane *p, const float *x, const float *y,
                  int n);
/* Mean of |a - b| over the coarse frames, best shift of each patch undone, and
 * plain: in 0..1. Tells cuts and duplicates after fg_flow_find. */
typedef struct FgFlowStats {
    float plain;  /* mean |frame 1 - frame 0| */
    float moved;  /* the same along the motion */
    float motion; /* mean length, luma pixels */
} FgFlowStats;
void fg_flow_stats(const FgFlow *f, FgFlowStats *s);

#endif
