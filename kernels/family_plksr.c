/* ffgan: PLKSR and RealPLKSR: blocks of a channel mixer, one large kernel over
 * the first channels, a sigmoid gate, a 1x1, and (RealPLKSR) a norm; plus the
 * input enlarged. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "families.h"

/* What every block of a file has alike. */
typedef struct Kind {
    const char *mixer; /* PLKSR's files spell it so */
    const char *act;
    int large; /* channels of the large kernel */
    int gate, group_norm, layer_norm;
} Kind;

static int find_kind(const FgImport *im, Kind *k)
{
    const FgParam *lk = fg_im_find(im, "feats.1.lk.conv.weight");
    const int real = fg_im_find(im, "feats.1.channel_mixer.0.weight") != NULL;
    if (!lk || lk->nb_dims != 4)
        return 0;
    k->mixer = real ? "channel_mixer" : "channe_mixer";
    k->act = real ? "mish" : "gelu";
    k->large = lk->dims[0];
    k->gate = fg_im_find(im, "feats.1.attn.f.0.weight") != NULL;
    k->group_norm = fg_im_find(im, "feats.1.norm.weight") != NULL;
    k->layer_norm = fg_im_find(im, "feats.1.layer_norm.weight") != NULL;
    return fg_im_find(im, "feats.1.%s.0.weight", k->mixer) != NULL;
}

static int is_plksr(const FgImport *im)
{
    Kind k;
    return find_kind(im, &k) && fg_im_find(im, "feats.1.refine.weight") &&
           fg_im_find(im, "feats.0.weight");
}

/* A norm over all channels (groups 0) or over groups of them. */
static int norm(FgImport *im, const char *key, int x, int groups, float eps)
{
    char name[FG_NAME_LEN];
    if (im->rc < 0)
        return 0;
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "%.80s.%s", key, i ? "bias" : "weight");
        const FgParam *p = fg_im_need(im, name);
        if (p && p->nb_dims == 1)
            fg_im_param(im, name, 1, p->dims, p->data);
    }
    return fg_im_op(im, groups ? "group_norm" : "layer_norm", key, x, -1,
                    (FgAttr){.groups = groups, .eps = eps});
}

static int mixer(FgImport *im, const Kind *k, int i, int x)
{
    char key[FG_NAME_LEN];
    snprintf(key, sizeof(key), "feats.%d.%s.0", i, k->mixer);
    x = fg_im_conv(im, key, x, 1, -1);
    snprintf(key, sizeof(key), "feats.%d.%s.1", i, k->mixer);
    x = fg_im_act(im, k->act, key, x, 0);
    snprintf(key, sizeof(key), "feats.%d.%s.2", i, k->mixer);
    return fg_im_conv(im, key, x, 1, -1);
}

/* The first channels through the large kernel, the others past it. */
static int large(FgImport *im, const Kind *k, int i, int x)
{
    char key[FG_NAME_LEN];
    if (im->rc < 0)
        return 0;
    const int c = im->channels[x];
    snprintf(key, sizeof(key), "feats.%d.lk.first", i);
    int y = c > k->large ? fg_im_slice(im, key, x, 0, k->large) : x;
    snprintf(key, sizeof(key), "feats.%d.lk.conv", i);
    y = fg_im_conv(im, key, y, 1, -1);
    if (c <= k->large)
        return y;
    snprintf(key, sizeof(key), "feats.%d.lk.rest", i);
    const int rest = fg_im_slice(im, key, x, k->large, c - k->large);
    snprintf(key, sizeof(key), "feats.%d.lk", i);
    return fg_im_cat(im, key, 2, (const int[]){y, rest});
}

static int gate(FgImport *im, int i, int x)
{
    char key[FG_NAME_LEN];
    snprintf(key, sizeof(key), "feats.%d.attn.f.0", i);
    int y = fg_im_conv(im, key, x, 1, -1);
    snprintf(key, sizeof(key), "feats.%d.attn.f.1", i);
    y = fg_im_act(im, "sigmoid", key, y, 0);
    snprintf(key, sizeof(key), "feats.%d.attn", i);
    return fg_im_mul2(im, key, x, y);
}

static int block(FgImport *im, const Kind *k, int i, int skip)
{
    char key[FG_NAME_LEN];
    int x = skip;
    snprintf(key, sizeof(key), "feats.%d.layer_norm", i);
    if (k->layer_norm)
        x = norm(im, key, x, 0, 1e-6f);
    x = large(im, k, i, mixer(im, k, i, x));
    if (k->gate)
        x = gate(im, i, x);
    snprintf(key, sizeof(key), "feats.%d.refine", i);
    x = fg_im_conv(im, key, x, 1, -1);
    snprintf(key, sizeof(key), "feats.%d.norm", i);
    if (k->group_norm)
        x = norm(im, key, x, 4, 1e-5f);
    snprintf(key, sizeof(key), "feats.%d.sum", i);
    return fg_im_add2(im, key, x, skip);
}

/* The picture's channels as many times as the shuffle wants. */
static int repeated(FgImport *im, int in, int r)
{
    int from[16 * 16 * 4];
    const int area = r * r, c = im->rc < 0 ? 0 : im->channels[in];
    for (int i = 0; i < c * area && c <= 4; i++)
        from[i] = i / area;
    return c < 1 || c > 4 || r > 16
               ? 0
               : fg_im_pick(im, "repeat.order", in, c * area, from);
}

static void build(FgImport *im)
{
    Kind k;
    char key[FG_NAME_LEN];
    const int last = fg_family_count(im, "feats") - 1;
    const FgParam *first = fg_im_find(im, "feats.0.weight");
    const FgParam *tail = fg_im_find(im, "feats.%d.weight", last);
    if (!find_kind(im, &k) || !tail || tail->nb_dims != 4 ||
        first->nb_dims != 4) {
        snprintf(key, sizeof(key), "feats.%d.weight", last);
        fg_im_need(im, key);
        return;
    }
    const int c = first->dims[1];
    const int r = fg_family_factor(im, tail->name, tail->dims[0], c);
    const int in = fg_im_input(im, c);
    int x = fg_im_conv(im, "feats.0", in, 1, -1);
    /* RealPLKSR counts a dropout, which is nothing here, before the last. */
    for (int i = 1; i < last; i++)
        if (fg_im_find(im, "feats.%d.refine.weight", i))
            x = block(im, &k, i, x);
    snprintf(key, sizeof(key), "feats.%d", last);
    x = fg_im_conv(im, key, x, 1, -1);
    if (fg_im_find(im, "to_img.offset.weight")) {
        x = fg_im_add2(im, "sum", x, repeated(im, in, r));
        fg_im_dysample(im, "to_img", x, r);
        return;
    }
    if (r > 1)
        x = fg_im_shuffle(im, "to_img", x, r);
    fg_im_add2(im, "output", x,
               r > 1 ? fg_im_resize(im, "base", in, r, FG_RESIZE_NEAREST) : in);
}

const FgFamilyReader fg_family_plksr = {
    .about = {.name = "plksr",
              .title = "PLKSR, RealPLKSR",
              .example = "4x RealPLKSR models of OpenModelDB",
              .limits = "with pixel shuffle or DySample, not the sparse "
                        "kernels; the norm's groups are taken to be 4; its "
                        "norm sees the whole "
                        "picture, so that no tiles save memory",
              .keys = {"feats.0.weight", "feats.1.lk.conv.weight",
                       "feats.1.refine.weight"}},
    .is = is_plksr,
    .build = build};
