/* Optimisers, learning-rate schedule and weight averaging.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "trainer/optim.h"

typedef void (*StepFn)(const FgOptim *o, float *p, const float *g, float *m,
                       float *v, size_t n, int64_t t, double lr);

static void adam_core(const FgOptim *o, float *p, const float *g, float *m,
                      float *v, size_t n, int64_t t, double lr, float decay)
{
    const double fix1 = 1 - pow(o->beta1, (double)t);
    const double fix2 = 1 - pow(o->beta2, (double)t);
    const float step = (float)(lr / fix1), root = (float)sqrt(fix2);
    const float b1 = (float)o->beta1, c1 = (float)(1 - o->beta1);
    const float b2 = (float)o->beta2, c2 = (float)(1 - o->beta2);
    const float eps = (float)o->eps;

    for (size_t i = 0; i < n; i++) {
        const float gi = g[i] + decay * p[i];

        m[i] = m[i] * b1 + gi * c1;
        v[i] = v[i] * b2 + gi * gi * c2;
        p[i] -= step * (m[i] / (sqrtf(v[i]) / root + eps));
    }
}

static void step_adam(const FgOptim *o, float *p, const float *g, float *m,
                      float *v, size_t n, int64_t t, double lr)
{
    adam_core(o, p, g, m, v, n, t, lr, (float)o->weight_decay);
}

static void step_adamw(const FgOptim *o, float *p, const float *g, float *m,
                       float *v, size_t n, int64_t t, double lr)
{
    const float keep = (float)(1 - lr * o->weight_decay);

    for (size_t i = 0; i < n; i++)
        p[i] *= keep;
    adam_core(o, p, g, m, v, n, t, lr, 0);
}

static void step_sgd(const FgOptim *o, float *p, const float *g, float *m,
                     float *v, size_t n, int64_t t, double lr)
{
    const float mom = (float)o->momentum, decay = (float)o->weight_decay;

    (void)v;
    (void)t; /* m is 0 at the first step, so it needs no special case */
    for (size_t i = 0; i < n; i++) {
        m[i] = m[i] * mom + (g[i] + decay * p[i]);
        p[i] -= (float)lr * m[i];
    }
}

static void step_rmsprop(const FgOptim *o, float *p, const float *g, float *m,
                         float *v, size_t n, int64_t t, double lr)
{
    const float keep = (float)o->beta2, take = (float)(1 - o->beta2);
    const float decay = (float)o->weight_decay, eps = (float)o->eps;

    (void)m;
    (void)t;
    for (size_t i = 0; i < n; i++) {
        const float gi = g[i] + decay * p[i];

        v[i] = v[i] * keep + gi * gi * take;
        p[i] -= (float)lr * (gi / (sqrtf(v[i]) + eps));
    }
}

static const struct {
    const char *name;
    StepFn step;
} table[] = {{"adam", step_adam},
             {"adamw", step_adamw},
             {"sgd", step_sgd},
             {"rmsprop", step_rmsprop}};

int fg_optim_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof(table) / sizeof(table[0])); i++)
        if (!strcmp(table[i].name, name))
            return i;
    return -1;
}

void fg_optim_step(const FgOptim *o, float *p, const float *g, float *m,
                   float *v, size_t n, int64_t t, double lr)
{
    table[o->kind].step(o, p, g, m, v, n, t, lr);
}

double fg_schedule(double at, double warmup, double total, double lr,
                   double lr_min)
{
    double part;

    if (at < warmup)
        return lr * (at + 1) / (warmup + 1);
    part = total > warmup ? (at - warmup) / (total - warmup) : 1;
    part = part > 1 ? 1 : part;
    return lr_min + 0.5 * (lr - lr_min) * (1 + cos(part * 3.14159265358979));
}

/* ---- schedules ---- */

/* part: share of the run after the warm-up; step: steps done. */
typedef double (*RateFn)(const FgSchedule *s, double part, double step,
                         double lr, double lr_min);

static double rate_cosine(const FgSchedule *s, double part, double step,
                          double lr, double lr_min)
{
    (void)s;
    (void)step;
    return fg_schedule(part, 0, 1, lr, lr_min);
}

static double rate_linear(const FgSchedule *s, double part, double step,
                          double lr, double lr_min)
{
    const double from = s->decay_start;
    const double down = from < 1 && part > from ? (part - from) / (1 - from)
                                                : 0;

    (void)step;
    return lr + (lr_min - lr) * down;
}

static double rate_step(const FgSchedule *s, double part, double step,
                        double lr, double lr_min)
{
    const double r = lr * pow(s->decay_factor, floor(step / s->decay_every));

    (void)part;
    return r < lr_min ? lr_min : r;
}

static double rate_constant(const FgSchedule *s, double part, double step,
                            double lr, double lr_min)
{
    (void)s;
    (void)part;
    (void)step;
    (void)lr_min;
    return lr;
}

static const struct {
    const char *name;
    RateFn rate;
} schedules[] = {{"cosine", rate_cosine},
                 {"linear", rate_linear},
                 {"step", rate_step},
                 {"constant", rate_constant}};

int fg_schedule_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof(schedules) / sizeof(schedules[0])); i++)
        if (!strcmp(schedules[i].name, name))
            return i;
    return -1;
}

double fg_schedule_rate(const FgSchedule *s, double at, double warmup,
                        double total, double step, double lr, double lr_min)
{
    double part;

    if (at < warmup)
        return lr * (at + 1) / (warmup + 1);
    part = total > warmup ? (at - warmup) / (total - warmup) : 1;
    return schedules[s->kind].rate(s, part > 1 ? 1 : part, step, lr, lr_min);
}

double fg_ema_decay(double decay, int64_t t)
{
    const double early = (1.0 + (double)t) / (10.0 + (double)t);

    return early < decay ? early : decay;
}

void fg_ema_step(float *ema, const float *p, size_t n, double decay)
{
    const float keep = (float)decay, take = (float)(1 - decay);

    for (size_t i = 0; i < n; i++)
        ema[i] = keep * ema[i] + take * p[i];
}
