/* ffgan: checksums of files and frames.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * XXH3 (xxhash.com) against accidents; SHA-256 where a file is named by it. */
#ifndef FFGAN_PIPELINE_HASH_H
#define FFGAN_PIPELINE_HASH_H

#include <libavutil/frame.h>
#include <stdint.h>
#include <xxhash.h>

#define FG_SHA256_SIZE 65 /* 64 hexadecimal digits and a NUL */

void fg_hash_text(XXH128_hash_t h, char text[33]);
/* XXH3-64 of what can be seen of a frame: size, format, planes row by row. */
uint64_t fg_hash_frame(const AVFrame *f);
/* XXH3-128 of a file: of all of it, or, above limit bytes (0 = never), of
 * pieces spread over it. 0 or a negative errno. */
int fg_hash_file(const char *path, int64_t limit, char text[33]);
int fg_sha256_file(const char *path, char text[FG_SHA256_SIZE]);

#endif
