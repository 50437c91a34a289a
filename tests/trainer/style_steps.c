/* Ten steps of gan-sr, cyclegan and cut beside PyTorch's in double: losses, all
 * first gradients, last weights; and the slope of each family's whole loss.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/kernels/fixture.h"

#include <math.h>
#include <unistd.h>

#include "kernels/op.h"
#include "trainer/nets.h"
#include "trainer/train.h"

static const char common[] = "recipe: 1\n"
                             "train: [x]\n"
                             "batch: 1\n"
                             "augment: false\n"
                             "lr: 1e-3\n"
                             "eps: 1e-4\n"
                             "ema: 0.9\n";

typedef struct Run {
    FgRecipe r;
    FgTrain t;
    Fixture fix;
} Run;

/* The rows of text that follow task, as a recipe of their own. */
static void open_run(Run *s, const char *task, const char *text)
{
    char path[] = "/tmp/ffgan-steps-XXXXXX";
    const int fd = mkstemp(path);
    FgError err = {""};

    memset(s, 0, sizeof(*s));
    assert_true(fd >= 0);
    dprintf(fd, "%stask: %s\n%s", common, task, text);
    close(fd);
    if (fg_recipe_read(&s->r, path, NULL, 0, NULL, &err))
        fail_msg("%s", err.text);
    unlink(path);
    s->t.recipe = &s->r;
    s->t.family = s->r.family;
    s->t.lr_scale = 1;
    fixture_open(&s->fix, "trainer/fixtures/style-steps.safetensors");
}

static void close_run(Run *s)
{
    s->t.family->close(&s->t);
    for (int i = 0; i < s->t.nb_nets; i++)
        fg_net_free(&s->t.net[i]);
    fg_params_free(&s->t.state);
    fg_data_free(&s->t.train);
    fg_data_free(&s->t.extra[0]);
    fg_recipe_free(&s->r);
    fixture_close(&s->fix);
}

static FgPicture picture(const Fixture *f, const char *name)
{
    int d[4];
    size_t nb;
    double *v = fixture_get(f, name, d, &nb);
    FgPicture p = {d[3], d[2], malloc(nb)};

    assert_non_null(v);
    for (size_t c = 0, i = 0; c < 3; c++)
        for (size_t k = 0; k < nb / 3; k++)
            p.rgb[3 * k + c] = (uint8_t)v[i++];
    free(v);
    return p;
}

static void create(Run *s)
{
    FgError err = {""};

    if (s->t.family->create(&s->t, &err))
        fail_msg("%s", err.text);
}

/* Calls fn with each recorded tensor TASK.NET.WHAT.NAME of a network. */
static void each(Run *s, const char *task, const char *what, FgNet *net,
                 FgParams *ps,
                 void (*fn)(const char *key, FgParam *p, const double *v))
{
    for (int i = 0; i < ps->nb; i++) {
        char key[3 * FG_NAME_LEN];
        int d[4];
        size_t nb;
        double *v;

        if (!ps->p[i].trainable)
            continue;
        snprintf(key, sizeof(key), "%s.%s.%s.%s", task, net->name, what,
                 ps->p[i].name);
        v = fixture_get(&s->fix, key, d, &nb);
        if (!v || nb != fg_param_count(&ps->p[i]))
            fail_msg("%s: not in the file, or of another size", key);
        fn(key, &ps->p[i], v);
        free(v);
    }
}

static void take(const char *key, FgParam *p, const double *v)
{
    (void)key;
    for (size_t i = 0; i < fg_param_count(p); i++)
        p->data[i] = (float)v[i];
}

/* Gradients: single precision, some dozen layers, instance norms. */
static void is_gradient(const char *key, FgParam *p, const double *v)
{
    double most = 0;

    for (size_t i = 0; i < fg_param_count(p); i++)
        most = fmax(most, fabs(v[i]));
    for (size_t i = 0; i < fg_param_count(p); i++)
        if (!(fabs(p->data[i] - v[i]) <= 2e-3 * most + 1e-6))
            fail_msg("%s: gradient %zu is %.9g, not %.9g", key, i, p->data[i],
                     v[i]);
}

/* Weights moved by up to ten times the rate; where an |x| or a ReLU has its
 * corner the two go different ways. */
static void is_weight(const char *key, FgParam *p, const double *v)
{
    for (size_t i = 0; i < fg_param_count(p); i++)
        if (!(fabs(p->data[i] - v[i]) <= 1e-4))
            fail_msg("%s: weight %zu is %.9g, not %.9g", key, i, p->data[i],
                     v[i]);
}

static void load_weights(Run *s, const char *task)
{
    for (int i = 0; i < s->t.nb_nets; i++) {
        FgNet *net = &s->t.net[i];

        each(s, task, "w", net, &net->set[FG_SET_PARAM], take);
        fg_net_copy_set(net, FG_SET_EMA, FG_SET_PARAM);
    }
    for (int i = 0; i < s->t.state.nb; i++) {
        FgParam *p = &s->t.state.p[i];
        char key[3 * FG_NAME_LEN];
        int d[4];
        size_t nb;
        double *v;

        snprintf(key, sizeof(key), "%s.state.%s", task, p->name);
        v = fixture_get(&s->fix, key, d, &nb);
        if (!v || nb != fg_param_count(p))
            fail_msg("%s: not in the file, or of another size", key);
        take(key, p, v);
        free(v);
    }
}

static double scalar(const FgStepInfo *info, const char *tag)
{
    for (int i = 0; i < info->nb_scalars; i++)
        if (!strcmp(info->scalar[i].tag, tag))
            return info->scalar[i].v;
    fail_msg("no %s", tag);
    return 0;
}

static void near(const char *what, int step, double a, double b)
{
    /* The later steps' weights differ a little, at corners of |x| first. */
    if (!(fabs(a - b) <= (step < 5 ? 1e-4 : 1e-3) * (1 + fabs(b))))
        fail_msg("%s of step %d: %.9g, not %.9g", what, step, a, b);
}

static void ten_steps(Run *s, const char *task, double lr)
{
    char key[64];
    int d[4];
    size_t nb;
    double *loss, *critic;

    snprintf(key, sizeof(key), "%s.loss", task);
    loss = fixture_get(&s->fix, key, d, &nb);
    snprintf(key, sizeof(key), "%s.critic", task);
    critic = fixture_get(&s->fix, key, d, &nb);
    load_weights(s, task);
    for (int k = 0; k < 10; k++, s->t.step++) {
        FgStepInfo info = {0};

        assert_int_equal(s->t.family->step(&s->t, lr, 0, &info), 0);
        assert_int_equal(info.bad, 0);
        near(task, k, info.loss, loss[k]);
        near("critic", k, scalar(&info, "Loss/D"), critic[k]);
        for (int i = 0; i < s->t.nb_nets && !k; i++)
            each(s, task, "g", &s->t.net[i], &s->t.net[i].grads, is_gradient);
    }
    for (int i = 0; i < s->t.nb_nets; i++)
        each(s, task, "after", &s->t.net[i], &s->t.net[i].set[FG_SET_PARAM],
             is_weight);
    free(loss);
    free(critic);
}

static void gan_sr(void **state)
{
    Run s;
    FgPicture hr, lr;
    FgError err = {""};

    (void)state;
    open_run(&s, "gan-sr",
             "family: res\nfeatures: 4\nblocks: 1\nbase: nearest\nscale: 2\n"
             "patch: 16\ndegrade: none\ncritic_features: 2\npixel: 1\n"
             "colour_loss: 0.7\nfft: 0.05\nmsssim: 0.5\nfocal: 0.2\nldl: 30\n"
             "gan: 0.1\nfeature: 2\nbeta2: 0.99\nadversarial: bce_logits\n"
             "critic_gain: 1\ncritic_lr: 1\n");
    hr = picture(&s.fix, "gan-sr.hr");
    lr = picture(&s.fix, "gan-sr.lr");
    s.t.train.scale = 2;
    assert_int_equal(fg_data_add_pair(&s.t.train, "x", &lr, &hr, &err), 0);
    assert_int_equal(fg_data_finish(&s.t.train, 16, NULL, &err), 0);
    create(&s);
    ten_steps(&s, "gan-sr", 1e-3);
    each(&s, "gan-sr", "ema", &s.t.net[0], &s.t.net[0].set[FG_SET_EMA],
         is_weight);
    close_run(&s);
}

static void sides(Run *s, const char *task)
{
    FgData *d[2] = {&s->t.train, &s->t.extra[0]};
    FgError err = {""};

    for (int i = 0; i < 2; i++) {
        char name[32];
        FgPicture p;

        snprintf(name, sizeof(name), "%s.%c", task, 'a' + i);
        p = picture(&s->fix, name);

        d[i]->scale = 1;
        assert_int_equal(fg_data_add_picture(d[i], name, &p, &err), 0);
        assert_int_equal(fg_data_finish(d[i], 16, NULL, &err), 0);
    }
}

static void cyclegan(void **state)
{
    Run s;

    (void)state;
    open_run(&s, "cyclegan",
             "train_b: [y]\nfeatures: 3\nblocks: 1\nlevels: 1\n"
             "critic_features: 3\ncritic_levels: 1\npatch: 16\npool: 0\n");
    sides(&s, "cyclegan");
    create(&s);
    ten_steps(&s, "cyclegan", 2e-4);
    close_run(&s);
}

/* Its inputs' features are constants, so there is no slope to compare with. */
static void cut(void **state)
{
    Run s;

    (void)state;
    open_run(&s, "cut",
             "train_b: [y]\nfeatures: 3\nblocks: 2\nlevels: 1\n"
             "critic_features: 3\ncritic_levels: 1\npatch: 16\nplaces: 9\n"
             "nce_features: 8\ntau: 0.3\nnce: 2\n");
    sides(&s, "cut");
    create(&s);
    ten_steps(&s, "cut", 2e-4);
    close_run(&s);
}

/* ---- slopes of the whole loss ---- */

static double direction(int net, int param, size_t i)
{
    const uint32_t at[4] = {(uint32_t)i, (uint32_t)param, (uint32_t)net, 0};
    const uint32_t key[2] = {17, 4};
    uint32_t r[4];

    fg_philox(at, key, r);
    return r[0] * 0x1p-31 - 1;
}

/* Networks that take part in the generator's loss: all but critics. Rates are
 * 0, so that a step only measures. */
static double loss_at(Run *s, double by, double *slope)
{
    FgStepInfo info = {0};

    for (int n = 0; n < s->t.nb_nets; n++) {
        FgParams *ps = &s->t.net[n].set[FG_SET_PARAM];

        for (int i = 0; i < ps->nb && s->t.net[n].name[0] != 'd'; i++)
            for (size_t k = 0;
                 ps->p[i].trainable && k < fg_param_count(&ps->p[i]); k++)
                ps->p[i].data[k] += (float)(by * direction(n, i, k));
    }
    assert_int_equal(s->t.family->step(&s->t, 0, 0, &info), 0);
    *slope = 0;
    for (int n = 0; n < s->t.nb_nets; n++) {
        const FgParams *g = &s->t.net[n].grads;

        for (int i = 0; i < g->nb && s->t.net[n].name[0] != 'd'; i++)
            for (size_t k = 0;
                 g->p[i].trainable && k < fg_param_count(&g->p[i]); k++)
                *slope += g->p[i].data[k] * direction(n, i, k);
    }
    return info.loss;
}

static void slope(Run *s)
{
    const double eps = 0x1p-12;
    double at, none, down, up, want;

    create(s);
    /* Weights that a step of eps changes little. */
    for (int i = 0; i < s->t.nb_nets; i++) {
        assert_int_equal(fg_net_init(&s->t.net[i], "he", 3), 0);
        fg_nets_constants(&s->t.net[i]);
    }
    for (int i = 0; i < 40; i++) /* power iterations settle */
        loss_at(s, 0, &at);
    down = loss_at(s, -eps, &none);
    up = loss_at(s, 2 * eps, &none);
    want = (up - down) / (2 * eps);
    /* Losses are single precision of about 1e-7; corners of |x| are crossed. */
    if (!(fabs(at - want) <= 0.06 * fabs(want) + 2e-3))
        fail_msg("%s: slope %.6g, central difference %.6g", s->t.family->name,
                 at, want);
    close_run(s);
}

static void slope_gan_sr(void **state)
{
    Run s;
    FgPicture hr, lr;
    FgError err = {""};

    (void)state;
    open_run(&s, "gan-sr",
             "family: res\nfeatures: 4\nblocks: 1\npatch: 16\ndegrade: none\n"
             "critic_features: 2\nfft: 0.05\nmsssim: 0.5\nfocal: 0.2\n"
             "focal_alpha: 0\nloss: charbonnier\nloss_eps: 0.05\n"
             "gan: 0.1\nfeature: 2\nadversarial: relativistic\n"
             "critic_gain: 1\n");
    hr = picture(&s.fix, "gan-sr.hr");
    lr = picture(&s.fix, "gan-sr.lr");
    s.t.train.scale = 2;
    assert_int_equal(fg_data_add_pair(&s.t.train, "x", &lr, &hr, &err), 0);
    assert_int_equal(fg_data_finish(&s.t.train, 16, NULL, &err), 0);
    slope(&s);
}

static void slope_cyclegan(void **state)
{
    Run s;

    (void)state;
    open_run(&s, "cyclegan",
             "train_b: [y]\nfeatures: 3\nblocks: 1\nlevels: 1\n"
             "critic_features: 3\ncritic_levels: 1\npatch: 16\npool: 0\n");
    sides(&s, "cyclegan");
    slope(&s);
}

static void slope_keyframe(void **state)
{
    Run s;
    FgPicture a, b;
    FgError err = {""};

    (void)state;
    open_run(&s, "keyframe",
             "painted: [y]\nfeatures: 4\nblocks: 1\ncritic_features: 3\n"
             "critic_levels: 1\npatch: 16\nsteady: 0\n");
    a = picture(&s.fix, "cyclegan.a");
    b = picture(&s.fix, "cyclegan.b");
    s.t.train.scale = 1;
    assert_int_equal(fg_data_add_pair(&s.t.train, "x", &a, &b, &err), 0);
    assert_int_equal(fg_data_finish(&s.t.train, 16, NULL, &err), 0);
    slope(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gan_sr),       cmocka_unit_test(cyclegan),
        cmocka_unit_test(slope_gan_sr), cmocka_unit_test(slope_cyclegan),
        cmocka_unit_test(cut),          cmocka_unit_test(slope_keyframe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
