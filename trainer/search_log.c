/* The log of a search: one JSON object a line, synced, read again on resume.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/atomic.h"
#include "trainer/search.h"

static const char *const status_name[] = {"ok", "stopped", "failed"};

/* ---- out ---- */

static json_t *real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static int put(FgSearch *s, json_t *o, FgError *err)
{
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    int ret = text ? 0 : -ENOMEM;

    if (!ret && (fprintf(s->log, "%s\n", text) < 0 || fflush(s->log) ||
                 fsync(fileno(s->log))))
        ret = fg_error(err, -errno, "%s/search.jsonl: cannot be written: %s",
                       s->out, strerror(errno));
    if (!ret && s->json) {
        puts(text);
        fflush(stdout);
    }
    free(text);
    json_decref(o);
    return ret;
}

static json_t *texts_json(const FgTexts *t)
{
    json_t *o = json_object();

    for (int i = 0; i < t->nb; i++) {
        const char *eq = strchr(t->v[i], '=');
        char key[128];

        snprintf(key, sizeof(key), "%.*s", (int)(eq - t->v[i]), t->v[i]);
        json_object_set_new(o, key, json_string(eq + 1));
    }
    return o;
}

static json_t *numbers(const double *v, int n)
{
    json_t *a = json_array();

    for (int i = 0; i < n; i++)
        json_array_append_new(a, real(v[i]));
    return a;
}

int fg_search_log_trial(FgSearch *s, int arm, int k, const FgTried *t,
                        FgError *err)
{
    json_t *o = json_pack("{s:s, s:s, s:i, s:s}", "event", "trial", "arm",
                          arm < 0 ? "baseline" : s->r->arm[arm]->name, "k", k,
                          "status", status_name[t->trial.status]);

    if (!o)
        return -ENOMEM;
    json_object_set_new(o, "set", texts_json(&t->set));
    json_object_set_new(o, "x", numbers(t->x.v, arm < 0 ? 0 : s->r->space.nb));
    json_object_set_new(o, "fitness", real(t->fitness));
    json_object_set_new(o, "figure", real(t->trial.figure));
    json_object_set_new(o, "curve",
                        numbers(t->trial.curve.v, t->trial.curve.nb));
    json_object_set_new(o, "ms", real(t->trial.ms));
    json_object_set_new(o, "params", real(t->trial.params));
    json_object_set_new(o, "cpu_s", real(t->trial.cpu_s));
    if (t->trial.why[0])
        json_object_set_new(o, "why", json_string(t->trial.why));
    return put(s, o, err);
}

int fg_search_log_final(FgSearch *s, const FgFinal *f, int seed, double figure,
                        double test, FgError *err)
{
    json_t *o = json_pack("{s:s, s:s, s:i, s:i}", "event", "final", "arm",
                          f->arm < 0 ? "baseline" : s->r->arm[f->arm]->name,
                          "k", f->k, "seed", seed);

    if (!o)
        return -ENOMEM;
    json_object_set_new(o, "figure", real(figure));
    json_object_set_new(o, "test", real(test));
    return put(s, o, err);
}

/* ---- in ---- */

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *word(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static int arm_of(const FgSearch *s, const char *name)
{
    for (int i = 0; i < s->r->nb_arms; i++)
        if (!strcmp(s->r->arm[i]->name, name))
            return i;
    return -1;
}

static int take_texts(FgTexts *t, const json_t *o)
{
    const char *key;
    json_t *v;

    t->v = calloc(json_object_size(o) + 1, sizeof(*t->v));
    if (!t->v)
        return -ENOMEM;
    json_object_foreach((json_t *)o, key, v)
    {
        if (asprintf(&t->v[t->nb], "%s=%s", key, json_string_value(v)) < 0)
            return -ENOMEM;
        t->nb++;
    }
    return 0;
}

static int take_trial(const FgSearch *s, const json_t *o, FgTried *t)
{
    const json_t *x = json_object_get(o, "x"), *c = json_object_get(o, "curve");

    for (int i = 0; i < 3; i++)
        if (!strcmp(word(o, "status"), status_name[i]))
            t->trial.status = (FgTrialStatus)i;
    for (size_t i = 0; i < json_array_size(c) && i < FG_MAX_REPORTS; i++)
        t->trial.curve.v[t->trial.curve.nb++] = json_number_value(
            json_array_get(c, i));
    for (int i = 0; i < s->r->space.nb; i++)
        t->x.v[i] = json_number_value(json_array_get(x, (size_t)i));
    t->trial.figure = number(o, "figure");
    t->trial.ms = number(o, "ms");
    t->trial.params = number(o, "params");
    t->trial.cpu_s = number(o, "cpu_s");
    t->trial.test = NAN;
    snprintf(t->trial.why, sizeof(t->trial.why), "%s", word(o, "why"));
    t->fitness = fg_search_fitness(s, &t->trial);
    return take_texts(&t->set, json_object_get(o, "set"));
}

static int read_trial(FgSearch *s, const json_t *o)
{
    const int arm = arm_of(s, word(o, "arm"));

    if (!strcmp(word(o, "arm"), "baseline")) {
        s->has_baseline = 1;
        s->world.reference_ms = number(o, "ms");
        return take_trial(s, o, &s->baseline);
    }
    if (arm >= 0 && s->nb[arm] == s->r->evaluations)
        return 0;
    if (arm < 0 || (int)number(o, "k") != s->nb[arm])
        return -EBADMSG;
    return take_trial(s, o, &s->tried[arm][s->nb[arm]++]);
}

static int read_final(FgSearch *s, const json_t *o)
{
    const int arm = arm_of(s, word(o, "arm")), k = (int)number(o, "k");
    FgFinal *f = NULL;

    for (int i = 0; i < s->nb_finals; i++)
        if (s->final[i].arm == arm && s->final[i].k == k)
            f = &s->final[i];
    if ((!f && s->nb_finals == fg_search_most_finals(s->r)) ||
        (f && f->nb == s->r->seeds))
        return 0;
    if (!f) {
        f = &s->final[s->nb_finals++];
        *f = (FgFinal){.arm = arm, .k = k};
    }
    if ((int)number(o, "seed") != f->nb + 1)
        return -EBADMSG;
    f->figure[f->nb] = number(o, "figure");
    f->test[f->nb++] = number(o, "test");
    return 0;
}

static const char *head_fields[] = {"search", "recipe", "train", "val", NULL};

/* What the header says, and what it has to say now. */
static json_t *head(const FgSearch *s)
{
    const FgTrain *t = &s->world.shared;

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "event", "search",
                     "name", s->r->name, "search", s->r->core, "recipe",
                     t->recipe->text, "train", t->train.sha256, "val",
                     t->val.sha256);
}

static int same_head(const FgSearch *s, const json_t *was, FgError *err)
{
    json_t *now = head(s);
    int ret = now ? 0 : -ENOMEM;

    for (int i = 0; head_fields[i] && !ret; i++) {
        const char *a = word(was, head_fields[i]),
                   *b = word(now, head_fields[i]);
        char what[256] = "";

        if (!strcmp(a, b))
            continue;
        if (i < 2)
            fg_recipe_changes(a, b, what, sizeof(what));
        ret = fg_error(err, -EEXIST,
                       "%s/search.jsonl is of another search: the %s changed%s"
                       "%s; --fresh starts anew",
                       s->out,
                       i == 0   ? "search recipe"
                       : i == 1 ? "recipe"
                                : "pictures",
                       what[0] ? ": " : "", what);
    }
    json_decref(now);
    return ret;
}

static int read_line(FgSearch *s, const json_t *o, int first, FgError *err)
{
    const char *event = word(o, "event");

    if (first)
        return strcmp(event, "search") ? -EBADMSG : same_head(s, o, err);
    if (!strcmp(event, "trial"))
        return read_trial(s, o);
    if (!strcmp(event, "final"))
        return read_final(s, o);
    return 0;
}

/* *good = bytes of whole lines. */
static int read_all(FgSearch *s, const char *path, size_t *good, FgError *err)
{
    char *text = NULL;
    size_t size = 0;
    int ret = fg_read_file(path, &text, &size, err), line = 0;

    for (*good = 0; !ret; line++) {
        const char *at = text + *good;
        const char *end = memchr(at, '\n', size - *good);
        json_t *o;

        if (!end)
            break;
        o = json_loadb(at, (size_t)(end - at), 0, NULL);
        ret = o ? read_line(s, o, !line, err) : -EBADMSG;
        json_decref(o);
        if (ret == -EBADMSG)
            fg_error(err, ret, "%s: line %d is damaged; --fresh starts anew",
                     path, line + 1);
        *good = (size_t)(end + 1 - text);
    }
    free(text);
    return ret;
}

int fg_search_log_open(FgSearch *s, FgError *err)
{
    char path[4096];
    size_t good = 0;
    int ret = 0;

    snprintf(path, sizeof(path), "%s/search.jsonl", s->out);
    if (!access(path, F_OK))
        ret = read_all(s, path, &good, err);
    if (!ret && !access(path, F_OK) && truncate(path, (off_t)good))
        ret = -errno;
    if (!ret && !(s->log = fopen(path, "ae")))
        ret = fg_error(err, -errno, "%s: cannot be written: %s", path,
                       strerror(errno));
    return ret || good ? ret : put(s, head(s), err);
}
