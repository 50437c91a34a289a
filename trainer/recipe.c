/* What to train: one flat YAML map, checked against one table of keys.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda.h"
#include "kernels/model.h"
#include "trainer/recipe_priv.h"

/* Keys that cannot change what is learnt. */
static const char *const harmless[] = {
    "checkpoint_every", "log_every", "sample_every", "log_dir", "device", NULL};

/* ---- overrides ---- */

static int set_item(FgYaml *map, FgYaml *value, const char *key)
{
    const size_t n = (size_t)map->nb + 1;
    FgYaml *items;
    char **keys;
    int *line, *column;

    for (int i = 0; i < map->nb; i++)
        if (!strcmp(map->keys[i], key)) {
            fg_yaml_free(&map->items[i]);
            return fg_yaml_copy(&map->items[i], value);
        }
    if ((items = realloc(map->items, n * sizeof(*items))))
        map->items = items;
    if ((keys = realloc(map->keys, n * sizeof(*keys))))
        map->keys = keys;
    if ((line = realloc(map->key_line, n * sizeof(*line))))
        map->key_line = line;
    if ((column = realloc(map->key_column, n * sizeof(*column))))
        map->key_column = column;
    if (!items || !keys || !line || !column)
        return -ENOMEM;
    map->keys[map->nb] = strdup(key);
    if (!map->keys[map->nb])
        return -ENOMEM;
    map->key_line[map->nb] = map->key_column[map->nb] = 1;
    map->items[map->nb] = (FgYaml){0};
    map->nb++;
    return fg_yaml_copy(&map->items[map->nb - 1], value);
}

static int override(FgYaml *doc, const char *text, FgError *err)
{
    const char *eq = strchr(text, '=');
    FgYaml y = {0};
    char *line;
    int ret;

    if (!eq || eq == text)
        return fg_error(err, -EINVAL, "--%s: wanted --key=value", text);
    if (asprintf(&line, "%.*s: %s\n", (int)(eq - text), text, eq + 1) < 0)
        return -ENOMEM;
    for (char *p = line; p < line + (eq - text); p++)
        if (*p == '-')
            *p = '_';
    ret = fg_yaml_parse(&y, line, strlen(line), "command line", err);
    if (!ret && (y.type != FG_YAML_MAP || y.nb != 1))
        ret = fg_error(err, -EINVAL, "--%s: wanted --key=value", text);
    if (!ret)
        ret = set_item(doc, &y.items[0], y.keys[0]);
    fg_yaml_free(&y);
    free(line);
    return ret;
}

/* ---- resolved text ---- */

static void print_word(FILE *f, const char *s, int bare)
{
    if (bare) {
        fputs(s, f);
        return;
    }
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', f);
        if (*s == '\n')
            fputs("\\n", f);
        else
            fputc(*s, f);
    }
    fputc('"', f);
}

static void print_value(FILE *f, const FgYaml *v, const FgKey *k)
{
    const int bare = k->type != FG_KEY_STRING && k->type != FG_KEY_LIST;

    if (v && v->type == FG_YAML_LIST) {
        fputc('[', f);
        for (int i = 0; i < v->nb; i++) {
            fputs(i ? ", " : "", f);
            print_word(f, v->items[i].text, bare);
        }
        fputc(']', f);
    } else {
        print_word(f, v ? v->text : k->def, bare);
    }
}

static int resolve(FgRecipe *r)
{
    size_t size = 0;
    FILE *f = open_memstream(&r->text, &size);
    int bad;

    if (!f)
        return -ENOMEM;
    for (const FgKey *k = r->keys; k->name; k++) {
        const FgYaml *v = fg_yaml_get(&r->doc, k->name);

        if (!v && (!k->def || !fg_recipe_key_always(r, k->name)))
            continue;
        fprintf(f, "%s: ", k->name);
        print_value(f, v, k);
        fputc('\n', f);
    }
    bad = ferror(f);
    if (fclose(f) || bad)
        return -ENOMEM;
    fg_sha256_hex(r->text, size, r->sha256);
    return 0;
}

static const char *next_line(const char *p, char *line, size_t size)
{
    const size_t n = strcspn(p, "\n");

    snprintf(line, size, "%.*s", (int)n, p);
    return p[n] ? p + n + 1 : p + n;
}

static int has_line(const char *text, const char *line)
{
    char other[2048];

    while (*text) {
        text = next_line(text, other, sizeof(other));
        if (!strcmp(other, line))
            return 1;
    }
    return 0;
}

static int add_name(const char *line, char *out, size_t size, int nb)
{
    const int n = (int)strcspn(line, ":");
    char word[128];
    const size_t len = strlen(out);

    snprintf(word, sizeof(word), "%.*s", n, line);
    for (int i = 0; harmless[i]; i++)
        if (!strcmp(harmless[i], word))
            return nb;
    if (strstr(out, word))
        return nb;
    snprintf(out + len, size - len, "%s%s", nb ? ", " : "", word);
    return nb + 1;
}

int fg_recipe_changes(const char *a, const char *b, char *out, size_t size)
{
    const char *texts[2] = {a, b};
    char line[2048];
    int nb = 0;

    out[0] = 0;
    for (int i = 0; i < 2; i++)
        for (const char *p = texts[i]; *p;) {
            p = next_line(p, line, sizeof(line));
            if (!has_line(texts[1 - i], line))
                nb = add_name(line, out, size, nb);
        }
    return nb;
}

/* ---- values ---- */

static void take_net(FgRecipe *r)
{
    r->net = (FgBuild){.scale = 1, .channels_in = 3};
    if (!fg_recipe_has(r, "reparam"))
        return;
    r->net.family = fg_recipe_text(r, "family");
    r->net.scale = (int)fg_recipe_int(r, "scale");
    r->net.features = (int)fg_recipe_int(r, "features");
    r->net.blocks = (int)fg_recipe_int(r, "blocks");
    r->net.activation = fg_recipe_text(r, "activation");
    r->net.base = fg_recipe_text(r, "base");
    r->net.reparam = fg_recipe_bool(r, "reparam");
    r->luma = !strcmp(fg_recipe_text(r, "colour"), "y");
    r->net.channels_in = r->luma ? 1 : 3;
    r->cells = (FgCells){fg_recipe_text(r, "cells"), fg_recipe_text(r, "stem"),
                         fg_recipe_text(r, "skip")};
}

int fg_recipe_graph(const FgRecipe *r, FgGraph *g, FgError *err)
{
    if (!strcmp(r->net.family, "cells"))
        return fg_graph_build_cells(g, &r->net, &r->cells, err);
    return fg_graph_build(g, &r->net, err);
}

/* Keys that would be read and not used. */
static int check_cells(const FgRecipe *r, const char *path, FgError *err)
{
    static const char *const own[] = {"cells", "stem", "skip"};

    if (!r->net.family || !strcmp(r->net.family, "cells"))
        return 0;
    for (int i = 0; i < 3; i++)
        if (fg_yaml_get(&r->doc, own[i]))
            return fg_error(err, -EINVAL,
                            "%s: '%s' is for family cells, this is %s", path,
                            own[i], r->net.family);
    return 0;
}

static void take_loss(FgRecipe *r)
{
    if (!fg_recipe_has(r, "final_mse"))
        return;
    r->loss = fg_recipe_text(r, "loss");
    r->loss_eps = fg_recipe_num(r, "loss_eps");
    r->fft = fg_recipe_num(r, "fft");
    r->final_mse = fg_recipe_num(r, "final_mse");
}

static void take_optim(FgRecipe *r)
{
    r->optim.kind = fg_optim_find(fg_recipe_text(r, "optimizer"));
    r->optim.beta1 = fg_recipe_num(r, "beta1");
    r->optim.beta2 = fg_recipe_num(r, "beta2");
    r->optim.eps = fg_recipe_num(r, "eps");
    r->optim.momentum = fg_recipe_num(r, "momentum");
    r->optim.weight_decay = fg_recipe_num(r, "weight_decay");
    r->lr = fg_recipe_num(r, "lr");
    r->lr_min = fg_recipe_num(r, "lr_min");
    r->clip = fg_recipe_num(r, "clip");
    r->ema = fg_recipe_num(r, "ema");
    r->precision = fg_recipe_text(r, "precision");
    r->bf16 = strcmp(r->precision, "fp32") != 0;
    r->schedule.kind = fg_schedule_find(fg_recipe_text(r, "schedule"));
    r->schedule.decay_start = fg_recipe_num(r, "decay_start");
    r->schedule.decay_every = (double)fg_recipe_int(r, "decay_every");
    r->schedule.decay_factor = fg_recipe_num(r, "decay_factor");
}

int fg_recipe_device(FgRecipe *r, const char *word)
{
    const int cpu = !strcmp(word, "cpu") || !strcmp(word, "auto");

    r->device = cpu ? NULL : word;
    return cpu || fg_cuda_ordinal(word) >= 0 ? 0 : -EINVAL;
}

static void take_run(FgRecipe *r)
{
    r->name = fg_recipe_text(r, "name");
    r->task = fg_recipe_text(r, "task");
    r->init = fg_recipe_text(r, "init");
    r->val = fg_recipe_text(r, "val");
    r->licence = fg_recipe_text(r, "licence");
    r->notes = fg_recipe_text(r, "notes");
    r->train = fg_yaml_get(&r->doc, "train");
    r->val_images = (int)fg_recipe_int(r, "val_images");
    r->patch = (int)fg_recipe_int(r, "patch");
    r->batch = (int)fg_recipe_int(r, "batch");
    r->augment = fg_recipe_bool(r, "augment");
    r->flat = fg_recipe_has(r, "flat") ? fg_recipe_num(r, "flat") : 0;
    r->seed = (uint64_t)fg_recipe_int(r, "seed");
    r->steps = fg_recipe_int(r, "steps");
    r->epochs = fg_recipe_num(r, "epochs");
    r->minutes = fg_recipe_num(r, "minutes");
    r->warmup = fg_recipe_int(r, "warmup");
    r->val_every = fg_recipe_int(r, "val_every");
    r->checkpoint_every = fg_recipe_int(r, "checkpoint_every");
    r->log_every = fg_recipe_int(r, "log_every");
    r->sample_every = fg_recipe_int(r, "sample_every");
    r->early_stop = fg_recipe_int(r, "early_stop");
    r->skip_limit = fg_recipe_int(r, "skip_limit");
}

void fg_recipe_set_pictures(FgRecipe *r, int nb)
{
    const double per_step = fg_recipe_has(r, "critic_steps")
                                ? (double)fg_recipe_int(r, "critic_steps")
                                : 1;
    const double steps = ceil(r->epochs * nb / (r->batch * per_step));
    const int wanted = !fg_yaml_get(&r->doc, "steps") ||
                       fg_yaml_get(&r->doc, "epochs");

    if (r->epochs > 0 && wanted)
        r->steps = steps < 1 ? 1 : steps > 1e9 ? 1000000000 : (int64_t)steps;
}

/* An unknown or misshapen task is found by the check. */
static const FgFamily *family_of(const FgYaml *doc)
{
    const FgYaml *y = fg_yaml_get(doc, "task");
    const FgFamily *f = NULL;

    if (y && y->type == FG_YAML_SCALAR)
        f = fg_family_find(y->text);
    return f ? f : fg_family_find("sr");
}

static int check_keys(FgRecipe *r, const char *path, FgError *err)
{
    char where[64];
    int ret = fg_recipe_make_keys(r, family_of(&r->doc));

    if (ret)
        return ret;
    snprintf(where, sizeof(where), "task %s", r->family->name);
    ret = fg_keys_check(&r->doc, r->keys, path, where, err);
    if (ret)
        return ret;
    take_run(r);
    take_net(r);
    take_loss(r);
    take_optim(r);
    if (fg_recipe_device(r, fg_recipe_text(r, "device")))
        return fg_error(err, -EINVAL,
                        "%s: 'device' is '%s', allowed auto, cpu, cuda, cuda:N",
                        path, fg_recipe_text(r, "device"));
    if (r->lr_min > r->lr)
        return fg_error(err, -EINVAL,
                        "%s: 'lr_min' is %g, allowed 0..lr, which is %g", path,
                        r->lr_min, r->lr);
    if (r->early_stop && (!r->family->validate || !r->val || !r->val[0]))
        return fg_error(err, -EINVAL,
                        "%s: 'early_stop' is %lld, allowed 0: it needs 'val' "
                        "and a task with a held-out figure",
                        path, (long long)r->early_stop);
    ret = check_cells(r, path, err);
    return !ret && r->family->check ? r->family->check(r, path, err) : ret;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int fg_recipe_read(FgRecipe *r, const char *path, const char *const *overrides,
                   int nb_overrides, const char *data_root, FgError *err)
{
    int ret;

    *r = (FgRecipe){0};
    ret = fg_yaml_read(&r->doc, path, err);
    if (!ret && r->doc.type != FG_YAML_MAP)
        ret = fg_error(err, -EINVAL, "%s: wanted a map of keys", path);
    for (int i = 0; i < nb_overrides && !ret; i++)
        ret = override(&r->doc, overrides[i], err);
    if (!ret)
        ret = check_keys(r, path, err);
    if (ret)
        goto fail;
    r->home = folder_of(path);
    r->folder = data_root ? strdup(data_root) : folder_of(path);
    ret = r->home && r->folder ? resolve(r) : -ENOMEM;
    if (!ret)
        return 0;
fail:
    if (ret == -ENOMEM)
        fg_error(err, ret, "%s: not enough memory", path);
    fg_recipe_free(r);
    return ret;
}

void fg_recipe_free(FgRecipe *r)
{
    if (!r)
        return;
    fg_yaml_free(&r->doc);
    free(r->keys);
    free(r->tasks);
    free(r->text);
    free(r->home);
    free(r->folder);
    *r = (FgRecipe){0};
}

static char *below(const char *folder, const char *path)
{
    char *out;

    if (path[0] == '/')
        return strdup(path);
    return asprintf(&out, "%s/%s", folder, path) < 0 ? NULL : out;
}

char *fg_recipe_init(const FgRecipe *r)
{
    return below(r->home, r->init);
}

char *fg_recipe_path(const FgRecipe *r, const char *path)
{
    return below(r->folder, path);
}
