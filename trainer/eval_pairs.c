/* ffgan eval of a network that enlarges: figures beside MATLAB's bicubic.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/eval.h"
#include "trainer/eval_pairs.h"
#include "trainer/imresize.h"

#define SIDE 160 /* of a part in the grid */
#define ROWS 4

enum { NET, BASE, BEFORE, NB_SETS };

typedef struct Run {
    const FgEvalPairs *e;
    FgScorer *net, *before;
    FgPicture part[ROWS * 4]; /* of the grid, row by row */
    int nb_parts, columns;
} Run;

/* ---- lines ---- */

/* Equal pictures have an infinite PSNR, which JSON can only call null. */
static json_t *real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static void print_json(const FgEvalPairs *e, const char *name,
                       const FgScore s[NB_SETS])
{
    static const char *const prefix[NB_SETS] = {"", "bicubic_", "before_"};
    json_t *o = json_pack("{s:s}", "image", name);
    char *text;

    for (int k = 0; o && k < (e->before ? NB_SETS : BEFORE); k++) {
        char key[3][32];

        snprintf(key[0], sizeof(key[0]), "%spsnr", prefix[k]);
        snprintf(key[1], sizeof(key[1]), "%sssim", prefix[k]);
        snprintf(key[2], sizeof(key[2]), "%sms_ssim", prefix[k]);
        json_object_set_new(o, key[0], real(s[k].psnr));
        json_object_set_new(o, key[1], real(s[k].ssim));
        json_object_set_new(o, key[2], real(s[k].ms_ssim));
    }
    text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(7)) : NULL;
    if (text)
        puts(text);
    free(text);
    json_decref(o);
}

static void print_ms(double v)
{
    if (isfinite(v))
        printf(" %7.4f", v);
    else
        printf(" %7s", "-");
}

static void print(const FgEvalPairs *e, const char *name,
                  const FgScore s[NB_SETS])
{
    if (e->json) {
        print_json(e, name, s);
        return;
    }
    printf("%-32s %8.2f %7.4f   %8.2f %7.4f  ", name, s[NET].psnr, s[NET].ssim,
           s[BASE].psnr, s[BASE].ssim);
    print_ms(s[NET].ms_ssim);
    print_ms(s[BASE].ms_ssim);
    if (e->before) {
        printf("   %8.2f %7.4f", s[BEFORE].psnr, s[BEFORE].ssim);
        print_ms(s[BEFORE].ms_ssim);
    }
    putchar('\n');
}

static void print_head(const FgEvalPairs *e)
{
    if (e->json)
        return;
    printf("%-32s %8s %7s   %8s %7s   %7s %7s", "picture", "PSNR dB", "SSIM",
           "bicubic", "SSIM", "MS-SSIM", "bicubic");
    if (e->before)
        printf("   %8s %7s %7s", "before", "SSIM", "MS-SSIM");
    putchar('\n');
}

/* ---- the grid ---- */

static int add_part(Run *r, const FgPicture *from)
{
    const int w = SIDE < from->w ? SIDE : from->w;
    const int h = SIDE < from->h ? SIDE : from->h;
    FgPicture *p = &r->part[r->nb_parts];

    *p = (FgPicture){SIDE, SIDE, calloc((size_t)SIDE * SIDE, 3)};
    if (!p->rgb)
        return -ENOMEM;
    r->nb_parts++;
    for (int y = 0; y < h; y++)
        memcpy(p->rgb + (size_t)y * SIDE * 3,
               from->rgb + ((size_t)((from->h - h) / 2 + y) * (size_t)from->w +
                            (size_t)((from->w - w) / 2)) *
                               3,
               (size_t)w * 3);
    return 0;
}

static int add_made(Run *r, const FgScorer *s, const FgPair *pair)
{
    FgPicture p;
    int ret = fg_scorer_picture(s, pair, &p);

    if (!ret)
        ret = add_part(r, &p);
    fg_picture_free(&p);
    return ret;
}

static int add_bicubic(Run *r, const FgPair *pair)
{
    FgPicture p = {pair->hr.w, pair->hr.h, NULL};
    int ret = -ENOMEM;

    p.rgb = malloc((size_t)p.w * (size_t)p.h * 3);
    if (p.rgb)
        ret = fg_imresize(p.rgb, p.w, p.h, pair->lr.rgb, pair->lr.w, pair->lr.h,
                          3);
    if (!ret)
        ret = add_part(r, &p);
    fg_picture_free(&p);
    return ret;
}

static int add_row(Run *r, const FgPair *pair)
{
    int ret = add_bicubic(r, pair);

    if (!ret && r->before)
        ret = add_made(r, r->before, pair);
    if (!ret && r->net)
        ret = add_made(r, r->net, pair);
    if (!ret)
        ret = add_part(r, &pair->hr);
    return ret;
}

static int write_grid(const Run *r, FgError *err)
{
    FgPicture p = {0};
    int ret = fg_grid(r->part, r->nb_parts, r->columns, &p);

    if (!ret)
        ret = fg_picture_write_png(&p, r->e->grid, err);
    fg_picture_free(&p);
    return ret;
}

/* ---- scores ---- */

static void add(FgScore *sum, const FgScore *one, double n)
{
    sum->psnr += one->psnr / n;
    sum->ssim += one->ssim / n;
    sum->ms_ssim += one->ms_ssim / n;
}

static int score(Run *r, const FgPair *pair, FgScore s[NB_SETS], FgError *err)
{
    int ret = fg_score_bicubic(pair, 1, &s[BASE]);

    s[NET] = s[BASE];
    s[BEFORE] = (FgScore){0};
    if (!ret && r->before)
        ret = fg_scorer_run(r->before, pair, &s[BEFORE], err);
    if (!ret && r->net)
        ret = fg_scorer_run(r->net, pair, &s[NET], err);
    if (!ret && r->e->grid && r->nb_parts < ROWS * r->columns)
        ret = add_row(r, pair);
    return ret;
}

static int score_all(Run *r, const FgData *d, FgError *err)
{
    FgScore mean[NB_SETS] = {{0}};
    int ret = 0;

    print_head(r->e);
    for (int i = 0; i < d->nb && !ret; i++) {
        FgScore s[NB_SETS];

        ret = score(r, &d->pair[i], s, err);
        if (ret)
            break;
        print(r->e, d->pair[i].name, s);
        for (int k = 0; k < NB_SETS; k++)
            add(&mean[k], &s[k], d->nb);
    }
    if (!ret)
        print(r->e, "mean", mean);
    if (!ret && r->e->grid)
        ret = write_grid(r, err);
    return ret;
}

static int make_scorer(FgScorer **s, const FgModel *m, const FgData *d,
                       const FgEvalPairs *e, FgExecutor *ex, FgError *err)
{
    int ret;

    if (!m)
        return 0;
    ret = fg_scorer_create(s, m, d, e->precision, ex, err);
    if (!ret)
        fg_scorer_detail(*s);
    return ret;
}

int fg_eval_pairs(const FgEvalPairs *e, FgExecutor *ex, FgError *err)
{
    Run r = {.e = e, .columns = 2 + (e->model != NULL) + (e->before != NULL)};
    FgData d = {0};
    int ret = fg_data_add(&d, e->data, e->scale, 0, err);

    if (!ret)
        ret = fg_data_finish(&d, 1, ex, err);
    if (!ret)
        ret = make_scorer(&r.net, e->model, &d, e, ex, err);
    if (!ret)
        ret = make_scorer(&r.before, e->before, &d, e, ex, err);
    if (!ret)
        ret = score_all(&r, &d, err);
    fg_scorer_free(&r.net);
    fg_scorer_free(&r.before);
    for (int i = 0; i < r.nb_parts; i++)
        fg_picture_free(&r.part[i]);
    fg_data_free(&d);
    return ret;
}
