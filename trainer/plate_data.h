/* A plate's pictures: where they come from, their alpha.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_PLATE_DATA_H
#define FFGAN_TRAINER_PLATE_DATA_H

#include "trainer/plate.h"
#include "trainer/train.h"

/* Also the base of the family 'texture'. */
typedef struct FgPlate {
    FgPlateNet net;
    FgPyramid pyramid;
} FgPlate;

/* One entry of 'train' into d: "procedural:NAME" or "procedural:NAME:SEED", a
 * folder, or a picture or clip; at most nb pictures. With alpha ("own": what
 * pictures and procedural plates have; "luma") as many grey pictures go into
 * alphas and the colours are divided by it. side = larger side of procedural
 * ones. */
int fg_plate_source(FgData *d, FgData *alphas, const char *path,
                    const char *alpha, int nb, int side, FgError *err);

int fg_plate_check(const FgRecipe *r, const char *path, FgError *err);
/* t->train: colours; t->extra[0]: alphas, where asked for. */
int fg_plate_load(FgTrain *t, FgError *err);
/* Network and pyramid by the recipe. */
int fg_plate_open(FgPlate *p, FgTrain *t, FgError *err);
void fg_plate_close(FgPlate *p);

#endif
