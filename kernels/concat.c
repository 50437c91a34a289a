/* ffgan: joins inputs along the channels.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_concat_shape(const FgNode *n, const FgShape *in, FgShape *out,
                    FgError *err)
{
    *out = in[0];
    for (int k = 1; k < n->nb_in; k++) {
        FgShape s = in[k];
        s.c = in[0].c;
        if (!fg_same_shape(s, in[0]))
            return fg_error(err, -EINVAL,
                            "%s: input %d is %d images of %dx%d, the first "
                            "has %d of %dx%d",
                            n->name, k, s.n, s.w, s.h, in[0].n, in[0].w,
                            in[0].h);
        out->c += in[k].c;
    }
    return 0;
}
#endif

static void concat_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const FgShape s = c->out->shape;
    const int n = i / s.h, y = i % s.h;
    int at = 0;
    (void)worker;
    for (int k = 0; k < c->nb_in; k++) {
        const int nb = c->in[k]->shape.c;
        for (int x = 0; x < s.w; x++)
            memcpy(fg_at(c->out, n, y, x) + at, fg_at(c->in[k], n, y, x),
                   nb * sizeof(fg_real));
        at += nb;
    }
}

int FG_REAL_NAME(fg_concat_forward)(const FgOpCall *c)
{
    fg_rows(c, concat_job, c->out->shape);
    return 0;
}

static void concat_row_grad(const FgOpCall *c, int k, int at, int n, int y)
{
    const int nb = c->in[k]->shape.c;
    for (int x = 0; x < c->dout->shape.w; x++) {
        const fg_real *const dy = fg_at(c->dout, n, y, x) + at;
        fg_real *const dx = fg_at(c->din[k], n, y, x);
        for (int j = 0; j < nb; j++)
            dx[j] = (c->din_add[k] ? dx[j] : 0) + dy[j];
    }
}

static void concat_grad_job(void *arg, int i, int worker)
{
    const FgOpCall *const c = arg;
    const int h = c->dout->shape.h;
    int at = 0;
    (void)worker;
    for (int k = 0; k < c->nb_in; k++) {
        if (c->din[k])
            concat_row_grad(c, k, at, i / h, i % h);
        at += c->in[k]->shape.c;
    }
}

int FG_REAL_NAME(fg_concat_backward)(const FgOpCall *c)
{
    fg_rows(c, concat_grad_job, c->dout->shape);
    return 0;
}
