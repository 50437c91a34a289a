/* A run's numbers as files: CSV, TensorBoard events, plots.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "trainer/events.h"
#include "trainer/log_files.h"
#include "trainer/plot.h"
#include "trainer/table.h"

#define PLOT_EVERY_S 20

struct FgLogFiles {
    char *folder;
    char name[256];
    FgEvents *events;
    FgTable table;
    double plotted; /* when */
};

enum { STEP, SECONDS, LOSS, TRAIN_DB, VAL, RATE, SPEED, SKIPPED, NB_FIXED };
static const char *const fixed[NB_FIXED] = {"step",         "seconds", "loss",
                                            "train_db",     "val",     "lr",
                                            "images_per_s", "skipped"};

static char *inside(const FgLogFiles *f, const char *file)
{
    char *path;

    return asprintf(&path, "%s/%s", f->folder, file) < 0 ? NULL : path;
}

/* ---- opening ---- */

static int open_table(FgLogFiles *f, const FgTrain *t, FgError *err)
{
    char *path = inside(f, "log.csv");
    int ret = path ? fg_table_open(&f->table, path, (double)t->step, err)
                   : -ENOMEM;

    free(path);
    for (int i = 0; i < NB_FIXED && !ret; i++)
        if (fg_table_column(&f->table, fixed[i]) != i)
            ret = fg_error(err, -EINVAL,
                           "%s/log.csv: it is not of this program", f->folder);
    return ret;
}

/* What the recipe says itself, for the page that compares runs. */
static int write_recipe(FgLogFiles *f, const FgTrain *t, FgError *err)
{
    const FgYaml *doc = &t->recipe->doc;
    char **pairs = calloc((size_t)doc->nb + 1, sizeof(*pairs));
    int nb = 0, ret = pairs ? 0 : -ENOMEM;

    for (int i = 0; i < doc->nb && !ret; i++) {
        if (doc->items[i].type != FG_YAML_SCALAR)
            continue;
        if (asprintf(&pairs[nb], "%s=%s", doc->keys[i], doc->items[i].text) < 0)
            ret = -ENOMEM;
        else
            nb++;
    }
    if (!ret)
        ret = fg_events_trial(f->events, f->name, pairs, nb, err);
    fg_strings_free(&pairs, nb);
    return ret;
}

static int open_all(FgLogFiles *f, const FgTrain *t, FgError *err)
{
    int ret = fg_events_open(&f->events, f->folder, t->step, err);

    if (!ret)
        ret = write_recipe(f, t, err);
    return ret ? ret : open_table(f, t, err);
}

int fg_log_files_open(FgLogFiles **out, const char *folder, const char *name,
                      const FgTrain *t, FgError *err)
{
    FgLogFiles *f = calloc(1, sizeof(*f));
    int ret = f ? 0 : -ENOMEM;

    *out = f;
    if (!ret && mkdir(folder, 0777) && errno != EEXIST)
        ret = fg_error(err, -errno, "%s: cannot be made: %s", folder,
                       strerror(errno));
    if (!ret && asprintf(&f->folder, "%s/%s", folder, name) < 0) {
        f->folder = NULL;
        ret = -ENOMEM;
    }
    if (!ret) {
        snprintf(f->name, sizeof(f->name), "%s", name);
        ret = open_all(f, t, err);
    }
    if (ret)
        fg_log_files_close(out, NULL);
    return ret;
}

int fg_log_files_rewind(FgLogFiles *f, const FgTrain *t, FgError *err)
{
    fg_events_close(&f->events);
    fg_table_close(&f->table);
    return open_all(f, t, err);
}

/* ---- plots ---- */

typedef struct Lines {
    FgSeries s[FG_MAX_COLUMNS];
    int nb;
    double *room;
    double least, most;
} Lines;

static void add_line(Lines *l, const FgTable *t, int column)
{
    const size_t n = (size_t)t->nb_rows;
    double *x = l->room + 2 * n * (size_t)l->nb, *y = x + n;
    int seen = 0;

    for (size_t i = 0; i < n; i++) {
        x[i] = t->v[i * FG_MAX_COLUMNS];
        y[i] = t->v[i * FG_MAX_COLUMNS + (size_t)column];
        if (!isfinite(y[i]))
            continue;
        seen = 1;
        l->least = fmin(l->least, y[i]);
        l->most = fmax(l->most, y[i]);
    }
    if (seen)
        l->s[l->nb++] = (FgSeries){t->name[column], x, y, t->nb_rows,
                                   FG_MARK_LINE};
}

static int draw(const FgLogFiles *f, Lines *l, const char *file,
                const char *label, FgError *err)
{
    char *path = inside(f, file);
    const FgPlot p = {.title = f->name,
                      .x_label = "step",
                      .y_label = label,
                      .series = l->s,
                      .nb = l->nb,
                      .log_y = l->least > 0 && l->most > 20 * l->least,
                      .w = 1000,
                      .h = 560};
    int ret = path ? 0 : -ENOMEM;

    if (!ret && l->nb)
        ret = fg_plot_write(&p, path, err);
    free(path);
    return ret;
}

/* Losses: those with a name, else the one without. Figures: training's and
 * validation's. */
static int plot(FgLogFiles *f, FgError *err)
{
    const FgTable *t = &f->table;
    Lines l = {.least = INFINITY, .most = -INFINITY};
    int ret;

    if (t->nb_rows < 2)
        return 0;
    l.room = malloc(sizeof(double) * 2 * (size_t)t->nb_rows * FG_MAX_COLUMNS);
    if (!l.room)
        return -ENOMEM;
    for (int i = NB_FIXED; i < t->nb_columns; i++)
        if (!strncmp(t->name[i], "Loss/", 5))
            add_line(&l, t, i);
    if (!l.nb)
        add_line(&l, t, LOSS);
    ret = draw(f, &l, "loss.png", "loss", err);
    l.nb = 0;
    l.least = INFINITY;
    l.most = -INFINITY;
    add_line(&l, t, TRAIN_DB);
    add_line(&l, t, VAL);
    if (!ret)
        ret = draw(f, &l, "figure.png", "figure", err);
    free(l.room);
    f->plotted = fg_log_now();
    return ret;
}

/* ---- numbers ---- */

static int add_row(FgLogFiles *f, const FgTrain *t, const FgLogLine *n,
                   FgError *err)
{
    double v[FG_MAX_COLUMNS];

    for (int i = 0; i < FG_MAX_COLUMNS; i++)
        v[i] = NAN;
    v[STEP] = (double)n->step;
    v[SECONDS] = t->elapsed_s;
    v[LOSS] = n->loss;
    v[TRAIN_DB] = n->train_db;
    v[VAL] = isfinite(n->val) ? t->family->figure.sign * n->val : NAN;
    v[RATE] = n->lr;
    v[SPEED] = n->images_per_s;
    v[SKIPPED] = (double)t->skipped;
    for (int i = 0; i < n->nb_scalars; i++) {
        const int c = fg_table_column(&f->table, n->scalar[i].tag);

        if (c >= NB_FIXED)
            v[c] = n->scalar[i].v;
    }
    return fg_table_row(&f->table, v, err);
}

static void tag(FgTag *all, int *nb, const char *name, double v)
{
    for (int i = 0; i < *nb; i++)
        if (!strcmp(all[i].tag, name))
            return;
    if (isfinite(v))
        all[(*nb)++] = (FgTag){name, v};
}

int fg_log_files_line(FgLogFiles *f, const FgTrain *t, const FgLogLine *n,
                      FgError *err)
{
    FgTag all[FG_MAX_SCALARS + 5];
    int nb = 0, ret;

    for (int i = 0; i < n->nb_scalars; i++)
        tag(all, &nb, n->scalar[i].tag, n->scalar[i].v);
    tag(all, &nb, "Loss/G", n->loss);
    tag(all, &nb, "dB/train", n->train_db);
    tag(all, &nb, "Rate/lr", n->lr);
    tag(all, &nb, "Rate/images_per_s", n->images_per_s);
    tag(all, &nb, "Count/skipped", (double)t->skipped);
    ret = fg_events_scalars(f->events, n->step, all, nb, err);
    if (!ret)
        ret = add_row(f, t, n, err);
    if (!ret && fg_log_now() - f->plotted > PLOT_EVERY_S)
        ret = plot(f, err);
    return ret;
}

int fg_log_files_val(FgLogFiles *f, const FgTrain *t, double figure,
                     double second, FgError *err)
{
    const FgFigure *g = &t->family->figure;
    char first[80], other[80];
    FgTag all[2];
    int nb = 0;

    snprintf(first, sizeof(first), "Validation/%s", g->name);
    tag(all, &nb, first, g->sign * figure);
    snprintf(other, sizeof(other), "Validation/%s", g->second ? g->second : "");
    if (g->second)
        tag(all, &nb, other, second);
    return nb ? fg_events_scalars(f->events, t->step, all, nb, err) : 0;
}

int fg_log_files_image(FgLogFiles *f, int64_t step, const char *name,
                       const FgPicture *pic, FgError *err)
{
    return fg_events_image(f->events, step, name, pic, err);
}

int fg_log_files_close(FgLogFiles **out, FgError *err)
{
    FgLogFiles *f = *out;
    int ret = 0;

    if (!f)
        return 0;
    if (f->events && f->table.path)
        ret = plot(f, err);
    if (f->events && !ret)
        ret = fg_events_trial_end(f->events, 1, err);
    fg_events_close(&f->events);
    fg_table_close(&f->table);
    free(f->folder);
    free(f);
    *out = NULL;
    return ret;
}
