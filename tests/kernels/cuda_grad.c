/* Every op on a GPU as training has it, forward and backward, on batches: the
 * kernels' sources run on the CPU between guard bytes, against the op in
 * kernels/. No GPU is touched here. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "net.h"

#include <stdio.h>

#include "cuda.h"
#include "kernels/cuda_train.h"

enum { IMAGES = 3 };
/* The second input. */
enum { ALONE, SAME, PIXEL, CHANNEL, ONE, FLOW, SMALL, LARGE };
#define BATCH(n) (-(n)) /* ALONE, and n images instead of IMAGES */

typedef struct Case {
    const char *op;
    FgAttr attr;
    int c, h, w; /* of its input */
    int other;
} Case;

#define CONV(oc, k, s, p, g)                                                   \
    .channels = oc, .kernel = k, .stride = s, .pad = p, .groups = g
#define POOL(k, s, p) .kernel = k, .stride = s, .pad = p

static const Case cases[] = {
    {"conv2d", {CONV(5, 3, 1, 1, 1), .bias = 1}, 7, 6, 9, ALONE},
    {"conv2d", {CONV(17, 3, 1, 1, 1), .bias = 1}, 19, 6, 9, ALONE},
    {"conv2d", {CONV(6, 5, 1, 2, 1)}, 3, 6, 9, ALONE},
    {"conv2d", {CONV(6, 3, 1, 1, 6), .bias = 1}, 6, 6, 9, ALONE},
    {"conv2d", {CONV(9, 3, 1, 1, 3), .bias = 1}, 6, 6, 9, ALONE},
    {"conv2d", {CONV(5, 3, 2, 1, 1), .bias = 1}, 7, 7, 10, ALONE},
    {"conv2d", {CONV(9, 4, 2, 1, 1), .bias = 1}, 17, 8, 10, ALONE},
    {"conv2d", {CONV(5, 2, 2, 0, 1), .bias = 1}, 7, 6, 10, ALONE},
    {"conv2d", {CONV(1, 4, 1, 0, 1)}, 18, 4, 4, ALONE},
    {"conv2d", {CONV(4, 5, 1, 2, 1), .pad_mode = 1}, 3, 6, 9, ALONE},
    {"conv2d", {CONV(4, 5, 2, 2, 1), .pad_mode = 1}, 3, 6, 9, ALONE},
    {"conv2d", {CONV(4, 7, 1, 3, 1), .pad_mode = 2}, 3, 6, 9, ALONE},
    {"conv2d", {CONV(4, 5, 1, 2, 1), .pad_mode = 3}, 3, 6, 9, ALONE},
    {"conv2d", {CONV(33, 1, 1, 0, 1), .bias = 1}, 40, 3, 5, ALONE},
    {"deconv2d", {CONV(5, 3, 1, 1, 1), .bias = 1}, 7, 6, 9, ALONE},
    {"deconv2d", {CONV(5, 4, 2, 1, 1), .bias = 1}, 7, 6, 9, ALONE},
    {"deconv2d", {CONV(5, 2, 2, 0, 1)}, 3, 6, 9, ALONE},
    {"deconv2d", {CONV(3, 5, 3, 1, 1), .bias = 1}, 4, 4, 5, ALONE},
    {"deconv2d", {CONV(6, 4, 2, 1, 3), .bias = 1}, 9, 4, 5, ALONE},
    {"deconv2d", {CONV(17, 4, 1, 0, 1)}, 24, 1, 1, ALONE},
    /* Of products' sizes: one tile and more, two slices, all of it odd. */
    {"conv2d", {CONV(16, 3, 1, 1, 1), .bias = 1}, 8, 9, 13, ALONE},
    {"conv2d", {CONV(72, 3, 1, 1, 1), .bias = 1}, 40, 7, 11, ALONE},
    {"conv2d", {CONV(24, 3, 2, 1, 1), .bias = 1}, 16, 17, 31, ALONE},
    {"conv2d", {CONV(32, 5, 1, 2, 1), .pad_mode = 1}, 16, 8, 13, ALONE},
    {"conv2d", {CONV(8, 3, 1, 1, 1), .pad_mode = 3}, 24, 5, 37, ALONE},
    {"conv2d", {CONV(80, 1, 1, 0, 1), .bias = 1}, 72, 5, 7, ALONE},
    {"deconv2d", {CONV(40, 4, 2, 1, 1), .bias = 1}, 24, 9, 7, ALONE},
    {"deconv2d", {CONV(8, 3, 1, 1, 1)}, 80, 5, 9, ALONE},
    /* Of groups: tiles of each, addresses that are not aligned, borders; and
     * too small ones, more than a block's lanes. */
    {"conv2d", {CONV(32, 3, 1, 1, 2), .bias = 1}, 16, 5, 9, ALONE},
    {"conv2d", {CONV(72, 3, 2, 1, 8), .bias = 1}, 72, 5, 6, ALONE},
    {"conv2d", {CONV(16, 3, 1, 1, 2), .pad_mode = 1}, 32, 5, 7, ALONE},
    {"deconv2d", {CONV(16, 4, 2, 1, 2), .bias = 1}, 48, 4, 5, ALONE},
    {"conv2d", {CONV(40, 3, 1, 1, 40), .bias = 1}, 40, 9, 13, ALONE},
    {"conv2d", {CONV(12, 5, 2, 2, 6), .pad_mode = 1}, 18, 8, 9, ALONE},
    {"dense", {.channels = 13, .bias = 1}, 13, 3, 2, ALONE},
    {"dense", {.channels = 5}, 5, 1, 1, ALONE},
    /* Of products' sizes, too: slices of terms, two tiles of images. */
    {"dense", {.channels = 5}, 5, 1, 1, BATCH(16)},
    {"dense", {.channels = 13, .bias = 1}, 13, 3, 2, BATCH(20)},
    {"dense", {.channels = 3, .bias = 1}, 150, 2, 2, BATCH(17)},
    {"dense", {.channels = 70, .bias = 1}, 24, 1, 3, BATCH(130)},
    {"bias", {0}, 5, 6, 9, ALONE},
    {"relu", {0}, 5, 6, 9, ALONE},
    {"leaky_relu", {.alpha = 0.2f}, 5, 6, 9, ALONE},
    {"prelu", {0}, 5, 6, 9, ALONE},
    {"scale", {.alpha = -1.5f}, 5, 6, 9, ALONE},
    {"sigmoid", {0}, 5, 6, 9, ALONE},
    {"silu", {0}, 5, 6, 9, ALONE},
    {"tanh", {0}, 5, 6, 9, ALONE},
    {"gelu", {0}, 5, 6, 9, ALONE},
    {"mish", {0}, 5, 6, 9, ALONE},
    {"dropout", {.alpha = 0.3f}, 5, 6, 9, ALONE},
    {"add", {0}, 5, 6, 9, SAME},
    {"add", {0}, 5, 6, 9, PIXEL},
    {"add", {0}, 5, 6, 9, CHANNEL},
    {"add", {0}, 5, 6, 9, ONE},
    {"mul", {0}, 5, 6, 9, SAME},
    {"mul", {0}, 5, 6, 9, PIXEL},
    {"mul", {0}, 5, 6, 9, CHANNEL},
    {"mul", {0}, 5, 6, 9, ONE},
    {"slice", {.channels = 4, .first = 3}, 9, 6, 9, ALONE},
    {"slice", {.channels = 1, .first = 8}, 9, 6, 9, ALONE},
    {"concat", {0}, 5, 6, 9, SAME},
    {"concat", {0}, 5, 6, 9, CHANNEL},
    {"pixel_shuffle", {.factor = 2}, 12, 5, 7, ALONE},
    {"pixel_shuffle", {.factor = 3}, 9, 5, 7, ALONE},
    {"pixel_unshuffle", {.factor = 2}, 3, 6, 10, ALONE},
    {"pixel_unshuffle", {.factor = 3}, 2, 6, 9, ALONE},
    {"resize", {.factor = 1, .mode = 2}, 3, 6, 9, ALONE},
    {"resize", {.factor = 2, .mode = 0}, 3, 6, 9, ALONE},
    {"resize", {.factor = 2, .mode = 1}, 3, 6, 9, ALONE},
    {"resize", {.factor = 2, .mode = 2}, 3, 6, 9, ALONE},
    {"resize", {.factor = 3, .mode = 0}, 3, 5, 4, ALONE},
    {"resize", {.factor = 3, .mode = 1}, 3, 5, 4, ALONE},
    {"resize", {.factor = 3, .mode = 2}, 3, 5, 4, ALONE},
    {"resize", {.factor = 4, .mode = 2}, 1, 2, 1, ALONE},
    {"resize_like", {0}, 5, 11, 17, SMALL},
    {"resize_like", {0}, 5, 4, 5, LARGE},
    {"avg_pool", {POOL(3, 1, 1)}, 5, 6, 9, ALONE},
    {"avg_pool", {POOL(2, 2, 0)}, 5, 6, 10, ALONE},
    {"avg_pool", {POOL(3, 2, 1)}, 5, 6, 10, ALONE},
    {"max_pool", {POOL(3, 1, 1)}, 5, 6, 9, ALONE},
    {"max_pool", {POOL(2, 2, 0)}, 5, 6, 10, ALONE},
    {"max_pool", {POOL(5, 2, 2)}, 5, 6, 10, ALONE},
    {"pad", {.pad = 2, .pad_mode = 0}, 5, 6, 9, ALONE},
    {"pad", {.pad = 2, .pad_mode = 1}, 5, 6, 9, ALONE},
    {"pad", {.pad = 2, .pad_mode = 2}, 5, 6, 9, ALONE},
    {"pad", {.pad = 2, .pad_mode = 3}, 5, 6, 9, ALONE},
    {"warp", {0}, 3, 6, 9, FLOW},
    {"correlate", {.kernel = 1}, 5, 6, 9, SAME},
    {"correlate", {.kernel = 5}, 5, 6, 9, SAME},
    {"instance_norm", {.eps = 1e-5f}, 5, 6, 9, ALONE},
    {"batch_norm", {.eps = 1e-5f, .momentum = 0.1f}, 5, 6, 9, ALONE},
    {"group_norm", {.groups = 3, .eps = 1e-5f}, 6, 6, 9, ALONE},
    {"group_norm", {.groups = 1, .eps = 1e-3f}, 5, 6, 9, ALONE},
    {"layer_norm", {.eps = 1e-6f}, 7, 6, 9, ALONE},
    {"mean", {0}, 5, 6, 9, ALONE},
};
#define NB_CASES (sizeof(cases) / sizeof(*cases))

/* One tensor on both sides. */
typedef struct Both {
    FgTensor t; /* the CPU's */
    FgKView v;
    size_t nb;
} Both;

typedef struct Side {
    FgCudaTrain gpu;
    const Case *c;
    int element, training, add;
    Both in[2], out, dout, din[2], param[4], dparam[4];
    FgOpCall cpu;
    FgNode node;
} Side;

static size_t count(FgShape s)
{
    return (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
}

/* What a tensor of this element type can hold. */
static float rounded(int element, float f)
{
    if (element == FG_ELEMENT_F32)
        return f;
    FgShape one = {1, 1, 1, 1};
    (void)one;
    union {
        float f;
        uint32_t u;
    } v = {f};
    const uint32_t keep = element == FG_ELEMENT_F16 ? 0xffffe000U : 0xffff0000U;
    v.u &= keep; /* in fp16's range: numbers here are about 1 */
    return v.f;
}

static uint16_t half_of(int element, float f)
{
    union {
        float f;
        uint32_t u;
    } v = {f};
    if (element == FG_ELEMENT_BF16)
        return (uint16_t)(v.u >> 16);
    const int e = (int)(v.u >> 23 & 255) - 112;
    if (e < 1)
        return (uint16_t)(v.u >> 16 & 0x8000); /* as 0 */
    return (uint16_t)((v.u >> 16 & 0x8000) | (uint32_t)e << 10 |
                      (v.u >> 13 & 0x3ff));
}

static float of_half(int element, uint16_t h)
{
    union {
        uint32_t u;
        float f;
    } v = {(uint32_t)h << 16};
    if (element == FG_ELEMENT_BF16)
        return v.f;
    const uint32_t e = h >> 10 & 31;
    v.u = (uint32_t)(h & 0x8000) << 16;
    if (e)
        v.u |= (e + 112) << 23 | (uint32_t)(h & 0x3ff) << 13;
    return e ? v.f : (h & 0x8000 ? -1 : 1) * (float)(h & 0x3ff) / 16777216;
}

static void upload(Side *s, const Both *b)
{
    FgError err;
    const float *const from = b->t.data;
    if (b->v.element == FG_ELEMENT_F32) {
        assert_int_equal(s->gpu.api->upload(s->gpu.dev, NULL, b->v.at, from,
                                            4 * b->nb, &err),
                         0);
        return;
    }
    uint16_t *h = calloc(b->nb, 2);
    assert_non_null(h);
    for (size_t i = 0; i < b->nb; i++)
        h[i] = half_of(b->v.element, from[i]);
    assert_int_equal(
        s->gpu.api->upload(s->gpu.dev, NULL, b->v.at, h, 2 * b->nb, &err), 0);
    free(h);
}

static float *download(Side *s, const Both *b)
{
    FgError err;
    const size_t size = b->v.element == FG_ELEMENT_F32 ? 4 : 2;
    float *f = calloc(b->nb, 4);
    uint16_t *h = calloc(b->nb, 4);
    assert_non_null(f);
    assert_non_null(h);
    assert_int_equal(s->gpu.api->download(s->gpu.dev, NULL,
                                          size == 4 ? (void *)f : (void *)h,
                                          b->v.at, size * b->nb, &err),
                     0);
    assert_int_equal(s->gpu.api->sync(s->gpu.dev, NULL, &err), 0);
    for (size_t i = 0; size == 2 && i < b->nb; i++)
        f[i] = of_half(b->v.element, h[i]);
    free(h);
    return f;
}

/* A tensor of random numbers, the same ones on the device. */
static void make(Side *s, Both *b, FgShape shape, int element, uint32_t stream)
{
    FgError err;
    assert_int_equal(fg_tensor_alloc(&b->t, shape, FG_F32), 0);
    b->nb = count(shape);
    for (size_t i = 0; i < b->nb; i++)
        ((float *)b->t.data)[i] = rounded(element,
                                          net_random((uint32_t)i, stream));
    b->v = (FgKView){0, shape.c, shape.h, shape.w, shape.c, element};
    assert_int_equal(s->gpu.api->alloc(s->gpu.dev, b->nb * (element ? 2 : 4),
                                       &b->v.at, &err),
                     0);
    upload(s, b);
}

static void drop(Side *s, Both *b)
{
    fg_tensor_free(&b->t);
    s->gpu.api->release(s->gpu.dev, b->v.at);
    memset(b, 0, sizeof(*b));
}

static int images(const Case *c)
{
    return c->other < 0 ? -c->other : IMAGES;
}

static FgShape second_shape(const Case *c)
{
    FgShape s = {images(c), c->c, c->h, c->w};
    if (c->other == PIXEL || c->other == ONE)
        s.h = s.w = 1;
    if (c->other == CHANNEL || c->other == ONE)
        s.c = 1;
    if (c->other == FLOW)
        s.c = 2;
    if (c->other == SMALL || c->other == LARGE)
        s = (FgShape){images(c), 2, c->other == SMALL ? 4 : 2 * c->h + 3,
                      c->other == SMALL ? 3 : 3 * c->w - 1};
    return s;
}

static void make_params(Side *s, const FgShape *in)
{
    const FgOp *op = s->node.op;
    for (int k = 0; k < FG_MAX_PARAM && op->param[k]; k++) {
        int dims[4] = {1, 1, 1, 1};
        if (!strcmp(op->param[k], "bias") && (op->attrs & FG_ATTR_BIAS) &&
            !s->node.attr.bias)
            break;
        const int nb = op->param_dims(&s->node, in, k, dims);
        FgShape p = {dims[0], nb > 1 ? dims[1] : 1, nb > 2 ? dims[2] : 1,
                     nb > 3 ? dims[3] : 1};
        make(s, &s->param[k], p, FG_ELEMENT_F32, 50 + (uint32_t)k);
        make(s, &s->dparam[k], p, FG_ELEMENT_F32, 60 + (uint32_t)k);
        if (strstr(op->param[k], "var")) {
            for (size_t i = 0; i < s->param[k].nb; i++)
                ((float *)s->param[k].t.data)[i] += 1.5f;
            upload(s, &s->param[k]);
        }
        s->node.nb_param = k + 1;
    }
}

static void open_case(Side *s, const Case *c, int element, int training,
                      int add)
{
    FgError err = {{0}};
    FgShape in[2] = {{images(c), c->c, c->h, c->w}, second_shape(c)}, out;
    memset(s, 0, sizeof(*s));
    s->c = c;
    s->element = element;
    s->training = training;
    s->add = add;
    if (fg_cuda_train_open(&s->gpu, "cuda", &err) < 0)
        fail_msg("%s", err.text);
    snprintf(s->node.name, sizeof(s->node.name), "op");
    s->node.op = fg_op_find(c->op);
    assert_non_null(s->node.op);
    s->node.attr = c->attr;
    s->node.nb_in = c->other <= ALONE ? 1 : 2;
    if (s->node.op->shape(&s->node, in, &out, &err) < 0)
        fail_msg("%s: %s", c->op, err.text);
    make_params(s, in);
    for (int i = 0; i < s->node.nb_in; i++) {
        make(s, &s->in[i], in[i], element, 10 + (uint32_t)i);
        make(s, &s->din[i], in[i], element, 20 + (uint32_t)i);
    }
    for (size_t i = 0; c->other == FLOW && i < s->in[1].nb; i++)
        ((float *)s->in[1].t.data)[i] *= 4; /* over the borders, too */
    if (c->other == FLOW)
        upload(s, &s->in[1]);
    make(s, &s->out, out, element, 30);
    make(s, &s->dout, out, element, 40);
}

static void close_case(Side *s)
{
    for (int i = 0; i < 2; i++) {
        drop(s, &s->in[i]);
        drop(s, &s->din[i]);
    }
    drop(s, &s->out);
    drop(s, &s->dout);
    for (int k = 0; k < 4; k++) {
        drop(s, &s->param[k]);
        drop(s, &s->dparam[k]);
    }
    fg_cuda_train_close(&s->gpu); /* guard bytes are looked at */
}

static FgOpCall cpu_call(Side *s)
{
    FgOpCall c;
    FgShape in[2] = {s->in[0].t.shape, s->in[1].t.shape};
    memset(&c, 0, sizeof(c));
    c.node = &s->node;
    c.nb_in = s->node.nb_in;
    c.nb_param = s->node.nb_param;
    for (int i = 0; i < c.nb_in; i++) {
        c.in[i] = &s->in[i].t;
        c.din[i] = &s->din[i].t;
        c.din_add[i] = s->add;
    }
    for (int k = 0; k < c.nb_param; k++) {
        c.param[k] = &s->param[k].t;
        c.dparam[k] = k < 2 ? &s->dparam[k].t : NULL;
    }
    c.out = &s->out.t;
    c.dout = &s->dout.t;
    c.training = s->training;
    c.seed = 0x123456789abULL;
    c.step = 77;
    c.place = 3;
    c.scratch = net_alloc(
        s->node.op->scratch
            ? s->node.op->scratch(&s->node, in, &s->out.t.shape, FG_F32, 1)
            : 0);
    return c;
}

static FgCudaCall gpu_call(Side *s)
{
    FgCudaCall c;
    memset(&c, 0, sizeof(c));
    c.node = &s->node;
    c.nb_in = s->node.nb_in;
    c.images = images(s->c);
    for (int i = 0; i < c.nb_in; i++) {
        c.in[i] = s->in[i].v;
        c.din[i] = s->din[i].v;
        c.din_add[i] = s->add;
    }
    for (int k = 0; k < s->node.nb_param; k++) {
        c.param[k] = s->param[k].v.at;
        c.dparam[k] = k < 2 ? s->dparam[k].v.at : 0;
    }
    c.out = s->out.v;
    c.dout = s->dout.v;
    c.scale = 1;
    c.training = s->training;
    c.seed = 0x123456789abULL;
    c.step = 77;
    c.place = 3;
    return c;
}

/* Products of tiles do all convolutions of one group, those of groups of 8
 * channels and more, and dense layers whose images fill a tile's rows: the
 * output, the weights' gradient, the input's, of each group. */
static void check_products(const Side *s)
{
    const FgAttr *const a = &s->c->attr;
    const int can = s->element != FG_ELEMENT_BF16 || s->gpu.about.major >= 8;
    int groups = 0;
    if (!strcmp(s->c->op, "dense"))
        groups = images(s->c) >= 16;
    else if (strstr(s->c->op, "conv2d") &&
             (a->groups == 1 ||
              (s->c->c / a->groups >= 8 && a->channels / a->groups >= 8)))
        groups = a->groups;
    assert_int_equal(s->gpu.products, can ? 3 * groups : 0);
}

static void compare(Side *s, const Both *b, const char *what, double most)
{
    const float *const want = b->t.data;
    float *got = download(s, b);
    double top = 1, worst = 0;
    for (size_t i = 0; i < b->nb; i++)
        top = fmax(top, fabs((double)want[i]));
    for (size_t i = 0; i < b->nb; i++)
        worst = fmax(worst, fabs((double)want[i] - (double)got[i])) +
                (isfinite(got[i]) ? 0 : 1e9);
    free(got);
    if (worst > most * top)
        fail_msg("case %d, %s, element %d, training %d, add %d: %s differs "
                 "by %g of %g",
                 (int)(s->c - cases), s->c->op, s->element, s->training, s->add,
                 what, worst, top);
}

static void one(const Case *c, int element, int training, int add, double most)
{
    static const char *const names[4] = {"parameter 0", "parameter 1",
                                         "running mean", "running variance"};
    Side s;
    FgError err = {{0}};
    open_case(&s, c, element, training, add);
    FgOpCall cpu = cpu_call(&s);
    FgCudaCall gpu = gpu_call(&s);
    assert_int_equal(s.node.op->f32.forward(&cpu), 0);
    if (fg_cuda_forward(&s.gpu, &gpu, &err) < 0)
        fail_msg("%s: %s", c->op, err.text);
    compare(&s, &s.out, "the output", most);
    for (int k = 2; k < s.node.nb_param; k++)
        compare(&s, &s.param[k], names[k], most);
    upload(&s, &s.out); /* the same values on both sides */
    assert_int_equal(s.node.op->f32.backward(&cpu), 0);
    if (fg_cuda_backward(&s.gpu, &gpu, &err) < 0)
        fail_msg("%s: %s", c->op, err.text);
    check_products(&s);
    for (int i = 0; i < s.node.nb_in; i++)
        compare(&s, &s.din[i], i ? "gradient 1" : "gradient 0", most);
    for (int k = 0; k < s.node.nb_param && k < 2; k++)
        compare(&s, &s.dparam[k], names[k], most);
    free(cpu.scratch);
    close_case(&s);
}

/* Tolerances, of the largest value: the order of a sum; the rounding of what
 * is stored in 11 and 8 bits. */
static void all(int element, double most)
{
    for (size_t i = 0; i < NB_CASES; i++) {
        const int half = element != FG_ELEMENT_F32;
        const char *op = cases[i].op;
        if (half && (!strcmp(op, "max_pool") || !strcmp(op, "warp")))
            continue; /* a tie or a border is another after rounding */
        for (int k = 0; k < 2; k++)
            one(&cases[i], element, k, k, most);
    }
}

static void in_fp32(void **state)
{
    (void)state;
    all(FG_ELEMENT_F32, 5e-6);
}

static void in_fp16(void **state)
{
    (void)state;
    all(FG_ELEMENT_F16, 2e-3);
}

static void in_bf16(void **state)
{
    (void)state;
    all(FG_ELEMENT_BF16, 1.6e-2);
}

static void all_ops_are_here(void **state)
{
    (void)state;
    for (int i = 1; fg_op_at(i); i++) {
        int found = 0;
        for (size_t k = 0; k < NB_CASES; k++)
            found |= !strcmp(fg_op_at(i)->name, cases[k].op);
        if (!found)
            fail_msg("no case of %s", fg_op_at(i)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ops_are_here),
        cmocka_unit_test(in_fp32),
        cmocka_unit_test(in_fp16),
        cmocka_unit_test(in_bf16),
    };
    return cmocka_run_group_tests(tests, use_emulated, NULL);
}
