/* One candidate of a search: trained for a while and judged.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trainer/gpu.h"
#include "trainer/trial.h"

/* ---- what trials share ---- */

static int add_test(FgTrialWorld *w, const char *test, FgError *err)
{
    const FgRecipe *r = w->shared.recipe;
    char *path;
    int ret;

    if (!test || !test[0])
        return 0;
    path = fg_recipe_path(r, test);
    if (!path)
        return -ENOMEM;
    ret = fg_data_add(&w->test, path, r->net.scale, 0, err);
    if (!ret)
        ret = fg_data_finish(&w->test, 16, w->ex, err);
    free(path);
    return ret;
}

int fg_trial_world(FgTrialWorld *w, char *const *set, int nb, const char *test,
                   FgError *err)
{
    FgTrain *t = &w->shared;
    FgRecipe *r = calloc(1, sizeof(*r));
    int ret;

    if (!r)
        return -ENOMEM;
    t->recipe = r;
    t->ex = w->ex;
    ret = fg_recipe_read(r, w->recipe, (const char *const *)set, nb,
                         w->data_root, err);
    if (ret)
        return ret;
    t->family = r->family;
    if (!r->family->validate)
        return fg_error(err, -EINVAL,
                        "%s: task %s has no validation to search by", w->recipe,
                        r->task);
    ret = r->family->load ? r->family->load(t, err) : fg_train_load(t, err);
    if (!ret && !t->val.nb)
        ret = fg_error(err, -EINVAL, "%s: a search needs the key 'val'",
                       w->recipe);
    return ret ? ret : add_test(w, test, err);
}

void fg_trial_world_free(FgTrialWorld *w)
{
    fg_data_free(&w->shared.train);
    fg_data_free(&w->shared.val);
    for (int i = 0; i < FG_MAX_EXTRA; i++)
        fg_data_free(&w->shared.extra[i]);
    fg_params_free(&w->shared.state);
    fg_data_free(&w->test);
    fg_recipe_free(w->shared.recipe);
    free(w->shared.recipe);
    fg_model_free(&w->reference);
}

int fg_trial_may_vary(const FgTrialWorld *w, const char *key)
{
    static const char *const fixed[] = {
        "recipe", "task",       "name",  "train", "val",     "init",
        "scale",  "val_images", "patch", "notes", "licence", NULL};

    for (int i = 0; fixed[i]; i++)
        if (!strcmp(fixed[i], key))
            return 0;
    return fg_recipe_has(w->shared.recipe, key);
}

/* ---- one of them ---- */

static double cpu_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static int failed(FgTrial *out, const char *why)
{
    out->status = FG_TRIAL_FAILED;
    snprintf(out->why, sizeof(out->why), "%s", why);
    return 0;
}

static int report(FgTrain *t, FgTrial *out, FgError *err)
{
    double figure, second;
    int ret = t->family->validate(t, &figure, &second, err);

    if (ret == -EDOM)
        return failed(out, "the network's output is not finite");
    if (ret)
        return ret;
    out->curve.v[out->curve.nb++] = figure;
    if (!(figure <= out->figure))
        out->figure = figure;
    return 0;
}

static int one_step(FgTrain *t, FgTrial *out, int *bad, FgError *err)
{
    FgStepInfo info = {.mse = NAN};
    const int ret = t->family->step(t, fg_loop_rate(t), fg_loop_part(t), &info);

    if (ret)
        return fg_error(err, ret, "step %lld failed: %s", (long long)t->step,
                        strerror(-ret));
    t->step++;
    *bad = info.bad ? *bad + 1 : 0;
    if (*bad >= t->recipe->skip_limit)
        return failed(out, "it diverged: no finite steps");
    return fg_loop_signal ? -EINTR : 0;
}

static int train(const FgTrialWorld *w, FgTrain *t, const FgCurve *done,
                 int nb_done, FgTrial *out, FgError *err)
{
    const int64_t steps = t->recipe->steps;
    int ret = 0, bad = 0;

    while (!ret && out->status == FG_TRIAL_OK && t->step < steps) {
        const int64_t before = t->step * w->reports / steps;

        ret = one_step(t, out, &bad, err);
        if (ret || out->status != FG_TRIAL_OK ||
            t->step * w->reports / steps == before)
            continue;
        ret = report(t, out, err);
        if (!ret && done && out->status == FG_TRIAL_OK && t->step < steps &&
            fg_median_stops(done, nb_done, &out->curve))
            out->status = FG_TRIAL_STOPPED;
    }
    return ret;
}

/* The figure on pictures that no search has seen. */
static int test(const FgTrialWorld *w, FgTrain *t, FgTrial *out, FgError *err)
{
    const FgData val = t->val;
    double second;
    int ret;

    if (!w->test.nb)
        return 0;
    t->val = w->test;
    ret = t->family->validate(t, &out->test, &second, err);
    t->val = val;
    return ret;
}

/* Before any step: time does not depend on the weights, and who is far too slow
 * need not be trained. */
static int look_at(const FgTrialWorld *w, FgTrain *t, FgTrial *out,
                   FgError *err)
{
    FgModel *m = NULL;
    int ret = t->family->export_model(t, FG_SET_PARAM, &m, err);

    if (!ret) {
        out->params = (double)fg_params_count(&m->params);
        if (w->w)
            ret = fg_trial_time(w, m, &out->ms, err);
    }
    if (!ret && w->limit_ms > 0 && out->ms > w->limit_ms)
        ret = failed(out, "slower than max_times allows");
    fg_model_free(&m);
    return ret;
}

static void borrow(const FgTrialWorld *w, FgTrain *t, FgRecipe *r)
{
    *t = (FgTrain){.recipe = r, .family = r->family, .ex = w->ex};
    t->train = w->shared.train;
    t->val = w->shared.val;
    memcpy(t->extra, w->shared.extra, sizeof(t->extra));
    t->best = -INFINITY;
    t->last_val = NAN;
    t->lr_scale = 1;
    fg_recipe_set_pictures(r, t->train.nb);
}

/* Only the pictures' owner frees them. */
static void give_back(FgTrain *t)
{
    t->family->close(t);
    for (int i = 0; i < t->nb_nets; i++)
        fg_net_free(&t->net[i]);
    fg_params_free(&t->state);
}

int fg_trial_run(const FgTrialWorld *w, char *const *set, int nb,
                 const FgCurve *done, int nb_done, FgTrial *out, FgError *err)
{
    const double from = cpu_now();
    FgTrain *t = calloc(1, sizeof(*t));
    FgGpu *gpu = NULL;
    FgRecipe r;
    int ret;

    *out = (FgTrial){.figure = NAN, .test = NAN, .ms = NAN, .params = NAN};
    if (!t)
        return -ENOMEM;
    ret = fg_recipe_read(&r, w->recipe, (const char *const *)set, nb,
                         w->data_root, err);
    if (ret) {
        free(t);
        return ret == -EINVAL ? failed(out, err ? err->text : "") : ret;
    }
    borrow(w, t, &r);
    ret = fg_gpu_open(&gpu, r.device, r.precision, w->ex, err);
    if (!ret)
        ret = r.family->create(t, err);
    if (ret == -EINVAL)
        ret = failed(out, err ? err->text : "");
    if (!ret && out->status == FG_TRIAL_OK)
        ret = look_at(w, t, out, err);
    if (!ret && out->status == FG_TRIAL_OK)
        ret = train(w, t, done, nb_done, out, err);
    if (!ret && out->status == FG_TRIAL_OK)
        ret = test(w, t, out, err);
    give_back(t);
    fg_gpu_close(&gpu);
    free(t);
    fg_recipe_free(&r);
    out->cpu_s = cpu_now() - from;
    return ret;
}

int fg_trial_untrained(const FgTrialWorld *w, char *const *set, int nb,
                       FgModel **model, FgError *err)
{
    FgTrain *t = calloc(1, sizeof(*t));
    FgGpu *gpu = NULL;
    FgRecipe r;
    int ret = t ? 0 : -ENOMEM;

    if (!ret)
        ret = fg_recipe_read(&r, w->recipe, (const char *const *)set, nb,
                             w->data_root, err);
    if (ret) {
        free(t);
        return ret;
    }
    borrow(w, t, &r);
    ret = fg_gpu_open(&gpu, r.device, r.precision, w->ex, err);
    if (!ret)
        ret = r.family->create(t, err);
    if (!ret)
        ret = r.family->export_model(t, FG_SET_PARAM, model, err);
    give_back(t);
    fg_gpu_close(&gpu);
    free(t);
    fg_recipe_free(&r);
    return ret;
}
