/* A recurrent controller: an LSTM that names one choice after another, each
 * knowing the ones before it (Zoph and Le, arXiv:1611.01578; NASNet,
 * arXiv:1707.07012). In double. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Step t reads what was chosen at t - 1 (a learnt vector), and its state h
 * gives the logits of gene t. H = FG_CONTROLLER_SIZE:
 *   cell [2H][4H], cell_bias [4H] (gates i f g o), start [H], and for each
 *   gene of n levels head [H][n], head_bias [n], embed [n][H].
 * A number is one of its levels (space.h). */
#ifndef FFGAN_TRAINER_CONTROLLER_H
#define FFGAN_TRAINER_CONTROLLER_H

#include "trainer/dice.h"
#include "trainer/space.h"

enum { FG_CONTROLLER_SIZE = 16 };

typedef struct FgController {
    const FgSpace *space;
    size_t cell, cell_bias, start;
    size_t head[FG_MAX_GENES], head_bias[FG_MAX_GENES], embed[FG_MAX_GENES];
    size_t nb;                  /* parameters */
    double *w, *grad, *m, *v;   /* [nb]; m, v: Adam's */
    struct FgControllerStep *t; /* [genes] of the newest pass */
    int updates;
} FgController;

/* First weights even in +-0.1, by the seed. 0 or -ENOMEM; space is kept. */
int fg_controller_create(FgController *c, const FgSpace *space, uint64_t seed);
void fg_controller_free(FgController *c); /* accepts zeroed */

void fg_controller_sample(FgController *c, FgDice *d, FgPoint *out);
/* -advantage * log p(x) - entropy * (entropy of all choices at x); its gradient
 * is added to grad. */
double fg_controller_loss(FgController *c, const FgPoint *x, double advantage,
                          double entropy);
/* A step of Adam by grad / batch, which is then zero. */
void fg_controller_step(FgController *c, double lr, int batch);

#endif
