/* The graphs of the texture generator, and its waves.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/noise.h"
#include "trainer/texture.h"

#define HIDDEN 40 /* of the wave network */
#define PI 3.14159265358979323846

typedef struct Build {
    FgGraph *g;
    int rc;
} Build;

static int add(Build *b, const char *op, const char *name, int in, FgAttr attr)
{
    int i;

    if (b->rc < 0)
        return 0;
    i = fg_graph_op(b->g, op, name, in, -1, attr);
    if (i < 0)
        b->rc = i;
    return i < 0 ? 0 : i;
}

static int conv(Build *b, const char *name, int in, int channels, FgAttr how)
{
    how.channels = channels;
    how.groups = how.bias = 1;
    return add(b, "conv2d", name, in, how);
}

static int same(Build *b, const char *name, int in, int channels)
{
    return conv(
        b, name, in, channels,
        (FgAttr){
            .kernel = 3, .stride = 1, .pad = 1, .pad_mode = FG_PAD_REPLICATE});
}

static int leaky(Build *b, const char *name, int in)
{
    return add(b, "leaky_relu", name, in, (FgAttr){.alpha = 0.2f});
}

static int done(Build *b, FgError *err)
{
    if (b->rc >= 0)
        return 0;
    fg_graph_free(b->g);
    return fg_error(err, b->rc, "the texture's networks cannot be built: %s",
                    b->rc == -ENOMEM ? "out of memory" : "too large");
}

/* Channels at 2^level times fewer pixels: half as many again for each. */
static int width_at(const FgTextureNet *n, int level)
{
    return n->features * (level + 2) / 2;
}

int fg_texture_generator(FgGraph *g, const FgTextureNet *n, int file,
                         FgError *err)
{
    const FgAttr twice = {.factor = 2, .mode = FG_RESIZE_NEAREST};
    Build b = {g, 0};
    char name[32];
    int x;

    *g = (FgGraph){0};
    x = add(&b, "input", "z", -1,
            (FgAttr){.channels = n->local + n->global + n->periodic});
    for (int level = n->levels; level >= 0; level--) {
        snprintf(name, sizeof(name), "g%d.size", level);
        if (level < n->levels)
            x = add(&b, "resize", name, x, twice);
        snprintf(name, sizeof(name), "g%d.conv", level);
        x = same(&b, name, x, width_at(n, level));
        snprintf(name, sizeof(name), "g%d.act", level);
        x = leaky(&b, name, x);
    }
    x = add(&b, "tanh", "tanh", same(&b, "g.out", x, 3), (FgAttr){0});
    if (file) {
        x = add(&b, "scale", "scale", x, (FgAttr){.alpha = 0.5f});
        add(&b, "bias", "half", x, (FgAttr){0});
    }
    return done(&b, err);
}

int fg_texture_waves(FgGraph *g, const FgTextureNet *n, FgError *err)
{
    const FgAttr point = {.kernel = 1, .stride = 1};
    Build b = {g, 0};
    int x;

    *g = (FgGraph){0};
    x = add(&b, "input", "global", -1, (FgAttr){.channels = n->global});
    x = conv(&b, "wave.hidden", x, HIDDEN, point);
    x = add(&b, "relu", "wave.act", x, (FgAttr){0});
    conv(&b, "wave.out", x, 2 * n->periodic, point);
    return done(&b, err);
}

void fg_texture_waves_init(FgParams *ps, const FgTextureNet *n, uint64_t seed)
{
    FgParam *w = fg_params_find(ps, "wave.out.weight");
    FgParam *b = fg_params_find(ps, "wave.out.bias");

    for (size_t i = 0; w && i < fg_param_count(w); i++)
        w->data[i] *= 0.02f;
    for (int i = 0; b && i < n->periodic; i++) {
        const double a = PI * (i + fg_noise_uniform(seed, "wave", 2 * i)) /
                         n->periodic;
        const double k = 0.3 + 1.2 * fg_noise_uniform(seed, "wave", 2 * i + 1);

        b->data[2 * i] = (float)(k * cos(a));
        b->data[2 * i + 1] = (float)(k * sin(a));
    }
}

int fg_texture_critic(FgGraph *g, const FgTextureNet *n, FgError *err)
{
    const FgAttr half = {.kernel = 4, .stride = 2, .pad = 1};
    Build b = {g, 0};
    char name[32];
    int x;

    *g = (FgGraph){0};
    x = add(&b, "input", "picture", -1, (FgAttr){.channels = n->channels});
    for (int i = 0; i < n->levels; i++) {
        snprintf(name, sizeof(name), "d%d.conv", i);
        x = conv(&b, name, x, n->critic << (i < 2 ? i : 2), half);
        snprintf(name, sizeof(name), "d%d.act", i);
        x = leaky(&b, name, x);
    }
    conv(&b, "d.out", x, 1, (FgAttr){.kernel = 3, .stride = 1, .pad = 1});
    return done(&b, err);
}

static double angle(const FgTensor *k, int n, int i, int x, int y, double phase)
{
    const float *w = fg_f32(k, n, 0, 0) + 2 * i;

    return w[0] * x + w[1] * y + phase;
}

void fg_texture_periodic(FgTensor *z, const FgTextureNet *n, const FgTensor *k,
                         const double *phase)
{
    const FgShape s = z->shape;

    for (int b = 0; b < s.n; b++)
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++) {
                float *p = fg_f32(z, b, y, x) + n->local + n->global;

                for (int i = 0; i < n->periodic; i++)
                    p[i] = (float)sin(
                        angle(k, b, i, x, y, phase[b * n->periodic + i]));
            }
}

void fg_texture_periodic_back(FgTensor *dk, const FgTensor *dz,
                              const FgTextureNet *n, const FgTensor *k,
                              const double *phase)
{
    const FgShape s = dz->shape;

    fg_tensor_zero(dk);
    for (int b = 0; b < s.n; b++)
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++) {
                const float *p = fg_f32(dz, b, y, x) + n->local + n->global;
                float *d = fg_f32(dk, b, 0, 0);

                for (int i = 0; i < n->periodic; i++) {
                    const double c = p[i] *
                                     cos(angle(k, b, i, x, y,
                                               phase[b * n->periodic + i]));

                    d[2 * i] += (float)(c * x);
                    d[2 * i + 1] += (float)(c * y);
                }
            }
}
