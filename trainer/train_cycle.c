/* CycleGAN: two generators, two critics, unpaired pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * arXiv:1703.10593. Per step, G: A -> B, F: B -> A, losses on values of -1..1:
 *   LSGAN(DB(G(a))) + LSGAN(DA(F(b))) + cycle (|F(G(a)) - a| + |G(F(b)) - b|)
 *   + cycle * identity (|G(b) - b| + |F(a) - a|)
 * then both generators step, then both critics on real pictures and on ones
 * from a pool of former results. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/batch_gpu.h"
#include "trainer/loss_lot.h"
#include "trainer/noise.h"
#include "trainer/recipe_keys.h"
#include "trainer/style.h"

/* One direction: what a generator makes of one side's pictures. */
typedef struct Way {
    FgNet *gen;
    FgTape make, back, same; /* G(a); F(G(a)), the other's; F(a), the other's */
    FgCritic critic;         /* of the side it makes */
    FgLot real;              /* a */
    FgLot pooled;
    FgCrops crops;
    FgBatchGpu *batch;      /* NULL: crops are the host's */
    FgParam *pool, *filled; /* in t->state */
} Way;

typedef struct Cycle {
    Way way[2];
    double cycle, identity;
    int pool;
} Cycle;

static const FgKey keys[] = {
    FG_LIST("train_b", 1, "folders and clips of the other side"),
    FG_INT("every", "10", 1, 10000, "frames of a clip from one taken to next"),
    FG_INT("clip_frames", "0", 0, 100000, "most frames of a clip, 0 = all"),
    FG_INT("features", "24", 1, 256, "channels of the generators' first layer"),
    FG_INT("blocks", "6", 0, 64, "residual blocks of the generators"),
    FG_INT("levels", "2", 1, 4, "halvings of size in the generators"),
    FG_ENUM("generator", "resnet", "resnet|encdec",
            "the paper's; with skips, and added to the picture"),
    FG_ENUM("norm", "instance", "none|instance", "norm of generators"),
    FG_INT("critic_features", "24", 1, 256, "channels of the critics' first"),
    FG_INT("critic_levels", "3", 1, 4, "halvings in the critics, 3 = 70x70"),
    FG_ENUM("critic_norm", "instance", "none|instance",
            "norm of critics; none sees how bright all is"),
    FG_ENUM("adversarial", "lsgan", FG_CRITIC_CHOICES, "critics' loss"),
    FG_DOUBLE("cycle", "10", 0, 1000, "weight of the way there and back"),
    FG_DOUBLE("identity", "0.5", 0, 100,
              "weight of leaving the own side, "
              "times cycle"),
    FG_INT("pool", "50", 0, 1000, "former results that critics see again"),
    FG_ENUM("direction", "a2b", "a2b|b2a", "the generator that is written"),
    FG_INT("patch", "96", 16, 512, "side of a crop, a multiple of 2^levels"),
    FG_INT("batch", "1", 1, 64, "crops of each side per step"),
    FG_DOUBLE("lr", "2e-4", 0, 10, "peak learning rate"),
    FG_DOUBLE("lr_min", "0", 0, 10, "learning rate at the end"),
    FG_DOUBLE("beta1", "0.5", 0, 0.999999, "decay of the first moment"),
    FG_DOUBLE("beta2", "0.999", 0, 0.999999, "decay of the second moment"),
    FG_INT("warmup", "0", 0, 1e9, "steps of linear warm-up"),
    FG_ENUM("schedule", "linear", "cosine|linear|step|constant",
            "learning rate after the warm-up"),
    FG_FLAT_KEY,
    {0},
};

static FgNetSpec spec_g(const FgRecipe *r)
{
    return (FgNetSpec){.channels = 3,
                       .features = (int)fg_recipe_int(r, "features"),
                       .blocks = (int)fg_recipe_int(r, "blocks"),
                       .levels = (int)fg_recipe_int(r, "levels"),
                       .norm = fg_recipe_text(r, "norm"),
                       .residual = 1};
}

static FgNetSpec spec_d(const FgRecipe *r)
{
    return (FgNetSpec){.channels = 3,
                       .features = (int)fg_recipe_int(r, "critic_features"),
                       .levels = (int)fg_recipe_int(r, "critic_levels"),
                       .norm = fg_recipe_text(r, "critic_norm")};
}

static int cycle_load(FgTrain *t, FgError *err)
{
    int ret = fg_style_load(t, &t->train, "train", err);

    return ret ? ret : fg_style_load(t, &t->extra[0], "train_b", err);
}

/* ---- set-up ---- */

static int make_nets(FgTrain *t, FgTaps taps[2], FgError *err)
{
    static const char *const gens[] = {"g", "f"}, *const critics[] = {"db",
                                                                      "da"};
    const FgNetSpec g = spec_g(t->recipe), d = spec_d(t->recipe);
    const int encdec = !strcmp(fg_recipe_text(t->recipe, "generator"),
                               "encdec");
    int ret = 0;

    for (int i = 0; i < 2 && !ret; i++) {
        FgGraph graph;

        ret = encdec ? fg_build_encdec(&graph, &g, err)
                     : fg_build_resnet(&graph, &g, NULL, err);
        if (!ret)
            ret = fg_style_net(t, gens[i], &graph, encdec ? "torch" : "normal",
                               err);
    }
    for (int i = 0; i < 2 && !ret; i++) {
        FgGraph graph;

        ret = fg_build_patch_critic(&graph, &d, &taps[i], err);
        if (!ret)
            ret = fg_style_net(t, critics[i], &graph, "normal", err);
    }
    return ret ? ret : fg_train_warm_start(t, &t->net[0], err);
}

static int make_tape(FgTrain *t, FgTape *tape, FgNet *net, int want_input,
                     FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgShape s = {r->batch, 3, r->patch, r->patch};
    int ret = fg_tape_create(tape, &net->graph, &net->set[FG_SET_PARAM],
                             &net->grads, s, want_input, t->ex, err);

    if (!ret && r->bf16)
        tape->fast = FG_FAST_16BIT;
    return ret;
}

static int make_pool(FgTrain *t, Way *w, int i, int size, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const int one[1] = {1}, dims[4] = {size, r->patch, r->patch, 3};
    char name[32];

    if (!size)
        return 0;
    snprintf(name, sizeof(name), "pool%d", i);
    fg_params_add(&t->state, name, 4, dims);
    snprintf(name, sizeof(name), "pool%d.filled", i);
    if (!fg_params_add(&t->state, name, 1, one))
        return fg_error(err, -ENOMEM, "not enough memory for the pool");
    w->filled = w->pool = NULL;
    return 0;
}

/* Adding to the state moves its table: pointers are taken when all is there. */
static void find_pool(FgTrain *t, Way *w, int i)
{
    char name[32];

    snprintf(name, sizeof(name), "pool%d", i);
    w->pool = fg_params_find(&t->state, name);
    snprintf(name, sizeof(name), "pool%d.filled", i);
    w->filled = fg_params_find(&t->state, name);
}

/* On a GPU all but the pool, which is the host's, and what goes into it. */
static int stay_there(Way *w, int pool, FgError *err)
{
    const int kept = FG_KEEP_INPUT | FG_KEEP_OUTPUT | FG_KEEP_GRADIENT;

    fg_tape_keep(&w->make, pool ? kept & ~FG_KEEP_OUTPUT : kept);
    fg_tape_keep(&w->back, kept | FG_KEEP_SLOPE);
    if (w->same.graph)
        fg_tape_keep(&w->same, kept);
    return fg_batch_gpu_create_lots(&w->batch, &w->crops, &w->real, NULL, err);
}

static int make_way(FgTrain *t, Cycle *s, int i, const FgTaps *taps,
                    FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgShape shape = {r->batch, 3, r->patch, r->patch};
    FgNet *gen = &t->net[i], *other = &t->net[1 - i];
    Way *w = &s->way[i];
    int ret = make_tape(t, &w->make, gen, 0, err);

    w->gen = gen;
    w->crops = (FgCrops){.data = i ? &t->extra[0] : &t->train,
                         .patch = r->patch,
                         .augment = r->augment,
                         .flat = fg_recipe_num(r, "flat"),
                         .seed = r->seed + (uint64_t)i};
    if (!ret)
        ret = make_tape(t, &w->back, other, 1, err);
    if (!ret && s->identity > 0)
        ret = make_tape(t, &w->same, other, 0, err);
    if (!ret)
        ret = fg_critic_open(&w->critic, t, &t->net[2 + i], taps, shape,
                             fg_recipe_text(r, "adversarial"), NULL, err);
    if (!ret)
        ret = fg_lot_create(&w->real, shape, t->ex, 1, err);
    if (!ret)
        ret = fg_lot_create(&w->pooled, shape, t->ex, !s->pool, err);
    if (!ret)
        ret = stay_there(w, s->pool, err);
    return ret ? ret : make_pool(t, w, i, s->pool, err);
}

static int cycle_create(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    Cycle *s = calloc(1, sizeof(*s));
    FgTaps taps[2];
    int ret;

    if (!s)
        return -ENOMEM;
    t->priv = s;
    s->cycle = fg_recipe_num(r, "cycle");
    s->identity = s->cycle * fg_recipe_num(r, "identity");
    s->pool = (int)fg_recipe_int(r, "pool");
    ret = make_nets(t, taps, err);
    for (int i = 0; i < 2 && !ret; i++)
        ret = make_way(t, s, i, &taps[i], err);
    for (int i = 0; i < 2 && !ret && s->pool; i++)
        find_pool(t, &s->way[i], i);
    return ret;
}

/* ---- pool ---- */

/* Half of the time a former result in the new one's place, which stays; until
 * it is full everything goes in and out again at once. */
static void pool_one(const Cycle *s, Way *w, const FgRecipe *r, int64_t step,
                     int i)
{
    const size_t place = 2 * (size_t)i + (w == &s->way[1]);
    const size_t n = (size_t)r->patch * r->patch * 3;
    const double at = fg_noise_at(r->seed, step, FG_NOISE_FAMILY + 1, place);
    float *new = fg_f32(&w->pooled.host, i, 0, 0), *slot;

    if (w->filled->data[0] < (float)s->pool) {
        slot = w->pool->data + (size_t)w->filled->data[0] * n;
        memcpy(slot, new, n * sizeof(*new));
        w->filled->data[0]++;
    } else if (at >= 0.5) {
        slot = w->pool->data + (size_t)((at - 0.5) * 2 * s->pool) * n;
        for (size_t k = 0; k < n; k++) {
            const float v = slot[k];

            slot[k] = new[k];
            new[k] = v;
        }
    }
}

static int pool(const FgTrain *t, const Cycle *s, Way *w)
{
    const FgLot made = fg_lot_output(&w->make);
    const int ret = fg_lot_copy(&w->pooled, &made);

    for (int i = 0; i < t->recipe->batch && s->pool && !ret; i++)
        pool_one(s, w, t->recipe, t->step, i);
    return ret;
}

/* ---- a step ---- */

static int see(FgTape *t, const FgLot *pictures)
{
    const FgLot in = fg_lot_input(t);
    const int ret = fg_lot_copy(&in, pictures);

    return ret ? ret : fg_tape_forward(t, 1);
}

/* L1, and its gradient at what t made. */
static double away(FgTape *t, const FgLot *from, double weight)
{
    const FgLot y = fg_lot_output(t), g = fg_lot_grad(t);

    return fg_lot_l1(weight, &y, from, &g, 0, NULL);
}

/* L1 on values of -1..1 is twice that on 0..1. */
static int identity(Cycle *s, Way *w, double *loss)
{
    FgTape *t = &w->same;
    int ret;

    if (!(s->identity > 0))
        return 0;
    ret = see(t, &w->real);
    if (ret)
        return ret;
    *loss += away(t, &w->real, 2 * s->identity);
    return fg_tape_backward(t, 1);
}

/* There, back, and both gradients down to the generator. */
static int go_round(Cycle *s, Way *w, double *adv, double *cycle)
{
    double pass = 0, feat;
    FgLot g, slope;
    int ret = see(&w->make, &w->real);

    if (ret)
        return ret;
    fg_tape_feed(&w->back, &w->make);
    ret = fg_tape_forward(&w->back, 1);
    if (ret)
        return ret;
    *cycle += away(&w->back, &w->real, 2 * s->cycle);
    ret = fg_tape_backward(&w->back, 1);
    if (ret)
        return ret;
    g = fg_lot_grad(&w->make);
    slope = fg_lot_slope(&w->back);
    ret = fg_lot_copy(&g, &slope);
    if (!ret)
        ret = fg_critic_judge(&w->critic, &w->make, 1, 0, &g, &pass, &feat);
    *adv += pass;
    return ret ? ret : fg_tape_backward(&w->make, 1);
}

static int generators(FgTrain *t, Cycle *s, FgStepInfo *info)
{
    double adv = 0, cycle = 0, own = 0;
    int ret = 0;

    fg_net_zero_grads(&t->net[0]);
    fg_net_zero_grads(&t->net[1]);
    for (int i = 0; i < 2 && !ret; i++) {
        ret = go_round(s, &s->way[i], &adv, &cycle);
        if (!ret)
            ret = identity(s, &s->way[i], &own);
    }
    info->loss = adv + cycle + own;
    fg_step_scalar(info, "Loss/G", adv);
    fg_step_scalar(info, "Loss/cycle", cycle);
    fg_step_scalar(info, "Loss/identity", own);
    return ret;
}

/* Half the loss, as the paper has it: critics learn more slowly. */
static int critics(FgTrain *t, Cycle *s, FgStepInfo *info)
{
    FgVerdict v = {0};
    int ret = 0;

    for (int i = 0; i < 2 && !ret; i++) {
        Way *w = &s->way[i];

        ret = pool(t, s, w);
        if (!ret)
            ret = fg_critic_learn(&w->critic, &w->pooled, 0.5, &v);
    }
    fg_step_scalar(info, "Loss/D", v.loss);
    fg_step_scalar(info, "D/real", v.real / 2);
    fg_step_scalar(info, "D/fake", v.fake / 2);
    return ret;
}

/* All gradients come before any step: a step that is not finite is none. */
static int cycle_step(FgTrain *t, double lr, double part, FgStepInfo *info)
{
    Cycle *s = t->priv;
    int ret = 0;

    (void)part;
    for (int i = 0; i < 2 && !ret; i++)
        ret = fg_batch_fill(s->way[i].batch, &s->way[i].crops, t->step,
                            &s->way[i].real, NULL, t->ex);
    if (!ret)
        ret = fg_critic_see(&s->way[0].critic, &s->way[1].real);
    if (!ret)
        ret = fg_critic_see(&s->way[1].critic, &s->way[0].real);
    if (!ret)
        ret = generators(t, s, info);
    if (ret)
        return ret;
    if (!isfinite(info->loss)) {
        info->bad = 1; /* and stays out of the pool */
        return 0;
    }
    ret = critics(t, s, info);
    if (!ret)
        fg_style_step(t, lr, lr, info);
    return ret;
}

/* ---- results ---- */

static FgNet *wanted(FgTrain *t)
{
    return &t->net[!strcmp(fg_recipe_text(t->recipe, "direction"), "b2a")];
}

static int cycle_export(FgTrain *t, int set, FgModel **m, FgError *err)
{
    return fg_style_export(t, wanted(t), set, m, err);
}

static int cycle_sample(FgTrain *t, int set, FgPicture *out, FgError *err)
{
    Cycle *s = t->priv;
    const FgTensor *in[2];
    const FgNet *net[2] = {&t->net[0], &t->net[1]};

    for (int i = 0; i < 2; i++) {
        fg_crops_fill(&s->way[i].crops, -1, &s->way[i].real.host, NULL, t->ex);
        in[i] = &s->way[i].real.host;
    }
    return fg_style_sheet(t, set, in, net, 2, NULL, out, err);
}

static void cycle_close(FgTrain *t)
{
    Cycle *s = t->priv;

    if (!s)
        return;
    for (int i = 0; i < 2; i++) {
        fg_tape_free(&s->way[i].make);
        fg_tape_free(&s->way[i].back);
        fg_tape_free(&s->way[i].same);
        fg_critic_close(&s->way[i].critic);
        fg_batch_gpu_free(&s->way[i].batch);
        fg_lot_free(&s->way[i].real);
        fg_lot_free(&s->way[i].pooled);
    }
    free(s);
    t->priv = NULL;
}

const FgFamily fg_family_cyclegan = {
    .name = "cyclegan",
    .keys = keys,
    .check = fg_style_check,
    .load = cycle_load,
    .create = cycle_create,
    .step = cycle_step,
    .export_model = cycle_export,
    .sample = cycle_sample,
    .close = cycle_close,
};
