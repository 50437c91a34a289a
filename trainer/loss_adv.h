/* Adversarial losses by name: values and gradients.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *  bce          on probabilities (a critic that ends in a sigmoid): -log p with
 *               the logarithm held above -100, as PyTorch's BCELoss
 *  bce_logits   the same on logits, stable: softplus
 *  lsgan        (x - 1)^2 for real, x^2 for made (arXiv:1611.04076, 0-1 coding)
 *  hinge        max(0, 1 - x), max(0, 1 + x); generator -x (arXiv:1705.02894)
 *  wgan         -x, x (arXiv:1701.07875): needs clipping or a penalty
 *  relativistic softplus(-(real - made)), pairs by place (arXiv:1807.00734;
 *               arXiv:2501.05441); generator softplus(real - made)
 *
 * Arrays hold a critic's outputs, n values each (one or a map per picture);
 * losses are means. Sums are in double in rising order. */
#ifndef FFGAN_TRAINER_LOSS_ADV_H
#define FFGAN_TRAINER_LOSS_ADV_H

#include <stddef.h>

#define FG_ADV_CHOICES "bce|bce_logits|lsgan|hinge|wgan|relativistic"

int fg_adv_find(const char *name); /* row of the table, or -1 */
/* 1: the loss needs real and made outputs of the same step at once. */
int fg_adv_pairs(int kind);
/* The row of a generator's loss: one that wants to pass for real has the
 * critic's own loss for real ones, except where that one is cut. */
int fg_adv_fooling(int kind);
/* The critic's loss; g_real and g_fake get its gradients times weight. Either
 * pair (x, g) may be NULL where the loss does not pair: that part is 0. */
double fg_adv_critic(int kind, double weight, const float *real, float *g_real,
                     const float *fake, float *g_fake, size_t n);
/* The generator's loss; g gets its gradient by fake, times weight. real may be
 * NULL unless the loss pairs. */
double fg_adv_generator(int kind, double weight, const float *real,
                        const float *fake, float *g, size_t n);

#endif
