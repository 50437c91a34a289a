/* ffgan: ops on a GPU, one call at a time: which kernels, on what.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cuda_train.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "cuda_train_priv.h"
#include "graph_priv.h"
#include "op.h"

/* ---- opening ---- */

int fg_cuda_train_open(FgCudaTrain *d, const char *device, FgError *err)
{
    int rc;
    memset(d, 0, sizeof(*d));
    d->api = fg_cuda_load(&rc, err);
    if (!d->api)
        return rc;
    rc = d->api->open(&d->dev, fg_cuda_ordinal(device), NULL, err);
    if (rc < 0)
        return rc;
    d->api->describe(d->dev, &d->about);
    d->check = !strcmp(d->api->kind, "emulated");
    return 0;
}

void fg_cuda_train_close(FgCudaTrain *d)
{
    if (d->dev) {
        FgError unused;
        d->api->sync(d->dev, NULL, &unused);
        d->api->release(d->dev, d->work);
        d->api->close(&d->dev);
    }
    memset(d, 0, sizeof(*d));
}

int fg_cuda_room(FgCudaTrain *d, size_t bytes, FgError *err)
{
    if (bytes <= d->work_bytes)
        return 0;
    int rc = d->api->sync(d->dev, NULL, err);
    d->rooms++;
    d->api->release(d->dev, d->work);
    d->work = 0;
    d->work_bytes = 0;
    if (rc >= 0)
        rc = d->api->alloc(d->dev, bytes, &d->work, err);
    d->work_bytes = rc < 0 ? 0 : bytes;
    return rc;
}

FgKView fg_cuda_line(uint64_t at, size_t nb)
{
    const FgKView v = {at, (int)nb, 1, 1, (int)nb, FG_ELEMENT_F32};
    return v;
}

/* ---- launches ---- */

FgKernelArgs fg_cuda_op_args(const FgCudaCall *c)
{
    const FgAttr *const a = &c->node->attr;
    FgKernelArgs k;
    memset(&k, 0, sizeof(k));
    k.kernel = a->kernel;
    k.stride = a->stride > 0 ? a->stride : 1;
    k.pad = a->pad;
    k.pad_mode = a->pad_mode;
    k.groups = a->groups > 0 ? a->groups : 1;
    k.factor = a->factor;
    k.mode = a->mode;
    k.first = a->first;
    k.alpha = a->alpha;
    k.eps = a->eps;
    k.t.images = c->images;
    k.t.scale = c->live ? 1 : c->scale;
    k.t.live = c->live;
    k.t.momentum = a->momentum;
    k.t.place = -1;
    k.t.spread = 1;
    k.in[0] = c->in[0];
    if (c->nb_in > 1)
        k.in[1] = c->in[1];
    k.p[0] = c->param[0];
    k.p[1] = c->param[1];
    return k;
}

FgKernelArgs fg_cuda_back_args(const FgCudaCall *c, int j)
{
    FgKernelArgs k = fg_cuda_op_args(c);
    k.in[0] = c->dout;
    k.in[1] = c->in[0];
    k.out = c->din[j];
    k.t.add = c->din_add[j];
    return k;
}

int fg_cuda_results(FgCudaTrain *d, int kernel, FgKernelArgs *k, int nb,
                    FgError *err)
{
    k->t.results = nb;
    return fg_cuda_launch(d, kernel, k, err);
}

int fg_cuda_cast(FgCudaTrain *d, const FgKView *to, const FgKView *from,
                 int images, float scale, FgError *err)
{
    FgKernelArgs k;
    memset(&k, 0, sizeof(k));
    k.mode = scale == 1 ? FG_UNARY_COPY : FG_UNARY_SCALE;
    k.alpha = scale;
    k.in[0] = *from;
    k.out = *to;
    k.t.images = images;
    return fg_cuda_launch(d, FG_KERNEL_t_unary, &k, err);
}

/* ---- element by element ---- */

static const struct {
    const char *op;
    int mode;
} unary_ops[] = {
    {"relu", FG_UNARY_RELU},   {"leaky_relu", FG_UNARY_LEAKY},
    {"prelu", FG_UNARY_PRELU}, {"scale", FG_UNARY_SCALE},
    {"bias", FG_UNARY_AFFINE}, {"sigmoid", FG_UNARY_SIGMOID},
    {"silu", FG_UNARY_SILU},   {"tanh", FG_UNARY_TANH},
    {"gelu", FG_UNARY_GELU},   {"mish", FG_UNARY_MISH},
    {"input", FG_UNARY_COPY},
};

static int unary_mode(const char *op)
{
    for (size_t i = 0; i < sizeof(unary_ops) / sizeof(*unary_ops); i++)
        if (!strcmp(op, unary_ops[i].op))
            return unary_ops[i].mode;
    return -1;
}

static int unary(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = fg_cuda_op_args(c);
    k.mode = unary_mode(c->node->op->name);
    k.out = c->out;
    if (k.mode == FG_UNARY_AFFINE) {
        k.p[1] = c->param[0];
        k.p[0] = 0;
    }
    return fg_cuda_launch(d, FG_KERNEL_t_unary, &k, err);
}

int fg_cuda_channels(FgCudaTrain *d, const FgCudaCall *c, int j, int mode,
                     FgError *err)
{
    FgKernelArgs k = fg_cuda_back_args(c, 0);
    if (!c->dparam[j])
        return 0;
    k.mode = mode;
    k.p[0] = c->dparam[j];
    k.p[2] = d->work;
    return fg_cuda_results(d, FG_KERNEL_t_channels, &k, c->dout.c, err);
}

static int unary_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = fg_cuda_back_args(c, 0);
    int rc = 0;
    k.mode = unary_mode(c->node->op->name);
    k.add = c->out;
    if (k.mode == FG_UNARY_AFFINE || k.mode == FG_UNARY_PRELU)
        rc = fg_cuda_channels(
            d, c, 0, k.mode == FG_UNARY_PRELU ? FG_SUM_SLOPE : FG_SUM_PLAIN,
            err);
    if (k.mode == FG_UNARY_AFFINE)
        k.mode = FG_UNARY_COPY;
    return rc < 0 || !k.out.at
               ? rc
               : fg_cuda_launch(d, FG_KERNEL_t_act_back, &k, err);
}

static int binary(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = fg_cuda_op_args(c);
    k.mode = fg_node_is(c->node, "mul") ? FG_BINARY_MUL : FG_BINARY_ADD;
    k.out = c->out;
    return fg_cuda_launch(d, FG_KERNEL_t_binary, &k, err);
}

static int binary_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    static const FgKView none;
    const int mul = fg_node_is(c->node, "mul");
    int rc = 0;
    if (c->din[0].at) {
        FgKernelArgs k = fg_cuda_back_args(c, 0);
        k.in[1] = mul ? c->in[1] : none;
        rc = fg_cuda_launch(d, FG_KERNEL_t_mul_back, &k, err);
    }
    if (rc >= 0 && c->din[1].at) {
        FgKernelArgs k = fg_cuda_back_args(c, 1);
        k.in[1] = mul ? c->in[0] : none;
        if (k.out.h == c->dout.h && k.out.w == c->dout.w)
            rc = fg_cuda_launch(d, FG_KERNEL_t_back_b, &k, err);
        else
            rc = fg_cuda_results(d, FG_KERNEL_t_back_pixel, &k,
                                 c->images * k.out.c, err);
    }
    return rc;
}

static FgKernelArgs dropped(const FgCudaCall *c)
{
    FgKernelArgs k = fg_cuda_op_args(c);
    const double p = (double)c->node->attr.alpha;
    k.alpha = (float)(1 / (1 - p));
    k.t.below = (uint32_t)(p * 4294967296.0);
    k.t.seed = c->seed;
    k.t.step = c->live ? 0 : c->step;
    k.t.place = c->training ? c->place : -1;
    return k;
}

static int dropout(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = dropped(c);
    k.out = c->out;
    return fg_cuda_launch(d, FG_KERNEL_t_dropout, &k, err);
}

static int dropout_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = dropped(c);
    k.in[0] = c->dout;
    k.out = c->din[0];
    k.t.add = c->din_add[0];
    return k.out.at ? fg_cuda_launch(d, FG_KERNEL_t_dropout, &k, err) : 0;
}

/* ---- places ---- */

static int concat(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    const uint64_t size = c->out.element == FG_ELEMENT_F32 ? 4 : 2;
    int first = 0, rc = 0;
    for (int j = 0; rc >= 0 && j < c->nb_in; j++) {
        FgKernelArgs k = fg_cuda_op_args(c);
        k.in[0] = c->in[j];
        k.first = 0;
        k.out = c->out;
        k.out.c = c->in[j].c;
        k.out.at += size * (uint64_t)first;
        rc = fg_cuda_launch(d, FG_KERNEL_t_copy, &k, err);
        first += c->in[j].c;
    }
    return rc;
}

static int concat_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    int first = 0, rc = 0;
    for (int j = 0; rc >= 0 && j < c->nb_in; j++) {
        FgKernelArgs k = fg_cuda_back_args(c, j);
        k.first = first;
        if (k.out.at)
            rc = fg_cuda_launch(d, FG_KERNEL_t_copy, &k, err);
        first += c->in[j].c;
    }
    return rc;
}

static int warp_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    int rc = 0;
    for (int j = 0; rc >= 0 && j < 2; j++) {
        FgKernelArgs k = fg_cuda_back_args(c, j);
        k.add = c->in[1];
        if (k.out.at)
            rc = fg_cuda_launch(
                d, j ? FG_KERNEL_t_flow_back : FG_KERNEL_t_warp_back, &k, err);
    }
    return rc;
}

static int correlate_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    int rc = 0;
    for (int j = 0; rc >= 0 && j < 2; j++) {
        FgKernelArgs k = fg_cuda_back_args(c, j);
        k.in[1] = c->in[1 - j];
        k.mode = j;
        if (k.out.at)
            rc = fg_cuda_launch(d, FG_KERNEL_t_correlate_back, &k, err);
    }
    return rc;
}

static int mean(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = fg_cuda_op_args(c);
    k.out = c->out;
    return fg_cuda_results(d, FG_KERNEL_t_mean, &k, c->images * c->in[0].c,
                           err);
}

/* The second input gives its size and gets nothing. */
static int like_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = fg_cuda_back_args(c, 0), none = fg_cuda_back_args(c, 1);
    int rc = k.out.at ? fg_cuda_launch(d, FG_KERNEL_t_like_back, &k, err) : 0;
    none.first = INT_MAX / 2; /* no channel of the gradient is its */
    if (rc < 0 || !none.out.at || none.t.add)
        return rc;
    return fg_cuda_launch(d, FG_KERNEL_t_slice_back, &none, err);
}

/* Ops that are one launch, either way: kernels, and their mode unless -1. */
static const struct {
    const char *op;
    int forward, backward, mode;
} simple[] = {
    {"slice", FG_KERNEL_t_copy, FG_KERNEL_t_slice_back, -1},
    {"pixel_shuffle", FG_KERNEL_t_shuffle, FG_KERNEL_t_unshuffle, -1},
    {"pixel_unshuffle", FG_KERNEL_t_unshuffle, FG_KERNEL_t_shuffle, -1},
    {"resize", FG_KERNEL_t_resize, FG_KERNEL_t_resize_back, -1},
    {"resize_like", FG_KERNEL_t_resize_like, -1, -1},
    {"avg_pool", FG_KERNEL_t_pool, FG_KERNEL_t_pool_back, FG_POOL_AVERAGE},
    {"max_pool", FG_KERNEL_t_pool, FG_KERNEL_t_pool_back, FG_POOL_LARGEST},
    {"pad", FG_KERNEL_t_pad, FG_KERNEL_t_pad_back, -1},
    {"warp", FG_KERNEL_t_warp, -1, -1},
    {"correlate", FG_KERNEL_t_correlate, -1, -1},
    {"mean", -1, FG_KERNEL_t_mean_back, -1},
};

static int one_launch(FgCudaTrain *d, const FgCudaCall *c, int back,
                      FgError *err)
{
    for (size_t i = 0; i < sizeof(simple) / sizeof(*simple); i++) {
        const int kernel = back ? simple[i].backward : simple[i].forward;
        FgKernelArgs k = back ? fg_cuda_back_args(c, 0) : fg_cuda_op_args(c);
        if (!fg_node_is(c->node, simple[i].op) || kernel < 0)
            continue;
        if (!back)
            k.out = c->out;
        if (simple[i].mode >= 0)
            k.mode = simple[i].mode;
        return k.out.at ? fg_cuda_launch(d, kernel, &k, err) : 0;
    }
    return fg_error(err, -ENOTSUP,
                    "CUDA: node '%s': the op %s cannot be trained on a GPU",
                    c->node->name, c->node->op->name);
}

/* ---- norms ---- */

/* Mean and 1/deviation of every group lie in the work memory, the sums of
 * gradients behind them. */
typedef struct Norm {
    int groups, joint, fixed, nb; /* nb: groups of all images */
    uint64_t sums;
} Norm;

static Norm norm_of(const FgCudaTrain *d, const FgCudaCall *c)
{
    const int batch = fg_node_is(c->node, "batch_norm");
    Norm n = {c->in[0].c, batch, batch && !c->training, 0, 0};
    if (fg_node_is(c->node, "group_norm"))
        n.groups = c->node->attr.groups;
    n.nb = n.groups * (batch ? 1 : c->images);
    n.sums = d->work + 2 * sizeof(float) * (uint64_t)n.nb;
    return n;
}

static void norm_args(FgKernelArgs *k, const FgCudaTrain *d, const Norm *n)
{
    k->groups = n->groups;
    k->t.joint = n->joint;
    k->t.fixed = n->fixed;
    k->p[2] = d->work;
    k->p[3] = n->sums;
}

static int moments(FgCudaTrain *d, const FgCudaCall *c, const Norm *n, int move,
                   FgError *err)
{
    FgKernelArgs k = fg_cuda_op_args(c);
    norm_args(&k, d, n);
    k.p[0] = n->fixed || move ? c->param[2] : 0;
    k.p[1] = n->fixed || move ? c->param[3] : 0;
    if (!n->fixed)
        return fg_cuda_results(d, FG_KERNEL_t_moments, &k, n->nb, err);
    k.out = fg_cuda_line(d->work, (size_t)n->nb);
    k.t.images = 1;
    return fg_cuda_launch(d, FG_KERNEL_t_fixed, &k, err);
}

static int norm_room(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    return fg_cuda_room(d,
                        (2 * sizeof(float) + 2 * sizeof(double)) *
                            (size_t)c->images * (size_t)c->in[0].c,
                        err);
}

static int norm(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    int rc = norm_room(d, c, err);
    const Norm n = norm_of(d, c);
    FgKernelArgs k = fg_cuda_op_args(c);
    norm_args(&k, d, &n);
    k.out = c->out;
    if (rc >= 0)
        rc = moments(d, c, &n, n.joint, err);
    return rc < 0 ? rc : fg_cuda_launch(d, FG_KERNEL_t_norm, &k, err);
}

static int norm_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    int rc = norm_room(d, c, err);
    const Norm n = norm_of(d, c);
    FgKernelArgs k = fg_cuda_back_args(c, 0), p = k;
    norm_args(&k, d, &n);
    if (rc >= 0)
        rc = moments(d, c, &n, 0, err);
    if (rc >= 0)
        rc = fg_cuda_results(d, FG_KERNEL_t_norm_sums, &k,
                             c->images * c->dout.c, err);
    norm_args(&p, d, &n);
    p.p[0] = c->dparam[0];
    p.p[1] = c->dparam[1];
    p.out = fg_cuda_line(d->work, (size_t)c->dout.c);
    p.t.images = 1;
    p.t.results = c->images;
    if (rc >= 0 && (p.p[0] || p.p[1]))
        rc = fg_cuda_launch(d, FG_KERNEL_t_norm_params, &p, err);
    return rc < 0 || !k.out.at
               ? rc
               : fg_cuda_launch(d, FG_KERNEL_t_norm_back, &k, err);
}

/* Of every pixel: its moments, then its sums. */
static int layer(FgCudaTrain *d, const FgCudaCall *c, FgKernelArgs *k,
                 FgError *err)
{
    const size_t pixels = (size_t)c->images * (size_t)c->in[0].h *
                          (size_t)c->in[0].w;
    FgKernelArgs m = fg_cuda_op_args(c);
    int rc = fg_cuda_room(d, 4 * sizeof(float) * pixels, err);
    m.out = c->in[0];
    m.out.c = 1;
    k->p[2] = m.p[2] = d->work;
    k->p[3] = d->work + 2 * sizeof(float) * (uint64_t)pixels;
    return rc < 0 ? rc : fg_cuda_launch(d, FG_KERNEL_t_layer_moments, &m, err);
}

static int layer_norm(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = fg_cuda_op_args(c);
    const int rc = layer(d, c, &k, err);
    k.out = c->out;
    return rc < 0 ? rc : fg_cuda_launch(d, FG_KERNEL_t_layer, &k, err);
}

static int layer_norm_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = fg_cuda_back_args(c, 0), s;
    int rc = layer(d, c, &k, err);
    if (rc >= 0)
        rc = fg_cuda_channels(d, c, 0, FG_SUM_LAYER, err);
    if (rc >= 0)
        rc = fg_cuda_channels(d, c, 1, FG_SUM_PLAIN, err);
    if (rc < 0 || !k.out.at)
        return rc;
    s = k;
    s.out.c = 1;
    rc = fg_cuda_launch(d, FG_KERNEL_t_layer_sums, &s, err);
    return rc < 0 ? rc : fg_cuda_launch(d, FG_KERNEL_t_layer_back, &k, err);
}

/* ---- both ways ---- */

typedef int (*OpFn)(FgCudaTrain *d, const FgCudaCall *c, FgError *err);

static const struct {
    const char *op;
    OpFn forward, backward; /* NULL: one launch */
} table[] = {
    {"conv2d", fg_cuda_conv, fg_cuda_conv_back},
    {"deconv2d", fg_cuda_conv, fg_cuda_conv_back},
    {"dense", fg_cuda_dense, fg_cuda_dense_back},
    {"add", binary, binary_back},
    {"mul", binary, binary_back},
    {"dropout", dropout, dropout_back},
    {"concat", concat, concat_back},
    {"warp", NULL, warp_back},
    {"resize_like", NULL, like_back},
    {"correlate", NULL, correlate_back},
    {"mean", mean, NULL},
    {"instance_norm", norm, norm_back},
    {"batch_norm", norm, norm_back},
    {"group_norm", norm, norm_back},
    {"layer_norm", layer_norm, layer_norm_back},
};

/* Kernels count elements in 32 bits. */
static int check(const FgCudaCall *c, const FgKView *v, FgError *err)
{
    const double all = (double)c->images * v->h * v->w * v->c;
    if (all < (double)INT_MAX)
        return 0;
    return fg_error(err, -ENOTSUP,
                    "CUDA: node '%s': %g values are more than 2^31: take a "
                    "smaller batch or patch",
                    c->node->name, all);
}

static int run(FgCudaTrain *d, const FgCudaCall *c, int back, FgError *err)
{
    const char *const op = c->node->op->name;
    int rc = check(c, &c->in[0], err);
    if (rc >= 0)
        rc = check(c, back ? &c->dout : &c->out, err);
    if (rc < 0)
        return rc;
    if (unary_mode(op) >= 0)
        return back ? unary_back(d, c, err) : unary(d, c, err);
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        const OpFn fn = back ? table[i].backward : table[i].forward;
        if (!strcmp(op, table[i].op) && fn)
            return fn(d, c, err);
    }
    return one_launch(d, c, back, err);
}

int fg_cuda_forward(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    return run(d, c, 0, err);
}

int fg_cuda_backward(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    return run(d, c, 1, err);
}
