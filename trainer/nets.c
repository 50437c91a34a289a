/* Networks of the image-to-image families and their critics, as graphs.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/nets.h"

/* A graph in the making: the first failure sticks. */
typedef struct Draft {
    FgGraph *g;
    const FgNetSpec *s;
    FgTaps *taps;
    int rc;
} Draft;

/* Suffix of a bias that is no parameter but a constant: to or from -1..1. */
static const char to_signed[] = "to_signed", from_signed[] = "from_signed";

static int node(Draft *d, const char *op, const char *name, int a, int b,
                FgAttr attr)
{
    int i;

    if (d->rc < 0)
        return 0;
    i = fg_graph_op(d->g, op, name, a, b, attr);
    if (i < 0)
        d->rc = i;
    return i < 0 ? 0 : i;
}

static int named(Draft *d, const char *op, const char *name, const char *suffix,
                 int a, int b, FgAttr attr)
{
    char full[FG_NAME_LEN];

    snprintf(full, sizeof(full), "%s%s", name, suffix);
    return node(d, op, full, a, b, attr);
}

static int conv(Draft *d, const char *name, int in, int channels, int kernel,
                int stride, int pad_mode, int bias)
{
    const FgAttr a = {.channels = channels,
                      .kernel = kernel,
                      .stride = stride,
                      .pad = stride > 1 || kernel == 4 ? 1 : kernel / 2,
                      .pad_mode = pad_mode,
                      .groups = 1,
                      .bias = bias};

    return node(d, "conv2d", name, in, -1, a);
}

static int leaky(Draft *d, const char *name, int in)
{
    return named(d, "leaky_relu", name, ".act", in, -1,
                 (FgAttr){.alpha = 0.2f});
}

static int norm(Draft *d, const char *name, int in)
{
    if (!strcmp(d->s->norm, "none"))
        return in;
    return named(d, "instance_norm", name, ".norm", in, -1,
                 (FgAttr){.eps = 1e-5f});
}

static void tap(Draft *d, int i)
{
    if (d->taps && d->taps->nb < FG_MAX_TAPS)
        d->taps->node[d->taps->nb++] = i;
}

static int twice(Draft *d, const char *name, int in, int mode)
{
    return named(d, "resize", name, ".x2", in, -1,
                 (FgAttr){.factor = 2, .mode = mode});
}

static int input(Draft *d)
{
    return node(d, "input", "input", -1, -1,
                (FgAttr){.channels = d->s->channels});
}

static int is_signed(Draft *d, int in)
{
    const int x = named(d, "scale", to_signed, ".by", in, -1,
                        (FgAttr){.alpha = 2});

    return node(d, "bias", to_signed, x, -1, (FgAttr){0});
}

static int is_unsigned(Draft *d, int in)
{
    const int x = named(d, "scale", from_signed, ".by", in, -1,
                        (FgAttr){.alpha = 0.5f});

    return node(d, "bias", from_signed, x, -1, (FgAttr){0});
}

static int check(const FgNetSpec *s, const char *what, int levels, FgError *err)
{
    if (s->channels != 1 && s->channels != 3)
        return fg_error(err, -EINVAL, "%s: channels is %d, allowed 1 or 3",
                        what, s->channels);
    if (s->features < 1 || s->features > 256)
        return fg_error(err, -EINVAL, "%s: features is %d, allowed 1..256",
                        what, s->features);
    if (s->blocks < 0 || s->blocks > 64)
        return fg_error(err, -EINVAL, "%s: blocks is %d, allowed 0..64", what,
                        s->blocks);
    if (levels && (s->levels < 1 || s->levels > 4))
        return fg_error(err, -EINVAL, "%s: levels is %d, allowed 1..4", what,
                        s->levels);
    if (!s->norm || (strcmp(s->norm, "none") && strcmp(s->norm, "instance")))
        return fg_error(err, -EINVAL, "%s: norm is '%s', allowed none|instance",
                        what, s->norm ? s->norm : "");
    return 0;
}

static int finish(Draft *d, const char *what, FgError *err)
{
    if (d->rc >= 0)
        return 0;
    fg_graph_free(d->g);
    return fg_error(err, d->rc, "%s: cannot be built: %s", what,
                    d->rc == -ENOMEM ? "out of memory" : "too large");
}

int fg_nets_align(const FgNetSpec *s)
{
    return 1 << s->levels;
}

/* ---- CycleGAN's generator ---- */

static int norm_relu(Draft *d, const char *name, int in)
{
    return named(d, "relu", name, ".act", norm(d, name, in), -1, (FgAttr){0});
}

/* A bias before an instance norm has no effect. */
static int has_bias(const Draft *d)
{
    return !strcmp(d->s->norm, "none");
}

static int resnet_block(Draft *d, int i, int x, int f)
{
    char name[32], full[48];
    int y;

    snprintf(name, sizeof(name), "block%d", i);
    snprintf(full, sizeof(full), "%s.conv0", name);
    y = conv(d, full, x, f, 3, 1, FG_PAD_REFLECT, has_bias(d));
    y = norm_relu(d, full, y);
    snprintf(full, sizeof(full), "%s.conv1", name);
    y = conv(d, full, y, f, 3, 1, FG_PAD_REFLECT, has_bias(d));
    y = norm(d, full, y);
    return node(d, "add", name, y, x, (FgAttr){0});
}

static int resnet_down(Draft *d, int x, int *f)
{
    char name[32];

    for (int i = 0; i < d->s->levels; i++) {
        snprintf(name, sizeof(name), "down%d", i);
        *f *= 2;
        x = conv(d, name, x, *f, 3, 2, FG_PAD_ZERO, has_bias(d));
        x = norm_relu(d, name, x);
        tap(d, x);
    }
    return x;
}

static int resnet_up(Draft *d, int x, int *f)
{
    char name[32];

    for (int i = 0; i < d->s->levels; i++) {
        snprintf(name, sizeof(name), "up%d", i);
        *f /= 2;
        x = twice(d, name, x, FG_RESIZE_NEAREST);
        x = conv(d, name, x, *f, 3, 1, FG_PAD_REFLECT, has_bias(d));
        x = norm_relu(d, name, x);
    }
    return x;
}

int fg_build_resnet(FgGraph *g, const FgNetSpec *s, FgTaps *taps, FgError *err)
{
    Draft d = {g, s, taps, 0};
    int f = s->features, x;
    int ret = check(s, "resnet", 1, err);

    *g = (FgGraph){0};
    if (taps)
        taps->nb = 0;
    if (ret)
        return ret;
    x = is_signed(&d, input(&d));
    tap(&d, x);
    x = conv(&d, "head", x, f, 7, 1, FG_PAD_REFLECT, has_bias(&d));
    x = norm_relu(&d, "head", x);
    x = resnet_down(&d, x, &f);
    for (int i = 0; i < s->blocks; i++) {
        x = resnet_block(&d, i, x, f);
        if (i == 0 || i == s->blocks / 2)
            tap(&d, x);
    }
    x = resnet_up(&d, x, &f);
    x = conv(&d, "tail", x, s->channels, 7, 1, FG_PAD_REFLECT, 1);
    x = node(&d, "tanh", "tail.act", x, -1, (FgAttr){0});
    is_unsigned(&d, x);
    return finish(&d, "resnet", err);
}

/* ---- keyframe's generator ---- */

static int encdec_block(Draft *d, int i, int x, int f)
{
    char name[32], full[48];
    int y;

    snprintf(name, sizeof(name), "block%d", i);
    snprintf(full, sizeof(full), "%s.conv0", name);
    y = conv(d, full, x, f, 3, 1, FG_PAD_ZERO, 1);
    y = leaky(d, full, norm(d, full, y));
    snprintf(full, sizeof(full), "%s.conv1", name);
    y = conv(d, full, y, f, 3, 1, FG_PAD_ZERO, 1);
    return node(d, "add", name, norm(d, full, y), x, (FgAttr){0});
}

static int encdec_step(Draft *d, const char *what, int i, int x, int f,
                       int stride)
{
    char name[32];

    snprintf(name, sizeof(name), "%s%d", what, i);
    if (stride == 1)
        x = twice(d, name, x, FG_RESIZE_NEAREST);
    x = conv(d, name, x, f, 3, stride, FG_PAD_ZERO, 1);
    return leaky(d, name, norm(d, name, x));
}

int fg_build_encdec(FgGraph *g, const FgNetSpec *s, FgError *err)
{
    Draft d = {g, s, NULL, 0};
    int f = s->features, skip[5], in, x;
    int ret = check(s, "encdec", 1, err);

    *g = (FgGraph){0};
    if (ret)
        return ret;
    in = input(&d);
    x = conv(&d, "head", in, f, 3, 1, FG_PAD_ZERO, 1);
    x = leaky(&d, "head", norm(&d, "head", x));
    for (int i = 0; i < s->levels; i++) {
        skip[i] = x;
        f = i < 2 ? 2 * f : f;
        x = encdec_step(&d, "down", i, x, f, 2);
    }
    for (int i = 0; i < s->blocks; i++)
        x = encdec_block(&d, i, x, f);
    for (int i = s->levels - 1; i >= 0; i--) {
        char name[32];

        snprintf(name, sizeof(name), "skip%d", i);
        f = i < 2 ? f / 2 : f;
        x = encdec_step(&d, "up", i, x, f, 1);
        x = node(&d, "add", name, x, skip[i], (FgAttr){0});
    }
    x = conv(&d, "last", x, f, 3, 1, FG_PAD_ZERO, 1);
    x = leaky(&d, "last", x);
    x = conv(&d, "tail", x, s->channels, 3, 1, FG_PAD_ZERO, 1);
    if (s->residual)
        node(&d, "add", "output", x, in, (FgAttr){0});
    return finish(&d, "encdec", err);
}

/* ---- critics ---- */

int fg_build_patch_critic(FgGraph *g, const FgNetSpec *s, FgTaps *taps,
                          FgError *err)
{
    Draft d = {g, s, taps, 0};
    int f = s->features, x;
    int ret = check(s, "patch critic", 1, err);

    *g = (FgGraph){0};
    if (taps)
        taps->nb = 0;
    if (ret)
        return ret;
    x = is_signed(&d, input(&d));
    for (int i = 0; i <= s->levels; i++) {
        char name[32];

        snprintf(name, sizeof(name), "conv%d", i);
        x = conv(&d, name, x, f, 4, i < s->levels ? 2 : 1, FG_PAD_ZERO,
                 !i || has_bias(&d));
        x = leaky(&d, name, i ? norm(&d, name, x) : x);
        tap(&d, x);
        f = f < 8 * s->features ? 2 * f : f;
    }
    conv(&d, "tail", x, 1, 4, 1, FG_PAD_ZERO, 1);
    return finish(&d, "patch critic", err);
}

static int unet_up(Draft *d, int i, int x, int channels, int with)
{
    char name[32], sum[40];

    snprintf(name, sizeof(name), "conv%d", i);
    snprintf(sum, sizeof(sum), "skip%d", i);
    x = twice(d, name, x, FG_RESIZE_BILINEAR);
    x = conv(d, name, x, channels, 3, 1, FG_PAD_ZERO, 0);
    x = leaky(d, name, x);
    tap(d, x);
    return node(d, "add", sum, x, with, (FgAttr){0});
}

int fg_build_unet_critic(FgGraph *g, const FgNetSpec *s, FgTaps *taps,
                         FgError *err)
{
    static const char *const names[] = {"conv0", "conv1", "conv2", "conv3"};
    Draft d = {g, s, taps, 0};
    const int f = s->features;
    int x, down[4];
    int ret = check(s, "u-net critic", 0, err);

    *g = (FgGraph){0};
    if (taps)
        taps->nb = 0;
    if (ret)
        return ret;
    x = input(&d);
    for (int i = 0; i < 4; i++) {
        x = conv(&d, names[i], x, f << i, i ? 4 : 3, i ? 2 : 1, FG_PAD_ZERO,
                 !i);
        x = down[i] = leaky(&d, names[i], x);
        tap(&d, x);
    }
    x = unet_up(&d, 4, x, 4 * f, down[2]);
    x = unet_up(&d, 5, x, 2 * f, down[1]);
    x = unet_up(&d, 6, x, f, down[0]);
    x = leaky(&d, "conv7", conv(&d, "conv7", x, f, 3, 1, FG_PAD_ZERO, 0));
    tap(&d, x);
    x = leaky(&d, "conv8", conv(&d, "conv8", x, f, 3, 1, FG_PAD_ZERO, 0));
    tap(&d, x);
    x = conv(&d, "conv9", x, 1, 3, 1, FG_PAD_ZERO, 1);
    if (s->gain > 0 && s->gain != 1)
        node(&d, "scale", "gain", x, -1, (FgAttr){.alpha = s->gain});
    return finish(&d, "u-net critic", err);
}

/* ---- constants ---- */

static void set_constant(FgNet *net, const char *name, float v)
{
    for (int s = 0; s < FG_NB_SETS; s++) {
        FgParam *p = fg_params_find(&net->set[s], name);

        if (!p)
            continue;
        p->trainable = 0;
        for (size_t i = 0; i < fg_param_count(p); i++)
            p->data[i] = s == FG_SET_M || s == FG_SET_V ? 0 : v;
    }
    if (fg_params_find(&net->grads, name))
        fg_params_find(&net->grads, name)->trainable = 0;
}

void fg_nets_constants(FgNet *net)
{
    char name[FG_NAME_LEN];

    snprintf(name, sizeof(name), "%s.bias", to_signed);
    set_constant(net, name, -1);
    snprintf(name, sizeof(name), "%s.bias", from_signed);
    set_constant(net, name, 0.5f);
}
