/* The in-between network as a graph.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/interp.h"

/* The first failure sticks, so that the levels read as a list of layers. */
typedef struct Build {
    FgGraph *g;
    const FgInterpNet *n;
    int rc;
    char where[48]; /* name of the part at work: "e0.8." */
} Build;

static int add(Build *b, const char *op, const char *name, int nb,
               const int *in, FgAttr attr)
{
    char full[FG_NAME_LEN];
    int i;

    if (b->rc < 0)
        return 0;
    snprintf(full, sizeof(full), "%s%s", b->where, name);
    i = fg_graph_op(b->g, op, full, nb > 0 ? in[0] : -1, nb > 1 ? in[1] : -1,
                    attr);
    if (i < 0)
        b->rc = i;
    for (int k = 2; k < nb && b->rc >= 0; k++)
        b->g->nodes[i].in[b->g->nodes[i].nb_in++] = in[k];
    return b->rc < 0 ? 0 : i;
}

static int one(Build *b, const char *op, const char *name, int in, FgAttr attr)
{
    return add(b, op, name, 1, &in, attr);
}

static int two(Build *b, const char *op, const char *name, int a, int c)
{
    return add(b, op, name, 2, (int[]){a, c}, (FgAttr){0});
}

/* Both frames' encoders use one set of weights. */
static void share(Build *b, int node, const char *layer)
{
    FgNode *n = &b->g->nodes[node];

    for (int k = 0; k < n->nb_param; k++)
        snprintf(n->param[k], FG_NAME_LEN, "enc.%s.%s", layer, n->op->param[k]);
}

static int conv(Build *b, const char *name, int in, int channels)
{
    return one(b, "conv2d", name, in,
               (FgAttr){.channels = channels,
                        .kernel = 3,
                        .stride = 1,
                        .pad = 1,
                        .groups = 1,
                        .bias = 1});
}

static int slice(Build *b, const char *name, int in, int first, int channels)
{
    return one(b, "slice", name, in,
               (FgAttr){.first = first, .channels = channels});
}

static int enlarge(Build *b, const char *name, int in)
{
    return one(b, "resize", name, in,
               (FgAttr){.factor = 2, .mode = FG_RESIZE_BILINEAR});
}

/* ---- encoder ---- */

static int encoder_layer(Build *b, int level, int k, int in)
{
    char layer[16], name[32];
    int x, y;

    snprintf(layer, sizeof(layer), "%d.conv%d", 16 >> level, k);
    x = conv(b, layer, in, b->n->width[level]);
    share(b, x, layer);
    snprintf(layer, sizeof(layer), "%d.act%d", 16 >> level, k);
    snprintf(name, sizeof(name), "%s", layer);
    y = one(b, "prelu", name, x, (FgAttr){0});
    share(b, y, layer);
    return y;
}

/* out[level]: features of one frame, coarse to fine. */
static void encoder(Build *b, int frame, int in, int out[FG_INTERP_LEVELS])
{
    int x = in;

    snprintf(b->where, sizeof(b->where), "e%d.", frame);
    for (int level = FG_INTERP_LEVELS - 1; level >= 0; level--) {
        char name[32];

        snprintf(name, sizeof(name), "%d.down", 16 >> level);
        x = one(b, "pixel_unshuffle", name, x, (FgAttr){.factor = 2});
        x = encoder_layer(b, level, 0, x);
        if (level < FG_INTERP_LEVELS - 1) /* 1/2 has most pixels: one layer */
            x = encoder_layer(b, level, 1, x);
        out[level] = x;
    }
}

/* ---- decoders ---- */

static int body(Build *b, int level, int x)
{
    for (int k = 0; k < b->n->depth; k++) {
        char name[16];

        snprintf(name, sizeof(name), "conv%d", k);
        x = conv(b, name, x, b->n->body[level]);
        snprintf(name, sizeof(name), "act%d", k);
        x = one(b, "prelu", name, x, (FgAttr){0});
    }
    return x;
}

static int moved(Build *b, const char *name, int image, int flow, int first)
{
    char part[16];

    snprintf(part, sizeof(part), "%s.flow", name);
    return two(b, "warp", name, image, slice(b, part, flow, first, 2));
}

/* What is left of the motion, as a map of how alike the two are. */
static int alike(Build *b, int level, int f0, int f1)
{
    static const int window[FG_INTERP_LEVELS] = {9, 7, 5, 3};

    f0 = one(b, "instance_norm", "norm0", f0, (FgAttr){.eps = 1e-3f});
    f1 = one(b, "instance_norm", "norm1", f1, (FgAttr){.eps = 1e-3f});
    return add(b, "correlate", "alike", 2, (int[]){f0, f1},
               (FgAttr){.kernel = window[level]});
}

/* What a level hands on: flow in its own pixels, features of twice its size. */
typedef struct Level {
    int flow, state;
} Level;

static int flow_of(Build *b, int x, int before)
{
    const int d = conv(b, "flow.conv", x, 4);

    return before < 0 ? d : two(b, "add", "flow", d, before);
}

/* Features for the next level, which has twice the width. */
static int state_of(Build *b, int level, int x)
{
    const int c = b->n->width[level + 1];

    x = conv(b, "state.conv", x, 4 * c);
    return one(b, "pixel_shuffle", "state", x, (FgAttr){.factor = 2});
}

static Level coarsest(Build *b, int f0, int f1, int t)
{
    Level out;
    int x;

    snprintf(b->where, sizeof(b->where), "d16.");
    x = alike(b, 0, f0, f1);
    x = add(b, "concat", "in", 4, (int[]){f0, f1, x, t}, (FgAttr){0});
    x = body(b, 0, x);
    out.flow = flow_of(b, x, -1);
    out.state = state_of(b, 0, x);
    return out;
}

static int finer_body(Build *b, int level, Level up, int f0, int f1, int t,
                      int *flow)
{
    int in[6];

    snprintf(b->where, sizeof(b->where), "d%d.", 16 >> level);
    *flow = one(b, "scale", "up", enlarge(b, "up.size", up.flow),
                (FgAttr){.alpha = 2});
    in[0] = moved(b, "w0", f0, *flow, 0);
    in[1] = moved(b, "w1", f1, *flow, 2);
    in[2] = up.state;
    in[3] = *flow;
    in[4] = t;
    in[5] = alike(b, level, in[0], in[1]);
    return body(b, level, add(b, "concat", "in", 6, in, (FgAttr){0}));
}

/* out = w1 + m (w0 - w1) + residual; mix: mask logit and residual. */
static void fuse(Build *b, int flow, int mix, int i0, int i1)
{
    int f, w0, w1, m, r, x;

    b->where[0] = 0;
    f = one(b, "scale", "flow", enlarge(b, "flow.size", flow),
            (FgAttr){.alpha = 2});
    w0 = moved(b, "w0", i0, f, 0);
    w1 = moved(b, "w1", i1, f, 2);
    mix = one(b, "pixel_shuffle", "mix", mix, (FgAttr){.factor = 2});
    m = one(b, "sigmoid", "mask", slice(b, "mask.logit", mix, 0, 1),
            (FgAttr){0});
    r = slice(b, "residual", mix, 1, 3);
    x = two(b, "add", "difference", w0,
            one(b, "scale", "w1.minus", w1, (FgAttr){.alpha = -1}));
    x = two(b, "add", "blend", two(b, "mul", "masked", x, m), w1);
    two(b, "add", "output", x, r);
}

static void graph(Build *b, int flow[FG_INTERP_LEVELS])
{
    int f0[FG_INTERP_LEVELS], f1[FG_INTERP_LEVELS], t[FG_INTERP_LEVELS];
    const FgAttr half = {.kernel = 2, .stride = 2};
    const int in = one(b, "input", "input", -1, (FgAttr){.channels = 7});
    const int i0 = slice(b, "frame0", in, 0, 3);
    const int i1 = slice(b, "frame1", in, 3, 3);
    int time = slice(b, "time", in, 6, 1), mix, x;
    Level l;

    for (int level = FG_INTERP_LEVELS - 1; level >= 0; level--) {
        char name[16];

        snprintf(name, sizeof(name), "time.%d", 16 >> level);
        t[level] = time = one(b, "avg_pool", name, time, half);
    }
    encoder(b, 0, i0, f0);
    encoder(b, 1, i1, f1);
    l = coarsest(b, f0[0], f1[0], t[0]);
    flow[0] = l.flow;
    for (int level = 1; level < FG_INTERP_LEVELS; level++) {
        x = finer_body(b, level, l, f0[level], f1[level], t[level], &l.flow);
        l.flow = flow_of(b, x, l.flow);
        flow[level] = l.flow;
        if (level < FG_INTERP_LEVELS - 1)
            l.state = state_of(b, level, x);
    }
    mix = conv(b, "mix.conv", x, 16);
    fuse(b, l.flow, mix, i0, i1);
}

FgInterpNet fg_interp_net(int size)
{
    static const int width[FG_INTERP_LEVELS] = {48, 32, 24, 16};
    static const int body[FG_INTERP_LEVELS] = {64, 48, 40, 24};
    FgInterpNet n = {.depth = 2};

    for (int i = 0; i < FG_INTERP_LEVELS; i++) {
        n.width[i] = width[i] * size / 16 > 1 ? width[i] * size / 16 : 1;
        n.body[i] = body[i] * size / 16 > 1 ? body[i] * size / 16 : 1;
    }
    return n;
}

int fg_interp_build(FgGraph *g, const FgInterpNet *n,
                    int flow[FG_INTERP_LEVELS], FgError *err)
{
    Build b = {.g = g, .n = n};

    *g = (FgGraph){0};
    graph(&b, flow);
    if (b.rc >= 0)
        return 0;
    fg_graph_free(g);
    return fg_error(err, b.rc, "the in-between network cannot be built: %s",
                    b.rc == -ENOMEM ? "out of memory" : "too large");
}

void fg_interp_calm(FgParams *ps)
{
    for (int i = 0; i < ps->nb; i++) {
        FgParam *p = &ps->p[i];
        const float by = strstr(p->name, "flow.conv.weight")  ? 0.1f
                         : strstr(p->name, "mix.conv.weight") ? 0.03f
                                                              : 1;

        for (size_t k = 0; by < 1 && k < fg_param_count(p); k++)
            p->data[k] *= by;
    }
}
