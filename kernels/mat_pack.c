/* Tile products: which lines a tile reads, and the weights by tile.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dsp.h"

#define LINE 32 /* values of a row of a tile */
#define COLS 16
#define TILE_BYTES 1024
#define MOST_TILES (1 << 16)

int fg_mat_fits(const FgAttr *a)
{
    return a->groups <= 1 && a->kernel >= 1 && a->kernel <= 15 && a->pad >= 0 &&
           a->pad < a->kernel && a->stride >= 0 && a->stride <= 4;
}

static int floor_line(int v)
{
    return v >= 0 ? v / LINE : -((LINE - 1 - v) / LINE);
}

/* ---- geometry ---- */

/* The lines that columns c0 <= c < c1 of a unit read. */
static void lines_of(const FgMat *m, int c0, int c1, int *low, int *high)
{
    const int first = c0 / m->ocp, last = (c1 - 1) / m->ocp;
    const int ic = m->split ? 3 * m->ic : m->ic;

    *low = floor_line((first * m->stride - m->pad) * m->icp);
    *high = floor_line((last * m->stride + m->k - 1 - m->pad) * m->icp + ic -
                       1) +
            1;
}

static int end_of(const FgMat *m, int tile)
{
    return (tile + 1) * COLS < m->columns ? (tile + 1) * COLS : m->columns;
}

static void set_unit(FgMat *m, int icp, int unit)
{
    m->icp = icp;
    m->unit = unit;
    m->columns = unit * m->ocp;
    m->tiles = (m->columns + COLS - 1) / COLS;
}

/* Products for an output row's pixel, times 16. */
double fg_mat_products(const FgMat *m)
{
    int low, high, n = 0;

    for (int t = 0; t < m->tiles; t++) {
        lines_of(m, t * COLS, end_of(m, t), &low, &high);
        n += high - low;
    }
    return (double)(n * m->k) / m->unit;
}

static void try_pitch(FgMat *m, int icp, double *best, int *best_icp,
                      int *best_unit)
{
    for (int u = 1; u * m->stride <= FG_MAT_UNIT; u++) {
        if (u * m->stride * icp % LINE)
            continue;
        set_unit(m, icp, u);
        /* More pixels to a unit leave more of the last product unused. */
        const double cost = fg_mat_products(m) * (1 + 0.01 * u) + 0.05 * icp;

        if (m->tiles <= 64 && cost < *best) {
            *best = cost;
            *best_icp = icp;
            *best_unit = u;
        }
    }
}

/* Gathered pixels may be as wide as suits. */
static int choose(FgMat *m, int gather)
{
    const int n = m->split ? 3 * m->ic : m->ic;
    const int ic = gather ? (n + 1) & ~1 : fg_mat_pitch(n);
    const int most = gather && ic <= LINE ? 2 * ic + 2 : ic;
    double best = 1e30;
    int icp = 0, unit = 0;

    for (int i = ic; i <= most; i += 2)
        try_pitch(m, i, &best, &icp, &unit);
    if (!unit)
        return -EINVAL;
    set_unit(m, icp, unit);
    lines_of(m, 0, m->columns, &m->low, &m->high);
    return 0;
}

/* ---- the list of steps ---- */

typedef struct Pack {
    FgMatStep *step;
    int *end, *tile;
    int steps, tiles;
} Pack;

/* The steps of pair p that `tiles` of it read; step of *k may be NULL: they are
 * then only counted. */
static void list_steps(const FgMat *m, int p, int tiles, Pack *k)
{
    int low[2] = {1 << 20, 1 << 20}, high[2] = {-(1 << 20), -(1 << 20)};

    for (int i = 0; i < 2 && 2 * p + i < m->tiles; i++)
        lines_of(m, (2 * p + i) * COLS, end_of(m, 2 * p + i), &low[i],
                 &high[i]);
    for (int ky = 0; ky < m->k; ky++)
        for (int l = m->low; l < m->high; l++) {
            const int a = l >= low[0] && l < high[0];
            const int b = l >= low[1] && l < high[1];

            if ((a | 2 * b) != tiles)
                continue;
            if (k->step)
                k->step[k->steps] = (FgMatStep){(int16_t)ky, (int16_t)l,
                                                (int16_t)tiles};
            k->steps++;
            k->tiles += a + b;
        }
}

/* Loops without branches: those of both tiles, of the first, of the second. */
static void list_pair(const FgMat *m, int p, Pack *k)
{
    static const int kinds[3] = {3, 1, 2};

    for (int i = 0; i < 3; i++) {
        list_steps(m, p, kinds[i], k);
        if (k->end)
            k->end[3 * p + i] = k->steps;
    }
}

static void list_all(const FgMat *m, Pack *k)
{
    k->steps = k->tiles = 0;
    for (int p = 0; p < (m->tiles + 1) / 2; p++) {
        if (k->tile)
            k->tile[p] = k->tiles;
        list_pair(m, p, k);
    }
}

/* ---- weights ---- */

static float rounded(float v)
{
    FgDsp d;
    uint16_t b;
    uint32_t u;

    fg_dsp_init(&d, FG_CPU_C);
    d.f32_to_bf16(&b, &v, 1);
    u = (uint32_t)b << 16;
    memcpy(&v, &u, sizeof(v));
    return v;
}

/* Of input value e from the unit's first pixel (maybe before it) to column c,
 * kernel row ky. */
static float weight_at(const FgMat *m, const float *w, int ky, int e, int c)
{
    const int o = c % m->ocp, x = c / m->ocp * m->stride - m->pad;
    const int px = e >= 0 ? e / m->icp : -((m->icp - 1 - e) / m->icp);
    const int i = e - px * m->icp, kx = px - x;
    const int ic = m->split ? 3 * m->ic : m->ic;

    if (c >= m->columns || o >= m->oc || i >= ic || kx < 0 || kx >= m->k)
        return 0;
    const size_t at = ((size_t)o * (size_t)m->ic + (size_t)(i % m->ic)) *
                          (size_t)m->k +
                      (size_t)ky;
    const float v = w[at * (size_t)m->k + (size_t)kx];

    /* Halves: high x high, low x high, high x low. */
    return m->split && i >= 2 * m->ic ? v - rounded(v) : v;
}

static void put_tile(const FgMat *m, const float *w, FgMatStep s, int tile,
                     uint16_t *dst)
{
    FgDsp d;
    float v[2 * COLS];

    fg_dsp_init(&d, FG_CPU_C);
    for (int k = 0; k < LINE; k += 2, dst += 2 * COLS) {
        for (int c = 0; c < 2 * COLS; c++)
            v[c] = weight_at(m, w, s.ky, s.line * LINE + k + (c & 1),
                             tile * COLS + c / 2);
        d.f32_to_bf16(dst, v, 2 * COLS);
    }
}

static void put_weights(const FgMat *m, const float *w, char *dst)
{
    for (int p = 0, s = 0; p < (m->tiles + 1) / 2; p++)
        for (; s < m->end[3 * p + 2]; s++)
            for (int i = 0; i < 2; i++) {
                if (!(m->steps[s].tiles >> i & 1))
                    continue;
                put_tile(m, w, m->steps[s], 2 * p + i, (uint16_t *)dst);
                dst += TILE_BYTES;
            }
}

static void put_bias(const FgMat *m, const float *bias, float *dst)
{
    for (int c = 0; c < m->tiles * COLS; c++)
        dst[c] = bias && c < m->columns && c % m->ocp < m->oc ? bias[c % m->ocp]
                                                              : 0;
}

static size_t whole(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static size_t bytes_of(const FgMat *m, const Pack *k)
{
    const size_t pairs = (size_t)(m->tiles + 1) / 2;

    return (size_t)k->tiles * TILE_BYTES + (size_t)m->tiles * COLS * 4 +
           whole((size_t)k->steps * sizeof(FgMatStep)) +
           4 * whole(pairs * sizeof(int));
}

static int pack(FgMat *m, const float *weight, const float *bias)
{
    const size_t pairs = (size_t)(m->tiles + 1) / 2;
    Pack k = {0};

    list_all(m, &k);
    if (k.tiles > MOST_TILES)
        return -EINVAL;
    char *at = m->owned = aligned_alloc(64, bytes_of(m, &k));
    if (!at)
        return -ENOMEM;
    m->w = at;
    at += (size_t)k.tiles * TILE_BYTES;
    m->bias = (float *)at;
    at += (size_t)m->tiles * COLS * 4;
    m->end = k.end = (int *)at;
    at += 3 * whole(pairs * sizeof(int));
    m->tile = k.tile = (int *)at;
    at += whole(pairs * sizeof(int));
    m->steps = k.step = (FgMatStep *)at;
    list_all(m, &k);
    put_weights(m, weight, (char *)m->owned);
    put_bias(m, bias,
             (float *)((char *)m->owned + (size_t)k.tiles * TILE_BYTES));
    return 0;
}

int fg_mat_prep(FgMat *m, const FgAttr *attr, int channels_in,
                const float *weight, const float *bias, int gather, int f32)
{
    int rc = -EINVAL;

    *m = (FgMat){.ic = channels_in,
                 .oc = attr->channels,
                 .ocp = f32 ? attr->channels : fg_mat_pitch(attr->channels),
                 .split = gather && channels_in <= 4,
                 .k = attr->kernel,
                 .stride = attr->stride > 1 ? attr->stride : 1,
                 .pad = attr->pad,
                 .pad_mode = attr->pad_mode,
                 .f32 = f32};
    if (fg_mat_fits(attr) && channels_in >= 1 && channels_in <= 4096 &&
        attr->channels >= 1 && attr->channels <= 4096)
        rc = choose(m, gather);
    if (rc >= 0)
        rc = pack(m, weight, bias);
    if (rc < 0)
        *m = (FgMat){0};
    return rc;
}

void fg_mat_free(FgMat *m)
{
    if (!m)
        return;
    free(m->owned);
    *m = (FgMat){0};
}

size_t fg_mat_bytes(const FgMat *m)
{
    Pack k = {0};

    if (!m->owned)
        return 0;
    list_all(m, &k);
    return bytes_of(m, &k);
}
