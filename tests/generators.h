/* Small random networks of the tasks image, generator and interp.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_GENERATORS_H
#define FFGAN_TESTS_GENERATORS_H

#include <stdint.h>
#include <string.h>

#include "kernels/model.h"
#include "kernels/op.h"

/* Weights from an integer hash: the same for ever. */
static inline float gen_noise(uint32_t x)
{
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    x ^= x >> 16;
    return (float)(int32_t)x / 2147483648.0f;
}

static inline void gen_fill(FgModel *m)
{
    for (int i = 0; i < m->params.nb; i++) {
        FgParam *p = &m->params.p[i];
        const size_t n = fg_param_count(p);
        const int fan = p->nb_dims == 4 ? (int)(n / (size_t)p->dims[0]) : 9;
        float gain = 1;
        while (gain * gain * (float)fan > 3)
            gain *= 0.9f;
        for (size_t k = 0; k < n; k++)
            p->data[k] = gen_noise((uint32_t)(i * 65536 + (int)k)) * gain;
    }
}

/* tanh * 0.5 + 0.5 */
static inline int gen_end(FgGraph *g, const char *bias, int in)
{
    in = fg_graph_op(g, "tanh", "tanh", in, -1, (FgAttr){0});
    in = fg_graph_op(g, "scale", "half", in, -1, (FgAttr){.alpha = 0.5f});
    in = fg_graph_op(g, "bias", bias, in, -1, (FgAttr){0});
    return in;
}

static inline int gen_conv(FgGraph *g, const char *name, int in, int channels,
                           int kernel)
{
    return fg_graph_op(g, "conv2d", name, in, -1,
                       (FgAttr){.channels = channels,
                                .kernel = kernel,
                                .pad = kernel / 2,
                                .stride = 1,
                                .groups = 1,
                                .bias = 1});
}

static inline int gen_input(FgGraph *g, int channels)
{
    return fg_graph_op(g, "input", "in", -1, -1,
                       (FgAttr){.channels = channels});
}

/* Z -> 4x4 (or not) -> twice as large -> out channels. */
static inline void gen_cells_graph(FgModel *m, int z, int project, int out)
{
    FgGraph *g = &m->graph;
    int at = gen_input(g, z);
    if (project)
        at = fg_graph_op(g, "deconv2d", "first", at, -1,
                         (FgAttr){.channels = 8,
                                  .kernel = 4,
                                  .stride = 1,
                                  .groups = 1,
                                  .bias = 1});
    else
        at = gen_conv(g, "first", at, 8, 3);
    at = fg_graph_op(g, "relu", "relu", at, -1, (FgAttr){0});
    at = fg_graph_op(g, "deconv2d", "second", at, -1,
                     (FgAttr){.channels = 8,
                              .kernel = 4,
                              .stride = 2,
                              .pad = 1,
                              .groups = 1,
                              .bias = 1});
    at = fg_graph_op(g, "relu", "relu2", at, -1, (FgAttr){0});
    at = gen_conv(g, "third", at, out, 3);
    gen_end(g, "end", at);
}

static inline void gen_waves_graph(FgModel *m, int global, int periodic)
{
    FgGraph g = {0};
    int at = gen_input(&g, global);
    at = gen_conv(&g, "s1.a", at, 4, 1);
    at = fg_graph_op(&g, "relu", "relu", at, -1, (FgAttr){0});
    gen_conv(&g, "s1.b", at, 2 * periodic, 1);
    fg_model_add_stage(m, &g);
    fg_graph_free(&g);
}

/* Stages of F features: noise added, or (last) beside. */
static inline void gen_plate_graphs(FgModel *m, int out)
{
    static const char *const names[] = {"s0.a", "s1.a", "s2.a"};
    for (int k = 0; k < 3; k++) {
        FgGraph g = {0};
        const int in = k == 0 ? 2 : k == 1 ? 6 : 6 + 2;
        int at = gen_input(&g, in);
        at = gen_conv(&g, names[k], at, k < 2 ? 6 : out, 3);
        if (k < 2)
            fg_graph_op(&g, "leaky_relu", "act", at, -1,
                        (FgAttr){.alpha = 0.05f});
        else
            gen_end(&g, "s2.end", at);
        if (!k)
            fg_graph_copy(&m->graph, &g);
        else
            fg_model_add_stage(m, &g);
        fg_graph_free(&g);
    }
}

static inline void gen_image_graph(FgModel *m, int norm)
{
    FgGraph *g = &m->graph;
    int at = gen_input(g, 3);
    at = gen_conv(g, "a", at, 8, 3);
    if (norm)
        at = fg_graph_op(g, "instance_norm", "norm", at, -1,
                         (FgAttr){.eps = 1e-5f});
    at = fg_graph_op(g, "relu", "relu", at, -1, (FgAttr){0});
    gen_end(g, "end", gen_conv(g, "b", at, 3, 3));
}

static inline void gen_interp_graph(FgModel *m)
{
    FgGraph *g = &m->graph;
    int at = gen_input(g, 7);
    at = gen_conv(g, "a", at, 8, 3);
    at = fg_graph_op(g, "relu", "relu", at, -1, (FgAttr){0});
    at = gen_conv(g, "b", at, 3, 3);
    fg_graph_op(g, "scale", "small", at, -1, (FgAttr){.alpha = 0.1f});
}

/* A whole network of task interp: the mean of the two frames. */
static inline void gen_fade(FgModel *m)
{
    for (int i = 0; i < m->params.nb; i++) {
        FgParam *p = &m->params.p[i];
        memset(p->data, 0, sizeof(float) * fg_param_count(p));
        for (int o = 0; o < 3 && p->nb_dims == 4; o++)
            p->data[7 * o + o] = p->data[7 * o + 3 + o] = 0.5f;
    }
}

/* kind: dcgan, dcgan-alpha, texture, plate, image, image-norm, interp, fade.
 * NULL and err on failure. */
static inline FgModel *gen_model(const char *kind, FgError *err)
{
    FgModel *m = fg_model_alloc();
    if (!m)
        return NULL;
    m->scale = 1;
    m->task = FG_TASK_GENERATOR;
    if (!strncmp(kind, "dcgan", 5)) {
        m->latent = (FgLatent){
            .kind = FG_LATENT_DCGAN, .channels = 5, .base_w = 1, .base_h = 1};
        gen_cells_graph(m, 5, 1, kind[5] ? 4 : 3);
    } else if (!strcmp(kind, "texture")) {
        m->latent = (FgLatent){.kind = FG_LATENT_TEXTURE,
                               .local = 3,
                               .global = 2,
                               .periodic = 2,
                               .base_w = 4,
                               .base_h = 3};
        gen_cells_graph(m, 7, 0, 3);
        gen_waves_graph(m, 2, 2);
    } else if (!strcmp(kind, "plate")) {
        m->latent = (FgLatent){.kind = FG_LATENT_PLATE,
                               .channels = 2,
                               .nb_sizes = 3,
                               .size = {{10, 7}, {18, 13}, {33, 21}},
                               .noise = {1, 0.5f, 0.25f}};
        gen_plate_graphs(m, 3);
    } else if (!strncmp(kind, "image", 5)) {
        m->task = FG_TASK_IMAGE;
        gen_image_graph(m, !strcmp(kind, "image-norm"));
    } else if (!strcmp(kind, "fade")) {
        m->task = FG_TASK_INTERP;
        gen_conv(&m->graph, "mean", gen_input(&m->graph, 7), 3, 1);
    } else {
        m->task = FG_TASK_INTERP;
        m->luma = 1;
        gen_interp_graph(m);
    }
    int rc = 0;
    for (int k = 0; k <= m->nb_stages && rc >= 0; k++)
        rc = fg_graph_params(fg_model_stage(m, k), &m->params, err);
    if (rc < 0)
        fg_model_free(&m);
    if (m) {
        gen_fill(m);
        if (!strcmp(kind, "fade"))
            gen_fade(m);
        fg_model_set_meta(m, "name", kind);
    }
    return m;
}

#endif
