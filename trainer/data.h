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
                     the same memory as hr, or the other half of a pair */
} FgPair;

typedef struct FgData {
    FgPair *pair;
    int nb, scale;
    uint64_t *area;  /* [nb] running sum of input pixels: picks by size */
    char sha256[65]; /* over names and pixels */
    const char *md5; /* what an archive must have, NULL = the published one's */
} FgData;

void fg_pair_free(FgPair *p); /* what it owns */
/* Adds the pictures below dir (at most limit in all, 0 = no limit), or those of
 * CIFAR-10's binary files (cifar.h). Call fg_data_finish after the last folder.
 * Errors name the file. */
int fg_data_add(FgData *d, const char *dir, int scale, int limit, FgError *err);
/* Adds one picture that is there already; takes over *p (zeroed) on success and
 * failure; one smaller than d->scale is dropped. Set d->scale before. */
int fg_data_add_picture(FgData *d, const char *name, FgPicture *p,
                        FgError *err);
/* Adds a pair of one size that somebody made; d->scale is 1. Takes over both
 * (zeroed) on success and failure. */
int fg_data_add_pair(FgData *d, const char *name, FgPicture *in, FgPicture *out,
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

/* Where a crop lies and which way round. */
typedef struct FgPlace {
    int picture, x, y; /* input pixels */
    int turn;          /* bit 0 mirrors x, 1 mirrors y, 2 swaps x and y */
} FgPlace;

/* What fg_crops_fill takes for one sample of a batch. */
FgPlace fg_crops_place(const FgCrops *c, int64_t step, int sample, int batch);
/* side x side pixels from (x0, y0), turned, as [side][side][3] of 0..1; what
 * lies outside the picture repeats its edge. */
void fg_crops_cut(float *out, const FgPicture *p, int x0, int y0, int side,
                  int turn);
/* A whole picture as a network's input. */
void fg_picture_to_tensor(const FgPicture *p, int luma, FgTensor *t);

#endif
