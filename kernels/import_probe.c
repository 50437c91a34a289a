/* ffgan: importing: what a file does not say, found by trying.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Networks for 0..1 and for 0..255, and those that add the enlarged picture to
 * what they make and those that do not, have the same tensors. But whatever a
 * network does to details, it leaves a smooth picture as it is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"
#include "graph_priv.h"
#include "plan.h"

enum { SIDE = 48, BORDER = 12 };
static const double most_macs = 1e6; /* a pixel; more is not tried */

/* A slope in each channel, rising to the right or falling down. */
static double slope(double x, double y, int c)
{
    return c == 1 ? 0.62 - 0.2 * y : 0.35 + 0.1 * c + 0.2 * x;
}

static void fill(const FgTensor *t)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < t->shape.c; c++)
                fg_f32(t, 0, y, x)[c] = (float)slope((x + 0.5) / SIDE,
                                                     (y + 0.5) / SIDE, c);
}

static double compare(const FgTensor *t, int r)
{
    const int first = BORDER * r, last = (SIDE - BORDER) * r;
    double sum = 0;
    for (int y = first; y < last; y++)
        for (int x = first; x < last; x++)
            for (int c = 0; c < t->shape.c; c++)
                sum += fabs(fg_f32(t, 0, y, x)[c] - slope((x + 0.5) / SIDE / r,
                                                          (y + 0.5) / SIDE / r,
                                                          c));
    return sum / ((double)(last - first) * (last - first) * t->shape.c);
}

/* Mean difference, or infinity where it cannot be run. */
static double try(FgImport *im)
{
    const FgGraph *g = &im->m->graph;
    const FgShape o = im->shapes[g->nb_nodes - 1];
    const int r = o.w / im->ref_w;
    const FgPlanOptions opt = {
        .max_w = SIDE, .max_h = SIDE, .plain = 1, .precision = FG_PREC_FP32};
    FgReach reach;
    FgPlan *p = NULL;
    FgTensor in = {0}, out = {0};
    double d = INFINITY;
    if (r < 1 || r > 16 || o.w != r * im->ref_w || o.c != im->channels[0] ||
        fg_graph_reach(g, &reach, NULL) < 0 || reach.macs > most_macs)
        return d;
    if (fg_plan_create(&p, im->m, &opt, NULL) >= 0 &&
        fg_tensor_alloc(&in, (FgShape){1, o.c, SIDE, SIDE}, FG_F32) >= 0 &&
        fg_tensor_alloc(&out, (FgShape){1, o.c, SIDE * r, SIDE * r}, FG_F32) >=
            0) {
        fill(&in);
        if (fg_plan_run(p, &in, &out) >= 0)
            d = compare(&out, r);
    }
    fg_plan_free(&p);
    fg_tensor_free(&in);
    fg_tensor_free(&out);
    return d == d ? d : INFINITY;
}

static void build(FgImport *im, const FgFamilyReader *r, unsigned variant)
{
    fg_graph_free(&im->m->graph);
    fg_params_free(&im->m->params);
    memset(im->used, 0, (size_t)im->src.nb);
    im->variant = variant;
    r->build(im);
}

void fg_im_build_best(FgImport *im, const FgFamilyReader *r)
{
    double least = INFINITY;
    unsigned best = 0, v = 0;
    for (; v <= r->variants; v++) {
        /* One at a time: of both no file is known. */
        if (v & ~r->variants || v & (v - 1))
            continue;
        build(im, r, v);
        if (im->rc < 0 || im->nb_missing || !r->variants)
            return;
        const double d = try(im);
        if (d < least) {
            least = d;
            best = v;
        }
    }
    build(im, r, best);
}
