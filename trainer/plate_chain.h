/* A plate's stages one after another, forward and backward, and what is made of
 * them. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_PLATE_CHAIN_H
#define FFGAN_TRAINER_PLATE_CHAIN_H

#include "trainer/noise.h"
#include "trainer/plate_data.h"
#include "trainer/tape.h"

/* Stages 0 .. at and the tail, all on one set of weights. Those before `first`
 * have no gradients. */
typedef struct FgPlateChain {
    int at, first; /* at -1: closed */
    FgTape stage[FG_MAX_STAGES], tail;
    FgTensor noise[FG_MAX_STAGES]; /* [1,noise,h,w] */
} FgPlateChain;

/* Stages up to k, the last `together` of them with gradients (0 = none, nor the
 * tail). Frees what was open before. */
int fg_plate_chain_open(FgPlateChain *c, FgTrain *t, int set, int k,
                        int together, FgError *err);
void fg_plate_chain_free(FgPlateChain *c); /* accepts zeroed */
/* frame >= 0: the fixed noise of that frame, which is to give the frame again:
 * its own in stage 0, none after; -1: noise of (step, use), amp[k] times in
 * stage k. The picture is the tail's output. */
int fg_plate_chain_forward(FgPlateChain *c, const FgTrain *t, const float *amp,
                           int frame, int64_t step, int use);
/* From the tail's output gradient; adds to the nets' gradients. */
int fg_plate_chain_backward(FgPlateChain *c);

/* Weights of the stage before wherever a stage has as many, by place: what
 * later stages have in excess stays. Averages and all. */
void fg_plate_inherit(FgNet *to, const FgNet *from);

/* ---- plate_export.c ---- */

/* Stages 0 .. k and the tail as one weights file. */
int fg_plate_export(const FgPlate *p, const FgTrain *t, int set, int k,
                    const float *amp, FgModel **m, FgError *err);
/* A sheet of 4 x 2: the plate, its reconstruction, six made ones; alpha is laid
 * over black. */
int fg_plate_sheet(const FgPlate *p, FgTrain *t, int set, int k,
                   const float *amp, FgPicture *out, FgError *err);

#endif
