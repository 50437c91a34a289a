/* A critic's or a generator's network with what a recipe says of it.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/build_gan.h"
#include "trainer/gan.h"

int fg_gan_net(FgTrain *t, int i, const char *name, int critic,
               const FgGanBuild *b, FgError *err)
{
    const FgRecipe *r = t->recipe;
    FgNet *net = &t->net[i];
    FgGraph graph = {0};
    int ret = critic ? fg_build_gan_critic(&graph, b, err)
                     : fg_build_gan_generator(&graph, b, err);

    if (!ret)
        ret = fg_net_create(net, name, &graph, r->seed + i, err);
    if (ret)
        return ret;
    t->nb_nets = i + 1;
    net->optim = r->optim;
    net->ema = r->ema;
    net->clip = r->clip;
    return fg_net_init(net, fg_recipe_text(r, "weights"), r->seed + i);
}
