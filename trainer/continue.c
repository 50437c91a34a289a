/* Training that goes on from a weights file with new pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/atomic.h"
#include "trainer/continue.h"

/* ---- the recipe ---- */

static int add_text(char ***set, int *nb, const char *key, const char *value)
{
    char **all = realloc(*set, sizeof(*all) * ((size_t)*nb + 1));

    if (!all)
        return -ENOMEM;
    *set = all;
    if (asprintf(&all[*nb], "%s=%s", key, value) < 0)
        return -ENOMEM;
    ++*nb;
    return 0;
}

static int add_number(char ***set, int *nb, const char *key, double v)
{
    char text[64];

    snprintf(text, sizeof(text), "%.12g", v);
    return add_text(set, nb, key, text);
}

static int gentler(const FgRecipe *r, const char *model, char ***set, int *nb)
{
    const double steps = fmax(1, (double)(r->steps / 10));
    const double lr = r->lr / 4;
    int ret = add_text(set, nb, "init", model);

    if (!ret && fg_recipe_has(r, "reparam"))
        ret = add_text(set, nb, "reparam", "false");
    if (!ret)
        ret = add_number(set, nb, "steps", steps);
    if (!ret)
        ret = add_number(set, nb, "epochs", 0);
    if (!ret)
        ret = add_number(set, nb, "lr", lr);
    if (!ret && r->lr_min > lr)
        ret = add_number(set, nb, "lr_min", lr);
    if (!ret)
        ret = add_number(set, nb, "warmup",
                         fmin((double)r->warmup, floor(steps / 20)));
    if (!ret)
        ret = add_number(
            set, nb, "val_every",
            fmin((double)r->val_every, fmax(1, floor(steps / 10))));
    return ret;
}

/* Written only where it differs, so that a run that goes on changes nothing. */
static int keep_recipe(const char *path, const char *text, FgError *err)
{
    const FgPart part = {text, strlen(text)};
    char *was = NULL;
    size_t size = 0;
    int same = 0;

    if (!access(path, F_OK) && !fg_read_file(path, &was, &size, NULL))
        same = was && size == part.size && !memcmp(was, text, size);
    free(was);
    return same ? 0 : fg_write_atomic(path, &part, 1, err);
}

int fg_continue_recipe(const FgContinue *c, const char *path, char ***set,
                       int *nb, FgError *err)
{
    FgModel *m = NULL;
    FgRecipe r = {0};
    char *whole = realpath(c->model, NULL);
    const char *text;
    int ret = fg_model_read(&m, c->model, err);

    *set = NULL;
    *nb = 0;
    text = m ? fg_model_meta(m, "ffgan.recipe") : NULL;
    if (!ret && !text)
        ret = fg_error(err, -EINVAL,
                       "%s: it does not say how it was made (no ffgan.recipe)",
                       c->model);
    if (!ret && !whole)
        ret = -ENOMEM;
    if (!ret) {
        assert(text);
        ret = keep_recipe(path, text, err);
    }
    if (!ret)
        ret = fg_recipe_read(&r, path, NULL, 0, NULL, err);
    if (!ret)
        ret = gentler(&r, whole, set, nb);
    if (ret) {
        fg_strings_free(set, *nb);
        *nb = 0;
    }
    fg_recipe_free(&r);
    fg_model_free(&m);
    free(whole);
    return ret;
}

/* ---- the pictures ---- */

static int append(FgData *to, FgData *from, int at)
{
    FgPair *all = realloc(to->pair, sizeof(*all) * ((size_t)to->nb + 1));

    if (!all)
        return -ENOMEM;
    to->pair = all;
    all[to->nb++] = from->pair[at];
    from->pair[at] = (FgPair){0};
    return 0;
}

/* Crops are picked by area: the first nb_old pictures get replay of it all. */
static int weigh(FgData *d, int nb_old, double replay)
{
    double part[2] = {0, 0}, sum = 0;
    uint64_t *area = realloc(d->area, sizeof(*area) * (size_t)d->nb);

    if (!area)
        return -ENOMEM;
    d->area = area;
    for (int i = 0; i < d->nb; i++)
        part[i >= nb_old] += (double)d->pair[i].lr.w * (double)d->pair[i].lr.h;
    for (int i = 0; i < d->nb; i++) {
        const double px = (double)d->pair[i].lr.w * (double)d->pair[i].lr.h;
        const double share = i < nb_old ? replay : 1 - replay;

        sum += nb_old ? px / part[i >= nb_old] * share : px / part[1];
        area[i] = (uint64_t)(sum * 1e12);
    }
    return 0;
}

/* New names for what is in the data now. */
static int hash_again(FgData *d, const FgData *other, double replay)
{
    char text[256];

    snprintf(text, sizeof(text), "%s\n%s\n%.17g\n", d->sha256, other->sha256,
             replay);
    fg_sha256_hex(text, strlen(text), d->sha256);
    return 0;
}

static int load(FgData *d, const char *path, const FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    int ret = fg_data_add(d, path, r->net.scale, 0, err);

    if (!ret)
        ret = fg_data_finish(d, r->patch, t->ex, err);
    if (ret == -ENODATA)
        fg_error(err, ret, "%s: no picture as large as a crop", path);
    return ret;
}

static int add_old(FgTrain *t, const char *path, FgError *err)
{
    FgData d = {0};
    int ret = load(&d, path, t, err);

    for (int i = 0; i < d.nb && !ret; i++)
        ret = append(&t->train, &d, i);
    if (!ret)
        ret = hash_again(&t->train, &d, 0);
    fg_data_free(&d);
    return ret;
}

static int is_held_out(int i, int nb)
{
    if (nb >= FG_HELD_OUT)
        return i % FG_HELD_OUT == FG_HELD_OUT - 1;
    return nb >= 4 && i == nb - 1;
}

static int add_new(FgTrain *t, const FgContinue *c, FgError *err)
{
    FgData d = {0};
    const int nb_old = t->train.nb;
    int ret = load(&d, c->data, t, err);
    const int nb = d.nb;

    t->train.scale = t->val.scale = t->recipe->net.scale;
    for (int i = 0; i < nb && !ret; i++)
        ret = append(is_held_out(i, nb) ? &t->val : &t->train, &d, i);
    if (!ret)
        ret = weigh(&t->train, nb_old, c->replay);
    if (!ret)
        ret = hash_again(&t->train, &d, c->replay);
    if (!ret)
        ret = hash_again(&t->val, &d, 0);
    snprintf(t->added, sizeof(t->added), " + %s (%d pictures, %g replayed)",
             c->data, nb, c->replay);
    fg_data_free(&d);
    return ret;
}

/* ---- where it comes from ---- */

/* Eldest first: {"sha256", "data_sha256", "metrics"} of each. */
static int provenance(FgTrain *t, const FgContinue *c, FgError *err)
{
    static const char *const said[] = {"ffgan.data_sha256", "ffgan.metrics",
                                       "ffgan.recipe_sha256"};
    FgModel *m = NULL;
    json_t *chain = NULL, *o;
    const char *before;
    int ret = fg_model_read(&m, c->model, err);

    if (ret)
        return ret;
    before = fg_model_meta(m, "ffgan.provenance");
    if (before)
        chain = json_loads(before, 0, NULL);
    if (!json_is_array(chain)) {
        json_decref(chain);
        chain = json_array();
    }
    o = json_pack("{s:s}", "sha256", m->sha256);
    for (int i = 0; o && i < 3; i++) {
        const char *v = fg_model_meta(m, said[i]);

        if (v)
            json_object_set_new(o, said[i] + strlen("ffgan."), json_string(v));
    }
    if (!chain || json_array_append_new(chain, o))
        ret = -ENOMEM;
    free(t->provenance);
    t->provenance = ret ? NULL : json_dumps(chain, JSON_COMPACT);
    json_decref(chain);
    fg_model_free(&m);
    return ret || t->provenance ? ret : -ENOMEM;
}

int fg_continue_data(FgTrain *t, const FgContinue *c, FgError *err)
{
    int ret = 0;

    for (int i = 0; i < c->nb_old && !ret; i++)
        ret = add_old(t, c->old[i], err);
    if (!ret)
        ret = add_new(t, c, err);
    if (!ret && (!t->val.nb || !t->family->validate))
        ret = fg_error(err, -EINVAL,
                       "%s: going on needs pictures to judge by: the recipe's "
                       "'val', or four new ones",
                       c->model);
    return ret ? ret : provenance(t, c, err);
}

int fg_continue_end(const FgTrain *t, const FgContinue *c, const char *out,
                    int *better, FgError *err)
{
    char *data = NULL;
    size_t size = 0;
    int ret;

    *better = t->best_step > 0;
    if (*better)
        return 0;
    ret = fg_read_file(c->model, &data, &size, err);
    if (!ret)
        ret = fg_write_atomic(out, &(FgPart){data, size}, 1, err);
    free(data);
    return ret;
}
