/* The fusion network: its loss and its inputs.
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

enum { N = 2, SIDE = 20, BORDER = 3 };
#define EPS 1e-3
#define EDGES 0.5

static void fill(FgTensor *t, uint32_t stream, double lo, double hi)
{
    for (size_t i = 0; i < g64_count(t); i++)
        ((float *)t->data)[i] =
            (float)(lo + (hi - lo) * (0.5 + g64_uniform((uint32_t)i, stream)));
}

static int counts(int i)
{
    const int x = i % SIDE, y = i / SIDE % SIDE;

    return x >= BORDER && x < SIDE - BORDER && y >= BORDER && y < SIDE - BORDER;
}

/* Nothing is clipped here: see inside(). */
static double error64(const FgTensor *in, const FgTensor *out,
                      const FgTensor *want, int i)
{
    double p[FG_INTERP_IN], o[FG_INTERP_OUT], moved, plain;

    for (size_t k = 0; k < FG_INTERP_IN; k++)
        p[k] = g64_at(in, FG_INTERP_IN * (size_t)i + k);
    for (size_t k = 0; k < FG_INTERP_OUT; k++)
        o[k] = g64_at(out, FG_INTERP_OUT * (size_t)i + k);
    moved = p[0] + (p[2] + o[0]) * (p[1] - p[0]);
    plain = (1 - p[6]) * p[4] + p[6] * p[5];
    return (1 - o[2]) * moved + o[2] * plain + o[1] - g64_at(want, (size_t)i);
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

static double loss64(const FgNet *net, const FgFusion *f, const FgTensor *in,
                     double eps)
{
    double pixel = 0, edges = 0, nb = 0, pairs = 0;
    const FgTensor *out;
    Graph64 q;

    g64_run(&q, &net->graph, &net->set[FG_SET_PARAM], in, eps);
    out = &q.val[net->graph.nb_nodes - 1];
    for (int i = 0; i < N * SIDE * SIDE; i++) {
        const double e = counts(i) ? error64(in, out, &f->want, i) : 0;

        if (!counts(i))
            continue;
        pixel += sqrt(e * e + EPS * EPS);
        nb++;
        for (int k = 0; k < 2; k++) {
            const int to = i + (k ? SIDE : 1);
            double d;

            if (to >= N * SIDE * SIDE || !counts(to) ||
                to / SIDE / SIDE != i / SIDE / SIDE)
                continue;
            d = error64(in, out, &f->want, to) - e;
            edges += sqrt(d * d + EPS * EPS);
            pairs++;
        }
    }
    g64_free(&q);
    return pixel / nb + EDGES * edges / pairs;
}

static void whole_loss(void **state)
{
    const double eps = 1e-7; /* small: few units cross a ReLU's corner */
    FgFusion f;
    FgTensor in;
    FgGraph g;
    FgNet net;
    FgTape t;
    FgError err = {""};
    double want, got, loss, mse;

    (void)state;
    if (fg_fusion_create(&f, N, SIDE, &err) ||
        fg_fusion_build(&g, 6, 1, &err) ||
        fg_net_create(&net, "g", &g, 4, &err))
        fail_msg("%s", err.text);
    fg_tensor_alloc(&in, (FgShape){N, FG_INTERP_IN, SIDE, SIDE}, FG_F32);
    fill(&in, 1, 0, 1);
    inside(&net.set[FG_SET_PARAM], &in);
    fill(&f.want, 2, 0, 1);
    assert_int_equal(fg_tape_create(&t, &net.graph, &net.set[0], &net.grads,
                                    in.shape, 0, NULL, &err),
                     0);
    fg_tensor_copy(fg_tape_input(&t), &in);
    assert_int_equal(fg_tape_forward(&t, 1), 0);
    fg_net_zero_grads(&net);
    loss = fg_fusion_loss(&f, &in, fg_tape_output(&t), EPS, EDGES, BORDER,
                          fg_tape_output_grad(&t), &mse, NULL);
    assert_int_equal(fg_tape_backward(&t, 1), 0);
    got = g64_slope(&net.grads, &net.set[0]);
    want = (loss64(&net, &f, &in, eps) - loss64(&net, &f, &in, -eps)) /
           (2 * eps);
    if (fabs(loss - loss64(&net, &f, &in, 0)) > 1e-5)
        fail_msg("loss %.9g, in double %.9g", loss, loss64(&net, &f, &in, 0));
    /* Single precision over some thousand terms. */
    if (fabs(got - want) > 5e-4 * (1 + fabs(want)))
        fail_msg("slope %.9g, central difference %.9g", got, want);
    fg_tape_free(&t);
    fg_net_free(&net);
    fg_tensor_free(&in);
    fg_fusion_free(&f);
}

/* A calm network gives the plain result, which for a picture that stands still
 * is that picture. */
static void still(void **state)
{
    FgFusion f;
    FgTensor rgb, target, in, out, dout;
    FgError err;
    double mse;

    (void)state;
    assert_int_equal(fg_fusion_create(&f, 1, 48, &err), 0);
    fg_tensor_alloc(&rgb, (FgShape){1, 7, 48, 48}, FG_F32);
    fg_tensor_alloc(&target, (FgShape){1, 3, 48, 48}, FG_F32);
    fg_tensor_alloc(&in, (FgShape){1, FG_INTERP_IN, 48, 48}, FG_F32);
    fg_tensor_alloc(&out, (FgShape){1, FG_INTERP_OUT, 48, 48}, FG_F32);
    fg_tensor_alloc(&dout, out.shape, FG_F32);
    for (int i = 0; i < 48 * 48; i++)
        for (int k = 0; k < 3; k++) {
            const float v = 0.5f + 0.3f * (float)sin(i % 48 * 0.4 + i / 48);

            fg_f32(&rgb, 0, i / 48, i % 48)[k] = v;
            fg_f32(&rgb, 0, i / 48, i % 48)[3 + k] = v;
            fg_f32(&rgb, 0, i / 48, i % 48)[6] = 0.5f;
            fg_f32(&target, 0, i / 48, i % 48)[k] = v;
        }
    fg_fusion_inputs(&f, &rgb, &target, &in, NULL);
    fg_fusion_loss(&f, &in, &out, EPS, 0, 8, &dout, &mse, NULL);
    if (mse > 1e-6)
        fail_msg("mean squared error %g", mse);
    fg_tensor_free(&rgb);
    fg_tensor_free(&target);
    fg_tensor_free(&in);
    fg_tensor_free(&out);
    fg_tensor_free(&dout);
    fg_fusion_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_loss),
        cmocka_unit_test(still),
    };
    return cmocka_run_group_tests_name("trainer/fusion", tests, NULL, NULL);
}
