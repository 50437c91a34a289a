/* ffgan: the latent keys of gansrc.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

static char *blanks(char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

static int at_end(const char *s)
{
    return !*s || *s == '#' || *s == '\n' || *s == '\r';
}

/* 1 and a key, 0 for an empty line, or -EINVAL. */
static int read_line(char *s, FgWalkKey *k)
{
    char *end;

    s = blanks(s);
    if (at_end(s) || !strncmp(s, "---", 3))
        return 0;
    errno = 0;
    k->frame = strtoll(s, &end, 10);
    if (end == s || errno || *blanks(end) != ':')
        return -EINVAL;
    s = blanks(blanks(end) + 1);
    if (!isdigit((unsigned char)*s))
        return -EINVAL;
    k->seed = strtoull(s, &end, 10);
    return errno || !at_end(blanks(end)) ? -EINVAL : 1;
}

static int read_all(FILE *f, const char *path, FgWalkKey *k, int *nb,
                    FgError *err)
{
    char line[256];

    for (int i = 1; fgets(line, sizeof(line), f); i++) {
        const int is = *nb < MOST ? read_line(line, &k[*nb]) : -E2BIG;

        if (is < 0)
            return fg_error(err, -EINVAL,
                            "%s:%d: allowed are at most %d lines "
                            "'FRAME: SEED', both whole numbers",
                            path, i, MOST);
        if (is && *nb && k[*nb].frame <= k[*nb - 1].frame)
            return fg_error(
                err, -EINVAL, "%s:%d: frame %lld does not follow frame %lld",
                path, i, (long long)k[*nb].frame, (long long)k[*nb - 1].frame);
        *nb += is;
    }
    if (ferror(f))
        return fg_error(err, -EIO, "%s: cannot be read", path);
    return *nb ? 0 : fg_error(err, -EINVAL, "%s: it has no keys", path);
}

int fg_keys_read(const char *path, FgWalkKey **keys, int *nb, FgError *err)
{
    FILE *f = fopen(path, "re");
    const int e = errno;

    *keys = NULL;
    *nb = 0;
    if (!f)
        return fg_error(err, -e, "%s: %s", path, strerror(e));
    *keys = malloc(sizeof(**keys) * MOST);
    const int ret = *keys ? read_all(f, path, *keys, nb, err)
                          : fg_error(err, -ENOMEM, "out of memory");
    fclose(f);
    if (ret < 0) {
        free(*keys);
        *keys = NULL;
        *nb = 0;
    }
    return ret;
}
