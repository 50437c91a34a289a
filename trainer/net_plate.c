/* The graphs of a plate's pyramid.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/plate.h"

#define SLOPE 0.05f /* of the leaky ReLUs, as published */

typedef struct Build {
    FgGraph *g;
    const FgPlateNet *n;
    const char *where; /* "s0." */
    int rc;
} Build;

static int add(Build *b, const char *op, const char *name, int in0, int in1,
               FgAttr attr)
{
    char full[FG_NAME_LEN];
    int i;

    if (b->rc < 0)
        return 0;
    snprintf(full, sizeof(full), "%s%s", b->where, name);
    i = fg_graph_op(b->g, op, full, in0, in1, attr);
    if (i < 0)
        b->rc = i;
    return i < 0 ? 0 : i;
}

static int input(Build *b, int channels)
{
    return add(b, "input", "input", -1, -1, (FgAttr){.channels = channels});
}

static int conv(Build *b, const char *name, int in, int channels, int pad)
{
    return add(b, "conv2d", name, in, -1,
               (FgAttr){.channels = channels,
                        .kernel = 3,
                        .stride = 1,
                        .pad = pad,
                        .groups = 1,
                        .bias = 1,
                        .pad_mode = pad ? b->n->pad_mode : FG_PAD_ZERO});
}

static int block(Build *b, int k, int in, int channels, int pad)
{
    char name[32];
    int x;

    snprintf(name, sizeof(name), "conv%d", k);
    x = conv(b, name, in, channels, pad);
    snprintf(name, sizeof(name), "act%d", k);
    return add(b, "leaky_relu", name, x, -1, (FgAttr){.alpha = SLOPE});
}

static int done(Build *b, FgError *err)
{
    if (b->rc >= 0)
        return 0;
    fg_graph_free(b->g);
    return fg_error(err, b->rc, "the plate's networks cannot be built: %s",
                    b->rc == -ENOMEM ? "out of memory" : "too large");
}

/* Stage 0 has one convolution more, the head. */
static int stage(Build *b, int k)
{
    const FgPlateNet *n = b->n;
    const int in = input(b, n->noise + (k ? n->features : 0));
    const FgAttr first = {.first = 0, .channels = n->features};
    int x = in;

    for (int i = 0; i < n->layers + !k; i++)
        x = block(b, i, x, n->features, 1);
    if (!k)
        return x;
    return add(b, "add", "out", x, add(b, "slice", "before", in, -1, first),
               (FgAttr){0});
}

static int tail(Build *b, int x)
{
    b->where = "tail.";
    return add(b, "tanh", "tanh", conv(b, "conv", x, b->n->channels, 1), -1,
               (FgAttr){0});
}

int fg_plate_stage(FgGraph *g, const FgPlateNet *n, int k, FgError *err)
{
    char where[16];
    Build b = {g, n, where, 0};

    *g = (FgGraph){0};
    snprintf(where, sizeof(where), "s%d.", k);
    stage(&b, k);
    return done(&b, err);
}

int fg_plate_tail(FgGraph *g, const FgPlateNet *n, FgError *err)
{
    Build b = {g, n, "tail.", 0};

    *g = (FgGraph){0};
    tail(&b, input(&b, n->features));
    return done(&b, err);
}

int fg_plate_last(FgGraph *g, const FgPlateNet *n, int k, FgError *err)
{
    char where[16];
    Build b = {g, n, where, 0};
    int x;

    *g = (FgGraph){0};
    snprintf(where, sizeof(where), "s%d.", k);
    x = tail(&b, stage(&b, k));
    b.where = "";
    x = add(&b, "scale", "scale", x, -1, (FgAttr){.alpha = 0.5f});
    add(&b, "bias", "half", x, -1, (FgAttr){0});
    return done(&b, err);
}

int fg_plate_critic(FgGraph *g, const FgPlateNet *n, FgError *err)
{
    Build b = {g, n, "d.", 0};
    int x;

    *g = (FgGraph){0};
    x = input(&b, n->channels);
    for (int i = 0; i < 4; i++)
        x = block(&b, i, x, n->critic, 0);
    conv(&b, "out", x, 1, 0);
    return done(&b, err);
}
