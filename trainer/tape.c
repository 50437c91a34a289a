/* Forward and backward of one graph for one input shape.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/tape.h"
#include "trainer/tape_gpu.h"

static FgTensor param_tensor(const FgParam *p)
{
    FgShape s = {1, 1, 1, 1};

    s.n = p->nb_dims > 0 ? p->dims[0] : 1;
    s.c = p->nb_dims > 1 ? p->dims[1] : 1;
    s.h = p->nb_dims > 2 ? p->dims[2] : 1;
    s.w = p->nb_dims > 3 ? p->dims[3] : 1;
    return fg_tensor_wrap(p->data, s, FG_F32);
}

/* A gradient is of use at a node that has trainable parameters or that stands
 * behind one that has. */
static void mark_needs(FgTape *t, int want_input)
{
    for (int i = 0; i < t->graph->nb_nodes; i++) {
        const FgNode *n = &t->graph->nodes[i];

        t->needs[i] = want_input && n->nb_in == 0;
        for (int k = 0; k < n->nb_in; k++)
            t->needs[i] |= t->needs[n->in[k]];
        for (int k = 0; k < n->nb_param; k++) {
            const FgParam *p = fg_params_find(t->params, n->param[k]);

            t->needs[i] |= p && p->trainable;
        }
    }
}

static size_t scratch_size(const FgTape *t, const FgShape *shapes)
{
    size_t most = 64;

    for (int i = 0; i < t->graph->nb_nodes; i++) {
        const FgNode *n = &t->graph->nodes[i];
        FgShape in[FG_MAX_IN] = {{0}};
        size_t s;

        if (!n->op->scratch)
            continue;
        for (int k = 0; k < n->nb_in; k++)
            in[k] = shapes[n->in[k]];
        s = n->op->scratch(n, in, &shapes[i], FG_F32, fg_threads(t->ex));
        most = s > most ? s : most;
    }
    return (most + 63) & ~(size_t)63;
}

/* What a node has in common with its one consumer. */
enum {
    SHARE_VAL = 1, /* a ReLU works in place */
    SHARE_GRAD = 2 /* and so does its gradient; an add's is its output's */
};

static int same_shape(FgShape a, FgShape b)
{
    return a.n == b.n && a.c == b.c && a.h == b.h && a.w == b.w;
}

/* The gradient of a sum is the same for each term, and neither a convolution
 * nor a sum looks at its own output on the way back: no copies for those. */
static char sharing(const FgTape *t, int i, int user, const FgShape *shapes)
{
    const FgNode *n = &t->graph->nodes[i], *u = &t->graph->nodes[user];

    if (!same_shape(shapes[i], shapes[user]))
        return 0;
    if (!strcmp(u->op->name, "add"))
        return SHARE_GRAD;
    if (!strcmp(u->op->name, "relu") &&
        (!strcmp(n->op->name, "conv2d") || !strcmp(n->op->name, "add")))
        return SHARE_VAL | SHARE_GRAD;
    return 0;
}

/* The only node that uses i, or -1. */
static int only_user(const FgGraph *g, int i)
{
    int user = -1;

    for (int j = i + 1; j < g->nb_nodes; j++)
        for (int k = 0; k < g->nodes[j].nb_in; k++) {
            if (g->nodes[j].in[k] != i)
                continue;
            if (user >= 0)
                return -1;
            user = j;
        }
    return user;
}

static FgTensor view(const FgTensor *t)
{
    FgTensor v = *t;

    v.owned = NULL;
    return v;
}

static int alloc_nodes(FgTape *t, const FgShape *shapes)
{
    for (int i = t->graph->nb_nodes - 1; i >= 0; i--) {
        const int user = only_user(t->graph, i);
        int ret = 0;

        t->shared[i] = user < 0 || t->tapped[i] ? 0
                                                : sharing(t, i, user, shapes);
        if (t->shared[i] & SHARE_VAL)
            t->val[i] = view(&t->val[user]);
        else
            ret = fg_tensor_alloc(&t->val[i], shapes[i], FG_F32);
        if (ret)
            return ret;
        if (!t->grads || !t->needs[i])
            continue;
        if (t->shared[i] & SHARE_GRAD)
            t->grad[i] = view(&t->grad[user]);
        else
            ret = fg_tensor_alloc(&t->grad[i], shapes[i], FG_F32);
        if (ret)
            return ret;
    }
    return 0;
}

static int check_params(const FgTape *t, FgError *err)
{
    for (int i = 0; i < t->graph->nb_nodes; i++) {
        const FgNode *n = &t->graph->nodes[i];

        for (int k = 0; k < n->nb_param; k++)
            if (!fg_params_find(t->params, n->param[k]) ||
                (t->grads && !fg_params_find(t->grads, n->param[k])))
                return fg_error(err, -EINVAL, "node %s: no parameter %s",
                                n->name, n->param[k]);
    }
    return 0;
}

int fg_tape_create(FgTape *t, const FgGraph *g, FgParams *params,
                   FgParams *grads, FgShape in, int want_input, FgExecutor *ex,
                   FgError *err)
{
    const FgTapeOptions o = {want_input, NULL, 0};

    return fg_tape_create_with(t, g, params, grads, in, &o, ex, err);
}

int fg_tape_create_with(FgTape *t, const FgGraph *g, FgParams *params,
                        FgParams *grads, FgShape in, const FgTapeOptions *o,
                        FgExecutor *ex, FgError *err)
{
    const size_t n = (size_t)g->nb_nodes;
    FgShape *shapes = calloc(n, sizeof(*shapes));
    int ret = -ENOMEM;

    *t = (FgTape){.graph = g, .params = params, .grads = grads, .ex = ex};
    t->fast = FG_FAST_F32;
    t->val = calloc(n, sizeof(*t->val));
    t->grad = calloc(n, sizeof(*t->grad));
    t->needs = calloc(n, 1);
    t->shared = calloc(n, 1);
    t->tapped = calloc(n, 1);
    t->seeded = calloc(n, 1);
    if (!shapes || !t->val || !t->grad || !t->needs || !t->shared ||
        !t->tapped || !t->seeded)
        goto fail;
    for (int i = 0; o && i < o->nb_taps; i++)
        t->tapped[o->taps[i]] = 1;
    ret = check_params(t, err);
    if (ret)
        goto fail;
    ret = fg_graph_shapes(g, in, shapes, err);
    if (ret)
        goto fail;
    mark_needs(t, o && o->want_input);
    ret = alloc_nodes(t, shapes);
    if (ret)
        goto fail;
    t->scratch = aligned_alloc(64, scratch_size(t, shapes));
    ret = t->scratch ? 0 : -ENOMEM;
    if (!ret && ex && ex->gpu)
        ret = fg_tape_gpu_create(t, err);
    if (ret && t->gpu)
        goto gone; /* err says it */
fail:
    if (ret == -ENOMEM)
        fg_error(err, ret, "not enough memory for the network's activations");
gone:
    free(shapes);
    if (ret)
        fg_tape_free(t);
    return ret;
}

void fg_tape_free(FgTape *t)
{
    if (!t)
        return;
    fg_tape_gpu_free(t);
    for (int i = 0; t->graph && i < t->graph->nb_nodes; i++) {
        if (t->val)
            fg_tensor_free(&t->val[i]);
        if (t->grad)
            fg_tensor_free(&t->grad[i]);
    }
    free(t->val);
    free(t->grad);
    free(t->needs);
    free(t->shared);
    free(t->tapped);
    free(t->seeded);
    free(t->scratch);
    *t = (FgTape){0};
}

FgTensor *fg_tape_input(FgTape *t)
{
    return &t->val[0];
}

FgTensor *fg_tape_output(FgTape *t)
{
    return &t->val[t->graph->nb_nodes - 1];
}

FgTensor *fg_tape_output_grad(FgTape *t)
{
    return &t->grad[t->graph->nb_nodes - 1];
}

FgTensor *fg_tape_input_grad(FgTape *t)
{
    return t->grad[0].data ? &t->grad[0] : NULL;
}

void fg_tape_call(FgTape *t, FgOpCall *c, int i, FgTensor *params, int training)
{
    const FgNode *n = &t->graph->nodes[i];

    *c = (FgOpCall){.node = n, .nb_in = n->nb_in, .nb_param = n->nb_param};
    c->out = &t->val[i];
    c->training = training;
    c->fast = t->fast;
    c->seed = t->seed;
    c->step = t->step;
    c->place = i;
    c->ex = t->ex;
    c->scratch = t->scratch;
    for (int k = 0; k < n->nb_in; k++)
        c->in[k] = &t->val[n->in[k]];
    for (int k = 0; k < n->nb_param; k++) {
        params[k] = param_tensor(fg_params_find(t->params, n->param[k]));
        c->param[k] = &params[k];
    }
}

static int make_forward(FgTape *t, const FgTapePass *p)
{
    int ret = 0;

    for (int i = 0; i < t->graph->nb_nodes && !ret; i++) {
        FgTensor params[FG_MAX_PARAM];
        FgOpCall c;

        if (t->graph->nodes[i].nb_in == 0)
            continue;
        fg_tape_call(t, &c, i, params, p->training);
        ret = t->gpu ? fg_tape_gpu_op(t, &c, i, 0)
                     : c.node->op->f32.forward(&c);
    }
    return ret;
}

/* The pass between what the host gives and what it gets. */
static int run(FgTape *t, const FgTapePass *p,
               int (*make)(FgTape *t, const FgTapePass *p))
{
    int ret;

    if (!t->gpu)
        return make(t, p);
    ret = fg_tape_gpu_begin(t, p->back);
    if (!ret)
        ret = fg_tape_gpu_pass(t, p, make);
    return ret ? ret : fg_tape_gpu_end(t, p->back);
}

int fg_tape_forward(FgTape *t, int training)
{
    const FgTapePass p = {.training = training};

    return run(t, &p, make_forward);
}

/* The first consumer met on the way back overwrites, later ones add; a node
 * that uses one input twice adds to its own first half. Returns 0 when nothing
 * is left to do. */
static int fill_back(FgTape *t, FgOpCall *c, int i, char *seen,
                     FgTensor *dparams)
{
    const FgNode *n = c->node;
    int work = dparams ? n->nb_param : 0;

    c->dout = &t->grad[i];
    for (int k = 0; k < n->nb_in; k++) {
        const int from = n->in[k];

        if (!t->needs[from])
            continue;
        if (t->shared[from] == SHARE_GRAD) {
            seen[from] = 1; /* it has its gradient already */
            continue;
        }
        work = 1;
        c->din[k] = &t->grad[from];
        c->din_add[k] = seen[from] != 0;
        seen[from] = 1;
    }
    for (int k = 0; dparams && k < n->nb_param; k++) {
        const FgParam *p = fg_params_find(t->params, n->param[k]);

        if (!p->trainable)
            continue;
        dparams[k] = param_tensor(fg_params_find(t->grads, n->param[k]));
        c->dparam[k] = &dparams[k];
    }
    return work;
}

static int make_backward(FgTape *t, const FgTapePass *p)
{
    const int last = t->graph->nb_nodes - 1;
    char *seen = malloc((size_t)last + 1);
    int ret = seen ? 0 : -ENOMEM;

    if (seen)
        memcpy(seen, p->seen, (size_t)last + 1);
    for (int i = last; i >= 0 && !ret; i--) {
        FgTensor params[FG_MAX_PARAM], dparams[FG_MAX_PARAM];
        FgOpCall c;

        if (!t->needs[i] || !seen[i] || t->graph->nodes[i].nb_in == 0)
            continue;
        fg_tape_call(t, &c, i, params, p->training);
        if (fill_back(t, &c, i, seen, p->want_params ? dparams : NULL))
            ret = t->gpu ? fg_tape_gpu_op(t, &c, i, 1)
                         : c.node->op->f32.backward(&c);
    }
    free(seen);
    return ret;
}

static int backward(FgTape *t, int training, int want_params)
{
    const size_t n = (size_t)t->graph->nb_nodes;
    char *seen = malloc(n);
    const FgTapePass p = {1, training, want_params, seen};
    int ret = -ENOMEM;

    if (seen) {
        memcpy(seen, t->seeded, n);
        seen[n - 1] = 1;
        ret = run(t, &p, make_backward);
    }
    memset(t->seeded, 0, n);
    free(seen);
    return ret;
}

int fg_tape_backward(FgTape *t, int training)
{
    return backward(t, training, 1);
}

int fg_tape_backward_data(FgTape *t, int training)
{
    return backward(t, training, 0);
}

FgTensor *fg_tape_seed(FgTape *t, int node)
{
    t->seeded[node] = 1;
    return &t->grad[node];
}

void fg_tape_keep(FgTape *t, int what)
{
    if (t->gpu)
        fg_tape_gpu_keep(t, what);
}

void fg_tape_feed(FgTape *critic, FgTape *generator)
{
    if (!critic->gpu || !fg_tape_gpu_feed(critic, generator))
        fg_tensor_copy(fg_tape_input(critic), fg_tape_output(generator));
}

void fg_tape_feed_back(FgTape *generator, FgTape *critic)
{
    if (!generator->gpu || !fg_tape_gpu_feed_back(generator, critic))
        fg_tensor_copy(fg_tape_output_grad(generator),
                       fg_tape_input_grad(critic));
}
