/* Ways to choose what to try next: random search, evolution, REINFORCE.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "trainer/arms.h"
#include "trainer/dice.h"

static const FgArm all[] = {
    {"random", "even over the space", fg_arm_random},
    {"evolution", "regularised evolution", fg_arm_evolution},
    {"reinforce", "REINFORCE, one distribution a gene", fg_arm_reinforce},
    {"lstm", "REINFORCE, a recurrent controller", fg_arm_lstm},
    {"tpe", "tree-structured Parzen estimators", fg_arm_tpe},
};

const FgArm *fg_arm_at(int i)
{
    return i >= 0 && i < (int)(sizeof(all) / sizeof(all[0])) ? &all[i] : NULL;
}

const FgArm *fg_arm_find(const char *name)
{
    for (int i = 0; fg_arm_at(i); i++)
        if (!strcmp(all[i].name, name))
            return &all[i];
    return NULL;
}

/* Streams of random numbers, one a purpose. */
enum { RANDOM, EVOLUTION, REINFORCE };

static double any(const FgGene *g, FgDice *d)
{
    return g->choice ? fg_dice_int(d, g->nb) : fg_gene_at(g, fg_dice(d));
}

static void random_point(const FgArmInput *in, FgDice *d, FgPoint *out)
{
    *out = (FgPoint){{0}};
    for (int i = 0; i < in->space->nb; i++)
        out->v[i] = any(&in->space->gene[i], d);
}

void fg_arm_random(const FgArmInput *in, FgPoint *out)
{
    FgDice d = {in->seed, RANDOM, (uint32_t)in->nb, 0};

    random_point(in, &d, out);
}

/* ---- evolution ---- */

static void mutate(const FgSpace *s, FgDice *d, FgPoint *p)
{
    const int i = fg_dice_int(d, s->nb);
    const FgGene *g = &s->gene[i];

    if (g->choice) {
        p->v[i] = ((int)p->v[i] + 1 + fg_dice_int(d, g->nb - 1)) % g->nb;
    } else {
        double u = fg_gene_unit(g, p->v[i]) + 0.2 * fg_dice_normal(d);

        u = fabs(u);
        u = u > 1 ? 2 - u : u;
        p->v[i] = fg_gene_at(g, u);
    }
}

static int known(const FgArmInput *in, const FgPoint *p)
{
    for (int i = 0; i < in->nb; i++)
        if (fg_space_same(in->space, &in->done[i].x, p))
            return 1;
    return 0;
}

void fg_arm_evolution(const FgArmInput *in, FgPoint *out)
{
    FgDice d = {in->seed, EVOLUTION, (uint32_t)in->nb, 0};
    const int size = in->population, oldest = in->nb - size;
    const FgResult *best = NULL;

    if (oldest < 0) {
        random_point(in, &d, out);
        return;
    }
    for (int i = 0; i < in->tournament; i++) {
        const FgResult *r = &in->done[oldest + fg_dice_int(&d, size)];

        if (!best || r->fitness > best->fitness)
            best = r;
    }
    assert(best); /* tournament is 1 or more */
    *out = best->x;
    /* Something tried before would teach nothing: mutate again. */
    for (int i = 0; i < 10 && (!i || known(in, out)); i++)
        mutate(in->space, &d, out);
}

/* ---- REINFORCE ---- */

#define BATCH 4
#define RATE 0.35
#define DECAY 0.9 /* of baseline and of the advantage's mean size */
#define ENTROPY 0.02

typedef struct Policy {
    double logit[FG_MAX_GENES][FG_MAX_CHOICES];
    double p[FG_MAX_GENES][FG_MAX_CHOICES];
    FgAdvantage advantage;
} Policy;

static void soften(const FgSpace *s, Policy *q)
{
    for (int i = 0; i < s->nb; i++) {
        const int n = fg_gene_levels(&s->gene[i]);
        double top = q->logit[i][0], sum = 0;

        for (int k = 1; k < n; k++)
            top = fmax(top, q->logit[i][k]);
        for (int k = 0; k < n; k++)
            sum += q->p[i][k] = exp(q->logit[i][k] - top);
        for (int k = 0; k < n; k++)
            q->p[i][k] /= sum;
    }
}

static int level_of(const FgGene *g, double v)
{
    const int n = fg_gene_levels(g);
    int best = 0;

    for (int k = 1; k < n; k++)
        if (fabs(fg_gene_level(g, k) - v) < fabs(fg_gene_level(g, best) - v))
            best = k;
    return best;
}

/* d log p(x) / d logit = [x = k] - p_k; d entropy / d logit =
 * -p_k (log p_k + entropy). */
static void push(const FgSpace *s, const Policy *q, const FgPoint *x,
                 double advantage, double (*step)[FG_MAX_CHOICES])
{
    for (int i = 0; i < s->nb; i++) {
        const int n = fg_gene_levels(&s->gene[i]),
                  at = level_of(&s->gene[i], x->v[i]);
        double entropy = 0;

        for (int k = 0; k < n; k++)
            entropy -= q->p[i][k] * log(q->p[i][k] + 1e-12);
        for (int k = 0; k < n; k++)
            step[i][k] += advantage * ((k == at) - q->p[i][k]) -
                          ENTROPY * q->p[i][k] *
                              (log(q->p[i][k] + 1e-12) + entropy);
    }
}

double fg_advantage(FgAdvantage *q, double fitness, double worst)
{
    const double f = isfinite(fitness) ? fitness : worst;
    const double base = q->seen ? q->baseline : f, a = f - base;

    q->baseline = base + (1 - DECAY) * (f - base);
    q->size = q->seen > 1 ? DECAY * q->size + (1 - DECAY) * fabs(a) : fabs(a);
    q->seen++;
    return q->size > 0 ? fmax(-3, fmin(3, a / q->size)) : 0;
}

double fg_worst(const FgArmInput *in, int nb)
{
    double worst = INFINITY;

    for (int k = 0; k < nb; k++)
        if (isfinite(in->done[k].fitness))
            worst = fmin(worst, in->done[k].fitness);
    return worst;
}

static void learn(const FgArmInput *in, Policy *q, int from)
{
    double step[FG_MAX_GENES][FG_MAX_CHOICES] = {{0}};
    const double worst = fg_worst(in, from + BATCH);

    for (int k = from; k < from + BATCH && isfinite(worst); k++)
        push(in->space, q, &in->done[k].x,
             fg_advantage(&q->advantage, in->done[k].fitness, worst), step);
    for (int i = 0; i < in->space->nb; i++)
        for (int k = 0; k < fg_gene_levels(&in->space->gene[i]); k++)
            q->logit[i][k] += RATE * step[i][k] / BATCH;
    soften(in->space, q);
}

void fg_arm_reinforce(const FgArmInput *in, FgPoint *out)
{
    FgDice d = {in->seed, REINFORCE, (uint32_t)in->nb, 0};
    Policy q = {0};

    *out = (FgPoint){{0}};
    soften(in->space, &q);
    for (int from = 0; from + BATCH <= in->nb; from += BATCH)
        learn(in, &q, from);
    for (int i = 0; i < in->space->nb; i++) {
        const FgGene *g = &in->space->gene[i];
        double u = fg_dice(&d);
        int k = 0;

        while (k + 1 < fg_gene_levels(g) && u >= q.p[i][k])
            u -= q.p[i][k++];
        out->v[i] = fg_gene_level(g, k);
    }
}
