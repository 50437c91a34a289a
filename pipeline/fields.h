/* ffgan: what the fields of a film are: frames, fields of two times, pulldown.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_FIELDS_H
#define FFGAN_PIPELINE_FIELDS_H

#include "pipeline/job.h"
#include "pipeline/progress.h"

typedef struct FgFieldCounts {
    double tff, bff, progressive; /* frames that look so */
    double again_top,
        again_bottom;    /* frames with that field of the one before */
    double fresh;        /* frames with none */
    int flagged, frames; /* that say interlaced; looked at */
    double rate;         /* frames a second, 0 = not known */
    int height;          /* of the picture */
} FgFieldCounts;

typedef enum FgFields {
    FG_FIELDS_FLAGS,       /* cannot be told: by the frames' flags */
    FG_FIELDS_PROGRESSIVE, /* whatever they are flagged as */
    FG_FIELDS_TFF,         /* two times in a frame, top field first */
    FG_FIELDS_BFF,
    FG_FIELDS_PULLDOWN_TFF, /* 24 frames a second as 60 fields */
    FG_FIELDS_PULLDOWN_BFF
} FgFields;

/* By counts of idet; thresholds are in fields.c. */
FgFields fg_fields_judge(const FgFieldCounts *c);

/* With `deinterlace: auto`: looks at two samples of the film (flags and
 * idet), and puts the deinterlacer that they need, or none, into the job's
 * preset; warns where flags and pictures differ. Nothing for pictures. 0 or an
 * exit code + err. */
int fg_fields_resolve(FgJob *job, FgReport *report, FgError *err);

#endif
