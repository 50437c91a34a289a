/* What the image-to-image families share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "trainer/export.h"
#include "trainer/style.h"

static size_t count(const FgTensor *t)
{
    const FgShape s = t->shape;

    return (size_t)s.n * s.c * s.h * s.w;
}

void fg_add_scaled(FgTensor *y, const FgTensor *x, double k)
{
    const size_t n = count(y);
    const float *s = x->data, by = (float)k;
    float *d = y->data;

    for (size_t i = 0; i < n; i++)
        d[i] += by * s[i];
}

static double sign(double d)
{
    return (d > 0) - (d < 0);
}

double fg_l1(double weight, const FgTensor *y, const FgTensor *t, FgTensor *g,
             int add)
{
    const size_t n = count(y);
    const float *p = y->data, *q = t->data, k = (float)(weight / (double)n);
    float *d = g ? g->data : NULL;
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        const double e = (double)p[i] - q[i];

        sum += fabs(e);
        if (d)
            d[i] = (add ? d[i] : 0) + k * (float)sign(e);
    }
    return weight * sum / (double)n;
}

/* Sum of y - t over a square of at most 8 x 8 pixels, over its area. */
static double square(const FgTensor *y, const FgTensor *t, int n, int v, int u,
                     int c, int *area)
{
    const int h = y->shape.h, w = y->shape.w;
    double sum = 0;

    *area = 0;
    for (int i = v; i < v + 8 && i < h; i++)
        for (int j = u; j < u + 8 && j < w; j++, ++*area)
            sum += (double)fg_f32(y, n, i, j)[c] - fg_f32(t, n, i, j)[c];
    return sum / *area;
}

double fg_l1_coarse(double weight, const FgTensor *y, const FgTensor *t,
                    FgTensor *g)
{
    const FgShape s = y->shape;
    const double all = (double)s.n * s.c * ((s.h + 7) / 8) * ((s.w + 7) / 8);
    double sum = 0;

    for (int n = 0; n < s.n; n++)
        for (int v = 0; v < s.h; v += 8)
            for (int u = 0; u < s.w; u += 8)
                for (int c = 0; c < s.c; c++) {
                    int area;
                    const double e = square(y, t, n, v, u, c, &area);
                    const float k = (float)(weight * sign(e) / (all * area));

                    sum += fabs(e);
                    for (int i = v; g && i < v + 8 && i < s.h; i++)
                        for (int j = u; j < u + 8 && j < s.w; j++)
                            fg_f32(g, n, i, j)[c] += k;
                }
    return weight * sum / all;
}

int fg_style_check(const FgRecipe *r, const char *path, FgError *err)
{
    const int align = 1 << fg_recipe_int(r, "levels");
    const int least = 1 << (fg_recipe_int(r, "critic_levels") + 2);

    if (r->patch % align)
        return fg_error(err, -EINVAL,
                        "%s: 'patch' is %d, allowed multiples of %d with "
                        "%d levels",
                        path, r->patch, align, (int)fg_recipe_int(r, "levels"));
    if (r->patch < least)
        return fg_error(err, -EINVAL,
                        "%s: 'patch' is %d, allowed from %d with %d levels of "
                        "the critic",
                        path, r->patch, least,
                        (int)fg_recipe_int(r, "critic_levels"));
    return 0;
}

int fg_style_net(FgTrain *t, const char *name, FgGraph *g, const char *init,
                 FgError *err)
{
    const FgRecipe *r = t->recipe;
    const uint64_t seed = r->seed + (uint64_t)t->nb_nets;
    FgNet *net = &t->net[t->nb_nets];
    int ret = fg_net_create(net, name, g, seed, err);

    if (ret)
        return ret;
    t->nb_nets++;
    fg_net_init(net, init, seed);
    fg_nets_constants(net);
    net->optim = r->optim;
    net->ema = r->ema;
    net->clip = r->clip;
    return 0;
}

void fg_style_step(FgTrain *t, double lr, double critic_lr, FgStepInfo *info)
{
    double norm[FG_MAX_NETS] = {0};

    info->bad = !isfinite(info->loss);
    for (int i = 0; i < t->nb_nets; i++) {
        norm[i] = fg_net_grad_norm(&t->net[i]);
        info->bad |= !isfinite(norm[i]);
    }
    for (int i = 0; i < t->nb_nets && !info->bad; i++)
        fg_net_step(&t->net[i], t->net[i].name[0] == 'd' ? critic_lr : lr,
                    norm[i]);
}

int fg_style_export(FgTrain *t, const FgNet *net, int set, FgModel **m,
                    FgError *err)
{
    int ret = fg_export_model(t, net, set, m, err);

    if (!ret)
        (*m)->task = FG_TASK_IMAGE;
    return ret;
}

/* ---- pictures ---- */

static void put(uint8_t *d, const float *s, int channels)
{
    for (int c = 0; c < 3; c++) {
        const float v = s[channels == 3 ? c : 0];

        d[c] = (uint8_t)lrintf(fminf(fmaxf(v, 0), 1) * 255);
    }
}

int fg_sheet(FgPicture *out, const FgTensor *const *col, int nb, int rows)
{
    int w = 0, h = 0, x0 = 0;

    for (int k = 0; k < nb; k++) {
        w += col[k]->shape.w;
        h = col[k]->shape.h > h ? col[k]->shape.h : h;
        rows = col[k]->shape.n < rows ? col[k]->shape.n : rows;
    }
    *out = (FgPicture){0};
    if (w < 1 || h < 1 || rows < 1)
        return -EINVAL;
    *out = (FgPicture){w, h * rows, calloc((size_t)w * h * rows, 3)};
    if (!out->rgb)
        return -ENOMEM;
    for (int k = 0; k < nb; x0 += col[k++]->shape.w)
        for (int n = 0; n < rows; n++)
            for (int y = 0; y < col[k]->shape.h; y++)
                for (int x = 0; x < col[k]->shape.w; x++)
                    put(out->rgb + ((size_t)(n * h + y) * w + x0 + x) * 3,
                        fg_f32(col[k], n, y, x), col[k]->shape.c);
    return 0;
}

int fg_style_sheet(FgTrain *t, int set, const FgTensor *const *in,
                   const FgNet *const *net, int nb, const FgTensor *last,
                   FgPicture *out, FgError *err)
{
    const FgTensor *col[9] = {NULL};
    FgTape tape[4] = {{0}};
    int ret = 0;

    for (int k = 0; k < nb && !ret; k++) {
        ret = fg_tape_create(&tape[k], &net[k]->graph,
                             (FgParams *)&net[k]->set[set], NULL, in[k]->shape,
                             0, t->ex, err);
        if (ret)
            break;
        fg_tensor_copy(fg_tape_input(&tape[k]), in[k]);
        ret = fg_tape_forward(&tape[k], 0);
        col[2 * k] = in[k];
        col[2 * k + 1] = fg_tape_output(&tape[k]);
    }
    col[2 * nb] = last;
    if (!ret)
        ret = fg_sheet(out, col, 2 * nb + (last != NULL), 8);
    for (int k = 0; k < nb; k++)
        fg_tape_free(&tape[k]);
    return ret;
}

/* ---- clips ---- */

static int is_clip(const char *path)
{
    static const char *const pictures[] = {"png", "jpg",  "jpeg", "webp",
                                           "tif", "tiff", "bmp",  NULL};
    const char *dot = strrchr(path, '.');

    for (int i = 0; dot && pictures[i]; i++)
        if (!strcasecmp(dot + 1, pictures[i]))
            return 0;
    return 1;
}

static int add_clip(FgData *d, const char *path, int every, int most,
                    FgError *err)
{
    FgClip *clip = NULL;
    FgPicture pic = {0};
    int ret = fg_clip_open(&clip, path, err), taken = 0;

    for (int i = 0; ret >= 0 && (!most || taken < most); i++) {
        char name[64];

        ret = fg_clip_next(clip, &pic, err);
        if (ret != 1)
            break;
        snprintf(name, sizeof(name), "frame %d", i);
        if (i % every == 0) {
            ret = fg_data_add_picture(d, name, &pic, err);
            taken++;
        } else {
            fg_picture_free(&pic);
        }
    }
    fg_clip_close(&clip);
    return ret < 0 ? ret : 0;
}

static int add_item(FgTrain *t, FgData *d, const char *item, FgError *err)
{
    const FgRecipe *r = t->recipe;
    char *path = fg_recipe_path(r, item);
    struct stat st;
    int ret;

    if (!path)
        return -ENOMEM;
    if (!stat(path, &st) && S_ISREG(st.st_mode))
        ret = add_clip(d, path,
                       is_clip(path) ? (int)fg_recipe_int(r, "every") : 1,
                       (int)fg_recipe_int(r, "clip_frames"), err);
    else
        ret = fg_data_add(d, path, 1, 0, err);
    free(path);
    return ret;
}

int fg_style_load(FgTrain *t, FgData *d, const char *key, FgError *err)
{
    const int nb = fg_recipe_list(t->recipe, key);
    int ret = 0;

    d->scale = 1;
    for (int i = 0; i < nb && !ret; i++)
        ret = add_item(t, d, fg_recipe_list_at(t->recipe, key, i), err);
    if (!ret && nb)
        ret = fg_data_finish(d, t->recipe->patch, t->ex, err);
    return ret;
}
