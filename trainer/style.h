/* What the image-to-image families share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_STYLE_H
#define FFGAN_TRAINER_STYLE_H

#include "trainer/loss_tape.h"
#include "trainer/lot.h"
#include "trainer/nets.h"
#include "trainer/spectral.h"
#include "trainer/tape.h"
#include "trainer/train.h"

/* y += k x; dense f32 of equal shapes. */
void fg_add_scaled(FgTensor *y, const FgTensor *x, double k);
/* weight times the mean of |y - t|; its gradient is added to g, or written
 * there (add 0), or left out (g NULL). Summed in double in memory order. */
double fg_l1(double weight, const FgTensor *y, const FgTensor *t, FgTensor *g,
             int add);
/* The same for means of images blurred to 1/8: colour that drifts shows here
 * however much texture differs. Sides below 8 count as one square. */
double fg_l1_coarse(double weight, const FgTensor *y, const FgTensor *t,
                    FgTensor *g);

/* Does patch fit levels and critic_levels? FgFamily.check. */
int fg_style_check(const FgRecipe *r, const char *path, FgError *err);

/* A network with the recipe's optimiser, averaging and clip, first weights as
 * fg_net_init says: t->net[t->nb_nets], which grows. Takes over *g. */
int fg_style_net(FgTrain *t, const char *name, FgGraph *g, const char *init,
                 FgError *err);

/* A critic and the memory for a step against it. */
typedef struct FgCritic {
    FgNet *net;
    FgTape real, fake;
    FgTaps taps;
    FgSpectral spectral;
    int loss; /* row of the table of adversarial losses */
} FgCritic;

/* FG_ADV_CHOICES without bce: these critics give no probabilities. */
#define FG_CRITIC_CHOICES "bce_logits|lsgan|hinge|wgan|relativistic"

/* shape: of the pictures. taps as the network's builder gave them. spectral:
 * NULL for plain weights, or what spectral norm leaves out (spectral.h). */
int fg_critic_open(FgCritic *c, FgTrain *t, FgNet *net, const FgTaps *taps,
                   FgShape shape, const char *loss, const char *spectral,
                   FgError *err);
void fg_critic_close(FgCritic *c); /* accepts zeroed */
/* A step begins: one power iteration; the critic looks at real pictures, and
 * c->real then holds them. */
int fg_critic_see(FgCritic *c, const FgLot *real);
/* The generator's side: weight times how far y is from passing for real, plus
 * feature times the mean distance of its activations from those in c->real.
 * The gradient to y, gen's output, is added to g, if that is not NULL; c->fake
 * then holds y. */
int fg_critic_judge(FgCritic *c, FgTape *gen, double weight, double feature,
                    const FgLot *g, double *adv, double *feat);

/* The critic's side: gradients of weight times its loss on what c->real holds
 * and on fake (NULL: what c->fake holds) into c->net->grads, zeroed first. Adds
 * to *v. */
int fg_critic_learn(FgCritic *c, const FgLot *fake, double weight,
                    FgVerdict *v);

/* Tensors side by side, an image of each in a row, at most rows rows. The
 * caller frees *out. Values 0..1. 0, -ENOMEM, -EINVAL without columns. */
int fg_sheet(FgPicture *out, const FgTensor *const *col, int nb, int rows);

/* Steps every network of t by its gradients (critic_lr: those whose names begin
 * with d), or none where info->loss or one of
 * the norms is not finite: then info->bad is set. */
void fg_style_step(FgTrain *t, double lr, double critic_lr, FgStepInfo *info);

/* A picture for the log: for each k <= 4 beside in[k] what net[k] makes of it
 * with one set of weights; last, if not NULL, to their right. */
int fg_style_sheet(FgTrain *t, int set, const FgTensor *const *in,
                   const FgNet *const *net, int nb, const FgTensor *last,
                   FgPicture *out, FgError *err);

/* The content of an image model's file. */
int fg_style_export(FgTrain *t, const FgNet *net, int set, FgModel **m,
                    FgError *err);

/* Folders, pictures and clips of a key into *d (scale 1), by the keys every and
 * clip_frames. */
int fg_style_load(FgTrain *t, FgData *d, const char *key, FgError *err);

#endif
