/* Textures without end: a fully convolutional generator, after PSGAN (Bergmann
 * et al., arXiv:1705.06566). SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_TEXTURE_H
#define FFGAN_TRAINER_TEXTURE_H

#include "kernels/graph.h"

typedef struct FgTextureNet {
    int local, global, periodic; /* channels of the latent maps */
    int features;                /* channels at full size; coarser have more */
    int levels;                  /* doublings: 2^levels pixels a cell */
    int critic;                  /* channels of the critic's first layer */
    int channels;                /* of the pictures that the critic sees */
} FgTextureNet;

/* Latent maps [N,local+global+periodic,h,w] -> [N,3,h*2^levels,w*2^levels]:
 * -1..1, or for the file 0..1 with constants "half.bias". */
int fg_texture_generator(FgGraph *g, const FgTextureNet *n, int file,
                         FgError *err);
/* Global vector [N,global,1,1] -> [N,2 periodic,1,1]: wave numbers in radians a
 * cell, channels 2i along x, 2i+1 along y. */
int fg_texture_waves(FgGraph *g, const FgTextureNet *n, FgError *err);
/* Waves of all directions, 0.3 .. 1.5 radians a cell, to begin with. */
void fg_texture_waves_init(FgParams *ps, const FgTextureNet *n, uint64_t seed);
/* Picture -> a number for each patch. */
int fg_texture_critic(FgGraph *g, const FgTextureNet *n, FgError *err);

/* Latent maps of a batch. z [N,local+global+periodic,h,w]: local and global are
 * filled already; periodic channel i at cell (x, y) becomes
 * sin(k[2i] x + k[2i+1] y + phase[i]), k [N,2 periodic,1,1], phase [N,periodic]
 * in radians. */
void fg_texture_periodic(FgTensor *z, const FgTextureNet *n, const FgTensor *k,
                         const double *phase);
/* Its adjoint: overwrites dk by dz. */
void fg_texture_periodic_back(FgTensor *dk, const FgTensor *dz,
                              const FgTextureNet *n, const FgTensor *k,
                              const double *phase);

#endif
