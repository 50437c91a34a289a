/* Spectral normalisation (Miyato et al., arXiv:1802.05957).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each weight of a conv2d or dense node, seen as a matrix of one row per
 * output, is divided by its largest singular value, estimated by one power
 * iteration a step. The network keeps its plain weights; a tape runs on
 * FgSpectral.w:
 *
 *     fg_tape_create(&tape, &net->graph, &s.w, &net->grads, ...);
 *     every step:  fg_spectral_apply(&s, 1);  forward, backward;
 *                  fg_spectral_back(&s);  fg_net_step(net, ...)
 *
 * The vectors stand in the run's state (FgTrain.state), so that checkpoints and
 * rollbacks have them. */
#ifndef FFGAN_TRAINER_SPECTRAL_H
#define FFGAN_TRAINER_SPECTRAL_H

#include "trainer/net.h"

typedef struct FgSpectral {
    FgNet *net;
    FgParams w;      /* every parameter of net, the chosen ones divided */
    FgParams *state; /* NET.PARAM.u and .v */
    char *chosen;    /* [w.nb] */
    double *sigma;   /* [w.nb] of the host */
    struct FgSpectralGpu *gpu; /* spectral_gpu.c's, where w is on a device */
} FgSpectral;

/* The vector u or v of parameter p of w. */
FgParam *fg_spectral_vector(const FgSpectral *s, const FgParam *p, char which);

/* skip: words that a parameter's name must not begin with, "head,tail", or
 * NULL. Starts with 15 iterations from vectors that seed gives, as PyTorch
 * does. net and state are borrowed. 0 or -ENOMEM; on failure zeroed. */
int fg_spectral_create(FgSpectral *s, FgNet *net, FgParams *state,
                       const char *skip, uint64_t seed);
void fg_spectral_free(FgSpectral *s); /* accepts NULL, zeroed */
/* w from the network's weights; iterate 1: one power iteration before. */
void fg_spectral_apply(FgSpectral *s, int iterate);
/* net->grads, gradients by w, become gradients by the plain weights:
 * (G - <G, W/sigma> u v') / sigma. */
void fg_spectral_back(FgSpectral *s);

#endif
