/* ffgan: the pictures below a folder.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "pipeline/source.h"

enum { MAX_DEPTH = 32 };

typedef struct Names {
    char **s;
    int nb, cap;
} Names;

static int is_picture(const char *name)
{
    static const char *const ext[] = {"png",  "webp", "jpg", "jpeg", "tif",
                                      "tiff", "bmp",  "ppm", "pgm",  "pnm",
                                      "dpx",  "exr",  "tga", "jp2",  "avif"};
    const char *const dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof(ext) / sizeof(ext[0]); i++)
        if (!strcasecmp(dot + 1, ext[i]))
            return 1;
    return 0;
}

/* Takes ownership of s, also on failure. */
static int names_add(Names *n, char *s)
{
    if (n->nb == n->cap) {
        const int cap = n->cap ? 2 * n->cap : 64;
        char **const grown = realloc(n->s, sizeof(*grown) * (size_t)cap);
        if (!grown) {
            free(s);
            return -ENOMEM;
        }
        n->s = grown;
        n->cap = cap;
    }
    n->s[n->nb++] = s;
    return 0;
}

static int walk(Names *n, const char *dir, int depth, FgError *err);

static int visit(Names *n, const char *dir, const char *name, int depth,
                 FgError *err)
{
    const char *const sep = *dir && dir[strlen(dir) - 1] == '/' ? "" : "/";
    struct stat st;
    char *path;
    int ret = 0;

    if (asprintf(&path, "%s%s%s", dir, sep, name) < 0)
        return fg_error(err, -ENOMEM, "%s: out of memory", dir);
    if (stat(path, &st) < 0) {
        /* A dangling link or a file that has just gone is no picture. */
        if (errno != ENOENT)
            ret = fg_error(err, -errno, "%s: %s", path, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        ret = walk(n, path, depth + 1, err);
    } else if (S_ISREG(st.st_mode) && is_picture(name)) {
        ret = names_add(n, path);
        return ret ? fg_error(err, ret, "%s: out of memory", dir) : 0;
    }
    free(path);
    return ret;
}

static int walk(Names *n, const char *dir, int depth, FgError *err)
{
    struct dirent *entry;
    DIR *d;
    int ret = 0;

    if (depth > MAX_DEPTH)
        return fg_error(err, -ELOOP, "%s: folders nested over %d deep", dir,
                        MAX_DEPTH);
    d = opendir(dir);
    if (!d)
        return fg_error(err, -errno, "%s: %s", dir, strerror(errno));
    while (!ret && (errno = 0, entry = readdir(d)))
        if (entry->d_name[0] != '.')
            ret = visit(n, dir, entry->d_name, depth, err);
    if (!ret && errno)
        ret = fg_error(err, -errno, "%s: %s", dir, strerror(errno));
    closedir(d);
    return ret;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int fg_list_pictures(const char *dir, char ***list, int *nb, FgError *err)
{
    Names n = {0};
    const int ret = walk(&n, dir, 0, err);

    *list = NULL;
    *nb = 0;
    if (ret < 0) {
        fg_strings_free(&n.s, n.nb);
        return ret;
    }
    if (n.nb)
        qsort(n.s, (size_t)n.nb, sizeof(*n.s), by_name);
    *list = n.s;
    *nb = n.nb;
    return 0;
}

void fg_strings_free(char ***list, int nb)
{
    if (!list || !*list)
        return;
    for (int i = 0; i < nb; i++)
        free((*list)[i]);
    free(*list);
    *list = NULL;
}
