/* ffgan: the end of a super-resolver, fused: pixel shuffle, the enlarged
 * input, and their sum, one output row at a time.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The arithmetic is that of the ops resize, pixel_shuffle and add, in their
 * order, so fusing changes no bit. */
#include <math.h>
#include <string.h>

#include "dsp.h"
#include "graph_priv.h"
#include "plan_priv.h"

#define EDGE 4 /* replicated pixels on each side of the filtered row */

/* ---- what it is ---- */

static double keys(double x)
{
    x = x < 0 ? -x : x;
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static void taps_init(FgTail *t, int mode)
{
    t->nb_taps = mode == FG_RESIZE_BICUBIC    ? 4
                 : mode == FG_RESIZE_BILINEAR ? 2
                                              : 1;
    for (int p = 0; p < t->base_factor; p++) {
        const double at = (p + 0.5) / t->base_factor - 0.5;
        const int low = at < 0 ? -1 : 0;
        t->first[p] = t->nb_taps == 4 ? low - 1 : t->nb_taps == 2 ? low : 0;
        for (int k = 0; k < t->nb_taps; k++) {
            const double d = at - (t->first[p] + k);
            const double tent = d < 0 ? 1 + d : 1 - d;
            t->w[p][k] = (float)(t->nb_taps == 4   ? keys(d)
                                 : t->nb_taps == 2 ? tent
                                                   : 1);
        }
    }
}

static int match_base(FgTail *t, const FgGraph *g, const int *alias, int i,
                      char *used)
{
    const FgNode *n = &g->nodes[i];
    if (!fg_node_is(n, "resize") || n->attr.factor > 64)
        return 0;
    t->base = alias[n->in[0]];
    t->base_factor = n->attr.factor;
    taps_init(t, n->attr.mode);
    used[i] = 1;
    return 1;
}

static int match_shuffle(FgTail *t, const FgGraph *g, const int *alias, int i,
                         char *used)
{
    const FgNode *n = &g->nodes[i];
    if (!fg_node_is(n, "pixel_shuffle"))
        return 0;
    t->shuffle = alias[n->in[0]];
    t->factor = n->attr.factor;
    used[i] = 1;
    return 1;
}

int fg_tail_match(FgTail *t, const FgGraph *g, const FgShape *shapes,
                  const int *alias, const int *users, char *used)
{
    const int last = alias[g->nb_nodes - 1];
    const FgNode *n = &g->nodes[last];
    memset(t, 0, sizeof(*t));
    t->shuffle = t->base = -1;
    if (match_shuffle(t, g, alias, last, used) ||
        match_base(t, g, alias, last, used))
        return 1;
    if (!fg_node_is(n, "add") || n->nb_in != 2)
        return 0;
    for (int k = 0; k < 2; k++) {
        const int a = alias[n->in[k]], b = alias[n->in[!k]];
        /* A sum may repeat its second operand; that is left to the op. */
        if (users[a] != 1 || users[b] != 1 || shapes[a].c != shapes[b].c ||
            shapes[a].w != shapes[b].w ||
            !fg_node_is(&g->nodes[a], "pixel_shuffle") ||
            !fg_node_is(&g->nodes[b], "resize") ||
            g->nodes[a].attr.factor != g->nodes[b].attr.factor ||
            !match_base(t, g, alias, b, used))
            continue;
        used[last] = 1;
        return match_shuffle(t, g, alias, a, used);
    }
    return 0;
}

/* ---- one row ---- */

static int clamp(int v, int hi)
{
    return v < 0 ? 0 : v > hi ? hi : v;
}

/* The columns x0 .. x1-1 of the base filtered down into tmp, which starts at
 * column x0. */
static void filter_columns(const FgTail *t, const FgTensor *in, float *tmp,
                           int y, int x0, int x1)
{
    const int c = in->shape.c, f = t->base_factor, p = y % f;
    const float *rows[4];
    for (int k = 0; k < 4; k++) {
        const int at = y / f + t->first[p] + (k < t->nb_taps ? k : 0);
        rows[k] = fg_f32(in, 0, clamp(at, in->shape.h - 1), x0);
    }
    if (in->pitch == c) {
        fg_dsp()->blend(tmp, rows, t->w[p], t->nb_taps, (x1 - x0) * c);
        return;
    }
    for (int x = x0; x < x1; x++, tmp += c) {
        fg_dsp()->blend(tmp, rows, t->w[p], t->nb_taps, c);
        for (int k = 0; k < 4; k++)
            rows[k] += in->pitch;
    }
}

/* Input columns [x0, x1) enlarged, each phase by itself: phase[p * n * c ..];
 * tmp is column x0 with EDGE pixels before and after it. */
static void filter_row(const FgTail *t, const float *tmp, int c, float *phase,
                       int n)
{
    const int f = t->base_factor;
    for (int p = 0; p < f; p++) {
        const float *const a = tmp + t->first[p] * c;
        const float *const at[4] = {a, a + c, a + 2 * c, a + 3 * c};
        fg_dsp()->blend(phase + (size_t)p * (size_t)n * (size_t)c, at, t->w[p],
                        t->nb_taps, n * c);
    }
}

/* tmp is column x0; copies edge pixels so that taps need no clamping. */
static void widen(float *tmp, int c, int before, int n, int after)
{
    for (int e = 1; e <= before; e++)
        memcpy(tmp - e * c, tmp, sizeof(*tmp) * (size_t)c);
    for (int e = 0; e < after; e++)
        memcpy(tmp + (n + e) * c, tmp + (n - 1) * c, sizeof(*tmp) * (size_t)c);
}

static void base_row(const FgTail *t, const FgTensor *in, int y, int x0, int x1,
                     float *tmp, float *phase)
{
    const int c = in->shape.c, w = in->shape.w;
    const int a = clamp(x0 - EDGE, w - 1), b = clamp(x1 + EDGE - 1, w - 1) + 1;
    float *const mid = tmp + EDGE * c; /* column x0 */
    float *const left = mid - (x0 - a) * c;
    filter_columns(t, in, left, y, a, b);
    widen(left, c, EDGE - (x0 - a), b - a, EDGE - (b - x1));
    filter_row(t, mid, c, phase, x1 - x0);
}

/* The base alone. */
static void weave(const float *phase, int f, int c, int n, float *out)
{
    for (int p = 0; p < f; p++)
        for (int x = 0; x < n; x++, phase += c)
            for (int k = 0; k < c; k++)
                out[(x * f + p) * c + k] = phase[k];
}

static size_t row_floats(int window_w, int factor, int channels)
{
    return ((size_t)(window_w + 2 * EDGE) * (size_t)(factor * channels) + 15) &
           ~(size_t)15;
}

size_t fg_tail_scratch(const FgTail *t, int window_w, int channels)
{
    const int f = t->factor > t->base_factor ? t->factor : t->base_factor;
    return sizeof(float) * (row_floats(window_w, 1, channels) +
                            2 * row_floats(window_w, f, channels));
}

const float *fg_tail_row(const FgTail *t, const FgTensor *value, int channels,
                         int y, int x0, int x1, float *dst, void *scratch)
{
    /* Tiles start and end on whole input pixels, pictures end there too. */
    const int f = t->base >= 0 ? t->base_factor : t->factor;
    const FgTensor *any = &value[t->base >= 0 ? t->base : t->shuffle];
    const int from = x0 / f, n = fg_ceil_div(x1, f) - from;
    float *const tmp = scratch;
    float *const row = tmp + row_floats(any->shape.w, 1, channels);
    float *const out = dst && x1 == (from + n) * f ? dst : row;
    float *const phase = row + row_floats(any->shape.w, f, channels);
    if (t->base >= 0)
        base_row(t, &value[t->base], y, from, from + n, tmp, phase);
    if (t->shuffle >= 0) {
        const FgTensor *in = &value[t->shuffle];
        const FgJoin j = {fg_f32(in, 0, y / f, from),
                          t->base >= 0 ? phase : NULL,
                          in->pitch,
                          out,
                          n,
                          y % f,
                          f,
                          channels,
                          t->packed};
        fg_dsp()->join(&j);
    } else {
        weave(phase, f, channels, n, out);
    }
    return out;
}
