/* ffgan: the inside of a generator.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_GENERATOR_PRIV_H
#define FFGAN_KERNELS_GENERATOR_PRIV_H

#include "generator.h"

typedef struct FgStage {
    FgGraph graph;
    const FgParams *params; /* the model's or the generator's own */
    FgPlan *plan, *plan32;  /* plan32: made when first needed */
    int scale, w, h;        /* of the input map, without padding */
    int pad_x, pad_y;       /* what seamless pictures repeat on each side */
    FgTensor in, out;       /* with padding */
} FgStage;

struct FgGenerator {
    FgGeneratorOptions o;
    FgLatent latent;
    FgParams projected;
    FgStage stage[FG_MAX_STAGES];
    int nb;
    FgPlan *waves;
    float *wave;   /* [periodic][2]: kx, ky in radians per cell */
    float *global; /* the vector that they follow from */
    double macs;
    const FgMoment *at; /* in hand */
};

/* generator_fill.c. Makes the input of stage k; alone: without what the stage
 * below gave. 0 or a negative errno. */
int fg_generator_fill(FgGenerator *g, int k, int alone, FgError *err);
/* The part of a map of the stage that is not padding. */
FgTensor fg_stage_inside(const FgStage *s, const FgTensor *t, int scale);
/* generator_project.c. Copies the first graph and the parameters; a deconv2d
 * that makes k x k places of each cell becomes conv2d and pixel_shuffle. */
int fg_generator_project(FgGraph *g, FgParams *ps, const FgModel *m,
                         FgError *err);

#endif
