/* A plate's stages one after another, forward and backward.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "trainer/gpu.h"
#include "trainer/lot.h"
#include "trainer/plate_chain.h"

/* Streams of noise: fixed ones, then 16 for each use. */
enum { FIXED = FG_NOISE_FAMILY + 1, FREE = FG_NOISE_FAMILY + 16 };

static int open_one(FgPlateChain *c, FgTrain *t, int set, int k, FgError *err)
{
    const FgPlate *p = t->priv;
    FgNet *net = &t->net[k];
    const int noise = p->net.noise, grads = k >= c->first;
    FgShape s = p->pyramid.real[k].shape;
    int ret;

    s.n = 1;
    s.c = net->graph.nodes[0].attr.channels;
    ret = fg_tape_create(&c->stage[k], &net->graph, &net->set[set],
                         grads ? &net->grads : NULL, s, grads && k > c->first,
                         t->ex, err);
    s.c = noise;
    return ret ? ret : fg_tensor_alloc(&c->noise[k], s, FG_F32);
}

int fg_plate_chain_open(FgPlateChain *c, FgTrain *t, int set, int k,
                        int together, FgError *err)
{
    const FgPlate *p = t->priv;
    FgNet *tail = &t->net[p->pyramid.nb_stages];
    FgShape s = p->pyramid.real[k].shape;
    int ret = 0;

    fg_plate_chain_free(c);
    c->at = k;
    c->first = together ? k - together + 1 : k + 1;
    c->first = c->first < 0 ? 0 : c->first;
    for (int i = 0; i <= k && !ret; i++)
        ret = open_one(c, t, set, i, err);
    s.n = 1;
    s.c = p->net.features;
    if (!ret)
        ret = fg_tape_create(&c->tail, &tail->graph, &tail->set[set],
                             together ? &tail->grads : NULL, s, together > 0,
                             t->ex, err);
    if (ret)
        fg_plate_chain_free(c);
    return ret;
}

void fg_plate_chain_free(FgPlateChain *c)
{
    for (int k = 0; k < FG_MAX_STAGES; k++) {
        fg_tape_free(&c->stage[k]);
        fg_tensor_free(&c->noise[k]);
    }
    fg_tape_free(&c->tail);
    c->at = -1;
}

static void fill_noise(FgPlateChain *c, const FgTrain *t, int k, float amp,
                       int frame, int64_t step, int use)
{
    FgTensor *in = fg_tape_input(&c->stage[k]), *n = &c->noise[k];
    const int from = in->shape.c - n->shape.c;
    const uint64_t seed = t->recipe->seed;

    if (frame >= 0 && k)
        fg_tensor_zero(n);
    else if (frame >= 0)
        fg_noise_normal(n, seed, frame, FIXED);
    else
        fg_noise_normal(n, seed, step, FREE + 16 * use + k);
    for (int y = 0; y < n->shape.h; y++)
        for (int x = 0; x < n->shape.w; x++) {
            const float *src = fg_f32(n, 0, y, x);
            float *dst = fg_f32(in, 0, y, x) + from;

            for (int i = 0; i < n->shape.c; i++)
                dst[i] = (k ? amp : 1) * src[i];
        }
}

int fg_plate_chain_forward(FgPlateChain *c, const FgTrain *t, const float *amp,
                           int frame, int64_t step, int use)
{
    FgLot in, out;
    int ret = 0;

    for (int k = 0; k <= c->at && !ret; k++) {
        if (k)
            fg_bilinear(fg_tape_input(&c->stage[k]),
                        fg_tape_output(&c->stage[k - 1]));
        fill_noise(c, t, k, amp[k], frame, step, use);
        ret = fg_tape_forward(&c->stage[k], 1);
    }
    if (ret)
        return ret;
    in = fg_lot_input(&c->tail);
    out = fg_lot_output(&c->stage[c->at]);
    ret = fg_lot_copy(&in, &out);
    return ret ? ret : fg_tape_forward(&c->tail, 1);
}

int fg_plate_chain_backward(FgPlateChain *c)
{
    int ret = fg_tape_backward(&c->tail, 1);
    FgLot g, slope;

    if (ret)
        return ret;
    g = fg_lot_grad(&c->stage[c->at]);
    slope = fg_lot_slope(&c->tail);
    ret = fg_lot_copy(&g, &slope);
    for (int k = c->at; k >= c->first && !ret; k--) {
        ret = fg_tape_backward(&c->stage[k], 1);
        if (!ret && k > c->first)
            fg_bilinear_back(fg_tape_output_grad(&c->stage[k - 1]),
                             fg_tape_input_grad(&c->stage[k]));
    }
    return ret;
}

/* Convolution i of a stage by its place from the end: stage 0 has a head more.
 */
static void copy_param(FgParam *to, const FgParam *from)
{
    const int square = to->nb_dims > 2 ? to->dims[2] * to->dims[3] : 1;
    const int in_to = to->nb_dims > 1 ? to->dims[1] * square : 1;
    const int in_from = from->nb_dims > 1 ? from->dims[1] * square : 1;
    const int in = in_to < in_from ? in_to : in_from;

    for (int o = 0; o < to->dims[0]; o++)
        memcpy(to->data + (size_t)o * in_to, from->data + (size_t)o * in_from,
               (size_t)in * sizeof(*to->data));
}

void fg_plate_inherit(FgNet *to, const FgNet *from)
{
    const FgParams *a = &from->set[FG_SET_PARAM];
    FgParams *b = &to->set[FG_SET_PARAM];

    fg_params_host(a, 0);
    fg_params_host(b, 1);
    for (int i = 1; i <= b->nb && i <= a->nb; i++)
        copy_param(&b->p[b->nb - i], &a->p[a->nb - i]);
    fg_net_copy_set(to, FG_SET_EMA, FG_SET_PARAM);
}
