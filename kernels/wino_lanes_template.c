/* Winograd's transforms on vectors of one width; included once per width.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The includer defines FN(name), a vector of LANES floats, V, and
 *   vload(p) vload_n(p, n) vstore(p, v) vstore_n(p, v, n) vset(x)
 *   vadd vsub vmul vfma(a, b, c) = a*b+c  vfnma(a, b, c) = c-a*b
 *   vmax0(v) = larger of v and 0; vslope(v, s) = v < 0 ? v*s : v
 *   vint(p) = floats of LANES int32; vput16(p, v) = the low 16 bits of each
 *   vput16x2(p, v, w) = the same of two vectors
 * LANES uint32, U: uzero umax(a, b) ureduce(u), vabsmax(u, v) = larger of u
 * and |v| as integers. LANES halves, H: hzero hmax(a, b) habs(h) hreduce(h)
 * hload(p) hload_n(p, n) hstore(p, h) hstore_n(p, h, n) vhalf(h) halfv(v).
 * All use the same operations in the same order: the same bits. */

#include "kernels/wino_grad_lanes_template.c"

typedef V FN(Vec);

/* One column of A': o = A' m; the factor 2 of planes 3 and 4 is undone. */
INL void FN(out4)(V *o, const V *m)
{
    const V half = vset(0.5f), a = vset(PA), bh = vset(PB * 0.5f);
    const V a3 = vset(PA * 0.5f), b3 = vset(PB);
    const V s1 = vadd(m[1], m[2]), d1 = vsub(m[1], m[2]);
    const V s2 = vadd(m[3], m[4]), d2 = vsub(m[3], m[4]);

    o[0] = vfma(half, s2, vadd(m[0], s1));
    o[1] = vfma(bh, d2, vmul(a, d1));
    o[2] = vfma(half, s1, s2);
    o[3] = vfma(b3, d2, vfma(a3, d1, m[5]));
}

INL H FN(load_f16)(const uint16_t *p, int left)
{
    return left >= LANES ? hload(p) : hload_n(p, left);
}

/* ---- input ---- */

/* The largest magnitudes seen, as bits: NaN and infinity are larger than
 * every number. */
typedef union FN(Top) {
    U u;
    H h;
} FN(Top);

/* d = one column of the patch, left channels of it; its magnitudes, too, into
 * *top unless NULL. */
INL void FN(load_column)(V *d, const void *const *row, ptrdiff_t at, int left,
                         FN(Top) * top, const int half)
{
    H h = hzero;
    U u = uzero;

#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        if (half) {
            const H x = FN(load_f16)((const uint16_t *)row[i] + at, left);

            d[i] = vhalf(x);
            h = hmax(h, habs(x));
        } else {
            d[i] = FN(load_f32)((const float *)row[i] + at, left);
            u = vabsmax(u, d[i]);
        }
    }
    if (top && half)
        top->h = hmax(top->h, h);
    else if (top)
        top->u = umax(top->u, u);
}

INL void FN(clear)(const FgWinoIn *q, FN(Top) * top, const int half)
{
    for (int x = 0; x < 4 * q->n + 2; x++) {
        if (half)
            top[x].h = hzero;
        else
            top[x].u = uzero;
    }
}

/* Of tile k, a float's bits. */
INL uint32_t FN(tile_top)(const FN(Top) * top, int k, const int half)
{
    FN(Top) m = top[4 * k];

    for (int x = 1; x < 6; x++) {
        if (half)
            m.h = hmax(m.h, top[4 * k + x].h);
        else
            m.u = umax(m.u, top[4 * k + x].u);
    }
    return half ? half_bits(hreduce(m.h)) : ureduce(m.u);
}

/* Columns of all patches, left channels from c on: t[column][row], as stores
 * to one place after another are faster. */
INL void FN(in_vector)(const FgWinoIn *q, int c, int left, V *t, FN(Top) * top,
                       const int half)
{
    const int w = 4 * q->n + 2;
    const ptrdiff_t pitch = q->pitch;
    const void *row[6];
    ptrdiff_t at = c;

#pragma GCC unroll 6
    for (int i = 0; i < 6; i++)
        row[i] = q->row[i];
    for (int x = 0; x < w; x++, at += pitch) {
        V d[6], o[6];

        FN(load_column)(d, row, at, left, top ? &top[x] : NULL, half);
        FN(in6)(o, d);
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++)
            t[6 * x + i] = o[i];
    }
}

/* Columns of all patches, channels c0 <= c < c1: t[vector][column][row]. Whole
 * vectors have a loop without questions. */
INL void FN(in_columns)(const FgWinoIn *q, int c0, int c1, void *work,
                        FN(Top) * top, const int half)
{
    V *t = work;

    for (int c = c0; c < c1; c += LANES, t += 6 * (4 * q->n + 2)) {
        if (q->ic - c >= LANES)
            FN(in_vector)(q, c, LANES, t, top, half);
        else
            FN(in_vector)(q, c, q->ic - c, t, top, half);
    }
}

INL void FN(all_top)(const FgWinoIn *q, int c0, int c1, FN(Top) * top,
                     const int half)
{
    for (int c = c0; c < c1; c += LANES)
        for (int x = 0; x < 4 * q->n + 2; x++) {
            V d[6];

            FN(load_column)
            (d, q->row, x * q->pitch + c, q->ic - c, &top[x], half);
        }
}

/* A row of a tile's planes, from what in_vector made. */
INL void FN(in_row)(V *o, const V *t)
{
    V d[6];

#pragma GCC unroll 6
    for (int x = 0; x < 6; x++)
        d[x] = t[6 * x];
    FN(in6)(o, d);
}

/* One row of a tile's planes: nb vectors of channels. */
INL void FN(in_row_i16)(const FgWinoIn *q, int16_t *v, const V *t, V magic,
                        const int nb)
{
    const int w = 4 * q->n + 2;
    V o[2][6];

#pragma GCC unroll 2
    for (int b = 0; b < nb; b++) {
        FN(in_row)(o[b], t + b * 6 * w);
#pragma GCC unroll 6
        for (int x = 0; x < 6; x++)
            o[b][x] = vadd(o[b][x], magic);
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

INL void FN(in_rows_i16)(const FgWinoIn *q, int c0, int c1, const void *work,
                         const float *magic)
{
    const int w = 4 * q->n + 2;

    for (int k = 0; k < q->n; k++) {
        int16_t *const v = (int16_t *)(q->v + (size_t)k * q->v_tile);
        const V *t = (const V *)work + 24 * k;
        const V m = vset(magic[k]);

        for (int c = c0, two; c < c1; c += (1 + two) * LANES) {
            two = c + LANES < c1;
            for (int y = 0; y < 6; y++) {
                int16_t *const to = v + 6 * y * q->icp + c;

                if (two)
                    FN(in_row_i16)(q, to, t + y, m, 2);
                else
                    FN(in_row_i16)(q, to, t + y, m, 1);
            }
            t += (1 + two) * 6 * w;
        }
    }
}

INL void FN(in_rows_f32)(const FgWinoIn *q, int c, const void *work)
{
    for (int k = 0; k < q->n; k++)
        for (int y = 0; y < 6; y++) {
            float *const v = (float *)(q->v + (size_t)k * q->v_tile) +
                             6 * y * q->icp + c;
            V o[6];

            FN(in_row)(o, (const V *)work + 24 * k + y);
#pragma GCC unroll 6
            for (int x = 0; x < 6; x++)
                vstore(v + x * q->icp, o[x]);
        }
}

/* ---- output ---- */

INL V FN(act)(V v, V slope, const int kind)
{
    if (kind == FG_CONV_RELU)
        return vmax0(v);
    return kind == FG_CONV_PRELU ? vslope(v, slope) : v;
}

INL V FN(load_any)(const void *p, ptrdiff_t i, int left, const int half)
{
    if (half)
        return vhalf(FN(load_f16)((const uint16_t *)p + i, left));
    return FN(load_f32)((const float *)p + i, left);
}

INL void FN(store_any)(void *p, ptrdiff_t i, V v, int left, const int half)
{
    if (half) {
        uint16_t *const to = (uint16_t *)p + i;

        if (left >= LANES)
            hstore(to, halfv(v));
        else
            hstore_n(to, halfv(v), left);
    } else if (left >= LANES) {
        vstore((float *)p + i, v);
    } else {
        vstore_n((float *)p + i, v, left);
    }
}

/* What is added to a result, and when: nothing, before the activation, after
 * it. */
#define ADD_NONE 0
#define ADD_FIRST 1
#define ADD_LAST 2

/* What one of out_columns' forms is for. */
typedef struct FN(Form) {
    FgWinoKind wino;
    int kind, half; /* activation; outputs and what is added are f16 */
    int full, add;  /* all 4x4 pixels, all lanes; ADD_NONE... */
} FN(Form);

INL void FN(put_pixel)(const FgWinoOut *q, int y, int x, int c, V v, V slope,
                       const FN(Form) f)
{
    const int left = f.full ? LANES : q->oc - c;
    const ptrdiff_t at = x * q->pitch + c;

    if (f.add == ADD_NONE) {
        v = FN(act)(v, slope, f.kind);
    } else {
        const V a = FN(load_any)(q->add[y], x * q->add_pitch + c, left, f.half);

        v = f.add == ADD_FIRST ? FN(act)(vadd(v, a), slope, f.kind)
                               : vadd(FN(act)(v, slope, f.kind), a);
    }
    FN(store_any)(q->out[y], at, v, left, f.half);
}

/* t[4 * y + x]: rows of products, transformed along x. */
INL void FN(out_columns)(const FgWinoOut *in, int c, const V *t,
                         const FN(Form) f)
{
    /* A copy that no store can be thought to change. */
    const FgWinoOut copy = *in, *const q = &copy;
    const V bias = vload(q->bias + c);
    V slope = vset(q->alpha), scale = bias;

    if (q->slope)
        slope = FN(load_f32)(q->slope + c, q->oc - c);
    if (f.wino == FG_WINO_I16)
        scale = vmul(vset(q->unscale), vload(q->scale + c));
#pragma GCC unroll 4
    for (int x = 0; x < 4; x++) {
        V d[6], o[4];

        if (!f.full && x >= q->cols)
            break;
#pragma GCC unroll 6
        for (int y = 0; y < 6; y++)
            d[y] = t[4 * y + x];
        FN(out4)(o, d);
#pragma GCC unroll 4
        for (int y = 0; y < 4; y++) {
            if (!f.full && y >= q->rows)
                break;
            FN(put_pixel)
            (q, y, x, c,
             f.wino == FG_WINO_I16 ? vfma(o[y], scale, bias) : vadd(o[y], bias),
             slope, f);
        }
    }
}

/* Whole tiles of f16 have forms of their own. */
INL void FN(finish)(const FgWinoOut *q, int c, const V *t,
                    const FgWinoKind wino, const int kind, const int half)
{
    const int add = !q->add[0] ? ADD_NONE : q->add_first ? ADD_FIRST : ADD_LAST;
    const int full = q->rows == 4 && q->cols == 4 && q->oc - c >= LANES;
    const FN(Form) whole = {wino, kind, half, 1, ADD_NONE};
    const FN(Form) whole_last = {wino, kind, half, 1, ADD_LAST};
    const FN(Form) none = {wino, kind, half, 0, ADD_NONE};
    const FN(Form) first = {wino, kind, half, 0, ADD_FIRST};
    const FN(Form) last = {wino, kind, half, 0, ADD_LAST};

    if (half && full && add == ADD_NONE)
        FN(out_columns)(q, c, t, whole);
    else if (half && full && add == ADD_LAST && kind == FG_CONV_LINEAR)
        FN(out_columns)(q, c, t, whole_last);
    else if (add == ADD_NONE)
        FN(out_columns)(q, c, t, none);
    else if (add == ADD_FIRST)
        FN(out_columns)(q, c, t, first);
    else
        FN(out_columns)(q, c, t, last);
}

/* The three kinds of activation; alpha stands in for slopes. */
static void FN(finish_i16)(const FgWinoOut *q, int c, const V *t)
{
    const int kind = q->act == FG_CONV_LEAKY_RELU ? FG_CONV_PRELU : q->act;

    if (kind == FG_CONV_RELU && q->half)
        FN(finish)(q, c, t, FG_WINO_I16, FG_CONV_RELU, 1);
    else if (kind == FG_CONV_PRELU && q->half)
        FN(finish)(q, c, t, FG_WINO_I16, FG_CONV_PRELU, 1);
    else if (q->half)
        FN(finish)(q, c, t, FG_WINO_I16, FG_CONV_LINEAR, 1);
    else if (kind == FG_CONV_RELU)
        FN(finish)(q, c, t, FG_WINO_I16, FG_CONV_RELU, 0);
    else if (kind == FG_CONV_PRELU)
        FN(finish)(q, c, t, FG_WINO_I16, FG_CONV_PRELU, 0);
    else
        FN(finish)(q, c, t, FG_WINO_I16, FG_CONV_LINEAR, 0);
}

static void FN(finish_f32)(const FgWinoOut *q, int c, const V *t)
{
    if (q->act == FG_CONV_RELU)
        FN(finish)(q, c, t, FG_WINO_F32, FG_CONV_RELU, 0);
    else if (q->act == FG_CONV_LINEAR)
        FN(finish)(q, c, t, FG_WINO_F32, FG_CONV_LINEAR, 0);
    else
        FN(finish)(q, c, t, FG_WINO_F32, FG_CONV_PRELU, 0);
}

/* Channels c.. of the tile; m: their planes, step numbers apart. */
INL void FN(out_rows)(V *t, const void *m, int step, const FgWinoKind wino)
{
    for (int y = 0; y < 6; y++, t += 4) {
        V d[6];
#pragma GCC unroll 6
        for (int x = 0; x < 6; x++) {
            const int i = (6 * y + x) * step;

            d[x] = wino == FG_WINO_I16 ? vint((const int32_t *)m + i)
                                       : vload((const float *)m + i);
        }
        FN(out4)(t, d);
    }
}

INL void FN(out_i16)(const FgWinoOut *q, int c, const void *m, int step)
{
    V t[24];

    FN(out_rows)(t, m, step, FG_WINO_I16);
    FN(finish_i16)(q, c, t);
}

INL void FN(out_f32)(const FgWinoOut *q, int c, const void *m, int step)
{
    V t[24];

    FN(out_rows)(t, m, step, FG_WINO_F32);
    FN(finish_f32)(q, c, t);
}
