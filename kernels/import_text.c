/* ffgan: importing: messages, tensors by a formatted name, and
 * what a file's name says.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import_priv.h"

int fg_im_fail(FgImport *im, int code, const char *fmt, ...)
{
    char text[900];
    va_list ap;
    if (im->rc < 0)
        return im->rc;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return im->rc = fg_error(im->err, code, "%s: %s", im->file, text);
}

const FgParam *fg_im_find(const FgImport *im, const char *fmt, ...)
{
    char name[2 * FG_NAME_LEN];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof(name), fmt, ap);
    va_end(ap);
    return fg_params_find(&im->src, name);
}

int fg_im_named_scale(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *end;
    const long n = isdigit((unsigned char)*name) ? strtol(name, &end, 10) : 0;
    return n >= 1 && n <= 16 && (*end == 'x' || *end == 'X') ? (int)n : 0;
}
