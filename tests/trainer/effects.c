/* The in-between network and a plate's step beside PyTorch's, and the plate's
 * and the texture's own parts. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/kernels/fixture.h"

#include <math.h>

#include "graph64.h"
#include "trainer/interp.h"
#include "trainer/loss.h"
#include "trainer/penalty.h"
#include "trainer/plate_chain.h"
#include "trainer/procedural.h"
#include "trainer/texture.h"

/* Recorded as floats, computed by PyTorch in double: some thousand terms a sum
 * in single precision here. */
#define TOLERANCE 2e-4

/* ---- fixtures ---- */

static double *get(const Fixture *f, const char *prefix, const char *name,
                   int d[4], size_t *nb)
{
    char key[200];
    double *v;

    snprintf(key, sizeof(key), "%s%s", prefix, name);
    v = fixture_get(f, key, d, nb);
    if (!v)
        fail_msg("no %s", key);
    return v;
}

/* N,C,H,W to our order. */
static void load(const Fixture *f, const char *name, FgTensor *t)
{
    int d[4];
    size_t nb;
    double *v = get(f, "", name, d, &nb);

    assert_int_equal(
        fg_tensor_alloc(t, (FgShape){d[0], d[1], d[2], d[3]}, FG_F32), 0);
    for (size_t i = 0; i < nb; i++) {
        const int x = (int)(i % d[3]), y = (int)(i / d[3] % d[2]);
        const int c = (int)(i / d[3] / d[2] % d[1]);

        fg_f32(t, (int)(i / d[3] / d[2] / d[1]), y, x)[c] = (float)v[i];
    }
    free(v);
}

static double number(const Fixture *f, const char *name)
{
    int d[4];
    size_t nb;
    double *v = get(f, "", name, d, &nb), one = v[0];

    free(v);
    return one;
}

static void near(const char *what, double got, double want, double scale)
{
    if (!(fabs(got - want) <= TOLERANCE * scale))
        fail_msg("%s: %.9g, PyTorch has %.9g", what, got, want);
}

static void load_params(const Fixture *f, const char *prefix, FgParams *ps)
{
    for (int i = 0; i < ps->nb; i++) {
        int d[4];
        size_t nb;
        double *v = get(f, prefix, ps->p[i].name, d, &nb);

        if (nb != fg_param_count(&ps->p[i]))
            fail_msg("%s has %zu elements", ps->p[i].name, nb);
        for (size_t k = 0; k < nb; k++)
            ps->p[i].data[k] = (float)v[k];
        free(v);
    }
}

static void same_params(const Fixture *f, const char *prefix,
                        const FgParams *ps)
{
    for (int i = 0; i < ps->nb; i++) {
        int d[4];
        size_t nb;
        double *v = get(f, prefix, ps->p[i].name, d, &nb), most = 0;

        for (size_t k = 0; k < nb; k++)
            most = fabs(v[k]) > most ? fabs(v[k]) : most;
        for (size_t k = 0; k < nb; k++)
            near(ps->p[i].name, ps->p[i].data[k], v[k], 1e-3 + most);
        free(v);
    }
}

/* ---- in-between ---- */

static void interp_is_pytorchs(void **state)
{
    const FgInterpNet n = {{6, 4, 3, 2}, {8, 6, 5, 3}, 2};
    const int known[2] = {1, 0};
    int node[FG_INTERP_LEVELS];
    const FgTapeOptions o = {0, node, FG_INTERP_LEVELS};
    FgTensor in, want, flow, out, *y, *g;
    double loss, sums[4], mse;
    Fixture f;
    FgGraph graph;
    FgNet net;
    FgTape t;
    FgError err = {""};

    (void)state;
    fixture_open(&f, "trainer/fixtures/effects.safetensors");
    load(&f, "interp.in", &in);
    load(&f, "interp.want", &want);
    load(&f, "interp.flow", &flow);
    load(&f, "interp.out", &out);
    if (fg_interp_build(&graph, &n, node, &err) ||
        fg_net_create(&net, "g", &graph, 1, &err))
        fail_msg("%s", err.text);
    load_params(&f, "interp.", &net.set[FG_SET_PARAM]);
    assert_int_equal(fg_tape_create_with(&t, &net.graph, &net.set[0],
                                         &net.grads, in.shape, &o, NULL, &err),
                     0);
    fg_tensor_copy(fg_tape_input(&t), &in);
    assert_int_equal(fg_tape_forward(&t, 1), 0);
    y = fg_tape_output(&t);
    g = fg_tape_output_grad(&t);
    for (size_t i = 0; i < g64_count(y); i++)
        near("out", g64_at(y, i), g64_at(&out, i), 1);
    fg_net_zero_grads(&net);
    loss = fg_loss_pixel(fg_loss_find("charbonnier"), 1e-3, y, &want, g, NULL,
                         sums, &mse);
    loss += fg_interp_gradient_loss(0.5, 1e-3, y, &want, g, NULL, sums);
    for (int k = 0; k < FG_INTERP_LEVELS; k++)
        loss += fg_interp_flow_loss(0.02, &t.val[node[k]], &flow, known,
                                    fg_tape_seed(&t, node[k]), NULL, sums);
    near("loss", loss, number(&f, "interp.loss"), 1);
    assert_int_equal(fg_tape_backward(&t, 1), 0);
    same_params(&f, "interp.d.", &net.grads);
    fg_tape_free(&t);
    fg_net_free(&net);
    fg_tensor_free(&in);
    fg_tensor_free(&want);
    fg_tensor_free(&flow);
    fg_tensor_free(&out);
    fixture_close(&f);
}

/* ---- plates ---- */

typedef struct Plates {
    FgPlate p; /* FgTrain.priv */
    FgRecipe r;
    FgTrain t;
    FgPlateChain chain;
} Plates;

static void plates_open(Plates *q, const int size[2][2], int features)
{
    FgGraph g;
    FgError err = {""};
    int ret = 0;

    memset(q, 0, sizeof(*q));
    q->p.net = (FgPlateNet){features, 2, 3, 4, features, FG_PAD_ZERO};
    q->p.pyramid = (FgPyramid){.nb_stages = 2, .nb_frames = 1, .c = 4};
    q->r.seed = 5;
    q->t.recipe = &q->r;
    q->t.priv = &q->p;
    q->t.nb_nets = 4;
    for (int k = 0; k < 2; k++) {
        memcpy(q->p.pyramid.size[k], size[k], sizeof(size[k]));
        assert_int_equal(
            fg_tensor_alloc(&q->p.pyramid.real[k],
                            (FgShape){1, 4, size[k][1], size[k][0]}, FG_F32),
            0);
    }
    for (int k = 0; k < 4 && !ret; k++) {
        ret = k < 2    ? fg_plate_stage(&g, &q->p.net, k, &err)
              : k == 2 ? fg_plate_tail(&g, &q->p.net, &err)
                       : fg_plate_critic(&g, &q->p.net, &err);
        if (!ret)
            ret = fg_net_create(&q->t.net[k], "n", &g, 3 + (uint64_t)k, &err);
    }
    q->chain.at = -1;
    if (!ret)
        ret = fg_plate_chain_open(&q->chain, &q->t, FG_SET_PARAM, 1, 2, &err);
    if (ret)
        fail_msg("%s", err.text);
}

static void plates_close(Plates *q)
{
    fg_plate_chain_free(&q->chain);
    fg_pyramid_free(&q->p.pyramid);
    for (int k = 0; k < 4; k++)
        fg_net_free(&q->t.net[k]);
}

/* The chain with given noise, as fg_plate_chain_forward does it. */
static void chain_with(Plates *q, const FgTensor *z0, const FgTensor *z1)
{
    FgTensor *in = fg_tape_input(&q->chain.stage[1]);
    FgTensor noise = fg_tensor_channels(in, q->p.net.features, 3);

    fg_tensor_copy(fg_tape_input(&q->chain.stage[0]), z0);
    assert_int_equal(fg_tape_forward(&q->chain.stage[0], 1), 0);
    fg_bilinear(in, fg_tape_output(&q->chain.stage[0]));
    fg_tensor_copy(&noise, z1);
    assert_int_equal(fg_tape_forward(&q->chain.stage[1], 1), 0);
    fg_tensor_copy(fg_tape_input(&q->chain.tail),
                   fg_tape_output(&q->chain.stage[1]));
    assert_int_equal(fg_tape_forward(&q->chain.tail, 1), 0);
}

static double mean(const FgTensor *t)
{
    double sum = 0;

    for (size_t i = 0; i < g64_count(t); i++)
        sum += g64_at(t, i);
    return sum / (double)g64_count(t);
}

static void set_all(FgTensor *t, double v)
{
    for (size_t i = 0; i < g64_count(t); i++)
        ((float *)t->data)[i] = (float)v;
}

/* One image through the critic, its gradient added with this weight. */
static double judge(FgTape *d, const FgTensor *x, double weight)
{
    fg_tensor_copy(fg_tape_input(d), x);
    assert_int_equal(fg_tape_forward(d, 1), 0);
    set_all(fg_tape_output_grad(d),
            weight / (double)g64_count(fg_tape_output(d)));
    assert_int_equal(fg_tape_backward(d, 1), 0);
    return weight * mean(fg_tape_output(d));
}

static double critic_loss(const Fixture *f, FgTape *d, const FgTensor *real,
                          const FgTensor *fake)
{
    FgPenalty p;
    FgError err;
    double loss = judge(d, fake, 1), gp;
    int ret = 0;

    loss += judge(d, real, -1);
    assert_int_equal(fg_penalty_create(&p, d, &err), 0);
    for (size_t i = 0; i < g64_count(real); i++)
        ((float *)fg_tape_input(d)->data)[i] = (float)(0.3 * g64_at(real, i) +
                                                       0.7 * g64_at(fake, i));
    gp = fg_penalty_run(&p, FG_PENALTY_PIXEL, 0.1, NULL, &ret);
    assert_int_equal(ret, 0);
    near("penalty", gp, number(f, "plate.gp"), 1);
    fg_penalty_free(&p);
    return loss + gp;
}

static double generator_loss(Plates *q, FgTape *d, const FgTensor *real)
{
    FgTensor *y = fg_tape_output(&q->chain.tail);
    FgTensor *g = fg_tape_output_grad(&q->chain.tail);
    const double nb = (double)g64_count(y);
    double loss, sum = 0;

    fg_tape_feed(d, &q->chain.tail);
    assert_int_equal(fg_tape_forward(d, 1), 0);
    loss = -mean(fg_tape_output(d));
    set_all(fg_tape_output_grad(d),
            -1.0 / (double)g64_count(fg_tape_output(d)));
    assert_int_equal(fg_tape_backward_data(d, 1), 0);
    fg_tape_feed_back(&q->chain.tail, d);
    for (size_t i = 0; i < (size_t)nb; i++) {
        const double e = g64_at(y, i) - g64_at(real, i);

        sum += e * e;
        ((float *)g->data)[i] += (float)(20 * e / nb);
    }
    assert_int_equal(fg_plate_chain_backward(&q->chain), 0);
    return loss + 10 * sum / nb;
}

static void plate_step_is_pytorchs(void **state)
{
    const int size[2][2] = {{13, 12}, {17, 15}};
    FgTensor z0, z1, real, fake;
    Plates q;
    Fixture f;
    FgTape d;
    FgNet *net;
    FgError err = {""};

    (void)state;
    fixture_open(&f, "trainer/fixtures/effects.safetensors");
    load(&f, "plate.z0", &z0);
    load(&f, "plate.z1", &z1);
    load(&f, "plate.real", &real);
    load(&f, "plate.fake", &fake);
    plates_open(&q, size, 5);
    net = &q.t.net[3];
    for (int k = 0; k < 4; k++)
        load_params(&f, "plate.", &q.t.net[k].set[FG_SET_PARAM]);
    net->optim = (FgOptim){.kind = fg_optim_find("adam"),
                           .beta1 = 0.5,
                           .beta2 = 0.999,
                           .eps = 1e-8};
    assert_int_equal(fg_tape_create(&d, &net->graph, &net->set[0], &net->grads,
                                    real.shape, 1, NULL, &err),
                     0);
    chain_with(&q, &z0, &z1);
    for (size_t i = 0; i < g64_count(&fake); i++)
        near("made", g64_at(fg_tape_output(&q.chain.tail), i), g64_at(&fake, i),
             1);
    for (int k = 0; k < 4; k++)
        fg_net_zero_grads(&q.t.net[k]);
    near("critic's loss", critic_loss(&f, &d, &real, &fake),
         number(&f, "plate.loss_d"), 1);
    same_params(&f, "plate.d.", &net->grads);
    fg_net_step(net, 5e-4, fg_net_grad_norm(net));
    same_params(&f, "plate.after.", &net->set[FG_SET_PARAM]);
    near("generator's loss", generator_loss(&q, &d, &real),
         number(&f, "plate.loss_g"), 10);
    for (int k = 0; k < 3; k++)
        same_params(&f, "plate.d.", &q.t.net[k].grads);
    fg_tape_free(&d);
    plates_close(&q);
    fg_tensor_free(&z0);
    fg_tensor_free(&z1);
    fg_tensor_free(&real);
    fg_tensor_free(&fake);
    fixture_close(&f);
}

/* <resize x, y> = <x, back y>. */
static void bilinear_adjoint(void **state)
{
    static const FgShape cases[][2] = {{{1, 3, 5, 7}, {1, 5, 8, 13}},
                                       {{1, 2, 6, 4}, {1, 2, 6, 4}},
                                       {{1, 1, 2, 2}, {1, 1, 9, 3}}};

    (void)state;
    for (int k = 0; k < 3; k++) {
        FgTensor x, y, ax, by;
        double a = 0, b = 0;

        fg_tensor_alloc(&x, cases[k][0], FG_F32);
        fg_tensor_alloc(&by, cases[k][0], FG_F32);
        fg_tensor_alloc(&y, cases[k][1], FG_F32);
        fg_tensor_alloc(&ax, cases[k][1], FG_F32);
        for (size_t i = 0; i < g64_count(&x); i++)
            ((float *)x.data)[i] = (float)g64_uniform((uint32_t)i, 1);
        for (size_t i = 0; i < g64_count(&y); i++)
            ((float *)y.data)[i] = (float)g64_uniform((uint32_t)i, 2);
        fg_bilinear(&ax, &x);
        fg_bilinear_back(&by, &y);
        for (size_t i = 0; i < g64_count(&y); i++)
            a += g64_at(&ax, i) * g64_at(&y, i);
        for (size_t i = 0; i < g64_count(&x); i++)
            b += g64_at(&by, i) * g64_at(&x, i);
        near("adjoint", a, b, 1e-2 * (1 + fabs(b))); /* sums of floats */
        fg_tensor_free(&x);
        fg_tensor_free(&y);
        fg_tensor_free(&ax);
        fg_tensor_free(&by);
    }
}

/* ---- the whole generator's loss in double ---- */

static void bilinear64(const FgTensor *from, FgTensor *to)
{
    const FgShape s = from->shape, d = to->shape;

    for (int y = 0; y < d.h; y++)
        for (int x = 0; x < d.w; x++)
            for (int k = 0; k < s.c; k++) {
                const double v = (y + 0.5) * s.h / d.h - 0.5;
                const double u = (x + 0.5) * s.w / d.w - 0.5;
                double sum = 0;

                for (int q = 0; q < 4; q++) {
                    int j = (int)floor(v) + q / 2, i = (int)floor(u) + q % 2;
                    const double w = (1 - fabs(v - j)) * (1 - fabs(u - i));

                    j = j < 0 ? 0 : j > s.h - 1 ? s.h - 1 : j;
                    i = i < 0 ? 0 : i > s.w - 1 ? s.w - 1 : i;
                    sum += w * fg_f64(from, 0, j, i)[k];
                }
                fg_f64(to, 0, y, x)[k] = sum;
            }
}

static double chain64(Plates *q, const FgTensor *z0, const FgTensor *z1,
                      const FgTensor *real, double eps)
{
    const FgShape s = q->chain.stage[1].val[0].shape;
    Graph64 a, b, c, d;
    FgTensor in;
    double sum = 0, loss;

    g64_run(&a, &q->t.net[0].graph, &q->t.net[0].set[0], z0, eps);
    assert_int_equal(fg_tensor_alloc(&in, s, FG_F64), 0);
    bilinear64(&a.val[a.g->nb_nodes - 1], &in);
    for (int i = 0; i < s.h * s.w * 3; i++)
        fg_f64(&in, 0, i / 3 / s.w,
               i / 3 % s.w)[q->p.net.features + i % 3] = g64_at(z1, (size_t)i);
    g64_run(&b, &q->t.net[1].graph, &q->t.net[1].set[0], &in, eps);
    g64_run(&c, &q->t.net[2].graph, &q->t.net[2].set[0],
            &b.val[b.g->nb_nodes - 1], eps);
    g64_run(&d, &q->t.net[3].graph, &q->t.net[3].set[0],
            &c.val[c.g->nb_nodes - 1], 0);
    loss = -mean(&d.val[d.g->nb_nodes - 1]);
    for (size_t i = 0; i < g64_count(real); i++) {
        const double e = g64_at(&c.val[c.g->nb_nodes - 1], i) - g64_at(real, i);

        sum += e * e;
    }
    loss += 10 * sum / (double)g64_count(real);
    fg_tensor_free(&in);
    g64_free(&a);
    g64_free(&b);
    g64_free(&c);
    g64_free(&d);
    return loss;
}

static void plate_whole_loss(void **state)
{
    const int size[2][2] = {{13, 11}, {16, 14}};
    const double eps = 1e-7; /* small: few units cross a ReLU's corner */
    FgTensor z[2];
    double want, got = 0;
    Plates q;
    FgTape d;
    FgNet *net;
    FgTensor *real;
    FgError err;

    (void)state;
    plates_open(&q, size, 6);
    net = &q.t.net[3];
    real = &q.p.pyramid.real[1];
    for (int k = 0; k < 2; k++) {
        fg_tensor_alloc(&z[k], (FgShape){1, 3, size[k][1], size[k][0]}, FG_F32);
        for (size_t i = 0; i < g64_count(&z[k]); i++)
            ((float *)z[k].data)[i] = (float)g64_uniform((uint32_t)i, 5);
    }
    for (size_t i = 0; i < g64_count(real); i++)
        ((float *)real->data)[i] = (float)g64_uniform((uint32_t)i, 6);
    assert_int_equal(fg_tape_create(&d, &net->graph, &net->set[0], &net->grads,
                                    real->shape, 1, NULL, &err),
                     0);
    chain_with(&q, &z[0], &z[1]);
    for (int k = 0; k < 4; k++)
        fg_net_zero_grads(&q.t.net[k]);
    generator_loss(&q, &d, real);
    for (int k = 0; k < 3; k++)
        got += g64_slope(&q.t.net[k].grads, &q.t.net[k].set[0]);
    want = (chain64(&q, &z[0], &z[1], real, eps) -
            chain64(&q, &z[0], &z[1], real, -eps)) /
           (2 * eps);
    near("slope", got, want, 1 + fabs(want));
    fg_tape_free(&d);
    for (int k = 0; k < 2; k++)
        fg_tensor_free(&z[k]);
    plates_close(&q);
}

static void pyramid_sizes(void **state)
{
    FgPyramid p = {0};

    (void)state;
    fg_pyramid_sizes(&p, 640, 480, 24, 160, 6);
    assert_int_equal(p.nb_stages, 6);
    assert_int_equal(p.size[0][1], 24);
    assert_int_equal(p.size[0][0], 32);
    assert_int_equal(p.size[5][0], 160);
    assert_int_equal(p.size[5][1], 120);
    for (int k = 1; k < 6; k++)
        assert_true(p.size[k][0] > p.size[k - 1][0]);
    fg_pyramid_sizes(&p, 60, 100, 24, 160, 3); /* never above its own */
    assert_int_equal(p.size[2][0], 60);
    assert_int_equal(p.size[2][1], 100);
}

/* ---- textures ---- */

/* d sum(z w) / d wave numbers against central differences. */
static void waves(void **state)
{
    const FgTextureNet n = {2, 3, 2, 8, 2, 8, 3};
    double phase[4] = {0.3, 1.2, 2.5, 4};
    FgTensor z, dz, k, dk;

    (void)state;
    fg_tensor_alloc(&z, (FgShape){2, 7, 4, 5}, FG_F32);
    fg_tensor_alloc(&dz, z.shape, FG_F32);
    fg_tensor_alloc(&k, (FgShape){2, 4, 1, 1}, FG_F32);
    fg_tensor_alloc(&dk, k.shape, FG_F32);
    for (size_t i = 0; i < g64_count(&dz); i++)
        ((float *)dz.data)[i] = (float)g64_uniform((uint32_t)i, 1);
    for (size_t i = 0; i < 8; i++)
        ((float *)k.data)[i] = (float)(2 * g64_uniform((uint32_t)i, 2));
    fg_texture_periodic_back(&dk, &dz, &n, &k, phase);
    for (size_t i = 0; i < 8; i++) {
        double side[2] = {0, 0};
        const float keep = ((float *)k.data)[i];

        for (int s = 0; s < 2; s++) {
            ((float *)k.data)[i] = keep + (s ? 0.015625f : -0.015625f);
            fg_texture_periodic(&z, &n, &k, phase);
            for (size_t j = 0; j < g64_count(&z); j++)
                side[s] += j % 7 < 5 ? 0 : g64_at(&z, j) * g64_at(&dz, j);
        }
        ((float *)k.data)[i] = keep;
        /* The difference's own error is about step^2 x^3 / 6. */
        if (fabs(((float *)dk.data)[i] - (side[1] - side[0]) * 32) > 0.02)
            fail_msg("wave %zu: %g, difference %g", i,
                     (double)((float *)dk.data)[i], (side[1] - side[0]) * 32);
    }
    fg_tensor_free(&z);
    fg_tensor_free(&dz);
    fg_tensor_free(&k);
    fg_tensor_free(&dk);
}

/* ---- procedural plates ---- */

static void procedural(void **state)
{
    enum { W = 37, H = 29 };
    static float a[W * H * 4], b[W * H * 4];

    (void)state;
    assert_int_equal(fg_procedural_find("water"), -1);
    for (int kind = 0; fg_procedural_names[kind]; kind++) {
        double sum = 0, apart = 0;

        assert_int_equal(fg_procedural_find(fg_procedural_names[kind]), kind);
        fg_procedural(kind, 3, 0.5, W, H, a);
        fg_procedural(kind, 3, 0.5, W, H, b);
        assert_memory_equal(a, b, sizeof(a));
        fg_procedural(kind, 4, 0.5, W, H, b);
        for (int i = 0; i < W * H * 4; i++) {
            assert_true(a[i] >= 0 && a[i] <= 1);
            sum += a[i];
            apart += fabsf(a[i] - b[i]);
        }
        assert_true(sum > 0 && apart > 0.02 * W * H);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interp_is_pytorchs),
        cmocka_unit_test(plate_step_is_pytorchs),
        cmocka_unit_test(plate_whole_loss),
        cmocka_unit_test(bilinear_adjoint),
        cmocka_unit_test(pyramid_sizes),
        cmocka_unit_test(waves),
        cmocka_unit_test(procedural),
    };
    return cmocka_run_group_tests_name("trainer/effects", tests, NULL, NULL);
}
