/* Random numbers as a function of where they are used.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_NOISE_H
#define FFGAN_TRAINER_NOISE_H

#include "kernels/tensor.h"

/* What numbers are for: streams of one seed that never meet. Families take
 * their own from FG_NOISE_FAMILY on. */
enum {
    FG_NOISE_LATENT = 1, /* a generator's input */
    FG_NOISE_MIX,        /* between real and made: gradient penalty */
    FG_NOISE_SAMPLE,     /* the latents of the sample grid */
    FG_NOISE_CODE,       /* a VAE's reparameterisation */
    FG_NOISE_VAL,        /* held-out figures */
    FG_NOISE_DROPOUT,
    FG_NOISE_FAMILY = 64
};

/* In [0, 1): value i of stream at step. */
double fg_noise_at(uint64_t seed, int64_t step, int stream, size_t i);
/* Dense f32; element i (in the order n, y, x, c) is a standard normal number
 * (Box-Muller on Philox) or uniform in [0, 1). */
void fg_noise_normal(FgTensor *t, uint64_t seed, int64_t step, int stream);
void fg_noise_fill(FgTensor *t, uint64_t seed, int64_t step, int stream);
/* By a parameter's name: uniform in [0, 1), standard normal. */
double fg_noise_uniform(uint64_t seed, const char *name, size_t i);
double fg_noise_named(uint64_t seed, const char *name, size_t i);

#endif
