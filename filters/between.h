/* ffgan: a frame between two frames, in any format.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Motion is found in luma, every component is moved on its own grid and mixed
 * by the share of frame 1 at each place (kernels/interp.h). With a network of
 * colour "rgb" the colours are its own (whole.h). Nothing is rounded before the
 * last step. */
#ifndef FFGAN_FILTERS_BETWEEN_H
#define FFGAN_FILTERS_BETWEEN_H

#include "kernels/plan.h"
#include "planes.h"

typedef struct FgBetweenOptions {
    enum AVPixelFormat format;
    int w, h;
    const FgModel *model; /* of task interp; NULL = plain arithmetic */
    const char *device;
    FgPrecision precision;
    int tile;
    enum AVColorRange range; /* AVCOL_RANGE_UNSPECIFIED = the frame's */
    FgExecutor *ex;          /* kept */
} FgBetweenOptions;

typedef struct FgBetween FgBetween;

/* Allocates everything; the model must outlive it. 0 or a negative errno and
 * err; *b is NULL then. Frames of 16x16 at least. */
int fg_between_create(FgBetween **b, const FgBetweenOptions *o, FgError *err);
void fg_between_free(FgBetween **b); /* accepts NULL */
/* The next frame; the last one becomes frame 0. The frame is not kept. 0 or
 * -EINVAL and err: a NaN or an infinite value. */
int fg_between_push(FgBetween *b, const AVFrame *in, FgError *err);
/* What the last two frames have to do with each other; finds the motion. */
void fg_between_stats(FgBetween *b, FgFlowStats *s);
/* The frame at time t, 0 < t < 1. Properties are the caller's. 0 or -EDOM and
 * err: the network's output is not finite, in fp32 neither. */
int fg_between_frame(FgBetween *b, AVFrame *out, float t, FgError *err);
void fg_between_plan_info(const FgBetween *b, FgPlanInfo *info);

#endif
