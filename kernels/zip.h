/* ffgan: zip files, as far as PyTorch writes them.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The directory at the end of a zip file (APPNOTE.TXT 4.3.12, 4.3.14 to
 * 4.3.16), entries stored without compression only. Sums (CRC) are not
 * checked: PyTorch may leave them out. */
#ifndef FFGAN_KERNELS_ZIP_H
#define FFGAN_KERNELS_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

typedef struct FgZipEntry {
    const char *name; /* into the file, not terminated */
    size_t name_len;
    const uint8_t *data; /* into the file */
    size_t size;
} FgZipEntry;

typedef struct FgZip {
    FgZipEntry *entries; /* owned; sorted by name */
    int nb;
} FgZip;

/* data stays the caller's and must outlive z. -EBADMSG, -ENOTSUP (compressed
 * or encrypted), -ENOMEM; the message lacks the file's name. z is zeroed on
 * failure. */
int fg_zip_open(FgZip *z, const void *data, size_t size, FgError *err);
/* By the whole name, or NULL. */
const FgZipEntry *fg_zip_find(const FgZip *z, const char *name, size_t len);
void fg_zip_free(FgZip *z); /* accepts zeroed */

#endif
