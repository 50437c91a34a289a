/* ffgan: some neighbouring channels of the input: `channels` of them from
 * `first` on. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_slice_shape(const FgNode *n, const FgShape *in, FgShape *out,
                   FgError *err)
{
    const int first = n->attr.first, nb = n->attr.channels;
    *out = in[0];
    out->c = nb;
    if (first >= 0 && nb >= 1 && nb <= in[0].c && first <= in[0].c - nb)
        return 0;
    return fg_error(err, -EINVAL,
                    "%s: %d channels from %d on, the input has %d", n->name, nb,
                    first, in[0].c);
}
#endif

static void slice_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->out->shape;
    const int n = i / s.h, y = i % s.h, first = c->node->attr.first;
    (void)worker;
    for (int x = 0; x < s.w; x++)
        memcpy(fg_at(c->out, n, y, x), fg_at(c->in[0], n, y, x) + first,
               s.c * sizeof(fg_real));
}

int FG_REAL_NAME(fg_slice_forward)(const FgOpCall *c)
{
    fg_rows(c, slice_job, c->out->shape);
    return 0;
}

static void slice_grad_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->din[0]->shape;
    const int n = i / s.h, y = i % s.h, first = c->node->attr.first;
    const int nb = c->node->attr.channels;
    (void)worker;
    for (int x = 0; x < s.w; x++) {
        const fg_real *const dy = fg_at(c->dout, n, y, x);
        fg_real *const dx = fg_at(c->din[0], n, y, x);
        if (!c->din_add[0])
            memset(dx, 0, s.c * sizeof(fg_real));
        for (int k = 0; k < nb; k++)
            dx[first + k] += dy[k];
    }
}

int FG_REAL_NAME(fg_slice_backward)(const FgOpCall *c)
{
    if (c->din[0])
        fg_rows(c, slice_grad_job, c->din[0]->shape);
    return 0;
}
