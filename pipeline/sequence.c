/* ffgan: numbered picture files.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pipeline/sequence.h"
#include "pipeline/util.h"

typedef struct Pattern {
    size_t prefix; /* bytes of the base name before the number */
    int width;
    const char *suffix;
} Pattern;

/* Finds %d, %Nd or %0Nd in base. */
static int find_pattern(const char *base, Pattern *p)
{
    for (const char *s = strchr(base, '%'); s; s = strchr(s + 1, '%')) {
        const char *q = s + 1;
        int width = 0;
        while (*q >= '0' && *q <= '9' && width < 100)
            width = width * 10 + (*q++ - '0');
        if (*q != 'd' || width > 18)
            continue;
        *p = (Pattern){(size_t)(s - base), width, q + 1};
        return 1;
    }
    return 0;
}

int fg_is_pattern(const char *path)
{
    Pattern p;
    return find_pattern(fg_path_base(path), &p);
}

char *fg_pattern_name(const char *path, int64_t number)
{
    Pattern p;
    const char *const base = fg_path_base(path);
    if (!find_pattern(base, &p))
        return strdup(path);
    return fg_format("%.*s%0*lld%s", (int)(base - path) + (int)p.prefix, path,
                     p.width, (long long)number, p.suffix);
}

/* The number of a file name, or -1: only the spelling that the pattern itself
 * would give counts (no second file for one number). */
static int64_t number_of(const char *name, const char *base, const Pattern *p)
{
    const size_t len = strlen(name), tail = strlen(p->suffix);
    if (len <= p->prefix + tail || strncmp(name, base, p->prefix) != 0 ||
        strcmp(name + len - tail, p->suffix) != 0)
        return -1;
    const size_t digits = len - p->prefix - tail;
    int64_t v = 0;
    char again[32];
    if (digits > 18)
        return -1;
    for (size_t i = 0; i < digits; i++) {
        const char c = name[p->prefix + i];
        if (c < '0' || c > '9')
            return -1;
        v = v * 10 + (c - '0');
    }
    snprintf(again, sizeof(again), "%0*lld", p->width, (long long)v);
    return strlen(again) == digits ? v : -1;
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int read_numbers(const char *path, const Pattern *p, int64_t **out,
                        size_t *nb, FgError *err)
{
    int64_t *v = NULL;
    size_t n = 0, cap = 0;
    char *const dir = fg_path_dir(path);
    DIR *const d = dir ? opendir(dir) : NULL;
    const int code = dir ? errno : ENOMEM;
    free(dir);
    if (!d)
        return fg_error(err, -code, "%s: cannot list its folder: %s",
                        fg_show(path), strerror(code));
    for (struct dirent *e; (e = readdir(d));) {
        const int64_t k = number_of(e->d_name, fg_path_base(path), p);
        if (k < 0)
            continue;
        if (n == cap) {
            cap = cap ? 2 * cap : 256;
            int64_t *const w = realloc(v, cap * sizeof(*v));
            if (!w) {
                free(v);
                closedir(d);
                return fg_error(err, -ENOMEM, "no memory");
            }
            v = w;
        }
        v[n++] = k;
    }
    closedir(d);
    if (n)
        qsort(v, n, sizeof(*v), by_value);
    *out = v;
    *nb = n;
    return 0;
}

static int check_gaps(const char *path, const int64_t *v, size_t n,
                      FgError *err)
{
    for (size_t i = 1; i < n; i++) {
        if (v[i] == v[i - 1] + 1)
            continue;
        char *const name = fg_pattern_name(path, v[i - 1] + 1);
        const int64_t gap = (v[n - 1] - v[0] + 1) - (int64_t)n;
        fg_error(err, 0,
                 "%s: missing; the sequence goes from %lld to %lld and lacks "
                 "%lld picture(s)",
                 fg_show(name ? name : path), (long long)v[0],
                 (long long)v[n - 1], (long long)gap);
        free(name);
        return -ENOENT;
    }
    return 0;
}

static int add_path(FgSequence *s, char *path, FgError *err)
{
    if (!path)
        return fg_error(err, -ENOMEM, "no memory");
    s->paths[s->nb++] = path;
    return 0;
}

static int fill(FgSequence *s, const char *path, const int64_t *v, size_t n,
                FgError *err)
{
    s->paths = calloc(n ? n : 1, sizeof(*s->paths));
    if (!s->paths)
        return fg_error(err, -ENOMEM, "no memory");
    s->first = v[0];
    for (size_t i = 0; i < n; i++) {
        const int ret = add_path(s, fg_pattern_name(path, v[i]), err);
        if (ret < 0)
            return ret;
    }
    return 0;
}

int fg_sequence_list(FgSequence *s, const char *path, int64_t start,
                     FgError *err)
{
    Pattern p;
    struct stat st;
    int64_t *v = NULL;
    const int64_t one = start >= 0 ? start : 1;
    size_t n = 0, i = 0;
    *s = (FgSequence){0};
    if (!stat(path, &st) || !find_pattern(fg_path_base(path), &p))
        return fill(s, path, &one, 1, err);
    int ret = read_numbers(path, &p, &v, &n, err);
    while (!ret && v && i < n && v[i] < start)
        i++;
    if (!ret && (!v || i == n))
        ret = fg_error(err, -ENOENT, "%s: no such pictures", fg_show(path));
    if (!ret && v && start >= 0 && v[i] != start)
        ret = fg_error(err, -ENOENT,
                       "%s: no picture %lld; the next one is %lld",
                       fg_show(path), (long long)start, (long long)v[i]);
    if (!ret && v)
        ret = check_gaps(path, v + i, n - i, err);
    if (!ret && n - i > INT32_MAX)
        ret = fg_error(err, -EINVAL, "%s: too many pictures", fg_show(path));
    if (!ret && v)
        ret = fill(s, path, v + i, n - i, err);
    free(v);
    if (ret < 0)
        fg_sequence_free(s);
    return ret;
}

int fg_sequence_has(const FgSequence *s, const char *path, const char *base)
{
    Pattern p;
    if (s->nb == 1)
        return !strcmp(fg_path_base(s->paths[0]), base);
    if (!s->nb || !find_pattern(fg_path_base(path), &p))
        return 0;
    const int64_t k = number_of(base, fg_path_base(path), &p);
    return k >= s->first && k < s->first + s->nb;
}

void fg_sequence_free(FgSequence *s)
{
    for (int i = 0; i < s->nb; i++)
        free(s->paths[i]);
    free(s->paths);
    *s = (FgSequence){0};
}
