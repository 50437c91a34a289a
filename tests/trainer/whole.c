/* The whole losses of dcgan and vae: gradients as the families make them
 * against central differences in double.
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
        "recipe: 1\ntask: %s\ntrain: x\nseed: %d\nlatent: %d\nfeatures: 3\n"
        "batch: %d\n%s",
        task, SEED, LATENT, BATCH, more);
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
    crops = (FgCrops){.data = &c->t.train,
                      .patch = 32,
                      .seed = SEED,
                      .centred = centred,
                      .epochs = 1};
    assert_int_equal(
        fg_tensor_alloc(&c->x, (FgShape){BATCH, 3, 32, 32}, FG_F32), 0);
    assert_int_equal(
        fg_tensor_alloc(&c->noise, (FgShape){BATCH, LATENT, 1, 1}, FG_F32), 0);
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
    open_case(&c, "dcgan", "", 1);
    fg_noise_normal(&c.noise, SEED, 0, FG_NOISE_LATENT);
    assert_int_equal(c.t.family->step(&c.t, 0, 0, &info), 0); /* rate 0 */
    assert_true(fabs(info.loss - dcgan_loss(&c, 0, 0, 0)) < 1e-5);
    near("critic", slope(&c.t.net[1]), dcgan_loss(&c, 0, EPS, 1),
         dcgan_loss(&c, 0, -EPS, 1));
    near("generator", slope(&c.t.net[0]), dcgan_loss(&c, EPS, 0, 0),
         dcgan_loss(&c, -EPS, 0, 0));
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
    vae_case("", 0, 1);
    vae_case("loss: mse\nbeta: 300\nactivation: leaky_relu\n", 1, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dcgan),
        cmocka_unit_test(vae),
    };

    return cmocka_run_group_tests_name("trainer/whole", tests, NULL, NULL);
}
