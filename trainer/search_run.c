/* A search: rounds of candidates, then full training of the best.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/search.h"
#include "trainer/search_trial.h"

int fg_search_most_finals(const FgSearchRecipe *r)
{
    return 1 + r->nb_arms * r->top;
}

double fg_search_budget(const FgSearch *s)
{
    return s->r->budget_ms > 0 ? s->r->budget_ms : s->world.reference_ms;
}

double fg_search_fitness(const FgSearch *s, const FgTrial *t)
{
    const FgSearchRecipe *r = s->r;
    const double over = t->ms - fg_search_budget(s);

    if (t->status != FG_TRIAL_OK || !isfinite(t->figure))
        return -INFINITY;
    return t->figure - (r->w && over > 0 ? r->penalty * over : 0);
}

/* ---- set-up: everything that can be wrong is found before hours pass ---- */

/* One text of the gene's each choice, or its ends, must be allowed. */
static int check_point(const FgSearch *s, const FgPoint *p, const char *key,
                       FgError *err)
{
    FgTexts set = {0}, all = {0};
    FgRecipe r = {0};
    FgGraph g = {0};
    FgError why = {""};
    int ret = fg_space_overrides(&s->r->space, p, &set.v, &set.nb);

    if (!ret)
        ret = fg_texts_join(&all, &s->r->proxy, &set);
    if (!ret)
        ret = fg_recipe_read(&r, s->r->recipe, (const char *const *)all.v,
                             all.nb, s->world.data_root, &why);
    if (!ret && r.net.family)
        ret = fg_recipe_graph(&r, &g, &why);
    if (ret == -EINVAL)
        ret = fg_error(err, ret, "space: %s: %s", key, why.text);
    fg_graph_free(&g);
    fg_recipe_free(&r);
    free(all.v);
    fg_strings_free(&set.v, set.nb);
    return ret;
}

static int check_space(const FgSearch *s, FgError *err)
{
    const FgSpace *sp = &s->r->space;
    FgPoint p = {{0}};
    int ret = 0;

    for (int i = 0; i < sp->nb; i++)
        p.v[i] = fg_gene_level(&sp->gene[i], 0);
    for (int i = 0; i < sp->nb && !ret; i++) {
        const FgGene *g = &sp->gene[i];
        const int n = fg_gene_levels(g);

        if (!fg_trial_may_vary(&s->world, g->key))
            return fg_error(err, -EINVAL,
                            "space: '%s' is no key of task %s that may differ "
                            "between candidates",
                            g->key, s->world.shared.recipe->task);
        for (int k = 0; k < n && !ret; k += g->choice ? 1 : n - 1) {
            p.v[i] = fg_gene_level(g, k);
            ret = check_point(s, &p, g->key, err);
        }
        p.v[i] = fg_gene_level(g, 0);
    }
    return ret;
}

static int make_tables(FgSearch *s)
{
    const size_t n = (size_t)s->r->evaluations;

    for (int i = 0; i < s->r->nb_arms; i++) {
        s->tried[i] = calloc(n, sizeof(*s->tried[i]));
        if (!s->tried[i])
            return -ENOMEM;
    }
    s->final = calloc((size_t)fg_search_most_finals(s->r), sizeof(*s->final));
    return s->final ? 0 : -ENOMEM;
}

int fg_search_open(FgSearch *s, FgError *err)
{
    FgTexts base = {0};
    int ret = make_tables(s);

    s->world.recipe = s->r->recipe;
    s->world.w = s->r->w;
    s->world.h = s->r->h;
    s->world.reports = s->r->reports;
    if (!ret)
        ret = fg_trial_world(&s->world, s->r->proxy.v, s->r->proxy.nb,
                             s->r->test, err);
    if (!ret)
        ret = check_space(s, err);
    if (!ret)
        ret = fg_texts_join(&base, &s->r->proxy, &s->r->baseline);
    if (!ret)
        ret = fg_trial_untrained(&s->world, base.v, base.nb,
                                 &s->world.reference, err);
    if (!ret && !s->dry)
        ret = fg_search_log_open(s, err);
    free(base.v);
    return ret;
}

static void tried_free(FgTried *t)
{
    fg_strings_free(&t->set.v, t->set.nb);
}

void fg_search_close(FgSearch *s)
{
    for (int i = 0; i < FG_MAX_ARMS; i++) {
        for (int k = 0; k < s->nb[i]; k++)
            tried_free(&s->tried[i][k]);
        free(s->tried[i]);
    }
    tried_free(&s->baseline);
    free(s->final);
    fg_trial_world_free(&s->world);
    if (s->log)
        fclose(s->log);
}

/* ---- the run ---- */

static int run_baseline(FgSearch *s, FgError *err)
{
    const FgTexts *b = &s->r->baseline;
    FgTried *t = &s->baseline;
    int ret = 0;

    if (s->has_baseline)
        return 0;
    t->set.v = calloc((size_t)b->nb + 1, sizeof(*t->set.v));
    if (!t->set.v)
        return -ENOMEM;
    for (int i = 0; i < b->nb; i++)
        if (!(t->set.v[t->set.nb++] = strdup(b->v[i])))
            return -ENOMEM;
    ret = fg_search_trial(s, t, NULL, 0, err);
    if (!ret && t->trial.status != FG_TRIAL_OK)
        ret = fg_error(err, -EDOM, "the baseline failed: %s", t->trial.why);
    if (ret)
        return ret;
    /* The first measurement is the yardstick of all later ones. */
    s->world.reference_ms = t->trial.ms;
    s->has_baseline = 1;
    t->fitness = fg_search_fitness(s, &t->trial);
    return fg_search_log_trial(s, -1, 0, t, err);
}

/* All arms in turns, so that an end at any time leaves them equal. */
static int next_arm(const FgSearch *s)
{
    int best = 0;

    for (int i = 1; i < s->r->nb_arms; i++)
        if (s->nb[i] < s->nb[best])
            best = i;
    return s->nb[best] < s->r->evaluations ? best : -1;
}

static void propose(const FgSearch *s, int arm, FgPoint *x, FgResult *done)
{
    const FgArmInput in = {.space = &s->r->space,
                           .seed = s->r->seed,
                           .population = s->r->population,
                           .tournament = s->r->tournament,
                           .nb = s->nb[arm],
                           .done = done};

    for (int k = 0; k < s->nb[arm]; k++)
        done[k] = (FgResult){s->tried[arm][k].x, s->tried[arm][k].fitness};
    s->r->arm[arm]->propose(&in, x);
}

/* The same candidate again, by any arm, has the same result. */
static const FgTried *known(const FgSearch *s, const FgPoint *x)
{
    for (int i = 0; i < s->r->nb_arms; i++)
        for (int k = 0; k < s->nb[i]; k++)
            if (fg_space_same(&s->r->space, &s->tried[i][k].x, x))
                return &s->tried[i][k];
    return NULL;
}

/* Those of stopped trials count as far as they went: without them the bar would
 * rise with each stop. */
static int curves(const FgSearch *s, FgCurve *out)
{
    int n = 0;

    out[n++] = s->baseline.trial.curve;
    for (int i = 0; i < s->r->nb_arms; i++) {
        assert(s->tried[i]);
        for (int k = 0; k < s->nb[i]; k++)
            if (s->tried[i][k].trial.curve.nb)
                out[n++] = s->tried[i][k].trial.curve;
    }
    return n;
}

static int run_one(FgSearch *s, int arm, FgResult *done, FgCurve *curve,
                   FgError *err)
{
    FgTried *t = &s->tried[arm][s->nb[arm]];
    const FgTried *same;
    int ret;

    assert(s->tried[arm]);
    propose(s, arm, &t->x, done);
    ret = fg_space_overrides(&s->r->space, &t->x, &t->set.v, &t->set.nb);
    if (ret)
        return ret;
    same = known(s, &t->x);
    if (same) {
        t->trial = same->trial;
        t->trial.cpu_s = 0;
    } else {
        ret = fg_search_trial(s, t, s->r->median ? curve : NULL,
                              curves(s, curve), err);
    }
    if (ret) {
        tried_free(t);
        return ret;
    }
    t->fitness = fg_search_fitness(s, &t->trial);
    ret = fg_search_log_trial(s, arm, s->nb[arm]++, t, err);
    if (!ret && !s->json)
        fg_search_say(s, arm);
    return ret;
}

static int run_rounds(FgSearch *s, FgError *err)
{
    const size_t n = (size_t)(s->r->evaluations * s->r->nb_arms) + 1;
    FgResult *done = malloc(sizeof(*done) * n);
    FgCurve *curve = malloc(sizeof(*curve) * n);
    int ret = done && curve ? 0 : -ENOMEM, arm;

    while (!ret && (arm = next_arm(s)) >= 0)
        ret = run_one(s, arm, done, curve, err);
    free(done);
    free(curve);
    return ret;
}

/* ---- full training ---- */

/* The best of an arm that is not among the finals yet; -1: there is none. */
static int next_best(const FgSearch *s, int arm)
{
    int best = -1;

    for (int k = 0; k < s->nb[arm]; k++) {
        const FgTried *t = &s->tried[arm][k];
        int in = !isfinite(t->fitness);

        for (int i = 0; i < s->nb_finals && !in; i++)
            in = s->final[i].arm == arm &&
                 fg_space_same(&s->r->space, &t->x,
                               &s->tried[arm][s->final[i].k].x);
        if (!in && (best < 0 || t->fitness > s->tried[arm][best].fitness))
            best = k;
    }
    return best;
}

static void choose_finals(FgSearch *s)
{
    FgFinal *const was = s->final;
    const int nb = s->nb_finals;
    FgFinal *now = calloc((size_t)fg_search_most_finals(s->r), sizeof(*now));

    if (!now)
        return;
    s->final = now;
    s->nb_finals = 0;
    now[s->nb_finals++] = (FgFinal){.arm = -1};
    for (int i = 0; i < s->r->nb_arms; i++)
        for (int k = 0, best; k < s->r->top; k++)
            if ((best = next_best(s, i)) >= 0)
                now[s->nb_finals++] = (FgFinal){.arm = i, .k = best};
    /* What the log holds of them. */
    for (int i = 0; i < s->nb_finals; i++)
        for (int k = 0; k < nb; k++)
            if (was[k].arm == now[i].arm && was[k].k == now[i].k)
                now[i] = was[k];
    free(was);
}

static int run_final(FgSearch *s, FgFinal *f, int seed, FgError *err)
{
    const FgTried *t = fg_search_of(s, f);
    FgTrial out = {0};
    int ret = 0;

    for (int i = 0; i < s->nb_finals; i++) {
        const FgFinal *o = &s->final[i];

        if (o != f && o->nb >= seed && o->arm >= 0 && f->arm >= 0 &&
            fg_space_same(&s->r->space, &fg_search_of(s, o)->x, &t->x)) {
            out.figure = o->figure[seed - 1];
            out.test = o->test[seed - 1];
            out.params = 1;
        }
    }
    if (!(out.params > 0))
        ret = fg_search_full(s, t, seed, &out, err);
    if (ret)
        return ret;
    f->figure[f->nb] = out.figure;
    f->test[f->nb++] = out.test;
    return fg_search_log_final(s, f, seed, out.figure, out.test, err);
}

static int run_finals(FgSearch *s, FgError *err)
{
    int ret = 0;

    if (!s->r->top)
        return 0;
    choose_finals(s);
    for (int seed = 1; seed <= s->r->seeds; seed++)
        for (int i = 0; i < s->nb_finals && !ret; i++)
            if (s->final[i].nb < seed)
                ret = run_final(s, &s->final[i], seed, err);
    return ret;
}

int fg_search_run(FgSearch *s, FgError *err)
{
    int ret = run_baseline(s, err);

    if (!ret)
        ret = run_rounds(s, err);
    return ret ? ret : run_finals(s, err);
}
