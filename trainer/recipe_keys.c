/* The keys of a recipe: the common ones and those of its family, in one table.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/recipe_priv.h"

const FgKey fg_recipe_common[] = {
    {"recipe", FG_KEY_INT, NULL, 1, 1, NULL, 1, "version of this format"},
    FG_STRING("name", "unnamed", "name written into the weights file"),
    FG_ENUM("task", "sr", NULL, "kind of training"),
    FG_STRING("init", NULL,
              "weights file whose equal-named parts are the start"),
    FG_LIST("train", 1, "folders of training pictures"),
    FG_STRING("val", NULL, "folder of validation pictures"),
    FG_INT("val_images", "0", 0, 100000, "validation pictures used, 0 = all"),
    FG_INT("patch", "48", 4, 512, "side of a training crop in input pixels"),
    FG_INT("batch", "16", 1, 1024, "crops per step"),
    FG_BOOL("augment", "true", "flip and rotate crops, eight ways"),
    FG_INT("seed", "1", 0, 9007199254740992.0, "start of all random numbers"),
    FG_INT("steps", "100000", 1, 1e9, "optimiser steps"),
    FG_DOUBLE("minutes", "0", 0, 1e6,
              "time budget in minutes that the schedule follows, 0 = steps "
              "only"),
    FG_ENUM("optimizer", "adam", "adam|adamw|sgd|rmsprop", "optimiser"),
    FG_DOUBLE("lr", "1e-3", 0, 10, "peak learning rate"),
    FG_DOUBLE("lr_min", "1e-6", 0, 10, "learning rate at the end"),
    FG_INT("warmup", "500", 0, 1e9, "steps of linear warm-up"),
    FG_DOUBLE("beta1", "0.9", 0, 0.999999, "decay of the first moment"),
    FG_DOUBLE("beta2", "0.99", 0, 0.999999,
              "decay of the second moment, rmsprop's also"),
    FG_DOUBLE("eps", "1e-8", 0, 1,
              "term that keeps adam from dividing by zero"),
    FG_DOUBLE("momentum", "0.9", 0, 0.999999, "momentum of sgd"),
    FG_DOUBLE("weight_decay", "0", 0, 1, "weight decay"),
    FG_DOUBLE("clip", "0", 0, 1e9, "largest gradient norm, 0 = no limit"),
    FG_ENUM("precision", "fp32", "fp32|bf16|fp16",
            "products of convolutions: fp32, or 16 bits"),
    FG_STRING("device", "cpu",
              "where networks are trained: auto, cpu, cuda, cuda:N"),
    FG_DOUBLE("ema", "0.999", 0, 0.9999999, "decay of the averaged weights"),
    FG_INT("val_every", "2000", 1, 1e9, "steps between validations"),
    FG_INT("checkpoint_every", "1000", 1, 1e9, "steps between checkpoints"),
    FG_INT("log_every", "100", 1, 1e9, "steps between progress lines"),
    FG_INT("sample_every", "0", 0, 1e9,
           "steps between grids of samples, 0 = none"),
    FG_DOUBLE("epochs", "0", 0, 1e6,
              "passes over the pictures instead of steps, 0 = steps"),
    FG_ENUM("schedule", "cosine", "cosine|linear|step|constant",
            "learning rate after the warm-up"),
    FG_DOUBLE("decay_start", "0.5", 0, 1,
              "share of the run at which linear starts to fall"),
    FG_INT("decay_every", "50000", 1, 1e9, "steps between the falls of step"),
    FG_DOUBLE("decay_factor", "0.5", 0, 1, "what a fall of step multiplies by"),
    FG_INT("early_stop", "0", 0, 1e6,
           "validations without a better one that end the run, 0 = never"),
    FG_INT("skip_limit", "10", 1, 1000,
           "steps in a row that are not finite before a return to the "
           "checkpoint"),
    FG_STRING("log_dir", NULL,
              "folder of log files: CSV, TensorBoard events, plots"),
    FG_STRING("licence", NULL, "licence of the weights"),
    FG_STRING("notes", NULL, "free text for the weights file"),
    {0},
};

/* The order of the first version's resolved text: the same recipe keeps the
 * same text, and so its hash and its checkpoints. */
static const char *const first_order[] = {
    "recipe",       "name",       "task",      "family",    "features",
    "blocks",       "activation", "base",      "scale",     "colour",
    "reparam",      "init",       "train",     "val",       "val_images",
    "patch",        "batch",      "augment",   "flat",      "seed",
    "steps",        "minutes",    "optimizer", "lr",        "lr_min",
    "warmup",       "beta1",      "beta2",     "eps",       "momentum",
    "weight_decay", "clip",       "loss",      "loss_eps",  "fft",
    "final_mse",    "precision",  "ema",       "val_every", "checkpoint_every",
    "log_every",    "licence",    "notes",     NULL};

static const FgKey *find(const FgKey *table, const char *name)
{
    for (; table && table->name; table++)
        if (!strcmp(table->name, name))
            return table;
    return NULL;
}

static int is_first(const char *name)
{
    for (int i = 0; first_order[i]; i++)
        if (!strcmp(first_order[i], name))
            return 1;
    return 0;
}

int fg_recipe_key_always(const FgRecipe *r, const char *name)
{
    return is_first(name) || find(r->family->keys, name) != NULL;
}

static int count(const FgKey *table)
{
    int n = 0;

    while (table && table[n].name)
        n++;
    return n;
}

static void put(FgRecipe *r, const FgFamily *f, const char *name, int *nb)
{
    const FgKey *k = find(f->keys, name);

    k = k ? k : find(fg_recipe_common, name);
    if (!k || find(r->keys, name))
        return;
    r->keys[*nb] = *k;
    if (!strcmp(name, "task"))
        r->keys[*nb].choices = r->tasks;
    ++*nb;
}

static char *task_names(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    for (int i = 0; fg_family_at(i); i++)
        fprintf(f, "%s%s", i ? "|" : "", fg_family_at(i)->name);
    if (fclose(f)) {
        free(text);
        return NULL;
    }
    return text;
}

int fg_recipe_make_keys(FgRecipe *r, const FgFamily *f)
{
    int nb = 0;

    r->family = f;
    r->tasks = task_names();
    r->keys = calloc((size_t)(count(fg_recipe_common) + count(f->keys) + 1),
                     sizeof(*r->keys));
    if (!r->tasks || !r->keys)
        return -ENOMEM;
    for (int i = 0; first_order[i]; i++)
        put(r, f, first_order[i], &nb);
    for (int i = 0; fg_recipe_common[i].name; i++)
        put(r, f, fg_recipe_common[i].name, &nb);
    for (int i = 0; f->keys && f->keys[i].name; i++)
        put(r, f, f->keys[i].name, &nb);
    return 0;
}

static void print_key(const FgKey *k)
{
    static const char *const types[] = {"string", "integer", "number", "bool",
                                        "choice", "list",    "map",    "any"};

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

void fg_recipe_print_keys(void)
{
    FgRecipe r = {0};

    printf("# every task\n");
    if (!fg_recipe_make_keys(&r, fg_family_at(0)))
        for (const FgKey *k = fg_recipe_common; k->name; k++)
            print_key(strcmp(k->name, "task") ? k : find(r.keys, "task"));
    for (int i = 0; fg_family_at(i); i++) {
        printf("\n# task: %s\n", fg_family_at(i)->name);
        for (const FgKey *k = fg_family_at(i)->keys; k && k->name; k++)
            print_key(k);
    }
    fg_recipe_free(&r);
}

/* ---- values by name ---- */

double fg_recipe_num(const FgRecipe *r, const char *key)
{
    return fg_keys_double(&r->doc, r->keys, key);
}

int64_t fg_recipe_int(const FgRecipe *r, const char *key)
{
    return fg_keys_int(&r->doc, r->keys, key);
}

int fg_recipe_bool(const FgRecipe *r, const char *key)
{
    return fg_keys_bool(&r->doc, r->keys, key);
}

const char *fg_recipe_text(const FgRecipe *r, const char *key)
{
    return fg_keys_string(&r->doc, r->keys, key);
}

int fg_recipe_list(const FgRecipe *r, const char *key)
{
    const FgYaml *y = fg_yaml_get(&r->doc, key);

    if (!y || (y->type == FG_YAML_SCALAR && !y->text[0]))
        return 0;
    return y->type == FG_YAML_LIST ? y->nb : 1;
}

const char *fg_recipe_list_at(const FgRecipe *r, const char *key, int i)
{
    const FgYaml *y = fg_yaml_get(&r->doc, key);

    return y->type == FG_YAML_LIST ? y->items[i].text : y->text;
}

int fg_recipe_has(const FgRecipe *r, const char *key)
{
    return find(r->keys, key) != NULL;
}
