/* ffgan: named parameters: the list, creation from a graph, first values.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "graph_priv.h"
#include "op.h"

size_t fg_param_count(const FgParam *p)
{
    size_t n = 1;
    for (int i = 0; i < p->nb_dims; i++)
        n *= (size_t)p->dims[i];
    return n;
}

size_t fg_params_count(const FgParams *ps)
{
    size_t n = 0;
    for (int i = 0; i < ps->nb; i++)
        if (ps->p[i].trainable)
            n += fg_param_count(&ps->p[i]);
    return n;
}

FgParam *fg_params_find(const FgParams *ps, const char *name)
{
    for (int i = 0; i < ps->nb; i++)
        if (!strcmp(ps->p[i].name, name))
            return &ps->p[i];
    return NULL;
}

static int dims_valid(int nb_dims, const int *dims)
{
    double n = 1;
    if (nb_dims < 0 || nb_dims > 4)
        return 0;
    for (int i = 0; i < nb_dims; i++) {
        if (dims[i] < 1)
            return 0;
        n *= dims[i];
    }
    return n <= (double)(1 << 30);
}

static int params_grow(FgParams *ps)
{
    if (ps->nb < ps->cap)
        return 0;
    const int cap = ps->cap ? 2 * ps->cap : 16;
    FgParam *p = realloc(ps->p, sizeof(*p) * (size_t)cap);
    if (!p)
        return -ENOMEM;
    ps->p = p;
    ps->cap = cap;
    return 0;
}

FgParam *fg_params_add(FgParams *ps, const char *name, int nb_dims,
                       const int *dims)
{
    const size_t len = strlen(name);
    if (!len || len >= FG_NAME_LEN || !dims_valid(nb_dims, dims) ||
        fg_params_find(ps, name) || params_grow(ps) < 0)
        return NULL;
    FgParam *p = &ps->p[ps->nb];
    memset(p, 0, sizeof(*p));
    memcpy(p->name, name, len + 1);
    p->nb_dims = nb_dims;
    for (int i = 0; i < nb_dims; i++)
        p->dims[i] = dims[i];
    p->trainable = 1;
    p->data = calloc(fg_param_count(p), sizeof(float));
    if (!p->data)
        return NULL;
    ps->nb++;
    return p;
}

int fg_params_copy(FgParams *dst, const FgParams *src)
{
    memset(dst, 0, sizeof(*dst));
    for (int i = 0; i < src->nb; i++) {
        const FgParam *s = &src->p[i];
        FgParam *d = fg_params_add(dst, s->name, s->nb_dims, s->dims);
        if (!d) {
            fg_params_free(dst);
            return -ENOMEM;
        }
        memcpy(d->data, s->data, fg_param_count(s) * sizeof(float));
        d->trainable = s->trainable;
    }
    return 0;
}

void fg_params_free(FgParams *ps)
{
    if (!ps)
        return;
    for (int i = 0; i < ps->nb; i++)
        free(ps->p[i].data);
    free(ps->p);
    memset(ps, 0, sizeof(*ps));
}

static int is_statistic(const FgNode *n, int k)
{
    return strstr(n->op->param[k], "running") != NULL ||
           !strcmp(n->op->param[k], "mean") || !strcmp(n->op->param[k], "var");
}

static int check_dims(const FgNode *n, const FgParam *p, int nb,
                      const int dims[4], FgError *err)
{
    int same = p->nb_dims == nb;
    for (int i = 0; same && i < nb; i++)
        same = p->dims[i] == dims[i];
    if (same)
        return 0;
    /* Unused entries print as 1. */
    int a[4] = {1, 1, 1, 1}, b[4] = {1, 1, 1, 1};
    for (int i = 0; i < 4; i++) {
        if (i < p->nb_dims)
            a[i] = p->dims[i];
        if (i < nb)
            b[i] = dims[i];
    }
    return fg_error(err, -EINVAL,
                    "parameter '%s' is %dx%dx%dx%d (%d dims), node '%s' wants "
                    "%dx%dx%dx%d (%d dims)",
                    p->name, a[0], a[1], a[2], a[3], p->nb_dims, n->name, b[0],
                    b[1], b[2], b[3], nb);
}

static int node_params(const FgNode *n, const FgShape *in, FgParams *ps,
                       FgError *err)
{
    for (int k = 0; k < n->nb_param; k++) {
        int dims[4] = {1, 1, 1, 1};
        const int nb = n->op->param_dims(n, in, k, dims);
        if (nb < 0 || !dims_valid(nb, dims))
            return fg_error(err, -EINVAL,
                            "node '%s': parameter '%s' has no valid size",
                            n->name, n->param[k]);
        FgParam *p = fg_params_find(ps, n->param[k]);
        if (p) {
            const int rc = check_dims(n, p, nb, dims, err);
            if (rc < 0)
                return rc;
            p->trainable = p->trainable && !is_statistic(n, k);
            continue;
        }
        p = fg_params_add(ps, n->param[k], nb, dims);
        if (!p)
            return fg_error(err, -ENOMEM, "parameter '%s': out of memory",
                            n->param[k]);
        p->trainable = !is_statistic(n, k);
    }
    return 0;
}

int fg_graph_params(const FgGraph *g, FgParams *ps, FgError *err)
{
    FgShape *shapes = fg_graph_any_shapes(g, err);
    if (!shapes)
        return -errno;
    int rc = 0;
    for (int i = 0; i < g->nb_nodes && rc >= 0; i++) {
        const FgNode *n = &g->nodes[i];
        FgShape in[FG_MAX_IN];
        for (int k = 0; k < n->nb_in; k++)
            in[k] = shapes[n->in[k]];
        rc = node_params(n, in, ps, err);
    }
    free(shapes);
    return rc < 0 ? rc : 0;
}

/* ---- first values ---- */

/* FNV-1a: stable across machines, and names are short. */
static uint64_t name_hash(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return h;
}

static void fill_normal(FgParam *p, double sigma, uint64_t seed)
{
    const uint64_t k = name_hash(p->name) ^ (seed * 0x9e3779b97f4a7c15u);
    const uint32_t key[2] = {(uint32_t)k, (uint32_t)(k >> 32)};
    const size_t n = fg_param_count(p);
    for (size_t i = 0; i < n; i++) {
        const uint32_t ctr[4] = {(uint32_t)i, (uint32_t)((uint64_t)i >> 32)};
        uint32_t r[4];
        fg_philox(ctr, key, r);
        const double u = (r[0] + 0.5) / 4294967296.0;
        const double v = (r[1] + 0.5) / 4294967296.0;
        p->data[i] = (float)(sigma * sqrt(-2 * log(u)) *
                             cos(2 * 3.14159265358979323846 * v));
    }
}

static void fill_value(FgParam *p, float v)
{
    const size_t n = fg_param_count(p);
    for (size_t i = 0; i < n; i++)
        p->data[i] = v;
}

static double act_gain(const FgNode *n)
{
    double a = 1;
    if (fg_node_is(n, "relu") || fg_node_is(n, "silu"))
        a = 0;
    else if (fg_node_is(n, "leaky_relu"))
        a = n->attr.alpha;
    else if (fg_node_is(n, "prelu"))
        a = 0.25;
    return sqrt(2 / (1 + a * a));
}

static int only_user(const FgGraph *g, int i)
{
    int user = -1;
    for (int j = i + 1; j < g->nb_nodes; j++)
        for (int k = 0; k < g->nodes[j].nb_in; k++)
            if (g->nodes[j].in[k] == i) {
                if (user >= 0)
                    return -1;
                user = j;
            }
    return user;
}

/* The first node below i that is no conv: parallel branches share theirs. */
static int conv_root(const FgGraph *g, int i)
{
    while (fg_node_is(&g->nodes[i], "conv2d"))
        i = g->nodes[i].in[0];
    return i;
}

/* Convs of a sum of parallel branches, or 0 when it is a residual sum: one
 * branch is no conv, or they start from different nodes. *root is -1 at
 * first. */
static int branches(const FgGraph *g, int i, int *root)
{
    const FgNode *n = &g->nodes[i];
    if (!fg_node_is(n, "add")) {
        const int r = conv_root(g, i);
        if (r == i || (*root >= 0 && *root != r))
            return 0;
        *root = r;
        return 1;
    }
    int sum = 0;
    for (int k = 0; k < n->nb_in; k++) {
        const int b = branches(g, n->in[k], root);
        if (!b)
            return 0;
        sum += b;
    }
    return sum;
}

/* Parallel branches share their variance; a conv that ends a residual branch
 * starts small, so that a deep network begins near its skips and a
 * super-resolver near its base. */
static double conv_gain(const FgGraph *g, int i)
{
    int user = only_user(g, i), nb = 1, residual = 0;
    while (user >= 0 && fg_node_is(&g->nodes[user], "add")) {
        int root = -1;
        const int b = branches(g, user, &root);
        if (!b)
            residual = 1;
        else if (!residual)
            nb = b;
        user = only_user(g, user);
    }
    const double gain = (residual ? 0.25 : 1) / sqrt(nb);
    if (user < 0)
        return gain;
    if (fg_node_is(&g->nodes[user], "pixel_shuffle")) {
        const int next = only_user(g, user);
        const int last = next == g->nb_nodes - 1;
        return last && fg_node_is(&g->nodes[next], "add") ? 0.1 * gain : gain;
    }
    return gain * act_gain(&g->nodes[user]);
}

static void init_node(const FgGraph *g, int i, FgParams *ps, uint64_t seed)
{
    const FgNode *n = &g->nodes[i];
    for (int k = 0; k < n->nb_param; k++) {
        FgParam *p = fg_params_find(ps, n->param[k]);
        const char *what = n->op->param[k];
        if (!p)
            continue;
        if (fg_node_is(n, "prelu")) {
            fill_value(p, 0.25f);
        } else if (p->nb_dims >= 2) {
            double fan = (double)fg_param_count(p) / p->dims[0];
            if (fg_node_is(n, "deconv2d"))
                fan = (double)fg_param_count(p) / p->dims[1] /
                      (n->attr.stride * n->attr.stride *
                       (n->attr.groups > 0 ? n->attr.groups : 1));
            fill_normal(p, conv_gain(g, i) / sqrt(fan > 1 ? fan : 1), seed);
        } else {
            const int one = !strcmp(what, "weight") || !strcmp(what, "scale") ||
                            strstr(what, "var") != NULL;
            fill_value(p, one ? 1.0f : 0.0f);
        }
    }
}

void fg_graph_init_params(const FgGraph *g, FgParams *ps, uint64_t seed)
{
    for (int i = 0; i < g->nb_nodes; i++)
        init_node(g, i, ps, seed);
}
