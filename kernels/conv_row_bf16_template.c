/* Convolution rows on bf16 pairs where no instruction multiplies them.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The includer defines LANES, a vector of so many floats, V, and of uint32, U:
 *   uload(p) = any place; uset(x); high(u) = the upper halves as floats,
 *   low(u) = the lower ones; vload(p), vset0; vfma(a, b, c) = a*b+c;
 *   vstore(p, v), vstore_n(p, v, n) = the first n lanes.
 * A bf16 number is the upper half of a float, so that each product of a pair is
 * a fused multiply-add of floats: dsp_c.c's order and bits. */
#include <string.h>

#define INL static inline __attribute__((always_inline))
#define PX 6 /* pixels of a block, by two vectors of outputs */

typedef struct Rows {
    const uint16_t *const *row;
    const FgConvGeom *g;
    int runs, pairs; /* runs of values in a kernel row, pairs of a run */
    int ocp;
    ptrdiff_t step;
} Rows;

INL uint32_t pair_at(const uint16_t *p)
{
    uint32_t u;

    memcpy(&u, p, sizeof(u));
    return u;
}

/* One half of each of a run's pairs at a time: fewer registers. */
INL void add_pair(V acc[PX][2], const uint16_t *const *in, const uint16_t *w,
                  const int px, const int nb, const int upper)
{
    V f[2];

#pragma GCC unroll 2
    for (int b = 0; b < nb; b++) {
        const U u = uload(w + 2 * LANES * b);
        f[b] = upper ? high(u) : low(u);
    }
#pragma GCC unroll 6
    for (int j = 0; j < px; j++) {
        const U u = uset(pair_at(in[j]));
        const V a = upper ? high(u) : low(u);
#pragma GCC unroll 2
        for (int b = 0; b < nb; b++)
            acc[j][b] = vfma(a, f[b], acc[j][b]);
    }
}

/* px pixels from x on, nb vectors of outputs, of which the last has left. */
INL void block(float *out, int x, const uint16_t *w, const float *bias,
               const Rows *q, int left, const int px, const int nb)
{
    V acc[PX][2];

#pragma GCC unroll 6
    for (int j = 0; j < px; j++)
#pragma GCC unroll 2
        for (int b = 0; b < nb; b++)
            acc[j][b] = vload(bias + LANES * b);
    for (int s = 0; s < q->g->kh * q->runs; s++) {
        const uint16_t *in[PX];

#pragma GCC unroll 6
        for (int j = 0; j < px; j++)
            in[j] = q->row[s / q->runs] + (x + j) * q->step +
                    (ptrdiff_t)(s % q->runs) * q->g->in_pitch;
        for (int i = 0; i < q->pairs; i++, w += 2 * q->ocp) {
            add_pair(acc, in, w, px, nb, 1);
            __asm__("" ::: "memory"); /* loads stay here: no spills */
            add_pair(acc, in, w, px, nb, 0);
#pragma GCC unroll 6
            for (int j = 0; j < px; j++)
                in[j] += 2;
        }
    }
#pragma GCC unroll 6
    for (int j = 0; j < px; j++) {
        float *const to = out + (ptrdiff_t)(x + j) * q->g->out_pitch;

        if (nb == 2)
            vstore(to, acc[j][0]);
        if (left >= LANES)
            vstore(to + LANES * (nb - 1), acc[j][nb - 1]);
        else
            vstore_n(to + LANES * (nb - 1), acc[j][nb - 1], left);
    }
}

#define BLOCK(px, nb)                                                          \
    static __attribute__((noinline)) void block_##px##x##nb(                   \
        float *out, int x, const uint16_t *w, const float *bias,               \
        const Rows *q, int left)                                               \
    {                                                                          \
        block(out, x, w, bias, q, left, px, nb);                               \
    }
BLOCK(6, 1)
BLOCK(6, 2)
BLOCK(1, 1)
BLOCK(1, 2)

/* What is left over of a row is done by a block that overlaps the one before:
 * the same bits again. */
static void conv_row_bf16(float *out, const uint16_t *const *rows,
                          const uint16_t *w, const float *bias,
                          const FgConvGeom *g)
{
    const int joined = g->in_pitch == g->ic;
    const Rows q = {.row = rows,
                    .g = g,
                    .runs = joined ? 1 : g->kw,
                    .pairs = (joined ? g->kw * g->ic : g->ic) / 2,
                    .ocp = fg_round_lanes(g->oc),
                    .step = (ptrdiff_t)g->stride * g->in_pitch};
    const int px = g->width >= PX ? PX : 1;

    for (int o = 0; o < g->oc; o += 2 * LANES) {
        const int two = g->oc - o > LANES;
        const int left = g->oc - o - (two ? LANES : 0);

        for (int i = 0; i < g->width; i += px) {
            const int x = i + px > g->width ? g->width - px : i;

            (px > 1 ? two ? block_6x2 : block_6x1
             : two  ? block_1x2
                    : block_1x1)(out + o, x, w + 2 * o, bias + o, &q, left);
        }
    }
}
