/* ffgan: one error text. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_ERROR_H
#define FFGAN_KERNELS_ERROR_H

/* Every function that can fail returns 0 or a negative errno value (which is
 * what AVERROR() makes, so libav code passes it on unchanged). Where a person
 * will read the reason, the function also takes an FgError: one line, no
 * newline, naming the file or key, what was wrong and what is allowed. */
typedef struct FgError {
    char text[1024];
} FgError;

/* Fill err (may be NULL) and return code unchanged: return fg_error(err,
 * -EINVAL, "%s: ...", path). Over-long text is cut. */
int fg_error(FgError *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
