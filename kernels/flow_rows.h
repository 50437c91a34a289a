/* ffgan: the innermost loops of motion search.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The same bits from every version: sums go over eight lanes, lane i having
 * column i of a patch, and lanes are added in pairs. Sizes > 0; rows have
 * FG_BORDER samples on each side. */
#ifndef FFGAN_KERNELS_FLOW_ROWS_H
#define FFGAN_KERNELS_FLOW_ROWS_H

#include "flow.h"

/* One row of dense motion: of the patch at (x, y) with motion (u, v), the row
 * yy of the picture. Adds to sums at sample x of the row. */
typedef struct FgSpread {
    const float *t;    /* frame 0, the patch's first sample of row yy */
    const FgPlane *to; /* frame 1 */
    int x, yy;
    float u, v;
    float *sum_w, *sum_u, *sum_v; /* at sample x */
} FgSpread;

typedef struct FgFlowRows {
    void (*search)(FgPatch *p);
    void (*spread)(const FgSpread *s);
    void (*warp)(float *dst, const FgPlane *p, const float *x, const float *y,
                 int n);
    /* gx, gy: central differences. */
    void (*gradient)(float *gx, float *gy, const float *p, ptrdiff_t row,
                     int n);
} FgFlowRows;

extern const FgFlowRows fg_flow_rows_c, fg_flow_rows_avx2, fg_flow_rows_avx512;
const FgFlowRows *fg_flow_rows(void); /* for this machine */

#endif
