/* ffgan: the folder for what can be made again.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_CACHE_H
#define FFGAN_KERNELS_CACHE_H

#include <stddef.h>

/* The name of a file below $XDG_CACHE_HOME/ffgan, else ~/.cache/ffgan; fmt and
 * what follows are the rest of it. 0, -ENOENT where there is neither or the
 * name is too long. */
int fg_cache_path(char *path, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Makes the folders that the file path lies in. 0 or a negative errno. */
int fg_cache_folders(char *path);

#endif
