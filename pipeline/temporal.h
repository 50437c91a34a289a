/* ffgan: how many neighbours in time the filters of a chain look at.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two tables in temporal.c say it of each filter that is known: one for those
 * that give one frame for each (alone, or with a window), one for those that
 * change the number of frames. A filter that is in neither is never cut. */
#ifndef FFGAN_PIPELINE_TEMPORAL_H
#define FFGAN_PIPELINE_TEMPORAL_H

#include <libavfilter/avfilter.h>

#include "kernels/error.h"
#include "pipeline/index.h"

/* Where a filter that changes the number of frames may begin, so that it gives
 * the frames of a whole run. */
typedef enum FgBegin {
    FG_BEGIN_ANYWHERE, /* its times do not depend on the first frame */
    FG_BEGIN_ON_GRID,  /* at a frame with a time that comes out, too */
    FG_BEGIN_BY_COUNT  /* at each step-th frame */
} FgBegin;

/* A filter that changes the number of frames. A frame out at time t depends on
 * the last frame in that is not behind t, `past` before and `future` behind
 * it. Its times out are found by running it over small black frames with the
 * input's times, so they may not depend on the picture; where that is dear
 * (networks), `instead` or `times` make it cheap. */
typedef struct FgRateFilter {
    const char *name;
    int past, future;
    FgBegin begin;
    int step; /* BY_COUNT: default of the option that is named `count` */
    const char *count;
    /* 1: with these options and times all this is true; NULL: always. */
    int (*fits)(const AVDictionary *opts, const FgTrack *in,
                const FgTrack *out);
    /* Options that replace its own while only times are asked for; NULL. */
    const char *instead;
    /* Fills out (zeroed) with the times for in. 0, -ENOMEM, -EINVAL. */
    int (*times)(FgTrack *out, const FgTrack *in, const AVDictionary *opts);
} FgRateFilter;

/* One filter that changes the number, or some in a row that do not. */
typedef struct FgStep {
    int past, future;
    int count;                /* BY_COUNT: frames between beginnings */
    const FgRateFilter *rate; /* NULL: one frame for each */
    const AVFilter *filter;   /* of rate */
    AVDictionary *opts;       /* of filter; owned */
} FgStep;

enum { FG_MAX_STEPS = 64 };

typedef struct FgSupport {
    int past, future; /* frames before and behind, where no step has a rate */
    char unknown[64]; /* a filter that remembers all, or that nobody measured:
                         the chain cannot be cut; "" = none */
    FgStep step[FG_MAX_STEPS];
    int nb_steps, nb_rates;
} FgSupport;

/* Sums up a chain in libavfilter's syntax. 0, or -EINVAL when it cannot be
 * parsed, -ENOMEM. Free in any case. */
int fg_chain_support(FgSupport *s, const char *chain, FgError *err);
void fg_support_free(FgSupport *s); /* accepts zeroed */

/* ---- rate.c: chains that change the number of frames ---- */

/* Times in front of each step and behind the last. */
typedef struct FgRates {
    const FgSupport *support;
    FgTrack track[FG_MAX_STEPS + 1]; /* own their times */
} FgRates;

/* Finds them for an index that is closed. 0, 1 + err: these frames cannot be
 * made in parts, -ENOMEM + err. Free in any case. */
int fg_rates_make(FgRates *r, const FgSupport *s, const FgIndex *x,
                  FgError *err);
void fg_rates_free(FgRates *r); /* accepts zeroed */
/* Frames [*in_from, *in_to) to feed for frames [from, to) out. */
void fg_rates_feed(const FgRates *r, int64_t from, int64_t to, int64_t *in_from,
                   int64_t *in_to);
/* What comes out; borrowed. */
const FgTrack *fg_rates_out(const FgRates *r);

#endif
