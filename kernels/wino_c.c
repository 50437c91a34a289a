/* Winograd's inner loops in C: the definition of right.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdint.h>

#define LANES 1
typedef float V;
typedef uint32_t U;
#define uzero 0

static inline V vload(const float *p)
{
    return *p;
}
static inline V vload_n(const float *p, int n)
{
    return n > 0 ? *p : 0;
}
static inline void vstore(float *p, V v)
{
    *p = v;
}
static inline void vstore_n(float *p, V v, int n)
{
    if (n > 0)
        *p = v;
}
static inline V vset(float x)
{
    return x;
}
static inline V vadd(V a, V b)
{
    return a + b;
}
static inline V vsub(V a, V b)
{
    return a - b;
}
static inline V vmul(V a, V b)
{
    return a * b;
}
static inline V vfma(V a, V b, V c)
{
    return fmaf(a, b, c);
}
static inline V vfnma(V a, V b, V c)
{
    return fmaf(-a, b, c);
}
static inline V vmax0(V v)
{
    return 0 > v ? 0 : v;
}
static inline V vslope(V v, V s)
{
    return v < 0 ? v * s : v;
}
static inline U umax(U a, U b)
{
    return a > b ? a : b;
}
static inline U vabsmax(U u, V v)
{
    union {
        float f;
        uint32_t u;
    } x = {v};
    return umax(u, x.u & 0x7fffffff);
}
static inline uint32_t ureduce(U u)
{
    return u;
}
static inline V vint(const int32_t *p)
{
    return (float)*p;
}
static inline void vput16(int16_t *p, V v)
{
    union {
        float f;
        uint32_t u;
    } x = {v};
    *p = (int16_t)(uint16_t)x.u;
}
static inline void vput16x2(int16_t *p, V v, V w)
{
    vput16(p, v);
    vput16(p + 1, w);
}

#include "wino_template.c"

static void product_i16(const char *v, size_t v_tile, const void *u, char *m,
                        size_t m_tile, int ic, int ocp, int n)
{
    const int pairs = (ic + 1) / 2;

    for (int t = 0; t < n; t++, v += v_tile, m += m_tile) {
        const int16_t *const x = (const int16_t *)v;
        int32_t *const sum = (int32_t *)m;

        memset(sum, 0, sizeof(*sum) * (size_t)ocp);
        for (int k = 0; k < pairs; k++) {
            const int16_t *const w = (const int16_t *)u +
                                     (size_t)k * (size_t)ocp * 2;

            for (int o = 0; o < ocp; o++)
                sum[o] += x[2 * k] * w[2 * o] + x[2 * k + 1] * w[2 * o + 1];
        }
    }
}

static void product_f32(const char *v, size_t v_tile, const void *u, char *m,
                        size_t m_tile, int ic, int ocp, int n)
{
    for (int t = 0; t < n; t++, v += v_tile, m += m_tile) {
        const float *const x = (const float *)v;
        float *const sum = (float *)m;

        memset(sum, 0, sizeof(*sum) * (size_t)ocp);
        for (int k = 0; k < ic; k++)
            for (int o = 0; o < ocp; o++)
                sum[o] = fmaf(
                    x[k],
                    ((const float *)u)[(size_t)k * (size_t)ocp + (size_t)o],
                    sum[o]);
    }
}

void fg_wino_ops_c(FgWinoOps *o)
{
    *o = (FgWinoOps){
        {in_i16, in_f32}, {product_i16, product_f32}, {out_i16, out_f32}};
}
