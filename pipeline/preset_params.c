/* ffgan: parameters of a preset and their substitution.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/preset_priv.h"

enum { MAX_PARAMS = 256 };
static const size_t max_text = 65536;

static const FgYaml *declared(const FgLoad *l, const char *name)
{
    return fg_yaml_get(fg_yaml_get(&l->raw, "params"), name);
}

/* The row of a table that param stands for. */
static FgKey as_key(const FgYaml *param, const char *name)
{
    const FgKey *const t = fg_preset_param;
    const int ranged = fg_yaml_get(param, "min") || fg_yaml_get(param, "max");
    const char *const type = fg_keys_string(param, t, "type");
    FgKey k = {.name = name, .type = FG_KEY_STRING, .help = ""};

    if (!strcmp(type, "int"))
        k.type = FG_KEY_INT;
    else if (!strcmp(type, "number") || (ranged && !strcmp(type, "auto")))
        k.type = FG_KEY_DOUBLE;
    else if (!strcmp(type, "bool"))
        k.type = FG_KEY_BOOL;
    if (ranged) {
        k.min = fg_yaml_get(param, "min") ? fg_keys_double(param, t, "min")
                                          : -INFINITY;
        k.max = fg_yaml_get(param, "max") ? fg_keys_double(param, t, "max")
                                          : INFINITY;
    }
    return k;
}

/* Equal as text, or as numbers: "2.0" is "2". */
static int same_value(const char *a, const char *b)
{
    char *end_a, *end_b;
    const double x = strtod(a, &end_a), y = strtod(b, &end_b);

    if (!strcmp(a, b))
        return 1;
    return *a && *b && !*end_a && !*end_b && x == y;
}

static int check_one_of(const FgYaml *list, const char *name, const char *value,
                        const char *place, FgError *err)
{
    char words[512] = "";
    size_t n = 0;

    if (!list)
        return 0;
    if (list->type == FG_YAML_SCALAR && same_value(value, list->text))
        return 0;
    for (int i = 0; i < list->nb; i++) {
        if (same_value(value, list->items[i].text))
            return 0;
        if (n < sizeof(words))
            n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%s",
                                  i ? ", " : "", list->items[i].text);
    }
    if (list->text)
        snprintf(words, sizeof(words), "%s", list->text);
    return fg_error(err, -EINVAL, "%s: '%s' is %s, allowed %s", place, name,
                    *value ? value : "empty", words);
}

/* Text after "file:line:column: " of a keys message. */
static const char *after_place(const char *text)
{
    const char *const p = strstr(text, ":0:0: ");
    return p ? p + 6 : text;
}

int fg_params_check(const FgLoad *l, const char *name, const char *value,
                    const char *place)
{
    const FgYaml *const param = declared(l, name);
    const FgKey table[] = {as_key(param, name), {.name = NULL}};
    FgYaml item = {.type = FG_YAML_SCALAR, .text = (char *)value};
    char *key = (char *)name;
    const FgYaml map = {
        .type = FG_YAML_MAP, .items = &item, .keys = &key, .nb = 1};
    FgError inner;

    if (fg_keys_check(&map, table, "", NULL, &inner) < 0)
        return fg_error(l->err, -EINVAL, "%s: %s", place,
                        after_place(inner.text));
    return check_one_of(fg_yaml_get(param, "one_of"), name, value, place,
                        l->err);
}

static int unknown_set(const FgLoad *l, const char *key)
{
    const FgYaml *const params = fg_yaml_get(&l->raw, "params");
    const char *names[MAX_PARAMS + 1];
    const char *near;
    char all[600] = "none";
    size_t n = 0;
    int nb = 0;

    for (; params && nb < params->nb && nb < MAX_PARAMS; nb++) {
        names[nb] = params->keys[nb];
        if (n < sizeof(all))
            n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s",
                                  nb ? ", " : "", names[nb]);
    }
    names[nb] = NULL;
    near = fg_nearest(key, names);
    return fg_error(l->err, -EINVAL,
                    "--set %s: %s has no param '%s'%s%s%s; its params: %s", key,
                    l->docs[0].file, key, near ? ", did you mean '" : "",
                    near ? near : "", near ? "'?" : "", all);
}

static int apply_set(FgLoad *l, const char *text)
{
    FgPreset *const p = l->preset;
    const size_t len = strcspn(text, "=");
    char key[128], place[256];

    snprintf(key, sizeof(key), "%.*s", (int)(len < 120 ? len : 120), text);
    if (!text[len])
        return fg_error(l->err, -EINVAL, "--set %s: write key=value", text);
    if (!declared(l, key))
        return unknown_set(l, key);
    snprintf(place, sizeof(place), "--set %.200s", text);
    if (fg_params_check(l, key, text + len + 1, place) < 0)
        return -EINVAL;
    for (int i = 0; i < p->nb_params; i++) {
        char *value;
        if (strcmp(p->params[i].key, key) != 0)
            continue;
        value = strdup(text + len + 1);
        if (!value)
            return -ENOMEM;
        free(p->params[i].value);
        p->params[i].value = value;
    }
    return 0;
}

static int add_default(FgLoad *l, const FgYaml *params, int i)
{
    const char *const name = params->keys[i];
    const char *const path[] = {"params", name, "default", NULL};
    const FgYaml *const param = &params->items[i];
    const FgYaml *const def = fg_yaml_get(param, "default");
    char place[512];

    for (const char *c = name; *c || c == name; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            return fg_load_fail(l, path, params, i,
                                "params: the name '%s' may have only letters, "
                                "digits, '_' and '-'",
                                name);
    if (!def)
        return fg_load_fail(l, path, params, i, "params: '%s' has no default",
                            name);
    snprintf(place, sizeof(place), "%.400s:%d:%d: params",
             fg_load_file(l, path), def->line, def->column);
    if (fg_params_check(l, name, def->text, place) < 0)
        return -EINVAL;
    return fg_pair_add(&l->preset->params, &l->preset->nb_params, name,
                       def->text);
}

int fg_params_resolve(FgLoad *l, const char *const *set, int nb_set)
{
    const FgYaml *const params = fg_yaml_get(&l->raw, "params");
    int ret = 0;

    if (params && params->nb > MAX_PARAMS)
        return fg_error(l->err, -EINVAL, "%s: more than %d params",
                        l->docs[0].file, MAX_PARAMS);
    for (int i = 0; params && i < params->nb && !ret; i++)
        ret = add_default(l, params, i);
    for (int i = 0; i < nb_set && !ret; i++)
        ret = apply_set(l, set[i]);
    return ret;
}

/* ---- substitution ---- */

typedef struct Text {
    char *s;
    size_t len;
} Text;

static int text_add(Text *t, const char *s, size_t len)
{
    char *grown;

    if (t->len + len > max_text)
        return -E2BIG;
    grown = realloc(t->s, t->len + len + 1);
    if (!grown)
        return -ENOMEM;
    memcpy(grown + t->len, s, len);
    t->s = grown;
    t->len += len;
    t->s[t->len] = 0;
    return 0;
}

static int fail_text(const FgYaml *y, const char *file, FgError *err,
                     const char *what)
{
    return fg_error(err, -EINVAL, "%s:%d:%d: %s", file, y->line, y->column,
                    what);
}

static int unknown_param(const FgYaml *y, const char *name,
                         const FgPair *params, int nb, const char *file,
                         FgError *err)
{
    const char *names[MAX_PARAMS + 1];
    const char *near;
    char text[300];

    for (int i = 0; i < nb; i++)
        names[i] = params[i].key;
    names[nb] = NULL;
    near = fg_nearest(name, names);
    snprintf(text, sizeof(text), "unknown param '${%s}'%s%s%s", name,
             near ? ", did you mean '${" : "", near ? near : "",
             near ? "}'?" : "");
    return fail_text(y, file, err, text);
}

/* Adds the value of the "${name}" at *p and moves behind it. */
static int add_param(Text *t, const char **p, const FgYaml *y,
                     const FgPair *params, int nb, const char *file,
                     FgError *err)
{
    const char *const end = strchr(*p, '}');
    const char *value;
    char name[128];

    if (!end)
        return fail_text(y, file, err, "'${' without its '}'");
    snprintf(name, sizeof(name), "%.*s", (int)(end - *p - 2), *p + 2);
    value = fg_pair_get(params, nb, name);
    if (!value)
        return unknown_param(y, name, params, nb, file, err);
    *p = end + 1;
    return text_add(t, value, strlen(value));
}

static int substitute_text(FgYaml *y, const FgPair *params, int nb,
                           const char *file, FgError *err)
{
    const char *p = y->text;
    Text t = {0};
    int ret = text_add(&t, "", 0);

    while (*p && !ret) {
        const size_t len = strcspn(p, "$");
        if (len) {
            ret = text_add(&t, p, len);
            p += len;
        } else if (!strncmp(p, "$${", 3)) { /* an escaped "${" */
            ret = text_add(&t, "${", 2);
            p += 3;
        } else if (p[1] == '{') {
            ret = add_param(&t, &p, y, params, nb, file, err);
        } else {
            ret = text_add(&t, p++, 1);
        }
    }
    if (ret < 0) {
        free(t.s);
        return ret == -E2BIG ? fail_text(y, file, err, "over 64 KiB of text")
                             : ret;
    }
    free(y->text);
    y->text = t.s;
    return 0;
}

int fg_params_substitute(FgYaml *y, const FgPair *params, int nb,
                         const char *file, FgError *err)
{
    int ret = 0;

    if (y->type == FG_YAML_SCALAR)
        return strchr(y->text, '$') ? substitute_text(y, params, nb, file, err)
                                    : 0;
    for (int i = 0; i < y->nb && !ret; i++)
        ret = fg_params_substitute(&y->items[i], params, nb, file, err);
    return ret;
}
