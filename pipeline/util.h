/* ffgan: small helpers of this room.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_UTIL_H
#define FFGAN_PIPELINE_UTIL_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/error.h"

/* Growing text; printing into a failed one is harmless. */
typedef struct FgText {
    char *s; /* NUL-ended, owned; NULL while empty */
    size_t len, cap;
    int failed; /* 1: out of memory */
} FgText;

void fg_text_add(FgText *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void fg_text_free(FgText *t); /* accepts zeroed */

/* malloc'ed "fmt", or NULL. */
char *fg_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* malloc'ed folder of path ("." if none); pointer to the last component. */
char *fg_path_dir(const char *path);
const char *fg_path_base(const char *path);
/* Pointer to the extension with its dot, or to the final NUL. */
const char *fg_path_ext(const char *path);

/* "file:///a%20b" -> "/a b"; other text as it is: malloc'ed. NULL: no memory,
 * or an escape that is none (errno EINVAL). */
char *fg_path_from_url(const char *text);
/* An absolute path as it may stand in any scheduler's script: itself when it is
 * made of letters, digits and "/._-" only, else as a file:// URL.
 * malloc'ed, NULL: no memory. */
char *fg_path_to_word(const char *path);

/* Where this program's own files are: bin folder of /proc/self/exe. 0 or a
 * negative errno. */
int fg_self_dir(char *out, size_t size);
/* Sets the data folder of models and presets: DIR/../share/ffgan, then
 * DIR/../../presets (an uninstalled build), else what was compiled in. */
void fg_find_data_dir(void);

/* "5", "5s", "0.5s", "2m", "1h", "01:10", "00:01:10.5" -> seconds. -EINVAL. */
int fg_parse_time(const char *text, double *seconds);
/* Whole-word integer in [min, max]; -EINVAL. */
int fg_parse_int(const char *text, int64_t min, int64_t max, int64_t *value);

double fg_now(void); /* monotonic seconds */

/* A libav or errno code as text ("No such file or directory"). Valid until
 * the same thread's next call. */
const char *fg_strerror(int err);
/* path with control characters shown as '?', for messages (one line). Valid
 * until the same thread's fourth next call. */
const char *fg_show(const char *path);

/* Collects the libraries' messages: the newest error line of this process is
 * kept as the cause that goes into our own message. fg_log_init routes av_log;
 * verbosity -1 quiet, 0 normal, 1 verbose (everything to stderr). */
void fg_log_init(int verbosity);
/* Copies the newest error line ("" if none) and forgets it. */
void fg_log_cause(char *out, size_t size);
/* 1 when a demuxer said that the file ended too early. */
int fg_log_premature(void);
/* 1 when a demuxer said that it stepped over bytes that make no sense. */
int fg_log_broken(void);
void fg_log_new_input(void); /* forgets both */
/* Called with each warning of our own filters; NULL = stderr. */
void fg_log_set_warn(void (*fn)(void *arg, const char *text), void *arg);

#endif
