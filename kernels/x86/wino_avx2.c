/* Winograd's inner loops, AVX2 and FMA.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 8
typedef __m256 V;
typedef __m256i U;
#define uzero _mm256_setzero_si256()

/* The first n of 8 lanes. */
static inline __attribute__((always_inline)) __m256i first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

#define vload(p) _mm256_loadu_ps(p)
#define vload_n(p, n) _mm256_maskload_ps(p, first(n))
#define vstore(p, v) _mm256_storeu_ps(p, v)
#define vstore_n(p, v, n) _mm256_maskstore_ps(p, first(n), v)
#define vset(x) _mm256_set1_ps(x)
#define vadd(a, b) _mm256_add_ps(a, b)
#define vsub(a, b) _mm256_sub_ps(a, b)
#define vmul(a, b) _mm256_mul_ps(a, b)
#define vfma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vfnma(a, b, c) _mm256_fnmadd_ps(a, b, c)
#define vmax0(v) _mm256_max_ps(_mm256_setzero_ps(), v)
#define umax(a, b) _mm256_max_epu32(a, b)
#define vabsmax(u, v)                                                          \
    umax(u, _mm256_and_si256(_mm256_castps_si256(v),                           \
                             _mm256_set1_epi32(0x7fffffff)))
#define vint(p) _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(p)))

static inline __attribute__((always_inline)) V vslope(V v, V s)
{
    const V below = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_LT_OQ);

    return _mm256_blendv_ps(v, _mm256_mul_ps(v, s), below);
}

static inline __attribute__((always_inline)) uint32_t ureduce(U u)
{
    __m128i x = _mm_max_epu32(_mm256_castsi256_si128(u),
                              _mm256_extracti128_si256(u, 1));

    x = _mm_max_epu32(x, _mm_shuffle_epi32(x, 0x4e));
    x = _mm_max_epu32(x, _mm_shuffle_epi32(x, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(x);
}

static inline __attribute__((always_inline)) void vput16(int16_t *p, V v)
{
    const __m256i x = _mm256_and_si256(_mm256_castps_si256(v),
                                       _mm256_set1_epi32(0xffff));

    _mm_storeu_si128((__m128i *)p,
                     _mm_packus_epi32(_mm256_castsi256_si128(x),
                                      _mm256_extracti128_si256(x, 1)));
}

static inline __attribute__((always_inline)) void vput16x2(int16_t *p, V v, V w)
{
    const __m256i low = _mm256_set1_epi32(0xffff);
    const __m256i x = _mm256_packus_epi32(
        _mm256_and_si256(_mm256_castps_si256(v), low),
        _mm256_and_si256(_mm256_castps_si256(w), low));

    _mm256_storeu_si256((__m256i *)p, _mm256_permute4x64_epi64(x, 0xd8));
}

#include "kernels/wino_template.c"

INL __m256i broadcast(const char *p)
{
    int x;

    memcpy(&x, p, sizeof(x));
    return _mm256_set1_epi32(x);
}

/* px tiles times 16 outputs. */
INL void block_i16(const char *v, size_t v_tile, const char *u, char *m,
                   size_t m_tile, int pairs, int ocp, const int px)
{
    __m256i acc[6][2];

#pragma GCC unroll 6
    for (int i = 0; i < px; i++)
        acc[i][0] = acc[i][1] = _mm256_setzero_si256();
#pragma GCC unroll 1
    for (int k = 0; k < pairs; k++) {
        const __m256i w0 = _mm256_load_si256((const __m256i *)u);
        const __m256i w1 = _mm256_load_si256((const __m256i *)(u + 32));
#pragma GCC unroll 6
        for (int i = 0; i < px; i++) {
            const __m256i a = broadcast(v + (size_t)i * v_tile);

            acc[i][0] = _mm256_add_epi32(acc[i][0], _mm256_madd_epi16(w0, a));
            acc[i][1] = _mm256_add_epi32(acc[i][1], _mm256_madd_epi16(w1, a));
        }
        v += 4;
        u += 4 * ocp;
    }
#pragma GCC unroll 6
    for (int i = 0; i < px; i++) {
        __m256i *const to = (__m256i *)(m + (size_t)i * m_tile);

        _mm256_storeu_si256(to, acc[i][0]);
        _mm256_storeu_si256(to + 1, acc[i][1]);
    }
}

INL void block_f32(const char *v, size_t v_tile, const char *u, char *m,
                   size_t m_tile, int ic, int ocp, const int px)
{
    __m256 acc[6][2];

#pragma GCC unroll 6
    for (int i = 0; i < px; i++)
        acc[i][0] = acc[i][1] = _mm256_setzero_ps();
#pragma GCC unroll 1
    for (int k = 0; k < ic; k++) {
        const __m256 w0 = _mm256_load_ps((const float *)u);
        const __m256 w1 = _mm256_load_ps((const float *)u + 8);
#pragma GCC unroll 6
        for (int i = 0; i < px; i++) {
            const __m256 a = _mm256_castsi256_ps(
                broadcast(v + (size_t)i * v_tile));

            acc[i][0] = _mm256_fmadd_ps(a, w0, acc[i][0]);
            acc[i][1] = _mm256_fmadd_ps(a, w1, acc[i][1]);
        }
        v += 4;
        u += 4 * ocp;
    }
#pragma GCC unroll 6
    for (int i = 0; i < px; i++) {
        float *const to = (float *)(m + (size_t)i * m_tile);

        _mm256_storeu_ps(to, acc[i][0]);
        _mm256_storeu_ps(to + 8, acc[i][1]);
    }
}

typedef void (*BlockFn)(const char *v, size_t v_tile, const char *u, char *m,
                        size_t m_tile, int k, int ocp);

#define BLOCK(type, px)                                                        \
    __attribute__((noinline)) static void type##_##px(                         \
        const char *v, size_t v_tile, const char *u, char *m, size_t m_tile,   \
        int k, int ocp)                                                        \
    {                                                                          \
        block_##type(v, v_tile, u, m, m_tile, k, ocp, px);                     \
    }
BLOCK(i16, 6)
BLOCK(i16, 1)
BLOCK(f32, 6)
BLOCK(f32, 1)

static void cover(BlockFn six, BlockFn one, const char *v, size_t v_tile,
                  const char *u, char *m, size_t m_tile, int k, int ocp, int n)
{
    for (int o = 0; o < ocp; o += 16) {
        int i = 0;

        for (; i + 6 <= n; i += 6)
            six(v + (size_t)i * v_tile, v_tile, u + 4 * o,
                m + (size_t)i * m_tile + 4 * o, m_tile, k, ocp);
        for (; i < n; i++)
            one(v + (size_t)i * v_tile, v_tile, u + 4 * o,
                m + (size_t)i * m_tile + 4 * o, m_tile, k, ocp);
    }
}

static void product_i16(const char *v, size_t v_tile, const void *u, char *m,
                        size_t m_tile, int ic, int ocp, int n)
{
    cover(i16_6, i16_1, v, v_tile, u, m, m_tile, (ic + 1) / 2, ocp, n);
}

static void product_f32(const char *v, size_t v_tile, const void *u, char *m,
                        size_t m_tile, int ic, int ocp, int n)
{
    cover(f32_6, f32_1, v, v_tile, u, m, m_tile, ic, ocp, n);
}

void fg_wino_ops_avx2(FgWinoOps *o)
{
    *o = (FgWinoOps){
        {in_i16, in_f32}, {product_i16, product_f32}, {out_i16, out_f32}};
}
