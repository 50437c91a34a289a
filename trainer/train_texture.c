/* Textures without end: generator, wave network, critic; the logistic loss with
 * a penalty on the critic's gradient at real pictures (R1, Mescheder et al.,
 * ICML 2018). SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/gpu.h"
#include "trainer/export.h"
#include "trainer/batch_gpu.h"
#include "trainer/loss_adv.h"
#include "trainer/loss_tape.h"
#include "trainer/noise.h"
#include "trainer/penalty.h"
#include "trainer/plate_data.h"
#include "trainer/recipe_keys.h"
#include "trainer/tape.h"
#include "trainer/texture.h"
#include "trainer/train.h"

enum { GEN, WAVES, CRITIC, NETS };
enum { COLUMNS = 4, ROWS = 2 };
/* Streams of noise: the batch's, then the generator's, the samples'. */
enum { LOCAL, GLOBAL, PHASE, STREAMS };
#define TURN 6.283185307179586

typedef struct Maker {
    FgTape gen, waves;
    double *phase; /* [N, periodic] */
} Maker;

typedef struct Texture {
    FgTextureNet n;
    Maker maker;
    FgTape critic; /* of one batch, with its input's gradient */
    FgPenalty penalty;
    FgLot real;
    FgCrops crops;
    FgBatchGpu *batch; /* NULL: crops are the host's */
} Texture;

static const FgKey texture_keys[] = {
    FG_LIST("train", 1,
            "pictures, folders or clips of one texture, or procedural:weave"),
    FG_INT("frames", "16", 1, 4096, "pictures taken at most from each"),
    FG_INT("side", "384", 32, 4096, "larger side of procedural ones in pixels"),
    FG_INT("patch", "96", 16, 512, "side of a training crop, 2^levels n"),
    FG_INT("batch", "8", 1, 256, "crops per step"),
    FG_INT("local", "20", 1, 512, "latent channels that differ in each cell"),
    FG_INT("global", "16", 1, 512, "latent channels that a picture shares"),
    FG_INT("periodic", "4", 1, 64, "waves of the latent, of learnt lengths"),
    FG_INT("features", "32", 1, 256, "channels of the generator at full size"),
    FG_INT("levels", "4", 1, 6, "doublings from the latent to the picture"),
    FG_INT("critic", "32", 1, 256, "channels of the critic's first layer"),
    FG_DOUBLE("r1", "1", 0, 1e6, "weight of the penalty on real pictures"),
    FG_DOUBLE("lr", "4e-4", 0, 10, "peak learning rate"),
    FG_DOUBLE("lr_min", "4e-5", 0, 10, "learning rate at the end"),
    FG_INT("warmup", "0", 0, 1e9, "steps of linear warm-up"),
    FG_DOUBLE("beta1", "0", 0, 0.999999, "decay of the first moment"),
    FG_DOUBLE("beta2", "0.99", 0, 0.999999, "decay of the second moment"),
    FG_INT("val_every", "500", 1, 1e9, "steps between weights files"),
    {0},
};

static int texture_check(const FgRecipe *r, const char *path, FgError *err)
{
    const int64_t cell = INT64_C(1) << fg_recipe_int(r, "levels");

    if (r->patch % cell)
        return fg_error(err, -EINVAL,
                        "%s: 'patch' is %d, allowed multiples of %lld, which "
                        "is 2^levels",
                        path, r->patch, (long long)cell);
    return 0;
}

static int texture_load(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    FgData unused = {0};
    int ret = 0;

    for (int i = 0; i < fg_recipe_list(r, "train") && !ret; i++) {
        const char *item = fg_recipe_list_at(r, "train", i);
        char *path = strncmp(item, "procedural:", 11) ? fg_recipe_path(r, item)
                                                      : strdup(item);

        ret = path ? fg_plate_source(&t->train, &unused, path, "none",
                                     (int)fg_recipe_int(r, "frames"),
                                     (int)fg_recipe_int(r, "side"), err)
                   : fg_error(err, -ENOMEM, "not enough memory");
        free(path);
    }
    return ret ? ret : fg_data_finish(&t->train, r->patch, t->ex, err);
}

/* ---- set-up ---- */

static int add_net(FgTrain *t, int i, const char *name, FgGraph *g,
                   FgError *err)
{
    FgNet *net = &t->net[i];
    const int ret = fg_net_create(net, name, g, t->recipe->seed, err);

    if (ret)
        return ret;
    t->nb_nets = i + 1;
    net->optim = t->recipe->optim;
    net->ema = t->recipe->ema;
    net->clip = t->recipe->clip;
    return 0;
}

static int make_nets(FgTrain *t, const FgTextureNet *n, FgError *err)
{
    FgGraph g;
    int ret = fg_texture_generator(&g, n, 0, err);

    if (!ret)
        ret = add_net(t, GEN, "g", &g, err);
    if (!ret)
        ret = fg_texture_waves(&g, n, err);
    if (!ret)
        ret = add_net(t, WAVES, "w", &g, err);
    if (!ret)
        ret = fg_texture_critic(&g, n, err);
    if (!ret)
        ret = add_net(t, CRITIC, "d", &g, err);
    if (ret)
        return ret;
    fg_texture_waves_init(&t->net[WAVES].set[FG_SET_PARAM], n, t->recipe->seed);
    fg_net_copy_set(&t->net[WAVES], FG_SET_EMA, FG_SET_PARAM);
    return 0;
}

static void maker_free(Maker *m)
{
    fg_tape_free(&m->gen);
    fg_tape_free(&m->waves);
    free(m->phase);
    *m = (Maker){0};
}

/* batch latents of cells x cells on one set of weights. */
static int maker_open(Maker *m, FgTrain *t, const FgTextureNet *n, int set,
                      int batch, int cells, int grads, FgError *err)
{
    FgNet *g = &t->net[GEN], *w = &t->net[WAVES];
    const FgShape z = {batch, n->local + n->global + n->periodic, cells, cells};
    const FgShape v = {batch, n->global, 1, 1};
    int ret = fg_tape_create(&m->gen, &g->graph, &g->set[set],
                             grads ? &g->grads : NULL, z, grads, t->ex, err);

    if (!ret && n->periodic)
        ret = fg_tape_create(&m->waves, &w->graph, &w->set[set],
                             grads ? &w->grads : NULL, v, 0, t->ex, err);
    m->phase = calloc((size_t)batch * (size_t)n->periodic + 1,
                      sizeof(*m->phase));
    return ret || m->phase ? ret : fg_error(err, -ENOMEM, "not enough memory");
}

/* On a GPU pictures, what the critic says of them and gradients stay there. */
static int stay_there(Texture *x, FgError *err)
{
    const int kept = FG_KEEP_OUTPUT | FG_KEEP_GRADIENT;

    fg_tape_keep(&x->maker.gen, kept);
    fg_tape_keep(&x->critic, kept | FG_KEEP_INPUT | FG_KEEP_SLOPE);
    return fg_batch_gpu_create_lots(&x->batch, &x->crops, NULL, &x->real, err);
}

static int texture_create(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgShape s = {r->batch, 3, r->patch, r->patch};
    Texture *x = calloc(1, sizeof(*x));
    FgNet *d = &t->net[CRITIC];
    int ret;

    t->priv = x;
    if (!x)
        return fg_error(err, -ENOMEM, "not enough memory");
    x->n = (FgTextureNet){(int)fg_recipe_int(r, "local"),
                          (int)fg_recipe_int(r, "global"),
                          (int)fg_recipe_int(r, "periodic"),
                          (int)fg_recipe_int(r, "features"),
                          (int)fg_recipe_int(r, "levels"),
                          (int)fg_recipe_int(r, "critic"),
                          3};
    x->crops = (FgCrops){.data = &t->train,
                         .patch = r->patch,
                         .centred = 1,
                         .augment = r->augment,
                         .seed = r->seed};
    ret = make_nets(t, &x->n, err);
    if (!ret)
        ret = maker_open(&x->maker, t, &x->n, FG_SET_PARAM, r->batch,
                         r->patch >> x->n.levels, 1, err);
    if (!ret)
        ret = fg_tape_create(&x->critic, &d->graph, &d->set[FG_SET_PARAM],
                             &d->grads, s, 1, t->ex, err);
    if (!ret)
        ret = fg_penalty_create(&x->penalty, &x->critic, err);
    if (!ret)
        ret = fg_lot_create(&x->real, s, t->ex, 1, err);
    return ret ? ret : stay_there(x, err);
}

static void texture_close(FgTrain *t)
{
    Texture *x = t->priv;

    if (!x)
        return;
    maker_free(&x->maker);
    fg_penalty_free(&x->penalty); /* looks at its tape */
    fg_tape_free(&x->critic);
    fg_batch_gpu_free(&x->batch);
    fg_lot_free(&x->real);
    free(x);
    t->priv = NULL;
}

/* ---- latents ---- */

/* use tells apart the critic's, the generator's and the samples' noise. */
static int draw(Maker *m, const FgTextureNet *n, uint64_t seed, int64_t step,
                int use)
{
    const int stream = FG_NOISE_FAMILY + STREAMS * use;
    FgTensor *z = fg_tape_input(&m->gen), *v = fg_tape_input(&m->waves);
    const FgShape s = z->shape;
    int ret;

    fg_noise_normal(z, seed, step, stream + LOCAL);
    fg_noise_normal(v, seed, step, stream + GLOBAL);
    for (int b = 0; b < s.n; b++) {
        for (int i = 0; i < n->periodic; i++)
            m->phase[b * n->periodic + i] = TURN *
                                            fg_noise_at(
                                                seed, step, stream + PHASE,
                                                (size_t)(b * n->periodic + i));
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++)
                memcpy(fg_f32(z, b, y, x) + n->local, fg_f32(v, b, 0, 0),
                       (size_t)n->global * sizeof(float));
    }
    ret = fg_tape_forward(&m->waves, 1);
    if (ret)
        return ret;
    fg_texture_periodic(z, n, fg_tape_output(&m->waves), m->phase);
    return fg_tape_forward(&m->gen, 1);
}

/* From the pictures' gradient, through the waves as well. */
static int draw_back(Maker *m, const FgTextureNet *n)
{
    int ret = fg_tape_backward(&m->gen, 1);

    if (ret)
        return ret;
    fg_texture_periodic_back(fg_tape_output_grad(&m->waves),
                             fg_tape_input_grad(&m->gen), n,
                             fg_tape_output(&m->waves), m->phase);
    return fg_tape_backward(&m->waves, 1);
}

/* ---- a step ---- */

static void step_net(FgNet *net, double lr, FgStepInfo *info)
{
    const double norm = fg_net_grad_norm(net);

    if (!isfinite(norm))
        info->bad = 1;
    if (!info->bad)
        fg_net_step(net, lr, norm);
}

/* One side of the critic's loss; its gradients are added. */
static int judge(Texture *x, const FgLot *pictures, int real, double *loss)
{
    const int kind = fg_adv_find("bce_logits");
    const FgLot in = fg_lot_input(&x->critic);
    int ret = fg_lot_copy(&in, pictures);

    if (!ret)
        ret = fg_tape_forward(&x->critic, 1);
    if (ret)
        return ret;
    *loss += fg_tape_adv_critic(kind, 1, real ? &x->critic : NULL,
                                real ? NULL : &x->critic)
                 .loss;
    return fg_tape_backward(&x->critic, 1);
}

static int critic_step(FgTrain *t, Texture *x, double lr, FgStepInfo *info)
{
    const FgRecipe *r = t->recipe;
    const FgTensor *y = fg_tape_output(&x->critic);
    /* The penalty sees the sum over a picture's patches, of which there are: */
    const double patches = (double)y->shape.h * y->shape.w;
    const FgLot made = fg_lot_output(&x->maker.gen);
    double loss = 0, r1 = 0;
    int ret = draw(&x->maker, &x->n, r->seed, t->step, 0);

    fg_net_zero_grads(&t->net[CRITIC]);
    if (!ret)
        ret = fg_batch_fill(x->batch, &x->crops, t->step, NULL, &x->real,
                            t->ex);
    if (!ret)
        ret = judge(x, &made, 0, &loss);
    if (!ret)
        ret = judge(x, &x->real, 1, &loss);
    if (!ret && fg_recipe_num(r, "r1") > 0)
        r1 = fg_penalty_run(&x->penalty, FG_PENALTY_R1,
                            fg_recipe_num(r, "r1") / patches, NULL, &ret);
    if (ret)
        return ret;
    fg_step_scalar(info, "Loss/D", loss);
    fg_step_scalar(info, "Loss/R1", r1);
    info->bad = !isfinite(loss + r1);
    step_net(&t->net[CRITIC], lr, info);
    return 0;
}

static int generator_step(FgTrain *t, Texture *x, double lr, FgStepInfo *info)
{
    int ret = draw(&x->maker, &x->n, t->recipe->seed, t->step, 1);

    fg_net_zero_grads(&t->net[GEN]);
    fg_net_zero_grads(&t->net[WAVES]);
    if (ret)
        return ret;
    fg_tape_feed(&x->critic, &x->maker.gen);
    ret = fg_tape_forward(&x->critic, 1);
    if (ret)
        return ret;
    info->loss = fg_tape_adv_generator(fg_adv_find("bce_logits"), 1, NULL,
                                       &x->critic)
                     .loss;
    ret = fg_tape_backward_data(&x->critic, 1);
    if (!ret) {
        fg_tape_feed_back(&x->maker.gen, &x->critic);
        ret = draw_back(&x->maker, &x->n);
    }
    if (ret)
        return ret;
    fg_step_scalar(info, "Loss/G", info->loss);
    info->bad |= !isfinite(info->loss);
    step_net(&t->net[GEN], lr, info);
    step_net(&t->net[WAVES], lr, info);
    return 0;
}

static int texture_step(FgTrain *t, double lr, double part, FgStepInfo *info)
{
    Texture *x = t->priv;
    int ret = critic_step(t, x, lr, info);

    (void)part;
    if (!ret && !info->bad)
        ret = generator_step(t, x, lr, info);
    return ret;
}

/* ---- results ---- */

static int take_params(FgModel *m, const FgParams *ps)
{
    fg_params_host(ps, 0);
    for (int i = 0; i < ps->nb; i++) {
        const FgParam *p = &ps->p[i];
        FgParam *q = fg_params_add(&m->params, p->name, p->nb_dims, p->dims);

        if (!q)
            return -ENOMEM;
        memcpy(q->data, p->data, fg_param_count(p) * sizeof(*p->data));
    }
    return 0;
}

static int fill_model(FgModel *m, const FgTrain *t, const FgTextureNet *n,
                      int set, FgError *err)
{
    static const int three = 3;
    FgParam *half = fg_params_add(&m->params, "half.bias", 1, &three);
    const int cells = t->recipe->patch >> n->levels;
    FgGraph g;
    int ret = half ? fg_texture_generator(&m->graph, n, 1, err) : -ENOMEM;

    for (int i = 0; half && i < 3; i++)
        half->data[i] = 0.5f;
    if (!ret)
        ret = fg_texture_waves(&g, n, err);
    if (ret)
        return ret;
    ret = fg_model_add_stage(m, &g);
    fg_graph_free(&g);
    if (!ret)
        ret = take_params(m, &t->net[GEN].set[set]);
    if (!ret)
        ret = take_params(m, &t->net[WAVES].set[set]);
    m->scale = 1;
    m->task = FG_TASK_GENERATOR;
    m->latent = (FgLatent){.kind = FG_LATENT_TEXTURE,
                           .base_w = cells,
                           .base_h = cells,
                           .local = n->local,
                           .global = n->global,
                           .periodic = n->periodic};
    return ret ? ret : fg_export_meta(t, m);
}

static int texture_export(FgTrain *t, int set, FgModel **out, FgError *err)
{
    const Texture *x = t->priv;
    FgModel *m = fg_model_alloc();
    int ret = m ? fill_model(m, t, &x->n, set, err) : -ENOMEM;

    if (ret) {
        fg_error(err, ret, "the texture's weights file cannot be made: %s",
                 strerror(-ret));
        fg_model_free(&m);
    }
    *out = m;
    return ret;
}

/* A real crop, seven made ones. */
static int texture_sample(FgTrain *t, int set, FgPicture *out, FgError *err)
{
    Texture *x = t->priv;
    const int side = t->recipe->patch, w = side * COLUMNS;
    Maker m = {0};
    int ret;

    *out = (FgPicture){w, side * ROWS, calloc((size_t)w * side * ROWS, 3)};
    if (!out->rgb)
        return fg_error(err, -ENOMEM, "not enough memory for samples");
    ret = maker_open(&m, t, &x->n, set, COLUMNS * ROWS, side >> x->n.levels, 0,
                     err);
    if (!ret)
        ret = draw(&m, &x->n, t->recipe->seed, 0, 2);
    fg_crops_fill(&x->crops, 0, NULL, &x->real.host, t->ex);
    for (int i = 0; i < COLUMNS * ROWS && !ret; i++)
        for (int k = 0; k < side * side * 3; k++) {
            const FgTensor *from = i ? fg_tape_output(&m.gen) : &x->real.host;
            const float v = 127.5f + 127.5f * fg_f32(from, i, 0, 0)[k];
            const size_t y = (size_t)(i / COLUMNS * side + k / 3 / side);
            const size_t at = y * w + i % COLUMNS * side + k / 3 % side;

            out->rgb[3 * at + k % 3] = (uint8_t)(v < 0     ? 0
                                                 : v > 255 ? 255
                                                           : v + 0.5f);
        }
    maker_free(&m);
    if (ret)
        fg_picture_free(out);
    return ret;
}

const FgFamily fg_family_texture = {
    .name = "texture",
    .keys = texture_keys,
    .check = texture_check,
    .load = texture_load,
    .create = texture_create,
    .step = texture_step,
    .export_model = texture_export,
    .close = texture_close,
    .sample = texture_sample,
};
