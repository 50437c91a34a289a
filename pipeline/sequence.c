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

enum { MAX_LIST = 10000000 };

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
    s->number = malloc((n ? n : 1) * sizeof(*s->number));
    if (!s->number)
        return fg_error(err, -ENOMEM, "no memory");
    if (v)
        memcpy(s->number, v, n * sizeof(*v));
    for (size_t i = 0; v && i < n; i++) {
        const int ret = add_path(s, fg_pattern_name(path, v[i]), err);
        if (ret < 0)
            return ret;
    }
    return 0;
}

/* ---- lists of numbers ---- */

typedef struct Range {
    int64_t from, to, step;
} Range;

/* "7", "1-100", "1-100x2". */
static int parse_range(const char **text, Range *r)
{
    char *end;
    errno = 0;
    r->from = strtoll(*text, &end, 10);
    if (end == *text || **text == '-')
        return -EINVAL;
    r->to = r->from;
    r->step = 1;
    if (*end == '-') {
        const char *const to = end + 1;
        r->to = strtoll(to, &end, 10);
        if (end == to || *to == '-')
            return -EINVAL;
    }
    if (*end == 'x') {
        const char *const step = end + 1;
        r->step = strtoll(step, &end, 10);
        if (end == step)
            return -EINVAL;
    }
    *text = end;
    return errno || r->step < 1 || r->to < r->from || r->from < 0 ||
                   (r->to - r->from) / r->step >= MAX_LIST
               ? -EINVAL
               : 0;
}

int fg_frame_list(const char *text, int64_t **out, int *nb, FgError *err)
{
    const char *at = text;
    int64_t *v = NULL;
    int rising = 1; /* as most lists are, and long ones take a while to sort */
    Range r;
    *nb = 0;
    *out = NULL;
    do {
        at += at != text; /* the comma */
        if (parse_range(&at, &r) < 0 || (*at && *at != ','))
            goto bad;
        const int64_t n = (r.to - r.from) / r.step + 1;
        int64_t *const more = *nb + n > MAX_LIST
                                  ? NULL
                                  : realloc(v, (size_t)(*nb + n) * sizeof(*v));
        if (!more && *nb + n > MAX_LIST)
            goto bad;
        if (!more) {
            free(v);
            return fg_error(err, -ENOMEM, "no memory");
        }
        v = more;
        rising = rising && (!*nb || v[*nb - 1] < r.from);
        for (int64_t i = 0; i < n; i++)
            v[(*nb)++] = r.from + i * r.step;
    } while (*at);
    if (!v)
        goto bad;
    if (!rising)
        qsort(v, (size_t)*nb, sizeof(*v), by_value);
    int n = 0;
    for (int i = 0; i < *nb; i++)
        if (!i || v[i] != v[i - 1])
            v[n++] = v[i];
    *nb = n;
    *out = v;
    return 0;
bad:
    free(v);
    return fg_error(err, -EINVAL,
                    "'%s' is not a list of frames, as 1-100 or 1-100x2,150",
                    text);
}

static int list_some(FgSequence *s, const char *path, const char *frames,
                     FgError *err)
{
    int64_t *v;
    int n;
    struct stat st;
    int ret = fg_frame_list(frames, &v, &n, err);
    if (ret)
        return ret;
    ret = fill(s, path, v, (size_t)n, err);
    for (int i = 0; s->paths && i < s->nb && !ret; i++)
        if (s->paths[i] && stat(s->paths[i], &st) < 0)
            ret = fg_error(err, -errno, "%s: %s", fg_show(s->paths[i]),
                           strerror(errno));
    free(v);
    if (ret < 0)
        fg_sequence_free(s);
    return ret;
}

/* Length of another tool's frame number at s, 0 = none; *width its digits. */
static size_t foreign_number(const char *s, int *width)
{
    char *end;
    *width = 1;
    if (*s == '#' || *s == '@') {
        const char run[2] = {*s, 0};
        const size_t n = strspn(s, run);
        *width = (int)n;
        return n >= 2 && n <= 18 ? n : 0;
    }
    if (s[0] == '$' && s[1] == 'F') {
        if (s[2] >= '1' && s[2] <= '9')
            *width = s[2] - '0';
        return s[2] >= '1' && s[2] <= '9' ? 3 : 2;
    }
    if (strncmp(s, "<frame", 6) != 0)
        return 0;
    const long w = strtol(s + 6, &end, 10);
    *width = w > 0 && w <= 18 ? (int)w : 1;
    return *end == '>' ? (size_t)(end - s) + 1 : 0;
}

char *fg_pattern_normal(const char *path)
{
    int width;
    for (const char *s = fg_path_base(path); *s; s++) {
        const size_t n = foreign_number(s, &width);
        if (n && !fg_is_pattern(path))
            return width > 1
                       ? fg_format("%.*s%%0%dd%s", (int)(s - path), path, width,
                                   s + n)
                       : fg_format("%.*s%%d%s", (int)(s - path), path, s + n);
    }
    return strdup(path);
}

/* ---- lists of files ---- */

int fg_sequence_list(FgSequence *s, const char *path, int64_t start,
                     const char *frames, FgError *err)
{
    Pattern p;
    struct stat st;
    int64_t *v = NULL;
    const int64_t one = start >= 0 ? start : 1;
    size_t n = 0, i = 0;
    *s = (FgSequence){0};
    if (!stat(path, &st) || !find_pattern(fg_path_base(path), &p))
        return fill(s, path, &one, 1, err);
    if (frames)
        return list_some(s, path, frames, err);
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
    return bsearch(&k, s->number, (size_t)s->nb, sizeof(k), by_value) != NULL;
}

void fg_sequence_free(FgSequence *s)
{
    for (int i = 0; i < s->nb; i++)
        free(s->paths[i]);
    free(s->paths);
    free(s->number);
    *s = (FgSequence){0};
}
