/* Whole files, read at once and written atomically.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_ATOMIC_H
#define FFGAN_TRAINER_ATOMIC_H

#include <stddef.h>

#include "kernels/error.h"

typedef struct FgPart {
    const void *data;
    size_t size;
} FgPart;

/* Temporary file in the same folder, write, fsync, rename, folder fsync; the
 * temporary is removed on failure. */
int fg_write_atomic(const char *path, const FgPart *part, int nb, FgError *err);
/* *data is malloc'ed. Files over 4 GiB are refused (-EFBIG). */
int fg_read_file(const char *path, char **data, size_t *size, FgError *err);

#endif
