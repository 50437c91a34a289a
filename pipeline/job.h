/* ffgan: one job: what goes in, what comes out, and how.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_JOB_H
#define FFGAN_PIPELINE_JOB_H

#include <stdint.h>

#include "pipeline/preset.h"

typedef struct FgJob {
    const char *input;
    char *output; /* owned; pictures may have a %0Nd pattern */
    FgPreset *preset;
    int overwrite;    /* -y */
    int allow_errors; /* go on with damaged input */
    int threads;      /* 0 = all CPUs */
    int pictures_in, pictures_out;
    int discard;          /* measure only: nothing is written */
    int64_t max_frames;   /* stop after this many, 0 = all */
    double max_seconds;   /* stop after this long, 0 = no limit */
    double from_s, len_s; /* --sample; len 0 = the whole input */
    int64_t start_number; /* -1 = found, or 1 */
    char *rate;           /* pictures per second, NULL = the preset's; owned */
} FgJob;

/* Checks names before anything is opened: pictures or not, a default output
 * name, output exists, same file, folder there. 0 or an exit code + err. */
int fg_job_check(FgJob *job, FgError *err);
/* 1 when the name's extension is a picture's (png, tif, exr, ...). */
int fg_is_picture_name(const char *path);
void fg_job_free(FgJob *job); /* frees what it owns, the preset too */

#endif
