/* The loop that every family shares: schedule, guard, validation, checkpoints.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trainer/gpu.h"
#include "trainer/log.h"

#define ROLLBACKS 6 /* before the run is given up */

volatile int fg_loop_signal;

typedef struct Loop {
    FgTrain *t;
    const FgLoopOptions *o;
    FgLog log;
    double base_s, start; /* elapsed before, clock at this start */
    int bad, rollbacks;
    int64_t saved_step, val_step;
} Loop;

double fg_loop_part(const FgTrain *t)
{
    const FgRecipe *r = t->recipe;
    double part = (double)t->step / (double)r->steps;

    if (r->minutes > 0 && t->elapsed_s / (60 * r->minutes) > part)
        part = t->elapsed_s / (60 * r->minutes);
    return part > 1 ? 1 : part;
}

double fg_loop_rate(const FgTrain *t)
{
    const FgRecipe *r = t->recipe;
    const double warm = t->step < r->warmup
                            ? (t->step + 1.0) / (r->warmup + 1.0)
                            : 1;

    if (r->minutes > 0)
        return t->lr_scale * warm *
               fg_schedule_rate(&r->schedule, fg_loop_part(t), 0, 1,
                                (double)t->step, r->lr, r->lr_min);
    return t->lr_scale * fg_schedule_rate(&r->schedule, (double)t->step,
                                          (double)r->warmup, (double)r->steps,
                                          (double)t->step, r->lr, r->lr_min);
}

static int save_checkpoint(Loop *l, FgError *err)
{
    if (l->saved_step == l->t->step)
        return 0;
    l->saved_step = l->t->step;
    return fg_checkpoint_write(l->t, l->o->checkpoint, err);
}

static int write_out(Loop *l, int set, FgError *err)
{
    FgModel *m = NULL;
    int ret = l->t->family->export_model(l->t, set, &m, err);

    if (!ret)
        ret = fg_model_write(m, l->o->out, err);
    fg_model_free(&m);
    return ret;
}

static int keep_best(Loop *l, double figure, double ssim, FgError *err)
{
    FgTrain *t = l->t;

    t->stale = 0;
    t->best = figure;
    t->best_ssim = ssim;
    t->best_step = t->step;
    for (int i = 0; i < t->nb_nets; i++)
        fg_net_copy_set(&t->net[i], FG_SET_BEST, FG_SET_EMA);
    return write_out(l, FG_SET_BEST, err);
}

static int validate(Loop *l, FgError *err)
{
    FgTrain *t = l->t;
    double figure, ssim;
    int ret;

    if (l->val_step == t->step)
        return 0;
    l->val_step = t->step;
    if (!t->val.nb || !t->family->validate)
        return write_out(l, FG_SET_EMA, err);
    ret = t->family->validate(t, &figure, &ssim, err);
    if (ret)
        return ret;
    t->last_val = figure;
    fg_log_val(&l->log, t, figure, ssim);
    t->stale++;
    return figure > t->best ? keep_best(l, figure, ssim, err) : 0;
}

static int rollback(Loop *l, FgError *err)
{
    FgTrain *t = l->t;
    const double scale = t->lr_scale / 2;
    const int64_t skipped = t->skipped;
    int ret;

    if (++l->rollbacks > ROLLBACKS)
        return fg_error(err, -EDOM,
                        "training keeps diverging: %d rollbacks; try a lower "
                        "'lr' or a 'clip'",
                        ROLLBACKS);
    ret = fg_checkpoint_read(t, l->o->checkpoint, err);
    if (ret)
        return ret;
    t->lr_scale = scale;
    t->skipped = skipped;
    l->bad = 0;
    l->saved_step = -1;
    fg_log_rewind(&l->log, t);
    fg_log_note(&l->log,
                "%d steps in a row were not finite: back to step %lld with "
                "half the learning rate",
                (int)t->recipe->skip_limit, (long long)t->step);
    return save_checkpoint(l, err);
}

static int is_finite(const FgTrain *t)
{
    for (int i = 0; i < t->nb_nets; i++)
        if (!fg_net_finite(&t->net[i]))
            return 0;
    return 1;
}

/* OUT.samples/00000100.png */
static int write_sample(Loop *l, FgError *err)
{
    FgTrain *t = l->t;
    FgPicture p = {0};
    char *path;
    int ret = 0;

    if (!t->family->sample)
        return 0;
    if (asprintf(&path, "%.*s.samples/%08lld.png", fg_stem(l->o->out),
                 l->o->out, (long long)t->step) < 0)
        return -ENOMEM;
    *strrchr(path, '/') = 0;
    if (mkdir(path, 0777) && errno != EEXIST) {
        ret = -errno;
        fg_error(err, ret, "%s: cannot be made: %s", path, strerror(-ret));
    }
    path[strlen(path)] = '/';
    if (!ret)
        ret = t->family->sample(t, FG_SET_EMA, &p, err);
    if (!ret)
        ret = fg_picture_write_png(&p, path, err);
    if (!ret)
        fg_log_image(&l->log, t->step, &p);
    fg_picture_free(&p);
    free(path);
    return ret;
}

static int one_step(Loop *l, FgError *err)
{
    FgTrain *t = l->t;
    FgStepInfo info = {.mse = NAN};
    const double lr = fg_loop_rate(t);
    int ret = t->family->step(t, lr, fg_loop_part(t), &info);

    if (ret)
        return fg_error(err, ret, "step %lld failed: %s", (long long)t->step,
                        strerror(-ret));
    t->step++;
    t->elapsed_s = l->base_s + fg_log_now() - l->start;
    t->skipped += info.bad;
    l->bad = info.bad ? l->bad + 1 : 0;
    if (l->bad >= t->recipe->skip_limit)
        return rollback(l, err);
    fg_log_step(&l->log, &info);
    if (t->step % t->recipe->log_every == 0)
        fg_log_line(&l->log, t, lr);
    return 0;
}

static int is_stale(const FgTrain *t)
{
    return t->recipe->early_stop && t->stale >= t->recipe->early_stop;
}

static int is_done(const Loop *l)
{
    return fg_loop_part(l->t) >= 1 || is_stale(l->t);
}

/* Weights may run over where every gradient was finite, so they are looked at
 * before anything is made of them. */
static int is_due(const FgTrain *t)
{
    const FgRecipe *r = t->recipe;

    return t->step % r->val_every == 0 || t->step % r->checkpoint_every == 0 ||
           (r->sample_every && t->step % r->sample_every == 0) ||
           fg_loop_part(t) >= 1;
}

static int run(Loop *l, FgError *err)
{
    FgTrain *t = l->t;
    const FgRecipe *r = t->recipe;
    int ret = 0;

    while (!ret && !fg_loop_signal && !is_done(l)) {
        ret = one_step(l, err);
        if (ret || l->bad || !is_due(t))
            continue;
        if (!is_finite(t)) {
            ret = rollback(l, err);
            continue;
        }
        if (t->step % r->val_every == 0)
            ret = validate(l, err);
        if (!ret && r->sample_every && t->step % r->sample_every == 0)
            ret = write_sample(l, err);
        if (!ret && t->step % r->checkpoint_every == 0)
            ret = save_checkpoint(l, err);
    }
    if (!ret && is_stale(t))
        fg_log_note(&l->log,
                    "stopped early at step %lld: no better validation since "
                    "step %lld",
                    (long long)t->step, (long long)t->best_step);
    return ret;
}

/* The weights file may have been removed while the checkpoint stayed. */
static int restore_out(Loop *l, FgError *err)
{
    if (!isfinite(l->t->best) || !access(l->o->out, F_OK))
        return 0;
    return write_out(l, FG_SET_BEST, err);
}

/* Each run has a folder of its own, named as its weights file. */
static int open_files(Loop *l, FgError *err)
{
    const char *slash = strrchr(l->o->out, '/');
    char name[256];

    if (!l->o->log_dir || !l->o->log_dir[0])
        return 0;
    snprintf(name, sizeof(name), "%.*s",
             fg_stem(l->o->out) - (slash ? (int)(slash + 1 - l->o->out) : 0),
             slash ? slash + 1 : l->o->out);
    return fg_log_to(&l->log, l->o->log_dir, name, l->t, err);
}

int fg_loop(FgTrain *t, const FgLoopOptions *o, FgError *err)
{
    Loop l = {.t = t, .o = o, .base_s = t->elapsed_s};
    int ret;

    l.start = fg_log_now();
    l.saved_step = t->step ? t->step : -1;
    l.val_step = -1;
    fg_log_open(&l.log, o->json);
    ret = open_files(&l, err);
    if (!ret && o->gate && !t->step)
        ret = validate(&l, err);
    if (!ret)
        ret = save_checkpoint(&l, err);
    if (!ret)
        ret = restore_out(&l, err);
    if (!ret)
        ret = run(&l, err);
    if (!ret && !fg_loop_signal)
        ret = validate(&l, err);
    if (!ret && l.bad == 0 && is_finite(t))
        ret = save_checkpoint(&l, err);
    if (!ret && !fg_loop_signal && l.log.steps)
        fg_log_line(&l.log, t, fg_loop_rate(t));
    fg_log_close(&l.log);
    if (t->ex && t->ex->gpu && t->ex->gpu->rc)
        return fg_error(err, t->ex->gpu->rc, "%s", t->ex->gpu->err.text);
    return !ret && fg_loop_signal ? -EINTR : ret;
}
