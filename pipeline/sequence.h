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
    int64_t *number; /* [nb] of each; owned */
} FgSequence;

/* 1 when the last component of path has one %d or %0Nd. */
int fg_is_pattern(const char *path);
/* path with its number: malloc'ed, NULL on no memory. Without a pattern it is
 * a copy. "%%" is not special: names are taken as they are. */
char *fg_pattern_name(const char *path, int64_t number);
/* Other tools' spellings of a number in the last component of path: "####" and
 * "@@@@" (two or more), "$F4", "<frame04>" become "%04d". malloc'ed; path as it
 * is when there is none. NULL: no memory. */
char *fg_pattern_normal(const char *path);
/* Lists a pattern's files, or the one picture. start -1 = the smallest number
 * found. frames: which numbers ("1-100", "1-100x2,150"; all must be there, and
 * start is not looked at), NULL = all without a gap. Returns -EINVAL (frames
 * is wrong), 0, -ENOENT (nothing there, or a number missing inside: err
 * names it), -ENOMEM, other errno. */
int fg_sequence_list(FgSequence *s, const char *path, int64_t start,
                     const char *frames, FgError *err);
/* "1-100x2,150" -> rising numbers, malloc'ed. 0, -EINVAL, -ENOMEM + err. */
int fg_frame_list(const char *text, int64_t **numbers, int *nb, FgError *err);
/* 1 when base, a name without its folder, is that of one of the pictures;
 * path is what was listed. */
int fg_sequence_has(const FgSequence *s, const char *path, const char *base);
void fg_sequence_free(FgSequence *s); /* accepts zeroed */
/* 0 when a picture file of that kind is cut short. Only for kinds whose
 * decoders do not tell (EXR, JPEG, QOI); 1 for all others (whole.c). */
int fg_picture_is_whole(const uint8_t *data, size_t size, enum AVCodecID id);

#endif
