/* ffgan: where weights files lie.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph_priv.h"
#include "model.h"

#ifndef FFGAN_DATADIR
#define FFGAN_DATADIR "/usr/local/share/ffgan"
#endif

#define SUFFIX ".safetensors"
#define MAX_FOLDERS 64

static char data_dir[PATH_MAX];

void fg_set_data_dir(const char *dir)
{
    snprintf(data_dir, sizeof(data_dir), "%s", dir ? dir : "");
}

/* ---- folders ---- */

typedef struct Folders {
    char *path[MAX_FOLDERS];
    int nb;
    int lost; /* no memory for one: what is found would be another's */
} Folders;

static void folder_add(Folders *f, const char *dir, size_t len,
                       const char *below)
{
    /* An empty entry would mean the working directory. */
    if (!len || f->nb == MAX_FOLDERS)
        return;
    char *p = malloc(len + strlen(below) + 1);
    if (!p) {
        f->lost = 1;
        return;
    }
    memcpy(p, dir, len);
    strcpy(p + len, below);
    f->path[f->nb++] = p;
}

static void folder_pair(Folders *f, const char *dir, size_t len)
{
    folder_add(f, dir, len, "/weights");
    folder_add(f, dir, len, "");
}

/* A moved installation: DIR/bin/program and DIR/share/ffgan. */
static void folder_beside(Folders *f)
{
    char dir[PATH_MAX + 16];
    const ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);
    dir[n > 0 ? n : 0] = 0;
    for (int up = 0; up < 2; up++) {
        char *const slash = strrchr(dir, '/');
        if (!slash)
            return;
        *slash = 0;
    }
    strcat(dir, "/share/ffgan");
    if (!access(dir, R_OK | X_OK))
        folder_pair(f, dir, strlen(dir));
}

static void folders_list(Folders *f)
{
    const char *const config = getenv("XDG_CONFIG_HOME");
    const char *const user = getenv("HOME");
    char home[PATH_MAX] = "";
    memset(f, 0, sizeof(*f));
    for (const char *p = getenv("FFGAN_PATH"); p && *p;) {
        const size_t n = strcspn(p, ":");
        folder_pair(f, p, n);
        p += n + (p[n] == ':');
    }
    if (config && config[0] == '/')
        snprintf(home, sizeof(home), "%s/ffgan", config);
    else if (user && user[0] == '/')
        snprintf(home, sizeof(home), "%s/.config/ffgan", user);
    folder_pair(f, home, strlen(home));
    folder_pair(f, data_dir, strlen(data_dir));
    folder_beside(f);
    folder_pair(f, FFGAN_DATADIR, strlen(FFGAN_DATADIR));
}

static void folders_free(Folders *f)
{
    for (int i = 0; i < f->nb; i++)
        free(f->path[i]);
}

/* ---- listing ---- */

typedef struct Found {
    char *name, *path;
} Found;

typedef struct FoundList {
    Found *p;
    int nb, cap, rc;
} FoundList;

static void found_add(FoundList *l, const char *dir, const char *file)
{
    const size_t len = strlen(file), suffix = strlen(SUFFIX);
    if (l->rc < 0 || len <= suffix || file[0] == '.' ||
        strcmp(file + len - suffix, SUFFIX) ||
        !fg_name_valid(file, len - suffix))
        return;
    for (int i = 0; i < l->nb; i++)
        if (strlen(l->p[i].name) == len - suffix &&
            !memcmp(l->p[i].name, file, len - suffix))
            return;
    if (l->nb == l->cap) {
        const int cap = l->cap ? 2 * l->cap : 16;
        Found *p = realloc(l->p, sizeof(*p) * (size_t)cap);
        if (!p) {
            l->rc = -ENOMEM;
            return;
        }
        l->p = p;
        l->cap = cap;
    }
    Found f = {strndup(file, len - suffix), malloc(strlen(dir) + len + 2)};
    if (!f.name || !f.path) {
        free(f.name);
        free(f.path);
        l->rc = -ENOMEM;
        return;
    }
    sprintf(f.path, "%s/%s", dir, file);
    l->p[l->nb++] = f;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Found *)a)->name, ((const Found *)b)->name);
}

static void found_list(FoundList *l, const Folders *folders)
{
    memset(l, 0, sizeof(*l));
    for (int i = 0; i < folders->nb; i++) {
        DIR *d = opendir(folders->path[i]);
        const struct dirent *e;
        if (!d)
            continue;
        while ((e = readdir(d)))
            found_add(l, folders->path[i], e->d_name);
        closedir(d);
    }
    if (l->nb)
        qsort(l->p, (size_t)l->nb, sizeof(*l->p), by_name);
}

static void found_free(FoundList *l)
{
    for (int i = 0; i < l->nb; i++) {
        free(l->p[i].name);
        free(l->p[i].path);
    }
    free(l->p);
}

int fg_model_list(int (*fn)(void *arg, const char *name, const char *path),
                  void *arg)
{
    Folders folders;
    FoundList l;
    folders_list(&folders);
    found_list(&l, &folders);
    int rc = l.rc;
    for (int i = 0; i < l.nb && rc >= 0; i++)
        rc = fn(arg, l.p[i].name, l.p[i].path);
    found_free(&l);
    folders_free(&folders);
    return rc;
}

/* ---- finding one ---- */

/* Optimal string alignment distance; both shorter than FG_NAME_LEN. */
static int distance(const char *a, const char *b)
{
    int d[3][FG_NAME_LEN + 1];
    const int la = (int)strlen(a), lb = (int)strlen(b);
    for (int j = 0; j <= lb; j++)
        d[0][j] = j;
    for (int i = 1; i <= la; i++) {
        int *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= lb; j++) {
            int v = up[j - 1] + (a[i - 1] != b[j - 1]);
            v = up[j] + 1 < v ? up[j] + 1 : v;
            v = row[j - 1] + 1 < v ? row[j - 1] + 1 : v;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                v = up2[j - 2] + 1 < v ? up2[j - 2] + 1 : v;
            row[j] = v;
        }
    }
    return d[la % 3][lb];
}

static void append(char *text, size_t size, const char *fmt, const char *s)
{
    const size_t n = strlen(text);
    if (n < size)
        snprintf(text + n, size - n, fmt, s);
}

/* Names within a third of the length, the nearest first. */
static void nearest(const FoundList *l, const char *name, char *text,
                    size_t size)
{
    const int limit = (int)strlen(name) / 3 + 1;
    int shown = 0;
    for (int d = 0; d <= limit; d++)
        for (int i = 0; i < l->nb && shown < 3; i++)
            if (distance(name, l->p[i].name) == d) {
                append(text, size, shown ? ", '%s'" : "; did you mean '%s'",
                       l->p[i].name);
                shown++;
            }
    if (shown)
        append(text, size, "%s", "?");
    for (int i = 0; !shown && i < l->nb; i++)
        append(text, size, i ? ", %s" : "; there are %s", l->p[i].name);
}

static int not_found(const Folders *folders, const char *name, FgError *err)
{
    char where[512] = "", near[320] = "";
    FoundList l;
    for (int i = 0; i < folders->nb; i++)
        append(where, sizeof(where), i ? ", %s" : "%s", folders->path[i]);
    found_list(&l, folders);
    nearest(&l, name, near, sizeof(near));
    found_free(&l);
    return fg_error(err, -ENOENT, "model '%s' not found in %s%s", name, where,
                    near);
}

static int is_path(const char *name)
{
    static const char *const suffixes[] = {SUFFIX, ".pth", ".pt", ".onnx",
                                           ".param"};
    const size_t len = strlen(name);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        const size_t n = strlen(suffixes[i]);
        if (len > n && !strcmp(name + len - n, suffixes[i]))
            return 1;
    }
    return strchr(name, '/') != NULL;
}

int fg_model_find(const char *name, char *out, size_t size, FgError *err)
{
    Folders folders;
    if (is_path(name)) {
        if (strlen(name) >= size)
            return fg_error(err, -ENAMETOOLONG, "%s: the path is too long",
                            name);
        strcpy(out, name);
        return 0;
    }
    if (!fg_name_valid(name, strlen(name)))
        return fg_error(err, -ENOENT,
                        "model '%.96s': a name has 1..95 of A-Z a-z 0-9 _ . -",
                        name);
    folders_list(&folders);
    int rc = folders.lost ? fg_error(err, -ENOMEM, "out of memory") : -ENOENT;
    for (int i = 0; i < folders.nb && rc == -ENOENT; i++) {
        const int n = snprintf(out, size, "%s/%s" SUFFIX, folders.path[i],
                               name);
        if (n < 0 || (size_t)n >= size)
            rc = fg_error(err, -ENAMETOOLONG, "%s: the path is too long",
                          folders.path[i]);
        else if (!access(out, F_OK))
            rc = 0;
    }
    if (rc == -ENOENT)
        not_found(&folders, name, err);
    folders_free(&folders);
    return rc;
}
