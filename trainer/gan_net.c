/* A critic's or a generator's network with what a recipe says of it.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "kernels/build_gan.h"
#include "trainer/cifar.h"
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

int fg_md5_check(const FgRecipe *r, const char *path, FgError *err)
{
    static const char *const keys[] = {"train", "val"};
    const char *md5 = fg_recipe_text(r, "md5");
    int archives = 0;

    if (!md5 || !md5[0])
        return 0;
    if (strlen(md5) != 32 || strspn(md5, "0123456789abcdefABCDEF") != 32)
        return fg_error(err, -EINVAL,
                        "%s: 'md5' is '%s', allowed 32 hexadecimal digits",
                        path, md5);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < fg_recipe_list(r, keys[k]); i++)
            archives += fg_cifar_is_archive(fg_recipe_list_at(r, keys[k], i));
    return archives ? 0
                    : fg_error(err, -EINVAL,
                               "%s: 'md5' is set, but no .tar.gz is in "
                               "'train' or 'val'",
                               path);
}
