/* Speed of a DCGAN step (batch 64, 32x32, the founding text's networks): the
 * critic on real and made pictures, Adam, the generator through it, Adam.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Usage: gan [STEPS [THREADS]]. The least of all steps counts; tests/bench/
 * gan.py runs PyTorch beside it, turn by turn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <time.h>

#include "kernels/build_gan.h"
#include "kernels/op.h"
#include "trainer/loss_adv.h"
#include "trainer/net.h"
#include "trainer/noise.h"
#include "trainer/tape.h"

enum { BATCH = 64 };

static double clock_of(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct Part {
    const char *name;
    double least;
} Part;

enum { G_FORWARD, D_FORWARD, D_BACKWARD, THROUGH, G_BACKWARD, ADAM, NB_PARTS };

static Part parts[NB_PARTS] = {
    {"generator forward", 1e9},   {"critic forward, 3x", 1e9},
    {"critic backward, 2x", 1e9}, {"through the critic", 1e9},
    {"generator backward", 1e9},  {"Adam", 1e9}};
static double at, took[NB_PARTS];

static void mark(int part)
{
    const double now = clock_of(CLOCK_PROCESS_CPUTIME_ID);

    if (part >= 0)
        took[part] += now - at;
    at = now;
}

typedef struct Run {
    FgNet g, d;
    FgTape gen, real, fake;
} Run;

static int make(Run *r, FgExecutor *ex, FgError *err)
{
    const FgGanBuild b = {32,     3,      100, 64, 1, "relu",
                          "none", "tanh", 0,   0,  0, 0};
    FgGanBuild c = b;
    FgGraph g = {0};
    const FgShape z = {BATCH, 100, 1, 1}, x = {BATCH, 3, 32, 32};
    int ret = fg_build_gan_generator(&g, &b, err);

    c.last = "sigmoid";
    if (!ret)
        ret = fg_net_create(&r->g, "g", &g, 1, err);
    if (!ret)
        ret = fg_build_gan_critic(&g, &c, err);
    if (!ret)
        ret = fg_net_create(&r->d, "d", &g, 2, err);
    if (ret)
        return ret;
    r->g.optim = r->d.optim = (FgOptim){.kind = fg_optim_find("adam"),
                                        .beta1 = 0.9,
                                        .beta2 = 0.999,
                                        .eps = 1e-8};
    fg_net_init(&r->g, "torch", 1);
    fg_net_init(&r->d, "torch", 2);
    ret = fg_tape_create(&r->gen, &r->g.graph, &r->g.set[0], &r->g.grads, z, 0,
                         ex, err);
    if (!ret)
        ret = fg_tape_create(&r->real, &r->d.graph, &r->d.set[0], &r->d.grads,
                             x, 0, ex, err);
    return ret ? ret
               : fg_tape_create(&r->fake, &r->d.graph, &r->d.set[0],
                                &r->d.grads, x, 1, ex, err);
}

static void step(Run *r)
{
    const int bce = fg_adv_find("bce");

    mark(-1);
    fg_tape_forward(&r->gen, 1);
    fg_tape_feed(&r->fake, &r->gen);
    mark(G_FORWARD);
    fg_tape_forward(&r->real, 1);
    fg_tape_forward(&r->fake, 1);
    mark(D_FORWARD);
    fg_net_zero_grads(&r->d);
    fg_adv_critic(bce, 1, fg_tape_output(&r->real)->data,
                  fg_tape_output_grad(&r->real)->data,
                  fg_tape_output(&r->fake)->data,
                  fg_tape_output_grad(&r->fake)->data, BATCH);
    r->fake.needs[0] = 0;
    fg_tape_backward(&r->real, 1);
    fg_tape_backward(&r->fake, 1);
    r->fake.needs[0] = 1;
    mark(D_BACKWARD);
    fg_net_step(&r->d, 1e-4, fg_net_grad_norm(&r->d));
    mark(ADAM);
    fg_tape_forward(&r->fake, 1);
    mark(D_FORWARD);
    fg_adv_generator(bce, 1, NULL, fg_tape_output(&r->fake)->data,
                     fg_tape_output_grad(&r->fake)->data, BATCH);
    fg_tape_backward_data(&r->fake, 1);
    fg_tape_feed_back(&r->gen, &r->fake);
    mark(THROUGH);
    fg_net_zero_grads(&r->g);
    fg_tape_backward(&r->gen, 1);
    mark(G_BACKWARD);
    fg_net_step(&r->g, 1e-4, fg_net_grad_norm(&r->g));
    mark(ADAM);
}

int main(int argc, char **argv)
{
    const int steps = argc > 1 ? atoi(argv[1]) : 8;
    const int threads = argc > 2 ? atoi(argv[2]) : 0;
    double wall = 1e9, cpu = 1e9;
    FgPool *pool = NULL;
    FgError err = {""};
    Run r = {0};

    if (fg_pool_create(&pool, threads) ||
        make(&r, fg_pool_executor(pool), &err)) {
        fprintf(stderr, "gan: %s\n", err.text);
        return 1;
    }
    fg_noise_fill(fg_tape_input(&r.real), 1, 0, 1);
    for (int i = 0; i < steps; i++) {
        const double w = clock_of(CLOCK_MONOTONIC);
        const double c = clock_of(CLOCK_PROCESS_CPUTIME_ID);

        fg_noise_normal(fg_tape_input(&r.gen), 1, i, FG_NOISE_LATENT);
        memset(took, 0, sizeof(took));
        step(&r);
        wall = fmin(wall, clock_of(CLOCK_MONOTONIC) - w);
        cpu = fmin(cpu, clock_of(CLOCK_PROCESS_CPUTIME_ID) - c);
        for (int k = 0; k < NB_PARTS; k++)
            parts[k].least = fmin(parts[k].least, took[k]);
    }
    printf("dcgan step, batch %d, %d threads: %.1f ms, %.1f ms of CPU\n", BATCH,
           fg_threads(fg_pool_executor(pool)), wall * 1e3, cpu * 1e3);
    for (int k = 0; k < NB_PARTS; k++)
        printf("  %-20s %6.1f ms of CPU\n", parts[k].name,
               parts[k].least * 1e3);
    return 0;
}
