/* Speed of a training step: forward, loss, backward, Adam; where it goes.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Usage: train [STEPS [THREADS]]. Batch 16 of 48x48 patches, L1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/op.h"
#include "trainer/loss.h"
#include "trainer/net.h"
#include "trainer/tape.h"

#define BATCH 16
#define PATCH 48

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct Run {
    FgNet net;
    FgTape tape;
    FgTensor target;
    double sums[2 * BATCH];
    double forward, backward, rest; /* seconds of the fastest step */
} Run;

static double step(Run *r, FgExecutor *ex)
{
    FgTensor *y = fg_tape_output(&r->tape), *g = fg_tape_output_grad(&r->tape);
    const double t0 = seconds();
    double mse;

    fg_tape_forward(&r->tape, 1);
    const double t1 = seconds();
    fg_loss_pixel(fg_loss_find("l1"), 0, y, &r->target, g, ex, r->sums, &mse);
    fg_net_zero_grads(&r->net);
    const double t2 = seconds();
    fg_tape_backward(&r->tape, 1);
    const double t3 = seconds();
    fg_net_step(&r->net, 1e-4, fg_net_grad_norm(&r->net));
    const double all = seconds() - t0;

    if (r->forward + r->backward + r->rest == 0 ||
        all < r->forward + r->backward + r->rest) {
        r->forward = t1 - t0;
        r->backward = t3 - t2;
        r->rest = all - r->forward - r->backward;
    }
    return all;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static int bench(const char *name, const FgBuild *b, int fast, int threads,
                 int steps)
{
    const FgShape in = {BATCH, 3, PATCH, PATCH};
    const FgShape out = {BATCH, 3, PATCH * b->scale, PATCH * b->scale};
    FgGraph graph = {0};
    FgPool *pool = NULL;
    FgError err;
    Run r = {0};
    double t[64];

    if (fg_pool_create(&pool, threads) || fg_graph_build(&graph, b, &err) ||
        fg_net_create(&r.net, "g", &graph, 1, &err) ||
        fg_tape_create(&r.tape, &r.net.graph, &r.net.set[FG_SET_PARAM],
                       &r.net.grads, in, 0, fg_pool_executor(pool), &err) ||
        fg_tensor_alloc(&r.target, out, FG_F32))
        return -1;
    r.net.optim = (FgOptim){fg_optim_find("adam"), 0.9, 0.999, 1e-8, 0, 0};
    r.net.ema = 0.999;
    r.tape.fast = fast;
    for (int i = 0; i < BATCH * 3 * PATCH * PATCH; i++)
        ((float *)fg_tape_input(&r.tape)->data)[i] = (float)(i * 31 % 101) *
                                                     0.01f;
    for (int i = 0; i < steps + 1; i++)
        t[i ? i - 1 : 0] = step(&r, fg_pool_executor(pool));
    qsort(t, (size_t)steps, sizeof(*t), by_size);
    printf("%-14s %-7s %d threads: median %.3f s, least %.3f s "
           "(forward %.3f, backward %.3f, rest %.3f)\n",
           name, fast == FG_FAST_16BIT ? "16 bits" : "fp32", threads,
           t[steps / 2], t[0], r.forward, r.backward, r.rest);
    fg_tensor_free(&r.target);
    fg_tape_free(&r.tape);
    fg_net_free(&r.net);
    fg_pool_free(&pool);
    return 0;
}

int main(int argc, char **argv)
{
    const int steps = argc > 1 ? atoi(argv[1]) : 3;
    const int threads = argc > 2 ? atoi(argv[2]) : 2;
    const FgBuild a = {"compact", 3, 4, 64, 16, "prelu", "nearest", 0};
    const FgBuild b = {"compact", 3, 4, 64, 6, "prelu", "nearest", 0};
    int ret = steps < 1 || steps > 63;

    for (int fast = FG_FAST_F32; fast <= FG_FAST_16BIT && !ret; fast++)
        ret = bench("64x16, x4", &a, fast, threads, steps) ||
              bench("8 convolutions", &b, fast, threads, steps);
    return ret != 0;
}
