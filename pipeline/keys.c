/* ffgan: maps checked against tables of keys.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/source.h"

enum { MAX_WORD = 64, MAX_KEYS = 256 };

/* ---- nearest names ---- */

static int min3(int a, int b, int c)
{
    const int m = a < b ? a : b;
    return m < c ? m : c;
}

static int same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment: insert, delete, replace, swap neighbours. */
static int distance(const char *a, const char *b)
{
    const int n = (int)strnlen(a, MAX_WORD), m = (int)strnlen(b, MAX_WORD);
    int d[3][MAX_WORD + 1];

    for (int j = 0; j <= m; j++)
        d[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *const row = d[i % 3], *const up = d[(i - 1) % 3];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            row[j] = min3(up[j] + 1, row[j - 1] + 1,
                          up[j - 1] + !same(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
                same(a[i - 2], b[j - 1]) && d[(i - 2) % 3][j - 2] < row[j])
                row[j] = d[(i - 2) % 3][j - 2] + 1;
        }
    }
    return d[n % 3][m];
}

const char *fg_nearest(const char *name, const char *const *names)
{
    const int len = (int)strnlen(name, MAX_WORD);
    const int limit = len < 5 ? 1 : len < 9 ? 2 : 3;
    const char *best = NULL;
    int best_d = limit + 1;

    for (; names && *names; names++) {
        const int d = distance(name, *names);
        /* A word of which nothing is left is not near. */
        if (d < best_d && d < (int)strlen(*names)) {
            best = *names;
            best_d = d;
        }
    }
    return best;
}

/* ---- messages ---- */

typedef struct Check {
    const FgYaml *map;
    const FgKey *table;
    const char *file, *where;
    FgError *err;
} Check;

/* "file:line:column: where: " for key i of the map, or for the map (i < 0). */
static void place(const Check *c, int i, char *out, size_t size)
{
    const int keyed = i >= 0 && c->map->key_line;
    const int line = keyed ? c->map->key_line[i] : c->map->line;
    const int column = keyed ? c->map->key_column[i] : c->map->column;
    const int named = c->where && *c->where;

    snprintf(out, size, "%s:%d:%d: %s%s", c->file, line, column,
             named ? c->where : "", named ? ": " : "");
}

static int fail_unknown(const Check *c, int i)
{
    const char *names[MAX_KEYS + 1];
    char at[512];
    const char *near;
    int nb = 0;

    for (; c->table[nb].name && nb < MAX_KEYS; nb++)
        names[nb] = c->table[nb].name;
    names[nb] = NULL;
    near = fg_nearest(c->map->keys[i], names);
    place(c, i, at, sizeof(at));
    return fg_error(c->err, -EINVAL, "%sunknown key '%s'%s%s%s", at,
                    c->map->keys[i], near ? ", did you mean '" : "",
                    near ? near : "", near ? "'?" : "");
}

static int fail_value(const Check *c, int i, const char *is,
                      const char *allowed)
{
    const char *const sep = is ? " is " : " ";
    char at[512];

    place(c, i, at, sizeof(at));
    return fg_error(c->err, -EINVAL, "%s'%s'%s%s%s%s", at, c->map->keys[i], sep,
                    is ? is : "", is ? ", allowed " : "", allowed);
}

/* ---- values ---- */

static int has_range(const FgKey *k)
{
    return k->min != 0 || k->max != 0;
}

static void range_text(const FgKey *k, char *out, size_t size)
{
    const char *const kind = k->type == FG_KEY_INT ? "a whole number"
                                                   : "a number";

    if (!has_range(k) || (isinf(k->min) && isinf(k->max)))
        snprintf(out, size, "%s", kind);
    else if (isinf(k->max))
        snprintf(out, size, "%.15g or more", k->min);
    else if (isinf(k->min))
        snprintf(out, size, "%.15g or less", k->max);
    else if (k->min == k->max)
        snprintf(out, size, "%.15g", k->min);
    else
        snprintf(out, size, "%.15g..%.15g", k->min, k->max);
}

static int parse_int(const char *text, int64_t *v)
{
    char *end;

    errno = 0;
    *v = strtoll(text, &end, 10);
    return end != text && !*end && !errno && !isspace((unsigned char)*text);
}

static int parse_double(const char *text, double *v)
{
    char *end;

    *v = strtod(text, &end);
    return end != text && !*end && isfinite(*v) &&
           !isspace((unsigned char)*text);
}

static int parse_bool(const char *text)
{
    static const char *const words[] = {"no",  "yes", "false", "true",
                                        "off", "on",  "0",     "1"};

    for (int i = 0; i < 8; i++)
        if (!strcmp(text, words[i]))
            return i & 1;
    return -1;
}

/* Is word one of "a|b|c"? */
static int is_choice(const char *word, const char *choices)
{
    const size_t len = strlen(word);

    for (const char *c = choices; c; c = strchr(c, '|')) {
        c += *c == '|';
        if (strcspn(c, "|") == len && !strncmp(c, word, len))
            return 1;
    }
    return 0;
}

static void choices_text(const char *choices, char *out, size_t size)
{
    size_t n = 0;

    for (; *choices && n + 3 < size; choices++) {
        if (*choices == '|')
            out[n++] = ',';
        out[n++] = *choices == '|' ? ' ' : *choices;
    }
    out[n] = 0;
}

static int check_number(const Check *c, int i, const FgKey *k)
{
    const char *const text = c->map->items[i].text;
    char range[128];
    int64_t whole = 0;
    double v = 0;
    int ok;

    range_text(k, range, sizeof(range));
    ok = parse_double(text, &v);
    if (k->type == FG_KEY_INT)
        ok = parse_int(text, &whole);
    if (k->type == FG_KEY_INT)
        v = (double)whole;
    if (ok && has_range(k))
        ok = v >= k->min && v <= k->max;
    return ok ? 0 : fail_value(c, i, *text ? text : "empty", range);
}

static int check_word(const Check *c, int i, const FgKey *k, const char *word)
{
    char words[512];

    if (!k->choices || is_choice(word, k->choices))
        return 0;
    choices_text(k->choices, words, sizeof(words));
    return fail_value(c, i, *word ? word : "empty", words);
}

static int check_list(const Check *c, int i, const FgKey *k)
{
    const FgYaml *const y = &c->map->items[i];
    int ret = 0;

    if (y->type == FG_YAML_SCALAR)
        return check_word(c, i, k, y->text);
    if (y->type == FG_YAML_MAP)
        return fail_value(c, i, NULL, "must be a list, not a map");
    for (int j = 0; j < y->nb && !ret; j++) {
        if (y->items[j].type != FG_YAML_SCALAR)
            return fail_value(c, i, NULL, "must be a list of plain values");
        ret = check_word(c, i, k, y->items[j].text);
    }
    return ret;
}

static int check_value(const Check *c, int i, const FgKey *k)
{
    const FgYaml *const y = &c->map->items[i];

    if (k->type == FG_KEY_ANY)
        return 0;
    if (k->type == FG_KEY_LIST)
        return check_list(c, i, k);
    if (k->type == FG_KEY_MAP)
        return y->type == FG_YAML_MAP
                   ? 0
                   : fail_value(c, i, NULL, "must be a map (key: value)");
    if (y->type != FG_YAML_SCALAR)
        return fail_value(c, i, NULL,
                          y->type == FG_YAML_MAP
                              ? "must be one value, not a map"
                              : "must be one value, not a list");
    if (k->type == FG_KEY_INT || k->type == FG_KEY_DOUBLE)
        return check_number(c, i, k);
    if (k->type == FG_KEY_BOOL)
        return parse_bool(y->text) >= 0
                   ? 0
                   : fail_value(c, i, *y->text ? y->text : "empty", "yes, no");
    return k->type == FG_KEY_ENUM ? check_word(c, i, k, y->text) : 0;
}

static const FgKey *find_key(const FgKey *table, const char *name)
{
    for (; table->name; table++)
        if (!strcmp(table->name, name))
            return table;
    return NULL;
}

int fg_keys_check(const FgYaml *map, const FgKey *table, const char *file,
                  const char *where, FgError *err)
{
    const Check c = {map, table, file, where, err};
    char at[512];

    place(&c, -1, at, sizeof(at));
    if (map->type != FG_YAML_MAP)
        return fg_error(err, -EINVAL, "%smust be a map (key: value)", at);
    for (int i = 0; i < map->nb; i++) {
        const FgKey *const k = find_key(table, map->keys[i]);
        const int ret = k ? check_value(&c, i, k) : fail_unknown(&c, i);
        if (ret < 0)
            return ret;
    }
    for (const FgKey *k = table; k->name; k++)
        if (k->required && !fg_yaml_get(map, k->name))
            return fg_error(err, -EINVAL, "%s'%s' is missing: %s", at, k->name,
                            k->help);
    return 0;
}

const char *fg_keys_string(const FgYaml *map, const FgKey *table,
                           const char *name)
{
    const FgKey *const k = find_key(table, name);
    const FgYaml *const y = fg_yaml_get(map, name);

    assert(k);
    return y && y->type == FG_YAML_SCALAR ? y->text : k->def;
}

double fg_keys_double(const FgYaml *map, const FgKey *table, const char *name)
{
    const char *const text = fg_keys_string(map, table, name);
    double v = 0;

    if (text)
        parse_double(text, &v);
    return v;
}

int64_t fg_keys_int(const FgYaml *map, const FgKey *table, const char *name)
{
    const char *const text = fg_keys_string(map, table, name);
    int64_t v = 0;

    if (text)
        parse_int(text, &v);
    return v;
}

int fg_keys_bool(const FgYaml *map, const FgKey *table, const char *name)
{
    const char *const text = fg_keys_string(map, table, name);

    return text && parse_bool(text) > 0;
}
