/* Winograd, narrow layers on AVX-512: a run of tiles from input to output.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Planes of a row of the transformed tile (6 of 36) are made, multiplied and
 * transformed back along x before the next: four tiles times six planes of one
 * vector of outputs are 24 sums in registers, from which the transform reads.
 */

#define GROUP 4 /* tiles of a product */

/* Bytes from plane to plane of a tile's transformed input. */
INL int plane_bytes(int ic)
{
    return ic <= 16 ? 32 : 64;
}

INL void whole_w(__m512 *o, const __m512 *t, __m512 magic)
{
    in_row_w(o, t);
#pragma GCC unroll 6
    for (int x = 0; x < 6; x++)
        o[x] = _mm512_add_ps(o[x], magic);
}

INL void whole_n(__m512 *o, const __m256 *t, __m256 magic)
{
    __m256 a[6];

    in_row_n(a, t);
#pragma GCC unroll 6
    for (int x = 0; x < 6; x++)
        o[x] = _mm512_castps256_ps512(_mm256_add_ps(a[x], magic));
}

/* Row y of all tiles; vectors: of 16 channels, rest: 8 more. */
INL void strip_row(const FgWinoIn *q, int y, const float *magic,
                   const int vectors, const int rest)
{
    const int w = 4 * q->n + 2;
    const __m512 *const t = (const __m512 *)q->work + y;
    const __m256 *const r = (const __m256 *)narrow_work(q) + y;
    int16_t *v = (int16_t *)q->v;

    for (int k = 0; k < q->n; k++) {
        __m512 a[6], b[6];

        whole_w(a, t + 24 * k, _mm512_set1_ps(magic[k]));
        if (vectors == 2)
            whole_w(b, t + 6 * w + 24 * k, _mm512_set1_ps(magic[k]));
        else if (rest)
            whole_n(b, r + 24 * k, _mm256_set1_ps(magic[k]));
#pragma GCC unroll 6
        for (int x = 0; x < 6; x++) {
            const __m512 other = vectors == 2 || rest ? b[x] : a[x | 1];

            if (vectors == 2 || rest || !(x & 1)) {
                _mm512_storeu_si512(v, _mm512_permutex2var_epi16(
                                           _mm512_castps_si512(a[x]), even16(),
                                           _mm512_castps_si512(other)));
                v += 32;
            }
        }
    }
}

/* Row y's products of four tiles and one vector of outputs, transformed along
 * x into t[tile][4], tiles step floats apart. u: the row's first plane. */
typedef struct StripProduct {
    const char *v, *u;
    size_t plane; /* bytes between planes of u */
    int pairs, ocp;
    float *t;
    size_t step;
} StripProduct;

INL void strip_w(const StripProduct *q, const int bytes)
{
    const char *v = q->v, *u = q->u;
    const size_t plane = q->plane;
    __m512i acc[GROUP][6];

#pragma GCC unroll 4
    for (int i = 0; i < GROUP; i++)
#pragma GCC unroll 6
        for (int p = 0; p < 6; p++)
            acc[i][p] = _mm512_setzero_si512();
#pragma GCC unroll 1
    for (int k = 0; k < q->pairs; k++, v += 4, u += 4 * q->ocp)
#pragma GCC unroll 6
        for (int p = 0; p < 6; p++) {
            const __m512i w = _mm512_loadu_si512(u + (size_t)p * plane);
#pragma GCC unroll 4
            for (int i = 0; i < GROUP; i++)
                acc[i][p] = dot(
                    acc[i][p], w,
                    _mm512_set1_epi32(pair(v + (6 * i + p) * bytes)));
        }
#pragma GCC unroll 4
    for (int i = 0; i < GROUP; i++) {
        float *const t = q->t + (size_t)i * q->step;
        __m512 d[6], o[4];
#pragma GCC unroll 6
        for (int p = 0; p < 6; p++)
            d[p] = _mm512_cvtepi32_ps(acc[i][p]);
        out4_w(o, d);
#pragma GCC unroll 4
        for (int x = 0; x < 4; x++)
            _mm512_store_ps(t + 16 * x, o[x]);
    }
}

INL void strip_n(const StripProduct *q, const int bytes)
{
    const char *v = q->v, *u = q->u;
    const size_t plane = q->plane;
    __m256i acc[GROUP][6];

#pragma GCC unroll 4
    for (int i = 0; i < GROUP; i++)
#pragma GCC unroll 6
        for (int p = 0; p < 6; p++)
            acc[i][p] = _mm256_setzero_si256();
#pragma GCC unroll 1
    for (int k = 0; k < q->pairs; k++, v += 4, u += 4 * q->ocp)
#pragma GCC unroll 6
        for (int p = 0; p < 6; p++) {
            const __m256i w = _mm256_loadu_si256(
                (const __m256i *)(u + (size_t)p * plane));
#pragma GCC unroll 4
            for (int i = 0; i < GROUP; i++)
                acc[i][p] = dot8(
                    acc[i][p], w,
                    _mm256_set1_epi32(pair(v + (6 * i + p) * bytes)));
        }
#pragma GCC unroll 4
    for (int i = 0; i < GROUP; i++) {
        float *const t = q->t + (size_t)i * q->step;
        __m256 d[6], o[4];
#pragma GCC unroll 6
        for (int p = 0; p < 6; p++)
            d[p] = _mm256_cvtepi32_ps(acc[i][p]);
        out4_n(o, d);
#pragma GCC unroll 4
        for (int x = 0; x < 4; x++)
            _mm256_store_ps(t + 8 * x, o[x]);
    }
}

/* Functions of their own, that no accumulator is spilled. */
__attribute__((noinline)) static void strip_w32(const StripProduct *q)
{
    strip_w(q, 32);
}

__attribute__((noinline)) static void strip_w64(const StripProduct *q)
{
    strip_w(q, 64);
}

__attribute__((noinline)) static void strip_n32(const StripProduct *q)
{
    strip_n(q, 32);
}

__attribute__((noinline)) static void strip_n64(const StripProduct *q)
{
    strip_n(q, 64);
}

/* All outputs of row y. t: [tile][block of outputs][row][4]. */
static void strip_products(const FgWinoStrip *s, int y, int bytes)
{
    const int oc = s->out.oc, ocp = s->out.ocp, wide = wide_channels(oc);
    StripProduct q = {.pairs = (s->in.ic + 1) / 2, .ocp = ocp};

    q.plane = (size_t)q.pairs * (size_t)ocp * 4;
    q.step = 24 * (size_t)ocp;
    for (int k = 0; k < s->in.n; k += GROUP) {
        float *const t = (float *)s->out.m + (size_t)k * q.step;

        q.v = s->in.v + 6 * k * bytes;
        for (int c = 0; c < wide; c += 16) {
            q.u = s->u + 6 * (size_t)y * q.plane + 4 * c;
            q.t = t + 24 * c + 64 * y;
            (bytes == 32 ? strip_w32 : strip_w64)(&q);
        }
        if (wide < oc) {
            q.u = s->u + 6 * (size_t)y * q.plane + 4 * wide;
            q.t = t + 24 * wide + 32 * y;
            (bytes == 32 ? strip_n32 : strip_n64)(&q);
        }
    }
}

INL void strip_all(const FgWinoStrip *s, const int half)
{
    const FgWinoIn copy = s->in, *const q = &copy;
    const int bytes = plane_bytes(q->ic);
    float magic[FG_WINO_RUN];

    all_columns(q, magic, half);
    for (int y = 0; y < 6; y++) {
        if (q->ic <= 16)
            strip_row(q, y, magic, 1, 0);
        else if (q->ic <= 24)
            strip_row(q, y, magic, 1, 1);
        else
            strip_row(q, y, magic, 2, 0);
        strip_products(s, y, bytes);
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
