/* From a network in training to a weights file with all its metadata.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_EXPORT_H
#define FFGAN_TRAINER_EXPORT_H

#include "trainer/train.h"

/* Folds set and describes it; no times or host names, so that equal runs make
 * equal files. */
int fg_export_model(const FgTrain *t, const FgNet *net, int set, FgModel **m,
                    FgError *err);
/* Name, recipe, data, metrics, licence, notes, parent: what every family's file
 * says of itself. 0 or -ENOMEM. */
int fg_export_meta(const FgTrain *t, FgModel *m);

#endif
