/* Gradient penalties by double backpropagation: see penalty.h.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/noise.h"
#include "trainer/penalty.h"
#include "trainer/lot.h"
#include "trainer/penalty_gpu.h"
#include "trainer/tape_gpu.h"

FgPenaltySort fg_penalty_sort(const char *op)
{
    static const char *const linear[] = {
        "conv2d", "deconv2d", "dense",         "avg_pool",
        "scale",  "resize",   "pixel_shuffle", "pixel_unshuffle",
        "pad",    "concat",   "add",           NULL};
    static const char *const act[] = {"relu", "leaky_relu", "prelu", NULL};
    static const char *const bend[] = {"silu", "sigmoid", "tanh", NULL};

    for (int i = 0; linear[i]; i++)
        if (!strcmp(op, linear[i]))
            return FG_SORT_LINEAR;
    for (int i = 0; act[i]; i++)
        if (!strcmp(op, act[i]))
            return FG_SORT_ACTIVATE;
    for (int i = 0; bend[i]; i++)
        if (!strcmp(op, bend[i]))
            return FG_SORT_BEND;
    return !strcmp(op, "bias") ? FG_SORT_PLAIN : FG_SORT_REFUSED;
}

static size_t count(const FgTensor *t)
{
    return (size_t)t->shape.n * t->shape.c * t->shape.h * t->shape.w;
}

static int make(FgPenalty *p, FgError *err)
{
    const FgTape *t = p->tape;
    int ret = t->gpu ? 0 : fg_tensor_alloc(&p->grad, t->val[0].shape, FG_F32);

    for (int i = 0; i < t->graph->nb_nodes && !ret; i++) {
        const FgNode *n = &t->graph->nodes[i];
        const FgPenaltySort s = n->nb_in ? fg_penalty_sort(n->op->name)
                                         : FG_SORT_LINEAR;

        if (s == FG_SORT_REFUSED)
            return fg_error(err, -EINVAL,
                            "node %s: a gradient penalty cannot see through "
                            "the op %s",
                            n->name, n->op->name);
        p->smooth |= s == FG_SORT_BEND;
        if (t->gpu)
            continue;
        ret = fg_tensor_alloc(&p->tan[i], t->val[i].shape, FG_F32);
        if (!ret && s == FG_SORT_BEND)
            ret = fg_tensor_alloc(&p->bend[i], t->val[i].shape, FG_F32);
    }
    if (ret)
        return fg_error(err, ret, "not enough memory for the penalty");
    return t->gpu ? fg_penalty_gpu_create(p, err) : 0;
}

int fg_penalty_create(FgPenalty *p, FgTape *critic, FgError *err)
{
    const size_t n = (size_t)critic->graph->nb_nodes;
    int ret = -ENOMEM;

    *p = (FgPenalty){.tape = critic};
    p->tan = calloc(n, sizeof(*p->tan));
    p->bend = calloc(n, sizeof(*p->bend));
    if (p->tan && p->bend)
        ret = make(p, err);
    if (ret)
        fg_penalty_free(p);
    return ret;
}

void fg_penalty_free(FgPenalty *p)
{
    if (!p)
        return;
    fg_penalty_gpu_free(p);
    for (int i = 0; p->tape && i < p->tape->graph->nb_nodes; i++) {
        if (p->tan)
            fg_tensor_free(&p->tan[i]);
        if (p->bend)
            fg_tensor_free(&p->bend[i]);
    }
    fg_tensor_free(&p->grad);
    free(p->tan);
    free(p->bend);
    *p = (FgPenalty){0};
}

/* ---- the penalty and t ---- */

/* Groups of size values each, one after another in memory. */
static double one_centred(const float *g, float *t, size_t groups, size_t size,
                          double weight, double *norm)
{
    double sum = 0;

    *norm = 0;
    for (size_t i = 0; i < groups; i++, g += size, t += size) {
        double len = 0, k;

        for (size_t j = 0; j < size; j++)
            len += (double)g[j] * g[j];
        len = sqrt(len);
        k = 2 * weight / (double)groups * (len - 1) / (len + 1e-12);
        for (size_t j = 0; j < size; j++)
            t[j] = (float)(k * g[j]);
        sum += (len - 1) * (len - 1);
        *norm += len;
    }
    *norm /= (double)groups;
    return weight * sum / (double)groups;
}

static double zero_centred(const float *g, float *t, size_t groups, size_t size,
                           double weight, double *norm)
{
    const double k = weight / (double)groups;
    double sum = 0;

    *norm = 0;
    for (size_t i = 0; i < groups; i++, g += size, t += size) {
        double len = 0;

        for (size_t j = 0; j < size; j++) {
            len += (double)g[j] * g[j];
            t[j] = (float)(k * g[j]);
        }
        sum += len;
        *norm += sqrt(len);
    }
    *norm /= (double)groups;
    return k * sum / 2;
}

static double value(FgPenalty *p, FgPenaltyKind kind, double weight,
                    double *norm)
{
    const FgShape s = p->grad.shape;
    const size_t pixels = (size_t)s.n * s.h * s.w;
    const float *g = p->grad.data;
    float *t = p->tan[0].data;

    if (kind == FG_PENALTY_R1)
        return zero_centred(g, t, (size_t)s.n, count(&p->grad) / (size_t)s.n,
                            weight, norm);
    if (kind == FG_PENALTY_PIXEL)
        return one_centred(g, t, pixels, (size_t)s.c, weight, norm);
    return one_centred(g, t, (size_t)s.n, count(&p->grad) / (size_t)s.n, weight,
                       norm);
}

/* ---- the forward pass over t ---- */

static int tangent(FgPenalty *p, int i, FgOpCall *c)
{
    FgTape *const t = p->tape;
    const FgNode *n = c->node;
    const FgPenaltySort s = fg_penalty_sort(n->op->name);

    if (s == FG_SORT_LINEAR) {
        c->nb_param = c->nb_param > 1 ? 1 : c->nb_param; /* no bias */
        for (int k = 0; k < n->nb_in; k++)
            c->in[k] = &p->tan[n->in[k]];
        c->out = &p->tan[i];
        return n->op->f32.forward(c);
    }
    if (s == FG_SORT_PLAIN) {
        fg_tensor_copy(&p->tan[i], &p->tan[n->in[0]]);
        return 0;
    }
    c->out = &t->val[i];
    c->dout = &p->tan[n->in[0]];
    c->din[0] = &p->tan[i];
    return n->op->f32.backward(c);
}

/* ---- what the weights get ---- */

/* phi''(z) u t, from z, y = phi(z). */
static void bend(const char *op, float *out, const float *z, const float *y,
                 const float *u, const float *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double b;

        if (!strcmp(op, "tanh")) {
            b = -2 * y[i] * (1 - (double)y[i] * y[i]);
        } else {
            const double s = 1 / (1 + exp(-(double)z[i])), d = s * (1 - s);

            b = d * (1 - 2 * s); /* of the sigmoid */
            if (!strcmp(op, "silu"))
                b = 2 * d + z[i] * b;
        }
        out[i] = (float)(b * u[i] * t[i]);
    }
}

static void slope(FgPenalty *p, int i, const FgOpCall *c)
{
    FgTape *const t = p->tape;
    const FgTensor *const z = c->in[0];
    const FgParam *w = fg_params_find(t->params, c->node->param[0]);
    const size_t n = count(z), ch = (size_t)z->shape.c;
    float *const d = fg_params_find(t->grads, w->name)->data;
    const float *const x = z->data, *const u = t->grad[i].data;
    const float *const v = p->tan[c->node->in[0]].data;

    for (size_t k = 0; k < n && w->trainable; k++)
        if (!(x[k] > 0))
            d[k % ch] += u[k] * v[k];
}

static int first_order(FgPenalty *p, int i, FgOpCall *c)
{
    FgTape *const t = p->tape;
    const FgNode *n = c->node;
    const FgParam *w = n->nb_param ? fg_params_find(t->params, n->param[0])
                                   : NULL;
    const FgPenaltySort s = fg_penalty_sort(n->op->name);
    FgTensor dw;

    if (!strcmp(n->op->name, "prelu"))
        slope(p, i, c);
    if (s == FG_SORT_BEND)
        bend(n->op->name, p->bend[i].data, c->in[0]->data, t->val[i].data,
             t->grad[i].data, p->tan[n->in[0]].data, count(&t->val[i]));
    if (s != FG_SORT_LINEAR || !w || !w->trainable)
        return 0;
    dw = *c->param[0];
    dw.data = fg_params_find(t->grads, w->name)->data;
    c->nb_param = 1;
    c->in[0] = &p->tan[n->in[0]];
    c->dout = &t->grad[i];
    c->dparam[0] = &dw;
    return n->op->f32.backward(c);
}

/* The bends become gradients at the inputs of their activations. */
static int second_order(FgPenalty *p)
{
    FgTape *const t = p->tape;
    const int last = t->graph->nb_nodes - 1;

    for (int i = 1; i <= last; i++)
        if (p->bend[i].data && t->graph->nodes[i].in[0] != 0)
            fg_tensor_zero(fg_tape_seed(t, t->graph->nodes[i].in[0]));
    fg_tensor_zero(&t->grad[last]);
    for (int i = 1; i <= last; i++) {
        const int from = t->graph->nodes[i].in[0];
        float *const d = t->grad[from].data;
        const float *const b = p->bend[i].data;

        for (size_t k = 0; b && from && k < count(&p->bend[i]); k++)
            d[k] += b[k];
    }
    return fg_tape_backward(t, 0);
}

static int each(FgPenalty *p, int (*fn)(FgPenalty *, int, FgOpCall *))
{
    int ret = 0;

    for (int i = 0; i < p->tape->graph->nb_nodes && !ret; i++) {
        FgTensor params[FG_MAX_PARAM];
        FgOpCall c;

        if (!p->tape->graph->nodes[i].nb_in)
            continue;
        fg_tape_call(p->tape, &c, i, params, 0);
        ret = fn(p, i, &c);
    }
    return ret;
}

double fg_penalty_run(FgPenalty *p, FgPenaltyKind kind, double weight,
                      double *norm, int *ret)
{
    double v, mean = 0;
    FgLot dy;

    *ret = fg_tape_forward(p->tape, 0);
    dy = fg_lot_grad(p->tape);
    if (!*ret)
        *ret = fg_lot_fill(&dy, 1);
    if (!*ret)
        *ret = fg_tape_backward_data(p->tape, 0);
    if (*ret)
        return -1;
    if (p->gpu) {
        v = fg_penalty_gpu_value(p, kind, weight, &mean);
        *ret = fg_penalty_gpu_weights(p);
    } else {
        fg_tensor_copy(&p->grad, fg_tape_input_grad(p->tape));
        v = value(p, kind, weight, &mean);
    }
    if (norm)
        *norm = mean;
    if (p->gpu)
        return *ret ? -1 : v;
    *ret = each(p, tangent);
    if (!*ret)
        *ret = each(p, first_order);
    if (!*ret && p->smooth)
        *ret = second_order(p);
    return *ret ? -1 : v;
}

static float share_of(uint64_t seed, int64_t step, int n)
{
    return (float)fg_noise_at(seed, step, FG_NOISE_MIX, (size_t)n);
}

void fg_penalty_mix(FgTensor *out, const FgTensor *a, const FgTensor *b,
                    uint64_t seed, int64_t step)
{
    const size_t size = count(out) / (size_t)out->shape.n;
    const float *x = a->data, *y = b->data;
    float *o = out->data;

    for (int n = 0; n < out->shape.n; n++) {
        const float e = share_of(seed, step, n);

        for (size_t i = 0; i < size; i++)
            o[i] = x[i] + e * (y[i] - x[i]);
        o += size;
        x += size;
        y += size;
    }
}

int fg_penalty_mix_inputs(FgTape *out, FgTape *a, FgTape *b, uint64_t seed,
                          int64_t step)
{
    const int n = fg_tape_input(out)->shape.n;
    float *e;
    int ret;

    if (!out->gpu) {
        fg_penalty_mix(fg_tape_input(out), fg_tape_input(a), fg_tape_input(b),
                       seed, step);
        return 0;
    }
    e = malloc(sizeof(*e) * (size_t)n);
    if (!e)
        return -ENOMEM;
    for (int i = 0; i < n; i++)
        e[i] = share_of(seed, step, i);
    ret = fg_tape_gpu_mix(out, a, b, e);
    free(e);
    return ret;
}
