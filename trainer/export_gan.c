/* A generator's weights file. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "trainer/export.h"
#include "trainer/gan.h"

/* -1..1 becomes 0..1 by two more nodes. */
static int add_range(FgModel *m, FgError *err)
{
    const int last = m->graph.nb_nodes - 1;
    const int x = fg_graph_op(&m->graph, "scale", "half", last, -1,
                              (FgAttr){.alpha = 0.5f});
    const int y = x < 0 ? x
                        : fg_graph_op(&m->graph, "bias", "range", x, -1,
                                      (FgAttr){0});
    int ret = y < 0 ? y : fg_graph_params(&m->graph, &m->params, err);
    FgParam *p = ret ? NULL : fg_params_find(&m->params, "range.bias");

    for (int i = 0; p && i < p->dims[0]; i++)
        p->data[i] = 0.5f;
    return ret;
}

int fg_export_generator(const FgTrain *t, const FgNet *net, int set,
                        int channels, int tanh, FgModel **out, FgError *err)
{
    FgModel *m = fg_model_alloc();
    int ret = m ? 0 : -ENOMEM;

    *out = NULL;
    if (!ret)
        ret = fg_net_collapse(net, set, &m->graph, &m->params, err);
    if (!ret && tanh)
        ret = add_range(m, err);
    if (!ret) {
        m->scale = 1;
        m->task = FG_TASK_GENERATOR;
        m->latent = (FgLatent){.kind = FG_LATENT_DCGAN,
                               .channels = channels,
                               .base_w = 1,
                               .base_h = 1};
        ret = fg_export_meta(t, m);
    }
    if (ret) {
        fg_model_free(&m);
        return ret;
    }
    *out = m;
    return 0;
}
