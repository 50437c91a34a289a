/* Progress of a training run. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "trainer/log.h"

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

void fg_log_step(FgLog *l, const FgStepInfo *info)
{
    if (info->bad)
        return;
    l->steps++;
    l->loss += info->loss;
    l->mse += info->mse;
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

static void line_json(const FgTrain *t, double loss, double db, double rate,
                      double lr, double eta)
{
    json_t *o = json_pack("{s:s, s:I, s:I}", "event", "progress", "step",
                          (json_int_t)t->step, "steps",
                          (json_int_t)t->recipe->steps);

    if (!o)
        return;
    json_object_set_new(o, "part", real(fg_loop_part(t)));
    json_object_set_new(o, "loss", real(loss));
    json_object_set_new(o, "train_db", real(db));
    json_object_set_new(o, "val_db", real(t->last_val));
    json_object_set_new(o, "best_db", real(t->best));
    json_object_set_new(o, "images_per_s", real(rate));
    json_object_set_new(o, "lr", real(lr));
    json_object_set_new(o, "eta_s", real(eta));
    json_object_set_new(o, "skipped", json_integer(t->skipped));
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

static void line_text(const FgLog *l, const FgTrain *t, double loss, double db,
                      double rate, double lr, double eta)
{
    char left[32], val[48] = "";

    duration(eta, left, sizeof(left));
    if (isfinite(t->last_val))
        snprintf(val, sizeof(val), " val %.3f dB (best %.3f)", t->last_val,
                 t->best);
    fprintf(stderr,
            "%sstep %lld/%lld loss %.5f %.2f dB%s %.0f img/s lr %.2e ETA %s%s",
            l->tty ? "\r" : "", (long long)t->step, (long long)t->recipe->steps,
            loss, db, val, rate, lr, left, l->tty ? "\033[K" : "\n");
}

void fg_log_line(FgLog *l, const FgTrain *t, double lr)
{
    if (!l->steps)
        return;
    const double now = fg_log_now(), took = now - l->since;
    const double loss = l->loss / l->steps, mse = l->mse / l->steps;
    const double rate = took > 0 ? l->steps * t->recipe->batch / took : 0;
    const double db = -10 * log10(mse);
    double eta = took / l->steps * (double)(t->recipe->steps - t->step);

    if (t->recipe->minutes > 0 &&
        !(t->recipe->minutes * 60 - t->elapsed_s > eta))
        eta = t->recipe->minutes * 60 - t->elapsed_s;
    if (l->json)
        line_json(t, loss, db, rate, lr, eta);
    else
        line_text(l, t, loss, db, rate, lr, eta);
    l->steps = 0;
    l->loss = l->mse = 0;
    l->since = now;
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
    if (l->tty)
        fputc('\n', stderr);
}
