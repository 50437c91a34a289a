/* ffgan: float planes with a border.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"

int fg_plane_alloc(FgPlane *p, int w, int h)
{
    *p = (FgPlane){0};
    if (w < 1 || h < 1 || w > 32768 || h > 32768)
        return -EINVAL;
    const size_t row = ((size_t)w + 2 * FG_BORDER + 15) & ~(size_t)15;
    const size_t n = row * ((size_t)h + 2 * FG_BORDER);
    float *m = aligned_alloc(64, n * sizeof(*m));
    if (!m)
        return -ENOMEM;
    memset(m, 0, n * sizeof(*m));
    *p = (FgPlane){m + FG_BORDER * row + FG_BORDER, m, w, h, (ptrdiff_t)row};
    return 0;
}

void fg_plane_free(FgPlane *p)
{
    free(p->owned);
    *p = (FgPlane){0};
}

void fg_plane_edges(FgPlane *p, int y)
{
    float *r = p->data + y * p->row;
    const size_t n = (size_t)p->w + 2 * FG_BORDER;
    for (int i = 1; i <= FG_BORDER; i++) {
        r[-i] = r[0];
        r[p->w - 1 + i] = r[p->w - 1];
    }
    r -= FG_BORDER;
    for (int i = 1; i <= FG_BORDER; i++) {
        if (y == 0)
            memcpy(r - i * p->row, r, n * sizeof(*r));
        if (y == p->h - 1)
            memcpy(r + i * p->row, r, n * sizeof(*r));
    }
}
