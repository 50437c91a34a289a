/* How long a training step takes on the plug-in's device, without data: the
 * peers' two networks, their losses, Adam.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   steps sr|dcgan fp32|fp16|bf16 SECONDS [small]
 * prints one JSON object. sr: compact 64x16 x2, batch 16 of 48x48; dcgan: the
 * critic's step and the generator's, batch 64 of 32x32. small: to see that it
 * works. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/build_gan.h"
#include "kernels/op.h"
#include "trainer/gpu.h"
#include "trainer/loss.h"
#include "trainer/loss_adv.h"
#include "trainer/loss_tape.h"
#include "trainer/net.h"
#include "trainer/tape.h"

typedef struct Steps {
    FgNet net[2];
    FgTape tape[3]; /* sr: one; dcgan: generator, critic on real, on made */
    FgTensor target;
    double *sums;
    FgPool *pool;
    FgExecutor *ex;
    FgGpu *gpu;
    int bad;
} Steps;

static void check(int rc, const FgError *err)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "steps: %s\n", err && err->text[0] ? err->text : "failed");
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fill(const FgTensor *t, uint32_t stream)
{
    const FgShape s = t->shape;
    const size_t nb = (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
    for (size_t i = 0; i < nb; i++) {
        const uint32_t c[4] = {(uint32_t)i, stream, 0, 0}, k[2] = {7, 1};
        uint32_t r[4];
        fg_philox(c, k, r);
        ((float *)t->data)[i] = (float)(r[0] / 4294967296.0);
    }
}

static void make_net(FgNet *n, const char *name, FgGraph *g)
{
    FgError err = {{0}};
    check(fg_net_create(n, name, g, 1, &err), &err);
    n->optim = (FgOptim){fg_optim_find("adam"), 0.9, 0.99, 1e-8, 0, 0};
    n->ema = 0.999;
}

static void make_tape(Steps *s, int i, FgNet *n, FgShape in, int want)
{
    FgError err = {{0}};
    check(fg_tape_create(&s->tape[i], &n->graph, &n->set[FG_SET_PARAM],
                         &n->grads, in, want, s->ex, &err),
          &err);
}

static void step(Steps *s, FgNet *n)
{
    const double norm = fg_net_grad_norm(n);
    if (isfinite(norm))
        fg_net_step(n, 1e-4, norm);
    else
        s->bad++;
}

static void open_sr(Steps *s, int small)
{
    const FgBuild b = {"compact",      3,       2,         small ? 8 : 64,
                       small ? 1 : 16, "prelu", "nearest", 0};
    const FgShape in = {small ? 2 : 16, 3, small ? 8 : 48, small ? 8 : 48};
    const FgShape out = {in.n, 3, 2 * in.h, 2 * in.w};
    FgGraph g = {0};
    FgError err = {{0}};
    check(fg_graph_build(&g, &b, &err), &err);
    make_net(&s->net[0], "g", &g);
    make_tape(s, 0, &s->net[0], in, 0);
    check(fg_tensor_alloc(&s->target, out, FG_F32), NULL);
    s->sums = calloc(2 * (size_t)in.n, sizeof(*s->sums));
    fill(fg_tape_input(&s->tape[0]), 1);
    fill(&s->target, 2);
}

static void step_sr(Steps *s)
{
    FgTape *t = &s->tape[0];
    double mse;
    check(fg_tape_forward(t, 1), &s->gpu->err);
    fg_loss_pixel(fg_loss_find("l1"), 1e-6, fg_tape_output(t), &s->target,
                  fg_tape_output_grad(t), s->ex, s->sums, &mse);
    fg_net_zero_grads(&s->net[0]);
    check(fg_tape_backward(t, 1), &s->gpu->err);
    step(s, &s->net[0]);
}

static void open_dcgan(Steps *s, int small)
{
    FgGanBuild b = {.side = 32,
                    .channels = 3,
                    .latent = small ? 5 : 100,
                    .features = small ? 4 : 64,
                    .outputs = 1,
                    .activation = "leaky_relu",
                    .norm = "batch",
                    .last = "tanh"};
    const FgShape z = {small ? 2 : 64, b.latent, 1, 1};
    const FgShape x = {z.n, 3, 32, 32};
    FgGraph g = {0}, d = {0};
    FgError err = {{0}};
    check(fg_build_gan_generator(&g, &b, &err), &err);
    b.last = "none";
    check(fg_build_gan_critic(&d, &b, &err), &err);
    make_net(&s->net[0], "g", &g);
    make_net(&s->net[1], "d", &d);
    make_tape(s, 0, &s->net[0], z, 0);
    make_tape(s, 1, &s->net[1], x, 0);
    make_tape(s, 2, &s->net[1], x, 1);
    fg_tape_keep(&s->tape[0], FG_KEEP_OUTPUT | FG_KEEP_GRADIENT);
    fg_tape_keep(&s->tape[1], FG_KEEP_OUTPUT | FG_KEEP_GRADIENT);
    fg_tape_keep(&s->tape[2], FG_KEEP_INPUT | FG_KEEP_OUTPUT |
                                  FG_KEEP_GRADIENT | FG_KEEP_SLOPE);
    fill(fg_tape_input(&s->tape[0]), 1);
    fill(fg_tape_input(&s->tape[1]), 2);
}

static void step_dcgan(Steps *s)
{
    FgTape *g = &s->tape[0], *real = &s->tape[1], *fake = &s->tape[2];
    const int loss = fg_adv_find("bce_logits");
    check(fg_tape_forward(g, 1), &s->gpu->err);
    fg_tape_feed(fake, g);
    fg_net_zero_grads(&s->net[1]);
    check(fg_tape_forward(real, 1), &s->gpu->err);
    check(fg_tape_forward(fake, 1), &s->gpu->err);
    fg_tape_adv_critic(loss, 1, real, fake);
    check(fg_tape_backward(real, 1), &s->gpu->err);
    check(fg_tape_backward(fake, 1), &s->gpu->err);
    step(s, &s->net[1]);
    check(fg_tape_forward(fake, 1), &s->gpu->err);
    fg_tape_adv_generator(loss, 1, real, fake);
    check(fg_tape_backward_data(fake, 1), &s->gpu->err);
    fg_tape_feed_back(g, fake);
    fg_net_zero_grads(&s->net[0]);
    check(fg_tape_backward(g, 1), &s->gpu->err);
    step(s, &s->net[0]);
}

static void print(const Steps *s, const char *what, const char *precision,
                  double took, int nb)
{
    printf("{\"step\": \"%s\", \"precision\": \"%s\", \"ms\": %.3f, "
           "\"steps\": %d, \"not_finite\": %d, \"kib_up\": %.1f, "
           "\"kib_down\": %.1f, \"waits\": %.1f}\n",
           what, precision, 1e3 * took / nb, nb, s->bad,
           (double)s->gpu->up / 1024 / nb, (double)s->gpu->down / 1024 / nb,
           (double)s->gpu->waits / nb);
}

int main(int argc, char **argv)
{
    const int sr = argc > 3 && !strcmp(argv[1], "sr"), small = argc > 4;
    FgError err = {{0}};
    Steps s;
    int nb = 0;
    if (argc < 4 || (!sr && strcmp(argv[1], "dcgan") != 0))
        return fputs("usage: see tests/gpu/steps.c\n", stderr), 2;
    memset(&s, 0, sizeof(s));
    check(fg_pool_create(&s.pool, 0), NULL);
    s.ex = fg_pool_executor(s.pool);
    check(fg_gpu_open(&s.gpu, "cuda", argv[2], s.ex, &err), &err);
    (sr ? open_sr : open_dcgan)(&s, small);
    for (int i = 0; i < 3; i++)
        (sr ? step_sr : step_dcgan)(&s);
    s.gpu->up = s.gpu->down = 0;
    s.gpu->waits = 0;
    const double start = now();
    double took = 0;
    for (; took < atof(argv[3]); took = now() - start, nb++)
        (sr ? step_sr : step_dcgan)(&s); /* its norm waits for all of it */
    print(&s, argv[1], argv[2], took, nb);
    for (int i = 0; i < 3; i++)
        fg_tape_free(&s.tape[i]);
    for (int i = 0; i < 2; i++)
        fg_net_free(&s.net[i]);
    fg_tensor_free(&s.target);
    free(s.sums);
    fg_gpu_close(&s.gpu);
    fg_pool_free(&s.pool);
    return s.bad ? 1 : 0;
}
