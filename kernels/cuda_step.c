/* ffgan: plans on a GPU: steps as launches, weights as kernels want them.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_fp8.h"
#include "graph_priv.h"

/* What building needs. */
typedef struct Build {
    FgPlan *p;
    const FgStep *s;
    const FgNode *n;
    const FgShape *shapes;
    FgError *err;
} Build;

static FgCudaStep *add_step(Build *b, int kernel)
{
    struct FgCudaPlan *c = b->p->cuda;
    FgCudaStep *t = realloc(c->steps, sizeof(*t) * (size_t)(c->nb_steps + 1));
    if (!t)
        return NULL;
    c->steps = t;
    t += c->nb_steps++;
    memset(t, 0, sizeof(*t));
    t->step = (int)(b->s - b->p->steps);
    t->kernel = kernel;
    t->add = -1;
    t->in[0] = b->s->nb_in > 0 ? b->s->in[0] : -1;
    t->in[1] = b->s->nb_in > 1 ? b->s->in[1] : -1;
    t->out = b->s->out;
    const FgAttr *a = &b->n->attr;
    t->a.kernel = a->kernel;
    t->a.stride = a->stride > 0 ? a->stride : 1;
    t->a.pad = a->pad;
    t->a.pad_mode = a->pad_mode;
    t->a.groups = a->groups > 0 ? a->groups : 1;
    t->a.factor = a->factor;
    t->a.mode = a->mode;
    t->a.first = a->first;
    t->a.alpha = a->alpha;
    t->a.eps = a->eps;
    return t;
}

static const FgParam *param(const Build *b, int k)
{
    return k < b->n->nb_param ? fg_params_find(&b->p->ps, b->n->param[k])
                              : NULL;
}

/* Parameter k as it is; 0 where the node has none. */
static int keep_param(Build *b, int k, uint64_t *at)
{
    const FgParam *q = param(b, k);
    *at = 0;
    return q ? fg_cuda_keep(b->p, q->data, sizeof(float) * fg_param_count(q),
                            at, b->err)
             : 0;
}

static int no_memory(const Build *b)
{
    fg_error(b->err, -ENOMEM, "plan: out of memory");
    return -ENOMEM;
}

/* ---- convolutions ---- */

int fg_cuda_mma_fits(const FgAttr *a)
{
    return a->groups <= 1 && a->stride <= 1 &&
           (a->kernel == 1 || a->kernel == 3) && a->pad == a->kernel / 2;
}

/* Outputs of a block: as few in vain as can be, then as many as can be. */
static int mma_outputs(int oc)
{
    int best = 16;
    for (int n = 16; n <= 64; n += 16)
        if (fg_ceil_div(oc, n) * n <= fg_ceil_div(oc, best) * best)
            best = n;
    return best;
}

int fg_cuda_mma_kernel(int element, int n, int k)
{
    const int first = element == FG_ELEMENT_F16 ? FG_KERNEL_f16_n16_k1
                                                : FG_KERNEL_bf16_n16_k1;
    return first + (k == 3 ? 4 : 0) + n / 16 - 1;
}

int fg_cuda_kernel_like(const FgPlan *p, const FgCudaStep *t, int n)
{
    return t->in[0] >= p->g.nb_nodes
               ? fg_cuda_fp8_kernel(p, n, t->a.kernel)
               : fg_cuda_mma_kernel(p->cuda->element, n, t->a.kernel);
}

/* [block][chunk][tap][n][16], see conv_mma_template.c, or as conv_wgmma.h has
 * them; dst is zero. */
static void mma_pack(uint16_t *dst, const Build *b, int ic, int n, int chunks,
                     int hopper)
{
    const FgAttr *a = &b->n->attr;
    const float *w = param(b, 0)->data;
    const int taps = a->kernel * a->kernel;
    for (int o = 0; o < a->channels; o++)
        for (int i = 0; i < ic; i++)
            for (int t = 0; t < taps; t++) {
                const size_t part = (size_t)(o / n * chunks + i / 16);
                const int at = hopper
                                   ? fg_wg_weight(o % n, i % 16, t, n, 8)
                                   : fg_row32(t * n + o % n, i % 16 / 8) / 2 +
                                         i % 8;
                dst[part * (size_t)(taps * n * 16) + (size_t)at] = fg_put16(
                    b->p->cuda->element,
                    w[((size_t)o * (size_t)ic + (size_t)i) * (size_t)taps +
                      (size_t)t]);
            }
}

/* What packing needs: no shapes, no error's node. */
static Build of_step(FgPlan *p, const FgCudaStep *t, FgError *err)
{
    const FgStep *s = &p->steps[t->step];
    return (Build){p, s, &p->g.nodes[s->node], NULL, err};
}

static int outputs_of(int kernel)
{
    switch (kernel) {
#define OUTPUTS(name, element, n, k)                                           \
    case FG_KERNEL_##name:                                                     \
        return n;
        FG_KERNELS_TENSOR(OUTPUTS)
#undef OUTPUTS
    default:
        return 0;
    }
}

int fg_cuda_mma_outputs(const FgCudaStep *t)
{
    return outputs_of(t->kernel);
}

/* What a kernel takes, on the host: weights, bias, an output's factor. */
typedef struct Packed {
    void *w;
    float *bias, *factor;
    size_t bytes, outputs; /* of weights; with those in vain */
    int blocks, chunks;
} Packed;

static int pack_host(Packed *k, const Build *b, const FgCudaStep *t, int kernel)
{
    const FgAttr *a = &b->n->attr;
    const int n = outputs_of(kernel), taps = a->kernel * a->kernel;
    const int nodes = b->p->g.nb_nodes, fp8 = t->in[0] >= nodes;
    const int ic = param(b, 0)->dims[1];
    k->blocks = fg_ceil_div(a->channels, n);
    k->chunks = fg_ceil_div(ic, fp8 ? 32 : 16);
    k->outputs = (size_t)(k->blocks * n);
    k->bytes = k->outputs * (size_t)(k->chunks * taps) * 32;
    k->w = calloc(1, k->bytes);
    k->bias = calloc(k->outputs, sizeof(*k->bias));
    k->factor = calloc(k->outputs, sizeof(*k->factor));
    if (!k->w || !k->bias || !k->factor)
        return no_memory(b);
    if (fp8)
        fg_cuda_fp8_pack(k->w, k->factor, param(b, 0)->data, a->channels, ic,
                         taps, n, b->p->cuda->to8[t->in[0] - nodes],
                         kernel >= FG_KERNEL_e4m3_w16_k1);
    else
        mma_pack(k->w, b, ic, n, k->chunks, kernel == FG_KERNEL_f16_w64_k3);
    if (param(b, 1))
        memcpy(k->bias, param(b, 1)->data,
               sizeof(*k->bias) * (size_t)a->channels);
    return 0;
}

static int keep_packed(FgPlan *p, const Packed *k, uint64_t at[4], FgError *err)
{
    const size_t outputs = sizeof(float) * k->outputs;
    int rc = fg_cuda_keep(p, k->w, k->bytes, &at[0], err);
    if (rc >= 0)
        rc = fg_cuda_keep(p, k->bias, outputs, &at[1], err);
    if (rc >= 0)
        rc = fg_cuda_keep(p, k->factor, outputs, &at[3], err);
    return rc;
}

int fg_cuda_pack_mma(FgPlan *p, FgCudaStep *t, int kernel, FgError *err)
{
    if (outputs_of(kernel) < 1)
        return fg_error(err, -EINVAL, "kernel %d makes no convolutions",
                        kernel);
    const Build b = of_step(p, t, err);
    Packed k = {.w = NULL};
    uint64_t at[4] = {0, 0, 0, 0};
    int rc = pack_host(&k, &b, t, kernel);
    if (rc >= 0)
        rc = keep_packed(p, &k, at, err);
    free(k.w);
    free(k.bias);
    free(k.factor);
    for (int i = 0; i < 4; i++) {
        if (i == 2) /* slopes */
            continue;
        fg_cuda_unkeep(p, rc < 0 ? &at[i] : &t->a.p[i]);
        if (rc >= 0)
            t->a.p[i] = at[i];
    }
    if (rc < 0)
        return rc;
    t->kernel = kernel;
    t->a.blocks = k.blocks;
    t->a.chunks = k.chunks;
    return 0;
}

/* nb numbers as the plan's values are, into dst; returns where it ends. */
static char *put_numbers(char *dst, int element, const float *f, size_t nb)
{
    if (element == FG_ELEMENT_F32) {
        memcpy(dst, f, sizeof(*f) * nb);
        return dst + sizeof(*f) * nb;
    }
    for (size_t i = 0; i < nb; i++, dst += 2) {
        const uint16_t h = fg_put16(element, f[i]);
        memcpy(dst, &h, 2);
    }
    return dst;
}

static int keep_numbers(Build *b, const float *f, size_t nb, uint64_t *at)
{
    char *buf = f ? malloc(4 * nb) : NULL;
    *at = 0;
    if (!f)
        return 0;
    if (!buf)
        return no_memory(b);
    const char *end = put_numbers(buf, b->p->cuda->element, f, nb);
    const int rc = fg_cuda_keep(b->p, buf, (size_t)(end - buf), at, b->err);
    free(buf);
    return rc;
}

/* [o][tap][i] of [o][i][tap]. */
static float *by_taps(const FgParam *w)
{
    const size_t ic = (size_t)w->dims[1];
    const size_t taps = (size_t)w->dims[2] * (size_t)w->dims[3];
    float *f = calloc(fg_param_count(w), sizeof(*f));
    for (size_t i = 0; f && i < fg_param_count(w); i++) {
        const size_t o = i / (ic * taps), k = i / taps % ic, t = i % taps;
        f[(o * taps + t) * ic + k] = w->data[i];
    }
    return f;
}

int fg_cuda_pack_dnn(FgPlan *p, const FgCudaStep *t, uint64_t at[3],
                     FgError *err)
{
    Build b = of_step(p, t, err);
    const size_t oc = (size_t)b.n->attr.channels;
    float *w = by_taps(param(&b, 0));
    int rc = w ? keep_numbers(&b, w, fg_param_count(param(&b, 0)), &at[0])
               : no_memory(&b);
    free(w);
    if (rc >= 0)
        rc = keep_numbers(&b, param(&b, 1) ? param(&b, 1)->data : NULL, oc,
                          &at[1]);
    if (rc >= 0)
        rc = keep_numbers(&b, b.s->epilogue.slope, oc, &at[2]);
    return rc;
}

static int act_of(const FgConvEpilogue *e)
{
    switch (e->act) {
    case FG_CONV_RELU:
        return FG_UNARY_RELU;
    case FG_CONV_LEAKY_RELU:
        return FG_UNARY_LEAKY;
    case FG_CONV_PRELU:
        return FG_UNARY_PRELU;
    case FG_CONV_LINEAR:
        return FG_UNARY_COPY;
    default:
        return -1;
    }
}

/* The 8-bit form of what the step reads, unless it is there. */
static int narrowed(Build *b)
{
    const struct FgCudaPlan *c = b->p->cuda;
    const int v = b->s->in[0], v8 = v + b->p->g.nb_nodes;
    for (int i = 0; i < c->nb_steps; i++)
        if (c->steps[i].out == v8)
            return 0;
    FgCudaStep *t = add_step(b, FG_KERNEL_narrow);
    if (!t)
        return no_memory(b);
    t->in[1] = -1;
    t->out = v8;
    t->a.to8 = c->to8[v];
    return 0;
}

static int conv_weights(Build *b, FgCudaStep *t)
{
    int rc = 0;
    if (b->p->cuda->element != FG_ELEMENT_F32 && fg_cuda_mma_fits(&b->n->attr))
        return fg_cuda_pack_mma(
            b->p, t,
            fg_cuda_kernel_like(b->p, t, mma_outputs(b->n->attr.channels)),
            b->err);
    rc = keep_param(b, 0, &t->a.p[0]);
    return rc < 0 ? rc : keep_param(b, 1, &t->a.p[1]);
}

static int conv(Build *b)
{
    const struct FgCudaPlan *c = b->p->cuda;
    const int fp8 = fg_cuda_fp8_reads(b->p, b->s, b->shapes);
    int rc = fp8 ? narrowed(b) : 0;
    FgCudaStep *t = rc < 0 ? NULL : add_step(b, FG_KERNEL_conv);
    const FgConvEpilogue *e = &b->s->epilogue;
    if (!t)
        return no_memory(b);
    t->in[0] += fp8 ? b->p->g.nb_nodes : 0;
    t->in[1] = -1;
    t->add = b->s->add;
    t->a.act = act_of(e);
    if (t->a.act < 0)
        return fg_error(b->err, -ENOTSUP,
                        "CUDA: node '%s': its activation is not folded here",
                        b->n->name);
    t->a.alpha = e->alpha;
    t->a.add_first = e->add_first;
    if (c->alone8 && c->alone8[t->out]) {
        t->a.to8 = c->to8[t->out];
        t->out += b->p->g.nb_nodes;
    }
    rc = conv_weights(b, t);
    if (rc >= 0 && e->slope)
        rc = fg_cuda_keep(b->p, e->slope,
                          sizeof(float) * (size_t)b->n->attr.channels,
                          &t->a.p[2], b->err);
    return rc;
}

/* ---- other ops ---- */

static int plain(Build *b, int kernel, int mode)
{
    FgCudaStep *t = add_step(b, kernel);
    if (!t)
        return no_memory(b);
    if (mode >= 0)
        t->a.mode = mode;
    int rc = keep_param(b, 0, &t->a.p[0]);
    return rc < 0 ? rc : keep_param(b, 1, &t->a.p[1]);
}

static int bias(Build *b)
{
    FgCudaStep *t = add_step(b, FG_KERNEL_unary);
    if (!t)
        return no_memory(b);
    t->a.mode = FG_UNARY_AFFINE;
    return keep_param(b, 0, &t->a.p[1]);
}

/* By running moments: a factor and an addend. */
static int batch_norm(Build *b)
{
    FgCudaStep *t = add_step(b, FG_KERNEL_unary);
    const int c = param(b, 0)->dims[0];
    float *f = malloc(sizeof(*f) * 2 * (size_t)c);
    int rc = t && f ? 0 : no_memory(b);
    for (int k = 0; rc >= 0 && k < c; k++) {
        const double rstd = 1 / sqrt((double)param(b, 3)->data[k] +
                                     (double)b->n->attr.eps);
        const double w = param(b, 0)->data[k] * rstd;
        f[k] = (float)w;
        f[c + k] = (float)(param(b, 1)->data[k] - w * param(b, 2)->data[k]);
    }
    if (rc >= 0)
        rc = fg_cuda_keep(b->p, f, sizeof(*f) * 2 * (size_t)c, &t->a.p[0],
                          b->err);
    if (rc >= 0) {
        t->a.mode = FG_UNARY_AFFINE;
        t->a.p[1] = t->a.p[0] + sizeof(*f) * (uint64_t)c;
    }
    free(f);
    return rc;
}

static int norm(Build *b, int groups, int holds)
{
    FgCudaStep *t = add_step(b, FG_KERNEL_moments);
    uint64_t at = 0;
    int rc = t ? fg_cuda_keep(b->p, NULL, sizeof(float) * 2 * (size_t)groups,
                              &at, b->err)
               : no_memory(b);
    if (rc < 0)
        return rc;
    t->out = -1;
    t->a.groups = groups;
    t->a.p[2] = at;
    t->holds = holds;
    rc = plain(b, FG_KERNEL_norm, -1);
    if (rc >= 0) {
        t = &b->p->cuda->steps[b->p->cuda->nb_steps - 1];
        t->a.groups = groups;
        t->a.p[2] = at;
    }
    return rc;
}

static int mean(Build *b)
{
    FgCudaStep *t = add_step(b, FG_KERNEL_moments);
    if (!t)
        return no_memory(b);
    t->a.groups = b->shapes[b->n->in[0]].c;
    return 0;
}

static int concat(Build *b)
{
    int first = 0;
    for (int k = 0; k < b->s->nb_in; k++) {
        FgCudaStep *t = add_step(b, FG_KERNEL_copy);
        if (!t)
            return no_memory(b);
        t->in[0] = b->s->in[k];
        t->in[1] = -1;
        t->first = first;
        t->nb_out = b->shapes[b->n->in[k]].c;
        t->a.first = 0;
        first += t->nb_out;
    }
    return 0;
}

/* Ops that are one launch: the kernel, and its mode unless -1. */
static const struct {
    const char *op;
    int kernel, mode;
} simple[] = {
    {"deconv2d", FG_KERNEL_deconv, -1},
    {"relu", FG_KERNEL_unary, FG_UNARY_RELU},
    {"leaky_relu", FG_KERNEL_unary, FG_UNARY_LEAKY},
    {"prelu", FG_KERNEL_unary, FG_UNARY_PRELU},
    {"scale", FG_KERNEL_unary, FG_UNARY_SCALE},
    {"dropout", FG_KERNEL_unary, FG_UNARY_COPY},
    {"sigmoid", FG_KERNEL_unary, FG_UNARY_SIGMOID},
    {"silu", FG_KERNEL_unary, FG_UNARY_SILU},
    {"tanh", FG_KERNEL_unary, FG_UNARY_TANH},
    {"gelu", FG_KERNEL_unary, FG_UNARY_GELU},
    {"mish", FG_KERNEL_unary, FG_UNARY_MISH},
    {"add", FG_KERNEL_binary, FG_BINARY_ADD},
    {"mul", FG_KERNEL_binary, FG_BINARY_MUL},
    {"slice", FG_KERNEL_copy, -1},
    {"pixel_shuffle", FG_KERNEL_shuffle, -1},
    {"pixel_unshuffle", FG_KERNEL_unshuffle, -1},
    {"resize", FG_KERNEL_resize, -1},
    {"resize_like", FG_KERNEL_resize_like, -1},
    {"avg_pool", FG_KERNEL_pool, FG_POOL_AVERAGE},
    {"max_pool", FG_KERNEL_pool, FG_POOL_LARGEST},
    {"pad", FG_KERNEL_pad, -1},
    {"warp", FG_KERNEL_warp, -1},
    {"correlate", FG_KERNEL_correlate, -1},
    {"dense", FG_KERNEL_dense, -1},
    {"layer_norm", FG_KERNEL_layer_norm, -1},
};

static int other(Build *b)
{
    const char *op = b->n->op->name;
    for (size_t i = 0; i < sizeof(simple) / sizeof(*simple); i++)
        if (!strcmp(op, simple[i].op))
            return plain(b, simple[i].kernel, simple[i].mode);
    if (!strcmp(op, "bias"))
        return bias(b);
    if (!strcmp(op, "concat"))
        return concat(b);
    if (!strcmp(op, "batch_norm"))
        return batch_norm(b);
    if (!strcmp(op, "instance_norm"))
        return norm(b, b->shapes[b->n->in[0]].c, 1);
    if (!strcmp(op, "group_norm"))
        return norm(b, b->n->attr.groups, 0);
    if (!strcmp(op, "mean"))
        return mean(b);
    return fg_error(b->err, -ENOTSUP,
                    "CUDA: node '%s': the op %s runs on the CPU only",
                    b->n->name, op);
}

int fg_cuda_steps(FgPlan *p, FgError *err)
{
    FgShape *shapes = fg_graph_any_shapes(&p->g, err);
    int rc = 0;
    if (!shapes)
        return errno > 0 ? -errno : -ENOMEM;
    if (p->precision == FG_PREC_FP8)
        rc = fg_cuda_fp8_mark(p, shapes, err);
    for (int i = 0; rc >= 0 && i < p->nb_steps; i++) {
        const FgStep *s = &p->steps[i];
        Build b = {p, s, &p->g.nodes[s->node], shapes, err};
        rc = s->conv ? conv(&b) : other(&b);
    }
    free(shapes);
    return rc;
}

static const FgCudaStep *step_of(const FgPlan *p, const FgStep *s)
{
    for (int i = 0; i < p->cuda->nb_steps; i++)
        if (p->cuda->steps[i].out == s->out ||
            p->cuda->steps[i].out == s->out + p->g.nb_nodes)
            return &p->cuda->steps[i];
    return NULL;
}

const char *fg_cuda_method(const FgPlan *p, const FgStep *s)
{
    const FgCudaStep *t = step_of(p, s);
    return t && t->dnn                      ? "cudnn"
           : t && t->in[0] >= p->g.nb_nodes ? "mma, fp8"
           : t && fg_cuda_mma_outputs(t)    ? "mma"
                                            : "simt";
}

const char *fg_cuda_choice(const FgPlan *p, const FgStep *s)
{
    const FgCudaStep *t = step_of(p, s);
    return t ? t->choice : "";
}
