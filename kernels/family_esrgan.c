/* ffgan: ESRGAN's RRDBNet: residual-in-residual dense blocks, then nearest
 * enlargement and convolutions; optionally on a pixel-unshuffled input. Read
 * under three namings: old (model.1.sub.0.RDB1.conv1.0), that of the first
 * rewrite (RRDB_trunk.0.RDB1.conv1), and Real-ESRGAN's (body.0.rdb1.conv1).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "families.h"

#define SLOPE 0.2f
#define RESIDUAL 0.2

typedef struct Naming {
    const char *mark;  /* a tensor that only this naming has */
    const char *block; /* prefix of the blocks' numbers */
    const char *conv;  /* block prefix, number, RDB 1..3, conv 1..5 */
    const char *first, *trunk;
    const char *up; /* %d from 1 on; NULL: numbered layers */
    const char *hr, *last;
} Naming;

static const Naming namings[] = {
    {"body.0.rdb1.conv1.weight", "body", "%s.%d.rdb%d.conv%d", "conv_first",
     "conv_body", "conv_up%d", "conv_hr", "conv_last"},
    {"RRDB_trunk.0.RDB1.conv1.weight", "RRDB_trunk", "%s.%d.RDB%d.conv%d",
     "conv_first", "trunk_conv", "upconv%d", "HRconv", "conv_last"},
    {"model.1.sub.0.RDB1.conv1.0.weight", "model.1.sub", "%s.%d.RDB%d.conv%d.0",
     "model.0", NULL, NULL, NULL, NULL},
};

static const Naming *naming_of(const FgImport *im)
{
    for (size_t i = 0; i < sizeof(namings) / sizeof(*namings); i++)
        if (fg_im_find(im, "%s", namings[i].mark))
            return &namings[i];
    return NULL;
}

static int is_esrgan(const FgImport *im)
{
    return naming_of(im) != NULL;
}

static int leaky(FgImport *im, const char *of, int in)
{
    char name[128];
    snprintf(name, sizeof(name), "%.90s.act", of);
    return fg_im_act(im, "leaky_relu", name, in, SLOPE);
}

/* ESRGAN+ adds to the second value a 1x1 convolution of the first, and to the
 * fourth the second. */
static int plus(FgImport *im, const char *key, const char *from, int y, int x)
{
    char name[112];
    if (from)
        x = fg_im_conv(im, from, x, 1, 0);
    snprintf(name, sizeof(name), "%s.plus", key);
    return fg_im_add2(im, name, y, x);
}

static int dense_block(FgImport *im, const Naming *n, int block, int k, int x)
{
    int all[5] = {x}, nb = 1, y = x;
    char key[96], name[112], beside[96];
    snprintf(beside, sizeof(beside), "%s.%d.RDB%d.conv1x1", n->block, block, k);
    const int more = fg_im_find(im, "%s.weight", beside) != NULL;
    for (int i = 1; i <= 5; i++) {
        snprintf(key, sizeof(key), n->conv, n->block, block, k, i);
        if (nb > 1) {
            snprintf(name, sizeof(name), "%s.in", key);
            y = fg_im_cat(im, name, nb, all);
        }
        y = fg_im_conv(im, key, y, 1, -1);
        if (i == 5)
            break;
        y = leaky(im, key, y);
        if (more && i % 2 == 0)
            y = plus(im, key, i == 2 ? beside : NULL, y, i == 2 ? x : all[2]);
        all[nb++] = y;
    }
    snprintf(name, sizeof(name), "%s.scale", key);
    y = fg_im_scale(im, name, y, RESIDUAL);
    snprintf(name, sizeof(name), "%s.sum", key);
    return fg_im_add2(im, name, y, x);
}

static int block(FgImport *im, const Naming *n, int i, int x)
{
    char name[96];
    int y = x;
    for (int k = 1; k <= 3; k++)
        y = dense_block(im, n, i, k, y);
    snprintf(name, sizeof(name), "%s.%d.scale", n->block, i);
    y = fg_im_scale(im, name, y, RESIDUAL);
    snprintf(name, sizeof(name), "%s.%d.sum", n->block, i);
    return fg_im_add2(im, name, y, x);
}

static int enlarge(FgImport *im, const char *key, int x, int factor)
{
    char name[112];
    snprintf(name, sizeof(name), "%.90s.up", key);
    x = fg_im_resize(im, name, x, factor, FG_RESIZE_NEAREST);
    return leaky(im, key, fg_im_conv(im, key, x, 1, -1));
}

/* Real-ESRGAN always has two enlargements; the first rewrite has as many as
 * are named. */
static int tail_named(FgImport *im, const Naming *n, int x)
{
    char key[96];
    for (int i = 1; i <= 5; i++) {
        snprintf(key, sizeof(key), n->up, i);
        if (i > 1 && !fg_im_find(im, "%s.weight", key))
            break;
        x = enlarge(im, key, x, 2);
    }
    x = leaky(im, n->hr, fg_im_conv(im, n->hr, x, 1, -1));
    return fg_im_conv(im, n->last, x, 1, -1);
}

/* Numbered: 0 first, 1 blocks, (3, 6, ...) enlargements, then two more. One
 * enlargement may be by 2 or by 3, which no tensor tells: the file's name does,
 * as those of OpenModelDB begin with 3x. */
static int tail_numbered(FgImport *im, int x)
{
    char key[32];
    const int end = fg_family_count(im, "model") - 1;
    const int ups = (end - 4) / 3;
    for (int i = 1; i <= ups; i++) {
        snprintf(key, sizeof(key), "model.%d", 3 * i);
        x = enlarge(im, key, x,
                    ups == 1 && fg_im_named_scale(im->file) == 3 ? 3 : 2);
    }
    snprintf(key, sizeof(key), "model.%d", end - 2);
    x = leaky(im, key, fg_im_conv(im, key, x, 1, -1));
    snprintf(key, sizeof(key), "model.%d", end);
    return fg_im_conv(im, key, x, 1, -1);
}

static const FgParam *last_weight(const FgImport *im, const Naming *n)
{
    return n->last ? fg_im_find(im, "%s.weight", n->last)
                   : fg_im_find(im, "model.%d.weight",
                                fg_family_count(im, "model") - 1);
}

static void build(FgImport *im)
{
    const Naming *n = naming_of(im);
    const FgParam *first = fg_im_find(im, "%s.weight", n->first);
    const FgParam *last = last_weight(im, n);
    char trunk[96];
    int nb = fg_family_count(im, n->block);
    if (!first || !last || first->nb_dims != 4) {
        fg_im_need(im, first ? "conv_last.weight" : "conv_first.weight");
        return;
    }
    const int out = last->dims[0];
    const int r = fg_family_factor(im, first->name, first->dims[1], out);
    int x = fg_im_input(im, out);
    if (r > 1)
        x = fg_im_unshuffle(im, "unshuffle", x, r);
    const int head = fg_im_conv(im, n->first, x, 1, -1);
    /* Where layers are numbered, the last of the sequence is the trunk. */
    snprintf(trunk, sizeof(trunk), "%s", n->trunk ? n->trunk : n->block);
    if (!n->trunk)
        snprintf(trunk, sizeof(trunk), "%s.%d", n->block, --nb);
    x = head;
    for (int i = 0; i < nb; i++)
        x = block(im, n, i, x);
    x = fg_im_add2(im, "trunk", fg_im_conv(im, trunk, x, 1, -1), head);
    if (n->up)
        tail_named(im, n, x);
    else
        tail_numbered(im, x);
}

const FgFamilyReader fg_family_esrgan = {
    .about = {.name = "esrgan",
              .title = "ESRGAN (RRDBNet)",
              .example = "RealESRGAN_x4plus, RealESRGAN_x2plus, "
                         "RealESRGAN_x4plus_anime_6B, 4x-UltraSharp, ESRGAN+",
              .limits = "a 3x file (numbered layers) looks like a 2x one: its "
                        "name must begin with 3x",
              .keys = {"conv_first.weight", "body.0.rdb1.conv1.weight",
                       "conv_last.weight"}},
    .is = is_esrgan,
    .build = build};
