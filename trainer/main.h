/* The trainer's programs: one binary under several names.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_MAIN_H
#define FFGAN_TRAINER_MAIN_H

#include "kernels/error.h"

/* Exit codes, as sysexits(3) has them. */
enum {
    FG_EXIT_PARENT = 3, /* going on made nothing better: the parent is kept */
    FG_EXIT_USAGE = 64,
    FG_EXIT_DATA = 65,
    FG_EXIT_NOINPUT = 66,
    FG_EXIT_DEVICE = 69, /* a GPU or a part that it needs is missing */
    FG_EXIT_SOFTWARE = 70,
    FG_EXIT_CANTCREAT = 73,
    FG_EXIT_IO = 74,
    FG_EXIT_TEMP = 75,
    FG_EXIT_CONFIG = 78
};

int fg_main_train(int argc, char **argv);
int fg_main_eval(int argc, char **argv);
int fg_main_search(int argc, char **argv);
/* Prints "PROGRAM: text" and returns code. */
int fg_fail(const char *program, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The exit code of a failure while reading (input) or writing. */
int fg_exit_input(int ret);
int fg_exit_output(int ret);
/* "--name=value" or "--name value" (then *i moves on): the value, or NULL. */
const char *fg_option(int argc, char **argv, int *i, const char *name);
/* Whole number in [min, max]; -1 if it is none. */
int fg_option_int(const char *text, int min, int max);

#endif
