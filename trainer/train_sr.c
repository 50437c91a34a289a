/* Supervised super-resolution: one network, pixel losses.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/batch_gpu.h"
#include "trainer/export.h"
#include "trainer/loss.h"
#include "trainer/recipe_keys.h"
#include "trainer/score.h"
#include "trainer/style.h"
#include "trainer/tape.h"
#include "trainer/train.h"

typedef struct Sr {
    FgTape tape;
    FgTensor target;
    FgCrops crops;
    FgBatchGpu *batch; /* NULL: crops and losses are the host's */
    FgLossFft *fft;
    double *sums;
    int loss, mse;
} Sr;

static int make_net(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    FgGraph graph = {0};
    int ret = fg_recipe_graph(r, &graph, err);

    if (ret)
        return ret;
    ret = fg_net_create(&t->net[0], "g", &graph, r->seed, err);
    if (ret)
        return ret;
    t->nb_nets = 1;
    t->net[0].optim = r->optim;
    t->net[0].ema = r->ema;
    t->net[0].clip = r->clip;
    return fg_train_warm_start(t, &t->net[0], err);
}

static int make_buffers(FgTrain *t, Sr *s, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const int side = r->patch * r->net.scale;
    const FgShape in = {r->batch, r->net.channels_in, r->patch, r->patch};
    const FgShape out = {r->batch, r->net.channels_in, side, side};
    FgNet *net = &t->net[0];
    int ret = fg_tape_create(&s->tape, &net->graph, &net->set[FG_SET_PARAM],
                             &net->grads, in, 0, t->ex, err);

    if (!ret && r->bf16)
        s->tape.fast = FG_FAST_16BIT;
    if (!ret)
        ret = fg_tensor_alloc(&s->target, out, FG_F32);
    if (!ret && r->fft > 0)
        ret = fg_loss_fft_create(&s->fft, side, side, fg_threads(t->ex), err);
    s->sums = malloc(sizeof(*s->sums) * 2 * (size_t)r->batch);
    if (!ret && !s->sums)
        ret = -ENOMEM;
    return ret;
}

static int sr_create(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    Sr *s = calloc(1, sizeof(*s));
    int ret;

    if (!s)
        return -ENOMEM;
    t->priv = s;
    s->crops = (FgCrops){.data = &t->train,
                         .patch = r->patch,
                         .luma = r->luma,
                         .augment = r->augment,
                         .flat = r->flat,
                         .seed = r->seed};
    s->loss = fg_loss_find(r->loss);
    s->mse = fg_loss_find("mse");
    ret = make_net(t, err);
    if (!ret)
        ret = make_buffers(t, s, err);
    /* The spectrum's loss is the host's. */
    return ret || s->fft
               ? ret
               : fg_batch_gpu_create(&s->batch, &s->crops, &s->tape, err);
}

static int forward(FgTrain *t, Sr *s)
{
    int ret = 0;

    if (s->batch)
        ret = fg_batch_gpu_fill(s->batch, t->step);
    else
        fg_crops_fill(&s->crops, t->step, fg_tape_input(&s->tape), &s->target,
                      t->ex);
    return ret ? ret : fg_tape_forward(&s->tape, 1);
}

static double loss_of(FgTrain *t, Sr *s, int tail, double *mse)
{
    const FgRecipe *r = t->recipe;
    const int kind = tail ? s->mse : s->loss;
    FgTensor *y = fg_tape_output(&s->tape), *g = fg_tape_output_grad(&s->tape);
    double loss;

    if (s->batch)
        return fg_batch_gpu_loss(s->batch, kind, r->loss_eps, mse);
    loss = fg_loss_pixel(kind, r->loss_eps, y, &s->target, g, t->ex, s->sums,
                         mse);
    if (s->fft && !tail)
        loss += fg_loss_fft(s->fft, r->fft, y, &s->target, g, t->ex, s->sums);
    return loss;
}

static int sr_step(FgTrain *t, double lr, double part, FgStepInfo *info)
{
    const FgRecipe *r = t->recipe;
    Sr *s = t->priv;
    FgNet *net = &t->net[0];
    const int tail = part >= 1 - r->final_mse;
    double norm;
    int ret;

    ret = forward(t, s);
    if (ret)
        return ret;
    info->loss = loss_of(t, s, tail, &info->mse);
    fg_net_zero_grads(net);
    ret = fg_tape_backward(&s->tape, 1);
    if (ret)
        return ret;
    norm = fg_net_grad_norm(net);
    info->bad = !isfinite(info->loss) || !isfinite(norm);
    if (!info->bad)
        fg_net_step(net, lr, norm);
    return 0;
}

static int sr_export(FgTrain *t, int set, FgModel **m, FgError *err)
{
    return fg_export_model(t, &t->net[0], set, m, err);
}

static int sr_validate(FgTrain *t, double *figure, double *ssim, FgError *err)
{
    FgScore mean = {0};
    FgModel *m = NULL;
    FgScorer *s = NULL;
    int ret = sr_export(t, FG_SET_EMA, &m, err);

    if (!ret)
        ret = fg_scorer_create(&s, m, &t->val, FG_PREC_FP32, t->ex, err);
    for (int i = 0; i < t->val.nb && !ret; i++) {
        FgScore one;

        ret = fg_scorer_run(s, &t->val.pair[i], &one, err);
        mean.psnr += one.psnr / t->val.nb;
        mean.ssim += one.ssim / t->val.nb;
    }
    *figure = mean.psnr;
    *ssim = mean.ssim;
    fg_scorer_free(&s);
    fg_model_free(&m);
    return ret;
}

/* The first crops, what one set of weights makes of them, the originals. */
static int sr_sample(FgTrain *t, int set, FgPicture *out, FgError *err)
{
    Sr *s = t->priv;
    const FgTensor *in[1] = {fg_tape_input(&s->tape)};
    const FgNet *net[1] = {&t->net[0]};

    fg_crops_fill(&s->crops, 0, fg_tape_input(&s->tape), &s->target, t->ex);
    return fg_style_sheet(t, set, in, net, 1, &s->target, out, err);
}

static void sr_close(FgTrain *t)
{
    Sr *s = t->priv;

    if (!s)
        return;
    fg_batch_gpu_free(&s->batch);
    fg_tape_free(&s->tape);
    fg_tensor_free(&s->target);
    fg_loss_fft_free(&s->fft);
    free(s->sums);
    free(s);
    t->priv = NULL;
}

static const FgKey keys[] = {
    FG_SR_NET_KEYS, FG_FLAT_KEY, FG_PIXEL_LOSS_KEYS, {0}};

const FgFamily fg_family_sr = {
    .name = "sr",
    .keys = keys,
    .figure = {"val_psnr_y", "val_ssim_y", "%.3f dB", 1},
    .create = sr_create,
    .step = sr_step,
    .validate = sr_validate,
    .export_model = sr_export,
    .close = sr_close,
    .sample = sr_sample,
};
