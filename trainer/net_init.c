/* First weights by other rules than He's.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/net.h"
#include "trainer/noise.h"

static int is_weight(const FgNode *n, int k)
{
    return !strcmp(n->op->param[k], "weight");
}

static int is_linear(const FgNode *n)
{
    return !strcmp(n->op->name, "conv2d") || !strcmp(n->op->name, "deconv2d") ||
           !strcmp(n->op->name, "dense");
}

static int is_norm(const FgNode *n)
{
    return strstr(n->op->name, "_norm") != NULL;
}

/* PyTorch's fan in: the second dimension times the taps, for deconv too. */
static double bound(const FgParam *w)
{
    double fan = 1;

    for (int i = 1; i < w->nb_dims; i++)
        fan *= w->dims[i];
    return 1 / sqrt(fan);
}

typedef struct Init {
    const FgNet *net;
    const FgParams *ps;
    uint64_t seed;
} Init;

static void put_torch(const Init *s, const FgNode *n, int k, FgParam *p)
{
    const FgParam *w = fg_params_find(s->ps, n->param[0]);
    const size_t nb = fg_param_count(p);
    const double b = bound(w);

    if (!is_linear(n))
        return;
    (void)k;
    for (size_t i = 0; i < nb; i++)
        p->data[i] = (float)(b *
                             (2 * fg_noise_uniform(s->seed, p->name, i) - 1));
}

static void put_normal(const Init *s, const FgNode *n, int k, FgParam *p)
{
    const size_t nb = fg_param_count(p);

    if (!is_linear(n) && !is_norm(n))
        return;
    for (size_t i = 0; i < nb && is_weight(n, k); i++)
        p->data[i] = (float)((is_norm(n) ? 1 : 0) +
                             0.02 * fg_noise_named(s->seed, p->name, i));
}

int fg_net_init(FgNet *net, const char *kind, uint64_t seed)
{
    FgParams *ps = &net->set[FG_SET_PARAM];
    const Init s = {net, ps, seed};
    const int torch = !strcmp(kind, "torch");

    if (!torch && strcmp(kind, "normal") && strcmp(kind, "he"))
        return -EINVAL;
    fg_graph_init_params(&net->graph, ps, seed);
    for (int i = 0; i < net->graph.nb_nodes && strcmp(kind, "he"); i++)
        for (int k = 0; k < net->graph.nodes[i].nb_param; k++) {
            const FgNode *n = &net->graph.nodes[i];
            FgParam *p = fg_params_find(ps, n->param[k]);

            (torch ? put_torch : put_normal)(&s, n, k, p);
        }
    fg_net_copy_set(net, FG_SET_EMA, FG_SET_PARAM);
    fg_net_copy_set(net, FG_SET_BEST, FG_SET_PARAM);
    return 0;
}
