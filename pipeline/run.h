/* ffgan: the engine: source -> graph -> sink, a thread each.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   source  demuxes; decodes the picture stream; other packets go to the sink
 *   graph   runs the preset's chain
 *   sink    encodes, muxes
 * Frames travel over `frames`, then `out`; packets over `out`. The first error
 * wins and stops all; every stage drains its codec or graph at the end. */
#ifndef FFGAN_PIPELINE_RUN_H
#define FFGAN_PIPELINE_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "pipeline/input.h"
#include "pipeline/job.h"
#include "pipeline/progress.h"
#include "pipeline/queue.h"

/* Kinds of items. */
enum { FG_ITEM_FRAME = 1, FG_ITEM_PACKET = 2 };

struct FgOutput;

typedef struct FgRun {
    const FgJob *job;
    FgReport *report;
    FgInput *input;
    struct FgOutput *output; /* made by the sink; finished by fg_run_job */
    FgQueue *frames, *out;
    pthread_mutex_t lock;
    int exit_code; /* 0 = fine so far; the first error's */
    FgError err;
    atomic_int failed, full; /* full: max_frames were read */
    atomic_int running;      /* stages that are still at work */
    pthread_cond_t ended;    /* one of them has ended */
    /* Counts. */
    _Atomic int64_t decoded, filtered, encoded;
    _Atomic int64_t sink_bytes; /* encoded video */
    /* What the encoder gets; set by the graph before its first frame. */
    int out_w, out_h, out_fmt;
    int gpu_frames;      /* the chain takes frames in GPU memory */
    AVRational out_sar;  /* of its pixels, 0/1 = unknown */
    AVRational out_rate; /* 0/1 = unknown */
    AVRational out_tb;   /* of the chain's frames */
    int deinterlaced;    /* the deinterlacer was put in front */
    double rate_ratio;   /* frames out per frame in as the chain declares it */
    double in_span, out_span; /* s from the first frame to the last: decoded,
                                 and out of the chain */
    double first_frame_at, last_frame_at; /* fg_now, written by the sink */
    /* A part: XXH3 of each frame to the encoder, in order. */
    uint64_t *hash;
    int64_t nb_hash, cap_hash;
    struct FgIndex *indexing; /* set: frames are only listed */
    int64_t done_before;      /* frames of other parts, for the progress */
} FgRun;

/* Runs the whole job: opens, threads, progress, verify, rename. 0 or an exit
 * code with run->err. The caller inits with zero, sets job and report, and
 * calls fg_run_free. */
int fg_run_job(FgRun *run);
/* Lists the frames of the input and what the chain makes of the first one:
 * decodes all of a media file. As fg_run_job. */
int fg_run_index(FgRun *run, struct FgIndex *index);
void fg_run_free(FgRun *run);

/* For the stages. Notes the error if it is the first, wakes everybody. Always
 * returns -1. */
int fg_run_fail(FgRun *run, int exit_code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The last that a stage says. */
void fg_run_stage_ends(FgRun *run);
/* The stages' thread functions; arg is the FgRun. */
void *fg_source_main(void *arg);
/* Sets run->out_* for an input that starts with this frame. 0 or -1. */
int fg_graph_probe(FgRun *run, const AVFrame *first);
void *fg_graph_main(void *arg);
void *fg_sink_main(void *arg);

#endif
