/* ffgan: chunks of a job on a render farm.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Submitting only renders scripts into OUT.ffgan/farm and calls the engine's
 * own client: there is no scheduler and no daemon here. What is done is read
 * from receipts, never from the scheduler.
 *   farm/farm.json   how it was submitted, when, under which names
 *   farm/...         what the engine was given
 *   logs/            what tasks printed, where the engine writes it there */
#ifndef FFGAN_PIPELINE_FARM_H
#define FFGAN_PIPELINE_FARM_H

#include <jansson.h>

#include "pipeline/job_plan.h"
#include "pipeline/progress.h"
#include "pipeline/util.h"

enum { FG_FARM_ARGS = 16 };

/* What 'ffgan farm submit' was asked for. Strings are borrowed, or belong to
 * stored. */
typedef struct FgFarm {
    const char *engine;
    const char *program; /* ffgan on the nodes; NULL = this very one */
    const char *queue;   /* partition, namespace; NULL = the engine's */
    const char *image;   /* k8s: container image */
    const char *volume;  /* k8s: CLAIM:/path, the shared folder */
    const char *arg[FG_FARM_ARGS]; /* words for the engine's own client */
    int nb_args;
    int gpus, cpus;   /* of a task; 0 = none, the engine's */
    int max_tries;    /* of a chunk */
    int max_running;  /* tasks at a time, 0 = no limit */
    int workers;      /* local: processes at a time */
    int grace_s;      /* SIGTERM to SIGKILL on this farm; 0 = the engine's */
    int only_missing; /* a job that was submitted before may be again */
    int dry_run;      /* print, do nothing */
    int chunk_auto;   /* chunk length from a measured sample */
    double chunk_min; /* minutes that a chunk should take */
    double node_fps;  /* frames a second of a node, 0 = measure here */
    json_t *stored;   /* owned; farm.json of an earlier submission */
} FgFarm;

/* One submission, as an engine sees it. */
typedef struct FgFarmTask {
    const FgFarm *farm;
    const FgJobPlan *plan;
    const int64_t *chunk; /* [nb] those that are not done, rising */
    int64_t nb;
    int turn;      /* of this job, from 1 */
    char *job;     /* the job's folder as a word for any script; owned */
    char *program; /* path of ffgan; owned */
    char *dir;     /* OUT.ffgan/farm; owned */
    FgReport *report;
} FgFarmTask;

/* Options that not every engine has a use for. */
enum {
    FG_TAKES_QUEUE = 1,
    FG_TAKES_IMAGE = 2, /* image, volume */
    FG_TAKES_ARGS = 4,
    FG_TAKES_SIZE = 8, /* gpus, cpus: asked for, or counted */
    FG_TAKES_RUNNING = 16,
    FG_TAKES_TASK = 32, /* program, max_tries, grace */
    FG_TAKES_WORKERS = 64
};

typedef struct FgFarmEngine {
    const char *name, *help;
    unsigned takes;
    int default_grace_s;
    /* Hands the chunks over. ids: names that cancel can use are added. Prints
     * on stdout what a person must do, if anything. 0 or an exit code + err. */
    int (*submit)(const FgFarmTask *t, json_t *ids, FgError *err);
    /* NULL: nothing of it runs by itself. */
    int (*cancel)(const FgFarm *f, const json_t *ids, FgError *err);
} FgFarmEngine;

extern const FgFarmEngine fg_farm_slurm, fg_farm_openjd, fg_farm_k8s,
    fg_farm_commands, fg_farm_local;
const FgFarmEngine *fg_farm_engine(const char *name); /* NULL: no such */
const FgFarmEngine *fg_farm_engine_at(int i);         /* NULL past the end */

/* Plans the job (or takes the plan that is there), hands what is missing to
 * the engine, notes it. Takes over what job owns. 0 or an exit code + err. */
int fg_farm_submit(const FgFarm *f, FgJob *job, const FgJobPlanOptions *o,
                   FgReport *report, FgError *err);
/* The same for a job that is planned, from what farm.json says: failed
 * attempts are forgotten. */
int fg_farm_retry(const char *folder, FgReport *report, FgError *err);
int fg_farm_cancel(const char *folder, FgReport *report, FgError *err);

typedef struct FgFarmLook {
    int json, watch, lines; /* lines of a failed task's log */
    double rate;            /* money per hour of a worker or GPU, 0 = none */
} FgFarmLook;
/* Prints how the job stands. 0 or an exit code + err. */
int fg_farm_status(const char *folder, const FgFarmLook *look, FgError *err);

/* ---- farm_file.c: what the engines share ---- */

/* Options of worker that every engine gives, each with a blank before it. */
void fg_farm_worker_options(const FgFarmTask *t, FgText *out);
/* Writes farm/NAME-TURN.EXT; in a dry run prints it. *path (may be NULL) is
 * malloc'ed. 0 or an exit code + err. */
int fg_farm_write(const FgFarmTask *t, const char *name, const char *ext,
                  const FgText *text, char **path, FgError *err);
/* Runs a client and waits: its first line of stdout in *out (malloc'ed). In a
 * dry run prints the command, and *out is "(id)". 0 or an exit code + err. */
int fg_farm_client(int dry_run, char *const argv[], char **out, FgError *err);
/* 'text' for sh. */
void fg_farm_quote(FgText *out, const char *text);
/* "0-3,7": the chunks as a list of ranges. */
void fg_farm_ranges(FgText *out, const int64_t *k, int64_t nb);
/* A name of letters, digits and '-' made of the output's, at most 40. */
void fg_farm_name(const FgJobPlan *p, char name[48]);
json_t *fg_farm_to_json(const FgFarm *f);
/* Fills f from farm.json; 0 or -EINVAL. */
int fg_farm_from_json(FgFarm *f, const json_t *j);
/* farm/farm.json, NULL: none, or not readable. */
json_t *fg_farm_read(const char *folder);

#endif
