/* A table of numbers in memory and as CSV.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_TABLE_H
#define FFGAN_TRAINER_TABLE_H

#include <stdint.h>
#include <stdio.h>

#include "kernels/error.h"

#define FG_MAX_COLUMNS 64

typedef struct FgTable {
    char *path;
    FILE *f; /* open for adding rows */
    char *name[FG_MAX_COLUMNS];
    int nb_columns;
    double *v; /* [nb_rows][FG_MAX_COLUMNS]; NAN = empty */
    int nb_rows, cap;
} FgTable;

/* Reads path where it exists, keeping the rows whose first column is at most
 * keep; a broken last row is dropped. The file is written anew at the next row
 * where it has to change. -EINVAL when it is no such table. On failure *t is
 * zeroed. */
int fg_table_open(FgTable *t, const char *path, double keep, FgError *err);
/* The column of that name, added where it is new; -1 when there are too many
 * or memory ran out. Names hold no comma, quote or line end. */
int fg_table_column(FgTable *t, const char *name);
/* Adds a row of nb_columns values and flushes it to the file. */
int fg_table_row(FgTable *t, const double *v, FgError *err);
void fg_table_close(FgTable *t); /* accepts NULL, zeroed */

#endif
