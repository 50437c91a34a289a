/* Tile products on AMX: 2 x 2 sums at a time, what follows a product while the
 * next is made.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tiles 0 to 3 are sums, 4 and 5 rows of pixels, 6 and 7 weights. */
#include "kernels/mat.h"

#include <immintrin.h>
#include <string.h>

#define INL static inline __attribute__((always_inline))
#define ROWS FG_MAT_ROWS
#define TILE_FLOATS 256
#define TILE_BYTES 1024
/* Pixels of a strip whose rows stay in the first level of cache. */
#define STRIP_BYTES 4096

/* Assembly: the intrinsics of gcc 12 do not tell which memory they read. */
#define LOAD(t, at, stride)                                                    \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t                           \
                     :                                                         \
                     : "r"(at), "r"((ptrdiff_t)(stride)))
#define STORE(t, at)                                                           \
    __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)"                       \
                     :                                                         \
                     : "r"(at), "r"((ptrdiff_t)64)                             \
                     : "memory")
#define PRODUCT(s, a, b)                                                       \
    __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #s ::)

typedef struct Config {
    uint8_t palette, start, reserved[14];
    uint16_t colsb[16];
    uint8_t rows[16];
} Config;

static void configure(void)
{
    Config c = {.palette = 1};

    for (int i = 0; i < 8; i++) {
        c.colsb[i] = 64;
        c.rows[i] = ROWS;
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(c));
}

/* ---- products ---- */

/* Sums of `blocks` times ROWS units and the tiles of a pair. Blocks lie side by
 * side or (down, two) one below the other: these share most of their pixels. */
typedef struct Sums {
    int r, unit, blocks, down, pair, tiles;
    float *sum; /* [blocks][tiles] tiles */
    /* Lines that soon will be read and written, asked for meanwhile: from
     * where, and bytes a step. */
    const char *in, *out;
    ptrdiff_t in_step, out_step;
} Sums;

/* One after another: where a step's pixels and its weights are. */
typedef struct Walk {
    const FgMatStep *t;
    const char *const *row, *const *row2; /* of the first, the second block */
    const char *w;
    ptrdiff_t at, at2, step;
    float *idle;
    const char *in, *out;
} Walk;

INL Walk walk_of(const FgMatJob *q, const Sums *s)
{
    const FgMat *const m = q->m;

    const char *const *const row = q->row + s->r * m->stride;
    const ptrdiff_t at = s->unit * q->unit_bytes;

    return (Walk){.t = m->steps + (s->pair ? m->end[3 * s->pair - 1] : 0),
                  .row = row,
                  .row2 = s->down ? row + m->stride : row,
                  .w = m->w + (size_t)m->tile[s->pair] * TILE_BYTES,
                  .at = at,
                  .at2 = s->down ? at : at + ROWS * q->unit_bytes,
                  .step = q->unit_bytes,
                  .idle = (float *)q->work + 4 * TILE_FLOATS,
                  .in = s->in,
                  .out = s->out};
}

INL void ahead(Walk *k, const Sums *s)
{
    for (const char *end = k->in + s->in_step; k->in < end; k->in += 64)
        __asm__ volatile("prefetcht1 %0" : : "m"(*k->in));
    for (const char *end = k->out + s->out_step; k->out < end; k->out += 64)
        __asm__ volatile("prefetchw %0" : : "m"(*k->out));
}

INL const char *next_line(Walk *k)
{
    const FgMatStep *const t = k->t++;

    return k->row[t->ky] + k->at + t->line * 64;
}

INL const char *second_line(const Walk *k)
{
    return k->row2[k->t->ky] + k->at2 + k->t->line * 64;
}

INL const char *next_tile(Walk *k)
{
    const char *const w = k->w;

    k->w += TILE_BYTES;
    return w;
}

/* What stores tiles sleeps when it has not been used for some 600 ns, and takes
 * as long as sixty products to wake (measured on a Xeon of 2024): a store into
 * nowhere every 16 steps keeps it awake. */
#define STEPS(end, STEP)                                                       \
    for (int n = 1; k.t < (end); n++) {                                        \
        ahead(&k, s);                                                          \
        STEP;                                                                  \
        if (n % 16 == 0 && k.t < (end))                                        \
            STORE(4, k.idle);                                                  \
    }

INL void both_2(Walk *k)
{
    const char *const b = second_line(k);

    LOAD(4, next_line(k), k->step);
    LOAD(6, next_tile(k), 64);
    PRODUCT(0, 4, 6);
    LOAD(5, b, k->step);
    PRODUCT(2, 5, 6);
    LOAD(7, next_tile(k), 64);
    PRODUCT(1, 4, 7);
    PRODUCT(3, 5, 7);
}

INL void first_2(Walk *k)
{
    const char *const b = second_line(k);

    LOAD(4, next_line(k), k->step);
    LOAD(6, next_tile(k), 64);
    PRODUCT(0, 4, 6);
    LOAD(5, b, k->step);
    PRODUCT(2, 5, 6);
}

INL void second_2(Walk *k)
{
    const char *const b = second_line(k);

    LOAD(4, next_line(k), k->step);
    LOAD(7, next_tile(k), 64);
    PRODUCT(1, 4, 7);
    LOAD(5, b, k->step);
    PRODUCT(3, 5, 7);
}

static void sums_2x2(const FgMatJob *q, const Sums *s)
{
    const FgMatStep *const all = q->m->steps;
    const int *const end = q->m->end + 3 * s->pair;
    const float *const bias = q->m->bias + 32 * s->pair;
    Walk k = walk_of(q, s);

    LOAD(0, bias, 0);
    LOAD(2, bias, 0);
    LOAD(1, bias + 16, 0);
    LOAD(3, bias + 16, 0);
    STEPS(all + end[0], both_2(&k));
    STEPS(all + end[1], first_2(&k));
    STEPS(all + end[2], second_2(&k));
}

INL void both_1(Walk *k)
{
    LOAD(4, next_line(k), k->step);
    LOAD(6, next_tile(k), 64);
    PRODUCT(0, 4, 6);
    LOAD(7, next_tile(k), 64);
    PRODUCT(1, 4, 7);
}

INL void first_1(Walk *k)
{
    LOAD(4, next_line(k), k->step);
    LOAD(6, next_tile(k), 64);
    PRODUCT(0, 4, 6);
}

INL void second_1(Walk *k)
{
    LOAD(4, next_line(k), k->step);
    LOAD(7, next_tile(k), 64);
    PRODUCT(1, 4, 7);
}

static void sums_1x2(const FgMatJob *q, const Sums *s)
{
    const FgMatStep *const all = q->m->steps;
    const int *const end = q->m->end + 3 * s->pair;
    const float *const bias = q->m->bias + 32 * s->pair;
    Walk k = walk_of(q, s);

    LOAD(0, bias, 0);
    if (s->tiles > 1)
        LOAD(1, bias + 16, 0);
    STEPS(all + end[0], both_1(&k));
    STEPS(all + end[1], first_1(&k));
    STEPS(all + end[2], second_1(&k));
}

INL void first_4(Walk *k)
{
    const char *const a = next_line(k);
    const ptrdiff_t block = ROWS * k->step;

    LOAD(6, next_tile(k), 64);
    LOAD(4, a, k->step);
    PRODUCT(0, 4, 6);
    LOAD(5, a + block, k->step);
    PRODUCT(1, 5, 6);
    LOAD(4, a + 2 * block, k->step);
    PRODUCT(2, 4, 6);
    LOAD(5, a + 3 * block, k->step);
    PRODUCT(3, 5, 6);
}

static void sums_4x1(const FgMatJob *q, const Sums *s)
{
    const FgMatStep *const all = q->m->steps;
    const float *const bias = q->m->bias + 32 * s->pair;
    Walk k = walk_of(q, s);

    LOAD(0, bias, 0);
    LOAD(1, bias, 0);
    LOAD(2, bias, 0);
    LOAD(3, bias, 0);
    STEPS(all + q->m->end[3 * s->pair + 1], first_4(&k));
}

static void make_sums(const FgMatJob *q, const Sums *s)
{
    if (s->blocks == 2)
        sums_2x2(q, s);
    else if (s->blocks == 4)
        sums_4x1(q, s);
    else
        sums_1x2(q, s);
}

static void store_sums(const Sums *s)
{
    STORE(0, s->sum);
    if (s->blocks * s->tiles > 1)
        STORE(1, s->sum + TILE_FLOATS);
    if (s->blocks * s->tiles > 2) {
        STORE(2, s->sum + 2 * TILE_FLOATS);
        STORE(3, s->sum + 3 * TILE_FLOATS);
    }
}

/* ---- what follows ---- */

typedef enum How { LINEAR, RELU, SLOPE, SILU } How;

/* smooth.h's silu, operation by operation. */
INL __m512 silu(__m512 v)
{
    const __m512 round = _mm512_set1_ps(12582912.0f), one = _mm512_set1_ps(1);
    const __m512 most = _mm512_set1_ps(88), least = _mm512_set1_ps(-87);
    __m512 x = _mm512_xor_ps(v, _mm512_set1_ps(-0.0f));

    x = _mm512_max_ps(least, _mm512_min_ps(most, x)); /* NaN is the second */
    const __m512 t = _mm512_fmadd_ps(x, _mm512_set1_ps(1.44269504088896341f),
                                     round);
    const __m512 k = _mm512_sub_ps(t, round);
    __m512 r = _mm512_fmadd_ps(k, _mm512_set1_ps(-0.693359375f), x);
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);

    r = _mm512_fmadd_ps(k, _mm512_set1_ps(2.12194440e-4f), r);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_add_ps(_mm512_fmadd_ps(_mm512_mul_ps(p, r), r, r), one);
    const __m512i scale = _mm512_add_epi32(
        _mm512_slli_epi32(_mm512_castps_si512(t), 23),
        _mm512_castps_si512(one));
    return _mm512_div_ps(
        v, _mm512_add_ps(one, _mm512_mul_ps(p, _mm512_castsi512_ps(scale))));
}

INL __m512 activated(__m512 v, __m512 slope, const How how)
{
    const __m512 zero = _mm512_setzero_ps();

    if (how == RELU) /* the second operand comes back for NaN and zeros */
        return _mm512_max_ps(zero, v);
    if (how == SLOPE)
        return _mm512_mask_mul_ps(v, _mm512_cmp_ps_mask(v, zero, _CMP_LT_OQ), v,
                                  slope);
    if (how == SILU)
        return silu(v);
    return v;
}

INL __m512 finished(__m512 v, __m512 add, __m512 slope, const How how,
                    const int adds)
{
    if (adds == 1)
        v = _mm512_add_ps(v, add);
    v = activated(v, slope, how);
    return adds == 2 ? _mm512_add_ps(v, add) : v;
}

INL __m512 widened(__m256i v)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}

INL uint32_t mask_of(int n)
{
    return n >= 32 ? 0xffffffffu : n <= 0 ? 0 : (1u << n) - 1;
}

/* One unit's 32 or 16 columns; m: those that exist. */
INL void finish_bf16(uint16_t *out, const uint16_t *add, const float *sum,
                     uint32_t m, const __m512 *slope, const How how,
                     const int adds, const int two)
{
    __m512i a = _mm512_setzero_si512();
    __m512 v0 = _mm512_load_ps(sum), v1 = v0;

    if (adds)
        a = _mm512_maskz_loadu_epi16(m, add);
    v0 = finished(v0, widened(_mm512_castsi512_si256(a)), slope[0], how, adds);
    if (!two) {
        _mm256_mask_storeu_epi16(out, (__mmask16)m,
                                 (__m256i)_mm512_cvtneps_pbh(v0));
        return;
    }
    v1 = finished(_mm512_load_ps(sum + TILE_FLOATS),
                  widened(_mm512_extracti64x4_epi64(a, 1)), slope[1], how,
                  adds);
    _mm512_mask_storeu_epi16(out, m, (__m512i)_mm512_cvtne2ps_pbh(v1, v0));
}

INL void finish_f32(float *out, const float *add, const float *sum, uint32_t m,
                    const __m512 *slope, const How how, const int adds,
                    const int two)
{
    for (int i = 0; i <= two; i++, m >>= 16, out += 16) {
        const __mmask16 k = (__mmask16)m;
        const __m512 a = adds ? _mm512_maskz_loadu_ps(k, add + 16 * i)
                              : _mm512_setzero_ps();

        _mm512_mask_storeu_ps(out, k,
                              finished(_mm512_load_ps(sum + i * TILE_FLOATS), a,
                                       slope[i], how, adds));
    }
}

INL void finish_unit(const FgMatJob *q, int r, size_t at, const float *sum,
                     uint32_t mask, const __m512 *slope, const How how,
                     const int adds, const int two, const int f32)
{
    if (f32)
        finish_f32((float *)q->out[r] + at,
                   adds ? (const float *)q->add[r] + at : NULL, sum, mask,
                   slope, how, adds, two);
    else
        finish_bf16((uint16_t *)q->out[r] + at,
                    adds ? (const uint16_t *)q->add[r] + at : NULL, sum, mask,
                    slope, how, adds, two);
}

INL void finish_block(const FgMatJob *q, const Sums *s, int block,
                      const How how, const int adds, const int two,
                      const int f32)
{
    const size_t columns = (size_t)q->m->columns;
    const int from = 32 * s->pair, r = s->r + (s->down ? block : 0);
    const int first = s->unit + (s->down ? 0 : block * ROWS);
    const int n = q->units - first < ROWS ? q->units - first : ROWS;
    size_t at = (size_t)first * columns + (size_t)from;
    const float *sum = s->sum + block * s->tiles * TILE_FLOATS;
    __m512 slope[2] = {_mm512_set1_ps(q->alpha), _mm512_set1_ps(q->alpha)};
    uint32_t mask = mask_of(q->m->columns - from);

    if (how == SLOPE && q->act == FG_CONV_PRELU) {
        slope[0] = _mm512_load_ps(q->slope + from);
        slope[1] = two ? _mm512_load_ps(q->slope + from + 16) : slope[0];
    }
    if (first + ROWS < q->units) {
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++, at += columns)
            finish_unit(q, r, at, sum + 16 * i, mask, slope, how, adds, two,
                        f32);
        return;
    }
    for (int i = 0; i < n; i++, at += columns) {
        if (i == n - 1)
            mask = mask_of(q->last - from);
        finish_unit(q, r, at, sum + 16 * i, mask, slope, how, adds, two, f32);
    }
}

INL void finish(const FgMatJob *q, const Sums *s, const How how, const int adds,
                const int f32)
{
    for (int b = 0; b < s->blocks; b++) {
        if (s->tiles == 2)
            finish_block(q, s, b, how, adds, 1, f32);
        else
            finish_block(q, s, b, how, adds, 0, f32);
    }
}

/* ---- rows ---- */

/* A strip of units and the one or two rows at hand: calls of make_sums so far,
 * and all of them. */
typedef struct Turn {
    int u0, end, strip, r, rows, nth, calls;
} Turn;

/* What the next rows of the strip, or the next strip, need that these did not:
 * each call asks for its share, the first half for the first row. */
static void look_ahead(const FgMatJob *q, Sums *s, const Turn *t)
{
    const FgMat *const m = q->m;
    const int last = t->r + t->rows >= q->rows;
    const int calls = t->calls > t->rows ? t->calls / t->rows : 1;
    const int half = t->rows == 2 && t->nth >= calls;
    const int u = last ? t->u0 + t->strip : t->u0;
    const int next = last ? half : t->r + t->rows + half;
    const int r = next < q->rows ? next : q->rows - 1;
    const size_t size = m->f32 ? 4 : 2;
    const ptrdiff_t in = (t->end - t->u0) * q->unit_bytes;
    const ptrdiff_t out = (t->end - t->u0) * m->columns * (ptrdiff_t)size;
    const ptrdiff_t shares = calls * m->end[2], nth = t->nth - half * calls;

    if (u >= q->units)
        return;
    s->in_step = (in / shares + 63) & ~(ptrdiff_t)63;
    s->in = q->row[r * m->stride + m->k - 1] + u * q->unit_bytes +
            in * nth / calls;
    s->out_step = (out / shares + 63) & ~(ptrdiff_t)63;
    s->out = (const char *)q->out[r] + (size_t)(u * m->columns) * size +
             out * nth / calls;
}

/* The next product is made before the sums of the last are looked at, that
 * neither waits for the other. */
INL void one_call(const FgMatJob *q, Turn *t, Sums *last, Sums s, const How how,
                  const int adds, const int f32)
{
    look_ahead(q, &s, t);
    t->nth++;
    make_sums(q, &s);
    if (last->blocks)
        finish(q, last, how, adds, f32);
    store_sums(&s);
    *last = s;
}

/* All pairs of tiles of the rows at hand. */
INL void rows_of_strip(const FgMatJob *q, Turn *t, Sums *last, const How how,
                       const int adds, const int f32)
{
    const FgMat *const m = q->m;
    const int pairs = (m->tiles + 1) / 2, n = t->end - t->u0;

    t->nth = 0;
    t->calls = pairs * ((n + ROWS - 1) / ROWS);
    for (int p = 0; p < pairs; p++) {
        Sums s = {.pair = p,
                  .tiles = m->tiles - 2 * p > 1 ? 2 : 1,
                  .sum = (float *)q->work};

        s.down = s.tiles == 2 && t->rows == 2;
        for (s.r = t->r; s.r < t->r + t->rows; s.r += 1 + s.down)
            for (int u = t->u0; u < t->end;) {
                const int left = (t->end - u + ROWS - 1) / ROWS;

                s.unit = u;
                s.blocks = s.down                      ? 2
                           : s.tiles == 2 && left > 1  ? 2
                           : s.tiles == 1 && left >= 4 ? 4
                                                       : 1;
                u += s.down ? ROWS : s.blocks * ROWS;
                one_call(q, t, last, s, how, adds, f32);
            }
    }
}

INL void rows_as(const FgMatJob *q, const How how, const int adds,
                 const int f32)
{
    const ptrdiff_t block = ROWS * q->unit_bytes;
    Sums last = {0};
    Turn t = {.strip = ROWS * (block > STRIP_BYTES / 4
                                   ? 4
                                   : (int)(STRIP_BYTES / block))};

    configure();
    for (; t.u0 < q->units; t.u0 += t.strip) {
        t.end = t.u0 + t.strip < q->units ? t.u0 + t.strip : q->units;
        for (t.r = 0; t.r < q->rows; t.r += t.rows) {
            t.rows = q->rows - t.r > 1 ? 2 : 1;
            rows_of_strip(q, &t, &last, how, adds, f32);
        }
    }
    finish(q, &last, how, adds, f32);
    __asm__ volatile("tilerelease" ::);
}

#define AS(name, how, adds)                                                    \
    static void name##_bf16(const FgMatJob *q)                                 \
    {                                                                          \
        rows_as(q, how, adds, 0);                                              \
    }                                                                          \
    static void name##_f32(const FgMatJob *q)                                  \
    {                                                                          \
        rows_as(q, how, adds, 1);                                              \
    }
AS(linear, LINEAR, 0)
AS(linear_add, LINEAR, 1)
AS(relu, RELU, 0)
AS(add_relu, RELU, 1)
AS(relu_add, RELU, 2)
AS(slope, SLOPE, 0)
AS(add_slope, SLOPE, 1)
AS(slope_add, SLOPE, 2)
AS(silu, SILU, 0)
AS(add_silu, SILU, 1)
AS(silu_add, SILU, 2)

typedef void (*RowsFn)(const FgMatJob *q);
#define BOTH(name)                                                             \
    {                                                                          \
        name##_bf16, name##_f32                                                \
    }

static void rows_amx(const FgMatJob *q)
{
    static const RowsFn fn[4][3][2] = {
        {BOTH(linear), BOTH(linear_add), BOTH(linear_add)},
        {BOTH(relu), BOTH(add_relu), BOTH(relu_add)},
        {BOTH(slope), BOTH(add_slope), BOTH(slope_add)},
        {BOTH(silu), BOTH(add_silu), BOTH(silu_add)}};
    const How how = q->act == FG_CONV_LINEAR ? LINEAR
                    : q->act == FG_CONV_RELU ? RELU
                    : q->act == FG_CONV_SILU ? SILU
                                             : SLOPE;
    const int adds = !q->add[0] ? 0 : q->add_first ? 1 : 2;

    fn[how][adds][q->m->f32](q);
}

/* ---- a picture's values in halves ---- */

static void split_amx(uint16_t *dst, const float *src, int pixels, int ic,
                      int pitch)
{
    /* As many pixels as a vector takes, read or written. */
    const int n = 16 / ic < 32 / pitch ? 16 / ic : 32 / pitch;
    uint16_t index[32];
    uint32_t used = 0;

    for (int i = 0; i < n * pitch; i++) {
        const int c = i % pitch, from = i / pitch * ic + c % ic;

        const int high = c < ic || c >= 2 * ic; /* the upper word */

        index[i] = (uint16_t)(2 * from + high);
        used |= (uint32_t)(c < 3 * ic) << i;
    }
    for (int i = n * pitch; i < 32; i++)
        index[i] = 0;
    const __m512i order = _mm512_loadu_si512(index);

    for (int x = 0; x < pixels; x += n, src += n * ic, dst += n * pitch) {
        const int k = pixels - x < n ? pixels - x : n;
        const __m512 v = _mm512_maskz_loadu_ps((__mmask16)mask_of(k * ic), src);
        const __m256i high = (__m256i)_mm512_cvtneps_pbh(v);
        const __m512 h = widened(high);
        const __m512i low = _mm512_cvtepu16_epi32(
            (__m256i)_mm512_cvtneps_pbh(_mm512_sub_ps(v, h)));
        const __m512i both = _mm512_or_si512(_mm512_castps_si512(h), low);

        _mm512_mask_storeu_epi16(
            dst, mask_of(k * pitch),
            _mm512_maskz_permutexvar_epi16(used, order, both));
    }
}

const FgMatOps *fg_mat_ops_amx(void)
{
    static const FgMatOps ops = {rows_amx, split_amx};

    return &ops;
}
