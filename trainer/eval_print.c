/* ffgan eval of a generator: distances from real pictures, grids.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/generator.h"
#include "trainer/cifar.h"
#include "trainer/eval.h"

#define GAP 2

int fg_grid(const FgPicture *p, int n, int columns, FgPicture *out)
{
    const int rows = (n + columns - 1) / columns;

    out->w = columns * (p->w + GAP) - GAP;
    out->h = rows * (p->h + GAP) - GAP;
    out->rgb = malloc((size_t)out->w * (size_t)out->h * 3);
    if (!out->rgb)
        return -ENOMEM;
    memset(out->rgb, 255, (size_t)out->w * (size_t)out->h * 3);
    for (int i = 0; i < n; i++)
        for (int y = 0; y < p->h; y++) {
            const size_t oy = (size_t)(i / columns * (p->h + GAP) + y);
            const size_t ox = (size_t)(i % columns * (p->w + GAP));

            memcpy(out->rgb + (oy * (size_t)out->w + ox) * 3,
                   p[i].rgb + (size_t)y * (size_t)p->w * 3, (size_t)p->w * 3);
        }
    return 0;
}

static void line(const FgEvalMade *e, const char *what, const FgMadeFigures *f)
{
    json_t *o;
    char *s;

    if (!e->json) {
        printf("%-10s %10.2f %22.4f %9.1f %%  ", what, f->swd_mean, f->fd,
               100 * f->one_nn);
        for (int i = 0; i < f->nb_levels; i++)
            printf(" %8.2f", f->swd[i]);
        putchar('\n');
        return;
    }
    o = json_pack("{s:s, s:f, s:f, s:f, s:i, s:[]}", "set", what, "swd",
                  f->swd_mean, "fd_own_net_v1", f->fd, "one_nn", f->one_nn,
                  "samples", e->samples, "swd_levels");
    for (int i = 0; o && i < f->nb_levels; i++)
        json_array_append_new(json_object_get(o, "swd_levels"),
                              json_real(f->swd[i]));
    s = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(7)) : NULL;
    if (s)
        puts(s);
    free(s);
    json_decref(o);
}

static int measure(const FgEvalMade *e, const FgModel *m, const char *what,
                   const FgPicture *real, FgPicture **made, FgExecutor *ex,
                   FgError *err)
{
    FgMadeFigures f;
    int ret = fg_made_pictures(m, e->samples, e->seed, made, ex, err);

    if (!ret && (real->w != (*made)->w || real->h != (*made)->h))
        ret = fg_error(err, -EINVAL,
                       "--before: it makes %dx%d, the model %dx%d", (*made)->w,
                       (*made)->h, real->w, real->h);
    if (!ret)
        ret = fg_made_figures(real, *made, e->samples, e->seed, &f, ex);
    if (!ret)
        line(e, what, &f);
    return ret;
}

/* What the figures are when both sets are real: nothing can be below. */
static int measure_floor(const FgEvalMade *e, const FgData *d,
                         const FgPicture *real, FgExecutor *ex, FgError *err)
{
    FgPicture *other = NULL;
    FgMadeFigures f;
    int ret = fg_real_pictures(d, real->w, real->h, e->samples, e->seed + 1,
                               &other, err);

    if (!ret)
        ret = fg_made_figures(real, other, e->samples, e->seed, &f, ex);
    if (!ret)
        line(e, "real", &f);
    fg_pictures_free(&other, e->samples);
    return ret;
}

/* Real on the left, made on the right. */
static int write_grid(const FgEvalMade *e, const FgPicture *real,
                      const FgPicture *made, FgError *err)
{
    FgPicture all[64], grid = {0};
    const int n = e->samples < 32 ? e->samples / 4 * 4 : 32;
    int ret;

    assert(n > 0); /* the command takes 8 samples or more */
    for (int i = 0; i < n; i++) {
        all[i / 4 * 8 + i % 4] = real[i];
        all[i / 4 * 8 + 4 + i % 4] = made[i];
    }
    ret = fg_grid(all, 2 * n, 8, &grid);
    if (!ret)
        ret = fg_picture_write_png(&grid, e->grid, err);
    fg_picture_free(&grid);
    return ret;
}

static int load(const FgEvalMade *e, FgData *d, FgExecutor *ex, FgError *err)
{
    int ret;

    d->scale = 1;
    ret = fg_cifar_is(e->data) ? fg_cifar_add(d, e->data, 0, err)
                               : fg_data_add(d, e->data, 1, 0, err);
    return ret ? ret : fg_data_finish(d, 1, ex, err);
}

int fg_eval_made(const FgEvalMade *e, FgExecutor *ex, FgError *err)
{
    FgPicture *real = NULL, *made = NULL, *old = NULL;
    FgData d = {0};
    int w, h, ret = fg_generator_size(e->model, &w, &h, err);

    if (!ret && (w < 16 || h < 16))
        ret = fg_error(err, -EINVAL,
                       "the model makes %dx%d, allowed 16x16 or more", w, h);
    if (!ret)
        ret = load(e, &d, ex, err);
    if (!ret)
        ret = fg_real_pictures(&d, w, h, e->samples, e->seed, &real, err);
    if (!ret && !e->json)
        printf("%-10s %10s %22s %11s   %s\n", "set", "SWD x1000",
               "FD(" FG_FEATURES_NAME ")", "1-NN",
               "SWD by level, finest first");
    if (!ret)
        ret = measure_floor(e, &d, real, ex, err);
    if (!ret && e->before)
        ret = measure(e, e->before, "before", real, &old, ex, err);
    if (!ret)
        ret = measure(e, e->model, e->before ? "after" : "model", real, &made,
                      ex, err);
    if (!ret && e->grid)
        ret = write_grid(e, real, made, err);
    fg_pictures_free(&real, e->samples);
    fg_pictures_free(&made, e->samples);
    fg_pictures_free(&old, e->samples);
    fg_data_free(&d);
    return ret;
}
