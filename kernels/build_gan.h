/* ffgan: DCGAN's networks. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Radford et al., arXiv:1511.06434, at side 32 as the project's founding text
 * has them: four layers of kernel 4. Bigger sides have a layer more for each
 * doubling. */
#ifndef FFGAN_KERNELS_BUILD_GAN_H
#define FFGAN_KERNELS_BUILD_GAN_H

#include "graph.h"

typedef struct FgGanBuild {
    int side;               /* of the picture: 32, 64, 128, 256 */
    int channels;           /* of the picture: 1, 3, 4 */
    int latent;             /* generator: channels of its 1x1 input */
    int features;           /* of the layer next to the picture: 64 */
    int outputs;            /* critic: values per picture */
    const char *activation; /* "relu", "leaky_relu" (0.2) */
    const char *norm;       /* "none", "batch": after all layers but those that
                               touch picture or outputs */
    const char *last;       /* "none", "tanh", "sigmoid" */
    int bias;               /* of the convolutions that no norm follows */
    float dropout;          /* critic: after each activation, 0 = none */
    int extra;  /* 3x3 convolutions behind each layer that has an activation,
                   with norm and activation of their own: 0..4, "moreI_K" */
    int smooth; /* 1: no strides. A generator repeats pixels before a 3x3
                   convolution, a critic averages 2x2 behind one */
} FgGanBuild;

/* [N,latent,1,1] -> [N,channels,side,side]: transposed convolutions of kernel
 * 4, first stride 1 pad 0 to 4x4 with features * side/8 channels, then stride 2
 * pad 1, halving the channels; "deconv0" .. */
int fg_build_gan_generator(FgGraph *g, const FgGanBuild *b, FgError *err);
/* [N,channels,side,side] -> [N,outputs,1,1]: its mirror image; "conv0" .. */
int fg_build_gan_critic(FgGraph *g, const FgGanBuild *b, FgError *err);

#endif
