/* One candidate of a search: trained for a while, judged, timed.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_TRIAL_H
#define FFGAN_TRAINER_TRIAL_H

#include "trainer/median.h"
#include "trainer/train.h"

typedef enum FgTrialStatus {
    FG_TRIAL_OK,
    FG_TRIAL_STOPPED, /* by the median rule */
    FG_TRIAL_FAILED   /* why says what: no such network, or it diverged */
} FgTrialStatus;

typedef struct FgTrial {
    FgTrialStatus status;
    FgCurve curve;
    double figure; /* best of the curve; NAN = none */
    double test;   /* of the last weights on the test pictures; NAN = none */
    double ms;     /* NAN = not timed */
    double params; /* of the inference form */
    double cpu_s;
    char why[1024];
} FgTrial;

/* What the trials of a search share. */
typedef struct FgTrialWorld {
    const char *recipe, *data_root;
    FgTrain shared; /* its pictures and recipe; nothing else */
    FgData test;    /* nb 0 = none */
    FgExecutor *ex;
    int w, h;            /* timing: input pixels, 0 = not timed */
    FgModel *reference;  /* timed beside each candidate */
    double reference_ms; /* what it took at first; 0 = none yet */
    double limit_ms;     /* slower candidates are not trained; 0 = all are */
    int reports;         /* 1..FG_MAX_REPORTS, evenly over the steps */
} FgTrialWorld;

/* Reads the recipe with these overrides and loads its pictures; test may be
 * NULL. Errors as fg_recipe_read's and the family's load. */
int fg_trial_world(FgTrialWorld *w, char *const *set, int nb, const char *test,
                   FgError *err);
void fg_trial_world_free(FgTrialWorld *w); /* accepts zeroed */
/* May this key differ from candidate to candidate? The pictures are shared, so
 * those that choose them may not. */
int fg_trial_may_vary(const FgTrialWorld *w, const char *key);

/* Times and trains one: 0, also when the candidate failed (status says so);
 * -EINTR after a signal; other errors are not the candidate's fault. done may
 * be NULL: no median stopping. */
int fg_trial_run(const FgTrialWorld *w, char *const *set, int nb,
                 const FgCurve *done, int nb_done, FgTrial *out, FgError *err);

/* The network of these overrides as it is before any step: for timing. */
int fg_trial_untrained(const FgTrialWorld *w, char *const *set, int nb,
                       FgModel **model, FgError *err);

/* Least processor time of a frame of w->w x w->h on one thread, in ms, by the
 * plan that the filters use; measured beside the reference and given in the
 * reference's first ms, so that a busy or hot machine cancels out. Without a
 * reference (NULL) the plain time. */
int fg_trial_time(const FgTrialWorld *w, const FgModel *m, double *ms,
                  FgError *err);

#endif
