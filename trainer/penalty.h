/* Gradient penalties on a critic: value and gradient by the weights.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * g = d sum(critic) / d picture. Penalties:
 *   gp sample   mean over pictures of (|g| - 1)^2 (WGAN-GP, arXiv:1704.00028)
 *   gp pixel    mean over pixels of (|g| - 1)^2, |g| over channels: what the
 *               code of ConSinGAN and BasicSR computes
 *   r1          mean over pictures of |g|^2 / 2 (arXiv:1801.04406): R1 on real
 *               pictures, R2 on made ones
 *
 * The gradient is exact, by double backpropagation without an autograd: with
 * t = d penalty / d g held fixed, penalty's slope by a weight is that of the
 * directional derivative sum(critic)'(picture; t). That derivative is itself a
 * forward pass over t, its gradient by each value is the first backward pass's,
 * so d/dW = weight gradient (input t, delta of the first pass). Smooth
 * activations add phi''(z) u t, sent back once more; a PReLU's slope gets the
 * sum of u t where z < 0. Biases get nothing from piecewise linear critics.
 *
 * Self-test (Euler): a piecewise linear critic without biases is homogeneous of
 * degree 1 in each layer's weights, so <dP/dW, W> = mean 2 (|g| - 1)|g| for
 * every layer (for r1: 2 P). */
#ifndef FFGAN_TRAINER_PENALTY_H
#define FFGAN_TRAINER_PENALTY_H

#include "trainer/tape.h"

typedef enum FgPenaltyKind {
    FG_PENALTY_SAMPLE,
    FG_PENALTY_PIXEL,
    FG_PENALTY_R1
} FgPenaltyKind;

typedef struct FgPenalty {
    FgTape *tape;
    FgTensor *tan;            /* [nb_nodes] the forward pass over t */
    FgTensor *bend;           /* [nb_nodes] phi'' u t at smooth activations */
    int smooth;               /* there is one */
    FgTensor grad;            /* of the input, copied: g */
    struct FgPenaltyGpu *gpu; /* penalty_gpu.c's: all of it is there */
} FgPenalty;

/* The tape, borrowed, was made with want_input and with grads. Refuses
 * (-EINVAL) networks with an op that is neither linear nor of one element:
 * norms, mul, max_pool, warp, dropout. */
int fg_penalty_create(FgPenalty *p, FgTape *critic, FgError *err);
void fg_penalty_free(FgPenalty *p); /* accepts NULL, zeroed */
/* At the pictures in the tape's input: runs forward and back, adds weight times
 * the penalty's gradient to the tape's grads and returns weight times the
 * penalty. norm, if not NULL: the mean of |g|. Leaves the tape's values and
 * gradients used up. -1 on a failure of an op, which is told in *ret. */
double fg_penalty_run(FgPenalty *p, FgPenaltyKind kind, double weight,
                      double *norm, int *ret);
/* out = a + e (b - a), e uniform per picture by seed and step: where WGAN-GP
 * looks. */
void fg_penalty_mix(FgTensor *out, const FgTensor *a, const FgTensor *b,
                    uint64_t seed, int64_t step);
/* The same from the inputs of two tapes into a third's, which on a device keeps
 * its input there (FG_KEEP_INPUT). 0 or a negative errno. */
int fg_penalty_mix_inputs(FgTape *out, FgTape *a, FgTape *b, uint64_t seed,
                          int64_t step);

#endif
