/* ffgan: attempts at a chunk: who works on it, and who failed.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OUT.ffgan/attempts/00007-HOST-PID-START.json is there while a worker works on
 * chunk 7; its modification time is the worker's heart beat. It goes when the
 * chunk is done, and stays, with what went wrong, when the attempt failed. A
 * file whose heart has stopped is an attempt that was killed. Nothing depends
 * on these files: receipts alone say what is done. They are for people, for
 * the count of tries, and for what the farm costs. */
#ifndef FFGAN_PIPELINE_ATTEMPT_H
#define FFGAN_PIPELINE_ATTEMPT_H

#include <stdint.h>

#include "kernels/error.h"

/* Seconds between beats, and after how many an attempt counts as lost. */
enum { FG_BEAT_S = 15, FG_BEAT_LOST_S = 120 };

typedef struct FgAttempt FgAttempt;

/* Notes that this process begins chunk k. A folder that cannot be written is
 * no reason not to work: NULL then, which all functions accept. */
FgAttempt *fg_attempt_begin(const char *folder, int64_t k);
/* Ends it: code 0 or a signal's (128 and more, stopped by hand) removes the
 * file, else the exit code and text stay. Frees and clears *a. */
void fg_attempt_end(FgAttempt **a, int code, const char *text);

typedef struct FgTry {
    int64_t chunk;
    char host[65];
    long pid;
    double started; /* seconds since 1970, by the worker's clock */
    double seconds; /* from start to the last beat, or to the failure */
    double silent;  /* since the last beat, by the shared folder's clock */
    int code;       /* 0 = was still at work */
    int past;       /* before the last 'ffgan farm retry' */
    char *text;     /* what went wrong, or NULL; owned */
    char *log;      /* the file that was the worker's stderr, or NULL; owned */
} FgTry;

/* All attempts that left a file, by chunk, then start. 0 or a negative errno +
 * err; *list is malloc'ed, NULL when there are none. */
int fg_tries_read(const char *folder, FgTry **list, int *nb, FgError *err);
/* Failed and lost attempts become past: they count no more. 0 or -errno + err.
 */
int fg_tries_forget(const char *folder, FgError *err);
void fg_tries_free(FgTry **list, int nb); /* accepts NULL */
/* 1 while the heart beats, and the process of this host is there. (Hosts in
 * containers need names of their own.) */
int fg_try_is_alive(const FgTry *t);

#endif
