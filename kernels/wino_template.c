/* Winograd's transforms, once for every instruction set.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The includer defines a vector of LANES floats, V, and
 *   vload(p) vload_n(p, n) vstore(p, v) vstore_n(p, v, n) vset(x)
 *   vadd vsub vmul vfma(a, b, c) = a*b+c  vfnma(a, b, c) = c-a*b
 *   vmax0(v) = larger of v and 0; vslope(v, s) = v < 0 ? v*s : v
 *   vabsmax(u, v) = larger of U and |v| as integers; uzero, U, ureduce(u)
 *   vint(p) = floats of LANES int32; vput16(p, v) = the low 16 bits of each
 *   vput16x2(p, v, w) = the same of two vectors
 * All use the same operations in the same order: the same bits. */
#include "kernels/wino.h"

#include <math.h>
#include <string.h>

#define INL static inline __attribute__((always_inline))
#define PA 0.70710678118654752f
#define PB 1.41421356237309505f
/* |B' d B| <= 26.3 max |d|: rows of B' have 1-norms of at most 3 + 3/sqrt2. */
#define MAX_V 32767.0f
#define GAIN 26.3f
#define TINY 1e-30f

/* One column of B': o = B' d. */
INL void in6(V *o, const V *d)
{
    const V k25 = vset(-2.5f), m2 = vset(-2.0f), mh = vset(-0.5f);
    const V a = vset(PA), b = vset(PB);
    const V e = vfma(d[2], m2, d[4]), q = vfma(d[1], m2, d[3]);
    const V f = vfma(d[2], mh, d[4]), r = vfma(d[1], mh, d[3]);

    o[0] = vadd(vfma(d[2], k25, d[4]), d[0]);
    o[1] = vfma(a, q, e);
    o[2] = vfnma(a, q, e);
    o[3] = vfma(b, r, f);
    o[4] = vfnma(b, r, f);
    o[5] = vadd(vfma(d[3], k25, d[5]), d[1]);
}

/* One column of A': o = A' m; the factor 2 of planes 3 and 4 is undone. */
INL void out4(V *o, const V *m)
{
    const V half = vset(0.5f), one = vset(1.0f), a = vset(PA);
    const V bh = vset(PB * 0.5f), a3 = vset(PA * 0.5f), b3 = vset(PB);
    const V s1 = vadd(m[1], m[2]), d1 = vsub(m[1], m[2]);
    const V s2 = vadd(m[3], m[4]), d2 = vsub(m[3], m[4]);

    o[0] = vfma(half, s2, vadd(m[0], s1));
    o[1] = vfma(bh, d2, vmul(a, d1));
    o[2] = vfma(one, s2, vmul(half, s1));
    o[3] = vfma(b3, d2, vfma(a3, d1, m[5]));
}

INL V load_some(const float *p, int left)
{
    return left >= LANES ? vload(p) : vload_n(p, left);
}

/* Adding this leaves a number's nearest integer in the low bits. */
#define MAGIC 12582912.0f

/* Largest magnitude under each tile, as bits: NaN and infinity are larger
 * than every number. */
static void find_scales(const FgWinoIn *q, const U *col, float *scale)
{
    for (int k = 0; k < q->n; k++) {
        U u = col[4 * k];
        uint32_t bits;
        float top;

        for (int x = 1; x < 6; x++)
            u = umax(u, col[4 * k + x]);
        bits = ureduce(u);
        memcpy(&top, &bits, sizeof(top));
        if (bits >= 0x7f800000) {
            scale[k] = 0;
            q->unscale[k] = NAN;
        } else {
            scale[k] = top > TINY ? MAX_V / GAIN / top : 0;
            q->unscale[k] = top > TINY ? top * (GAIN / MAX_V) : 0;
        }
    }
}

#define WORK_W (4 * FG_WINO_RUN + 2)
/* Channels whose columns stay in the first level of cache. */
#define GROUP 48

INL void col_max(U *u, const V *d)
{
    U m = *u;

#pragma GCC unroll 6
    for (int i = 0; i < 6; i++)
        m = vabsmax(m, d[i]);
    *u = m;
}

INL void load_column(V *d, const FgWinoIn *q, int x, int c)
{
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++)
        d[i] = load_some(q->row[i] + x * q->pitch + c, q->ic - c);
}

/* Columns of all patches, channels c0 <= c < c1: t[vector][row][column]; their
 * largest magnitudes into col[], if there is one. */
INL void in_columns(const FgWinoIn *q, int c0, int c1, V *t, U *col)
{
    for (int c = c0; c < c1; c += LANES, t += 6 * WORK_W) {
        for (int x = 0; x < 4 * q->n + 2; x++) {
            V d[6], o[6];

            load_column(d, q, x, c);
            if (col)
                col_max(&col[x], d);
            in6(o, d);
#pragma GCC unroll 6
            for (int i = 0; i < 6; i++)
                t[i * WORK_W + x] = o[i];
        }
    }
}

static void all_max(const FgWinoIn *q, U *col)
{
    for (int c = 0; c < q->ic; c += LANES)
        for (int x = 0; x < 4 * q->n + 2; x++) {
            V d[6];

            load_column(d, q, x, c);
            col_max(&col[x], d);
        }
}

/* One row of a tile's planes: nb vectors of channels. */
INL void in_row_i16(const FgWinoIn *q, int16_t *v, const V *t, V scale,
                    const int nb)
{
    const V magic = vset(MAGIC);
    V o[2][6];

#pragma GCC unroll 2
    for (int b = 0; b < nb; b++) {
        in6(o[b], t + b * 6 * WORK_W);
#pragma GCC unroll 6
        for (int x = 0; x < 6; x++)
            o[b][x] = vfma(o[b][x], scale, magic);
    }
    if (nb == 1 && q->icp == LANES) {
#pragma GCC unroll 3
        for (int x = 0; x < 6; x += 2)
            vput16x2(v + x * LANES, o[0][x], o[0][x + 1]);
        return;
    }
#pragma GCC unroll 6
    for (int x = 0; x < 6; x++) {
        if (nb == 2)
            vput16x2(v + x * q->icp, o[0][x], o[1][x]);
        else
            vput16(v + x * q->icp, o[0][x]);
    }
}

static void in_rows_i16(const FgWinoIn *q, int c0, int c1, const float *scale)
{
    for (int k = 0; k < q->n; k++) {
        int16_t *const v = (int16_t *)(q->v + (size_t)k * q->v_tile);
        const V *t = (const V *)q->work + 4 * k;
        const V s = vset(scale[k]);

        for (int c = c0, two; c < c1; c += (1 + two) * LANES) {
            two = c + LANES < c1;
            for (int y = 0; y < 6; y++) {
                int16_t *const to = v + 6 * y * q->icp + c;

                if (two)
                    in_row_i16(q, to, t + y * WORK_W, s, 2);
                else
                    in_row_i16(q, to, t + y * WORK_W, s, 1);
            }
            t += (1 + two) * 6 * WORK_W;
        }
    }
}

static void in_i16(const FgWinoIn *q)
{
    U col[WORK_W];
    float scale[FG_WINO_RUN];

    for (int x = 0; x < WORK_W; x++)
        col[x] = uzero;
    if (q->ic <= GROUP) {
        in_columns(q, 0, q->ic, q->work, col);
        find_scales(q, col, scale);
        in_rows_i16(q, 0, q->ic, scale);
        return;
    }
    all_max(q, col);
    find_scales(q, col, scale);
    for (int c = 0; c < q->ic; c += 32) {
        const int end = c + 32 < q->ic ? c + 32 : q->ic;

        in_columns(q, c, end, q->work, NULL);
        in_rows_i16(q, c, end, scale);
    }
}

static void in_f32(const FgWinoIn *q)
{
    V *const t = q->work;

    for (int c = 0; c < q->ic; c += LANES) {
        in_columns(q, c, c + 1, t, NULL);
        for (int k = 0; k < q->n; k++)
            for (int y = 0; y < 6; y++) {
                float *const v = (float *)(q->v + (size_t)k * q->v_tile) +
                                 6 * y * q->icp + c;
                V o[6];

                in6(o, t + y * WORK_W + 4 * k);
#pragma GCC unroll 6
                for (int x = 0; x < 6; x++)
                    vstore(v + x * q->icp, o[x]);
            }
    }
}

INL V act(const FgWinoOut *q, V v, V slope, const FgConvAct kind)
{
    (void)q;
    if (kind == FG_CONV_RELU)
        return vmax0(v);
    if (kind == FG_CONV_LEAKY_RELU || kind == FG_CONV_PRELU)
        return vslope(v, slope);
    return v;
}

INL void put_pixel(const FgWinoOut *q, int y, int x, int c, V v, V slope,
                   const FgConvAct kind, const int add)
{
    const int left = q->oc - c;
    float *const to = q->out[y] + x * q->pitch + c;
    V a = v;

    if (add)
        a = load_some(q->add[y] + x * q->add_pitch + c, left);
    if (add == 1)
        v = vadd(v, a);
    v = act(q, v, slope, kind);
    if (add == 2)
        v = vadd(v, a);
    if (left >= LANES)
        vstore(to, v);
    else
        vstore_n(to, v, left);
}

/* Channels c.. of the tile; add: 0 none, 1 before the activation, 2 after. */
INL void out_channels(const FgWinoOut *q, int c, const FgWinoKind wino,
                      const FgConvAct kind, const int add)
{
    const V bias = vload(q->bias + c);
    V t[4][6], slope = vset(q->alpha), scale = bias;

    if (kind == FG_CONV_PRELU)
        slope = load_some(q->slope + c, q->oc - c);
    if (wino == FG_WINO_I16)
        scale = vmul(vset(q->unscale), vload(q->scale + c));
#pragma GCC unroll 6
    for (int x = 0; x < 6; x++) {
        V m[6], o[4];
#pragma GCC unroll 6
        for (int y = 0; y < 6; y++) {
            const size_t i = (size_t)(6 * y + x) * (size_t)q->ocp + (size_t)c;
            m[y] = wino == FG_WINO_I16 ? vint((const int32_t *)q->m + i)
                                       : vload((const float *)q->m + i);
        }
        out4(o, m);
#pragma GCC unroll 4
        for (int y = 0; y < 4; y++)
            t[y][x] = o[y];
    }
    for (int y = 0; y < q->rows; y++) {
        V o[4];

        out4(o, t[y]);
#pragma GCC unroll 4
        for (int x = 0; x < 4; x++) {
            if (x >= q->cols)
                break;
            put_pixel(q, y, x, c,
                      wino == FG_WINO_I16 ? vfma(o[x], scale, bias)
                                          : vadd(o[x], bias),
                      slope, kind, add);
        }
    }
}

INL void out_tile(const FgWinoOut *q, const FgWinoKind wino,
                  const FgConvAct kind, const int add)
{
    for (int c = 0; c < q->oc; c += LANES)
        out_channels(q, c, wino, kind, add);
}

INL void out_add(const FgWinoOut *q, const FgWinoKind wino,
                 const FgConvAct kind)
{
    if (!q->add[0])
        out_tile(q, wino, kind, 0);
    else if (q->add_first)
        out_tile(q, wino, kind, 1);
    else
        out_tile(q, wino, kind, 2);
}

INL void out_any(const FgWinoOut *q, const FgWinoKind wino)
{
    switch (q->act) {
    case FG_CONV_RELU:
        out_add(q, wino, FG_CONV_RELU);
        break;
    case FG_CONV_LEAKY_RELU:
        out_add(q, wino, FG_CONV_LEAKY_RELU);
        break;
    case FG_CONV_PRELU:
        out_add(q, wino, FG_CONV_PRELU);
        break;
    case FG_CONV_LINEAR:
        out_add(q, wino, FG_CONV_LINEAR);
        break;
    }
}

static void out_i16(const FgWinoOut *q)
{
    out_any(q, FG_WINO_I16);
}

static void out_f32(const FgWinoOut *q)
{
    out_any(q, FG_WINO_F32);
}
