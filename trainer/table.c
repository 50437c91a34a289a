/* A table of numbers in memory and as CSV.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/atomic.h"
#include "trainer/table.h"

int fg_table_column(FgTable *t, const char *name)
{
    for (int i = 0; i < t->nb_columns; i++)
        if (!strcmp(t->name[i], name))
            return i;
    if (t->nb_columns == FG_MAX_COLUMNS || strpbrk(name, ",\"\r\n") ||
        !(t->name[t->nb_columns] = strdup(name)))
        return -1;
    /* The header has to change: the file is made anew. */
    if (t->f)
        fclose(t->f);
    t->f = NULL;
    return t->nb_columns++;
}

static int add(FgTable *t, const double *v)
{
    double *row;

    if (t->nb_rows == t->cap) {
        const int cap = 2 * t->cap + 64;

        row = realloc(t->v, sizeof(*row) * FG_MAX_COLUMNS * (size_t)cap);
        if (!row)
            return -ENOMEM;
        t->v = row;
        t->cap = cap;
    }
    row = t->v + (size_t)t->nb_rows++ * FG_MAX_COLUMNS;
    for (int i = 0; i < FG_MAX_COLUMNS; i++)
        row[i] = i < t->nb_columns ? v[i] : NAN;
    return 0;
}

static void print_row(FILE *f, const FgTable *t, const double *v)
{
    for (int i = 0; i < t->nb_columns; i++) {
        if (i)
            fputc(',', f);
        if (isfinite(v[i]))
            fprintf(f, "%.9g", v[i]);
    }
    fputc('\n', f);
}

/* ---- reading ---- */

static void read_names(FgTable *t, char *line)
{
    for (char *next = line, *word; (word = strsep(&next, ","));)
        if (*word)
            fg_table_column(t, word);
}

/* 1 when the line is a row. */
static int read_row(const FgTable *t, char *line, double *v)
{
    char *next = line, *word;
    int n = 0;

    while ((word = strsep(&next, ",")) && n < FG_MAX_COLUMNS) {
        char *end;

        v[n] = strtod(word, &end);
        if (*end)
            return 0;
        if (!*word)
            v[n] = NAN;
        n++;
    }
    return n == t->nb_columns && isfinite(v[0]);
}

static int parse(FgTable *t, char *text, double keep)
{
    char *line = text;
    int ret = 0;

    for (char *end; !ret && (end = strchr(line, '\n')); line = end + 1) {
        double v[FG_MAX_COLUMNS];

        *end = 0;
        if (!t->nb_columns)
            read_names(t, line);
        else if (read_row(t, line, v) && v[0] <= keep)
            ret = add(t, v);
    }
    return ret;
}

int fg_table_open(FgTable *t, const char *path, double keep, FgError *err)
{
    char *text = NULL;
    size_t size = 0;
    int ret = 0;

    *t = (FgTable){.path = strdup(path)};
    if (!t->path)
        return -ENOMEM;
    if (!access(path, F_OK))
        ret = fg_read_file(path, &text, &size, err);
    if (!ret && text) {
        char *copy = realloc(text, size + 1);

        ret = copy ? 0 : -ENOMEM;
        text = copy ? copy : text;
    }
    if (!ret && text) {
        text[size] = 0;
        ret = parse(t, text, keep);
        if (!ret && size && !t->nb_columns)
            ret = fg_error(err, -EINVAL, "%s: not a table of numbers", path);
    }
    free(text);
    if (ret)
        fg_table_close(t);
    return ret;
}

/* ---- writing ---- */

static int write_all(FgTable *t, FgError *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    FgPart part;
    int ret = -ENOMEM;

    if (!f)
        return ret;
    for (int i = 0; i < t->nb_columns; i++)
        fprintf(f, "%s%s", i ? "," : "", t->name[i]);
    fputc('\n', f);
    for (int i = 0; i < t->nb_rows; i++)
        print_row(f, t, t->v + (size_t)i * FG_MAX_COLUMNS);
    if (!fclose(f)) {
        part = (FgPart){text, size};
        ret = fg_write_atomic(t->path, &part, 1, err);
    }
    free(text);
    if (!ret && !(t->f = fopen(t->path, "ae")))
        ret = -errno;
    return ret;
}

int fg_table_row(FgTable *t, const double *v, FgError *err)
{
    int ret = add(t, v);

    if (!ret && !t->f)
        ret = write_all(t, err);
    else if (!ret) {
        print_row(t->f, t, v);
        if (fflush(t->f) || ferror(t->f))
            ret = fg_error(err, errno ? -errno : -EIO,
                           "%s: cannot be written: %s", t->path,
                           strerror(errno));
    }
    return ret;
}

void fg_table_close(FgTable *t)
{
    if (!t)
        return;
    if (t->f)
        fclose(t->f);
    for (int i = 0; i < t->nb_columns; i++)
        free(t->name[i]);
    free(t->v);
    free(t->path);
    *t = (FgTable){0};
}
