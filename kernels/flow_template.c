/* ffgan: the innermost loops of motion search; included once per instruction
 * set with FG_ROWS naming the table.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/flow_maths.h"
#include "kernels/flow_rows.h"

static void search(FgPatch *p)
{
    for (int i = 0; i < p->nb_starts; i++)
        fg_patch_try(p, !i, p->start[i][0], p->start[i][1]);
    fg_patch_descend(p);
}

static void spread(const FgSpread *p)
{
    const FgFlowSpot s = fg_flow_spot(p->to, (float)p->x + p->u,
                                      (float)p->yy + p->v);

    for (int i = 0; i < FG_PATCH; i++) {
        const float e = fg_flow_spot_at(&s, s.p, s.p + p->to->row, i) - p->t[i];
        const float w = fg_patch_weight(e);

        p->sum_w[i] += w;
        p->sum_u[i] += w * p->u;
        p->sum_v[i] += w * p->v;
    }
}

static void gradient(float *gx, float *gy, const float *p, ptrdiff_t row, int n)
{
    for (int i = 0; i < n; i++) {
        gx[i] = 0.5f * (p[i + 1] - p[i - 1]);
        gy[i] = 0.5f * (p[i + row] - p[i - row]);
    }
}

/* ---- bicubic ---- */

enum { RUN = 64 };

/* Whole samples are taken from -2 on, so that truncation rounds down. */
static void warp_run(float *restrict dst, const FgPlane *p,
                     const float *restrict x, const float *restrict y, int n)
{
    const float top_x = (float)p->w + 1, top_y = (float)p->h + 1;
    const float *const base = p->data - 3 * p->row - 3;
    const int row = (int)p->row;
    int at[RUN];
    float fx[RUN], fy[RUN];

    for (int i = 0; i < n; i++) {
        float u = x[i] > -2 ? x[i] : -2, v = y[i] > -2 ? y[i] : -2;

        u = (u < top_x ? u : top_x) + 2;
        v = (v < top_y ? v : top_y) + 2;
        const int iu = (int)u, iv = (int)v;
        fx[i] = u - (float)iu;
        fy[i] = v - (float)iv;
        at[i] = iv * row + iu;
    }
    for (int i = 0; i < n; i++) {
        float a[4], b[4];

        fg_flow_keys(fx[i], a);
        fg_flow_keys(fy[i], b);
        dst[i] = fg_flow_taps(base + at[i], row, a, b);
    }
}

static void warp(float *dst, const FgPlane *p, const float *x, const float *y,
                 int n)
{
    for (int i = 0; i < n; i += RUN)
        warp_run(dst + i, p, x + i, y + i, n - i < RUN ? n - i : RUN);
}

const FgFlowRows FG_ROWS = {search, spread, warp, gradient};
