/* Pictures in memory and the crops that a step learns from.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_DATA_H
#define FFGAN_TRAINER_DATA_H

#include "kernels/pool.h"
#include "kernels/tensor.h"
#include "pipeline/source.h"

typedef struct FgPair {
    char *name;   /* file name below its folder */
    FgPicture hr; /* cropped to a multiple of scale */
    FgPicture lr; /* hr / scale: MATLAB bicubic, rounded to 8 bits; with scale 1
                     the same memory as hr */
} FgPair;

typedef struct FgData {
    FgPair *pair;
    int nb, scale;
    uint64_t *area;  /* [nb] running sum of input pixels: picks by size */
    char sha256[65]; /* over names and pixels */
} FgData;

/* Adds the pictures below dir (at most limit in all, 0 = no limit), or those of
 * CIFAR-10's binary files (cifar.h). Call fg_data_finish after the last folder.
 * Errors name the file. */
int fg_data_add(FgData *d, const char *dir, int scale, int limit, FgError *err);
/* Adds one picture that is there already; takes over *p (zeroed) on success and
 * failure; one smaller than d->scale is dropped. Set d->scale before. */
int fg_data_add_picture(FgData *d, const char *name, FgPicture *p,
                        FgError *err);
/* Makes the LR pictures (with ex), drops those smaller than min_side input
 * pixels, hashes. -ENODATA when nothing is left. */
int fg_data_finish(FgData *d, int min_side, FgExecutor *ex, FgError *err);
void fg_data_free(FgData *d); /* accepts NULL, zeroed */

typedef struct FgCrops {
    const FgData *data;
    int patch, luma, augment;
    double flat;
    uint64_t seed;
    int centred; /* 1: values -1..1 instead of 0..1 */
    int epochs; /* 1: each picture once before any comes again, in an order that
                   seed and epoch give; 0: at random, by size */
} FgCrops;

/* Fills in [B,C,p,p] and target [B,C,p*s,p*s] (dense f32, 0..1) for a step;
 * either may be NULL. Depends on seed, step and index in the batch only. */
void fg_crops_fill(const FgCrops *c, int64_t step, FgTensor *in,
                   FgTensor *target, FgExecutor *ex);
/* A whole picture as a network's input. */
void fg_picture_to_tensor(const FgPicture *p, int luma, FgTensor *t);

#endif
