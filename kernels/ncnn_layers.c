/* ffgan: ncnn: its layers.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph_priv.h"
#include "model_priv.h"
#include "ncnn.h"

#define TAG_HALF 0x01306b47
#define TAG_FLOAT 0x0002c056

/* ---- weights ---- */

/* -1: rc is set. */
static int take(FgNcnn *c, const FgNcnnLayer *l, size_t n, const uint8_t **p)
{
    if (c->weights.n < n) {
        fg_ncnn_refuse(c, l, "its .bin ends before its weights do");
        return -1;
    }
    *p = c->weights.p;
    c->weights.p += n;
    c->weights.n -= n;
    return 0;
}

float *fg_ncnn_floats(FgNcnn *c, const FgNcnnLayer *l, size_t n, int tagged)
{
    const uint8_t *p = NULL;
    uint64_t tag = 0;
    if (c->im->rc < 0 || (tagged && take(c, l, 4, &p) < 0))
        return NULL;
    tag = tagged ? fg_le(p, 4) : 0;
    if (tag && tag != TAG_HALF && tag != TAG_FLOAT) {
        fg_ncnn_refuse(c, l,
                       "its weights are quantised; 32 and 16-bit floats "
                       "are read");
        return NULL;
    }
    const size_t bytes = tag == TAG_HALF ? (2 * n + 3) & ~(size_t)3 : 4 * n;
    if (take(c, l, bytes, &p) < 0)
        return NULL;
    float *f = malloc(sizeof(*f) * (n + 1));
    if (!f)
        fg_im_fail(c->im, -ENOMEM, "out of memory");
    else
        fg_model_decode(f, p, tag == TAG_HALF ? "F16" : "F32", n);
    return f;
}

/* ---- what follows a convolution ---- */

static int act(FgNcnn *c, const char *op, int x, double alpha)
{
    return fg_im_act(c->im, op, fg_ncnn_name(c, op), x, (float)alpha);
}

int fg_ncnn_shift(FgNcnn *c, int x, double by)
{
    return by == 0
               ? x
               : fg_im_offset(c->im, fg_ncnn_name(c, "offset"), x, by, NULL);
}

int fg_ncnn_scale(FgNcnn *c, int x, double by)
{
    return by == 1 ? x : fg_im_scale(c->im, fg_ncnn_name(c, "scale"), x, by);
}

static int clamped(FgNcnn *c, int x, double lo, double hi)
{
    if (lo > -1e29)
        x = fg_ncnn_shift(c, act(c, "relu", fg_ncnn_shift(c, x, -lo), 0), lo);
    if (hi < 1e29) {
        const int y = fg_ncnn_shift(c, fg_ncnn_scale(c, x, -1), hi);
        x = fg_ncnn_shift(c, fg_ncnn_scale(c, act(c, "relu", y, 0), -1), hi);
    }
    return x;
}

static int hard_swish(FgNcnn *c, int x, double alpha, double beta)
{
    const int y = clamped(c, fg_ncnn_shift(c, fg_ncnn_scale(c, x, alpha), beta),
                          0, 1);
    return fg_im_mul2(c->im, fg_ncnn_name(c, "mul"), x, y);
}

static int activated(FgNcnn *c, const FgNcnnLayer *l, int x)
{
    const FgNcnnParam *p = fg_ncnn_list(l, 10);
    const double a = p && p->nb ? p->list[0] : 0;
    const double b = p && p->nb > 1 ? p->list[1] : 0;
    switch (fg_ncnn_int(l, 9, 0)) {
    case 0:
        return x;
    case 1:
        return act(c, "relu", x, 0);
    case 2:
        return act(c, "leaky_relu", x, a);
    case 3:
        return clamped(c, x, a, b);
    case 4:
        return act(c, "sigmoid", x, 0);
    case 5:
        return act(c, "mish", x, 0);
    case 6:
        return hard_swish(c, x, a, b);
    default:
        fg_ncnn_refuse(c, l, "its activation is not known");
        return 0;
    }
}

/* ---- convolutions ---- */

typedef struct Conv {
    int oc, k, stride, pad, groups, bias;
    size_t size;
} Conv;

/* -1: rc is set. */
static int read_conv(FgNcnn *c, const FgNcnnLayer *l, int ic, Conv *q)
{
    const int k = fg_ncnn_int(l, 1, 0), s = fg_ncnn_int(l, 3, 1);
    const int pad = fg_ncnn_int(l, 4, 0), oc = fg_ncnn_int(l, 0, 0);
    const int groups = fg_ncnn_int(l, 7, 1);
    if (k < 1 || k > 31 || fg_ncnn_int(l, 11, k) != k || s < 1 || s > 64 ||
        fg_ncnn_int(l, 13, s) != s || pad < 0 || pad > 1024 ||
        fg_ncnn_int(l, 14, pad) != pad || fg_ncnn_int(l, 15, pad) != pad ||
        fg_ncnn_int(l, 16, pad) != pad || fg_ncnn_number(l, 18, 0) != 0 ||
        fg_ncnn_int(l, 2, 1) != 1 || fg_ncnn_int(l, 12, 1) != 1) {
        fg_ncnn_refuse(c, l,
                       "allowed are square kernels of 1..31, equal "
                       "strides and equal zero pads, no dilation");
        return -1;
    }
    if (oc < 1 || oc > 65536 || groups < 1 || ic % groups || oc % groups ||
        fg_ncnn_int(l, 8, 0) ||
        fg_ncnn_number(l, 6, 0) != (double)oc * (ic / groups) * k * k) {
        fg_ncnn_refuse(c, l,
                       "its weights do not fit its input's "
                       "channels, or are 8-bit");
        return -1;
    }
    *q = (Conv){oc,
                k,
                s,
                pad,
                groups,
                fg_ncnn_int(l, 5, 0) != 0,
                (size_t)oc * (size_t)(ic / groups) * (size_t)(k * k)};
    return 0;
}

static int t_conv(FgNcnn *c, const FgNcnnLayer *l)
{
    const int x = fg_ncnn_in(c, l, 0);
    Conv q;
    if (c->im->rc < 0 || read_conv(c, l, c->im->channels[x], &q) < 0)
        return c->im->rc;
    float *w = fg_ncnn_floats(c, l, q.size, 1);
    float *b = q.bias ? fg_ncnn_floats(c, l, (size_t)q.oc, 0) : NULL;
    int y = 0;
    if (c->im->rc >= 0)
        y = fg_im_kernel(c->im, fg_ncnn_name(c, "conv"), x,
                         &(FgImKernel){.oc = q.oc,
                                       .k = q.k,
                                       .groups = q.groups,
                                       .stride = q.stride,
                                       .pad = q.pad,
                                       .w = w,
                                       .b = b});
    free(w);
    free(b);
    return fg_ncnn_put(c, l, 0, activated(c, l, y));
}

/* Their weights have the outputs first, ours the inputs. */
static float *turned(const float *w, int ic, int oc, int area)
{
    float *t = malloc(sizeof(*t) * (size_t)ic * (size_t)oc * (size_t)area);
    for (int o = 0; t && o < oc; o++)
        for (int i = 0; i < ic; i++)
            memcpy(t + ((size_t)i * (size_t)oc + (size_t)o) * (size_t)area,
                   w + ((size_t)o * (size_t)ic + (size_t)i) * (size_t)area,
                   sizeof(*t) * (size_t)area);
    return t;
}

static int t_deconv(FgNcnn *c, const FgNcnnLayer *l)
{
    const int x = fg_ncnn_in(c, l, 0);
    Conv q;
    if (c->im->rc < 0 || read_conv(c, l, c->im->channels[x], &q) < 0)
        return c->im->rc;
    if (fg_ncnn_int(l, 18, 0) || fg_ncnn_int(l, 19, 0) ||
        fg_ncnn_int(l, 20, 0) || fg_ncnn_int(l, 21, 0))
        return fg_ncnn_refuse(c, l, "its output pads and sizes are not read");
    const int ic = c->im->channels[x], dims[4] = {ic, q.oc, q.k, q.k};
    float *w = fg_ncnn_floats(c, l, q.size, 1);
    float *b = q.bias ? fg_ncnn_floats(c, l, (size_t)q.oc, 0) : NULL;
    float *t = w ? turned(w, ic, q.oc, q.k * q.k) : NULL;
    char name[FG_NAME_LEN], key[FG_NAME_LEN + 16];
    strcpy(name, fg_ncnn_name(c, "deconv"));
    if (t) {
        fg_im_param(c->im, strcat(strcpy(key, name), ".weight"), 4, dims, t);
        if (b)
            fg_im_param(c->im, strcat(strcpy(key, name), ".bias"), 1, &q.oc, b);
    } else {
        fg_im_fail(c->im, -ENOMEM, "out of memory");
    }
    free(w);
    free(b);
    free(t);
    const FgAttr a = {.channels = q.oc,
                      .kernel = q.k,
                      .stride = q.stride,
                      .pad = q.pad,
                      .groups = 1,
                      .bias = q.bias};
    const int y = fg_im_op(c->im, "deconv2d", name, x, -1, a);
    return fg_ncnn_put(c, l, 0, activated(c, l, y));
}

/* ---- activations ---- */

static int t_prelu(FgNcnn *c, const FgNcnnLayer *l)
{
    const int x = fg_ncnn_in(c, l, 0), n = fg_ncnn_int(l, 0, 0);
    char name[FG_NAME_LEN], key[FG_NAME_LEN + 16];
    if (c->im->rc < 0)
        return c->im->rc;
    const int ch = c->im->channels[x];
    if (n != 1 && n != ch)
        return fg_ncnn_refuse(c, l,
                              "its slopes are not one, or one for each "
                              "channel");
    float *s = fg_ncnn_floats(c, l, (size_t)n, 0);
    float *v = malloc(sizeof(*v) * (size_t)ch);
    for (int i = 0; s && v && i < ch; i++)
        v[i] = s[n == 1 ? 0 : i];
    strcpy(name, fg_ncnn_name(c, "prelu"));
    if (s && v)
        fg_im_param(c->im, strcat(strcpy(key, name), ".weight"), 1, &ch, v);
    else
        fg_im_fail(c->im, -ENOMEM, "out of memory");
    free(s);
    free(v);
    return fg_ncnn_put(c, l, 0,
                       fg_im_op(c->im, "prelu", name, x, -1, (FgAttr){0}));
}

static int t_relu(FgNcnn *c, const FgNcnnLayer *l)
{
    const double slope = fg_ncnn_number(l, 0, 0);
    return fg_ncnn_put(
        c, l, 0,
        act(c, slope == 0 ? "relu" : "leaky_relu", fg_ncnn_in(c, l, 0), slope));
}

static int plain(FgNcnn *c, const FgNcnnLayer *l, const char *op)
{
    return fg_ncnn_put(c, l, 0, act(c, op, fg_ncnn_in(c, l, 0), 0));
}

static int t_sigmoid(FgNcnn *c, const FgNcnnLayer *l)
{
    return plain(c, l, "sigmoid");
}

static int t_tanh(FgNcnn *c, const FgNcnnLayer *l)
{
    return plain(c, l, "tanh");
}

static int t_swish(FgNcnn *c, const FgNcnnLayer *l)
{
    return plain(c, l, "silu");
}

static int t_mish(FgNcnn *c, const FgNcnnLayer *l)
{
    return plain(c, l, "mish");
}

static int t_gelu(FgNcnn *c, const FgNcnnLayer *l)
{
    if (fg_ncnn_int(l, 0, 0))
        return fg_ncnn_refuse(c, l, "allowed is the exact one, not fast_gelu");
    return plain(c, l, "gelu");
}

static int t_hard_swish(FgNcnn *c, const FgNcnnLayer *l)
{
    return fg_ncnn_put(c, l, 0,
                       hard_swish(c, fg_ncnn_in(c, l, 0),
                                  fg_ncnn_number(l, 0, 0.2),
                                  fg_ncnn_number(l, 1, 0.5)));
}

static int t_clip(FgNcnn *c, const FgNcnnLayer *l)
{
    return fg_ncnn_put(c, l, 0,
                       clamped(c, fg_ncnn_in(c, l, 0),
                               fg_ncnn_number(l, 0, -1e30),
                               fg_ncnn_number(l, 1, 1e30)));
}

/* ---- arithmetic ---- */

static int sum_or_product(FgNcnn *c, int mul, int a, int b)
{
    FgImport *im = c->im;
    if (im->rc < 0)
        return 0;
    if (im->channels[a] < im->channels[b] ||
        im->shapes[a].h < im->shapes[b].h) {
        const int t = a;
        a = b;
        b = t;
    }
    return mul ? fg_im_mul2(im, fg_ncnn_name(c, "mul"), a, b)
               : fg_im_add2(im, fg_ncnn_name(c, "add"), a, b);
}

static int with_number(FgNcnn *c, const FgNcnnLayer *l, int op, int x)
{
    const double b = fg_ncnn_number(l, 2, 0);
    switch (op) {
    case 0:
        return fg_ncnn_shift(c, x, b);
    case 1:
        return fg_ncnn_shift(c, x, -b);
    case 2:
        return fg_ncnn_scale(c, x, b);
    case 7:
        return fg_ncnn_shift(c, fg_ncnn_scale(c, x, -1), b);
    default:
        if (op == 3 && b != 0)
            return fg_ncnn_scale(c, x, 1 / b);
        fg_ncnn_refuse(c, l, "allowed are add, sub, mul, div, rsub");
        return 0;
    }
}

static int t_binary(FgNcnn *c, const FgNcnnLayer *l)
{
    const int op = fg_ncnn_int(l, 0, 0);
    for (int k = 0; k < 2; k++)
        if (fg_ncnn_constant(c, l, k))
            return fg_ncnn_with_numbers(c, l, op, k);
    const int x = fg_ncnn_in(c, l, 0);
    if (fg_ncnn_int(l, 1, 0))
        return fg_ncnn_put(c, l, 0, with_number(c, l, op, x));
    int a = x, b = fg_ncnn_in(c, l, 1);
    if (op == 1)
        b = fg_ncnn_scale(c, b, -1);
    else if (op == 7)
        a = fg_ncnn_scale(c, a, -1);
    else if (op != 0 && op != 2)
        return fg_ncnn_refuse(c, l, "allowed are add, sub, mul, rsub");
    return fg_ncnn_put(c, l, 0, sum_or_product(c, op == 2, a, b));
}

static int t_eltwise(FgNcnn *c, const FgNcnnLayer *l)
{
    const int op = fg_ncnn_int(l, 0, 0);
    const FgNcnnParam *p = fg_ncnn_list(l, 1);
    int y = 0;
    if (op > 1 || l->nb_in < 2 || l->nb_in > FG_NCNN_LIST)
        return fg_ncnn_refuse(c, l, "allowed are sum and product of 2 to 8");
    for (int k = 0; k < l->nb_in && c->im->rc >= 0; k++) {
        int x = fg_ncnn_in(c, l, k);
        if (op == 1 && p && k < p->nb)
            x = fg_ncnn_scale(c, x, p->list[k]);
        y = k ? sum_or_product(c, op == 0, y, x) : x;
    }
    return fg_ncnn_put(c, l, 0, y);
}

/* ---- channels and sizes ---- */

static int t_concat(FgNcnn *c, const FgNcnnLayer *l)
{
    int in[FG_MAX_IN];
    if (fg_ncnn_int(l, 0, 0) || l->nb_in < 1 || l->nb_in > FG_MAX_IN)
        return fg_ncnn_refuse(c, l,
                              "allowed are 1 to 8 inputs along the "
                              "channels");
    for (int k = 0; k < l->nb_in; k++)
        in[k] = fg_ncnn_in(c, l, k);
    return fg_ncnn_put(
        c, l, 0, fg_im_cat(c->im, fg_ncnn_name(c, "concat"), l->nb_in, in));
}

static int t_slice(FgNcnn *c, const FgNcnnLayer *l)
{
    const FgNcnnParam *p = fg_ncnn_list(l, 0);
    const int x = fg_ncnn_in(c, l, 0);
    int first = 0;
    if (c->im->rc < 0)
        return c->im->rc;
    if (!p || p->nb != l->nb_out || fg_ncnn_int(l, 1, 0))
        return fg_ncnn_refuse(c, l,
                              "allowed is a cut of the channels in up to "
                              "8 parts");
    for (int k = 0; k < l->nb_out && c->im->rc >= 0; k++) {
        const int left = c->im->channels[x] - first;
        const double asked = p->list[k];
        const int n = asked == -233              ? left / (l->nb_out - k)
                      : asked > 0 && asked < 1e9 ? (int)asked
                                                 : 0;
        fg_ncnn_put(c, l, k,
                    fg_im_slice(c->im, fg_ncnn_name(c, "slice"), x, first, n));
        first += n;
    }
    return c->im->rc;
}

static int t_shuffle(FgNcnn *c, const FgNcnnLayer *l)
{
    const int r = fg_ncnn_int(l, 0, 1);
    if (r < 1 || r > 16 || fg_ncnn_int(l, 1, 0))
        return fg_ncnn_refuse(c, l, "allowed are factors of 1..16, mode 0");
    return fg_ncnn_put(c, l, 0,
                       fg_im_shuffle(c->im, fg_ncnn_name(c, "shuffle"),
                                     fg_ncnn_in(c, l, 0), r));
}

static int t_reorg(FgNcnn *c, const FgNcnnLayer *l)
{
    const int r = fg_ncnn_int(l, 0, 1);
    if (r < 1 || r > 16 || fg_ncnn_int(l, 1, 0))
        return fg_ncnn_refuse(c, l, "allowed are factors of 1..16, mode 0");
    return fg_ncnn_put(c, l, 0,
                       fg_im_unshuffle(c->im, fg_ncnn_name(c, "unshuffle"),
                                       fg_ncnn_in(c, l, 0), r));
}

static int resized(FgNcnn *c, const FgNcnnLayer *l, int x, FgImRatio r)
{
    const int type = fg_ncnn_int(l, 0, 0);
    if (r.den == 1 && type < 3)
        return fg_im_resize(c->im, fg_ncnn_name(c, "resize"), x, r.num,
                            type == 1 ? FG_RESIZE_NEAREST : FG_RESIZE_BILINEAR);
    if (type == 1) {
        fg_ncnn_refuse(c, l, "allowed are whole factors for nearest");
        return 0;
    }
    return fg_im_resample(c->im, fg_ncnn_name(c, "resample"), x, r);
}

static int t_interp(FgNcnn *c, const FgNcnnLayer *l)
{
    const int type = fg_ncnn_int(l, 0, 0), x = fg_ncnn_in(c, l, 0);
    const double by = fg_ncnn_number(l, 1, 1);
    FgImRatio r = {.linear = type == 2, .a = -0.75};
    if (type < 1 || type > 3 || by != fg_ncnn_number(l, 2, 1) ||
        fg_ncnn_int(l, 3, 0) || fg_ncnn_int(l, 4, 0) || fg_ncnn_int(l, 6, 0))
        return fg_ncnn_refuse(c, l,
                              "allowed are factors, not sizes, the same "
                              "along both axes, no align_corner");
    if (!fg_im_ratio(by, &r))
        return fg_ncnn_refuse(c, l,
                              "its factor is no ratio of numbers of 1 to 16");
    return fg_ncnn_put(c, l, 0, by == 1 ? x : resized(c, l, x, r));
}

static int t_pool(FgNcnn *c, const FgNcnnLayer *l)
{
    if (fg_ncnn_int(l, 0, 0) != 1 || !fg_ncnn_int(l, 4, 0))
        return fg_ncnn_refuse(c, l,
                              "allowed is the average of the whole "
                              "picture");
    return fg_ncnn_put(c, l, 0,
                       fg_im_op(c->im, "mean", fg_ncnn_name(c, "mean"),
                                fg_ncnn_in(c, l, 0), -1, (FgAttr){0}));
}

/* ---- the rest ---- */

static int t_same(FgNcnn *c, const FgNcnnLayer *l)
{
    if (fg_ncnn_constant(c, l, 0))
        return fg_ncnn_same_numbers(c, l);
    const int x = fg_ncnn_in(c, l, 0);
    for (int k = 0; k < l->nb_out; k++)
        fg_ncnn_put(c, l, k, x);
    return c->im->rc;
}

static const FgNcnnType types[] = {
    {"Input", fg_ncnn_input},
    {"Split", t_same},
    {"Noop", t_same},
    {"Dropout", t_same},
    {"Convolution", t_conv},
    {"ConvolutionDepthWise", t_conv},
    {"Deconvolution", t_deconv},
    {"PReLU", t_prelu},
    {"ReLU", t_relu},
    {"Sigmoid", t_sigmoid},
    {"TanH", t_tanh},
    {"Swish", t_swish},
    {"Mish", t_mish},
    {"GELU", t_gelu},
    {"HardSwish", t_hard_swish},
    {"Clip", t_clip},
    {"BinaryOp", t_binary},
    {"Eltwise", t_eltwise},
    {"Concat", t_concat},
    {"Slice", t_slice},
    {"PixelShuffle", t_shuffle},
    {"Reorg", t_reorg},
    {"Interp", t_interp},
    {"Pooling", t_pool},
    {"Crop", fg_ncnn_crop},
    {"MemoryData", fg_ncnn_memory},
    {"UnaryOp", fg_ncnn_unary},
    {"rife.Warp", fg_ncnn_warp},
};
enum { NB_TYPES = sizeof(types) / sizeof(*types) };

const FgNcnnType *fg_ncnn_find(FgSpan type)
{
    for (int i = 0; i < NB_TYPES; i++)
        if (fg_span_is(type, types[i].name))
            return &types[i];
    return NULL;
}

const char *fg_import_ncnn_layer(int i)
{
    return i >= 0 && i < NB_TYPES ? types[i].name : NULL;
}
