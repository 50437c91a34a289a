/* Batches of spoilt pictures; the numbers from a recipe.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/degrade.h"
#include "trainer/metric.h"

/* ---- batches ---- */

enum { EDGE = 8 /* small pixels round a crop that blurs and codecs see */ };

typedef struct Fill {
    const FgDegrade *d;
    const FgCrops *c;
    int64_t step;
    FgTensor *in;
    int *ret;
    FgError *err; /* one a sample */
} Fill;

static void to_tensor(FgTensor *t, int n, const float *rgb, int luma)
{
    for (int y = 0; y < t->shape.h; y++)
        for (int x = 0; x < t->shape.w; x++, rgb += 3) {
            float *d = fg_f32(t, n, y, x);
            uint8_t bytes[3];

            for (int i = 0; i < 3; i++)
                bytes[i] = (uint8_t)lrintf(rgb[i] * 255);
            if (luma)
                d[0] = fg_luma(bytes);
            else
                memcpy(d, rgb, 3 * sizeof(*d));
        }
}

static void fill_one(void *arg, int i, int worker)
{
    const Fill *f = arg;
    const FgCrops *c = f->c;
    const int s = c->data->scale, side = (c->patch + 2 * EDGE) * s;
    const FgPlace at = fg_crops_place(c, f->step, i, f->in->shape.n);
    FgDice dice = {c->seed, f->step, (uint32_t)i, 0};
    float *hr = malloc(sizeof(*hr) * 3 * (size_t)side * side);
    float *lr = malloc(sizeof(*lr) * 3 * (size_t)c->patch * c->patch);

    (void)worker;
    f->ret[i] = -ENOMEM;
    if (hr && lr) {
        fg_crops_cut(hr, &c->data->pair[at.picture].hr, (at.x - EDGE) * s,
                     (at.y - EDGE) * s, side, at.turn);
        f->ret[i] = fg_degrade_run(f->d, &dice, hr, side, s, lr, c->patch,
                                   &f->err[i]);
    }
    if (!f->ret[i])
        to_tensor(f->in, i, lr, c->luma);
    free(hr);
    free(lr);
}

int fg_degrade_fill(const FgDegrade *d, const FgCrops *c, int64_t step,
                    FgTensor *in, FgTensor *target, FgExecutor *ex,
                    FgError *err)
{
    const size_t n = (size_t)in->shape.n;
    Fill f = {d, c, step, in, NULL, NULL};
    int ret = 0;

    if (d->none) {
        fg_crops_fill(c, step, in, target, ex);
        return 0;
    }
    fg_crops_fill(c, step, NULL, target, ex);
    f.ret = calloc(n, sizeof(*f.ret));
    f.err = calloc(n, sizeof(*f.err));
    if (f.ret && f.err)
        fg_run(ex, fill_one, &f, in->shape.n);
    else
        ret = -ENOMEM;
    for (size_t i = 0; i < n && !ret; i++) {
        ret = f.ret[i];
        if (ret && err)
            *err = f.err[i];
    }
    free(f.ret);
    free(f.err);
    return ret;
}

/* ---- keys ---- */

static int ordered(const char *what, double lo, double hi, const char *path,
                   FgError *err)
{
    if (lo <= hi)
        return 0;
    return fg_error(err, -EINVAL, "%s: '%s_min' is %g, above '%s_max', %g",
                    path, what, lo, what, hi);
}

static int check(const FgDegrade *d, const char *path, FgError *err)
{
    int ret = 0;
#define ORDERED(name)                                                          \
    if (!ret)                                                                  \
        ret = ordered(#name, d->name##_min, d->name##_max, path, err);

    ORDERED(deg1_sigma)
    ORDERED(deg1_beta)
    ORDERED(deg1_jpeg)
    ORDERED(deg2_sigma)
    ORDERED(deg2_beta)
    ORDERED(deg2_jpeg)
    ORDERED(deg_x264)
    ORDERED(deg_mpeg2)
#undef ORDERED
    return ret;
}

static int number(double *to, const FgRecipe *r, const char *key, double preset,
                  double least, const char *path, FgError *err)
{
    const double v = fg_recipe_num(r, key);

    *to = v == -1 ? preset : v;
    if (v == -1 || v >= least)
        return 0;
    return fg_error(err, -EINVAL, "%s: '%s' is %g, allowed from %g, or -1",
                    path, key, v, least);
}

int fg_degrade_read(FgDegrade *d, const FgRecipe *r, const char *path,
                    FgError *err)
{
    static const char *const all[] = {"x264", "mpeg2", "jpeg"};
    const char *how = fg_recipe_text(r, "degrade");
    const int is_real = !strcmp(how, "real");
    const int nb = fg_recipe_list(r, "deg_codecs");
    int ret = 0;

    *d = (FgDegrade){.none = !strcmp(how, "none")};
    d->nb_codecs = nb > 0 ? nb : 3;
    d->nb_codecs = d->nb_codecs > 3 ? 3 : d->nb_codecs;
    for (int i = 0; i < d->nb_codecs; i++)
        d->codec[i] = nb > 0 ? fg_recipe_list_at(r, "deg_codecs", i) : all[i];
#define X(name, mild, real, lo, hi, help)                                      \
    if (!ret)                                                                  \
        ret = number(&d->name, r, #name, is_real ? (real) : (mild), lo, path,  \
                     err);
    FG_DEGRADE_NUMBERS(X)
#undef X
    return ret ? ret : check(d, path, err);
}
