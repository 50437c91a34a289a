/* ffgan: per-shot values of params, as commands to running filters.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A shot is the chain substituted once more with the shot's values; every
 * option that comes out different is a command, and must be an option that
 * its filter lets change during a run. */
#include <errno.h>
#include <libavutil/parseutils.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/preset_priv.h"

enum { MAX_SHOTS = 4096, MAX_COMMANDS = 256 };

static const char *const shots_path[] = {"shots", NULL};

typedef struct Shots {
    FgLoad *l;
    const FgYaml *list; /* of maps, as written */
    const FgYaml *base; /* the chain outside of every shot */
} Shots;

/* ---- one entry ---- */

static int is_fixed_key(const char *key)
{
    for (const FgKey *k = fg_preset_shot; k->name; k++)
        if (!strcmp(k->name, key))
            return 1;
    return 0;
}

/* The table of an entry: the fixed keys, then every param as text. */
static int check_keys(const Shots *s, const FgYaml *entry)
{
    const FgPreset *const p = s->l->preset;
    FgKey *const table = calloc((size_t)p->nb_params + 8, sizeof(*table));
    int nb = 0, ret;

    if (!table)
        return -ENOMEM;
    for (; fg_preset_shot[nb].name; nb++)
        table[nb] = fg_preset_shot[nb];
    for (int i = 0; i < p->nb_params; i++, nb++)
        table[nb] = (FgKey){.name = p->params[i].key, .help = ""};
    ret = fg_keys_check(entry, table, fg_load_file(s->l, shots_path), "shots",
                        s->l->err);
    free(table);
    return ret;
}

static int key_index(const FgYaml *map, const char *key)
{
    for (int i = 0; i < map->nb; i++)
        if (!strcmp(map->keys[i], key))
            return i;
    return -1;
}

static int get_time(const Shots *s, const FgYaml *entry, const char *key,
                    double *seconds)
{
    const int i = key_index(entry, key);
    int64_t us;

    if (i < 0)
        return 0;
    if (av_parse_time(&us, entry->items[i].text, 1) < 0 || us < 0)
        return fg_load_fail(s->l, shots_path, entry, i,
                            "shots: '%s' is %s, allowed seconds or "
                            "HH:MM:SS.mmm",
                            key, entry->items[i].text);
    *seconds = (double)us / 1e6;
    return 0;
}

static int read_limits(const Shots *s, const FgYaml *entry, FgShot *shot)
{
    int ret;

    *shot = (FgShot){.from_s = -INFINITY, .to_s = INFINITY, .to_n = INT64_MAX};
    ret = get_time(s, entry, "from", &shot->from_s);
    if (!ret)
        ret = get_time(s, entry, "to", &shot->to_s);
    if (ret < 0)
        return ret;
    if (fg_yaml_get(entry, "from_frame"))
        shot->from_n = fg_keys_int(entry, fg_preset_shot, "from_frame");
    if (fg_yaml_get(entry, "to_frame"))
        shot->to_n = fg_keys_int(entry, fg_preset_shot, "to_frame");
    if (shot->from_s >= shot->to_s || shot->from_n > shot->to_n)
        return fg_load_fail(s->l, shots_path, entry, -1,
                            "shots: ends before it starts");
    if (isinf(shot->from_s) && isinf(shot->to_s) &&
        !fg_yaml_get(entry, "from_frame") && !fg_yaml_get(entry, "to_frame"))
        return fg_load_fail(s->l, shots_path, entry, -1,
                            "shots: no limits: give from, to, from_frame or "
                            "to_frame");
    return 0;
}

/* A copy of the params with the entry's values in. Values are borrowed. */
static int shot_params(const Shots *s, const FgYaml *entry, FgPair **params)
{
    const FgPreset *const p = s->l->preset;
    const char *const file = fg_load_file(s->l, shots_path);
    FgPair *const out = calloc((size_t)p->nb_params + 1, sizeof(*out));
    char place[512];

    *params = out;
    if (!out)
        return -ENOMEM;
    if (p->nb_params)
        memcpy(out, p->params, sizeof(*out) * (size_t)p->nb_params);
    for (int i = 0; i < entry->nb; i++) {
        if (is_fixed_key(entry->keys[i]))
            continue;
        snprintf(place, sizeof(place), "%.400s:%d:%d: shots", file,
                 entry->key_line[i], entry->key_column[i]);
        if (fg_params_check(s->l, entry->keys[i], entry->items[i].text, place) <
            0)
            return -EINVAL;
        for (int k = 0; k < p->nb_params; k++)
            if (!strcmp(out[k].key, entry->keys[i]))
                out[k].value = entry->items[i].text;
    }
    return 0;
}

/* ---- what it changes ---- */

static int same_values(const FgYaml *a, const FgYaml *b)
{
    if (a->type == FG_YAML_SCALAR)
        return !strcmp(a->text, b->text);
    for (int i = 0; i < a->nb; i++)
        if (!same_values(&a->items[i], &b->items[i]))
            return 0;
    return 1;
}

/* Index of the command for an option, added when it is new. */
static int command_index(FgPreset *p, const char *target, const char *name,
                         const char *value)
{
    FgCommand *c = p->commands;

    for (int i = 0; i < p->nb_commands; i++)
        if (!strcmp(c[i].target, target) && !strcmp(c[i].command, name))
            return i;
    if (!c)
        c = p->commands = calloc(MAX_COMMANDS, sizeof(*c));
    if (!c || p->nb_commands == MAX_COMMANDS)
        return c ? -E2BIG : -ENOMEM;
    c += p->nb_commands;
    *c = (FgCommand){strdup(target), strdup(name), strdup(value)};
    if (!c->target || !c->command || !c->value) {
        free(c->target);
        free(c->command);
        free(c->value);
        return -ENOMEM;
    }
    return p->nb_commands++;
}

static int add_change(const Shots *s, const FgYaml *entry, FgShot *shot,
                      int filter_nb, const FgYaml *base, const char *name,
                      const char *value)
{
    const FgYaml *options;
    const char *const filter = fg_chain_item(s->base, filter_nb, &options);
    char target[128];
    FgError text;
    int i;

    (void)options;
    if (!fg_chain_is_runtime(filter, name))
        return fg_load_fail(s->l, shots_path, entry, -1,
                            "shots: this would change '%s' of %s, which "
                            "cannot change during a run",
                            name, filter);
    if (fg_chain_check_option(filter, name, value, &text) < 0)
        return fg_load_fail(s->l, shots_path, entry, -1, "shots: %s: %s",
                            filter, text.text);
    snprintf(target, sizeof(target), "%.100s@%d", filter, filter_nb + 1);
    i = command_index(s->l->preset, target, name, base->text);
    if (i == -E2BIG)
        return fg_load_fail(s->l, shots_path, entry, -1,
                            "shots: over %d options change", MAX_COMMANDS);
    if (i < 0)
        return i;
    shot->values[i] = strdup(value);
    return shot->values[i] ? 0 : -ENOMEM;
}

static int compare_chain(const Shots *s, const FgYaml *entry, FgShot *shot,
                         const FgYaml *chain)
{
    const FgYaml *base, *now;
    int ret = 0;

    for (int i = 0; i < chain->nb && !ret; i++) {
        const char *const filter = fg_chain_item(s->base, i, &base);
        if (strcmp(filter, fg_chain_item(chain, i, &now)) != 0)
            return fg_load_fail(s->l, shots_path, entry, -1,
                                "shots: this would change the filters of the "
                                "chain");
        for (int k = 0; base && k < base->nb && !ret; k++)
            if (strcmp(base->items[k].text, now->items[k].text) != 0)
                ret = add_change(s, entry, shot, i, &base->items[k],
                                 base->keys[k], now->items[k].text);
    }
    return ret;
}

/* Input and output cannot change while the file is written. */
static int compare_rest(const Shots *s, const FgYaml *entry, const FgYaml *full)
{
    static const char *const sections[] = {"input", "output", NULL};

    for (const char *const *name = sections; *name; name++) {
        const FgYaml *const a = fg_yaml_get(full, *name);
        const FgYaml *const b = fg_yaml_get(&s->l->full, *name);
        if (a && b && !same_values(a, b))
            return fg_load_fail(s->l, shots_path, entry, -1,
                                "shots: this would change the %s, which "
                                "cannot change during a run",
                                *name);
    }
    return 0;
}

static int substitute(const Shots *s, FgYaml *doc, const FgPair *params)
{
    static const char *const sections[] = {"input", "chain", "output", NULL};
    const FgLoad *const l = s->l;
    int ret = fg_yaml_copy(doc, &l->raw);

    for (const char *const *name = sections; *name && !ret; name++) {
        FgYaml *const y = (FgYaml *)fg_yaml_get(doc, *name);
        if (y)
            ret = fg_params_substitute(y, params, l->preset->nb_params,
                                       l->docs[0].file, l->err);
    }
    return ret;
}

static int load_shot(const Shots *s, const FgYaml *entry, FgShot *shot)
{
    FgPair *params = NULL;
    FgYaml doc = {0};
    int ret = check_keys(s, entry);

    if (!ret)
        ret = read_limits(s, entry, shot);
    if (!ret && !(shot->values = calloc(MAX_COMMANDS, sizeof(char *))))
        ret = -ENOMEM;
    if (!ret)
        ret = shot_params(s, entry, &params);
    if (!ret)
        ret = substitute(s, &doc, params);
    if (!ret)
        ret = compare_rest(s, entry, &doc);
    if (!ret)
        ret = compare_chain(s, entry, shot, fg_yaml_get(&doc, "chain"));
    fg_yaml_free(&doc);
    free(params);
    return ret;
}

int fg_load_shots(FgLoad *l)
{
    FgPreset *const p = l->preset;
    const Shots s = {l, fg_yaml_get(&l->full, "shots"),
                     fg_yaml_get(&l->full, "chain")};
    int ret = 0;

    if (!s.list || (s.list->type == FG_YAML_SCALAR && !*s.list->text))
        return 0;
    if (s.list->type != FG_YAML_LIST)
        return fg_load_fail(l, shots_path, s.list, -1,
                            "'shots' must be a list of maps");
    if (s.list->nb > MAX_SHOTS)
        return fg_load_fail(l, shots_path, s.list, -1,
                            "'shots' has %d entries, allowed 0..%d", s.list->nb,
                            MAX_SHOTS);
    p->shots = calloc((size_t)s.list->nb + 1, sizeof(*p->shots));
    if (!p->shots)
        return -ENOMEM;
    for (int i = 0; i < s.list->nb && !ret; i++) {
        p->nb_shots = i + 1;
        ret = load_shot(&s, &s.list->items[i], &p->shots[i]);
    }
    return ret;
}

const char *fg_preset_command_value(const FgPreset *p, int i, double t,
                                    int64_t n)
{
    for (int k = p->nb_shots; k-- > 0;) {
        const FgShot *const s = &p->shots[k];
        if (s->values[i] && t >= s->from_s && t < s->to_s && n >= s->from_n &&
            n <= s->to_n)
            return s->values[i];
    }
    return p->commands[i].value;
}
