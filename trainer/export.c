/* From a network in training to a weights file with all its metadata.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/export.h"

static void metrics_text(const FgTrain *t, char *out, size_t size)
{
    if (isfinite(t->best))
        snprintf(out, size,
                 "{\"val_psnr_y\": %.4f, \"val_ssim_y\": %.5f, "
                 "\"val_images\": %d, \"step\": %lld}",
                 t->best, t->best_ssim, t->val.nb, (long long)t->best_step);
    else
        snprintf(out, size, "{\"step\": %lld}", (long long)t->step);
}

static char *data_text(const FgTrain *t)
{
    const FgYaml *l = t->recipe->train;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    if (l->type == FG_YAML_SCALAR)
        fprintf(f, "%s", l->text);
    for (int i = 0; l->type == FG_YAML_LIST && i < l->nb; i++)
        fprintf(f, "%s%s", i ? ", " : "", l->items[i].text);
    fprintf(f, " (%d pictures)", t->train.nb);
    if (fclose(f)) {
        free(text);
        return NULL;
    }
    return text;
}

static int set_meta(const FgTrain *t, FgModel *m)
{
    const FgRecipe *r = t->recipe;
    char metrics[256], *data = data_text(t);
    const struct {
        const char *key, *value;
    } all[] = {
        {"name", r->name},
        {"ffgan.recipe", r->text},
        {"ffgan.recipe_sha256", r->sha256},
        {"ffgan.data", data},
        {"ffgan.data_sha256", t->train.sha256},
        {"ffgan.metrics", metrics},
        {"ffgan.licence", r->licence},
        {"ffgan.notes", r->notes},
        {"ffgan.parent_sha256", t->parent},
    };
    int ret = data ? 0 : -ENOMEM;

    metrics_text(t, metrics, sizeof(metrics));
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !ret; i++)
        if (all[i].value && all[i].value[0])
            ret = fg_model_set_meta(m, all[i].key, all[i].value);
    free(data);
    return ret;
}

int fg_export_model(const FgTrain *t, const FgNet *net, int set, FgModel **out,
                    FgError *err)
{
    FgModel *m = fg_model_alloc();
    int ret = m ? 0 : -ENOMEM;

    *out = NULL;
    if (!ret)
        ret = fg_net_collapse(net, set, &m->graph, &m->params, err);
    if (!ret) {
        m->scale = t->recipe->net.scale;
        m->luma = t->recipe->luma;
        ret = set_meta(t, m);
    }
    if (ret) {
        fg_model_free(&m);
        return ret;
    }
    *out = m;
    return 0;
}
