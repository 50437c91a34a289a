/* The space that a search walks: genes are keys of a recipe.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/space.h"

static const FgKey number_keys[] = {
    {"min", FG_KEY_DOUBLE, NULL, -1e12, 1e12, NULL, 1, "least value"},
    {"max", FG_KEY_DOUBLE, NULL, -1e12, 1e12, NULL, 1, "greatest value"},
    {"step", FG_KEY_DOUBLE, "0", 0, 1e12, NULL, 0, "grid, 0 = none"},
    {"log", FG_KEY_BOOL, "false", 0, 1, NULL, 0, "even in the logarithm"},
    {0},
};
static const FgKey word_keys[] = {
    {"words", FG_KEY_LIST, NULL, 0, 0, NULL, 1, "what each place may hold"},
    {"count", FG_KEY_INT, NULL, 1, 16, NULL, 1, "places"},
    {0},
};

/* ---- reading ---- */

static FgGene *add(FgSpace *s, const char *key, int part)
{
    FgGene *g = &s->gene[s->nb];

    *g = (FgGene){.key = strdup(key), .part = part};
    s->nb += g->key != NULL;
    return g->key ? g : NULL;
}

static int add_choices(FgSpace *s, const char *key, int part,
                       const FgYaml *list)
{
    FgGene *g = add(s, key, part);

    if (!g)
        return -ENOMEM;
    g->choice = calloc((size_t)list->nb, sizeof(*g->choice));
    if (!g->choice)
        return -ENOMEM;
    for (int i = 0; i < list->nb; i++) {
        g->choice[i] = strdup(list->items[i].text);
        if (!g->choice[i])
            return -ENOMEM;
        g->nb++;
    }
    return 0;
}

static int read_number(FgSpace *s, const char *key, const FgYaml *y,
                       const char *file, FgError *err)
{
    int ret = fg_keys_check(y, number_keys, file, key, err);
    FgGene *g;

    if (ret)
        return ret;
    g = add(s, key, -1);
    if (!g)
        return -ENOMEM;
    g->lo = fg_keys_double(y, number_keys, "min");
    g->hi = fg_keys_double(y, number_keys, "max");
    g->step = fg_keys_double(y, number_keys, "step");
    g->log = fg_keys_bool(y, number_keys, "log");
    if (!(g->lo < g->hi))
        return fg_error(err, -EINVAL,
                        "%s:%d:%d: %s: 'min' is %g, allowed below max, %g",
                        file, y->line, y->column, key, g->lo, g->hi);
    if (g->log && g->lo <= 0)
        return fg_error(err, -EINVAL,
                        "%s:%d:%d: %s: 'min' is %g, with log allowed over 0",
                        file, y->line, y->column, key, g->lo);
    if (g->step > g->hi - g->lo)
        return fg_error(err, -EINVAL,
                        "%s:%d:%d: %s: 'step' is %g, allowed 0..max-min, %g",
                        file, y->line, y->column, key, g->step, g->hi - g->lo);
    return 0;
}

static int scalars(const FgYaml *list, const char *key, const char *file,
                   FgError *err)
{
    for (int i = 0; i < list->nb; i++)
        if (list->items[i].type != FG_YAML_SCALAR)
            return fg_error(err, -EINVAL,
                            "%s:%d:%d: %s: wanted words or numbers", file,
                            list->items[i].line, list->items[i].column, key);
    if (list->nb < 2 || list->nb > FG_MAX_CHOICES)
        return fg_error(err, -EINVAL, "%s:%d:%d: %s: %d choices, allowed 2..%d",
                        file, list->line, list->column, key, list->nb,
                        FG_MAX_CHOICES);
    return 0;
}

static int read_words(FgSpace *s, const char *key, const FgYaml *y,
                      const char *file, FgError *err)
{
    int ret = fg_keys_check(y, word_keys, file, key, err), count;
    const FgYaml *list;

    if (ret)
        return ret;
    list = fg_yaml_get(y, "words");
    if (list->type != FG_YAML_LIST)
        return fg_error(err, -EINVAL, "%s:%d:%d: %s: 'words' is no list", file,
                        y->line, y->column, key);
    ret = scalars(list, key, file, err);
    count = (int)fg_keys_int(y, word_keys, "count");
    if (!ret && s->nb + count > FG_MAX_GENES)
        ret = fg_error(err, -EINVAL, "%s:%d:%d: %s: more than %d genes", file,
                       y->line, y->column, key, FG_MAX_GENES);
    for (int i = 0; i < count && !ret; i++)
        ret = add_choices(s, key, i, list);
    return ret;
}

static int read_gene(FgSpace *s, const char *key, const FgYaml *y,
                     const char *file, FgError *err)
{
    int ret;

    if (s->nb >= FG_MAX_GENES)
        return fg_error(err, -EINVAL, "%s:%d:%d: %s: more than %d genes", file,
                        y->line, y->column, key, FG_MAX_GENES);
    if (y->type == FG_YAML_MAP)
        return fg_yaml_get(y, "words") ? read_words(s, key, y, file, err)
                                       : read_number(s, key, y, file, err);
    if (y->type != FG_YAML_LIST)
        return fg_error(err, -EINVAL,
                        "%s:%d:%d: %s: wanted a list of choices, {min, max} or "
                        "{words, count}",
                        file, y->line, y->column, key);
    ret = scalars(y, key, file, err);
    return ret ? ret : add_choices(s, key, -1, y);
}

int fg_space_read(FgSpace *s, const FgYaml *map, const char *file, FgError *err)
{
    int ret = 0;

    *s = (FgSpace){0};
    for (int i = 0; i < map->nb && !ret; i++)
        ret = read_gene(s, map->keys[i], &map->items[i], file, err);
    if (!ret && !s->nb)
        ret = fg_error(err, -EINVAL, "%s: space: no gene", file);
    if (ret == -ENOMEM)
        fg_error(err, ret, "%s: not enough memory", file);
    if (ret)
        fg_space_free(s);
    return ret;
}

void fg_space_free(FgSpace *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->nb; i++) {
        fg_strings_free(&s->gene[i].choice, s->gene[i].nb);
        free(s->gene[i].key);
    }
    *s = (FgSpace){0};
}

/* ---- values ---- */

double fg_gene_at(const FgGene *g, double u)
{
    const double x = u < 0 ? 0 : u > 1 ? 1 : u;
    double v = g->lo + x * (g->hi - g->lo);

    if (g->log)
        v = exp(log(g->lo) + x * (log(g->hi) - log(g->lo)));
    if (g->step > 0) {
        v = g->lo + g->step * round((v - g->lo) / g->step);
        if (v > g->hi * (1 + 1e-12))
            v -= g->step;
    }
    return v < g->lo ? g->lo : v > g->hi ? g->hi : v;
}

double fg_gene_unit(const FgGene *g, double v)
{
    if (g->log)
        return log(v / g->lo) / log(g->hi / g->lo);
    return (v - g->lo) / (g->hi - g->lo);
}

static int grid(const FgGene *g)
{
    return g->step > 0 ? (int)floor((g->hi - g->lo) / g->step + 1e-9) + 1 : 0;
}

int fg_gene_levels(const FgGene *g)
{
    const int n = grid(g);

    if (g->choice)
        return g->nb;
    return n && n < FG_GENE_LEVELS ? n : FG_GENE_LEVELS;
}

double fg_gene_level(const FgGene *g, int level)
{
    if (g->choice)
        return level;
    return fg_gene_at(g, (double)level / (fg_gene_levels(g) - 1));
}

void fg_gene_text(const FgGene *g, double v, char *out, size_t size)
{
    if (g->choice)
        snprintf(out, size, "%s", g->choice[(int)v]);
    else
        snprintf(out, size, "%.*g", g->step > 0 ? 12 : 6, v);
}

double fg_space_size(const FgSpace *s)
{
    double n = 1;

    for (int i = 0; i < s->nb; i++) {
        const FgGene *g = &s->gene[i];

        n *= g->choice ? g->nb : g->step > 0 ? grid(g) : INFINITY;
    }
    return n;
}

int fg_space_overrides(const FgSpace *s, const FgPoint *p, char ***list,
                       int *nb)
{
    char **all = calloc((size_t)s->nb, sizeof(*all));
    int n = 0;

    *list = NULL;
    *nb = 0;
    for (int i = 0; all && i < s->nb; i++) {
        char text[256], *next;
        const int more = s->gene[i].part > 0;

        fg_gene_text(&s->gene[i], p->v[i], text, sizeof(text));
        if (asprintf(&next, "%s%s%s", more ? all[n - 1] : s->gene[i].key,
                     more ? " " : "=", text) < 0) {
            fg_strings_free(&all, n);
            break;
        }
        if (more)
            free(all[--n]);
        all[n++] = next;
    }
    if (!all)
        return -ENOMEM;
    *list = all;
    *nb = n;
    return 0;
}

int fg_space_same(const FgSpace *s, const FgPoint *a, const FgPoint *b)
{
    for (int i = 0; i < s->nb; i++)
        if (a->v[i] < b->v[i] || a->v[i] > b->v[i])
            return 0;
    return 1;
}
