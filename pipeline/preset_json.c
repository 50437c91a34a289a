/* ffgan: a preset that is ready for a job, as JSON.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/path_json.h"
#include "pipeline/preset_json.h"

#define TEXT(x)                                                                \
    {                                                                          \
#x, offsetof(FgPreset, x)                                              \
    }
static const struct {
    const char *name;
    size_t at;
} texts[] = {TEXT(name),    TEXT(path),     TEXT(help),  TEXT(rate),
             TEXT(chain),   TEXT(deint),    TEXT(graph), TEXT(codec),
             TEXT(pix_fmt), TEXT(container)};
#define PAIRS(x)                                                               \
    {                                                                          \
#x, offsetof(FgPreset, x), offsetof(FgPreset, nb_##x)                  \
    }
static const struct {
    const char *name;
    size_t at, nb;
} pairs[] = {PAIRS(params), PAIRS(codec_opts), PAIRS(mux_opts), PAIRS(tags),
             PAIRS(layers)};
enum {
    NB_TEXTS = sizeof(texts) / sizeof(texts[0]),
    NB_PAIRS = sizeof(pairs) / sizeof(pairs[0]),
    MAX_ITEMS = 100000
};

static char **text_at(const FgPreset *p, size_t i)
{
    return (char **)(void *)((char *)p + texts[i].at);
}

static FgPair **pairs_at(const FgPreset *p, size_t i)
{
    return (FgPair **)(void *)((char *)p + pairs[i].at);
}

static int *nb_at(const FgPreset *p, size_t i)
{
    return (int *)(void *)((char *)p + pairs[i].nb);
}

static json_t *text_or_null(const char *s)
{
    return s ? fg_path_to_json(s) : json_null();
}

static json_t *pairs_to_json(const FgPair *pair, int nb)
{
    json_t *const a = json_array();
    for (int i = 0; a && i < nb; i++)
        json_array_append_new(a, json_pack("[o,o]", text_or_null(pair[i].key),
                                           text_or_null(pair[i].value)));
    return a;
}

static json_t *commands_to_json(const FgPreset *p)
{
    json_t *const a = json_array();
    for (int i = 0; a && i < p->nb_commands; i++)
        json_array_append_new(a, json_pack("[o,o,o]",
                                           text_or_null(p->commands[i].target),
                                           text_or_null(p->commands[i].command),
                                           text_or_null(p->commands[i].value)));
    return a;
}

/* JSON has no infinities: null stands for an open end. */
static json_t *limit(double v)
{
    return isinf(v) ? json_null() : json_real(v);
}

static json_t *shots_to_json(const FgPreset *p)
{
    json_t *const a = json_array();
    for (int i = 0; a && i < p->nb_shots; i++) {
        const FgShot *const s = &p->shots[i];
        json_t *const values = json_array();
        for (int k = 0; values && k < p->nb_commands; k++)
            json_array_append_new(values, text_or_null(s->values[k]));
        json_array_append_new(
            a, json_pack("[o,o,I,I,o]", limit(s->from_s), limit(s->to_s),
                         (json_int_t)s->from_n, (json_int_t)s->to_n, values));
    }
    return a;
}

json_t *fg_preset_to_json(const FgPreset *p)
{
    json_t *const j = json_pack(
        "{s:i,s:i,s:b,s:b,s:i,s:I,s:o,s:o}", "deinterlace", (int)p->deinterlace,
        "alpha", (int)p->alpha, "square", p->square, "provenance",
        p->provenance, "copy", (int)p->copy, "start_number",
        (json_int_t)p->start_number, "commands", commands_to_json(p), "shots",
        shots_to_json(p));
    for (size_t i = 0; j && i < NB_TEXTS; i++)
        json_object_set_new(j, texts[i].name, text_or_null(*text_at(p, i)));
    for (size_t i = 0; j && i < NB_PAIRS; i++)
        json_object_set_new(j, pairs[i].name,
                            pairs_to_json(*pairs_at(p, i), *nb_at(p, i)));
    return j;
}

/* ---- reading ---- */

static int read_pairs(const json_t *a, FgPair **out, int *nb)
{
    const size_t n = json_array_size(a);
    if (!json_is_array(a) || n > MAX_ITEMS)
        return -EINVAL;
    *out = calloc(n + 1, sizeof(**out));
    if (!*out)
        return -ENOMEM;
    for (*nb = 0; *nb < (int)n; ++*nb) {
        const json_t *const row = json_array_get(a, (size_t)*nb);
        FgPair *const p = &(*out)[*nb];
        const int ret = fg_path_from_json(json_array_get(row, 0), &p->key);
        if (ret || fg_path_from_json(json_array_get(row, 1), &p->value)) {
            free(p->key);
            p->key = NULL;
            return ret ? ret : -EINVAL;
        }
    }
    return 0;
}

static int read_commands(FgPreset *p, const json_t *a)
{
    const size_t n = json_array_size(a);
    if (!json_is_array(a) || n > MAX_ITEMS)
        return -EINVAL;
    p->commands = calloc(n + 1, sizeof(*p->commands));
    if (!p->commands)
        return -ENOMEM;
    p->nb_commands = (int)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *const row = json_array_get(a, i);
        FgCommand *const c = &p->commands[i];
        if (fg_path_from_json(json_array_get(row, 0), &c->target) ||
            fg_path_from_json(json_array_get(row, 1), &c->command) ||
            fg_path_from_json(json_array_get(row, 2), &c->value))
            return -EINVAL;
    }
    return 0;
}

static int read_values(FgShot *s, const json_t *a, int nb)
{
    s->values = calloc((size_t)nb + 1, sizeof(*s->values));
    if (!s->values)
        return -ENOMEM;
    if (json_array_size(a) != (size_t)nb)
        return -EINVAL;
    for (int k = 0; k < nb; k++) {
        const json_t *const v = json_array_get(a, (size_t)k);
        if (!json_is_null(v) && fg_path_from_json(v, &s->values[k]))
            return -EINVAL;
    }
    return 0;
}

static int read_shot(FgShot *s, const json_t *row, int nb_commands)
{
    const json_t *const from = json_array_get(row, 0);
    const json_t *const to = json_array_get(row, 1);
    const json_t *const a = json_array_get(row, 2);
    const json_t *const b = json_array_get(row, 3);
    if (!json_is_integer(a) || !json_is_integer(b))
        return -EINVAL;
    s->from_s = json_is_null(from) ? -INFINITY : json_number_value(from);
    s->to_s = json_is_null(to) ? INFINITY : json_number_value(to);
    s->from_n = json_integer_value(a);
    s->to_n = json_integer_value(b);
    return read_values(s, json_array_get(row, 4), nb_commands);
}

static int read_shots(FgPreset *p, const json_t *a)
{
    const size_t n = json_array_size(a);
    int ret = 0;
    if (!json_is_array(a) || n > MAX_ITEMS)
        return -EINVAL;
    p->shots = calloc(n + 1, sizeof(*p->shots));
    if (!p->shots)
        return -ENOMEM;
    p->nb_shots = (int)n;
    for (size_t i = 0; i < n && !ret; i++)
        ret = read_shot(&p->shots[i], json_array_get(a, i), p->nb_commands);
    return ret;
}

static int read_all(FgPreset *p, const json_t *j)
{
    int deint, copy, alpha, ret = 0;
    json_int_t start;
    if (json_unpack((json_t *)j, "{s:i,s:i,s:b,s:b,s:i,s:I}", "deinterlace",
                    &deint, "alpha", &alpha, "square", &p->square, "provenance",
                    &p->provenance, "copy", &copy, "start_number",
                    &start) < 0 ||
        deint < 0 || deint > FG_DEINT_YES || alpha < 0 ||
        alpha > FG_ALPHA_PREMULTIPLIED)
        return -EINVAL;
    p->deinterlace = (FgDeinterlace)deint;
    p->alpha = (FgAlpha)alpha;
    p->copy = (unsigned)copy;
    p->start_number = start;
    for (size_t i = 0; i < NB_TEXTS && !ret; i++) {
        const json_t *const v = json_object_get(j, texts[i].name);
        if (!json_is_null(v))
            ret = fg_path_from_json(v, text_at(p, i));
    }
    for (size_t i = 0; i < NB_PAIRS && !ret; i++)
        ret = read_pairs(json_object_get(j, pairs[i].name), pairs_at(p, i),
                         nb_at(p, i));
    if (!ret)
        ret = read_commands(p, json_object_get(j, "commands"));
    if (!ret)
        ret = read_shots(p, json_object_get(j, "shots"));
    return ret ? ret
               : (p->name && p->chain && p->codec && p->pix_fmt ? 0 : -EINVAL);
}

int fg_preset_from_json(FgPreset **out, const json_t *j, FgError *err)
{
    FgPreset *p = calloc(1, sizeof(*p));
    const int ret = p ? read_all(p, j) : -ENOMEM;
    *out = NULL;
    if (ret) {
        fg_preset_free(&p);
        return fg_error(err, ret, "%s",
                        ret == -ENOMEM ? "no memory"
                                       : "its 'preset' is missing or wrong");
    }
    *out = p;
    return 0;
}
