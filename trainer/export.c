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
    const FgFigure *f = &t->family->figure;
    char second[64] = "";

    if (f->second)
        snprintf(second, sizeof(second), "\"%s\": %.5f, ", f->second,
                 t->best_ssim);
    if (isfinite(t->best))
        snprintf(out, size,
                 "{\"%s\": %.4f, %s\"val_images\": %d, \"step\": %lld}",
                 f->name, f->sign * t->best, second, t->val.nb,
                 (long long)t->best_step);
    else
        snprintf(out, size, "{\"step\": %lld}", (long long)t->step);
}

static char *data_text(const FgTrain *t)
{
    const FgRecipe *r = t->recipe;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    for (int i = 0; i < fg_recipe_list(r, "train"); i++)
        fprintf(f, "%s%s", i ? ", " : "", fg_recipe_list_at(r, "train", i));
    fprintf(f, " (%d pictures)%s", t->train.nb, t->added);
    if (fclose(f)) {
        free(text);
        return NULL;
    }
    return text;
}

int fg_export_meta(const FgTrain *t, FgModel *m)
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
        {"ffgan.provenance", t->provenance},
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
        ret = fg_export_meta(t, m);
    }
    if (ret) {
        fg_model_free(&m);
        return ret;
    }
    *out = m;
    return 0;
}
