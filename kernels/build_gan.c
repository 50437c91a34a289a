/* ffgan: DCGAN's networks. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build_gan.h"
#include "build_priv.h"

static int check_int(const char *what, int v, int lo, int hi, FgError *err)
{
    if (v >= lo && v <= hi)
        return 0;
    return fg_error(err, -EINVAL, "network: %s is %d, allowed %d..%d", what, v,
                    lo, hi);
}

static int check(const FgGanBuild *b, FgError *err)
{
    int rc = 0;

    if (b->side != 32 && b->side != 64 && b->side != 128 && b->side != 256)
        rc = fg_error(err, -EINVAL,
                      "network: side is %d, allowed 32, 64, 128, 256", b->side);
    if (!rc)
        rc = check_int("channels", b->channels, 1, 4, err);
    if (!rc)
        rc = check_int("features", b->features, 1, 256, err);
    if (!rc)
        rc = fg_build_word("activation", b->activation, "relu|leaky_relu", err);
    if (!rc)
        rc = fg_build_word("norm", b->norm, "none|batch", err);
    if (!rc)
        rc = fg_build_word("last", b->last, "none|tanh|sigmoid", err);
    if (!rc)
        rc = check_int("extra", b->extra, 0, 4, err);
    if (!rc && !(b->dropout >= 0 && b->dropout < 1))
        rc = fg_error(err, -EINVAL, "network: dropout is %g, allowed 0..0.99",
                      b->dropout);
    return rc;
}

typedef struct Layer {
    int i, k; /* its number; which of those behind it, 0 = itself */
} Layer;

static const char *name_of(char name[32], const char *what, Layer l)
{
    if (l.k)
        snprintf(name, 32, "%s%d_%d", what, l.i, l.k);
    else
        snprintf(name, 32, "%s%d", what, l.i);
    return name;
}

/* What stands behind a layer: norm, activation, dropout. */
static int behind(FgBuilder *s, const FgGanBuild *b, Layer l, int x, int norm,
                  float dropout)
{
    const int leaky = !strcmp(b->activation, "leaky_relu");
    char name[32];

    if (norm && !strcmp(b->norm, "batch"))
        x = fg_build_node(s, "batch_norm", name_of(name, "norm", l), x, -1,
                          (FgAttr){.eps = 1e-5f, .momentum = 0.1f});
    x = fg_build_node(s, b->activation, name_of(name, "act", l), x, -1,
                      (FgAttr){.alpha = leaky ? 0.2f : 0});
    if (dropout > 0)
        x = fg_build_node(s, "dropout", name_of(name, "dropout", l), x, -1,
                          (FgAttr){.alpha = dropout});
    return x;
}

/* A norm behind it would take a bias out again. */
static FgAttr square(const FgGanBuild *b, int channels, int kernel, int norm)
{
    return (FgAttr){.channels = channels,
                    .kernel = kernel,
                    .stride = 1,
                    .pad = kernel == 3,
                    .groups = 1,
                    .bias = b->bias && !(norm && !strcmp(b->norm, "batch"))};
}

static int layer(FgBuilder *s, const FgGanBuild *b, const char *op, int i,
                 int x, int channels, int inner, int norm)
{
    const int up = op[0] == 'd';
    const Layer l = {i, 0};
    FgAttr a = square(b, channels, inner && b->smooth ? 3 : 4, norm);
    char name[32];

    if (inner && !b->smooth) {
        a.stride = 2;
        a.pad = 1;
    }
    if (!inner || !b->smooth)
        return fg_build_node(s, op, name_of(name, up ? "deconv" : "conv", l), x,
                             -1, a);
    if (up)
        x = fg_build_node(s, "resize", name_of(name, "twice", l), x, -1,
                          (FgAttr){.factor = 2, .mode = FG_RESIZE_NEAREST});
    x = fg_build_node(s, "conv2d", name_of(name, "conv", l), x, -1, a);
    if (!up)
        x = fg_build_node(s, "avg_pool", name_of(name, "half", l), x, -1,
                          (FgAttr){.kernel = 2, .stride = 2});
    return x;
}

/* What makes a network deeper: 3x3 convolutions of as many channels. */
static int more(FgBuilder *s, const FgGanBuild *b, int i, int x, int channels,
                float dropout)
{
    char name[32];

    for (int k = 1; k <= b->extra; k++) {
        const Layer l = {i, k};

        x = fg_build_node(s, "conv2d", name_of(name, "more", l), x, -1,
                          square(b, channels, 3, 1));
        x = behind(s, b, l, x, 1, dropout);
    }
    return x;
}

static void last(FgBuilder *s, const FgGanBuild *b, int x)
{
    if (strcmp(b->last, "none"))
        fg_build_node(s, b->last, "output", x, -1, (FgAttr){0});
}

static int input(FgBuilder *s, int channels)
{
    return fg_build_node(s, "input", "input", -1, -1,
                         (FgAttr){.channels = channels});
}

int fg_build_gan_generator(FgGraph *g, const FgGanBuild *b, FgError *err)
{
    FgBuilder s = {g, NULL, NULL, 0};
    int x, rc, i = 0;

    memset(g, 0, sizeof(*g));
    rc = check(b, err);
    if (!rc)
        rc = check_int("latent", b->latent, 1, 4096, err);
    if (rc)
        return rc;
    x = input(&s, b->latent);
    for (int side = 4; side < b->side; side *= 2, i++) {
        const int channels = b->features * (b->side / 2 / side);

        x = layer(&s, b, "deconv2d", i, x, channels, i > 0, 1);
        x = behind(&s, b, (Layer){i, 0}, x, 1, 0);
        x = more(&s, b, i, x, channels, 0);
    }
    x = layer(&s, b, "deconv2d", i, x, b->channels, 1, 0);
    last(&s, b, x);
    return fg_build_end(&s, "dcgan generator", err);
}

int fg_build_gan_critic(FgGraph *g, const FgGanBuild *b, FgError *err)
{
    FgBuilder s = {g, NULL, NULL, 0};
    int x, rc, i = 0;

    memset(g, 0, sizeof(*g));
    rc = check(b, err);
    if (!rc)
        rc = check_int("outputs", b->outputs, 1, 8192, err);
    if (rc)
        return rc;
    x = input(&s, b->channels);
    for (int side = b->side; side > 4; side /= 2, i++) {
        const int channels = b->features * (b->side / side);

        x = layer(&s, b, "conv2d", i, x, channels, 1, i > 0);
        x = behind(&s, b, (Layer){i, 0}, x, i > 0, b->dropout);
        x = more(&s, b, i, x, channels, b->dropout);
    }
    x = layer(&s, b, "conv2d", i, x, b->outputs, 0, 0);
    last(&s, b, x);
    return fg_build_end(&s, "dcgan critic", err);
}
