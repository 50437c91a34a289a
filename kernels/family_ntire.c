/* ffgan: plain networks of the efficient super-resolution challenges, NTIRE
 * 2025 and 2026: 3x3 convolutions, SiLU or ReLU, sums, joins, SPAN's gate, a
 * pixel shuffle. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "families.h"

/* KEY.WEIGHT is [c r r, ...]: r, or 0 with the failure set. */
static int factor(FgImport *im, const char *name, int c)
{
    const FgParam *up = fg_im_need(im, name);
    return up && im->rc >= 0 ? fg_family_factor(im, name, up->dims[0], c) : 0;
}

static int input_of(FgImport *im, const char *name, int *c)
{
    const FgParam *w = fg_im_need(im, name);
    *c = w && w->nb_dims == 4 ? w->dims[1] : 3;
    return fg_im_input(im, *c);
}

static int leaky(FgImport *im, const char *key, int in)
{
    char name[FG_NAME_LEN];
    snprintf(name, sizeof(name), "%.80s.act", key);
    return fg_im_act(im, "leaky_relu", name, in, 0.1f);
}

static int relu(FgImport *im, const char *key, int in)
{
    char name[FG_NAME_LEN];
    snprintf(name, sizeof(name), "%.80s.act", key);
    return fg_im_act(im, "relu", name, in, 0);
}

/* Blocks block_FROM to the last, each by fn. */
static int all_blocks(FgImport *im, int from, int x, const char *test,
                      int (*fn)(FgImport *im, const char *name, int x))
{
    char name[32];
    for (int i = from; fg_im_find(im, "block_%d.%s", i, test); i++) {
        snprintf(name, sizeof(name), "block_%d", i);
        x = fn(im, name, x);
    }
    return x;
}

static int gated(FgImport *im, const char *name, int x)
{
    return fg_span_block(im, name, x, NULL);
}

/* ---- TSR, TSSR, DISP: four or five convolutions and the block's input ---- */

static int tsr_block(FgImport *im, int i, int x)
{
    char key[FG_NAME_LEN];
    int y = x;
    for (int k = 1; k <= 2; k++) {
        snprintf(key, sizeof(key), "blocks.%d.c%d_r", i, k);
        y = fg_span_silu(im, key, fg_span_conv3(im, key, y));
    }
    for (int k = 0;; k++) {
        snprintf(key, sizeof(key), "blocks.%d._extern_conv_block.%d", i, k);
        if (!fg_im_find(im, "%s.eval_conv.weight", key))
            break;
        y = fg_span_silu(im, key, fg_span_conv3(im, key, y));
    }
    snprintf(key, sizeof(key), "blocks.%d.c3_r", i);
    y = fg_span_silu(im, key, fg_span_conv3(im, key, y));
    snprintf(key, sizeof(key), "blocks.%d.sum", i);
    return fg_im_add2(im, key, y, x);
}

static void build_tsr(FgImport *im)
{
    int c;
    const int in = input_of(im, "conv_1.eval_conv.weight", &c);
    const int r = factor(im, "upsampler.0.weight", c);
    const int head = fg_span_conv3(im, "conv_1", in);
    const int nb = fg_family_count(im, "blocks");
    int x = head;
    for (int i = 0; i < nb; i++)
        x = tsr_block(im, i, x);
    x = fg_im_find(im, "conv_2.weight") ? fg_im_conv(im, "conv_2", x, 1, -1)
                                        : fg_span_conv3(im, "conv_2", x);
    x = fg_im_conv(im, "upsampler.0", fg_im_add2(im, "sum", x, head), 1, -1);
    if (r > 1)
        fg_im_shuffle(im, "upsampler", x, r);
}

const FgFamilyReader fg_family_tsr = {
    .about = {.name = "tsr",
              .title = "TSR, TSSR, DISP",
              .example = "NTIRE 2025's teams 31 and 58, 2026's team 18",
              .limits = "",
              .keys = {"conv_1.eval_conv.weight",
                       "blocks.0.c1_r.eval_conv.weight", "upsampler.0.weight"}},
    .build = build_tsr};

/* ---- ERRN2: four convolutions and SPAN's gate ---- */

static int errn_block(FgImport *im, const char *name, int x)
{
    char key[FG_NAME_LEN];
    int y = x;
    for (int k = 1; k <= 4; k++) {
        snprintf(key, sizeof(key), "%.60s.rep%d.rep_conv", name, k);
        y = fg_im_conv(im, key, y, 1, -1);
        if (k < 4)
            y = leaky(im, key, y);
    }
    return fg_span_gate(im, name, y, x);
}

static void build_errn(FgImport *im)
{
    int c;
    const int in = input_of(im, "conv_1.weight", &c);
    const int r = factor(im, "upsampler.0.weight", c);
    const int head = fg_im_conv(im, "conv_1", in, 1, -1);
    int x = all_blocks(im, 1, head, "rep1.rep_conv.weight", errn_block);
    x = fg_im_conv(im, "conv_2", x, 1, -1);
    x = fg_im_conv(im, "upsampler.0", fg_im_add2(im, "sum", x, head), 1, -1);
    if (r > 1)
        fg_im_shuffle(im, "upsampler", x, r);
}

const FgFamilyReader fg_family_errn = {
    .about = {.name = "errn",
              .title = "ERRN2",
              .example = "NTIRE 2026's team 20",
              .limits = "",
              .keys = {"block_1.rep1.rep_conv.weight", "conv_2.weight",
                       "upsampler.0.weight"}},
    .build = build_errn};

/* ---- ESPAN: SPAN with a wide first kernel, a last block of two ---- */

static void build_espan(FgImport *im)
{
    int c;
    const int in = input_of(im, "conv_1.eval_conv.weight", &c);
    const int r = factor(im, "tea_upsampler.0.eval_conv.weight", c);
    const int head = fg_im_conv(im, "conv_1.eval_conv", in, 1, -1);
    const int b1 = gated(im, "block_1", head);
    const int x = all_blocks(im, 2, b1, "c1_r.eval_conv.weight", gated);
    int y = fg_span_silu(im, "teacher_block_seq.c1_r",
                         fg_span_conv3(im, "teacher_block_seq.c1_r", x));
    y = fg_span_conv3(im, "teacher_block_seq.c2_r", y);
    y = fg_span_gate(im, "teacher_block_seq", y, x);
    const int last = fg_span_conv3(im, "tea_conv_2", y);
    y = fg_im_cat(im, "tea_conv_cat.in", 4, (const int[]){head, last, b1, y});
    y = fg_im_conv(im, "tea_conv_cat", y, 1, -1);
    y = fg_span_conv3(im, "tea_upsampler.0", y);
    if (r > 1)
        fg_im_shuffle(im, "tea_upsampler", y, r);
}

const FgFamilyReader fg_family_espan = {
    .about = {.name = "espan",
              .title = "ESPAN",
              .example = "NTIRE 2025's team 36",
              .limits = "",
              .keys = {"conv_1.eval_conv.weight", "tea_conv_cat.weight",
                       "tea_upsampler.0.eval_conv.weight"}},
    .build = build_espan};

/* ---- SPANV2: the gate is a 1x1 convolution ---- */

static int spanv2_block(FgImport *im, const char *name, int x)
{
    char key[FG_NAME_LEN];
    int y = x;
    for (int k = 1; k <= 3; k++) {
        snprintf(key, sizeof(key), "%.60s.c%d.conv", name, k);
        y = fg_im_conv(im, key, y, 1, -1);
        if (k < 3 || (im->rc >= 0 && im->channels[x] != im->channels[y]))
            y = relu(im, key, y);
    }
    if (im->rc < 0 || im->channels[x] != im->channels[y])
        return y;
    snprintf(key, sizeof(key), "%.60s.guidance_map_conv", name);
    const int map = fg_im_conv(im, key, y, 1, -1);
    snprintf(key, sizeof(key), "%.60s.sum", name);
    const int sum = fg_im_add2(im, key, x, y);
    snprintf(key, sizeof(key), "%.60s.out", name);
    return fg_im_mul2(im, key, sum, map);
}

static void build_spanv2(FgImport *im)
{
    int c;
    const int in = input_of(im, "block_1.c1.conv.weight", &c);
    const int r = factor(im, "pointwise_conv.weight", c);
    const int near = fg_im_conv(im, "conv_near", in, 1, -1);
    int x = all_blocks(im, 1, in, "c1.conv.weight", spanv2_block);
    x = fg_im_cat(im, "depthwise_conv.in", 2, (const int[]){near, x});
    x = fg_im_conv(im, "depthwise_conv", x, 1, -1);
    x = fg_im_conv(im, "pointwise_conv", x, 1, -1);
    if (r > 1)
        fg_im_shuffle(im, "depth_to_space", x, r);
}

const FgFamilyReader fg_family_spanv2 = {
    .about = {.name = "spanv2",
              .title = "SPANV2",
              .example = "NTIRE 2026's team 22",
              .limits = "",
              .keys = {"block_1.c1.conv.weight", "depthwise_conv.weight",
                       "pointwise_conv.weight"}},
    .build = build_spanv2};

/* ---- PDS: SPAN-F with a narrow end ---- */

static void build_pds(FgImport *im)
{
    int c;
    const int in = input_of(im, "block_1.c1_r.eval_conv.weight", &c);
    const int r = factor(im, "conv_2_1.eval_conv.weight", c);
    const int near = fg_im_conv(im, "conv_near", in, 1, -1);
    const int b1 = gated(im, "block_1", in);
    int x = all_blocks(im, 2, b1, "c1_r.eval_conv.weight", gated);
    x = fg_im_cat(im, "conv_cat_1.in", 3, (const int[]){near, x, b1});
    x = fg_span_conv3(im, "conv_2_1", fg_im_conv(im, "conv_cat_1", x, 1, -1));
    if (r > 1)
        fg_im_shuffle(im, "depth_to_space", x, r);
}

const FgFamilyReader fg_family_pds = {
    .about = {.name = "pds",
              .title = "PDS",
              .example = "NTIRE 2026's team 1",
              .limits = "",
              .keys = {"conv_near.weight", "conv_cat_1.weight",
                       "conv_2_1.eval_conv.weight"}},
    .build = build_pds};

/* ---- DSCF, fused: SPAN whose first two convolutions became one ---- */

static int dscf_last(FgImport *im, int x, int *first)
{
    char name[32];
    for (int i = 2; fg_im_find(im, "block_%d.c1_r.eval_conv.weight", i); i++) {
        snprintf(name, sizeof(name), "block_%d", i);
        x = fg_span_block(im, name, x, first);
    }
    return x;
}

static void build_dscf(FgImport *im)
{
    int c, first = 0;
    const int in = fg_span_normalise(
        im, input_of(im, "conv_1.eval_conv.weight", &c));
    const int r = factor(im, "upsampler.0.weight", c);
    const int head = fg_span_conv3(im, "conv_1", in);
    int y = fg_span_silu(im, "conv_fused",
                         fg_im_conv(im, "conv_fused", in, 1, -1));
    y = fg_span_silu(im, "block_1.c2_r", fg_span_conv3(im, "block_1.c2_r", y));
    y = fg_span_conv3(im, "block_1.c3_r", y);
    const int b1 = fg_span_gate(im, "block_1", y, head);
    int x = dscf_last(im, b1, &first);
    y = fg_im_cat(im, "conv_cat_other.in", 3, (const int[]){head, b1, first});
    y = fg_im_conv(im, "conv_cat_other", y, 1, -1);
    x = fg_im_conv(im, "conv2_fused", x, 1, -1);
    x = fg_im_conv(im, "upsampler.0", fg_im_add2(im, "sum", y, x), 1, -1);
    if (r > 1)
        fg_im_shuffle(im, "upsampler", x, r);
}

const FgFamilyReader fg_family_dscf = {
    .about = {.name = "dscf",
              .title = "DSCF (fused)",
              .example = "NTIRE 2026's team 15",
              .limits = "mean and range as SPAN's",
              .keys = {"conv_fused.weight", "conv2_fused.weight",
                       "conv_cat_other.weight"}},
    .build = build_dscf};

/* ---- ERRN: four convolutions, a gate of one channel ---- */

static int errn24_block(FgImport *im, const char *name, int x)
{
    static const char *const convs[] = {"rep1_1.rep_conv", "rep1_2.rep_conv",
                                        "rep2_1.rep_conv2", "rep2_2.rep_conv2"};
    char key[FG_NAME_LEN];
    int y = x;
    for (int k = 0; k < 4; k++) {
        snprintf(key, sizeof(key), "%.60s.%s", name, convs[k]);
        y = fg_im_conv(im, key, y, 1, -1);
        if (k < 3)
            y = leaky(im, key, y);
    }
    y = fg_im_add2(im, fg_part(name, "sum"), y, x);
    int g = fg_im_conv(im, fg_part(name, "ssa.sa_conv"), y, 1, -1);
    g = fg_im_act(im, "sigmoid", fg_part(name, "gate"), g, 0);
    return fg_im_mul2(im, fg_part(name, "out"), y, g);
}

static void build_errn24(FgImport *im)
{
    int c;
    const int in = input_of(im, "conv_1.weight", &c);
    const int head = fg_im_conv(im, "conv_1", in, 1, -1);
    int x = all_blocks(im, 1, head, "ssa.sa_conv.weight", errn24_block);
    x = fg_im_add2(im, "sum", fg_im_conv(im, "conv_2", x, 1, -1), head);
    fg_family_tail(im, "upsampler.0", x, c);
}

const FgFamilyReader fg_family_errn24 = {
    .about = {.name = "errn24",
              .title = "ERRN",
              .example = "NTIRE 2024's team 46",
              .limits = "",
              .keys = {"block_1.ssa.sa_conv.weight",
                       "block_1.rep1_1.rep_conv.weight", "upsampler.0.weight"}},
    .build = build_errn24};

/* ---- NanoSR: SPAN's gate behind a convolution of its own ---- */

static int nano_block(FgImport *im, const char *name, int x, int *first)
{
    char key[FG_NAME_LEN];
    x = fg_im_conv(im, fg_part(name, "feature_extractor.conv"), x, 1, -1);
    int y = x;
    for (int k = 1; k <= 3; k++) {
        snprintf(key, sizeof(key), "%.40s.pixel_attention.conv_%d.conv", name,
                 k);
        y = fg_im_conv(im, key, y, 1, -1);
        if (k < 3)
            y = fg_span_silu(im, key, y);
        if (k == 1)
            *first = y;
    }
    return fg_span_gate(im, name, y, x);
}

static void build_nanosr(FgImport *im)
{
    char name[32];
    int c, first = 0, b1 = 0;
    const int in = fg_span_normalise(im,
                                     input_of(im, "conv_1.conv.weight", &c));
    const int head = fg_im_conv(im, "conv_1.conv", in, 1, -1);
    int x = head;
    for (int i = 1; fg_im_find(im, "block_%d.feature_extractor.conv.weight", i);
         i++) {
        snprintf(name, sizeof(name), "block_%d", i);
        x = nano_block(im, name, x, &first);
        b1 = i == 1 ? x : b1;
    }
    x = fg_im_conv(im, "conv_2.conv", x, 1, -1);
    x = fg_im_cat(im, "conv_cat.in", 4, (const int[]){head, x, b1, first});
    x = fg_im_conv(im, "conv_cat", x, 1, -1);
    fg_family_tail(im, "upsampler.0", x, c);
}

const FgFamilyReader fg_family_nanosr = {
    .about = {.name = "nanosr",
              .title = "NanoSR",
              .example = "NTIRE 2025's team 07",
              .limits = "in the form for use (one conv a layer); mean and "
                        "range as SPAN's",
              .keys = {"conv_1.conv.weight",
                       "block_1.feature_extractor.conv.weight",
                       "block_1.pixel_attention.conv_1.conv.weight"}},
    .build = build_nanosr};
