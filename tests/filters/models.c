/* Small fixed networks for the filters' tests.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models.h"

#include "tests/generators.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int is(const char *a, const char *b)
{
    return !strcmp(a, b);
}

/* Weights from an integer hash, so that the checksums which depend on them
 * do not change with the library's own initialisation. */
static float noise(uint32_t x)
{
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    x ^= x >> 16;
    return (float)(int32_t)x / 2147483648.0f;
}

static void fill(FgModel *m, float gain)
{
    for (int i = 0; i < m->params.nb; i++) {
        FgParam *p = &m->params.p[i];
        const size_t n = fg_param_count(p);
        const size_t fan = p->nb_dims == 4 ? n / (size_t)p->dims[0] : 4;
        const float last = i + 2 >= m->params.nb ? 0.2f : 1;

        for (size_t k = 0; k < n; k++)
            p->data[k] = noise((uint32_t)(i * 65536 + (int)k)) * gain * last /
                         (float)(fan > 64 ? 8 : 4);
    }
}

static int build(FgModel *m, const char *kind, FgError *err)
{
    const int wide = is(kind, "wide");
    const int net = is(kind, "compact") || is(kind, "bad") || wide;
    const FgBuild b = {
        .family = net ? "compact" : kind,
        .channels_in = m->luma ? 1 : 3,
        .scale = m->scale,
        .features = wide ? 64 : 16,
        .blocks = wide ? 8 : 2,
        .activation = "relu",
        .base = "bicubic",
    };
    int ret = fg_graph_build(&m->graph, &b, err);

    if (ret < 0 || (ret = fg_graph_params(&m->graph, &m->params, err)) < 0)
        return ret;
    fill(m, is(kind, "bad") ? 1e20f : 1);
    return 0;
}

FgModel *test_model(const char *kind, int luma, int scale, FgError *err)
{
    static const char *const others[] = {"dcgan",  "dcgan-alpha", "texture",
                                         "plate",  "image",       "image-norm",
                                         "interp", "fade"};
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (is(kind, others[i]))
            return gen_model(kind, err);
    FgModel *m = fg_model_alloc();
    char s[16];

    if (!m) {
        fg_error(err, -1, "out of memory");
        return NULL;
    }
    m->scale = scale;
    m->luma = luma;
    snprintf(s, sizeof(s), "%d", scale);
    if (build(m, kind, err) < 0 || fg_model_set_meta(m, "name", kind) < 0 ||
        fg_model_set_meta(m, "ffgan.scale", s) < 0 ||
        fg_model_set_meta(m, "ffgan.colour", luma ? "y" : "rgb") < 0)
        fg_model_free(&m);
    return m;
}
