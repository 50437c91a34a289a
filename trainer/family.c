/* The table of what can be trained: the recipe's task picks one row.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "trainer/train.h"

/* clang-format off */
static const FgFamily *const all[] = {
    &fg_family_sr,
    &fg_family_dcgan,
    &fg_family_wgan,
    &fg_family_wgan_gp,
    &fg_family_gan_sr,
    &fg_family_cyclegan,
    &fg_family_cut,
    &fg_family_keyframe,
    &fg_family_interp,
    &fg_family_plate,
    &fg_family_texture,
    &fg_family_vae,
};
/* clang-format on */

const FgFamily *fg_family_at(int i)
{
    return i >= 0 && i < (int)(sizeof(all) / sizeof(all[0])) ? all[i] : NULL;
}

const FgFamily *fg_family_find(const char *name)
{
    for (int i = 0; fg_family_at(i); i++)
        if (!strcmp(all[i]->name, name))
            return all[i];
    return NULL;
}
