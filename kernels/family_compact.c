/* ffgan: SRVGGNetCompact (Real-ESRGAN's small networks): convolutions and
 * PReLUs in a row, a pixel shuffle, plus the input enlarged.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"

int fg_family_count(const FgImport *im, const char *prefix)
{
    const size_t n = strlen(prefix);
    int nb = 0;
    for (int i = 0; i < im->src.nb; i++) {
        const char *s = im->src.p[i].name;
        if (strncmp(s, prefix, n) != 0 || s[n] != '.')
            continue;
        char *end;
        const long k = strtol(s + n + 1, &end, 10);
        if (end > s + n + 1 && *end == '.' && k >= nb && k < FG_MAX_NODES)
            nb = (int)k + 1;
    }
    return nb;
}

int fg_family_factor(FgImport *im, const char *what, int oc, int c)
{
    for (int r = 1; r <= 16; r++)
        if (oc == c * r * r)
            return r;
    if (c == 1 || c == 3)
        fg_im_fail(im, -EBADMSG,
                   "%s has %d outputs, expected %d times a square of 1..16",
                   what, oc, c);
    else
        fg_im_fail(im, -ENOTSUP,
                   "it takes %d channels, expected 3 or 1 (and of %s, which "
                   "has %d outputs, as many times a square of 1..16)",
                   c, what, oc);
    return 0;
}

static int is_compact(const FgImport *im)
{
    const FgParam *a = fg_im_find(im, "body.0.weight");
    const FgParam *b = fg_im_find(im, "body.1.weight");
    return a && b && a->nb_dims == 4 && b->nb_dims == 1;
}

static void build(FgImport *im)
{
    char key[32];
    const int last = fg_family_count(im, "body") - 1;
    const FgParam *first = fg_im_find(im, "body.0.weight");
    const FgParam *tail = fg_im_find(im, "body.%d.weight", last);
    const int c = first->dims[1];
    const int in = fg_im_input(im, c);
    const int r = tail ? fg_family_factor(im, tail->name, tail->dims[0], c) : 0;
    int x = in;
    for (int i = 0; i <= last; i++) {
        snprintf(key, sizeof(key), "body.%d", i);
        x = i % 2 ? fg_im_prelu(im, key, x) : fg_im_conv(im, key, x, 1, -1);
    }
    if (last % 2)
        fg_im_fail(im, -EBADMSG, "its last layer, body.%d, is no convolution",
                   last);
    if (im->nb_missing || !r)
        return;
    if (r > 1)
        x = fg_im_shuffle(im, "upsampler", x, r);
    fg_im_add2(im, "output", x,
               r > 1 ? fg_im_resize(im, "base", in, r, FG_RESIZE_NEAREST) : in);
}

const FgFamilyReader fg_family_compact = {
    .about = {.name = "compact",
              .title = "SRVGGNetCompact",
              .example = "realesr-general-x4v3, realesr-animevideov3, "
                         "2x-compact models of OpenModelDB",
              .limits = "",
              .keys = {"body.0.weight", "body.1.weight"}},
    .is = is_compact,
    .build = build};
