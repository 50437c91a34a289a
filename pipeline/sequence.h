/* ffgan: numbered picture files. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_SEQUENCE_H
#define FFGAN_PIPELINE_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

#include <libavcodec/codec_id.h>

#include "kernels/error.h"

/* The pictures of a sequence, in order, with no number missing. */
typedef struct FgSequence {
    char **paths; /* owned */
    int nb;
    int64_t first; /* number of paths[0] */
} FgSequence;

/* 1 when the last component of path has one %d or %0Nd. */
int fg_is_pattern(const char *path);
/* path with its number: malloc'ed, NULL on no memory. Without a pattern it is
 * a copy. "%%" is not special: names are taken as they are. */
char *fg_pattern_name(const char *path, int64_t number);
/* Lists a pattern's files, or the one picture. start -1 = the smallest number
 * found. Returns 0, -ENOENT (nothing there, or a number missing inside: err
 * names it), -ENOMEM, other errno. */
int fg_sequence_list(FgSequence *s, const char *path, int64_t start,
                     FgError *err);
/* 1 when base, a name without its folder, is that of one of the pictures;
 * path is what was listed. */
int fg_sequence_has(const FgSequence *s, const char *path, const char *base);
void fg_sequence_free(FgSequence *s); /* accepts zeroed */
/* 0 when a picture file of that kind is cut short. Only for kinds whose
 * decoders do not tell (EXR, JPEG, QOI); 1 for all others (whole.c). */
int fg_picture_is_whole(const uint8_t *data, size_t size, enum AVCodecID id);

#endif
