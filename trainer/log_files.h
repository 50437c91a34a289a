/* A run's numbers as files: CSV, TensorBoard events, plots.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_LOG_FILES_H
#define FFGAN_TRAINER_LOG_FILES_H

#include "trainer/log.h"

typedef struct FgLogFiles FgLogFiles;

/* Makes folder/name (two levels at most) with log.csv and an event file. What
 * they hold past t->step is cut: a run that goes on says no step twice. *f is
 * NULL on failure. */
int fg_log_files_open(FgLogFiles **f, const char *folder, const char *name,
                      const FgTrain *t, FgError *err);
/* One row, one event, and now and then the plots. */
int fg_log_files_line(FgLogFiles *f, const FgTrain *t, const FgLogLine *line,
                      FgError *err);
/* A validation at t->step; second may be NAN. */
int fg_log_files_val(FgLogFiles *f, const FgTrain *t, double figure,
                     double second, FgError *err);
int fg_log_files_image(FgLogFiles *f, int64_t step, const char *tag,
                       const FgPicture *pic, FgError *err);
/* The run went back to t->step. */
int fg_log_files_rewind(FgLogFiles *f, const FgTrain *t, FgError *err);
/* Draws the plots; accepts NULL. */
int fg_log_files_close(FgLogFiles **f, FgError *err);

#endif
