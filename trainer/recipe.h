/* What to train: one flat YAML map, checked against one table of keys.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_RECIPE_H
#define FFGAN_TRAINER_RECIPE_H

#include "kernels/graph.h"
#include "pipeline/source.h"
#include "trainer/optim.h"

struct FgFamily;

typedef struct FgRecipe {
    FgYaml doc;                    /* owner of every string below */
    const struct FgFamily *family; /* by the key 'task' */
    FgKey *keys;                   /* common ones and the family's; owned */
    char *tasks;                   /* "sr|dcgan|..."; owned */
    char *text;      /* resolved: every key with its value, one a line */
    char sha256[65]; /* of text */
    char *home;      /* the recipe's folder: where a relative 'init' starts */
    char *folder;    /* relative data paths start here */
    const char *name, *task, *init, *val, *licence, *notes;
    const FgYaml *train; /* list or scalar; NULL where it may be left out */
    FgCells cells;       /* of family cells */
    FgBuild net;         /* with FG_SR_NET_KEYS; else scale 1, 3 channels */
    int luma;
    int patch, batch, augment, val_images;
    double flat;
    int64_t steps, warmup, val_every, checkpoint_every, log_every;
    uint64_t seed;
    int64_t sample_every, early_stop, skip_limit;
    double minutes, lr, lr_min, ema, clip, epochs;
    FgSchedule schedule;
    const char *loss; /* FG_PIXEL_LOSS_KEYS */
    double loss_eps, fft, final_mse;
    int bf16; /* 16-bit products */
    const char *precision;
    const char *device; /* "cuda", "cuda:N"; NULL: the CPU ("cpu", "auto") */
    FgOptim optim;
} FgRecipe;

/* Reads path, applies the overrides ("key=value"), checks, resolves.
 * data_root NULL = the recipe's own folder. Errors are -EINVAL (a bad recipe),
 * -ENOENT and others of reading. *r is zeroed on failure. */
int fg_recipe_read(FgRecipe *r, const char *path, const char *const *overrides,
                   int nb_overrides, const char *data_root, FgError *err);
/* Another device than the recipe's: -EINVAL for a word that is none of auto,
 * cpu, cuda, cuda:N. The word is borrowed. It is no part of the text. */
int fg_recipe_device(FgRecipe *r, const char *word);
void fg_recipe_free(FgRecipe *r); /* accepts NULL, zeroed */
/* Sets the steps that these pictures make of 'epochs'. A recipe that names
 * 'steps' alone keeps those, whatever the task's usual epochs. */
void fg_recipe_set_pictures(FgRecipe *r, int nb);
/* Values of any key of the table by name, the family's own among them; a name
 * that is not in the table is a fault of the program (asserted). Text may be
 * NULL where the key has no default. */
double fg_recipe_num(const FgRecipe *r, const char *key);
int64_t fg_recipe_int(const FgRecipe *r, const char *key);
int fg_recipe_bool(const FgRecipe *r, const char *key);
const char *fg_recipe_text(const FgRecipe *r, const char *key);
/* A list's length (a plain value counts as a list of one), and its items. */
int fg_recipe_list(const FgRecipe *r, const char *key);
const char *fg_recipe_list_at(const FgRecipe *r, const char *key, int i);
int fg_recipe_has(const FgRecipe *r, const char *key); /* is it in the table? */
/* The network of FG_SR_NET_KEYS. */
int fg_recipe_graph(const FgRecipe *r, FgGraph *g, FgError *err);
/* Where 'init' lies: init itself if it is absolute; malloc'ed, or NULL. */
char *fg_recipe_init(const FgRecipe *r);
/* "folder/path", or path if it is absolute; malloc'ed, or NULL. */
char *fg_recipe_path(const FgRecipe *r, const char *path);
/* Names the keys in which two resolved texts differ, "steps, lr", leaving out
 * those that cannot change the result. Returns how many. */
int fg_recipe_changes(const char *a, const char *b, char *out, size_t size);
void fg_recipe_print_keys(void);

#endif
