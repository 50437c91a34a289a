/* Progress of a training run. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_LOG_H
#define FFGAN_TRAINER_LOG_H

#include "trainer/train.h"

typedef struct FgLog {
    int json, tty;
    int steps;                       /* since the last line */
    double loss, mse;                /* sums over them */
    FgScalar scalar[FG_MAX_SCALARS]; /* sums, in order of first appearance */
    int count[FG_MAX_SCALARS], nb_scalars;
    double since;             /* time of the last line */
    struct FgLogFiles *files; /* NULL = none */
} FgLog;

/* What a line says; NAN = not known. */
typedef struct FgLogLine {
    int64_t step;
    double loss, train_db, val, images_per_s, lr, eta_s;
    FgScalar scalar[FG_MAX_SCALARS];
    int nb_scalars;
} FgLogLine;

double fg_log_now(void); /* monotonic seconds */
void fg_log_open(FgLog *l, int json);
/* From here on the lines also go into files below folder/name (log_files.h). A
 * disk that fails later ends that with a note, not the run. */
int fg_log_to(FgLog *l, const char *folder, const char *name, const FgTrain *t,
              FgError *err);
void fg_log_val(FgLog *l, const FgTrain *t, double figure, double second);
void fg_log_image(FgLog *l, int64_t step, const FgPicture *pic);
void fg_log_rewind(FgLog *l, const FgTrain *t); /* it went back to t->step */
void fg_log_step(FgLog *l, const FgStepInfo *info);
/* One line: step, loss, dB, validation dB, pictures per second, rate, ETA. On a
 * terminal it replaces the line before. */
void fg_log_line(FgLog *l, const FgTrain *t, double lr);
/* An event that stays on the screen. */
void fg_log_note(FgLog *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void fg_log_close(FgLog *l);

#endif
