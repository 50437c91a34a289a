/* ffgan: the metadata ffgan.latent, in and out.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "latent.h"

static const char *const kinds[] = {"none", "dcgan", "texture", "plate"};

static int bad(FgError *err, const char *key, const char *allowed)
{
    return fg_error(err, -EINVAL, "ffgan.latent: '%s' must be %s", key,
                    allowed);
}

int fg_latent_channels(const FgLatent *l)
{
    return l->kind == FG_LATENT_TEXTURE ? l->local + l->global + l->periodic
                                        : l->channels;
}

/* ---- the rules ---- */

static int check_plate(const FgLatent *l, FgError *err)
{
    if (l->nb_sizes < 1 || l->nb_sizes > FG_MAX_STAGES)
        return bad(err, "sizes", "a list of 1 to 16 sizes");
    for (int i = 0; i < l->nb_sizes; i++) {
        for (int k = 0; k < 2; k++)
            if (l->size[i][k] < 2 || l->size[i][k] > 16384 ||
                (i && l->size[i][k] < l->size[i - 1][k]))
                return bad(err, "sizes", "[w, h] of 2..16384 that never fall");
        if (!(l->noise[i] >= 0 && l->noise[i] <= 100))
            return bad(err, "noise", "numbers of 0..100");
    }
    return 0;
}

int fg_latent_check(const FgLatent *l, FgError *err)
{
    const int n = fg_latent_channels(l);
    if (l->kind != FG_LATENT_DCGAN && l->kind != FG_LATENT_TEXTURE &&
        l->kind != FG_LATENT_PLATE)
        return bad(err, "kind", "dcgan, texture or plate");
    if (l->local < 0 || l->global < 0 || l->periodic < 0 || l->local > 4096 ||
        l->global > 4096 || l->periodic > 1024 || n < 1 || n > 4096)
        return bad(err, l->kind == FG_LATENT_TEXTURE ? "local" : "channels",
                   "such that there are 1..4096 channels in all");
    if (l->periodic && !l->global)
        return bad(err, "global", "at least 1 where there are periodic ones");
    if (l->kind == FG_LATENT_PLATE)
        return check_plate(l, err);
    if (l->base_w < 1 || l->base_w > 64 || l->base_h < 1 || l->base_h > 64)
        return bad(err, "base", "[w, h] of 1..64");
    return 0;
}

/* ---- in ---- */

typedef struct Key {
    const char *name;
    int kind; /* that has it */
} Key;
static const Key keys[] = {
    {"channels", FG_LATENT_DCGAN},   {"base", FG_LATENT_DCGAN},
    {"local", FG_LATENT_TEXTURE},    {"global", FG_LATENT_TEXTURE},
    {"periodic", FG_LATENT_TEXTURE}, {"base", FG_LATENT_TEXTURE},
    {"channels", FG_LATENT_PLATE},   {"sizes", FG_LATENT_PLATE},
    {"noise", FG_LATENT_PLATE},
};
#define NB_KEYS (sizeof(keys) / sizeof(*keys))

static int check_keys(const json_t *o, int kind, FgError *err)
{
    const char *name;
    const json_t *v;
    for (size_t i = 0; i < NB_KEYS; i++)
        if (keys[i].kind == kind && !json_object_get(o, keys[i].name))
            return bad(err, keys[i].name, "given");
    json_object_foreach((json_t *)o, name, v)
    {
        int known = !strcmp(name, "kind");
        for (size_t i = 0; i < NB_KEYS; i++)
            known |= keys[i].kind == kind && !strcmp(name, keys[i].name);
        if (!known)
            return fg_error(err, -EINVAL,
                            "ffgan.latent: unknown key '%.64s' for '%s'", name,
                            kinds[kind]);
    }
    return 0;
}

/* -1 for what is no whole number of a sane size. */
static int whole(const json_t *v)
{
    const json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
    return n >= 0 && n <= 1 << 20 ? (int)n : -1;
}

static void read_pair(const json_t *v, int *w, int *h)
{
    const int is = json_is_array(v) && json_array_size(v) == 2;
    *w = is ? whole(json_array_get(v, 0)) : -1;
    *h = is ? whole(json_array_get(v, 1)) : -1;
}

static int read_plate(FgLatent *l, const json_t *o, FgError *err)
{
    const json_t *s = json_object_get(o, "sizes");
    const json_t *n = json_object_get(o, "noise");
    const size_t nb = json_array_size(s);
    if (nb < 1 || nb > FG_MAX_STAGES)
        return bad(err, "sizes", "a list of 1 to 16 sizes");
    if (json_array_size(n) != nb)
        return bad(err, "noise", "a list as long as sizes");
    l->nb_sizes = (int)nb;
    for (size_t i = 0; i < nb; i++) {
        const json_t *v = json_array_get(n, i);
        read_pair(json_array_get(s, i), &l->size[i][0], &l->size[i][1]);
        l->noise[i] = json_is_number(v) ? (float)json_number_value(v) : -1;
    }
    return 0;
}

static int read_latent(FgLatent *l, const json_t *o, FgError *err)
{
    const char *kind = json_string_value(json_object_get(o, "kind"));
    for (int k = FG_LATENT_DCGAN; kind && k <= FG_LATENT_PLATE; k++)
        if (!strcmp(kind, kinds[k]))
            l->kind = (FgLatentKind)k;
    if (!l->kind)
        return bad(err, "kind", "dcgan, texture or plate");
    int rc = check_keys(o, l->kind, err);
    if (rc < 0)
        return rc;
    if (l->kind == FG_LATENT_TEXTURE) {
        l->local = whole(json_object_get(o, "local"));
        l->global = whole(json_object_get(o, "global"));
        l->periodic = whole(json_object_get(o, "periodic"));
    } else {
        l->channels = whole(json_object_get(o, "channels"));
    }
    if (l->kind == FG_LATENT_PLATE)
        rc = read_plate(l, o, err);
    else
        read_pair(json_object_get(o, "base"), &l->base_w, &l->base_h);
    return rc < 0 ? rc : fg_latent_check(l, err);
}

int fg_latent_parse(FgLatent *l, const char *text, FgError *err)
{
    json_error_t at;
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &at);
    memset(l, 0, sizeof(*l));
    if (!o)
        return fg_error(err, -EINVAL, "ffgan.latent is not JSON: %.100s",
                        at.text);
    const int rc = json_is_object(o) ? read_latent(l, o, err)
                                     : bad(err, "kind", "in an object");
    json_decref(o);
    if (rc < 0)
        memset(l, 0, sizeof(*l));
    return rc;
}

/* ---- out ---- */

static json_t *plate_json(const FgLatent *l)
{
    json_t *sizes = json_array(), *noise = json_array();
    for (int i = 0; i < l->nb_sizes; i++) {
        json_array_append_new(sizes,
                              json_pack("[i,i]", l->size[i][0], l->size[i][1]));
        json_array_append_new(noise, json_real((double)l->noise[i]));
    }
    return json_pack("{s:s,s:i,s:o,s:o}", "kind", kinds[l->kind], "channels",
                     l->channels, "sizes", sizes, "noise", noise);
}

char *fg_latent_to_json(const FgLatent *l)
{
    json_t *o;
    if (l->kind == FG_LATENT_PLATE)
        o = plate_json(l);
    else if (l->kind == FG_LATENT_TEXTURE)
        o = json_pack("{s:s,s:i,s:i,s:i,s:[i,i]}", "kind", kinds[l->kind],
                      "local", l->local, "global", l->global, "periodic",
                      l->periodic, "base", l->base_w, l->base_h);
    else
        o = json_pack("{s:s,s:i,s:[i,i]}", "kind", kinds[l->kind], "channels",
                      l->channels, "base", l->base_w, l->base_h);
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS |
                                       JSON_REAL_PRECISION(9))
                   : NULL;
    json_decref(o);
    return text;
}
