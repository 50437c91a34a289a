/* ffgan: OpenEXR pictures: what reading and writing share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_EXR_PRIV_H
#define FFGAN_PIPELINE_EXR_PRIV_H

#include <OpenEXR/openexr.h>

#include "pipeline/exr.h"

enum { FG_EXR_MAX_CHANNELS = 1024, FG_EXR_MAX_PARTS = 256 };

/* One part of a picture that is open for reading. */
typedef struct FgExrFile {
    exr_context_t ctx;
    int part, nb_parts;
    const exr_attr_chlist_t *list;       /* of the channels, the context's */
    exr_attr_box2i_t data, display, all; /* inclusive; all: the union */
    exr_storage_t storage;
    exr_compression_t compression;
    int colour[4]; /* index of R G B A in list, -1 = none; grey: [0] alone */
} FgExrFile;

/* As fg_exr_probe; the file is open when it returns 0 or -ENOTSUP. The part is
 * the first with red, green and blue, else the first with Y. */
int fg_exr_open(FgExrFile *x, const char *path, FgError *err);
void fg_exr_close(FgExrFile *x); /* accepts zeroed */
/* Another part of x, which stays open by x alone. 0, -EBADMSG + err. */
int fg_exr_part(FgExrFile *view, const FgExrFile *x, int part, const char *path,
                FgError *err);
const char *fg_exr_part_name(const FgExrFile *x); /* "" = none */
/* 1 when fg_exr_load can read its pixels (flat, no DWA, no small chroma). */
int fg_exr_is_readable(const FgExrFile *x);
/* 1 and channels R G B [A] of the layer with this prefix ("", "beauty."). */
int fg_exr_layer(const FgExrFile *x, const char *layer, size_t len,
                 int colour[4]);
/* The frame of x's colours, as fg_exr_read. */
int fg_exr_frame(const FgExrFile *x, const char *path, AVFrame **f,
                 FgError *err);
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
/* 1 when channel i belongs to a layer of colours ("R", "beauty.g", "A"). */
int fg_exr_is_colour(const FgExrFile *x, int i);

#endif
