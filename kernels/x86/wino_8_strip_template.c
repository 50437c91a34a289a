/* Winograd, narrow layers on vectors of 8 sums: a run of tiles from input to
 * output. Sixteen registers are too few for a row's sums of six planes to wait
 * in for the transform: they go through memory that stays in the first level of
 * cache.
 * SPDX-License-Identifier: LGPL-2.1-or-later */

/* Row y of all tiles' planes: [tile][6][icp]. */
INL void strip_row(const FgWinoIn *q, int y, const float *magic)
{
    const int w = 4 * q->n + 2;

    for (int k = 0; k < q->n; k++) {
        int16_t *const v = (int16_t *)q->v + (ptrdiff_t)k * 6 * q->icp;
        const V *t = (const V *)q->work + 24 * k + y;
        const V m = vset(magic[k]);
        int c = 0;

        for (; c + 8 < q->ic; c += 16, t += 2 * 6 * w)
            in_row_i16_w(q, v + c, t, m, 2);
        if (c < q->ic)
            in_row_i16_w(q, v + c, t, m, 1);
    }
}

/* A row's sums, transformed along x into t[tile][block of outputs][row][4]. */
INL void strip_out_row(const FgWinoStrip *s, int y, const int32_t *m)
{
    const int blocks = s->out.ocp / 8;
    float *t = (float *)s->out.m + 32 * y;

    for (int i = 0; i < s->in.n * blocks; i++, m += 48, t += 24 * 8) {
        V d[6];

#pragma GCC unroll 6
        for (int x = 0; x < 6; x++)
            d[x] = vint(m + 8 * x);
        out4_w((V *)t, d);
    }
}

INL void strip_all(const FgWinoStrip *s, const int half)
{
    const FgWinoIn copy = s->in, *const q = &copy;
    const int pairs = (q->ic + 1) / 2;
    const size_t plane = (size_t)pairs * (size_t)s->out.ocp * 4;
    int32_t m[FG_WINO_STRIP8 * 8 * 48] __attribute__((aligned(64)));
    float magic[FG_WINO_RUN];
    FgWinoStripRow r = {.v = q->v,
                        .m = m,
                        .plane = plane,
                        .pairs = pairs,
                        .icp = q->icp,
                        .ocp = s->out.ocp};

    all_columns(q, magic, half);
    for (int y = 0; y < 6; y++) {
        strip_row(q, y, magic);
        r.u = s->u + 6 * (size_t)y * plane;
        s->row(&r);
        strip_out_row(s, y, m);
    }
    strip_finish(s);
}

static void strip_i16(const FgWinoStrip *s)
{
    if (s->in.half)
        strip_all(s, 1);
    else
        strip_all(s, 0);
}
