/* Three frames of something that moves: what an in-between network learns from.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_TRIPLETS_H
#define FFGAN_TRAINER_TRIPLETS_H

#include "trainer/data.h"

/* Frames of clips as a data set: pictures named "clip#00012". */

/* Appends frames first.. of a clip, at most nb (0 = to its end), to d, but not
 * those that repeat the one before (they differ from it by less than a tenth of
 * what the two on each side do): films at twice their rate have no middles.
 * Returns how many, or a negative errno + err. */
int fg_clip_frames(FgData *d, const char *path, int64_t first, int64_t nb,
                   FgError *err);
/* The number of frames, by decoding; negative errno + err. */
int64_t fg_clip_count(const char *path, FgError *err);
/* last[i] = the last frame of the shot that frame i belongs to: clips end
 * there, and cuts lie where the mean luma difference to the frame before is
 * over 0.08 and more than twice that of the frames round it. last has room for
 * d->nb. */
void fg_clip_shots(const FgData *d, int *last);

typedef struct FgTriplets {
    const FgData *photos; /* moved by made-up motions; may be empty */
    const FgData *frames; /* real ones; may be empty */
    const int *last;      /* fg_clip_shots of frames */
    double real;          /* share taken from frames, 0..1 */
    double motion;        /* largest made-up displacement in pixels */
    double noise;         /* most of made-up frames: standard deviation, of 1 */
    int middle;           /* 1: t is 1/2 always */
    uint64_t seed;
} FgTriplets;

/* A step's batch: in [B,7,P,P] (frame 0, frame 1, t), target [B,3,P,P], and,
 * where known[b] is set (made-up motion), the flows from the target to frame 0
 * (dx, dy) and frame 1, flow [B,4,P,P] in pixels. Dense f32. Depends on seed,
 * step and place in the batch only. */
void fg_triplets_fill(const FgTriplets *q, int64_t step, FgTensor *in,
                      FgTensor *target, FgTensor *flow, int *known,
                      FgExecutor *ex);

#endif
