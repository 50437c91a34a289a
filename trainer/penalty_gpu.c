/* Gradient penalties' second pass on a GPU: penalty.c's, op by op.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/lot.h"
#include "trainer/penalty_gpu.h"
#include "trainer/tape_gpu.h"

/* The first two are recorded passes. */
enum { TANGENTS, FIRST, PASSES };

struct FgPenaltyGpu {
    FgGpu *d;
    FgKView *tan, *bend; /* [nb_nodes]; bend f32, at = 0: none */
    FgKView first;       /* f32: tan[0] before it carries anything */
    uint64_t lengths;    /* double: of images, or sums of shares of pixels */
    double *sums;        /* the same here */
    uint64_t live;       /* scale: 1 / what sums carry; k[0]: 1 / what t does */
    FgCudaPass pass[PASSES];
};

/* ---- life ---- */

static int alloc(FgPenalty *p, int i, FgKView *v, int element, FgError *err)
{
    const FgShape s = p->tape->val[i].shape;
    FgGpu *d = p->gpu->d;

    *v = (FgKView){0, s.c, s.h, s.w, s.c, element};
    return d->gpu.api->alloc(d->gpu.dev,
                             (size_t)s.n * (size_t)s.c * (size_t)s.h *
                                 (size_t)s.w * (element ? 2 : 4),
                             &v->at, err);
}

/* Room for them: one an image, or two a share. */
static int lengths(const FgPenalty *p)
{
    const int n = p->tape->val[0].shape.n;

    return n > 2 * FG_LOSS_PARTS ? n : 2 * FG_LOSS_PARTS;
}

int fg_penalty_gpu_create(FgPenalty *p, FgError *err)
{
    const size_t n = (size_t)p->tape->graph->nb_nodes;
    struct FgPenaltyGpu *g = p->gpu = calloc(1, sizeof(*g));
    int ret = 0;

    if (!g)
        return fg_error(err, -ENOMEM, "not enough memory for the penalty");
    g->d = p->tape->ex->gpu;
    g->tan = calloc(n, sizeof(*g->tan));
    g->bend = calloc(n, sizeof(*g->bend));
    g->sums = malloc(sizeof(*g->sums) * (size_t)lengths(p));
    if (!g->tan || !g->bend || !g->sums)
        return fg_error(err, -ENOMEM, "not enough memory for the penalty");
    for (int i = 0; i < (int)n && !ret; i++) {
        const FgNode *node = &p->tape->graph->nodes[i];

        ret = alloc(p, i, &g->tan[i], g->d->element, err);
        if (!ret && node->nb_in &&
            fg_penalty_sort(node->op->name) == FG_SORT_BEND)
            ret = alloc(p, i, &g->bend[i], FG_ELEMENT_F32, err);
    }
    g->first = g->tan[0];
    if (!ret && g->d->element != FG_ELEMENT_F32)
        ret = alloc(p, 0, &g->first, FG_ELEMENT_F32, err);
    if (!ret)
        ret = g->d->gpu.api->alloc(g->d->gpu.dev,
                                   sizeof(double) * (size_t)lengths(p),
                                   &g->lengths, err);
    return ret ? ret
               : g->d->gpu.api->alloc(g->d->gpu.dev, sizeof(FgLive), &g->live,
                                      err);
}

void fg_penalty_gpu_free(FgPenalty *p)
{
    struct FgPenaltyGpu *g = p->gpu;

    p->gpu = NULL;
    if (!g)
        return;
    for (int i = 0; i < p->tape->graph->nb_nodes && g->tan && g->bend; i++) {
        g->d->gpu.api->release(g->d->gpu.dev, g->tan[i].at);
        g->d->gpu.api->release(g->d->gpu.dev, g->bend[i].at);
    }
    for (int i = 0; i < PASSES; i++)
        fg_cuda_pass_forget(&g->d->gpu, &g->pass[i]);
    if (g->first.element != g->d->element)
        g->d->gpu.api->release(g->d->gpu.dev, g->first.at);
    g->d->gpu.api->release(g->d->gpu.dev, g->lengths);
    g->d->gpu.api->release(g->d->gpu.dev, g->live);
    free(g->tan);
    free(g->bend);
    free(g->sums);
    free(g);
}

/* ---- the penalty and t ---- */

/* Of groups, images or pixels, the sums of (length - 1)^2, of lengths, of
 * their squares. */
static void add_up(const double *at, int pixels, int nb, double sum[3])
{
    for (int i = 0; i < nb; i++) {
        const double len = pixels ? 0 : sqrt(at[i]);

        sum[0] += pixels ? at[2 * i] : (len - 1) * (len - 1);
        sum[1] += pixels ? at[2 * i + 1] : len;
        sum[2] += pixels ? 0 : at[i];
    }
}

double fg_penalty_gpu_value(FgPenalty *p, FgPenaltyKind kind, double weight,
                            double *norm)
{
    struct FgPenaltyGpu *g = p->gpu;
    const FgShape s = p->tape->val[0].shape;
    const int pixels = kind == FG_PENALTY_PIXEL;
    const int nb = pixels ? FG_LOSS_PARTS : s.n;
    const double groups = pixels ? (double)s.n * s.h * s.w : s.n;
    double sum[3] = {0};
    FgKernelArgs k = {.mode = (int)kind,
                      .alpha = 1 / fg_tape_gpu_carries(p->tape),
                      .p = {g->lengths}};

    k.in[0] = fg_tape_gpu_node(p->tape, 0, 1);
    k.out = g->first;
    k.t.images = s.n;
    k.t.results = nb;
    k.t.weight = (kind == FG_PENALTY_R1 ? 1 : 2) * weight / groups;
    *norm = NAN;
    if (fg_gpu_launch(g->d, FG_KERNEL_t_lengths, &k) ||
        fg_gpu_launch(g->d, FG_KERNEL_t_tangent, &k) ||
        fg_gpu_get(g->d, g->sums, g->lengths,
                   sizeof(*g->sums) * (size_t)(pixels ? 2 * nb : nb)))
        return NAN;
    add_up(g->sums, pixels, nb, sum);
    *norm = sum[1] / groups;
    return kind == FG_PENALTY_R1 ? weight / groups * sum[2] / 2
                                 : weight * sum[0] / groups;
}

/* ---- the forward pass over t ---- */

static int tangent(FgPenalty *p, int i, FgCudaCall *c, FgError *err)
{
    const struct FgPenaltyGpu *g = p->gpu;
    const FgNode *n = c->node;

    switch (fg_penalty_sort(n->op->name)) {
    case FG_SORT_LINEAR:
        c->param[1] = 0; /* no bias */
        for (int k = 0; k < n->nb_in; k++)
            c->in[k] = g->tan[n->in[k]];
        c->out = g->tan[i];
        return fg_cuda_forward(&g->d->gpu, c, err);
    case FG_SORT_PLAIN:
        return fg_cuda_cast(&g->d->gpu, &g->tan[i], &g->tan[n->in[0]],
                            c->images, 1, err);
    default:
        c->dout = g->tan[n->in[0]];
        c->din[0] = g->tan[i];
        return fg_cuda_backward(&g->d->gpu, c, err);
    }
}

/* ---- what the weights get ---- */

/* The gradient of a node's first parameter, which is wanted; 0: it is not. */
static uint64_t wanted(const FgPenalty *p, const FgNode *n)
{
    const FgParams *ps = p->tape->params;
    const FgParam *w = n->nb_param ? fg_params_find(ps, n->param[0]) : NULL;

    return w && w->trainable && fg_penalty_sort(n->op->name) != FG_SORT_PLAIN
               ? fg_mirror_at(fg_tape_gpu_grads(p->tape), (int)(w - ps->p))
               : 0;
}

/* Sums along t of an activation, or its bend. */
static int along(FgPenalty *p, int i, const FgCudaCall *c, FgError *err)
{
    static const char *const names[] = {"sigmoid", "silu", "tanh"};
    const struct FgPenaltyGpu *g = p->gpu;
    const int bends = g->bend[i].at != 0;
    FgKernelArgs k = {.mode = FG_SUM_ALONG, .t = {.images = c->images}};

    k.in[0] = fg_tape_gpu_node(p->tape, i, 1);
    k.in[1] = c->in[0];
    k.add = g->tan[c->node->in[0]];
    k.t.live = g->live;
    k.t.results = k.in[0].c;
    k.p[0] = wanted(p, c->node);
    if (!bends)
        return k.p[0]
                   ? fg_cuda_launch(&g->d->gpu, FG_KERNEL_t_channels, &k, err)
                   : 0;
    for (int m = 0; m < 3; m++)
        if (!strcmp(c->node->op->name, names[m]))
            k.mode = FG_UNARY_SIGMOID + m;
    k.out = g->bend[i];
    return fg_cuda_launch(&g->d->gpu, FG_KERNEL_t_bend, &k, err);
}

static int first_order(FgPenalty *p, int i, FgCudaCall *c, FgError *err)
{
    const struct FgPenaltyGpu *g = p->gpu;

    if (fg_penalty_sort(c->node->op->name) != FG_SORT_LINEAR)
        return along(p, i, c, err);
    c->dparam[0] = wanted(p, c->node);
    if (!c->dparam[0])
        return 0;
    c->in[0] = g->tan[c->node->in[0]];
    c->dout = fg_tape_gpu_node(p->tape, i, 1);
    c->live = g->live;
    return fg_cuda_backward(&g->d->gpu, c, err);
}

/* The bends become gradients at the inputs of their activations, which are
 * there; the output's is nothing. */
static int second_order(FgPenalty *p)
{
    FgTape *const t = p->tape;
    const int last = t->graph->nb_nodes - 1;
    FgLot dy;

    for (int i = 1; i <= last; i++) {
        const int from = t->graph->nodes[i].in[0];
        FgKernelArgs k = {.t = {.images = t->val[i].shape.n}};

        if (!p->gpu->bend[i].at || !from)
            continue;
        k.in[0] = p->gpu->bend[i];
        k.out = fg_tape_gpu_node(t, from, 1);
        k.t.add = t->seeded[from] != 0;
        if (fg_gpu_launch(p->gpu->d, FG_KERNEL_t_copy, &k))
            return p->gpu->d->rc;
        fg_tape_gpu_seeded(t, from);
    }
    dy = fg_lot_grad(t);
    if (fg_lot_fill(&dy, 0))
        return p->gpu->d->rc;
    return fg_tape_backward(t, 0);
}

/* ---- all of it ---- */

typedef struct Work {
    FgPenalty *p;
    int (*one)(FgPenalty *p, int i, FgCudaCall *c, FgError *err);
} Work;

static int make(FgGpu *d, void *arg)
{
    const Work *w = arg;
    FgTape *const t = w->p->tape;
    FgError err = {""};
    int ret = 0;

    for (int i = 0; i < t->graph->nb_nodes && !ret; i++) {
        FgCudaCall c;

        if (!t->graph->nodes[i].nb_in)
            continue;
        fg_tape_gpu_call(t, &c, i);
        ret = w->one(w->p, i, &c, &err);
    }
    return fg_gpu_fail(d, ret, &err);
}

static int pass(FgPenalty *p, int which,
                int (*one)(FgPenalty *p, int i, FgCudaCall *c, FgError *err))
{
    const FgParams *ps = p->tape->params;
    Work w = {p, one};
    uint64_t key = 3;

    for (int i = 0; i < ps->nb; i++)
        key = fg_gpu_key(key, &ps->p[i].trainable, sizeof(int));
    return fg_gpu_pass(p->gpu->d, &p->gpu->pass[which], key, make, &w);
}

static void note_writes(const FgPenalty *p)
{
    const FgParams *ps = p->tape->params;

    for (int i = 0; i < p->tape->graph->nb_nodes; i++) {
        const FgNode *n = &p->tape->graph->nodes[i];

        if (wanted(p, n))
            fg_mirror_wrote(fg_tape_gpu_grads(p->tape),
                            (int)(fg_params_find(ps, n->param[0]) - ps->p));
    }
}

int fg_penalty_gpu_weights(FgPenalty *p)
{
    struct FgPenaltyGpu *g = p->gpu;
    const float t = fg_tape_gpu_scaled(p->tape, &g->first, &g->tan[0],
                                       p->tape->val[0].shape.n);
    FgLive live = {.scale = 0};
    int ret = fg_mirror_push(fg_tape_gpu_grads(p->tape));

    if (ret || t == 0)
        return g->d->rc;
    live.scale = 1 / (t * fg_tape_gpu_carries(p->tape));
    live.k[0] = 1 / t;
    ret = fg_gpu_put(g->d, g->live, &live, sizeof(live));
    if (!ret)
        ret = pass(p, TANGENTS, tangent);
    if (!ret)
        ret = pass(p, FIRST, first_order);
    if (!ret)
        note_writes(p);
    return ret || !p->smooth ? ret : second_order(p);
}
