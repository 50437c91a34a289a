/* ffgan: IFNet of RIFE 4.x: two frames and a time make the frame between.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Blocks of falling width look at the two frames at 1/8, 1/4, 1/2 and the whole
 * size (with an encoder from 1/16 on), each after moving them along the motion
 * that the blocks before found; the last blend is a mask's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"

enum { FLOWS = 4, LAYERS = 8, MAX_BLOCKS = 5 };

typedef struct Ifnet {
    FgImport *im;
    int frame[2], feature[2]; /* feature: the encoder's, 0 = none */
    int warped[2], warped_feature[2];
    int time;
    int flow, mask, extra; /* extra: what a block hands on, 0 = none */
} Ifnet;

static int leaky(FgImport *im, const char *key, int in)
{
    char name[FG_NAME_LEN];
    snprintf(name, sizeof(name), "%.80s.act", key);
    return fg_im_act(im, "leaky_relu", name, in, 0.2f);
}

/* Twice the size: KEY.weight is [I, O, 4, 4]. */
static int deconv(FgImport *im, const char *key, int in)
{
    char weight[FG_NAME_LEN], bias[FG_NAME_LEN];
    snprintf(weight, sizeof(weight), "%.80s.weight", key);
    snprintf(bias, sizeof(bias), "%.80s.bias", key);
    const FgParam *w = fg_im_need(im, weight), *b = fg_im_need(im, bias);
    if (im->rc < 0 || !w || !b)
        return in;
    if (w->nb_dims != 4 || w->dims[0] != im->channels[in] || w->dims[2] != 4 ||
        w->dims[3] != 4 || (int)fg_param_count(b) != w->dims[1]) {
        fg_im_fail(im, -EBADMSG,
                   "tensor '%s' does not fit: expected %d channels in and a "
                   "kernel of 4x4",
                   weight, im->channels[in]);
        return 0;
    }
    const int i = fg_im_op(im, "deconv2d", key, in, -1,
                           (FgAttr){.channels = w->dims[1],
                                    .kernel = 4,
                                    .stride = 2,
                                    .pad = 1,
                                    .groups = 1,
                                    .bias = 1});
    fg_im_param(im, weight, 4, w->dims, w->data);
    fg_im_param(im, bias, 1, b->dims, b->data);
    return i;
}

/* conv(x) * beta + x, beta folded into the convolution. */
static int residual(FgImport *im, const char *key, int x)
{
    char name[FG_NAME_LEN], sum[FG_NAME_LEN];
    const FgParam *p[3];
    static const char *const part[3] = {"conv.weight", "conv.bias", "beta"};
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%.60s.%s", key, part[i]);
        p[i] = fg_im_need(im, name);
    }
    if (im->rc < 0 || !p[0] || !p[1] || !p[2])
        return x;
    const int c = im->channels[x];
    if (p[0]->nb_dims != 4 || p[0]->dims[0] != c || p[0]->dims[1] != c ||
        p[0]->dims[2] != 3 || p[0]->dims[3] != 3 ||
        (int)fg_param_count(p[1]) != c || (int)fg_param_count(p[2]) != c) {
        fg_im_fail(im, -EBADMSG, "'%s' does not fit its %d channels", key, c);
        return 0;
    }
    const size_t each = 9 * (size_t)c;
    float *w = malloc(sizeof(*w) * (each + 1) * (size_t)c);
    if (!w) {
        fg_im_fail(im, -ENOMEM, "out of memory");
        return 0;
    }
    float *b = w + each * (size_t)c;
    for (int o = 0; o < c; o++) {
        for (size_t i = 0; i < each; i++)
            w[(size_t)o * each + i] = p[0]->data[(size_t)o * each + i] *
                                      p[2]->data[o];
        b[o] = p[1]->data[o] * p[2]->data[o];
    }
    snprintf(name, sizeof(name), "%.60s.conv", key);
    const FgImKernel q = {
        .oc = c, .k = 3, .groups = 1, .stride = 1, .pad = 1, .w = w, .b = b};
    const int y = fg_im_kernel(im, name, x, &q);
    free(w);
    snprintf(sum, sizeof(sum), "%.60s.sum", key);
    return leaky(im, key, fg_im_add2(im, sum, y, x));
}

/* The encoder: four channels of a frame. The second frame's layers have the
 * first one's weights. */
static int encode(FgImport *im, int k, int x)
{
    char key[FG_NAME_LEN], name[FG_NAME_LEN];
    for (int i = 0; i < 3; i++) {
        snprintf(key, sizeof(key), "encode.cnn%d", i);
        snprintf(name, sizeof(name), "encode%d.cnn%d", k, i);
        x = k ? fg_im_conv_again(im, name, key, x)
              : fg_im_conv(im, key, x, i ? 1 : 2, 1);
        x = leaky(im, k ? name : key, x);
    }
    return k ? fg_im_conv_again(im, "encode1.cnn3", "encode.cnn3", x)
             : deconv(im, "encode.cnn3", x);
}

static int shrink(FgImport *im, const char *name, int x, int by)
{
    return by == 1
               ? x
               : fg_im_resample(im, name, x,
                                (FgImRatio){.num = 1, .den = by, .linear = 1});
}

/* What block i looks at, at 1 / scale. */
static int block_input(Ifnet *n, int i, int scale)
{
    FgImport *im = n->im;
    int in[FG_MAX_IN], nb = 0;
    char name[32];
    in[nb++] = n->warped[0];
    in[nb++] = n->warped[1];
    if (n->feature[0]) {
        in[nb++] = n->warped_feature[0];
        in[nb++] = n->warped_feature[1];
    }
    in[nb++] = n->time;
    if (i)
        in[nb++] = n->mask;
    if (i && n->extra)
        in[nb++] = n->extra;
    snprintf(name, sizeof(name), "block%d.in", i);
    int x = fg_im_cat(im, name, nb, in);
    snprintf(name, sizeof(name), "block%d.small", i);
    x = shrink(im, name, x, scale);
    if (!i)
        return x;
    snprintf(name, sizeof(name), "block%d.flow_small", i);
    int f = shrink(im, name, n->flow, scale);
    snprintf(name, sizeof(name), "block%d.flow_unit", i);
    if (scale > 1)
        f = fg_im_scale(im, name, f, 1.0 / scale);
    snprintf(name, sizeof(name), "block%d.all", i);
    return fg_im_cat(im, name, 2, (const int[]){x, f});
}

/* Block i: its motion, mask and what it hands on, at the frames' size. */
static int block(Ifnet *n, int i, int scale)
{
    FgImport *im = n->im;
    char key[48];
    int x = block_input(n, i, scale);
    for (int k = 0; k < 2; k++) {
        snprintf(key, sizeof(key), "block%d.conv0.%d.0", i, k);
        x = leaky(im, key, fg_im_conv(im, key, x, 2, 1));
    }
    for (int k = 0; k < LAYERS; k++) {
        snprintf(key, sizeof(key), "block%d.convblock.%d", i, k);
        x = residual(im, key, x);
    }
    snprintf(key, sizeof(key), "block%d.lastconv.0", i);
    x = deconv(im, key, x);
    snprintf(key, sizeof(key), "block%d.lastconv.1", i);
    x = fg_im_shuffle(im, key, x, 2);
    snprintf(key, sizeof(key), "block%d.large", i);
    return scale > 1 ? fg_im_resize(im, key, x, scale, FG_RESIZE_BILINEAR) : x;
}

static void take(Ifnet *n, int i, int scale, int x)
{
    FgImport *im = n->im;
    char name[32];
    snprintf(name, sizeof(name), "block%d.flow", i);
    int f = fg_im_slice(im, name, x, 0, FLOWS);
    snprintf(name, sizeof(name), "block%d.flow_pixels", i);
    if (scale > 1)
        f = fg_im_scale(im, name, f, scale);
    snprintf(name, sizeof(name), "block%d.flow_sum", i);
    n->flow = i ? fg_im_add2(im, name, n->flow, f) : f;
    snprintf(name, sizeof(name), "block%d.mask", i);
    const int mask = fg_im_slice(im, name, x, FLOWS, 1);
    snprintf(name, sizeof(name), "block%d.mask_sum", i);
    n->mask = i && !n->feature[0] ? fg_im_add2(im, name, n->mask, mask) : mask;
    if (!n->feature[0] || im->rc < 0)
        return;
    snprintf(name, sizeof(name), "block%d.feature", i);
    n->extra = fg_im_slice(im, name, x, FLOWS + 1, im->channels[x] - FLOWS - 1);
}

/* Both frames, and what the encoder made of them, along the motion. */
static void move(Ifnet *n, int i, int last)
{
    FgImport *im = n->im;
    char name[32];
    for (int k = 0; k < 2; k++) {
        snprintf(name, sizeof(name), "block%d.way%d", i, k);
        const int way = fg_im_slice(im, name, n->flow, 2 * k, 2);
        snprintf(name, sizeof(name), "block%d.warp%d", i, k);
        n->warped[k] = fg_im_op(im, "warp", name, n->frame[k], way,
                                (FgAttr){0});
        snprintf(name, sizeof(name), "block%d.warp_feature%d", i, k);
        if (n->feature[0] && !last)
            n->warped_feature[k] = fg_im_op(im, "warp", name, n->feature[k],
                                            way, (FgAttr){0});
    }
}

/* w1 + sigmoid(mask) (w0 - w1). */
static void blend(Ifnet *n)
{
    FgImport *im = n->im;
    const int m = fg_im_act(im, "sigmoid", "blend.mask", n->mask, 0);
    const int all = fg_im_pick(im, "blend.masks", m, 3, (const int[]){0, 0, 0});
    const int minus = fg_im_scale(im, "blend.minus", n->warped[1], -1);
    const int d = fg_im_add2(im, "blend.difference", n->warped[0], minus);
    fg_im_add2(im, "blend.output", fg_im_mul2(im, "blend.part", d, all),
               n->warped[1]);
}

static int count_blocks(const FgImport *im)
{
    int nb = 0;
    while (nb <= MAX_BLOCKS && fg_im_find(im, "block%d.conv0.0.0.weight", nb))
        nb++;
    return nb;
}

static void build(FgImport *im)
{
    const int encoder = fg_im_find(im, "encode.cnn0.weight") != NULL;
    const int want = 4 + encoder, nb = count_blocks(im);
    Ifnet n = {.im = im};
    if (nb > want) {
        fg_im_fail(im, -ENOTSUP, "IFNet of %d blocks, expected %d", nb, want);
        return;
    }
    /* What training alone needs. */
    fg_im_skip(im, "teacher.");
    fg_im_skip(im, "block_tea.");
    fg_im_skip(im, "caltime.");
    im->m->task = FG_TASK_INTERP;
    im->ref_w = im->ref_h = 5120; /* 1/16, then 1/4 of that */
    const int in = fg_im_input(im, 7);
    n.frame[0] = n.warped[0] = fg_im_slice(im, "frame0", in, 0, 3);
    n.frame[1] = n.warped[1] = fg_im_slice(im, "frame1", in, 3, 3);
    n.time = fg_im_slice(im, "time", in, 6, 1);
    for (int k = 0; encoder && k < 2; k++)
        n.feature[k] = n.warped_feature[k] = encode(im, k, n.frame[k]);
    for (int i = 0; i < want; i++) {
        const int scale = 1 << (want - 1 - i);
        take(&n, i, scale, block(&n, i, scale));
        move(&n, i, i == want - 1);
    }
    blend(&n);
}

static int is_ifnet(const FgImport *im)
{
    return fg_im_find(im, "block0.conv0.0.0.weight") &&
           fg_im_find(im, "block0.convblock.0.beta") &&
           fg_im_find(im, "block0.lastconv.0.weight") &&
           !fg_im_find(im, "encode.0.weight");
}

const FgFamilyReader fg_family_ifnet = {
    .about = {.name = "ifnet",
              .title = "IFNet",
              .example = "RIFE 4.6, 4.25, 4.26 (for ganinterp)",
              .limits = "the layouts of 4.6 and of 4.26; not 4.0 to 4.5, not "
                        "4.7 to 4.24; no ensemble; sees the whole picture, so "
                        "that no tiles save memory",
              .keys = {"block0.conv0.0.0.weight", "block0.convblock.0.beta",
                       "block0.lastconv.0.weight"}},
    .is = is_ifnet,
    .build = build};
