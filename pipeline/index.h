/* ffgan: the frames of an input, and where decoding can start.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_INDEX_H
#define FFGAN_PIPELINE_INDEX_H

#include <jansson.h>
#include <stdint.h>

#include <libavutil/rational.h>

#include "kernels/error.h"

typedef struct FgKeyFrame {
    int64_t frame;     /* the first frame at or behind pts */
    int64_t pts, seek; /* in ticks; seek: the smaller of pts and dts */
} FgKeyFrame;

/* Times of frames, in order. */
typedef struct FgTrack {
    AVRational tb;   /* of the ticks */
    AVRational rate; /* frames a second, 0/1 = not known */
    int64_t *pts;    /* [nb], rising; owned */
    int64_t nb, cap;
    int64_t last_length; /* of the last frame, 0 = not known */
} FgTrack;

typedef struct FgIndex {
    AVRational tb;       /* of the ticks */
    int64_t *pts;        /* [nb], rising */
    int64_t nb, cap;     /* frames */
    int64_t last_length; /* of the last frame, 0 = not known */
    FgKeyFrame *key;
    int64_t nb_keys, cap_keys;
    int seekable; /* 0: parts are decoded from the start */
    /* What the chain makes of the first frame. */
    int w, h, fmt;
    AVRational sar; /* 0/1 = not known */
    double ratio;   /* frames out per frame in */
    FgTrack out;    /* what comes out of chains that change the frames' number;
                       nb 0: one frame for each */
} FgIndex;

int fg_track_add(FgTrack *t, int64_t pts); /* -ENOMEM */
void fg_track_free(FgTrack *t);            /* accepts zeroed */
/* The frames that come out; borrowed. */
FgTrack fg_index_out(const FgIndex *x);

int fg_index_add_frame(FgIndex *x, int64_t pts, int64_t length); /* -ENOMEM */
int fg_index_add_key(FgIndex *x, int64_t pts, int64_t dts);      /* -ENOMEM */
/* The last frame is in: finds the frames of the keys. */
void fg_index_close(FgIndex *x);
/* The key to start at for frame: one before the nearest where there is one,
 * for streams whose key frames need some frames to recover; -1 = the start. */
int64_t fg_index_key(const FgIndex *x, int64_t frame);
/* NULL: no memory. Runs of equal steps are written as [first, step, count]. */
json_t *fg_index_to_json(const FgIndex *x);
/* 0, -EINVAL (what is wrong in err), -ENOMEM. *x is freed by fg_index_free. */
int fg_index_from_json(FgIndex *x, const json_t *j, FgError *err);
void fg_index_free(FgIndex *x); /* accepts zeroed */

#endif
