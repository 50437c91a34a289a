/* ffgan: chroma around a network of RGB.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include "chroma_mix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"

static ptrdiff_t ring_row(const FgChromaMix *m)
{
    return ((ptrdiff_t)m->down[0].axis.dst * 2 + 15) & ~(ptrdiff_t)15;
}

static int init_axis(FgChromaMix *m, int k, FgSited s)
{
    int ret;

    if ((ret = fg_taps_init(&m->up[k], s.up, FG_BICUBIC)) < 0 ||
        (ret = fg_taps_init(&m->same[k], s.same, FG_BICUBIC)) < 0 ||
        (ret = fg_taps_init(&m->down[k], s.down, FG_BICUBIC)) < 0 ||
        (ret = fg_taps_init(&m->from[k], s.loss, FG_BICUBIC)) < 0)
        return ret;
    return fg_taps_join(&m->loss[k], &m->up[k], &m->from[k]);
}

int fg_chroma_mix_init(FgChromaMix *m, FgSited x, FgSited y, int ahead)
{
    int ret;

    memset(m, 0, sizeof(*m));
    if ((ret = init_axis(m, 0, x)) < 0 || (ret = init_axis(m, 1, y)) < 0)
        return ret;
    m->rows = ahead + m->down[1].nb;
    if (m->rows > m->down[1].axis.src) /* each has a place of its own */
        m->rows = m->down[1].axis.src;
    m->ring = aligned_alloc(64, sizeof(float) * (size_t)ring_row(m) *
                                    (size_t)m->rows);
    m->left = calloc((size_t)m->down[1].axis.dst, sizeof(*m->left));
    return m->ring && m->left ? 0 : -ENOMEM;
}

void fg_chroma_mix_phase(FgChromaMix *m, FgSited x, FgSited y)
{
    const FgSited s[2] = {x, y};

    for (int k = 0; k < 2; k++) {
        fg_taps_phase(&m->up[k], s[k].up.first);
        fg_taps_phase(&m->same[k], s[k].same.first);
        fg_taps_phase(&m->down[k], s[k].down.first);
        fg_taps_phase(&m->from[k], s[k].loss.first);
        fg_taps_join_again(&m->loss[k], &m->up[k], &m->from[k]);
    }
}

void fg_chroma_mix_free(FgChromaMix *m)
{
    for (int k = 0; k < 2; k++) {
        fg_taps_free(&m->up[k]);
        fg_taps_free(&m->same[k]);
        fg_taps_free(&m->down[k]);
        fg_taps_free(&m->from[k]);
        fg_taps_free(&m->loss[k]);
    }
    free(m->ring);
    free(m->left);
    memset(m, 0, sizeof(*m));
}

void fg_chroma_mix_start(FgChromaMix *m)
{
    for (int y = 0; y < m->down[1].axis.dst; y++)
        atomic_store_explicit(&m->left[y], m->down[1].nb, memory_order_relaxed);
}

/* ---- sums of rows ---- */

FG_CLONES
static void add_scaled(float *sum, const float *v, float by, int n)
{
    for (int i = 0; i < n; i++)
        sum[i] += by * v[i];
}

/* sum += row j of the source where destination row y of t reads it. */
static void add_source(const FgTaps *t, int y, int j, float *sum,
                       const float *v, int n)
{
    const int k = j - t->start[y];
    const float w = k < 0 || k >= t->nb ? 0 : t->w[(size_t)y * t->nb + k];

    if (w != 0)
        add_scaled(sum, v, w, n);
}

static void read_chroma(const FgChromaMix *m, int y, float *dst)
{
    for (int k = 0; k < 2; k++)
        fg_row_read(dst + k, 2, m->in, m->fmt, &m->fmt->comp[1 + k], y,
                    m->up[0].axis.src, m->code);
}

/* ---- to the luma grid ---- */

static ptrdiff_t longest(const FgChromaMix *m)
{
    const int a = m->up[0].axis.dst, b = m->down[0].axis.src;

    return a > b ? a : b;
}

void fg_chroma_mix_row(const FgChromaMix *m, int y, float *dst, float *work)
{
    const FgTaps *const t = &m->up[1];
    const int n = 2 * m->up[0].axis.src;
    float *const sum = work, *const row = work + 2 * longest(m);

    memset(sum, 0, sizeof(*sum) * (size_t)n);
    for (int j = t->start[y]; j < t->start[y] + t->nb; j++) {
        read_chroma(m, j, row);
        add_source(t, y, j, sum, row, n);
    }
    fg_taps_across(&m->up[0], 2, dst, sum, 0, 1);
}

/* ---- back ---- */

static int min(int a, int b)
{
    return a < b ? a : b;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

/* What the frame's own chroma adds to output row y. */
static void add_lack(const FgChromaMix *m, int y, float *dst, float *work)
{
    const FgTaps *const s = &m->same[1], *const l = &m->loss[1];
    const int n = 2 * m->same[0].axis.src;
    const int end = max(s->start[y] + s->nb, l->start[y] + l->nb);
    float *const same = work, *const loss = work + 2 * longest(m);
    float *const row = loss + 2 * longest(m);

    memset(same, 0, sizeof(*same) * (size_t)n);
    memset(loss, 0, sizeof(*loss) * (size_t)n);
    for (int j = min(s->start[y], l->start[y]); j < end; j++) {
        read_chroma(m, j, row);
        add_source(s, y, j, same, row, n);
        add_source(l, y, j, loss, row, n);
    }
    fg_taps_across(&m->same[0], 2, dst, same, 1, 1);
    fg_taps_across(&m->loss[0], 2, dst, loss, 1, -1);
}

static float *ring(const FgChromaMix *m, int y)
{
    return m->ring + ring_row(m) * (y % m->rows);
}

static void finish(const FgChromaMix *m, int y, float *dst, float *work)
{
    const FgTaps *const t = &m->down[1];
    const int n = 2 * m->down[0].axis.dst;

    memset(dst, 0, sizeof(*dst) * (size_t)n);
    for (int j = t->start[y]; j < t->start[y] + t->nb; j++)
        add_source(t, y, j, dst, ring(m, j), n);
    add_lack(m, y, dst, work);
    for (int k = 0; k < 2; k++)
        fg_row_write(m->out, m->fmt, &m->fmt->comp[1 + k], y,
                     m->down[0].axis.dst, dst + k, 2, m->code);
}

void fg_chroma_mix_put(FgChromaMix *m, int y, const float *c, float *work)
{
    const FgPart p = fg_taps_readers(&m->down[1], y);

    fg_taps_across(&m->down[0], 2, ring(m, y), c, 0, 1);
    for (int i = p.from; i < p.to; i++)
        if (atomic_fetch_sub_explicit(&m->left[i], 1, memory_order_acq_rel) ==
            1)
            finish(m, i, work, work + 2 * longest(m));
}
