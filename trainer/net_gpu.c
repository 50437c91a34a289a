/* A network's optimiser step on a GPU: optim.c's numbers, its formulas by
 * kernels. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/gpu.h"
#include "trainer/net_gpu.h"

struct FgNetGpu {
    FgGpu *d;
    uint64_t sums; /* of the norm: the result, then FG_SQUARES a parameter */
    uint64_t live; /* an FgLive: the step's numbers */
    FgCudaPass norm, step;
    int taken; /* the sets have mirrors for steps */
};

int fg_net_gpu(const FgNet *net)
{
    return net->grads.mirror != NULL;
}

static FgKernelArgs line(uint64_t at, size_t n)
{
    FgKernelArgs k = {.t = {.images = 1}};

    k.in[0] = k.out = fg_cuda_line(at, n);
    return k;
}

/* ---- what a network keeps there ---- */

static int take_memory(FgGpu *d, struct FgNetGpu *g, int nb)
{
    FgError err = {""};
    int ret = d->gpu.api->alloc(d->gpu.dev,
                                sizeof(double) * (1 + FG_SQUARES * (size_t)nb),
                                &g->sums, &err);

    if (!ret)
        ret = d->gpu.api->alloc(d->gpu.dev, sizeof(FgLive), &g->live, &err);
    return fg_gpu_fail(d, ret, &err);
}

/* NULL: the device says why. */
static struct FgNetGpu *of(FgNet *net)
{
    FgGpu *d = fg_mirror_gpu(net->grads.mirror);
    struct FgNetGpu *g = net->gpu;

    if (g || d->rc)
        return d->rc ? NULL : g;
    g = net->gpu = calloc(1, sizeof(*g));
    if (!g) {
        fg_gpu_fail(d, -ENOMEM, &(FgError){"not enough memory"});
        return NULL;
    }
    g->d = d;
    return take_memory(d, g, net->grads.nb) ? NULL : g;
}

/* The sets that a step changes; the best average stays on the host. */
static const int sets[] = {FG_SET_PARAM, FG_SET_EMA, FG_SET_M, FG_SET_V};

void fg_net_gpu_leave(FgNet *net)
{
    struct FgNetGpu *g = net->gpu;

    net->gpu = NULL;
    if (!g)
        return;
    for (int s = 0; s < 4 && g->taken; s++)
        fg_mirror_leave(&net->set[sets[s]]);
    fg_cuda_pass_forget(&g->d->gpu, &g->norm);
    fg_cuda_pass_forget(&g->d->gpu, &g->step);
    g->d->gpu.api->release(g->d->gpu.dev, g->sums);
    g->d->gpu.api->release(g->d->gpu.dev, g->live);
    free(g);
}

static FgMirror *mirror(const FgNet *net, int set)
{
    return net->set[set].mirror;
}

/* What addresses a pass has: those of gradients and sets. */
static uint64_t key_of(const FgNet *net)
{
    uint64_t serial[5] = {fg_mirror_serial(net->grads.mirror)};

    for (int s = 0; s < 4 && net->gpu->taken; s++)
        serial[s + 1] = fg_mirror_serial(mirror(net, sets[s]));
    return fg_gpu_key(0, serial, sizeof(serial));
}

/* ---- the norm ---- */

/* FG_SQUARES sums for each parameter, then one of them all. */
static int make_norm(FgGpu *d, void *arg)
{
    const FgNet *net = arg;
    const FgParams *g = &net->grads;
    const uint64_t sums = net->gpu->sums;
    int nb = 0, ret = 0;

    for (int i = 0; i < g->nb && !ret; i++) {
        FgKernelArgs k = line(fg_mirror_at(g->mirror, i),
                              fg_param_count(&g->p[i]));

        if (!g->p[i].trainable)
            continue;
        k.t.results = FG_SQUARES;
        k.p[0] = sums + sizeof(double) * (uint64_t)(1 + nb);
        ret = fg_gpu_launch(d, FG_KERNEL_t_squares, &k);
        nb += FG_SQUARES;
    }
    if (!ret) {
        FgKernelArgs k = line(sums + sizeof(double), (size_t)nb);

        k.t.results = 1;
        k.p[0] = sums;
        ret = fg_gpu_launch(d, FG_KERNEL_t_total, &k);
    }
    return ret;
}

double fg_net_gpu_norm(FgNet *net)
{
    FgGpu *d = fg_mirror_gpu(net->grads.mirror);
    struct FgNetGpu *g = of(net);
    double sum = NAN;

    if (!g || fg_mirror_push(net->grads.mirror) ||
        fg_gpu_pass(d, &g->norm, key_of(net), make_norm, net) ||
        fg_gpu_get(d, &sum, g->sums, sizeof(sum)))
        return NAN;
    return sqrt(sum);
}

/* ---- the step ---- */

static int take_sets(FgGpu *d, FgNet *net)
{
    for (int s = 0; s < 4 && !d->rc; s++) {
        FgParams *ps = &net->set[sets[s]];

        if (!net->gpu->taken)
            fg_mirror_take(d, ps);
        if (!d->rc)
            fg_mirror_push(ps->mirror);
    }
    if (!d->rc)
        net->gpu->taken = 1;
    return d->rc;
}

/* In the order of trainer/optim.c: "adam", "adamw", "sgd", "rmsprop". */
static const int modes[] = {FG_STEP_ADAM, FG_STEP_ADAMW, FG_STEP_SGD,
                            FG_STEP_RMSPROP};

static void numbers(const FgNet *net, double lr, double factor, double decay,
                    float *k)
{
    const FgOptim *o = &net->optim;
    const int kind = modes[o->kind];
    const int adam = kind == FG_STEP_ADAM || kind == FG_STEP_ADAMW;

    k[FG_K_RATE] = (float)(adam ? lr / (1 - pow(o->beta1, (double)net->t))
                                : lr);
    k[FG_K_ROOT] = (float)sqrt(1 - pow(o->beta2, (double)net->t));
    k[FG_K_BETA1] = (float)(adam ? o->beta1 : o->momentum);
    k[FG_K_TAKE1] = (float)(1 - o->beta1);
    k[FG_K_BETA2] = (float)o->beta2;
    k[FG_K_TAKE2] = (float)(1 - o->beta2);
    k[FG_K_EPS] = (float)o->eps;
    k[FG_K_DECAY] = (float)o->weight_decay;
    k[FG_K_KEEP] = (float)(1 - lr * o->weight_decay);
    k[FG_K_EMA] = (float)decay;
    k[FG_K_EMA_TAKE] = (float)(1 - decay);
    k[FG_K_CLIP] = (float)factor;
}

static int copy(FgGpu *d, const FgNet *net, int i)
{
    const size_t n = fg_param_count(&net->grads.p[i]);
    const FgKView to = fg_cuda_line(fg_mirror_at(mirror(net, FG_SET_EMA), i),
                                    n);
    const FgKView from = fg_cuda_line(
        fg_mirror_at(mirror(net, FG_SET_PARAM), i), n);
    FgError err = {""};

    return fg_gpu_fail(d, fg_cuda_cast(&d->gpu, &to, &from, 1, 1, &err), &err);
}

static int step(FgGpu *d, const FgNet *net, int i)
{
    FgKernelArgs k = line(fg_mirror_at(mirror(net, FG_SET_PARAM), i),
                          fg_param_count(&net->grads.p[i]));

    k.mode = modes[net->optim.kind];
    k.t.live = net->gpu->live;
    k.p[0] = k.out.at;
    k.p[1] = fg_mirror_at(net->grads.mirror, i);
    k.p[2] = fg_mirror_at(mirror(net, FG_SET_M), i);
    k.p[3] = fg_mirror_at(mirror(net, FG_SET_V), i);
    k.side = fg_mirror_at(mirror(net, FG_SET_EMA), i);
    return fg_gpu_launch(d, FG_KERNEL_t_step, &k);
}

static int make_step(FgGpu *d, void *arg)
{
    const FgNet *net = arg;
    int ret = 0;

    for (int i = 0; i < net->grads.nb && !ret; i++)
        ret = net->set[FG_SET_PARAM].p[i].trainable ? step(d, net, i)
                                                    : copy(d, net, i);
    return ret;
}

void fg_net_gpu_step(FgNet *net, double lr, double factor, double decay)
{
    FgGpu *d = fg_mirror_gpu(net->grads.mirror);
    FgLive live = {0};

    if (!of(net) || take_sets(d, net) || fg_mirror_push(net->grads.mirror))
        return;
    numbers(net, lr, factor, decay, live.k);
    if (fg_gpu_put(d, net->gpu->live, &live, sizeof(live)) ||
        fg_gpu_pass(d, &net->gpu->step, key_of(net), make_step, net))
        return;
    for (int i = 0; i < net->grads.nb; i++)
        for (int s = 0; s < 4; s++)
            if (net->set[FG_SET_PARAM].p[i].trainable || sets[s] == FG_SET_EMA)
                fg_mirror_wrote(mirror(net, sets[s]), i);
}

void fg_net_gpu_limit(FgNet *net, double limit)
{
    const FgParams *ps = &net->set[FG_SET_PARAM];

    for (int i = 0; i < ps->nb && !fg_mirror_push(ps->mirror); i++) {
        FgKernelArgs k = line(fg_mirror_at(ps->mirror, i),
                              fg_param_count(&ps->p[i]));

        if (!ps->p[i].trainable)
            continue;
        k.mode = FG_STEP_LIMIT;
        k.alpha = (float)limit;
        k.p[0] = k.out.at;
        fg_gpu_launch(fg_mirror_gpu(ps->mirror), FG_KERNEL_t_step, &k);
        fg_mirror_wrote(ps->mirror, i);
    }
}
