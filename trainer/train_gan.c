/* DCGAN, WGAN, WGAN-GP: a generator of latent vectors against a critic.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/build_gan.h"
#include "kernels/op.h"
#include "trainer/batch_gpu.h"
#include "trainer/gan.h"
#include "trainer/loss_adv.h"
#include "trainer/loss_tape.h"
#include "trainer/noise.h"
#include "trainer/penalty.h"
#include "trainer/recipe_keys.h"
#include "trainer/spectral.h"
#include "trainer/tape.h"

enum { G, D }; /* t->net */
enum { VAL_PICTURES = 256 };

typedef struct Gan {
    FgTape g, real, fake, mixed; /* generator; critic on three inputs */
    FgCrops crops;
    FgBatchGpu *batch; /* NULL: crops are the host's */
    FgSpectral spectral;
    FgPenalty on_real, on_fake, on_mixed; /* R1, R2, gradient penalty */
    FgPenaltyKind gp_kind;
    double gp, r1, r2, clip_weights, lr_d;
    int loss, critic_steps, latent, is_tanh;
} Gan;

/* ---- making ---- */

static FgGanBuild build_of(const FgRecipe *r, int critic)
{
    const char *norm = fg_recipe_text(r, critic ? "norm_d" : "norm_g");
    const char *loss = fg_recipe_text(r, "loss");
    const int wide = (int)fg_recipe_int(r, "features_d");

    return (FgGanBuild){
        .side = r->patch,
        .channels = 3,
        .latent = (int)fg_recipe_int(r, "latent"),
        .features = critic && wide ? wide : (int)fg_recipe_int(r, "features"),
        .outputs = 1,
        .activation = critic ? fg_recipe_text(r, "activation_d") : "relu",
        .norm = strcmp(norm, "batch") ? "none" : norm,
        .last = !critic               ? "tanh"
                : strcmp(loss, "bce") ? "none"
                                      : "sigmoid",
        .bias = fg_recipe_bool(r, "bias"),
        .dropout = critic ? (float)fg_recipe_num(r, "dropout") : 0,
        .extra = (int)fg_recipe_int(r, critic ? "extra_d" : "extra_g"),
        .smooth = critic ? !strcmp(fg_recipe_text(r, "down"), "pool")
                         : !strcmp(fg_recipe_text(r, "up"), "nearest"),
    };
}

static int make_net(FgTrain *t, int i, FgError *err)
{
    const FgGanBuild b = build_of(t->recipe, i == D);
    return fg_gan_net(t, i, i == D ? "d" : "g", i == D, &b, err);
}

static int make_tapes(FgTrain *t, Gan *s, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgShape z = {r->batch, s->latent, 1, 1};
    const FgShape x = {r->batch, 3, r->patch, r->patch};
    const int spectral = s->spectral.net != NULL;
    FgNet *g = &t->net[G], *d = &t->net[D];
    FgParams *w = spectral ? &s->spectral.w : &d->set[FG_SET_PARAM];
    int ret = fg_tape_create(&s->g, &g->graph, &g->set[FG_SET_PARAM], &g->grads,
                             z, 0, t->ex, err);

    if (!ret)
        ret = fg_tape_create(&s->real, &d->graph, w, &d->grads, x, s->r1 > 0,
                             t->ex, err);
    if (!ret)
        ret = fg_tape_create(&s->fake, &d->graph, w, &d->grads, x, 1, t->ex,
                             err);
    if (!ret && s->gp > 0)
        ret = fg_tape_create(&s->mixed, &d->graph, w, &d->grads, x, 1, t->ex,
                             err);
    s->real.seed = s->fake.seed = r->seed;
    if (!ret && r->bf16)
        s->g.fast = s->real.fast = s->fake.fast = FG_FAST_16BIT;
    if (!ret && s->gp > 0)
        ret = fg_penalty_create(&s->on_mixed, &s->mixed, err);
    if (!ret && s->r1 > 0)
        ret = fg_penalty_create(&s->on_real, &s->real, err);
    if (!ret && s->r2 > 0)
        ret = fg_penalty_create(&s->on_fake, &s->fake, err);
    return ret;
}

/* On a GPU, pictures, what the critic says of them and gradients stay there. */
static int stay_there(Gan *s, FgError *err)
{
    const int kept = FG_KEEP_OUTPUT | FG_KEEP_GRADIENT | FG_KEEP_SLOPE;
    int ret = fg_batch_gpu_create_input(&s->batch, &s->crops, &s->real, err);

    fg_tape_keep(&s->g, FG_KEEP_OUTPUT | FG_KEEP_GRADIENT);
    fg_tape_keep(&s->real, kept | (s->batch ? FG_KEEP_INPUT : 0));
    fg_tape_keep(&s->fake, kept | FG_KEEP_INPUT);
    if (s->gp > 0)
        fg_tape_keep(&s->mixed, kept | FG_KEEP_INPUT);
    return ret;
}

static int gan_create(FgTrain *t, FgError *err)
{
    const FgRecipe *r = t->recipe;
    Gan *s = calloc(1, sizeof(*s));
    int ret;

    if (!s)
        return fg_error(err, -ENOMEM, "not enough memory");
    t->priv = s;
    s->crops = (FgCrops){.data = &t->train,
                         .patch = r->patch,
                         .augment = r->augment,
                         .seed = r->seed,
                         .centred = 1,
                         .epochs = 1};
    s->loss = fg_adv_find(fg_recipe_text(r, "loss"));
    s->critic_steps = (int)fg_recipe_int(r, "critic_steps");
    s->latent = (int)fg_recipe_int(r, "latent");
    s->lr_d = fg_recipe_num(r, "lr_d");
    s->gp = fg_recipe_num(r, "gp");
    s->r1 = fg_recipe_num(r, "r1");
    s->r2 = fg_recipe_num(r, "r2");
    s->clip_weights = fg_recipe_num(r, "clip_weights");
    s->gp_kind = strcmp(fg_recipe_text(r, "gp_norm"), "pixel")
                     ? FG_PENALTY_SAMPLE
                     : FG_PENALTY_PIXEL;
    ret = make_net(t, G, err);
    if (!ret)
        ret = make_net(t, D, err);
    if (!ret)
        ret = fg_train_warm_start(t, &t->net[G], err);
    if (!ret && !strcmp(fg_recipe_text(r, "norm_d"), "spectral"))
        ret = fg_spectral_create(&s->spectral, &t->net[D], &t->state, NULL,
                                 r->seed);
    if (!ret)
        ret = make_tapes(t, s, err);
    return ret ? ret : stay_there(s, err);
}

/* ---- a step ---- */

/* One network's step, or none where anything is not finite. */
static void step_net(FgNet *net, double loss, double lr, FgStepInfo *info)
{
    const double norm = fg_net_grad_norm(net);

    if (isfinite(loss) && isfinite(norm))
        fg_net_step(net, lr, norm);
    else
        info->bad = 1;
}

static double penalties(FgTrain *t, Gan *s, int64_t at, FgStepInfo *info,
                        int *ret)
{
    double sum = 0, norm = 0;

    if (s->gp > 0) {
        *ret = fg_penalty_mix_inputs(&s->mixed, &s->real, &s->fake,
                                     t->recipe->seed, at);
        if (*ret)
            return 0;
        sum += fg_penalty_run(&s->on_mixed, s->gp_kind, s->gp, &norm, ret);
        fg_step_scalar(info, "Penalty/norm", norm);
    }
    if (s->r1 > 0 && !*ret)
        sum += fg_penalty_run(&s->on_real, FG_PENALTY_R1, s->r1, NULL, ret);
    if (s->r2 > 0 && !*ret)
        sum += fg_penalty_run(&s->on_fake, FG_PENALTY_R1, s->r2, NULL, ret);
    if (s->gp > 0 || s->r1 > 0 || s->r2 > 0)
        fg_step_scalar(info, "Loss/penalty", sum);
    return sum;
}

/* Latents, pictures made of them, real pictures: what round at of the critic
 * looks at. */
static int fill(FgTrain *t, Gan *s, int64_t at)
{
    int ret = 0;

    if (s->batch)
        ret = fg_batch_gpu_fill(s->batch, at);
    else
        fg_crops_fill(&s->crops, at, NULL, fg_tape_input(&s->real), t->ex);
    fg_noise_normal(fg_tape_input(&s->g), t->recipe->seed, at, FG_NOISE_LATENT);
    if (!ret)
        ret = fg_tape_forward(&s->g, 1);
    if (!ret)
        fg_tape_feed(&s->fake, &s->g);
    return ret;
}

static int critic_step(FgTrain *t, Gan *s, int64_t at, double lr,
                       FgStepInfo *info)
{
    FgNet *d = &t->net[D];
    FgVerdict v;
    int ret;

    s->real.step = s->fake.step = 2 * at;
    if (s->spectral.net)
        fg_spectral_apply(&s->spectral, 1);
    fg_net_zero_grads(d);
    ret = fg_tape_forward(&s->real, 1);
    if (!ret)
        ret = fg_tape_forward(&s->fake, 1);
    if (ret)
        return ret;
    v = fg_tape_adv_critic(s->loss, 1, &s->real, &s->fake);
    fg_step_scalar(info, "Loss/D", v.loss);
    fg_step_scalar(info, "D/real", v.real);
    fg_step_scalar(info, "D/fake", v.fake);
    s->fake.needs[0] = 0; /* nobody behind the picture asks */
    ret = fg_tape_backward(&s->real, 1);
    if (!ret)
        ret = fg_tape_backward(&s->fake, 1);
    s->fake.needs[0] = 1;
    if (!ret)
        v.loss += penalties(t, s, at, info, &ret);
    if (ret)
        return ret;
    if (s->spectral.net)
        fg_spectral_back(&s->spectral);
    step_net(d, v.loss, lr * s->lr_d, info);
    if (s->clip_weights > 0)
        fg_net_limit(d, s->clip_weights);
    return 0;
}

static int generator_step(FgTrain *t, Gan *s, int64_t at, double lr,
                          FgStepInfo *info)
{
    FgVerdict v;
    int ret = 0;

    s->real.step = s->fake.step = 2 * at + 1;
    if (s->spectral.net)
        fg_spectral_apply(&s->spectral, 0);
    if (fg_adv_pairs(s->loss))
        ret = fg_tape_forward(&s->real, 1);
    if (!ret)
        ret = fg_tape_forward(&s->fake, 1);
    if (ret)
        return ret;
    v = fg_tape_adv_generator(s->loss, 1, &s->real, &s->fake);
    info->loss = v.loss;
    fg_step_scalar(info, "Loss/G", info->loss);
    fg_step_scalar(info, "D/fake2", v.fake);
    ret = fg_tape_backward_data(&s->fake, 1);
    if (ret)
        return ret;
    fg_tape_feed_back(&s->g, &s->fake);
    fg_net_zero_grads(&t->net[G]);
    ret = fg_tape_backward(&s->g, 1);
    if (!ret)
        step_net(&t->net[G], info->loss, lr, info);
    return ret;
}

static int gan_step(FgTrain *t, double lr, double part, FgStepInfo *info)
{
    Gan *s = t->priv;
    const int64_t first = t->step * s->critic_steps;
    FgStepInfo quiet = {0};
    int ret = 0;

    (void)part;
    for (int k = 0; k < s->critic_steps && !ret && !info->bad; k++) {
        const int last = k == s->critic_steps - 1;

        ret = fill(t, s, first + k);
        if (!ret)
            ret = critic_step(t, s, first + k, lr, last ? info : &quiet);
        info->bad |= quiet.bad;
    }
    if (!ret && !info->bad)
        ret = generator_step(t, s, first + s->critic_steps - 1, lr, info);
    return ret;
}

/* ---- results ---- */

static int gan_export(FgTrain *t, int set, FgModel **m, FgError *err)
{
    const Gan *s = t->priv;

    return fg_export_generator(t, &t->net[G], set, s->latent, 1, m, err);
}

/* What one set of weights makes of fixed latents, into *out. */
static int make_pictures(FgTrain *t, int set, int stream, int nb, FgTape *tape,
                         FgError *err)
{
    const Gan *s = t->priv;
    const FgShape z = {nb, s->latent, 1, 1};
    FgNet *g = &t->net[G];
    int ret = fg_tape_create(tape, &g->graph, &g->set[set], NULL, z, 0, t->ex,
                             err);

    if (ret)
        return ret;
    fg_noise_normal(fg_tape_input(tape), t->recipe->seed, 0, stream);
    ret = fg_tape_forward(tape, 0);
    if (ret)
        fg_tape_free(tape);
    return ret;
}

/* Distance of what the averaged weights make of fixed latents from held-out
 * pictures; the critic's own opinion is no measure of either. */
static int gan_validate(FgTrain *t, double *figure, double *ssim, FgError *err)
{
    const int n = t->val.nb < VAL_PICTURES ? t->val.nb : VAL_PICTURES;
    const FgShape x = {n, 3, t->recipe->patch, t->recipe->patch};
    const Gan *s = t->priv;
    FgCrops crops = s->crops;
    FgTensor real = {0};
    FgTape tape = {0};
    double swd = 0;
    int ret = fg_tensor_alloc(&real, x, FG_F32);

    crops.data = &t->val;
    crops.augment = 0;
    if (!ret) {
        fg_crops_fill(&crops, 0, NULL, &real, t->ex);
        ret = make_pictures(t, FG_SET_EMA, FG_NOISE_VAL, n, &tape, err);
    }
    if (!ret)
        ret = fg_gan_distance(&real, fg_tape_output(&tape), -1, 1, t->ex, &swd);
    fg_tape_free(&tape);
    fg_tensor_free(&real);
    *figure = -swd;
    *ssim = 0;
    return ret ? fg_error(err, ret, "not enough memory to validate") : 0;
}

/* Real ones on the left, made ones on the right, 8 by 8 each. */
static int gan_sample(FgTrain *t, int set, FgPicture *out, FgError *err)
{
    const FgRecipe *r = t->recipe;
    const FgShape x = {64, 3, r->patch, r->patch};
    const Gan *s = t->priv;
    FgPicture a = {0}, b = {0};
    FgTape tape = {0};
    FgTensor real = {0};
    int ret = fg_tensor_alloc(&real, x, FG_F32);

    if (!ret) {
        fg_crops_fill(&s->crops, t->step, NULL, &real, t->ex);
        ret = fg_picture_grid(&a, &real, 64, 8, -1, 1);
    }
    if (!ret)
        ret = make_pictures(t, set, FG_NOISE_SAMPLE, 64, &tape, err);
    if (!ret)
        ret = fg_picture_grid(&b, fg_tape_output(&tape), 64, 8, -1, 1);
    if (!ret)
        ret = fg_picture_beside(out, &a, &b);
    fg_tape_free(&tape);
    fg_tensor_free(&real);
    fg_picture_free(&a);
    fg_picture_free(&b);
    return ret ? fg_error(err, ret, "not enough memory for a grid") : 0;
}

static void gan_close(FgTrain *t)
{
    Gan *s = t->priv;

    if (!s)
        return;
    fg_penalty_free(&s->on_real);
    fg_penalty_free(&s->on_fake);
    fg_penalty_free(&s->on_mixed);
    fg_batch_gpu_free(&s->batch);
    fg_tape_free(&s->g);
    fg_tape_free(&s->real);
    fg_tape_free(&s->fake);
    fg_tape_free(&s->mixed);
    fg_spectral_free(&s->spectral);
    free(s);
    t->priv = NULL;
}

/* ---- recipes ---- */

static int gan_check(const FgRecipe *r, const char *path, FgError *err)
{
    const int batch_d = !strcmp(fg_recipe_text(r, "norm_d"), "batch");
    const int side = r->patch, ret = fg_md5_check(r, path, err);

    if (ret)
        return ret;
    if (side != 32 && side != 64 && side != 128 && side != 256)
        return fg_error(err, -EINVAL,
                        "%s: 'patch' is %d, allowed 32, 64, 128, 256", path,
                        side);
    if (batch_d && (fg_recipe_num(r, "gp") > 0 || fg_recipe_num(r, "r1") > 0 ||
                    fg_recipe_num(r, "r2") > 0))
        return fg_error(err, -EINVAL,
                        "%s: 'norm_d' is batch, allowed none, spectral with a "
                        "gradient penalty",
                        path);
    if (fg_recipe_num(r, "dropout") > 0 &&
        (fg_recipe_num(r, "gp") > 0 || fg_recipe_num(r, "r1") > 0 ||
         fg_recipe_num(r, "r2") > 0))
        return fg_error(err, -EINVAL,
                        "%s: 'dropout' is %g, allowed 0 with a gradient "
                        "penalty",
                        path, fg_recipe_num(r, "dropout"));
    return 0;
}

#define ROWS(loss_, norm_, act_, steps_, gp_, clip_, beta1_, beta2_, opt_,     \
             lr_, bias_)                                                       \
    FG_ENUM("loss", loss_, FG_ADV_CHOICES, "adversarial loss"),                \
        FG_INT("latent", "100", 1, 4096, "channels of a latent vector"),       \
        FG_INT("features", "64", 1, 256,                                       \
               "channels of the layers next to the picture"),                  \
        FG_INT("features_d", "0", 0, 256,                                      \
               "the critic's instead, 0 = features"),                          \
        FG_INT("extra_g", "0", 0, 4,                                           \
               "3x3 convolutions behind each layer of the generator"),         \
        FG_INT("extra_d", "0", 0, 4,                                           \
               "3x3 convolutions behind each layer of the critic"),            \
        FG_ENUM("up", "deconv", "deconv|nearest",                              \
                "transposed convolutions, or pixels repeated before 3x3"),     \
        FG_ENUM("down", "stride", "stride|pool",                               \
                "strided convolutions, or means of 2x2 behind 3x3"),           \
        FG_ENUM("activation_d", act_, "relu|leaky_relu",                       \
                "the critic's activation"),                                    \
        FG_ENUM("norm_g", norm_, "none|batch", "norm of the generator"),       \
        FG_ENUM("norm_d", "none", "none|batch|spectral",                       \
                "norm of the critic, or of its weights"),                      \
        FG_BOOL("bias", bias_, "convolutions have biases"),                    \
        FG_DOUBLE("dropout", "0", 0, 0.95,                                     \
                  "dropped share of the critic's activations"),                \
        FG_ENUM("weights", "torch", "torch|normal|he", "first weights"),       \
        FG_INT("critic_steps", steps_, 1, 100,                                 \
               "critic steps, a batch each, per generator step"),              \
        FG_DOUBLE("lr_d", "1", 0, 100, "the critic's rate over lr"),           \
        FG_DOUBLE("gp", gp_, 0, 1e4, "weight of the gradient penalty"),        \
        FG_ENUM("gp_norm", "sample", "sample|pixel",                           \
                "what a gradient's norm is taken over"),                       \
        FG_DOUBLE("r1", "0", 0, 1e4, "weight of R1, on real pictures"),        \
        FG_DOUBLE("r2", "0", 0, 1e4, "weight of R2, on made ones"),            \
        FG_DOUBLE("clip_weights", clip_, 0, 1e3,                               \
                  "largest weight of the critic, 0 = no limit"),               \
        FG_STRING("md5", NULL, FG_MD5_HELP),                                   \
        FG_INT("patch", "32", 32, 256, "side of a picture in pixels"),         \
        FG_INT("batch", "64", 1, 1024, "pictures per step"),                   \
        FG_BOOL("augment", "false", "flip and rotate pictures, eight ways"),   \
        FG_DOUBLE("epochs", "100", 0, 1e6,                                     \
                  "passes over the pictures instead of steps, 0 = steps"),     \
        FG_ENUM("schedule", "constant", "cosine|linear|step|constant",         \
                "learning rate after the warm-up"),                            \
        FG_INT("warmup", "0", 0, 1e9, "steps of linear warm-up"),              \
        FG_ENUM("optimizer", opt_, "adam|adamw|sgd|rmsprop", "optimiser"),     \
        FG_DOUBLE("lr", lr_, 0, 10, "peak learning rate"),                     \
        FG_DOUBLE("beta1", beta1_, 0, 0.999999, "decay of the first moment"),  \
        FG_DOUBLE("beta2", beta2_, 0, 0.999999,                                \
                  "decay of the second moment, rmsprop's also"),               \
        FG_INT("log_every", "20", 1, 1e9, "steps between progress lines"),     \
        FG_INT("sample_every", "100", 0, 1e9,                                  \
               "steps between grids of samples, 0 = none")

static const FgKey dcgan_keys[] = {ROWS("bce", "none", "relu", "1", "0", "0",
                                        "0.9", "0.999", "adam", "1e-4",
                                        "false"),
                                   {0}};
static const FgKey wgan_keys[] = {ROWS("wgan", "batch", "leaky_relu", "5", "0",
                                       "0.01", "0.9", "0.99", "rmsprop", "5e-5",
                                       "false"),
                                  {0}};
static const FgKey wgan_gp_keys[] = {ROWS("wgan", "batch", "leaky_relu", "5",
                                          "10", "0", "0", "0.9", "adam", "1e-4",
                                          "true"),
                                     {0}};

#define FAMILY(name_, keys_)                                                   \
    {                                                                          \
        .name = name_, .keys = keys_,                                          \
        .figure = {"val_swd", NULL, "SWD %.4f", -1}, .check = gan_check,       \
        .create = gan_create, .step = gan_step, .validate = gan_validate,      \
        .export_model = gan_export, .close = gan_close, .sample = gan_sample   \
    }

const FgFamily fg_family_dcgan = FAMILY("dcgan", dcgan_keys);
const FgFamily fg_family_wgan = FAMILY("wgan", wgan_keys);
const FgFamily fg_family_wgan_gp = FAMILY("wgan-gp", wgan_gp_keys);
