/* Gradient penalties against PyTorch's double backward, and Euler's identity.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../kernels/fixture.h"

#include <errno.h>
#include <math.h>

#include "kernels/build_gan.h"
#include "kernels/op.h"
#include "trainer/net.h"
#include "trainer/noise.h"
#include "trainer/penalty.h"

static const char *const kinds[] = {"sample", "pixel", "r1"};

static int add_act(FgGraph *g, const char *act, const char *name, int in)
{
    const int leaky = !strcmp(act, "leaky_relu");

    return fg_graph_op(g, act, name, in, -1,
                       (FgAttr){.alpha = leaky ? 0.2f : 0});
}

/* The critic of make_gan.py. */
static void build(FgGraph *g, const char *act)
{
    const FgAttr a = {.channels = 6,
                      .kernel = 4,
                      .stride = 2,
                      .pad = 1,
                      .groups = 1,
                      .bias = 1};
    const FgAttr b = {.channels = 8,
                      .kernel = 3,
                      .stride = 1,
                      .pad = 1,
                      .groups = 1,
                      .bias = 1};
    const FgAttr c = {
        .channels = 1, .kernel = 2, .stride = 1, .groups = 1, .bias = 1};
    int x = fg_graph_op(g, "input", "input", -1, -1, (FgAttr){.channels = 3});

    x = fg_graph_op(g, "conv2d", "c0", x, -1, a);
    x = add_act(g, act, "a0", x);
    x = fg_graph_op(g, "conv2d", "c1", x, -1, b);
    x = add_act(g, act, "a1", x);
    x = fg_graph_op(g, "avg_pool", "pool", x, -1,
                    (FgAttr){.kernel = 2, .stride = 2});
    assert_true(fg_graph_op(g, "conv2d", "c2", x, -1, c) > 0);
}

static const char *const names[] = {"c0.weight", "c1.weight", "c2.weight",
                                    "c0.bias",   "c1.bias",   "c2.bias",
                                    "a0.weight", "a1.weight"};

static void take(const Fixture *f, const char *key, float *to, size_t nb)
{
    int dims[4];
    size_t n;
    double *d = fixture_get(f, key, dims, &n);

    if (!d)
        fail_msg("no %s", key);
    assert_int_equal(n, nb);
    for (size_t i = 0; i < n; i++)
        to[i] = (float)d[i];
    free(d);
}

/* N,C,H,W to N,H,W,C. */
static void take_pictures(const Fixture *f, const char *key, FgTensor *t)
{
    const FgShape s = t->shape;
    int dims[4];
    size_t n;
    double *d = fixture_get(f, key, dims, &n);

    assert_non_null(d);
    for (int i = 0; i < s.n; i++)
        for (int c = 0; c < s.c; c++)
            for (int y = 0; y < s.h; y++)
                for (int x = 0; x < s.w; x++)
                    fg_f32(
                        t, i, y,
                        x)[c] = (float)d[((i * s.c + c) * s.h + y) * s.w + x];
    free(d);
}

/* Sums of some hundred float products: relative to the largest of a tensor. */
static void compare(const Fixture *f, const char *key, const FgParam *p)
{
    int dims[4];
    size_t n;
    double *d = fixture_get(f, key, dims, &n), most = 0;

    assert_non_null(d);
    assert_int_equal(n, fg_param_count(p));
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(d[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs(p->data[i] - d[i]) <= 3e-6 * most + 1e-7))
            fail_msg("%s[%zu] is %.9g, wanted %.9g", key, i, p->data[i], d[i]);
    free(d);
}

static void one_case(const Fixture *f, const char *act)
{
    const int nb = strcmp(act, "prelu") ? 6 : 8;
    FgGraph g = {0};
    FgPenalty p;
    FgTape tape;
    FgNet net;
    FgError err = {""};
    char key[96];

    build(&g, act);
    assert_int_equal(fg_net_create(&net, "d", &g, 1, &err), 0);
    for (int i = 0; i < nb; i++) {
        FgParam *w = fg_params_find(&net.set[0], names[i]);

        snprintf(key, sizeof(key), "%s.param%d", act, i);
        take(f, key, w->data, fg_param_count(w));
    }
    assert_int_equal(fg_tape_create(&tape, &net.graph, &net.set[0], &net.grads,
                                    (FgShape){3, 3, 8, 8}, 1, NULL, &err),
                     0);
    assert_int_equal(fg_penalty_create(&p, &tape, &err), 0);
    for (int k = 0; k < 3; k++) {
        float want;
        double v;
        int ret;

        snprintf(key, sizeof(key), "%s.x", act);
        take_pictures(f, key, fg_tape_input(&tape));
        fg_net_zero_grads(&net);
        v = fg_penalty_run(&p, (FgPenaltyKind)k, 10, NULL, &ret);
        assert_int_equal(ret, 0);
        snprintf(key, sizeof(key), "%s.%s.value", act, kinds[k]);
        take(f, key, &want, 1);
        if (!(fabs(v - want) <= 2e-6 * fabs(want)))
            fail_msg("%s is %.9g, wanted %.9g", key, v, want);
        for (int i = 0; i < nb; i++) {
            snprintf(key, sizeof(key), "%s.%s.grad%d", act, kinds[k], i);
            compare(f, key, fg_params_find(&net.grads, names[i]));
        }
    }
    fg_penalty_free(&p);
    fg_tape_free(&tape);
    fg_net_free(&net);
}

static void against_pytorch(void **state)
{
    static const char *const acts[] = {"relu", "leaky_relu", "prelu",
                                       "silu", "tanh",       "sigmoid"};
    Fixture f;

    (void)state;
    fixture_open(&f, "trainer/fixtures/penalty.safetensors");
    for (int i = 0; i < 6; i++)
        one_case(&f, acts[i]);
    fixture_close(&f);
}

static double dot(const FgParam *a, const FgParam *b)
{
    double sum = 0;

    for (size_t i = 0; i < fg_param_count(a); i++)
        sum += (double)a->data[i] * b->data[i];
    return sum;
}

/* The same number from each layer of a critic without biases: the penalty's
 * slope along the weights. */
static void euler(void **state)
{
    const FgGanBuild b = {32,     3,      1, 6, 1, "leaky_relu",
                          "none", "none", 0, 0, 0, 0};
    const FgShape in = {4, 3, 32, 32};
    FgGraph g = {0};
    FgPenalty p;
    FgTape tape;
    FgNet net;
    FgError err = {""};

    (void)state;
    assert_int_equal(fg_build_gan_critic(&g, &b, &err), 0);
    assert_int_equal(fg_net_create(&net, "d", &g, 3, &err), 0);
    assert_int_equal(fg_tape_create(&tape, &net.graph, &net.set[0], &net.grads,
                                    in, 1, NULL, &err),
                     0);
    assert_int_equal(fg_penalty_create(&p, &tape, &err), 0);
    for (int k = 0; k < 3; k++) {
        double v, want = 0, size = in.c * in.h * in.w, groups = in.n;
        const float *d = p.grad.data;
        int ret;

        fg_noise_normal(fg_tape_input(&tape), 3, k, 1);
        fg_net_zero_grads(&net);
        v = fg_penalty_run(&p, (FgPenaltyKind)k, 1, NULL, &ret);
        assert_int_equal(ret, 0);
        if (k == FG_PENALTY_PIXEL) {
            groups *= in.h * in.w;
            size = in.c;
        }
        for (int i = 0; i < groups; i++) {
            double len = 0;

            for (int j = 0; j < size; j++, d++)
                len += (double)*d * *d;
            len = sqrt(len);
            want += 2 * (len - 1) * len / groups;
        }
        want = k == FG_PENALTY_R1 ? 2 * v : want;
        for (int i = 0; i < net.grads.nb; i++) {
            const double got = dot(&net.grads.p[i], &net.set[0].p[i]);

            if (!(fabs(got - want) <= 1e-5 * (1 + fabs(want))))
                fail_msg("%s, %s: %.9g, by Euler's identity %.9g", kinds[k],
                         net.grads.p[i].name, got, want);
        }
    }
    fg_penalty_free(&p);
    fg_tape_free(&tape);
    fg_net_free(&net);
}

static void refusal(void **state)
{
    const FgGanBuild b = {32, 3, 1, 4, 1, "relu", "batch", "none", 0, 0, 0, 0};
    FgGraph g = {0};
    FgPenalty p;
    FgTape tape;
    FgNet net;
    FgError err = {""};

    (void)state;
    assert_int_equal(fg_build_gan_critic(&g, &b, &err), 0);
    assert_int_equal(fg_net_create(&net, "d", &g, 3, &err), 0);
    assert_int_equal(fg_tape_create(&tape, &net.graph, &net.set[0], &net.grads,
                                    (FgShape){2, 3, 32, 32}, 1, NULL, &err),
                     0);
    assert_int_equal(fg_penalty_create(&p, &tape, &err), -EINVAL);
    assert_non_null(strstr(err.text, "batch_norm"));
    fg_tape_free(&tape);
    fg_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_pytorch),
        cmocka_unit_test(euler),
        cmocka_unit_test(refusal),
    };

    return cmocka_run_group_tests_name("trainer/penalty", tests, NULL, NULL);
}
