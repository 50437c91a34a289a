/* The fusion network: its losses, through all that makes the frame.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "graph64.h"
#include "trainer/fusion.h"
#include "trainer/net.h"
#include "trainer/tape.h"

enum { N = 2, SIDE = 20 };
#define EPS 1e-3
#define EDGES 0.5

static void fill(FgTensor *t, uint32_t stream, double lo, double hi)
{
    for (size_t i = 0; i < g64_count(t); i++)
        ((float *)t->data)[i] =
            (float)(lo + (hi - lo) * (0.5 + g64_uniform((uint32_t)i, stream)));
}

static int clamp(int v)
{
    return v < 0 ? 0 : v < SIDE ? v : SIDE - 1;
}

static double mean(const double *p, int x, int y, int reach, int squared)
{
    double sum = 0;

    for (int j = -reach; j <= reach; j++)
        for (int i = -reach; i <= reach; i++) {
            const double v = p[clamp(y + j) * SIDE + clamp(x + i)];

            sum += squared ? v * v : v;
        }
    return sum / (2 * reach + 1) / (2 * reach + 1);
}

/* Of image n, kernels/interp.h word for word, but nothing is clipped here: see
 * inside(). */
static void errors64(const FgTensor *in, const FgTensor *out,
                     const FgTensor *want, int n, double *d)
{
    static double luma[SIDE * SIDE], doubt[SIDE * SIDE];

    for (int i = 0; i < SIDE * SIDE; i++) {
        const size_t at = (size_t)(n * SIDE * SIDE + i);
        double p[FG_INTERP_IN], o[FG_INTERP_OUT], moved, plain, a;

        for (size_t k = 0; k < FG_INTERP_IN; k++)
            p[k] = g64_at(in, FG_INTERP_IN * at + k);
        for (size_t k = 0; k < FG_INTERP_OUT; k++)
            o[k] = g64_at(out, FG_INTERP_OUT * at + k);
        a = p[2] + o[0];
        moved = p[0] + a * (p[1] - p[0]);
        plain = (1 - p[6]) * p[4] + p[6] * p[5];
        luma[i] = (1 - o[2]) * moved + o[2] * plain;
        doubt[i] = 0.5 * a * (1 - a) * (p[1] - p[0]) * (p[1] - p[0]);
        d[i] = o[1] - g64_at(want, at);
    }
    for (int i = 0; i < SIDE * SIDE; i++) {
        const int x = i % SIDE, y = i / SIDE;
        const double m = mean(luma, x, y, 1, 0), e = mean(doubt, x, y, 2, 0);
        const double v = mean(luma, x, y, 1, 1) - m * m;

        d[i] += e > 0 ? m + (v > e ? 1 - e / v : 0) * (luma[i] - m) : luma[i];
    }
}

/* Share and fade round 1/2: what is clipped has no slope to compare. */
static void inside(FgParams *ps, FgTensor *in)
{
    FgParam *w = fg_params_find(ps, "last.weight");
    FgParam *b = fg_params_find(ps, "last.bias");

    for (size_t i = 0; i < fg_param_count(w); i++)
        w->data[i] *= 0.2f;
    for (size_t i = 0; i < fg_param_count(b); i++)
        b->data[i] = i / 4 == 2 ? 0.5f : 0; /* shuffled: 4 values each */
    for (size_t i = 0; i < g64_count(in); i++)
        if (i % FG_INTERP_IN == 2)
            ((float *)in->data)[i] = 0.4f + 0.2f * ((float *)in->data)[i];
}

static double logarithm64(const double *e, double scale)
{
    double mse = 0;

    for (int i = 0; i < SIDE * SIDE; i++)
        mse += e[i] * e[i] / (SIDE * SIDE);
    return log(1 + mse / scale) / N;
}

static double rounded64(const double *e)
{
    double pixel = 0, edges = 0;

    for (int i = 0; i < SIDE * SIDE; i++) {
        const double r = i % SIDE < SIDE - 1 ? e[i + 1] - e[i] : 0;
        const double b = i / SIDE < SIDE - 1 ? e[i + SIDE] - e[i] : 0;

        pixel += sqrt(e[i] * e[i] + EPS * EPS);
        edges += i % SIDE < SIDE - 1 ? sqrt(r * r + EPS * EPS) : 0;
        edges += i / SIDE < SIDE - 1 ? sqrt(b * b + EPS * EPS) : 0;
    }
    return pixel / (N * SIDE * SIDE) +
           EDGES * edges / (2.0 * N * SIDE * (SIDE - 1));
}

static double loss64(const FgNet *net, const FgFusion *f, const FgTensor *in,
                     const FgFusionLoss *l, double eps)
{
    static double e[SIDE * SIDE];
    double loss = 0;
    Graph64 q;

    g64_run(&q, &net->graph, &net->set[FG_SET_PARAM], in, eps);
    for (int n = 0; n < N; n++) {
        errors64(in, &q.val[net->graph.nb_nodes - 1], &f->want, n, e);
        loss += l->logarithm ? logarithm64(e, f->scale[n]) : rounded64(e);
    }
    g64_free(&q);
    return loss;
}

/* Most of it is settled, and where both frames agree nothing is. */
static void agree(FgTensor *in)
{
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < SIDE; x++) {
            float *p = fg_f32(in, 0, y, x);

            p[1] = p[0];
        }
}

static void check(const FgFusionLoss *l)
{
    const double eps = 1e-7; /* small: few units cross a ReLU's corner */
    FgFusion f;
    FgTensor in;
    FgGraph g;
    FgNet net;
    FgTape t;
    FgError err = {""};
    double want, got, loss, mse;

    if (fg_fusion_create(&f, N, SIDE, &err) ||
        fg_fusion_build(&g, 6, 1, 1, &err) ||
        fg_net_create(&net, "g", &g, 4, &err))
        fail_msg("%s", err.text);
    fg_tensor_alloc(&in, (FgShape){N, FG_INTERP_IN, SIDE, SIDE}, FG_F32);
    fill(&in, 1, 0, 1);
    inside(&net.set[FG_SET_PARAM], &in);
    agree(&in);
    fill(&f.want, 2, 0, 1);
    for (int n = 0; n < N; n++)
        f.scale[n] = 0.02f * (float)(n + 1);
    assert_int_equal(fg_tape_create(&t, &net.graph, &net.set[0], &net.grads,
                                    in.shape, 0, NULL, &err),
                     0);
    fg_tensor_copy(fg_tape_input(&t), &in);
    assert_int_equal(fg_tape_forward(&t, 1), 0);
    fg_net_zero_grads(&net);
    loss = fg_fusion_loss(&f, &in, fg_tape_output(&t), l,
                          fg_tape_output_grad(&t), &mse, NULL);
    assert_int_equal(fg_tape_backward(&t, 1), 0);
    got = g64_slope(&net.grads, &net.set[0]);
    want = (loss64(&net, &f, &in, l, eps) - loss64(&net, &f, &in, l, -eps)) /
           (2 * eps);
    if (fabs(loss - loss64(&net, &f, &in, l, 0)) > 1e-5)
        fail_msg("loss %.9g, in double %.9g", loss,
                 loss64(&net, &f, &in, l, 0));
    /* Single precision over some thousand terms. */
    if (fabs(got - want) > 5e-4 * (1 + fabs(want)))
        fail_msg("slope %.9g, central difference %.9g", got, want);
    fg_tape_free(&t);
    fg_net_free(&net);
    fg_tensor_free(&in);
    fg_fusion_free(&f);
}

static void loss_of_pixels(void **state)
{
    (void)state;
    check(&(FgFusionLoss){0, EPS, EDGES});
}

static void loss_of_crops(void **state)
{
    (void)state;
    check(&(FgFusionLoss){1, 0, 0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_of_pixels),
        cmocka_unit_test(loss_of_crops),
    };
    return cmocka_run_group_tests_name("trainer/fusion", tests, NULL, NULL);
}
