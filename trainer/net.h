/* One network in training: graph, weights, gradients, optimiser memory.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_NET_H
#define FFGAN_TRAINER_NET_H

#include "kernels/model.h"
#include "trainer/optim.h"

enum { FG_SET_PARAM, FG_SET_EMA, FG_SET_M, FG_SET_V, FG_SET_BEST, FG_NB_SETS };

/* A family of one network has one FgNet, a GAN several; each steps alone. */
typedef struct FgNet {
    const char *name;         /* stands in checkpoints: "g", "d"; static */
    FgGraph graph;            /* training form */
    FgParams set[FG_NB_SETS]; /* weights, their average, moments, best average;
                                 all of the same names and shapes */
    FgParams grads;
    FgOptim optim;
    double ema, clip;     /* averaging; largest gradient norm, 0 = no limit */
    int64_t t;            /* optimiser steps done */
    struct FgNetGpu *gpu; /* net_gpu.c's */
} FgNet;

/* Takes over *graph (zeroed) on success and failure; params are made and
 * initialised from seed. */
int fg_net_create(FgNet *net, const char *name, FgGraph *graph, uint64_t seed,
                  FgError *err);
void fg_net_free(FgNet *net); /* accepts NULL, zeroed */
void fg_net_zero_grads(FgNet *net);
/* Are all weights, averages and moments finite? */
int fg_net_finite(const FgNet *net);
/* Other first weights than fg_graph_init_params', in every set: "torch" =
 * PyTorch's own for conv, deconv and dense (uniform, +-1/sqrt(fan in), biases
 * too), "normal" = DCGAN's N(0, 0.02), norm scales N(1, 0.02), biases 0, "he" =
 * what fg_net_create did. -EINVAL for another word. */
int fg_net_init(FgNet *net, const char *kind, uint64_t seed);
/* L2 norm over all trainable gradients; NaN or Inf when one is. */
double fg_net_grad_norm(FgNet *net);
/* Clips, steps, averages. norm comes from fg_net_grad_norm. */
void fg_net_step(FgNet *net, double lr, double norm);
/* Copies parameters of equal name and shape from a weights file into the
 * weights and their average; returns how many, or a negative errno. */
int fg_net_warm_start(FgNet *net, const FgModel *m);
void fg_net_copy_set(FgNet *net, int to, int from);
/* Keeps trainable weights within +-limit. */
void fg_net_limit(FgNet *net, double limit);
/* The inference form (branches folded) of one set. */
int fg_net_collapse(const FgNet *net, int set, FgGraph *g, FgParams *ps,
                    FgError *err);

#endif
