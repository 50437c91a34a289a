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
    if (!rc && !(b->dropout >= 0 && b->dropout < 1))
        rc = fg_error(err, -EINVAL, "network: dropout is %g, allowed 0..0.99",
                      b->dropout);
    return rc;
}

/* What stands behind layer i: norm, activation, dropout. */
static int behind(FgBuilder *s, const FgGanBuild *b, int i, int x, int norm,
                  float dropout)
{
    const int leaky = !strcmp(b->activation, "leaky_relu");
    char name[32];

    snprintf(name, sizeof(name), "norm%d", i);
    if (norm && !strcmp(b->norm, "batch"))
        x = fg_build_node(s, "batch_norm", name, x, -1,
                          (FgAttr){.eps = 1e-5f, .momentum = 0.1f});
    snprintf(name, sizeof(name), "act%d", i);
    x = fg_build_node(s, b->activation, name, x, -1,
                      (FgAttr){.alpha = leaky ? 0.2f : 0});
    snprintf(name, sizeof(name), "dropout%d", i);
    if (dropout > 0)
        x = fg_build_node(s, "dropout", name, x, -1,
                          (FgAttr){.alpha = dropout});
    return x;
}

/* A norm behind it would take a bias out again. */
static int layer(FgBuilder *s, const FgGanBuild *b, const char *op, int i,
                 int x, int channels, int inner, int norm)
{
    const FgAttr a = {.channels = channels,
                      .kernel = 4,
                      .stride = inner ? 2 : 1,
                      .pad = inner ? 1 : 0,
                      .groups = 1,
                      .bias = b->bias && !(norm && !strcmp(b->norm, "batch"))};
    char name[32];

    snprintf(name, sizeof(name), "%s%d", op[0] == 'd' ? "deconv" : "conv", i);
    return fg_build_node(s, op, name, x, -1, a);
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
        x = layer(&s, b, "deconv2d", i, x, b->features * (b->side / 2 / side),
                  i > 0, 1);
        x = behind(&s, b, i, x, 1, 0);
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
        x = layer(&s, b, "conv2d", i, x, b->features * (b->side / side), 1,
                  i > 0);
        x = behind(&s, b, i, x, i > 0, b->dropout);
    }
    x = layer(&s, b, "conv2d", i, x, b->outputs, 0, 0);
    last(&s, b, x);
    return fg_build_end(&s, "dcgan critic", err);
}
