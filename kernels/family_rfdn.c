/* ffgan: RFDN and EFDN: blocks that keep a part of each layer's channels
 * (distillation; Liu et al., ECCVW 2020; Wang, CVPRW 2022), with ESA.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "families.h"

static int channels_of(FgImport *im, const char *name)
{
    const FgParam *w = fg_im_need(im, name);
    return w && w->nb_dims == 4 ? w->dims[1] : 3;
}

/* ---- RFDN ---- */

static int leaky(FgImport *im, const char *key, int in)
{
    char name[FG_NAME_LEN];
    snprintf(name, sizeof(name), "%.80s.act", key);
    return fg_im_act(im, "leaky_relu", name, in, 0.05f);
}

/* The last is attention without parameters where the file has no ESA. */
static int rfdn_block(FgImport *im, const char *block, int in)
{
    char key[FG_NAME_LEN];
    int kept[4], x = in;
    for (int i = 1; i <= 3; i++) {
        snprintf(key, sizeof(key), "%.60s.c%d_d", block, i);
        kept[i - 1] = leaky(im, key, fg_im_conv(im, key, x, 1, -1));
        snprintf(key, sizeof(key), "%.60s.c%d_r", block, i);
        const int y = fg_im_conv(im, key, x, 1, -1);
        x = leaky(im, key, fg_im_add2(im, fg_part(key, "sum"), y, x));
    }
    snprintf(key, sizeof(key), "%.60s.c4", block);
    kept[3] = leaky(im, key, fg_im_conv(im, key, x, 1, -1));
    x = fg_im_cat(im, fg_part(block, "c5.in"), 4, kept);
    x = fg_im_conv(im, fg_part(block, "c5"), x, 1, -1);
    if (!fg_im_find(im, "%s.esa.conv1.weight", block))
        return fg_span_gate(im, block, x, in);
    snprintf(key, sizeof(key), "%.60s.esa", block);
    return fg_im_esa(im, key, x);
}

static void build_rfdn(FgImport *im)
{
    char name[32];
    const int c = channels_of(im, "fea_conv.weight");
    const int head = fg_im_conv(im, "fea_conv", fg_family_input(im, c), 1, -1);
    int each[FG_MAX_IN], nb = 0, x = head;
    while (nb < FG_MAX_IN && fg_im_find(im, "B%d.c1_d.weight", nb + 1)) {
        snprintf(name, sizeof(name), "B%d", nb + 1);
        each[nb++] = x = rfdn_block(im, name, x);
    }
    x = fg_im_cat(im, "c.in", nb, each);
    x = leaky(im, "c.0", fg_im_conv(im, "c.0", x, 1, -1));
    x = fg_im_conv(im, "LR_conv", x, 1, -1);
    x = fg_family_tail(im, "upsampler.0", fg_im_add2(im, "sum", x, head), c);
    fg_family_output(im, x);
}

const FgFamilyReader fg_family_rfdn = {
    .about = {.name = "rfdn",
              .title = "RFDN",
              .example = "RFDN, NTIRE 2024's team 30, 2026's team 09",
              .limits = FG_LIMIT_RANGE "; " FG_LIMIT_WHOLE,
              .keys = {"fea_conv.weight", "B1.c1_d.weight", "B1.c1_r.weight"}},
    .build = build_rfdn,
    .variants = FG_VARIANT_BYTES};

/* ---- EFDN ---- */

static int layer(FgImport *im, const char *key, int x)
{
    x = fg_im_find(im, "%s.conv1x1.weight", key)
            ? fg_im_conv(im, fg_part(key, "conv1x1"), x, 1, -1)
            : fg_im_conv(im, fg_part(key, "rep_conv"), x, 1, -1);
    return fg_im_prelu(im, fg_part(key, "act"), x);
}

static int efdn_cell(FgImport *im, int i, int in)
{
    char cell[32], key[FG_NAME_LEN];
    int kept[4], x = in;
    snprintf(cell, sizeof(cell), "cells.%d", i);
    for (int k = 0; k < 4; k++) {
        if (k) {
            snprintf(key, sizeof(key), "%s.conv%d", cell, k);
            x = layer(im, key, x);
        }
        snprintf(key, sizeof(key), "%s.branch.%d", cell, k);
        kept[k] = fg_im_conv(im, key, x, 1, -1);
    }
    x = fg_im_cat(im, fg_part(cell, "fuse.in"), 4, kept);
    x = fg_im_conv(im, fg_part(cell, "fuse"), x, 1, -1);
    snprintf(key, sizeof(key), "%s.att", cell);
    return fg_im_add2(im, fg_part(cell, "sum"), fg_im_esa(im, key, x), in);
}

/* Joined with the cell before; the last with the second. */
static void build_efdn(FgImport *im)
{
    char name[32], join[40];
    const int c = channels_of(im, "head.weight");
    const int head = fg_im_conv(im, "head", fg_family_input(im, c), 1, -1);
    const int nb = fg_family_count(im, "cells");
    int x = head, before = 0;
    for (int i = 0; i < nb; i++) {
        const int out = efdn_cell(im, i, x);
        x = out;
        if (i) {
            snprintf(name, sizeof(name), "local_fuse.%d", i - 1);
            snprintf(join, sizeof(join), "%s.in", name);
            x = fg_im_cat(im, join, 2, (const int[]){before, out});
            x = fg_im_conv(im, name, x, 1, -1);
        }
        /* The fourth takes the second, not the third. */
        if (i < 2)
            before = out;
    }
    x = fg_family_tail(im, "tail.0", fg_im_add2(im, "sum", x, head), c);
    fg_family_output(im, x);
}

static int is_efdn(const FgImport *im)
{
    return fg_im_find(im, "cells.0.conv2.rep_conv.weight") &&
           fg_im_find(im, "cells.0.att.conv_max.weight") &&
           fg_im_find(im, "local_fuse.0.weight") &&
           fg_family_count(im, "cells") == 4;
}

const FgFamilyReader fg_family_efdn = {
    .about = {.name = "efdn",
              .title = "EFDN",
              .example = "EFDN, NTIRE 2025's baseline (team 00)",
              .limits =
                  "four cells, in the form for use (rep_conv); " FG_LIMIT_RANGE
                  "; " FG_LIMIT_WHOLE},
    .is = is_efdn,
    .build = build_efdn,
    .variants = FG_VARIANT_BYTES};
