/* The adversarial variant of in-between frames: a critic of patches.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "trainer/interp_adv.h"
#include "trainer/loss_adv.h"
#include "trainer/loss_tape.h"
#include "trainer/texture.h"

enum { LEVELS = 3, WIDTH = 16 };

int fg_interp_critic_open(FgInterpCritic *c, FgTrain *t, int channels,
                          FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgTextureNet n = {
        .levels = LEVELS, .critic = WIDTH, .channels = channels};
    const FgShape s = {r->batch, channels, r->patch, r->patch};
    FgNet *d = &t->net[1];
    FgGraph g;
    int ret = fg_texture_critic(&g, &n, err);

    if (!ret)
        ret = fg_net_create(d, "d", &g, r->seed, err);
    if (ret)
        return ret;
    t->nb_nets = 2;
    d->optim = r->optim;
    d->ema = r->ema;
    d->clip = r->clip;
    ret = fg_tape_create(&c->tape, &d->graph, &d->set[FG_SET_PARAM], &d->grads,
                         s, 1, t->ex, err);
    if (!ret)
        ret = fg_penalty_create(&c->penalty, &c->tape, err);
    return ret ? ret : fg_tensor_alloc(&c->made, s, FG_F32);
}

void fg_interp_critic_free(FgInterpCritic *c)
{
    fg_penalty_free(&c->penalty); /* looks at its tape */
    fg_tape_free(&c->tape);
    fg_tensor_free(&c->made);
}

static size_t count(const FgTensor *t)
{
    return (size_t)t->shape.n * (size_t)t->image;
}

/* One side of the critic's loss; its gradients are added. */
static int judge(FgInterpCritic *c, const FgTensor *x, int real, double *loss)
{
    const int kind = fg_adv_find("bce_logits");
    int ret;

    fg_tensor_copy(fg_tape_input(&c->tape), x);
    ret = fg_tape_forward(&c->tape, 1);
    if (ret)
        return ret;
    *loss += fg_tape_adv_critic(kind, 1, real ? &c->tape : NULL,
                                real ? NULL : &c->tape)
                 .loss;
    return fg_tape_backward(&c->tape, 1);
}

static int teach(FgInterpCritic *c, FgTrain *t, const FgTensor *real, double lr,
                 FgStepInfo *info)
{
    const FgTensor *y = fg_tape_output(&c->tape);
    /* The penalty sees the sum over a picture's patches, of which there are: */
    const double patches = (double)y->shape.h * y->shape.w;
    FgNet *d = &t->net[1];
    double loss = 0, r1 = 0, norm;
    int ret;

    fg_net_zero_grads(d);
    ret = judge(c, &c->made, 0, &loss);
    if (!ret)
        ret = judge(c, real, 1, &loss);
    if (!ret)
        r1 = fg_penalty_run(&c->penalty, FG_PENALTY_R1, 1 / patches, NULL,
                            &ret);
    if (ret)
        return ret;
    norm = fg_net_grad_norm(d);
    info->bad |= !isfinite(loss + r1) || !isfinite(norm);
    if (!info->bad)
        fg_net_step(d, lr, norm);
    fg_step_scalar(info, "Loss/D", loss + r1);
    return 0;
}

int fg_interp_critic_step(FgInterpCritic *c, FgTrain *t, const FgTensor *real,
                          double lr, double weight, FgTensor *dmade,
                          FgStepInfo *info)
{
    const float *from;
    float *to = dmade->data;
    double loss;
    int ret = teach(c, t, real, lr, info);

    if (ret)
        return ret;
    fg_tensor_copy(fg_tape_input(&c->tape), &c->made);
    ret = fg_tape_forward(&c->tape, 1);
    if (ret)
        return ret;
    loss = fg_tape_adv_generator(fg_adv_find("bce_logits"), weight, NULL,
                                 &c->tape)
               .loss;
    ret = fg_tape_backward_data(&c->tape, 1);
    if (ret)
        return ret;
    from = fg_tape_input_grad(&c->tape)->data;
    for (size_t i = 0; i < count(dmade); i++)
        to[i] += from[i];
    info->loss += loss;
    fg_step_scalar(info, "Loss/G", loss);
    return 0;
}
