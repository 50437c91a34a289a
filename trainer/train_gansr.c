/* Super-resolution against a critic: the L1 network, made to look right.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pixel * L1 + fft + msssim + focal + ldl + colour (L1 of 8x8 means)
 *   + gan * adversarial + feature * distance of the critic's activations.
 * The critic is a U-Net with spectral norm (arXiv:2107.10833) and learns on the
 * same pictures, before the generator's step. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/op.h"
#include "trainer/batch_gpu.h"
#include "trainer/degrade.h"
#include "trainer/export.h"
#include "trainer/loss.h"
#include "trainer/loss_image.h"
#include "trainer/loss_lot.h"
#include "trainer/recipe_keys.h"
#include "trainer/score.h"
#include "trainer/style.h"
#include "trainer/sliced.h"

typedef struct GanSr {
    FgTape gen, average; /* the averaged weights, for LDL */
    FgCritic critic;
    FgLot target;
    FgTensor part; /* a loss's own gradient */
    FgCrops crops;
    FgBatchGpu *batch; /* NULL: crops are the host's */
    int there; /* on a GPU, the target, what is made and its gradient stay */
    FgDegrade degrade;
    FgLossFft *fft;
    FgLossMsssim *msssim;
    FgLossFocal *focal;
    double *sums, *map;
    int loss;
} GanSr;

static const FgKey keys[] = {
    FG_SR_NET_KEYS,
    FG_FLAT_KEY,
    FG_ENUM("loss", "l1", "l1|mse|charbonnier", "pixel loss"),
    FG_DOUBLE("loss_eps", "1e-3", 1e-9, 1, "rounding of the charbonnier loss"),
    FG_DOUBLE("pixel", "1", 0, 1000, "weight of the pixel loss"),
    FG_DOUBLE("colour_loss", "1", 0, 1000, "weight of L1 on means of 8x8"),
    FG_DOUBLE("fft", "0", 0, 100, "weight of L1 on the 2-D FFT"),
    FG_DOUBLE("msssim", "0", 0, 1000, "weight of 1 - MS-SSIM"),
    FG_DOUBLE("focal", "0", 0, 1000, "weight of the focal frequency loss"),
    FG_DOUBLE("focal_alpha", "1", 0, 8, "exponent of its weights"),
    FG_DOUBLE("ldl", "0", 0, 1000, "weight of the loss against artefacts"),
    FG_DOUBLE("gan", "0.01", 0, 1000, "weight of the adversarial loss"),
    FG_DOUBLE("feature", "1", 0, 1000, "weight of feature matching"),
    FG_ENUM("adversarial", "relativistic", FG_CRITIC_CHOICES, "critic's loss"),
    FG_INT("critic_features", "16", 1, 256, "channels of the critic's first"),
    FG_DOUBLE("critic_gain", "30", 0.01, 1000,
              "what multiplies the critic's outputs: spectral norm makes them "
              "small, and short runs too slow"),
    FG_DOUBLE("critic_lr", "2", 0, 100, "critic's learning rate, times lr"),
    FG_INT("gan_from", "0", 0, 1e9,
           "step at which the generator begins to see the critic"),
    FG_DEGRADE_KEYS,
    FG_INT("patch", "32", 8, 512,
           "side of a crop in input pixels; times scale "
           "a multiple of 8"),
    FG_INT("batch", "8", 1, 1024, "crops per step"),
    FG_DOUBLE("lr", "1e-4", 0, 10, "peak learning rate"),
    FG_DOUBLE("beta2", "0.99", 0, 0.999999, "decay of the second moment"),
    FG_INT("warmup", "0", 0, 1e9, "steps of linear warm-up"),
    {0},
};

static int gansr_check(const FgRecipe *r, const char *path, FgError *err)
{
    const int side = r->patch * r->net.scale;
    FgDegrade d;

    if (side % 8)
        return fg_error(err, -EINVAL,
                        "%s: 'patch' times 'scale' is %d, allowed multiples of "
                        "8",
                        path, side);
    if (fg_recipe_num(r, "msssim") > 0 && side < 11)
        return fg_error(err, -EINVAL,
                        "%s: 'patch' times 'scale' is %d, allowed from 11 with "
                        "'msssim'",
                        path, side);
    return fg_degrade_read(&d, r, path, err);
}

/* ---- set-up ---- */

static int make_nets(FgTrain *t, FgTaps *taps, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgNetSpec d = {.channels = r->net.channels_in,
                         .features = (int)fg_recipe_int(r, "critic_features"),
                         .norm = "none",
                         .gain = (float)fg_recipe_num(r, "critic_gain")};
    FgGraph graph;
    int ret = fg_recipe_graph(r, &graph, err);

    if (!ret)
        ret = fg_style_net(t, "g", &graph, "he", err);
    if (!ret)
        ret = fg_train_warm_start(t, &t->net[0], err);
    if (!ret)
        ret = fg_build_unet_critic(&graph, &d, taps, err);
    return ret ? ret : fg_style_net(t, "d", &graph, "he", err);
}

static int make_tapes(FgTrain *t, GanSr *s, const FgTaps *taps, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const int side = r->patch * r->net.scale;
    const FgShape in = {r->batch, r->net.channels_in, r->patch, r->patch};
    const FgShape out = {r->batch, r->net.channels_in, side, side};
    FgNet *g = &t->net[0];
    int ret = fg_tape_create(&s->gen, &g->graph, &g->set[FG_SET_PARAM],
                             &g->grads, in, 0, t->ex, err);

    if (!ret && fg_recipe_num(r, "ldl") > 0)
        ret = fg_tape_create(&s->average, &g->graph, &g->set[FG_SET_EMA], NULL,
                             in, 0, t->ex, err);
    if (!ret && r->bf16)
        s->gen.fast = FG_FAST_16BIT;
    if (!ret)
        ret = fg_critic_open(&s->critic, t, &t->net[1], taps, out,
                             fg_recipe_text(r, "adversarial"), "conv0,conv9",
                             err);
    if (!ret)
        ret = fg_lot_create(&s->target, out, t->ex, s->there, err);
    if (!ret)
        ret = fg_tensor_alloc(&s->part, out, FG_F32);
    return ret;
}

/* Losses of more than pixels are the host's. */
static int is_there(const FgRecipe *r)
{
    return !(fg_recipe_num(r, "fft") > 0 || fg_recipe_num(r, "msssim") > 0 ||
             fg_recipe_num(r, "focal") > 0 || fg_recipe_num(r, "ldl") > 0);
}

/* Small pictures that are spoilt come from the host. */
static int stay_there(GanSr *s, FgError *err)
{
    const int kept = FG_KEEP_OUTPUT | FG_KEEP_GRADIENT;
    const FgTape *gen = &s->gen;
    FgLot in;
    int ret;

    if (!s->there || !gen->gpu)
        return 0;
    fg_tape_keep(&s->gen, kept | FG_KEEP_INPUT);
    in = fg_lot_input(&s->gen);
    ret = fg_batch_gpu_create_lots(
        &s->batch, &s->crops, s->degrade.none ? &in : NULL, &s->target, err);
    if (!s->batch || !s->degrade.none)
        fg_tape_keep(&s->gen, kept);
    return ret;
}

static int make_losses(FgTrain *t, GanSr *s, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const int side = r->patch * r->net.scale, threads = fg_threads(t->ex);
    const size_t n = (size_t)r->batch;
    int ret = 0;

    s->loss = fg_loss_find(fg_recipe_text(r, "loss"));
    if (fg_recipe_num(r, "fft") > 0)
        ret = fg_loss_fft_create(&s->fft, side, side, threads, err);
    if (!ret && fg_recipe_num(r, "msssim") > 0)
        ret = fg_loss_msssim_create(&s->msssim, side, side, threads, err);
    if (!ret && fg_recipe_num(r, "focal") > 0)
        ret = fg_loss_focal_create(&s->focal, side, side,
                                   fg_recipe_num(r, "focal_alpha"), threads,
                                   err);
    s->sums = malloc(sizeof(*s->sums) * 2 * n);
    s->map = malloc(sizeof(*s->map) * 2 * n * (size_t)side * side);
    return ret ? ret : s->sums && s->map ? 0 : -ENOMEM;
}

static int gansr_create(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    GanSr *s = calloc(1, sizeof(*s));
    FgTaps taps;
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
    s->there = is_there(r);
    ret = fg_degrade_read(&s->degrade, r, "recipe", err);
    if (!ret)
        ret = make_nets(t, &taps, err);
    if (!ret)
        ret = make_tapes(t, s, &taps, err);
    if (!ret)
        ret = stay_there(s, err);
    return ret ? ret : make_losses(t, s, err);
}

/* ---- a step ---- */

/* Starts the gradient at y. */
static double pixel_losses(FgTrain *t, GanSr *s, FgStepInfo *info)
{
    const FgRecipe *r = t->recipe;
    const FgLot y = fg_lot_output(&s->gen), g = fg_lot_grad(&s->gen);
    const FgPixelLoss l = {s->loss,
                           fg_recipe_num(r, "loss_eps"),
                           fg_recipe_num(r, "pixel"),
                           &s->part,
                           t->ex,
                           s->sums};
    double sum = fg_lot_pixel(&l, &y, &s->target, &g, &info->mse);

    fg_step_scalar(info, "Loss/pixel", sum);
    if (fg_recipe_num(r, "colour_loss") > 0)
        sum += fg_lot_l1_coarse(fg_recipe_num(r, "colour_loss"), &y, &s->target,
                                &g);
    return sum;
}

static double texture_losses(FgTrain *t, GanSr *s, FgStepInfo *info)
{
    const FgRecipe *r = t->recipe;
    FgTensor *y = fg_tape_output(&s->gen), *g = fg_tape_output_grad(&s->gen);
    const FgTensor *want = &s->target.host;
    double sum = 0, v;

    if (s->fft)
        sum += fg_loss_fft(s->fft, fg_recipe_num(r, "fft"), y, want, g, t->ex,
                           s->sums);
    if (s->msssim) {
        v = fg_loss_msssim(s->msssim, fg_recipe_num(r, "msssim"), y, want, g,
                           t->ex, s->sums);
        fg_step_scalar(info, "Loss/msssim", v);
        sum += v;
    }
    if (s->focal) {
        v = fg_loss_focal(s->focal, fg_recipe_num(r, "focal"), y, want, g,
                          t->ex, s->sums);
        fg_step_scalar(info, "Loss/focal", v);
        sum += v;
    }
    if (s->average.graph) {
        v = fg_loss_ldl(fg_recipe_num(r, "ldl"), y, want,
                        fg_tape_output(&s->average), g, s->map, t->ex, s->sums);
        fg_step_scalar(info, "Loss/ldl", v);
        sum += v;
    }
    return sum;
}

static int forward(FgTrain *t, GanSr *s)
{
    int ret = 0;

    if (!s->batch || !s->degrade.none)
        ret = fg_degrade_fill(&s->degrade, &s->crops, t->step,
                              fg_tape_input(&s->gen), &s->target.host, t->ex,
                              NULL);
    if (!ret)
        ret = s->batch ? fg_batch_gpu_fill(s->batch, t->step)
                       : fg_lot_put(&s->target);
    if (!ret)
        ret = fg_tape_forward(&s->gen, 1);
    if (!ret && s->average.graph) {
        fg_tensor_copy(fg_tape_input(&s->average), fg_tape_input(&s->gen));
        ret = fg_tape_forward(&s->average, 0);
    }
    return ret ? ret : fg_critic_see(&s->critic, &s->target);
}

static int adversary(FgTrain *t, GanSr *s, FgStepInfo *info)
{
    const FgRecipe *r = t->recipe;
    const int on = t->step >= fg_recipe_int(r, "gan_from");
    const FgLot g = fg_lot_grad(&s->gen);
    double adv, feat;
    FgVerdict v = {0};
    int ret;

    ret = fg_critic_judge(&s->critic, &s->gen, fg_recipe_num(r, "gan"),
                          fg_recipe_num(r, "feature"), on ? &g : NULL, &adv,
                          &feat);
    if (ret)
        return ret;
    if (on)
        info->loss += adv + feat;
    fg_step_scalar(info, "Loss/G", adv);
    fg_step_scalar(info, "Loss/feature", feat);
    ret = fg_critic_learn(&s->critic, NULL, 1, &v);
    fg_step_scalar(info, "Loss/D", v.loss);
    fg_step_scalar(info, "D/real", v.real);
    fg_step_scalar(info, "D/fake", v.fake);
    return ret;
}

static int gansr_step(FgTrain *t, double lr, double part, FgStepInfo *info)
{
    GanSr *s = t->priv;
    int ret = forward(t, s);

    (void)part;
    if (ret)
        return ret;
    info->loss = pixel_losses(t, s, info) + texture_losses(t, s, info);
    ret = adversary(t, s, info);
    if (ret)
        return ret;
    fg_net_zero_grads(&t->net[0]);
    ret = fg_tape_backward(&s->gen, 1);
    if (!ret)
        fg_style_step(t, lr, lr * fg_recipe_num(t->recipe, "critic_lr"), info);
    return ret;
}

/* ---- results ---- */

static int gansr_export(FgTrain *t, int set, FgModel **m, FgError *err)
{
    return fg_export_model(t, &t->net[0], set, m, err);
}

/* PSNR prefers blur, so the texture's distance chooses; PSNR is told. */
static int gansr_validate(FgTrain *t, double *figure, double *psnr,
                          FgError *err)
{
    double sum = 0, db = 0;
    FgModel *m = NULL;
    FgScorer *s = NULL;
    int ret = gansr_export(t, FG_SET_EMA, &m, err);

    if (!ret)
        ret = fg_scorer_create(&s, m, &t->val, FG_PREC_FP32, t->ex, err);
    for (int i = 0; i < t->val.nb && !ret; i++) {
        const FgPair *p = &t->val.pair[i];
        FgScore one;
        double d;

        ret = fg_scorer_run(s, p, &one, err);
        if (ret)
            break;
        db += one.psnr;
        d = fg_sliced_distance(fg_scorer_luma(s, 0), fg_scorer_luma(s, 1),
                               p->hr.w, p->hr.h);
        sum += d;
        if (d < 0)
            ret = fg_error(err, -EINVAL,
                           "%s: too small to be judged, allowed from 32 x 32",
                           p->name);
    }
    *figure = -sum / t->val.nb;
    *psnr = db / t->val.nb;
    fg_scorer_free(&s);
    fg_model_free(&m);
    return ret;
}

/* Small pictures, the network's, and the real ones. */
static int gansr_sample(FgTrain *t, int set, FgPicture *out, FgError *err)
{
    GanSr *s = t->priv;
    const FgTensor *in[1] = {fg_tape_input(&s->gen)};
    const FgNet *net[1] = {&t->net[0]};
    int ret = fg_degrade_fill(&s->degrade, &s->crops, -1,
                              fg_tape_input(&s->gen), &s->target.host, t->ex,
                              err);

    return ret ? ret
               : fg_style_sheet(t, set, in, net, 1, &s->target.host, out, err);
}

static void gansr_close(FgTrain *t)
{
    GanSr *s = t->priv;

    if (!s)
        return;
    fg_tape_free(&s->gen);
    fg_tape_free(&s->average);
    fg_critic_close(&s->critic);
    fg_batch_gpu_free(&s->batch);
    fg_lot_free(&s->target);
    fg_tensor_free(&s->part);
    fg_loss_fft_free(&s->fft);
    fg_loss_msssim_free(&s->msssim);
    fg_loss_focal_free(&s->focal);
    free(s->sums);
    free(s->map);
    free(s);
    t->priv = NULL;
}

const FgFamily fg_family_gan_sr = {
    .name = "gan-sr",
    .keys = keys,
    .figure = {"val_texture", "val_psnr_y", "texture %.3f", -1},
    .check = gansr_check,
    .create = gansr_create,
    .step = gansr_step,
    .validate = gansr_validate,
    .export_model = gansr_export,
    .sample = gansr_sample,
    .close = gansr_close,
};
