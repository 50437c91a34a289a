/* Networks of the image-to-image families and their critics, as graphs.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All take [N,C,H,W] of 0..1. Generators give the same shape of about 0..1;
 * those with a tanh work on -1..1 inside, by constants that stand in the graph
 * (fg_nets_constants). Critics give one value a place, no sigmoid. */
#ifndef FFGAN_TRAINER_NETS_H
#define FFGAN_TRAINER_NETS_H

#include "trainer/net.h"

#define FG_MAX_TAPS 12

/* Nodes of a critic whose outputs are compared by feature matching, or of an
 * encoder whose outputs PatchNCE looks at. */
typedef struct FgTaps {
    int node[FG_MAX_TAPS], nb;
} FgTaps;

typedef struct FgNetSpec {
    int channels;     /* of the picture: 1 or 3 */
    int features;     /* of the first layer */
    int blocks;       /* residual blocks of a generator */
    int levels;       /* halvings of size, 1..4 */
    const char *norm; /* "none", "instance": after convolutions */
    int residual;     /* fg_build_encdec: the input is added to the output */
    float gain;       /* fg_build_unet_critic: multiplies the output; 0 = 1 */
} FgNetSpec;

/* Which level of a U-Net critic's or generator's size has to divide. */
int fg_nets_align(const FgNetSpec *s);

/* CycleGAN's generator (arXiv:1703.10593 appendix; Johnson et al.): conv7,
 * levels x conv3 of stride 2 with twice the channels, residual blocks,
 * levels x (nearest x2, conv3), conv7, tanh; reflected borders; a norm and
 * ReLU after each but the last. Upscaling before a convolution in the place of
 * transposed convolutions: those leave checkerboards. taps: what CUT compares
 * (input, the first and the down convolutions, first and middle block). */
int fg_build_resnet(FgGraph *g, const FgNetSpec *s, FgTaps *taps, FgError *err);

/* Keyframe generator: conv3 at full size, levels x conv3 of stride 2, residual
 * blocks at the smallest size, back up by nearest x2 and conv3 with the sum of
 * the same size on the way down, conv3. Leaky ReLU 0.2. 3x3 only. */
int fg_build_encdec(FgGraph *g, const FgNetSpec *s, FgError *err);

/* PatchGAN (arXiv:1611.07004): levels x conv4 of stride 2 doubling channels up
 * to 8 times, conv4 of stride 1, conv4 to one channel; leaky ReLU 0.2; no norm
 * in the first. levels 3 sees 70x70 pixels. taps: every activation. */
int fg_build_patch_critic(FgGraph *g, const FgNetSpec *s, FgTaps *taps,
                          FgError *err);

/* U-Net critic (Real-ESRGAN, arXiv:2107.10833): conv3; three conv4 of stride 2
 * doubling channels; three times bilinear x2, conv3, leaky ReLU, plus the same
 * size on the way down; conv3, conv3, conv3 to one channel. No bias but in the
 * first and last. Sides must divide by 8. taps: every activation. Its spectral
 * norm belongs to the weights, see spectral.h: all but the first and last. */
int fg_build_unet_critic(FgGraph *g, const FgNetSpec *s, FgTaps *taps,
                         FgError *err);

/* Gives the constants of a graph by the builders above their values, in every
 * set, and keeps them from being trained. */
void fg_nets_constants(FgNet *net);

#endif
