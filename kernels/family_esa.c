/* ffgan: networks with enhanced spatial attention (ESA, of Liu et al., RFANet,
 * CVPR 2020): RLFN and what the challenges on efficient super-resolution made
 * of it. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "families.h"

static int act(FgImport *im, const char *op, const char *key, int in,
               double slope)
{
    char name[FG_NAME_LEN];
    snprintf(name, sizeof(name), "%.80s.act", key);
    return fg_im_act(im, op, name, in, (float)slope);
}

int fg_im_conv_any(FgImport *im, const char *key, int in)
{
    static const char *const forms[] = {"conv_infer", "rbr_reparam",
                                        "rep_conv"};
    char name[FG_NAME_LEN];
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        if (fg_im_find(im, "%s.%s.weight", key, forms[i]))
            return fg_im_conv(im, fg_part(key, forms[i]), in, 1, -1);
    if (fg_im_find(im, "%s.pw.weight", key)) {
        in = fg_im_conv(im, fg_part(key, "pw"), in, 1, -1);
        return fg_im_conv(im, fg_part(key, "dw"), in, 1, -1);
    }
    if (fg_im_find(im, "%s.0.weight", key)) {
        snprintf(name, sizeof(name), "%.80s.0", key);
        in = act(im, "leaky_relu", name, fg_im_conv(im, name, in, 1, -1), 0.05);
        return fg_im_conv(im, fg_part(key, "2"), in, 1, -1);
    }
    if (fg_im_find(im, "%s.eval_conv.weight", key) ||
        fg_im_find(im, "%s.sk.weight", key))
        return fg_span_conv3(im, key, in);
    return fg_im_conv(im, key, in, 1, -1);
}

/* The small map: two more convolutions in the older form. */
static int small_map(FgImport *im, const char *key, int x)
{
    char name[FG_NAME_LEN];
    if (fg_im_find(im, "%s.conv_max.weight", key)) {
        snprintf(name, sizeof(name), "%.80s.conv_max", key);
        x = act(im, "relu", name, fg_im_conv(im, name, x, 1, -1), 0);
        snprintf(name, sizeof(name), "%.80s.conv3", key);
        x = act(im, "relu", name, fg_im_conv(im, name, x, 1, -1), 0);
        return fg_im_conv(im, fg_part(key, "conv3_"), x, 1, -1);
    }
    snprintf(name, sizeof(name), "%.80s.conv3", key);
    return fg_im_conv_any(im, name, x);
}

int fg_im_esa(FgImport *im, const char *key, int x)
{
    const int head = fg_im_conv(im, fg_part(key, "conv1"), x, 1, -1);
    int y = fg_im_conv(im, fg_part(key, "conv2"), head, 2, 0);
    y = fg_im_op(im, "max_pool", fg_part(key, "pool"), y, -1,
                 (FgAttr){.kernel = 7, .stride = 3});
    y = small_map(im, key, y);
    y = fg_im_op(im, "resize_like", fg_part(key, "size"), y, head, (FgAttr){0});
    const int f = fg_im_find(im, "%s.conv_f.weight", key)
                      ? fg_im_conv(im, fg_part(key, "conv_f"), head, 1, -1)
                      : head;
    y = fg_im_add2(im, fg_part(key, "sum"), y, f);
    y = fg_im_conv(im, fg_part(key, "conv4"), y, 1, -1);
    y = fg_im_act(im, "sigmoid", fg_part(key, "gate"), y, 0);
    return fg_im_mul2(im, fg_part(key, "out"), x, y);
}

/* ---- RLFN ---- */

/* What a file's blocks have alike. The activation is not in the file; each
 * spelling of the convolutions came with one. Two leaky ReLUs in a row are one
 * of the product of their slopes. */
typedef struct Kind {
    const char *act;
    double slope;
    int list; /* block_list.0 on, not block_1 on */
} Kind;

static Kind kind_of(const FgImport *im)
{
    const int list = fg_im_find(im, "block_list.0.esa.conv1.weight") != NULL;
    if (fg_im_find(im, "block_1.c1_r.eval_conv.weight") ||
        fg_im_find(im, "block_1.c1_r.sk.weight"))
        return (Kind){"silu", 0, list};
    if (fg_im_find(im, "block_1.c1_r.conv_infer.weight") ||
        fg_im_find(im, "block_1.c1_r.pw.weight") ||
        fg_im_find(im, "block_2.project_in.weight"))
        return (Kind){"gelu", 0, list};
    if (fg_im_find(im, "block_1.c1_r.rbr_reparam.weight"))
        return (Kind){"leaky_relu", 0.05 * 0.05, list};
    return (Kind){"leaky_relu", 0.05, list};
}

/* KEY as PyTorch's BatchNorm2d leaves it after training. */
static int batch_norm(FgImport *im, const char *key, int x)
{
    static const char *const parts[] = {"weight", "bias", "running_mean",
                                        "running_var"};
    for (int i = 0; i < 4; i++) {
        const FgParam *p = fg_im_need(im, fg_part(key, parts[i]));
        if (p && im->rc >= 0)
            fg_im_param(im, p->name, 1, p->dims, p->data);
    }
    fg_im_skip(im, fg_part(key, "num_batches_tracked"));
    return fg_im_op(im, "batch_norm", key, x, -1,
                    (FgAttr){.eps = 1e-5f, .momentum = 0.1f});
}

/* Convolutions c1_r to c3_r and the block's input; without c2_r there is no
 * sum, and without c5 besides no last activation. */
static int rlfn_block(FgImport *im, const char *block, int x, const Kind *k)
{
    char key[FG_NAME_LEN], bn[FG_NAME_LEN];
    const int three = fg_im_find(im, "%s.c2_r.weight", block) ||
                      fg_im_find(im, "%s.c2_r.0.weight", block) ||
                      fg_im_find(im, "%s.c2_r.pw.weight", block) ||
                      fg_im_find(im, "%s.c2_r.conv_infer.weight", block) ||
                      fg_im_find(im, "%s.c2_r.rbr_reparam.weight", block) ||
                      fg_im_find(im, "%s.c2_r.eval_conv.weight", block);
    const int five = fg_im_find(im, "%s.c5.weight", block) != NULL;
    int y = x;
    for (int i = 1; i <= 3; i++) {
        if (i == 2 && !three)
            continue;
        snprintf(key, sizeof(key), "%.60s.c%d_r", block, i);
        y = fg_im_conv_any(im, key, y);
        snprintf(bn, sizeof(bn), "%.60s.bn%d", block, i);
        if (fg_im_find(im, "%s.weight", bn))
            y = batch_norm(im, bn, y);
        if (i < 3 || three || five)
            y = act(im, k->act, key, y, k->slope);
    }
    if (three)
        y = fg_im_add2(im, fg_part(block, "sum"), y, x);
    if (five)
        y = fg_im_conv(im, fg_part(block, "c5"), y, 1, -1);
    snprintf(key, sizeof(key), "%.80s.esa", block);
    return fg_im_esa(im, key, y);
}

/* Two halves, one the other's gate, as 2024's team 05 puts between. */
static int feed_forward(FgImport *im, const char *block, int x)
{
    x = fg_im_conv(im, fg_part(block, "project_in"), x, 1, -1);
    x = fg_im_conv(im, fg_part(block, "dwconv"), x, 1, -1);
    const int half = im->rc >= 0 ? im->channels[x] / 2 : 0;
    const int a = fg_im_slice(im, fg_part(block, "first"), x, 0, half);
    const int b = fg_im_slice(im, fg_part(block, "second"), x, half, half);
    const int g = fg_im_act(im, "gelu", fg_part(block, "gelu"), a, 0);
    x = fg_im_mul2(im, fg_part(block, "gated"), g, b);
    return fg_im_conv(im, fg_part(block, "project_out"), x, 1, -1);
}

static int rlfn_blocks(FgImport *im, int x, const Kind *k)
{
    char name[32];
    for (int i = k->list ? 0 : 1;; i++) {
        snprintf(name, sizeof(name), k->list ? "block_list.%d" : "block_%d", i);
        if (fg_im_find(im, "%s.esa.conv1.weight", name))
            x = rlfn_block(im, name, x, k);
        else if (fg_im_find(im, "%s.project_in.weight", name))
            x = feed_forward(im, name, x);
        else
            return x;
    }
}

static int is_rlfn(const FgImport *im)
{
    return (fg_im_find(im, "block_1.esa.conv1.weight") ||
            fg_im_find(im, "block_list.0.esa.conv1.weight")) &&
           fg_im_find(im, "block_1.ln1.weight") == NULL;
}

int fg_family_tail(FgImport *im, const char *key, int x, int c)
{
    const int y = fg_im_conv_any(im, key, x);
    if (im->rc < 0)
        return 0;
    const int r = fg_family_factor(im, key, im->channels[y], c);
    return r > 1 ? fg_im_shuffle(im, "shuffle", y, r) : y;
}

int fg_family_input(FgImport *im, int c)
{
    const int in = fg_im_input(im, c);
    return im->variant & FG_VARIANT_BYTES ? fg_im_scale(im, "range", in, 255)
                                          : in;
}

int fg_family_output(FgImport *im, int x)
{
    const int r = im->rc >= 0 ? im->shapes[x].w / im->ref_w : 1;
    if (im->variant & FG_VARIANT_BYTES)
        x = fg_im_scale(im, "range.back", x, 1.0 / 255);
    if (im->variant & FG_VARIANT_ADDS)
        x = fg_im_add2(im, "picture", x,
                       fg_im_resize(im, "enlarged", 0, r, FG_RESIZE_BILINEAR));
    return x;
}

static void build_rlfn(FgImport *im)
{
    static const float mean[2][3] = {{-0.4488f, -0.4371f, -0.4040f},
                                     {0.4488f, 0.4371f, 0.4040f}};
    static const char *const ends[] = {"upsampler.0", "upsampler.upsample_conv",
                                       "upsampler_x4.0", "upsampler.0"};
    const Kind k = kind_of(im);
    const FgParam *w = fg_im_find(im, "conv_1.weight");
    const int c = w && w->nb_dims == 4 ? w->dims[1] : 3;
    /* Not in the file: 2024's team 10 takes a mean away, and adds it again. */
    const int centred = c == 3 && fg_im_find(im, "block_1.c1_r.pw.weight");
    if (centred) /* the mean is one of 0..1 */
        im->variant &= ~(unsigned)FG_VARIANT_BYTES;
    const int in = fg_family_input(im, c);
    const int from = centred ? fg_im_offset(im, "mean", in, 0, mean[0]) : in;
    const int head = fg_im_conv_any(im, "conv_1", from);
    int x = rlfn_blocks(im, head, &k), e = 0;
    x = fg_im_add2(im, "sum", fg_im_conv_any(im, "conv_2", x), head);
    while (e < 3 && !fg_im_find(im, "%s.weight", ends[e]))
        e++;
    x = fg_family_tail(im, ends[e], x, c);
    if (centred)
        x = fg_im_offset(im, "mean.back", x, 0, mean[1]);
    fg_family_output(im, x);
}

const FgFamilyReader fg_family_rlfn = {
    .about = {.name = "rlfn",
              .title = "RLFN",
              .example = "RLFN, NTIRE 2024's teams 00, 05, 10 (SMRN), 13, 16, "
                         "17, 21, 26 (RDEN), 29, 42, 45 (DIPNet), 2025's 15, "
                         "21, 25",
              .limits = FG_LIMIT_RANGE ", and whether the enlarged picture is "
                                       "added, too; " FG_LIMIT_WHOLE},
    .is = is_rlfn,
    .build = build_rlfn,
    .variants = FG_VARIANT_BYTES | FG_VARIANT_ADDS};

/* ---- a head, blocks without sums, a sum ---- */

static int trunk_block(FgImport *im, const char *block, int x)
{
    char key[FG_NAME_LEN];
    const int old = fg_im_find(im, "%s.conv1.weight", block) != NULL;
    snprintf(key, sizeof(key), "%.60s.%s", block, old ? "conv1" : "eec1");
    x = fg_im_conv_any(im, key, x);
    x = old ? act(im, "relu", key, x, 0)
            : fg_im_prelu(im, fg_part(key, "act"), x);
    snprintf(key, sizeof(key), "%.60s.%s", block, old ? "conv2" : "eec2");
    x = fg_im_conv_any(im, key, x);
    snprintf(key, sizeof(key), "%.60s.%s", block, old ? "ESA" : "esa");
    return fg_im_esa(im, key, x);
}

static int is_trunk(const FgImport *im)
{
    return fg_im_find(im, "head.weight") && fg_im_find(im, "tail.weight") &&
           (fg_im_find(im, "recon_trunk.0.ESA.conv1.weight") ||
            fg_im_find(im, "blocks.0.eec1.rep_conv.weight"));
}

static void build_trunk(FgImport *im)
{
    const FgParam *w = fg_im_need(im, "head.weight");
    const int old = fg_im_find(im, "recon_trunk.0.conv1.weight") != NULL;
    const int c = w && w->nb_dims == 4 ? w->dims[1] : 3;
    const int head = fg_im_conv(im, "head", fg_family_input(im, c), 1, -1);
    const char *const list = old ? "recon_trunk" : "blocks";
    const int nb = fg_family_count(im, list);
    char name[32];
    int x = head;
    for (int i = 0; i < nb; i++) {
        snprintf(name, sizeof(name), "%s.%d", list, i);
        x = trunk_block(im, name, x);
    }
    x = fg_im_conv(im, old ? "finetune" : "conv1x1", x, 1, -1);
    x = fg_family_tail(im, "tail", fg_im_add2(im, "sum", x, head), c);
    fg_family_output(im, x);
}

const FgFamilyReader fg_family_eern = {
    .about = {.name = "eern",
              .title = "EERN, EECNet",
              .example = "NTIRE 2024's team 25, 2025's team 47",
              .limits = FG_LIMIT_RANGE "; " FG_LIMIT_WHOLE},
    .is = is_trunk,
    .build = build_trunk,
    .variants = FG_VARIANT_BYTES};

/* ---- RCUNet: the first channels of a block, twice; joins across ---- */

static int rcu_block(FgImport *im, int i, int x)
{
    char block[16], key[FG_NAME_LEN];
    snprintf(block, sizeof(block), "b%d", i);
    const FgParam *w = fg_im_find(im, "%s.conv1.weight", block);
    const int mid = w ? w->dims[0] : 1;
    const int all = im->rc >= 0 ? im->channels[x] : mid + 1;
    int y = fg_im_slice(im, fg_part(block, "first"), x, 0, mid);
    int in[3] = {fg_im_slice(im, fg_part(block, "rest"), x, mid, all - mid)};
    for (int k = 1; k <= 4; k++) {
        snprintf(key, sizeof(key), "%s.conv%d", block, k);
        y = act(im, "leaky_relu", key, fg_im_conv(im, key, y, 1, -1), 0.01);
        if (k % 2 == 0)
            in[k / 2] = y;
    }
    y = fg_im_cat(im, fg_part(block, "c5.in"), 3, in);
    y = fg_im_conv(im, fg_part(block, "c5"), y, 1, -1);
    snprintf(key, sizeof(key), "%s.esa", block);
    return fg_im_esa(im, key, y);
}

static void build_rcunet(FgImport *im)
{
    const FgParam *w = fg_im_need(im, "conv_first.weight");
    const int c = w && w->nb_dims == 4 ? w->dims[1] : 3;
    const int head = fg_im_conv(im, "conv_first", fg_family_input(im, c), 1,
                                -1);
    const int b1 = rcu_block(im, 1, head), b2 = rcu_block(im, 2, b1);
    int x = fg_im_add2(im, "sum3", rcu_block(im, 3, b2), b2);
    x = fg_im_add2(im, "sum4", rcu_block(im, 4, x), b1);
    x = fg_im_conv(im, "conv_tail", x, 1, -1);
    x = fg_family_tail(im, "conv_last", fg_im_add2(im, "sum", x, head), c);
    fg_family_output(im, x);
}

const FgFamilyReader fg_family_rcunet = {
    .about = {.name = "rcunet",
              .title = "RCUNet",
              .example = "NTIRE 2025's team 37",
              .limits = FG_LIMIT_RANGE "; " FG_LIMIT_WHOLE,
              .keys = {"conv_tail.weight", "b1.c5.weight",
                       "b1.esa.conv1.weight"}},
    .build = build_rcunet,
    .variants = FG_VARIANT_BYTES};
