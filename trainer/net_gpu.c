/* A network's optimiser step on a GPU: optim.c's numbers, its formulas by
 * kernels. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "trainer/gpu.h"
#include "trainer/net_gpu.h"

int fg_net_gpu(const FgNet *net)
{
    return net->grads.mirror != NULL;
}

static int launch(FgGpu *d, int kernel, const FgKernelArgs *k)
{
    FgError err = {""};

    return fg_gpu_fail(d, d->gpu.api->launch(d->gpu.dev, NULL, kernel, k, &err),
                       &err);
}

static FgKernelArgs line(uint64_t at, size_t n)
{
    FgKernelArgs k = {.t = {.images = 1}};

    k.in[0] = k.out = fg_cuda_line(at, n);
    return k;
}

/* ---- the norm ---- */

/* FG_SQUARES sums for each parameter, then one of them all. */
static int squares(FgGpu *d, const FgNet *net, uint64_t sums)
{
    const FgParams *g = &net->grads;
    int nb = 0, ret = 0;

    for (int i = 0; i < g->nb && !ret; i++) {
        FgKernelArgs k = line(fg_mirror_at(g->mirror, i),
                              fg_param_count(&g->p[i]));

        if (!g->p[i].trainable)
            continue;
        k.t.results = FG_SQUARES;
        k.p[0] = sums + sizeof(double) * (uint64_t)(1 + nb);
        ret = launch(d, FG_KERNEL_t_squares, &k);
        nb += FG_SQUARES;
    }
    if (!ret) {
        FgKernelArgs k = line(sums + sizeof(double), (size_t)nb);

        k.t.results = 1;
        k.p[0] = sums;
        ret = launch(d, FG_KERNEL_t_total, &k);
    }
    return ret;
}

double fg_net_gpu_norm(const FgNet *net)
{
    FgGpu *d = fg_mirror_gpu(net->grads.mirror);
    FgError err = {""};
    uint64_t sums = 0;
    double sum = NAN;
    int ret = fg_mirror_push(net->grads.mirror);

    if (!ret)
        ret = fg_gpu_fail(
            d,
            d->gpu.api->alloc(d->gpu.dev,
                              sizeof(double) *
                                  (1 + FG_SQUARES * (size_t)net->grads.nb),
                              &sums, &err),
            &err);
    if (!ret)
        ret = squares(d, net, sums);
    if (!ret)
        ret = fg_gpu_get(d, &sum, sums, sizeof(sum));
    d->gpu.api->release(d->gpu.dev, sums);
    return ret ? NAN : sqrt(sum);
}

/* ---- the step ---- */

/* The sets that a step changes; the best average stays on the host. */
static const int sets[] = {FG_SET_PARAM, FG_SET_EMA, FG_SET_M, FG_SET_V};

static int take_sets(FgGpu *d, FgNet *net)
{
    for (int s = 0; s < 4 && !d->rc; s++) {
        FgParams *ps = &net->set[sets[s]];

        if (!net->taken)
            fg_mirror_take(d, ps);
        if (!d->rc)
            fg_mirror_push(ps->mirror);
    }
    if (!d->rc)
        net->taken = 1;
    return d->rc;
}

void fg_net_gpu_leave(FgNet *net)
{
    for (int s = 0; s < 4 && net->taken; s++)
        fg_mirror_leave(&net->set[sets[s]]);
    net->taken = 0;
}

/* In the order of trainer/optim.c: "adam", "adamw", "sgd", "rmsprop". */
static const int modes[] = {FG_STEP_ADAM, FG_STEP_ADAMW, FG_STEP_SGD,
                            FG_STEP_RMSPROP};

static void numbers(const FgNet *net, double lr, double decay, float *k)
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
}

static void scale(FgGpu *d, FgNet *net, int i, double factor)
{
    FgKernelArgs k = line(fg_mirror_at(net->grads.mirror, i),
                          fg_param_count(&net->grads.p[i]));

    k.mode = FG_STEP_SCALE;
    k.alpha = (float)factor;
    k.p[0] = k.out.at;
    launch(d, FG_KERNEL_t_step, &k);
    fg_mirror_wrote(net->grads.mirror, i);
}

static FgMirror *mirror(const FgNet *net, int set)
{
    return net->set[set].mirror;
}

static void copy(FgGpu *d, const FgNet *net, int i)
{
    const size_t n = fg_param_count(&net->grads.p[i]);
    const FgKView to = fg_cuda_line(fg_mirror_at(mirror(net, FG_SET_EMA), i),
                                    n);
    const FgKView from = fg_cuda_line(
        fg_mirror_at(mirror(net, FG_SET_PARAM), i), n);
    FgError err = {""};

    fg_gpu_fail(d, fg_cuda_cast(&d->gpu, &to, &from, 1, 1, &err), &err);
    fg_mirror_wrote(mirror(net, FG_SET_EMA), i);
}

static void step(FgGpu *d, FgNet *net, int i, const float *numbers)
{
    FgKernelArgs k = line(fg_mirror_at(mirror(net, FG_SET_PARAM), i),
                          fg_param_count(&net->grads.p[i]));

    k.mode = modes[net->optim.kind];
    memcpy(k.t.k, numbers, sizeof(k.t.k));
    k.p[0] = k.out.at;
    k.p[1] = fg_mirror_at(net->grads.mirror, i);
    k.p[2] = fg_mirror_at(mirror(net, FG_SET_M), i);
    k.p[3] = fg_mirror_at(mirror(net, FG_SET_V), i);
    k.side = fg_mirror_at(mirror(net, FG_SET_EMA), i);
    launch(d, FG_KERNEL_t_step, &k);
    for (int s = 0; s < 4; s++)
        fg_mirror_wrote(mirror(net, sets[s]), i);
}

void fg_net_gpu_step(FgNet *net, double lr, double factor, double decay)
{
    FgGpu *d = fg_mirror_gpu(net->grads.mirror);
    float k[FG_NB_K];

    if (take_sets(d, net) || fg_mirror_push(net->grads.mirror))
        return;
    numbers(net, lr, decay, k);
    for (int i = 0; i < net->grads.nb && !d->rc; i++) {
        if (factor != 1)
            scale(d, net, i, factor);
        if (net->set[FG_SET_PARAM].p[i].trainable)
            step(d, net, i, k);
        else
            copy(d, net, i);
    }
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
        launch(fg_mirror_gpu(ps->mirror), FG_KERNEL_t_step, &k);
        fg_mirror_wrote(ps->mirror, i);
    }
}
