/* ffgan: one job: what goes in, what comes out, and how.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_JOB_H
#define FFGAN_PIPELINE_JOB_H

#include <stdint.h>

#include <libavutil/rational.h>

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
    char *frames;         /* pictures: which numbers, NULL = all; owned */
    /* Frames made of nothing: how many (0 = there is an input), the number of
     * the first, how many a second. input is then what people are shown. */
    int64_t make_nb, make_first;
    AVRational make_rate;
    /* A part of the job (index set): frames [from, to) come out, of frames
     * [in_from, in_to) of the index that go into the chain. */
    const struct FgIndex *index;
    int64_t from, to, in_from, in_to;
    int from_start; /* decode from the input's start, whatever can be sought */
    int gpu;        /* which one "cuda" in the chain is */
    int gpu_frames; /* decode into its memory where that goes */
    int encoder_threads;    /* 0 = as threads */
    const char *temp_dir;   /* where unfinished files lie; NULL = beside */
    const char *chunk_file; /* part of a video: packets go here */
} FgJob;

/* Checks names before anything is opened: pictures or not, a default output
 * name, output exists, same file, folder there. 0 or an exit code + err; -1:
 * the output is there, made by this very job (job_plan.h). */
int fg_job_check(FgJob *job, FgError *err);
/* malloc'ed extension without its dot: the preset's container's, else the
 * input's where that container takes the codec, else mkv. NULL: no memory. */
char *fg_job_extension(const FgJob *job);
/* The name of an encoder that writes pictures of path's extension: codec where
 * that does, the usual one where codec is NULL; NULL = none. Static memory. */
const char *fg_job_picture_encoder(const char *path, const char *codec);
/* 1 when the name's extension is a picture's (png, tif, exr, ...). */
int fg_is_picture_name(const char *path);
/* Whether unfinished work of an output lies beside it; malloc'ed OUT.ffgan. */
char *fg_job_folder(const char *output);
void fg_job_free(FgJob *job); /* frees what it owns, the preset too */

#endif
