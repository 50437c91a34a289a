/* Winograd's 16-bit products in vectors of 8 sums; included with dot() defined:
 * acc + the sums of pairs of products.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <immintrin.h>
#include <string.h>

#include "kernels/wino_common.h"

INL __m256i broadcast(const char *p)
{
    int x;

    memcpy(&x, p, sizeof(x));
    return _mm256_set1_epi32(x);
}

/* px tiles times nb vectors of outputs; products of a vector go to one place
 * of each tile, vectors 36 apart. */
INL void block_i16(const FgWinoProduct *q, int tile, int o, const int px,
                   const int nb)
{
    const char *v = q->v + (size_t)tile * q->v_tile, *u = q->u + 4 * o;
    __m256i acc[12][2];

#pragma GCC unroll 12
    for (int i = 0; i < px; i++)
        acc[i][0] = acc[i][1] = _mm256_setzero_si256();
#pragma GCC unroll 1
    for (int k = 0; k < (q->ic + 1) / 2; k++) {
        __m256i w[2];

#pragma GCC unroll 2
        for (int b = 0; b < nb; b++)
            w[b] = _mm256_load_si256((const __m256i *)(u + 32 * b));
#pragma GCC unroll 12
        for (int i = 0; i < px; i++) {
            const __m256i a = broadcast(v + (size_t)i * q->v_tile);
#pragma GCC unroll 2
            for (int b = 0; b < nb; b++)
                acc[i][b] = dot(acc[i][b], w[b], a);
        }
        v += 4;
        u += 4 * q->ocp;
    }
    char *m = q->m + (size_t)tile * q->m_tile + 36 * 4 * (size_t)o;
#pragma GCC unroll 12
    for (int i = 0; i < px; i++, m += q->m_tile)
#pragma GCC unroll 2
        for (int b = 0; b < nb; b++)
            _mm256_storeu_si256((__m256i *)(m + 32 * (36 * b + q->plane)),
                                acc[i][b]);
}

typedef void (*BlockFn)(const FgWinoProduct *q, int tile, int o);

#define BLOCK(type, px, nb)                                                    \
    __attribute__((noinline)) static void type##_##px##x##nb(                  \
        const FgWinoProduct *q, int tile, int o)                               \
    {                                                                          \
        block_##type(q, tile, o, px, nb);                                      \
    }
BLOCK(i16, 12, 1)
BLOCK(i16, 6, 2)
BLOCK(i16, 1, 1)
BLOCK(i16, 1, 2)

static void cover(const FgWinoProduct *q, const BlockFn full[2],
                  const BlockFn one[2])
{
    for (int o = 0; o < q->ocp; o += 16) {
        const int two = o + 8 < q->ocp, px = two ? 6 : 12;
        int i = 0;

        for (; i + px <= q->n; i += px)
            full[two](q, i, o);
        for (; i < q->n; i++)
            one[two](q, i, o);
    }
}

/* One plane of a row: FG_WINO_STRIP8 tiles, of which the last may be none whose
 * sums anybody reads, times nb vectors of outputs. */
INL void strip_block(const FgWinoStripRow *q, int x, int o, const int nb)
{
    const size_t tile = 12 * (size_t)q->icp;
    const char *v = q->v + 2 * (size_t)x * (size_t)q->icp;
    const char *u = q->u + (size_t)x * q->plane + 4 * (size_t)o;
    __m256i acc[FG_WINO_STRIP8][2];

#pragma GCC unroll 6
    for (int i = 0; i < FG_WINO_STRIP8; i++)
        acc[i][0] = acc[i][1] = _mm256_setzero_si256();
#pragma GCC unroll 1
    for (int k = 0; k < q->pairs; k++) {
        __m256i w[2];

        /* The next plane's: it comes from the second level of cache. */
        _mm_prefetch(u + q->plane, _MM_HINT_T0);
#pragma GCC unroll 2
        for (int b = 0; b < nb; b++)
            w[b] = _mm256_load_si256((const __m256i *)(u + 32 * b));
#pragma GCC unroll 6
        for (int i = 0; i < FG_WINO_STRIP8; i++) {
            const __m256i a = broadcast(v + (size_t)i * tile);
#pragma GCC unroll 2
            for (int b = 0; b < nb; b++)
                acc[i][b] = dot(acc[i][b], w[b], a);
        }
        v += 4;
        u += 4 * q->ocp;
    }
    int32_t *m = q->m + 6 * o + 8 * x;
#pragma GCC unroll 6
    for (int i = 0; i < FG_WINO_STRIP8; i++, m += 6 * q->ocp)
#pragma GCC unroll 2
        for (int b = 0; b < nb; b++)
            _mm256_store_si256((__m256i *)(m + 48 * b), acc[i][b]);
}

__attribute__((noinline)) static void strip_one(const FgWinoStripRow *q, int x,
                                                int o)
{
    strip_block(q, x, o, 1);
}

__attribute__((noinline)) static void strip_two(const FgWinoStripRow *q, int x,
                                                int o)
{
    strip_block(q, x, o, 2);
}

static void strip_row_i16(const FgWinoStripRow *q)
{
    for (int o = 0; o < q->ocp; o += 16)
        for (int x = 0; x < 6; x++)
            (o + 8 < q->ocp ? strip_two : strip_one)(q, x, o);
}

static void product_i16(const FgWinoProduct *q)
{
    static const BlockFn full[2] = {i16_12x1, i16_6x2};
    static const BlockFn one[2] = {i16_1x1, i16_1x2};

    cover(q, full, one);
}
