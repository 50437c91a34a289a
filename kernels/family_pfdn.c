/* ffgan: PFDN-Lite: attention of each channel's own map, a gate by the first
 * channel, convolutions of a part of the channels.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "families.h"

static int conv(FgImport *im, const char *block, const char *layer, int x)
{
    return fg_im_conv(im, fg_part(block, layer), x, 1, -1);
}

static int silu(FgImport *im, const char *block, const char *layer, int x)
{
    char key[FG_NAME_LEN];
    snprintf(key, sizeof(key), "%.60s.%s", block, layer);
    return fg_span_silu(im, key, fg_im_conv(im, key, x, 1, -1));
}

/* sigmoid(a smaller map, enlarged) * sigmoid(x's first channel) * x */
static int attention(FgImport *im, const char *block, int x)
{
    char key[FG_NAME_LEN];
    snprintf(key, sizeof(key), "%.60s.attn", block);
    int y = conv(im, key, "body.0", x);
    y = fg_im_op(im, "max_pool", fg_part(key, "pool"), y, -1,
                 (FgAttr){.kernel = 7, .stride = 3});
    y = fg_im_conv(im, fg_part(key, "body.2"), y, 2, 1);
    y = conv(im, key, "body.3", y);
    y = fg_im_act(im, "sigmoid", fg_part(key, "heat"), y, 0);
    y = fg_im_op(im, "resize_like", fg_part(key, "size"), y, x, (FgAttr){0});
    y = fg_im_mul2(im, fg_part(key, "mul"), y, x);
    int g = fg_im_slice(im, fg_part(key, "first"), x, 0, 1);
    g = fg_im_act(im, "sigmoid", fg_part(key, "gate"), g, 0);
    return fg_im_mul2(im, fg_part(key, "out"), y, g);
}

/* y's channels from those of x on behind x's. */
static int behind(FgImport *im, const char *block, int x, int y)
{
    if (im->rc < 0)
        return 0;
    const int first = im->channels[x], all = im->channels[y];
    const int rest = fg_im_slice(im, fg_part(block, "rest"), y, first,
                                 all - first);
    return fg_im_cat(im, fg_part(block, "conv3.in"), 2, (const int[]){x, rest});
}

/* With conv2 a convolution of all channels, then one of the first; without it
 * one that makes the first anew. */
static int pfdn_block(FgImport *im, const char *block, int in)
{
    const FgParam *two = fg_im_find(im, "%s.conv2.weight", block);
    const int x = attention(im, block, in);
    int y = silu(im, block, "conv1", x);
    if (two) {
        const int part = two->nb_dims == 4 ? two->dims[1] : 1;
        const int first = fg_im_slice(im, fg_part(block, "part"), y, 0, part);
        y = behind(im, block, silu(im, block, "conv2", first), y);
    } else {
        y = behind(im, block, y, x);
    }
    y = silu(im, block, "conv3", y);
    return fg_im_add2(im, fg_part(block, "sum"), y, x);
}

static void build_pfdn(FgImport *im)
{
    const FgParam *w = fg_im_need(im, "head.weight");
    const int c = w && w->nb_dims == 4 ? w->dims[1] : 3;
    const int in = fg_im_input(im, c);
    int x = fg_im_conv(im, "head", in, 1, -1);
    char name[32];
    for (int i = 1; fg_im_find(im, "block%d.conv1.weight", i); i++) {
        snprintf(name, sizeof(name), "block%d", i);
        x = pfdn_block(im, name, x);
    }
    x = fg_family_tail(im, "tail.0", x, c);
    const int r = im->rc >= 0 ? im->shapes[x].w / im->ref_w : 1;
    fg_im_add2(im, "picture", x,
               fg_im_resize(im, "enlarged", in, r, FG_RESIZE_NEAREST));
}

const FgFamilyReader fg_family_pfdn = {
    .about = {.name = "pfdn",
              .title = "PFDN-Lite",
              .example = "NTIRE 2024's team 01",
              .limits = "sees the whole picture, of at least 7x7, so that no "
                        "tiles save memory",
              .keys = {"block1.attn.body.0.weight", "block1.conv3.weight",
                       "tail.0.weight"}},
    .build = build_pfdn};
