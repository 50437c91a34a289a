/* Optimisers, learning-rate schedule and weight averaging.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_OPTIM_H
#define FFGAN_TRAINER_OPTIM_H

#include <stddef.h>
#include <stdint.h>

typedef struct FgOptim {
    int kind;            /* row of the table, fg_optim_find */
    double beta1, beta2; /* adam, adamw; rmsprop: beta2 is PyTorch's alpha */
    double eps;          /* adam, adamw, rmsprop */
    double momentum;     /* sgd */
    double weight_decay; /* added to the gradient; adamw: decoupled */
} FgOptim;

/* "adam", "adamw", "sgd", "rmsprop" -> row, or -1. */
int fg_optim_find(const char *name);
/* One step number t (from 1) on n values with gradient g; m and v are this
 * optimiser's memory, zero before the first step. The formulas, and the order
 * of rounding, are PyTorch's. */
void fg_optim_step(const FgOptim *o, float *p, const float *g, float *m,
                   float *v, size_t n, int64_t t, double lr);

/* Linear warm-up over the first warmup, then a half cosine from lr to lr_min.
 * All three of at, warmup and total share one unit (steps or seconds). */
double fg_schedule(double at, double warmup, double total, double lr,
                   double lr_min);

/* What follows the warm-up; with lr = peak, lr_min = floor. */
typedef struct FgSchedule {
    int kind;            /* row of the table, fg_schedule_find */
    double decay_start;  /* linear: share of the run at peak */
    double decay_every;  /* step: in at's unit */
    double decay_factor; /* step */
} FgSchedule;

/* "cosine", "linear", "step", "constant" -> row, or -1. */
int fg_schedule_find(const char *name);
/* The rate, as fg_schedule's; total > 0. step counts falls in steps, whatever
 * unit at has. */
double fg_schedule_rate(const FgSchedule *s, double at, double warmup,
                        double total, double step, double lr, double lr_min);
/* min(decay, (1 + t) / (10 + t)): early weights are soon forgotten. */
double fg_ema_decay(double decay, int64_t t);
void fg_ema_step(float *ema, const float *p, size_t n, double decay);

#endif
