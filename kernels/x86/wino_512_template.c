/* Winograd's loops on vectors of 16 floats; the includer defines dot(acc, w,
 * a): acc + pairs of 16-bit products.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 16
typedef __m512 V;
typedef __m512i U;
#define uzero _mm512_setzero_si512()
#define vload(p) _mm512_loadu_ps(p)
#define vload_n(p, n) _mm512_maskz_loadu_ps((__mmask16)((1u << (n)) - 1), p)
#define vstore(p, v) _mm512_storeu_ps(p, v)
#define vstore_n(p, v, n)                                                      \
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1), v)
#define vset(x) _mm512_set1_ps(x)
#define vadd(a, b) _mm512_add_ps(a, b)
#define vsub(a, b) _mm512_sub_ps(a, b)
#define vmul(a, b) _mm512_mul_ps(a, b)
#define vfma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vfnma(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define vmax0(v) _mm512_max_ps(_mm512_setzero_ps(), v)
#define umax(a, b) _mm512_max_epu32(a, b)
#define vabsmax(u, v)                                                          \
    umax(u, _mm512_and_si512(_mm512_castps_si512(v),                           \
                             _mm512_set1_epi32(0x7fffffff)))
#define ureduce(u) _mm512_reduce_max_epu32(u)
#define vint(p) _mm512_cvtepi32_ps(_mm512_loadu_si512(p))
#define vput16(p, v)                                                           \
    _mm256_storeu_si256((__m256i *)(p),                                        \
                        _mm512_cvtepi32_epi16(_mm512_castps_si512(v)))

static inline __attribute__((always_inline)) V vslope(V v, V s)
{
    return _mm512_mask_mul_ps(
        v, _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ), v, s);
}

static inline __attribute__((always_inline)) void vput16x2(int16_t *p, V v, V w)
{
    const __m512i even = _mm512_set_epi16(
        62, 60, 58, 56, 54, 52, 50, 48, 46, 44, 42, 40, 38, 36, 34, 32, 30, 28,
        26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);

    _mm512_storeu_si512(p,
                        _mm512_permutex2var_epi16(_mm512_castps_si512(v), even,
                                                  _mm512_castps_si512(w)));
}

#include "kernels/wino_template.c"

INL __m512i broadcast(const char *p)
{
    int x;

    memcpy(&x, p, sizeof(x));
    return _mm512_set1_epi32(x);
}

/* px tiles times nb vectors of outputs. A function of its own: inlined into
 * one another, compilers at times spill the accumulators. */
INL void block_i16(const char *v, size_t v_tile, const char *u, char *m,
                   size_t m_tile, int pairs, int ocp, const int px,
                   const int nb)
{
    __m512i acc[12][4];

#pragma GCC unroll 12
    for (int i = 0; i < px; i++)
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            acc[i][b] = _mm512_setzero_si512();
#pragma GCC unroll 1
    for (int k = 0; k < pairs; k++) {
        __m512i w[4];

#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            w[b] = _mm512_load_si512(u + 64 * b);
#pragma GCC unroll 12
        for (int i = 0; i < px; i++) {
            const __m512i a = broadcast(v + (size_t)i * v_tile);
#pragma GCC unroll 4
            for (int b = 0; b < nb; b++)
                acc[i][b] = dot(acc[i][b], w[b], a);
        }
        v += 4;
        u += 4 * ocp;
    }
#pragma GCC unroll 12
    for (int i = 0; i < px; i++)
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            _mm512_storeu_si512(m + (size_t)i * m_tile + 64 * b, acc[i][b]);
}

INL void block_f32(const char *v, size_t v_tile, const char *u, char *m,
                   size_t m_tile, int ic, int ocp, const int px, const int nb)
{
    __m512 acc[12][4];

#pragma GCC unroll 12
    for (int i = 0; i < px; i++)
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            acc[i][b] = _mm512_setzero_ps();
#pragma GCC unroll 1
    for (int k = 0; k < ic; k++) {
        __m512 w[4];

#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            w[b] = _mm512_load_ps((const float *)u + 16 * b);
#pragma GCC unroll 12
        for (int i = 0; i < px; i++) {
            const __m512 a = _mm512_castsi512_ps(
                broadcast(v + (size_t)i * v_tile));
#pragma GCC unroll 4
            for (int b = 0; b < nb; b++)
                acc[i][b] = _mm512_fmadd_ps(a, w[b], acc[i][b]);
        }
        v += 4;
        u += 4 * ocp;
    }
#pragma GCC unroll 12
    for (int i = 0; i < px; i++)
#pragma GCC unroll 4
        for (int b = 0; b < nb; b++)
            _mm512_storeu_ps((float *)(m + (size_t)i * m_tile) + 16 * b,
                             acc[i][b]);
}

typedef void (*BlockFn)(const char *v, size_t v_tile, const char *u, char *m,
                        size_t m_tile, int k, int ocp);

#define BLOCK(type, px, nb)                                                    \
    __attribute__((noinline)) static void type##_##px##x##nb(                  \
        const char *v, size_t v_tile, const char *u, char *m, size_t m_tile,   \
        int k, int ocp)                                                        \
    {                                                                          \
        block_##type(v, v_tile, u, m, m_tile, k, ocp, px, nb);                 \
    }
#define BLOCKS(type)                                                           \
    BLOCK(type, 12, 1)                                                         \
    BLOCK(type, 12, 2)                                                         \
    BLOCK(type, 8, 3)                                                          \
    BLOCK(type, 6, 4)                                                          \
    BLOCK(type, 1, 1)                                                          \
    BLOCK(type, 1, 2)                                                          \
    BLOCK(type, 1, 3)                                                          \
    BLOCK(type, 1, 4)
BLOCKS(i16)
BLOCKS(f32)

static const int block_px[5] = {0, 12, 12, 8, 6};

/* What is left over of the tiles is done by a block that overlaps the one
 * before (the same bits again). */
static void cover(const BlockFn full[5], const BlockFn one[5], const char *v,
                  size_t v_tile, const char *u, char *m, size_t m_tile, int k,
                  int ocp, int n)
{
    for (int o = 0; o < ocp;) {
        const int left = (ocp - o) / 16;
        const int nb = left >= 4 && left != 5 ? 4 : left > 3 ? 3 : left;
        const int px = block_px[nb];

        if (n < px)
            for (int i = 0; i < n; i++)
                one[nb](v + (size_t)i * v_tile, v_tile, u + 4 * o,
                        m + (size_t)i * m_tile + 4 * o, m_tile, k, ocp);
        for (int i = 0; n >= px && i < n; i += px) {
            const int at = i + px <= n ? i : n - px;

            full[nb](v + (size_t)at * v_tile, v_tile, u + 4 * o,
                     m + (size_t)at * m_tile + 4 * o, m_tile, k, ocp);
        }
        o += 16 * nb;
    }
}

static void product_i16(const char *v, size_t v_tile, const void *u, char *m,
                        size_t m_tile, int ic, int ocp, int n)
{
    static const BlockFn full[5] = {NULL, i16_12x1, i16_12x2, i16_8x3, i16_6x4};
    static const BlockFn one[5] = {NULL, i16_1x1, i16_1x2, i16_1x3, i16_1x4};

    cover(full, one, v, v_tile, u, m, m_tile, (ic + 1) / 2, ocp, n);
}

static void product_f32(const char *v, size_t v_tile, const void *u, char *m,
                        size_t m_tile, int ic, int ocp, int n)
{
    static const BlockFn full[5] = {NULL, f32_12x1, f32_12x2, f32_8x3, f32_6x4};
    static const BlockFn one[5] = {NULL, f32_1x1, f32_1x2, f32_1x3, f32_1x4};

    cover(full, one, v, v_tile, u, m, m_tile, ic, ocp, n);
}
