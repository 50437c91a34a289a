/* ffgan: convolutions of training on a GPU: tensor cores or plain loops.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cuda_train_priv.h"
#include "graph_priv.h"

static int transposed(const FgCudaCall *c)
{
    return fg_node_is(c->node, "deconv2d");
}

/* Plain loops know all of them. GPUs before 8.0 cannot multiply bf16. */
static int has_product(const FgCudaTrain *d, const FgCudaCall *c)
{
    const int element = c->in[0].element;
    return c->node->attr.groups <= 1 &&
           (element == FG_ELEMENT_F16 ||
            (element == FG_ELEMENT_BF16 && d->about.major >= 8));
}

static int blocks_of(int64_t n, int by)
{
    return (int)((n + by - 1) / by);
}

/* ---- a product ---- */

/* Weights for outputs of k->out from inputs k->in[0] into the work memory;
 * rows: the weights' first dimension is the outputs'. */
static int pack(FgCudaTrain *d, const FgCudaCall *c, FgKernelArgs *k, int rows,
                FgError *err)
{
    const int n = k->out.c > 32 ? 64 : 32;
    FgKernelArgs p = *k;
    k->blocks = p.blocks = blocks_of(k->out.c, n);
    k->chunks = blocks_of(k->in[0].c, 16) * k->kernel * k->kernel;
    k->chunks = p.chunks = (k->chunks + 1) / 2 * 2;
    p.out = fg_cuda_line(d->work,
                         (size_t)p.blocks * (size_t)p.chunks * (size_t)n * 16);
    p.out.element = c->in[0].element;
    p.p[0] = c->param[0];
    p.first = k->out.c;
    p.factor = rows;
    p.t.results = n;
    p.t.images = 1;
    p.t.add = 0;
    k->p[0] = d->work;
    return fg_cuda_launch(d, FG_KERNEL_t_pack, &p, err);
}

static size_t packed_bytes(const FgKernelArgs *k)
{
    const size_t chunks = (size_t)blocks_of(k->in[0].c, 16) *
                          (size_t)(k->kernel * k->kernel);
    return 2 * 16 * 64 * (chunks + 1) * (size_t)blocks_of(k->out.c, 64);
}

/* k->mode: FG_SEES_*. */
static int gather(FgCudaTrain *d, const FgCudaCall *c, FgKernelArgs *k,
                  int rows, FgError *err)
{
    const int half = k->in[0].element == FG_ELEMENT_F16;
    const int rc = pack(d, c, k, rows, err);
    d->products++;
    if (rc < 0)
        return rc;
    if (k->out.c > 32)
        return fg_cuda_launch(
            d, half ? FG_KERNEL_t_f16_gather64 : FG_KERNEL_t_bf16_gather64, k,
            err);
    return fg_cuda_launch(
        d, half ? FG_KERNEL_t_f16_gather32 : FG_KERNEL_t_bf16_gather32, k, err);
}

/* ---- forward ---- */

int fg_cuda_conv(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    const int turned = transposed(c);
    FgKernelArgs k = fg_cuda_op_args(c);
    int rc;
    k.out = c->out;
    if (!has_product(d, c))
        return fg_cuda_launch(d, turned ? FG_KERNEL_t_deconv : FG_KERNEL_t_conv,
                              &k, err);
    k.mode = turned ? FG_SEES_BACK : FG_SEES_CONV;
    rc = fg_cuda_room(d, packed_bytes(&k), err);
    return rc < 0 ? rc : gather(d, c, &k, !turned, err);
}

/* ---- the input's gradient ---- */

/* Of the padded picture, f32, behind the weights; then its border is folded in.
 */
static int fold_back(FgCudaTrain *d, const FgCudaCall *c, FgKernelArgs *k,
                     FgError *err)
{
    FgKernelArgs wide = *k, fold = *k;
    const size_t at = (packed_bytes(k) + 255) / 256 * 256;
    FgKView v = k->out;
    v.w += 2 * k->pad;
    v.h += 2 * k->pad;
    v.pitch = v.c;
    v.element = FG_ELEMENT_F32;
    int rc = fg_cuda_room(d,
                          at + sizeof(float) * (size_t)c->images * (size_t)v.h *
                                   (size_t)v.w * (size_t)v.c,
                          err);
    v.at = d->work + at;
    wide.out = fold.in[0] = v;
    wide.pad = wide.pad_mode = wide.t.add = 0;
    if (rc >= 0)
        rc = gather(d, c, &wide, 0, err);
    return rc < 0 ? rc : fg_cuda_launch(d, FG_KERNEL_t_pad_back, &fold, err);
}

static int input_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    const int turned = transposed(c);
    FgKernelArgs k = fg_cuda_back_args(c, 0);
    int rc;
    if (!k.out.at)
        return 0;
    if (!has_product(d, c))
        return fg_cuda_launch(
            d, turned ? FG_KERNEL_t_deconv_back : FG_KERNEL_t_conv_back, &k,
            err);
    k.p[1] = 0; /* no bias */
    k.mode = turned ? FG_SEES_CONV : FG_SEES_BACK;
    if (k.pad_mode && k.pad)
        return fold_back(d, c, &k, err);
    rc = fg_cuda_room(d, packed_bytes(&k), err);
    return rc < 0 ? rc : gather(d, c, &k, turned, err);
}

/* ---- the weights' gradient ---- */

/* Slices of the pixels: enough blocks for a large GPU, 256 pixels each at
 * least. The shape alone decides: a sum's order is the same on every GPU. */
static int slices_of(const FgCudaCall *c, const FgKernelArgs *k)
{
    const int64_t pixels = (int64_t)c->images * k->in[0].h * k->in[0].w;
    const int blocks = blocks_of(k->in[0].c, FG_OUTER_N) *
                       blocks_of(k->in[1].c, FG_OUTER_N) * k->kernel *
                       k->kernel;
    const int most = blocks < 2048 ? 2048 / blocks : 1;
    const int nb = blocks_of(pixels, 256);
    return nb < most ? nb : most;
}

static int outer(FgCudaTrain *d, const FgCudaCall *c, FgKernelArgs *k,
                 FgError *err)
{
    const size_t weights = (size_t)k->in[0].c * (size_t)k->in[1].c *
                           (size_t)(k->kernel * k->kernel);
    const int slices = slices_of(c, k);
    int rc = fg_cuda_room(d, sizeof(float) * weights * (size_t)slices, err);
    k->p[1] = d->work;
    d->products++;
    if (rc >= 0)
        rc = fg_cuda_results(d,
                             k->in[0].element == FG_ELEMENT_F16
                                 ? FG_KERNEL_t_f16_outer
                                 : FG_KERNEL_t_bf16_outer,
                             k, slices, err);
    k->out = fg_cuda_line(k->p[0], weights);
    k->t.images = 1;
    return rc < 0 ? rc : fg_cuda_launch(d, FG_KERNEL_t_slices, k, err);
}

static int weights_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    const int turned = transposed(c);
    FgKernelArgs k = fg_cuda_op_args(c);
    if (!c->dparam[0])
        return 0;
    k.in[0] = turned ? c->in[0] : c->dout;
    k.in[1] = turned ? c->dout : c->in[0];
    k.p[0] = c->dparam[0];
    k.p[1] = 0;
    if (has_product(d, c))
        return outer(d, c, &k, err);
    return fg_cuda_results(
        d, FG_KERNEL_t_weights, &k,
        k.in[0].c * (k.in[1].c / k.groups) * k.kernel * k.kernel, err);
}

int fg_cuda_conv_back(FgCudaTrain *d, const FgCudaCall *c, FgError *err)
{
    int rc = weights_back(d, c, err);
    if (rc >= 0)
        rc = fg_cuda_channels(d, c, 1, FG_SUM_PLAIN, err);
    return rc < 0 ? rc : input_back(d, c, err);
}
