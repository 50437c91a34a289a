/* Effect frames from one plate: a pyramid of small generators, after ConSinGAN
 * (Hinz et al., arXiv:2003.11512) and SinGAN (Shaham et al., ICCV 2019).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_PLATE_H
#define FFGAN_TRAINER_PLATE_H

#include "kernels/graph.h"
#include "kernels/latent.h"
#include "kernels/pool.h"
#include "pipeline/source.h"

enum { FG_PLATE_FRAMES = 64 }; /* pictures of one plate at most */

/* ---- pyramid.c: the plate at every size ---- */

typedef struct FgPyramid {
    int nb_stages, nb_frames;
    int c;                        /* 3, or 4 with alpha */
    int size[FG_MAX_STAGES][2];   /* w, h, rising */
    FgTensor real[FG_MAX_STAGES]; /* [nb_frames][h][w][c] f32, -1..1 */
} FgPyramid;

/* Sizes from the smaller side `least` to the larger side `most` (not above the
 * plate's own), each the same times the one before. */
void fg_pyramid_sizes(FgPyramid *p, int w, int h, int least, int most,
                      int stages);
/* Makes real[] from rgb pictures of one size and, c 4, as many of alpha (their
 * first channel), scaled as imresize does. 0 or -ENOMEM. */
int fg_pyramid_make(FgPyramid *p, const FgPicture *const *rgb,
                    const FgPicture *const *alpha);
void fg_pyramid_free(FgPyramid *p); /* accepts NULL, zeroed */

/* Bilinear, pixel centres, edges repeated: src [1,C,h,w] into the first C
 * channels of dst [1,>=C,H,W]; what generator.h does between stages. */
void fg_bilinear(FgTensor *dst, const FgTensor *src);
/* The adjoint: overwrites dsrc with what ddst's first C channels hand back. */
void fg_bilinear_back(FgTensor *dsrc, const FgTensor *ddst);

/* ---- net_plate.c ---- */

typedef struct FgPlateNet {
    int features, layers; /* channels; 3x3 convolutions of a stage */
    int noise;            /* channels of noise */
    int channels;         /* 3, or 4 with alpha */
    int critic;           /* channels of the critic */
    int pad_mode;         /* FgPadMode of the generator */
} FgPlateNet;

/* Stage 0: noise -> features. Stage k: features of the stage before and noise
 * -> features, by a residual. Parameter names begin "sK.". */
int fg_plate_stage(FgGraph *g, const FgPlateNet *n, int k, FgError *err);
/* Features -> picture, -1..1. */
int fg_plate_tail(FgGraph *g, const FgPlateNet *n, FgError *err);
/* What a file holds of the last stage: stage k, tail, 0..1. It uses constants
 * "half.bias". */
int fg_plate_last(FgGraph *g, const FgPlateNet *n, int k, FgError *err);
/* Picture -> one number for each patch that lies inside. */
int fg_plate_critic(FgGraph *g, const FgPlateNet *n, FgError *err);

#endif
