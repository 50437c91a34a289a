/* ffgan: what a network must not see of a picture.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include "side.h"

#include "clones.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 64 /* values that are looked at together */

int fg_side_init(FgSide *s, FgAxis x, FgAxis y, int channels, int threads)
{
    int ret = fg_resize_init(&s->up, x, y, FG_BICUBIC, channels);

    if (ret < 0)
        return ret;
    s->channels = channels;
    s->by_rows = fg_resize_by_rows(&s->up);
    s->dirty = calloc((size_t)y.src, sizeof(*s->dirty));
    s->part = calloc((size_t)y.src, sizeof(*s->part));
    ret = fg_tensor_alloc(
        &s->v, (FgShape){1, channels, s->by_rows ? threads : y.src, x.src},
        FG_F32);
    return ret < 0 ? ret : s->dirty && s->part ? 0 : -ENOMEM;
}

void fg_side_free(FgSide *s)
{
    fg_tensor_free(&s->v);
    fg_resize_free(&s->up);
    free(s->dirty);
    free(s->part);
    memset(s, 0, sizeof(*s));
}

/* What is left of n values, and whether it is anything. */
static inline __attribute__((always_inline)) int
split_block(float *in, float *left, const float *v, int n, float share)
{
    int any = 0;

    for (int i = 0; i < n; i++) {
        float x = v[i] > 0 ? v[i] : 0;

        x = x < 1 ? x : 1;
        in[i] = x;
        left[i] = v[i] - share * x;
        any |= left[i] != 0;
    }
    return any;
}

/* Where the row has something: multiples of BLOCK, or n. */
FG_CLONES
static FgPart split(float *in, float *left, const float *v, int n, float share)
{
    FgPart p = {n, 0};
    int i = 0;

    for (; i + BLOCK <= n; i += BLOCK)
        if (split_block(in + i, left + i, v + i, BLOCK, share)) {
            p.from = i < p.from ? i : p.from;
            p.to = i + BLOCK;
        }
    if (split_block(in + i, left + i, v + i, n - i, share)) {
        p.from = i < p.from ? i : p.from;
        p.to = n;
    }
    return p;
}

void fg_side_split(FgSide *s, int y, float *in, const float *v, float share,
                   int worker)
{
    const int c = s->channels;
    float *const left = fg_f32(&s->v, 0, s->by_rows ? worker : y, 0);
    const FgPart p = split(in, left, v, s->v.shape.w * c, share);

    s->dirty[y] = p.to > p.from;
    if (s->by_rows && p.to > p.from)
        s->part[y] = fg_resize_take_part(
            &s->up, y, left, (FgPart){p.from / c, (p.to + c - 1) / c});
}

int fg_side_any(const FgSide *s)
{
    return memchr(s->dirty, 1, (size_t)s->up.y.axis.src) != NULL;
}

const float *fg_side_add(const FgSide *s, int y, float *dst, const float *net,
                         float share)
{
    const FgTaps *const t = &s->up.y;

    if (share == 1 && !memchr(s->dirty + t->start[y], 1, (size_t)t->nb))
        return net;
    if (dst != net)
        memcpy(dst, net,
               sizeof(*dst) * (size_t)s->up.x.axis.dst * (size_t)s->channels);
    fg_resize_add_row(&s->up, y, dst, share, s->part, s->dirty);
    return dst;
}

typedef struct All {
    const FgSide *s;
    FgView net;
    float share;
} All;

static void add_job(void *arg, int y, int worker)
{
    const All *const a = arg;
    float *const row = a->net.data + y * a->net.row;

    (void)worker;
    fg_side_add(a->s, y, row, row, a->share);
}

void fg_side_add_all(FgSide *s, FgView net, float share, FgExecutor *ex)
{
    const FgView v = {s->v.data, s->v.row};
    All a = {s, net, share};

    if (s->by_rows)
        fg_run(ex, add_job, &a, s->up.y.axis.dst);
    else
        fg_resize_run(&s->up, net, v, share, 1, s->dirty, ex);
}
