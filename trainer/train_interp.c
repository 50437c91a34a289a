/* In-between frames: one network, triplets, pixel and flow losses, and if asked
 * for a critic. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/export.h"
#include "trainer/fusion.h"
#include "trainer/interp.h"
#include "trainer/interp_adv.h"
#include "trainer/loss.h"
#include "trainer/moved.h"
#include "trainer/recipe_keys.h"
#include "trainer/score_interp.h"
#include "trainer/tape.h"
#include "trainer/train.h"
#include "trainer/triplets.h"

#define GAP 2 /* frames between those that train and those that validate */
#define FRAMES (&t->extra[0])

typedef struct Interp {
    int fuses; /* kind: fusion */
    FgFusion fusion;
    FgFusionLoss mends;
    FgMoved moved; /* fusion: what it learns from */
    int flow_node[FG_INTERP_LEVELS];
    FgTape tape;
    FgTensor target, flow;
    FgTriplets triplets;
    FgInterpLoss loss;
    double adversarial; /* 0: there is no critic */
    FgInterpCritic critic;
    int64_t *clip_frames; /* of each clip, those that train */
    int *last, *known, charbonnier;
    double *sums;
} Interp;

static const FgKey interp_keys[] = {
    FG_ENUM("kind", "fusion", "fusion|whole",
            "network: mends motion found by arithmetic, or does all of it"),
    FG_LIST("train", 0, "folders of photographs that made-up motions move"),
    FG_LIST("clips", 0, "clips whose frames are learnt from"),
    FG_DOUBLE("clip_share", "0.6", 0.01, 1,
              "first share of each clip that trains; the rest validates"),
    FG_DOUBLE("real", "0.3", 0, 1, "share of triplets from clips"),
    FG_DOUBLE("motion", "24", 0, 200,
              "largest made-up motion between the two frames in pixels"),
    FG_DOUBLE("noise", "0", 0, 1,
              "most noise in made-up frames, standard deviation of 1"),
    FG_ENUM("times", "any", "any|middle", "moments that are learnt"),
    FG_INT("size", "16", 1, 64,
           "width: fusion, channels; whole, sixteenths of the usual"),
    FG_INT("depth", "1", 0, 16, "fusion: convolutions within, of each level"),
    FG_INT("levels", "2", 0, 3, "fusion: halvings, to see far"),
    FG_INT("crops", "4000", 1, 1e6,
           "fusion: crops that are made before and learnt from"),
    FG_LIST("val_clips", 0, "clips that validate, whole"),
    FG_INT("patch", "128", 48, 1024, "side of a crop in pixels, 16 n"),
    FG_INT("batch", "8", 1, 1024, "triplets per step"),
    FG_ENUM("loss", "logarithm", "logarithm|charbonnier",
            "fusion: of each crop's squared error, as PSNR is, or of pixels"),
    FG_DOUBLE("loss_eps", "1e-3", 1e-9, 1, "rounding of the loss's corners"),
    FG_DOUBLE("gradient", "0.5", 0, 100,
              "weight of the loss on differences of neighbours"),
    FG_DOUBLE("flow", "0.01", 0, 100,
              "whole: weight of the loss on known flows, per pixel"),
    FG_DOUBLE("adversarial", "0", 0, 100,
              "weight of a critic of patches, 0 = none; usual 0.01"),
    FG_INT("steps", "60000", 1, 1e9, "optimiser steps"),
    FG_DOUBLE("lr", "6e-4", 0, 10, "peak learning rate"),
    {0},
};

/* ---- pictures ---- */

static int has(const FgRecipe *r, const char *key)
{
    return fg_recipe_list(r, key) > 0;
}

static int interp_check(const FgRecipe *r, const char *path, FgError *err)
{
    if (r->patch % 16)
        return fg_error(err, -EINVAL,
                        "%s: 'patch' is %d, allowed multiples of 16", path,
                        r->patch);
    if (!has(r, "train") && !has(r, "clips"))
        return fg_error(err, -EINVAL,
                        "%s: 'train' or 'clips' is needed: photographs or "
                        "clips to learn from",
                        path);
    return 0;
}

/* The first share trains; after a gap, the rest are unseen shots. */
static int load_clip(FgTrain *t, const char *path, int64_t *frames,
                     FgError *err)
{
    const double share = fg_recipe_num(t->recipe, "clip_share");
    const int64_t nb = fg_clip_count(path, err);
    const int64_t train = (int64_t)(share * (double)nb);
    int ret = 0;

    if (nb < 0)
        return (int)nb;
    if (train < 3)
        return fg_error(err, -ENODATA,
                        "%s: %lld frames, of which 'clip_share' leaves %lld to "
                        "learn from: at least 3 are needed",
                        path, (long long)nb, (long long)train);
    *frames = train;
    if (strcmp(fg_recipe_text(t->recipe, "kind"), "fusion") != 0)
        ret = fg_clip_frames(FRAMES, path, 0, train, err);
    if (ret >= 0 && nb - train - GAP >= 3)
        ret = fg_clip_frames(&t->val, path, train + GAP, 0, err);
    return ret < 0 ? ret : 0;
}

static int interp_load(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    Interp *s = t->priv = calloc(1, sizeof(*s));
    int ret;

    if (s)
        s->clip_frames = calloc((size_t)fg_recipe_list(r, "clips") + 1,
                                sizeof(*s->clip_frames));
    if (!s || !s->clip_frames)
        return fg_error(err, -ENOMEM, "not enough memory");
    ret = fg_train_folders(t, &t->train, "train", 1, 0, err);
    if (!ret)
        ret = fg_train_folders(t, &t->val, "val", 1, r->val_images, err);
    for (int i = 0; i < fg_recipe_list(r, "clips") && !ret; i++) {
        char *path = fg_recipe_path(r, fg_recipe_list_at(r, "clips", i));

        ret = path ? load_clip(t, path, &s->clip_frames[i], err) : -ENOMEM;
        free(path);
    }
    for (int i = 0; i < fg_recipe_list(r, "val_clips") && !ret; i++) {
        char *path = fg_recipe_path(r, fg_recipe_list_at(r, "val_clips", i));

        ret = path ? fg_clip_frames(&t->val, path, 0, 0, err) : -ENOMEM;
        ret = ret < 0 ? ret : 0;
        free(path);
    }
    if (!ret && t->train.nb)
        ret = fg_data_finish(&t->train, 32, t->ex, err);
    if (!ret && FRAMES->nb)
        ret = fg_data_finish(FRAMES, r->patch, t->ex, err);
    if (!ret && t->val.nb)
        ret = fg_data_finish(&t->val, 32, t->ex, err);
    return ret;
}

/* ---- set-up ---- */

static int build(FgTrain *t, Interp *s, FgGraph *g, FgError *err)
{
    const int size = (int)fg_recipe_int(t->recipe, "size");
    const FgInterpNet n = fg_interp_net(size);

    if (s->fuses)
        return fg_fusion_build(g, size, (int)fg_recipe_int(t->recipe, "depth"),
                               (int)fg_recipe_int(t->recipe, "levels"), err);
    return fg_interp_build(g, &n, s->flow_node, err);
}

static int make_net(FgTrain *t, Interp *s, FgError *err)
{
    FgGraph g;
    int ret = build(t, s, &g, err);

    if (!ret)
        ret = fg_net_create(&t->net[0], "g", &g, t->recipe->seed, err);
    if (ret)
        return ret;
    t->nb_nets = 1;
    if (s->fuses)
        fg_fusion_calm(&t->net[0].set[FG_SET_PARAM]);
    else
        fg_interp_calm(&t->net[0].set[FG_SET_PARAM]);
    fg_net_copy_set(&t->net[0], FG_SET_EMA, FG_SET_PARAM);
    t->net[0].optim = t->recipe->optim;
    t->net[0].ema = t->recipe->ema;
    t->net[0].clip = t->recipe->clip;
    return fg_train_warm_start(t, &t->net[0], err);
}

static int make_buffers(FgTrain *t, Interp *s, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgTapeOptions o = {0, s->flow_node, s->fuses ? 0 : FG_INTERP_LEVELS};
    const FgShape rgb = {r->batch, FG_INTERP_RGB_IN, r->patch, r->patch};
    FgShape in = rgb, out = rgb, flow = rgb;
    FgNet *net = &t->net[0];
    int ret;

    in.c = s->fuses ? FG_INTERP_IN : FG_INTERP_RGB_IN;
    out.c = 3;
    flow.c = 4;
    ret = fg_tape_create_with(&s->tape, &net->graph, &net->set[FG_SET_PARAM],
                              &net->grads, in, &o, t->ex, err);
    if (!ret && r->bf16)
        s->tape.fast = FG_FAST_16BIT;
    if (!ret && s->fuses)
        ret = fg_fusion_create(&s->fusion, r->batch, r->patch, err);
    if (ret)
        return ret;
    s->known = calloc((size_t)r->batch, sizeof(*s->known));
    s->sums = calloc(2 * (size_t)r->batch, sizeof(*s->sums));
    s->last = calloc((size_t)FRAMES->nb + 1, sizeof(*s->last));
    if (!s->known || !s->sums || !s->last ||
        fg_tensor_alloc(&s->target, out, FG_F32) ||
        fg_tensor_alloc(&s->flow, flow, FG_F32))
        return fg_error(err, -ENOMEM, "not enough memory for a batch");
    return 0;
}

/* A clip's part of the crops goes by the root of its length, so that a long one
 * does not crowd out the others. */
static int move_clips(FgTrain *t, Interp *s, int nb, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const int clips = fg_recipe_list(r, "clips");
    double sum = 0;
    int ret = 0;

    for (int i = 0; i < clips; i++)
        sum += sqrt((double)s->clip_frames[i]);
    for (int i = 0; i < clips && !ret; i++) {
        const double part = sqrt((double)s->clip_frames[i]) / sum;
        char *path = fg_recipe_path(r, fg_recipe_list_at(r, "clips", i));
        const FgMovedClip c = {path, s->clip_frames[i], (int)(nb * part + 0.5),
                               s->triplets.middle, r->seed};

        ret = path ? fg_moved_clip(&s->moved, &c, t->ex, err) : -ENOMEM;
        free(path);
    }
    return ret;
}

/* Photographs make up for what the clips do not give. */
static int move_all(FgTrain *t, Interp *s, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const int nb = (int)fg_recipe_int(r, "crops");
    const int real = !has(r, "clips") ? 0
                     : t->train.nb    ? (int)(fg_recipe_num(r, "real") * nb)
                                      : nb;
    int ret = fg_moved_alloc(&s->moved, nb, r->patch, err);

    if (!ret && real)
        ret = move_clips(t, s, real, err);
    if (!ret && t->train.nb)
        ret = fg_moved_photos(&s->moved, &s->triplets, nb - s->moved.nb, t->ex,
                              err);
    if (!ret && !s->moved.nb)
        ret = fg_error(err, -ENODATA,
                       "the clips have no frames between frames, or none as "
                       "large as 'patch'");
    return ret;
}

static int interp_create(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    Interp *s = t->priv;
    int ret;

    s->fuses = !strcmp(fg_recipe_text(r, "kind"), "fusion");
    ret = make_net(t, s, err);
    if (!ret)
        ret = make_buffers(t, s, err);
    if (ret)
        return ret;
    fg_clip_shots(FRAMES, s->last);
    s->triplets = (FgTriplets){&t->train,
                               FRAMES,
                               s->last,
                               fg_recipe_num(r, "real"),
                               fg_recipe_num(r, "motion"),
                               fg_recipe_num(r, "noise"),
                               !strcmp(fg_recipe_text(r, "times"), "middle"),
                               r->seed};
    s->loss = (FgInterpLoss){fg_recipe_num(r, "loss_eps"),
                             fg_recipe_num(r, "gradient"),
                             fg_recipe_num(r, "flow")};
    s->charbonnier = fg_loss_find("charbonnier");
    s->mends = (FgFusionLoss){!strcmp(fg_recipe_text(r, "loss"), "logarithm"),
                              s->loss.eps, s->loss.gradient};
    if (s->fuses && (ret = move_all(t, s, err)))
        return ret;
    s->adversarial = fg_recipe_num(r, "adversarial");
    return s->adversarial > 0
               ? fg_interp_critic_open(&s->critic, t, s->fuses ? 1 : 3, err)
               : 0;
}

/* ---- a step ---- */

/* Value and seeds of all terms; flows matter less as training goes on. */
static double losses(FgTrain *t, Interp *s, double part, FgStepInfo *info)
{
    FgTensor *y = fg_tape_output(&s->tape), *g = fg_tape_output_grad(&s->tape);
    const double fade = s->loss.flow * (1 - 0.9 * part) / FG_INTERP_LEVELS;
    double pixel, edges = 0, flow = 0;

    pixel = fg_loss_pixel(s->charbonnier, s->loss.eps, y, &s->target, g, t->ex,
                          s->sums, &info->mse);
    if (s->loss.gradient > 0)
        edges = fg_interp_gradient_loss(s->loss.gradient, s->loss.eps, y,
                                        &s->target, g, t->ex, s->sums);
    for (int k = 0; k < FG_INTERP_LEVELS && fade > 0; k++)
        flow += fg_interp_flow_loss(
            fade, &s->tape.val[s->flow_node[k]], &s->flow, s->known,
            fg_tape_seed(&s->tape, s->flow_node[k]), t->ex, s->sums);
    fg_step_scalar(info, "Loss/pixel", pixel);
    fg_step_scalar(info, "Loss/gradient", edges);
    fg_step_scalar(info, "Loss/flow", flow);
    return pixel + edges + flow;
}

/* The batch into the tape's input and the targets. */
static void next_batch(FgTrain *t, Interp *s)
{
    FgTensor *in = fg_tape_input(&s->tape);

    if (s->fuses)
        fg_moved_fill(&s->moved, t->recipe->seed, t->step, in, &s->fusion.want,
                      s->fusion.scale, t->ex);
    else
        fg_triplets_fill(&s->triplets, t->step, in, &s->target, &s->flow,
                         s->known, t->ex);
}

/* The critic's say on what was made, laid on top of the other losses. */
static int argue(FgTrain *t, Interp *s, double lr, FgStepInfo *info)
{
    FgTensor *out = fg_tape_output(&s->tape);
    FgTensor *g = fg_tape_output_grad(&s->tape);
    int ret;

    if (!s->fuses) {
        fg_tensor_copy(&s->critic.made, out);
        return fg_interp_critic_step(&s->critic, t, &s->target, lr,
                                     s->adversarial, g, info);
    }
    fg_fusion_result(&s->fusion, &s->critic.made);
    ret = fg_interp_critic_step(&s->critic, t, &s->fusion.want, lr,
                                s->adversarial, &s->fusion.slope, info);
    if (!ret)
        fg_fusion_back(&s->fusion, fg_tape_input(&s->tape), out, g);
    return ret;
}

static int interp_step(FgTrain *t, double lr, double part, FgStepInfo *info)
{
    Interp *s = t->priv;
    FgNet *net = &t->net[0];
    double norm;
    int ret;

    next_batch(t, s);
    ret = fg_tape_forward(&s->tape, 1);
    if (ret)
        return ret;
    fg_net_zero_grads(net);
    if (s->fuses)
        info->loss = fg_fusion_loss(
            &s->fusion, fg_tape_input(&s->tape), fg_tape_output(&s->tape),
            &s->mends, fg_tape_output_grad(&s->tape), &info->mse, t->ex);
    else
        info->loss = losses(t, s, part, info);
    if (s->adversarial > 0)
        ret = argue(t, s, lr, info);
    if (!ret)
        ret = fg_tape_backward(&s->tape, 1);
    if (ret)
        return ret;
    norm = fg_net_grad_norm(net);
    info->bad |= !isfinite(info->loss) || !isfinite(norm);
    if (!info->bad)
        fg_net_step(net, lr, norm);
    return 0;
}

/* ---- results ---- */

static int interp_export(FgTrain *t, int set, FgModel **m, FgError *err)
{
    int ret = fg_export_model(t, &t->net[0], set, m, err);
    char motion[64];

    if (ret)
        return ret;
    (*m)->task = FG_TASK_INTERP;
    (*m)->luma = !strcmp(fg_recipe_text(t->recipe, "kind"), "fusion");
    snprintf(motion, sizeof(motion), "%g", fg_recipe_num(t->recipe, "motion"));
    ret = fg_model_set_meta(*m, "ffgan.motion", motion);
    if (ret)
        fg_model_free(m);
    return ret;
}

static int interp_validate(FgTrain *t, double *figure, double *ssim,
                           FgError *err)
{
    FgModel *m = NULL;
    FgInterpScore score;
    int ret = interp_export(t, FG_SET_EMA, &m, err);

    if (!ret)
        ret = fg_interp_score(m, &t->val, t->recipe->val_images,
                              fg_recipe_num(t->recipe, "motion"), t->ex, &score,
                              err);
    if (!ret) {
        *figure = score.net.psnr;
        *ssim = score.net.ssim;
    }
    fg_model_free(&m);
    return ret;
}

static void interp_close(FgTrain *t)
{
    Interp *s = t->priv;

    if (!s)
        return;
    fg_tape_free(&s->tape);
    fg_interp_critic_free(&s->critic);
    fg_fusion_free(&s->fusion);
    fg_moved_free(&s->moved);
    fg_tensor_free(&s->target);
    fg_tensor_free(&s->flow);
    free(s->known);
    free(s->clip_frames);
    free(s->last);
    free(s->sums);
    free(s);
    t->priv = NULL;
}

const FgFamily fg_family_interp = {
    .name = "interp",
    .keys = interp_keys,
    .figure = {"val_psnr_y", "val_ssim_y", "%.3f dB", 1},
    .check = interp_check,
    .load = interp_load,
    .create = interp_create,
    .step = interp_step,
    .validate = interp_validate,
    .export_model = interp_export,
    .close = interp_close,
};
