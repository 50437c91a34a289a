/* What a search does with one candidate.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/events.h"
#include "trainer/search_trial.h"

int fg_texts_join(FgTexts *all, const FgTexts *a, const FgTexts *b)
{
    all->nb = 0;
    all->v = calloc((size_t)(a->nb + b->nb) + 2, sizeof(*all->v));
    if (!all->v)
        return -ENOMEM;
    for (int i = 0; i < a->nb; i++)
        all->v[all->nb++] = a->v[i];
    for (int i = 0; i < b->nb; i++)
        all->v[all->nb++] = b->v[i];
    return 0;
}

const FgTried *fg_search_of(const FgSearch *s, const FgFinal *f)
{
    return f->arm < 0 ? &s->baseline : &s->tried[f->arm][f->k];
}

/* ---- TensorBoard: a folder a trial ---- */

static void trial_name(const FgSearch *s, const FgTried *t, char *out,
                       size_t size)
{
    snprintf(out, size, "baseline");
    for (int i = 0; i < s->r->nb_arms; i++)
        if (t >= s->tried[i] && t < s->tried[i] + s->r->evaluations)
            snprintf(out, size, "%s-%03d", s->r->arm[i]->name,
                     (int)(t - s->tried[i]));
}

static int write_events(const FgSearch *s, const FgTried *t, FgError *err)
{
    char name[64], dir[4096];
    const FgTrial *r = &t->trial;
    FgEvents *e = NULL;
    int ret;

    trial_name(s, t, name, sizeof(name));
    snprintf(dir, sizeof(dir), "%s/events/%s", s->out, name);
    ret = fg_events_open(&e, dir, 0, err);
    if (!ret)
        ret = fg_events_trial(e, name, t->set.v, t->set.nb, err);
    for (int i = 0; i < r->curve.nb && !ret; i++)
        ret = fg_events_scalars(e, i + 1, &(FgTag){"figure", r->curve.v[i]}, 1,
                                err);
    if (!ret && isfinite(r->ms))
        ret = fg_events_scalars(e, r->curve.nb, &(FgTag){"ms", r->ms}, 1, err);
    if (!ret && isfinite(fg_search_fitness(s, r)))
        ret = fg_events_scalars(e, r->curve.nb,
                                &(FgTag){"fitness", fg_search_fitness(s, r)}, 1,
                                err);
    if (!ret)
        ret = fg_events_trial_end(e, r->status != FG_TRIAL_FAILED, err);
    fg_events_close(&e);
    return ret;
}

/* ---- training ---- */

int fg_search_trial(const FgSearch *s, FgTried *t, const FgCurve *done, int nb,
                    FgError *err)
{
    FgTexts all;
    FgTrialWorld w = s->world;
    int ret = fg_texts_join(&all, &s->r->proxy, &t->set);

    if (ret)
        return ret;
    w.test.nb = 0; /* never seen while searching */
    if (t == &s->baseline)
        w.reference = NULL;
    else
        w.limit_ms = s->r->max_times * fg_search_budget(s);
    ret = fg_trial_run(&w, all.v, all.nb, done, nb, &t->trial, err);
    free(all.v);
    t->fitness = fg_search_fitness(s, &t->trial);
    return ret ? ret : write_events(s, t, err);
}

int fg_search_full(const FgSearch *s, const FgTried *t, int seed, FgTrial *out,
                   FgError *err)
{
    FgTrialWorld w = s->world;
    char text[32];
    FgTexts all;
    int ret = fg_texts_join(&all, &s->r->full, &t->set);

    if (ret)
        return ret;
    w.w = w.h = 0; /* timed before */
    snprintf(text, sizeof(text), "seed=%d", seed);
    all.v[all.nb++] = text;
    ret = fg_trial_run(&w, all.v, all.nb, NULL, 0, out, err);
    free(all.v);
    if (!ret && out->status != FG_TRIAL_OK)
        out->figure = out->test = NAN;
    if (!ret && !s->json)
        fprintf(stderr, "full training, seed %d: %.4f (%.0f s)\n", seed,
                out->figure, out->cpu_s);
    return ret;
}

void fg_search_say(const FgSearch *s, int arm)
{
    const int k = s->nb[arm] - 1;
    const FgTried *t = &s->tried[arm][k];
    const FgFigure *f = &s->world.shared.family->figure;
    char figure[64] = "no figure";

    if (isfinite(t->trial.figure))
        fg_figure_text(f, t->trial.figure, figure, sizeof(figure));
    fprintf(stderr, "%-9s %3d/%d  %s", s->r->arm[arm]->name, k + 1,
            s->r->evaluations, figure);
    if (isfinite(t->trial.ms))
        fprintf(stderr, "  %.2f ms", t->trial.ms);
    fprintf(stderr, "  %.0f s%s ", t->trial.cpu_s,
            t->trial.status == FG_TRIAL_OK        ? ""
            : t->trial.status == FG_TRIAL_STOPPED ? "  stopped"
                                                  : "  failed");
    for (int i = 0; i < t->set.nb; i++)
        fprintf(stderr, " %s", t->set.v[i]);
    fputc('\n', stderr);
}
