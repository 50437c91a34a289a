/* ffgan: many inputs in one go. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_BATCH_H
#define FFGAN_PIPELINE_BATCH_H

#include "kernels/error.h"
#include "pipeline/progress.h"

typedef struct FgBatch {
    char **input; /* files and folders (their videos, not folders in them) */
    int nb;
    const char *out_dir; /* NULL = beside each input; made when missing */
    const char *name;    /* template: {stem}, {preset}, {ext} */
    const char *preset;  /* for {preset}; NULL = the default's */
    int overwrite;       /* 0: outputs that exist are passed over */
    /* Runs one: 0 or an exit code + err. */
    int (*run)(void *arg, const char *input, const char *output,
               FgReport *report, FgError *err);
    /* The extension of an input's output: malloc'ed, or NULL + err. */
    char *(*extension)(void *arg, const char *input, FgError *err);
    void *arg;
} FgBatch;

/* Runs all, whatever becomes of one; prints a summary. 0 when all are done or
 * were, else the exit code of the first that failed. A signal ends it. */
int fg_batch_run(const FgBatch *b, FgReport *report);

#endif
