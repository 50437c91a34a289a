/* ffgan: convolutions and dense layers of training on a GPU: products of tiles,
 * in 16 bits on tensor cores, or plain loops.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>

#include "cuda_train_priv.h"
#include "graph_priv.h"

static int transposed(const FgCudaCall *c)
{
    return fg_node_is(c->node, "deconv2d");
}

static int groups_of(const FgCudaCall *c)
{
    return c->node->attr.groups > 1 ? c->node->attr.groups : 1;
}

/* Plain loops know all of them. GPUs before 8.0 cannot multiply bf16; a group
 * of few channels leaves most of a tile empty, and waits for memory anyway. */
static int has_product(const FgCudaTrain *d, const FgCudaCall *c)
{
    const int nb = groups_of(c);
    if (nb > 1 && (c->in[0].c / nb < 8 || c->node->attr.channels / nb < 8))
        return 0;
    return c->in[0].element != FG_ELEMENT_BF16 || d->about.major >= 8;
}

static int blocks_of(int64_t n, int by)
{
    return (int)((n + by - 1) / by);
}

/* ---- a product ---- */

/* Of outputs k->out from inputs k->in[0], and where it works: packed weights,
 * the sums of slices, then what the caller wants. */
typedef struct Product {
    int n, blocks, chunks, slices; /* n: outputs of a block */
    size_t parts, end;             /* offsets in the work memory */
} Product;

/* Slices of the terms where there are few pixels and outputs: blocks for half
 * of a large GPU, of 16 chunks at least. The shape alone decides: a sum's order
 * is the same on every GPU. */
static int parts_of(int64_t blocks, int chunks)
{
    const int most = blocks < 128 ? 256 / (int)blocks : 1;
    const int nb = chunks / 16;
    return nb < 1 ? 1 : nb < most ? nb : most;
}

static size_t aligned(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static Product product_of(const FgKernelArgs *k)
{
    const int64_t pixels = (int64_t)k->t.images * k->out.h * k->out.w;
    const int taps = k->kernel * k->kernel;
    const int whole = k->in[0].element == FG_ELEMENT_F32;
    Product p;
    p.n = k->out.c > 32 ? 64 : 32;
    p.blocks = blocks_of(k->out.c, p.n);
    p.chunks = whole ? blocks_of(taps * FG_TILE_INPUTS(k->in[0].c), 16)
                     : (taps * blocks_of(k->in[0].c, 16) + 1) / 2 * 2;
    p.slices = parts_of(p.blocks * (int64_t)blocks_of(pixels, FG_GATHER_PIXELS),
                        p.chunks);
    p.parts = aligned((size_t)p.blocks * (size_t)p.chunks * (size_t)p.n *
                      (whole ? 64 : 32));
    p.end = p.parts;
    if (p.slices > 1)
        p.end += aligned(sizeof(float) * (size_t)p.slices * (size_t)pixels *
                         (size_t)k->out.c);
    return p;
}

/* The weights into the work memory; rows: their first dimension is the
 * outputs'. */
static int pack(FgCudaTrain *d, const FgKernelArgs *k, const Product *p,
                int rows, FgError *err)
{
    FgKernelArgs a = *k;
    a.out = fg_cuda_line(d->work, (size_t)p->blocks * (size_t)p->chunks *
                                      (size_t)p->n * 16);
    a.out.element = k->in[0].element;
    a.first = k->out.c;
    a.factor = rows;
    a.t.results = p->n;
    a.t.images = 1;
    a.t.add = 0;
    return fg_cuda_launch(d,
                          a.out.element == FG_ELEMENT_F32 ? FG_KERNEL_t_f32_pack
                                                          : FG_KERNEL_t_pack,
                          &a, err);
}

/* By element type (FG_ELEMENT_*), for blocks of 32 and 64 outputs; of outer. */
static const int gathers[][2] = {
    {FG_KERNEL_t_f32_gather32, FG_KERNEL_t_f32_gather64},
    {FG_KERNEL_t_f16_gather32, FG_KERNEL_t_f16_gather64},
    {FG_KERNEL_t_bf16_gather32, FG_KERNEL_t_bf16_gather64}};
static const int outers[] = {FG_KERNEL_t_f32_outer, FG_KERNEL_t_f16_outer,
                             FG_KERNEL_t_bf16_outer};

/* k->mode: FG_SEES_*. The caller has made room. */
static int gather(FgCudaTrain *d, FgKernelArgs *k, int rows, FgError *err)
{
    const Product p = product_of(k);
    FgKernelArgs g = *k;
    int rc;
    g.blocks = p.blocks;
    g.chunks = p.chunks;
    g.t.results = p.slices;
    rc = pack(d, &g, &p, rows, err);
    d->products++;
    g.p[0] = d->work;
    if (p.slices > 1) {
        g.out.at = d->work + p.parts;
        g.out.pitch = g.out.c;
        g.out.element = FG_ELEMENT_F32;
        g.p[1] = 0;
        g.t.add = 0;
    }
    if (rc >= 0)
        rc = fg_cuda_launch(d, gathers[k->in[0].element][p.n == 64], &g, err);
    if (rc < 0 || p.slices == 1)
        return rc;
    k->p[2] = g.out.at;
    k->t.results = p.slices;
    return fg_cuda_launch(d, FG_KERNEL_t_parts, k, err);
}

static int room_and_gather(FgCudaTrain *d, FgKernelArgs *k, int rows,
                           FgError *err)
{
    const int rc = fg_cuda_room(d, product_of(k).end, err);
    return rc < 0 ? rc : gather(d, k, rows, err);
}

/* ---- groups ---- */

/* Group g of nb of a picture's channels. */
static FgKView part_of(const FgKView *v, int g, int nb)
{
    FgKView part = *v;
    part.c /= nb;
    if (part.at)
        part.at += (uint64_t)g * (uint64_t)part.c *
                   (part.element == FG_ELEMENT_F32 ? 4 : 2);
    return part;
}

/* The arguments of group g of nb alone; p[0]: weights, p[1]: bias or 0. */
static FgKernelArgs group_of(const FgKernelArgs *k, int g, int nb, size_t bytes)
{
    FgKernelArgs one = *k;
    one.in[0] = part_of(&k->in[0], g, nb);
    one.in[1] = part_of(&k->in[1], g, nb);
    one.out = part_of(&k->out, g, nb);
    one.groups = 1;
    one.p[0] += (uint64_t)g * bytes;
    if (one.p[1])
        one.p[1] += (uint64_t)g * sizeof(float) * (uint64_t)one.out.c;
    return one;
}

/* Bytes of a group's weights. */
static size_t group_bytes(const FgCudaCall *c)
{
    const FgAttr *const a = &c->node->attr;
    const size_t nb = (size_t)groups_of(c);
    return sizeof(float) * ((size_t)c->in[0].c / nb) *
           ((size_t)a->channels / nb) * (size_t)(a->kernel * a->kernel);
}

/* ---- forward ---- */

int fg_cuda_conv(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    const int turned = transposed(c), nb = groups_of(c);
    FgKernelArgs k = fg_cuda_op_args(c);
    int rc = 0;
    k.out = c->out;
    if (!has_product(d, c))
        return fg_cuda_launch(d, turned ? FG_KERNEL_t_deconv : FG_KERNEL_t_conv,
                              &k, err);
    k.mode = turned ? FG_SEES_BACK : FG_SEES_CONV;
    for (int g = 0; rc >= 0 && g < nb; g++) {
        FgKernelArgs one = group_of(&k, g, nb, group_bytes(c));
        rc = room_and_gather(d, &one, !turned, err);
    }
    return rc;
}

/* ---- the input's gradient ---- */

/* Of the padded picture, f32, behind what the product works in; then its border
 * is folded in. */
static int fold_back(FgCudaTrain *d, const FgKernelArgs *k, FgError *err)
{
    FgKernelArgs wide = *k, fold = *k;
    FgKView v = k->out;
    v.w += 2 * k->pad;
    v.h += 2 * k->pad;
    v.pitch = v.c;
    v.element = FG_ELEMENT_F32;
    wide.out = v;
    wide.pad = wide.pad_mode = wide.t.add = 0;
    const size_t at = product_of(&wide).end;
    int rc = fg_cuda_room(d,
                          at + sizeof(float) * (size_t)k->t.images *
                                   (size_t)v.h * (size_t)v.w * (size_t)v.c,
                          err);
    wide.out.at = d->work + at;
    fold.in[0] = wide.out;
    if (rc >= 0)
        rc = gather(d, &wide, 0, err);
    return rc < 0 ? rc : fg_cuda_launch(d, FG_KERNEL_t_pad_back, &fold, err);
}

static int input_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    const int turned = transposed(c), nb = groups_of(c);
    FgKernelArgs k = fg_cuda_back_args(c, 0);
    int rc = 0;
    if (!k.out.at)
        return 0;
    if (!has_product(d, c))
        return fg_cuda_launch(
            d, turned ? FG_KERNEL_t_deconv_back : FG_KERNEL_t_conv_back, &k,
            err);
    k.p[1] = 0; /* no bias */
    k.mode = turned ? FG_SEES_CONV : FG_SEES_BACK;
    for (int g = 0; rc >= 0 && g < nb; g++) {
        FgKernelArgs one = group_of(&k, g, nb, group_bytes(c));
        rc = k.pad_mode && k.pad ? fold_back(d, &one, err)
                                 : room_and_gather(d, &one, turned, err);
    }
    return rc;
}

/* ---- the weights' gradient ---- */

/* Slices of the pixels: enough blocks for a large GPU, 256 pixels each at
 * least. The shape alone decides: a sum's order is the same on every GPU. */
static int slices_of(const FgKernelArgs *k, int64_t blocks)
{
    const int64_t pixels = (int64_t)k->t.images * k->in[0].h * k->in[0].w;
    const int most = blocks < 2048 ? 2048 / (int)blocks : 1;
    const int nb = blocks_of(pixels, 256);
    return nb < most ? nb : most;
}

/* Room for the slices of in[0].c by in[1].c weights of each tap. */
static int slices_room(FgCudaTrain *d, FgKernelArgs *k, int slices,
                       FgError *err)
{
    const size_t weights = (size_t)k->in[0].c * (size_t)k->in[1].c *
                           (size_t)(k->kernel * k->kernel);
    const int rc = fg_cuda_room(d, sizeof(float) * weights * (size_t)slices,
                                err);
    k->p[1] = d->work;
    k->out = fg_cuda_line(k->p[0], weights);
    return rc;
}

static int add_slices(FgCudaTrain *d, FgKernelArgs *k, int slices, FgError *err)
{
    k->t.images = 1;
    k->t.results = slices;
    return fg_cuda_launch(d, FG_KERNEL_t_slices, k, err);
}

static int outer(FgCudaTrain *d, FgKernelArgs *k, FgError *err)
{
    const int slices = slices_of(k, (int64_t)blocks_of(k->in[0].c, FG_OUTER_N) *
                                        blocks_of(k->in[1].c, FG_OUTER_N) *
                                        k->kernel * k->kernel);
    int rc = slices_room(d, k, slices, err);
    d->products++;
    if (rc >= 0)
        rc = fg_cuda_results(d, outers[k->in[0].element], k, slices, err);
    return rc < 0 ? rc : add_slices(d, k, slices, err);
}

/* No product: all groups at once. */
static int weights_plain(FgCudaTrain *d, const FgKernelArgs *k, FgError *err)
{
    const int ic = k->in[1].c / k->groups;
    const int blocks = blocks_of(k->in[0].c, FG_LANES) * ic * k->kernel *
                       k->kernel;
    FgKernelArgs w = *k, sum = *k;
    w.blocks = slices_of(k, blocks);
    sum.in[1].c = ic;
    int rc = slices_room(d, &sum, w.blocks, err);
    w.p[1] = sum.p[1];
    if (rc >= 0)
        rc = fg_cuda_results(d, FG_KERNEL_t_weights, &w, blocks * w.blocks,
                             err);
    return rc < 0 ? rc : add_slices(d, &sum, w.blocks, err);
}

static int weights_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    const int turned = transposed(c), nb = groups_of(c);
    FgKernelArgs k = fg_cuda_op_args(c);
    int rc = 0;
    if (!c->dparam[0])
        return 0;
    k.in[0] = turned ? c->in[0] : c->dout;
    k.in[1] = turned ? c->dout : c->in[0];
    k.p[0] = c->dparam[0];
    k.p[1] = 0;
    if (!has_product(d, c))
        return weights_plain(d, &k, err);
    for (int g = 0; rc >= 0 && g < nb; g++) {
        FgKernelArgs one = group_of(&k, g, nb, group_bytes(c));
        rc = outer(d, &one, err);
    }
    return rc;
}

int fg_cuda_conv_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    int rc = weights_back(d, c, err);
    if (rc >= 0)
        rc = fg_cuda_channels(d, c, 1, FG_SUM_PLAIN, err);
    return rc < 0 ? rc : input_back(d, c, err);
}

/* ---- dense layers ---- */

/* An input as a product sees it: an image of one pixel. */
static FgKView flat(const FgKView *v)
{
    FgKView f = *v;
    f.c *= v->h * v->w;
    f.h = f.w = 1;
    f.pitch = f.c;
    return f;
}

/* A row of an instruction's 16 is an image: with fewer, plain loops read the
 * weights as rarely and waste nothing. The products' weights are counted in 32
 * bits. */
static int dense_product(const FgCudaTrain *d, const FgCudaCall *c)
{
    const double weights = ((double)c->in[0].c * c->in[0].h * c->in[0].w + 32) *
                           ((double)c->node->attr.channels + 64);
    return has_product(d, c) && c->images >= 16 &&
           c->in[0].pitch == c->in[0].c && weights < (double)INT_MAX;
}

/* As a 1x1 convolution's. */
static void dense_args(const FgCudaCall *c, FgKernelArgs *k)
{
    k->kernel = 1;
    k->pad = k->pad_mode = 0;
    k->mode = FG_SEES_CONV;
    k->t.spread = c->in[0].h * c->in[0].w;
}

int fg_cuda_dense(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = fg_cuda_op_args(c);
    k.out = c->out;
    if (!dense_product(d, c))
        return fg_cuda_launch(d, FG_KERNEL_t_dense, &k, err);
    dense_args(c, &k);
    k.in[0] = flat(&c->in[0]);
    return room_and_gather(d, &k, 1, err);
}

static int dense_weights(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = fg_cuda_back_args(c, 0);
    const FgKView in = flat(&c->in[0]);
    if (!c->dparam[0])
        return 0;
    if (dense_product(d, c)) {
        dense_args(c, &k);
        k.in[1] = in;
        k.p[0] = c->dparam[0];
        return outer(d, &k, err);
    }
    k.out = fg_cuda_line(c->dparam[0], (size_t)in.c * (size_t)c->dout.c);
    k.t.images = 1;
    k.t.results = c->images;
    return fg_cuda_launch(d, FG_KERNEL_t_dense_weights, &k, err);
}

int fg_cuda_dense_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    FgKernelArgs k = fg_cuda_back_args(c, 0);
    int rc = fg_cuda_channels(d, c, 1, FG_SUM_PLAIN, err);
    if (rc >= 0)
        rc = dense_weights(d, c, err);
    if (rc < 0 || !k.out.at)
        return rc;
    if (!dense_product(d, c))
        return fg_cuda_launch(d, FG_KERNEL_t_dense_back, &k, err);
    dense_args(c, &k);
    k.out = flat(&c->din[0]);
    k.p[1] = 0; /* no bias */
    return room_and_gather(d, &k, 0, err);
}
