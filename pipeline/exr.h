/* ffgan: OpenEXR pictures, with all that is in them.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libavcodec reads one layer and writes a new header; this keeps the rest:
 * attributes, windows, the other channels and parts, compression, half or
 * float. Flat parts in scan lines or tiles; DWAA and DWAB are left to
 * libavcodec, whose frame fg_exr_write takes as well. Colours are scene-linear
 * light. */
#ifndef FFGAN_PIPELINE_EXR_H
#define FFGAN_PIPELINE_EXR_H

#include <libavutil/frame.h>

#include "kernels/error.h"

/* What becomes of a layer that the frame does not hold. */
typedef enum FgExrOther {
    FG_EXR_NETWORK,  /* red, green and blue: through the chain */
    FG_EXR_RESAMPLE, /* colours bicubic, all else by nearest pixel */
    FG_EXR_COPY,     /* as it is: an error when the size changes */
    FG_EXR_DROP
} FgExrOther;

typedef struct FgExrOptions {
    int compression; /* OpenEXR's number, -1 = the source's */
    int half; /* 1 half, 0 float, -1 = the source's, channel by channel */
    /* By the layer's name ("diffuse"; of a channel without one its own: "Z")
     * and its part's ("" = none). colour: 1 when it has red, green and blue.
     * NULL: FG_EXR_RESAMPLE. */
    FgExrOther (*other)(void *arg, const char *layer, const char *part,
                        int colour);
    /* Takes a layer's frame through the chain: *f is freed and replaced. 0,
     * negative errno + err. NULL: FG_EXR_NETWORK is FG_EXR_RESAMPLE. */
    int (*network)(void *arg, AVFrame **f, FgError *err);
    void *arg;
    const char *provenance; /* attribute "ffgan", or NULL */
} FgExrOptions;

/* 0: fg_exr_read can read it; -ENOTSUP: libavcodec must (DWA, deep, chroma
 * subsampled); -EBADMSG and others + err: not a whole EXR picture. */
typedef struct FgExrInfo {
    int w, h, format; /* of the frame that fg_exr_read gives */
} FgExrInfo;
int fg_exr_probe(const char *path, FgExrInfo *info, FgError *err);
/* The colour layer (R G B [A], else the first layer that has them, else Y) as
 * gbrpf32, gbrapf32 or grayf32, of the size of the union of display and data
 * windows; 0 outside of the data. *f is the caller's. As fg_exr_probe. */
int fg_exr_read(const char *path, AVFrame **f, FgError *err);
/* Writes f into fd (empty). like: the picture that it was made from, for
 * attributes, windows (scaled by f's size), other channels; NULL = none. 0,
 * -EINVAL (another format), other negative errno, + err. */
int fg_exr_write(int fd, const AVFrame *f, const char *like,
                 const FgExrOptions *o, FgError *err);
/* "none", "rle", "zip1", "zip16", "zips", "zip", "piz", "pxr24", "b44",
 * "b44a", libavcodec's numbers too; -1 = not known. */
int fg_exr_compression(const char *name);

#endif
