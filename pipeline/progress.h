/* ffgan: what a run tells the outside: start, progress, warnings, end.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * On a terminal a bar; elsewhere lines with "Progress: NN%" at each 1 % but
 * not more than one a second, and at least every 5 s; with json one object a
 * line on stdout. Human text goes to stderr. Farm managers read their own words
 * on stdout, at a line's start: see FgStyle. Thread safe. */
#ifndef FFGAN_PIPELINE_PROGRESS_H
#define FFGAN_PIPELINE_PROGRESS_H

#include <pthread.h>
#include <stdint.h>

/* How progress is told. */
typedef enum FgStyle {
    FG_STYLE_AUTO,     /* bar, lines or json, as above */
    FG_STYLE_DEADLINE, /* "Progress: NN%" */
    FG_STYLE_OPENJD,   /* "openjd_progress: NN.N", openjd_status, openjd_fail */
    FG_STYLE_ALF       /* "ALF_PROGRESS NN%": Tractor, Alfred, OpenCue's log */
} FgStyle;

typedef struct FgReport {
    int json, quiet, terminal;
    FgStyle style;
    int muted;     /* 1: warnings are dropped */
    int64_t total; /* frames to come, 0 = unknown */
    double start;  /* seconds, fg_now */
    pthread_mutex_t lock;
    double shown_at;  /* time of the last line */
    int shown_pct;    /* percent of the last line */
    int bar;          /* 1: the cursor is behind a bar */
    int64_t warnings; /* how many were given */
    double first_at;  /* when the first frame was done, 0 = not yet */
} FgReport;

/* Names are bytes, JSON is UTF-8: each byte that is not becomes '?'. A new
 * json_t, NULL: no memory. */
struct json_t *fg_json_text(const char *s);

void fg_report_init(FgReport *r, int json, int quiet);
/* "auto", "bar", "lines", "json", "deadline", "openjd", "alf", "none".
 * -EINVAL for other words. */
int fg_report_style(FgReport *r, const char *name);
/* Both files and the preset's name; frames 0 = unknown. */
void fg_report_start(FgReport *r, const char *input, const char *output,
                     const char *preset, int64_t frames);
/* Call as often as you like; it decides what to show. */
void fg_report_progress(FgReport *r, int64_t frames);
void fg_report_warn(FgReport *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The last line of a good run. */
void fg_report_done(FgReport *r, const char *output, int64_t frames,
                    int64_t bytes);
/* The last line of a batch. */
void fg_report_summary(FgReport *r, int done, int skipped, int failed,
                       int left);
/* One line "ffgan: text" (json: event "error" with the exit code). Returns
 * code. */
int fg_report_error(FgReport *r, int code, const char *text);

#endif
