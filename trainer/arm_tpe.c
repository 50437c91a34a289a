/* Tree-structured Parzen estimators: Bergstra, Bardenet, Bengio, Kegl,
 * "Algorithms for hyper-parameter optimization", NIPS 2011.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/arms.h"
#include "trainer/dice.h"
#include "trainer/parzen.h"

#define STREAM 7

/* The newest FG_PARZEN_MAX results, told apart into good and other. */
typedef struct Split {
    const FgResult *r;
    int n;
    char *good;
    double *obs;
    FgParzen *l, *g;
} Split;

/* Losses that are not finite count as worst; equal ones by age. */
static double loss(const FgResult *r)
{
    return isfinite(r->fitness) ? -r->fitness : INFINITY;
}

static void mark_good(Split *s)
{
    const int want = fg_parzen_below(s->n);

    memset(s->good, 0, (size_t)s->n);
    for (int k = 0; k < want; k++) {
        int best = -1;

        for (int i = 0; i < s->n; i++)
            if (!s->good[i] && (best < 0 || loss(&s->r[i]) < loss(&s->r[best])))
                best = i;
        s->good[best] = 1;
    }
}

static int gather(Split *s, int gene, int good, double (*f)(double))
{
    int n = 0;

    for (int i = 0; i < s->n; i++)
        if (s->good[i] == good)
            s->obs[n++] = f ? f(s->r[i].x.v[gene]) : s->r[i].x.v[gene];
    return n;
}

/* ---- numbers: the range is [lo, hi], or its logarithm ---- */

static double draw(const FgParzen *p, FgDice *d)
{
    for (;;) {
        double u = fg_dice(d), x;
        int k = 0;

        while (k + 1 < p->nb && u >= p->w[k])
            u -= p->w[k++];
        x = p->mu[k] + p->sigma[k] * fg_dice_normal(d);
        if (x >= p->low && x <= p->high)
            return x;
    }
}

static double number(Split *s, int i, const FgGene *g, FgDice *d)
{
    double (*const f)(double) = g->log ? log : NULL;
    const double lo = f ? f(g->lo) : g->lo, hi = f ? f(g->hi) : g->hi;
    const double q = f ? 0 : g->step;
    double best = lo, top = -INFINITY;
    int n = gather(s, i, 1, f);

    fg_parzen_make(s->l, s->obs, n, lo, hi, q);
    n = gather(s, i, 0, f);
    fg_parzen_make(s->g, s->obs, n, lo, hi, q);
    for (int k = 0; k < FG_PARZEN_CANDIDATES; k++) {
        double x = draw(s->l, d), score;

        if (q > 0)
            x = fg_gene_at(g, fg_gene_unit(g, x));
        score = fg_parzen_log(s->l, x) - fg_parzen_log(s->g, x);
        if (score > top) {
            top = score;
            best = x;
        }
    }
    return fg_gene_at(g, fg_gene_unit(g, f ? exp(best) : best));
}

/* ---- choices: counts with a prior of one each ---- */

static void counts(Split *s, int gene, int good, double *p, int nb)
{
    const int n = gather(s, gene, good, NULL);
    double sum = nb;

    for (int k = 0; k < nb; k++)
        p[k] = 1;
    for (int i = 0; i < n; i++) {
        p[(int)s->obs[i]] += fg_parzen_weight(i, n);
        sum += fg_parzen_weight(i, n);
    }
    for (int k = 0; k < nb; k++)
        p[k] /= sum;
}

static double choice(Split *s, int i, const FgGene *g, FgDice *d)
{
    double *const l = s->l->w, *const o = s->g->w, top = -INFINITY;
    int best = 0;

    counts(s, i, 1, l, g->nb);
    counts(s, i, 0, o, g->nb);
    for (int c = 0; c < FG_PARZEN_CANDIDATES; c++) {
        double u = fg_dice(d);
        int k = 0;

        while (k + 1 < g->nb && u >= l[k])
            u -= l[k++];
        if (log(l[k]) - log(o[k]) > top) {
            top = log(l[k]) - log(o[k]);
            best = k;
        }
    }
    return best;
}

static void split_free(Split *s)
{
    free(s->good);
    free(s->obs);
    free(s->l);
    free(s->g);
}

void fg_arm_tpe(const FgArmInput *in, FgPoint *out)
{
    FgDice d = {in->seed, STREAM, (uint32_t)in->nb, 0};
    const int n = in->nb < FG_PARZEN_MAX ? in->nb : FG_PARZEN_MAX;
    Split s = {.r = in->done + (in->nb - n), .n = n};

    fg_arm_random(in, out);
    if (in->nb < FG_PARZEN_STARTUP)
        return;
    s.good = malloc((size_t)n);
    s.obs = malloc(sizeof(*s.obs) * (size_t)n);
    s.l = malloc(sizeof(*s.l));
    s.g = malloc(sizeof(*s.g));
    if (s.good && s.obs && s.l && s.g) {
        mark_good(&s);
        for (int i = 0; i < in->space->nb; i++) {
            const FgGene *g = &in->space->gene[i];

            out->v[i] = g->choice ? choice(&s, i, g, &d) : number(&s, i, g, &d);
        }
    }
    split_free(&s);
}
