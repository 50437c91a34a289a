/* Checkpoints: everything that a run needs to go on, in one safetensors file.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/atomic.h"
#include "trainer/gpu.h"
#include "trainer/train.h"

static const char *const set_name[FG_NB_SETS] = {"param", "ema", "m", "v",
                                                 "best"};

static const char *const extra_key[FG_MAX_EXTRA] = {
    "extra0_sha256", "extra1_sha256", "extra2_sha256"};

typedef int (*TensorFn)(void *arg, const char *name, FgParam *p);

static int each_tensor(const FgTrain *t, TensorFn fn, void *arg)
{
    for (int n = 0; n < t->nb_nets; n++)
        for (int s = 0; s < FG_NB_SETS; s++) {
            fg_params_host(&t->net[n].set[s], 1);
            for (int i = 0; i < t->net[n].set[s].nb; i++) {
                FgParam *p = &t->net[n].set[s].p[i];
                char name[2 * FG_NAME_LEN];
                int ret;

                snprintf(name, sizeof(name), "%s.%s.%s", t->net[n].name,
                         set_name[s], p->name);
                ret = fn(arg, name, p);
                if (ret)
                    return ret;
            }
        }
    for (int i = 0; i < t->state.nb; i++) {
        char name[2 * FG_NAME_LEN];
        int ret;

        snprintf(name, sizeof(name), "state.%s", t->state.p[i].name);
        ret = fn(arg, name, &t->state.p[i]);
        if (ret)
            return ret;
    }
    return 0;
}

/* ---- the run's numbers, exactly: hexadecimal floating point ---- */

static int put_text(json_t *o, const char *key, const char *text)
{
    return json_object_set_new(o, key, json_string(text)) ? -ENOMEM : 0;
}

static int put_number(json_t *o, const char *key, double v)
{
    char text[64];

    snprintf(text, sizeof(text), "%a", v);
    return put_text(o, key, text);
}

static const char *get_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static double get_number(const json_t *o, const char *key)
{
    return strtod(get_text(o, key), NULL);
}

static json_t *state_json(const FgTrain *t, const char *sha)
{
    json_t *o = json_object();
    int bad = !o;

    bad = bad || put_text(o, "ffgan.checkpoint", "1");
    bad = bad || put_text(o, "recipe", t->recipe->text);
    bad = bad || put_text(o, "train_sha256", t->train.sha256);
    bad = bad || put_text(o, "val_sha256", t->val.sha256);
    bad = bad || put_text(o, "parent_sha256", t->parent);
    bad = bad || put_text(o, "data_sha256", sha);
    bad = bad || put_number(o, "step", (double)t->step);
    bad = bad || put_number(o, "best", t->best);
    bad = bad || put_number(o, "best_ssim", t->best_ssim);
    bad = bad || put_number(o, "best_step", (double)t->best_step);
    bad = bad || put_number(o, "last_val", t->last_val);
    bad = bad || put_number(o, "lr_scale", t->lr_scale);
    bad = bad || put_number(o, "elapsed_s", t->elapsed_s);
    bad = bad || put_number(o, "skipped", (double)t->skipped);
    bad = bad || put_number(o, "stale", (double)t->stale);
    for (int i = 0; i < FG_MAX_EXTRA && !bad; i++)
        bad = t->extra[i].nb && put_text(o, extra_key[i], t->extra[i].sha256);
    for (int i = 0; i < t->nb_nets && !bad; i++) {
        char key[64];

        snprintf(key, sizeof(key), "%s.t", t->net[i].name);
        bad = put_number(o, key, (double)t->net[i].t);
    }
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static void take_state(FgTrain *t, const json_t *o)
{
    t->step = (int64_t)get_number(o, "step");
    t->best = get_number(o, "best");
    t->best_ssim = get_number(o, "best_ssim");
    t->best_step = (int64_t)get_number(o, "best_step");
    t->last_val = get_number(o, "last_val");
    t->lr_scale = get_number(o, "lr_scale");
    t->elapsed_s = get_number(o, "elapsed_s");
    t->skipped = (int64_t)get_number(o, "skipped");
    t->stale = (int64_t)get_number(o, "stale");
    for (int i = 0; i < t->nb_nets; i++) {
        char key[64];

        snprintf(key, sizeof(key), "%s.t", t->net[i].name);
        t->net[i].t = (int64_t)get_number(o, key);
    }
}

/* ---- writing ---- */

typedef struct Gather {
    json_t *header;
    char *data;
    size_t at;
} Gather;

static int measure(void *arg, const char *name, FgParam *p)
{
    Gather *g = arg;

    (void)name;
    g->at += fg_param_count(p) * sizeof(*p->data);
    return 0;
}

static int gather(void *arg, const char *name, FgParam *p)
{
    Gather *g = arg;
    const size_t size = fg_param_count(p) * sizeof(*p->data);
    json_t *dims = json_array();
    json_t *o;

    for (int i = 0; i < p->nb_dims; i++)
        json_array_append_new(dims, json_integer(p->dims[i]));
    o = json_pack("{s:s, s:o, s:[I,I]}", "dtype", "F32", "shape", dims,
                  "data_offsets", (json_int_t)g->at,
                  (json_int_t)(g->at + size));
    if (!o || json_object_set_new(g->header, name, o))
        return -ENOMEM;
    memcpy(g->data + g->at, p->data, size);
    g->at += size;
    return 0;
}

static int write_parts(const char *path, json_t *header, const char *data,
                       size_t size, FgError *err)
{
    char *text = json_dumps(header, JSON_COMPACT | JSON_SORT_KEYS);
    const size_t len = text ? strlen(text) : 0, pad = (8 - len % 8) % 8;
    const uint64_t total = len + pad;
    uint8_t le[8];
    FgPart part[4] = {{le, 8}, {text, len}, {"       ", pad}, {data, size}};
    int ret = -ENOMEM;

    for (int i = 0; i < 8; i++)
        le[i] = (uint8_t)(total >> (8 * i));
    if (text)
        ret = fg_write_atomic(path, part, 4, err);
    free(text);
    return ret;
}

int fg_checkpoint_write(const FgTrain *t, const char *path, FgError *err)
{
    Gather g = {0};
    json_t *meta = NULL;
    char sha[65];
    size_t size;
    int ret = -ENOMEM;

    each_tensor(t, measure, &g);
    size = g.at;
    g.at = 0;
    g.data = malloc(size ? size : 1);
    g.header = json_object();
    if (g.data && g.header)
        ret = each_tensor(t, gather, &g);
    if (!ret) {
        fg_sha256_hex(g.data, size, sha);
        meta = state_json(t, sha);
        if (!meta || json_object_set_new(g.header, "__metadata__", meta))
            ret = -ENOMEM;
    }
    if (ret)
        fg_error(err, ret, "%s: not enough memory", path);
    else
        ret = write_parts(path, g.header, g.data, size, err);
    json_decref(g.header);
    free(g.data);
    return ret;
}

/* ---- reading ---- */

typedef struct Scatter {
    json_t *header;
    const char *data;
    size_t size;
    int copy; /* 0: only check */
} Scatter;

static int scatter(void *arg, const char *name, FgParam *p)
{
    const Scatter *s = arg;
    const json_t *o = json_object_get(s->header, name);
    const json_t *at = json_object_get(o, "data_offsets");
    const json_int_t from = json_integer_value(json_array_get(at, 0));
    const json_int_t to = json_integer_value(json_array_get(at, 1));
    const size_t size = fg_param_count(p) * sizeof(*p->data);

    if (!o || from < 0 || to < from || (size_t)to > s->size ||
        (size_t)(to - from) != size)
        return -EBADMSG;
    if (s->copy)
        memcpy(p->data, s->data + from, size);
    return 0;
}

static int same_run(const FgTrain *t, const json_t *meta, const char *path,
                    FgError *err)
{
    char what[512];

    if (fg_recipe_changes(get_text(meta, "recipe"), t->recipe->text, what,
                          sizeof(what)))
        return fg_error(err, -EEXIST,
                        "%s: made from another recipe (changed: %s); --fresh "
                        "starts anew",
                        path, what);
    if (strcmp(get_text(meta, "train_sha256"), t->train.sha256))
        return fg_error(err, -EEXIST,
                        "%s: the training pictures have changed; --fresh "
                        "starts anew",
                        path);
    if (strcmp(get_text(meta, "val_sha256"), t->val.sha256))
        return fg_error(err, -EEXIST,
                        "%s: the validation pictures have changed; --fresh "
                        "starts anew",
                        path);
    for (int i = 0; i < FG_MAX_EXTRA; i++)
        if (strcmp(get_text(meta, extra_key[i]), t->extra[i].sha256))
            return fg_error(err, -EEXIST,
                            "%s: the task's other pictures have changed; "
                            "--fresh starts anew",
                            path);
    if (strcmp(get_text(meta, "parent_sha256"), t->parent))
        return fg_error(err, -EEXIST,
                        "%s: the 'init' weights have changed; --fresh starts "
                        "anew",
                        path);
    return 0;
}

static int parse(FgTrain *t, const char *bytes, size_t size, const char *path,
                 FgError *err)
{
    uint64_t len = 0;
    Scatter s = {0};
    const json_t *meta;
    char sha[65] = "";
    int ret = -EBADMSG;

    for (int i = 0; i < 8 && size >= 8; i++)
        len |= (uint64_t)(uint8_t)bytes[i] << (8 * i);
    if (size >= 8 && len <= size - 8) {
        s.header = json_loadb(bytes + 8, len, JSON_REJECT_DUPLICATES, NULL);
        s.data = bytes + 8 + len;
        s.size = size - 8 - len;
    }
    meta = json_object_get(s.header, "__metadata__");
    if (meta)
        fg_sha256_hex(s.data, s.size, sha);
    if (!meta || strcmp(sha, get_text(meta, "data_sha256"))) {
        fg_error(err, ret, "%s: damaged checkpoint; --fresh starts anew", path);
        json_decref(s.header);
        return ret;
    }
    ret = same_run(t, meta, path, err);
    if (!ret) {
        ret = each_tensor(t, scatter, &s);
        if (ret)
            fg_error(err, ret,
                     "%s: made for another network; --fresh starts anew", path);
    }
    if (!ret) {
        s.copy = 1;
        each_tensor(t, scatter, &s);
        take_state(t, meta);
    }
    json_decref(s.header);
    return ret;
}

int fg_checkpoint_read(FgTrain *t, const char *path, FgError *err)
{
    char *bytes;
    size_t size;
    int ret = fg_read_file(path, &bytes, &size, err);

    if (ret)
        return ret;
    ret = parse(t, bytes, size, path, err);
    free(bytes);
    return ret;
}
