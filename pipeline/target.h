/* ffgan: an output of a given size.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_TARGET_H
#define FFGAN_PIPELINE_TARGET_H

#include <libavutil/rational.h>

#include "pipeline/job.h"

typedef struct FgTarget {
    int w, h; /* 0 = by the input's shape */
} FgTarget;

typedef struct FgSize {
    int w, h;
    double factor;  /* the larger of both sides' */
    AVRational sar; /* of the output's pixels; 0/1 = as the input's */
    int square;     /* given: the chain ends with FG_SQUARE, which is taken out;
                       a side that is not given makes the pixels square */
} FgSize;

/* "3840x2160", "x2160", "3840x". 0 or -EINVAL. */
int fg_target_parse(const char *text, FgTarget *t);
/* The size in pixels for this input; a side that is not given keeps the shape
 * of the input's pixels and is even. With both given the shape of a pixel
 * (sample aspect ratio) changes, so that the picture does not. Opens the
 * input. 0 or an exit code + err. */
int fg_target_size(FgSize *s, const FgTarget *t, const FgJob *job,
                   FgError *err);
/* The last gansr of the chain makes that size, from its float result; without
 * one a zscale at the end. 0, -ENOMEM. */
int fg_target_apply(FgPreset *p, const FgSize *s);

#endif
