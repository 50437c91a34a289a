/* Tiles of matrix product, for V of L lanes. Included with V, L, LOAD, STORE,
 * SET1, ZERO, FMA, ADD, MLOAD, MSTORE (n lanes), ROWS (of a register block) and
 * NAME defined. SPDX-License-Identifier: LGPL-2.1-or-later */

#define INLINE static inline __attribute__((always_inline))

INLINE void tap_store(const FgTapTile *q, int r, int o, V v)
{
    const int n = q->cols - o;
    float *const out = q->out[r] + o;

    if (n <= 0)
        return;
    if (n >= L) {
        STORE(out, q->add ? ADD(LOAD(out), v) : v);
        return;
    }
    MSTORE(out, n, q->add ? ADD(MLOAD(out, n), v) : v);
}

/* ROWS rows from r0, nv vectors of columns from o0. */
INLINE void tap_block(const FgTapTile *q, int r0, int o0, const int nv)
{
    V acc[ROWS][2];

#pragma GCC unroll 12
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            acc[r][v] = LOAD(q->bias + o0 + v * L);
    for (int t = 0; t < q->taps; t++) {
        const float *const *const a = q->rows + t * FG_TILE_ROWS + r0;
        const float *w = q->w + (long)q->tap[t] * q->ic * FG_TILE_COLS + o0;
        const float *p[ROWS];

#pragma GCC unroll 12
        for (int r = 0; r < ROWS; r++)
            p[r] = a[r];
        for (long i = 0; i < q->ic; i++, w += FG_TILE_COLS) {
            V b[2];

#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                b[v] = LOAD(w + v * L);
#pragma GCC unroll 12
            for (int r = 0; r < ROWS; r++) {
                const V x = SET1(p[r][i]);

#pragma GCC unroll 2
                for (int v = 0; v < nv; v++)
                    acc[r][v] = FMA(x, b[v], acc[r][v]);
            }
        }
    }
    for (int r = 0; r < ROWS && r0 + r < q->nb_rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            tap_store(q, r0 + r, o0 + v * L, acc[r][v]);
}

static void NAME(tap_tile)(const FgTapTile *q)
{
    for (int r = 0; r < q->nb_rows; r += ROWS)
        for (int o = 0; o < q->cols; o += 2 * L) {
            if (q->cols - o > L)
                tap_block(q, r, o, 2);
            else
                tap_block(q, r, o, 1);
        }
}

/* ---- weight gradients ---- */

INLINE void grad_block(const FgPixelTile *q, int i0, int o0, const int ni,
                       const int nv)
{
    float *const sum = q->sum + i0 * FG_TILE_COLS + o0;
    const float *a = q->in + i0, *d = q->dy + o0;
    V acc[ROWS][2];

#pragma GCC unroll 12
    for (int i = 0; i < ni; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            acc[i][v] = q->first ? SET1(0)
                                 : LOAD(sum + i * FG_TILE_COLS + v * L);
    for (int p = 0; p < q->pixels; p++) {
        V b[2];

#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            b[v] = LOAD(d + v * L);
#pragma GCC unroll 12
        for (int i = 0; i < ni; i++) {
            const V x = SET1(a[i]);

#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                acc[i][v] = FMA(x, b[v], acc[i][v]);
        }
        a += FG_TILE_ROWS;
        d += FG_TILE_COLS;
    }
#pragma GCC unroll 12
    for (int i = 0; i < ni; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            STORE(sum + i * FG_TILE_COLS + v * L, acc[i][v]);
}

INLINE void grad_rows(const FgPixelTile *q, int i0, const int ni)
{
    for (int o = 0; o < q->cols; o += 2 * L) {
        if (q->cols - o > L)
            grad_block(q, i0, o, ni, 2);
        else
            grad_block(q, i0, o, ni, 1);
    }
}

static void NAME(grad_tile)(const FgPixelTile *q)
{
    int i = 0;

    for (; i + ROWS <= q->rows; i += ROWS)
        grad_rows(q, i, ROWS);
    for (; i + 4 <= q->rows; i += 4)
        grad_rows(q, i, 4);
    for (; i + 3 <= q->rows; i += 3)
        grad_rows(q, i, 3);
    for (; i < q->rows; i++)
        grad_rows(q, i, 1);
}
