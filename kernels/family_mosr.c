/* ffgan: MoSR: blocks of a norm over channels, a wide convolution in three
 * parts (gate, past, through a depthwise kernel), Mish, and one back.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "families.h"

enum {
    TAIL = 6,
    GROUPS = 4,
    TURNS = 8
}; /* layers that are no blocks; of
      DySample; GPS's copies */

static int conv(FgImport *im, const char *group, int i, const char *rest, int x)
{
    char key[FG_NAME_LEN];
    snprintf(key, sizeof(key), "%s.%d%s", group, i, rest);
    return fg_im_conv(im, key, x, 1, -1);
}

static int mish(FgImport *im, const char *group, int i, const char *rest, int x)
{
    char key[FG_NAME_LEN];
    snprintf(key, sizeof(key), "%s.%d%s", group, i, rest);
    return fg_im_act(im, "mish", key, x, 0);
}

static int norm(FgImport *im, int i, int x)
{
    char key[FG_NAME_LEN], name[FG_NAME_LEN + 8];
    snprintf(key, sizeof(key), "gblocks.%d.norm", i);
    for (int k = 0; k < 2; k++) {
        snprintf(name, sizeof(name), "%s.%s", key, k ? "bias" : "weight");
        const FgParam *p = fg_im_need(im, name);
        if (p && p->nb_dims == 1)
            fg_im_param(im, name, 1, p->dims, p->data);
    }
    return fg_im_op(im, "layer_norm", key, x, -1, (FgAttr){.eps = 1e-6f});
}

/* a + b - 1/2 */
static int joined(FgImport *im, const char *name, int a, int b)
{
    char key[FG_NAME_LEN];
    snprintf(key, sizeof(key), "%s.sum", name);
    const int sum = fg_im_add2(im, key, a, b);
    snprintf(key, sizeof(key), "%s.order", name);
    return fg_im_offset(im, key, sum, -0.5, NULL);
}

static int block(FgImport *im, int i, int skip)
{
    char key[FG_NAME_LEN];
    const FgParam *deep = fg_im_find(im, "gblocks.%d.conv.weight", i);
    int x = conv(im, "gblocks", i, ".fc1", norm(im, i, skip));
    if (im->rc < 0 || im->nb_missing || !deep)
        return conv(im, "gblocks", i, ".conv", x);
    const int hidden = im->channels[x] / 2, c = deep->dims[0];
    if (c > hidden || im->channels[x] % 2) {
        fg_im_fail(im, -EBADMSG,
                   "'gblocks.%d.conv' has %d channels, expected at most half "
                   "of the %d of fc1",
                   i, c, im->channels[x]);
        return 0;
    }
    snprintf(key, sizeof(key), "gblocks.%d.gate", i);
    const int gate = mish(im, "gblocks", i, ".act1",
                          fg_im_slice(im, key, x, 0, hidden));
    snprintf(key, sizeof(key), "gblocks.%d.deep", i);
    int y = conv(im, "gblocks", i, ".conv",
                 fg_im_slice(im, key, x, 2 * hidden - c, c));
    snprintf(key, sizeof(key), "gblocks.%d.past", i);
    if (c < hidden)
        x = fg_im_slice(im, key, x, hidden, hidden - c);
    snprintf(key, sizeof(key), "gblocks.%d.cat", i);
    if (c < hidden)
        y = fg_im_cat(im, key, 2, (const int[]){x, y});
    snprintf(key, sizeof(key), "gblocks.%d.mul", i);
    y = conv(im, "gblocks", i, ".fc2", fg_im_mul2(im, key, gate, y));
    snprintf(key, sizeof(key), "gblocks.%d", i);
    return joined(im, key, mish(im, "gblocks", i, ".act2", y), skip);
}

static int shortcut(FgImport *im, int in)
{
    int x = in;
    for (int i = 0; i < 4; i += 2)
        x = mish(im, "shortcut.block", i + 1, "",
                 conv(im, "shortcut.block", i, "", x));
    return fg_im_add2(im, "shortcut", x,
                      fg_im_conv(im, "shortcut.conv11", in, 1, 0));
}

/* The mean of eight pictures that one convolution makes. */
static int mean(FgImport *im, int x)
{
    const int all = im->rc < 0 ? 0 : im->channels[x], nb = all / TURNS;
    float *w = nb ? calloc((size_t)all * (size_t)nb, sizeof(*w)) : NULL;
    if (!w)
        return fg_im_fail(im, -ENOMEM, "out of memory");
    for (int i = 0; i < nb * TURNS; i++)
        w[(size_t)(i % nb) * (size_t)all + (size_t)i] = 1.0f / TURNS;
    x = fg_im_kernel(
        im, "upsampler.mean.order", x,
        &(FgImKernel){.oc = nb, .k = 1, .groups = 1, .stride = 1, .w = w});
    free(w);
    return x;
}

static void enlarge(FgImport *im, int x, int c)
{
    const FgParam *dys = fg_im_find(im, "upsampler.offset.weight");
    const FgParam *gps = fg_im_find(im, "upsampler.in_to_k.weight");
    const char *key = gps ? "upsampler.in_to_k" : "upsampler.0";
    const FgParam *up = fg_im_find(im, "%s.weight", key);
    if (dys) {
        const int r = fg_family_factor(im, dys->name, dys->dims[0] * c,
                                       2 * GROUPS * c);
        fg_im_dysample(im, "upsampler", x, r);
        return;
    }
    x = fg_im_conv(im, key, x, 1, -1);
    const int r = up ? fg_family_factor(im, up->name,
                                        up->dims[0] / (gps ? TURNS : 1), c)
                     : 0;
    if (gps && !im->nb_missing)
        x = mean(im, x);
    if (r > 1)
        fg_im_shuffle(im, "upsampler", x, r);
}

static void build(FgImport *im)
{
    const int nb = fg_family_count(im, "gblocks") - TAIL;
    const FgParam *first = fg_im_find(im, "gblocks.0.weight");
    const int c = first->nb_dims == 4 ? first->dims[1] : 3;
    const int in = fg_im_input(im, c);
    int x = conv(im, "gblocks", 0, "", in);
    for (int i = 1; i <= nb; i++)
        x = block(im, i, x);
    for (int i = nb + 1; i < nb + TAIL; i += 2) {
        x = conv(im, "gblocks", i, "", x);
        if (i < nb + TAIL - 1)
            x = mish(im, "gblocks", i + 1, "", x);
    }
    enlarge(im, joined(im, "output", x, shortcut(im, in)), c);
}

const FgFamilyReader fg_family_mosr = {
    .about = {.name = "mosr",
              .title = "MoSR",
              .example = "2x and 4x MoSR models of OpenModelDB",
              .limits = "",
              .keys = {"gblocks.0.weight", "gblocks.1.fc1.weight",
                       "shortcut.conv11.weight"}},
    .build = build};
