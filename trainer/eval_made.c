/* What a generator makes beside real pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/generator.h"
#include "trainer/cifar.h"
#include "trainer/data.h"
#include "trainer/dice.h"
#include "trainer/distance.h"
#include "trainer/eval.h"

#define STREAM 300

void fg_pictures_free(FgPicture **p, int n)
{
    for (int i = 0; *p && i < n; i++)
        fg_picture_free(&(*p)[i]);
    free(*p);
    *p = NULL;
}

static int picture_alloc(FgPicture *p, int w, int h)
{
    *p = (FgPicture){w, h, malloc((size_t)w * (size_t)h * 3)};
    return p->rgb ? 0 : -ENOMEM;
}

/* ---- made ---- */

static void to_picture(const FgTensor *t, FgPicture *p)
{
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++)
            for (int c = 0; c < 3; c++) {
                const float v = fg_f32(t, 0, y, x)[c];

                p->rgb[((size_t)y * (size_t)p->w + (size_t)x) * 3 + (size_t)c] =
                    (uint8_t)(v <= 0   ? 0
                              : v >= 1 ? 255
                                       : 255 * v + 0.5f);
            }
}

int fg_made_pictures(const FgModel *m, int n, uint64_t seed, FgPicture **out,
                     FgExecutor *ex, FgError *err)
{
    FgGeneratorOptions o = {.device = "cpu", .ex = ex};
    FgGenerator *g = NULL;
    int ret = fg_generator_size(m, &o.w, &o.h, err);

    *out = calloc((size_t)n, sizeof(**out));
    if (!ret && !*out)
        ret = -ENOMEM;
    if (!ret)
        ret = fg_generator_create(&g, m, &o, err);
    for (int i = 0; i < n && !ret; i++) {
        const FgMoment at = {
            .nb = 1, .term = {{seed, (uint32_t)i, 1}}, .truncation = 1};
        FgTensor t;

        ret = fg_generator_run(g, &at, &t, err);
        if (!ret)
            ret = picture_alloc(&(*out)[i], o.w, o.h);
        if (!ret)
            to_picture(&t, &(*out)[i]);
    }
    fg_generator_free(&g);
    if (ret)
        fg_pictures_free(out, n);
    return ret;
}

/* ---- real: crops of the made ones' size ---- */

static int crop(const FgPicture *from, int w, int h, FgDice *d, FgPicture *to)
{
    const int x = fg_dice_int(d, from->w - w + 1);
    const int y = fg_dice_int(d, from->h - h + 1);
    const int ret = picture_alloc(to, w, h);

    for (int r = 0; !ret && r < h; r++)
        memcpy(to->rgb + (size_t)r * (size_t)w * 3,
               from->rgb + ((size_t)(y + r) * (size_t)from->w + (size_t)x) * 3,
               (size_t)w * 3);
    return ret;
}

static void shuffle(int *order, int n, FgDice *d)
{
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        const int k = fg_dice_int(d, i + 1), t = order[i];

        order[i] = order[k];
        order[k] = t;
    }
}

int fg_real_pictures(const FgData *d, int w, int h, int n, uint64_t seed,
                     FgPicture **out, FgError *err)
{
    int *fit = malloc(sizeof(*fit) * ((size_t)d->nb + 1) * 2), *order, nb = 0;
    FgDice dice = {seed, STREAM, 0, 0};
    int ret = 0;

    *out = calloc((size_t)n, sizeof(**out));
    if (!fit || !*out) {
        free(fit);
        fg_pictures_free(out, 0);
        return -ENOMEM;
    }
    order = fit + d->nb + 1;
    for (int i = 0; i < d->nb; i++)
        if (d->pair[i].hr.w >= w && d->pair[i].hr.h >= h)
            fit[nb++] = i;
    if (!nb)
        ret = fg_error(err, -ENODATA,
                       "no picture is as large as what the model makes, %dx%d",
                       w, h);
    shuffle(order, nb, &dice);
    for (int i = 0; nb && i < n && !ret; i++)
        ret = crop(&d->pair[fit[order[i % nb]]].hr, w, h, &dice, &(*out)[i]);
    free(fit);
    if (ret)
        fg_pictures_free(out, n);
    return ret;
}

/* ---- figures ---- */

int fg_made_figures(const FgPicture *real, const FgPicture *made, int n,
                    uint64_t seed, FgMadeFigures *f, FgExecutor *ex)
{
    const size_t rows = (size_t)n * FG_FEATURES;
    double *a = malloc(sizeof(*a) * 2 * rows), *b = a ? a + rows : NULL;
    int ret = a ? fg_features(real, n, a, ex) : -ENOMEM;

    *f = (FgMadeFigures){0};
    if (!ret)
        ret = fg_features(made, n, b, ex);
    if (!ret) {
        f->fd = fg_frechet(a, n, b, n, FG_FEATURES);
        f->one_nn = fg_one_nn(a, b, n, FG_FEATURES);
        ret = fg_swd(real, made, n, seed, f->swd, ex);
    }
    free(a);
    if (ret < 0)
        return ret;
    f->nb_levels = ret;
    for (int i = 0; i < ret; i++)
        f->swd_mean += f->swd[i] / ret;
    return 0;
}
