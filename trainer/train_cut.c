/* CUT: one generator, one critic, unpaired pictures; what stays is said by
 * patches that must be found again. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * arXiv:2007.15651. Per step, G: A -> B:
 *   LSGAN(D(G(a))) + nce * PatchNCE(a, G(a)) [+ nce * PatchNCE(b, G(b))]
 * where PatchNCE compares features of G's first half at the same random places
 * of input and output, each through two dense layers per tapped node. With the
 * identity term this is CUT, without it (and nce 10) FastCUT. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/batch_gpu.h"
#include "trainer/loss_image.h"
#include "trainer/noise.h"
#include "trainer/recipe_keys.h"
#include "trainer/style.h"

/* The features of one tapped node: places drawn, dense layers, memory. */
typedef struct Head {
    FgGraph graph;
    FgTape q, k; /* [B,C,1,P]: of results, of inputs */
    int *place;  /* [h * w], shuffled: the first P are used */
    int h, w, channels;
} Head;

typedef struct Cut {
    FgTape make, same; /* G(a), G(b) */
    FgTape look;       /* the first half over a result */
    FgGraph half;      /* G up to the last tap */
    FgTaps taps;
    FgCritic critic;
    FgLot a, b;
    FgCrops crops[2];
    FgBatchGpu *batch[2]; /* NULL: crops are the host's */
    Head head[FG_MAX_TAPS];
    double *work, nce, tau;
    int places, features;
} Cut;

static const FgKey keys[] = {
    FG_LIST("train_b", 1, "folders and clips of the other side"),
    FG_INT("every", "10", 1, 10000, "frames of a clip from one taken to next"),
    FG_INT("clip_frames", "0", 0, 100000, "most frames of a clip, 0 = all"),
    FG_INT("features", "24", 1, 256, "channels of the generator's first layer"),
    FG_INT("blocks", "6", 1, 64, "residual blocks of the generator"),
    FG_INT("levels", "2", 1, 4, "halvings of size in the generator"),
    FG_ENUM("norm", "instance", "none|instance", "norm of the generator"),
    FG_INT("critic_features", "24", 1, 256, "channels of the critic's first"),
    FG_INT("critic_levels", "3", 1, 4, "halvings in the critic, 3 = 70x70"),
    FG_ENUM("critic_norm", "instance", "none|instance",
            "norm of the critic; none sees how bright all is"),
    FG_ENUM("adversarial", "lsgan", FG_CRITIC_CHOICES, "critic's loss"),
    FG_DOUBLE("nce", "1", 0, 1000, "weight of the patches; FastCUT 10"),
    FG_BOOL("nce_identity", "true",
            "patches of the other side too; FastCUT "
            "false"),
    FG_DOUBLE("tau", "0.07", 0.001, 10, "temperature of the patches"),
    FG_INT("places", "128", 2, 1024, "patches of a picture and node"),
    FG_INT("nce_features", "128", 1, 1024, "width of the dense layers"),
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

static int cut_check(const FgRecipe *r, const char *path, FgError *err)
{
    const int levels = (int)fg_recipe_int(r, "levels");
    const int small = r->patch >> levels;
    const int places = (int)fg_recipe_int(r, "places");

    if (small * small < places)
        return fg_error(err, -EINVAL,
                        "%s: 'places' is %d, allowed up to %d: a crop of %d "
                        "has no more after %d levels",
                        path, places, small * small, r->patch, levels);
    return fg_style_check(r, path, err);
}

static int cut_load(FgTrain *t, FgError *err)
{
    int ret = fg_style_load(t, &t->train, "train", err);

    return ret ? ret : fg_style_load(t, &t->extra[0], "train_b", err);
}

/* ---- set-up ---- */

static int make_nets(FgTrain *t, Cut *s, FgTaps *critic, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgNetSpec g = {.channels = 3,
                         .features = (int)fg_recipe_int(r, "features"),
                         .blocks = (int)fg_recipe_int(r, "blocks"),
                         .levels = (int)fg_recipe_int(r, "levels"),
                         .norm = fg_recipe_text(r, "norm")};
    const FgNetSpec d = {.channels = 3,
                         .features = (int)fg_recipe_int(r, "critic_features"),
                         .levels = (int)fg_recipe_int(r, "critic_levels"),
                         .norm = fg_recipe_text(r, "critic_norm")};
    FgGraph graph;
    int ret = fg_build_resnet(&graph, &g, &s->taps, err);

    if (!ret)
        ret = fg_style_net(t, "g", &graph, "normal", err);
    if (!ret)
        ret = fg_train_warm_start(t, &t->net[0], err);
    if (!ret)
        ret = fg_build_patch_critic(&graph, &d, critic, err);
    return ret ? ret : fg_style_net(t, "d", &graph, "normal", err);
}

/* The generator without what follows the last tap. */
static int make_half(FgTrain *t, Cut *s)
{
    const int last = s->taps.node[s->taps.nb - 1];
    const int ret = fg_graph_copy(&s->half, &t->net[0].graph);

    if (!ret)
        s->half.nb_nodes = last + 1;
    return ret;
}

static int make_tapes(FgTrain *t, Cut *s, const FgTaps *critic, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgShape in = {r->batch, 3, r->patch, r->patch};
    const FgTapeOptions tap = {0, s->taps.node, s->taps.nb};
    const FgTapeOptions both = {1, s->taps.node, s->taps.nb};
    FgNet *g = &t->net[0];
    FgParams *w = &g->set[FG_SET_PARAM];
    int ret = fg_tape_create_with(&s->make, &g->graph, w, &g->grads, in, &tap,
                                  t->ex, err);

    if (!ret && fg_recipe_bool(r, "nce_identity"))
        ret = fg_tape_create_with(&s->same, &g->graph, w, &g->grads, in, &tap,
                                  t->ex, err);
    if (!ret)
        ret = make_half(t, s);
    if (!ret)
        ret = fg_tape_create_with(&s->look, &s->half, w, &g->grads, in, &both,
                                  t->ex, err);
    if (!ret)
        ret = fg_critic_open(&s->critic, t, &t->net[1], critic, in,
                             fg_recipe_text(r, "adversarial"), NULL, err);
    if (!ret)
        ret = fg_lot_create(&s->a, in, t->ex, 1, err);
    if (!ret)
        ret = fg_lot_create(&s->b, in, t->ex, 1, err);
    if (!ret && r->bf16)
        s->make.fast = s->same.fast = s->look.fast = FG_FAST_16BIT;
    return ret;
}

static int dense(FgGraph *g, const char *name, int in, int channels)
{
    const FgAttr a = {
        .channels = channels, .kernel = 1, .stride = 1, .groups = 1, .bias = 1};

    return fg_graph_op(g, "conv2d", name, in, -1, a);
}

/* One network "h<i>" of two layers a tapped node. */
static int make_head(FgTrain *t, Cut *s, int i, FgError *err)
{
    static const char *const names[FG_MAX_TAPS] = {
        "h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9"};
    const FgShape f = s->make.val[s->taps.node[i]].shape;
    const FgShape in = {f.n, f.c, 1, s->places};
    Head *h = &s->head[i];
    FgGraph *g = &h->graph;
    FgNet *net;
    int x = fg_graph_op(g, "input", "input", -1, -1, (FgAttr){.channels = f.c});
    int ret;

    h->h = f.h;
    h->w = f.w;
    h->channels = f.c;
    h->place = malloc(sizeof(*h->place) * (size_t)f.h * f.w);
    if (x >= 0)
        x = dense(g, "dense0", x, s->features);
    if (x >= 0)
        x = fg_graph_op(g, "relu", "act", x, -1, (FgAttr){0});
    if (x >= 0)
        x = dense(g, "dense1", x, s->features);
    if (x < 0 || !h->place)
        return -ENOMEM;
    ret = fg_style_net(t, names[i], g, "he", err);
    net = &t->net[t->nb_nets - 1];
    if (!ret)
        ret = fg_tape_create(&h->q, &net->graph, &net->set[FG_SET_PARAM],
                             &net->grads, in, 1, t->ex, err);
    if (!ret)
        ret = fg_tape_create(&h->k, &net->graph, &net->set[FG_SET_PARAM], NULL,
                             in, 0, t->ex, err);
    return ret;
}

/* On a GPU pictures and their gradients stay there; of features those at the
 * places drawn are the host's. */
static int stay_there(Cut *s, FgError *err)
{
    const int kept = FG_KEEP_INPUT | FG_KEEP_OUTPUT | FG_KEEP_GRADIENT;
    int ret = fg_batch_gpu_create_lots(&s->batch[0], &s->crops[0], &s->a, NULL,
                                       err);

    fg_tape_keep(&s->make, kept);
    if (s->same.graph)
        fg_tape_keep(&s->same, kept);
    fg_tape_keep(&s->look, FG_KEEP_INPUT | FG_KEEP_SLOPE);
    return ret ? ret
               : fg_batch_gpu_create_lots(&s->batch[1], &s->crops[1], &s->b,
                                          NULL, err);
}

static int cut_create(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    Cut *s = calloc(1, sizeof(*s));
    FgTaps critic;
    size_t p, f;
    int ret;

    if (!s)
        return -ENOMEM;
    t->priv = s;
    s->nce = fg_recipe_num(r, "nce");
    s->tau = fg_recipe_num(r, "tau");
    s->places = (int)fg_recipe_int(r, "places");
    s->features = (int)fg_recipe_int(r, "nce_features");
    for (int i = 0; i < 2; i++)
        s->crops[i] = (FgCrops){.data = i ? &t->extra[0] : &t->train,
                                .patch = r->patch,
                                .augment = r->augment,
                                .flat = fg_recipe_num(r, "flat"),
                                .seed = r->seed + (uint64_t)i};
    ret = make_nets(t, s, &critic, err);
    if (!ret)
        ret = make_tapes(t, s, &critic, err);
    if (!ret)
        ret = stay_there(s, err);
    for (int i = 0; i < s->taps.nb && !ret; i++)
        ret = make_head(t, s, i, err);
    p = (size_t)s->places;
    f = (size_t)s->features;
    s->work = malloc(sizeof(*s->work) * (p * p + 2 * p * f + p));
    return ret ? ret : s->work ? 0 : -ENOMEM;
}

/* ---- patches ---- */

/* The first P of a shuffle, the same for every image of the batch. */
static void draw(const FgTrain *t, Cut *s, int i)
{
    Head *h = &s->head[i];
    const int n = h->h * h->w;

    for (int k = 0; k < n; k++)
        h->place[k] = k;
    for (int k = 0; k < s->places; k++) {
        const double at = fg_noise_at(t->recipe->seed, t->step,
                                      FG_NOISE_FAMILY + 3 + i, (size_t)k);
        const int j = k + (int)(at * (n - k)), v = h->place[j];

        h->place[j] = h->place[k];
        h->place[k] = v;
    }
}

static float *at(const FgTensor *map, const Head *h, int n, int k)
{
    return fg_f32(map, n, h->place[k] / h->w, h->place[k] % h->w);
}

static void gather(const Head *h, int places, const FgTensor *map, FgTensor *to)
{
    for (int n = 0; n < map->shape.n; n++)
        for (int k = 0; k < places; k++)
            memcpy(fg_f32(to, n, 0, k), at(map, h, n, k),
                   sizeof(float) * (size_t)h->channels);
}

static void scatter(const Head *h, int places, const FgTensor *from,
                    FgTensor *map)
{
    fg_tensor_zero(map);
    for (int n = 0; n < map->shape.n; n++)
        for (int k = 0; k < places; k++)
            memcpy(at(map, h, n, k), fg_f32(from, n, 0, k),
                   sizeof(float) * (size_t)h->channels);
}

/* One node: features of what came in against those of what s->look has seen. */
static int one_head(Cut *s, int i, FgTape *source, double weight, double *loss)
{
    const int node = s->taps.node[i];
    const int batch = s->a.host.shape.n;
    Head *h = &s->head[i];
    int ret;

    gather(h, s->places, &source->val[node], fg_tape_input(&h->k));
    gather(h, s->places, &s->look.val[node], fg_tape_input(&h->q));
    ret = fg_tape_forward(&h->k, 1);
    if (!ret)
        ret = fg_tape_forward(&h->q, 1);
    for (int n = 0; n < batch && !ret; n++)
        *loss += fg_loss_nce(
            weight / batch, s->tau, fg_f32(fg_tape_output(&h->q), n, 0, 0),
            fg_f32(fg_tape_output(&h->k), n, 0, 0), s->places, s->features,
            fg_f32(fg_tape_output_grad(&h->q), n, 0, 0), s->work);
    if (!ret)
        ret = fg_tape_backward(&h->q, 1);
    if (!ret)
        scatter(h, s->places, fg_tape_input_grad(&h->q),
                fg_tape_seed(&s->look, node));
    return ret;
}

/* PatchNCE between what went into source and what came out; the gradient to
 * the latter is added to its output's. */
static int patches(Cut *s, FgTape *source, double weight, double *loss)
{
    const FgLot in = fg_lot_input(&s->look), made = fg_lot_output(source);
    const FgLot g = fg_lot_grad(source);
    FgLot slope;
    int ret = fg_lot_copy(&in, &made);

    if (!ret)
        ret = fg_tape_forward(&s->look, 1);
    for (int i = 0; i < s->taps.nb && !ret; i++)
        ret = one_head(s, i, source, weight / s->taps.nb, loss);
    if (!ret)
        ret = fg_tape_backward(&s->look, 1);
    slope = fg_lot_slope(&s->look);
    return ret ? ret : fg_lot_add(&g, &slope, 1);
}

/* ---- a step ---- */

/* A generator's pass over pictures; *g: no gradient yet. */
static int begin(FgTape *t, const FgLot *pictures, FgLot *g)
{
    const FgLot in = fg_lot_input(t);
    int ret = fg_lot_copy(&in, pictures);

    if (!ret)
        ret = fg_tape_forward(t, 1);
    *g = fg_lot_grad(t);
    return ret ? ret : fg_lot_fill(g, 0);
}

/* With the identity term both count half, as the paper's code has it. */
static int generator(Cut *s, FgStepInfo *info)
{
    const double nce = s->same.graph ? s->nce / 2 : s->nce;
    double adv = 0, feat, loss = 0;
    FgLot g;
    int ret = begin(&s->make, &s->a, &g);

    if (!ret)
        ret = fg_critic_judge(&s->critic, &s->make, 1, 0, &g, &adv, &feat);
    if (!ret)
        ret = patches(s, &s->make, nce, &loss);
    if (!ret)
        ret = fg_tape_backward(&s->make, 1);
    if (!ret && s->same.graph) {
        ret = begin(&s->same, &s->b, &g);
        if (!ret)
            ret = patches(s, &s->same, nce, &loss);
        if (!ret)
            ret = fg_tape_backward(&s->same, 1);
    }
    info->loss = adv + loss;
    fg_step_scalar(info, "Loss/G", adv);
    fg_step_scalar(info, "Loss/nce", loss);
    return ret;
}

static int cut_step(FgTrain *t, double lr, double part, FgStepInfo *info)
{
    Cut *s = t->priv;
    FgVerdict v = {0};
    int ret = fg_batch_fill(s->batch[0], &s->crops[0], t->step, &s->a, NULL,
                            t->ex);

    (void)part;
    if (!ret)
        ret = fg_batch_fill(s->batch[1], &s->crops[1], t->step, &s->b, NULL,
                            t->ex);
    if (ret)
        return ret;
    for (int i = 0; i < s->taps.nb; i++)
        draw(t, s, i);
    for (int i = 0; i < t->nb_nets; i++)
        fg_net_zero_grads(&t->net[i]);
    ret = fg_critic_see(&s->critic, &s->b);
    if (!ret)
        ret = generator(s, info);
    if (!ret)
        ret = fg_critic_learn(&s->critic, NULL, 0.5, &v);
    if (ret)
        return ret;
    fg_step_scalar(info, "Loss/D", v.loss);
    fg_step_scalar(info, "D/real", v.real);
    fg_step_scalar(info, "D/fake", v.fake);
    fg_style_step(t, lr, lr, info);
    return 0;
}

/* ---- results ---- */

static int cut_export(FgTrain *t, int set, FgModel **m, FgError *err)
{
    return fg_style_export(t, &t->net[0], set, m, err);
}

static int cut_sample(FgTrain *t, int set, FgPicture *out, FgError *err)
{
    Cut *s = t->priv;
    const FgTensor *in[1] = {&s->a.host};
    const FgNet *net[1] = {&t->net[0]};

    fg_crops_fill(&s->crops[0], -1, &s->a.host, NULL, t->ex);
    fg_crops_fill(&s->crops[1], -1, &s->b.host, NULL, t->ex);
    return fg_style_sheet(t, set, in, net, 1, &s->b.host, out, err);
}

static void cut_close(FgTrain *t)
{
    Cut *s = t->priv;

    if (!s)
        return;
    fg_tape_free(&s->make);
    fg_tape_free(&s->same);
    fg_tape_free(&s->look);
    fg_graph_free(&s->half);
    fg_critic_close(&s->critic);
    for (int i = 0; i < 2; i++)
        fg_batch_gpu_free(&s->batch[i]);
    fg_lot_free(&s->a);
    fg_lot_free(&s->b);
    for (int i = 0; i < FG_MAX_TAPS; i++) {
        fg_graph_free(&s->head[i].graph);
        fg_tape_free(&s->head[i].q);
        fg_tape_free(&s->head[i].k);
        free(s->head[i].place);
    }
    free(s->work);
    free(s);
    t->priv = NULL;
}

const FgFamily fg_family_cut = {
    .name = "cut",
    .keys = keys,
    .check = cut_check,
    .load = cut_load,
    .create = cut_create,
    .step = cut_step,
    .export_model = cut_export,
    .sample = cut_sample,
    .close = cut_close,
};
