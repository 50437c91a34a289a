/* ffgan: what one output pixel depends on.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "graph.h"
#include "graph_priv.h"
#include "op.h"

/* A node seen from the input, along one axis (both are alike): num/den pixels
 * per input pixel; its pixel p, whose centre lies at input coordinate
 * c = (p + 0.5) * den / num - 0.5, depends on input pixels in
 * [c - lo, c + hi]. */
typedef struct Span {
    int num, den;
    double lo, hi;
    int grid; /* its pixels have to be whole */
} Span;

static int gcd(int a, int b)
{
    while (b) {
        const int t = a % b;
        a = b;
        b = t;
    }
    return a;
}

static int lcm(int a, int b)
{
    return a / gcd(a, b) * b;
}

static int scale_by(Span *s, int num, int den)
{
    const int64_t n = (int64_t)s->num * num, d = (int64_t)s->den * den;
    if (n > 1 << 20 || d > 1 << 20)
        return -EINVAL;
    const int g = gcd((int)n, (int)d);
    s->num = (int)n / g;
    s->den = (int)d / g;
    return 0;
}

void fg_node_taps(const FgNode *n, int p, int *first, int *last)
{
    const FgAttr *a = &n->attr;
    const int k = a->kernel, s = a->stride > 0 ? a->stride : 1;
    const int f = a->factor > 0 ? a->factor : 1;
    *first = *last = p;
    if (fg_node_is(n, "conv2d") || fg_node_is(n, "avg_pool") ||
        fg_node_is(n, "max_pool")) {
        *first = p * s - a->pad;
        *last = *first + k - 1;
    } else if (fg_node_is(n, "deconv2d")) {
        *first = (int)ceil((double)(p + a->pad - k + 1) / s);
        *last = (int)floor((double)(p + a->pad) / s);
    } else if (fg_node_is(n, "pixel_shuffle")) {
        *first = *last = p / f;
    } else if (fg_node_is(n, "pixel_unshuffle")) {
        *first = p * f;
        *last = *first + f - 1;
    } else if (fg_node_is(n, "pad")) {
        *first = *last = p - a->pad;
    } else if (fg_node_is(n, "resize") && f > 1) {
        const int c = (int)floor((p + 0.5) / f - 0.5);
        const int extra = a->mode == FG_RESIZE_BICUBIC ? 1 : 0;
        *first = a->mode == FG_RESIZE_NEAREST ? p / f : c - extra;
        *last = a->mode == FG_RESIZE_NEAREST ? p / f : c + 1 + extra;
    }
}

static void node_factor(const FgNode *n, int *num, int *den)
{
    const FgAttr *a = &n->attr;
    *num = *den = 1;
    if (fg_node_is(n, "conv2d") || fg_node_is(n, "avg_pool") ||
        fg_node_is(n, "max_pool"))
        *den = a->stride > 0 ? a->stride : 1;
    else if (fg_node_is(n, "deconv2d"))
        *num = a->stride > 0 ? a->stride : 1;
    else if (fg_node_is(n, "pixel_shuffle") || fg_node_is(n, "resize"))
        *num = a->factor > 0 ? a->factor : 1;
    else if (fg_node_is(n, "pixel_unshuffle"))
        *den = a->factor > 0 ? a->factor : 1;
}

/* Taps repeat with the phase, so one period says it all; it starts far
 * enough right for every division above to be of positive numbers. */
static int node_span(const FgNode *n, const Span *in, Span *out)
{
    int num, den;
    double lo = -1e9, hi = -1e9;
    node_factor(n, &num, &den);
    const double px = (double)in->den / in->num; /* input pixels per own */
    for (int p = 64 * num; p < 65 * num; p++) {
        int first, last;
        fg_node_taps(n, p, &first, &last);
        const double c = (p + 0.5) * den / num - 0.5;
        lo = fmax(lo, in->lo + (c - first) * px);
        hi = fmax(hi, in->hi + (last - c) * px);
    }
    *out = (Span){in->num, in->den, lo, hi, 0};
    return scale_by(out, num, den);
}

static double node_macs(const FgNode *n, FgShape in, FgShape out)
{
    const FgAttr *a = &n->attr;
    const double groups = a->groups > 0 ? a->groups : 1;
    const double size = (double)out.h * out.w * out.c;
    if (fg_node_is(n, "conv2d"))
        return size * in.c / groups * a->kernel * a->kernel;
    if (fg_node_is(n, "deconv2d"))
        return (double)in.h * in.w * in.c * out.c / groups * a->kernel *
               a->kernel;
    if (fg_node_is(n, "dense"))
        return size * in.c * in.h * in.w;
    return 0;
}

static int is_global(const FgNode *n)
{
    const int circular = (n->op->attrs & FG_ATTR_PAD_MODE) && n->attr.pad &&
                         n->attr.pad_mode == FG_PAD_CIRCULAR;
    return (n->op->flags & FG_OP_GLOBAL) || circular || fg_node_is(n, "warp");
}

static int join(const FgGraph *g, int i, const Span *spans, Span *in,
                FgReach *r, FgError *err)
{
    const FgNode *n = &g->nodes[i];
    if (fg_node_is(n, "resize_like")) {
        *in = spans[n->in[1]];
        return 0;
    }
    *in = spans[n->in[0]];
    for (int k = 1; k < n->nb_in; k++) {
        const Span *s = &spans[n->in[k]];
        if (s->num * in->den != in->num * s->den) {
            /* Only an op that sees everything may mix sizes. */
            if (!r->global)
                return fg_error(err, -EINVAL,
                                "graph: node '%s' joins different scales",
                                n->name);
            continue;
        }
        in->lo = fmax(in->lo, s->lo);
        in->hi = fmax(in->hi, s->hi);
    }
    return 0;
}

/* Which nodes have to keep whole pixels of the output: not those that come back
 * by resize_like alone, whose sizes may be any. */
static void find_grid(const FgGraph *g, Span *spans)
{
    for (int i = 0; i < g->nb_nodes; i++)
        spans[i].grid = -1;
    for (int i = g->nb_nodes - 1; i >= 0; i--) {
        const FgNode *n = &g->nodes[i];
        if (spans[i].grid < 0 || fg_node_is(n, "pixel_unshuffle"))
            spans[i].grid = 1;
        for (int k = 0; k < n->nb_in; k++) {
            const int own = k || !fg_node_is(n, "resize_like");
            int *grid = &spans[n->in[k]].grid;
            *grid = *grid > 0 || (own && spans[i].grid);
        }
    }
}

static int walk(const FgGraph *g, const FgShape *shapes, Span *spans,
                FgReach *r, FgError *err)
{
    find_grid(g, spans);
    for (int i = 0; i < g->nb_nodes; i++) {
        const FgNode *n = &g->nodes[i];
        const int grid = spans[i].grid;
        Span in;
        spans[i] = (Span){1, 1, 0, 0, grid};
        if (fg_node_is(n, "input"))
            continue;
        r->global |= is_global(n);
        int rc = join(g, i, spans, &in, r, err);
        if (rc >= 0 && node_span(n, &in, &spans[i]) < 0)
            rc = fg_error(err, -EINVAL, "graph: node '%s': scale out of range",
                          n->name);
        if (rc < 0)
            return rc;
        /* A tile has to start on a whole pixel of every node. */
        if (r->align > 1 << 20)
            return fg_error(err, -EINVAL,
                            "graph: node '%s': its grid is too "
                            "coarse",
                            n->name);
        spans[i].grid = grid;
        if (grid)
            r->align = lcm(r->align, spans[i].den);
        r->macs += node_macs(n, shapes[n->in[0]], shapes[i]);
    }
    return 0;
}

int fg_graph_reach(const FgGraph *g, FgReach *reach, FgError *err)
{
    *reach = (FgReach){0, 1, 1, 1, 0, 0};
    FgShape *shapes = fg_graph_any_shapes(g, err);
    const int code = shapes ? ENOMEM : errno;
    Span *spans = shapes ? calloc((size_t)g->nb_nodes, sizeof(*spans)) : NULL;
    if (!spans) {
        free(shapes);
        return shapes ? fg_error(err, -ENOMEM, "graph: out of memory") : -code;
    }
    const int rc = walk(g, shapes, spans, reach, err);
    if (rc >= 0) {
        const Span *s = &spans[g->nb_nodes - 1];
        const double half = 0.5 - 0.5 * s->den / s->num;
        const double r = fmax(s->lo, s->hi) + half;
        reach->radius = r > 0 ? (int)floor(r + 1e-6) : 0;
        reach->scale_num = s->num;
        reach->scale_den = s->den;
        reach->macs /= (double)shapes[0].h * shapes[0].w;
    }
    free(spans);
    free(shapes);
    return rc < 0 ? rc : 0;
}
