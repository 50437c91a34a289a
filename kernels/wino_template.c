/* Winograd's transforms of all channels, once for every instruction set.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The includer has included wino_lanes_template.c for vectors of LANES_W floats
 * (FN(x) = x##_w) and, unless NARROW is 0, for NARROW = LANES_W / 2 of them
 * (x##_n): up to NARROW channels left over are done in those. */

/* Channels that wide vectors do. */
static int wide_channels(int c)
{
    const int rest = c % LANES_W;

    return NARROW && rest && rest <= NARROW ? c - rest : c;
}

#if NARROW
#define NARROW_ONLY(x) x
#else
#define NARROW_ONLY(x)
#endif

#define TOPS (4 * FG_WINO_RUN + 2)
typedef struct Tops {
    Top_w w[TOPS];
    NARROW_ONLY(Top_n n[TOPS];)
} Tops;

INL void find_scales(const FgWinoIn *q, const Tops *t, float *magic,
                     const int half)
{
    for (int k = 0; k < q->n; k++) {
        uint32_t bits = tile_top_w(t->w, k, half);

        NARROW_ONLY({
            const uint32_t n = tile_top_n(t->n, k, half);
            bits = n > bits ? n : bits;
        })
        magic[k] = tile_magic(bits, &q->unscale[k]);
    }
}

/* Where the columns of the channels left over are. */
INL void *narrow_work(const FgWinoIn *q)
{
    return (float *)q->work + 6 * (4 * q->n + 2) * wide_channels(q->ic);
}

/* Columns of all channels into the work space, and the tiles' scales. */
INL void all_columns(const FgWinoIn *q, float *magic, const int half)
{
    const int wide = wide_channels(q->ic);
    Tops t;

    clear_w(q, t.w, half);
    in_columns_w(q, 0, wide, q->work, t.w, half);
    NARROW_ONLY({
        clear_n(q, t.n, half);
        in_columns_n(q, wide, q->ic, narrow_work(q), t.n, half);
    })
    find_scales(q, &t, magic, half);
}

/* Few enough channels for their columns to stay in the work space. */
INL void in_once(const FgWinoIn *in, const int half)
{
    /* A copy that no store can be thought to change. */
    const FgWinoIn copy = *in, *const q = &copy;
    const int wide = wide_channels(q->ic);
    float magic[FG_WINO_RUN];

    all_columns(q, magic, half);
    in_rows_i16_w(q, 0, wide, q->work, magic);
    NARROW_ONLY(in_rows_i16_n(q, wide, q->ic, narrow_work(q), magic);)
}

INL void in_twice(const FgWinoIn *in, const int half)
{
    /* A copy that no store can be thought to change. */
    const FgWinoIn copy = *in, *const q = &copy;
    const int wide = wide_channels(q->ic);
    float magic[FG_WINO_RUN];
    Tops t;

    clear_w(q, t.w, half);
    all_top_w(q, 0, wide, t.w, half);
    NARROW_ONLY({
        clear_n(q, t.n, half);
        all_top_n(q, wide, q->ic, t.n, half);
    })
    find_scales(q, &t, magic, half);
    for (int c = 0; c < wide; c += 32) {
        const int end = c + 32 < wide ? c + 32 : wide;

        in_columns_w(q, c, end, q->work, NULL, half);
        in_rows_i16_w(q, c, end, q->work, magic);
    }
    NARROW_ONLY({
        in_columns_n(q, wide, q->ic, q->work, NULL, half);
        in_rows_i16_n(q, wide, q->ic, q->work, magic);
    })
}

static void in_once_f32(const FgWinoIn *q)
{
    in_once(q, 0);
}

static void in_once_f16(const FgWinoIn *q)
{
    in_once(q, 1);
}

static void in_twice_f32(const FgWinoIn *q)
{
    in_twice(q, 0);
}

static void in_twice_f16(const FgWinoIn *q)
{
    in_twice(q, 1);
}

static void in_i16(const FgWinoIn *q)
{
    if (q->ic <= 64)
        (q->half ? in_once_f16 : in_once_f32)(q);
    else
        (q->half ? in_twice_f16 : in_twice_f32)(q);
}

static void in_f32(const FgWinoIn *q)
{
    const int wide = wide_channels(q->ic);

    for (int c = 0; c < wide; c += LANES_W) {
        in_columns_w(q, c, c + 1, q->work, NULL, 0);
        in_rows_f32_w(q, c, q->work);
    }
    NARROW_ONLY(if (wide < q->ic) {
        in_columns_n(q, wide, wide + 1, q->work, NULL, 0);
        in_rows_f32_n(q, wide, q->work);
    })
}

/* Products lie as [block of LANES_W outputs][36][LANES_W], the last block
 * maybe of NARROW. */
static void out_i16(const FgWinoOut *q)
{
    const int wide = wide_channels(q->oc);

    for (int c = 0; c < wide; c += LANES_W)
        out_i16_w(q, c, (const float *)q->m + 36 * c, LANES_W);
    NARROW_ONLY(if (wide < q->oc) out_i16_n(
                    q, wide, (const float *)q->m + 36 * wide, NARROW);)
}

static void out_f32(const FgWinoOut *q)
{
    const int wide = wide_channels(q->oc);

    for (int c = 0; c < wide; c += LANES_W)
        out_f32_w(q, c, (const float *)q->m + 36 * c, LANES_W);
    NARROW_ONLY(if (wide < q->oc) out_f32_n(
                    q, wide, (const float *)q->m + 36 * wide, NARROW);)
}

/* The end of a strip: t[tile][block of outputs][row][4] are the products,
 * transformed along x. */
INL void strip_finish(const FgWinoStrip *s)
{
    const int wide = wide_channels(s->out.oc);
    FgWinoOut q = s->out;

    for (int k = 0; k < s->in.n; k++) {
        const float *const t = (const float *)s->out.m + 24 * k * q.ocp;

        q.unscale = s->in.unscale[k];
        q.cols = k == s->in.n - 1 ? s->last_cols : 4;
        for (int c = 0; c < wide; c += LANES_W)
            finish_i16_w(&q, c, (const Vec_w *)(t + 24 * c));
        NARROW_ONLY(if (wide < q.oc)
                        finish_i16_n(&q, wide, (const Vec_n *)(t + 24 * wide));)
        for (int y = 0; y < q.rows; y++) {
            q.out[y] = (char *)q.out[y] + s->out_step;
            q.add[y] = q.add[y] ? (const char *)q.add[y] + s->add_step : NULL;
        }
    }
}
