/* Winograd's inner loops in C: the definition of right.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wino_common.h"

#define FN(name) name##_w
#define LANES 1
#define V float
#define U uint32_t
#define H uint16_t
#define uzero 0
#define hzero 0

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

static inline H hmax(H a, H b)
{
    return a > b ? a : b;
}
static inline H habs(H h)
{
    return h & 0x7fff;
}
static inline uint16_t hreduce(H h)
{
    return h;
}
static inline H hload(const uint16_t *p)
{
    return *p;
}
static inline H hload_n(const uint16_t *p, int n)
{
    return n > 0 ? *p : 0;
}
static inline void hstore(uint16_t *p, H h)
{
    *p = h;
}
static inline void hstore_n(uint16_t *p, H h, int n)
{
    if (n > 0)
        *p = h;
}
static inline V vhalf(H h)
{
    return fg_half_to_float(h);
}
static inline H halfv(V v)
{
    return fg_half_from_float(v);
}

#include "wino_lanes_template.c"

#define LANES_W 1
#define NARROW 0
#include "wino_template.c"

static void product_i16(const FgWinoProduct *q)
{
    const int pairs = (q->ic + 1) / 2;

    for (int t = 0; t < q->n; t++) {
        const int16_t *const x = (const int16_t *)(q->v +
                                                   (size_t)t * q->v_tile);
        int32_t *const m = (int32_t *)(q->m + (size_t)t * q->m_tile) + q->plane;

        for (int o = 0; o < q->ocp; o++) {
            const int16_t *w = (const int16_t *)q->u + 2 * o;
            int32_t sum = 0;

            for (int k = 0; k < pairs; k++, w += 2 * q->ocp)
                sum += x[2 * k] * w[0] + x[2 * k + 1] * w[1];
            m[36 * o] = sum;
        }
    }
}

static void product_f32(const FgWinoProduct *q)
{
    for (int t = 0; t < q->n; t++) {
        const float *const x = (const float *)(q->v + (size_t)t * q->v_tile);
        float *const m = (float *)(q->m + (size_t)t * q->m_tile) + q->plane;

        for (int o = 0; o < q->ocp; o++) {
            const float *w = (const float *)q->u + o;
            float sum = 0;

            for (int k = 0; k < q->ic; k++, w += q->ocp)
                sum = fmaf(x[k], *w, sum);
            m[36 * o] = sum;
        }
    }
}

void fg_wino_ops_c(FgWinoOps *o)
{
    *o = (FgWinoOps){
        {in_i16, in_f32}, {product_i16, product_f32}, {out_i16, out_f32}, NULL};
}
