/* ffgan: whole jobs: in one piece, or in chunks that survive any death.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_ENGINE_H
#define FFGAN_PIPELINE_ENGINE_H

#include "pipeline/job_plan.h"
#include "pipeline/progress.h"

typedef struct FgEngine {
    FgJobPlanOptions plan;
    int workers; /* processes at a time; 0 or 1: this one alone */
    int gpus;    /* above 1: dealt out to the workers in turn */
    int fresh;   /* what an earlier run left is thrown away */
    int keep;    /* the job's folder stays when it is done */
    int lock;    /* descriptor, -1 */
} FgEngine;

/* Runs a job with its preset: checks it, goes on where an earlier run of the
 * same job stopped, or plans it; clips that are short, and chains that cannot
 * be cut, go in one piece. Takes over what the job owns. 0 or an exit code +
 * err. */
int fg_engine_run(FgEngine *e, FgJob *job, FgReport *report, FgError *err);

/* Takes the job's lock: 0, FG_EXIT_RETRY when another process has it, other
 * exit codes; err says it. The folder must be there. */
int fg_engine_lock(FgEngine *e, const char *folder, FgError *err);
void fg_engine_unlock(FgEngine *e);
/* Does all chunks that are not done, in this process or several. 0 or an exit
 * code + err. */
int fg_engine_work(const FgEngine *e, const FgJobPlan *p, FgReport *report,
                   FgError *err);
/* workers.c: the same in several processes. */
int fg_workers_run(const FgJobPlan *p, const FgEngine *e, FgReport *report,
                   FgError *err);

#endif
