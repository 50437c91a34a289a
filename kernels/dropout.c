/* ffgan: in training each value is dropped with probability alpha, the others
 * are divided by 1 - alpha; else nothing happens (Srivastava et al., JMLR 15).
 * Which ones: a function of seed, step, the op's place and the element.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opkit.h"

#ifndef FG_REAL_DOUBLE
int fg_dropout_shape(const FgNode *n, const FgShape *in, FgShape *out,
                     FgError *err)
{
    *out = in[0];
    if (n->attr.alpha >= 0 && n->attr.alpha < 1)
        return 0;
    return fg_error(err, -EINVAL, "%s: alpha is %g, allowed 0..0.999", n->name,
                    n->attr.alpha);
}
#endif

typedef struct Dropout {
    const FgOpCall *c;
    const FgTensor *from;
    FgTensor *to;
    int add;
    uint32_t below; /* a word under it drops */
    fg_real scale;
} Dropout;

/* Four elements of the row share one draw. */
static void dropout_job(void *arg, int i, int worker)
{
    const Dropout *const d = arg;
    const FgOpCall *const c = d->c;
    const FgShape s = d->from->shape;
    const int n = i / s.h, y = i % s.h, nb = s.w * s.c;
    const uint32_t key[2] = {(uint32_t)c->seed, (uint32_t)(c->seed >> 32)};
    uint32_t r[4];
    (void)worker;
    for (int k = 0; k < nb; k++) {
        const fg_real v = fg_at(d->from, n, y, k / s.c)[k % s.c];
        fg_real *const o = fg_at(d->to, n, y, k / s.c) + k % s.c;
        const uint32_t at[4] = {(uint32_t)(k / 4), (uint32_t)i,
                                (uint32_t)c->step,
                                0x20000000u | ((uint32_t)c->place << 12) |
                                    ((uint32_t)(c->step >> 32) & 0xfff)};
        if (k % 4 == 0 && c->training)
            fg_philox(at, key, r);
        const fg_real kept = !c->training          ? v
                             : r[k % 4] < d->below ? 0
                                                   : v * d->scale;
        *o = d->add ? *o + kept : kept;
    }
}

static int dropout(const FgOpCall *c, const FgTensor *from, FgTensor *to,
                   int add)
{
    const double p = c->node->attr.alpha;
    Dropout d = {
        c, from, to, add, (uint32_t)(p * 4294967296.0), (fg_real)(1 / (1 - p))};
    fg_run(c->ex, dropout_job, &d, from->shape.n * from->shape.h);
    return 0;
}

int FG_REAL_NAME(fg_dropout_forward)(const FgOpCall *c)
{
    return dropout(c, c->in[0], c->out, 0);
}

int FG_REAL_NAME(fg_dropout_backward)(const FgOpCall *c)
{
    return c->din[0] ? dropout(c, c->dout, c->din[0], c->din_add[0]) : 0;
}
