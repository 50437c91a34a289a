/* A plate's pictures: where they come from, their alpha.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "trainer/plate_data.h"
#include "trainer/procedural.h"
#include "trainer/triplets.h"

#define PREFIX "procedural:"
#define LEAST_ALPHA 25        /* of 255: below it colours are not told apart */
#define FRAME_TIME (1 / 12.0) /* seconds between procedural frames */

static int is_procedural(const char *path)
{
    return !strncmp(path, PREFIX, strlen(PREFIX));
}

static int alloc_picture(FgPicture *p, int w, int h)
{
    *p = (FgPicture){w, h, malloc((size_t)w * (size_t)h * 3)};
    return p->rgb ? 0 : -ENOMEM;
}

static uint8_t byte(float v)
{
    return (uint8_t)(v <= 0 ? 0 : v >= 1 ? 255 : v * 255 + 0.5f);
}

/* Straight colour and alpha; without alpha, over black (clouds have a sky of
 * their own). */
static void split(FgPicture *rgb, FgPicture *alpha, const float *px, int opaque)
{
    for (int i = 0; i < rgb->w * rgb->h; i++, px += 4)
        for (int k = 0; k < 3; k++) {
            rgb->rgb[3 * i + k] = byte(alpha || opaque ? px[k] : px[k] * px[3]);
            if (alpha)
                alpha->rgb[3 * i + k] = byte(px[3]);
        }
}

static int procedural_frame(FgData *d, FgData *alphas, const char *name,
                            int kind, uint32_t seed, int frame, int side,
                            FgError *err)
{
    const int w = side, h = side * 3 / 4;
    float *px = malloc(sizeof(*px) * 4 * (size_t)w * (size_t)h);
    FgPicture rgb = {0}, alpha = {0};
    char text[96];
    int ret = px ? alloc_picture(&rgb, w, h) : -ENOMEM;

    if (!ret && alphas)
        ret = alloc_picture(&alpha, w, h);
    if (!ret) {
        fg_procedural(kind, seed, frame * FRAME_TIME, w, h, px);
        split(&rgb, alphas ? &alpha : NULL, px, kind >= 2);
        snprintf(text, sizeof(text), "%.64s#%05d", name, frame);
        ret = fg_data_add_picture(d, text, &rgb, err);
    }
    if (!ret && alphas)
        ret = fg_data_add_picture(alphas, text, &alpha, err);
    fg_picture_free(&rgb);
    fg_picture_free(&alpha);
    free(px);
    return ret;
}

static int procedural(FgData *d, FgData *alphas, const char *path, int nb,
                      int side, FgError *err)
{
    const char *name = path + strlen(PREFIX);
    char kind_name[32], rest;
    unsigned seed = 1;
    const int got = sscanf(name, "%31[a-z]:%u%c", kind_name, &seed, &rest);
    const int kind = got >= 1 ? fg_procedural_find(kind_name) : -1;
    const int whole = got == 2 || (got == 1 && !strchr(name, ':'));
    int ret = 0;

    if (kind < 0 || !whole)
        return fg_error(err, -EINVAL,
                        "%s: allowed procedural:NAME or procedural:NAME:SEED "
                        "with the names fire, smoke, clouds, weave",
                        path);
    for (int i = 0; i < nb && !ret; i++)
        ret = procedural_frame(d, alphas, name, kind, seed, i, side, err);
    return ret;
}

/* Alpha is the brightest channel: what light adds to a black ground. */
static int key_by_light(FgData *d, FgData *alphas, int first, FgError *err)
{
    int ret = 0;

    for (int i = first; i < d->nb && !ret; i++) {
        FgPicture *p = &d->pair[i].hr, alpha;

        if (alloc_picture(&alpha, p->w, p->h))
            return fg_error(err, -ENOMEM, "%s: not enough memory",
                            d->pair[i].name);
        for (int k = 0; k < p->w * p->h; k++) {
            uint8_t *c = p->rgb + 3 * k, *a = alpha.rgb + 3 * k;
            const int light = c[0] > c[1]   ? c[0] > c[2] ? c[0] : c[2]
                                : c[1] > c[2] ? c[1]
                                            : c[2];
            const int by = light > LEAST_ALPHA ? light : LEAST_ALPHA;

            a[0] = a[1] = a[2] = (uint8_t)light;
            for (int q = 0; q < 3; q++)
                c[q] = (uint8_t)((c[q] * 255 + by / 2) / by);
        }
        ret = fg_data_add_picture(alphas, d->pair[i].name, &alpha, err);
    }
    return ret;
}

/* What is transparent has any colour: the mean of what is not. */
static void fill_clear(FgPicture *p, const FgPicture *alpha)
{
    const int nb = p->w * p->h;
    double sum[4] = {0};

    for (int i = 0; i < nb; i++) {
        const double a = alpha->rgb[3 * i];

        for (int k = 0; k < 3; k++)
            sum[k] += a * p->rgb[3 * i + k];
        sum[3] += a;
    }
    for (int i = 0; i < nb; i++)
        for (int k = 0; k < 3 && !alpha->rgb[3 * i] && sum[3] > 0; k++)
            p->rgb[3 * i + k] = (uint8_t)(sum[k] / sum[3] + 0.5);
}

/* Frames of a picture or clip with the alpha that they have. */
static int keyed_file(FgData *d, FgData *alphas, const char *path, int nb,
                      FgError *err)
{
    FgPicture p, alpha;
    FgClip *clip;
    char text[320];
    int ret = fg_clip_open(&clip, path, err);

    for (int i = 0; !ret && i < nb; i++) {
        ret = fg_clip_next_alpha(clip, &p, &alpha, err);
        if (ret <= 0)
            break;
        fill_clear(&p, &alpha);
        snprintf(text, sizeof(text), "%.255s#%05d", path, i);
        ret = fg_data_add_picture(d, text, &p, err);
        if (!ret)
            ret = fg_data_add_picture(alphas, text, &alpha, err);
        fg_picture_free(&alpha);
    }
    fg_clip_close(&clip);
    return ret;
}

static int keyed_folder(FgData *d, FgData *alphas, const char *path, int nb,
                        FgError *err)
{
    char **list = NULL;
    int n = 0, ret = fg_list_pictures(path, &list, &n, err);

    for (int i = 0; i < n && i < nb && !ret; i++)
        ret = keyed_file(d, alphas, list[i], 1, err);
    fg_strings_free(&list, n);
    return ret;
}

int fg_plate_source(FgData *d, FgData *alphas, const char *path,
                    const char *alpha, int nb, int side, FgError *err)
{
    const int own = !strcmp(alpha, "own"), light = !strcmp(alpha, "luma");
    const int first = d->nb;
    struct stat st;
    int ret;

    d->scale = alphas->scale = 1;
    if (is_procedural(path))
        ret = procedural(d, own ? alphas : NULL, path, nb, side, err);
    else if (stat(path, &st))
        ret = fg_error(err, -errno, "%s: %s", path, strerror(errno));
    else if (own)
        ret = S_ISDIR(st.st_mode) ? keyed_folder(d, alphas, path, nb, err)
                                  : keyed_file(d, alphas, path, nb, err);
    else if (S_ISDIR(st.st_mode))
        ret = fg_data_add(d, path, 1, first + nb, err);
    else
        ret = fg_clip_frames(d, path, 0, nb, err);
    if (ret >= 0)
        ret = light ? key_by_light(d, alphas, first, err) : 0;
    return ret;
}

int fg_plate_check(const FgRecipe *r, const char *path, FgError *err)
{
    const int64_t side = fg_recipe_int(r, "side");
    const int64_t least = fg_recipe_int(r, "min_side");

    if (least > side)
        return fg_error(err, -EINVAL,
                        "%s: 'min_side' is %lld, allowed up to side, which is "
                        "%lld",
                        path, (long long)least, (long long)side);
    return 0;
}

static int same_size(const FgData *d, FgError *err)
{
    for (int i = 1; i < d->nb; i++)
        if (d->pair[i].hr.w != d->pair[0].hr.w ||
            d->pair[i].hr.h != d->pair[0].hr.h)
            return fg_error(err, -EINVAL,
                            "%s is %dx%d, %s %dx%d: a plate's pictures have "
                            "one size",
                            d->pair[i].name, d->pair[i].hr.w, d->pair[i].hr.h,
                            d->pair[0].name, d->pair[0].hr.w, d->pair[0].hr.h);
    return 0;
}

int fg_plate_load(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const int frames = (int)fg_recipe_int(r, "frames");
    /* Made at twice the size: scaled down as a photograph is. */
    const int side = 2 * (int)fg_recipe_int(r, "side");
    const int nb = fg_recipe_list(r, "train");
    int ret = 0;

    for (int i = 0; i < nb && !ret; i++) {
        const char *item = fg_recipe_list_at(r, "train", i);
        char *path = is_procedural(item) ? strdup(item)
                                         : fg_recipe_path(r, item);
        /* What is left, shared among the sources that are left. */
        const int take = (frames - t->train.nb + nb - i - 1) / (nb - i);

        if (!path)
            ret = fg_error(err, -ENOMEM, "not enough memory");
        else if (take > 0)
            ret = fg_plate_source(&t->train, &t->extra[0], path,
                                  fg_recipe_text(r, "alpha"), take, side, err);
        free(path);
    }
    if (!ret)
        ret = same_size(&t->train, err);
    if (!ret)
        ret = fg_data_finish(&t->train, 16, t->ex, err);
    if (!ret && t->extra[0].nb)
        ret = fg_data_finish(&t->extra[0], 16, t->ex, err);
    return ret;
}

static FgPlateNet net_of(const FgRecipe *r)
{
    static const char *const edges[] = {"zero", "reflect", "replicate",
                                        "circular"};
    FgPlateNet n = {.features = (int)fg_recipe_int(r, "features"),
                    .layers = (int)fg_recipe_int(r, "layers"),
                    .noise = (int)fg_recipe_int(r, "noise")};

    n.critic = n.features;
    for (int i = 0; i < 4; i++)
        if (!strcmp(fg_recipe_text(r, "edges"), edges[i]))
            n.pad_mode = i;
    return n;
}

int fg_plate_open(FgPlate *p, FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgPicture *rgb[FG_PLATE_FRAMES], *alpha[FG_PLATE_FRAMES];
    const FgData *d = &t->train, *a = &t->extra[0];
    const int nb = d->nb < FG_PLATE_FRAMES ? d->nb : FG_PLATE_FRAMES;
    int ret;

    if (nb < 1)
        return fg_error(err, -ENODATA, "no pictures found");
    p->net = net_of(r);
    p->net.channels = p->pyramid.c = a->nb ? 4 : 3;
    p->pyramid.nb_frames = nb;
    for (int i = 0; i < nb; i++) {
        rgb[i] = &d->pair[i].hr;
        alpha[i] = a->nb ? &a->pair[i].hr : NULL;
    }
    fg_pyramid_sizes(&p->pyramid, d->pair[0].hr.w, d->pair[0].hr.h,
                     (int)fg_recipe_int(r, "min_side"),
                     (int)fg_recipe_int(r, "side"),
                     (int)fg_recipe_int(r, "stages"));
    if (p->pyramid.size[0][0] < 11 || p->pyramid.size[0][1] < 11)
        return fg_error(err, -EINVAL,
                        "%s: the first stage would be %dx%d, at least 11x11 is "
                        "needed: a squarer picture, or a larger 'side' or "
                        "'min_side'",
                        d->pair[0].name, p->pyramid.size[0][0],
                        p->pyramid.size[0][1]);
    ret = fg_pyramid_make(&p->pyramid, rgb, a->nb ? alpha : NULL);
    return ret ? fg_error(err, ret, "not enough memory for the pyramid") : 0;
}

void fg_plate_close(FgPlate *p)
{
    fg_pyramid_free(&p->pyramid);
}
