/* Progress of a training run. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "trainer/log_files.h"

double fg_log_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

void fg_log_open(FgLog *l, int json)
{
    *l = (FgLog){.json = json, .tty = !json && isatty(STDERR_FILENO)};
    l->since = fg_log_now();
}

void fg_step_scalar(FgStepInfo *info, const char *tag, double v)
{
    if (info->nb_scalars < FG_MAX_SCALARS && isfinite(v))
        info->scalar[info->nb_scalars++] = (FgScalar){tag, v};
}

static void add_scalar(FgLog *l, const FgScalar *s)
{
    int i = 0;

    while (i < l->nb_scalars && strcmp(l->scalar[i].tag, s->tag))
        i++;
    if (i == FG_MAX_SCALARS)
        return;
    if (i == l->nb_scalars) {
        l->scalar[i] = (FgScalar){s->tag, 0};
        l->count[i] = 0;
        l->nb_scalars++;
    }
    l->scalar[i].v += s->v;
    l->count[i]++;
}

void fg_log_step(FgLog *l, const FgStepInfo *info)
{
    if (info->bad)
        return;
    l->steps++;
    l->loss += info->loss;
    l->mse += info->mse;
    for (int i = 0; i < info->nb_scalars; i++)
        add_scalar(l, &info->scalar[i]);
}

static void put(json_t *o)
{
    char *s = json_dumps(o, JSON_COMPACT);

    if (s) {
        puts(s);
        fflush(stdout);
    }
    free(s);
    json_decref(o);
}

static json_t *real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static void line_json(const FgTrain *t, const FgLogLine *n)
{
    json_t *scalars = json_object();
    json_t *o = json_pack("{s:s, s:I, s:I}", "event", "progress", "step",
                          (json_int_t)n->step, "steps",
                          (json_int_t)t->recipe->steps);

    if (!o || !scalars) {
        json_decref(o);
        json_decref(scalars);
        return;
    }
    json_object_set_new(o, "part", real(fg_loop_part(t)));
    json_object_set_new(o, "loss", real(n->loss));
    json_object_set_new(o, "train_db", real(n->train_db));
    json_object_set_new(o, "val_db", real(n->val));
    json_object_set_new(o, "best_db", real(t->best));
    json_object_set_new(o, "images_per_s", real(n->images_per_s));
    json_object_set_new(o, "lr", real(n->lr));
    json_object_set_new(o, "eta_s", real(n->eta_s));
    json_object_set_new(o, "skipped", json_integer(t->skipped));
    for (int i = 0; i < n->nb_scalars; i++)
        json_object_set_new(scalars, n->scalar[i].tag, real(n->scalar[i].v));
    json_object_set_new(o, "scalars", scalars);
    put(o);
}

static void duration(double s, char *out, size_t size)
{
    const long n = isfinite(s) && s >= 0 && s < 1e8 ? (long)(s + 0.5) : -1;

    if (n < 0)
        snprintf(out, size, "--:--");
    else if (n >= 3600)
        snprintf(out, size, "%ld:%02ld:%02ld", n / 3600, n / 60 % 60, n % 60);
    else
        snprintf(out, size, "%02ld:%02ld", n / 60, n % 60);
}

static void print_val(const FgTrain *t, double val)
{
    char now[64], best[64];

    fg_figure_text(&t->family->figure, val, now, sizeof(now));
    fg_figure_text(&t->family->figure, t->best, best, sizeof(best));
    fprintf(stderr, " val %s (best %s)", now, best);
}

static void line_text(const FgLog *l, const FgTrain *t, const FgLogLine *n)
{
    char left[32];

    duration(n->eta_s, left, sizeof(left));
    fprintf(stderr, "%sstep %lld/%lld loss %.5f", l->tty ? "\r" : "",
            (long long)n->step, (long long)t->recipe->steps, n->loss);
    if (isfinite(n->train_db))
        fprintf(stderr, " %.2f dB", n->train_db);
    for (int i = 0; i < n->nb_scalars; i++)
        fprintf(stderr, " %s %.4g", n->scalar[i].tag, n->scalar[i].v);
    if (isfinite(n->val))
        print_val(t, n->val);
    fprintf(stderr, " %.0f img/s lr %.2e ETA %s%s", n->images_per_s, n->lr,
            left, l->tty ? "\033[K" : "\n");
}

static void average(const FgLog *l, const FgTrain *t, double lr, FgLogLine *n)
{
    const double took = fg_log_now() - l->since, mse = l->mse / l->steps;

    *n = (FgLogLine){
        .step = t->step,
        .loss = l->loss / l->steps,
        .train_db = -10 * log10(mse),
        .val = t->last_val,
        .images_per_s = took > 0 ? l->steps * t->recipe->batch / took : 0,
        .lr = lr,
        .nb_scalars = l->nb_scalars};
    n->eta_s = took / l->steps * (double)(t->recipe->steps - t->step);
    if (t->recipe->minutes > 0 &&
        !(t->recipe->minutes * 60 - t->elapsed_s > n->eta_s))
        n->eta_s = t->recipe->minutes * 60 - t->elapsed_s;
    for (int i = 0; i < l->nb_scalars; i++)
        n->scalar[i] = (FgScalar){
            l->scalar[i].tag, l->count[i] ? l->scalar[i].v / l->count[i] : NAN};
}

/* Files that cannot be written are given up, the run is not. */
static void check(FgLog *l, int ret, const FgError *err)
{
    FgError other;

    if (!ret)
        return;
    fg_log_note(l, "%s; no more is logged to files",
                ret == -ENOMEM ? "not enough memory" : err->text);
    fg_log_files_close(&l->files, &other);
}

int fg_log_to(FgLog *l, const char *folder, const char *name, const FgTrain *t,
              FgError *err)
{
    return fg_log_files_open(&l->files, folder, name, t, err);
}

void fg_log_val(FgLog *l, const FgTrain *t, double figure, double second)
{
    FgError err;

    if (l->files)
        check(l, fg_log_files_val(l->files, t, figure, second, &err), &err);
}

void fg_log_image(FgLog *l, int64_t step, const FgPicture *pic)
{
    FgError err;

    if (l->files)
        check(l, fg_log_files_image(l->files, step, "samples", pic, &err),
              &err);
}

void fg_log_rewind(FgLog *l, const FgTrain *t)
{
    FgError err;

    if (l->files)
        check(l, fg_log_files_rewind(l->files, t, &err), &err);
}

void fg_log_line(FgLog *l, const FgTrain *t, double lr)
{
    FgLogLine line;
    FgError err;

    if (!l->steps)
        return;
    average(l, t, lr, &line);
    if (l->json)
        line_json(t, &line);
    else
        line_text(l, t, &line);
    if (l->files)
        check(l, fg_log_files_line(l->files, t, &line, &err), &err);
    l->steps = l->nb_scalars = 0;
    l->loss = l->mse = 0;
    l->since = fg_log_now();
}

void fg_log_note(FgLog *l, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (l->json) {
        json_t *o = json_pack("{s:s, s:s}", "event", "note", "text", text);

        if (o)
            put(o);
    } else {
        fprintf(stderr, "%s%s\n", l->tty ? "\r\033[K" : "", text);
    }
}

void fg_log_close(FgLog *l)
{
    FgError err;

    if (l->files)
        check(l, fg_log_files_close(&l->files, &err), &err);
    if (l->tty)
        fputc('\n', stderr);
}
