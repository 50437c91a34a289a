/* ffgan: the latent keys of gansrc.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_FILTERS_KEYS_H
#define FFGAN_FILTERS_KEYS_H

#include "kernels/walk.h"

/* A file that is a flat YAML mapping of frame number to seed, one a line:
 *     # the flame grows
 *     0: 7
 *     48: 12
 * Frames rise; at most 4096 keys; '#' starts a comment. *keys is malloc'ed.
 * 0, -ENOENT and the like, -EINVAL and err with file and line. */
int fg_keys_read(const char *path, FgWalkKey **keys, int *nb, FgError *err);

#endif
