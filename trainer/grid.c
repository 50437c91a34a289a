/* Grids of pictures. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/gan.h"

enum { GAP = 2 };

static int make(FgPicture *p, int w, int h)
{
    *p = (FgPicture){w, h, calloc((size_t)w * (size_t)h, 3)};
    return p->rgb ? 0 : -ENOMEM;
}

static uint8_t to_byte(double v)
{
    v = v * 255 + 0.5;
    return v > 0 ? v < 255 ? (uint8_t)v : 255 : 0; /* NaN becomes 0 */
}

int fg_picture_grid(FgPicture *out, const FgTensor *t, int nb, int cols,
                    double lo, double hi)
{
    const FgShape s = t->shape;
    const int rows = (nb + cols - 1) / cols;
    const int ret = make(out, cols * (s.w + GAP) - GAP,
                         rows * (s.h + GAP) - GAP);

    for (int i = 0; i < nb && i < s.n && !ret; i++)
        for (int y = 0; y < s.h; y++) {
            const size_t at = (size_t)(i / cols * (s.h + GAP) + y) *
                                  (size_t)out->w +
                              (size_t)(i % cols * (s.w + GAP));

            for (int x = 0; x < s.w; x++)
                for (int c = 0; c < 3; c++)
                    out->rgb[(at + (size_t)x) * 3 + (size_t)c] = to_byte(
                        (fg_f32(t, i, y, x)[c % s.c] - lo) / (hi - lo));
        }
    return ret;
}

int fg_picture_beside(FgPicture *out, const FgPicture *a, const FgPicture *b)
{
    const int gap = 4 * GAP;
    const int ret = make(out, a->w + gap + b->w, a->h > b->h ? a->h : b->h);
    const FgPicture *const all[2] = {a, b};

    for (int i = 0; i < 2 && !ret; i++)
        for (int y = 0; y < all[i]->h; y++)
            memcpy(out->rgb + 3 * ((size_t)y * (size_t)out->w +
                                   (size_t)(i ? a->w + gap : 0)),
                   all[i]->rgb + 3 * (size_t)y * (size_t)all[i]->w,
                   3 * (size_t)all[i]->w);
    return ret;
}
