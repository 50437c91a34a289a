/* A search over a family's keys: who takes part, what was tried, what came out.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Everything that is decided is a function of the search recipe and of the
 * results so far, and every result stands in OUT/search.jsonl before the next
 * is begun. So the same command goes on after any death. */
#ifndef FFGAN_TRAINER_SEARCH_H
#define FFGAN_TRAINER_SEARCH_H

#include <stdio.h>

#include "trainer/arms.h"
#include "trainer/trial.h"

#define FG_MAX_ARMS 5

typedef struct FgTexts {
    char **v;
    int nb;
} FgTexts;

typedef struct FgSearchRecipe {
    FgYaml doc; /* owner of strings */
    char *text; /* resolved */
    char *core; /* without what only says how long it goes on: equal texts make
                   equal searches */
    char *recipe, *test; /* test NULL = none */
    const char *name;
    FgSpace space;
    const FgArm *arm[FG_MAX_ARMS];
    int nb_arms;
    int evaluations, population, tournament, reports, median, top, seeds;
    uint64_t seed;
    double budget_ms, penalty, max_times;
    int w, h;                      /* timing, 0 = none */
    FgTexts proxy, full, baseline; /* "key=value" */
} FgSearchRecipe;

/* -EINVAL (bad recipe), -ENOENT and others of reading; *r zeroed on failure. */
int fg_search_read(FgSearchRecipe *r, const char *path, FgError *err);
void fg_search_recipe_free(FgSearchRecipe *r); /* accepts zeroed */
void fg_search_print_keys(void);

/* ---- what was tried ---- */

typedef struct FgTried {
    FgTexts set; /* the candidate's "key=value" */
    FgTrial trial;
    double fitness; /* -INFINITY unless the trial went well */
    FgPoint x;
} FgTried;

typedef struct FgFinal {
    int arm, k; /* arm -1 = the baseline */
    double figure[16], test[16];
    int nb; /* seeds done */
} FgFinal;

typedef struct FgSearch {
    const FgSearchRecipe *r;
    FgTrialWorld world;
    const char *out; /* folder */
    FgTried baseline;
    int has_baseline;
    FgTried *tried[FG_MAX_ARMS]; /* [r->evaluations] each */
    int nb[FG_MAX_ARMS];
    FgFinal *final; /* the baseline first, then top of each arm */
    int nb_finals;
    FILE *log;
    int json, dry; /* dry: no log is opened */
} FgSearch;

/* Room in FgSearch.final. */
int fg_search_most_finals(const FgSearchRecipe *r);
/* Milliseconds that cost nothing: the recipe's, or the baseline's. */
double fg_search_budget(const FgSearch *s);
/* figure less penalty times the milliseconds over the budget. */
double fg_search_fitness(const FgSearch *s, const FgTrial *t);

/* ---- search_log.c ---- */

/* Reads OUT/search.jsonl where it exists, and opens it for adding. A half last
 * line is cut away; what is more than the recipe wants now is left aside.
 * -EEXIST: it is of another search (err says of what). */
int fg_search_log_open(FgSearch *s, FgError *err);
/* Each adds one line and syncs it. */
int fg_search_log_trial(FgSearch *s, int arm, int k, const FgTried *t,
                        FgError *err);
int fg_search_log_final(FgSearch *s, const FgFinal *f, int seed, double figure,
                        double test, FgError *err);

/* ---- search_run.c ---- */

/* Makes the tables, reads the base recipe and its pictures, checks every gene
 * and choice, opens the log. Errors as fg_search_log_open's, -EINVAL for what
 * is wrong in a recipe. */
int fg_search_open(FgSearch *s, FgError *err);
void fg_search_close(FgSearch *s); /* accepts half-open */

/* All that is left to do. 0, -EINTR after a signal, or what failed. */
int fg_search_run(FgSearch *s, FgError *err);

/* ---- search_report.c ---- */

/* Kendall's tau-b of n pairs; NAN for fewer than two or all tied. */
double fg_kendall(const double *a, const double *b, int n);
/* Summary on stdout and in OUT/summary.txt, OUT/pareto.png, OUT/winner.yaml. */
int fg_search_report(FgSearch *s, FgError *err);

#endif
