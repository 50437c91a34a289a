/* Effect frames from one plate: WGAN-GP at one size after another.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Nets 0 .. S-1 are the stages, then the tail and the critic. What a stop must
 * not lose is in FgTrain.state: the stage at work and the noise amplitudes. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/loss_adv.h"
#include "trainer/loss_lot.h"
#include "trainer/loss_tape.h"
#include "trainer/penalty.h"
#include "trainer/noise.h"
#include "trainer/plate_chain.h"
#include "trainer/plate_data.h"
#include "trainer/recipe_keys.h"
#include "trainer/train.h"

#define LATE 0.8 /* share of a stage after which the rate is a tenth */

typedef struct Plate {
    FgPlate shared;
    FgPlateChain chain;
    FgTape pair;   /* critic: real, made */
    FgTape single; /* critic: made, or a mix, with its input's gradient */
    FgPenalty penalty;
    FgLot real, mixed; /* the frame of a step; work */
} Plate;

static const FgKey plate_keys[] = {
    FG_LIST("train", 1,
            "a picture, folder or clip; or procedural:fire|smoke|clouds"),
    FG_INT("frames", "1", 1, FG_PLATE_FRAMES, "pictures taken at most"),
    FG_ENUM("alpha", "none", "none|luma|own",
            "transparency: none, from brightness, or the plate's own"),
    FG_INT("side", "160", 16, 1024, "larger side of the last stage in pixels"),
    FG_INT("min_side", "24", 11, 256, "smaller side of the first in pixels"),
    FG_INT("stages", "6", 1, FG_MAX_STAGES, "sizes of the pyramid"),
    FG_INT("features", "32", 1, 256, "channels of generator and critic"),
    FG_INT("layers", "3", 1, 16, "convolutions of a stage"),
    FG_INT("noise", "4", 1, 64, "channels of noise of a stage"),
    FG_INT("together", "3", 1, FG_MAX_STAGES, "last stages trained at once"),
    FG_DOUBLE("stage_lr", "0.1", 0, 1,
              "rate of each stage before the last, of the one after it"),
    FG_DOUBLE("noise_amp", "0.1", 0, 10,
              "noise of later stages, of the error they repair"),
    FG_DOUBLE("reconstruct", "10", 0, 1e6,
              "weight of the error at fixed noise"),
    FG_DOUBLE("gp", "0.1", 0, 1e6, "weight of the gradient penalty"),
    FG_ENUM("gp_norm", "pixel", "pixel|sample",
            "what its gradient's length is taken over"),
    FG_ENUM("edges", "zero", "zero|replicate|circular",
            "what lies beyond the plate's edges; circular: it tiles"),
    FG_DOUBLE("minutes", "10", 0, 1e6,
              "time budget in minutes, shared among the stages by their sides; "
              "0 = steps, shared evenly"),
    FG_DOUBLE("lr", "5e-4", 0, 10, "learning rate of the last stage"),
    FG_DOUBLE("lr_min", "5e-5", 0, 10, "learning rate at the end"),
    FG_ENUM("schedule", "constant", "cosine|linear|step|constant",
            "learning rate over the run, beside each stage's own"),
    FG_INT("warmup", "0", 0, 1e9, "steps of linear warm-up"),
    FG_DOUBLE("beta1", "0.5", 0, 0.999999, "decay of the first moment"),
    FG_DOUBLE("beta2", "0.999", 0, 0.999999, "decay of the second moment"),
    FG_DOUBLE("ema", "0.99", 0, 0.9999999, "decay of the averaged weights"),
    FG_INT("val_every", "500", 1, 1e9, "steps between weights files"),
    {0},
};

/* ---- set-up ---- */

static FgNet *critic_of(FgTrain *t)
{
    return &t->net[t->nb_nets - 1];
}

static float *amplitudes(FgTrain *t)
{
    return fg_params_find(&t->state, "amp")->data;
}

/* -1 before the first step. */
static float *stage_at(FgTrain *t)
{
    return fg_params_find(&t->state, "stage")->data;
}

static int add_net(FgTrain *t, const char *name, FgGraph *g, FgError *err)
{
    FgNet *net = &t->net[t->nb_nets];
    const int ret = fg_net_create(net, name, g, t->recipe->seed, err);

    if (ret)
        return ret;
    t->nb_nets++;
    net->optim = t->recipe->optim;
    net->ema = t->recipe->ema;
    net->clip = t->recipe->clip;
    return 0;
}

static int make_nets(FgTrain *t, Plate *p, FgError *err)
{
    static const char *const names[FG_MAX_STAGES] = {
        "s0", "s1", "s2",  "s3",  "s4",  "s5",  "s6",  "s7",
        "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15"};
    const FgPlateNet *n = &p->shared.net;
    const int nb = p->shared.pyramid.nb_stages;
    const int one = 1;
    FgGraph g;
    int ret = 0;

    for (int k = 0; k < nb && !ret; k++) {
        ret = fg_plate_stage(&g, n, k, err);
        if (!ret)
            ret = add_net(t, names[k], &g, err);
    }
    if (!ret)
        ret = fg_plate_tail(&g, n, err);
    if (!ret)
        ret = add_net(t, "tail", &g, err);
    if (!ret)
        ret = fg_plate_critic(&g, n, err);
    if (!ret)
        ret = add_net(t, "d", &g, err);
    if (!ret && (!fg_params_add(&t->state, "stage", 1, &one) ||
                 !fg_params_add(&t->state, "amp", 1, &nb)))
        ret = fg_error(err, -ENOMEM, "not enough memory");
    if (!ret)
        *stage_at(t) = -1;
    return ret;
}

static int plate_create(FgTrain *t, FgError *err)
{
    Plate *p = calloc(1, sizeof(*p));
    int ret;

    t->priv = p;
    if (!p)
        return fg_error(err, -ENOMEM, "not enough memory");
    p->chain.at = -1;
    ret = fg_plate_open(&p->shared, t, err);
    return ret ? ret : make_nets(t, p, err);
}

static void critic_free(Plate *p)
{
    fg_penalty_free(&p->penalty); /* looks at its tape */
    fg_lot_free(&p->real);
    fg_lot_free(&p->mixed);
    fg_tape_free(&p->pair);
    fg_tape_free(&p->single);
}

static void plate_close(FgTrain *t)
{
    Plate *p = t->priv;

    if (!p)
        return;
    critic_free(p);
    fg_plate_chain_free(&p->chain);
    fg_plate_close(&p->shared);
    free(p);
    t->priv = NULL;
}

/* ---- growing ---- */

/* Share of the run that stage k gets, unscaled. */
static double weight_of(const FgTrain *t, const FgPyramid *q, int k)
{
    return t->recipe->minutes > 0 ? sqrt((double)q->size[k][0] * q->size[k][1])
                                  : 1;
}

/* The stage at this share of the run; *inside = how far through it, 0..1. */
static int stage_of(const FgTrain *t, const FgPyramid *q, double part,
                    double *inside)
{
    double all = 0, sum = 0;

    for (int k = 0; k < q->nb_stages; k++)
        all += weight_of(t, q, k);
    for (int k = 0; k < q->nb_stages; k++) {
        const double w = weight_of(t, q, k) / all;

        if (part < sum + w || k == q->nb_stages - 1) {
            *inside = (part - sum) / w;
            return k;
        }
        sum += w;
    }
    return 0;
}

static int critic_tapes(FgTrain *t, Plate *p, int k, FgError *err)
{
    FgNet *d = critic_of(t);
    FgShape s = p->shared.pyramid.real[k].shape;
    int ret;

    critic_free(p);
    s.n = 2;
    ret = fg_tape_create(&p->pair, &d->graph, &d->set[FG_SET_PARAM], &d->grads,
                         s, 0, t->ex, err);
    s.n = 1;
    if (!ret)
        ret = fg_tape_create(&p->single, &d->graph, &d->set[FG_SET_PARAM],
                             &d->grads, s, 1, t->ex, err);
    if (!ret)
        ret = fg_penalty_create(&p->penalty, &p->single, err);
    if (!ret)
        ret = fg_lot_create(&p->real, s, t->ex, 1, err);
    if (!ret)
        ret = fg_lot_create(&p->mixed, s, t->ex, 1, err);
    return ret;
}

/* On a GPU pictures and their gradients stay there; between stages, which are
 * of different sizes, the host goes. */
static void stay_there(Plate *p)
{
    const int kept = FG_KEEP_OUTPUT | FG_KEEP_GRADIENT;
    const int all = kept | FG_KEEP_INPUT | FG_KEEP_SLOPE;

    fg_tape_keep(&p->chain.stage[p->chain.at], kept);
    fg_tape_keep(&p->chain.tail, all);
    fg_tape_keep(&p->pair, all);
    fg_tape_keep(&p->single, all);
}

/* Tapes for stage k: after a start, a resumption or a rollback as well. */
static int open_stage(FgTrain *t, Plate *p, int k, FgError *err)
{
    int ret = fg_plate_chain_open(&p->chain, t, FG_SET_PARAM, k,
                                  (int)fg_recipe_int(t->recipe, "together"),
                                  err);

    if (!ret)
        ret = critic_tapes(t, p, k, err);
    if (!ret)
        stay_there(p);
    return ret;
}

/* Root of the mean squared error at the fixed noise, over all frames. */
static int reconstruction_error(FgTrain *t, Plate *p, int k, double *rmse)
{
    const FgPyramid *q = &p->shared.pyramid;
    const FgLot y = fg_lot_output(&p->chain.tail);
    double sum = 0, mse = 0;
    int ret = 0;

    for (int f = 0; f < q->nb_frames && !ret; f++) {
        const FgTensor real = fg_tensor_images(&q->real[k], f, 1);
        const FgLot frame = fg_lot_host(&real);

        ret = fg_plate_chain_forward(&p->chain, t, amplitudes(t), f, 0, 0);
        if (!ret)
            ret = fg_lot_copy(&p->real, &frame);
        fg_lot_mse(1, &y, &p->real, &p->mixed, &mse);
        sum += mse;
    }
    *rmse = sqrt(sum / q->nb_frames);
    return ret;
}

/* A new stage begins as a copy of the one before and stands on averages that
 * are the weights themselves. */
static int grow(FgTrain *t, Plate *p, int k, FgError *err)
{
    double rmse = 10 * fg_recipe_num(t->recipe, "noise_amp");
    int ret;

    if (k > 0)
        fg_plate_inherit(&t->net[k], &t->net[k - 1]);
    for (int i = 0; i < t->nb_nets; i++)
        fg_net_copy_set(&t->net[i], FG_SET_EMA, FG_SET_PARAM);
    ret = open_stage(t, p, k, err);
    amplitudes(t)[k] = 0;
    if (!ret)
        ret = reconstruction_error(t, p, k, &rmse);
    *stage_at(t) = (float)k;
    amplitudes(t)[k] = k ? (float)(fg_recipe_num(t->recipe, "noise_amp") * rmse)
                         : 1;
    return ret;
}

/* ---- a step ---- */

/* share of real, the rest made, into the single critic's input. */
static int mix(Plate *p, const FgLot *made, double share)
{
    const float s = (float)share;
    const FgLot in = fg_lot_input(&p->single);
    int ret = fg_lot_fill(&p->mixed, 0);

    if (!ret)
        ret = fg_lot_add(&p->mixed, &p->real, s);
    if (!ret)
        ret = fg_lot_add(&p->mixed, made, 1 - s);
    return ret ? ret : fg_lot_copy(&in, &p->mixed);
}

static int finite_step(FgNet *net, double lr, FgStepInfo *info)
{
    const double norm = fg_net_grad_norm(net);

    if (!isfinite(norm))
        info->bad = 1;
    if (!info->bad)
        fg_net_step(net, lr, norm);
    return info->bad;
}

static FgPenaltyKind norm_of(const FgRecipe *r)
{
    return strcmp(fg_recipe_text(r, "gp_norm"), "pixel") ? FG_PENALTY_SAMPLE
                                                         : FG_PENALTY_PIXEL;
}

/* D(made) - D(real), and its gradients. */
static int judge(Plate *p, const FgLot *made, double *loss)
{
    const FgLot in = fg_lot_input(&p->pair), out = fg_lot_output(&p->pair);
    const FgLot dout = fg_lot_grad(&p->pair);
    FgLot y[2], g[2];
    int ret = 0;

    for (int i = 0; i < 2; i++) {
        const FgLot one = fg_lot_images(&in, i, 1);

        if (!ret)
            ret = fg_lot_copy(&one, i ? made : &p->real);
        y[i] = fg_lot_images(&out, i, 1);
        g[i] = fg_lot_images(&dout, i, 1);
    }
    if (!ret)
        ret = fg_tape_forward(&p->pair, 1);
    if (ret)
        return ret;
    *loss = fg_lot_adv_critic(fg_adv_find("wgan"), 1, y, g).loss;
    return fg_tape_backward(&p->pair, 1);
}

/* D(made) - D(real) + gp * penalty. */
static int critic_step(FgTrain *t, Plate *p, double lr, FgStepInfo *info)
{
    const FgRecipe *r = t->recipe;
    const FgLot made = fg_lot_output(&p->chain.tail);
    FgNet *d = critic_of(t);
    double loss, gp = 0;
    int ret = fg_plate_chain_forward(&p->chain, t, amplitudes(t), -1, t->step,
                                     0);

    if (ret)
        return ret;
    fg_net_zero_grads(d);
    ret = judge(p, &made, &loss);
    if (!ret)
        ret = mix(p, &made, fg_noise_at(r->seed, t->step, FG_NOISE_MIX, 0));
    if (!ret)
        gp = fg_penalty_run(&p->penalty, norm_of(r), fg_recipe_num(r, "gp"),
                            NULL, &ret);
    if (ret)
        return ret;
    fg_step_scalar(info, "D/difference", -loss);
    fg_step_scalar(info, "Loss/D", loss + gp);
    fg_step_scalar(info, "Loss/GP", gp);
    info->bad = !isfinite(loss + gp);
    finite_step(d, lr, info);
    return 0;
}

/* -D(made), through the critic into the chain. */
static int fool(FgTrain *t, Plate *p, double *loss)
{
    int ret = fg_plate_chain_forward(&p->chain, t, amplitudes(t), -1, t->step,
                                     1);

    if (ret)
        return ret;
    fg_tape_feed(&p->single, &p->chain.tail);
    ret = fg_tape_forward(&p->single, 1);
    if (ret)
        return ret;
    *loss =
        fg_tape_adv_generator(fg_adv_find("wgan"), 1, NULL, &p->single).loss;
    ret = fg_tape_backward_data(&p->single, 1);
    if (ret)
        return ret;
    fg_tape_feed_back(&p->chain.tail, &p->single);
    return fg_plate_chain_backward(&p->chain);
}

static int rebuild(FgTrain *t, Plate *p, int frame, FgStepInfo *info,
                   double *loss)
{
    const double weight = fg_recipe_num(t->recipe, "reconstruct");
    FgLot y, g;
    int ret = fg_plate_chain_forward(&p->chain, t, amplitudes(t), frame, 0, 0);

    if (ret)
        return ret;
    y = fg_lot_output(&p->chain.tail);
    g = fg_lot_grad(&p->chain.tail);
    *loss = fg_lot_mse(weight, &y, &p->real, &g, &info->mse);
    info->mse /= 4; /* of values 0..1 */
    return fg_plate_chain_backward(&p->chain);
}

static int generator_step(FgTrain *t, Plate *p, int frame, double lr,
                          FgStepInfo *info)
{
    const double slower = fg_recipe_num(t->recipe, "stage_lr");
    const int k = p->chain.at, first = p->chain.first;
    double loss, again = 0;
    int ret;

    for (int i = first; i <= k; i++)
        fg_net_zero_grads(&t->net[i]);
    fg_net_zero_grads(&t->net[t->nb_nets - 2]);
    ret = fool(t, p, &loss);
    if (!ret && fg_recipe_num(t->recipe, "reconstruct") > 0)
        ret = rebuild(t, p, frame, info, &again);
    if (ret)
        return ret;
    info->loss = loss + again;
    fg_step_scalar(info, "Loss/G", loss);
    fg_step_scalar(info, "Loss/reconstruct", again);
    info->bad |= !isfinite(info->loss);
    finite_step(&t->net[t->nb_nets - 2], lr, info);
    for (int i = k; i >= first; i--, lr *= slower)
        finite_step(&t->net[i], lr, info);
    return 0;
}

static int plate_step(FgTrain *t, double lr, double part, FgStepInfo *info)
{
    Plate *p = t->priv;
    const FgPyramid *q = &p->shared.pyramid;
    const double frame = fg_noise_at(t->recipe->seed, t->step, FG_NOISE_FAMILY,
                                     0);
    const int f = (int)(frame * q->nb_frames);
    double inside = 0;
    const int want = stage_of(t, q, part, &inside);
    FgTensor real;
    FgLot shown;
    FgError err;
    int ret = 0;

    while (!ret && (int)*stage_at(t) < want)
        ret = grow(t, p, (int)*stage_at(t) + 1, &err);
    if (!ret && p->chain.at != (int)*stage_at(t))
        ret = open_stage(t, p, (int)*stage_at(t), &err);
    if (ret)
        return ret;
    if (inside >= LATE)
        lr *= 0.1;
    real = fg_tensor_images(&q->real[p->chain.at], f, 1);
    fg_step_scalar(info, "Stage", p->chain.at);
    shown = fg_lot_host(&real);
    ret = fg_lot_copy(&p->real, &shown);
    if (!ret)
        ret = critic_step(t, p, lr, info);
    if (!ret && !info->bad)
        ret = generator_step(t, p, f, lr, info);
    return ret;
}

/* ---- results ---- */

static int plate_export(FgTrain *t, int set, FgModel **m, FgError *err)
{
    Plate *p = t->priv;
    const int k = *stage_at(t) < 0 ? 0 : (int)*stage_at(t);

    return fg_plate_export(&p->shared, t, set, k, amplitudes(t), m, err);
}

static int plate_sample(FgTrain *t, int set, FgPicture *out, FgError *err)
{
    Plate *p = t->priv;
    const int k = *stage_at(t) < 0 ? 0 : (int)*stage_at(t);

    return fg_plate_sheet(&p->shared, t, set, k, amplitudes(t), out, err);
}

const FgFamily fg_family_plate = {
    .name = "plate",
    .keys = plate_keys,
    .check = fg_plate_check,
    .load = fg_plate_load,
    .create = plate_create,
    .step = plate_step,
    .export_model = plate_export,
    .close = plate_close,
    .sample = plate_sample,
};
