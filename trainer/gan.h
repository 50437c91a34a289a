/* What the families of generator and critic share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_GAN_H
#define FFGAN_TRAINER_GAN_H

#include "trainer/train.h"

struct FgGanBuild;
/* Makes net i, a critic (an encoder) or a generator by b, with the recipe's
 * optimiser, averaging, clipping and first weights. 0 or a negative errno +
 * err; what was made is freed with the run. */
int fg_gan_net(FgTrain *t, int i, const char *name, int critic,
               const struct FgGanBuild *b, FgError *err);

#define FG_MD5_HELP                                                            \
    "MD5 of the .tar.gz in train and val, if not the published CIFAR-10's"
/* The key 'md5' is 32 hex digits and there is an archive to check by it. */
int fg_md5_check(const FgRecipe *r, const char *path, FgError *err);

/* Side by side in rows, cols pictures a row, from dense f32 tensors of 1 or 3
 * channels: values lo..hi become 0..255. The caller frees *out. 0, -ENOMEM. */
int fg_picture_grid(FgPicture *out, const FgTensor *t, int nb, int cols,
                    double lo, double hi);
/* Two pictures of equal height beside each other with a gap of 2 pixels. */
int fg_picture_beside(FgPicture *out, const FgPicture *a, const FgPicture *b);

/* Sliced Wasserstein distance (distance.h), the mean of its levels, of equally
 * many real and made pictures with values lo..hi. 0 or -ENOMEM. */
int fg_gan_distance(const FgTensor *real, const FgTensor *made, double lo,
                    double hi, FgExecutor *ex, double *swd);

/* The generator of net, folded, its output made 0..1 (from -1..1 where tanh is
 * 1), as a weights file of task generator with one latent vector. */
int fg_export_generator(const FgTrain *t, const FgNet *net, int set,
                        int channels, int tanh, FgModel **m, FgError *err);

#endif
