/* Keyframes: one to three painted frames of a shot teach a network to paint the
 * others. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * After Texler et al., Interactive Video Stylization Using Few-Shot Patch-Based
 * Training (2020): patches of the pairs, a small encoder-decoder without norms
 * (what it does to a frame depends on that frame alone), and
 *   pixel * |y - t| + fft + feature matching + gan * LSGAN
 *   + steady * |G(x + noise) - G(x)|, the latter held: grain must not flicker.
 * Absolute differences are those of values of -1..1. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/batch_gpu.h"
#include "trainer/loss.h"
#include "trainer/loss_lot.h"
#include "trainer/noise.h"
#include "trainer/recipe_keys.h"
#include "trainer/score.h"
#include "trainer/style.h"

typedef struct Keyframe {
    FgTape gen, noisy;
    FgCritic critic;
    FgLot frame, target;
    FgLot noise, shaken; /* the latter, and the frame below it */
    FgCrops crops;
    FgBatchGpu *batch; /* NULL: crops are the host's */
    FgLossFft *fft;
    double *sums;
} Keyframe;

static const FgKey keys[] = {
    FG_LIST("train", 1, "frames of the shot, as they are"),
    FG_LIST("painted", 1, "the same frames painted, in the same order"),
    FG_STRING("val", NULL, "another frame, held out"),
    FG_STRING("val_painted", NULL, "the held-out frame painted"),
    FG_INT("features", "24", 1, 256, "channels at full size"),
    FG_INT("blocks", "5", 0, 64, "residual blocks at the smallest size"),
    FG_INT("levels", "1", 1, 4, "halvings of size"),
    FG_BOOL("residual", "true", "the frame is added to the network's output"),
    FG_INT("critic_features", "16", 1, 256, "channels of the critic's first"),
    FG_INT("critic_levels", "2", 1, 4, "halvings in the critic"),
    FG_ENUM("adversarial", "lsgan", FG_CRITIC_CHOICES, "critic's loss"),
    FG_DOUBLE("pixel", "4", 0, 1000, "weight of the distance to the painting"),
    FG_DOUBLE("fft", "0.05", 0, 100, "weight of L1 on the 2-D FFT"),
    FG_DOUBLE("gan", "0.5", 0, 1000, "weight of the adversarial loss"),
    FG_DOUBLE("feature", "1", 0, 1000, "weight of feature matching"),
    FG_DOUBLE("steady", "1", 0, 1000, "weight of what noise may change"),
    FG_DOUBLE("steady_noise", "4", 0, 64, "sigma of that noise, of 255"),
    FG_INT("patch", "40", 16, 512, "side of a crop, a multiple of 2^levels"),
    FG_INT("batch", "12", 1, 1024, "crops per step"),
    FG_DOUBLE("flat", "0.5", 0, 1, "probability of passing over a flat crop"),
    FG_BOOL("augment", "false", "flip and rotate crops, eight ways"),
    FG_INT("steps", "3000", 1, 1e9, "optimiser steps"),
    FG_DOUBLE("lr", "4e-4", 0, 10, "peak learning rate"),
    FG_DOUBLE("beta2", "0.999", 0, 0.999999, "decay of the second moment"),
    FG_DOUBLE("weight_decay", "1e-5", 0, 1, "weight decay"),
    FG_INT("warmup", "50", 0, 1e9, "steps of linear warm-up"),
    FG_INT("val_every", "500", 1, 1e9, "steps between validations"),
    FG_INT("checkpoint_every", "500", 1, 1e9, "steps between checkpoints"),
    {0},
};

static int is_given(const FgRecipe *r, const char *key)
{
    const char *v = fg_recipe_text(r, key);

    return v && v[0];
}

static int keyframe_check(const FgRecipe *r, const char *path, FgError *err)
{
    const int a = fg_recipe_list(r, "train"), b = fg_recipe_list(r, "painted");

    if (a != b)
        return fg_error(err, -EINVAL,
                        "%s: 'train' has %d frames, 'painted' %d: they belong "
                        "together one by one",
                        path, a, b);
    if (is_given(r, "val") != is_given(r, "val_painted"))
        return fg_error(err, -EINVAL,
                        "%s: 'val' and 'val_painted' belong together", path);
    return fg_style_check(r, path, err);
}

/* ---- pictures ---- */

static int read_at(const FgRecipe *r, const char *name, FgPicture *pic,
                   FgError *err)
{
    char *path = fg_recipe_path(r, name);
    int ret = path ? fg_picture_read(pic, path, err) : -ENOMEM;

    free(path);
    return ret;
}

static int add_pair(FgTrain *t, FgData *d, const char *frame,
                    const char *painted, FgError *err)
{
    FgPicture in = {0}, out = {0};
    int ret = read_at(t->recipe, frame, &in, err);

    d->scale = 1;
    if (!ret)
        ret = read_at(t->recipe, painted, &out, err);
    if (!ret && (in.w != out.w || in.h != out.h))
        ret = fg_error(err, -EINVAL,
                       "%s is %d x %d, %s is %d x %d: a pair has "
                       "one size",
                       frame, in.w, in.h, painted, out.w, out.h);
    if (!ret)
        ret = fg_data_add_pair(d, frame, &in, &out, err);
    fg_picture_free(&in);
    fg_picture_free(&out);
    return ret;
}

static int keyframe_load(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    int ret = 0;

    for (int i = 0; i < fg_recipe_list(r, "train") && !ret; i++)
        ret = add_pair(t, &t->train, fg_recipe_list_at(r, "train", i),
                       fg_recipe_list_at(r, "painted", i), err);
    if (!ret && is_given(r, "val")) {
        ret = add_pair(t, &t->val, fg_recipe_text(r, "val"),
                       fg_recipe_text(r, "val_painted"), err);
        if (!ret)
            ret = fg_data_finish(&t->val, 16, t->ex, err);
    }
    return ret ? ret : fg_data_finish(&t->train, r->patch, t->ex, err);
}

/* ---- set-up ---- */

static int make_nets(FgTrain *t, FgTaps *taps, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgNetSpec g = {.channels = 3,
                         .features = (int)fg_recipe_int(r, "features"),
                         .blocks = (int)fg_recipe_int(r, "blocks"),
                         .levels = (int)fg_recipe_int(r, "levels"),
                         .norm = "none",
                         .residual = fg_recipe_bool(r, "residual")};
    const FgNetSpec d = {.channels = 3,
                         .features = (int)fg_recipe_int(r, "critic_features"),
                         .levels = (int)fg_recipe_int(r, "critic_levels"),
                         .norm = "instance"};
    FgGraph graph;
    int ret = fg_build_encdec(&graph, &g, err);

    if (!ret)
        ret = fg_style_net(t, "g", &graph, "torch", err);
    if (!ret)
        ret = fg_train_warm_start(t, &t->net[0], err);
    if (!ret)
        ret = fg_build_patch_critic(&graph, &d, taps, err);
    return ret ? ret : fg_style_net(t, "d", &graph, "normal", err);
}

static int make_tape(FgTrain *t, FgTape *tape, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgShape s = {r->batch, 3, r->patch, r->patch};
    FgNet *g = &t->net[0];
    int ret = fg_tape_create(tape, &g->graph, &g->set[FG_SET_PARAM], &g->grads,
                             s, 0, t->ex, err);

    if (!ret && r->bf16)
        tape->fast = FG_FAST_16BIT;
    return ret;
}

/* On a GPU all of them are there, but for the loss of the spectrum, which is
 * the host's. */
static int make_lots(FgTrain *t, Keyframe *s, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgShape shape = {r->batch, 3, r->patch, r->patch};
    const int there = !(fg_recipe_num(r, "fft") > 0);
    const int kept = FG_KEEP_INPUT | FG_KEEP_OUTPUT | FG_KEEP_GRADIENT;
    FgLot *const lot[] = {&s->frame, &s->target, &s->noise, &s->shaken};
    int ret = 0;

    for (int i = 0; i < 4 && !ret; i++)
        ret = fg_lot_create(lot[i], shape, t->ex, there, err);
    if (ret || !there)
        return ret;
    fg_tape_keep(&s->gen, kept);
    if (s->noisy.graph)
        fg_tape_keep(&s->noisy, kept);
    return fg_batch_gpu_create_lots(&s->batch, &s->crops, &s->frame, &s->target,
                                    err);
}

static int make_buffers(FgTrain *t, Keyframe *s, const FgTaps *taps,
                        FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgShape shape = {r->batch, 3, r->patch, r->patch};
    int ret = make_tape(t, &s->gen, err);

    if (!ret && fg_recipe_num(r, "steady") > 0)
        ret = make_tape(t, &s->noisy, err);
    if (!ret)
        ret = fg_critic_open(&s->critic, t, &t->net[1], taps, shape,
                             fg_recipe_text(r, "adversarial"), NULL, err);
    if (!ret)
        ret = make_lots(t, s, err);
    if (!ret && fg_recipe_num(r, "fft") > 0)
        ret = fg_loss_fft_create(&s->fft, r->patch, r->patch, fg_threads(t->ex),
                                 err);
    s->sums = malloc(sizeof(*s->sums) * 2 * (size_t)r->batch);
    return ret ? ret : s->sums ? 0 : -ENOMEM;
}

static int keyframe_create(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    Keyframe *s = calloc(1, sizeof(*s));
    FgTaps taps;
    int ret;

    if (!s)
        return -ENOMEM;
    t->priv = s;
    s->crops = (FgCrops){.data = &t->train,
                         .patch = r->patch,
                         .augment = r->augment,
                         .flat = fg_recipe_num(r, "flat"),
                         .seed = r->seed};
    ret = make_nets(t, &taps, err);
    return ret ? ret : make_buffers(t, s, &taps, err);
}

/* ---- a step ---- */

static double pixel_losses(FgTrain *t, Keyframe *s, FgStepInfo *info)
{
    const FgRecipe *r = t->recipe;
    const FgLot y = fg_lot_output(&s->gen), g = fg_lot_grad(&s->gen);
    FgTensor to = g.host;
    double sum = fg_lot_l1(2 * fg_recipe_num(r, "pixel"), &y, &s->target, &g, 0,
                           &info->mse);

    fg_step_scalar(info, "Loss/pixel", sum);
    if (s->fft)
        sum += fg_loss_fft(s->fft, fg_recipe_num(r, "fft"), &y.host,
                           &s->target.host, &to, t->ex, s->sums);
    return sum;
}

static int adversary(FgTrain *t, Keyframe *s, FgStepInfo *info)
{
    const FgRecipe *r = t->recipe;
    const FgLot g = fg_lot_grad(&s->gen);
    double adv, feat;
    FgVerdict v = {0};
    int ret = fg_critic_see(&s->critic, &s->target);

    if (!ret)
        ret = fg_critic_judge(&s->critic, &s->gen, fg_recipe_num(r, "gan"),
                              fg_recipe_num(r, "feature"), &g, &adv, &feat);
    if (!ret)
        ret = fg_critic_learn(&s->critic, NULL, 0.5, &v);
    if (ret)
        return ret;
    info->loss += adv + feat;
    fg_step_scalar(info, "Loss/G", adv);
    fg_step_scalar(info, "Loss/feature", feat);
    fg_step_scalar(info, "Loss/D", v.loss);
    fg_step_scalar(info, "D/real", v.real);
    fg_step_scalar(info, "D/fake", v.fake);
    return ret;
}

/* The noisy tape's input: the frame and some noise. */
static int shake(FgTrain *t, Keyframe *s)
{
    const FgRecipe *r = t->recipe;
    const FgLot in = fg_lot_input(&s->noisy);
    int ret;

    fg_noise_normal(&s->noise.host, r->seed, t->step, FG_NOISE_FAMILY + 2);
    ret = fg_lot_put(&s->noise);
    if (!ret)
        ret = fg_lot_copy(&s->shaken, &s->frame);
    if (!ret)
        ret = fg_lot_add(&s->shaken, &s->noise,
                         fg_recipe_num(r, "steady_noise") / 255);
    return ret ? ret : fg_lot_copy(&in, &s->shaken);
}

static int steady(FgTrain *t, Keyframe *s, FgStepInfo *info)
{
    const FgRecipe *r = t->recipe;
    FgLot y, still, g;
    double loss;
    int ret;

    if (!s->noisy.graph)
        return 0;
    ret = shake(t, s);
    if (!ret)
        ret = fg_tape_forward(&s->noisy, 1);
    if (ret)
        return ret;
    y = fg_lot_output(&s->noisy);
    still = fg_lot_output(&s->gen);
    g = fg_lot_grad(&s->noisy);
    loss = fg_lot_l1(2 * fg_recipe_num(r, "steady"), &y, &still, &g, 0, NULL);
    info->loss += loss;
    fg_step_scalar(info, "Loss/steady", loss);
    return fg_tape_backward(&s->noisy, 1);
}

static int keyframe_step(FgTrain *t, double lr, double part, FgStepInfo *info)
{
    Keyframe *s = t->priv;
    const FgLot in = fg_lot_input(&s->gen);
    int ret = fg_batch_fill(s->batch, &s->crops, t->step, &s->frame, &s->target,
                            t->ex);

    (void)part;
    if (!ret)
        ret = fg_lot_copy(&in, &s->frame);
    if (!ret)
        ret = fg_tape_forward(&s->gen, 1);
    if (ret)
        return ret;
    info->loss = pixel_losses(t, s, info);
    ret = adversary(t, s, info);
    fg_net_zero_grads(&t->net[0]);
    if (!ret)
        ret = fg_tape_backward(&s->gen, 1);
    if (!ret)
        ret = steady(t, s, info);
    if (!ret)
        fg_style_step(t, lr, lr, info);
    return ret;
}

/* ---- results ---- */

static int keyframe_export(FgTrain *t, int set, FgModel **m, FgError *err)
{
    return fg_style_export(t, &t->net[0], set, m, err);
}

static int keyframe_validate(FgTrain *t, double *figure, double *ssim,
                             FgError *err)
{
    FgModel *m = NULL;
    FgScorer *s = NULL;
    FgScore one = {0};
    int ret = keyframe_export(t, FG_SET_EMA, &m, err);

    if (!ret)
        ret = fg_scorer_create(&s, m, &t->val, FG_PREC_FP32, t->ex, err);
    if (!ret)
        ret = fg_scorer_run(s, &t->val.pair[0], &one, err);
    *figure = one.psnr;
    *ssim = one.ssim;
    fg_scorer_free(&s);
    fg_model_free(&m);
    return ret;
}

static int keyframe_sample(FgTrain *t, int set, FgPicture *out, FgError *err)
{
    Keyframe *s = t->priv;
    const FgTensor *in[1] = {fg_tape_input(&s->gen)};
    const FgNet *net[1] = {&t->net[0]};

    fg_crops_fill(&s->crops, -1, fg_tape_input(&s->gen), &s->target.host,
                  t->ex);
    return fg_style_sheet(t, set, in, net, 1, &s->target.host, out, err);
}

static void keyframe_close(FgTrain *t)
{
    Keyframe *s = t->priv;

    if (!s)
        return;
    fg_tape_free(&s->gen);
    fg_tape_free(&s->noisy);
    fg_critic_close(&s->critic);
    fg_batch_gpu_free(&s->batch);
    fg_lot_free(&s->frame);
    fg_lot_free(&s->target);
    fg_lot_free(&s->noise);
    fg_lot_free(&s->shaken);
    fg_loss_fft_free(&s->fft);
    free(s->sums);
    free(s);
    t->priv = NULL;
}

const FgFamily fg_family_keyframe = {
    .name = "keyframe",
    .keys = keys,
    .figure = {"val_psnr_y", "val_ssim_y", "%.3f dB", 1},
    .check = keyframe_check,
    .load = keyframe_load,
    .create = keyframe_create,
    .step = keyframe_step,
    .validate = keyframe_validate,
    .export_model = keyframe_export,
    .sample = keyframe_sample,
    .close = keyframe_close,
};
