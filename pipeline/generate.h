/* ffgan: pictures and films out of nothing but a preset.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_GENERATE_H
#define FFGAN_PIPELINE_GENERATE_H

#include "pipeline/engine.h"
#include "pipeline/run.h"

typedef struct FgGenerate {
    FgJob job;            /* output, preset (whose chain starts with a source),
                             overwrite, threads; the caller's */
    int64_t first, last;  /* numbers of the frames */
    AVRational rate;      /* frames per second of the source */
    FgEngine engine;      /* films: in which chunks, by how many processes;
                             fresh: forget what an earlier run left */
    const char *identity; /* the chain without its start and length */
    /* Loads the preset for part of the frames into job.preset. 0 or an exit
     * code + err. */
    int (*load)(void *arg, FgJob *job, int64_t first, int64_t last,
                FgError *err);
    void *arg;
} FgGenerate;

/* Makes all frames. Pictures: one file each, whole or not there; what an
 * earlier run of the same command left is kept and the rest is made, as long
 * as each frame is made of itself; what differs is named and refused. A film
 * is made in chunks (engine.h) and appears when it is whole. 0 or an exit code
 * + err. */
int fg_generate_run(FgGenerate *g, FgReport *report, FgError *err);

/* generate_stage.c: the thread that runs the chain; arg is an FgRun whose job
 * makes frames (make_nb). A part's chain starts with gansrc. */
void *fg_generate_main(void *arg);
/* Sets run->out_*. 0 or -1. */
int fg_generate_probe(FgRun *run);

#endif
