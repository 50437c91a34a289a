/* ffgan: folds parallel and sequential branches and norms into plain convs.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rewriting is in place: the last node of a pattern becomes the conv that
 * equals it, reading the pattern's input; what nobody reads any more is left
 * out of the copy at the end. Sums are taken in double. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "graph_priv.h"
#include "op.h"

typedef struct Collapse {
    FgGraph g;
    FgParams ps;
    FgShape *shapes;
    int *users;
} Collapse;

/* A conv's numbers while they are being combined. */
typedef struct Kernel {
    int oc, ic, k; /* ic of one group */
    double *w;     /* [oc][ic][k][k] */
    double *b;     /* [oc] */
} Kernel;

static int kernel_alloc(Kernel *q, int oc, int ic, int k)
{
    *q = (Kernel){oc, ic, k, NULL, NULL};
    q->w = calloc((size_t)oc * (size_t)ic * (size_t)(k * k), sizeof(double));
    q->b = calloc((size_t)oc, sizeof(double));
    return q->w && q->b ? 0 : -ENOMEM;
}

static void kernel_free(Kernel *q)
{
    free(q->w);
    free(q->b);
}

static double *tap(const Kernel *q, int o, int i, int ky, int kx)
{
    return &q->w[(((size_t)o * (size_t)q->ic + (size_t)i) * (size_t)q->k +
                  (size_t)ky) *
                     (size_t)q->k +
                 (size_t)kx];
}

static const float *data(const Collapse *c, const FgNode *n, int k)
{
    const FgParam *p = k < n->nb_param ? fg_params_find(&c->ps, n->param[k])
                                       : NULL;
    return p ? p->data : NULL;
}

/* Adds conv n into q, its taps centred. */
static void kernel_add(Kernel *q, const Collapse *c, const FgNode *n)
{
    const float *w = data(c, n, 0), *b = data(c, n, 1);
    const int k = n->attr.kernel, d = (q->k - k) / 2;
    for (int o = 0; o < q->oc; o++) {
        for (int i = 0; i < q->ic; i++)
            for (int t = 0; t < k * k; t++)
                *tap(q, o, i, t / k + d, t % k + d) += *w++;
        if (b)
            q->b[o] += b[o];
    }
}

static int kernel_of(Kernel *q, const Collapse *c, const FgNode *n)
{
    const FgShape in = c->shapes[n->in[0]];
    const int rc = kernel_alloc(q, n->attr.channels, in.c / n->attr.groups,
                                n->attr.kernel);
    if (rc >= 0)
        kernel_add(q, c, n);
    return rc;
}

/* Names in the file stay those of the layer; a taken one gets a tail. */
static FgParam *add_param(Collapse *c, FgNode *n, int k, const char *suffix,
                          int nb, const int *dims)
{
    char name[FG_NAME_LEN];
    const size_t len = strlen(n->name), room = sizeof(name) - len;
    if (strlen(suffix) + 16 > room)
        return NULL;
    memcpy(name, n->name, len);
    strcpy(name + len, suffix);
    while (fg_params_find(&c->ps, name) && strlen(name) + 2 < sizeof(name))
        strcat(name, "_");
    strcpy(n->param[k], name);
    return fg_params_add(&c->ps, name, nb, dims);
}

static int set_param(Collapse *c, FgNode *n, int k, const char *suffix, int nb,
                     const int *dims, const double *v)
{
    FgParam *p = add_param(c, n, k, suffix, nb, dims);
    if (!p)
        return -ENOMEM;
    const size_t count = fg_param_count(p);
    for (size_t i = 0; i < count; i++)
        p->data[i] = (float)v[i];
    return 0;
}

/* Node n becomes the conv q with like's geometry, reading node in. */
static int become(Collapse *c, FgNode *n, const Kernel *q, FgAttr like, int in)
{
    const int dims[4] = {q->oc, q->ic, q->k, q->k};
    n->op = fg_op_find("conv2d");
    n->attr = like;
    n->attr.channels = q->oc;
    n->attr.kernel = q->k;
    n->attr.bias = 1;
    n->nb_in = 1;
    n->in[0] = in;
    n->nb_param = 2;
    const int rc = set_param(c, n, 0, ".weight", 4, dims, q->w);
    return rc < 0 ? rc : set_param(c, n, 1, ".bias", 1, dims, q->b);
}

static FgNode *lone_conv(const Collapse *c, int i)
{
    FgNode *n = &c->g.nodes[i];
    return fg_node_is(n, "conv2d") && c->users[i] == 1 ? n : NULL;
}

/* ---- per-channel ops after a conv ---- */

static int is_per_channel(const FgNode *n)
{
    return fg_node_is(n, "batch_norm") || fg_node_is(n, "bias") ||
           fg_node_is(n, "scale");
}

/* y = mul x + add, in channel o. */
static void per_channel(const Collapse *c, const FgNode *n, int o, double *mul,
                        double *add)
{
    *mul = 1;
    *add = 0;
    if (fg_node_is(n, "scale")) {
        *mul = n->attr.alpha;
    } else if (fg_node_is(n, "bias")) {
        *add = data(c, n, 0)[o];
    } else {
        const double var = data(c, n, 3)[o];
        *mul = data(c, n, 0)[o] / sqrt(var + n->attr.eps);
        *add = data(c, n, 1)[o] - data(c, n, 2)[o] * *mul;
    }
}

static int fold_per_channel(Collapse *c, FgNode *n)
{
    const FgNode *conv = is_per_channel(n) ? lone_conv(c, n->in[0]) : NULL;
    Kernel q;
    if (!conv)
        return 0;
    int rc = kernel_of(&q, c, conv);
    for (int o = 0; rc >= 0 && o < q.oc; o++) {
        double mul, add;
        per_channel(c, n, o, &mul, &add);
        for (int t = 0; t < q.ic * q.k * q.k; t++)
            q.w[(size_t)o * (size_t)(q.ic * q.k * q.k) + (size_t)t] *= mul;
        q.b[o] = q.b[o] * mul + add;
    }
    if (rc >= 0)
        rc = become(c, n, &q, conv->attr, conv->in[0]);
    kernel_free(&q);
    return rc < 0 ? rc : 1;
}

/* ---- one conv after another, one of them 1x1 ---- */

static int is_point(const FgNode *n)
{
    return n->attr.kernel == 1 && n->attr.pad == 0 && n->attr.stride == 1;
}

/* A bias before zero padding is not the same at the borders. */
static int bias_passes(const FgNode *first, const FgNode *second)
{
    return !first->attr.bias || second->attr.pad == 0 ||
           second->attr.pad_mode != FG_PAD_ZERO;
}

/* Merging must not make a deliberate bottleneck dearer. */
static int is_cheaper(const Collapse *c, const FgNode *a, const FgNode *b)
{
    const double ic = c->shapes[a->in[0]].c, mid = a->attr.channels;
    const double oc = b->attr.channels;
    const double ka = a->attr.kernel * a->attr.kernel;
    const double kb = b->attr.kernel * b->attr.kernel;
    return ic * oc * ka * kb <= ic * mid * ka + mid * oc * kb;
}

static void compose(Kernel *q, const Kernel *a, const Kernel *b)
{
    const int ka = a->k, kb = b->k;
    for (int o = 0; o < q->oc; o++)
        for (int m = 0; m < b->ic; m++)
            for (int t = 0; t < q->k * q->k; t++) {
                const int y = t / q->k, x = t % q->k;
                const double v = kb > 1 ? *tap(b, o, m, y, x)
                                        : *tap(b, o, m, 0, 0);
                if (!t || kb > 1)
                    q->b[o] += v * a->b[m];
                for (int i = 0; i < q->ic; i++)
                    *tap(q, o, i, y, x) += v * (ka > 1 ? *tap(a, m, i, y, x)
                                                       : *tap(a, m, i, 0, 0));
            }
    for (int o = 0; o < q->oc; o++)
        q->b[o] += b->b[o];
}

static int fold_sequence(Collapse *c, FgNode *n)
{
    Kernel a = {0}, b = {0}, q = {0};
    if (!fg_node_is(n, "conv2d"))
        return 0;
    const FgNode *first = lone_conv(c, n->in[0]);
    if (!first || first->attr.groups != 1 || n->attr.groups != 1 ||
        (!is_point(first) && !is_point(n)) ||
        (!is_point(n) && !bias_passes(first, n)) || !is_cheaper(c, first, n))
        return 0;
    const FgAttr like = is_point(first) ? n->attr : first->attr;
    int rc = kernel_of(&a, c, first);
    if (rc >= 0)
        rc = kernel_of(&b, c, n);
    if (rc >= 0)
        rc = kernel_alloc(&q, b.oc, a.ic, a.k > b.k ? a.k : b.k);
    if (rc >= 0) {
        compose(&q, &a, &b);
        rc = become(c, n, &q, like, first->in[0]);
    }
    kernel_free(&a);
    kernel_free(&b);
    kernel_free(&q);
    return rc < 0 ? rc : 1;
}

/* ---- sums of parallel branches ---- */

/* Equal output grids, and equal borders: taps that only one branch has must
 * read what the wider branch's padding gives. */
static int parallel(const FgNode *a, const FgNode *b)
{
    const FgNode *wide = a->attr.kernel >= b->attr.kernel ? a : b;
    const FgNode *slim = wide == a ? b : a;
    return a->in[0] == b->in[0] && a->attr.stride == b->attr.stride &&
           a->attr.groups == b->attr.groups &&
           a->attr.channels == b->attr.channels &&
           a->attr.kernel - 2 * a->attr.pad ==
               b->attr.kernel - 2 * b->attr.pad &&
           (a->attr.kernel - b->attr.kernel) % 2 == 0 &&
           (slim->attr.pad == 0 || slim->attr.pad_mode == wide->attr.pad_mode);
}

static int takes_identity(const Collapse *c, const FgNode *conv)
{
    return conv->attr.stride == 1 && conv->attr.groups == 1 &&
           conv->attr.kernel == 2 * conv->attr.pad + 1 &&
           conv->attr.channels == c->shapes[conv->in[0]].c;
}

/* The widest conv among the inputs of a sum of which every input is a conv
 * of one value, or that value itself; NULL when it is not such a sum. */
static const FgNode *widest(const Collapse *c, const FgNode *n)
{
    const FgNode *wide = NULL;
    if (!fg_node_is(n, "add"))
        return NULL;
    for (int k = 0; k < n->nb_in; k++) {
        const FgNode *b = lone_conv(c, n->in[k]);
        if (b && (!wide || b->attr.kernel > wide->attr.kernel))
            wide = b;
    }
    for (int k = 0; wide && k < n->nb_in; k++) {
        const FgNode *b = lone_conv(c, n->in[k]);
        if (n->in[k] == wide->in[0] ? !takes_identity(c, wide)
                                    : !b || !parallel(b, wide))
            return NULL;
    }
    return wide;
}

static int fold_sum(Collapse *c, FgNode *n)
{
    const FgNode *wide = widest(c, n);
    Kernel q;
    if (!wide || n->nb_in < 2)
        return 0;
    int rc = kernel_alloc(&q, wide->attr.channels,
                          c->shapes[wide->in[0]].c / wide->attr.groups,
                          wide->attr.kernel);
    for (int k = 0; rc >= 0 && k < n->nb_in; k++) {
        if (n->in[k] != wide->in[0])
            kernel_add(&q, c, &c->g.nodes[n->in[k]]);
        for (int o = 0; n->in[k] == wide->in[0] && o < q.oc; o++)
            *tap(&q, o, o, q.k / 2, q.k / 2) += 1;
    }
    if (rc >= 0)
        rc = become(c, n, &q, wide->attr, wide->in[0]);
    kernel_free(&q);
    return rc < 0 ? rc : 1;
}

/* ---- the whole graph ---- */

static void count_users(Collapse *c)
{
    const int nb = c->g.nb_nodes;
    memset(c->users, 0, sizeof(*c->users) * (size_t)nb);
    c->users[nb - 1] = 1;
    /* From the end, so that only what the output needs counts as a reader. */
    for (int i = nb - 1; i >= 0; i--)
        for (int k = 0; c->users[i] && k < c->g.nodes[i].nb_in; k++)
            c->users[c->g.nodes[i].in[k]]++;
}

static int rewrite(Collapse *c)
{
    for (int i = 0; i < c->g.nb_nodes; i++) {
        FgNode *n = &c->g.nodes[i];
        if (!c->users[i])
            continue;
        int rc = fold_per_channel(c, n);
        rc = rc ? rc : fold_sequence(c, n);
        rc = rc ? rc : fold_sum(c, n);
        if (rc < 0)
            return rc;
        if (rc > 0) {
            /* What was folded may now fold into its reader. */
            count_users(c);
            i--;
        }
    }
    return 0;
}

static int copy_param(FgParams *dst, const FgParams *src, const char *name)
{
    const FgParam *s = fg_params_find(src, name);
    if (fg_params_find(dst, name))
        return 0;
    FgParam *d = s ? fg_params_add(dst, name, s->nb_dims, s->dims) : NULL;
    if (!d)
        return s ? -ENOMEM : -EINVAL;
    memcpy(d->data, s->data, sizeof(float) * fg_param_count(s));
    d->trainable = s->trainable;
    return 0;
}

static int copy_live(FgGraph *dst, FgParams *dst_ps, const Collapse *c)
{
    const int nb = c->g.nb_nodes > 0 ? c->g.nb_nodes : 0;
    int *at = calloc((size_t)nb + 1, sizeof(int));
    int rc = at ? 0 : -ENOMEM;
    for (int i = 0; i < c->g.nb_nodes && rc >= 0; i++) {
        FgNode n = c->g.nodes[i];
        if (!c->users[i] && !fg_node_is(&n, "input"))
            continue;
        for (int k = 0; k < n.nb_in; k++)
            n.in[k] = at[n.in[k]];
        rc = at[i] = fg_graph_add(dst, &n);
        for (int k = 0; k < n.nb_param && rc >= 0; k++)
            rc = copy_param(dst_ps, &c->ps, n.param[k]);
    }
    free(at);
    return rc < 0 ? rc : 0;
}

static int collapse(FgGraph *dst, FgParams *dst_ps, Collapse *c, FgError *err)
{
    const int had = c->ps.nb;
    int rc = fg_graph_params(&c->g, &c->ps, err);
    if (rc < 0)
        return rc;
    if (c->ps.nb != had)
        return fg_error(err, -EINVAL, "collapse: parameter '%s' is missing",
                        c->ps.p[had].name);
    c->shapes = fg_graph_any_shapes(&c->g, err);
    c->users = calloc((size_t)c->g.nb_nodes, sizeof(int));
    if (!c->shapes || !c->users)
        return fg_error(err, -ENOMEM, "collapse: out of memory");
    count_users(c);
    rc = rewrite(c);
    if (rc >= 0)
        rc = copy_live(dst, dst_ps, c);
    return rc < 0 ? fg_error(err, rc, "collapse: %s", strerror(-rc)) : 0;
}

int fg_graph_collapse(FgGraph *dst, FgParams *dst_ps, const FgGraph *src,
                      const FgParams *src_ps, FgError *err)
{
    Collapse c = {0};
    memset(dst, 0, sizeof(*dst));
    memset(dst_ps, 0, sizeof(*dst_ps));
    int rc = fg_graph_copy(&c.g, src);
    if (rc >= 0)
        rc = fg_params_copy(&c.ps, src_ps);
    if (rc < 0)
        fg_error(err, rc, "collapse: out of memory");
    else
        rc = collapse(dst, dst_ps, &c, err);
    if (rc < 0) {
        fg_graph_free(dst);
        fg_params_free(dst_ps);
    }
    fg_graph_free(&c.g);
    fg_params_free(&c.ps);
    free(c.shapes);
    free(c.users);
    return rc;
}
