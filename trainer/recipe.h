/* What to train: one flat YAML map, checked against one table of keys.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_RECIPE_H
#define FFGAN_TRAINER_RECIPE_H

#include "kernels/graph.h"
#include "pipeline/source.h"
#include "trainer/optim.h"

typedef struct FgRecipe {
    FgYaml doc;      /* owner of every string below */
    char *text;      /* resolved: every key with its value, one a line */
    char sha256[65]; /* of text */
    char *home;      /* the recipe's folder: where a relative 'init' starts */
    char *folder;    /* relative data paths start here */
    const char *name, *task, *init, *val, *licence, *notes;
    const FgYaml *train; /* list or scalar */
    FgBuild net;
    int luma;
    int patch, batch, augment, val_images;
    double flat;
    int64_t steps, warmup, val_every, checkpoint_every, log_every;
    uint64_t seed;
    double minutes, lr, lr_min, ema, clip;
    const char *loss;
    double loss_eps, fft, final_mse;
    int bf16; /* 16-bit products */
    FgOptim optim;
} FgRecipe;

extern const FgKey fg_recipe_keys[];

/* Reads path, applies the overrides ("key=value"), checks, resolves.
 * data_root NULL = the recipe's own folder. Errors are -EINVAL (a bad recipe),
 * -ENOENT and others of reading. *r is zeroed on failure. */
int fg_recipe_read(FgRecipe *r, const char *path, const char *const *overrides,
                   int nb_overrides, const char *data_root, FgError *err);
void fg_recipe_free(FgRecipe *r); /* accepts NULL, zeroed */
/* Where 'init' lies: init itself if it is absolute; malloc'ed, or NULL. */
char *fg_recipe_init(const FgRecipe *r);
/* "folder/path", or path if it is absolute; malloc'ed, or NULL. */
char *fg_recipe_path(const FgRecipe *r, const char *path);
/* Names the keys in which two resolved texts differ, "steps, lr", leaving out
 * those that cannot change the result. Returns how many. */
int fg_recipe_changes(const char *a, const char *b, char *out, size_t size);
void fg_recipe_print_keys(void);

#endif
