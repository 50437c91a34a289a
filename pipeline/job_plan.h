/* ffgan: a job that is done in chunks: its folder and its plan.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OUT.ffgan/ holds
 *   job.json                    the plan: input, preset, models, frames, chunks
 *   chunk-00000-HASH.packets    encoded packets (packets.h); not for pictures
 *   chunk-00000.json            its receipt: the chunk is done (receipt.h)
 *   joined.json                 the output's identity, just before it got its
 *                               name
 *   lock                        held by the ffgan that works on the whole job
 * Every file appears whole, by rename; a chunk is done when its receipt is
 * there and its packets have the receipt's hash. */
#ifndef FFGAN_PIPELINE_JOB_PLAN_H
#define FFGAN_PIPELINE_JOB_PLAN_H

#include "pipeline/hash.h"
#include "pipeline/index.h"
#include "pipeline/job.h"
#include "pipeline/progress.h"

typedef struct FgJobPlan {
    FgJob job;    /* paths, preset, options; owned */
    char *folder; /* OUT.ffgan; owned */
    char *input;  /* what job.input points to; owned */
    FgIndex index;
    int64_t chunk; /* frames of each but the last */
    int64_t nb_chunks;
    int past, future; /* frames that the chain looks at */
    /* [2 * nb_chunks] first and end of what goes in for each chunk, where the
     * chain changes the number of frames; NULL: past and future say it. */
    int64_t *feed;
    int allow_seams;  /* a chain that cannot be cut is cut all the same */
    char id[33];      /* of all that decides about the frames */
    json_t *identity; /* what must not change; owned */
} FgJobPlan;

typedef struct FgJobPlanOptions {
    int64_t chunk; /* frames, 0 = by the picture's size */
    int overlap;   /* frames on both sides, -1 = what the chain declares */
    int allow_seams;
} FgJobPlanOptions;

/* Makes the plan of a checked job, or says why it cannot be done in chunks
 * (1, the reason in err; job is then the caller's as before). Else takes over
 * job, whatever comes out. Reads the whole input. 0, 1, or an exit code + err.
 */
int fg_job_plan_make(FgJobPlan **p, FgJob *job, const FgJobPlanOptions *o,
                     FgReport *report, FgError *err);
/* Writes job.json into its folder, which is made. 0 or an exit code + err. */
int fg_job_plan_write(const FgJobPlan *p, FgError *err);
/* Reads FOLDER/job.json. 0 or an exit code + err: the file is named. */
int fg_job_plan_read(FgJobPlan **p, const char *folder, FgError *err);
/* Whether input, models and program are those of the plan. 0, FG_EXIT_DATA +
 * err naming what changed, other exit codes. */
int fg_job_plan_check(const FgJobPlan *p, FgError *err);
/* The same for a job that is asked for again: preset and options too. */
int fg_job_plan_same(const FgJobPlan *p, const FgJob *job, FgError *err);
void fg_job_plan_free(FgJobPlan **p); /* accepts NULL */

/* First frame out of chunk k (k = nb_chunks: the number of frames). */
int64_t fg_job_plan_first(const FgJobPlan *p, int64_t k);
/* Frames [*from, *to) of the index that chunk k is made from. */
void fg_job_plan_feed(const FgJobPlan *p, int64_t k, int64_t *from,
                      int64_t *to);
/* malloc'ed FOLDER/chunk-00000 + suffix, NULL: no memory. */
char *fg_job_plan_file(const FgJobPlan *p, int64_t k, const char *suffix);
/* Frames of a chunk for an input of that size: about a minute of work. */
int64_t fg_job_plan_chunk_length(int w, int h);
/* 1 when output is what its folder's job made, and the job ended between
 * naming it and removing the folder, which is then done. */
int fg_job_plan_was_joined(const char *output);
/* Removes the folder and what is in it. 0 or an exit code + err. */
int fg_job_plan_remove(const char *folder, FgError *err);

/* identity.c: what must not change between the parts of a job: "input",
 * "models", "preset", "options", "version". NULL + err (exit code in *code). */
json_t *fg_job_identity(const FgJob *job, int *code, FgError *err);
/* {name: SHA-256} of the weights that a chain names. NULL + err (exit code in
 * *code). */
json_t *fg_chain_models(const char *chain, int *code, FgError *err);
/* provenance.c: one line that names ffgan, preset and weights, malloc'ed; NULL
 * when the preset does not want it. 0 or an exit code + err. */
int fg_provenance(char **text, const FgPreset *p, FgError *err);
/* The first key that differs, NULL = none. */
const char *fg_identity_differs(const json_t *a, const json_t *b);

#endif
