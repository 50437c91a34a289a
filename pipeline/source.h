/* ffgan: what reads things in: pictures, frames of clips, YAML documents and
 * tables of keys. The one header of this room that the trainer uses.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_SOURCE_H
#define FFGAN_PIPELINE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/error.h"

/* ---- pictures ---- */

typedef struct FgPicture {
    int w, h;
    uint8_t *rgb; /* [h][w][3], full-range sRGB-coded, dense, owned */
} FgPicture;

/* Decodes the first frame of a picture file or clip (PNG, WebP, JPEG, TIFF, ...
 * by libav). Alpha is dropped. 0 or a negative errno + err; *pic zeroed on
 * failure. */
int fg_picture_read(FgPicture *pic, const char *path, FgError *err);
/* 8-bit PNG, written to a temporary name, fsynced, renamed. */
int fg_picture_write_png(const FgPicture *pic, const char *path, FgError *err);
/* The same into memory: *data is malloc'ed, NULL on failure. */
int fg_picture_encode_png(const FgPicture *pic, uint8_t **data, size_t *size,
                          FgError *err);
void fg_picture_free(FgPicture *pic); /* accepts NULL, zeroed */

/* The frames of a clip one after another, as pictures (one-picture files are
 * clips of one frame). One thread at a time. */
typedef struct FgClip FgClip;
/* 0 or a negative errno + err; *clip NULL on failure. path is copied. */
int fg_clip_open(FgClip **clip, const char *path, FgError *err);
/* 1: *pic is the next frame, owned by the caller; 0: the end; negative errno +
 * err: the clip is damaged there. *pic is zeroed unless 1. */
int fg_clip_next(FgClip *clip, FgPicture *pic, FgError *err);
/* The same, and its alpha as a grey picture, 255 = opaque. -EINVAL + err for a
 * frame that has none, -ENOTSUP for one of floats; both are zeroed unless 1. */
int fg_clip_next_alpha(FgClip *clip, FgPicture *pic, FgPicture *alpha,
                       FgError *err);
void fg_clip_close(FgClip **clip); /* accepts NULL */

/* What a codec does to a picture. */
typedef struct FgRecode {
    const char *codec; /* "x264", "mpeg2", "jpeg" (Motion JPEG) */
    int quantiser;     /* x264: QP 0..51; mpeg2, jpeg: scale 1..31 */
    int frames;        /* 1..16: it is the last of so many; those before, from
                          which it is predicted, are itself moved ... */
    int dx, dy;        /* ... by so many pixels a frame */
} FgRecode;

/* Encodes as 4:2:0 BT.601 and decodes, in place. The same bits each time, with
 * no global state: any number of threads. 0; -EINVAL for a bad value, -ENOTSUP
 * when this libavcodec lacks the codec, and others, + err (*pic unchanged). */
int fg_picture_recode(FgPicture *pic, const FgRecode *o, FgError *err);

/* Sorted paths of the pictures below a folder (recursively; by extension).
 * *list is malloc'ed, as are its strings; free with fg_strings_free. */
int fg_list_pictures(const char *dir, char ***list, int *nb, FgError *err);
void fg_strings_free(char ***list, int nb);

/* ---- YAML documents (libyaml), with places for messages ---- */

typedef enum FgYamlType {
    FG_YAML_SCALAR,
    FG_YAML_LIST,
    FG_YAML_MAP
} FgYamlType;

typedef struct FgYaml {
    FgYamlType type;
    char *text;           /* scalar: its text; map/list: NULL */
    int quoted;           /* scalar was quoted: a string, whatever it says */
    int line, column;     /* from 1 */
    struct FgYaml *items; /* list items or map values */
    char **keys;          /* map: keys, one per item */
    int *key_line, *key_column;
    int nb;
} FgYaml;

/* One document; anchors and aliases resolved by copy (with a bound), merge
 * keys refused, duplicate keys refused, depth <= 32, size <= 1 MiB. Messages
 * read "file:line:column: text". *y is zeroed on failure. */
int fg_yaml_read(FgYaml *y, const char *path, FgError *err);
int fg_yaml_parse(FgYaml *y, const char *text, size_t len, const char *name,
                  FgError *err);
void fg_yaml_free(FgYaml *y); /* accepts NULL, zeroed */
const FgYaml *fg_yaml_get(const FgYaml *map, const char *key); /* or NULL */
int fg_yaml_copy(FgYaml *dst, const FgYaml *src);

/* ---- tables of keys: one row says it all ---- */

typedef enum FgKeyType {
    FG_KEY_STRING,
    FG_KEY_INT,
    FG_KEY_DOUBLE,
    FG_KEY_BOOL,
    FG_KEY_ENUM, /* choices: "a|b|c" */
    FG_KEY_LIST, /* of strings; a plain scalar counts as a list of one */
    FG_KEY_MAP,  /* any map; checked elsewhere */
    FG_KEY_ANY
} FgKeyType;

typedef struct FgKey {
    const char *name; /* NULL ends a table */
    FgKeyType type;
    const char *def;     /* default as text, NULL = none */
    double min, max;     /* numbers: allowed range, ends included */
    const char *choices; /* enum words; list: allowed words, NULL = any */
    int required;
    const char *help; /* lower-case noun phrase with the unit */
} FgKey;

/* Checks a map against a table: unknown keys (with the nearest name), wrong
 * types, ranges, choices, missing required ones. where ("gansr", "output")
 * stands in messages: "f.yaml:9:5: gansr: 'blend' is 1.4, allowed 0..1". */
int fg_keys_check(const FgYaml *map, const FgKey *table, const char *file,
                  const char *where, FgError *err);
/* Values after fg_keys_check: the map's, else the table's default. The key
 * must be in the table (asserted). Strings stay owned by the map or table. */
const char *fg_keys_string(const FgYaml *map, const FgKey *table,
                           const char *name);
double fg_keys_double(const FgYaml *map, const FgKey *table, const char *name);
int64_t fg_keys_int(const FgYaml *map, const FgKey *table, const char *name);
int fg_keys_bool(const FgYaml *map, const FgKey *table, const char *name);
/* The word nearest to name by edit distance (Damerau-Levenshtein), or NULL
 * when nothing is near; names is a NULL-ended array. */
const char *fg_nearest(const char *name, const char *const *names);

#endif
