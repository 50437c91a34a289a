/* ffgan: networks from hyper-parameters.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build_priv.h"
#include "op.h"

int fg_build_node(FgBuilder *s, const char *op, const char *name, int in0,
                  int in1, FgAttr attr)
{
    if (s->rc < 0)
        return 0;
    const int i = fg_graph_op(s->g, op, name, in0, in1, attr);
    if (i < 0)
        s->rc = i;
    return i < 0 ? 0 : i;
}

int fg_build_conv(FgBuilder *s, const char *name, int in, int channels,
                  int kernel, int bias)
{
    const FgAttr a = {.channels = channels,
                      .kernel = kernel,
                      .stride = 1,
                      .pad = kernel / 2,
                      .groups = 1,
                      .bias = bias};
    return fg_build_node(s, "conv2d", name, in, -1, a);
}

static int sub_conv(FgBuilder *s, const char *name, const char *suffix, int in,
                    int channels, int kernel, int bias)
{
    char full[FG_NAME_LEN];
    snprintf(full, sizeof(full), "%s.%s", name, suffix);
    return fg_build_conv(s, full, in, channels, kernel, bias);
}

int fg_build_sum(FgBuilder *s, const char *name, const char *suffix, int a,
                 int b)
{
    char full[FG_NAME_LEN];
    snprintf(full, sizeof(full), "%s%s", name, suffix);
    return fg_build_node(s, "add", full, a, b, (FgAttr){0});
}

int fg_build_layer(FgBuilder *s, const char *name, int in, int ic, int oc,
                   int skip)
{
    if (!s->b->reparam)
        return fg_build_conv(s, name, in, oc, 3, 1);
    int x = sub_conv(s, name, "k3", in, oc, 3, 1);
    int y = sub_conv(s, name, "k1", in, oc, 1, 0);
    if (s->b->reparam > 1) {
        const int e = sub_conv(s, name, "expand", in, 2 * oc, 1, 0);
        const int k = sub_conv(s, name, "squeeze", e, oc, 3, 0);
        y = fg_build_sum(s, name, ".wide", y, k);
    }
    if (skip && ic == oc)
        y = fg_build_sum(s, name, ".skip", y, in);
    return fg_build_sum(s, name, "", x, y);
}

int fg_build_activation(FgBuilder *s, const char *name, int in)
{
    const int leaky = !strcmp(s->b->activation, "leaky_relu");
    const FgAttr a = {.alpha = leaky ? 0.1f : 0};
    return fg_build_node(s, s->b->activation, name, in, -1, a);
}

static int upsampled(FgBuilder *s, int in)
{
    FgAttr a = {.factor = s->b->scale, .mode = FG_RESIZE_NEAREST};
    if (s->b->scale == 1)
        return in;
    if (!strcmp(s->b->base, "bilinear"))
        a.mode = FG_RESIZE_BILINEAR;
    else if (!strcmp(s->b->base, "bicubic"))
        a.mode = FG_RESIZE_BICUBIC;
    return fg_build_node(s, "resize", "base", in, -1, a);
}

void fg_build_tail(FgBuilder *s, int in, int x, int up)
{
    const int oc = s->b->channels_in * up * up;
    const FgAttr shuffle = {.factor = up};
    x = fg_build_layer(s, "tail", x, s->b->features, oc, 0);
    if (up > 1)
        x = fg_build_node(s, "pixel_shuffle", "shuffle", x, -1, shuffle);
    if (strcmp(s->b->base, "none"))
        fg_build_node(s, "add", "output", x, upsampled(s, in), (FgAttr){0});
}

static void build_compact(FgBuilder *s, int in)
{
    const int f = s->b->features;
    int x = fg_build_layer(s, "head", in, s->b->channels_in, f, 0);
    x = fg_build_activation(s, "head.act", x);
    for (int i = 0; i < s->b->blocks; i++) {
        char name[32], act[40];
        snprintf(name, sizeof(name), "body%d", i);
        snprintf(act, sizeof(act), "%s.act", name);
        x = fg_build_layer(s, name, x, f, f, 1);
        x = fg_build_activation(s, act, x);
    }
    fg_build_tail(s, in, x, s->b->scale);
}

static int res_block(FgBuilder *s, int i, int x)
{
    const int f = s->b->features;
    char name[40];
    snprintf(name, sizeof(name), "block%d.conv0", i);
    int y = fg_build_layer(s, name, x, f, f, 1);
    snprintf(name, sizeof(name), "block%d.act", i);
    y = fg_build_activation(s, name, y);
    snprintf(name, sizeof(name), "block%d.conv1", i);
    y = fg_build_layer(s, name, y, f, f, 0);
    snprintf(name, sizeof(name), "block%d", i);
    return fg_build_sum(s, name, "", y, x);
}

static void build_res(FgBuilder *s, int in)
{
    const int f = s->b->features;
    const int head = fg_build_layer(s, "head", in, s->b->channels_in, f, 0);
    int x = head;
    for (int i = 0; i < s->b->blocks; i++)
        x = res_block(s, i, x);
    x = fg_build_layer(s, "body", x, f, f, 0);
    x = fg_build_sum(s, "long", "", x, head);
    fg_build_tail(s, in, x, s->b->scale);
}

int fg_build_word(const char *what, const char *value, const char *allowed,
                  FgError *err)
{
    const size_t len = value ? strlen(value) : 0;
    for (const char *p = allowed; len && *p;) {
        const size_t n = strcspn(p, "|");
        if (n == len && !memcmp(p, value, n))
            return 0;
        p += n + (p[n] == '|');
    }
    return fg_error(err, -EINVAL, "network: %s is '%s', allowed %s", what,
                    value ? value : "", allowed);
}

static int in_range(const char *what, int v, int lo, int hi, FgError *err)
{
    if (v >= lo && v <= hi)
        return 0;
    return fg_error(err, -EINVAL, "network: %s is %d, allowed %d..%d", what, v,
                    lo, hi);
}

int fg_build_check(const FgBuild *b, FgError *err)
{
    int rc = 0;
    if (b->channels_in != 1 && b->channels_in != 3)
        rc = fg_error(err, -EINVAL,
                      "network: channels_in is %d, allowed 1 or 3",
                      b->channels_in);
    if (rc >= 0)
        rc = in_range("scale", b->scale, 1, 8, err);
    return rc;
}

int fg_build_check_body(const FgBuild *b, FgError *err)
{
    int rc = in_range("features", b->features, 1, 1024, err);
    if (rc >= 0)
        rc = in_range("blocks", b->blocks, 0, 256, err);
    if (rc >= 0)
        rc = in_range("reparam", b->reparam, 0, 2, err);
    if (rc >= 0)
        rc = fg_build_word("activation", b->activation,
                           "relu|leaky_relu|prelu|silu|tanh", err);
    if (rc >= 0)
        rc = fg_build_word("base", b->base, "none|nearest|bilinear|bicubic",
                           err);
    return rc;
}

static int check(const FgBuild *b, FgError *err)
{
    int rc = fg_build_word("family", b->family, "compact|res|identity|bicubic",
                           err);
    if (rc >= 0)
        rc = fg_build_check(b, err);
    if (rc < 0)
        return rc;
    if (!strcmp(b->family, "identity"))
        return in_range("scale of identity", b->scale, 1, 1, err);
    if (!strcmp(b->family, "bicubic"))
        return 0;
    return fg_build_check_body(b, err);
}

int fg_build_end(FgBuilder *s, const char *family, FgError *err)
{
    if (s->rc >= 0)
        return 0;
    fg_graph_free(s->g);
    return fg_error(err, s->rc, "network: '%s' cannot be built: %s", family,
                    s->rc == -ENOMEM ? "out of memory" : "too large");
}

int fg_graph_build(FgGraph *g, const FgBuild *b, FgError *err)
{
    memset(g, 0, sizeof(*g));
    const int rc = check(b, err);
    if (rc < 0)
        return rc;
    FgBuilder s = {g, b, NULL, 0};
    const FgAttr channels = {.channels = b->channels_in};
    const FgAttr cubic = {.factor = b->scale, .mode = FG_RESIZE_BICUBIC};
    const int in = fg_build_node(&s, "input", "input", -1, -1, channels);
    if (!strcmp(b->family, "compact"))
        build_compact(&s, in);
    else if (!strcmp(b->family, "res"))
        build_res(&s, in);
    else if (!strcmp(b->family, "bicubic") && b->scale > 1)
        fg_build_node(&s, "resize", "base", in, -1, cubic);
    return fg_build_end(&s, b->family, err);
}
