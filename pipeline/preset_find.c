/* ffgan: where presets are found.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/preset_priv.h"

#ifndef FFGAN_DATADIR
#define FFGAN_DATADIR "/usr/share/ffgan"
#endif

enum { MAX_DIRS = 64, MAX_NAMES = 1024 };

static char data_dir[PATH_MAX];

void fg_preset_set_data_dir(const char *dir)
{
    snprintf(data_dir, sizeof(data_dir), "%s", dir ? dir : "");
}

typedef struct Dirs {
    char *dir[MAX_DIRS];
    int nb;
} Dirs;

/* An empty word of a path list would mean the working directory: left out. */
static int dirs_add(Dirs *d, const char *dir, size_t len, const char *tail)
{
    if (!len || d->nb == MAX_DIRS)
        return 0;
    if (asprintf(&d->dir[d->nb], "%.*s%s", (int)len, dir, tail) < 0)
        return -ENOMEM;
    d->nb++;
    return 0;
}

static void dirs_free(Dirs *d)
{
    while (d->nb)
        free(d->dir[--d->nb]);
}

static int dirs_get(Dirs *d)
{
    const char *p = getenv("FFGAN_PATH");
    const char *const xdg = getenv("XDG_CONFIG_HOME");
    const char *const home = getenv("HOME");
    const char *const data = *data_dir ? data_dir : FFGAN_DATADIR;
    int ret = 0;

    while (p && *p && !ret) {
        const size_t len = strcspn(p, ":");
        ret = dirs_add(d, p, len, "");
        p += len + (p[len] == ':');
    }
    if (!ret && xdg && *xdg == '/')
        ret = dirs_add(d, xdg, strlen(xdg), "/ffgan");
    else if (!ret && home)
        ret = dirs_add(d, home, strlen(home), "/.config/ffgan");
    if (!ret)
        ret = dirs_add(d, data, strlen(data), "");
    if (ret < 0)
        dirs_free(d);
    return ret;
}

/* Length of the name before .yaml, or 0. */
static int yaml_stem(const char *file)
{
    const size_t len = strlen(file);

    return len > 5 && len < 256 && *file != '.' &&
                   !strcmp(file + len - 5, ".yaml")
               ? (int)len - 5
               : 0;
}

static int is_yaml(const struct dirent *e)
{
    return yaml_stem(e->d_name) > 0;
}

/* By name: with the ending, "a-b.yaml" would come before "a.yaml". */
static int by_stem(const struct dirent **a, const struct dirent **b)
{
    const char *const x = (*a)->d_name, *const y = (*b)->d_name;
    const int n = yaml_stem(x), m = yaml_stem(y);
    const int order = strncmp(x, y, (size_t)(n < m ? n : m));

    return order ? order : n - m;
}

static char *first_help(const char *path)
{
    FgYaml y;
    char *text = NULL;
    const FgYaml *help;

    if (fg_yaml_read(&y, path, NULL) < 0)
        return NULL;
    help = fg_yaml_get(&y, "help");
    if (help && help->text)
        text = strndup(help->text, strcspn(help->text, "\n"));
    fg_yaml_free(&y);
    return text;
}

typedef int (*ListFn)(void *arg, const char *name, const char *path,
                      const char *help);

typedef struct Seen {
    char *name[MAX_NAMES + 1];
    int nb;
} Seen;

static int seen_before(Seen *s, const char *name)
{
    for (int i = 0; i < s->nb; i++)
        if (!strcmp(s->name[i], name))
            return 1;
    if (s->nb == MAX_NAMES || !(s->name[s->nb] = strdup(name)))
        return 1;
    s->nb++;
    return 0;
}

static int list_file(Seen *seen, const char *dir, const char *file, ListFn fn,
                     void *arg)
{
    char name[256], *path = NULL, *help;
    int ret;

    snprintf(name, sizeof(name), "%.*s", yaml_stem(file), file);
    if (seen_before(seen, name))
        return 0;
    if (asprintf(&path, "%s/%s", dir, file) < 0)
        return -ENOMEM;
    help = first_help(path);
    ret = fn(arg, name, path, help ? help : "");
    free(help);
    free(path);
    return ret;
}

static int list_dir(Seen *seen, const char *dir, ListFn fn, void *arg)
{
    struct dirent **entries;
    const int nb = scandir(dir, &entries, is_yaml, by_stem);
    int ret = 0;

    if (nb < 0)
        return 0; /* a folder that is not there has no presets */
    for (int i = 0; i < nb; i++) {
        if (!ret)
            ret = list_file(seen, dir, entries[i]->d_name, fn, arg);
        free(entries[i]);
    }
    free(entries);
    return ret;
}

int fg_preset_list(ListFn fn, void *arg)
{
    Dirs dirs = {.nb = 0};
    Seen *const seen = calloc(1, sizeof(*seen));
    int ret = seen ? dirs_get(&dirs) : -ENOMEM;

    for (int i = 0; i < dirs.nb && !ret; i++)
        ret = list_dir(seen, dirs.dir[i], fn, arg);
    for (int i = 0; seen && i < seen->nb; i++)
        free(seen->name[i]);
    free(seen);
    dirs_free(&dirs);
    return ret;
}

static int collect(void *arg, const char *name, const char *path,
                   const char *help)
{
    (void)path;
    (void)help;
    seen_before(arg, name);
    return 0;
}

static int not_found(const Dirs *dirs, const char *name, FgError *err)
{
    Seen *const all = calloc(1, sizeof(*all));
    const char *near = NULL;
    char folders[700];
    size_t n = 0;

    folders[0] = 0;
    for (int i = 0; i < dirs->nb && n < sizeof(folders); i++)
        n += (size_t)snprintf(folders + n, sizeof(folders) - n, "%s%s",
                              i ? ", " : "", dirs->dir[i]);
    if (all && !fg_preset_list(collect, all))
        near = fg_nearest(name, (const char *const *)all->name);
    fg_error(err, -ENOENT, "no preset '%s'%s%s%s; looked in %s", name,
             near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "",
             folders);
    for (int i = 0; all && i < all->nb; i++)
        free(all->name[i]);
    free(all);
    return -ENOENT;
}

static int find_in(const Dirs *dirs, const char *name, char *out, size_t size)
{
    for (int i = 0; i < dirs->nb; i++) {
        const int n = snprintf(out, size, "%s/%s.yaml", dirs->dir[i], name);
        if (n < 0 || (size_t)n >= size)
            return -ENAMETOOLONG;
        if (!access(out, F_OK))
            return 0;
    }
    return -ENOENT;
}

int fg_preset_find(const char *name, char *out, size_t size, FgError *err)
{
    Dirs dirs = {.nb = 0};
    int ret;

    if (strchr(name, '/') || yaml_stem(name)) {
        if ((size_t)snprintf(out, size, "%s", name) >= size)
            return fg_error(err, -ENAMETOOLONG, "%.200s...: path too long",
                            name);
        if (access(out, R_OK) < 0)
            return fg_error(err, -errno, "%s: %s", name, strerror(errno));
        return 0;
    }
    ret = dirs_get(&dirs);
    if (!ret)
        ret = *name ? find_in(&dirs, name, out, size) : -ENOENT;
    if (ret == -ENOENT)
        not_found(&dirs, name, err);
    else if (ret < 0)
        fg_error(err, ret, "%s: %s", name, strerror(-ret));
    dirs_free(&dirs);
    return ret;
}
