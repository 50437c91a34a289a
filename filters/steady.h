/* ffgan: effects that hold still from frame to frame.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A network that sees one frame at a time paints noise differently in each.
 * Here the effect of the frame before, moved along the source's motion, is
 * mixed into this one's, where the source was seen then and not farther than a
 * bound. Only the frame before counts, as its network made it, so that a chunk
 * of a film is the same as the whole. */
#ifndef FFGAN_FILTERS_STEADY_H
#define FFGAN_FILTERS_STEADY_H

#include "planes.h"

typedef struct FgSteady FgSteady;

typedef struct FgSteadyLook {
    float amount; /* 0..1 share of the frame before */
    float bound;  /* largest change, in values of 0..1 */
    float cut;    /* fits worse than this, 0..1, are cuts */
    enum AVColorRange range;
} FgSteadyLook;

/* Means over the picture of what differs from the frame before, along the
 * source's motion and where it was seen, code values of 255; -1 = no frame
 * before, or a cut. */
typedef struct FgFlicker {
    double source, before, after; /* the network's; what leaves */
} FgFlicker;

int fg_steady_create(FgSteady **s, enum AVPixelFormat fmt, int w, int h,
                     FgExecutor *ex, FgError *err);
void fg_steady_free(FgSteady **s); /* accepts NULL */
/* The next frame, before its effect: 1 where it goes on from the one before, 0
 * at the first and after a cut. look is kept until fg_steady_frame. -EINVAL
 * (NaN). */
int fg_steady_look(FgSteady *s, const AVFrame *source, const FgSteadyLook *look,
                   FgError *err);
/* fx: the effect of that frame, changed in place. 0, -EINVAL (NaN), -ENOMEM. */
int fg_steady_frame(FgSteady *s, AVFrame *fx, FgFlicker *f, FgError *err);

#endif
