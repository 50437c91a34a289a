/* ffgan: the built-in commands. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each gets argv[0] = its own name and returns the exit code. */
#ifndef FFGAN_PIPELINE_COMMANDS_H
#define FFGAN_PIPELINE_COMMANDS_H

#include "pipeline/run.h"

#define FG_VERSION "0.1.0"

int fg_cmd_upscale(int argc, char **argv);
int fg_cmd_run(int argc, char **argv);
int fg_cmd_job(int argc, char **argv); /* assemble, status, verify */
int fg_cmd_worker(int argc, char **argv);
int fg_cmd_farm(int argc, char **argv);
int fg_cmd_generate(int argc, char **argv);
int fg_cmd_variations(int argc, char **argv);
int fg_cmd_compare(int argc, char **argv);
int fg_cmd_model(int argc, char **argv);
int fg_cmd_bench(int argc, char **argv);
int fg_cmd_doctor(int argc, char **argv);
int fg_doctor_colour(void); /* cmd_colour.c; the exit code */
int fg_cmd_version(int argc, char **argv);
int fg_cmd_preset(int argc, char **argv); /* cmd_preset.c */

/* One line "ffgan: COMMAND: text; 'ffgan COMMAND --help' ..."; returns
 * FG_EXIT_USAGE. */
int fg_usage_error(const char *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

struct option;
/* getopt_long over argv: take gets each option and its value, and returns 0 or
 * an exit code, which ends it. letters begins with ':'. What is wrong with the
 * words is said. 0 (optind: the first name) or an exit code. */
int fg_take_options(const char *command, int argc, char **argv,
                    const char *letters, const struct option *options,
                    int (*take)(void *arg, int c, const char *value),
                    void *arg);

/* At a command's end: ret, or FG_EXIT_IO with a message when what was asked
 * for could not all be printed. */
int fg_stdout_end(int ret);

struct FgModel;
/* Finds and reads a model; prints the error. 0 or an exit code. */
int fg_model_open(struct FgModel **m, const char *name, char *path,
                  size_t size);
/* argv[0] is "check"; returns the exit code. */
int fg_model_check(int argc, char **argv);

/* --dry-run: measures a few frames, prints plan and estimates on stdout. */
int fg_dry_run(FgRun *run, int json);

#endif
