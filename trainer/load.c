/* What families begin with: folders of pictures, first weights.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/train.h"

int fg_train_folders(FgTrain *t, FgData *d, const char *key, int scale,
                     int limit, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const int nb = fg_recipe_list(r, key);
    int ret = 0;

    if (fg_recipe_has(r, "md5"))
        d->md5 = fg_recipe_text(r, "md5");
    if (d->md5 && !d->md5[0])
        d->md5 = NULL;
    for (int i = 0; i < nb && !ret; i++) {
        char *path = fg_recipe_path(r, fg_recipe_list_at(r, key, i));

        ret = path ? fg_data_add(d, path, scale, limit, err) : -ENOMEM;
        free(path);
    }
    return ret;
}

int fg_train_load(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    int ret = fg_train_folders(t, &t->train, "train", r->net.scale, 0, err);

    if (!ret)
        ret = fg_train_folders(t, &t->val, "val", r->net.scale, r->val_images,
                               err);
    if (!ret && fg_recipe_list(r, "val"))
        ret = fg_data_finish(&t->val, 16, t->ex, err);
    return ret ? ret : fg_data_finish(&t->train, r->patch, t->ex, err);
}

int fg_train_warm_start(FgTrain *t, FgNet *net, FgError *err)
{
    const FgRecipe *r = t->recipe;
    FgModel *m = NULL;
    char *path;
    int ret;

    if (!r->init || !r->init[0])
        return 0;
    path = fg_recipe_init(r);
    if (!path)
        return -ENOMEM;
    ret = fg_model_read(&m, path, err);
    if (!ret && !fg_net_warm_start(net, m))
        ret = fg_error(err, -EINVAL,
                       "%s: init: no parameter has the name and shape of one "
                       "of this network's",
                       path);
    if (!ret)
        memcpy(t->parent, m->sha256, sizeof(t->parent));
    fg_model_free(&m);
    free(path);
    return ret;
}

void fg_figure_text(const FgFigure *f, double figure, char *out, size_t size)
{
    /* The label is a constant of the program. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(out, size, f->label, f->sign * figure);
#pragma GCC diagnostic pop
}

int fg_stem(const char *out)
{
    const char ext[] = ".safetensors";
    const size_t n = strlen(out), e = sizeof(ext) - 1;

    return (int)(n > e && !strcmp(out + n - e, ext) ? n - e : n);
}
