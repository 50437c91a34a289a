/* A critic and a step against it. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/op.h"
#include "trainer/loss_adv.h"
#include "trainer/loss_image.h"
#include "trainer/style.h"
#include "trainer/tape_gpu.h"

/* What nobody but losses there looks at. */
enum { KEPT = FG_KEEP_TAPS | FG_KEEP_OUTPUT | FG_KEEP_GRADIENT };

int fg_critic_open(FgCritic *c, FgTrain *t, FgNet *net, const FgTaps *taps,
                   FgShape shape, const char *loss, const char *spectral,
                   FgError *err)
{
    const FgTapeOptions o = {1, taps->node, taps->nb};
    FgParams *w = &net->set[FG_SET_PARAM];
    int ret = 0;

    *c = (FgCritic){.net = net, .taps = *taps, .loss = fg_adv_find(loss)};
    if (spectral) {
        ret = fg_spectral_create(&c->spectral, net, &t->state, spectral,
                                 t->recipe->seed);
        w = &c->spectral.w;
    }
    if (!ret)
        ret = fg_tape_create_with(&c->real, &net->graph, w, &net->grads, shape,
                                  &o, t->ex, err);
    if (!ret)
        ret = fg_tape_create_with(&c->fake, &net->graph, w, &net->grads, shape,
                                  &o, t->ex, err);
    if (ret)
        fg_critic_close(c);
    else if (t->recipe->bf16)
        c->real.fast = c->fake.fast = FG_FAST_16BIT;
    return ret;
}

void fg_critic_close(FgCritic *c)
{
    fg_tape_free(&c->real);
    fg_tape_free(&c->fake);
    fg_spectral_free(&c->spectral);
    *c = (FgCritic){0};
}

/* Pictures that are there stay there. */
static int look(FgTape *t, const FgLot *at)
{
    FgLot in;
    int ret;

    fg_tape_keep(t, KEPT | FG_KEEP_SLOPE | (at->d ? FG_KEEP_INPUT : 0));
    in = fg_lot_input(t);
    ret = fg_lot_copy(&in, at);
    return ret ? ret : fg_tape_forward(t, 1);
}

int fg_critic_see(FgCritic *c, const FgLot *real)
{
    if (c->spectral.net)
        fg_spectral_apply(&c->spectral, 1);
    return look(&c->real, real);
}

static double match(FgCritic *c, double weight)
{
    FgTape *t = &c->fake;
    double sum = 0;

    if (t->gpu)
        return fg_tape_gpu_match(t, &c->real, c->taps.node, c->taps.nb, weight);
    for (int i = 0; i < c->taps.nb; i++) {
        const int n = c->taps.node[i];

        sum += fg_loss_feature(weight / c->taps.nb, &t->val[n], &c->real.val[n],
                               fg_tape_seed(t, n));
    }
    return sum;
}

int fg_critic_judge(FgCritic *c, FgTape *gen, double weight, double feature,
                    const FgLot *g, double *adv, double *feat)
{
    FgTape *t = &c->fake;
    FgLot slope;
    int ret;

    fg_tape_keep(t, KEPT | FG_KEEP_INPUT | (!g || g->d ? FG_KEEP_SLOPE : 0));
    fg_tape_feed(t, gen);
    ret = fg_tape_forward(t, 1);
    if (ret)
        return ret;
    *adv = fg_tape_adv_generator(c->loss, weight, &c->real, t).loss;
    *feat = feature > 0 ? match(c, feature) : 0;
    ret = fg_tape_backward_data(t, 1);
    slope = fg_lot_slope(t);
    return ret || !g ? ret : fg_lot_add(g, &slope, 1);
}

int fg_critic_learn(FgCritic *c, const FgLot *fake, double weight, FgVerdict *v)
{
    FgVerdict said;
    int ret = 0;

    fg_net_zero_grads(c->net);
    if (fake)
        ret = look(&c->fake, fake);
    else
        fg_tape_keep(&c->fake, KEPT | FG_KEEP_SLOPE | FG_KEEP_INPUT);
    if (ret)
        return ret;
    said = fg_tape_adv_critic(c->loss, weight, &c->real, &c->fake);
    v->loss += said.loss;
    v->real += said.real;
    v->fake += said.fake;
    ret = fg_tape_backward(&c->fake, 1);
    if (!ret)
        ret = fg_tape_backward(&c->real, 1);
    if (!ret && c->spectral.net)
        fg_spectral_back(&c->spectral);
    return ret;
}
