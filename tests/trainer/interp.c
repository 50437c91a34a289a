/* The in-between network: the whole loss's gradient, its triplets, its plan.
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

#include "graph64.h"
#include "kernels/plan.h"
#include "trainer/interp.h"
#include "trainer/loss.h"
#include "trainer/motion.h"
#include "trainer/net.h"
#include "trainer/tape.h"
#include "trainer/triplets.h"

enum { N = 2, SIDE = 32 };
#define EPS 1e-3
#define EDGES 0.5
#define FLOW 0.02

/* ---- data ---- */

static FgPicture photo(int w, int h, uint32_t seed)
{
    FgPicture p = {w, h, malloc((size_t)w * h * 3)};

    for (int i = 0; i < w * h * 3; i++) {
        const int x = i / 3 % w, y = i / 3 / w;

        p.rgb[i] = (uint8_t)(128 + 60 * sin(0.3 * x + seed + i % 3) +
                             50 * cos(0.23 * y + 0.1 * x));
    }
    return p;
}

static void photos(FgData *d, FgPair *pair, int nb)
{
    *d = (FgData){.pair = pair, .nb = nb, .scale = 1};
    for (int i = 0; i < nb; i++)
        pair[i] = (FgPair){.name = "photo",
                           .hr = photo(90 + 7 * i, 80, (uint32_t)i)};
}

static void photos_free(FgData *d)
{
    for (int i = 0; i < d->nb; i++)
        fg_picture_free(&d->pair[i].hr);
}

typedef struct Batch {
    FgTensor in, target, flow;
    int known[8];
} Batch;

static void batch_alloc(Batch *b, int n, int side)
{
    assert_int_equal(
        fg_tensor_alloc(&b->in, (FgShape){n, 7, side, side}, FG_F32), 0);
    assert_int_equal(
        fg_tensor_alloc(&b->target, (FgShape){n, 3, side, side}, FG_F32), 0);
    assert_int_equal(
        fg_tensor_alloc(&b->flow, (FgShape){n, 4, side, side}, FG_F32), 0);
}

static void batch_free(Batch *b)
{
    fg_tensor_free(&b->in);
    fg_tensor_free(&b->target);
    fg_tensor_free(&b->flow);
}

/* ---- the whole loss in double ---- */

static double pixel64(const FgTensor *y, const FgTensor *t)
{
    const FgShape s = y->shape;
    const size_t row = (size_t)s.w * s.c, all = row * s.h;
    double pixel = 0, edges = 0, nb = 0;

    for (size_t i = 0; i < all * s.n; i++) {
        const double d = g64_at(y, i) - g64_at(t, i);

        pixel += sqrt(d * d + EPS * EPS);
        if (i % row < row - (size_t)s.c) {
            const double e = g64_at(y, i + s.c) - g64_at(t, i + s.c) - d;
            edges += sqrt(e * e + EPS * EPS);
            nb++;
        }
        if (i % all < all - row) {
            const double e = g64_at(y, i + row) - g64_at(t, i + row) - d;
            edges += sqrt(e * e + EPS * EPS);
            nb++;
        }
    }
    return pixel / (double)(all * s.n) + EDGES * edges / nb;
}

static double flow64(const FgTensor *f, const FgTensor *flow, const int *known)
{
    const FgShape s = f->shape;
    const int r = flow->shape.h / s.h;
    double sum = 0, nb = 0;

    for (int i = 0; i < s.n * s.h * s.w * 4; i++) {
        const int k = i % 4, x = i / 4 % s.w, y = i / 4 / s.w % s.h;
        const int n = i / 4 / s.w / s.h;
        double want = 0, e;

        for (int v = 0; v < r * r; v++)
            want += fg_f32(flow, n, y * r + v / r, x * r + v % r)[k];
        e = r * g64_at(f, (size_t)i) - want / (r * r);
        sum += known[n] ? sqrt(e * e + 0.01) : 0;
        nb += known[n];
    }
    return nb ? sum / nb : 0;
}

static double loss64(const FgNet *net, const int *flow, const Batch *b,
                     double eps)
{
    Graph64 q;
    double loss;

    g64_run(&q, &net->graph, &net->set[FG_SET_PARAM], &b->in, eps);
    loss = pixel64(&q.val[net->graph.nb_nodes - 1], &b->target);
    for (int k = 0; k < FG_INTERP_LEVELS; k++)
        loss += FLOW * flow64(&q.val[flow[k]], &b->flow, b->known);
    g64_free(&q);
    return loss;
}

static double step32(FgNet *net, FgTape *t, const int *flow, const Batch *b,
                     FgExecutor *ex)
{
    FgTensor *y = fg_tape_output(t), *g = fg_tape_output_grad(t);
    double sums[2 * N], mse, loss;

    fg_tensor_copy(fg_tape_input(t), &b->in);
    assert_int_equal(fg_tape_forward(t, 1), 0);
    fg_net_zero_grads(net);
    loss = fg_loss_pixel(fg_loss_find("charbonnier"), EPS, y, &b->target, g, ex,
                         sums, &mse);
    loss += fg_interp_gradient_loss(EDGES, EPS, y, &b->target, g, ex, sums);
    for (int k = 0; k < FG_INTERP_LEVELS; k++)
        loss += fg_interp_flow_loss(FLOW, &t->val[flow[k]], &b->flow, b->known,
                                    fg_tape_seed(t, flow[k]), ex, sums);
    assert_int_equal(fg_tape_backward(t, 1), 0);
    return loss;
}

static void make(FgNet *net, int size, int *flow)
{
    const FgInterpNet n = fg_interp_net(size);
    FgGraph g;
    FgError err = {""};

    if (fg_interp_build(&g, &n, flow, &err) ||
        fg_net_create(net, "g", &g, 5, &err))
        fail_msg("%s", err.text);
}

static void whole_loss(void **state)
{
    const double eps = 1e-7; /* small: few units cross a PReLU's corner */
    int flow[FG_INTERP_LEVELS];
    FgTapeOptions o = {0, flow, FG_INTERP_LEVELS};
    FgPair pair[3];
    FgPool *pool = NULL;
    FgTriplets q = {.motion = 6, .seed = 3};
    FgData d;
    FgNet net;
    FgTape t;
    FgError err;
    Batch b;
    double want, got, loss, one;

    (void)state;
    photos(&d, pair, 3);
    q.photos = &d;
    batch_alloc(&b, N, SIDE);
    assert_int_equal(fg_pool_create(&pool, 2), 0);
    fg_triplets_fill(&q, 7, &b.in, &b.target, &b.flow, b.known, NULL);
    b.known[1] = 0; /* as a real one is */
    make(&net, 2, flow);
    assert_int_equal(fg_tape_create_with(&t, &net.graph, &net.set[0],
                                         &net.grads, b.in.shape, &o,
                                         fg_pool_executor(pool), &err),
                     0);
    loss = step32(&net, &t, flow, &b, fg_pool_executor(pool));
    got = g64_slope(&net.grads, &net.set[0]);
    one = step32(&net, &t, flow, &b, NULL);
    assert_true(one == loss && g64_slope(&net.grads, &net.set[0]) == got);
    want = (loss64(&net, flow, &b, eps) - loss64(&net, flow, &b, -eps)) /
           (2 * eps);
    /* Single precision over thousands of terms. */
    if (fabs(loss - loss64(&net, flow, &b, 0)) > 1e-5 * (1 + loss))
        fail_msg("loss %.9g, in double %.9g", loss, loss64(&net, flow, &b, 0));
    if (fabs(got - want) > 5e-4 * (1 + fabs(want)))
        fail_msg("slope %.9g, central difference %.9g", got, want);
    fg_tape_free(&t);
    fg_net_free(&net);
    batch_free(&b);
    photos_free(&d);
    fg_pool_free(&pool);
}

/* ---- made-up motion ---- */

static double sample(const FgTensor *t, int c, double x, double y)
{
    const int x0 = (int)floor(x), y0 = (int)floor(y);
    const double fx = x - x0, fy = y - y0;
    const double a = fg_f32(t, 0, y0, x0)[c], b = fg_f32(t, 0, y0, x0 + 1)[c];
    const double e = fg_f32(t, 0, y0 + 1, x0)[c];
    const double f = fg_f32(t, 0, y0 + 1, x0 + 1)[c];

    return (a * (1 - fx) + b * fx) * (1 - fy) + (e * (1 - fx) + f * fx) * fy;
}

/* Frame 0 and frame 1 along the true flows give the target, but where a layer
 * hides it in one of them: there the other one does. */
static void flows_are_true(void **state)
{
    const double t = 0.35;
    FgPair pair[3];
    FgData d;
    Batch b;
    int bad = 0, all = 0;

    (void)state;
    photos(&d, pair, 3);
    batch_alloc(&b, 1, 64);
    for (uint32_t seed = 0; seed < 12; seed++) {
        FgRandom r = fg_random(seed, 0, 0, 1);

        fg_motion_triplet(&d, 7, t, &b.in, &b.target, &b.flow, 0, &r);
        for (int y = 10; y < 54; y++)
            for (int x = 10; x < 54; x++, all++) {
                const float *f = fg_f32(&b.flow, 0, y, x);
                const double want = fg_f32(&b.target, 0, y, x)[0];
                const double e0 = sample(&b.in, 0, x + f[0], y + f[1]) - want;
                const double e1 = sample(&b.in, 3, x + f[2], y + f[3]) - want;

                /* noise 0.06, light 0.1, blur and interpolation */
                bad += fabs(e0) > 0.16 && fabs(e1) > 0.16;
            }
    }
    if (bad * 50 > all)
        fail_msg("%d of %d pixels are not where the flows say", bad, all);
    batch_free(&b);
    photos_free(&d);
}

/* ---- clips ---- */

static FgPair frame(const char *name, int value)
{
    FgPair p = {.name = (char *)name, .hr = {48, 40, malloc(48 * 40 * 3)}};

    memset(p.hr.rgb, value, 48 * 40 * 3);
    return p;
}

static void shots(void **state)
{
    FgPair pair[] = {frame("a#0", 10),  frame("a#1", 12),  frame("a#2", 14),
                     frame("a#3", 200), frame("a#4", 201), frame("b#0", 201),
                     frame("b#1", 180)};
    const int want[] = {2, 2, 2, 4, 4, 5, 6};
    FgData d = {.pair = pair, .nb = 7, .scale = 1};
    int last[7];

    (void)state;
    fg_clip_shots(&d, last);
    assert_memory_equal(last, want, sizeof(want));
    photos_free(&d);
}

/* Frame k of the clip holds the value 3 k, so that t can be seen. */
static void real_triplets(void **state)
{
    FgPair pair[9];
    char name[9][8];
    int last[9], seen[3] = {0};
    FgData d = {.pair = pair, .nb = 9, .scale = 1};
    FgTriplets q = {.frames = &d, .last = last, .real = 0, .seed = 2};
    Batch b;

    (void)state;
    for (int i = 0; i < 9; i++) {
        snprintf(name[i], sizeof(name[i]), "a#%d", i);
        pair[i] = frame(name[i], 3 * i);
    }
    fg_clip_shots(&d, last);
    batch_alloc(&b, 4, 32);
    for (int step = 0; step < 20; step++) {
        fg_triplets_fill(&q, step, &b.in, &b.target, &b.flow, b.known, NULL);
        for (int n = 0; n < 4; n++) {
            const float *p = fg_f32(&b.in, n, 3, 5);
            const float at = p[0] + p[6] * (p[3] - p[0]);

            assert_int_equal(b.known[n], 0);
            assert_true(fabs(at - fg_f32(&b.target, n, 9, 9)[1]) < 1e-6);
            seen[p[6] < 0.4 ? 0 : p[6] > 0.6 ? 2 : 1]++;
        }
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    batch_free(&b);
    photos_free(&d);
}

/* ---- running it ---- */

/* A plan gives what the tape gives, at sizes that are no multiple of 16 too,
 * and the calm network is nearly a blend. */
static void plan(void **state)
{
    const int w = 45, h = 39;
    int flow[FG_INTERP_LEVELS];
    FgPlanOptions o = {
        .device = "cpu", .precision = FG_PREC_FP32, .max_w = w, .max_h = h};
    FgModel *m = fg_model_alloc();
    FgPlan *p = NULL;
    FgNet net;
    FgError err = {""};
    FgTensor in, out;

    (void)state;
    make(&net, 3, flow);
    fg_interp_calm(&net.set[FG_SET_PARAM]);
    assert_int_equal(
        fg_net_collapse(&net, FG_SET_PARAM, &m->graph, &m->params, &err), 0);
    m->scale = 1;
    if (fg_plan_create(&p, m, &o, &err))
        fail_msg("%s", err.text);
    assert_int_equal(fg_tensor_alloc(&in, (FgShape){1, 7, h, w}, FG_F32), 0);
    assert_int_equal(fg_tensor_alloc(&out, (FgShape){1, 3, h, w}, FG_F32), 0);
    for (size_t i = 0; i < g64_count(&in); i++)
        ((float *)in.data)[i] = i % 7 == 6 ? 0.5f : 0.3f + 0.1f * (i % 7 > 2);
    assert_int_equal(fg_plan_run(p, &in, &out), 0);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            assert_true(fabs(fg_f32(&out, 0, y, x)[1] - 0.35) < 0.1);
    fg_tensor_free(&in);
    fg_tensor_free(&out);
    fg_plan_free(&p);
    fg_model_free(&m);
    fg_net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_loss), cmocka_unit_test(flows_are_true),
        cmocka_unit_test(shots),      cmocka_unit_test(real_triplets),
        cmocka_unit_test(plan),
    };
    return cmocka_run_group_tests_name("trainer/interp", tests, NULL, NULL);
}
