/* ffgan: OpenEXR pictures: what reading and writing share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_EXR_PRIV_H
#define FFGAN_PIPELINE_EXR_PRIV_H

#include <OpenEXR/openexr.h>

#include "pipeline/exr.h"

enum { FG_EXR_MAX_CHANNELS = 1024 };

/* One picture that is open for reading. */
typedef struct FgExrFile {
    exr_context_t ctx;
    const exr_attr_chlist_t *list;       /* of the channels, the context's */
    exr_attr_box2i_t data, display, all; /* inclusive; all: the union */
    exr_storage_t storage;
    exr_compression_t compression;
    int colour[4]; /* index of R G B A in list, -1 = none; grey: [0] alone */
} FgExrFile;

/* As fg_exr_probe; the file is open when it returns 0 or -ENOTSUP. */
int fg_exr_open(FgExrFile *x, const char *path, FgError *err);
void fg_exr_close(FgExrFile *x); /* accepts zeroed */
/* Reads channels: to[i] gets channel i of the list, data window's rows of
 * width 32-bit values (float, uint32 for integers); NULL = not wanted. */
int fg_exr_load(const FgExrFile *x, void *const *to, const char *path,
                FgError *err);
int fg_exr_width(const exr_attr_box2i_t *b);
int fg_exr_height(const exr_attr_box2i_t *b);
/* OpenEXR's result as an errno. */
int fg_exr_errno(exr_result_t r);
/* Sets err to "path: text"; returns the errno. */
int fg_exr_fail(const char *path, exr_result_t r, FgError *err);
/* 1 when a channel belongs to a layer of colours ("R", "beauty.g", "A"). */
int fg_exr_is_colour(const char *name);

#endif
