/* ffgan: exit codes, after sysexits(3).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Schedulers act on these: 75 is worth a retry, the others are not. */
#ifndef FFGAN_PIPELINE_EXIT_H
#define FFGAN_PIPELINE_EXIT_H

typedef enum FgExit {
    FG_EXIT_OK = 0,
    FG_EXIT_USAGE = 64,     /* wrong words on the command line */
    FG_EXIT_DATA = 65,      /* input or model that cannot be right */
    FG_EXIT_NOINPUT = 66,   /* input, preset's model or frame missing */
    FG_EXIT_DEVICE = 69,    /* a device or a needed part is missing, failed */
    FG_EXIT_BUG = 70,       /* an internal check failed */
    FG_EXIT_CANTCREAT = 73, /* output cannot be made or exists */
    FG_EXIT_IO = 74,        /* write error, disk full */
    FG_EXIT_RETRY = 75,     /* temporary: out of memory */
    FG_EXIT_CONFIG = 78,    /* preset or its parameters */
    FG_EXIT_SIGNAL = 128    /* + signal number */
} FgExit;

/* From a negative errno met while reading, writing, or building a chain. */
int fg_exit_input(int err);
int fg_exit_output(int err);
int fg_exit_chain(int err);

#endif
