/* How good a network is on a picture.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/plan.h"
#include "trainer/imresize.h"
#include "trainer/metric.h"
#include "trainer/score.h"

struct FgScorer {
    FgPlan *plan;
    float *in, *out;
    uint8_t *a, *b;
    int scale, luma, detail;
};

static int largest(FgScorer *s, const FgModel *m, const FgData *data,
                   FgPlanOptions *opt)
{
    const size_t c = m->luma ? 1 : 3;
    size_t px = 1, opx;

    opt->max_w = opt->max_h = 1;
    for (int i = 0; i < data->nb; i++) {
        const FgPicture *p = &data->pair[i].lr;
        const size_t n = (size_t)p->w * p->h;

        opt->max_w = p->w > opt->max_w ? p->w : opt->max_w;
        opt->max_h = p->h > opt->max_h ? p->h : opt->max_h;
        px = n > px ? n : px;
    }
    opx = px * (size_t)m->scale * (size_t)m->scale;
    s->in = malloc(sizeof(float) * px * c);
    s->out = malloc(sizeof(float) * opx * c);
    s->a = malloc(opx);
    s->b = malloc(opx);
    return s->in && s->out && s->a && s->b ? 0 : -ENOMEM;
}

int fg_scorer_create(FgScorer **out, const FgModel *m, const FgData *data,
                     FgPrecision precision, FgExecutor *ex, FgError *err)
{
    FgPlanOptions opt = {.device = "cpu", .precision = precision, .ex = ex};
    FgScorer *s = calloc(1, sizeof(*s));
    int ret;

    *out = s;
    if (!s)
        return -ENOMEM;
    s->scale = m->scale;
    s->luma = m->luma;
    ret = largest(s, m, data, &opt);
    if (ret)
        fg_error(err, ret, "not enough memory for validation");
    else
        ret = fg_plan_create(&s->plan, m, &opt, err);
    if (ret)
        fg_scorer_free(out);
    return ret;
}

static FgScore compare(const uint8_t *a, const uint8_t *b, const FgPair *pair,
                       int detail)
{
    const int w = pair->hr.w, h = pair->hr.h, border = w / pair->lr.w;

    return (FgScore){fg_psnr(a, b, w, h, border), fg_ssim(a, b, w, h, border),
                     detail ? fg_ms_ssim(a, b, w, h, border) : NAN};
}

void fg_scorer_detail(FgScorer *s)
{
    s->detail = 1;
}

static uint8_t round8(float v)
{
    return (uint8_t)(v <= 0 ? 0 : v >= 1 ? 255 : 255 * v + 0.5f);
}

/* A luma network's output with the colours of the enlarged input. */
static void colour_in(const float *y, uint8_t *rgb, size_t px)
{
    for (size_t i = 0; i < px; i++, rgb += 3) {
        const float more = y[i] - fg_luma(rgb);

        for (int c = 0; c < 3; c++)
            rgb[c] = round8(rgb[c] / 255.0f + more);
    }
}

int fg_scorer_picture(const FgScorer *s, const FgPair *pair, FgPicture *out)
{
    const size_t px = (size_t)pair->hr.w * (size_t)pair->hr.h;
    int ret = 0;

    *out = (FgPicture){pair->hr.w, pair->hr.h, malloc(px * 3)};
    if (!out->rgb)
        return -ENOMEM;
    if (s->luma)
        ret = fg_imresize(out->rgb, out->w, out->h, pair->lr.rgb, pair->lr.w,
                          pair->lr.h, 3);
    if (!ret && s->luma)
        colour_in(s->out, out->rgb, px);
    for (size_t i = 0; !s->luma && i < px * 3; i++)
        out->rgb[i] = round8(s->out[i]);
    if (ret)
        fg_picture_free(out);
    return ret;
}

int fg_scorer_run(FgScorer *s, const FgPair *pair, FgScore *out, FgError *err)
{
    const int c = s->luma ? 1 : 3;
    const FgShape is = {1, c, pair->lr.h, pair->lr.w};
    const FgShape os = {1, c, pair->hr.h, pair->hr.w};
    FgTensor in = fg_tensor_wrap(s->in, is, FG_F32);
    FgTensor res = fg_tensor_wrap(s->out, os, FG_F32);
    const size_t px = (size_t)os.h * os.w;
    int ret;

    fg_picture_to_tensor(&pair->lr, s->luma, &in);
    ret = fg_plan_run(s->plan, &in, &res);
    if (ret)
        return fg_error(err, ret, "%s: the network's output is %s", pair->name,
                        ret == -EDOM ? "not finite" : "not available");
    fg_studio_from_float(s->a, s->out, px, c);
    fg_studio_from_rgb8(s->b, pair->hr.rgb, px);
    *out = compare(s->a, s->b, pair, s->detail);
    return 0;
}

const uint8_t *fg_scorer_luma(const FgScorer *s, int which)
{
    return which ? s->b : s->a;
}

void fg_scorer_free(FgScorer **s)
{
    if (!s || !*s)
        return;
    fg_plan_free(&(*s)->plan);
    free((*s)->in);
    free((*s)->out);
    free((*s)->a);
    free((*s)->b);
    free(*s);
    *s = NULL;
}

int fg_score_bicubic(const FgPair *pair, int detail, FgScore *out)
{
    const FgPicture *hr = &pair->hr, *lr = &pair->lr;
    const size_t px = (size_t)hr->w * hr->h, lpx = (size_t)lr->w * lr->h;
    uint8_t *a = malloc(px), *b = malloc(px);
    float *big = malloc(sizeof(*big) * px), *small;
    int ret = -ENOMEM;

    small = malloc(sizeof(*small) * lpx);
    if (a && b && big && small) {
        fg_studio_from_rgb8(b, hr->rgb, px);
        for (size_t i = 0; i < px; i++)
            big[i] = b[i];
        ret = fg_imresize_f32(small, lr->w, lr->h, big, hr->w, hr->h, 1);
        if (!ret)
            ret = fg_imresize_f32(big, hr->w, hr->h, small, lr->w, lr->h, 1);
    }
    if (!ret) {
        fg_round8(a, big, px);
        *out = compare(a, b, pair, detail);
    }
    free(small);
    free(big);
    free(a);
    free(b);
    return ret;
}
