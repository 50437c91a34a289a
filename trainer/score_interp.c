/* How good in-between frames are.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/interp.h"
#include "trainer/mend.h"
#include "trainer/metric.h"
#include "trainer/motion.h"
#include "trainer/score_interp.h"
#include "trainer/triplets.h"

#define MADE_UP 192 /* side of made-up triplets, or the picture's own */
#define SEED 20240229

typedef struct Score {
    FgPlan *plan;
    FgExecutor *ex;
    FgFlow *flow; /* of flow_w x flow_h */
    int flow_w, flow_h;
    int luma; /* the model's kind */
    FgMend mend;
    float *rgb, *in, *out, *want, *y, *unused;
    uint8_t *a, *b;
    FgInterpScore sum;
} Score;

static void score_free(Score *s)
{
    fg_plan_free(&s->plan);
    fg_flow_free(&s->flow);
    free(s->rgb);
    free(s->in);
    free(s->out);
    free(s->want);
    free(s->y);
    fg_mend_free(&s->mend);
    free(s->unused);
    free(s->a);
    free(s->b);
}

static int score_alloc(Score *s, int w, int h)
{
    const size_t n = (size_t)w * (size_t)h;

    s->rgb = malloc(7 * n * sizeof(float));
    s->in = malloc(FG_INTERP_IN * n * sizeof(float));
    s->out = malloc(3 * n * sizeof(float));
    s->want = malloc(3 * n * sizeof(float));
    s->y = malloc(2 * n * sizeof(float));
    s->unused = malloc(4 * n * sizeof(float));
    s->a = malloc(n);
    s->b = malloc(n);
    return s->rgb && s->in && s->out && s->want && s->y && s->unused && s->a &&
                   s->b && !fg_mend_alloc(&s->mend, w, h)
               ? 0
               : -ENOMEM;
}

static int score_open(Score *s, const FgModel *m, const FgData *data,
                      FgExecutor *ex, FgError *err)
{
    FgPlanOptions o = {.device = "cpu", .precision = FG_PREC_FP32, .ex = ex};

    s->ex = ex;
    s->luma = m->luma;
    o.max_w = o.max_h = MADE_UP;
    for (int i = 0; i < data->nb; i++) {
        o.max_w = data->pair[i].hr.w > o.max_w ? data->pair[i].hr.w : o.max_w;
        o.max_h = data->pair[i].hr.h > o.max_h ? data->pair[i].hr.h : o.max_h;
    }
    if (score_alloc(s, o.max_w, o.max_h)) {
        fg_error(err, -ENOMEM, "not enough memory for validation");
        return -ENOMEM;
    }
    return fg_plan_create(&s->plan, m, &o, err);
}

/* s->a, full-range luma rounded, against s->b. */
static void add(Score *s, FgScore *to, const float *y, int w, int h)
{
    fg_studio_from_float(s->a, y, (size_t)w * (size_t)h, 1);
    to->psnr += fg_psnr(s->a, s->b, w, h, 0);
    to->ssim += fg_ssim(s->a, s->b, w, h, 0);
}

static float luma(const float *p)
{
    return 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
}

static int run_plan(Score *s, const float *in, int c, float *out, int oc, int w,
                    int h)
{
    const FgTensor x = fg_tensor_wrap((void *)in, (FgShape){1, c, h, w},
                                      FG_F32);
    FgTensor y = fg_tensor_wrap(out, (FgShape){1, oc, h, w}, FG_F32);

    return fg_plan_run(s->plan, &x, &y);
}

/* The network's inputs in s->in from the two frames' luma. */
static int find_motion(Score *s, double t, int w, int h, FgError *err)
{
    const size_t n = (size_t)w * (size_t)h;
    FgTensor in = fg_tensor_wrap(s->in, (FgShape){1, FG_INTERP_IN, h, w},
                                 FG_F32);
    int ret = 0;

    if (!s->flow || s->flow_w != w || s->flow_h != h) {
        fg_flow_free(&s->flow);
        ret = fg_flow_create(&s->flow, w, h, s->ex, err);
        s->flow_w = w;
        s->flow_h = h;
    }
    if (ret)
        return ret;
    for (size_t i = 0; i < n; i++) {
        s->y[i] = luma(s->rgb + 7 * i);
        s->y[n + i] = luma(s->rgb + 7 * i + 3);
    }
    fg_flow_push(s->flow, s->y, w);
    fg_flow_push(s->flow, s->y + n, w);
    fg_flow_find(s->flow);
    fg_interp_inputs(s->flow, (float)t, &in);
    return 0;
}

/* s->rgb is filled; want: the true frame's luma is in s->b already. */
static int score_one(Score *s, double t, int w, int h, const char *name,
                     FgError *err)
{
    const int n = w * h;
    int ret = find_motion(s, t, w, h, err);

    if (ret)
        return ret;
    fg_mend_run(&s->mend, s->in, NULL, w, h);
    add(s, &s->sum.plain, s->mend.y, w, h);
    if (s->luma) {
        ret = run_plan(s, s->in, FG_INTERP_IN, s->out, FG_INTERP_OUT, w, h);
        fg_mend_run(&s->mend, s->in, s->out, w, h);
        memcpy(s->y, s->mend.y, sizeof(float) * (size_t)n);
    } else {
        ret = run_plan(s, s->rgb, FG_INTERP_RGB_IN, s->out, 3, w, h);
        for (int i = 0; i < n; i++)
            s->y[i] = luma(s->out + 3 * i);
    }
    if (ret)
        return fg_error(err, ret, "%s: the network's output is not finite",
                        name);
    add(s, &s->sum.net, s->y, w, h);
    for (int i = 0; i < n; i++)
        s->y[i] = (float)((1 - t) * luma(s->rgb + 7 * i) +
                          t * luma(s->rgb + 7 * i + 3));
    add(s, &s->sum.blend, s->y, w, h);
    s->sum.nb++;
    return 0;
}

static int real(Score *s, const FgData *d, int i, FgError *err)
{
    const FgPicture *p = &d->pair[i].hr, *q = &d->pair[i + 2].hr;

    for (int k = 0; k < p->w * p->h; k++) {
        for (int c = 0; c < 3; c++) {
            s->rgb[7 * k + c] = p->rgb[3 * k + c] / 255.0f;
            s->rgb[7 * k + 3 + c] = q->rgb[3 * k + c] / 255.0f;
        }
        s->rgb[7 * k + 6] = 0.5f;
    }
    fg_studio_from_rgb8(s->b, d->pair[i + 1].hr.rgb, (size_t)p->w * p->h);
    return score_one(s, 0.5, p->w, p->h, d->pair[i].name, err);
}

static int made_up(Score *s, const FgData *d, int i, double motion,
                   FgError *err)
{
    const FgData one = {.pair = &d->pair[i], .nb = 1, .scale = 1};
    const FgPicture *p = &d->pair[i].hr;
    const int least = p->w < p->h ? p->w : p->h;
    const int side = (least < MADE_UP ? least : MADE_UP) & ~15;
    FgTensor in = fg_tensor_wrap(s->rgb, (FgShape){1, 7, side, side}, FG_F32);
    FgTensor y = fg_tensor_wrap(s->want, (FgShape){1, 3, side, side}, FG_F32);
    FgTensor f = fg_tensor_wrap(s->unused, (FgShape){1, 4, side, side}, FG_F32);
    FgRandom r = fg_random(SEED, 0, (uint32_t)i, 2);

    fg_motion_triplet(&one, motion, 0.5, &in, &y, &f, 0, &r);
    for (int k = 0; k < side * side; k++)
        s->rgb[7 * k + 6] = 0.5f;
    fg_studio_from_float(s->b, s->want, (size_t)side * side, 3);
    return score_one(s, 0.5, side, side, d->pair[i].name, err);
}

/* first[]: where triplets begin; returns how many. No frame is a middle twice
 * over: every second one is left out. */
static int find(const FgData *d, const int *last, int *first)
{
    int nb = 0;

    for (int i = 0; i + 2 < d->nb; i++)
        if (strchr(d->pair[i].name, '#') && last[i] >= i + 2)
            first[nb++] = i++;
    return nb;
}

static int score_all(Score *s, const FgData *d, int limit, double motion,
                     int *last, int *first, FgError *err)
{
    int nb, most, ret = 0;

    fg_clip_shots(d, last);
    nb = find(d, last, first);
    most = limit && limit < nb ? limit : nb;
    for (int i = 0; i < most && !ret; i++)
        ret = real(s, d, first[(int64_t)i * nb / most], err);
    for (int i = 0; i < d->nb && !ret; i++)
        if (!strchr(d->pair[i].name, '#'))
            ret = made_up(s, d, i, motion, err);
    return ret;
}

int fg_interp_score(const FgModel *m, const FgData *data, int limit,
                    double motion, FgExecutor *ex, FgInterpScore *out,
                    FgError *err)
{
    Score s = {0};
    int *last = calloc((size_t)data->nb + 1, sizeof(*last));
    int *first = calloc((size_t)data->nb + 1, sizeof(*first));
    int ret = -ENOMEM;

    if (last && first)
        ret = score_open(&s, m, data, ex, err);
    else
        fg_error(err, ret, "not enough memory");
    if (!ret)
        ret = score_all(&s, data, limit, motion, last, first, err);
    if (!ret && !s.sum.nb)
        ret = fg_error(err, -ENODATA, "no three frames of one shot");
    *out = s.sum;
    for (int i = 0; !ret && i < 3; i++) {
        FgScore *q = i == 0 ? &out->net : i == 1 ? &out->plain : &out->blend;

        q->psnr /= out->nb;
        q->ssim /= out->nb;
    }
    score_free(&s);
    free(last);
    free(first);
    return ret;
}
