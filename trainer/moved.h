/* Crops of moved frames: what the fusion network learns from, made once.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Motion is found in whole frames, as the filter does, and never again while it
 * trains. */
#ifndef FFGAN_TRAINER_MOVED_H
#define FFGAN_TRAINER_MOVED_H

#include "trainer/mend.h"
#include "trainer/triplets.h"

typedef struct FgMoved {
    int nb, room, side;
    uint16_t
        *pixel;   /* [nb][side][side][FG_INTERP_IN + 1], the last the truth */
    float *scale; /* [nb] mean squared error, without a network, of the whole
                     frame that the crop is of, and 8-bit rounding's */
} FgMoved;

int fg_moved_alloc(FgMoved *m, int room, int side, FgError *err);
void fg_moved_free(FgMoved *m); /* accepts zeroed */
typedef struct FgMovedClip {
    const char *path;
    int64_t frames; /* the first ones, that may be looked at */
    int nb;         /* crops */
    int middle;     /* 1: the frame half-way always */
    uint64_t seed;
} FgMovedClip;

/* Adds up to c->nb crops, several of a frame, spread evenly over the clip;
 * fewer where it stands still or has cuts. 0, or a negative errno and err. */
int fg_moved_clip(FgMoved *m, const FgMovedClip *c, FgExecutor *ex,
                  FgError *err);
/* Adds nb crops of made-up motion; q->photos is not empty. */
int fg_moved_photos(FgMoved *m, const FgTriplets *q, int nb, FgExecutor *ex,
                    FgError *err);
/* A step's batch of crops, turned and mirrored, in space and time: in
 * [B,7,P,P], want [B,1,P,P], scale[B]; P = side. Depends on seed, step and
 * place in the batch only. */
void fg_moved_fill(const FgMoved *m, uint64_t seed, int64_t step, FgTensor *in,
                   FgTensor *want, float *scale, FgExecutor *ex);

#endif
