/* ffgan: which kernel does a layer: what was measured, kept on disk.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cuda_choice.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "model_priv.h"

enum { TEXT = FG_CHOICE_KEY + FG_CHOICE_NAME + 256 };

static int path_of(const char *key, char *path, size_t size)
{
    char sha[65];
    fg_sha256_hex(key, strlen(key), sha);
    return fg_cache_path(path, size, "cuda/%.32s.choice", sha);
}

/* All but the last line, which is its hash. */
static int print(char *text, const char *key, const FgChoice *c)
{
    return snprintf(text, TEXT, "ffgan choice 1\n%s\n%s\n%.3f %.3f %d\n", key,
                    c->name, (double)c->us, (double)c->model_us, c->nb);
}

static int parse(const char *text, const char *key, FgChoice *c)
{
    char again[TEXT], sha[65];
    const size_t head = strlen("ffgan choice 1\n"), n = strlen(key);
    if (strncmp(text, "ffgan choice 1\n", head) != 0 ||
        strncmp(text + head, key, n) != 0 || text[head + n] != '\n')
        return 0;
    const char *at = text + head + n + 1;
    const char *const end = strchr(at, '\n');
    if (!end || end - at >= FG_CHOICE_NAME || end == at)
        return 0;
    memcpy(c->name, at, (size_t)(end - at));
    c->name[end - at] = 0;
    if (sscanf(end + 1, "%f %f %d", &c->us, &c->model_us, &c->nb) != 3)
        return 0;
    const int size = print(again, key, c);
    if (size < 0 || size >= TEXT || strncmp(text, again, (size_t)size) != 0)
        return 0;
    fg_sha256_hex(again, (size_t)size, sha);
    return !strncmp(text + size, sha, 64) && text[size + 64] == '\n';
}

static int read_file(const char *path, const char *key, FgChoice *c)
{
    char text[TEXT + 128];
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    const size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = 0;
    return strlen(text) == n && parse(text, key, c);
}

int fg_choice_read(const char *key, FgChoice *c)
{
    char path[PATH_MAX];
    return path_of(key, path, sizeof(path)) >= 0 && read_file(path, key, c);
}

static int write_file(const char *path, const char *key, const FgChoice *c)
{
    char text[TEXT], sha[65];
    const int size = print(text, key, c);
    FILE *f = size > 0 && size < TEXT ? fopen(path, "wx") : NULL;
    if (!f)
        return -1;
    fg_sha256_hex(text, (size_t)size, sha);
    fprintf(f, "%s%s\n", text, sha);
    const int bad = ferror(f);
    return fclose(f) || bad ? -1 : 0;
}

void fg_choice_write(const char *key, FgChoice *c, int replace)
{
    char path[PATH_MAX], part[PATH_MAX + 32];
    FgChoice theirs;
    if (path_of(key, path, sizeof(path)) < 0 || fg_cache_folders(path) < 0)
        return;
    /* What was printed is what is read, by this process, too. */
    snprintf(part, sizeof(part), "%s.%ld", path, (long)getpid());
    if (write_file(part, key, c) < 0 || !read_file(part, key, c)) {
        unlink(part);
        return;
    }
    if (replace || link(part, path) < 0) {
        if (!replace && errno == EEXIST && read_file(path, key, &theirs))
            *c = theirs;
        else
            rename(part, path);
    }
    unlink(part);
}
