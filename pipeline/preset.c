/* ffgan: a preset from its files to an FgPreset.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/preset_priv.h"

/* ---- helpers that the other preset files share ---- */

int fg_pair_add(FgPair **pairs, int *nb, const char *key, const char *value)
{
    FgPair *const grown = realloc(*pairs, sizeof(*grown) * ((size_t)*nb + 1));

    if (!grown)
        return -ENOMEM;
    *pairs = grown;
    grown[*nb].key = strdup(key);
    grown[*nb].value = strdup(value);
    if (!grown[*nb].key || !grown[*nb].value) {
        free(grown[*nb].key);
        free(grown[*nb].value);
        return -ENOMEM;
    }
    ++*nb;
    return 0;
}

const char *fg_pair_get(const FgPair *pairs, int nb, const char *key)
{
    for (int i = 0; i < nb; i++)
        if (!strcmp(pairs[i].key, key))
            return pairs[i].value;
    return NULL;
}

static void pairs_free(FgPair *pairs, int nb)
{
    for (int i = 0; i < nb; i++) {
        free(pairs[i].key);
        free(pairs[i].value);
    }
    free(pairs);
}

const char *fg_load_file(const FgLoad *l, const char *const *keys)
{
    for (int i = 0; i < l->nb_docs; i++) {
        const FgYaml *y = &l->docs[i].yaml;
        for (const char *const *k = keys; *k && y; k++)
            y = fg_yaml_get(y, *k);
        if (y)
            return l->docs[i].file;
    }
    return l->docs[0].file;
}

int fg_load_fail(const FgLoad *l, const char *const *keys, const FgYaml *map,
                 int i, const char *fmt, ...)
{
    const int keyed = i >= 0 && map->key_line;
    char text[900];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return fg_error(l->err, -EINVAL, "%s:%d:%d: %s", fg_load_file(l, keys),
                    keyed ? map->key_line[i] : map->line,
                    keyed ? map->key_column[i] : map->column, text);
}

/* ---- merging ---- */

static int alloc_map(FgYaml *m, int nb)
{
    m->items = calloc((size_t)nb + 1, sizeof(*m->items));
    m->keys = calloc((size_t)nb + 1, sizeof(*m->keys));
    m->key_line = calloc((size_t)nb + 1, sizeof(*m->key_line));
    m->key_column = calloc((size_t)nb + 1, sizeof(*m->key_column));
    return m->items && m->keys && m->key_line && m->key_column ? 0 : -ENOMEM;
}

static int merge(FgYaml *out, const FgYaml *base, const FgYaml *over);

/* Puts entry i of src, merged over the entry of base if there is one, at the
 * end of out, which has the room. */
static int merge_entry(FgYaml *out, const FgYaml *src, int i,
                       const FgYaml *base)
{
    const int n = out->nb;
    int ret;

    out->keys[n] = strdup(src->keys[i]);
    if (!out->keys[n])
        return -ENOMEM;
    ret = base ? merge(&out->items[n], base, &src->items[i])
               : fg_yaml_copy(&out->items[n], &src->items[i]);
    if (ret < 0) {
        free(out->keys[n]);
        return ret;
    }
    out->key_line[n] = src->key_line[i];
    out->key_column[n] = src->key_column[i];
    out->nb++;
    return 0;
}

/* Maps are merged, anything else is replaced. *out is zeroed on failure. */
static int merge(FgYaml *out, const FgYaml *base, const FgYaml *over)
{
    int ret;

    if (base->type != FG_YAML_MAP || over->type != FG_YAML_MAP)
        return fg_yaml_copy(out, over);
    memset(out, 0, sizeof(*out));
    out->type = FG_YAML_MAP;
    out->line = over->line;
    out->column = over->column;
    ret = alloc_map(out, base->nb + over->nb);
    for (int i = 0; i < base->nb && !ret; i++)
        if (!fg_yaml_get(over, base->keys[i]))
            ret = merge_entry(out, base, i, NULL);
    for (int i = 0; i < over->nb && !ret; i++)
        ret = merge_entry(out, over, i, fg_yaml_get(base, over->keys[i]));
    if (ret < 0)
        fg_yaml_free(out);
    return ret;
}

static int merge_docs(FgYaml *out, const FgPresetDoc *docs, int nb)
{
    int ret = fg_yaml_copy(out, &docs[nb - 1].yaml);

    for (int i = nb - 2; i >= 0 && !ret; i--) {
        FgYaml merged;
        ret = merge(&merged, out, &docs[i].yaml);
        fg_yaml_free(out);
        if (!ret)
            *out = merged;
    }
    return ret;
}

static int is_null(const FgYaml *y)
{
    return y->type == FG_YAML_SCALAR && !y->quoted &&
           (!strcmp(y->text, "null") || !strcmp(y->text, "~"));
}

/* "key: null" takes a key of the base away again. */
static void drop_nulls(FgYaml *y)
{
    int n = 0;

    if (!y || y->type != FG_YAML_MAP)
        return;
    for (int i = 0; i < y->nb; i++) {
        if (is_null(&y->items[i])) {
            fg_yaml_free(&y->items[i]);
            free(y->keys[i]);
            continue;
        }
        drop_nulls(&y->items[i]);
        y->items[n] = y->items[i];
        y->keys[n] = y->keys[i];
        y->key_line[n] = y->key_line[i];
        y->key_column[n++] = y->key_column[i];
    }
    y->nb = n;
}

static void drop_nulls_of(FgYaml *doc)
{
    drop_nulls((FgYaml *)fg_yaml_get(doc, "input"));
    drop_nulls((FgYaml *)fg_yaml_get(doc, "output"));
}

/* ---- reading ---- */

/* "blend: 0.3" becomes "blend: {default: 0.3}". */
static int expand_param(FgYaml *y)
{
    FgYaml map = {.type = FG_YAML_MAP, .line = y->line, .column = y->column};

    if (y->type != FG_YAML_SCALAR)
        return 0;
    if (alloc_map(&map, 1) < 0 || !(map.keys[0] = strdup("default"))) {
        fg_yaml_free(&map);
        return -ENOMEM;
    }
    map.items[0] = *y;
    map.key_line[0] = y->line;
    map.key_column[0] = y->column;
    map.nb = 1;
    *y = map;
    return 0;
}

static int check_params(const FgPresetDoc *d, FgYaml *params, FgError *err)
{
    int ret = 0;

    for (int i = 0; params && i < params->nb && !ret; i++) {
        char where[160];
        snprintf(where, sizeof(where), "params: %.100s", params->keys[i]);
        ret = expand_param(&params->items[i]);
        if (!ret)
            ret = fg_keys_check(&params->items[i], fg_preset_param, d->file,
                                where, err);
    }
    return ret;
}

/* What does not depend on params. */
static int check_raw(const FgPresetDoc *d, FgError *err)
{
    int ret = fg_keys_check(&d->yaml, fg_preset_top, d->file, NULL, err);

    if (!ret)
        ret = check_params(d, (FgYaml *)fg_yaml_get(&d->yaml, "params"), err);
    return ret;
}

static int check_section(const FgPresetDoc *d, const FgYaml *map,
                         const FgKey *table, const char *where, FgError *err)
{
    return map ? fg_keys_check(map, table, d->file, where, err) : 0;
}

/* The sections of one file, params substituted. */
static int check_full(const FgPresetDoc *d, FgError *err)
{
    const FgYaml *const in = fg_yaml_get(&d->yaml, "input");
    const FgYaml *const out = fg_yaml_get(&d->yaml, "output");
    int ret = check_section(d, in, fg_preset_input, "input", err);

    if (!ret)
        ret = check_section(d, out, fg_preset_output, "output", err);
    if (!ret)
        ret = check_section(d, fg_yaml_get(out, "video"), fg_preset_video,
                            "video", err);
    return ret;
}

static int add_doc(FgLoad *l, const char *file, FgYaml *y)
{
    FgPresetDoc *const d = &l->docs[l->nb_docs];

    d->file = strdup(file);
    if (!d->file) {
        fg_yaml_free(y);
        return -ENOMEM;
    }
    d->yaml = *y;
    l->nb_docs++;
    return check_raw(d, l->err);
}

/* Path of what the last doc extends; relative paths start at its folder. */
static int base_path(const FgLoad *l, const char *name, char *out, size_t size)
{
    const FgPresetDoc *const d = &l->docs[l->nb_docs - 1];
    const char *const slash = strrchr(d->file, '/');
    const size_t len = strlen(name);
    const int is_path = strchr(name, '/') ||
                        (len > 5 && !strcmp(name + len - 5, ".yaml"));
    char path[PATH_MAX];

    if (*name != '/' && is_path && slash)
        snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - d->file), d->file,
                 name);
    else
        snprintf(path, sizeof(path), "%s", name);
    return fg_preset_find(path, out, size, l->err);
}

static int same_file(const char *a, const char *b)
{
    char *const x = realpath(a, NULL), *const y = realpath(b, NULL);
    const int same = x && y && !strcmp(x, y);

    free(x);
    free(y);
    return same;
}

/* Fails with the place of `extends` in the last doc. */
static int fail_extends(const FgLoad *l, int code, const char *text)
{
    const FgPresetDoc *const d = &l->docs[l->nb_docs - 1];
    const FgYaml *const y = fg_yaml_get(&d->yaml, "extends");

    return fg_error(l->err, code, "%s:%d:%d: extends: %s", d->file, y->line,
                    y->column, text);
}

static int fail_cycle(const FgLoad *l, const char *path)
{
    char text[700] = "";
    size_t n = 0;

    for (int i = 0; i < l->nb_docs && n < sizeof(text); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s -> ",
                              l->docs[i].file);
    if (n < sizeof(text))
        snprintf(text + n, sizeof(text) - n, "%.500s goes round in a circle",
                 path);
    return fail_extends(l, -EINVAL, text);
}

/* Reads what the last doc extends; 1 = one more was read, 0 = none. */
static int read_base(FgLoad *l)
{
    const FgYaml *const e = fg_yaml_get(&l->docs[l->nb_docs - 1].yaml,
                                        "extends");
    char path[PATH_MAX], inner[900];
    FgYaml y;
    int ret;

    if (!e)
        return 0;
    ret = base_path(l, e->text, path, sizeof(path));
    if (ret < 0) {
        snprintf(inner, sizeof(inner), "%.890s", l->err->text);
        return fail_extends(l, -EINVAL, inner);
    }
    for (int i = 0; i < l->nb_docs; i++)
        if (same_file(path, l->docs[i].file))
            return fail_cycle(l, path);
    if (l->nb_docs == FG_MAX_EXTENDS)
        return fail_extends(l, -EINVAL, "over 16 files deep");
    ret = fg_yaml_read(&y, path, l->err);
    if (!ret)
        ret = add_doc(l, path, &y);
    return ret < 0 ? ret : 1;
}

/* ---- the simple fields ---- */

static char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}

static char *name_of_file(const char *file)
{
    const char *const slash = strrchr(file, '/');
    const char *const base = slash ? slash + 1 : file;
    const size_t len = strlen(base);

    return strndup(base,
                   len > 5 && !strcmp(base + len - 5, ".yaml") ? len - 5 : len);
}

static int load_names(FgLoad *l)
{
    static const char *const path[] = {"name", NULL};
    FgPreset *const p = l->preset;
    /* The name belongs to one file: a base's is not taken over. */
    const FgYaml *const name = fg_yaml_get(&l->docs[0].yaml, "name");

    for (const char *c = name ? name->text : ""; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
            return fg_load_fail(l, path, name, -1,
                                "'name' is %s, allowed letters, digits, '_', "
                                "'.' and '-'",
                                name->text);
    p->path = strdup(l->docs[0].file);
    p->name = name && *name->text ? strdup(name->text)
                                  : name_of_file(l->docs[0].file);
    p->help = strdup(fg_keys_string(&l->full, fg_preset_top, "help"));
    return p->path && p->name && p->help ? 0 : -ENOMEM;
}

static int load_input(FgLoad *l)
{
    static const char *const hw[] = {"input", "hwaccel", NULL};
    FgPreset *const p = l->preset;
    const FgYaml *const in = fg_yaml_get(&l->full, "input");
    const FgYaml *const accel = fg_yaml_get(in, "hwaccel");
    const char *const deint = fg_keys_string(in, fg_preset_input,
                                             "deinterlace");

    if (accel && strcmp(accel->text, "none") != 0)
        return fg_load_fail(l, hw, accel, -1,
                            "input: 'hwaccel' is %s, allowed none: this "
                            "version decodes on the CPU",
                            accel->text);
    p->deinterlace = !strcmp(deint, "auto") ? FG_DEINT_AUTO
                     : !strcmp(deint, "no") ? FG_DEINT_NO
                                            : FG_DEINT_YES;
    const char *const alpha = fg_keys_string(in, fg_preset_input, "alpha");
    p->alpha = !strcmp(alpha, "auto")       ? FG_ALPHA_AUTO
               : !strcmp(alpha, "straight") ? FG_ALPHA_STRAIGHT
                                            : FG_ALPHA_PREMULTIPLIED;
    p->start_number = fg_yaml_get(in, "start_number")
                          ? fg_keys_int(in, fg_preset_input, "start_number")
                          : -1;
    p->rate = copy_text(fg_keys_string(in, fg_preset_input, "rate"));
    return fg_yaml_get(in, "rate") && !p->rate ? -ENOMEM : 0;
}

/* ---- loading ---- */

static int substitute_sections(const FgLoad *l, FgYaml *doc, const char *file)
{
    static const char *const sections[] = {"input", "chain", "output", NULL};
    const FgPreset *const p = l->preset;
    int ret = 0;

    for (const char *const *s = sections; *s && !ret; s++) {
        FgYaml *const y = (FgYaml *)fg_yaml_get(doc, *s);
        if (y)
            ret = fg_params_substitute(y, p->params, p->nb_params, file,
                                       l->err);
    }
    return ret;
}

/* Each file by itself, so that messages have its name; then the whole. */
static int substitute_docs(FgLoad *l)
{
    int ret = 0;

    for (int i = 0; i < l->nb_docs && !ret; i++) {
        FgPresetDoc *const d = &l->docs[i];
        drop_nulls_of(&d->yaml);
        ret = substitute_sections(l, &d->yaml, d->file);
        if (!ret)
            ret = check_full(d, l->err);
    }
    if (!ret)
        ret = fg_yaml_copy(&l->full, &l->raw);
    return ret ? ret : substitute_sections(l, &l->full, l->docs[0].file);
}

static int load_docs(FgLoad *l, const char *const *set, int nb_set)
{
    int ret;

    while ((ret = read_base(l)) > 0)
        ;
    if (!ret)
        ret = merge_docs(&l->raw, l->docs, l->nb_docs);
    if (!ret)
        drop_nulls_of(&l->raw);
    if (!ret)
        ret = fg_params_resolve(l, set, nb_set);
    if (!ret)
        ret = substitute_docs(l);
    if (!ret)
        ret = load_names(l);
    if (!ret)
        ret = load_input(l);
    if (!ret)
        ret = fg_load_output(l);
    if (!ret)
        ret = fg_load_chain(l);
    if (!ret)
        ret = fg_load_shots(l);
    if (!ret)
        ret = fg_load_graph(l);
    return ret;
}

/* Takes ownership of y. */
static int load(FgPreset **p, const char *file, FgYaml *y,
                const char *const *set, int nb_set, FgError *err)
{
    FgLoad *const l = calloc(1, sizeof(*l));
    FgError own = {""};
    int ret;

    if (l)
        l->preset = calloc(1, sizeof(*l->preset));
    if (!l || !l->preset) {
        fg_yaml_free(y);
        free(l);
        return fg_error(err, -ENOMEM, "%s: out of memory", file);
    }
    l->err = &own;
    ret = add_doc(l, file, y);
    if (!ret)
        ret = load_docs(l, set, nb_set);
    if (ret == -ENOMEM)
        fg_error(&own, ret, "%s: out of memory", file);
    if (ret < 0) {
        fg_preset_free(&l->preset);
        if (err)
            *err = own;
    }
    *p = l->preset;
    for (int i = 0; i < l->nb_docs; i++) {
        free(l->docs[i].file);
        fg_yaml_free(&l->docs[i].yaml);
    }
    fg_yaml_free(&l->raw);
    fg_yaml_free(&l->full);
    free(l);
    return ret;
}

int fg_preset_load(FgPreset **p, const char *name, const char *const *set,
                   int nb_set, FgError *err)
{
    char path[PATH_MAX];
    FgYaml y;
    int ret;

    *p = NULL;
    ret = fg_preset_find(name, path, sizeof(path), err);
    if (!ret)
        ret = fg_yaml_read(&y, path, err);
    return ret < 0 ? ret : load(p, path, &y, set, nb_set, err);
}

int fg_preset_parse(FgPreset **p, const char *text, size_t len,
                    const char *name, const char *const *set, int nb_set,
                    FgError *err)
{
    FgYaml y;
    int ret;

    *p = NULL;
    ret = fg_yaml_parse(&y, text, len, name, err);
    return ret < 0 ? ret : load(p, name, &y, set, nb_set, err);
}

static void free_shots(FgPreset *p)
{
    for (int i = 0; i < p->nb_shots; i++) {
        for (int k = 0; p->shots[i].values && k < p->nb_commands; k++)
            free(p->shots[i].values[k]);
        free(p->shots[i].values);
    }
    free(p->shots);
    for (int i = 0; i < p->nb_commands; i++) {
        free(p->commands[i].target);
        free(p->commands[i].command);
        free(p->commands[i].value);
    }
    free(p->commands);
}

void fg_preset_free(FgPreset **preset)
{
    FgPreset *const p = preset ? *preset : NULL;

    if (!p)
        return;
    free_shots(p);
    pairs_free(p->tags, p->nb_tags);
    pairs_free(p->layers, p->nb_layers);
    pairs_free(p->mux_opts, p->nb_mux_opts);
    free(p->container);
    pairs_free(p->codec_opts, p->nb_codec_opts);
    free(p->pix_fmt);
    free(p->codec);
    free(p->graph);
    free(p->deint);
    free(p->chain);
    free(p->rate);
    pairs_free(p->params, p->nb_params);
    free(p->help);
    free(p->path);
    free(p->name);
    free(p);
    *preset = NULL;
}
