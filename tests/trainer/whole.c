/* The whole losses of dcgan, wgan-gp, vae and texture: gradients as the
 * families make them against central differences in double.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph64.h"
#include "trainer/noise.h"
#include "trainer/penalty.h"
#include "trainer/train.h"

enum { BATCH = 3, LATENT = 5, SEED = 9 };
static const double EPS = 1e-6; /* small: few units cross a ReLU's corner */

typedef struct Case {
    FgRecipe r;
    FgTrain t;
    FgTensor x, noise; /* what the first step looks at */
} Case;

static void open_case(Case *c, const char *task, const char *more, int centred)
{
    char path[] = "/tmp/ffgan-whole-XXXXXX", text[256];
    const int fd = mkstemp(path);
    FgError err = {""};
    FgCrops crops;

    *c = (Case){.t = {.lr_scale = 1}};
    assert_true(fd >= 0);
    snprintf(
        text, sizeof(text),
        "recipe: 1\ntask: %s\ntrain: x\nseed: %d\nfeatures: 3\nbatch: %d\n%s",
        task, SEED, BATCH, more);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    if (fg_recipe_read(&c->r, path, NULL, 0, NULL, &err))
        fail_msg("%s", err.text);
    unlink(path);
    c->t.train.scale = 1;
    for (int i = 0; i < 5; i++) {
        FgPicture p = {32, 32, malloc(32 * 32 * 3)};

        for (int k = 0; k < 32 * 32 * 3; k++)
            p.rgb[k] = (uint8_t)(256 * (0.5 + g64_uniform((uint32_t)k,
                                                          40 + (uint32_t)i)));
        assert_int_equal(fg_data_add_picture(&c->t.train, "p", &p, &err), 0);
    }
    assert_int_equal(fg_data_finish(&c->t.train, 32, NULL, &err), 0);
    c->t.recipe = &c->r;
    c->t.family = c->r.family;
    if (c->t.family->create(&c->t, &err))
        fail_msg("%s", err.text);
    crops = (FgCrops){
        .data = &c->t.train, .patch = 32, .seed = SEED, .centred = centred};
    assert_int_equal(
        fg_tensor_alloc(&c->x, (FgShape){BATCH, 3, 32, 32}, FG_F32), 0);
    assert_int_equal(
        fg_tensor_alloc(&c->noise, (FgShape){BATCH, LATENT, 1, 1}, FG_F32), 0);
    crops.epochs = !!strcmp(task, "texture"); /* that one draws at random */
    fg_crops_fill(&crops, 0, NULL, &c->x, NULL);
}

static void close_case(Case *c)
{
    c->t.family->close(&c->t);
    for (int i = 0; i < c->t.nb_nets; i++)
        fg_net_free(&c->t.net[i]);
    fg_params_free(&c->t.state);
    fg_data_free(&c->t.train);
    fg_recipe_free(&c->r);
    fg_tensor_free(&c->x);
    fg_tensor_free(&c->noise);
}

static const FgTensor *run(Graph64 *q, const FgNet *net, const FgTensor *in,
                           double eps)
{
    g64_run(q, &net->graph, &net->set[FG_SET_PARAM], in, eps);
    return &q->val[net->graph.nb_nodes - 1];
}

static double slope(const FgNet *net)
{
    return g64_slope(&net->grads, &net->set[FG_SET_PARAM]);
}

/* Float gradients of some thousand weights: relative to their own size. */
static void near(const char *what, double got, double up, double down)
{
    const double want = (up - down) / (2 * EPS);

    if (!(fabs(got - want) <= 2e-4 * (1e-3 + fabs(want))))
        fail_msg("%s: slope %.9g, central difference %.9g", what, got, want);
}

static double bce(const FgTensor *p, int real)
{
    double sum = 0;

    for (size_t i = 0; i < g64_count(p); i++)
        sum -= log(real ? g64_at(p, i) : 1 - g64_at(p, i));
    return sum / (double)g64_count(p);
}

/* The critic's loss with it moved by d, or the generator's with that by g. */
static double dcgan_loss(const Case *c, double g, double d, int critic)
{
    Graph64 made, real, fake;
    const FgTensor *y = run(&made, &c->t.net[0], &c->noise, g);
    double v = bce(run(&fake, &c->t.net[1], y, d), !critic);

    if (critic) {
        v += bce(run(&real, &c->t.net[1], &c->x, d), 1);
        g64_free(&real);
    }
    g64_free(&fake);
    g64_free(&made);
    return v;
}

static void dcgan(void **state)
{
    FgStepInfo info = {0};
    Case c;

    (void)state;
    open_case(&c, "dcgan", "latent: 5\n", 1);
    fg_noise_normal(&c.noise, SEED, 0, FG_NOISE_LATENT);
    assert_int_equal(c.t.family->step(&c.t, 0, 0, &info), 0); /* rate 0 */
    assert_true(fabs(info.loss - dcgan_loss(&c, 0, 0, 0)) < 1e-5);
    near("critic", slope(&c.t.net[1]), dcgan_loss(&c, 0, EPS, 1),
         dcgan_loss(&c, 0, -EPS, 1));
    near("generator", slope(&c.t.net[0]), dcgan_loss(&c, EPS, 0, 0),
         dcgan_loss(&c, -EPS, 0, 0));
    close_case(&c);
}

/* ---- penalties ---- */

static double mean(const FgTensor *t)
{
    double sum = 0;

    for (size_t i = 0; i < g64_count(t); i++)
        sum += g64_at(t, i);
    return sum / (double)g64_count(t);
}

/* Mean over pictures of (|g| - 1)^2, or with r1 of |g|^2 / 2; g: the gradient
 * of the critic's sum at x, the critic moved by d. */
static double penalty(const FgNet *critic, const FgTensor *x, double d, int r1)
{
    Graph64 q;
    FgTensor g;
    const size_t nb = g64_count(x) / (size_t)x->shape.n;
    double sum = 0;

    run(&q, critic, x, d);
    g64_back(&q, &critic->set[FG_SET_PARAM], d, &g);
    for (int n = 0; n < x->shape.n; n++) {
        double square = 0;

        for (size_t i = 0; i < nb; i++)
            square += pow(g64_at(&g, (size_t)n * nb + i), 2);
        sum += r1 ? square / 2 : pow(sqrt(square) - 1, 2);
    }
    fg_tensor_free(&g);
    g64_free(&q);
    return sum / x->shape.n;
}

/* Float values of a double tensor. */
static void to_f32(FgTensor *to, const FgTensor *from)
{
    assert_int_equal(fg_tensor_alloc(to, from->shape, FG_F32), 0);
    for (size_t i = 0; i < g64_count(from); i++)
        ((float *)to->data)[i] = (float)g64_at(from, i);
}

/* The critic's loss with it moved by d, or the generator's with that by g. */
static double wgan_loss(const Case *c, double g, double d, int critic)
{
    const FgNet *net = &c->t.net[1];
    Graph64 made, real, fake;
    FgTensor y, mixed;
    double v;

    to_f32(&y, run(&made, &c->t.net[0], &c->noise, g));
    v = mean(run(&fake, net, critic ? &y : &made.val[made.g->nb_nodes - 1], d));
    if (critic) {
        assert_int_equal(fg_tensor_alloc(&mixed, y.shape, FG_F32), 0);
        fg_penalty_mix(&mixed, &c->x, &y, SEED, 0);
        v += 10 * penalty(net, &mixed, d, 0) - mean(run(&real, net, &c->x, d));
        g64_free(&real);
        fg_tensor_free(&mixed);
    }
    g64_free(&fake);
    g64_free(&made);
    fg_tensor_free(&y);
    return critic ? v : -v;
}

/* As the family has it: batch norm in the generator, penalty 10. */
static void wgan_gp(void **state)
{
    FgStepInfo info = {0};
    Case c;

    (void)state;
    open_case(&c, "wgan-gp", "latent: 5\ncritic_steps: 1\n", 1);
    fg_noise_normal(&c.noise, SEED, 0, FG_NOISE_LATENT);
    assert_int_equal(c.t.family->step(&c.t, 0, 0, &info), 0);
    assert_true(fabs(info.loss - wgan_loss(&c, 0, 0, 0)) < 1e-5);
    near("critic", slope(&c.t.net[1]), wgan_loss(&c, 0, EPS, 1),
         wgan_loss(&c, 0, -EPS, 1));
    near("generator", slope(&c.t.net[0]), wgan_loss(&c, EPS, 0, 0),
         wgan_loss(&c, -EPS, 0, 0));
    close_case(&c);
}

enum { LOCAL = 4, GLOBAL = 3, WAVES = 2, CELLS = 8 };

/* The latent maps of one use of noise: (0) the critic's, (1) the generator's;
 * the network of the waves moved by eps. */
static void texture_latent(const Case *c, int use, double eps, FgTensor *z)
{
    const int stream = FG_NOISE_FAMILY + 3 * use, all = LOCAL + GLOBAL + WAVES;
    FgTensor noise, v;
    const FgTensor *k;
    Graph64 q;

    assert_int_equal(
        fg_tensor_alloc(&noise, (FgShape){BATCH, all, CELLS, CELLS}, FG_F32),
        0);
    assert_int_equal(
        fg_tensor_alloc(&v, (FgShape){BATCH, GLOBAL, 1, 1}, FG_F32), 0);
    assert_int_equal(fg_tensor_alloc(z, noise.shape, FG_F64), 0);
    fg_noise_normal(&noise, SEED, 0, stream);
    fg_noise_normal(&v, SEED, 0, stream + 1);
    k = run(&q, &c->t.net[1], &v, eps);
    for (int b = 0; b < BATCH; b++)
        for (int i = 0; i < CELLS * CELLS; i++)
            for (int m = 0; m < all; m++) {
                const size_t at = (size_t)((b * CELLS * CELLS + i) * all + m);
                const int w = m - LOCAL - GLOBAL;
                const size_t of = (size_t)(2 * (b * WAVES + w));

                ((double *)z->data)[at] =
                    m < LOCAL ? g64_at(&noise, at)
                    : w < 0   ? g64_at(&v, (size_t)(b * GLOBAL + m - LOCAL))
                              : sin(g64_at(k, of) * (i % CELLS) +
                                    g64_at(k, of + 1) * (i / CELLS) +
                                    2 * acos(-1) *
                                        fg_noise_at(SEED, 0, stream + 2, of / 2));
            }
    g64_free(&q);
    fg_tensor_free(&noise);
    fg_tensor_free(&v);
}

/* The logistic loss of logits. */
static double logistic(const FgTensor *y, int real)
{
    double sum = 0;

    for (size_t i = 0; i < g64_count(y); i++)
        sum += log1p(exp(real ? -g64_at(y, i) : g64_at(y, i)));
    return sum / (double)g64_count(y);
}

/* The critic's loss with it moved by d; or the generator's, with that by g and
 * the network of the waves by w. */
static double texture_loss(const Case *c, double g, double w, double d,
                           int critic)
{
    const FgNet *net = &c->t.net[2];
    Graph64 made, fake, real;
    FgTensor z;
    const FgTensor *y, *l;
    double v;

    texture_latent(c, !critic, w, &z);
    y = run(&made, &c->t.net[0], &z, g);
    l = run(&fake, net, y, d);
    v = logistic(l, !critic);
    if (critic) {
        v += logistic(run(&real, net, &c->x, d), 1) +
             penalty(net, &c->x, d, 1) / (l->shape.h * l->shape.w);
        g64_free(&real);
    }
    g64_free(&fake);
    g64_free(&made);
    fg_tensor_free(&z);
    return v;
}

static void texture(void **state)
{
    FgStepInfo info = {0};
    Case c;

    (void)state;
    open_case(&c, "texture",
              "local: 4\nglobal: 3\nperiodic: 2\nlevels: 2\ncritic: 4\n"
              "patch: 32\naugment: false\n",
              1);
    assert_int_equal(c.t.family->step(&c.t, 0, 0, &info), 0);
    assert_true(fabs(info.loss - texture_loss(&c, 0, 0, 0, 0)) < 1e-5);
    near("critic", slope(&c.t.net[2]), texture_loss(&c, 0, 0, EPS, 1),
         texture_loss(&c, 0, 0, -EPS, 1));
    near("generator", slope(&c.t.net[0]), texture_loss(&c, EPS, 0, 0, 0),
         texture_loss(&c, -EPS, 0, 0, 0));
    near("waves", slope(&c.t.net[1]), texture_loss(&c, 0, EPS, 0, 0),
         texture_loss(&c, 0, -EPS, 0, 0));
    close_case(&c);
}

static double vae_loss(const Case *c, double eps, int mse, double beta)
{
    Graph64 e, g;
    const FgTensor *out = run(&e, &c->t.net[1], &c->x, eps), *y;
    const double n = (double)g64_count(&c->x);
    double sum = 0;
    FgTensor z;

    assert_int_equal(
        fg_tensor_alloc(&z, (FgShape){BATCH, LATENT, 1, 1}, FG_F64), 0);
    for (int b = 0; b < BATCH; b++)
        for (int i = 0; i < LATENT; i++) {
            const size_t at = (size_t)(b * LATENT + i);
            const double mu = g64_at(out, (size_t)(2 * b * LATENT + i));
            const double lv = g64_at(out, (size_t)((2 * b + 1) * LATENT + i));

            ((double *)z.data)[at] = mu + exp(lv / 2) * g64_at(&c->noise, at);
            sum -= beta * 0.5 * (1 + lv - mu * mu - exp(lv));
        }
    y = run(&g, &c->t.net[0], &z, eps);
    for (size_t i = 0; i < (size_t)n; i++) {
        const double p = g64_at(y, i), x = g64_at(&c->x, i);

        sum += mse ? (p - x) * (p - x) : -x * log(p) - (1 - x) * log(1 - p);
    }
    fg_tensor_free(&z);
    g64_free(&e);
    g64_free(&g);
    return sum / n;
}

static void vae_case(const char *more, int mse, double beta)
{
    FgStepInfo info = {0};
    Case c;

    open_case(&c, "vae", more, 0);
    fg_noise_normal(&c.noise, SEED, 0, FG_NOISE_CODE);
    assert_int_equal(c.t.family->step(&c.t, 0, 0, &info), 0);
    assert_true(fabs(info.loss - vae_loss(&c, 0, mse, beta)) < 1e-5);
    near("vae", slope(&c.t.net[0]) + slope(&c.t.net[1]),
         vae_loss(&c, EPS, mse, beta), vae_loss(&c, -EPS, mse, beta));
    close_case(&c);
}

static void vae(void **state)
{
    (void)state;
    vae_case("latent: 5\n", 0, 1);
    vae_case("latent: 5\nloss: mse\nbeta: 300\nactivation: leaky_relu\n", 1,
             300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dcgan),
        cmocka_unit_test(wgan_gp),
        cmocka_unit_test(texture),
        cmocka_unit_test(vae),
    };

    return cmocka_run_group_tests_name("trainer/whole", tests, NULL, NULL);
}
