/* Adversarial losses, RMSprop, spectral norm and whole steps of the families
 * dcgan and wgan-gp against PyTorch.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../kernels/fixture.h"

#include <math.h>
#include <unistd.h>

#include "trainer/loss_adv.h"
#include "trainer/spectral.h"
#include "trainer/train.h"

static float *get(const Fixture *f, const char *key, size_t *nb)
{
    int dims[4];
    double *d = fixture_get(f, key, dims, nb);
    float *v;

    if (!d)
        fail_msg("no %s", key);
    v = malloc(*nb * sizeof(*v));
    assert_non_null(v);
    for (size_t i = 0; i < *nb; i++)
        v[i] = (float)d[i];
    free(d);
    return v;
}

/* Relative to the largest value of the tensor. */
static void near(const Fixture *f, const char *key, const float *got,
                 double tol)
{
    double most = 0;
    size_t n;
    float *want = get(f, key, &n);

    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - want[i]) <= tol * most))
            fail_msg("%s[%zu] is %.9g, wanted %.9g", key, i, got[i], want[i]);
    free(want);
}

static void one_loss(const Fixture *f, const char *kind)
{
    const int bce = !strcmp(kind, "bce"), row = fg_adv_find(kind);
    float value[2], gr[7], gf[7], gg[7], *real, *fake;
    char key[64];
    size_t n;

    assert_true(row >= 0);
    real = get(f, bce ? "adv.bce.real" : "adv.real", &n);
    fake = get(f, bce ? "adv.bce.fake" : "adv.fake", &n);
    assert_int_equal(n, 7);
    value[0] = (float)fg_adv_critic(row, 1, real, gr, fake, gf, n);
    value[1] = (float)fg_adv_generator(row, 1, real, fake, gg, n);
    /* One rounding to float each. */
    snprintf(key, sizeof(key), "adv.%s.value", kind);
    near(f, key, value, 2e-7);
    snprintf(key, sizeof(key), "adv.%s.g_real", kind);
    near(f, key, gr, 2e-7);
    snprintf(key, sizeof(key), "adv.%s.g_fake", kind);
    near(f, key, gf, 2e-7);
    snprintf(key, sizeof(key), "adv.%s.g_gen", kind);
    near(f, key, gg, 2e-7);
    free(real);
    free(fake);
}

static void losses(void **state)
{
    static const char *const all[] = {"bce",   "bce_logits", "lsgan",
                                      "hinge", "wgan",       "relativistic"};
    Fixture f;

    (void)state;
    fixture_open(&f, "trainer/fixtures/gan.safetensors");
    for (int i = 0; i < 6; i++)
        one_loss(&f, all[i]);
    assert_int_equal(fg_adv_find("l2"), -1);
    fixture_close(&f);
}

static void rmsprop(void **state)
{
    const FgOptim o = {.kind = fg_optim_find("rmsprop"),
                       .beta2 = 0.95,
                       .eps = 1e-8,
                       .weight_decay = 0.02};
    float m[13] = {0}, v[13] = {0}, after[130], *p, *g;
    size_t n;
    Fixture f;

    (void)state;
    fixture_open(&f, "trainer/fixtures/gan.safetensors");
    p = get(&f, "rmsprop.param", &n);
    g = get(&f, "rmsprop.grad", &n);
    for (int s = 0; s < 10; s++) {
        fg_optim_step(&o, p, g + 13 * s, m, v, 13, s + 1, 0.01);
        memcpy(after + 13 * s, p, sizeof(float) * 13);
    }
    near(&f, "rmsprop.after", after, 1e-6);
    free(p);
    free(g);
    fixture_close(&f);
}

static void spectral(void **state)
{
    FgGraph g = {0};
    FgParams run = {0};
    FgSpectral s;
    FgNet net;
    FgError err = {""};
    Fixture f;
    size_t n;
    float *w, *u, *d;
    const int in = fg_graph_op(&g, "input", "input", -1, -1,
                               (FgAttr){.channels = 3});

    (void)state;
    assert_true(
        fg_graph_op(
            &g, "conv2d", "c", in, -1,
            (FgAttr){.channels = 5, .kernel = 2, .stride = 1, .groups = 1}) >
        0);
    fixture_open(&f, "trainer/fixtures/gan.safetensors");
    assert_int_equal(fg_net_create(&net, "d", &g, 1, &err), 0);
    assert_int_equal(fg_spectral_create(&s, &net, &run, NULL, 9), 0);
    w = get(&f, "spectral.weight", &n);
    memcpy(net.set[0].p[0].data, w, n * sizeof(*w));
    u = get(&f, "spectral.u", &n);
    memcpy(fg_params_find(&run, "d.c.weight.u")->data, u, n * sizeof(*u));
    fg_spectral_apply(&s, 1);
    near(&f, "spectral.out", s.w.p[0].data, 1e-6);
    near(&f, "spectral.after_u", fg_params_find(&run, "d.c.weight.u")->data,
         1e-6);
    near(&f, "spectral.after_v", fg_params_find(&run, "d.c.weight.v")->data,
         1e-6);
    d = get(&f, "spectral.dout", &n);
    memcpy(net.grads.p[0].data, d, n * sizeof(*d));
    fg_spectral_back(&s);
    near(&f, "spectral.grad", net.grads.p[0].data, 2e-6);
    free(w);
    free(u);
    free(d);
    fg_spectral_free(&s);
    fg_params_free(&run);
    fg_net_free(&net);
    fixture_close(&f);
}

/* ---- whole steps, by the families' own code ---- */

static void read_recipe(FgRecipe *r, const char *task)
{
    char path[] = "/tmp/ffgan-gan-XXXXXX", text[256];
    const int fd = mkstemp(path);
    FgError err = {""};

    assert_true(fd >= 0);
    snprintf(text, sizeof(text),
             "recipe: 1\ntask: %s\ntrain: x\nseed: 5\nlatent: 6\nfeatures: 3\n"
             "batch: 4\nlr: 1e-3\n%s",
             task, strcmp(task, "dcgan") ? "critic_steps: 2\n" : "");
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    if (fg_recipe_read(r, path, NULL, 0, NULL, &err))
        fail_msg("%s", err.text);
    unlink(path);
}

static void add_pictures(const Fixture *f, FgData *d)
{
    enum { SIZE = 32 * 32 * 3 };
    size_t n;
    float *v = get(f, "pictures", &n);
    FgError err = {""};

    d->scale = 1;
    for (size_t i = 0; i < n / SIZE; i++) {
        FgPicture p = {32, 32, malloc(SIZE)};

        for (int k = 0; k < SIZE; k++)
            p.rgb[k] = (uint8_t)v[i * SIZE + (size_t)k];
        assert_int_equal(fg_data_add_picture(d, "p", &p, &err), 0);
    }
    free(v);
    assert_int_equal(fg_data_finish(d, 32, NULL, &err), 0);
}

static void all_near(const Fixture *f, const char *task, const FgNet *net,
                     const char *what, const FgParams *ps, double tol)
{
    for (int i = 0; i < ps->nb; i++) {
        char key[160];

        if (!ps->p[i].trainable)
            continue;
        snprintf(key, sizeof(key), "%s.%s.%s.%s", task, net->name, what,
                 ps->p[i].name);
        near(f, key, ps->p[i].data, tol);
    }
}

/* Adam moves a weight whose gradient is all rounding by its full rate in
 * either direction, so the weights after ten steps are compared as a whole:
 * the distance from PyTorch's over the way that they went. */
static void same_way(const Fixture *f, const char *task, const FgNet *net)
{
    double apart = 0, went = 0;
    const FgParams *ps = &net->set[FG_SET_PARAM];

    for (int i = 0; i < ps->nb; i++) {
        char key[160];
        float *a, *b;
        size_t n;

        if (!ps->p[i].trainable)
            continue;
        snprintf(key, sizeof(key), "%s.%s.first.%s", task, net->name,
                 ps->p[i].name);
        a = get(f, key, &n);
        snprintf(key, sizeof(key), "%s.%s.after.%s", task, net->name,
                 ps->p[i].name);
        b = get(f, key, &n);
        for (size_t k = 0; k < n; k++) {
            apart += pow((double)ps->p[i].data[k] - b[k], 2);
            went += pow((double)b[k] - a[k], 2);
        }
        free(a);
        free(b);
    }
    if (!(sqrt(apart) <= 2e-3 * sqrt(went)))
        fail_msg("%s %s: after ten steps %.3g of the way apart", task,
                 net->name, sqrt(apart / went));
}

static double scalar(const FgStepInfo *info, const char *tag)
{
    for (int i = 0; i < info->nb_scalars; i++)
        if (!strcmp(info->scalar[i].tag, tag))
            return info->scalar[i].v;
    fail_msg("no %s", tag);
    return 0;
}

static void steps(const char *task)
{
    FgTrain t = {.lr_scale = 1};
    FgRecipe r;
    FgError err = {""};
    Fixture f;
    float *want;
    char key[64];
    size_t n;

    fixture_open(&f, "trainer/fixtures/gan.safetensors");
    read_recipe(&r, task);
    add_pictures(&f, &t.train);
    t.recipe = &r;
    t.family = r.family;
    if (t.family->create(&t, &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < 2; i++)
        all_near(&f, task, &t.net[i], "first", &t.net[i].set[0], 1e-7);
    snprintf(key, sizeof(key), "%s.losses", task);
    want = get(&f, key, &n);
    for (; t.step < 10; t.step++) {
        FgStepInfo info = {0};

        assert_int_equal(t.family->step(&t, 1e-3, 0, &info), 0);
        assert_int_equal(info.bad, 0);
        assert_true(fabs(scalar(&info, "Loss/D") - want[2 * t.step]) < 2e-4);
        assert_true(fabs(info.loss - want[2 * t.step + 1]) < 2e-4);
        /* The critic's gradients of wgan-gp are those of its last round. */
        for (int i = 0; i < 2 && t.step == 0; i++)
            all_near(&f, task, &t.net[i], "grad", &t.net[i].grads, 2e-5);
    }
    for (int i = 0; i < 2; i++)
        same_way(&f, task, &t.net[i]);
    free(want);
    t.family->close(&t);
    for (int i = 0; i < t.nb_nets; i++)
        fg_net_free(&t.net[i]);
    fg_params_free(&t.state);
    fg_data_free(&t.train);
    fg_recipe_free(&r);
    fixture_close(&f);
}

static void dcgan(void **state)
{
    (void)state;
    steps("dcgan");
}

static void wgan_gp(void **state)
{
    (void)state;
    steps("wgan-gp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses),   cmocka_unit_test(rmsprop),
        cmocka_unit_test(spectral), cmocka_unit_test(dcgan),
        cmocka_unit_test(wgan_gp),
    };

    return cmocka_run_group_tests_name("trainer/gan", tests, NULL, NULL);
}
