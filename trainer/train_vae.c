/* Variational autoencoder (Kingma and Welling, arXiv:1312.6114) with DCGAN's
 * networks: an encoder to mean and log variance, the generator as decoder.
 *
 * Loss per value of a picture: (reconstruction + beta * KL) / values, KL =
 * -1/2 sum(1 + lv - mu^2 - exp lv), z = mu + exp(lv / 2) * noise.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/build_gan.h"
#include "kernels/op.h"
#include "trainer/gan.h"
#include "trainer/loss.h"
#include "trainer/noise.h"
#include "trainer/recipe_keys.h"
#include "trainer/tape.h"

enum { G, E }; /* t->net: decoder, encoder */

/* A pass over a batch with one set of weights. */
typedef struct Pass {
    FgTape e, g;
    FgTensor x, noise;
} Pass;

typedef struct Vae {
    Pass train;
    FgCrops crops;
    double beta;
    int latent, mse;
} Vae;

static FgGanBuild build_of(const FgRecipe *r, int encoder)
{
    const int latent = (int)fg_recipe_int(r, "latent");

    return (FgGanBuild){.side = r->patch,
                        .channels = 3,
                        .latent = latent,
                        .features = (int)fg_recipe_int(r, "features"),
                        .outputs = 2 * latent,
                        .activation = fg_recipe_text(r, "activation"),
                        .norm = "none",
                        .last = encoder ? "none" : "sigmoid",
                        .bias = 1};
}

static int make_net(FgTrain *t, int i, FgError *err)
{
    const FgGanBuild b = build_of(t->recipe, i == E);
    return fg_gan_net(t, i, i == E ? "e" : "g", i == E, &b, err);
}

static void close_pass(Pass *p)
{
    fg_tape_free(&p->e);
    fg_tape_free(&p->g);
    fg_tensor_free(&p->x);
    fg_tensor_free(&p->noise);
}

static int open_pass(Pass *p, FgTrain *t, int set, int batch, FgError *err)
{
    const Vae *s = t->priv;
    const int learn = set == FG_SET_PARAM, side = t->recipe->patch;
    const FgShape x = {batch, 3, side, side}, z = {batch, s->latent, 1, 1};
    FgNet *e = &t->net[E], *g = &t->net[G];
    int ret = fg_tape_create(&p->e, &e->graph, &e->set[set],
                             learn ? &e->grads : NULL, x, 0, t->ex, err);

    if (!ret)
        ret = fg_tape_create(&p->g, &g->graph, &g->set[set],
                             learn ? &g->grads : NULL, z, learn, t->ex, err);
    if (!ret)
        ret = fg_tensor_alloc(&p->x, x, FG_F32);
    if (!ret)
        ret = fg_tensor_alloc(&p->noise, z, FG_F32);
    if (!ret && t->recipe->bf16)
        p->e.fast = p->g.fast = FG_FAST_16BIT;
    if (ret)
        close_pass(p);
    return ret;
}

static int vae_create(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    Vae *s = calloc(1, sizeof(*s));
    int ret;

    if (!s)
        return fg_error(err, -ENOMEM, "not enough memory");
    t->priv = s;
    s->crops = (FgCrops){.data = &t->train,
                         .patch = r->patch,
                         .augment = r->augment,
                         .seed = r->seed,
                         .epochs = 1};
    s->beta = fg_recipe_num(r, "beta");
    s->latent = (int)fg_recipe_int(r, "latent");
    s->mse = !strcmp(fg_recipe_text(r, "loss"), "mse");
    ret = make_net(t, G, err);
    if (!ret)
        ret = make_net(t, E, err);
    if (!ret)
        ret = fg_train_warm_start(t, &t->net[G], err);
    return ret ? ret : open_pass(&s->train, t, FG_SET_PARAM, r->batch, err);
}

static size_t values(const FgTensor *t)
{
    return (size_t)t->shape.n * t->shape.c * t->shape.h * t->shape.w;
}

/* z into the decoder's input. */
static void draw(const Vae *s, Pass *p)
{
    const float *out = fg_tape_output(&p->e)->data, *noise = p->noise.data;
    float *z = fg_tape_input(&p->g)->data;

    for (int n = 0; n < p->noise.shape.n; n++, out += 2 * s->latent)
        for (int i = 0; i < s->latent; i++)
            *z++ = out[i] + expf(out[s->latent + i] / 2) * *noise++;
}

/* p->x and p->noise are filled. */
static int forward(const Vae *s, Pass *p, int training)
{
    int ret;

    fg_tensor_copy(fg_tape_input(&p->e), &p->x);
    ret = fg_tape_forward(&p->e, training);
    if (ret)
        return ret;
    draw(s, p);
    return fg_tape_forward(&p->g, training);
}

static double one_value(const Vae *s, double y, double x, double *slope)
{
    const double d = y * (1 - y), a = log(y), b = log(1 - y);

    if (s->mse) {
        *slope = 2 * (y - x);
        return (y - x) * (y - x);
    }
    *slope = (y - x) / (d > 1e-12 ? d : 1e-12);
    return -x * (a > -100 ? a : -100) - (1 - x) * (b > -100 ? b : -100);
}

/* Mean over all values; g, if not NULL, gets the gradient by the output. */
static double reconstruction(const Vae *s, const Pass *p, const FgTensor *out,
                             float *g)
{
    const float *y = out->data, *x = p->x.data;
    const size_t n = values(out);
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double slope;

        sum += one_value(s, y[i], x[i], &slope);
        if (g)
            g[i] = (float)(slope / (double)n);
    }
    return sum / (double)n;
}

/* beta * KL per value; de, if not NULL, gets its gradient by the encoder's
 * output and that of z's, dz, together. */
static double divergence(const Vae *s, const Pass *p, const FgTensor *out,
                         const float *dz, float *de)
{
    const double k = s->beta / (double)values(&p->x);
    const float *o = out->data, *noise = p->noise.data;
    double sum = 0;

    for (int n = 0; n < out->shape.n; n++, o += 2 * s->latent)
        for (int i = 0; i < s->latent; i++, noise++) {
            const double mu = o[i], lv = o[s->latent + i], e = exp(lv);

            sum += -0.5 * (1 + lv - mu * mu - e);
            if (!de)
                continue;
            de[i + 2 * s->latent * n] = (float)(*dz + k * mu);
            de[i + s->latent * (2 * n + 1)] =
                (float)(*dz * 0.5 * sqrt(e) * *noise + k * 0.5 * (e - 1));
            dz++;
        }
    return k * sum;
}

static int vae_step(FgTrain *t, double lr, double part, FgStepInfo *info)
{
    Vae *s = t->priv;
    Pass *p = &s->train;
    double norm[2], rec, kl;
    int ret;

    (void)part;
    fg_crops_fill(&s->crops, t->step, NULL, &p->x, t->ex);
    fg_noise_normal(&p->noise, t->recipe->seed, t->step, FG_NOISE_CODE);
    ret = forward(s, p, 1);
    if (ret)
        return ret;
    rec = reconstruction(s, p, fg_tape_output(&p->g),
                         fg_tape_output_grad(&p->g)->data);
    fg_net_zero_grads(&t->net[G]);
    fg_net_zero_grads(&t->net[E]);
    ret = fg_tape_backward(&p->g, 1);
    if (ret)
        return ret;
    kl = divergence(s, p, fg_tape_output(&p->e),
                    fg_tape_input_grad(&p->g)->data,
                    fg_tape_output_grad(&p->e)->data);
    ret = fg_tape_backward(&p->e, 1);
    if (ret)
        return ret;
    info->loss = rec + kl;
    fg_step_scalar(info, "Loss/reconstruction", rec);
    fg_step_scalar(info, "Loss/KL", kl);
    for (int i = 0; i < 2; i++)
        norm[i] = fg_net_grad_norm(&t->net[i]);
    info->bad = !isfinite(info->loss + norm[0] + norm[1]);
    for (int i = 0; i < 2 && !info->bad; i++)
        fg_net_step(&t->net[i], lr, norm[i]);
    return 0;
}

/* The negative loss of the averaged weights on the held-out pictures. */
static int vae_validate(FgTrain *t, double *figure, double *ssim, FgError *err)
{
    const Vae *s = t->priv;
    const int batch = t->val.nb < t->recipe->batch ? t->val.nb
                                                   : t->recipe->batch;
    const int rounds = t->val.nb / batch;
    FgCrops crops = s->crops;
    double sum = 0;
    Pass p = {0};
    int ret = open_pass(&p, t, FG_SET_EMA, batch, err);

    crops.data = &t->val;
    crops.augment = 0;
    for (int i = 0; i < rounds && !ret; i++) {
        fg_crops_fill(&crops, i, NULL, &p.x, t->ex);
        fg_noise_normal(&p.noise, t->recipe->seed, i, FG_NOISE_VAL);
        ret = forward(s, &p, 0);
        if (!ret)
            sum += reconstruction(s, &p, fg_tape_output(&p.g), NULL) +
                   divergence(s, &p, fg_tape_output(&p.e), NULL, NULL);
    }
    close_pass(&p);
    *figure = -sum / rounds;
    *ssim = 0;
    return ret;
}

static int vae_export(FgTrain *t, int set, FgModel **m, FgError *err)
{
    const Vae *s = t->priv;

    return fg_export_generator(t, &t->net[G], set, s->latent, 0, m, err);
}

/* Pictures, what becomes of them, and what noise becomes. */
static int vae_sample(FgTrain *t, int set, FgPicture *out, FgError *err)
{
    const Vae *s = t->priv;
    FgPicture a = {0}, b = {0}, c = {0}, ab = {0};
    Pass p = {0};
    int ret = open_pass(&p, t, set, 64, err);

    if (ret)
        return ret;
    fg_crops_fill(&s->crops, t->step, NULL, &p.x, t->ex);
    ret = forward(s, &p, 0);
    if (!ret)
        ret = fg_picture_grid(&a, &p.x, 64, 8, 0, 1);
    if (!ret)
        ret = fg_picture_grid(&b, fg_tape_output(&p.g), 64, 8, 0, 1);
    fg_noise_normal(fg_tape_input(&p.g), t->recipe->seed, 0, FG_NOISE_SAMPLE);
    if (!ret)
        ret = fg_tape_forward(&p.g, 0);
    if (!ret)
        ret = fg_picture_grid(&c, fg_tape_output(&p.g), 64, 8, 0, 1);
    if (!ret)
        ret = fg_picture_beside(&ab, &a, &b);
    if (!ret)
        ret = fg_picture_beside(out, &ab, &c);
    close_pass(&p);
    fg_picture_free(&a);
    fg_picture_free(&b);
    fg_picture_free(&c);
    fg_picture_free(&ab);
    return ret ? fg_error(err, ret, "not enough memory for a grid") : 0;
}

static void vae_close(FgTrain *t)
{
    Vae *s = t->priv;

    if (!s)
        return;
    close_pass(&s->train);
    free(s);
    t->priv = NULL;
}

static int vae_check(const FgRecipe *r, const char *path, FgError *err)
{
    const int side = r->patch;

    if (side == 32 || side == 64 || side == 128 || side == 256)
        return fg_md5_check(r, path, err);
    return fg_error(err, -EINVAL, "%s: 'patch' is %d, allowed 32, 64, 128, 256",
                    path, side);
}

static const FgKey keys[] = {
    FG_ENUM("loss", "bce", "bce|mse", "reconstruction loss of each value"),
    FG_DOUBLE("beta", "1", 0, 1e4, "weight of the KL divergence"),
    FG_INT("latent", "64", 1, 4096, "channels of a latent vector"),
    FG_INT("features", "32", 1, 256,
           "channels of the layers next to the picture"),
    FG_ENUM("activation", "relu", "relu|leaky_relu", "activation function"),
    FG_ENUM("weights", "torch", "torch|normal|he", "first weights"),
    FG_STRING("md5", NULL, FG_MD5_HELP),
    FG_INT("patch", "32", 32, 256, "side of a picture in pixels"),
    FG_INT("batch", "64", 1, 1024, "pictures per step"),
    FG_BOOL("augment", "false", "flip and rotate pictures, eight ways"),
    FG_DOUBLE("epochs", "30", 0, 1e6,
              "passes over the pictures instead of steps, 0 = steps"),
    FG_DOUBLE("beta2", "0.999", 0, 0.999999,
              "decay of the second moment, rmsprop's also"),
    FG_INT("val_every", "500", 1, 1e9, "steps between validations"),
    {0}};

const FgFamily fg_family_vae = {
    .name = "vae",
    .keys = keys,
    .figure = {"val_loss", NULL, "loss %.5f", -1},
    .check = vae_check,
    .create = vae_create,
    .step = vae_step,
    .validate = vae_validate,
    .export_model = vae_export,
    .close = vae_close,
    .sample = vae_sample,
};
