/* A recurrent controller for architecture search, forward and backward.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/controller.h"

enum { H = FG_CONTROLLER_SIZE, G = 4 * H };

/* What one step leaves for the way back. */
typedef struct FgControllerStep {
    double x[2 * H]; /* input, state before */
    double gate[G];  /* i f g o, after their functions */
    double before[H], c[H], h[H];
    double p[FG_MAX_CHOICES];
    int at; /* level chosen */
} Step;

static int levels(const FgController *c, int i)
{
    return fg_gene_levels(&c->space->gene[i]);
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

/* ---- life ---- */

static size_t room(FgController *c, size_t n)
{
    const size_t at = c->nb;

    c->nb += n;
    return at;
}

static void lay_out(FgController *c)
{
    c->nb = 0;
    c->cell = room(c, (size_t)2 * H * G);
    c->cell_bias = room(c, G);
    c->start = room(c, H);
    for (int i = 0; i < c->space->nb; i++) {
        const size_t n = (size_t)levels(c, i);

        c->head[i] = room(c, H * n);
        c->head_bias[i] = room(c, n);
        c->embed[i] = room(c, H * n);
    }
}

int fg_controller_create(FgController *c, const FgSpace *space, uint64_t seed)
{
    FgDice d = {seed, 0x6c73746du, 0, 0};

    *c = (FgController){.space = space};
    lay_out(c);
    c->w = malloc(c->nb * sizeof(*c->w));
    c->grad = calloc(c->nb, sizeof(*c->grad));
    c->m = calloc(c->nb, sizeof(*c->m));
    c->v = calloc(c->nb, sizeof(*c->v));
    c->t = calloc((size_t)space->nb, sizeof(*c->t));
    if (!c->w || !c->grad || !c->m || !c->v || !c->t) {
        fg_controller_free(c);
        return -ENOMEM;
    }
    for (size_t i = 0; i < c->nb; i++)
        c->w[i] = 0.2 * fg_dice(&d) - 0.1;
    return 0;
}

void fg_controller_free(FgController *c)
{
    free(c->w);
    free(c->grad);
    free(c->m);
    free(c->v);
    free(c->t);
    *c = (FgController){0};
}

/* ---- forward ---- */

/* y [n] += x [m] W [m][n] */
static void times(double *y, const double *x, const double *w, int m, int n)
{
    for (int j = 0; j < m; j++)
        for (int i = 0; i < n; i++)
            y[i] += x[j] * w[j * n + i];
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static void softmax(double *p, int n)
{
    double top = p[0], sum = 0;

    for (int k = 1; k < n; k++)
        top = fmax(top, p[k]);
    for (int k = 0; k < n; k++)
        sum += p[k] = exp(p[k] - top);
    for (int k = 0; k < n; k++)
        p[k] /= sum;
}

/* Probabilities of gene i, what was chosen before being known. */
static void forward(FgController *c, int i)
{
    Step *s = &c->t[i];
    const Step *last = i ? s - 1 : NULL;
    const int n = levels(c, i);

    memset(s, 0, sizeof(*s));
    memcpy(s->x,
           last ? c->w + c->embed[i - 1] + (size_t)last->at * H
                : c->w + c->start,
           H * sizeof(double));
    if (last) {
        memcpy(s->x + H, last->h, sizeof(last->h));
        memcpy(s->before, last->c, sizeof(last->c));
    }
    memcpy(s->gate, c->w + c->cell_bias, sizeof(s->gate));
    times(s->gate, s->x, c->w + c->cell, 2 * H, G);
    for (int k = 0; k < H; k++) {
        double *const g = s->gate;

        g[k] = logistic(g[k]);
        g[H + k] = logistic(g[H + k]);
        g[2 * H + k] = tanh(g[2 * H + k]);
        g[3 * H + k] = logistic(g[3 * H + k]);
        s->c[k] = g[H + k] * s->before[k] + g[k] * g[2 * H + k];
        s->h[k] = g[3 * H + k] * tanh(s->c[k]);
    }
    memcpy(s->p, c->w + c->head_bias[i], (size_t)n * sizeof(double));
    times(s->p, s->h, c->w + c->head[i], H, n);
    softmax(s->p, n);
}

void fg_controller_sample(FgController *c, FgDice *d, FgPoint *out)
{
    *out = (FgPoint){{0}};
    for (int i = 0; i < c->space->nb; i++) {
        Step *s = &c->t[i];
        double u = fg_dice(d);

        forward(c, i);
        while (s->at + 1 < levels(c, i) && u >= s->p[s->at])
            u -= s->p[s->at++];
        out->v[i] = fg_gene_level(&c->space->gene[i], s->at);
    }
}

/* ---- backward ---- */

/* dx [m] += dy [n] W^T; dW += x dy. */
static void times_back(double *dx, double *dw, const double *dy,
                       const double *x, const double *w, int m, int n)
{
    for (int j = 0; j < m; j++)
        for (int i = 0; i < n; i++) {
            dx[j] += dy[i] * w[j * n + i];
            dw[j * n + i] += x[j] * dy[i];
        }
}

static double entropy_of(const double *p, int n)
{
    double sum = 0;

    for (int k = 0; k < n; k++)
        sum -= p[k] * log(p[k] + 1e-300);
    return sum;
}

/* Adds what gene i's logits hand back to dh. */
static void head_back(FgController *c, int i, double advantage, double entropy,
                      double *dh)
{
    const Step *s = &c->t[i];
    const int n = levels(c, i);
    const double all = entropy_of(s->p, n);
    double d[FG_MAX_CHOICES];

    for (int k = 0; k < n; k++) {
        d[k] = advantage * (s->p[k] - (k == s->at)) +
               entropy * s->p[k] * (log(s->p[k] + 1e-300) + all);
        c->grad[c->head_bias[i] + (size_t)k] += d[k];
    }
    times_back(dh, c->grad + c->head[i], d, s->h, c->w + c->head[i], H, n);
}

/* dh, dc: of step i's state, replaced by those of the state before. */
static void cell_back(FgController *c, int i, double *dh, double *dc)
{
    const Step *s = &c->t[i];
    const double *const g = s->gate;
    double d[G], dx[2 * H] = {0};

    for (int k = 0; k < H; k++) {
        const double t = tanh(s->c[k]), in = g[k], keep = g[H + k],
                     new = g[2 * H + k], out = g[3 * H + k];
        const double dck = dc[k] + dh[k] * out * (1 - t * t);

        d[k] = dck * new *in *(1 - in);
        d[H + k] = dck * s->before[k] * keep * (1 - keep);
        d[2 * H + k] = dck * in * (1 - new *new);
        d[3 * H + k] = dh[k] * t * out * (1 - out);
        dc[k] = dck * keep;
    }
    for (int k = 0; k < G; k++)
        c->grad[c->cell_bias + (size_t)k] += d[k];
    times_back(dx, c->grad + c->cell, d, s->x, c->w + c->cell, 2 * H, G);
    for (int k = 0; k < H; k++) {
        const size_t from = i ? c->embed[i - 1] + (size_t)s[-1].at * H
                              : c->start;

        c->grad[from + (size_t)k] += dx[k];
        dh[k] = dx[H + k];
    }
}

double fg_controller_loss(FgController *c, const FgPoint *x, double advantage,
                          double entropy)
{
    double dh[H] = {0}, dc[H] = {0}, loss = 0;

    for (int i = 0; i < c->space->nb; i++) {
        Step *s = &c->t[i];

        forward(c, i);
        s->at = level_of(&c->space->gene[i], x->v[i]);
        loss -= advantage * log(s->p[s->at] + 1e-300) +
                entropy * entropy_of(s->p, levels(c, i));
    }
    for (int i = c->space->nb - 1; i >= 0; i--) {
        head_back(c, i, advantage, entropy, dh);
        cell_back(c, i, dh, dc);
    }
    return loss;
}

void fg_controller_step(FgController *c, double lr, int batch)
{
    const double b1 = 0.9, b2 = 0.99;
    const double one = 1 - pow(b1, ++c->updates);
    const double two = 1 - pow(b2, c->updates);

    for (size_t i = 0; i < c->nb; i++) {
        const double g = c->grad[i] / batch;

        c->m[i] = b1 * c->m[i] + (1 - b1) * g;
        c->v[i] = b2 * c->v[i] + (1 - b2) * g * g;
        c->w[i] -= lr * (c->m[i] / one) / (sqrt(c->v[i] / two) + 1e-8);
        c->grad[i] = 0;
    }
}
