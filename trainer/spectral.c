/* Spectral normalisation: power iteration, division, the way back.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/gpu.h"
#include "trainer/noise.h"
#include "trainer/spectral.h"
#include "trainer/spectral_gpu.h"

enum { FIRST_ITERATIONS = 15 };

static int is_skipped(const char *name, const char *skip)
{
    while (skip && *skip) {
        const size_t n = strcspn(skip, ",");

        if (n && !strncmp(name, skip, n))
            return 1;
        skip += n + (skip[n] == ',');
    }
    return 0;
}

static void choose(FgSpectral *s, const char *skip)
{
    const FgGraph *g = &s->net->graph;

    for (int i = 0; i < g->nb_nodes; i++) {
        const FgNode *n = &g->nodes[i];

        if (strcmp(n->op->name, "conv2d") && strcmp(n->op->name, "dense"))
            continue;
        for (int k = 0; k < s->w.nb; k++)
            if (!strcmp(s->w.p[k].name, n->param[0]))
                s->chosen[k] = s->w.p[k].trainable &&
                               !is_skipped(n->param[0], skip);
    }
}

FgParam *fg_spectral_vector(const FgSpectral *s, const FgParam *p, char which)
{
    char name[2 * FG_NAME_LEN];

    snprintf(name, sizeof(name), "%s.%s.%c", s->net->name, p->name, which);
    return fg_params_find(s->state, name);
}

static int add_vector(FgSpectral *s, const FgParam *p, char which, int n,
                      uint64_t seed)
{
    char name[2 * FG_NAME_LEN];
    FgParam *v;

    snprintf(name, sizeof(name), "%s.%s.%c", s->net->name, p->name, which);
    v = fg_params_add(s->state, name, 1, &n);
    if (!v)
        return -ENOMEM;
    for (int i = 0; i < n; i++)
        v->data[i] = (float)fg_noise_named(seed, name, (size_t)i);
    return 0;
}

static void normalise(float *v, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)v[i] * v[i];
    sum = 1 / fmax(sqrt(sum), 1e-12);
    for (int i = 0; i < n; i++)
        v[i] = (float)(v[i] * sum);
}

/* v = W' u */
static void times_u(const FgParam *w, const float *u, float *v, int rows,
                    int cols)
{
    memset(v, 0, sizeof(*v) * (size_t)cols);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++)
            v[c] += w->data[(size_t)r * cols + c] * u[r];
}

/* u = W v */
static void times_v(const FgParam *w, const float *v, float *u, int rows,
                    int cols)
{
    for (int r = 0; r < rows; r++) {
        double sum = 0;

        for (int c = 0; c < cols; c++)
            sum += (double)w->data[(size_t)r * cols + c] * v[c];
        u[r] = (float)sum;
    }
}

static double bilinear(const FgParam *w, const float *u, const float *v,
                       int rows, int cols)
{
    double sum = 0;

    for (int r = 0; r < rows; r++) {
        double one = 0;

        for (int c = 0; c < cols; c++)
            one += (double)w->data[(size_t)r * cols + c] * v[c];
        sum += one * u[r];
    }
    return sum;
}

static void apply_one(FgSpectral *s, int i, int iterate)
{
    const FgParam *p = &s->net->set[FG_SET_PARAM].p[i];
    const size_t n = fg_param_count(p);
    const int rows = p->dims[0], cols = (int)(n / (size_t)rows);
    float *const u = fg_spectral_vector(s, p, 'u')->data,
                 *const v = fg_spectral_vector(s, p, 'v')->data;
    double sigma;

    for (int k = 0; k < iterate; k++) {
        times_u(p, u, v, rows, cols);
        normalise(v, cols);
        times_v(p, v, u, rows, cols);
        normalise(u, rows);
    }
    sigma = bilinear(p, u, v, rows, cols);
    s->sigma[i] = fabs(sigma) > 1e-12 ? sigma : 1e-12;
    for (size_t k = 0; k < n; k++)
        s->w.p[i].data[k] = (float)(p->data[k] / s->sigma[i]);
}

static void apply(FgSpectral *s, int iterate)
{
    fg_params_host(&s->net->set[FG_SET_PARAM], 0);
    for (int i = 0; i < s->w.nb; i++) {
        const FgParam *p = &s->net->set[FG_SET_PARAM].p[i];

        if (s->chosen[i])
            apply_one(s, i, iterate);
        else
            memcpy(s->w.p[i].data, p->data,
                   fg_param_count(p) * sizeof(*p->data));
    }
}

void fg_spectral_apply(FgSpectral *s, int iterate)
{
    if (s->w.mirror)
        fg_spectral_gpu_apply(s, iterate != 0);
    else
        apply(s, iterate != 0);
}

void fg_spectral_back(FgSpectral *s)
{
    if (s->gpu) {
        fg_spectral_gpu_back(s);
        return;
    }
    for (int i = 0; i < s->w.nb; i++) {
        const FgParam *w = &s->w.p[i];
        FgParam *g = &s->net->grads.p[i];
        const size_t n = fg_param_count(w);
        const int rows = w->dims[0], cols = (int)(n / (size_t)rows);
        const float *u, *v;
        double dot = 0;

        if (!s->chosen[i])
            continue;
        u = fg_spectral_vector(s, w, 'u')->data;
        v = fg_spectral_vector(s, w, 'v')->data;
        for (size_t k = 0; k < n; k++)
            dot += (double)g->data[k] * w->data[k];
        for (size_t k = 0; k < n; k++)
            g->data[k] = (float)((g->data[k] - dot * u[k / (size_t)cols] *
                                                   v[k % (size_t)cols]) /
                                 s->sigma[i]);
    }
}

int fg_spectral_create(FgSpectral *s, FgNet *net, FgParams *state,
                       const char *skip, uint64_t seed)
{
    int ret;

    *s = (FgSpectral){.net = net, .state = state};
    ret = fg_params_copy(&s->w, &net->set[FG_SET_PARAM]);
    s->chosen = calloc((size_t)s->w.nb + 1, 1);
    s->sigma = calloc((size_t)s->w.nb + 1, sizeof(*s->sigma));
    if (ret || !s->chosen || !s->sigma) {
        fg_spectral_free(s);
        return -ENOMEM;
    }
    choose(s, skip);
    for (int i = 0; i < s->w.nb && !ret; i++) {
        const FgParam *p = &s->w.p[i];
        const int rows = p->dims[0];

        if (!s->chosen[i])
            continue;
        ret = add_vector(s, p, 'u', rows, seed);
        if (!ret)
            ret = add_vector(s, p, 'v', (int)(fg_param_count(p) / (size_t)rows),
                             seed);
    }
    if (ret)
        fg_spectral_free(s);
    else
        apply(s, FIRST_ITERATIONS);
    return ret;
}

void fg_spectral_free(FgSpectral *s)
{
    if (!s)
        return;
    fg_spectral_gpu_free(s);
    fg_params_free(&s->w);
    free(s->chosen);
    free(s->sigma);
    *s = (FgSpectral){0};
}
