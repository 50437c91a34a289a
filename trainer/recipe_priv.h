/* What the recipe's files share. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_RECIPE_PRIV_H
#define FFGAN_TRAINER_RECIPE_PRIV_H

#include "trainer/recipe_keys.h"
#include "trainer/train.h"

/* Fills r->keys, r->tasks and r->family. 0 or -ENOMEM. */
int fg_recipe_make_keys(FgRecipe *r, const FgFamily *f);
/* Does the resolved text name this key where the recipe does not? Keys that
 * came later stay out, so that older texts and hashes stay what they were. */
int fg_recipe_key_always(const FgRecipe *r, const char *name);

#endif
