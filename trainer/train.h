/* A training run: what every family shares.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loop.c drives a run and knows nothing of losses; a family (train_sr.c) knows
 * one step. Families may have several networks, each with its own optimiser
 * memory, and step them in any order inside FgFamily.step. */
#ifndef FFGAN_TRAINER_TRAIN_H
#define FFGAN_TRAINER_TRAIN_H

#include "kernels/pool.h"
#include "trainer/data.h"
#include "trainer/net.h"
#include "trainer/recipe.h"

#define FG_MAX_NETS 4

#define FG_MAX_SCALARS 16

typedef struct FgScalar {
    const char *tag; /* "Loss/G", "D/real": a static string */
    double v;
} FgScalar;

/* What a step tells the log. Everything is averaged over the steps between two
 * lines. The scalars reach terminal, JSON, CSV and event files under their
 * tags; a step may leave some out. */
typedef struct FgStepInfo {
    double loss; /* of the generator or only network */
    double mse;  /* shown as dB; NAN (preset) where a family has none */
    int bad;     /* loss or gradient not finite: nothing was stepped */
    FgScalar scalar[FG_MAX_SCALARS];
    int nb_scalars;
} FgStepInfo;

/* Adds a scalar; past FG_MAX_SCALARS, or with a value that is not finite, it is
 * left out. */
void fg_step_scalar(FgStepInfo *info, const char *tag, double v);

struct FgFamily;

typedef struct FgTrain {
    const FgRecipe *recipe;
    const struct FgFamily *family;
    void *priv; /* the family's */
    FgExecutor *ex;
    FgData train, val;
    FgNet net[FG_MAX_NETS];
    int nb_nets;
    char parent[65]; /* SHA-256 of the init file, or "" */
    /* state of the run, all of it in the checkpoint */
    int64_t step;     /* done */
    double best;      /* best validation figure, -INFINITY = none yet */
    double best_ssim; /* of the same weights */
    int64_t best_step;
    double last_val;  /* NAN = none yet */
    double lr_scale;  /* halved at each rollback */
    double elapsed_s; /* over all starts */
    int64_t skipped;
} FgTrain;

typedef struct FgFamily {
    const char *name; /* the recipe's task */
    /* Makes the networks and the buffers. */
    int (*create)(FgTrain *t, FgError *err);
    /* One step at t->step; part is the share of the schedule done. */
    int (*step)(FgTrain *t, double lr, double part, FgStepInfo *info);
    /* Figures of the averaged weights on t->val; larger is better. */
    int (*validate)(FgTrain *t, double *figure, double *ssim, FgError *err);
    /* The weights file's content from one set of weights. */
    int (*export_model)(FgTrain *t, int set, FgModel **m, FgError *err);
    void (*close)(FgTrain *t); /* accepts a failed create */
} FgFamily;

extern const FgFamily fg_family_sr;
const FgFamily *fg_family_find(const char *name); /* or NULL */

/* ---- checkpoint.c: everything a run needs to go on ---- */

int fg_checkpoint_write(const FgTrain *t, const char *path, FgError *err);
/* -ENOENT: there is none. -EBADMSG: damaged. -EEXIST: made from another recipe
 * or other pictures (err says what changed). On failure *t is unchanged. */
int fg_checkpoint_read(FgTrain *t, const char *path, FgError *err);

/* ---- loop.c ---- */

typedef struct FgLoopOptions {
    const char *out;        /* weights file */
    const char *checkpoint; /* path */
    int json;               /* progress as one object a line on stdout */
} FgLoopOptions;

/* Runs until the recipe's end. 0, -EINTR after a signal (checkpoint written),
 * -EDOM when training keeps diverging, or another negative errno. */
int fg_loop(FgTrain *t, const FgLoopOptions *o, FgError *err);
/* Share of the schedule that is done, 0..1. */
double fg_loop_part(const FgTrain *t);
extern volatile int fg_loop_signal; /* set by the program's handler */

#endif
