/* The densities of tree-structured Parzen estimators, as hyperopt has them.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Source: hyperopt, tpe.py: adaptive_parzen_normal, linear_forgetting_weights,
 * GMM1_lpdf; checked against numbers recorded from it. */
#ifndef FFGAN_TRAINER_PARZEN_H
#define FFGAN_TRAINER_PARZEN_H

#define FG_PARZEN_MAX 4096   /* observations */
#define FG_PARZEN_FORGET 25  /* newest that count fully */
#define FG_PARZEN_STARTUP 20 /* random trials first */
#define FG_PARZEN_CANDIDATES 24
#define FG_PARZEN_GAMMA 0.25

/* A mixture of nb normals cut off outside [low, high]. */
typedef struct FgParzen {
    int nb;
    double w[FG_PARZEN_MAX + 1], mu[FG_PARZEN_MAX + 1],
        sigma[FG_PARZEN_MAX + 1];
    double low, high;
    double q;      /* grid, 0 = none */
    double accept; /* mass inside */
} FgParzen;

/* Weight of observation i of n, oldest first. */
double fg_parzen_weight(int i, int n);
/* Good trials among n: min(ceil(gamma sqrt n), 25). */
int fg_parzen_below(int n);
/* From n <= FG_PARZEN_MAX observations, oldest first, and a prior of weight 1
 * at the middle, as wide as the range. */
void fg_parzen_make(FgParzen *p, const double *obs, int n, double low,
                    double high, double q);
double fg_parzen_log(const FgParzen *p, double x); /* log density or mass */

#endif
