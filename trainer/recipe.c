/* What to train: one flat YAML map, checked against one table of keys.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/model.h"
#include "trainer/recipe.h"

#define STRING(name, def, help)                                                \
    {                                                                          \
        name, FG_KEY_STRING, def, 0, 0, NULL, 0, help                          \
    }
#define ENUM(name, def, choices, help)                                         \
    {                                                                          \
        name, FG_KEY_ENUM, def, 0, 0, choices, 0, help                         \
    }
#define INT(name, def, min, max, help)                                         \
    {                                                                          \
        name, FG_KEY_INT, def, min, max, NULL, 0, help                         \
    }
#define DOUBLE(name, def, min, max, help)                                      \
    {                                                                          \
        name, FG_KEY_DOUBLE, def, min, max, NULL, 0, help                      \
    }
#define BOOL(name, def, help)                                                  \
    {                                                                          \
        name, FG_KEY_BOOL, def, 0, 1, NULL, 0, help                            \
    }

const FgKey fg_recipe_keys[] = {
    {"recipe", FG_KEY_INT, NULL, 1, 1, NULL, 1, "version of this format"},
    STRING("name", "unnamed", "name written into the weights file"),
    ENUM("task", "sr", "sr", "kind of training"),
    ENUM("family", "compact", "compact|res", "network family"),
    INT("features", "16", 1, 256, "channels of the body"),
    INT("blocks", "4", 0, 64, "body convolutions or residual blocks"),
    ENUM("activation", "relu", "relu|leaky_relu|prelu|silu",
         "activation function"),
    ENUM("base", "bicubic", "none|nearest|bilinear|bicubic",
         "plain upscale that the network's output is added to"),
    INT("scale", "2", 1, 8, "output pixels per input pixel"),
    ENUM("colour", "rgb", "rgb|y", "what the network sees: colour or luma"),
    BOOL("reparam", "false", "train with parallel branches, folded on saving"),
    STRING("init", NULL, "weights file whose equal-named parts are the start"),
    {"train", FG_KEY_LIST, NULL, 0, 0, NULL, 1, "folders of training pictures"},
    STRING("val", NULL, "folder of validation pictures"),
    INT("val_images", "0", 0, 100000, "validation pictures used, 0 = all"),
    INT("patch", "48", 4, 512, "side of a training crop in input pixels"),
    INT("batch", "16", 1, 1024, "crops per step"),
    BOOL("augment", "true", "flip and rotate crops, eight ways"),
    DOUBLE("flat", "0", 0, 1, "probability of passing over a flat crop"),
    INT("seed", "1", 0, 9007199254740992.0, "start of all random numbers"),
    INT("steps", "100000", 1, 1e9, "optimiser steps"),
    DOUBLE("minutes", "0", 0, 1e6,
           "time budget in minutes that the schedule follows, 0 = steps only"),
    ENUM("optimizer", "adam", "adam|adamw|sgd", "optimiser"),
    DOUBLE("lr", "1e-3", 0, 10, "peak learning rate"),
    DOUBLE("lr_min", "1e-6", 0, 10, "learning rate at the end"),
    INT("warmup", "500", 0, 1e9, "steps of linear warm-up"),
    DOUBLE("beta1", "0.9", 0, 0.999999, "decay of the first moment"),
    DOUBLE("beta2", "0.99", 0, 0.999999, "decay of the second moment"),
    DOUBLE("eps", "1e-8", 0, 1, "term that keeps adam from dividing by zero"),
    DOUBLE("momentum", "0.9", 0, 0.999999, "momentum of sgd"),
    DOUBLE("weight_decay", "0", 0, 1, "weight decay"),
    DOUBLE("clip", "0", 0, 1e9, "largest gradient norm, 0 = no limit"),
    ENUM("loss", "l1", "l1|mse|charbonnier", "pixel loss"),
    DOUBLE("loss_eps", "1e-3", 1e-9, 1, "rounding of the charbonnier loss"),
    DOUBLE("fft", "0", 0, 100, "weight of the added l1 loss on the 2-D FFT"),
    DOUBLE("final_mse", "0", 0, 1, "last share of the run that uses mse alone"),
    ENUM("precision", "fp32", "fp32|bf16",
         "products of convolutions: fp32, or 16 bits"),
    DOUBLE("ema", "0.999", 0, 0.9999999, "decay of the averaged weights"),
    INT("val_every", "2000", 1, 1e9, "steps between validations"),
    INT("checkpoint_every", "1000", 1, 1e9, "steps between checkpoints"),
    INT("log_every", "100", 1, 1e9, "steps between progress lines"),
    STRING("licence", NULL, "licence of the weights"),
    STRING("notes", NULL, "free text for the weights file"),
    {0},
};

/* Keys that cannot change what is learnt. */
static const char *const harmless[] = {"checkpoint_every", "log_every", NULL};

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
    for (const FgKey *k = fg_recipe_keys; k->name; k++) {
        const FgYaml *v = fg_yaml_get(&r->doc, k->name);

        if (!v && !k->def)
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
    const FgKey *t = fg_recipe_keys;
    const FgYaml *d = &r->doc;

    r->net.family = fg_keys_string(d, t, "family");
    r->net.scale = (int)fg_keys_int(d, t, "scale");
    r->net.features = (int)fg_keys_int(d, t, "features");
    r->net.blocks = (int)fg_keys_int(d, t, "blocks");
    r->net.activation = fg_keys_string(d, t, "activation");
    r->net.base = fg_keys_string(d, t, "base");
    r->net.reparam = fg_keys_bool(d, t, "reparam");
    r->luma = !strcmp(fg_keys_string(d, t, "colour"), "y");
    r->net.channels_in = r->luma ? 1 : 3;
}

static void take_optim(FgRecipe *r)
{
    const FgKey *t = fg_recipe_keys;
    const FgYaml *d = &r->doc;

    r->optim.kind = fg_optim_find(fg_keys_string(d, t, "optimizer"));
    r->optim.beta1 = fg_keys_double(d, t, "beta1");
    r->optim.beta2 = fg_keys_double(d, t, "beta2");
    r->optim.eps = fg_keys_double(d, t, "eps");
    r->optim.momentum = fg_keys_double(d, t, "momentum");
    r->optim.weight_decay = fg_keys_double(d, t, "weight_decay");
    r->lr = fg_keys_double(d, t, "lr");
    r->lr_min = fg_keys_double(d, t, "lr_min");
    r->clip = fg_keys_double(d, t, "clip");
    r->ema = fg_keys_double(d, t, "ema");
    r->loss = fg_keys_string(d, t, "loss");
    r->loss_eps = fg_keys_double(d, t, "loss_eps");
    r->fft = fg_keys_double(d, t, "fft");
    r->final_mse = fg_keys_double(d, t, "final_mse");
    r->bf16 = !strcmp(fg_keys_string(d, t, "precision"), "bf16");
}

static void take_run(FgRecipe *r)
{
    const FgKey *t = fg_recipe_keys;
    const FgYaml *d = &r->doc;

    r->name = fg_keys_string(d, t, "name");
    r->task = fg_keys_string(d, t, "task");
    r->init = fg_keys_string(d, t, "init");
    r->val = fg_keys_string(d, t, "val");
    r->licence = fg_keys_string(d, t, "licence");
    r->notes = fg_keys_string(d, t, "notes");
    r->train = fg_yaml_get(d, "train");
    r->val_images = (int)fg_keys_int(d, t, "val_images");
    r->patch = (int)fg_keys_int(d, t, "patch");
    r->batch = (int)fg_keys_int(d, t, "batch");
    r->augment = fg_keys_bool(d, t, "augment");
    r->flat = fg_keys_double(d, t, "flat");
    r->seed = (uint64_t)fg_keys_int(d, t, "seed");
    r->steps = fg_keys_int(d, t, "steps");
    r->minutes = fg_keys_double(d, t, "minutes");
    r->warmup = fg_keys_int(d, t, "warmup");
    r->val_every = fg_keys_int(d, t, "val_every");
    r->checkpoint_every = fg_keys_int(d, t, "checkpoint_every");
    r->log_every = fg_keys_int(d, t, "log_every");
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
        ret = fg_keys_check(&r->doc, fg_recipe_keys, path, "recipe", err);
    if (ret)
        goto fail;
    take_run(r);
    take_net(r);
    take_optim(r);
    if (r->lr_min > r->lr)
        ret = fg_error(err, -EINVAL,
                       "%s: 'lr_min' is %g, allowed 0..lr, which is %g", path,
                       r->lr_min, r->lr);
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

void fg_recipe_print_keys(void)
{
    static const char *const types[] = {"string", "integer", "number", "bool",
                                        "choice", "list",    "map",    "any"};

    for (const FgKey *k = fg_recipe_keys; k->name; k++) {
        printf("%-16s %-8s", k->name, types[k->type]);
        if (k->choices)
            printf(" %s", k->choices);
        else if (k->type == FG_KEY_INT || k->type == FG_KEY_DOUBLE)
            printf(" %.10g..%.10g", k->min, k->max);
        printf("  %s", k->help);
        if (k->required)
            printf(" (required)");
        else if (k->def)
            printf(" (default %s)", k->def);
        putchar('\n');
    }
}
