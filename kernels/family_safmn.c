/* ffgan: SAFMN (Sun et al., ICCV 2023) and its kin: depthwise convolutions of
 * the map and of ever smaller ones, enlarged again, as a gate.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "families.h"

static int gelu(FgImport *im, const char *key, int x)
{
    return fg_im_act(im, "gelu", fg_part(key, "gelu"), x, 0);
}

/* The largest of side x side, for sides that divide the picture's. */
static int smaller(FgImport *im, const char *key, int x, int side)
{
    return fg_im_op(im, "max_pool", fg_part(key, "pool"), x, -1,
                    (FgAttr){.kernel = side, .stride = side});
}

static int norm(FgImport *im, const char *key, int x, int groups, float eps)
{
    for (int i = 0; i < 2; i++) {
        const FgParam *p = fg_im_need(im, fg_part(key, i ? "bias" : "weight"));
        if (p && im->rc >= 0)
            fg_im_param(im, p->name, 1, p->dims, p->data);
    }
    return fg_im_op(im, groups ? "group_norm" : "layer_norm", key, x, -1,
                    (FgAttr){.groups = groups, .eps = eps});
}

static int input_of(FgImport *im, const char *name, int *c)
{
    const FgParam *w = fg_im_need(im, name);
    *c = w && w->nb_dims == 4 ? w->dims[1] : 3;
    return fg_im_input(im, *c);
}

/* ---- SAFMN ---- */

/* Level i of the map: channels i c / 4 on, made 2^i times smaller. */
static int safm(FgImport *im, const char *key, int x)
{
    char name[FG_NAME_LEN];
    int level[4];
    const int c = im->rc >= 0 ? im->channels[x] / 4 : 0;
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "%.80s.mfr.%d", key, i);
        int y = fg_im_slice(im, fg_part(name, "in"), x, i * c, c);
        if (i)
            y = smaller(im, name, y, 1 << i);
        y = fg_im_conv(im, name, y, 1, -1);
        if (i)
            y = fg_im_resize(im, fg_part(name, "size"), y, 1 << i,
                             FG_RESIZE_NEAREST);
        level[i] = y;
    }
    int y = fg_im_cat(im, fg_part(key, "aggr.in"), 4, level);
    y = gelu(im, key, fg_im_conv(im, fg_part(key, "aggr"), y, 1, -1));
    return fg_im_mul2(im, fg_part(key, "out"), y, x);
}

/* Norms over the channels of a pixel, or (deep) over all of the picture. */
static int safmn_block(FgImport *im, const char *block, int x, int deep)
{
    char key[FG_NAME_LEN];
    snprintf(key, sizeof(key), "%s.norm1%s", block, deep ? ".norm" : "");
    int y = norm(im, key, x, deep, deep ? 1e-5f : 1e-6f);
    snprintf(key, sizeof(key), "%s.safm", block);
    x = fg_im_add2(im, fg_part(block, "sum1"), safm(im, key, y), x);
    snprintf(key, sizeof(key), "%s.norm2%s", block, deep ? ".norm" : "");
    y = norm(im, key, x, deep, deep ? 1e-5f : 1e-6f);
    snprintf(key, sizeof(key), "%s.%s.0", block, deep ? "ffn" : "ccm.ccm");
    y = gelu(im, key, fg_im_conv(im, key, y, 1, -1));
    snprintf(key, sizeof(key), "%s.%s.2", block, deep ? "ffn" : "ccm.ccm");
    y = fg_im_conv(im, key, y, 1, -1);
    return fg_im_add2(im, fg_part(block, "sum2"), y, x);
}

static int is_safmn(const FgImport *im)
{
    return fg_im_find(im, "to_feat.weight") &&
           (fg_im_find(im, "feats.0.safm.mfr.3.weight") ||
            fg_im_find(im, "blocks.0.safm.mfr.3.weight"));
}

static void build_safmn(FgImport *im)
{
    char block[32];
    int c;
    const int in = input_of(im, "to_feat.weight", &c);
    const int deep = fg_im_find(im, "blocks.0.safm.mfr.3.weight") != NULL;
    const char *const list = deep ? "blocks" : "feats";
    const int head = fg_im_conv(im, "to_feat", in, 1, -1);
    const int nb = fg_family_count(im, list);
    int x = head;
    for (int i = 0; i < nb; i++) {
        snprintf(block, sizeof(block), "%s.%d", list, i);
        x = safmn_block(im, block, x, deep);
    }
    x = fg_im_add2(im, "sum", x, head);
    x = fg_family_tail(im, deep ? "upsampler.0" : "to_img.0", x, c);
    const int r = im->rc >= 0 ? im->shapes[x].w / im->ref_w : 1;
    if (deep)
        fg_im_add2(im, "picture", x,
                   fg_im_resize(im, "enlarged", in, r, FG_RESIZE_BILINEAR));
}

const FgFamilyReader fg_family_safmn = {
    .about = {.name = "safmn",
              .title = "SAFMN",
              .example = "SAFMN and its 2x and 4x models, NTIRE 2026's team 21",
              .limits = "pictures are widened to sides that 8 divides; team "
                        "21's sees the whole picture, so that no tiles save "
                        "memory"},
    .is = is_safmn,
    .build = build_safmn};

/* ---- SAFMN++ and FRnet: one smaller map ---- */

/* FRnet's training form: a 1x1 and a 3x3 in a row beside the 3x3. */
static int projection(FgImport *im, const char *key, int x)
{
    const int y = fg_im_conv_any(im, fg_part(key, "proj"), x);
    if (!fg_im_find(im, "%s.conv5_proj.weight", key))
        return y;
    int z = fg_im_conv(im, fg_part(key, "conv5_proj"), x, 1, -1);
    z = fg_im_conv(im, fg_part(key, "conv6_proj"), z, 1, -1);
    return fg_im_add2(im, fg_part(key, "proj.sum"), y, z);
}

static int simple_safm(FgImport *im, const char *key, int x, int side)
{
    char name[FG_NAME_LEN];
    const FgParam *w = fg_im_find(im, "%s.dwconv.weight", key);
    const int part_c = w ? w->dims[0] : 1;
    x = projection(im, key, x);
    const int c = im->rc >= 0 ? im->channels[x] : part_c + 1;
    const int a = fg_im_slice(im, fg_part(key, "first"), x, 0, part_c);
    const int b = fg_im_slice(im, fg_part(key, "rest"), x, part_c, c - part_c);
    int y = fg_im_conv(im, fg_part(key, "dwconv"), smaller(im, key, a, side), 1,
                       -1);
    y = fg_im_resize(im, fg_part(key, "size"), y, side, FG_RESIZE_BILINEAR);
    y = fg_im_mul2(im, fg_part(key, "gated"), gelu(im, key, y), a);
    y = fg_im_cat(im, fg_part(key, "out.in"), 2, (const int[]){b, y});
    snprintf(name, sizeof(name), "%.80s.out", key);
    return fg_im_conv_any(im, name, gelu(im, name, y));
}

static int simple_block(FgImport *im, int i, int x, int side)
{
    char key[FG_NAME_LEN];
    snprintf(key, sizeof(key), "feats.%d.conv1", i);
    int y = simple_safm(im, key, x, side);
    snprintf(key, sizeof(key), "feats.%d.conv2.conv1", i);
    y = gelu(im, key, fg_im_conv_any(im, key, y));
    snprintf(key, sizeof(key), "feats.%d.conv2.conv2", i);
    y = fg_im_conv_any(im, key, y);
    snprintf(key, sizeof(key), "feats.%d.sum", i);
    return fg_im_add2(im, key, y, x);
}

static int is_simple(const FgImport *im)
{
    return fg_im_find(im, "feats.0.conv1.dwconv.weight") &&
           fg_im_find(im, "feats.0.conv2.conv1%s",
                      fg_im_find(im, "to_feat.weight") ? ".weight"
                                                       : ".eval_conv.weight") &&
           (fg_im_find(im, "feats.0.conv1.proj.weight") ||
            fg_im_find(im, "feats.0.conv1.proj.eval_conv.weight"));
}

static void build_simple(FgImport *im)
{
    int c;
    const int merged = fg_im_find(im, "to_feat.eval_conv.weight") != NULL;
    const int in = input_of(
        im, merged ? "to_feat.eval_conv.weight" : "to_feat.weight", &c);
    const int side = fg_im_find(im, "feats.0.conv1.conv5_proj.weight") ? 16 : 8;
    const int nb = fg_family_count(im, "feats");
    int x = fg_im_conv_any(im, "to_feat", in);
    for (int i = 0; i < nb; i++)
        x = simple_block(im, i, x, side);
    x = fg_family_tail(im, "to_img.0", x, c);
    const int r = im->rc >= 0 ? im->shapes[x].w / im->ref_w : 1;
    fg_im_add2(im, "picture", x,
               fg_im_resize(im, "enlarged", in, r, FG_RESIZE_BILINEAR));
}

const FgFamilyReader fg_family_safmnpp = {
    .about = {.name = "safmnpp",
              .title = "SAFMN++, FRnet, ExpandRepNet",
              .example = "NTIRE 2024's team 23, 2025's teams 08 and 39",
              .limits = "pictures are widened to sides that 8 (FRnet: 16) "
                        "divides"},
    .is = is_simple,
    .build = build_simple};
