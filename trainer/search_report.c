/* What came out of a search: tables, plots, the winner's recipe.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/atomic.h"
#include "trainer/plot.h"
#include "trainer/search_trial.h"

double fg_kendall(const double *a, const double *b, int n)
{
    double sum = 0, pa = 0, pb = 0;

    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++) {
            const int x = (a[i] > a[k]) - (a[i] < a[k]);
            const int y = (b[i] > b[k]) - (b[i] < b[k]);

            sum += x * y;
            pa += x != 0;
            pb += y != 0;
        }
    return pa > 0 && pb > 0 ? sum / sqrt(pa * pb) : NAN;
}

/* ---- numbers ---- */

static double mean(const double *v, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += v[i];
    return n ? sum / n : NAN;
}

static double deviation(const double *v, int n)
{
    const double m = mean(v, n);
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (v[i] - m) * (v[i] - m);
    return n > 1 ? sqrt(sum / (n - 1)) : NAN;
}

static double figure_of(const FgSearch *s, double v)
{
    return s->world.shared.family->figure.sign * v;
}

static const FgTried *best_of(const FgSearch *s, int arm)
{
    const FgTried *best = NULL;

    for (int k = 0; k < s->nb[arm]; k++)
        if (isfinite(s->tried[arm][k].fitness) &&
            (!best || s->tried[arm][k].fitness > best->fitness))
            best = &s->tried[arm][k];
    return best;
}

/* Mean full figure less what its time costs. */
static double full_fitness(const FgSearch *s, const FgFinal *f)
{
    FgTrial t = fg_search_of(s, f)->trial;

    t.figure = mean(f->figure, f->nb);
    return fg_search_fitness(s, &t);
}

/* By full training where there was some, else by the search. NULL: none. */
static const FgTried *winner_of(const FgSearch *s, const FgFinal **final)
{
    const FgTried *best = NULL;

    *final = NULL;
    for (int i = 0; i < s->nb_finals; i++)
        if (s->final[i].arm >= 0 && s->final[i].nb == s->r->seeds &&
            isfinite(full_fitness(s, &s->final[i])) &&
            (!*final ||
             full_fitness(s, &s->final[i]) > full_fitness(s, *final)))
            *final = &s->final[i];
    if (*final)
        return fg_search_of(s, *final);
    for (int i = 0; i < s->r->nb_arms; i++) {
        const FgTried *t = best_of(s, i);

        if (t && (!best || t->fitness > best->fitness))
            best = t;
    }
    return best;
}

/* ---- tables ---- */

static void print_set(FILE *f, const FgTried *t)
{
    for (int i = 0; i < t->set.nb; i++)
        fprintf(f, "%s%s", i ? ", " : "", t->set.v[i]);
    fputc('\n', f);
}

static void print_arm(FILE *f, const FgSearch *s, int arm)
{
    const FgTried *best = best_of(s, arm);
    int stopped = 0, failed = 0;
    double cpu = 0;

    for (int k = 0; k < s->nb[arm]; k++) {
        stopped += s->tried[arm][k].trial.status == FG_TRIAL_STOPPED;
        failed += s->tried[arm][k].trial.status == FG_TRIAL_FAILED;
        cpu += s->tried[arm][k].trial.cpu_s;
    }
    fprintf(f, "%-10s %5d %7d %6d %8.0f", s->r->arm[arm]->name, s->nb[arm],
            stopped, failed, cpu);
    if (best)
        fprintf(f, " %9.4f %9.4f %8.2f %9.0f  ", best->fitness,
                figure_of(s, best->trial.figure), best->trial.ms,
                best->trial.params);
    else
        fprintf(f, "  ");
    if (best)
        print_set(f, best);
    else
        fprintf(f, "nothing\n");
}

static void print_arms(FILE *f, const FgSearch *s)
{
    const FgTrial *b = &s->baseline.trial;

    fprintf(f, "%-10s %5s %7s %6s %8s %9s %9s %8s %9s  %s\n", "arm", "tried",
            "stopped", "failed", "CPU s", "fitness", "figure", "ms", "params",
            "best");
    fprintf(f, "%-10s %5d %7d %6d %8.0f %9.4f %9.4f %8.2f %9.0f  ", "baseline",
            1, 0, 0, b->cpu_s, s->baseline.fitness, figure_of(s, b->figure),
            b->ms, b->params);
    if (s->baseline.set.nb)
        print_set(f, &s->baseline);
    else
        fprintf(f, "the recipe as it is\n");
    for (int i = 0; i < s->r->nb_arms; i++)
        print_arm(f, s, i);
}

static void print_final(FILE *f, const FgSearch *s, const FgFinal *n)
{
    const FgTried *t = fg_search_of(s, n);

    fprintf(f, "%-10s %5d %9.4f %8.4f",
            n->arm < 0 ? "baseline" : s->r->arm[n->arm]->name, n->k,
            figure_of(s, mean(n->figure, n->nb)), deviation(n->figure, n->nb));
    if (s->r->test)
        fprintf(f, " %9.4f %8.4f", figure_of(s, mean(n->test, n->nb)),
                deviation(n->test, n->nb));
    fprintf(f, " %8.2f  ", t->trial.ms);
    if (t->set.nb)
        print_set(f, t);
    else
        fprintf(f, "the recipe as it is\n");
}

static void print_finals(FILE *f, const FgSearch *s)
{
    double *a = calloc(2 * ((size_t)s->nb_finals + 1), sizeof(*a)), *b;
    int n = 0;

    fprintf(f, "\nfull training, %d seeds, mean and deviation%s\n", s->r->seeds,
            s->r->test ? " on validation and on test" : "");
    for (int i = 0; i < s->nb_finals; i++)
        print_final(f, s, &s->final[i]);
    b = a ? a + s->nb_finals : NULL;
    for (int i = 0; a && i < s->nb_finals; i++) {
        a[n] = fg_search_of(s, &s->final[i])->trial.figure;
        b[n] = mean(s->final[i].figure, s->final[i].nb);
        n += isfinite(a[n]) && isfinite(b[n]);
    }
    if (a)
        fprintf(f,
                "Kendall's tau between short and full figures: %.2f of %d "
                "networks\n",
                fg_kendall(a, b, n), n);
    free(a);
}

static void print_verdict(FILE *f, const FgSearch *s)
{
    const FgFinal *final;
    const FgTried *w = winner_of(s, &final);
    const int random = s->r->nb_arms;

    if (!w)
        return;
    fprintf(f, "\nwinner: ");
    print_set(f, w);
    if (final && s->final[0].nb)
        fprintf(f, "fitness %.4f, the baseline's %.4f, by full training\n",
                full_fitness(s, final), full_fitness(s, &s->final[0]));
    for (int i = 0; i < random; i++) {
        const FgTried *best = best_of(s, i), *other = NULL;

        for (int k = 0; k < random; k++)
            if (!strcmp(s->r->arm[k]->name, "random"))
                other = best_of(s, k);
        if (best && other && strcmp(s->r->arm[i]->name, "random"))
            fprintf(f, "%s against random search with the same budget: %+.4f\n",
                    s->r->arm[i]->name, best->fitness - other->fitness);
    }
}

static void print_all(FILE *f, const FgSearch *s)
{
    const double size = fg_space_size(&s->r->space);

    fprintf(f, "search %s over %s: ", s->r->name, s->r->recipe);
    if (isfinite(size))
        fprintf(f, "%.4g points", size);
    else
        fprintf(f, "a continuous space");
    fprintf(f, ", %d candidates an arm", s->r->evaluations);
    if (s->r->w)
        fprintf(f, ", frames of %dx%d on one thread", s->r->w, s->r->h);
    if (s->r->penalty > 0)
        fprintf(f, ", each ms over %.2f costs %g", fg_search_budget(s),
                s->r->penalty);
    fprintf(f, "\n\n");
    print_arms(f, s);
    if (s->nb_finals)
        print_finals(f, s);
    print_verdict(f, s);
}

/* ---- plots ---- */

typedef struct Dots {
    double *x, *y;
    int nb;
} Dots;

static double across(const FgSearch *s, const FgTrial *t)
{
    return s->r->w ? t->ms : t->params;
}

static void add_dot(const FgSearch *s, Dots *d, const FgTrial *t)
{
    if (t->status != FG_TRIAL_OK)
        return;
    d->x[d->nb] = across(s, t);
    d->y[d->nb++] = figure_of(s, t->figure);
}

/* The candidates that no other one beats in both, from left to right. */
static void front(const Dots *all, double sign, Dots *out)
{
    double least = -INFINITY;

    for (;;) {
        int best = -1;

        for (int i = 0; i < all->nb; i++)
            if (sign * all->y[i] > least &&
                (best < 0 || all->x[i] < all->x[best] ||
                 (all->x[i] <= all->x[best] &&
                  sign * all->y[i] > sign * all->y[best])))
                best = i;
        if (best < 0)
            return;
        out->x[out->nb] = all->x[best];
        out->y[out->nb++] = all->y[best];
        least = sign * all->y[best];
    }
}

static int pareto(const FgSearch *s, const char *path, FgError *err)
{
    const size_t n = (size_t)(s->r->evaluations * s->r->nb_arms) + 1;
    double *room = malloc(sizeof(*room) * n * 6);
    Dots base = {room, room ? room + n : NULL, 0}, all, edge;
    FgSeries series[FG_MAX_ARMS + 2];
    FgPlot p = {.title = s->r->name,
                .x_label = s->r->w ? "ms a frame" : "parameters",
                .y_label = s->world.shared.family->figure.name,
                .series = series,
                .log_x = 1,
                .w = 1000,
                .h = 600};
    int ret;

    if (!room)
        return -ENOMEM;
    all = (Dots){room + 2 * n, room + 3 * n, 0};
    edge = (Dots){room + 4 * n, room + 5 * n, 0};
    for (int i = 0; i < s->r->nb_arms; i++) {
        const int from = all.nb;

        for (int k = 0; k < s->nb[i]; k++)
            add_dot(s, &all, &s->tried[i][k].trial);
        series[p.nb++] = (FgSeries){s->r->arm[i]->name, all.x + from,
                                    all.y + from, all.nb - from, FG_MARK_DOTS};
    }
    add_dot(s, &base, &s->baseline.trial);
    series[p.nb++] = (FgSeries){"baseline", base.x, base.y, base.nb,
                                FG_MARK_DOTS};
    add_dot(s, &all, &s->baseline.trial);
    front(&all, s->world.shared.family->figure.sign, &edge);
    series[p.nb++] = (FgSeries){"not beaten", edge.x, edge.y, edge.nb,
                                FG_MARK_STEPS};
    ret = fg_plot_write(&p, path, err);
    free(room);
    return ret;
}

/* Best fitness against candidates tried, an arm a line. */
static int progress(const FgSearch *s, const char *path, FgError *err)
{
    const size_t n = (size_t)s->r->evaluations;
    double *room = malloc(sizeof(*room) * n * (2 * FG_MAX_ARMS));
    FgSeries series[FG_MAX_ARMS];
    const FgPlot p = {"best fitness so far",
                      "candidates",
                      "fitness",
                      series,
                      s->r->nb_arms,
                      0,
                      0,
                      1000,
                      600};
    int ret;

    if (!room)
        return -ENOMEM;
    for (int i = 0; i < s->r->nb_arms; i++) {
        double *x = room + 2 * n * (size_t)i, *y = x + n, best = -INFINITY;

        for (int k = 0; k < s->nb[i]; k++) {
            best = fmax(best, s->tried[i][k].fitness);
            x[k] = k + 1;
            y[k] = best;
        }
        series[i] = (FgSeries){s->r->arm[i]->name, x, y, s->nb[i],
                               FG_MARK_STEPS};
    }
    ret = fg_plot_write(&p, path, err);
    free(room);
    return ret;
}

/* ---- files ---- */

static int write_winner(const FgSearch *s, FgError *err)
{
    const FgFinal *final;
    const FgTried *w = winner_of(s, &final);
    FgTexts all = {0}, name = {0};
    char text[256], *texts[1] = {text}, *body = NULL, path[4096];
    FgRecipe r;
    int ret, n;

    if (!w)
        return 0;
    snprintf(text, sizeof(text), "name=%s", s->r->name);
    name = (FgTexts){texts, 1};
    ret = fg_texts_join(&all, &w->set, &name);
    if (!ret)
        ret = fg_recipe_read(&r, s->r->recipe, (const char *const *)all.v,
                             all.nb, s->world.data_root, err);
    free(all.v);
    if (ret)
        return ret;
    n = asprintf(&body,
                 "# Found by ffgan search %s; relative folders start from "
                 "--data-root.\n%s",
                 s->r->name, r.text);
    fg_recipe_free(&r);
    if (n < 0)
        return -ENOMEM;
    snprintf(path, sizeof(path), "%s/winner.yaml", s->out);
    ret = fg_write_atomic(path, &(FgPart){body, (size_t)n}, 1, err);
    free(body);
    return ret;
}

int fg_search_report(FgSearch *s, FgError *err)
{
    char path[4096], *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    int ret;

    if (!f)
        return -ENOMEM;
    print_all(f, s);
    if (fclose(f))
        return -ENOMEM;
    if (!s->json)
        fputs(text, stdout);
    snprintf(path, sizeof(path), "%s/summary.txt", s->out);
    ret = fg_write_atomic(path, &(FgPart){text, size}, 1, err);
    free(text);
    snprintf(path, sizeof(path), "%s/pareto.png", s->out);
    if (!ret)
        ret = pareto(s, path, err);
    snprintf(path, sizeof(path), "%s/progress.png", s->out);
    if (!ret)
        ret = progress(s, path, err);
    return ret ? ret : write_winner(s, err);
}
