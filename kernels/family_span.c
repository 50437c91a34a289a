/* ffgan: SPAN: 3x3 convolutions (stored as several, merged here), SiLU, and a
 * gate without parameters: out = (x3 + x) * (sigmoid(x3) - 1/2).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"

/* A layer named KEY is stored as KEY.sk (1x1) beside KEY.conv.0 (1x1), .1 (3x3)
 * and .2 (1x1) in a row, or merged as KEY.eval_conv, which training leaves
 * behind the times: the parts win where both are there. */
typedef struct Parts {
    const FgParam *w[3], *b[3], *sw, *sb;
    int ic, oc, mid_in, mid_out;
} Parts;

static const FgParam *part(FgImport *im, const char *key, const char *rest)
{
    char name[2 * FG_NAME_LEN];
    snprintf(name, sizeof(name), "%s%s", key, rest);
    return fg_im_need(im, name);
}

static int has_dims(const FgParam *p, int a, int b, int k)
{
    return p->nb_dims == 4 && p->dims[0] == a && p->dims[1] == b &&
           p->dims[2] == k && p->dims[3] == k;
}

static int find_parts(FgImport *im, const char *key, Parts *q)
{
    static const char *const conv[3] = {".conv.0", ".conv.1", ".conv.2"};
    char name[64];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s.weight", conv[i]);
        q->w[i] = part(im, key, name);
        snprintf(name, sizeof(name), "%s.bias", conv[i]);
        q->b[i] = part(im, key, name);
    }
    q->sw = part(im, key, ".sk.weight");
    q->sb = part(im, key, ".sk.bias");
    if (im->rc < 0 || im->nb_missing)
        return 0;
    q->oc = q->sw->dims[0];
    q->ic = q->sw->dims[1];
    q->mid_in = q->w[0]->dims[0];
    q->mid_out = q->w[1]->dims[0];
    if (!has_dims(q->sw, q->oc, q->ic, 1) ||
        !has_dims(q->w[0], q->mid_in, q->ic, 1) ||
        !has_dims(q->w[1], q->mid_out, q->mid_in, 3) ||
        !has_dims(q->w[2], q->oc, q->mid_out, 1) ||
        (int)fg_param_count(q->b[0]) != q->mid_in ||
        (int)fg_param_count(q->b[1]) != q->mid_out ||
        (int)fg_param_count(q->b[2]) != q->oc ||
        (int)fg_param_count(q->sb) != q->oc) {
        fg_im_fail(im, -EBADMSG,
                   "the parts of '%s' (sk, conv.0, conv.1, conv.2) do not fit "
                   "one another",
                   key);
        return 0;
    }
    return 1;
}

/* Row o of the product of the last 1x1 and the 3x3: t[mid_in][9]. */
static void last_two(const Parts *q, int o, double *t, double *bias)
{
    const float *w3 = q->w[2]->data + (size_t)o * (size_t)q->mid_out;
    memset(t, 0, sizeof(*t) * 9 * (size_t)q->mid_in);
    *bias = (double)q->b[2]->data[o] + q->sb->data[o];
    for (int m = 0; m < q->mid_out; m++) {
        const float *w2 = q->w[1]->data + (size_t)m * 9 * (size_t)q->mid_in;
        *bias += (double)w3[m] * q->b[1]->data[m];
        for (int i = 0; i < 9 * q->mid_in; i++)
            t[i] += (double)w3[m] * w2[i];
    }
}

/* One 3x3: the input is padded before the first 1x1, so that its bias counts
 * at the borders as inside. */
static void merge(const Parts *q, float *w, float *b, double *t, double *row)
{
    const size_t ic = (size_t)q->ic;
    for (int o = 0; o < q->oc; o++) {
        double bias;
        last_two(q, o, t, &bias);
        memset(row, 0, sizeof(*row) * 9 * ic);
        for (int m = 0; m < q->mid_in; m++)
            for (int k = 0; k < 9; k++) {
                const double v = t[9 * m + k];
                bias += v * q->b[0]->data[m];
                for (size_t i = 0; i < ic; i++)
                    row[9 * i + (size_t)k] += v *
                                              q->w[0]->data[(size_t)m * ic + i];
            }
        for (size_t i = 0; i < ic; i++)
            row[9 * i + 4] += q->sw->data[(size_t)o * ic + i];
        for (size_t i = 0; i < 9 * ic; i++)
            w[(size_t)o * 9 * ic + i] = (float)row[i];
        b[o] = (float)bias;
    }
}

/* The merged layer, named KEY.eval_conv as in files that hold it alone. */
static int merged(FgImport *im, const char *key, int in, const Parts *q)
{
    const size_t nb = 9 * (size_t)q->ic * (size_t)q->oc;
    float *w = malloc(sizeof(*w) * nb), *b = malloc(sizeof(*b) * (size_t)q->oc);
    double *t = malloc(sizeof(*t) * 9 * (size_t)q->mid_in);
    double *row = malloc(sizeof(*row) * 9 * (size_t)q->ic);
    char name[2 * FG_NAME_LEN];
    int i = 0;
    snprintf(name, sizeof(name), "%s.eval_conv", key);
    if (q->ic != im->channels[in]) {
        fg_im_fail(im, -EBADMSG, "'%s' takes %d channels, expected %d", key,
                   q->ic, im->channels[in]);
    } else if (w && b && t && row) {
        merge(q, w, b, t, row);
        i = fg_im_kernel(im, name, in,
                         &(FgImKernel){.oc = q->oc,
                                       .k = 3,
                                       .groups = 1,
                                       .stride = 1,
                                       .pad = 1,
                                       .w = w,
                                       .b = b});
    } else {
        fg_im_fail(im, -ENOMEM, "out of memory");
    }
    free(w);
    free(b);
    free(t);
    free(row);
    return i;
}

int fg_span_conv3(FgImport *im, const char *key, int in)
{
    char name[2 * FG_NAME_LEN];
    Parts q;
    if (im->rc < 0)
        return 0;
    snprintf(name, sizeof(name), "%s.eval_conv", key);
    if (!fg_im_find(im, "%s.sk.weight", key))
        return fg_im_conv(im, name, in, 1, -1);
    snprintf(name, sizeof(name), "%s.eval_conv.", key);
    fg_im_skip(im, name);
    return find_parts(im, key, &q) ? merged(im, key, in, &q) : in;
}

int fg_span_silu(FgImport *im, const char *key, int in)
{
    char name[FG_NAME_LEN];
    snprintf(name, sizeof(name), "%.80s.act", key);
    return fg_im_act(im, "silu", name, in, 0);
}

/* sigmoid(x) - 1/2 = tanh(x / 2) / 2. */
int fg_span_gate(FgImport *im, const char *block, int x3, int x)
{
    char name[FG_NAME_LEN];
    snprintf(name, sizeof(name), "%.80s.half", block);
    int g = fg_im_scale(im, name, x3, 0.5);
    snprintf(name, sizeof(name), "%.80s.tanh", block);
    g = fg_im_act(im, "tanh", name, g, 0);
    snprintf(name, sizeof(name), "%.80s.gate", block);
    g = fg_im_scale(im, name, g, 0.5);
    snprintf(name, sizeof(name), "%.80s.sum", block);
    const int sum = fg_im_add2(im, name, x3, x);
    snprintf(name, sizeof(name), "%.80s.out", block);
    return fg_im_mul2(im, name, sum, g);
}

int fg_span_block(FgImport *im, const char *name, int x, int *first)
{
    char key[FG_NAME_LEN];
    snprintf(key, sizeof(key), "%.60s.c1_r", name);
    int y = fg_span_silu(im, key, fg_span_conv3(im, key, x));
    if (first)
        *first = y;
    snprintf(key, sizeof(key), "%.60s.c2_r", name);
    y = fg_span_silu(im, key, fg_span_conv3(im, key, y));
    snprintf(key, sizeof(key), "%.60s.c3_r", name);
    y = fg_span_conv3(im, key, y);
    if (im->rc >= 0 && im->channels[y] != im->channels[x])
        return y; /* SPAN-F's first block changes the width and has no gate */
    return fg_span_gate(im, name, y, x);
}

int fg_span_normalise(FgImport *im, int in)
{
    static const float mean[3] = {-0.4488f, -0.4371f, -0.4040f};
    if (fg_im_find(im, "no_norm")) {
        fg_im_skip(im, "no_norm");
        return in;
    }
    if (im->rc >= 0 && im->channels[in] != 3)
        return in;
    return fg_im_scale(im, "range", fg_im_offset(im, "mean", in, 0, mean), 255);
}

static int blocks(FgImport *im, int nb, int x, int *out, int *first)
{
    char name[32];
    for (int i = 1; i <= nb; i++) {
        snprintf(name, sizeof(name), "block_%d", i);
        x = fg_span_block(im, name, x, i == nb ? first : NULL);
        if (i == 1)
            *out = x;
    }
    return x;
}

static int count_blocks(const FgImport *im)
{
    int nb = 0;
    while (nb < 64 &&
           (fg_im_find(im, "block_%d.c1_r.sk.weight", nb + 1) ||
            fg_im_find(im, "block_%d.c1_r.eval_conv.weight", nb + 1)))
        nb++;
    return nb;
}

static int input_channels(FgImport *im, const char *key)
{
    const FgParam *w = fg_im_find(im, "%s.sk.weight", key);
    if (!w)
        w = fg_im_find(im, "%s.eval_conv.weight", key);
    return w && w->nb_dims == 4 ? w->dims[1] : 3;
}

/* ESRNet is SPAN whose last block is one convolution. */
static int is_esrnet(const FgImport *im)
{
    const int nb = count_blocks(im);
    return nb > 1 && fg_im_find(im, "conv_cat.weight") &&
           fg_im_find(im, "upsampler.0.weight") &&
           !fg_im_find(im, "block_%d.c2_r.sk.weight", nb) &&
           !fg_im_find(im, "block_%d.c2_r.eval_conv.weight", nb) &&
           !fg_im_find(im, "block_%d.c3_r.eval_conv.weight", nb);
}

/* conv_2 and 1e-5 times that convolution, of the same value. */
static int with_spare(FgImport *im, int nb, int x)
{
    char key[32];
    snprintf(key, sizeof(key), "block_%d.c1_r", nb);
    const int y = fg_im_scale(im, "spare", fg_span_conv3(im, key, x), 1e-5);
    return fg_im_add2(im, "spare.sum", fg_span_conv3(im, "conv_2", x), y);
}

static void build_span(FgImport *im)
{
    const int c = input_channels(im, "conv_1");
    const FgParam *up = fg_im_find(im, "upsampler.0.weight");
    const int r = up ? fg_family_factor(im, up->name, up->dims[0], c) : 0;
    int first = 0, b1 = 0;
    const int head = fg_span_conv3(im, "conv_1",
                                   fg_span_normalise(im, fg_im_input(im, c)));
    const int nb = count_blocks(im), spare = is_esrnet(im);
    int x = blocks(im, nb - spare, head, &b1, &first);
    x = spare ? with_spare(im, nb, x) : fg_span_conv3(im, "conv_2", x);
    if (im->nb_missing || im->rc < 0 || !r)
        return;
    x = fg_im_cat(im, "conv_cat.in", 4, (const int[]){head, x, b1, first});
    x = fg_im_conv(im, "conv_cat", x, 1, -1);
    x = fg_im_conv(im, "upsampler.0", x, 1, -1);
    if (r > 1)
        fg_im_shuffle(im, "upsampler", x, r);
}

static void build_spanf(FgImport *im)
{
    const FgParam *near = fg_im_find(im, "conv_near.weight");
    const int c = input_channels(im, "block_1.c1_r");
    const int r = fg_family_factor(im, near->name, near->dims[0], c);
    int b1 = 0;
    const int in = fg_im_input(im, c);
    const int base = fg_im_conv(im, "conv_near", in, 1, -1);
    int x = blocks(im, count_blocks(im), in, &b1, NULL);
    if (im->nb_missing || im->rc < 0 || !r)
        return;
    x = fg_im_cat(im, "conv_cat.in", 3, (const int[]){base, x, b1});
    x = fg_im_conv(im, "conv_cat", x, 1, -1);
    x = fg_span_conv3(im, "conv_2", x);
    fg_im_shuffle(im, "depth_to_space", x, r);
}

static int is_span(const FgImport *im)
{
    return count_blocks(im) > 0 && fg_im_find(im, "conv_cat.weight") &&
           fg_im_find(im, "upsampler.0.weight");
}

const FgFamilyReader fg_family_span = {
    .about = {.name = "span",
              .title = "SPAN",
              .example = "2x and 4x SPAN models of OpenModelDB, spanx4_ch48",
              .limits = "mean and range are those of the publication, or none "
                        "with a tensor no_norm",
              .keys = {"block_1.c1_r.eval_conv.weight", "conv_cat.weight",
                       "upsampler.0.weight"}},
    .is = is_span,
    .build = build_span};

const FgFamilyReader fg_family_esrnet = {
    .about = {.name = "esrnet",
              .title = "ESRNet",
              .example = "NTIRE 2025's team 38",
              .limits = "mean and range as SPAN's",
              .keys = {"block_7.c1_r.eval_conv.weight", "conv_cat.weight",
                       "upsampler.0.weight"}},
    .is = is_esrnet,
    .build = build_span};

const FgFamilyReader fg_family_spanf = {
    .about = {.name = "spanf",
              .title = "SPAN-F",
              .example = "NTIRE 2025's SPANF x4",
              .limits = "",
              .keys = {"block_1.c1_r.eval_conv.weight", "conv_cat.weight",
                       "conv_near.weight"}},
    .build = build_spanf};
