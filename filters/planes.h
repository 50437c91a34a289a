/* ffgan: frames as float planes with borders, for filters that move pixels.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_FILTERS_PLANES_H
#define FFGAN_FILTERS_PLANES_H

#include "frame.h"
#include "kernels/flow.h"

enum { FG_MAX_PLANES = 4 };

/* A frame's components, each on its own grid: values 0..1 (chroma -0.5..0.5);
 * scene-linear light goes through the shaper (colour.h). */
typedef struct FgPlanes {
    FgPlane p[FG_MAX_PLANES];                      /* colours, then alpha */
    float low[FG_MAX_PLANES], high[FG_MAX_PLANES]; /* values that occur */
} FgPlanes;

/* What is the same for all frames of a link. */
typedef struct FgPlaneFormat {
    FgFormat fmt;
    int w, h, nb;
    FgFlowGrid grid[FG_MAX_PLANES]; /* where the planes lie */
    /* of the frame at hand */
    FgCode code[FG_MAX_PLANES];
    int shaper;
    float *luma; /* [h][w], owned */
    FgExecutor *ex;
} FgPlaneFormat;

/* 0, -ENOTSUP (the format), -ENOMEM. range: see fg_planes_read. */
int fg_plane_format_init(FgPlaneFormat *f, enum AVPixelFormat fmt, int w, int h,
                         FgExecutor *ex);
void fg_plane_format_free(FgPlaneFormat *f);
int fg_planes_alloc(FgPlanes *p, const FgPlaneFormat *f);
void fg_planes_free(FgPlanes *p);
/* Fills *p, and f->luma with Y' (of R'G'B' by BT.709). range overrides the
 * frame's unless it is AVCOL_RANGE_UNSPECIFIED. 0, or -EINVAL for a NaN or an
 * infinite value. */
int fg_planes_read(FgPlanes *p, FgPlaneFormat *f, const AVFrame *in,
                   enum AVColorRange range);
/* Row y of plane k from v[grid w], limited to low..high. */
void fg_planes_write_row(AVFrame *out, const FgPlaneFormat *f, int k, int y,
                         float *v, float low, float high);

#endif
