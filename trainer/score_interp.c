/* How good in-between frames are.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/metric.h"
#include "trainer/motion.h"
#include "trainer/score_interp.h"
#include "trainer/triplets.h"

#define MADE_UP 192 /* side of made-up triplets, or the picture's own */
#define SEED 20240229

typedef struct Score {
    FgPlan *plan;
    float *in, *out, *want, *flow;
    uint8_t *a, *b;
    FgInterpScore sum;
} Score;

static void score_free(Score *s)
{
    fg_plan_free(&s->plan);
    free(s->in);
    free(s->out);
    free(s->want);
    free(s->flow);
    free(s->a);
    free(s->b);
}

static int score_open(Score *s, const FgModel *m, const FgData *data,
                      FgExecutor *ex, FgError *err)
{
    FgPlanOptions o = {.device = "cpu", .precision = FG_PREC_FP32, .ex = ex};
    size_t n;

    o.max_w = o.max_h = MADE_UP;
    for (int i = 0; i < data->nb; i++) {
        o.max_w = data->pair[i].hr.w > o.max_w ? data->pair[i].hr.w : o.max_w;
        o.max_h = data->pair[i].hr.h > o.max_h ? data->pair[i].hr.h : o.max_h;
    }
    n = (size_t)o.max_w * (size_t)o.max_h;
    s->in = malloc(7 * n * sizeof(float));
    s->out = malloc(3 * n * sizeof(float));
    s->want = malloc(3 * n * sizeof(float));
    s->flow = malloc(4 * n * sizeof(float));
    s->a = malloc(n);
    s->b = malloc(n);
    if (!s->in || !s->out || !s->want || !s->flow || !s->a || !s->b)
        return fg_error(err, -ENOMEM, "not enough memory for validation");
    return fg_plan_create(&s->plan, m, &o, err);
}

static int run(FgPlan *plan, float *in, float *out, int w, int h)
{
    const FgTensor x = fg_tensor_wrap(in, (FgShape){1, 7, h, w}, FG_F32);
    FgTensor y = fg_tensor_wrap(out, (FgShape){1, 3, h, w}, FG_F32);

    return fg_plan_run(plan, &x, &y);
}

int fg_interp_run(FgPlan *plan, const FgPicture *a, const FgPicture *b,
                  double t, float *in, float *out)
{
    const size_t n = (size_t)a->w * (size_t)a->h;

    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++) {
            in[7 * i + k] = a->rgb[3 * i + k] / 255.0f;
            in[7 * i + 3 + k] = b->rgb[3 * i + k] / 255.0f;
        }
        in[7 * i + 6] = (float)t;
    }
    return run(plan, in, out, a->w, a->h);
}

/* s->in, s->out are filled; s->b holds the wanted luma. */
static void add_score(Score *s, int w, int h)
{
    const size_t n = (size_t)w * (size_t)h;

    fg_studio_from_float(s->a, s->out, n, 3);
    s->sum.net.psnr += fg_psnr(s->a, s->b, w, h, 0);
    s->sum.net.ssim += fg_ssim(s->a, s->b, w, h, 0);
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            s->out[3 * i + k] = 0.5f *
                                (s->in[7 * i + k] + s->in[7 * i + 3 + k]);
    fg_studio_from_float(s->a, s->out, n, 3);
    s->sum.blend.psnr += fg_psnr(s->a, s->b, w, h, 0);
    s->sum.blend.ssim += fg_ssim(s->a, s->b, w, h, 0);
    s->sum.nb++;
}

static int real(Score *s, const FgData *d, int i, FgError *err)
{
    const FgPicture *p = &d->pair[i].hr;
    const int ret = fg_interp_run(s->plan, p, &d->pair[i + 2].hr, 0.5, s->in,
                                  s->out);

    if (ret)
        return fg_error(err, ret, "%s: the network's output is not finite",
                        d->pair[i].name);
    fg_studio_from_rgb8(s->b, d->pair[i + 1].hr.rgb, (size_t)p->w * p->h);
    add_score(s, p->w, p->h);
    return 0;
}

static int made_up(Score *s, const FgData *d, int i, double motion,
                   FgError *err)
{
    const FgData one = {.pair = &d->pair[i], .nb = 1, .scale = 1};
    const FgPicture *p = &d->pair[i].hr;
    const int least = p->w < p->h ? p->w : p->h;
    const int side = (least < MADE_UP ? least : MADE_UP) & ~15;
    FgTensor in = fg_tensor_wrap(s->in, (FgShape){1, 7, side, side}, FG_F32);
    FgTensor y = fg_tensor_wrap(s->want, (FgShape){1, 3, side, side}, FG_F32);
    FgTensor f = fg_tensor_wrap(s->flow, (FgShape){1, 4, side, side}, FG_F32);
    FgRandom r = fg_random(SEED, 0, (uint32_t)i, 2);
    int ret;

    fg_motion_triplet(&one, motion, 0.5, &in, &y, &f, 0, &r);
    for (int k = 0; k < side * side; k++)
        s->in[7 * k + 6] = 0.5f;
    ret = run(s->plan, s->in, s->out, side, side);
    if (ret)
        return fg_error(err, ret, "%s: the network's output is not finite",
                        d->pair[i].name);
    fg_studio_from_float(s->b, s->want, (size_t)side * side, 3);
    add_score(s, side, side);
    return 0;
}

/* first[]: where triplets begin; returns how many. Frames that train others'
 * middles are no middles themselves: every second frame. */
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
    int ret = last && first ? score_open(&s, m, data, ex, err)
                            : fg_error(err, -ENOMEM, "not enough memory");

    if (!ret)
        ret = score_all(&s, data, limit, motion, last, first, err);
    if (!ret && !s.sum.nb)
        ret = fg_error(err, -ENODATA, "no three frames of one shot");
    *out = s.sum;
    for (int i = 0; !ret && i < 2; i++) {
        FgScore *q = i ? &out->blend : &out->net;

        q->psnr /= out->nb;
        q->ssim /= out->nb;
    }
    score_free(&s);
    free(last);
    free(first);
    return ret;
}
