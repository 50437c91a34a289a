/* ffgan: importing: DySample, which enlarges by sampling where a convolution
 * says (Liu et al., Learning to Upsample by Learning to Sample, 2023).
 *
 * Every output pixel lies in one input pixel, at one of scale^2 phases. For a
 * phase, a group of channels is the input moved along a flow of the input's
 * size, which is what warp does; the phases are then shuffled.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "families.h"

#define MAX_GROUPS 8

typedef struct DySample {
    const char *key;
    int scale, groups, phases;
    int x, flow; /* flow: dx, dy of phase 0 group 0, phase 0 group 1, ... */
    int part[MAX_GROUPS];
} DySample;

static const char *part_name(char name[FG_NAME_LEN], const DySample *d,
                             const char *what, int t, int g)
{
    snprintf(name, FG_NAME_LEN, "%.40s.%s_%d_%d", d->key, what, t, g);
    return name;
}

/* offset(x) * sigmoid(scope(x)) / 2 + init_pos. */
static int offsets(FgImport *im, const DySample *d)
{
    char key[FG_NAME_LEN];
    snprintf(key, sizeof(key), "%.40s.init_pos", d->key);
    const FgParam *pos = fg_im_need(im, key);
    snprintf(key, sizeof(key), "%.40s.offset", d->key);
    const int a = fg_im_conv(im, key, d->x, 1, 0);
    snprintf(key, sizeof(key), "%.40s.scope", d->key);
    int b = fg_im_conv(im, key, d->x, 1, 0);
    if (im->rc < 0 || im->nb_missing)
        return 0;
    if (im->channels[a] != 2 * d->groups * d->phases ||
        im->channels[b] != im->channels[a] ||
        fg_param_count(pos) != (size_t)im->channels[a]) {
        fg_im_fail(im, -EBADMSG,
                   "%s: its offsets have %d, %d and %zu channels, expected %d",
                   d->key, im->channels[a], im->channels[b],
                   fg_param_count(pos), 2 * d->groups * d->phases);
        return 0;
    }
    snprintf(key, sizeof(key), "%.40s.gate", d->key);
    b = fg_im_act(im, "sigmoid", key, b, 0);
    snprintf(key, sizeof(key), "%.40s.gated", d->key);
    b = fg_im_mul2(im, key, a, b);
    snprintf(key, sizeof(key), "%.40s.half", d->key);
    b = fg_im_scale(im, key, b, 0.5);
    snprintf(key, sizeof(key), "%.40s.init_pos", d->key);
    return fg_im_offset(im, key, b, 0, pos->data);
}

/* From (axis, group, phase) to (phase, group, axis). */
static int ordered(FgImport *im, const DySample *d, int x)
{
    char name[FG_NAME_LEN];
    const int nb = 2 * d->groups * d->phases;
    int *from = im->rc < 0 || im->nb_missing
                    ? NULL
                    : malloc(sizeof(*from) * (size_t)nb);
    if (!from)
        return 0;
    for (int i = 0; i < nb; i++)
        from[i] = i % 2 * (nb / 2) + i / 2 % d->groups * d->phases +
                  i / 2 / d->groups;
    snprintf(name, sizeof(name), "%.40s.order", d->key);
    x = fg_im_pick(im, name, x, nb, from);
    free(from);
    return x;
}

static int phase(FgImport *im, const DySample *d, int t)
{
    char name[FG_NAME_LEN], key[FG_NAME_LEN];
    int moved[MAX_GROUPS], y;
    for (int g = 0; g < d->groups; g++) {
        const int flow = fg_im_slice(im, part_name(name, d, "flow", t, g),
                                     d->flow, 2 * (t * d->groups + g), 2);
        moved[g] = fg_im_op(im, "warp", part_name(name, d, "warp", t, g),
                            d->part[g], flow, (FgAttr){0});
    }
    y = d->groups > 1 ? fg_im_cat(im, part_name(name, d, "groups", t, 0),
                                  d->groups, moved)
                      : moved[0];
    snprintf(key, sizeof(key), "%.40s.end_conv", d->key);
    if (!fg_im_find(im, "%s.weight", key))
        return y;
    return t ? fg_im_conv_again(im, part_name(name, d, "end_conv", t, 0), key,
                                y)
             : fg_im_conv(im, key, y, 1, 0);
}

/* All phases next to one another, at most eight values at a time. */
static int joined(FgImport *im, const DySample *d)
{
    int all[FG_MAX_IN] = {0}, nb = 0, level = 0;
    char name[FG_NAME_LEN];
    for (int t = 0; t < d->phases; t++) {
        if (nb == FG_MAX_IN) {
            all[0] = fg_im_cat(im, part_name(name, d, "phases", level++, 0), nb,
                               all);
            nb = 1;
        }
        all[nb++] = phase(im, d, t);
    }
    return nb > 1
               ? fg_im_cat(im, part_name(name, d, "phases", level, 0), nb, all)
               : all[0];
}

/* From (phase, channel) to (channel, phase), and shuffled. */
static int shuffled(FgImport *im, const DySample *d, int x)
{
    char name[FG_NAME_LEN];
    const int nb = im->rc < 0 ? 0 : im->channels[x], c = nb / d->phases;
    int *from = nb ? malloc(sizeof(*from) * (size_t)nb) : NULL;
    if (!from || d->scale == 1) {
        free(from);
        return x;
    }
    for (int i = 0; i < nb; i++)
        from[i] = i % d->phases * c + i / d->phases;
    snprintf(name, sizeof(name), "%.40s.back.order", d->key);
    x = fg_im_pick(im, name, x, nb, from);
    free(from);
    return fg_im_shuffle(im, d->key, x, d->scale);
}

int fg_im_dysample(FgImport *im, const char *key, int x, int scale)
{
    const FgParam *offset = fg_im_find(im, "%s.offset.weight", key);
    DySample d = {.key = key, .scale = scale, .phases = scale * scale, .x = x};
    char name[FG_NAME_LEN];
    if (im->rc < 0 || !offset)
        return 0;
    const int c = im->channels[x];
    d.groups = offset->dims[0] / (2 * d.phases);
    if (scale > 8 || d.groups < 1 || d.groups > MAX_GROUPS || c % d.groups) {
        fg_im_fail(im, -ENOTSUP,
                   "%s: %d offsets for a scale of %d and %d channels, expected "
                   "twice the scale's square for each of 1 to 8 groups",
                   key, offset->dims[0], scale, c);
        return 0;
    }
    d.flow = ordered(im, &d, offsets(im, &d));
    for (int g = 0; g < d.groups; g++)
        d.part[g] = fg_im_slice(im, part_name(name, &d, "part", 0, g), x,
                                g * (c / d.groups), c / d.groups);
    return im->nb_missing ? 0 : shuffled(im, &d, joined(im, &d));
}
