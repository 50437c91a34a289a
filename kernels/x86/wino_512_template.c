/* Winograd's loops on vectors of 16 floats; the includer defines dot(acc, w,
 * a) and dot8: acc + pairs of 16-bit products.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/x86/wino_vec8_fn.h"

INL __m512i even16(void)
{
    return _mm512_set_epi16(62, 60, 58, 56, 54, 52, 50, 48, 46, 44, 42, 40, 38,
                            36, 34, 32, 30, 28, 26, 24, 22, 20, 18, 16, 14, 12,
                            10, 8, 6, 4, 2, 0);
}

#include "kernels/x86/wino_vec16.h"
#define FN(name) name##_w
#include "kernels/wino_lanes_template.c"
#include "kernels/x86/wino_vec8.h"
#define FN(name) name##_n
#include "kernels/wino_lanes_template.c"

#define LANES_W 16
#define NARROW 8
#include "kernels/wino_template.c"

INL int pair(const char *p)
{
    int x;

    memcpy(&x, p, sizeof(x));
    return x;
}

/* px tiles times nb whole vectors and maybe half a one of outputs. Products
 * of a block go to one place of each tile, blocks 36 vectors apart. */
INL void block_i16(const FgWinoProduct *q, int tile, int o, const int px,
                   const int nb, const int half)
{
    const char *v = q->v + (size_t)tile * q->v_tile, *u = q->u + 4 * o;
    __m512i acc[24][4];
    __m256i rest[24];

#pragma GCC unroll 24
    for (int i = 0; i < px; i++) {
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            acc[i][b] = _mm512_setzero_si512();
        rest[i] = _mm256_setzero_si256();
    }
#pragma GCC unroll 1
    for (int k = 0; k < (q->ic + 1) / 2; k++) {
        __m512i w[4];
        __m256i h;

#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            w[b] = _mm512_loadu_si512(u + 64 * b);
        if (half)
            h = _mm256_loadu_si256((const __m256i *)(u + 64 * nb));
#pragma GCC unroll 24
        for (int i = 0; i < px; i++) {
            const __m512i a = _mm512_set1_epi32(
                pair(v + (size_t)i * q->v_tile));
#pragma GCC unroll 4
            for (int b = 0; b < nb; b++)
                acc[i][b] = dot(acc[i][b], w[b], a);
            if (half)
                rest[i] = dot8(rest[i], h, _mm512_castsi512_si256(a));
        }
        v += 4;
        u += 4 * q->ocp;
    }
    char *m = q->m + (size_t)tile * q->m_tile + (size_t)(36 * 4 * o);
#pragma GCC unroll 24
    for (int i = 0; i < px; i++, m += q->m_tile) {
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            _mm512_storeu_si512(m + 64 * (36 * b + q->plane), acc[i][b]);
        if (half)
            _mm256_storeu_si256((__m256i *)(m + 64 * 36 * nb + 32 * q->plane),
                                rest[i]);
    }
}

INL void block_f32(const FgWinoProduct *q, int tile, int o, const int px,
                   const int nb, const int half)
{
    const char *v = q->v + (size_t)tile * q->v_tile, *u = q->u + 4 * o;
    __m512 acc[24][4];
    __m256 rest[24];

#pragma GCC unroll 24
    for (int i = 0; i < px; i++) {
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            acc[i][b] = _mm512_setzero_ps();
        rest[i] = _mm256_setzero_ps();
    }
#pragma GCC unroll 1
    for (int k = 0; k < q->ic; k++) {
        __m512 w[4];
        __m256 h;

#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            w[b] = _mm512_loadu_ps((const float *)u + 16 * b);
        if (half)
            h = _mm256_loadu_ps((const float *)u + 16 * nb);
#pragma GCC unroll 24
        for (int i = 0; i < px; i++) {
            const __m512 a = _mm512_castsi512_ps(
                _mm512_set1_epi32(pair(v + (size_t)i * q->v_tile)));
#pragma GCC unroll 4
            for (int b = 0; b < nb; b++)
                acc[i][b] = _mm512_fmadd_ps(a, w[b], acc[i][b]);
            if (half)
                rest[i] = _mm256_fmadd_ps(_mm512_castps512_ps256(a), h,
                                          rest[i]);
        }
        v += 4;
        u += 4 * q->ocp;
    }
    char *m = q->m + (size_t)tile * q->m_tile + (size_t)(36 * 4 * o);
#pragma GCC unroll 24
    for (int i = 0; i < px; i++, m += q->m_tile) {
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            _mm512_storeu_ps(m + 64 * (36 * b + q->plane), acc[i][b]);
        if (half)
            _mm256_storeu_ps((float *)(m + 64 * 36 * nb + 32 * q->plane),
                             rest[i]);
    }
}

typedef void (*BlockFn)(const FgWinoProduct *q, int tile, int o);

/* A function of its own each: inlined into one another, compilers at times
 * spill the accumulators. */
#define BLOCK(type, px, nb, half)                                              \
    __attribute__((noinline)) static void type##_##px##x##nb##_##half(         \
        const FgWinoProduct *q, int tile, int o)                               \
    {                                                                          \
        block_##type(q, tile, o, px, nb, half);                                \
    }
#define BLOCKS(type)                                                           \
    BLOCK(type, 24, 0, 1)                                                      \
    BLOCK(type, 12, 1, 0)                                                      \
    BLOCK(type, 12, 1, 1)                                                      \
    BLOCK(type, 12, 2, 0)                                                      \
    BLOCK(type, 8, 2, 1)                                                       \
    BLOCK(type, 8, 3, 0)                                                       \
    BLOCK(type, 6, 3, 1)                                                       \
    BLOCK(type, 6, 4, 0)                                                       \
    BLOCK(type, 1, 0, 1)                                                       \
    BLOCK(type, 1, 1, 0)                                                       \
    BLOCK(type, 1, 1, 1)                                                       \
    BLOCK(type, 1, 2, 0)                                                       \
    BLOCK(type, 1, 2, 1)                                                       \
    BLOCK(type, 1, 3, 0)                                                       \
    BLOCK(type, 1, 3, 1)                                                       \
    BLOCK(type, 1, 4, 0)
BLOCKS(i16)
BLOCKS(f32)

typedef struct Blocks {
    BlockFn full[9], one[9]; /* by half vectors of outputs */
} Blocks;

static const int block_px[9] = {0, 24, 12, 12, 12, 8, 8, 6, 6};
#define TABLE(t)                                                               \
    {                                                                          \
        {NULL,      t##_24x0_1, t##_12x1_0, t##_12x1_1, t##_12x2_0,            \
         t##_8x2_1, t##_8x3_0,  t##_6x3_1,  t##_6x4_0},                        \
        {                                                                      \
            NULL, t##_1x0_1, t##_1x1_0, t##_1x1_1, t##_1x2_0, t##_1x2_1,       \
                t##_1x3_0, t##_1x3_1, t##_1x4_0                                \
        }                                                                      \
    }
static const Blocks i16_blocks = TABLE(i16), f32_blocks = TABLE(f32);

/* What is left over of the tiles is done by a block that overlaps the one
 * before (the same bits again). */
static void cover(const FgWinoProduct *q, const Blocks *b)
{
    for (int o = 0; o < q->ocp;) {
        const int left = (q->ocp - o) / 8;
        const int nb = left < 9 ? left : left < 11 ? 6 : 8;
        const int px = block_px[nb];

        if (q->n < px)
            for (int i = 0; i < q->n; i++)
                b->one[nb](q, i, o);
        for (int i = 0; q->n >= px && i < q->n; i += px)
            b->full[nb](q, i + px <= q->n ? i : q->n - px, o);
        o += 8 * nb;
    }
}

static void product_i16(const FgWinoProduct *q)
{
    cover(q, &i16_blocks);
}

static void product_f32(const FgWinoProduct *q)
{
    cover(q, &f32_blocks);
}

#include "kernels/x86/wino_512_strip_template.c"
