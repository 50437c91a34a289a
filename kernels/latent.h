/* ffgan: what a generator makes its pictures of: random numbers with a place.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A latent is a map of normal numbers. Each is a function of (seed, key, layer,
 * channel, x, y) alone, so any frame, and any part of one, can be made without
 * the others, with the same bits on every machine. */
#ifndef FFGAN_KERNELS_LATENT_H
#define FFGAN_KERNELS_LATENT_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define FG_MAX_STAGES 16

/* NONE: the file is no generator's. DCGAN: one vector per cell. TEXTURE: local,
 * global and periodic channels (Bergmann et al., arXiv:1705.06566). PLATE: a
 * pyramid of stages, noise in each (Hinz et al., arXiv:2003.11512). */
typedef enum FgLatentKind {
    FG_LATENT_NONE,
    FG_LATENT_DCGAN,
    FG_LATENT_TEXTURE,
    FG_LATENT_PLATE
} FgLatentKind;

typedef struct FgLatent {
    FgLatentKind kind;
    int channels;                /* dcgan: of the vector; plate: of the noise */
    int base_w, base_h;          /* dcgan, texture: cells it was trained on */
    int local, global, periodic; /* texture: channels, in this order */
    int nb_sizes;                /* plate: stages */
    int size[FG_MAX_STAGES][2];  /* plate: w, h trained on, rising */
    float noise[FG_MAX_STAGES];  /* plate: standard deviation of the noise */
} FgLatent;

/* JSON text of the metadata ffgan.latent:
 *   {"kind":"dcgan","channels":100,"base":[1,1]}
 *   {"kind":"texture","local":30,"global":60,"periodic":3,"base":[5,5]}
 *   {"kind":"plate","channels":3,"sizes":[[25,19],..],"noise":[1,0.1,..]}
 * Unknown and missing keys and values out of range are refused, naming them:
 * 1..4096 channels (texture: in all), base 1..64, sizes 2..16384 that never
 * fall, noise 0..100. 0, -EINVAL, -ENOMEM; *l is zeroed on failure. */
int fg_latent_parse(FgLatent *l, const char *text, FgError *err);
char *fg_latent_to_json(const FgLatent *l); /* malloc'ed, or NULL */
/* The rules above for a latent made by hand: 0 or -EINVAL. */
int fg_latent_check(const FgLatent *l, FgError *err);
int fg_latent_channels(const FgLatent *l); /* what the first graph takes */

/* A point in latent space: the sum of up to FG_MAX_TERMS independent maps. */
#define FG_MAX_TERMS 4
typedef struct FgTerm {
    uint64_t seed;
    uint32_t key;
    float weight;
} FgTerm;
typedef struct FgMoment {
    int nb;
    FgTerm term[FG_MAX_TERMS];
    float truncation; /* 0..1: normal numbers are multiplied by it */
} FgMoment;

/* Adds weight * N(0,1) to n floats dst[i*gap], the numbers of places x..x+n-1
 * of row y. Layer and channel tell maps of one frame apart. Box-Muller over
 * Philox4x32-10 with our own logarithm and sine. */
void fg_latent_row(float *dst, int gap, const FgTerm *t, int layer, int channel,
                   int x, int y, int n, float truncation);
/* An angle 0..2 pi of the same kind (phases of periodic channels). */
double fg_latent_angle(const FgTerm *t, int layer, int channel);

/* sin(x) and cos(x) for |x| <= 1e6: the same bits everywhere, within 1e-9.
 * Beyond about 1e16 0 and 1; NaN for NaN and infinities. */
void fg_sincos(double x, double *s, double *c);

#endif
