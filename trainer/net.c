/* One network in training: graph, weights, gradients, optimiser memory.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "trainer/net.h"
#include "trainer/net_gpu.h"
#include "trainer/gpu.h"

int fg_net_create(FgNet *net, const char *name, FgGraph *graph, uint64_t seed,
                  FgError *err)
{
    int ret;

    *net = (FgNet){.name = name, .graph = *graph};
    *graph = (FgGraph){0};
    ret = fg_graph_params(&net->graph, &net->set[FG_SET_PARAM], err);
    if (ret)
        goto fail;
    fg_graph_init_params(&net->graph, &net->set[FG_SET_PARAM], seed);
    for (int s = FG_SET_PARAM + 1; s < FG_NB_SETS && !ret; s++)
        ret = fg_params_copy(&net->set[s], &net->set[FG_SET_PARAM]);
    if (!ret)
        ret = fg_params_copy(&net->grads, &net->set[FG_SET_PARAM]);
    if (ret) {
        fg_error(err, ret, "not enough memory for the network's weights");
        goto fail;
    }
    for (int i = 0; i < net->grads.nb; i++) {
        const size_t size = fg_param_count(&net->grads.p[i]) *
                            sizeof(*net->grads.p[i].data);

        memset(net->set[FG_SET_M].p[i].data, 0, size);
        memset(net->set[FG_SET_V].p[i].data, 0, size);
    }
    return 0;
fail:
    fg_net_free(net);
    return ret;
}

void fg_net_free(FgNet *net)
{
    if (!net)
        return;
    fg_net_gpu_leave(net);
    fg_graph_free(&net->graph);
    for (int s = 0; s < FG_NB_SETS; s++)
        fg_params_free(&net->set[s]);
    fg_params_free(&net->grads);
    *net = (FgNet){0};
}

void fg_net_zero_grads(FgNet *net)
{
    for (int i = 0; i < net->grads.nb; i++) {
        FgParam *p = &net->grads.p[i];

        memset(p->data, 0, fg_param_count(p) * sizeof(*p->data));
    }
    if (net->grads.mirror)
        fg_mirror_zero(net->grads.mirror);
}

double fg_net_grad_norm(FgNet *net)
{
    double sum = 0;

    if (fg_net_gpu(net))
        return fg_net_gpu_norm(net);
    for (int i = 0; i < net->grads.nb; i++) {
        const FgParam *p = &net->grads.p[i];
        const size_t n = p->trainable ? fg_param_count(p) : 0;

        for (size_t k = 0; k < n; k++)
            sum += (double)p->data[k] * p->data[k];
    }
    return sqrt(sum);
}

int fg_net_finite(const FgNet *net)
{
    for (int s = 0; s < FG_NB_SETS; s++) {
        fg_params_host(&net->set[s], 0);
        for (int i = 0; i < net->set[s].nb; i++) {
            const FgParam *p = &net->set[s].p[i];
            const size_t n = fg_param_count(p);

            for (size_t k = 0; k < n; k++)
                if (!isfinite(p->data[k]))
                    return 0;
        }
    }
    return 1;
}

static void scale_grads(FgNet *net, float by)
{
    for (int i = 0; i < net->grads.nb; i++) {
        FgParam *p = &net->grads.p[i];
        const size_t n = fg_param_count(p);

        for (size_t k = 0; k < n; k++)
            p->data[k] *= by;
    }
}

void fg_net_step(FgNet *net, double lr, double norm)
{
    const FgParams *w = &net->set[FG_SET_PARAM];
    const double decay = fg_ema_decay(net->ema, net->t + 1);
    const double factor = net->clip > 0 && norm > net->clip
                              ? net->clip / (norm + 1e-6)
                              : 1;

    net->t++;
    if (fg_net_gpu(net)) {
        fg_net_gpu_step(net, lr, factor, decay);
        return;
    }
    for (int s = 0; s < FG_NB_SETS; s++)
        fg_params_host(&net->set[s], s != FG_SET_BEST);
    if (factor != 1)
        scale_grads(net, (float)factor);
    for (int i = 0; i < w->nb; i++) {
        const FgParam *p = &w->p[i];
        const size_t n = fg_param_count(p);

        if (p->trainable) {
            fg_optim_step(&net->optim, p->data, net->grads.p[i].data,
                          net->set[FG_SET_M].p[i].data,
                          net->set[FG_SET_V].p[i].data, n, net->t, lr);
            fg_ema_step(net->set[FG_SET_EMA].p[i].data, p->data, n, decay);
        } else {
            memcpy(net->set[FG_SET_EMA].p[i].data, p->data,
                   n * sizeof(*p->data));
        }
    }
}

int fg_net_warm_start(FgNet *net, const FgModel *m)
{
    int taken = 0;

    fg_params_host(&net->set[FG_SET_PARAM], 1);
    for (int i = 0; i < net->set[FG_SET_PARAM].nb; i++) {
        FgParam *p = &net->set[FG_SET_PARAM].p[i];
        const FgParam *q = fg_params_find(&m->params, p->name);

        if (!q || q->nb_dims != p->nb_dims ||
            memcmp(q->dims, p->dims, sizeof(int) * (size_t)p->nb_dims))
            continue;
        memcpy(p->data, q->data, fg_param_count(p) * sizeof(*p->data));
        taken++;
    }
    fg_net_copy_set(net, FG_SET_EMA, FG_SET_PARAM);
    return taken;
}

void fg_net_limit(FgNet *net, double limit)
{
    FgParams *w = &net->set[FG_SET_PARAM];
    const float c = (float)limit;

    if (w->mirror) {
        fg_net_gpu_limit(net, limit);
        return;
    }
    for (int i = 0; i < w->nb; i++)
        for (size_t k = 0; k < fg_param_count(&w->p[i]); k++) {
            float *v = &w->p[i].data[k];

            if (w->p[i].trainable)
                *v = *v > c ? c : *v < -c ? -c : *v;
        }
}

void fg_net_copy_set(FgNet *net, int to, int from)
{
    fg_params_host(&net->set[from], 0);
    fg_params_host(&net->set[to], 1);
    for (int i = 0; i < net->set[from].nb; i++) {
        const FgParam *p = &net->set[from].p[i];

        memcpy(net->set[to].p[i].data, p->data,
               fg_param_count(p) * sizeof(*p->data));
    }
}

int fg_net_collapse(const FgNet *net, int set, FgGraph *g, FgParams *ps,
                    FgError *err)
{
    fg_params_host(&net->set[set], 0);
    return fg_graph_collapse(g, ps, &net->graph, &net->set[set], err);
}
