/* ffgan: the folder for what can be made again.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cache.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int fg_cache_path(char *path, size_t size, const char *fmt, ...)
{
    const char *dir = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1, more = -1;
    va_list ap;
    if (dir && *dir == '/')
        n = snprintf(path, size, "%s/ffgan/", dir);
    else if (home && *home == '/')
        n = snprintf(path, size, "%s/.cache/ffgan/", home);
    if (n <= 0 || (size_t)n >= size)
        return -ENOENT;
    va_start(ap, fmt);
    more = vsnprintf(path + n, size - (size_t)n, fmt, ap);
    va_end(ap);
    return more > 0 && (size_t)more < size - (size_t)n ? 0 : -ENOENT;
}

int fg_cache_folders(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = 0;
        const int bad = mkdir(path, 0777) < 0 && errno != EEXIST;
        *p = '/';
        if (bad)
            return -errno;
    }
    return 0;
}
